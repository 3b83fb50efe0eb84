"""Answers from other evaluators' logs: inspect_ai's `.eval` files and lm-evaluation-harness's samples, as a run.

A log's answers become lines of batch results, so that all of `eval_queue.offline.batch` holds for them: an answer is
taken for the prompt whose exact words the log holds, and what answers other words is counted, never used. What a log
does not tell stays unknown: finish reasons in lm-evaluation-harness's samples, a temperature that was not set.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import ValidationError

from data.benchmark import Benchmark
from data.errors import InputError, first_problem
from eval_queue.asking.checkpoint import Tool, lock, open_run, save_run
from eval_queue.asking.evaluation import Job, new_run
from eval_queue.offline.batch import Report, Run, custom_id, prompts_of, read_results
from eval_queue.protocol import Prompt
from eval_queue.reading.answers import read_answers
from eval_queue.records import DimensionScore, now
from eval_queue.scoring.profiles import profiles
from eval_queue.settings import Endpoint

LARGEST_LOG: Final = 2_000_000_000
"""Bytes of a log that is read."""
FINISH: Final[Mapping[str, str]] = {
    "stop": "stop",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
}
"""Why an answer ended: inspect's words, and those of chat endpoints. Of others nothing is known."""


@dataclass(frozen=True)
class Told:
    """One answer of a log."""

    words: str
    """The whole prompt: system message, NUL and text, where there is a system message (`Prompt.digest`)."""
    text: str | None
    finish_reason: str | None = None
    error: str | None = None
    usage: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Log:
    """What a log says."""

    tool: Tool
    model: str | None
    request: dict[str, object]
    """Parameters that were sent, as far as the log says."""
    answers: tuple[Told, ...]
    asked: tuple[datetime, datetime] | None = None
    """When asking began and ended; None where the log does not tell."""


def read_log(file: Path) -> Log:
    """Read a log, of inspect_ai by its ending `.eval`, else samples of lm-evaluation-harness.

    Raises:
        InputError: it is no such log, or too large, or what reads it is not installed.
    """
    try:
        if file.stat().st_size > LARGEST_LOG:
            raise InputError(f"more than {LARGEST_LOG:,} bytes", file=file)
        return _inspect(file) if file.suffix == ".eval" else _lm_eval(file)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", file=file) from None


def import_log(log: Log, job: Job, folder: Path) -> Report:
    """Make a run of a log's answers, and score it.

    Raises:
        InputError: the folder holds another run or is in use.
    """
    # of these an answer depends so much that rows of different ones are different rows
    of_row = {name: log.request[name] for name in ("max_tokens", "reasoning_effort") if log.request.get(name)}
    try:
        endpoint = Endpoint.model_validate({**job.endpoint.model_dump(mode="json"), **of_row})
    except ValidationError as error:
        _, where = first_problem(error)
        raise InputError("the log names one that cannot be meant", field=where) from None
    job = replace(job, endpoint=endpoint)
    names = {prompt_words(p): custom_id(p) for p in prompts_of(job)}
    with lock(folder):
        run = open_run(folder, new_run(job))
        run.request, run.log, run.dated = dict(log.request), log.tool, log.asked is not None
        if log.asked is not None:
            run.started, run.last = log.asked
            run.seconds = (run.last - run.started).total_seconds()
        save_run(folder, run)
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "results.jsonl")
        with file.open("wb") as lines:
            for told in log.answers:
                lines.write(orjson.dumps(_line(names.get(told.words, "other-words"), told)) + b"\n")
        return read_results([Run(job, folder)], [file])


def ten_values(lines: Iterable[bytes], benchmark: Benchmark) -> Mapping[str, DimensionScore]:
    """Score one model's answers on the ten values.

    Args:
        lines: of a file of answers, one a prompt.
        benchmark: what was asked.
    """
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "answers.jsonl")
        file.write_bytes(b"\n".join(lines) + b"\n")
        (found,) = profiles(read_answers([file], benchmark), benchmark)
    return found.scales["pvq"].dimensions


def prompt_words(prompt: Prompt) -> str:
    """What of a prompt must be the same for an answer to be one to it."""
    return prompt.text if prompt.system is None else f"{prompt.system}\0{prompt.text}"


