"""From a person's wish to a stored submission: whom to ask, what is offered, and all checks in their order.

A visitor names a model and at most the operator's name of an endpoint, never an address. What an endpoint says it
offers is a courtesy to the person who submits: where it cannot be had, nothing is refused because of it. A model that
an endpoint takes from the Hub is checked there (`eval_queue.queue.model_check`): where the Hub cannot be asked,
nothing is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import orjson
from cachetools import cached

from eval_queue.asking import local_model
from eval_queue.asking.diagnosis import EndpointError
from eval_queue.personas import Persona
from eval_queue.protocol import subsample
from eval_queue.queue.model_check import ModelFacts, canonical_name, check_model
from eval_queue.queue.queue import Queue
from eval_queue.records import BenchmarkRef
from eval_queue.settings import UPLOAD_BYTES, Endpoint, Settings
from eval_queue.submission import (
    Refused,
    Submission,
    check_name,
    check_offered,
    choose_endpoint,
    new_submission,
    typed_name,
)

if TYPE_CHECKING:
    from data.benchmark import Benchmark

_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Rules:
    """What the operator allows beyond the endpoints. The defaults allow everything."""

    per_week: int | None = None
    """How many evaluations one person may ask for within a week, and how many rows hand in; None for any number."""
    approval: bool = False
    """Whether submissions wait for an administrator."""
    administrators: frozenset[str] = frozenset()
    """Who need not wait for one, and may act for others."""
    max_billions: float | None = None
    """The largest model of the Hub, in billions of parameters; None for any."""
    upload_bytes: int = UPLOAD_BYTES
    """The largest file of one's own answers."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What the settings say."""
        return cls(
            per_week=settings.submissions_per_week,
            approval=settings.approval,
            administrators=frozenset(settings.administrators),
            max_billions=settings.max_billion_parameters,
            upload_bytes=round(settings.upload_megabytes * 1_000_000),
        )

    def needs_approval(self, submitter: str) -> bool:
        """Whether what this person submits waits for an administrator."""
        return self.approval and submitter not in self.administrators


ANY: Final = Rules()
"""Everything is allowed."""


def configured_endpoints(settings: Settings) -> list[Endpoint]:
    """The operator's endpoints in their order, then the small model on this machine where it can be run."""
    local = settings.local_model and local_model.available()
    return [*settings.endpoints, *([local_model.LOCAL_ENDPOINT] if local else [])]


def offered_models(endpoint: Endpoint) -> list[str] | None:
    """The names that an endpoint lists under `/models`; None where it has no list, or none that comes in time."""
    if endpoint.base_url is None:
        return list(endpoint.models)
    from eval_queue.asking import transport

    try:
        try:
            key = transport.key_of(endpoint.api_key_env)
        except EndpointError:
            key = ""  # a list may be had without one
        response = asyncio.run(transport.get_once(str(endpoint.base_url), key, "/models", timeout=_SECONDS))
        body = orjson.loads(response.content) if response.status == 200 else None
    except (*transport.NO_REPLY, EndpointError, ValueError):
        return None
    entries = body.get("data") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        return None
    names = [entry.get("id") for entry in entries if isinstance(entry, dict)]
    return [name for name in names if isinstance(name, str)]


def submit(
    queue: Queue,
    model: str,
    *,
    endpoints: Sequence[Endpoint],
    benchmark: BenchmarkRef,
    submitter: str,
    quota: int | None,
    endpoint: str | None = None,
    revision: str | None = None,
    rules: Rules = ANY,
) -> Submission:
    """Check a wish and store it as a submission that waits.

    Args:
        queue: where to.
        model: the name as it was typed.
        endpoints: who may be asked here, from `configured_endpoints`.
        benchmark: with which questions.
        submitter: who asks, as the server knows it.
        quota: how many submissions one person may have waiting or running; None for any number.
        endpoint: the name of the endpoint to ask; None for the first that serves the model.
        revision: branch, tag or commit of a model of the Hub; None for the newest.
        rules: what else the operator allows.

    Raises:
        Refused: the submission is not accepted; nothing is stored.
    """
    wish = _checked(model, endpoints, endpoint, revision, rules)
    submission = _submission(wish, queue, benchmark, submitter, rules)
    return queue.submit(submission, quota=quota, per_week=rules.per_week)


class Accepted(NamedTuple):
    """What became of a set of submissions."""

    waiting: tuple[Submission, ...]
    """Those that were stored now."""
    before: tuple[Submission, ...]
    """Those that were asked before, as they stand."""


def submit_set(
    queue: Queue,
    model: str,
    personas: Sequence[Persona],
    *,
    endpoints: Sequence[Endpoint],
    benchmark: Benchmark,
    submitter: str,
    quota: int | None,
    queries: int | None = None,
    endpoint: str | None = None,
    revision: str | None = None,
    rules: Rules = ANY,
) -> Accepted:
    """Check a wish for a model under personas, and store one submission a persona and one without any: all or none.

    What was asked before is not asked again. The run without a persona is left out where one over the same queries, or
    over all, waits, runs or is done. As `submit`, but for `personas`, whom the model is asked to be, each once, none
    for a subsample without a persona; and `queries`, how many of them are asked (`eval_queue.protocol.subsample`), None
    for all.

    Raises:
        Refused: it is not accepted, all of it was asked before, or it is too much for a quota; nothing is stored.
        InputError: the benchmark has not so many queries.
    """
    wish = _checked(model, endpoints, endpoint, revision, rules)
    asked = _asked(wish, queue, benchmark, submitter, rules, personas, queries)
    return _stored(queue, asked, quota, rules)


