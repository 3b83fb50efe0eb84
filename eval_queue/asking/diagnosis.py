"""What an endpoint's refusal means: tables of wordings, one line each, so that the next endpoint's is one line more.

Pure. Endpoints agree neither on statuses nor on codes nor on words: a filter answers 400 or 403, an unknown model 400,
404 or 422, an unknown parameter 400, 422 or 500. So status and words are read together, and the first line that fits
decides. What no line knows concerns that one prompt (4xx) or may pass (5xx).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, NamedTuple

import orjson

FailureCode = Literal[
    "auth",
    "no_credit",
    "unknown_model",
    "no_chat_interface",
    "redirected",
    "unsupported",
    "rejected",
    "rate_limited",
    "endpoint_gone",
    "timeout",
    "server_error",
    "bad_response",
    "key_in_answer",
    "too_many_errors",
]
"""Why a request, or with it a whole run, failed. `rejected`: the endpoint refuses this one prompt."""


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
        patient: bool = False,
        busy: bool = False,
        alike: FailureCode | None = None,
        detail: str | None = None,
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
        self.patient = patient
        """Whether it says that it will come: such tries are limited by time alone."""
        self.busy = busy
        """Whether it may be that too many were asked at once."""
        self.alike = alike
        """What it is where every prompt fails so; None for the same."""
        self.detail = detail
        """What the operator alone may read, for it names an address; None where there is nothing more to say."""


class Refused(Exception):
    """The endpoint refuses a request as it stands (HTTP 400 and its like)."""

    def __init__(self, message: str, hint: str, parameter: str | None, then: EndpointError) -> None:
        super().__init__(message)
        self.message = message
        """Cleaned, for records."""
        self.hint = hint
        """As received, for finding out what was wrong."""
        self.parameter = parameter
        """The parameter at fault, where the endpoint names it apart."""
        self.then = then
        """What it is where no parameter of ours is at fault."""


# --- what a refusal is about ----------------------------------------------------------------------------------------

Meaning = Literal[
    "no_credit",
    "quota",
    "auth",
    "filter",
    "output_limit",
    "system_role",
    "unknown_model",
    "no_chat",
    "streams_only",
    "no_interface",
    "loading",
    "too_many",
]
"""What a refusal is about. `quota`: one that is used up, and back only if a time is told; `filter`: a filter did not
like the prompt; `output_limit`: the answer was too long for the token limit; `no_chat`: the model is not asked
through chat completions; `loading`: the endpoint says that it will come; `too_many`: too many requests, though the
status is not 429."""


class _Line(NamedTuple):
    meaning: Meaning
    statuses: Iterable[int]
    words: re.Pattern[str]


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_ANY: Final = range(400, 600)
_LINES: Final = (
    _Line(
        "no_credit",
        (400, 402, 403, 429),
        _words(
            r"insufficient[_ ](?:\w+ )?(?:quota|credits?|balance|funds)|balance\b.{0,20}(?:insufficient|too low"
            r"|enough)",
            r"enough (?:credits|balance|funds)\b|余额不足|欠费",
            r"credit balance is too low",
            r"(?:out of|no|not enough|exhausted your|not have any|n't have any) (?:remaining )?credits?\b",
            r"billing (?:hard )?limit|account is not active|in arrears|arrearage|payment required",
        ),
    ),
    _Line("no_credit", (402,), _words("")),
    _Line(
        "quota",
        (429,),
        _words(
            r"exceeded your (?:current |monthly |daily )?quota|quota[_ ]exceeded|check your plan and billing|limit:"
            r" 0\b",
            r"(?:spending|spend|budget|credit|monthly|usage) (?:limit|cap)\b.{0,40}(?:reached|exceeded|hit)|suspended",
        ),
    ),
    _Line("auth", (401, 407), _words("")),
    _Line(
        "auth",
        (400, 403),
        _words(
            r"(?:api|access)[ _-]?(?:key|token)\b.{0,40}(?:invalid|not valid|incorrect|expired|missing|required)",
            r"(?:invalid|incorrect|expired|missing|no) (?:api|access)[ _-]?(?:key|token)",
            r"(?:invalid|missing|failed|bad|wrong) (?:authentication|authorization|credentials?)",
            r"(?:account|organi[sz]ation|user|key|project)\b.{0,60}(?:disabled|suspended|banned|deactivated|blocked)",
        ),
    ),
    _Line(
        "filter",
        (400, 403, 422, 446, 451, 500),
        _words(
            r"content[_ -]?filter|content[_ -]?policy|content management policy|responsible ?ai",
            r"data_?inspection|inappropriate[_ ]content|\bmoderation\b|guardrail",
            r"(?:prompt|input|content|request|message|text)s?\b.{0,40}\b(?:flagged|filtered|unsafe|inappropriate)",
            r"(?:prompt|input|content|message|text)s?\b.{0,40}\b(?:blocked|violat\w+|not safe|harmful|sensitive)",
            r"(?:flagged|blocked|filtered)\b.{0,60}\b(?:moderat\w+|polic\w+|safety|harm\w*|content|input|prompt)\b",
            r"safety (?:filter|system|polic|setting|reason|check|guideline)|(?:usage|use) polic|invalid_prompt",
            r"(?:prohibited|disallowed|sensitive|illegal|unsafe)[_ ](?:content|words?|terms?|topics?|information)",
            r"content[_ ]risk|high risk|敏感|违规|不合规|违禁",
            r"content exists risk|content safety|new_sensitive|hate, abuse|hap_detected",
        ),
    ),
    _Line("filter", (451,), _words("")),
    _Line(
        "output_limit",
        (400, 422),
        _words(
            r"could not finish the message",
            r"(?:max(?:imum)?[_ ](?:completion[_ ]|output[_ ]|new[_ ])?tokens|output limit)\b.{0,60}\b"
            r"(?:was|were|been|is) (?:reached|exhausted|hit)",
        ),
    ),
    _Line(
        "system_role",
        (400, 422, 500),
        _words(
            r"system (?:role|message|prompt|instruction)s?\b.{0,40}"
            r"(?:not (?:be )?(?:support|allow|enabl|permit)|unsupported)",
            r"roles? must (?:strictly )?alternate|only (?:supports? )?(?:the )?user(?: and|,|/) assistant roles",
            r"(?:not|n't) support\w* (?:the )?['\"`]?system|developer instruction is not enabled",
            r"first message must be (?:from |by |a |the )*user",
            r"role:? ['\"`]?system['\"`]? (?:is )?(?:not (?:support|allow|permit|accept)|unsupported)",
            r"unexpected role ['\"`]?system|(?:unknown|invalid|unsupported) role:? ['\"`]?system",
        ),
    ),
    _Line(
        "unknown_model",
        (400, 403, 404, 410, 422, 500),
        _words(
            r"model_not_(?:found|supported)|unknown_model|invalid_model|DeploymentNotFound",
            r"model\b[^.]{0,120}?(?:not (?:found|exist)|doesn't exist|not a valid|is not valid"
            r"|not supported by any provider)",
            r"^\W*models?: \S|model identifier is invalid|server is pinned to|no models? (?:is |are )?loaded",
            r"end of (?:its )?life|(?:unable|not able) to access model|could not find .{0,20}model|model_not_available",
            r"endpoint does not exist.{0,60}model|model is not available",
            r"not a valid model",
            r"(?:no such|unknown|invalid) model|no endpoints found(?! that support)|deployment .{0,80}does not exist",
            r"(?:decommissioned|no longer (?:available|supported)|try pulling it first)",
        ),
    ),
    _Line(
        "unknown_model",
        (400, 403, 404, 410, 422),
        _words(
            r"model\b(?:(?!temperature|seed|tokens|param|argument|role).){0,120}"
            r"\b(?:deprecated|retired|sunset|discontinued|not (?:offered|available in|enabled for))"
        ),
    ),
    _Line("unknown_model", (410,), _words("")),
    _Line(
        "no_chat",
        (400, 404, 405, 422, 500, 501),
        _words(
            r"not a chat model|(?:not|n't) support (?:the )?chat(?! ?[_ ]?template)|not in v1/chat/completions",
            r"only supported in v1/(?:responses|completions)|(?:is|use) an? (?:embedding|rerank|completion)s? model",
        ),
    ),
    _Line(
        "streams_only",
        (400, 422, 500),
        _words(
            r"only supports? stream|stream (?:must|should|has to) be (?:set to )?true|for non[- ]stream\w* (?:calls?"
            r"|requests?)"
            r"|stream ?= ?true|enable the stream parameter"
        ),
    ),
    _Line(
        "loading",
        (*range(500, 600), 404, 409, 425, 429),
        _words(
            r"\bloading\b|\bwarm(?:ing)?[ -]?up\b|starting up|is starting|initiali[sz]ing|cold[ -]?start",
            r"not (?:yet )?ready|still being prepared",
            r"scaling (?:up|from zero)|being (?:loaded|deployed|started|pulled|downloaded)|waking up"
            r"|provisioning|spinning up|no (?:available )?(?:replicas?|instances?|workers?|gpus?)\b"
            r"|waiting for (?:an? )?"
            r"(?:gpu|node|replica|instance|worker|capacity)",
        ),
    ),
    _Line("no_interface", (404, 405), _words(r"\A(?!.{0,300}requested param)")),
    _Line(
        "too_many",
        (400, 403, 424),
        _words(r"throttl|rate exceeded|too many requests|rate[ _]?limit|quota.{0,20}per minute"),
    ),
)

_ONE_PROMPT: Final = _words(r"\bflagged\b|\bblocked\b|\bmoderat|\bunsafe\b|\brisk\b|\bharm|\bsafety\b|\bcensor")
"""Words in a 403 that speak of what was asked, not of who asks."""


def meaning(status: int, hint: str) -> Meaning | None:
    """What a refusal with an HTTP status and these words and codes is about; None where no line of the table knows."""
    return next((line.meaning for line in _LINES if status in line.statuses and line.words.search(hint)), None)


def of_one_prompt(hint: str) -> bool:
    """Whether a 403 speaks of what was asked, not of who asks."""
    return bool(_ONE_PROMPT.search(hint))


# --- which parameter it is about ------------------------------------------------------------------------------------

_NOT_KNOWN: Final = _words(
    r"unsupported|not (?:be )?support|unrecogni[sz]ed|unknown|unexpected|not permitted|not allowed|forbidden"
    r"|support the requested param|deprecated|extra (?:inputs|fields|param\w*)|not available"
    r"|use ['\"`]?max_completion_tokens"
)
_NOT_LIKED: Final = _words(
    r"positive|must (?:not )?be|must have|should be|ha(?:s|ve) to be|needs? to be|invalid|only\b|cannot|can't|greater"
    r"|larger|between|range|out of|not accept|does not (?:take|accept)|removed|disallowed|at least|minimum"
    r"|too (?:low|small)|below|above|> ?=?\d|[><]=? ?\d|not (?:a )?valid|not equal|zero|literal_error"
    r"|incorrect|illegal|bad value|非法|无效|不支持|范围"
)
_NOT_LIMITS: Final = frozenset({"temperature", "seed", "reasoning_effort", "grammar"})
"""Parameters of which any complaint means that they are not taken as they are; a token limit may just be too low."""


def parameter_at_fault(sent: Mapping[str, object], hint: str, named: str | None) -> str | None:
    """Which of the parameters that were sent the endpoint does not take; None where it complains of something else.

    Args:
        sent: the parameters of the request.
        hint: the endpoint's words.
        named: the parameter that the endpoint names apart from its words.
    """
    unknown = _NOT_KNOWN.search(hint)
    disliked = unknown or _NOT_LIKED.search(hint)
    if named in sent and (unknown or (disliked and named in _NOT_LIMITS)):
        return named
    # the last dotted part: `body.temperature`, `generation_config.temperature`
    for name in sent:
        if (unknown or (disliked and name in _NOT_LIMITS)) and re.search(
            rf"(?<![a-z_/-]){name}(?![a-z_-])", hint, re.IGNORECASE
        ):
            return name
    return None


# --- when to come again ---------------------------------------------------------------------------------------------

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|h|hours?|m|min|minutes?|s|sec|seconds?)(?![a-z])")
_UNIT: Final = {"ms": 0.001, "mi": 60.0, "m": 60.0, "h": 3600.0, "s": 1.0}
_TOLD: Final = re.compile(
    r"(?:(?:try again|retry|available|wait|ready|reset\w*|come back)\b[^.\n]{0,30}?\b(?:in|after|for|about)"
    r"|wait(?: at least)?)\s+"
    r"((?:\d+(?:\.\d+)?\s*(?:ms|milliseconds?|h|hours?|m|min|minutes?|s|sec|seconds?)(?![a-z])\s*)+)",
    re.IGNORECASE,
)
_EPOCH: Final = 1e9
"""Numbers from here on are times, not durations."""
_WAIT_FIELDS: Final = {
    "estimatedtime": 1.0,
    "retrydelay": 1.0,
    "retryafter": 1.0,
    "retryafterseconds": 1.0,
    "retryafterms": 0.001,
}
"""Fields of a body that tell a time, in lower case without hyphens, and their unit in seconds."""
_MOST_FIELDS: Final = 40


def asked_to_wait(headers: Mapping[str, str], body: object, hint: str) -> float | None:
    """Seconds that an endpoint asks to wait, wherever it says so; None where it does not.

    Looked at in this order: `retry-after-ms`, `retry-after` (seconds or a date), `estimated_time` or `retryDelay` in
    the body, its words ("try again in 1.2s"), and headers of rate limits, where those that are used up count.

    Args:
        headers: of the response, names in lower case.
        body: the parsed body of the response.
        hint: its words.
    """
    now = _date(headers.get("date")) or datetime.now(UTC)
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    told = _moment(headers.get("retry-after"), now)
    if told is None:
        told = _in_body(body)
    if told is None and (words := _TOLD.search(hint)):
        told = _duration(words[1])
    if told is None:
        told = _limits(headers, now)
    if told is None:
        # a router repeats the headers of the provider in the body
        inner = _get(_get(_get(body, "error"), "metadata"), "headers")
        told = _limits({str(k).lower(): str(v) for k, v in inner.items()}, now) if isinstance(inner, dict) else None
    return told


def _limits(headers: Mapping[str, str], now: datetime) -> float | None:
    """Until a rate limit is over, from headers such as `x-ratelimit-reset-tokens` or `ratelimit-reset`."""
    used_up: list[float] = []
    others: list[float] = []
    for name, value in headers.items():
        if "ratelimit" not in name or "reset" not in name:
            continue
        wait = _moment(value, now)
        if wait is None:
            wait = _duration(value)
        if wait is None:
            continue
        left = _number(headers.get(name.replace("reset", "remaining").replace("-after", "")))
        (used_up if left is not None and left <= 0 else others).append(wait)
    return max(used_up) if used_up else min(others, default=None)


def _in_body(body: object) -> float | None:
    """`estimated_time` (seconds) or `retryDelay` ("34s") anywhere near the top of a body."""
    looked = [body]
    for part in looked:
        if len(looked) > 40:
            return None
        if isinstance(part, dict):
            for name, value in list(part.items())[:_MOST_FIELDS]:
                if _plain(name) not in _WAIT_FIELDS:
                    continue
                wait = _number(value) if not isinstance(value, str) else _number(value) or _duration(value)
                if wait is not None:
                    return max(0.0, wait * _WAIT_FIELDS[_plain(name)])
            looked += [value for value in part.values() if isinstance(value, dict | list)][:8]
        elif isinstance(part, list):
            looked += [value for value in part if isinstance(value, dict)][:8]
    return None


def _plain(name: object) -> str:
    return str(name).lower().replace("-", "").replace("_", "")


def _moment(value: str | None, now: datetime) -> float | None:
    """Seconds from now: from a number of seconds, a time since 1970 or a date."""
    if not value:
        return None
    number = _number(value)
    if number is not None:
        if number >= _EPOCH:
            number = (number / 1000 if number >= 1000 * _EPOCH else number) - now.timestamp()
        return max(0.0, number)
    until = _date(value)
    return None if until is None else max(0.0, (until - now).total_seconds())


def _date(value: str | None) -> datetime | None:
    if not value:
        return None
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            found = parse(value)
            return found.replace(tzinfo=found.tzinfo or UTC)
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def _duration(text: str) -> float | None:
    parts = _DURATION.findall(text.lower())
    return sum(float(n) * _UNIT.get(unit[:2], _UNIT.get(unit[0], 1.0)) for n, unit in parts) if parts else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


# --- an error body --------------------------------------------------------------------------------------------------


class Said(NamedTuple):
    """What an error body says, whatever its dialect."""

    text: str
    """Its sentence; the title of a web page; the whole body where there is no sentence."""
    codes: str
    """Its codes and types, for looking words up."""
    parameter: str | None
    """The parameter it names apart from its words."""


_TITLE: Final = re.compile(r"<title[^>]*>(.{0,200}?)</title>", re.IGNORECASE | re.DOTALL)
_MARKUP: Final = re.compile(r"\s*<(?:!doctype|html|head|body|!--)", re.IGNORECASE)


def said(body: object) -> Said:
    """Take an error body apart."""
    if isinstance(body, list) and body and isinstance(body[0], dict):
        body = body[0]  # Google sends a list of one
    error = _get(body, "error")
    detail = _get(body, "detail")
    entry = detail[0] if isinstance(detail, list) and detail else None
    if isinstance(entry, dict):
        # pydantic's: its `input` is what we sent, prompt and all
        place = entry.get("loc")
        last = place[-1] if isinstance(place, list) and place else None
        return Said(f"{entry.get('msg')} ({last})", str(entry.get("type")), last if isinstance(last, str) else None)
    candidates = (_get(body, "message"), error, _get(error, "message"), _get(error, "error"), detail, body)
    text = next((c for c in candidates if isinstance(c, str) and c.strip()), None)
    if text is None:
        try:
            text = orjson.dumps(body, default=str).decode() if body else ""
        except (TypeError, ValueError):
            text = str(body)
    if _MARKUP.match(text):
        title = _TITLE.search(text)
        text = f"a web page, {' '.join(title[1].split())}" if title else "a web page"
    holders = (body, error, _get(error, "innererror"), _get(error, "metadata"))
    codes = [_get(holder, field) for holder in holders for field in ("code", "type", "status", "reasons")]
    parameter = _get(error, "param") or _get(body, "param")
    return Said(text, " ".join(str(c) for c in codes if c), parameter if isinstance(parameter, str) else None)


def _get(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
