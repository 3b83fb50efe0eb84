"""One's own answers: packed, taken apart by somebody who trusts nobody, scored, shown and removed."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import warnings
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from data.errors import InputError
from data.sources.practice import practice_benchmark
from eval_queue.__main__ import app
from eval_queue.asking.checkpoint import ANSWERS_FILE, RUN_FILE
from eval_queue.asking.evaluation import Job, evaluate
from eval_queue.queue.package import ANSWERS_MEMBER, DIGESTS_MEMBER, MEMBERS, Accepted, accept, make_package
from eval_queue.queue.queue import Queue
from eval_queue.settings import Endpoint
from eval_queue.store.local import LocalStore
from eval_queue.submission import Refused
from tests.eval_queue.queue.conftest import Opener
from tests.support.chat_server import ChatServer
from tests.support.hub import Fault, Hub
from tests.support.hub_place import Place

PRACTICE = practice_benchmark()
HERE = {PRACTICE.digest: PRACTICE}
LIMIT = 5_000_000
MODEL = "org/model-7B"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run over HTTP, as `evaluate` leaves it."""
    folder = tmp_path_factory.mktemp("runs") / "mine"
    with ChatServer() as server:
        endpoint = Endpoint.model_validate({"name": "my-vllm", "base_url": server.address, "note": "my own note"})
        asyncio.run(evaluate(Job(MODEL, endpoint, PRACTICE), folder))
    return folder


@pytest.fixture(scope="module")
def package(run: Path) -> bytes:
    return make_package(run, PRACTICE)


def taken(package: bytes, submitter: str = "ada") -> Accepted:
    return accept(package, HERE, submitter=submitter, limit=LIMIT)


