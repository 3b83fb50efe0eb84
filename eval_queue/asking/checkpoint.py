"""A run's folder: what was asked of whom, and every answer as it arrived.

* `run.json`: the run's identity, and what was learned about the endpoint. Written first, replaced as a whole.
* `answers.jsonl`: one answer a line, in the format of `eval_queue.reading.answers`; written with the answer, forced to
disk
  every few seconds.
* `run.lock`: held while a process works here, given up by the system when that process dies.

Guarantees: after a kill at any moment, opening the folder again finds every answer whose line was completed. A line
that is cut off or not an answer of this run is dropped. A power
cut may cost the answers of the last seconds. What ended as an error keeps its line until an answer to the same prompt
has arrived. Not done: several processes in one folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal, Self

import orjson
from filelock import FileLock, Timeout
from pydantic import AwareDatetime, Field, ValidationError

from data.errors import InputError, first_problem
from data.files import write_whole
from eval_queue.asking.replies import CUT, MAX_ANSWER, count
from eval_queue.protocol import Prompt
from eval_queue.records import AnswerMode, BenchmarkRef, Record, Served
from eval_queue.store.collection import encode
from eval_queue.submission import QUESTION

ANSWERS_FILE: Final = "answers.jsonl"
RUN_FILE: Final = "run.json"
LOCK_FILE: Final = "run.lock"

MOST_NAMES: Final = 20
"""Names of one kind that a run remembers: an endpoint may say another one each time."""

_LONGEST_RUN: Final = 1e9

PromptId = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of `answers.jsonl`."""

    model: str
    prompt_variant: str
    portrait_id: int
    option_id: int
    raw_response: str | None
    """The whole answer; null where there was none because of an error."""
    error: str | None
    """Why there is no answer; null where there is one."""
    prompt_digest: str
    """SHA-256 of what the model read (`Prompt.digest`)."""
    finish_reason: str | None = None
    reasoning: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float | None = None
    filter_message: str | None = None
    """What the endpoint's filter said where it refused the prompt; the answer is then empty."""

    @property
    def prompt_id(self) -> PromptId:
        """Which prompt it answers."""
        return self.prompt_variant, self.portrait_id, self.option_id


Tool = Literal["inspect-ai", "lm-evaluation-harness"]
"""Evaluators whose logs are read."""


class RunRecord(Record):
    """What `run.json` holds."""

    schema_version: Literal[1] = 1
    model: str
    revision: str | None = None
    endpoint: str
    """The endpoint's name; its address may change between the parts of a run and is not kept."""
    answer_mode: AnswerMode
    protocol: str
    persona: str | None = None
    """The persona the model was given; null for none."""
    system: str | None = None
    """The system message it was given with; null for none."""
    benchmark: BenchmarkRef
    max_tokens: int
    """Longest answer asked for: answers cut off at different lengths are not one run."""
    reasoning_effort: str | None = None
    """How much the model was asked to think; null for what the endpoint does by itself."""
    started: AwareDatetime
    seconds: float = 0.0
    """Wall time spent asking so far, summed over all parts."""
    last: AwareDatetime
    """When the run last got on."""
    request: dict[str, object] = Field(default_factory=dict)
    """What is sent with each prompt, after everything that the endpoint does not accept."""
    endpoint_models: list[str] = Field(default_factory=list)
    """The model's names as the endpoint reported them, the first `MOST_NAMES` of them."""
    providers: list[str] = Field(default_factory=list)
    """Who answered, as a router reported them, likewise."""
    served: Served | None = None
    """What the endpoint told of its engine; null before it was asked."""
    log: Tool | None = None
    """The evaluator in whose log the answers were; null for those that were asked from here or in batches."""
    dated: bool = True
    """Whether the times are those of asking; false where a log does not tell them and they are those of its import."""


_IDENTITY: Final = (*QUESTION, "max_tokens")


