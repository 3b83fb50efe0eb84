"""From the body of a reply to what the model said: text, refusal, reasoning, names and counts.

Pure. Endpoints are taken as they are: content as a text, a part or a list of parts; a refusal beside the content; a
whole event stream though none was asked for; a compressed body that is not called one; a byte that is no UTF-8. What
cannot be read is said to be so. Nothing an endpoint says about itself is believed against reason: counts that cannot be
are none, names are short and without control characters.

Guarantees: an answer has at most `MAX_ANSWER` characters, a longer one is kept cut and counts as truncated.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from dataclasses import dataclass
from typing import Any, Final

import orjson

from eval_queue.reading.answer_text import LONGEST_ANSWER
from eval_queue.reading.reader import finish_kind

MAX_ANSWER: Final = LONGEST_ANSWER
"""Characters of an answer that are kept: so many that the reader takes it for truncated whatever it says."""
MAX_REASONING: Final = 200_000
"""Characters of reasoning that are kept."""
MAX_TOKENS_COUNTED: Final = 10_000_000
"""No reply has more tokens than this: a greater number is a mistake and not counted."""
CUT: Final = "length"
"""Finish reason of an answer that was cut, here or there."""
REFUSED: Final = "refusal"
"""Finish reason of an answer that the endpoint marks as the model's refusal."""
FILTERED: Final = "content_filter"
"""Finish reason of a prompt that the endpoint's filter refused."""

