"""Random and mutated inputs of everything that reads: only typed errors, each within its bound of time.

Each target has a few good inputs, from which others are made by cutting, doubling, flipping and inserting, and a part
that is random altogether. What a target may raise is what a person can mend; anything else, or more seconds than its
bound, is a finding, printed with the seed that makes it again.

    python -m tests.faults.fuzz --inputs 100000 [--seed 0] [--target reader]
"""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import orjson
import typer
from pydantic import ValidationError

from data.errors import InputError

if TYPE_CHECKING:
    from leaderboard.site.site import Site

SPICES: Final = (
    *(
        "\0",
        "\ufdfa",
        "\u202e",
        "\ufeff",
        "\ud83d\ude00",
        "e\u0301",
        "\u2028",
        "\r\n",
        "=1+1",
        "<script>",
        "%00",
        "../",
    ),
    *("null", "NaN", "1e999", "-1", "{}", "[]", '"', "\\", "Very much like me", "not like me at all", "<think>", "```"),
)
"""What is put into inputs: characters and words that programs stumble over."""


@dataclass(frozen=True)
class Target:
    """Something that reads."""

    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    share: int
    """How many of a thousand inputs it gets."""
    seconds: float
    """The most seconds of the processor that one input may take, several times what the slowest took."""
    typed: tuple[type[Exception], ...] = (InputError,)
    """What it may raise."""


def mutated(chance: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    """An input made of a good one, or of nothing."""
    data = bytearray(chance.choice(seeds))
    if not data or chance.random() < 0.05:
        return chance.randbytes(chance.randint(0, 400))
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.randint(1, 40))
        match chance.randrange(7):
            case 0:
                del data[at:]
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = data[at:end] * chance.randint(1, 50)
            case 3 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case 4:
                data[at:at] = chance.choice(SPICES).encode("utf-8", "surrogatepass") * chance.choice((1, 1, 1, 300))
            case 5:
                data[at:end] = chance.randbytes(end - at)
            case _:
                data[at:end] = str(chance.choice((0, -1, 2**63, 1e308, 6, 7))).encode()
        if not data:
            break
    return bytes(data)


# --- what reads -----------------------------------------------------------------------------------------------------


