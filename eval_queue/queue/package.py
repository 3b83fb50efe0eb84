"""One's own answers as one file: made from a run's folder, and taken apart again by somebody who trusts nobody.

A package is a zip of exactly three members: `run.json` (what was asked of whom, a `RunRecord`), `answers.jsonl.gz` (one
answer a line) and `digests.json` (SHA-256 of the other two, so that a damaged copy is told from a wrong one). The same
run gives the same bytes. Scores are not in it: `accept` computes them from the raw answers.

`accept` guarantees: nothing is unpacked to a name of the sender's choosing, nothing is expanded beyond a known size,
every prompt of the benchmark in use is answered exactly once, and was asked in today's words (its digest says so). What
it cannot know is who wrote the answers; that is why such rows are marked. Of what the sender says about the run only
names of a known form, times, the token limit and token counts are kept; reasoning is neither packed nor taken.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, NoReturn

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.errors import InputError, first_problem
from eval_queue.asking.checkpoint import (
    ANSWERS_FILE,
    RUN_FILE,
    Answer,
    PromptId,
    RunRecord,
    cut,
    possible,
    settled_lines,
)
from eval_queue.protocol import plan, protocol_id
from eval_queue.records import BenchmarkRef, Result, now
from eval_queue.settings import EFFORT, UPLOAD_BYTES, Endpoint
from eval_queue.store.collection import encode
from eval_queue.submission import Refused, check_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from data.benchmark import Benchmark

ANSWERS_MEMBER: Final = "answers.jsonl.gz"
DIGESTS_MEMBER: Final = "digests.json"
MEMBERS: Final = (RUN_FILE, ANSWERS_MEMBER, DIGESTS_MEMBER)

MAX_ERROR_SHARE: Final = 0.10
"""A run with a greater share of prompts without an answer is half a run."""
MIN_RATED_SHARE: Final = 0.50
"""A run with a smaller share of readable answers says too little of the model."""
BYTES_AN_ANSWER: Final = 16_000
"""How many bytes a line of answers may take on average once it is unpacked."""

_SMALL: Final = 64_000
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_ENDPOINT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_LIKELY: Final = timedelta(days=1)
_Count = Annotated[int, Field(ge=0, lt=2**31)]
_SUFFIX: Final = "-reported"
_TAKEN: Final = (
    *("model", "revision", "endpoint", "answer_mode", "protocol", "reasoning_effort", "max_tokens"),
    *("started", "seconds", "last", "log", "dated"),
)
"""What is kept of the record of a run that is handed in."""


class _Line(BaseModel):
    """What is taken of a line of answers."""

    model_config = ConfigDict(strict=True)

    model: str
    prompt_variant: str
    portrait_id: int
    option_id: int
    prompt_digest: str
    raw_response: str | None = None
    error: str | None = None
    finish_reason: str | None = None
    prompt_tokens: _Count | None = None
    completion_tokens: _Count | None = None
    seconds: Annotated[float, Field(ge=0, lt=2**31)] | None = None


class Accepted(NamedTuple):
    """A package that was found good."""

    result: Result
    """Scored from the raw answers, with origin `self-reported`."""
    table: bytes
    """The answers with their readings as Parquet, one row a prompt."""


def make_package(
    folder: Path,
    benchmark: Benchmark,
    *,
    limit: int = UPLOAD_BYTES,
    name: str | None = None,
    endpoint: str | None = None,
) -> bytes:
    """A finished run as a package.

    Args:
        folder: the run's folder, as `evaluate` leaves it.
        benchmark: what was asked.
        limit: the largest package that is taken where it is handed in, in bytes.
        name: what the model shall be called on the board; None for the name it was asked by.
        endpoint: what the endpoint shall be called; None for the name in the run.

    Raises:
        InputError: there is no run, it is not whole, or it is one that would not be accepted.
    """
    run = possible(_run(_file(folder, RUN_FILE), folder / RUN_FILE))
    lines = _packed(_file(folder, ANSWERS_FILE), run, benchmark, name or run.model)
    run = run.model_copy(update={"model": name or run.model, "endpoint": endpoint or run.endpoint})
    members = {RUN_FILE: encode(run), ANSWERS_MEMBER: gzip.compress(lines, mtime=0)}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    members[DIGESTS_MEMBER] = orjson.dumps(digests, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    package = file.getvalue()
    try:
        # by the same rules as where it is handed in
        _opened(package, {benchmark.digest: benchmark}, limit)
    except Refused as refusal:
        raise InputError(str(refusal), file=folder) from None
    return package


def _packed(content: bytes, run: RunRecord, benchmark: Benchmark, name: str) -> bytes:
    """A run's lines as they are handed in: one a prompt, none longer than is taken, no reasoning, no odd count."""
    digests = {prompt.id: prompt.digest for prompt in plan(benchmark)}
    kept = settled_lines(content, run.model, digests)
    lines = [line for line in content.split(b"\n") if line.strip()]
    # a line that is none of this run is left for the check to name
    answers = kept.values() if len(kept) == len(digests) or len(kept) == len(lines) else None
    if answers is None:
        return content
    handed = (cut(replace(a, model=name, reasoning=None, filter_message=None)) for a in answers)
    return b"".join(orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE) for answer in handed)