_BLOCKED: Final = "no choice, since the prompt was blocked"
_BAD_REQUEST: Final = 400
_LONGEST_NAME: Final = 200
_LONGEST_ERROR: Final = 300
_MOST_CHUNKS: Final = 200_000
_HTML: Final = re.compile(r"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_KEPT_ALIVE: Final = re.compile(r"(?::[^\n]*\n\s*)+(?=\{)")
"""Comments of an event stream before a body that is none."""
_NEW_LINE: Final = re.compile(r"\r\n|\n|\r")
"""What ends a line of an event stream; inside of one there may be other line separators."""
_TEXT_PARTS: Final = frozenset({"", "text", "output_text", "message"})
_THOUGHT_PARTS: Final = frozenset({"thinking", "reasoning", "reasoning_text", "reasoning.text", "thought"})


class Unreadable(Exception):
    """A body that holds no answer."""

    def __init__(self, why: str, *, page: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.page = page
        """Whether it is a web page: then this is hardly the address of an interface."""


class Failure(Exception):
    """A provider's failure that is reported inside a 200."""

    def __init__(self, body: object, code: object) -> None:
        super().__init__("a failure inside a 200")
        self.body = body
        self.code = code


@dataclass(frozen=True)
class Reply:
    """What came back for one prompt."""

    text: str
    """The answer, or the refusal where the endpoint sent one apart; empty where there was neither."""
    finish_reason: str | None
    reasoning: str | None
    """Thoughts that the endpoint sent apart from the answer."""
    model: str | None
    """The model's name as the endpoint spells it."""
    prompt_tokens: int | None
    completion_tokens: int | None
    """Tokens written, reasoning included."""
    seconds: float
    """From sending to the last byte, of the attempt that succeeded."""
    provider: str | None = None
    """Who answered, where a router says so."""
    filter_message: str | None = None
    """What the endpoint's filter said in place of an answer."""

    @property
    def strings(self) -> tuple[str, ...]:
        """All that an endpoint wrote, as it would be kept."""
        kept = (self.text, self.finish_reason, self.reasoning, self.model, self.provider, self.filter_message)
        return tuple(text for text in kept if text)


def parse(content: bytes) -> object:
    """The JSON of a body, or of the event stream in it.

    Raises:
        Unreadable: it is neither.
    """
    text = _decoded(_unpacked(content)).lstrip("\ufeff \t\r\n")
    if text.startswith(":") and (alive := _KEPT_ALIVE.match(text)):
        text = text[alive.end() :]
    if text.startswith(("data:", "event:", ":", "id:", "retry:")):
        return _streamed(text)
    if _HTML.match(text[:2000]):
        raise Unreadable("the endpoint's answer is a web page, not JSON", page=True)
    try:
        body = _json(text)
        return _json(body) if isinstance(body, str) else body  # JSON in JSON
    except ValueError:
        pass
    if text.startswith("{") and "\n{" in text:
        return _streamed("\n".join(f"data:{line}" for line in text.splitlines()))  # one object a line
    raise Unreadable("the endpoint's answer is not JSON") from None


def parsed_or_text(content: bytes) -> object:
    """As `parse`, of an error's body, for which its text will do."""
    text = _decoded(_unpacked(content))
    try:
        return _json(text)
    except ValueError:
        return text


def read(body: object, seconds: float) -> Reply:
    """The reply in a parsed body.

    Args:
        body: what `parse` gave.
        seconds: how long it took.

    Raises:
        Failure: it reports one.
        Unreadable: it holds no message.
    """
    body = _first(body) if isinstance(body, list) else body
    choice = _first(_get(body, "choices"))
    reason = _text(_get(choice, "finish_reason")) or _text(_get(choice, "stop_reason"))
    reason = reason or _text(_get(body, "done_reason"))  # Ollama's own interface
    if _is_blocked(body, choice):
        return Reply("", FILTERED, None, name(_get(body, "model")), None, None, seconds, filter_message=_BLOCKED)
    failure = _get(choice, "error") or (None if reason else _get(body, "error"))
    failure = failure or (None if choice else _get(body, "error") or _get(body, "base_resp"))
    if failure:
        raise Failure(failure, _get(failure, "code") or (None if _get(body, "error") else _BAD_REQUEST))
    message = next((m for m in (_get(choice, "message"), _get(choice, "delta"), _get(body, "message")) if _is(m)), None)
    if message is None and isinstance(legacy := _get(choice, "text"), str):
        message = {"content": legacy}
    if finish_kind(reason) == "api_error":
        raise Failure(_get(message, "content") or f"it ended with {reason}", None)
    if message is None and finish_kind(reason) is not None:
        message = {}  # cut or filtered before there was anything
    if message is None:
        raise Unreadable("the endpoint's answer holds no message")
    texts, thoughts, refusals = _parts(message.get("content"))
    refusal = _text(message.get("refusal")) or "".join(refusals)
    text = "".join(texts)
    if refusal:
        # also where a few words of an answer came first: a refusal is never half a rating
        text, reason = f"{text}\n{refusal}".strip(), REFUSED
    if len(text) > MAX_ANSWER:
        text, reason = text[:MAX_ANSWER], CUT
    read_, written = _counts(body)
    return Reply(
        text=text,
        finish_reason=None if reason is None else name(reason),
        reasoning=_reasoning(message, thoughts),
        model=name(_get(body, "model")),
        prompt_tokens=read_,
        completion_tokens=written,
        seconds=seconds,
        provider=name(_get(body, "provider")),
    )


def _is_blocked(body: object, choice: object) -> bool:
    """Whether a filter left no choice at all, and says so beside."""
    if choice:
        return False
    feedback = _get(body, "promptFeedback") or _get(body, "prompt_feedback")
    found = _first(_get(body, "prompt_filter_results"))
    return bool(
        _get(feedback, "blockReason") or _get(feedback, "block_reason") or _get(found, "content_filter_results")
    )


def name(value: object) -> str | None:
    """A name that an endpoint says, short and printable; None where it is none."""
    return escaped(value)[:_LONGEST_NAME] if isinstance(value, str) and value.strip() else None


def escaped(text: str) -> str:
    """`text` with every character that does not print, blanks apart, written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)


def count(value: object) -> int | None:
    """A count of tokens that can be one; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MAX_TOKENS_COUNTED else None


_USAGE: Final = ("usage", "usageMetadata", "usage_metadata")
"""Where a body says what it counts: Ollama's own interface does so at its top."""
_OLLAMA: Final = ("prompt_eval_count", "eval_count")
_READ: Final = ("prompttokens", "inputtokens", "prompttokencount", "promptevalcount")
_WRITTEN: Final = ("completiontokens", "outputtokens", "candidatestokencount", "evalcount")
"""Names of counts in lower case without underscores."""


def _counts(body: object) -> tuple[int | None, int | None]:
    """Tokens read and written, reasoning included whether or not the endpoint counts it as written."""
    usage = next((usage for field in _USAGE if (usage := _get(body, field))), body)
    counts = {str(n).lower().replace("_", ""): value for n, value in usage.items()} if isinstance(usage, dict) else {}
    first = _first_count(counts, *_READ)
    written = _first_count(counts, *_WRITTEN)
    beside = _first_count(counts, "thoughtstokencount")
    if beside is not None:
        return first, (written or 0) + beside  # Gemini never counts thoughts as written
    details = counts.get("completiontokensdetails") or counts.get("outputtokensdetails")
    thought = _first_count(details, "reasoning_tokens")
    thought = _first_count(counts, "reasoningtokens") if thought is None else thought
    total = _first_count(counts, "totaltokens")
    rest = total - first if total is not None and first is not None and total >= first else None
    if thought is not None and rest is None:
        # more thoughts than tokens written: they were not counted among them
        written = (written or 0) + thought if thought > (written or 0) else written
    known = [n for n in (written, rest if written is not None or thought is not None else None) if n is not None]
    return first, max(known, default=None)


def _first_count(usage: object, *names: str) -> int | None:
    return next((n for n in (count(_get(usage, field)) for field in names) if n is not None), None)


# --- the bytes ------------------------------------------------------------------------------------------------------


def _unpacked(content: bytes) -> bytes:
    """A body that is compressed though its header does not say so, made readable; at most 20 times as long."""
    if not content.startswith((b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda")):
        return content
    expander = zlib.decompressobj(wbits=47)  # either of gzip and zlib
    try:
        return expander.decompress(content, max(20 * len(content), 1_000_000))
    except zlib.error:
        raise Unreadable("the endpoint's answer is compressed, and damaged") from None


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    """What stands for bytes that are no UTF-8: what they mean in Windows-1252, the usual other one."""
    assert isinstance(error, UnicodeDecodeError)
    bad = error.object[error.start : error.end]
    return bad.decode("cp1252", "replace"), error.end


codecs.register_error("value_portrait_cp1252", _as_windows)


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe{", b"\xfe\xff\x00{")):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8", "value_portrait_cp1252")


def _json(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        # takes lone surrogates, control characters and NaN, which the fast one does not
        return _clean(json.loads(text, strict=False))
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None


def _clean(value: Any) -> Any:
    """Without lone surrogates, which no file takes."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_clean(v) for v in value]
    if isinstance(value, dict):
        return {_clean(k): _clean(v) for k, v in value.items()}
    return value


def _streamed(text: str) -> dict[str, Any]:
    """The completion that the chunks of an event stream add up to."""
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {}
    choice: dict[str, Any] = {"message": message}
    for line in _NEW_LINE.split(text, _MOST_CHUNKS):
        if not line.startswith("data:") or (data := line[5:].strip()) in ("", "[DONE]"):
            continue
        try:
            chunk = _json(data)
        except ValueError:
            raise Unreadable("the endpoint sent an event stream that cannot be read") from None
        parts = _get(chunk, "choices")
        part = next((p for p in parts if not _get(p, "index")), None) if isinstance(parts, list) else None
        part = part or (chunk if _get(chunk, "message") else None)
        if error := _get(chunk, "error") or _get(part, "error"):
            raise Failure(error, _get(error, "code"))
        for field in ("model", "provider", "system_fingerprint", *_USAGE, *_OLLAMA):
            if _get(chunk, field):
                whole[field] = _get(chunk, field)
        if "finish_reason" in choice:
            continue  # it is complete; what follows are counts, or another completion
        if (reason := _get(part, "finish_reason") or _get(part, "done_reason")) is not None:
            choice["finish_reason"] = reason
        if isinstance(legacy := _get(part, "text"), str):
            message["content"] = message.get("content", "") + legacy
        pieces = _get(part, "delta") or _get(part, "message")
        for field, piece in pieces.items() if isinstance(pieces, dict) else ():
            before = message.get(field)
            if isinstance(piece, str) and (before is None or isinstance(before, str)):
                message[field] = (before or "") + piece
            elif isinstance(piece, list) or (isinstance(piece, str) and piece):
                more = piece if isinstance(piece, list) else [piece]
                message[field] = [*(before if isinstance(before, list) else [before] if before else []), *more]
    if not message and "finish_reason" not in choice:
        raise Unreadable("the endpoint sent an event stream without an answer")
    if "finish_reason" not in choice and "[DONE]" not in text:
        raise Unreadable("the endpoint's event stream broke off")
    return {**whole, "choices": [choice]}


# --- the message ----------------------------------------------------------------------------------------------------


def _parts(content: object) -> tuple[list[str], list[str], list[str]]:
    """Texts, thoughts and refusals of a message's content, in its order."""
    texts: list[str] = []
    thoughts: list[str] = []
    refusals: list[str] = []
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            texts.append(part)
            continue
        kind = "thought" if _get(part, "thought") is True else str(_get(part, "type") or "").lower()
        if kind in _TEXT_PARTS:
            texts += _strings(_get(part, "text")) or _strings(_get(part, "content"))
        elif kind in _THOUGHT_PARTS:
            thoughts += (
                _strings(_get(part, "thinking")) or _strings(_get(part, "text")) or _strings(_get(part, "summary"))
            )
        elif kind == "refusal":
            refusals += _strings(_get(part, "refusal")) or _strings(_get(part, "text"))
    return texts, thoughts, refusals


def _strings(value: object) -> list[str]:
    """The text in a field that holds one, wraps one or lists some."""
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, list):
        return [text for part in value for text in _strings(part)]
    if isinstance(value, dict):
        return _strings(value.get("value") or value.get("text"))
    return []


def _reasoning(message: dict[str, Any], thoughts: list[str]) -> str | None:
    fields = ("reasoning_content", "reasoning", "thinking", "reasoning_text")
    found = next((text for field in fields if (text := "".join(_strings(message.get(field))))), "")
    found = found or "".join(thoughts) or "".join(_strings(message.get("reasoning_details")))
    return found[:MAX_REASONING] or None


def shortened(text: str) -> str:
    """`text` printable, on one line and short."""
    text = escaped(" ".join(text.split()))
    return text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 1] + "…"


def _is(value: object) -> bool:
    return isinstance(value, dict)


def _get(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