@contextmanager
def targets() -> Iterator[dict[str, Target]]:
    """All of them by name, with what they need."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield {
            "reader": _reader(),
            "records": _records(),
            "store": _store(folder / "store"),
            "answers": _answers(folder / "answers.jsonl"),
            "package": _package(),
            "survey": _survey(folder / "ess.csv"),
            "models": _models(folder / "models.txt"),
            "names": _names(),
            "replies": _replies(),
            "addresses": _addresses(folder / "site"),
            "programs": _programs(folder / "programs"),
        }


def _reader() -> Target:
    from eval_queue.reading.reader import read_answer

    seeds = ("Very much like me", "4", "**Like me**.", "<think>no</think> Not like me at all", "I cannot answer that.")
    return Target(lambda data: read_answer(data.decode(errors="replace")), _bytes(seeds), 550, 1.0, ())


def _submission() -> bytes:
    from data.sources.practice import practice_benchmark
    from eval_queue.records import BenchmarkRef
    from eval_queue.settings import Endpoint
    from eval_queue.store.collection import encode
    from eval_queue.submission import new_submission

    ref = BenchmarkRef.of(practice_benchmark())
    at = datetime(2026, 11, 1, tzinfo=UTC)
    return encode(new_submission("org/a", endpoint=Endpoint(name="vllm"), benchmark=ref, submitter="ada", at=at))


def _result() -> bytes:
    from eval_queue.store.collection import encode
    from tests.support.rows import result

    return encode(result("org/a", [0.1 * i for i in range(10)], half=0.2))


def _records() -> Target:
    from eval_queue.asking.checkpoint import RunRecord
    from eval_queue.records import Result
    from eval_queue.submission import Submission

    def read(data: bytes) -> None:
        for kind in (Submission, Result, RunRecord):
            try:
                kind.model_validate_json(data)
            except ValidationError:
                continue

    return Target(read, (_submission(), _result()), 150, 1.0, ())


def _store(folder: Path) -> Target:
    """A record of any content never stops the others, and is told without its content."""
    from datetime import timedelta

    from eval_queue.queue.queue import Queue
    from eval_queue.store.local import LocalStore

    good = _submission()
    id_ = orjson.loads(good)["id"]

    def read(data: bytes) -> None:
        store = LocalStore(folder)
        store.commit({f"submissions/{id_}.json": good, "submissions/odd.json": data}, store.head(), "x")
        queue = Queue(store, store, lease=timedelta(seconds=60))
        assert [s.id for s in queue.submissions()] == [id_], "the good one is still there"
        for problem in queue.problems():
            assert len(problem.message) < 1000

    return Target(read, (good, _result()), 20, 2.0, ())


def _answer_lines(number: int = 8) -> bytes:
    from data.sources.practice import practice_benchmark
    from eval_queue.protocol import plan

    lines = [
        {
            "model": "org/a",
            "prompt_variant": prompt.id[0],
            "portrait_id": prompt.id[1],
            "option_id": prompt.id[2],
            "raw_response": "Like me",
            "error": None,
            "prompt_digest": prompt.digest,
        }
        for prompt in plan(practice_benchmark())[:number]
    ]
    return b"".join(orjson.dumps(line) + b"\n" for line in lines)


def _answers(path: Path) -> Target:
    from data.sources.practice import practice_benchmark
    from eval_queue.reading.answers import read_answers

    benchmark = practice_benchmark()

    def read(data: bytes) -> None:
        path.write_bytes(data)
        read_answers([path], benchmark)

    return Target(read, (_answer_lines(),), 100, 1.0)


def _package() -> Target:
    from data.sources.practice import practice_benchmark
    from eval_queue.asking.checkpoint import ANSWERS_FILE, RUN_FILE, save_run
    from eval_queue.queue.package import ANSWERS_MEMBER, DIGESTS_MEMBER, accept, make_package
    from tests.support.rows import run_record

    practice = practice_benchmark()
    here = {practice.digest: practice}
    at = datetime(2026, 11, 1, tzinfo=UTC)
    run = run_record(practice, at)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_run(folder, run)
        (folder / ANSWERS_FILE).write_bytes(_answer_lines(practice.n_prompts))
        good = make_package(folder, practice)
    accept(good, here, submitter="ada", limit=1_000_000)
    # whole inside, so that a change of a line is read and not only that of a container
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    lines = gzip.decompress(members[ANSWERS_MEMBER])

    def sealed(lines: bytes) -> bytes:
        content = {**members, ANSWERS_MEMBER: gzip.compress(lines, 1)}
        digests = {name: hashlib.sha256(content[name]).hexdigest() for name in (RUN_FILE, ANSWERS_MEMBER)}
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, member in {**content, DIGESTS_MEMBER: orjson.dumps(digests)}.items():
                archive.writestr(name, member)
        return packed.getvalue()

    def read(data: bytes) -> None:
        package = data if data.startswith(b"PK") else sealed(data)
        accept(package, here, submitter="ada", limit=1_000_000)

    return Target(read, (good, lines), 20, 10.0)


def _survey(path: Path) -> Target:
    from data.people.ess import profiles
    from data.people.survey_files import read_people
    from tests.support import ess_files

    table = ess_files.random_survey(1, 400)
    good = ess_files.write(table, path).read_bytes()

    def read(data: bytes) -> None:
        path.write_bytes(data)
        profiles(read_people(path).people)

    return Target(read, (good,), 30, 3.0)


def _models(path: Path) -> Target:
    from eval_queue.commands.queue import _read_models

    def read(data: bytes) -> None:
        path.write_bytes(data)
        _read_models(path)

    return Target(read, (b"org/a\norg/b # comment\n",), 30, 1.0)


def _names() -> Target:
    from eval_queue.submission import check_name

    return Target(lambda data: check_name(data.decode(errors="replace")), _bytes(("org/a", "gpt-4o:x")), 60, 1.0)


def _replies() -> Target:
    """What endpoints answer, of any form."""
    from eval_queue.asking.replies import Failure, Unreadable, parse, read
    from tests.support.chat_server import say

    pieces = (b'data: {"choices": [{"delta": {"content": "%s"}}]}\n\n' % word for word in (b"Like", b" me"))
    stream = b"".join(pieces)
    thoughts = say("Like me", reasoning_content="hm", finish_reason="length").body
    seeds = (say("Like me").body, thoughts, stream + b"data: [DONE]\n\n", gzip.compress(say("Like me").body, 1))
    return Target(lambda data: read(parse(data), 0.1), seeds, 100, 1.0, (Unreadable, Failure))


def _site(folder: Path) -> Site:
    from datetime import timedelta

    from data.sources.practice import practice_benchmark
    from eval_queue.queue.queue import Queue
    from eval_queue.store.local import LocalStore
    from leaderboard.site.site import Site

    practice = practice_benchmark()
    store = LocalStore(folder)
    queue = Queue(store, store, lease=timedelta(seconds=60))
    return Site(practice, practice, queue, (), quota=1, scheduler_seconds=None)


def _programs(folder: Path) -> Target:
    """Any argument of an endpoint, by address or as a tool's, is an answer or an error that names it."""
    from leaderboard.programs import endpoints, fitted

    known = endpoints(_site(folder))

    row = "claude-3-haiku-20240307-99208e0eb4b7"
    calls: dict[str, dict[str, object]] = {
        "board": {"sort": "Power", "order": "down", "limit": 5, "page": 1, "developer": ["OpenAI"], "part": "rows.0"},
        "model": {"id": row, "part": "result.scales"},
        "answers": {"id": row, "rating": "6", "limit": 10, "page": 1, "part": "rows"},
        "compare": {
            "ids": [row, "claude-3-5-haiku-20241022-ffd7f503469e"],
            "items": 3,
            "scale": "pvq",
            "part": "pairs.0",
        },
        "map": {"page": 1, "limit": 5, "part": "models.1"},
        "groups": {"contrast": "gender", "part": "leans"},
        "queue": {"page": 1, "limit": 3},
        "cite": {"id": row},
    }

    def read(data: bytes) -> None:
        """A call in which one argument is another one."""
        name, field, value = [*data.decode(errors="replace").split("\n", 2), "", ""][:3]
        try:
            given = orjson.loads(value)
        except orjson.JSONDecodeError:
            given = value
        name = name if name in calls else sorted(calls)[len(name) % len(calls)]
        if field not in calls[name] and len(field) % 4:  # else one that there is not
            field = sorted(calls[name])[len(field) % len(calls[name])]
        arguments = {**calls[name], field: given}
        part = arguments.pop("part", "")
        fitted(known[name].call(arguments), part)

    seeds = tuple(
        f"{name}\n{field}\n".encode() + orjson.dumps(value) for name, of in calls.items() for field, value in of.items()
    )
    return Target(read, seeds, 30, 20.0)