class Refusal(NamedTuple):
    """A model of a list that is not accepted."""

    line: int
    """Its place in the list, from 1."""
    model: str
    why: Refused


AT_ONCE: Final = 200
"""How many submissions of a list are stored in one commit."""


def submit_many(
    queue: Queue,
    models: Mapping[int, str],
    personas: Sequence[Persona],
    *,
    endpoints: Sequence[Endpoint],
    benchmark: Benchmark,
    submitter: str,
    queries: int | None = None,
    endpoint: str | None = None,
    rules: Rules = ANY,
) -> tuple[Accepted, tuple[Refusal, ...]]:
    """Check a list of models, as `submit_set` checks one, and store what is accepted.

    There is a commit for every few hundred, and no quota binds. `models` has the names by line of the list.

    Returns:
        What became of the accepted ones, and the others with the reason. A model that was asked before is accepted.

    Raises:
        InputError: the benchmark has not so many queries.
    """
    listed = cached({}, key=lambda endpoint: endpoint.name)(offered_models)
    asked: dict[str, Submission] = {}
    refused: list[Refusal] = []
    for line, model in models.items():
        try:
            wish = _checked(model, endpoints, endpoint, None, rules, listed)
        except Refused as why:
            refused.append(Refusal(line, model, why))
            continue
        asked |= {s.id: s for s in _asked(wish, queue, benchmark, submitter, rules, personas, queries)}
    waiting: list[Submission] = []
    before: list[Submission] = []
    every = list(asked.values())
    for begin in range(0, len(every), AT_ONCE):
        some = every[begin : begin + AT_ONCE]
        try:
            accepted = _stored(queue, some, None, rules)
        except Refused as why:
            if why.code != "duplicate":
                raise
            accepted = Accepted((), tuple(queue.get(s.id) for s in some))
        waiting += accepted.waiting
        before += accepted.before
    return Accepted(tuple(waiting), tuple(before)), tuple(refused)


def _asked(
    wish: _Wish,
    queue: Queue,
    benchmark: Benchmark,
    submitter: str,
    rules: Rules,
    personas: Sequence[Persona],
    queries: int | None,
) -> list[Submission]:
    """One submission a persona and one without any, unless that one was asked before."""
    some = None if len(subsample(benchmark, queries).queries) == len(benchmark.queries) else queries
    ref = BenchmarkRef.of(benchmark)
    asked = [_submission(wish, queue, ref, submitter, rules, who, some) for who in (None, *personas)]
    if personas:
        known = {s.id for s in queue.submissions() if s.state not in ("failed", "cancelled")}
        whole = _submission(wish, queue, ref, submitter, rules)
        if not known.isdisjoint({asked[0].id, whole.id}):
            del asked[0]
    return asked


def _stored(queue: Queue, asked: Sequence[Submission], quota: int | None, rules: Rules) -> Accepted:
    stand = queue.submit_set(asked, quota=quota, per_week=rules.per_week)
    new = {s.id for s in asked if any(s is t for t in stand)}
    return Accepted(tuple(s for s in stand if s.id in new), tuple(s for s in stand if s.id not in new))


class _Wish(NamedTuple):
    """A model that may be asked, and by whom."""

    model: str
    endpoint: Endpoint
    facts: ModelFacts | None
    """What the Hub says of it; None where the endpoint takes none from there."""


def _checked(
    model: str,
    endpoints: Sequence[Endpoint],
    endpoint: str | None,
    revision: str | None,
    rules: Rules,
    listed: Callable[[Endpoint], list[str] | None] | None = None,
) -> _Wish:
    name = check_name(typed_name(model))
    chosen = choose_endpoint(name, endpoints, endpoint or None)
    offered = (listed or offered_models)(chosen)
    if not chosen.hub_models:
        check_offered(name, chosen, offered)
        if (revision or "").strip():
            message = f"{chosen.name} has its own versions of models, so no revision can be chosen."
            raise Refused("bad_revision", f"{message} Leave the field empty.")
        return _Wish(name, chosen, None)
    on_hub, _, behind = name.partition(":")
    known = set(offered or ())
    if known and not {name, on_hub} & known:
        # the endpoint may know it by the Hub's own name only
        on_hub = canonical_name(on_hub)
        name = f"{on_hub}:{behind}" if behind else on_hub
        check_offered(name, chosen, offered)
    facts = check_model(
        on_hub,
        revision=revision,
        listed=bool({name, on_hub} & known),
        providers=chosen.hub_providers,
        provider=behind or None,
        max_billions=rules.max_billions,
    )
    # an endpoint that lists the name as it was typed, and no other, is asked for that
    own = facts.name if not known or facts.name in known or on_hub not in known else on_hub
    suffix = facts.provider or behind
    return _Wish(f"{own}:{suffix}" if suffix else own, chosen, facts)


def _submission(
    wish: _Wish,
    queue: Queue,
    benchmark: BenchmarkRef,
    submitter: str,
    rules: Rules,
    persona: Persona | None = None,
    queries: int | None = None,
) -> Submission:
    return new_submission(
        wish.model,
        endpoint=wish.endpoint,
        benchmark=benchmark,
        submitter=submitter,
        at=queue.clock(),
        persona=persona,
        queries=queries,
        approval=rules.needs_approval(submitter),
        **{} if wish.facts is None else wish.facts.recorded,
    )