def _words(messages: Sequence[tuple[str, str]]) -> str:
    """What was asked, as `prompt_words`; no words of ours where it is more than a system and a user message."""
    roles = [role for role, _ in messages]
    told = "\0".join(text for _, text in messages)
    return told if roles in (["user"], ["system", "user"]) else f"{roles}\0{told}"


def _line(name: str, told: Told) -> dict[str, Any]:
    if told.error is not None:
        return {"custom_id": name, "error": {"message": told.error}}
    message = {"role": "assistant", "content": told.text}
    body = {"choices": [{"message": message, "finish_reason": told.finish_reason}], "usage": told.usage or None}
    return {"custom_id": name, "response": {"status_code": 200, "body": body}}


def _inspect(file: Path) -> Log:
    try:
        from inspect_ai.log import read_eval_log, read_eval_log_samples
    except ImportError:
        raise InputError("needs inspect_ai: pip install -r requirements-inspect.txt", file=file) from None
    try:
        log = read_eval_log(str(file), header_only=True)
        samples = list(read_eval_log_samples(str(file), all_samples_required=False))
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the library says of a file that is no log
        raise InputError(f"is no log that inspect_ai reads ({type(error).__name__})", file=file) from None
    sent = log.eval.model_generate_config.model_dump() | log.plan.config.model_dump(exclude_none=True)
    told = ("temperature", "seed", "max_tokens", "top_p", "reasoning_effort")
    wanted = {name: sent[name] for name in told if sent.get(name) is not None}
    return Log(
        "inspect-ai",
        "/".join(log.eval.model.split("/")[1:][-2:]) or log.eval.model,
        wanted,
        tuple(map(_sample, samples)),
        _asked(log.stats.started_at, log.stats.completed_at),
    )


def _asked(began: str, ended: str) -> tuple[datetime, datetime] | None:
    try:
        first, last = (datetime.fromisoformat(moment).astimezone(UTC) for moment in (began, ended))
    except (ValueError, TypeError):
        return None
    return (first, last) if first <= last <= now() else None


def _sample(sample: Any) -> Told:
    *before, last = [(m.role, m.text) for m in sample.messages] or [("", "")]
    words = _words(before if last[0] == "assistant" else [*before, last])
    if sample.error is not None:
        return Told(words, None, error=sample.error.message)
    return Told(
        words,
        sample.output.completion,
        FINISH.get(sample.output.stop_reason),
        sample.output.error,
        _tokens(sample.output.usage),
    )


def _tokens(usage: Any) -> dict[str, int]:
    """What an answer took. inspect counts tokens that a cache served or took apart from those of the prompt."""
    if usage is None:
        return {}
    cached = (usage.input_tokens_cache_read or 0) + (usage.input_tokens_cache_write or 0)
    return {"prompt_tokens": usage.input_tokens + cached, "completion_tokens": usage.output_tokens}


def _lm_eval(file: Path) -> Log:
    told = tuple(_samples(file))
    if not told:
        raise InputError("has no samples", file=file)
    sent = next((request for _, request in told), {})
    names = {"temperature": "temperature", "seed": "seed", "max_gen_toks": "max_tokens", "max_tokens": "max_tokens"}
    wanted = {o: sent[t] for t, o in names.items() if isinstance(sent.get(t), int | float)}
    return Log("lm-evaluation-harness", None, wanted, tuple(answer for answer, _ in told))


def _samples(file: Path) -> Iterator[tuple[Told, dict[str, Any]]]:
    with file.open("rb") as lines:
        for n, line in enumerate(lines, start=1):
            try:
                sample = orjson.loads(line)
                arguments = sample["arguments"]
                if isinstance(arguments, list):  # as older versions write them
                    arguments = {"gen_args_0": {f"arg_{i}": told for i, told in enumerate(arguments[0])}}
                arguments = arguments["gen_args_0"]
                text, words = sample["resps"][0][0], arguments["arg_0"]
                words = words if isinstance(words, str) else words[0]
                if words.startswith("[{"):  # a chat, as the harness writes it
                    words = _words([(m["role"], m["content"]) for m in orjson.loads(words)])
                yield Told(words, str(text)), dict(arguments.get("arg_1") or {})
            except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError):
                message = "expected a sample of lm-evaluation-harness with `arguments` and `resps`"
                raise InputError(message, file=file, field=f"line {n}") from None
