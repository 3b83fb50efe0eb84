"""From a raw answer to a rating, or to the kind of reason why there is none.

Scope: one text at a time, English, no model and no network; the same text always reads the same. Two readers:

* `read_answer`, the official one. It drops reasoning blocks, HTML, Markdown, quotes and end punctuation, folds case and
  white space, and then looks for one of the six phrases: (a) the whole text is one or a known variant; (b) a labelled
  line ("Rating: like me") is one, or the text begins with one, or a line of its own is one; (c) exactly one occurs on
  word borders, longest first, not negated and not part of another sentence ("would you like me to", "people like me").
* `read_answer_compat`, upstream's rules (longest phrase found anywhere), for parity tests only.

The official reader prefers no rating to a guessed one. Grounds for what could be read either way (all distinct answers
of the released models on which the two readers differ were looked at one by one):

* Two different phrases offered as the answer ("not like me", then on a new line "not like me at all"), or a copy of the
  list of options: no rating, since nothing says which was meant.
* A degree that the scale does not have ("quite like me", "nothing like me", "a lot like me"): no rating.
* A denied phrase ("I don't think this is very much like me"): no rating, since a denial names no other phrase. "Isn't
  like me" and "doesn't like me" are the phrase "not like me" itself.
* "some like me": 4, a cut "somewhat". "Very little like me": 3, the only phrase with "little". "Maybe not like me": 2,
  a doubt is not a degree.
* A number alone: no rating, since the prompts define no numbers.
* An answer that begins with a phrase and explains itself with others keeps the first one, unless the other one is put
  right behind it or stands on a line of its own.

Not done: judging whether a phrase inside free prose was meant as the answer ("You're somewhat like me when ..."); if it
is the only one and passes (c), it counts, as it does for upstream.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from data.benchmark import RATING_PHRASES
from eval_queue.records import UnscoredKind


class Reading(NamedTuple):
    """What an answer says: exactly one of the two is set."""

    rating: int | None
    """6 (very much like me) to 1 (not like me at all)."""
    kind: UnscoredKind | None
    """Why there is no rating."""


_FINISH_NAMES: Final[dict[UnscoredKind, str]] = {
    "truncated": (
        "length max_length model_length length_limit length_capped truncated incomplete limit token_limit time_limit"
        " max_tokens max_new_tokens max_output_tokens max_completion_tokens max_tokens_reached max_output"
        " max_output_reached context_length context_length_exceeded context_window_exceeded"
        " model_context_window_exceeded error_limit"
    ),
    "refusal": (
        "content_filter content_filtered contentfilter filter filtered refusal refused sensitive safety moderation"
        " flagged blocked blocklist prohibited_content spii recitation language image_safety guardrail_intervened"
        " guardrails error_toxic data_inspection_failed content_policy_violation policy_violation copyright"
    ),
    "api_error": (
        "error errored failed failure network_error server_error internal_error internal_server_error engine_error"
        " upstream_error insufficient_system_resource abort aborted cancelled canceled user_cancel timeout timed_out"
        " overloaded unavailable not_finished malformed_response malformed_model_output malformed_function_call"
    ),
}
FINISH_KINDS: Final[dict[str, UnscoredKind]] = {
    name: kind for kind, names in _FINISH_NAMES.items() for name in names.split()
}
"""What a `finish_reason` says, in lower case with underscores; any other one (`stop`, `end_turn`, ...) says nothing.

