"""Tries one model at one endpoint before a whole run does: three prompts, and in plain words what they showed.

Guarantees: a few small requests within a known time, nothing is stored, and no finding holds a key or an address but
the one that an endpoint redirects to, which its operator has to know.
"""

from __future__ import annotations

import asyncio
import re
import statistics
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from data.errors import InputError
from eval_queue.workers.doctor import Finding

if TYPE_CHECKING:
    from data.benchmark import Benchmark
    from eval_queue.asking.endpoint import EndpointError, Reply
    from eval_queue.protocol import Prompt
    from eval_queue.records import Served
    from eval_queue.settings import Endpoint

PROMPTS: Final = 3
SECONDS: Final = 180.0
"""How long one prompt may take, waiting for a model that loads included."""
FULL_RUN: Final = 3120
"""Prompts of a whole run, where the benchmark in use cannot be loaded."""

_NEVER_REACHED: Final = frozenset({"endpoint_gone", "timeout", "redirected", "no_chat_interface"})
_MEND: Final = {
    "endpoint_gone": "Check base_url, and that the endpoint is up.",
    "timeout": "Check that the endpoint is up, or raise its timeout.",
    "redirected": "Give the address that it redirects to as base_url.",
    "no_chat_interface": "Give the address up to and with /v1 as base_url.",
    "auth": "Check the key in the variable that api_key_env names, and what it may be used for.",
    "no_credit": "The account behind the key has nothing left.",
    "unknown_model": "Check the model's name: it is the endpoint's own spelling of it.",
    "unsupported": "Change the endpoint's settings, or ask this model in another way.",
    "rejected": "Read what the endpoint says; it would refuse other prompts, too.",
    "rate_limited": "Wait, or lower the endpoint's concurrency.",
    "bad_response": "Check that base_url is the address of a chat interface, up to and with /v1.",
    "server_error": "The endpoint has a problem of its own: see its log.",
}
_THOUGHTS: Final = re.compile(r"</?think|<\|?channel|\[/?THINK|<\|START_THINKING|</?reason|</?thought", re.IGNORECASE)


class _Tried(NamedTuple):
    """What came of the prompts."""

    replies: list[Reply]
    error: EndpointError | None
    parameters: dict[str, object]
    served: Served | None