def lock(folder: Path) -> FileLock:
    """The folder's lock, taken; the folder is made if it is not there.

    Raises:
        InputError: the folder cannot be made, or another process works in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = FileLock(folder / LOCK_FILE, timeout=0)
        taken.acquire()
    except Timeout:
        raise InputError("another process works in this folder; wait for it or choose another", file=folder) from None
    except OSError as error:
        raise InputError(f"cannot be used as a folder ({error.strerror})", file=folder) from None
    return taken


def open_run(folder: Path, run: RunRecord) -> RunRecord:
    """The record of the run in `folder`: the one found there, or `run` where there is none yet.

    Raises:
        InputError: the folder holds another run, a damaged record, or answers of an unknown run.
    """
    path = folder / RUN_FILE
    if not path.exists():
        if (folder / ANSWERS_FILE).exists():
            message = f"there are answers here, but no {RUN_FILE} says of which run; choose another folder"
            raise InputError(message, file=folder)
        save_run(folder, run)
        return run
    found = read_run(folder)
    different = [
        f"{name} is {_shown(getattr(found, name))} there and {_shown(getattr(run, name))} here"
        for name in _IDENTITY
        if getattr(found, name) != getattr(run, name)
    ]
    if different:
        message = f"this folder holds another run: {'; '.join(different)}; choose another folder for this one"
        raise InputError(message, file=folder)
    return found


def read_run(folder: Path) -> RunRecord:
    """The record of the run in `folder`.

    Raises:
        InputError: there is none, or it is damaged.
    """
    path = folder / RUN_FILE
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=path) from None
    except ValidationError as error:
        message, where = first_problem(error)
        advice = "choose another folder, or delete this one to begin anew"
        raise InputError(f"{message}; {advice}", file=path, field=where) from None


def save_run(folder: Path, run: RunRecord) -> None:
    """Write `run.json`, whole or not at all."""
    write_whole(folder / RUN_FILE, encode(run))


def possible(run: RunRecord) -> RunRecord:
    """A run whose times are possible: one that ends before it begins was begun while the clock was wrong."""
    if run.started <= run.last:
        return run
    began = run.last - timedelta(seconds=round(min(max(run.seconds, 0.0), _LONGEST_RUN)))
    return run.model_copy(update={"started": began})


def cut(answer: Answer) -> Answer:
    """An answer of a length that is kept; a longer one is cut and counts as truncated."""
    if answer.raw_response is None or len(answer.raw_response) <= MAX_ANSWER:
        return answer
    return replace(answer, raw_response=answer.raw_response[:MAX_ANSWER], finish_reason=CUT)


def settled_lines(content: bytes, model: str, digests: Mapping[PromptId, str]) -> dict[PromptId, Answer]:
    """What a file of answers holds of a run, one a prompt: its first answer, else its first error; in its order."""
    return {id_: answer for id_, (answer, _) in _settled(content, model, digests).items()}


def _settled(content: bytes, model: str, digests: Mapping[PromptId, str]) -> dict[PromptId, tuple[Answer, bytes]]:
    """The same with the lines."""
    found: dict[PromptId, tuple[Answer, bytes]] = {}
    for line in content.split(b"\n"):
        answer = _usable(line, model, digests)
        if answer is None:
            continue
        before = found.get(answer.prompt_id)
        if before is None or (before[0].error is not None and answer.error is None):
            found.pop(answer.prompt_id, None)
            found[answer.prompt_id] = answer, line
    return found


class Checkpoint:
    """The answers of a run, open for appending. Use it in a `with` block, under the folder's lock."""

    def __init__(self, folder: Path, model: str, prompts: Sequence[Prompt]) -> None:
        """Reads what is there and drops what is no answer of this model to one of `prompts`, all of the benchmark's."""
        self._path = folder / ANSWERS_FILE
        self.answers: dict[PromptId, Answer] = {}
        """All answers of this and earlier parts, by prompt."""
        self.failed: dict[PromptId, Answer] = {}
        """What ended as an error and has no answer yet, by prompt."""
        self._model = model
        self._digests = {prompt.id: prompt.digest for prompt in prompts}
        self._superseded = False
        self._settle()
        # unbuffered: one write a line, so that a killed process leaves at most its last line unfinished
        self._file = self._path.open("ab", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.sync()
        finally:
            self._file.close()
        if self._superseded:
            self._settle()

    @property
    def settled(self) -> dict[PromptId, Answer]:
        """One line a prompt: its answer, or the error it ended as."""
        return {**self.failed, **self.answers}

    def append(self, answer: Answer) -> None:
        """Add one answer; it survives the death of this process from here on. A second error of a prompt adds nothing.

        Raises:
            OSError: the disk is full.
        """
        id_ = answer.prompt_id
        if answer.error is not None and id_ in self.settled:
            return
        line = orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE)
        if self._file.write(line) != len(line):
            raise OSError("the disk is full")
        if answer.error is None:
            self.answers[id_] = answer
            self._superseded |= self.failed.pop(id_, None) is not None
        else:
            self.failed[id_] = answer

    def take(self, answers: Iterable[Answer]) -> None:
        """Add answers that are known from elsewhere, without those to prompts that have one here already."""
        for answer in answers:
            if answer.prompt_id in self._digests and answer.prompt_id not in self.answers:
                self.append(answer)

    def sync(self) -> None:
        """Force all answers to disk."""
        os.fsync(self._file.fileno())

    def _settle(self) -> None:
        """Read the file, and leave one line a prompt in it."""
        content = self._path.read_bytes() if self._path.exists() else b""
        found = _settled(content[: content.rfind(b"\n") + 1], self._model, self._digests)
        self.answers = {id_: answer for id_, (answer, _) in found.items() if answer.error is None}
        self.failed = {id_: answer for id_, (answer, _) in found.items() if answer.error is not None}
        good = b"".join(line + b"\n" for _, line in found.values())
        if good != content:
            write_whole(self._path, good)
        self._superseded = False


def _usable(line: bytes, model: str, digests: Mapping[PromptId, str]) -> Answer | None:
    """The answer in a line, or the error in place of one, if it is of this run."""
    try:
        fields: Any = orjson.loads(line)
        answer = Answer(**{name: fields.get(name) for name in Answer.__slots__})
        read, written = count(answer.prompt_tokens), count(answer.completion_tokens)
        answer = replace(answer, prompt_tokens=read, completion_tokens=written)
        expected = digests.get(answer.prompt_id)
    except (orjson.JSONDecodeError, AttributeError, TypeError):
        return None
    ours = answer.model == model and answer.prompt_digest == expected
    whole = isinstance(answer.raw_response, str) if answer.error is None else isinstance(answer.error, str)
    return answer if ours and whole else None


def _shown(value: object) -> str:
    return f"{value.name} {value.version[:12]} ({value.digest[:12]})" if isinstance(value, BenchmarkRef) else f"{value}"