def read_run(folder: Path) -> RunRecord:
    """What a run's folder says was asked of whom.

    Raises:
        InputError: there is no run, or its record cannot be read.
    """
    return _run(_file(folder, RUN_FILE), folder / RUN_FILE)


def accept(package: bytes, benchmarks: Mapping[str, Benchmark], *, submitter: str, limit: int) -> Accepted:
    """Take a package apart and score its answers.

    Args:
        package: the file as it came.
        benchmarks: those in use here, by digest.
        submitter: who hands it in, as the server knows it.
        limit: the largest package, in bytes.

    Raises:
        Refused: `bad_package`, `other_benchmark`, `incomplete` or `bad_name`, with the reason.
    """
    run, answers, benchmark = _opened(package, benchmarks, limit)
    return _scored(run, answers, benchmark, submitter)


def check_names(result: Result, rows: Iterable[Result], endpoints: Collection[str]) -> None:
    """Refuse a row that goes by the name of another that is shown, or of an endpoint of the operator's.

    Raises:
        Refused: `name_taken`, with a name that is free.
    """
    mine = re.sub(r"[^a-z0-9]+", "-", (result.submitter or "my").lower()).strip("-") or "my"
    if result.endpoint in endpoints:
        message = (
            f"The endpoint name {result.endpoint} belongs to this board. Pack the run again under another name, for "
            f"example with --endpoint {f'{mine}-{result.endpoint}'[:40].rstrip('-')}."
        )
        raise Refused("name_taken", message)
    for row in rows:
        own = row.origin == "self-reported" and row.submitter == result.submitter
        if row.model.casefold() == result.model.casefold() and not (own and _board(row) != _board(result)):
            free = f"{mine}/{result.model.rpartition('/')[2]}"
            message = (
                f"There is a row called {row.model}. Pack the run again under a name that says whose it is, for "
                f"example with --as {free}{'-2' if free.casefold() == row.model.casefold() else ''}."
            )
            raise Refused("name_taken", message)


def _board(result: Result) -> tuple[str, str, str]:
    """What rows of one table have in common."""
    return result.benchmark.digest, result.protocol, result.answer_mode


def _opened(
    package: bytes, benchmarks: Mapping[str, Benchmark], limit: int
) -> tuple[RunRecord, list[Answer], Benchmark]:
    """All that is checked before anything is scored."""
    if len(package) > limit:
        _bad(f"This file has {len(package) / 1e6:.1f} MB; the limit is {limit / 1e6:.0f} MB.")
    members = _members(package, limit)
    try:
        run = _run(members[RUN_FILE], RUN_FILE)
    except InputError as error:
        _bad(f"The package cannot be used: {error}")
    benchmark = benchmarks.get(run.benchmark.digest)
    if benchmark is None:
        known = ", ".join(f"{b.name} {digest[:8]}" for digest, b in benchmarks.items())
        message = f"These answers are to a benchmark whose content is not that of the one in use here ({known})."
        raise Refused("other_benchmark", message)
    _check_run(run, benchmark)
    return run, _answers(_unpacked(members[ANSWERS_MEMBER], benchmark), run, benchmark), benchmark


def _bad(message: str) -> NoReturn:
    raise Refused("bad_package", message)


