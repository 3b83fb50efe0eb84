"""From an answer as an endpoint sent it to the bare text that may be read: without reasoning, markup and decoration.

Scope: structure, not meaning; what the text says is `reader`. A pipeline of small steps, each a function of
the text alone with a table of what it knows, so that the format of another engine is one line in a table:

1. `_plain_brackets`: entities and brackets of other kinds become `<`, `>`, `[`, `]`, `|`.
2. `_marked`: tags, special tokens and channels become `_Mark`s: reasoning, answer or turn, begun or ended.
3. `_counted`: the text that counts. An answer block or final channel counts, if there is one, with what follows it
   (that may take it back), and nothing before it; reasoning never counts, and if it never ends, the answer is
   unfinished.
4. `_chosen_field`: of JSON, the field that is the answer.
5. `_without_markup`: other blocks, HTML, Markdown, LaTeX.
6. `_folded`: compatibility characters, quotes, symbols, case and white space.

Where the structure is in doubt, text is marked (`DOUBT`) or left out rather than offered as an answer.

The work is linear in the length and bounded: an answer of `LONGEST_ANSWER` characters or more is not looked at, and
what is left of a shorter one without its reasoning is normalised only up to `LONGEST_READ`.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from string import ascii_lowercase
from typing import Any, Final, Literal, NamedTuple

import orjson

LONGEST_ANSWER: Final = 1 << 18
"""Characters. An answer of this length or more has no end: it is `truncated`, whatever it says. Whoever keeps answers
may cut them to this length."""

LONGEST_READ: Final = 1 << 14
"""Characters of an answer without its reasoning. A longer one is `truncated` too."""

DOUBT: Final = "\ue000"
"""Stands in bare text where something was that makes what is beside it no plain statement (struck out, crossed out)."""


class BareText(NamedTuple):
    """What is left of an answer."""

    text: str
    """Lower case, single spaces, one line per line of the answer, no empty lines."""
    unfinished: bool
    """Whether reasoning never ended, or the answer is longer than is read."""


def bare_text(raw: str) -> BareText:
    """The text of an answer that counts, by the steps that the module's docstring names."""
    if len(raw) >= LONGEST_ANSWER:
        return BareText("", unfinished=True)
    text = _plain_brackets(raw)
    text, unfinished = _counted(text)
    if len(text) > LONGEST_READ:
        return BareText("", unfinished=True)
    text = _folded(_without_markup(_chosen_field(text)))
    if len(text) > LONGEST_READ:
        return BareText("", unfinished=True)
    return BareText(text, unfinished)


# --- 1: brackets ----------------------------------------------------------------------------------------------------

_ENTITY: Final = re.compile(r"&(?:amp;)*(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{1,31});")
_ESCAPE: Final = re.compile(r"\\u00(3[cCeE])|\\([<>\"/])|(?:\A|(?<=\\n))\\n|\\n(?![a-z])")
_BRACKETS: Final = str.maketrans(
    dict.fromkeys("◁〈⟨《", "<")
    | dict.fromkeys("▷〉⟩》", ">")
    | dict.fromkeys("【〖", "[")
    | dict.fromkeys("】〗", "]")
    | {0xFF01 + n: chr(0x21 + n) for n in range(94)}
    | {"▁": "_", "\u00a0": " "}
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u2061\u2062\u2063", "")
)


def _unescaped(found: re.Match[str]) -> str:
    if found[1]:
        return {"3c": "<", "3e": ">"}[found[1].lower()]
    return found[2] or "\n"


_TERMINAL: Final = re.compile(r"\x1b\[([\d;]{0,20})[a-zA-Z]")
_TOKEN_END: Final = re.compile(r"<\|/([a-zA-Z_]{1,40})\|?>")
_PAIRED_TOKEN: Final = re.compile(r"<\|(/?)([a-zA-Z_]{1,40})\|?>")


def _plain_brackets(text: str) -> str:
    """Entities, escapes and brackets of other kinds as the plain characters that they stand for."""
    if "\x1b" in text:
        text = _TERMINAL.sub(lambda found: DOUBT if "9" in found[1].split(";") else "", text)
    if "&" in text:
        text = _ENTITY.sub(lambda found: html.unescape(f"&{found[1]};"), text)
    if "\\" in text:
        text = _ESCAPE.sub(_unescaped, text)
    if not text.isascii():
        text = text.translate(_BRACKETS)
    if "<|/" in text:
        # special tokens that pair as tags do
        paired = {found[1] for found in _TOKEN_END.finditer(text)}
        text = _PAIRED_TOKEN.sub(lambda found: f"<{found[1]}{found[2]}>" if found[2] in paired else found[0], text)
    return text


# --- 2: marks -------------------------------------------------------------------------------------------------------


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


Role = Literal["reasoning", "answer", "turn", "other", "token"]

