"""A run's prompts as files of batch requests, and files of batch results as a run's answers.

The format is that of OpenAI's batch interface, one JSON object a line, which vLLM, SGLang and others read and write
too: a request has `custom_id`, `method`, `url` and `body`; a result has `custom_id` and `response` or `error`.

`custom_id` carries variant, item and the beginning of the prompt's digest, so that a result to other words is known
for what it is. Results may come in any order and in any number of files. A line that cannot be used is counted under
its reason and loses nothing: its prompt stays without an answer, to be written or asked again.

Nothing is sent from here; `eval_queue.asking.batch_service` does that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from data.errors import InputError
from data.files import write_whole
from eval_queue.asking.checkpoint import Checkpoint, lock, open_run, save_run
from eval_queue.asking.diagnosis import EndpointError, meaning, said
from eval_queue.asking.endpoint import may_be_constrained, wanted_parameters
from eval_queue.asking.evaluation import MAX_ERROR_SHARE, Job, answer_of, failed_answer, new_run, remember_names
from eval_queue.asking.outcome import Outcome, write_outcome
from eval_queue.asking.replies import FILTERED, Failure, Reply, Unreadable, read, shortened
from eval_queue.protocol import Prompt, plan
from eval_queue.records import now

URL: Final = "/v1/chat/completions"
MOST_LINES: Final = 50_000
"""Requests in one file: the limit of OpenAI's batch interface."""
MOST_BYTES: Final = 200_000_000
"""Size of one file in bytes, likewise."""
LONGEST_LINE: Final = 4_000_000
"""Bytes of a result line that is read; a longer one is passed over."""

_DIGEST: Final = 16
"""Hexadecimal digits of a prompt's digest in a `custom_id`."""


class Run(NamedTuple):
    """A run, and its folder."""

    job: Job
    folder: Path


@dataclass
class Report:
    """What came of reading results."""

    answered: int = 0
    """Prompts that have an answer now and had none before."""
    refused: Counter[str] = field(default_factory=Counter)
    """Result lines that say that there is no answer, by the reason they give."""
    unused: Counter[str] = field(default_factory=Counter)
    """Result lines that cannot be used, by reason."""
    missing: int = 0
    """Prompts that have no answer."""
    outcomes: list[Outcome] = field(default_factory=list)
    """What the runs that are finished now came to."""


def custom_id(prompt: Prompt) -> str:
    """The name of a prompt in a batch: at most 64 letters, digits, `-` and `_`."""
    return f"{prompt.variant}-{prompt.portrait_id}-{prompt.option_id}-{prompt.digest[:_DIGEST]}"


def prompts_of(job: Job) -> tuple[Prompt, ...]:
    """All prompts of a run."""
    return plan(job.asked, job.limit, system=None if job.persona is None else job.persona.message)


def write_requests(
    runs: Sequence[Run],
    out: Path,
    *,
    parameters: Mapping[str, object] | None = None,
    most_lines: int = MOST_LINES,
    most_bytes: int = MOST_BYTES,
) -> list[Path]:
    """Write a request for every prompt that has no answer yet.

    Args:
        runs: what to ask; their folders are made, and remember what was asked.
        out: the file. Where one is not enough, a number is put before its ending.
        parameters: what to send with each prompt; None for what an earlier part of the run sent, else the protocol's.
        most_lines: requests in a file.
        most_bytes: size of a file.

    Returns:
        The files; none where every prompt has its answer.

    Raises:
        InputError: a folder holds another run or is in use, or a single request is larger than `most_bytes`.
    """
    files: list[list[bytes]] = [[]]
    size = 0
    for line in _request_lines(runs, parameters):
        if len(line) > most_bytes:
            raise InputError(f"one request has {len(line):,} bytes; expected at most {most_bytes:,} a file", file=out)
        if len(files[-1]) == most_lines or size + len(line) > most_bytes:
            files.append([])
            size = 0
        files[-1].append(line)
        size += len(line)
    if not files[0]:
        return []
    several = len(files) > 1
    names = [out.with_name(f"{out.stem}-{n}{out.suffix}") if several else out for n in range(1, len(files) + 1)]
    for name, lines in zip(names, files, strict=True):
        name.parent.mkdir(parents=True, exist_ok=True)
        write_whole(name, b"".join(lines))
    return names


def _request_lines(runs: Sequence[Run], parameters: Mapping[str, object] | None) -> Iterator[bytes]:
    for job, folder in runs:
        prompts = prompts_of(job)
        with lock(folder):
            run = open_run(folder, new_run(job))
            with Checkpoint(folder, job.model, prompts) as checkpoint:
                left = [p for p in prompts if p.id not in checkpoint.answers]
            run.request = dict(parameters or run.request or wanted_parameters(job.endpoint))
            save_run(folder, run)
        for prompt in left:
            body = {"model": job.model, "messages": prompt.messages, **run.request}
            request = {"custom_id": custom_id(prompt), "method": "POST", "url": URL, "body": body}
            yield orjson.dumps(request, option=orjson.OPT_APPEND_NEWLINE)