# --- the container --------------------------------------------------------------------------------------------------


def _members(package: bytes, limit: int) -> dict[str, bytes]:
    """The members' contents, each bounded and whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            found = archive.infolist()
            names = [member.filename for member in found]
            if sorted(names) != sorted(MEMBERS):
                expected = ", ".join(MEMBERS)
                _bad(f"A package holds exactly {expected}. Make it with `python -m eval_queue package RUN_DIR`.")
            most = {RUN_FILE: _SMALL, ANSWERS_MEMBER: limit, DIGESTS_MEMBER: _SMALL}
            members = {member.filename: _member(archive, member, most[member.filename]) for member in found}
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,  # raised by zipfile for a compression it does not know
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
    ):
        _bad("This is no package, or a damaged one. Make it with `python -m eval_queue package RUN_DIR`.")
    try:
        digests: Any = orjson.loads(members[DIGESTS_MEMBER])
    except orjson.JSONDecodeError:
        digests = None
    for name in (RUN_FILE, ANSWERS_MEMBER):
        said = digests.get(name) if isinstance(digests, dict) else None
        if said != hashlib.sha256(members[name]).hexdigest():
            _bad(f"The digest of {name} is not the one in {DIGESTS_MEMBER}: the package was damaged or changed.")
    return members


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    # the size in the directory may lie, so what is read is bounded too
    if member.file_size > most:
        _bad(f"{member.filename} is too large.")
    with archive.open(member) as file:
        content = file.read(most + 1)
    if len(content) > most:
        _bad(f"{member.filename} is too large.")
    return content


def _unpacked(packed: bytes, benchmark: Benchmark) -> bytes:
    most = benchmark.n_prompts * BYTES_AN_ANSWER
    expander = zlib.decompressobj(wbits=31)
    try:
        content = expander.decompress(packed, most + 1)
    except zlib.error:
        _bad(f"{ANSWERS_MEMBER} is no gzip file, or a damaged one.")
    if len(content) > most:
        _bad(f"{ANSWERS_MEMBER} is too large once unpacked: at most {most / 1e6:.0f} MB are taken for this benchmark.")
    if not expander.eof or expander.unused_data:
        _bad(f"{ANSWERS_MEMBER} is cut off, or something stands behind its end.")
    return content


# --- the run and its answers ----------------------------------------------------------------------------------------


def _file(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        message = f"cannot be read ({error.strerror}); give the folder of a run of `python -m eval_queue evaluate`"
        raise InputError(message, file=folder / name) from None


def _run(content: bytes, where: Path | str) -> RunRecord:
    try:
        return RunRecord.model_validate_json(content)
    except ValidationError as error:
        message, field = first_problem(error)
        raise InputError(message, file=where, field=field) from None


def _check_run(run: RunRecord, benchmark: Benchmark) -> None:
    if check_name(run.model) != run.model:
        _bad("The model's name begins or ends with spaces.")
    if not _ENDPOINT.fullmatch(run.endpoint):
        _bad("The endpoint's name may have lower-case letters, digits and dashes only, at most 40 of them.")
    if run.reasoning_effort is not None and not re.fullmatch(EFFORT, run.reasoning_effort):
        _bad("The reasoning effort must be one word in lower-case letters.")
    if run.revision is not None and not _COMMIT.fullmatch(run.revision):
        _bad("The revision must be a commit of 40 hexadecimal digits.")
    if run.persona is not None or run.system is not None:
        _bad("This run was made under a persona. Only runs without one appear on the board.")
    if run.benchmark.digest != benchmark.digest:
        raise Refused("other_benchmark", "This run used a benchmark with different content.")
    if run.protocol != protocol_id(run.answer_mode):
        message = f"This run followed the protocol {run.protocol!r}; the board shows {protocol_id(run.answer_mode)!r}."
        _bad(message if len(run.protocol) < 80 else "This run followed another protocol.")
    if not 1 <= run.max_tokens <= 1_000_000:
        _bad("The limit on an answer's length (max_tokens) is not a possible number.")
    if not run.started <= run.last <= now() + _LIKELY or not 0 <= run.seconds < 1e9:
        _bad("The run's times are impossible: it ends before it begins, ends in the future, or took no time.")


def _answers(content: bytes, run: RunRecord, benchmark: Benchmark) -> list[Answer]:
    """The answers in the protocol's order: one to each prompt, each asked in the benchmark's words."""
    prompts = plan(benchmark)
    digests = {prompt.id: prompt.digest for prompt in prompts}
    found: dict[PromptId, Answer] = {}
    lines = [line for line in content.split(b"\n") if line.strip()]
    for number, line in enumerate(lines, start=1):
        answer = _answer(line, number)
        if answer.model != run.model:
            _bad(f"Line {number} of the answers is another model's.")
        if answer.prompt_id not in digests:
            raise Refused("other_benchmark", f"Line {number} answers a prompt that the benchmark does not have.")
        if answer.prompt_digest != digests[answer.prompt_id]:
            message = f"Line {number}: the prompt's wording is not the benchmark's (its digest differs)."
            raise Refused("other_benchmark", message)
        if answer.prompt_id in found:
            _bad(f"Line {number} answers a prompt that an earlier line answers; keep one answer per prompt.")
        found[answer.prompt_id] = answer
    missing, failed = len(prompts) - len(found), sum(a.error is not None for a in found.values())
    if missing:
        message = f"{missing} of {len(prompts)} prompts have no answer. Finish the run: the same command continues it."
        raise Refused("incomplete", message)
    if failed > MAX_ERROR_SHARE * len(prompts):
        message = f"{failed} of {len(prompts)} prompts ended in an error; the limit is {MAX_ERROR_SHARE:.0%}."
        raise Refused("incomplete", message)
    return [found[prompt.id] for prompt in prompts]


def _answer(line: bytes, number: int) -> Answer:
    """A line's answer, with fields of the right kinds only."""
    try:
        read = _Line.model_validate_json(line)
    except ValidationError as error:
        _, wrong = first_problem(error)
        if wrong is None:
            _bad(f"Line {number} of the answers is no JSON object.")
        _bad(f"Line {number} of the answers: {wrong} is missing, or not what it must be.")
    if read.raw_response is None and not read.error:
        _bad(f"Line {number} of the answers: raw_response is missing, or not what it must be.")
    return cut(Answer(**dict(read)))