_ROLE_WORDS: Final[dict[Role, str]] = {
    "reasoning": (
        "think thinks thinking thought thoughts thoughtful thinker reason reasons reasoning analysis analyse analyze "
        "analyzing reflect reflection reflections reflecting scratchpad scratch monologue cot chainofthought plan "
        "planning deliberation deliberate deliberating ponder pondering contemplation contemplator draft brainstorm "
        "brainstorming internal introspection critique commentary rationale explanation explain justification notes "
        "note comment comments summary details thoughtprocess unused94 ctrl94 denken gedanken nachdenken reflexion "
        "razonamiento pensamiento pensiero raciocinio 思考 思考过程 思维 思维过程 推理 推理过程 分析 想法 考え 생각 "
        "추론 мысли размышления"
    ),
    "answer": (
        "answer answers final response output result rating choice selection verdict box boxed conclusion solution"
        " reply finalanswer finalresponse unused95 ctrl95 judgement judgment"
        " score label grade category decision 回答 答案 最终答案 最终回答 结论 答え 답변 답 ответ"
    ),
}
_ROLES: Final[dict[str, Role]] = {word: role for role, words in _ROLE_WORDS.items() for word in words.split()}
"""What a block holds, by a word of its name: the last word that stands here decides."""

_TURN_ENDS: Final = _words(
    "im_end eot_id eot eom eom_id endoftext end_of_text end_of_turn end_of_sentence end_of_message end_of_utterance"
    " end_of_turn_token eos eod return call flush s end turn_end message_end end_of_role endofturn"
)
"""Special tokens behind which another turn begins, in lower case (`s` is `</s>`)."""
_OTHERS: Final = _words("user human system tool developer observation user_token system_token im_user im_system")
"""Who speaks in a turn that is not the model's."""
_TURN_BEGINS: Final = _OTHERS | _words(
    "start begin im_start start_of_turn start_header_id start_of_turn_token start_of_role assistant model extra_id_1"
)

_BEGIN: Final = _words("begin start open bos begins starts")
_END: Final = _words("end stop close eos ends")
_SMALL: Final = _words("of the my here is process block section")
_CHANNELS: Final[dict[str, Role]] = {"final": "answer", "response": "answer", "answer": "answer"}
"""Channels that hold the answer; what stands in any other one is reasoning."""

_TEXT_MARKS: Final[tuple[tuple[str, str, Role, bool, str], ...]] = (
    # Harmony without its special tokens: names of channels glued to the text, or with some of the tokens left
    ("assistant", r"assistant\n?final(?!ly|\w{0,20}\s{0,3}:)(?:<\|message\|>|json(?=\{))?", "answer", True, "channel"),
    ("assistant", r"assistant(?:analysis|commentary)(?:<\|message\|>)?", "reasoning", True, "channel"),
    (
        "analysis|commentary",
        r"\A\s*(?:analysis|commentary)(?=[A-Z\"'(\n]|<\|message\|>)(?:<\|message\|>)?",
        "reasoning",
        True,
        "channel",
    ),
    (
        "final",
        r"\A\s*final(?=(?i:very much|likes? me|somewhat|a little|not like)|\n|<\|message\|>)",
        "answer",
        True,
        "channel",
    ),
    ("final", r"^[ \t]*(?:assistant ?)?final[ \t]*\n(?=\s*\S)", "answer", True, "channel"),
    # Granite 3.2; Ollama's command line; code fences; comments
    (
        "s my ",
        r"(?i:^[^\w\n]{0,20}_{0,3}here(?: is|'s|’s) my (?:thought process|thinking|reasoning)[^\w\n]{0,20}$)",
        "reasoning",
        True,
        "granite",
    ),
    (
        "s my ",
        r"(?i:^[^\w\n]{0,20}_{0,3}here(?: is|'s|’s) my (?:final )?(?:response|answer|rating|choice)[*_]{0,3}:)",
        "answer",
        True,
        "granite",
    ),
    ("thinking", r"(?i:\A\s*thinking ?(?:\.\.\.|…)[ \t]*$)", "reasoning", True, "ollama"),
    ("thinking", r"(?i:^[.… \t]{0,20}done thinking\b[.…]{0,9})", "reasoning", False, "ollama"),
    (
        "```",
        r"(?i:^[ \t]*```[ \t]*(?:think\w*|thoughts?|reasoning|analysis|scratchpad)[ \t]*$)",
        "reasoning",
        True,
        "fence",
    ),
    ("<!--", r"<!--", "other", True, "<!--"),
    ("-->", r"-->", "other", False, "<!--"),
)
"""Beginnings (True) and ends (False) of blocks that are no tags: the words of which every match holds one, in lower
case, its pattern, what the block holds, name of the pair."""