def members(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(content: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return file.getvalue()


def resealed(content: dict[str, bytes]) -> bytes:
    """A package whose digests fit its members, as a liar would make it."""
    digests = {name: hashlib.sha256(content[name]).hexdigest() for name in (RUN_FILE, ANSWERS_MEMBER)}
    return zipped({**content, DIGESTS_MEMBER: orjson.dumps(digests)})


def with_run(package: bytes, **changes: object) -> bytes:
    content = members(package)
    return resealed({**content, RUN_FILE: orjson.dumps({**orjson.loads(content[RUN_FILE]), **changes})})


def with_lines(package: bytes, change: Callable[[list[dict[str, Any]]], object]) -> bytes:
    content = members(package)
    lines = [orjson.loads(line) for line in gzip.decompress(content[ANSWERS_MEMBER]).splitlines()]
    change(lines)
    return resealed({**content, ANSWERS_MEMBER: gzip.compress(b"\n".join(map(orjson.dumps, lines)))})


# --- the whole way --------------------------------------------------------------------------------------------------


def test_a_run_is_packed_and_scored_again_to_the_same_numbers(run: Path, package: bytes) -> None:
    own = json.loads((run / "result.json").read_text())
    accepted = taken(package)
    result = json.loads(accepted.result.model_dump_json())
    for field in ("coverage", "scales", "centred10", "reliability", "sensitivity", "style", "complete"):
        assert result[field] == own[field], field
    assert (result["origin"], result["submitter"], result["model"]) == ("self-reported", "ada", MODEL)
    assert result["id"] == own["id"] + "-reported"
    table = pq.read_table(io.BytesIO(accepted.table))
    assert table.num_rows == PRACTICE.n_prompts
    assert table["rating"].null_count == PRACTICE.n_prompts - accepted.result.coverage.rated


def test_the_same_run_gives_the_same_bytes(run: Path, package: bytes) -> None:
    assert make_package(run, PRACTICE) == package
    assert sorted(members(package)) == sorted(MEMBERS)


def test_no_number_of_the_sender_is_believed(package: bytes) -> None:
    honest = taken(package).result
    lies = with_run(
        package,
        scales={"pvq": {"dimensions": {"Power": {"score": 5}}}},
        reliability=1.0,
        complete=True,
        origin="space",
        note="<b>best</b>",
        developer="me",
        request={"temperature": 0, "base_url": "http://10.0.0.1/v1"},
        endpoint_models=["http://10.0.0.1/v1"],
        benchmark={"name": "value-portrait", "version": "9", "digest": PRACTICE.digest},
    )
    lies = with_lines(lies, lambda lines: [line.update(rating=6, numeric_response=6) for line in lines])
    result = taken(lies).result
    assert result.model_dump(exclude={"created"}) == honest.model_dump(exclude={"created"})
    assert result.benchmark.name == "practice"
    assert "10.0.0.1" not in result.model_dump_json()


def test_reasoning_stays_at_home(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / RUN_FILE).write_bytes((run / RUN_FILE).read_bytes())
    lines = [{**orjson.loads(x), "reasoning": "my secret"} for x in (run / ANSWERS_FILE).read_bytes().splitlines()]
    (folder / ANSWERS_FILE).write_bytes(b"\n".join(map(orjson.dumps, lines)))
    packed = members(make_package(folder, PRACTICE))
    assert b"my secret" not in gzip.decompress(packed[ANSWERS_MEMBER])


# --- what is refused ------------------------------------------------------------------------------------------------


def _without(name: str) -> Callable[[bytes], bytes]:
    return lambda package: zipped({k: v for k, v in members(package).items() if k != name})


def _replaced(name: str, data: bytes) -> Callable[[bytes], bytes]:
    return lambda package: resealed({**members(package), name: data})


def _twice(package: bytes) -> bytes:
    file = io.BytesIO(package)
    with warnings.catch_warnings(), zipfile.ZipFile(file, "a") as archive:
        warnings.simplefilter("ignore")  # zipfile warns of what this test is about
        archive.writestr(RUN_FILE, b"{}")
    return file.getvalue()


def _bomb_member(package: bytes) -> bytes:
    return zipped({**members(package), RUN_FILE: b" " * 50_000_000}, zipfile.ZIP_DEFLATED)


def _lying_size(package: bytes) -> bytes:
    """A member that is larger than the directory says."""
    bomb = bytearray(_bomb_member(package))
    small = (1000).to_bytes(4, "little")
    true = (50_000_000).to_bytes(4, "little")
    return bytes(bomb.replace(true, small))


BAD_FILES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "no package, or a damaged one"),
    "no zip": (lambda _: b"raw_response" * 100, "no package, or a damaged one"),
    "cut off": (lambda package: package[: len(package) // 2], "no package, or a damaged one"),
    "flipped": (lambda p: p.replace(b'"model"', b'"m0del"', 1), "no package, or a damaged one|digest"),
    "no run": (_without(RUN_FILE), "holds exactly"),
    "no answers": (_without(ANSWERS_MEMBER), "holds exactly"),
    "no digests": (_without(DIGESTS_MEMBER), "holds exactly"),
    "more": (lambda p: zipped({**members(p), "result.json": b"{}"}), "holds exactly"),
    "twice": (_twice, "holds exactly"),
    "path": (lambda p: zipped({**members(p), "../../etc/cron.d/x": b"x"}), "holds exactly"),
    "path instead": (lambda p: zipped({f"../{k}": v for k, v in members(p).items()}), "holds exactly"),
    "bomb in zip": (_bomb_member, "too large"),
    "lying size": (_lying_size, "too large|no package, or a damaged one"),
    "bomb in gzip": (_replaced(ANSWERS_MEMBER, gzip.compress(b"\n" * 50_000_000)), "too large once unpacked"),
    "no gzip": (_replaced(ANSWERS_MEMBER, b"[]"), "no gzip file"),
    "gzip cut off": (lambda p: _replaced(ANSWERS_MEMBER, members(p)[ANSWERS_MEMBER][:-9])(p), "cut off"),
    "two gzips": (lambda p: _replaced(ANSWERS_MEMBER, members(p)[ANSWERS_MEMBER] * 2)(p), "stands behind its end"),
    "other digests": (lambda p: zipped({**members(p), DIGESTS_MEMBER: b"{}"}), "damaged or changed"),
    "digests no JSON": (lambda p: zipped({**members(p), DIGESTS_MEMBER: b"{"}), "damaged or changed"),
    "digests a list": (lambda p: zipped({**members(p), DIGESTS_MEMBER: b"[1]"}), "damaged or changed"),
    "run no JSON": (_replaced(RUN_FILE, b"{"), "cannot be used"),
    "run a number": (_replaced(RUN_FILE, b"7"), "cannot be used"),
    "newer run": (lambda p: with_run(p, schema_version=2), "schema_version"),
    "oversized": (lambda p: p + b"\0" * LIMIT, "the limit is 5 MB"),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_bad_file_is_refused_with_a_reason(package: bytes, what: str) -> None:
    make, words = BAD_FILES[what]
    with pytest.raises(Refused, match=words) as refused:
        taken(make(package))
    assert refused.value.code == "bad_package"


LATER = (datetime.now(UTC) + timedelta(days=30)).isoformat()
BAD_RUNS: dict[str, tuple[dict[str, object], str, str]] = {
    "an address": ({"model": "http://10.0.0.1/v1"}, "bad_name", "looks like an address"),
    "markup": ({"model": "<img src=x>"}, "bad_name", "letters, digits"),
    "blanks": ({"model": f" {MODEL}"}, "bad_package", "spaces"),
    "endpoint": ({"endpoint": "10.0.0.1:80/<b>"}, "bad_package", "endpoint's name"),
    "revision": ({"revision": "main"}, "bad_package", "must be a commit"),
    "persona": ({"persona": "political/left", "system": "Be."}, "bad_package", "under a persona"),
    "protocol": ({"protocol": "0-free-text"}, "bad_package", "followed the protocol '0-free-text'"),
    "mode": ({"answer_mode": "constrained"}, "bad_package", "followed the protocol"),
    "tokens": ({"max_tokens": 0}, "bad_package", "max_tokens"),
    "future": ({"started": LATER, "last": LATER}, "bad_package", "times are impossible"),
    "backwards": ({"started": "2026-11-02T00:00:00Z", "last": "2026-11-01T00:00:00Z"}, "bad_package", "times"),
    "another benchmark": (
        {"benchmark": {"name": "practice", "version": "1", "digest": "f" * 64}},
        "other_benchmark",
        "whose content is not",
    ),
}


@pytest.mark.parametrize("what", BAD_RUNS)
def test_a_run_that_cannot_stand_here_is_refused(package: bytes, what: str) -> None:
    changes, code, words = BAD_RUNS[what]
    with pytest.raises(Refused, match=words) as refused:
        taken(with_run(package, **changes))
    assert refused.value.code == code
    assert "<" not in str(refused.value)


def _failed(line: dict[str, Any]) -> None:
    line.update(raw_response=None, error="timeout: no answer")


BAD_LINES: dict[str, tuple[Callable[[list[dict[str, Any]]], object], str, str]] = {
    "half a run": (
        lambda lines: lines.__delitem__(slice(180, None)),
        "incomplete",
        "180 of 360 prompts have no answer",
    ),
    "one missing": (lambda lines: lines.pop(), "incomplete", "1 of 360"),
    "no lines": (lambda lines: lines.clear(), "incomplete", "360 of 360"),
    "too many errors": (
        lambda lines: [_failed(x) for x in lines[:37]],
        "incomplete",
        "37 of 360 prompts ended in",
    ),
    "twice": (lambda lines: lines.append(lines[0]), "bad_package", "Line 361 answers a prompt that an earlier line"),
    "another model": (lambda lines: lines[4].update(model="org/other"), "bad_package", "Line 5 of the answers is ano"),
    "another item": (lambda lines: lines[4].update(portrait_id=999), "other_benchmark", "Line 5 answers a prompt"),
    "another variant": (lambda lines: lines[4].update(prompt_variant="v9"), "other_benchmark", "does not have"),
    "other words": (
        lambda lines: lines[4].update(prompt_digest="f" * 64),
        "other_benchmark",
        "Line 5: the prompt's wording",
    ),
    "no digest": (lambda lines: lines[4].pop("prompt_digest"), "bad_package", "Line 5 .*prompt_digest"),
    "a number for text": (lambda lines: lines[4].update(raw_response=6), "bad_package", "raw_response"),
    "nothing said": (lambda lines: lines[4].update(raw_response=None), "bad_package", "raw_response"),
    "true for a number": (lambda lines: lines[4].update(option_id=True), "bad_package", "option_id"),
    "tokens below zero": (lambda lines: lines[4].update(prompt_tokens=-1), "bad_package", "prompt_tokens"),
    "tokens beyond": (lambda lines: lines[4].update(prompt_tokens=2**40), "bad_package", "prompt_tokens"),
    "no object": (lambda lines: lines.insert(4, []), "bad_package", "Line 5 of the answers is no JSON object"),  # type: ignore[arg-type]  # what it is about
}


@pytest.mark.parametrize("what", BAD_LINES)
def test_answers_that_cannot_be_taken_are_refused(package: bytes, what: str) -> None:
    change, code, words = BAD_LINES[what]
    with pytest.raises(Refused, match=words) as refused:
        taken(with_lines(package, change))
    assert refused.value.code == code


def test_a_few_errors_are_part_of_a_run(package: bytes) -> None:
    result = taken(with_lines(package, lambda lines: [_failed(line) for line in lines[:36]])).result
    assert result.coverage.unscored["api_error"] == 36


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_writes_the_package(run: Path, package: bytes, tmp_path: Path) -> None:
    target = tmp_path / "mine.zip"
    done = CliRunner().invoke(app, ["package", str(run), "--out", str(target)])
    assert done.exit_code == 0, done.output
    assert target.read_bytes() == package
    assert "360 answers" in done.output


@pytest.mark.parametrize(
    ("remove", "words"), [(RUN_FILE, "give the folder of a run"), (ANSWERS_FILE, "give the folder")]
)
def test_a_folder_that_is_no_run_is_named(run: Path, tmp_path: Path, remove: str, words: str) -> None:
    for name in {RUN_FILE, ANSWERS_FILE} - {remove}:
        (tmp_path / name).write_bytes((run / name).read_bytes())
    with pytest.raises(InputError, match=f"{remove}.*give the folder of a run"):
        make_package(tmp_path, PRACTICE)


def test_half_a_run_is_not_packed(run: Path, tmp_path: Path) -> None:
    (tmp_path / RUN_FILE).write_bytes((run / RUN_FILE).read_bytes())
    (tmp_path / ANSWERS_FILE).write_bytes(b"".join((run / ANSWERS_FILE).read_bytes().splitlines(keepends=True)[:100]))
    with pytest.raises(InputError, match="260 of 360 prompts have no answer"):
        make_package(tmp_path, PRACTICE)


def test_a_run_of_another_benchmark_is_named(run: Path, tmp_path: Path) -> None:
    record = orjson.loads((run / RUN_FILE).read_bytes())
    record["benchmark"] |= {"digest": "f" * 64}
    (tmp_path / RUN_FILE).write_bytes(orjson.dumps(record))
    failed = CliRunner().invoke(app, ["package", str(tmp_path), "--source", "practice"])
    assert isinstance(failed.exception, InputError)
    assert "not the benchmark here" in str(failed.exception)


# --- the rows -------------------------------------------------------------------------------------------------------


@pytest.fixture
def queue(opener: Opener) -> Queue:
    return opener()


def test_a_row_is_shown_with_its_answers_and_removed(queue: Queue, opener: Opener, package: bytes) -> None:
    accepted = taken(package)
    id_ = accepted.result.id
    queue.reported.publish(accepted.result, accepted.table)
    assert opener().results() == [accepted.result]
    assert opener().answers(id_) == accepted.table
    opener().reported.remove(id_)
    assert queue.results() == []
    with pytest.raises(InputError, match="No raw answers"):
        queue.answers(id_)
    with pytest.raises(InputError, match="no self-reported row"):
        queue.reported.remove(id_)
    queue.reported.publish(accepted.result, accepted.table)
    assert len(queue.results()) == 1


def test_the_command_removes_a_row(package: bytes, tmp_path: Path) -> None:
    accepted = taken(package)
    store = LocalStore(tmp_path / "store")
    queue = Queue(store, store, lease=timedelta(minutes=2))
    queue.reported.publish(accepted.result, accepted.table)
    removed = CliRunner().invoke(app, ["remove", accepted.result.id, "--store", str(tmp_path / "store")])
    assert removed.exit_code == 0, removed.output
    assert queue.results() == []


@pytest.mark.parametrize("after", [False, True], ids=["before it landed", "after it landed"])
@pytest.mark.parametrize("fault", [{"status": 503}, {"cut": True}], ids=["503", "cut"])
def test_on_a_hub_that_fails_a_row_is_published_and_removed_once(
    store_hub: Hub, package: bytes, tmp_path: Path, fault: dict[str, Any], after: bool
) -> None:
    place = Place(store_hub, tmp_path)
    queue, accepted = place.queue(), taken(package)
    queue.results()
    id_ = accepted.result.id
    files = {f"self-reported/{id_}.json", f"self-reported/{id_}.parquet", "results/all.parquet"}
    for change in (lambda: queue.reported.publish(accepted.result, accepted.table), lambda: queue.reported.remove(id_)):
        rule = store_hub.faults.add(Fault(route="commit", repo=place.results, after=after, **fault))
        change()
        assert store_hub.faults.fired()[rule] == 1
        store_hub.faults.clear()
    steps = [step for step in store_hub.history(place.results) if id_ in step["title"]]
    assert [step["title"] for step in steps] == [f"remove {id_}", f"self-reported: {id_}"]
    assert all(set(step["changes"]) == files for step in steps)
    assert place.queue().results() == []


def test_handed_in_at_the_same_moment_a_row_is_published_once(store_hub: Hub, package: bytes, tmp_path: Path) -> None:
    place = Place(store_hub, tmp_path)
    place.queue().results()
    packages = [taken(package, submitter=name) for name in ("ada", "ben", "eve")]

    def publish(accepted: Accepted) -> str:
        try:
            place.queue().reported.publish(accepted.result, accepted.table)
        except Refused as refused:
            return refused.code
        return "published"

    with ThreadPoolExecutor(3) as pool:
        ends = sorted(pool.map(publish, packages))
    assert ends == ["duplicate", "duplicate", "published"]
    (row,) = place.queue().results()
    assert row.submitter in ("ada", "ben", "eve")


def test_the_same_answers_are_refused_and_nothing_is_overwritten(queue: Queue, package: bytes) -> None:
    first, second = taken(package), taken(package, submitter="ben")
    queue.reported.publish(first.result, first.table)
    with pytest.raises(Refused, match="was submitted before") as refused:
        queue.reported.publish(second.result, second.table)
    assert (refused.value.code, refused.value.existing) == ("duplicate", first.result.id)
    (kept,) = queue.results()
    assert kept.submitter == "ada"


def test_rows_are_counted_by_person_and_week(queue: Queue, package: bytes) -> None:
    for name in ("one", "two"):
        lines = with_lines(with_run(package, model=name), lambda x, n=name: [line.update(model=n) for line in x])
        queue.reported.publish(taken(lines).result, b"table", per_week=2)
    more = taken(package)
    with pytest.raises(Refused, match="2 rows within the last week"):
        queue.reported.publish(more.result, more.table, per_week=2)
    bens = taken(package, submitter="ben")
    queue.reported.publish(bens.result, bens.table, per_week=2)
    queue.clock = lambda: datetime.now(UTC) + timedelta(days=8)
    anew = taken(with_run(package, endpoint="another"))
    queue.reported.publish(anew.result, anew.table, per_week=2)
    assert len(queue.results()) == 4


def test_a_damaged_row_is_set_aside(queue: Queue, package: bytes) -> None:
    accepted = taken(package)
    queue.reported.publish(accepted.result, accepted.table)
    store = queue.reported._records.store
    store.commit({"self-reported/broken.json": b"{"}, store.head(), "damage")
    assert [p.path for p in queue.problems()] == ["self-reported/broken.json"]
    assert len(queue.results()) == 1
    assert asdict(queue.problems()[0])["message"]