def examine_endpoint(endpoint: Endpoint, model: str, *, source: str | None = None) -> list[Finding]:
    """What three prompts to a model find.

    Args:
        endpoint: whom to ask.
        model: the name to ask for.
        source: where the benchmark comes from, as for `load_benchmark`; practice where it cannot be loaded.
    """
    from eval_queue.asking.diagnosis import EndpointError
    from eval_queue.asking.local_model import endpoint_address
    from eval_queue.protocol import plan

    benchmark, prompts_in_all = _benchmark(source)
    prompts = plan(benchmark)[:: max(1, benchmark.n_prompts // PROMPTS)][:PROMPTS]
    try:
        with endpoint_address(endpoint) as address:
            tried = asyncio.run(_ask(endpoint, address, model, prompts))
    except EndpointError as error:
        tried = _Tried([], error, {}, None)
    return list(_findings(endpoint, model, tried, prompts_in_all))


async def _ask(endpoint: Endpoint, address: str, model: str, prompts: Sequence[Prompt]) -> _Tried:
    from eval_queue.asking.endpoint import ChatClient, EndpointError, RetryPolicy
    from eval_queue.asking.serving import served

    replies: list[Reply] = []
    failed: EndpointError | None = None
    async with ChatClient(endpoint, address, model, retry=RetryPolicy(attempts=2, seconds=SECONDS)) as client:
        for prompt in prompts:
            try:
                replies.append(await client.ask(prompt))
            except EndpointError as error:
                failed = error
                if error.fatal or error.code != "rejected":
                    break
        parameters = client.parameters
    return _Tried(replies, failed, parameters, await served(endpoint, address, model) if replies else None)


def _findings(endpoint: Endpoint, model: str, tried: _Tried, prompts_in_all: int) -> Iterator[Finding]:
    error = tried.error
    if error is not None and not tried.replies and error.code in _NEVER_REACHED:
        mend = error.detail or _MEND[error.code]
        yield Finding("reachable", "failed", error.message, mend)
        return
    engine = _engine(tried.served)
    yield Finding("reachable", "ok", f"it answers{engine}")
    if error is not None and error.code in ("auth", "no_credit"):
        yield Finding("authenticated", "failed", error.message, _MEND[error.code])
        return
    yield Finding("authenticated", "ok", "with its key" if endpoint.api_key_env else "it asks for no key")
    yield _listed(endpoint, model, error)
    if error is not None:
        mend = _MEND.get(error.code, "Read what the endpoint says.")
        yield Finding("prompts", "failed", f"{len(tried.replies)} of {PROMPTS} answered; {error.message}", mend)
    if not tried.replies:
        return
    yield _parameters(endpoint, tried.parameters)
    yield _answers(tried.replies)
    yield _reasoning(tried.replies)
    yield _speed(endpoint, tried.replies, prompts_in_all)
    yield _cost(endpoint, tried.replies, prompts_in_all)


def _engine(served: Served | None) -> str:
    if served is None:
        return ""
    words = [served.engine, served.version, served.quantisation]
    words += [f"context of {served.context_length:,} tokens"] if served.context_length else []
    said = " ".join(word for word in words if word)
    return f"; it says of itself: {said}" if said else "; it does not say what runs it"


def _listed(endpoint: Endpoint, model: str, error: EndpointError | None) -> Finding:
    from eval_queue.queue.intake import offered_models
    from eval_queue.submission import Refused, check_offered

    if error is not None and error.code == "unknown_model":
        return Finding("model", "failed", error.message, _MEND["unknown_model"])
    offered = offered_models(endpoint)
    if offered is None:
        return Finding("model", "skipped", "the endpoint has no list of its models")
    if model in offered:
        return Finding("model", "ok", f"listed, among {len(offered)}" if len(offered) > 1 else "listed, the only one")
    try:
        check_offered(model, endpoint, offered)
    except Refused as refusal:
        mend = "Some engines answer under any name: make sure that it is this model that answers."
        return Finding("model", "failed", str(refusal), mend)
    return Finding("model", "ok", f"listed without the provider, among {len(offered)}")


def _parameters(endpoint: Endpoint, sent: dict[str, object]) -> Finding:
    from eval_queue.asking.endpoint import wanted_parameters

    wanted = wanted_parameters(endpoint)
    changed = [
        "max_tokens is sent as max_completion_tokens"
        if name == "max_tokens" and "max_completion_tokens" in sent
        else f"{name} is not accepted and left out"
        for name in wanted
        if name not in sent
    ]
    if not changed:
        return Finding("parameters", "ok", f"all accepted: {', '.join(wanted)}")
    rows = "; rows will say that they are not at temperature 0" if "temperature" not in sent else "; rows will say so"
    return Finding("parameters", "ok", ", ".join(changed) + rows)


def _answers(replies: Sequence[Reply]) -> Finding:
    from eval_queue.asking.replies import shortened
    from eval_queue.reading.reader import finish_kind, read_answer

    readings = [read_answer(reply.text, finish_reason=reply.finish_reason) for reply in replies]
    rated = sum(reading.rating is not None for reading in readings)
    first = next((reply.text for reply, r in zip(replies, readings, strict=True) if r.rating is None), replies[0].text)
    found = f"{rated} of {len(replies)} readable; e.g. {shortened(first)[:80]!r}"
    if rated == len(replies):
        return Finding("answers", "ok", found)
    kinds = ", ".join(sorted({r.kind for r in readings if r.kind}))
    cut = any(finish_kind(reply.finish_reason) == "truncated" for reply in replies)
    mend = "They are cut by the token limit: raise max_tokens." if cut else "Look at what it says: is it a chat model?"
    return Finding("answers", "failed", f"{found} ({kinds})", mend)


def _reasoning(replies: Sequence[Reply]) -> Finding:
    if any(reply.reasoning for reply in replies):
        return Finding("reasoning", "ok", "sent apart from the answer")
    if any(_THOUGHTS.search(reply.text) for reply in replies):
        mend = "Switch on the engine's reasoning parser, so that nothing has to be guessed."
        return Finding("reasoning", "failed", "inside the answer", mend)
    return Finding("reasoning", "ok", "none to be seen")


def _speed(endpoint: Endpoint, replies: Sequence[Reply], prompts_in_all: int) -> Finding:
    seconds = statistics.median(reply.seconds for reply in replies)
    least = prompts_in_all * seconds / endpoint.concurrency
    most = prompts_in_all * seconds
    words = (
        f"{seconds:.2g} s an answer; {prompts_in_all:,} prompts take {_time(least)} with {endpoint.concurrency} at once"
    )
    return Finding("speed", "ok", f"{words}, if that makes none of them slower (one by one {_time(most)})")


def _time(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} hours"
    minutes = max(1, round(seconds / 60))
    return f"{minutes} minutes" if minutes > 1 else "a minute"


def _cost(endpoint: Endpoint, replies: Sequence[Reply], prompts_in_all: int) -> Finding:
    counts = [(r.prompt_tokens, r.completion_tokens) for r in replies]
    known = [(read, written) for read, written in counts if read is not None and written is not None]
    if not known:
        return Finding("cost", "skipped", "the endpoint does not count tokens")
    read, written = (statistics.fmean(column) * prompts_in_all for column in zip(*known, strict=True))
    tokens = f"about {read:,.0f} tokens read and {written:,.0f} written in a full run"
    least = "" if len(known) == len(counts) else "at least "
    if endpoint.price is None:
        return Finding("cost", "ok", f"{least}{tokens}; its `price` is not set")
    amount = (read * endpoint.price.prompt + written * endpoint.price.completion) / 1e6
    return Finding("cost", "ok", f"{least}{tokens}: {amount:,.2f} {endpoint.price.currency}")


def _benchmark(source: str | None) -> tuple[Benchmark, int]:
    from data.sources.loading import load_benchmark
    from data.sources.practice import practice_benchmark

    try:
        benchmark = load_benchmark(source)
    except InputError:
        return practice_benchmark(), FULL_RUN
    return benchmark, benchmark.n_prompts