_MARK: Final = re.compile(
    "|".join(f"(?P<t{n}>{pattern})" for n, (_, pattern, *_) in enumerate(_TEXT_MARKS))
    + r"|<(?P<angle>[^<>\n]{1,200})\n?[ \t]{0,9}>|\[{1,2}(?P<square>[^\[\]\n]{1,40})\]{1,2}"
    r"|\{(?P<curly>/?[a-z_]{3,20})\}" + r"|\\(?:boxed|fbox)\s{0,9}(?P<box>\{)|^[ \t]*(?P<fence>```)[ \t]*$",
    re.MULTILINE,
)
_MARK_SIGN: Final = re.compile(
    "|".join(map(re.escape, sorted({"<", "[", "{", "```", *"|".join(signs for signs, *_ in _TEXT_MARKS).split("|")})))
)
"""A text without any of these in lower case has no mark; looking for them costs a tenth of looking for marks."""
_SPEAKER: Final = re.compile(
    r"\s{0,9}(?:(assistant|model|bot|chatbot|user|human|system|tool|developer|observation)\b:?"
    r"|(think|thinking|thoughts?|reasoning|analysis|final|answer|response)[ \t]*(?=\n|<))",
    re.I,
)
"""Who speaks in a turn, or what a turn holds."""
_CHANNEL_NAME: Final = re.compile(r"\s{0,9}([a-zA-Z]+)((?:[^<>\n]{0,100}<\|(?:constrain|message)\|>){0,3})")
_WORD: Final = re.compile(r"(?:unused|ctrl)\d+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_FIELD: Final = re.compile(r"(?:parameter|param|field|arg|argument|item|property|string)\b", re.IGNORECASE)
_BYTE: Final = re.compile(r"0x[0-9A-Fa-f]{2}|unk|pad|bos|eos|mask|sop|eop|cls|sep|assistant|model|bot|ai")
"""Tokens of a tokenizer that stand in angle brackets."""
_BRACE: Final = re.compile(r"[{}]")


class _Mark(NamedTuple):
    """Where a block begins or ends."""

    start: int
    end: int
    role: Role
    opens: bool
    name: str = ""
    """What its other end must be called too; empty where any end will do."""
    strong: bool = False
    """A special token, channel or sentence of an engine, which a model does not write while it thinks."""


def _marked(text: str) -> Iterator[_Mark]:
    """All marks in a text, in order; what is none is left to the later steps."""
    if _MARK_SIGN.search(text.lower()) is None:
        return
    position = 0
    while (found := _MARK.search(text, position)) is not None:
        mark = _mark_of(found)
        # what is no mark may hold one
        position = found.start() + 1 if mark is None else mark.end
        if mark is not None:
            yield mark


def _mark_of(found: re.Match[str]) -> _Mark | None:
    kind, start, end = found.lastgroup or "", found.start(), found.end()
    if kind.startswith("t"):
        _, _, role, opens, name = _TEXT_MARKS[int(kind[1:])]
        return _Mark(start, end, role, opens, name, strong=True)
    if kind == "box":
        return _Mark(start, end, "answer", opens=True, name="{")
    if kind == "fence":
        return _Mark(start, end, "token", opens=False, name="fence")
    inner = found[kind].strip()
    bare = inner.strip("|/ \t")
    if kind == "square" and bare.lower() == "inst":
        return _Mark(start, end, "other", opens=not inner.startswith("/"), name="inst", strong=True)
    if kind == "angle":
        token = "|" in inner or bare.startswith(("unused", "ctrl")) or ("_" in bare and bare.lower() in _TURN_BEGINS)
    else:
        token = kind == "square" and inner[:1] == inner[-1:] == "|"
    if token and not _PHRASE.search(inner):
        return _special_token(found, inner)
    if _BYTE.fullmatch(bare.lower() if kind == "square" else bare) or (
        kind == "angle" and _is_start_token(found, inner)
    ):
        return _Mark(start, end, "token", opens=False)
    if inner.startswith("/") and _is_field(bare):
        return _Mark(start, end, "other", opens=False, name="field")
    if kind == "square" and (bare.lower() == "end" or "_".join(bare.lower().split()) in _TURN_ENDS - {"s"}):
        return _Mark(start, end, "turn", opens=False)
    if kind == "angle" and bare.lower() in _TURN_ENDS and (inner.startswith("/") or "_" in inner):
        return _Mark(start, end, "turn", opens=False, strong=True)
    first = bare.split(" ")[0]
    whole = kind != "angle" or _is_field(bare) or first.lower() in _BEGIN | _END
    named = _named(bare if whole else first)
    if named.role == "answer" and _PHRASE.search(bare):
        return None
    if named.role is None or (kind != "angle" and not named.known) or (kind == "curly" and named.role != "reasoning"):
        return None
    if inner.endswith("/"):
        return _Mark(start, end, "token", opens=False)
    opens = not inner.startswith("/") and (named.begins or not named.ends)
    stem = "field" if _is_field(bare) else named.stem
    # an answer in square brackets is a heading: no end of what was before need stand there
    return _Mark(start, end, named.role, opens, stem, strong=kind == "square" and named.role == "answer")


def _is_start_token(found: re.Match[str], inner: str) -> bool:
    """Whether `<s>` begins a text as a token does, and not what is struck out."""
    text = found.string
    return (
        inner.lower() == "s" and not text[: found.start()].strip() and text.find("</s>") in (-1, len(text.rstrip()) - 4)
    )


def _special_token(found: re.Match[str], inner: str) -> _Mark:
    """What a special token begins or ends, with the name of the channel or role that may stand behind it."""
    text, start, end = found.string, found.start(), found.end()
    name = inner.strip("|/ \t").lower()
    closing = "/" in inner[:3] or not inner.startswith(("|", "unused", "ctrl"))
    if name == "channel":
        channel = None if closing else _CHANNEL_NAME.match(text, end)
        role = _CHANNELS.get(channel[1].lower(), "reasoning") if channel else "reasoning"
        if channel and " to=" in channel[2]:
            role = "answer"  # the arguments of a tool
        return _Mark(start, channel.end() if channel else end, role, not closing, name, strong=True)
    if name in _TURN_BEGINS:
        speaker = _SPEAKER.match(text, end)
        if speaker is not None and speaker[2]:
            return _Mark(start, speaker.end(), _ROLES[speaker[2].lower()], opens=True, name="turn", strong=True)
        other = name in _OTHERS or (speaker is not None and speaker[1].lower() in _OTHERS)
        end = speaker.end() if speaker else end
        return _Mark(start, end, "other" if other else "turn", opens=True, name="turn", strong=True)
    if name in _TURN_ENDS:
        return _Mark(start, end, "turn", opens=False, strong=True)
    named = _named(name)
    if named.role is None:
        return _Mark(start, end, "token", opens=False)
    opens = not closing and (named.begins or not named.ends)
    return _Mark(start, end, named.role, opens, named.stem, strong=True)


class _Name(NamedTuple):
    """What the name of a tag, token or field says."""

    role: Role | None
    begins: bool
    ends: bool
    known: bool
    """Whether every word of it is in a table."""
    stem: str
    """What beginning and end have in common."""


def _named(name: str) -> _Name:
    words = [word.lower() for word in _WORD.findall(name)]
    known = [word for word in words if word in _ROLES]
    return _Name(
        role=_ROLES[known[-1]] if known and "no" not in words else None,
        begins=not _BEGIN.isdisjoint(words),
        ends=not _END.isdisjoint(words),
        known=all(word in _ROLES or word in _BEGIN or word in _END or word in _SMALL for word in words),
        stem=known[-1][:5] if known else "",
    )


def _is_field(name: str) -> bool:
    """Whether a tag's own name says nothing, so that its attributes do (`<parameter name="rating">`)."""
    return _FIELD.match(name) is not None


# --- 3: what counts -------------------------------------------------------------------------------------------------

_PHRASE: Final = re.compile(r"(?<![^\W_])likes?[\s_*-]{1,3}me(?![^\W_])", re.IGNORECASE)
"""What all phrases of the scale have in common."""


def _counted(text: str) -> tuple[str, bool]:
    """The text that counts, and whether reasoning never ended."""
    blocks = _Blocks()
    position = 0
    for mark in _marked(text):
        if mark.start < position:
            continue
        blocks.add(text[position : mark.start])
        position = mark.end
        if mark.name == "{":
            position = _brace_end(text, mark.end)
            blocks.box(text[mark.end : position])
        else:
            blocks.enter(mark)
            if mark.role == "answer" and mark.opens and _holds(text[mark.start : mark.end], _DENYING_NAMES):
                blocks.add(DOUBT)
    blocks.add(text[position:])
    return blocks.counted()


def _brace_end(text: str, start: int) -> int:
    """Where the brace that was opened before `start` is closed, or the end of the text."""
    depth = 1
    for found in _BRACE.finditer(text, start):
        depth += 1 if found[0] == "{" else -1
        if depth == 0:
            return found.start()
    return len(text)


_BEFORE: Final = 60
_DENIED_BLOCK: Final = re.compile(
    r"(?:\b(?:not|never|hardly|barely|cannot|neither|nor|doubt|wrong|incorrect|opposite|reverse|contrary|neg"
    r"|lnot|(?:any|every)thing but|other than|instead of|rather than|far from|without)\b|n['’]t|¬)"
    r"(?:(?!\bbut\b)[^.,:;!?\n])*\Z",
    re.IGNORECASE,
)
_REMARK_STEMS: Final = _words("note notes comme")
"""Blocks that behind an answer say something of it, and before it are thoughts."""


class _Blocks:
    """Sorts the pieces of a text into what counts and what does not, as the marks between them say.

    What precedes a lone end of reasoning is reasoning too (its beginning stood in the prompt), and what precedes a
    final channel is not the answer. An answer block inside reasoning counts only if it is the last thing there and the
    reasoning has no end of its own.
    """

    def __init__(self) -> None:
        self._outside: list[str] = []
        self._answers: list[str] = []
        self._behind: list[str] = []
        """Pieces outside that stand behind the last answer block."""
        self._inner: list[str] = []
        self._open: list[_Mark] = []
        """Blocks of reasoning and of others that have begun, the outermost first."""
        self._in_answer = False
        self._in_inner = False
        self._only_answers = False
        self._spoken = False
        self._looked_at = 0

    def add(self, piece: str) -> None:
        """A piece of text, where the marks before it say that it belongs."""
        if self._open and self._open[0].name in _REMARK_STEMS and self._has_spoken():
            remark = f"\nnote: {piece}\n"
            self._outside.append(remark)
            self._behind.append(remark)
        elif not self._open:
            (self._answers if self._in_answer else self._outside).append(piece)
            if self._answers and not self._in_answer:
                self._behind.append(piece)
        elif self._in_inner:
            self._inner.append(piece)
        elif piece.strip():
            self._inner.clear()

    def _has_spoken(self) -> bool:
        """Whether a phrase stands outside already; each piece is looked at once."""
        self._spoken = self._spoken or any(map(_PHRASE.search, self._outside[self._looked_at :]))
        self._looked_at = len(self._outside)
        return self._spoken

    def box(self, piece: str) -> None:
        """An answer in a box of its own."""
        if self._open:
            return
        self._answers.append(f"\n{self._doubt()}{piece}\n")
        self._behind.clear()
        if not self._in_answer:
            self._in_line(piece)

    def _doubt(self) -> str:
        """`DOUBT` where the words right before an answer block deny what it holds."""
        return DOUBT if self._outside and _DENIED_BLOCK.search(self._outside[-1][-_BEFORE:]) else ""

    def _in_line(self, piece: str) -> None:
        """Words of an answer block without a phrase may be a part of what is around it ("[not] like me")."""
        if len(piece) <= _SHORT and any(map(str.isalpha, piece)) and not _PHRASE.search(piece):
            self._outside.append(piece)

    def enter(self, mark: _Mark) -> None:
        """A mark, and what changes with it."""
        {
            "reasoning": self._reasoning,
            "answer": self._answer,
            "turn": self._turn,
            "other": self._other,
            "token": self._token,
        }[mark.role](mark)

    def _reasoning(self, mark: _Mark) -> None:
        names = [opened.name for opened in self._open]
        if mark.opens:
            if mark.name not in names:
                self._open.append(mark)
            self._in_inner = False
        elif mark.name in names:
            del self._open[names.index(mark.name) :]
            self._inner.clear()
        elif self._open:
            self._open.clear()
            self._inner.clear()
        elif not (self._in_answer and mark.strong):
            self._outside.clear()
            self._answers.clear()
            self._behind.clear()
            self._in_answer = False
        else:
            self._in_answer = False

    def _answer(self, mark: _Mark) -> None:
        if self._open and not mark.strong:
            self._in_inner = mark.opens
            self._inner.append("\n")
        elif mark.opens:
            if mark.strong:
                self._open.clear()
                self._outside.clear()
                self._answers.clear()
                self._only_answers = True
            self._in_answer = True
            self._answers.append(f"\n{self._doubt()}")
            self._behind.clear()
        elif self._in_answer:
            self._in_answer = False
            self._in_line(self._answers[-1])
        elif not self._answers:
            # an answer's end alone: its beginning stood in the prompt
            self._answers, self._outside = self._outside, []

    def _turn(self, mark: _Mark) -> None:
        if self._open:
            if self._open[-1].strong:
                self._open.pop()
        elif self._in_answer and self._only_answers:
            self._in_answer = False
        else:
            self.add("\n")

    def _other(self, mark: _Mark) -> None:
        names = [opened.name for opened in self._open]
        if mark.opens and mark.name not in names:
            self._open.append(mark)
        elif not mark.opens and mark.name in names:
            del self._open[names.index(mark.name) :]
        elif mark.name == "field":
            self._in_answer = False
            self.add("\n")

    def _token(self, mark: _Mark) -> None:
        if mark.name == "fence" and self._open and self._open[-1].name == "fence":
            self._open.pop()
        else:
            self.add("\n" if mark.name == "fence" else " ")

    def counted(self) -> tuple[str, bool]:
        """The text that counts, and whether reasoning never ended."""
        unfinished = any(opened.role == "reasoning" for opened in self._open)
        inner, answers, outside = ("".join(parts) for parts in (self._inner, self._answers, self._outside))
        if unfinished:
            return (inner, False) if _PHRASE.search(inner) and not self._in_inner else ("", True)
        bare = len(outside.strip()) <= _SHORT and "<" not in outside and _PHRASE.search(outside) is not None
        if bare and answers and not self._only_answers:
            # a bare statement beside an answer block: which of them is the answer is not known
            return f"{outside}\n{answers}", False
        if self._only_answers or _PHRASE.search(answers) or (answers.strip() and not _PHRASE.search(outside)):
            # what follows a block may take it back
            return "\n".join([answers, *self._behind]), False
        return outside, False


# --- 4: JSON --------------------------------------------------------------------------------------------------------

_FENCE_LINE: Final = re.compile(r"^[ \t]*(?:```|~~~)[\w-]*[ \t]*$", re.MULTILINE)
_PAIR: Final = re.compile(
    r"""["'](\w[\w -]{0,60})["']\s{0,9}:\s{0,9}(?:"([^"\n]{0,2000})|'([^'\n]{0,2000})'|(\w[\w ]{0,60}))"""
)
_DEEPEST: Final = 8
_CALL: Final = re.compile(r"""[\s\[]*([a-zA-Z_.]+)[(\s]\s*(?:([a-zA-Z_]+)\s?[=:]\s?)?(["'])([^"'\n]+)\3[\s)\];]*""")
"""A call of one function with one text."""
_LONGEST_CALL: Final = 120
_CALLED: Final = _words(
    "answer choice choose console echo final finish give log output phrase pick print rate rating reply"
    " respond response return say select selection send set similarity submit text value"
)
"""Words of functions and of their arguments that only hand the answer over."""


def _chosen_field(text: str) -> str:
    """Of JSON the fields that hold the answer, one a line; any other text as it is, without code fences."""
    if "```" in text or "~~~" in text:
        text = _FENCE_LINE.sub("", text)
    quoted = len(text) <= _LONGEST_CALL and ("'" in text or '"' in text)
    call = _CALL.fullmatch(text) if quoted else None
    if call is not None and _CALLED.issuperset(_WORD.findall(f"{call[1]} {call[2] or ''}".lower().replace("_", " "))):
        return call[4]
    start = text.find("{")
    if start < 0:
        start = text.find('["')
    if start < 0 or _PHRASE.search(text, 0, start):
        return text
    end = max(text.rfind("}"), text.rfind("]")) + 1
    behind = ""
    try:
        fields = list(_fields("", orjson.loads(text[start:end]), 0))
        if _PHRASE.search(text, end):
            return text
        behind = f"\n{text[end:]}"
    except orjson.JSONDecodeError:
        fields = [(key, plain or quoted or word) for key, plain, quoted, word in _PAIR.findall(text, start)]
        if not fields:
            return text
    return _of_fields(fields) + behind


def _fields(name: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    """All names and texts in a parsed JSON value; names of what is nested in reasoning are dropped with it."""
    if isinstance(value, dict) and depth < _DEEPEST:
        for key, inner in value.items():
            yield from _fields(key, inner, depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST:
        for inner in value:
            yield from _fields(name, inner, depth + 1)
    elif isinstance(value, str | bool | int | float):
        yield name, str(value)


_DENYING_NAMES: Final = _words(
    "not no non never reject rejected excluded eliminated discarded wrong incorrect opposite least unlike previous old"
    " initial example examples options enum choices sarcasm sarcastic irony ironic joke joking error invalid mistake"
    " retracted withdrawn cancelled canceled superseded hardly barely scarcely un dis anti nothing anything"
    " negated negate negative inverted reversed flipped refused declined input prompt question query neg"
    " crossed struck deleted removed"
)
"""Words of names of fields and blocks that hold what is not the answer."""
_TRUE: Final = _words("true yes")
_FALSE: Final = _words("false no")
_REMARKS: Final = _words("note notes comment comments remark remarks caveat correction warning disclaimer confidence")
"""Words of names of fields that say something of the answer."""
_CONFIRMING_NAMES: Final = _words("valid correct confirmed accepted verified right")
_LISTED: Final = 4
"""So many phrases in one field are a copy of the options."""
_SAYS: Final = re.compile(r"[^\W\d_]{3}")
"""Words, and not a number or the letter of an option."""


def _holds(name: str, words: frozenset[str]) -> bool:
    """Whether a word of a name stands in a table."""
    return not words.isdisjoint(word.lower() for word in _WORD.findall(name))


def _of_fields(fields: list[tuple[str, str]]) -> str:
    if any(_PHRASE.search(key) for key, _ in fields):
        chosen = [key for key, value in fields if value.lower() == "true"]
        flags = {value.lower() for _, value in fields} <= {"true", "false"}
        return chosen[0] if len(chosen) == 1 and flags else DOUBT + "json"
    for key, value in fields:
        if (_holds(key, _DENYING_NAMES) and value.lower() in _TRUE) or (
            _holds(key, _CONFIRMING_NAMES) and value.lower() in _FALSE
        ):
            return DOUBT + "json"
    listed = Counter(key for key, value in fields if _PHRASE.search(value))
    texts = [
        (key, value)
        for key, value in fields
        if listed[key] < _LISTED
        and _named(key).role != "reasoning"
        and not _holds(key, _DENYING_NAMES)
        and _PHRASE.search(value)
    ]
    answers = [value for key, value in texts if _named(key).role == "answer"]
    remarks = [f"{key}: {value}" for key, value in fields if _holds(key, _REMARKS)]
    if not answers and any(_named(key).role == "answer" and _holds(value, _DENYING_NAMES) for key, value in fields):
        return DOUBT + "json"
    if not answers and any(_named(key).role == "answer" and _SAYS.search(value) for key, value in fields):
        return DOUBT + "json"
    answers += [value for key, value in texts if answers and _named(key).role is None and len(value) <= _SHORT]
    if not texts:
        return DOUBT + " ".join(value for _, value in fields)
    return "\n".join([*(answers or [value for _, value in texts]), *remarks])


# --- 5: markup ------------------------------------------------------------------------------------------------------

_TAG: Final = re.compile(r"<(/?)([a-zA-Z][\w:.-]{0,60})(?:[\s=/][^<>]{0,300})?>")
_LIKE_A_TAG: Final = re.compile(r"</?[a-zA-Z|!][^<>]{0,300}>")
_WORDS_IN_BRACKETS: Final = re.compile(r"<[a-zA-Z']+(?: [a-zA-Z']+)+>")
_HTML: Final = _words(
    "b i u em strong p div span br hr li ul ol dl dt dd h1 h2 h3 h4 h5 h6 mark code pre center font small big sub sup"
    " table tr td th tbody thead blockquote q a s del strike ins html body section article main label kbd samp var tt"
    " tool_call tool_calls function_call function invoke function_calls"
)
"""Elements that only say how text looks or where it stands; all others are blocks with a meaning of their own."""
_LINE: Final = _words("br p div li h1 h2 h3 h4 h5 h6 tr td th hr ul ol blockquote pre dt dd")
_STRUCK: Final = re.compile(r"~~|</?(?:s|del|strike)>", re.IGNORECASE)
_IMAGE: Final = re.compile(r"!\[[^\[\]]{0,300}\](?:\([^()]{0,500}\))?")
_LINK: Final = re.compile(r"\[([^\[\]]{0,300})\]\([^()\s]{0,500}\)")
_LATEX: Final = re.compile(r"\\(?:boxed|fbox|text|textbf|textit|mathrm|mathbf|mathit|operatorname|emph)\b|\\[()\[\]]")
_CHECKED: Final = re.compile(r"^[ \t*>-]{0,40}(?:\[[xX✓✔]\]|[☑✅])[ \t]*(.*)$", re.MULTILINE)
_UNCHECKED: Final = re.compile(r"^[ \t*>-]{0,40}(?:\[[ _]?\]|[☐⬜])[ \t]*(.*)$", re.MULTILINE)
_SHORT: Final = 30
"""Characters of a block that may be a bare statement whatever the block is called."""


def _without_markup(text: str) -> str:
    """Without blocks of other names, HTML, Markdown and LaTeX; what is struck out or not checked is in doubt."""
    if _STRUCK.search(text):
        text = _STRUCK.sub(DOUBT, text)
    if "<" in text:
        text = _LIKE_A_TAG.sub(_shown, _without_blocks(text))
    if any(sign in text for sign in "[☐⬜☑✅"):
        if _UNCHECKED.search(text):
            checked = [found[1] for found in _CHECKED.finditer(text)]
            text = "\n".join(checked) if checked else DOUBT + text
        text = _CHECKED.sub(r"\1", text)
        text = _LINK.sub(r"\1", _IMAGE.sub(DOUBT, text))
    return _LATEX.sub("", text) if "\\" in text else text


def _shown(tag: re.Match[str]) -> str:
    """What stands for a tag: a phrase in brackets is no tag, some are ends of lines."""
    if _PHRASE.search(tag[0]):
        return tag[0][1:-1]
    found = _TAG.match(tag[0])
    if found is not None and _holds(found[2], _DENYING_NAMES):
        return DOUBT
    if found is not None and _WORDS_IN_BRACKETS.fullmatch(tag[0]) and f"</{found[2]}" not in tag.string:
        return DOUBT  # "<anything but> like me"
    return "\n" if found is not None and found[2].lower() in _LINE else ""


_DEGREE: Final = re.compile(
    r"\w+ly|(?:some|no|any|every)\w+|a|little|less|least|more|most|much|many|very|quite|rather|zero|never|seldom|often"
    r"|almost|far|so|too|half",
    re.IGNORECASE,
)


def _is_word(name: str) -> bool:
    """Whether a tag is none, but a word before a phrase: "<hardly> like me"."""
    return _holds(name, _DENYING_NAMES) or _DEGREE.fullmatch(name) is not None


def _without_blocks(text: str) -> str:
    """Without blocks of unknown names that stand before or behind other text; alone, they hold the answer."""
    pieces: list[tuple[bool, str]] = []
    opened: re.Match[str] | None = None
    depth = position = 0
    word = ""
    for tag in _TAG.finditer(text):
        name = tag[2].lower()
        if name in _HTML or _PHRASE.search(tag[0]):
            continue
        if opened is None and not tag[1]:
            pieces.append((False, word + text[position : tag.start()]))
            word = ""
            opened, depth, position = tag, 1, tag.end()
        elif opened is not None and name == opened[2].lower():
            depth += -1 if tag[1] else 1
            if depth == 0:
                held = text[position : tag.start()]
                pieces.append((True, DOUBT if _holds(name, _DENYING_NAMES) else held))
                # "<x>not</x> like me": a word of the sentence around it
                word = DOUBT if len(held) <= _SHORT and not _PHRASE.search(held) and _is_word(held.strip()) else ""
                opened, position = None, tag.end()
    rest = word + text[position:]
    # a block that is begun and not ended may be thoughts, unless it holds a phrase and nothing else
    doubtful = opened is not None and (len(rest) > _SHORT or _is_word(opened[2]))
    pieces.append((False, DOUBT if doubtful else rest))
    alone = not any(any(map(str.isalnum, _LIKE_A_TAG.sub("", piece))) for block, piece in pieces if not block)
    kept = (piece for block, piece in pieces if not block or alone or (len(piece) <= _SHORT and _PHRASE.search(piece)))
    return "\n".join(kept)


# --- 6: folding -----------------------------------------------------------------------------------------------------

_FOLDED: Final = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "«": '"', "»": '"', "„": '"', "。": ". ", "_": " ", "…": "... "}
    | dict.fromkeys("「」『』《》", '"')
    | dict.fromkeys("、，", ", ")
    | dict.fromkeys("–—―", " - ")
    | dict.fromkeys("‐‑", "-")
    | dict.fromkeys("*`~", "")
    | dict.fromkeys("❌✗✘✖✕👎⛔❎🙃🙄🤥🤡🤷↓⬇¬≠≤≥", DOUBT)
    | dict.fromkeys("🚫🙅", " no, ")
    | dict.fromkeys("→⇒⟶", " -> ")
    | {"|": "\n", "\u20e3": ")"}
    | {start + n: letter for start in (0x1F150, 0x1F170, 0x1F1E6) for n, letter in enumerate(ascii_lowercase)}
)
_POWER: Final = re.compile(r"(?<!\[)\^[({]?\d")
_SYMBOL: Final = re.compile(rf"""[^\w\s.,;:!?'"()\[\]{{}}/=<>&%+#{DOUBT}\u0900-\u0dff\u0e00-\u0eff-]""")
_NOT_SIGN: Final = re.compile(r"(?<=\s):-?[(/\\](?=\s|$)|[<>]=(?!>)|(?<![-=<])<(?=\s)|!(?:=|(?<![^\s(=]!)(?=[\w(\"']))")
_HYPHEN: Final = re.compile(r"-(?<=[^\W\d]-)(?=[^\W\d])")
_DENYING_SIGNS: Final = frozenset(
    word.upper()
    for word in _words("not no x cross crossed crossing saltire prohibited question stroke slash negated down")
)
"""Words of the Unicode names of signs that may deny or ask."""


def _blank_or_doubt(sign: re.Match[str]) -> str:
    return " " if _DENYING_SIGNS.isdisjoint(unicodedata.name(sign[0], "").replace("-", " ").split()) else DOUBT


def _folded(text: str) -> str:
    """In lower case, with plain quotes, without symbols, single spaces, no empty lines."""
    if not text.isascii():
        text = text.replace("« ", "«").replace(" »", "»").translate(_FOLDED)
        text = unicodedata.normalize("NFKC", text)
    if "^" in text:
        text = _POWER.sub(DOUBT, text)
    text = text.translate(_FOLDED)
    text = _NOT_SIGN.sub(DOUBT, _SYMBOL.sub(_blank_or_doubt, text))
    if "-" in text:
        text = _HYPHEN.sub(" ", text)
    lines = (" ".join(line.split()) for line in text.casefold().splitlines())
    return "\n".join(line for line in lines if line)
