"""One OpenAI-compatible chat endpoint: asks a prompt, waits its turn, tries again, says what was really sent.

Works with Hugging Face's router, vLLM, llama.cpp, OpenAI, OpenRouter and whatever else answers `/chat/completions`.

Why aiohttp, with a retry policy of ours: it is the quickest of the clients that are well kept. In one run of
`bench_asking` a request through `openai` over httpx2 costs seven to thirteen times as much of a processor, the more the
more are in flight (their pool looks through all connections for each request), and huggingface_hub's client, which
rewrites `response_format`, five to six times. Neither's own retries would do: they cannot share a pause between
requests, cannot be given a budget of time, and give up on a 200 whose body is not JSON.

What a refusal means is `diagnosis`, what a reply says `replies`, the way there `transport`. A prompt that a filter
refuses is an answer of a kind (a refusal), not an error.

Guarantees: no key, address or stack of the client's own exceptions leaves this module, neither in an error nor in a
log; an answer that repeats the key is not given out. Not done: streaming, several choices, tools, batch interfaces.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import unquote, urlsplit

from data.benchmark import RATING_PHRASES
from eval_queue.asking.diagnosis import (
    EndpointError,
    FailureCode,
    Refused,
    asked_to_wait,
    meaning,
    of_one_prompt,
    parameter_at_fault,
    said,
)
from eval_queue.asking.pacing import Gate, Outcome, Pacing, Ticket
from eval_queue.asking.replies import (
    CUT,
    FILTERED,
    Failure,
    Reply,
    Unreadable,
    parse,
    parsed_or_text,
    read,
    shortened,
)
from eval_queue.protocol import GRAMMAR, SEED, TEMPERATURE, Prompt
from eval_queue.reading.reader import finish_kind
from eval_queue.settings import Endpoint

if TYPE_CHECKING:
    from eval_queue.asking.transport import Response

__all__ = ["ChatClient", "EndpointError", "FailureCode", "Reply", "RetryPolicy"]

OVERLOADED: Final = frozenset({503, 529})
"""Beside 429 what an endpoint says that has too much to do."""
PASSING: Final = frozenset({408, 409, 424, 425, 499})
"""Beside 5xx what may pass; 424 is what some routers say where the server behind them failed."""

_PHRASES: Final = frozenset(RATING_PHRASES.values())
_LONGEST_HINT: Final = 4000
_SHORTEST_SECRET: Final = 8
"""Shorter keys stand for none (`EMPTY`): they are words that an answer may hold."""

_ADDRESS = re.compile(r"\b(?:https?|wss?)://\S+|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\blocalhost:\d+", re.IGNORECASE)
# providers echo keys half masked ("sk-ab***yz"), which an exact comparison with the key would miss
_KEY_LIKE = re.compile(r"\b(?:sk|hf|gsk|pk|xai|key)[-_][\w*.\-]{4,}|\bBearer\s+\S+", re.IGNORECASE)
_FILE: Final = re.compile(r"(?:/|[A-Za-z]:[\\/]|\\\\|\.{1,2}/).*[\\/]")


@dataclass(frozen=True)
class RetryPolicy:
    """How long one prompt is tried."""

    attempts: int = 6
    """Requests for one prompt. Refusals for being too fast, and by an endpoint that says when it will be there, do not
    count: only `seconds` ends those."""
    seconds: float = 900.0
    """Time for one prompt, waiting included."""
    first_wait: float = 1.0
    """Seconds before the second attempt, doubled each time; the wait is at random between half of it and all of it."""
    longest_wait: float = 60.0
    """Longest wait chosen here."""
    longest_retry_after: float = 300.0
    """Longest wait accepted from the endpoint. Beyond it the run ends as `rate_limited`, to be resumed later."""


class ChatClient:
    """Asks one model at one endpoint. An async context manager; belongs to one event loop."""

    def __init__(
        self,
        endpoint: Endpoint,
        address: str,
        model: str,
        *,
        retry: RetryPolicy | None = None,
        parameters: Mapping[str, object] | None = None,
    ) -> None:
        """Prepares the client; nothing is sent yet.

        Args:
            endpoint: answer mode, concurrency, timeout, token limit, and the key's environment variable.
            address: base URL up to and with `/v1`.
            model: name to ask for.
            retry: how long a prompt is tried.
            parameters: what an earlier part of the same run found the endpoint to accept.

        Raises:
            EndpointError: `auth`, when the environment variable of the key is not set or cannot be sent;
                `endpoint_gone`, when a proxy in the environment cannot be used.
        """
        from eval_queue.asking import transport

        key = transport.key_of(endpoint.api_key_env)
        self._session = transport.Session(address, key, timeout=endpoint.timeout, connections=endpoint.concurrency)
        self._policy = retry or RetryPolicy()
        self._timeout = endpoint.timeout
        self._address = address
        self._model = model
        self._max_tokens = endpoint.max_tokens
        self._constrained = endpoint.answer_mode == "constrained"
        self._secrets = _secrets(key, address)
        url = urlsplit(address)
        self._keys = {s for s in (key, unquote(url.password or "")) if len(s) >= _SHORTEST_SECRET}
        self.gate = Gate(Pacing(endpoint.concurrency))
        """Where requests wait for their turn."""
        self._answered = False
        self.setbacks = 0
        """Requests that failed so far."""
        self._parameters: dict[str, object] = dict(parameters or {}) or wanted_parameters(endpoint)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gate.close()
        await self._session.close()

    @property
    def parameters(self) -> dict[str, object]:
        """What is sent with each prompt beside model and messages, after everything the endpoint does not accept."""
        return dict(self._parameters)

    async def ask(self, prompt: Prompt, turn: Ticket | None = None) -> Reply:
        """The model's answer to one prompt, or the refusal of a filter before it.

        Args:
            prompt: what to ask.
            turn: the turn at the gate that the caller has waited for, so that a prompt's time begins with its request.

        Raises:
            EndpointError: no answer within the retry policy, or none to be had.
        """
        began, attempt, impatient = time.monotonic(), 0, 0
        while True:
            try:
                return await self._attempt(prompt, turn)
            except EndpointError as error:
                wait = self._wait(error, attempt)
                spent = time.monotonic() - began + wait
                self.setbacks += error.retry
                impatient += not error.patient
                if not error.retry or spent >= self._policy.seconds or impatient >= self._policy.attempts:
                    # callers and logs see this error alone: those it came from carry the request with its key
                    raise error from None
            turn, attempt = None, attempt + 1
            await asyncio.sleep(wait)

    async def _attempt(self, prompt: Prompt, turn: Ticket | None) -> Reply:
        """One try, in its turn."""
        turn = turn or await self.gate.enter(again=True)
        outcome: Outcome = "failed"
        try:
            reply = await self._try(prompt)
            outcome = "answered"
        except EndpointError as error:
            outcome = "refused" if error.busy else "failed"
            raise
        finally:
            self.gate.leave(turn, outcome)
        return reply

    async def _try(self, prompt: Prompt) -> Reply:
        """A request, repeated at once where it taught us a parameter that the endpoint does not accept."""
        while True:
            sent = self._parameters
            try:
                reply = self._kept(await self._send(prompt, sent))
            except Refused as refusal:
                if self._drop_unsupported(sent, refusal):
                    continue
                raise refusal.then from None
            except _Instead as instead:
                return self._kept(instead.reply)
            self._answered = True
            return reply

    async def _send(self, prompt: Prompt, parameters: dict[str, object]) -> Reply:
        from eval_queue.asking.transport import NO_REPLY, why_no_reply

        started = time.monotonic()
        try:
            response = await self._session.post(
                "/chat/completions", {"model": self._model, "messages": prompt.messages, **parameters}
            )
        except NO_REPLY as error:
            raise why_no_reply(error, self._address, timeout=self._timeout, answered=self._answered) from None
        if response.status >= 300:
            raise self._status_error(response, prompt, parameters)
        try:
            reply = read(parse(response.content), time.monotonic() - started)
        except Failure as failure:
            # some routers report a provider's failure inside a 200
            code = failure.code if isinstance(failure.code, int) and 400 <= failure.code < 600 else 500
            raise self._meant(code, failure.body, {}, prompt, parameters, inside=True) from None
        except Unreadable as error:
            if error.page and not self._answered:
                message = f"{error.why}: is base_url the address of a chat interface, and does it end in /v1?"
                raise EndpointError("bad_response", message, fatal=True) from None
            raise EndpointError("bad_response", error.why, retry=True) from None
        provider = reply.provider or response.headers.get("x-inference-provider")
        return reply if provider == reply.provider else replace(reply, provider=provider)

    def _kept(self, reply: Reply) -> Reply:
        """The reply as it may be kept.

        Raises:
            EndpointError: it repeats the key, or is none that the constrained mode can give.
        """
        if any(_repeats(text, key) for key in self._keys for text in reply.strings):
            message = "the endpoint repeats its own key in an answer; nothing of it was kept. Change the key."
            raise EndpointError("key_in_answer", message, fatal=True)
        if self._constrained and not may_be_constrained(reply):
            message = "the endpoint does not keep to the grammar of the constrained mode; use free text"
            raise EndpointError("unsupported", message, fatal=True)
        said = (reply.model, reply.provider, reply.finish_reason)
        model, provider, reason = map(self._name, said)
        if (model, provider, reason) == said:
            return reply
        return replace(reply, model=model, provider=provider, finish_reason=reason)

    def _name(self, name: str | None) -> str | None:
        """A name without the folders of the endpoint's machine and without addresses."""
        return None if name is None else self._hidden(_FILE.sub("", name)) or None

    def _status_error(self, response: Response, prompt: Prompt, sent: dict[str, object]) -> Exception:
        from eval_queue.asking.transport import redirected

        if response.status < 400:
            return redirected(response.status, response.headers.get("location"), self._address)
        try:
            body = parsed_or_text(response.content)
        except Unreadable as unreadable:
            body = unreadable.why
        return self._meant(response.status, body, response.headers, prompt, sent)

    def _meant(
        self,
        status: int,
        body: object,
        headers: Mapping[str, str],
        prompt: Prompt,
        sent: dict[str, object],
        *,
        inside: bool = False,
    ) -> Exception:
        """What a refusal or a failure is to be taken for."""
        refusal = said(body)
        words = refusal.text.replace(prompt.text, "")
        shown = self._clean(words)
        message = shown if inside else f"HTTP {status}: {shown}"
        hint = f"{words[:_LONGEST_HINT]} {refusal.codes}"
        about = meaning(status, hint)
        passing = status in PASSING or (status >= 500 and status != 501)
        wait = asked_to_wait(headers, body, hint) if passing or status in (404, 429) or about == "too_many" else None
        if about == "quota" and wait is None:
            about = "no_credit"
        if about != "no_credit" and (status == 429 or about == "too_many"):
            return self._told_to_wait("rate_limited", message, wait, busy=True)
        if refusal.parameter in sent and parameter_at_fault(sent, hint, refusal.parameter):
            return Refused(message, hint, refusal.parameter, EndpointError("rejected", message))
        if about in ("no_credit", "auth"):
            return EndpointError(about, message, fatal=True)
        if about == "filter":
            return _Instead(Reply("", FILTERED, None, None, None, None, 0.0, filter_message=message))
        if about == "output_limit":
            if self._answered:
                return _Instead(Reply("", CUT, None, None, None, None, 0.0))
            limit = f"raise max_tokens of this endpoint, now {self._max_tokens}, until an answer fits ({message})"
            return EndpointError("rejected", limit, fatal=True)
        if about == "system_role" and prompt.system is not None:
            no_system = f"the model takes no system message, and a persona is one ({message})"
            return EndpointError("unsupported", no_system, fatal=True)
        if about == "no_chat":
            no_chat = f"this model is not asked through chat completions ({message})"
            return EndpointError("unsupported", no_chat, fatal=True)
        if about == "streams_only":
            return EndpointError("unsupported", f"this model answers only as a stream ({message})", fatal=True)
        if about == "unknown_model":
            return EndpointError("unknown_model", message, fatal=True, retry=self._answered)
        if about == "no_interface":
            if self._answered:
                return EndpointError("server_error", message, retry=True, retry_after=wait)
            no_chat = f"no chat interface at this address; does base_url end in /v1? ({message})"
            return EndpointError("no_chat_interface", no_chat, fatal=True)
        if status == 403:
            # some routers also answer 403 to a single prompt that a filter did not like
            mine = not self._answered and not of_one_prompt(hint)
            return EndpointError("auth" if mine else "rejected", message, fatal=mine, alike="auth")
        passing = passing or status == 404
        if passing and about == "loading":
            return self._told_to_wait("server_error", message, wait)
        busy = status in OVERLOADED
        then = EndpointError("rejected", message)
        if passing:
            then = EndpointError("server_error", message, retry=True, busy=busy)
            if wait is not None:
                then = self._told_to_wait("server_error", message, wait, busy=busy)
        return Refused(message, hint, refusal.parameter, then)

    def _told_to_wait(
        self, code: FailureCode, message: str, wait: float | None, *, busy: bool = False
    ) -> EndpointError:
        if wait is not None and wait > self._policy.longest_retry_after and code == "rate_limited":
            message = f"the endpoint asks to wait {wait:.0f} s; resume the run later ({message})"
            return EndpointError(code, message, fatal=True)
        if wait is not None:
            wait = min(wait, self._policy.longest_retry_after)
            self.gate.pause(wait)
        return EndpointError(code, message, retry=True, retry_after=wait, patient=True, busy=busy)

    def _drop_unsupported(self, sent: dict[str, object], refusal: Refused) -> bool:
        """Whether `refusal` named a parameter of ours that is now renamed or left out, so that asking again helps."""
        name = parameter_at_fault(sent, refusal.hint, refusal.parameter)
        if name is None:
            return False
        if name == "grammar":
            raise EndpointError("unsupported", f"the endpoint knows no grammar; {refusal.message}", fatal=True)
        if name == "reasoning_effort":
            message = f"the endpoint does not take this reasoning_effort; {refusal.message}"
            raise EndpointError("unsupported", message, fatal=True)
        # of many requests in flight only the first changes what the next ones send
        if self._parameters is sent:
            kept = {key: value for key, value in sent.items() if key != name}
            self._parameters = kept | ({"max_completion_tokens": sent[name]} if name == "max_tokens" else {})
        return True

    def _clean(self, text: str) -> str:
        """`text` on one line, short and printable, without addresses and whatever looks like a key."""
        return self._hidden(text, _KEY_LIKE)

    def _hidden(self, text: str, *also: re.Pattern[str]) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[hidden]")
        for pattern in also:
            text = pattern.sub("[hidden]", text)
        return shortened(_ADDRESS.sub("[address]", text))

    def _wait(self, error: EndpointError, attempt: int) -> float:
        """Seconds before the next attempt; `attempt` of them have failed before this one."""
        asked = error.retry_after
        if asked is not None:
            return min(asked, self._policy.longest_retry_after) + random.uniform(0, min(1.0, asked / 10))
        wait = min(self._policy.first_wait * 2.0 ** min(attempt, 30), self._policy.longest_wait)
        return random.uniform(wait / 2, wait)