The answer is cut; a filter or the provider's policy held it back; the endpoint failed. Providers spell one reason in
many ways and add more without saying so: this is the only place that knows them.
"""

_LONGEST_FINISH: Final = 100
_FINISH_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")


def finish_kind(reason: str | None) -> UnscoredKind | None:
    """What an endpoint's `finish_reason` says: `truncated`, `refusal`, `api_error`, or None for an ordinary end.

    Upper case, camel case, hyphens, blanks and a leading `FinishReason` make no difference.
    """
    if not reason or len(reason) > _LONGEST_FINISH:
        return None
    words = _FINISH_WORDS.findall(reason)
    name = "_".join(word.lower() for word in words)
    return FINISH_KINDS.get(name.removeprefix("finish_reason_"))


_VARIANTS: Final[dict[int, tuple[str, ...]]] = {
    6: ("likes me very much", "like me very much"),
    5: ("likes me",),
    4: ("somewhat likes me", "some what like me", "some what likes me", "some like me"),
    3: ("little like me", "a little bit like me"),
    2: ("does not like me", "doesn't like me", "is not like me", "isn't like me"),
    1: (
        "not at all like me",
        "is not like me at all",
        "isn't like me at all",
        "is not at all like me",
        "isn't at all like me",
        "does not like me at all",
        "doesn't like me at all",
    ),
}
"""Other ways to write a phrase, beside the phrase itself."""

_FORMS: Final[dict[str, int]] = {
    form: rating for rating, phrase in RATING_PHRASES.items() for form in (phrase, *_VARIANTS[rating])
}
_BARE: Final = frozenset({"like me", "likes me"})
"""Forms that are everyday English too: outside (a) they count only where the words around them allow it."""

_FORM = re.compile(r"(?<!\w)(?:" + "|".join(sorted(map(re.escape, _FORMS), key=len, reverse=True)) + r")(?!\w)")

_REASONING = re.compile(r"<(/?)(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*```[\w-]*[ \t]*$", re.MULTILINE)
_BREAK = re.compile(r"<(?:br|/?p|/?div|/?li|/?h\d)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<\|[^<>|]*\|>|\\(?:boxed|text|textbf|mathrm)\b")
_QUOTES_AND_DASHES = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "«": '"', "»": '"', "„": '"', "。": ". ", "_": " "}
    | dict.fromkeys("–—…", " - ")
    | dict.fromkeys("‐‑", "-")
    | dict.fromkeys("*`~\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", "")
)
_SYMBOL = re.compile(r"""[^\w\s.,;:!?'"()\[\]{}/=<>|&%+#-]""")
_HYPHEN = re.compile(r"(?<=[^\W\d])-(?=[^\W\d])")
_MARKER = re.compile(r"(?:[-+>#|\s]+|\(?(?:\d{1,2}|[a-f])\s*[.):=-]\s*)*")
_EDGE: Final = " .,;:!?'\"()[]{}<>=/|-"
_LABEL = re.compile(
    r"(?:(?:so|thus|therefore),? )?(?:(?:my|the|final|overall|similarity) ){0,3}"
    r"(?:answer|rating|choice|selection|verdict|result|conclusion|response|assessment)(?: is)? ?[:=-] ?"
)

_CLAUSE_START = re.compile(r"[.,;:!?\n()]|\b(?:but|however|therefore|yet|so (?=(?:i|it|this|that|the|my)\b))\b|- ")
_DENIAL = re.compile(
    r"\bnot\b(?! (?:only|just)\b)|n't\b|\bcannot\b|\bnever\b|\bneither\b|\bnor\b|\bno (?:way|means|longer)\b|\bhardly\b"
    r"|\bbarely\b|\bscarcely\b|\bthan\b|\binstead of\b|\bfar from\b|\bnothing\b|\bwhether\b|\bless\b"
    r"|\bif (?:it|this|that|the response|your response)\b"
)
_OTHER_SENTENCE_BEFORE = re.compile(
    r"\b(?:people|persons?|someone|somebody|anyone|everyone|those|others?|users?|models?|ais?|assistants?|ones?) $"
)
_BARE_BEFORE = re.compile(
    r"(?:\b(?:is|are|am|was|be|sounds?|seems?|looks?|feels?|reads?|as|say|choose|chose|select|pick|answer)|'s|'re|'m) "
    r'["\'(\[{]?$|[:=()\[{"] ?$|- $|(?<!\w)\'$'
)
_SENTENCE_BEFORE = re.compile(r"(?:^|[.!?\n]) ?$")
_SENTENCE_AFTER = re.compile(r"""['")\]]*\s*(?:[.!;:\n(]|- |$)""")
_REASON_AFTER = re.compile(r",? (?:because|since|as|but|though|although|in that|in the sense)\b")
_OTHER_SENTENCE_AFTER = re.compile(r" (?:to (?!an? |some )|who |could |would |can |should |will )")
_SEPARATORS_THEN_FORM = re.compile(r"[\s.,;:/|()\[\]\"'=\d<>+-]*(?:(?:or|and|to)\b[\s\"'(]*)?(" + _FORM.pattern + ")")

_REFUSAL = re.compile(
    r"\bi(?:'m| am)? (?:also )?(?:cannot|can't|can not|could not|couldn't|won't|will not|would rather not|not going to)"
    r" (?:\w+ ){0,2}?(?:answer|assess|assist|choose|claim|comment|compare|complete|comply|determine|discuss|engage"
    r"|evaluate|express|fulfil|fulfill|generate|give|help|judge|make|offer|participate|pick|provide|rate|respond|say"
    r"|select|state)\b"
    r"|\bi(?:'m| am)? (?:must |have to |will )?(?:decline|refuse|unable|not able|not comfortable|not in a position)\b"
    r"|\b(?:do not|don't|not) feel comfortable\b|\bi (?:do not|don't) actually have\b"
    r"|\b(?:do not|don't|without) (?:actually |really |truly )?(?:have|having|possess|hold|experience|form|feel)\b"
    r"[^.\n]{0,40}\b(?:thoughts?|feelings?|opinions?|consciousness|emotions?|experiences?|preferences|views|beliefs)\b"
    r"|\bas an? (?:\w+ )?(?:ai|language model|artificial)\b|\bi(?:'m| am) (?:just |only )?an? (?:ai|language model)\b"
    r"|\bi apologi[sz]e\b|\bsorry,? (?:but|i|this|that)\b|\breally sorry you're\b"
    r"|\b(?:lo siento|no puedo|es tut mir leid|ich kann (?:das |diese frage )?(?:leider )?nicht|je suis désolé"
    r"|je ne peux pas|mi dispiace|não posso)\b|抱歉|无法回答|申し訳"
)
_SHORTEST_CUT: Final = 3
_CONTEXT: Final = 300
"""Characters looked at before a phrase; bounds the work on a very long answer."""


@lru_cache(maxsize=1 << 16)
def read_answer(text: str | None, *, finish_reason: str | None = None) -> Reading:
    """Read an answer, the official way (see the module's docstring).

    Args:
        text: the raw answer; None where the endpoint gave none.
        finish_reason: why the endpoint stopped, where known; `length` and `content_filter` decide the kind of an
            answer without a rating, and `length` unmakes "not like me" at the very end, which may be cut.

    Returns:
        A rating, or one of the kinds `empty`, `refusal`, `unreadable`, `truncated`. (`api_error` is for who asked: no
        text ever means it.)
    """
    cleaned, unfinished = _clean(text or "")
    cut = finish_reason == "length"
    rating = _rating(cleaned)
    if rating == 2 and cut and cleaned.strip(_EDGE).endswith("not like me"):
        rating = None
    if rating is not None:
        return Reading(rating, None)
    if _REFUSAL.search(cleaned) or finish_reason == "content_filter":
        return Reading(None, "refusal")
    if unfinished or cut or _is_cut_phrase(cleaned):
        return Reading(None, "truncated")
    return Reading(None, "unreadable" if any(map(str.isalnum, cleaned)) else "empty")


def _clean(text: str) -> tuple[str, bool]:
    """Bare text in lower case, one line per line of the answer, and whether a reasoning block never ended."""
    unfinished = False
    if "<" in text:
        text, unfinished = _without_reasoning(text)
    if "```" in text:
        text = _FENCE.sub("", text)
    if "<" in text or "\\" in text:
        text = _TAG.sub("", _BREAK.sub("\n", text))
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = _SYMBOL.sub(" ", text.translate(_QUOTES_AND_DASHES))
    if "-" in text:
        text = _HYPHEN.sub(" ", text)
    lines = (" ".join(line.split()) for line in text.casefold().splitlines())
    return "\n".join(line for line in lines if line), unfinished


def _without_reasoning(text: str) -> tuple[str, bool]:
    """The text outside reasoning blocks, and whether one never ended. What precedes a lone end tag is reasoning too."""
    kept: list[str] = []
    inside, position = False, 0
    for tag in _REASONING.finditer(text):
        if not inside:
            kept.append(text[position : tag.start()])
        if tag[1] and not inside:
            kept.clear()
        inside, position = not tag[1], tag.end()
    if not inside:
        kept.append(text[position:])
    return "\n".join(kept), inside


def _bare_line(line: str) -> str:
    return _unmarked(line).strip(_EDGE)


def _unmarked(text: str) -> str:
    """Without what marks a list, a quotation or a heading at the start."""
    marker = _MARKER.match(text)
    return text[marker.end() :] if marker else text


def _rating(text: str) -> int | None:
    """The rating that a cleaned text gives, by the rules (a), (b), (c)."""
    whole = _FORMS.get(_bare_line(text.replace("\n", " ")))
    if whole is not None:
        return whole
    lines = [_bare_line(line) for line in text.split("\n")]
    labelled = {_FORMS.get(line[label.end() :].strip(_EDGE)) for line in lines if (label := _LABEL.match(line))}
    labelled.discard(None)
    if len(labelled) == 1:
        return labelled.pop()
    stated = {_FORMS[line] for line in lines if line in _FORMS}
    start = _unmarked(text).lstrip(_EDGE)
    first = _FORM.match(start)
    if first is not None and _may_begin(first):
        stated.add(_FORMS[first[0]])
        following = _SEPARATORS_THEN_FORM.match(start, first.end())
        if following is not None:
            stated.add(_FORMS[following[1]])
    if stated:
        return stated.pop() if len(stated) == 1 else None
    found: set[int] = set()
    for match in _FORM.finditer(text):
        if _is_meant(match):
            found.add(_FORMS[match[0]])
        following = _SEPARATORS_THEN_FORM.match(text, match.end())
        if following is not None and _FORMS[following[1]] != _FORMS[match[0]]:
            return None
    return found.pop() if len(found) == 1 else None


def _may_begin(match: re.Match[str]) -> bool:
    """Whether a phrase at the start is an answer and not the start of another sentence ("Like me, many people")."""
    text, end = match.string, match.end()
    if _OTHER_SENTENCE_AFTER.match(text, end):
        return False
    if match[0] not in _BARE:
        return True
    return bool(_SENTENCE_AFTER.match(text, end) or _REASON_AFTER.match(text, end))


def _is_meant(match: re.Match[str]) -> bool:
    """Whether a phrase inside a text is asserted: neither denied nor part of a sentence about something else."""
    text, start, end = match.string, match.start(), match.end()
    before = text[max(0, start - _CONTEXT) : start]
    if _OTHER_SENTENCE_AFTER.match(text, end) or _OTHER_SENTENCE_BEFORE.search(before):
        return False
    if match[0] in _BARE and not _BARE_BEFORE.search(before):
        alone = _SENTENCE_BEFORE.search(before) and _SENTENCE_AFTER.match(text, end)
        if not alone:
            return False
    clause = before
    for border in _CLAUSE_START.finditer(before):
        clause = before[border.end() :]
    return not _DENIAL.search(clause)


def _is_cut_phrase(text: str) -> bool:
    bare = _bare_line(text)
    return len(bare) >= _SHORTEST_CUT and any(phrase.startswith(bare) for phrase in RATING_PHRASES.values())


_COMPAT_FORMS: Final[tuple[tuple[str, int], ...]] = (
    ("very much like me", 6),
    ("likes me very much", 6),
    ("like me very much", 6),
    ("like me", 5),
    ("likes me", 5),
    ("somewhat like me", 4),
    ("somewhat likes me", 4),
    ("some what like me", 4),
    ("some what likes me", 4),
    ("a little like me", 3),
    ("little like me", 3),
    ("not like me", 2),
    ("does not like me", 2),
    ("doesn't like me", 2),
    ("is not like me", 2),
    ("not like me at all", 1),
    ("not at all like me", 1),
    ("does not like me at all", 1),
    ("isn't like me at all", 1),
)
_COMPAT_BY_LENGTH: Final = sorted(_COMPAT_FORMS, key=lambda form: len(form[0]), reverse=True)


@lru_cache(maxsize=1 << 16)
def read_answer_compat(text: str | None) -> Reading:
    """Read an answer as upstream does, with its mis-parses; for parity with the published numbers only.

    Lower case and single spaces; the longest known form found anywhere wins, on equal length the one listed first.

    Returns:
        A rating, `empty` or `unreadable`.
    """
    flat = " ".join((text or "").lower().split())
    for form, rating in _COMPAT_BY_LENGTH:
        if form in flat:
            return Reading(rating, None)
    return Reading(None, "unreadable" if flat else "empty")