def _addresses(folder: Path) -> Target:
    """Any address is a page or a refusal, never a fault."""
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    from leaderboard.pages.board.query import BoardQuery
    from leaderboard.ui import READ
    from leaderboard.web import document

    site = _site(folder)
    client = TestClient(Starlette(routes=document.routes(site, READ)), raise_server_exceptions=True)

    def read(data: bytes) -> None:
        text = data.decode(errors="replace")
        route, _, query = text.partition("?")
        fields = [field.partition("=") for field in query.split("&")]
        BoardQuery.parse({name: value for name, _, value in fields})
        asked = "&".join(f"{quote(name)}={quote(value)}" for name, _, value in fields)
        answer = client.get(f"/{quote(route)}?{asked}"[:4000])
        assert answer.status_code < 500, f"status {answer.status_code}"

    seeds = (
        "about?x=1",
        "map?table=x&scale=pvq",
        "compare?models=a,b&scale=pvq",
        "model?id=a&items=1",
        "take?form=short",
        "benchmark?q=x&page=2",
        "groups?contrast=gender&country=DE",
        "?sort=name&size_min=1&since=2026-01-01&developer=a&developer=b&pin=x",
    )
    return Target(read, _bytes(seeds), 40, 20.0, ())


def _bytes(texts: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(text.encode() for text in texts)


# --- running --------------------------------------------------------------------------------------------------------


@dataclass
class Finding:
    """An input that should not have come to this."""

    target: str
    seed: int
    what: str


def fuzz(inputs: int, seed: int, only: str | None = None) -> tuple[dict[str, tuple[int, float, int]], list[Finding]]:
    """Try so many inputs; for each target the number, the slowest one's seconds and how many were refused."""
    counts: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    slowest: dict[str, float] = {}
    findings: list[Finding] = []
    with targets() as all_targets:
        chosen = {name: t for name, t in all_targets.items() if only in (None, name)}
        names, weights = list(chosen), [t.share for t in chosen.values()]
        for target in chosen.values():
            # what is made at the first use is nobody's input
            try:
                target.read(target.seeds[0])
            except target.typed:
                continue
        for number in range(seed, seed + inputs):
            chance = random.Random(number)
            name = chance.choices(names, weights)[0]
            target = chosen[name]
            data = mutated(chance, target.seeds)
            began = time.process_time()  # not of the clock on the wall: others use this machine
            try:
                target.read(data)
            except target.typed:
                refused[name] += 1
            except Exception as error:  # noqa: BLE001 - what is looked for
                where = traceback.extract_tb(error.__traceback__)[-1]
                findings.append(Finding(name, number, f"{type(error).__name__}: {error} ({where.name})"[:300]))
            taken = time.process_time() - began
            counts[name] += 1
            slowest[name] = max(slowest.get(name, 0.0), taken)
            if taken > target.seconds:
                findings.append(Finding(name, number, f"{taken:.1f} s, more than {target.seconds:g}"))
    return {name: (counts[name], slowest.get(name, 0.0), refused[name]) for name in names}, findings


def main(
    inputs: Annotated[int, typer.Option(help="How many inputs.")] = 100_000,
    seed: Annotated[int, typer.Option(help="The first input's seed; the others follow.")] = 0,
    target: Annotated[str | None, typer.Option(help="Only this one.")] = None,
) -> None:
    """Try inputs and print what came of them; exit status 1 if there is a finding."""
    figures, findings = fuzz(inputs, seed, target)
    typer.echo("target       inputs  refused  slowest")
    for name, (count, slowest, refused) in figures.items():
        typer.echo(f"{name:10} {count:8} {refused:8} {slowest:7.2f} s")
    for finding in findings[:40]:
        typer.echo(f"{finding.target}, seed {finding.seed}: {finding.what}")
    typer.echo(f"{sum(count for count, _, _ in figures.values())} inputs, {len(findings)} findings")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    typer.run(main)