def _request(run: RunRecord) -> dict[str, object]:
    """What is kept of the parameters that were sent: the token limit, and those that the note on a log speaks of."""
    if run.log is None:
        return {"max_tokens": run.max_tokens}
    given = {name: run.request.get(name) for name in ("temperature", "seed", "max_tokens")}
    numbers = {name: x for name, x in given.items() if isinstance(x, int | float) and not isinstance(x, bool)}
    return {name: x for name, x in numbers.items() if abs(x) < 2**31}


# --- the result -----------------------------------------------------------------------------------------------------


def _scored(run: RunRecord, answers: Sequence[Answer], benchmark: Benchmark, submitter: str) -> Accepted:
    """The row and the table, computed here."""
    from eval_queue.asking.outcome import write_outcome

    taken = {name: getattr(run, name) for name in _TAKEN}
    known = RunRecord(**taken, benchmark=BenchmarkRef.of(benchmark), request=_request(run))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        lines = (orjson.dumps(a, option=orjson.OPT_APPEND_NEWLINE) for a in answers)
        (folder / ANSWERS_FILE).write_bytes(b"".join(lines))
        endpoint = Endpoint(name=run.endpoint, answer_mode=run.answer_mode, reasoning_effort=run.reasoning_effort)
        outcome = write_outcome(folder, known, answers, benchmark, endpoint, origin="self-reported")
        table = outcome.table_file.read_bytes()
    result = outcome.result
    rated, prompts = result.coverage.rated, result.coverage.prompts
    if rated < MIN_RATED_SHARE * prompts:
        message = f"{rated} of {prompts} answers can be read as one of the six phrases; at least half of them must be."
        raise Refused("unreadable", message)
    assert result.run is not None, "write_outcome tells of the run"
    # a row of this installation may answer the same question: the two are different facts
    told = result.run.model_copy(update={"software": {}, "changed": None})
    own = {"id": result.id + _SUFFIX, "submitter": submitter, "run": told}
    return Accepted(result.model_copy(update=own), table)
