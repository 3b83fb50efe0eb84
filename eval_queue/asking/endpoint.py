"""One OpenAI-compatible chat endpoint: asks a prompt, waits its turn, tries again, says what was really sent.

Works with Hugging Face's router, vLLM, llama.cpp, OpenAI, OpenRouter and whatever else answers `/chat/completions`.

Why `openai.AsyncOpenAI(max_retries=0)` with a retry policy of ours (the other candidate is huggingface_hub's
`AsyncInferenceClient`): it passes every parameter on unchanged, where the other rewrites `response_format`; it turns
every HTTP error into a typed exception, where the other breaks on an error body that is a bare string; and it is kept
by many. Its own retries are switched off because they cannot share a pause between requests, cannot be given a budget
of time, and give up on a 200 whose body is not JSON. Requests go through its generic `post`, which skips the building
of response models and costs 0.8 instead of 1.3 ms of CPU a request.

Guarantees: no key, address or stack of the client's own exceptions leaves this module, neither in an error nor in a
log. Not done: streaming, several choices, tools, batch interfaces.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from urllib.parse import urlsplit

import orjson

from data.benchmark import RATING_PHRASES
from eval_queue.protocol import GRAMMAR, SEED, TEMPERATURE, Prompt
from eval_queue.settings import Endpoint

if TYPE_CHECKING:
    import openai
    from tenacity import RetryCallState

FailureCode = Literal[
    "auth",
    "no_credit",
    "unknown_model",
    "unsupported",
    "rejected",
    "rate_limited",
    "endpoint_gone",
    "timeout",
    "server_error",
    "bad_response",
    "too_many_errors",
]
"""Why a request, or with it a whole run, failed. `rejected`: the endpoint refuses this one prompt."""

_CONNECT_SECONDS: Final = 10.0
_LONGEST_MESSAGE: Final = 300

_PHRASES: Final = frozenset(RATING_PHRASES.values())

_UNSUPPORTED = re.compile(
    r"unsupported|not (?:be )?support|unrecogni[sz]ed|unknown|unexpected|not permitted|not allowed|forbidden"
    r"|deprecated|strictly positive",
    re.IGNORECASE,
)
_UNKNOWN_MODEL = re.compile(
    r"model_not_(?:found|supported)|unknown_model"
    r"|model\b[^.]{0,120}?(?:not (?:found|exist)|doesn't exist|not a valid|is not valid|not supported by any provider)"
    r"|(?:no such|unknown|invalid) model",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(r"insufficient_quota|insufficient (?:credit|balance|funds)", re.IGNORECASE)
_ADDRESS = re.compile(r"\b(?:https?|wss?)://\S+|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\blocalhost:\d+", re.IGNORECASE)
# providers echo keys half masked ("sk-ab***yz"), which an exact comparison with the key would miss
_KEY_LIKE = re.compile(r"\b(?:sk|hf|gsk|pk|xai|key)[-_][\w*.\-]{4,}|\bBearer\s+\S+", re.IGNORECASE)


class EndpointError(Exception):
    """A request that stays without an answer. Its text is fit for records: no key, no address."""

    def __init__(
        self,
        code: FailureCode,
        message: str,
        *,
        fatal: bool = False,
        retry: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code: FailureCode = code
        self.message = message
        self.fatal = fatal
        """Whether every other prompt would fail the same way."""
        self.retry = retry
        """Whether the same request may succeed later."""
        self.retry_after = retry_after
        """Seconds the endpoint asked to wait."""


@dataclass(frozen=True)
class RetryPolicy:
    """How long one prompt is tried."""

    attempts: int = 6
    """Requests for one prompt. Refusals for being too fast do not count: only `seconds` ends those."""
    seconds: float = 900.0
    """Time for one prompt, waiting included."""
    first_wait: float = 1.0
    """Seconds before the second attempt, doubled each time; the wait is at random between half of it and all of it."""
    longest_wait: float = 60.0
    """Longest wait chosen here."""
    longest_retry_after: float = 300.0
    """Longest wait accepted from the endpoint. Beyond it the run ends as `rate_limited`, to be resumed later."""


@dataclass(frozen=True)
class Reply:
    """What came back for one prompt."""

    text: str
    """The answer; empty where the endpoint sent none."""
    finish_reason: str | None
    reasoning: str | None
    """Thoughts that the endpoint sent apart from the answer."""
    model: str | None
    """The model's name as the endpoint spells it."""
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float
    """From sending to the last byte, of the attempt that succeeded."""


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
            EndpointError: `auth`, when the environment variable of the key is not set.
        """
        import httpx2
        import openai
        from tenacity import AsyncRetrying, retry_if_exception

        key = os.environ.get(endpoint.api_key_env, "") if endpoint.api_key_env else ""
        if endpoint.api_key_env and not key:
            raise EndpointError("auth", f"the environment variable {endpoint.api_key_env} is not set", fatal=True)
        # the transport logs every address at level INFO
        for name in ("httpx2", "httpcore2"):
            logging.getLogger(name).setLevel(logging.WARNING)
        slots = endpoint.concurrency
        self._client = openai.AsyncOpenAI(
            base_url=address,
            api_key=key or "none",
            max_retries=0,
            timeout=openai.Timeout(endpoint.timeout, connect=min(_CONNECT_SECONDS, endpoint.timeout)),
            # the client would send the operator's own OpenAI account to any endpoint
            default_headers={"OpenAI-Organization": openai.omit, "OpenAI-Project": openai.omit},  # type: ignore[dict-item]  # Omit is accepted, but not declared here
            http_client=openai.DefaultAsyncHttpxClient(
                limits=httpx2.Limits(max_connections=slots, max_keepalive_connections=slots)
            ),
        )
        self._policy = retry or RetryPolicy()
        self._retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, EndpointError) and error.retry),
            stop=self._gives_up,
            wait=self._wait,
            reraise=True,
        )
        self._timeout = endpoint.timeout
        self._model = model
        self._constrained = endpoint.answer_mode == "constrained"
        self._secrets = _secrets(key, address)
        self._resume_at = 0.0
        self._answered = False
        self._parameters: dict[str, object] = dict(parameters or {}) or {
            "temperature": TEMPERATURE,
            "seed": SEED,
            "max_tokens": endpoint.max_tokens,
            **({"grammar": GRAMMAR} if self._constrained else {}),
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    @property
    def parameters(self) -> dict[str, object]:
        """What is sent with each prompt beside model and messages, after everything the endpoint does not accept."""
        return dict(self._parameters)

    async def ask(self, prompt: Prompt) -> Reply:
        """The model's answer to one prompt.

        Raises:
            EndpointError: no answer within the retry policy, or none to be had.
        """
        try:
            return await self._retrying.copy()(self._attempt, prompt)
        except EndpointError as error:
            # callers and logs see this error alone: those it came from carry the request with its key
            raise error from None

    async def _attempt(self, prompt: Prompt) -> Reply:
        """One try, repeated at once where it taught us a parameter that the endpoint does not accept."""
        while True:
            while (pause := self._resume_at - time.monotonic()) > 0:
                await asyncio.sleep(pause + random.uniform(0, min(1.0, pause / 10)))
            sent = self._parameters
            try:
                reply = await self._send(prompt, sent)
            except _Refused as refusal:
                if self._drop_unsupported(sent, refusal):
                    continue
                raise EndpointError("rejected", refusal.message) from None
            if self._constrained and reply.text not in _PHRASES and reply.finish_reason != "length":
                raise EndpointError(
                    "unsupported",
                    "the endpoint does not keep to the grammar of the constrained mode; use free text",
                    fatal=True,
                )
            self._answered = True
            return reply

    async def _send(self, prompt: Prompt, parameters: dict[str, object]) -> Reply:
        import httpx2
        import openai

        body = {"model": self._model, "messages": prompt.messages, **parameters}
        started = time.monotonic()
        try:
            # the client's own timeout restarts with every byte received
            async with asyncio.timeout(self._timeout):
                response = await self._client.post("/chat/completions", cast_to=httpx2.Response, body=body)
            content = orjson.loads(response.content)
        except (TimeoutError, openai.APITimeoutError):
            raise EndpointError("timeout", f"no answer within {self._timeout:g} s", retry=True) from None
        except openai.APIStatusError as error:
            raise self._status_error(error) from None
        except openai.APIConnectionError as error:
            cause = type(error.__cause__).__name__ if error.__cause__ else "unknown cause"
            raise EndpointError("endpoint_gone", f"no connection ({cause})", retry=True) from None
        except orjson.JSONDecodeError:
            raise EndpointError("bad_response", "the endpoint's answer is not JSON", retry=True) from None
        return self._read(content, time.monotonic() - started)

    def _read(self, body: object, seconds: float) -> Reply:
        choice = _first(_get(body, "choices"))
        failure = _get(choice, "error") or (None if choice else _get(body, "error"))
        if failure:
            # some routers report a provider's failure inside a 200
            code: FailureCode = "rate_limited" if _get(failure, "code") == 429 else "server_error"
            raise EndpointError(code, self._clean(_message(failure)), retry=True)
        message = _get(choice, "message")
        if not isinstance(message, dict):
            raise EndpointError("bad_response", "the endpoint's answer holds no message", retry=True)
        return Reply(
            text=_content(message.get("content")),
            finish_reason=_text(_get(choice, "finish_reason")),
            reasoning=_text(message.get("reasoning_content")) or _text(message.get("reasoning")),
            model=_text(_get(body, "model")),
            prompt_tokens=_count(_get(_get(body, "usage"), "prompt_tokens")),
            completion_tokens=_count(_get(_get(body, "usage"), "completion_tokens")),
            seconds=seconds,
        )

    def _status_error(self, error: openai.APIStatusError) -> Exception:
        status, said = error.status_code, _message(error.body) or error.response.text
        message = f"HTTP {status}: {self._clean(said)}"
        hint = f"{said} {_get(error.body, 'code')}"
        if status == 429 and not _NO_CREDIT.search(hint):
            wait = _retry_after(error.response.headers.get("retry-after"))
            if wait is not None and wait > self._policy.longest_retry_after:
                message = f"the endpoint asks to wait {wait:.0f} s; resume the run later ({message})"
                return EndpointError("rate_limited", message, fatal=True)
            if wait is not None:
                self._resume_at = max(self._resume_at, time.monotonic() + wait)
            return EndpointError("rate_limited", message, retry=True, retry_after=wait)
        if status in (402, 429):
            return EndpointError("no_credit", message, fatal=True)
        if status == 401:
            return EndpointError("auth", message, fatal=True)
        if status == 403:
            # some routers also answer 403 to a single prompt that a filter did not like
            return EndpointError("rejected" if self._answered else "auth", message, fatal=not self._answered)
        if status in (408, 409, 425) or status >= 500:
            wait = _retry_after(error.response.headers.get("retry-after"))
            return EndpointError("server_error", message, retry=True, retry_after=wait)
        if status == 404 or (status in (400, 422) and _UNKNOWN_MODEL.search(hint)):
            return EndpointError("unknown_model", message, fatal=True)
        return _Refused(message, hint, _text(_get(error.body, "param")))

    def _drop_unsupported(self, sent: dict[str, object], refusal: _Refused) -> bool:
        """Whether `refusal` named a parameter of ours that is now renamed or left out, so that asking again helps."""
        if not _UNSUPPORTED.search(refusal.hint):
            return False
        named = [name for name in sent if name == refusal.parameter or re.search(rf"\b{name}\b", refusal.hint)]
        if not named:
            return False
        name = refusal.parameter if refusal.parameter in named else named[0]
        if name == "grammar":
            raise EndpointError("unsupported", f"the endpoint knows no grammar; {refusal.message}", fatal=True)
        # of many requests in flight only the first changes what the next ones send
        if self._parameters is sent:
            kept = {key: value for key, value in sent.items() if key != name}
            self._parameters = kept | ({"max_completion_tokens": sent[name]} if name == "max_tokens" else {})
        return True

    def _clean(self, text: str) -> str:
        """`text` on one line, short, without keys and addresses."""
        for secret in self._secrets:
            text = text.replace(secret, "[hidden]")
        text = _ADDRESS.sub("[address]", _KEY_LIKE.sub("[hidden]", text))
        text = " ".join(text.split())
        return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"

    def _gives_up(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        limited = isinstance(error, EndpointError) and error.code == "rate_limited"
        spent = (state.seconds_since_start or 0.0) + state.upcoming_sleep
        return spent >= self._policy.seconds or (not limited and state.attempt_number >= self._policy.attempts)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, EndpointError) else None
        if asked is not None:
            return min(asked, self._policy.longest_retry_after) + random.uniform(0, min(1.0, asked / 10))
        wait = min(self._policy.first_wait * 2.0 ** min(state.attempt_number - 1, 30), self._policy.longest_wait)
        return random.uniform(wait / 2, wait)


class _Refused(Exception):
    """The endpoint refuses a request as it stands (HTTP 400 and its like)."""

    def __init__(self, message: str, hint: str, parameter: str | None) -> None:
        super().__init__(message)
        self.message = message
        """Cleaned, for records."""
        self.hint = hint
        """As received, for finding out what was wrong."""
        self.parameter = parameter
        """The parameter at fault, where the endpoint names it apart."""


def _secrets(key: str, address: str) -> list[str]:
    """Everything about the endpoint that must not be repeated, longest first."""
    url = urlsplit(address)
    parts = {key, address, address.rstrip("/"), url.netloc, url.hostname, url.username, url.password}
    return sorted((part for part in parts if part and len(part) > 3), key=len, reverse=True)


def _retry_after(header: str | None) -> float | None:
    """Seconds to wait, from a number or an HTTP date; None if there is neither."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            until = parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _get(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _message(body: object) -> str:
    """The sentence in an error body, whatever its dialect; the whole body where none is found."""
    for candidate in (_get(body, "message"), _get(body, "error"), _get(_get(body, "error"), "message"), body):
        if isinstance(candidate, str):
            return candidate
    return orjson.dumps(body, default=str).decode() if body else ""


def _content(content: object) -> str:
    """A message's text; some servers send a list of parts, thoughts among them."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if _get(part, "type") == "text" and _text(_get(part, "text")))
    return content if isinstance(content, str) else ""