def read_results(runs: Sequence[Run], files: Sequence[Path]) -> Report:
    """Take over the answers in files of batch results, and score the runs that are finished with them.

    A run is finished when at most 10 % of its prompts have no answer because a result says so; a prompt of which no
    result says anything leaves it unfinished.

    Args:
        runs: whose answers may be there.
        files: results, in any order.

    Raises:
        InputError: a file cannot be read, or a folder holds another run or is in use.
    """
    report = Report()
    with ExitStack() as locks:
        opened = [_Opened(run, locks) for run in runs]
        known = {name: (one, prompt) for one in opened for name, prompt in one.by_name.items()}
        if len(known) < sum(len(one.by_name) for one in opened):
            raise InputError("two of the runs ask the same; read their results one by one")
        items = {name.rpartition("-")[0] for name in known}
        with ExitStack() as files_of_answers:
            for one in opened:
                files_of_answers.enter_context(one.checkpoint)
            for file in files:
                for line in _lines(file, report):
                    _take(line, known, items, report)
        report.missing = sum(one.missing for one in opened)
        # only now: closing a file of answers leaves one line a prompt in it
        outcomes = (one.finish() for one in opened)
        report.outcomes = [outcome for outcome in outcomes if outcome is not None]
    return report


class _Opened:
    """A run that takes answers."""

    def __init__(self, run: Run, locks: ExitStack) -> None:
        self.job, self._folder = run
        self._prompts = prompts_of(self.job)
        locks.enter_context(lock(self._folder))
        self.record = open_run(self._folder, new_run(self.job))
        everything = plan(self.job.asked, system=None if self.job.persona is None else self.job.persona.message)
        self.checkpoint = Checkpoint(self._folder, self.job.model, everything)
        self.by_name = {custom_id(p): p for p in self._prompts}

    @property
    def missing(self) -> int:
        """Prompts without an answer."""
        return sum(p.id not in self.checkpoint.answers for p in self._prompts)

    def finish(self) -> Outcome | None:
        """Score the run, if it is finished."""
        if self.record.log is None or not self.record.dated:
            self.record.last = max(now(), self.record.started)
        save_run(self._folder, self.record)
        settled = self.checkpoint.settled
        if any(p.id not in settled for p in self._prompts) or self.missing > MAX_ERROR_SHARE * len(self._prompts):
            return None
        answers = [settled[p.id] for p in self._prompts]
        return write_outcome(
            self._folder, self.record, answers, self.job.asked, self.job.endpoint, origin=self.job.origin
        )


def _take(line: Any, known: Mapping[str, tuple[_Opened, Prompt]], items: Collection[str], report: Report) -> None:
    """Take one result line over, or count why that is not possible."""
    name = line.get("custom_id") if isinstance(line, dict) else None
    if not isinstance(name, str):
        report.unused["no custom_id"] += 1
    elif name not in known:
        other = name.rpartition("-")[0] in items
        report.unused["answers other words than this run's" if other else "answers no prompt of this run"] += 1
    elif (entry := known[name])[1].id in entry[0].checkpoint.answers:
        report.unused["answered already"] += 1
    else:
        run, prompt = entry
        try:
            reply = _reply(line, run.job)
        except EndpointError as error:
            report.refused[f"{error.code}: {error.message}"] += 1
            run.checkpoint.append(failed_answer(run.job.model, prompt, error))
        else:
            remember_names(run.record, reply)
            # nobody measured how long a single answer took
            run.checkpoint.append(replace(answer_of(run.job.model, prompt, reply), seconds=None))
            report.answered += 1


def _reply(line: Mapping[str, Any], job: Job) -> Reply:
    """The reply in a result line.

    Raises:
        EndpointError: it says that there is none, or none that this run can have.
    """
    response, error = line.get("response"), line.get("error")
    if not isinstance(response, dict):
        raise EndpointError("server_error", shortened(said({"error": error}).text) or "neither response nor error")
    status, body = response.get("status_code"), response.get("body")
    if error or (isinstance(status, int) and status >= 400):
        failure = said(body if body else {"error": error})
        if meaning(status if isinstance(status, int) else 400, f"{failure.text} {failure.codes}") == "filter":
            return Reply("", FILTERED, None, None, None, None, 0.0, filter_message=shortened(failure.text))
        rejected = isinstance(status, int) and status < 500 and status not in (408, 409, 425, 429)
        raise EndpointError("rejected" if rejected else "server_error", shortened(failure.text))
    try:
        reply = read(body, 0.0)
    except Failure as failed:
        raise EndpointError("server_error", shortened(said(failed.body).text)) from None
    except Unreadable as unreadable:
        raise EndpointError("bad_response", unreadable.why) from None
    if job.endpoint.answer_mode == "constrained" and not may_be_constrained(reply):
        message = "the endpoint does not keep to the grammar of the constrained mode; use free text"
        raise EndpointError("unsupported", message)
    return reply


def _lines(file: Path, report: Report) -> Iterator[Any]:
    """The objects in a file of results; what is none is counted."""
    try:
        with file.open("rb") as lines:
            while line := lines.readline(LONGEST_LINE + 1):
                if len(line) > LONGEST_LINE:
                    report.unused[f"longer than {LONGEST_LINE:,} bytes"] += 1
                    while line and not line.endswith(b"\n"):
                        line = lines.readline(LONGEST_LINE)
                elif line.strip():
                    try:
                        yield orjson.loads(line)
                    except orjson.JSONDecodeError:
                        report.unused["not JSON"] += 1
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=file) from None