class _Instead(Exception):
    """A refusal of the endpoint's that is an answer of a kind: a filter's, or one that was too long."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


def wanted_parameters(endpoint: Endpoint) -> dict[str, object]:
    """What the protocol and the operator want to be sent with each prompt beside model and messages."""
    return {
        "temperature": TEMPERATURE,
        "seed": SEED,
        "max_tokens": endpoint.max_tokens,
        **({"reasoning_effort": endpoint.reasoning_effort} if endpoint.reasoning_effort else {}),
        **({"grammar": GRAMMAR} if endpoint.answer_mode == "constrained" else {}),
    }


def may_be_constrained(reply: Reply) -> bool:
    """Whether an answer can have come about under the grammar: a phrase; where it was cut, the beginning of one."""
    kind = finish_kind(reply.finish_reason)
    if reply.text in _PHRASES or kind == "refusal":
        return True
    return kind == "truncated" and any(phrase.startswith(reply.text) for phrase in _PHRASES)


def _repeats(text: str, key: str) -> bool:
    """Whether a text holds a key, or was cut off in the middle of one."""
    least = max(_SHORTEST_SECRET, len(key) // 2)
    return key in text or any(text.endswith(key[:n]) for n in range(least, len(key)))


def _secrets(key: str, address: str) -> list[str]:
    """Everything about the endpoint that must not be repeated, longest first."""
    url = urlsplit(address)
    parts = {key, address, address.rstrip("/"), url.netloc, url.hostname, url.username, url.password}
    return sorted((part for part in parts if part and len(part) > 3), key=len, reverse=True)
