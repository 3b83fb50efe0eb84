"""The store on the Hub: what it asks for, what each fault does to it, what is there while the Hub is not.

The contract that it shares with the local store is in `test_store.py`, many workers in `test_many_workers.py`.
"""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import huggingface_hub
import orjson
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from data.errors import InputError
from data.values import DIMENSIONS
from eval_queue.queue.queue import Queue
from eval_queue.records import Result
from eval_queue.settings import Settings, load_settings
from eval_queue.store.cards import requests_card, results_card
from eval_queue.store.collection import encode
from eval_queue.store.compiled import compiled_results, compiled_submissions, contents, result_columns
from eval_queue.store.git_ids import blob_oid, sha256, tree_oid
from eval_queue.store.hub import HubStore
from eval_queue.store.local import EMPTY_HEAD, StoreUnavailable, WriteConflict
from eval_queue.store.repository import HubClock, HubRepo
from eval_queue.submission import Progress, Submission
from tests.support.commands import Done, client_started_with, run_command
from tests.support.hub import Fault, Hub, HubProcess, hub_process
from tests.support.hub_place import CARD, NUMBERS, PRACTICE, START, Place, asked, content, file_of, filled, result_of
from tests.support.waiting import until


@pytest.fixture(scope="module")
def running() -> Iterator[HubProcess]:
    with hub_process() as hub:
        yield hub


@pytest.fixture
def hub(running: HubProcess) -> Iterator[HubProcess]:
    yield running
    running.faults.clear()
    running.requests.clear()


@pytest.fixture
def place(hub: Hub, tmp_path: Path) -> Place:
    return Place(hub, tmp_path)


# --- the repository -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("private", [True, False])
def test_the_first_look_makes_the_repository_with_a_card(place: Place, private: bool) -> None:
    store = place.store(private=private)
    assert store.list("", store.head()) == {}
    assert place.hub.files(place.requests)["README.md"].decode() == CARD
    api = huggingface_hub.HfApi(endpoint=place.hub.url, token=place.hub.token)
    assert api.dataset_info(place.requests).private is private
    assert len(place.hub.history(place.requests)) == 2
    assert place.store().head() == store.head()


def test_programs_that_begin_at_once_make_it_once(place: Place) -> None:
    heads: list[str] = []
    threads = [threading.Thread(target=lambda: heads.append(place.store().head())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert set(heads) <= {step["oid"] for step in place.hub.history(place.requests)}
    assert len(heads) == 6
    assert [step["title"] for step in place.hub.history(place.requests)] == ["Begin", "initial commit"]


@pytest.mark.parametrize(
    ("card", "kept"),
    [
        (None, False),
        ("---\nlicense: mit\n---\n", False),
        ("", False),
        ("---\nlicense: mit\n---\n# Our own words\n", True),
        ("Our own words", True),
    ],
)
def test_a_repository_made_by_hand_gets_a_card_where_it_has_no_words(
    place: Place, card: str | None, kept: bool
) -> None:
    place.hub.add_repo(place.requests, files={} if card is None else {"README.md": card.encode()})
    store = place.store()
    for name in ("a", "b"):
        store.commit({f"submissions/{name}.json": b"{}"}, store.head(), "one more")
    now = place.hub.files(place.requests)
    assert now["README.md"].decode() == (card if kept else CARD)
    assert set(now) == {".gitattributes", "README.md", "submissions/a.json", "submissions/b.json"}


def test_the_repository_s_own_files_are_neither_listed_nor_written(place: Place) -> None:
    store = place.store(place.results)
    head = store.commit({"results/a.json": b"{}"}, store.head(), "x")
    assert "results/all.parquet" in place.hub.files(place.results)
    assert set(store.list("", head)) == set(store.list("results/", head)) == {"results/a.json"}
    for path in ("README.md", ".gitattributes", "results/all.parquet"):
        with pytest.raises(ValueError, match="own"):
            store.commit({path: b"x"}, head, "mine")


def test_a_token_that_may_not_see_the_repository_is_not_an_empty_queue(place: Place) -> None:
    filled(place, "org/a")
    for token, words in (
        (place.hub.add_user(f"stranger-{next(NUMBERS)}"), "the token may not see it"),
        ("hf_nobody", "does not accept the token"),
    ):
        queue = place.queue(token=token)
        assert queue.submissions() == []
        outage = queue.outage()
        assert outage is not None
        assert outage.since is None
        assert words in outage.reason
        assert "hf_" not in outage.reason
        assert place.hub.url not in outage.reason
        with pytest.raises(StoreUnavailable, match="Nothing can be stored"):
            queue.submit(asked("org/b"), quota=9)
    assert len(place.records()) == 1


def test_a_token_that_is_taken_away_leaves_the_last_copy(place: Place) -> None:
    filled(place, "org/a")
    token = place.hub.add_token(place.hub.user)
    queue = place.queue(token=token)
    assert len(queue.submissions()) == 1
    assert queue.outage() is None
    place.hub.remove_token(token)
    assert len(queue.submissions()) == 1
    assert queue.outage() is not None


def test_a_reader_without_the_right_to_write_reads_and_is_told_when_it_writes(place: Place) -> None:
    filled(place, "org/a")
    reader = place.store(token=place.hub.add_token(place.hub.user, "read"))
    assert len(content(reader)) == 1
    with pytest.raises(StoreUnavailable, match="may not do this"):
        reader.commit({"submissions/b.json": b"{}"}, reader.head(), "x")
    assert len(place.records()) == 1


# --- what it costs --------------------------------------------------------------------------------------------------


def test_a_look_that_finds_nothing_new_is_one_small_request(place: Place) -> None:
    filled(place, *(f"org/{i}" for i in range(30)))
    store = place.store()
    assert len(content(store)) == 30
    place.routes()
    for _ in range(3):
        assert len(content(store)) == 30
    assert place.routes() == {"info": 3}
    log = [line.query for line in place.hub.requests.all()]
    assert all("expand=sha" in query and "siblings" not in query for query in log)


def test_a_head_is_asked_for_no_more_often_than_said(place: Place) -> None:
    filled(place, "org/a")
    store = place.store(max_age=60)
    content(store)
    place.routes()
    for _ in range(20):
        content(store)
    assert place.routes() == {}
    store.commit({"submissions/x.json": b"{}"}, store.head(), "own changes are seen at once")
    assert len(content(store)) == 2


def test_a_change_by_others_costs_what_changed(place: Place) -> None:
    writer = filled(place, *(f"org/{i}" for i in range(30)))
    reader = place.store()
    content(reader)
    changed = {p: None if i else b"{}" for i, p in enumerate([*place.records()][:3])}
    place.routes()
    writer.commit({**changed, "submissions/new.json": b"[]"}, writer.head(), "two go, one changes, one comes")
    place.routes()
    assert content(reader) == place.records()
    assert place.routes() == {"info": 1, "commits": 1, "paths-info": 1, "tree": 1, "resolve": 2}


def test_a_folder_that_did_not_change_is_not_listed_again(place: Place) -> None:
    filled(place, "org/a")
    reader = place.store()
    content(reader)
    place.hub.commit(place.requests, {"notes/of-the-operator.txt": b"x"})
    place.routes()
    assert len(content(reader)) == 1
    assert place.routes() == {"info": 1, "commits": 1, "paths-info": 1}


def test_an_own_change_is_followed_without_asking(place: Place) -> None:
    store = filled(place, "org/a")
    content(store)
    place.routes()
    store.commit(file_of(asked("org/b")), store.head(), "mine")
    assert place.routes() == {"info": 1, "preupload": 1, "commit": 1}
    assert len(content(store)) == 2
    assert place.routes() == {"info": 1}


def test_missing_records_are_fetched_several_at_a_time(place: Place) -> None:
    place.hub.add_repo(place.requests, files={f"submissions/{i}.json": b"%d" % i for i in range(40)})
    place.hub.faults.add(Fault(route="resolve", delay=0.1, times=None))
    reader = place.store()
    content(reader)
    place.hub.faults.clear()
    taken = [line.seconds for line in place.hub.requests.all() if line.route == "resolve"]
    assert len(taken) == 40
    assert place.routes()["resolve"] == 40
    # 40 waits one after the other would be 40 times 0.1 s; compared with what the same requests took together
    assert sum(taken) >= 4.0


@pytest.fixture(scope="module")
def many(running: HubProcess, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """10,000 submissions and 200 results on record, put there by the store itself."""
    place = Place(running, tmp_path_factory.mktemp("many"))
    states = ["done"] * 200 + ["cancelled"] * 9_790 + ["pending"] * 10
    submissions = [asked(f"org/{i}", i, state=state) for i, state in enumerate(states)]
    for repo, folder, records in (
        (place.requests, "submissions", submissions),
        (place.results, "results", [result_of(s) for s in submissions[:200]]),
    ):
        store = place.store(repo)
        store.commit({f"{folder}/{r.id}.json": encode(r) for r in records}, store.head(), "fill")
    return place


def test_with_10_000_on_record_a_first_look_is_a_few_requests(hub: Hub, many: Place) -> None:
    many.routes()
    queue = many.queue(copy="shared")
    assert len(queue.submissions()) == 10_000
    assert len(queue.results()) == 200
    cost = many.routes()
    # of submissions 11 pages and one table, of results one page and one table; a third folder that is not there
    assert cost == {"info": 4, "paths-info": 3, "tree": 12, "resolve": 2}
    warm = many.queue(copy="shared")
    assert len(warm.submissions()) == 10_000
    assert len(warm.results()) == 200
    assert many.routes() == {"info": 4}


def test_with_10_000_on_record_nothing_new_is_one_request_a_repository(hub: Hub, many: Place) -> None:
    queue = many.queue(copy="shared", max_age=30)

    def look() -> None:
        assert len(queue.submissions()) == 10_000
        assert len(queue.results()) == 200
        assert queue.problems() == []

    look()
    queue._submissions.store._next_look = queue._results.store._next_look = 0.0  # half a minute has passed
    many.routes()
    for _ in range(5):
        look()
    assert many.routes() == {"info": 2}


def test_with_10_000_on_record_a_claim_costs_as_with_ten(hub: Hub, many: Place, place: Place) -> None:
    few = filled(place, *(f"org/{i}" for i in range(10)))
    assert few
    costs = []
    for there in (place, many):
        queue = there.queue(copy="shared", clock=lambda: START)
        queue.submissions()
        queue.results()
        first = queue.claim("w", runnable=lambda s: True)
        assert first is not None
        queue.release(first, why="only tried")
        there.routes()
        claim = queue.claim("w", runnable=lambda s: True)
        assert claim is not None
        costs.append(there.routes())
        queue.renew(claim, Progress(done=1, total=9, rated=1, updated=START))
        costs.append(there.routes())
        queue.release(claim, why="only tried")
        there.routes()
    assert costs[0] == costs[2] == {"info": 2, "preupload": 1, "commit": 1}
    assert costs[1] == costs[3] == {"info": 1, "preupload": 1, "commit": 1}


# --- the compiled table ---------------------------------------------------------------------------------------------


def test_a_publication_refreshes_the_table_in_the_same_commit(place: Place) -> None:
    queue = place.queue()
    for minute, model in enumerate(("org/b", "org/a")):
        queue.submit(asked(model, minute), quota=9)
        claim = queue.claim("w", runnable=lambda s: True)
        assert claim is not None
        queue.finish(claim, result_of(claim.submission), b"PAR1 answers")
    for step in place.hub.history(place.results)[:2]:
        assert step["title"].startswith("result of")
        assert len(step["changes"]) == 3
        assert "results/all.parquet" in step["changes"]
    files = place.hub.files(place.results)
    table = pq.read_table(io.BytesIO(files["results/all.parquet"])).to_pylist()
    assert [row["model"] for row in table] == ["org/a", "org/b"]
    for row in table:
        stored = files[f"results/{row['id']}.json"]
        assert row["record"].encode() == stored
        assert row["oid"] == blob_oid(stored)
        result = Result.model_validate_json(stored)
        cell = result.scales["pvq"].dimensions["Power"]
        assert (row["power"], row["power_low"], row["power_high"], row["power_n"]) == (
            cell.score,
            cell.low,
            cell.high,
            cell.n,
        )
        assert row["created"] == result.created
        assert (row["prompts"], row["rated"]) == (3120, 3120)
        assert row["benchmark_digest"] == PRACTICE.digest


def test_the_table_follows_what_is_removed_and_leaves_out_what_cannot_be_read(place: Place) -> None:
    store = place.store(place.results)
    good, own, bad = asked("org/good"), asked("org/own"), {"results/bad.json": b"{", "results/newer.json": b'{"id": 1}'}
    files = {f"results/{good.id}.json": encode(result_of(good)), **bad}
    files[f"self-reported/{own.id}.json"] = encode(result_of(own, origin="self-reported"))
    head = store.commit(dict(files), store.head(), "four")
    assert _table_models(place) == [("org/good", "space"), ("org/own", "self-reported")]
    head = store.commit({f"self-reported/{own.id}.json": None}, head, "removed")
    assert _table_models(place) == [("org/good", "space")]
    store.commit(dict.fromkeys(place.records(place.results)), head, "all removed")
    assert _table_models(place) == []
    assert place.store(place.results).list("", store.head()) == {}


def _table_models(place: Place) -> list[tuple[str, str]]:
    data = place.hub.files(place.results)["results/all.parquet"]
    return [(row["model"], row["origin"]) for row in pq.read_table(io.BytesIO(data)).to_pylist()]


def test_the_table_of_submissions_is_made_anew_only_when_many_are_not_in_it(place: Place) -> None:
    store = place.store()

    def put(numbers: range) -> bool:
        head = store.head()
        store.commit({p: c for i in numbers for p, c in file_of(asked(f"org/{i}", i)).items()}, head, "more")
        return "submissions/all.parquet" in place.hub.history(place.requests)[0]["changes"]

    assert not put(range(100))
    assert put(range(100, 101)), "more than a hundred in none"
    assert not put(range(101, 201))
    assert put(range(201, 202))
    reader = place.store()
    place.routes()
    assert len(content(reader)) == 202
    assert place.routes()["resolve"] == 1, "one table"
    put(range(202, 205))
    place.routes()
    assert content(place.store()) == place.records()
    assert place.routes()["resolve"] == 1 + 3, "the table, and what is newer than it"


def test_a_table_that_lies_is_not_believed(place: Place) -> None:
    """A row counts only where its id is the listed one, and an id only for the content that has it."""
    true = {f"submissions/{i}.json": encode(asked(f"org/{i}")) for i in range(20)}
    old = [encode(asked(f"org/{i}", 5)) for i in range(20)]
    forged = compiled_submissions().build(old)
    table = pq.read_table(io.BytesIO(forged))
    oids = [blob_oid(c) for c in true.values()]
    sink = io.BytesIO()
    pq.write_table(table.set_column(table.schema.get_field_index("oid"), "oid", [oids]), sink)
    place.hub.add_repo(place.requests, files={"README.md": b"Words", **true})
    for lie in (forged, sink.getvalue(), b"PAR1 no table", b""):
        place.hub.commit(place.requests, {"submissions/all.parquet": lie})
        assert content(place.store()) == true


def test_a_compiled_table_gives_back_every_file() -> None:
    files = [encode(asked(f"org/{i}", i, submitter="“ü” 日本")) for i in range(50)]
    found = contents(compiled_submissions().build(files))
    assert sorted(found.values()) == sorted(files)
    assert all(blob_oid(data) == oid for oid, data in found.items())
    assert contents(compiled_results().build([])) == {}
    with pytest.raises(ValueError, match="not a compiled table"):
        contents(b"PAR1")


def test_the_results_load_with_datasets_as_they_are(place: Place, tmp_path: Path) -> None:
    """In a process of its own, with the unmodified client and nothing but the repository's name."""
    queue = place.queue(private=False)
    for minute, model in enumerate(("org/a", "org/b")):
        queue.submit(asked(model, minute), quota=9)
        claim = queue.claim("w", runnable=lambda s: True)
        assert claim is not None
        answers = io.BytesIO()
        pq.write_table(_answers(model), answers)
        queue.finish(claim, result_of(claim.submission), answers.getvalue())
    found = _load(place, tmp_path / "home", "results")
    assert [row["model"] for row in found] == ["org/a", "org/b"]
    assert [set(row) for row in found] == [{c.name for c in result_columns()}] * 2
    for row, result in zip(found, sorted(queue.results(), key=lambda r: r.model), strict=True):
        assert row["power"] == result.scales["pvq"].dimensions["Power"].score
        assert Result.model_validate_json(row["record"]) == result
    rated = _load(place, tmp_path / "home", "answers")
    assert sorted((row["model"], row["rating"]) for row in rated) == [
        ("org/a", 1),
        ("org/a", 2),
        ("org/b", 1),
        ("org/b", 2),
    ]


def _answers(model: str) -> Any:
    import pyarrow as pa

    return pa.table({"model": [model, model], "rating": pa.array([1, 2], pa.int8())})


_LOADER = """
import json, sys
from datasets import load_dataset
print(json.dumps(list(load_dataset(*sys.argv[1:], split="train")), default=str))
"""


def _load(place: Place, home: Path, config: str) -> list[dict[str, Any]]:
    # the default configuration is asked for without its name
    arguments = [place.results, *([] if config == "results" else [config])]
    ended = subprocess.run(
        [sys.executable, "-c", _LOADER, *arguments],
        env=place.hub.environment(home),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert isinstance(found, list)
    return found


# --- faults while writing -------------------------------------------------------------------------------------------

BROKEN: dict[str, dict[str, object]] = {
    "500": {"status": 500},
    "503": {"status": 503},
    "429": {"status": 429, "retry_after": 1},
    "cut": {"cut": True},
    "late": {"delay": 30},
}


def patience(fault: str) -> float:
    """Seconds that a client waits for an answer: few where it waits in vain, and else enough on a busy machine."""
    return 1.5 if fault == "late" else 10.0


@pytest.mark.parametrize("after", [False, True], ids=["before it landed", "after it landed"])
@pytest.mark.parametrize("fault", BROKEN)
def test_a_commit_with_an_error_is_made_exactly_once(place: Place, fault: str, after: bool) -> None:
    queue = place.queue(timeout=patience(fault))
    queue.submit(asked("org/first"), quota=9)
    place.hub.faults.add(Fault(route="commit", repo=place.requests, after=after, **BROKEN[fault]))
    submitted = queue.submit(asked("org/a"), quota=9)
    _made_once(place, submitted)


@pytest.mark.parametrize("torn", ["text", "dropped"])
def test_a_commit_whose_answer_is_torn_is_made_exactly_once(place: Place, torn: str) -> None:
    queue = place.queue()
    queue.submit(asked("org/first"), quota=9)
    place.hub.faults.add(Fault(route="commit", repo=place.requests, torn=torn))
    submitted = queue.submit(asked("org/a"), quota=9)
    _made_once(place, submitted)


def _made_once(place: Place, submitted: Submission) -> None:
    (path,) = file_of(submitted)
    assert set(place.hub.faults.fired().values()) == {1}
    assert sum(path in step["changes"] for step in place.hub.history(place.requests)) == 1
    assert place.records()[path] == encode(submitted)
    assert len(place.records()) == 2
    assert sorted(s.model for s in place.queue().submissions()) == ["org/a", "org/first"]


@pytest.mark.parametrize("fault", [{"status": 500}, {"cut": True}], ids=["500", "cut"])
def test_a_commit_that_landed_is_found_below_those_of_others(place: Place, fault: dict[str, object]) -> None:
    store = filled(place, "org/a")
    head = store.head()
    rule = place.hub.faults.add(Fault(route="commit", delay=600, after=True, **fault))
    made: list[str] = []
    thread = threading.Thread(target=lambda: made.append(store.commit({"submissions/b.json": b"1"}, head, "mine")))
    thread.start()
    until(lambda: "submissions/b.json" in place.records())
    others = [place.hub.commit(place.requests, {f"submissions/c{i}.json": b"1"}) for i in range(3)]
    place.hub.faults.clear(rule)
    thread.join(240)
    history = [step["oid"] for step in place.hub.history(place.requests)]
    assert made == [history[3]]
    assert history[:3] == others[::-1]
    assert set(content(store)) == set(place.records())


def test_a_commit_that_did_not_land_below_those_of_others_is_a_conflict(place: Place) -> None:
    store = filled(place, "org/a")
    head = store.head()
    place.hub.commit(place.requests, {"submissions/c.json": b"1"})
    place.hub.faults.add(Fault(route="commit", status=500))
    with pytest.raises(WriteConflict):
        store.commit({"submissions/b.json": b"1"}, head, "mine")
    assert "submissions/b.json" not in place.records()


def test_an_outcome_that_cannot_be_known_is_said_to_be_unknown(place: Place) -> None:
    store = filled(place, "org/a")
    head = store.head()
    place.hub.faults.add(Fault(route="commit", cut=True, after=True))
    place.hub.faults.add(Fault(route="info", cut=True, times=None))
    with pytest.raises(StoreUnavailable, match="could not be stored"):
        store.commit({"submissions/b.json": b"1"}, head, "mine")
    place.hub.faults.clear()
    assert "submissions/b.json" in place.records(), "it had landed"
    store._next_look = 0.0
    assert set(content(store)) == set(place.records())


def test_a_claim_whose_outcome_was_not_known_is_taken_up_by_the_next_look(place: Place) -> None:
    queue = place.queue()
    for minute, model in enumerate(("org/a", "org/b")):
        queue.submit(asked(model, minute), quota=9)
    place.hub.faults.add(Fault(route="commit", cut=True, after=True))
    place.hub.faults.add(Fault(route="info", skip=1, cut=True, times=None))
    with pytest.raises(StoreUnavailable):
        queue.claim("w", runnable=lambda s: True, nonce="ab")
    assert "running" in place.records()[f"submissions/{asked().id}.json"].decode(), "it had landed"
    place.hub.faults.clear()
    claim = queue.claim("w", runnable=lambda s: True, nonce="ab")
    assert claim is not None
    assert (claim.submission.model, claim.submission.attempts, claim.nonce) == ("org/a", 1, "ab")
    assert [s.state for s in place.queue().submissions()] == ["running", "pending"]
    queue.finish(claim, result_of(claim.submission), b"PAR1")
    second = queue.claim("w", runnable=lambda s: True, nonce="cd")
    assert second is not None
    assert second.submission.model == "org/b"


@pytest.mark.parametrize("route", ["preupload", "lfs-batch", "lfs-upload", "lfs-verify"])
@pytest.mark.parametrize("fault", [{"status": 503}, {"cut": True}], ids=["503", "cut"])
def test_an_upload_that_fails_leaves_nothing_half_published(place: Place, route: str, fault: dict[str, object]) -> None:
    queue = place.queue()
    queue.submit(asked("org/a"), quota=9)
    claim = queue.claim("w", runnable=lambda s: True)
    assert claim is not None
    place.hub.faults.add(Fault(route=route, **({} if route == "lfs-upload" else {"repo": place.results}), **fault))
    queue.finish(claim, result_of(claim.submission), b"PAR1 answers")
    assert set(place.hub.faults.fired().values()) == {1}
    assert [s.state for s in place.queue().submissions()] == ["done"]
    steps = [step for step in place.hub.history(place.results) if step["title"].startswith("result")]
    assert [len(step["changes"]) for step in steps] == [3]
    assert len(place.queue().results()) == 1


@pytest.mark.parametrize(
    "race",
    [
        {"submissions/a.json": b"2"},
        {"submissions/a.json": b"2", "submissions/b.json": b"3"},
        {"submissions/a.json": None},
    ],
    ids=["same content", "same content in part", "same file deleted"],
)
def test_a_change_that_somebody_else_has_just_made_is_still_a_conflict(
    place: Place, race: dict[str, bytes | None]
) -> None:
    """The client sends no commit where nothing would change, and then reports success."""
    place.hub.add_repo(place.requests, files={"README.md": b"Words", "submissions/a.json": b"1"})
    store = place.store()
    head = store.head()
    assert len(content(store)) == 1
    place.hub.commit(place.requests, race)
    with pytest.raises(WriteConflict):
        store.commit(dict(list(race.items())[:1]), head, "late")
    assert place.records() == {p: c for p, c in race.items() if c is not None}


def test_a_wish_to_wait_longer_than_bearable_is_passed_on(place: Place) -> None:
    store = filled(place, "org/a")
    head = store.head()
    for route in ("preupload", "commit"):
        place.hub.faults.add(Fault(route=route, status=429, retry_after=3000, times=None))
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="too many requests"):
            store.commit({"submissions/b.json": b"1"}, head, "x")
        assert time.monotonic() - began < 300, "it did not wait as the Hub wished"
        place.hub.faults.clear()


# --- faults while reading -------------------------------------------------------------------------------------------

READS = ("info", "paths-info", "tree", "resolve")
UNREADABLE: dict[str, dict[str, object]] = {
    **BROKEN,
    "text": {"torn": "text"},
    "dropped": {"torn": "dropped"},
    "entries": {"torn": "entries"},
    "next-lost": {"torn": "next-lost"},
    "next-wrong": {"torn": "next-wrong"},
}


@pytest.fixture(scope="module")
def pages(running: HubProcess, tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, dict[str, bytes]]:
    """1,200 records in a table, and 3 newer ones: more than one page."""
    place = Place(running, tmp_path_factory.mktemp("pages"))
    store = place.store()
    for numbers in (range(1200), range(1200, 1203)):
        files = {p: c for i in numbers for p, c in file_of(asked(f"org/{i}", i)).items()}
        store.commit(dict(files), store.head(), "fill")
    return place, place.records()


@pytest.mark.parametrize(
    ("route", "fault"),
    [
        *((route, fault) for route in READS for fault in (*BROKEN, "text", "dropped")),
        *(("tree", fault) for fault in ("entries", "next-lost", "next-wrong")),
    ],
)
def test_no_fault_makes_a_record_disappear(
    hub: Hub, pages: tuple[Place, dict[str, bytes]], route: str, fault: str
) -> None:
    """At the first look, and when the head has moved: what is read is all, or what was there before; then all."""
    place, before = pages
    hub.faults.add(Fault(route=route, repo=place.requests, **UNREADABLE[fault]))
    first = place.store(timeout=patience(fault))
    until(lambda: _read_or_not(first) == before)
    assert set(hub.faults.fired().values()) == {1}
    hub.faults.clear()
    path = "submissions/one-more.json"
    hub.commit(place.requests, {path: str(time.time_ns()).encode()})
    after = place.records()
    hub.faults.add(Fault(route=route, repo=place.requests, **UNREADABLE[fault]))
    seen = _read_or_not(first)
    assert seen in (before, after)
    until(lambda: _read_or_not(first) == after)
    assert set(hub.faults.fired().values()) == {1}
    hub.faults.clear()
    hub.commit(place.requests, {path: None})


def _read_or_not(store: HubStore) -> dict[str, bytes] | None:
    """Everything in the store; None where nothing can be had or shown yet."""
    try:
        found = content(store)
    except (StoreUnavailable, WriteConflict):
        return None
    return None if store.head() == EMPTY_HEAD else found


@pytest.mark.parametrize("fault", ["text", "dropped", "500", "cut"])
def test_raw_answers_are_read_whole_or_not_at_all(place: Place, fault: str) -> None:
    queue = place.queue()
    queue.submit(asked("org/a"), quota=9)
    claim = queue.claim("w", runnable=lambda s: True)
    assert claim is not None
    answers = b"PAR1" + bytes(range(256)) * 1000
    queue.finish(claim, result_of(claim.submission), answers)
    place.hub.faults.add(Fault(route="resolve", path="answers/*", **UNREADABLE[fault]))
    assert place.queue().answers(claim.submission.id) == answers
    assert set(place.hub.faults.fired().values()) == {1}


def test_a_listing_that_stays_torn_is_not_believed(hub: Hub, pages: tuple[Place, dict[str, bytes]]) -> None:
    place, before = pages
    store = place.store()
    hub.faults.add(Fault(route="tree", repo=place.requests, torn="entries", times=None))
    with pytest.raises(StoreUnavailable, match="not complete"):
        content(store)
    hub.faults.clear()
    assert content(store) == before


def test_a_folder_whose_id_says_more_than_the_listing_is_believed_on_a_second_witness(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that was pushed as a program has another mode, which the listing does not tell."""
    filled(place, "org/a", "org/b")
    real = HubRepo.folder
    monkeypatch.setattr(HubRepo, "folder", lambda *arguments: real(*arguments) and "ab" * 20)
    assert content(place.store()) == place.records()
    assert "does not fit its files" in caplog.text


def test_an_older_head_is_not_taken_for_the_newest(place: Place) -> None:
    store = filled(place, "org/a")
    content(store)
    store.commit(file_of(asked("org/b")), store.head(), "mine")
    place.hub.faults.add(Fault(route="info", stale=1, times=3))
    for _ in range(3):
        assert len(content(store)) == 2, "what was stored is not gone a moment later"
    assert sum(place.hub.faults.fired().values()) == 3
    assert len(content(store)) == 2


@pytest.mark.parametrize("first", [True, False], ids=["at the first look", "later"])
def test_an_older_head_that_was_never_seen_is_corrected_or_not_taken_at_all(place: Place, first: bool) -> None:
    """A fresh start can know no better than the first answer; after that an older one is not believed."""
    filled(place, "org/a", "org/b")
    place.hub.commit(place.requests, file_of(asked("org/c")))
    store = place.store()
    if not first:
        assert len(content(store)) == 3
    place.hub.faults.add(Fault(route="info", stale=1))
    assert len(content(store)) == (2 if first else 3)
    assert sum(place.hub.faults.fired().values()) == 1
    assert len(content(store)) == 3
    store.commit({"submissions/d.json": b"{}"}, store.head(), "on the newest")


def test_an_older_head_is_believed_in_the_end(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(place, "org/a")
    content(store)
    store.commit(file_of(asked("org/b")), store.head(), "mine")
    monkeypatch.setattr("eval_queue.store.hub._BELIEVE_SECONDS", 0.0)
    place.hub.faults.add(Fault(route="info", stale=1, times=None))
    assert len(content(store)) == 1, "somebody has set the repository back"


def test_who_decides_on_a_stale_head_decides_again(place: Place) -> None:
    queue, other = place.queue(), place.queue()
    for minute, model in enumerate(("org/a", "org/b")):
        queue.submit(asked(model, minute), quota=9)
    other.submissions()
    first = queue.claim("w1", runnable=lambda s: True)
    place.hub.faults.add(Fault(route="info", repo=place.requests, stale=1, times=2))
    second = other.claim("w2", runnable=lambda s: True)
    assert first is not None
    assert second is not None
    assert [first.submission.model, second.submission.model] == ["org/a", "org/b"]
    assert sum(place.hub.faults.fired().values()) == 2


def test_a_record_whose_content_the_hub_has_lost_is_set_aside(place: Place) -> None:
    place.hub.add_repo(
        place.requests, files={"README.md": b"Words", **file_of(asked("org/a"))}, weights={"submissions/lost.json": 70}
    )
    queue = place.queue()
    assert [s.model for s in queue.submissions()] == ["org/a"]
    (problem,) = queue.problems()
    assert problem.path == "submissions/lost.json"
    assert "no content for it" in problem.message
    queue.submit(asked("org/b"), quota=9)
    assert len(queue.submissions()) == 2


def test_malformed_records_are_set_aside_and_stop_nothing(place: Place) -> None:
    filled(place, "org/a")
    newer = encode(asked("org/x")).replace(b'"schema_version": 1', b'"schema_version": 9')
    bad = {"submissions/half.json": b"{", "submissions/newer.json": newer, "submissions/binary.json": b"\xff\x00"}
    place.hub.commit(place.requests, bad)
    queue = place.queue()
    assert {p.path for p in queue.problems()} == set(bad)
    claim = queue.claim("w", runnable=lambda s: True)
    assert claim is not None
    queue.finish(claim, result_of(claim.submission), b"PAR1")
    assert [s.state for s in place.queue().submissions()] == ["done"]
    assert bad.items() <= place.hub.files(place.requests).items()


# --- while the Hub is away ------------------------------------------------------------------------------------------


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubProcess]:
    """A Hub of its own, that can be killed and started again."""
    monkeypatch.setattr("eval_queue.store.hub._FIRST_PAUSE", 0.05)
    monkeypatch.setattr("eval_queue.store.hub._LONGEST_PAUSE", 0.2)
    with hub_process(tmp_path / "hub") as hub:
        yield hub


def test_a_program_starts_from_the_last_good_copy_and_recovers_by_itself(away: HubProcess, tmp_path: Path) -> None:
    place = Place(away, tmp_path)
    before = place.queue(copy="disk")
    before.submit(asked("org/a"), quota=9)
    claim = before.claim("w", runnable=lambda s: True)
    assert claim is not None
    before.finish(claim, result_of(claim.submission), b"PAR1")
    before.submit(asked("org/b"), quota=9)
    known = before.submissions(), before.results()
    read = datetime.now(UTC)
    away.kill()

    started = place.queue(copy="disk")
    for queue in (before, started):
        assert (queue.submissions(), queue.results()) == known
        outage = queue.outage()
        assert outage is not None
        assert outage.since is not None
        assert timedelta(0) <= read - outage.since < timedelta(minutes=2)
        assert "no connection" in outage.reason
        assert away.url not in outage.reason
        with pytest.raises(StoreUnavailable, match="no connection"):
            queue.submit(asked("org/c"), quota=9)
        assert (queue.submissions(), queue.results()) == known, "what could not be stored is not shown"

    away.start()
    for queue in (before, started):
        until(lambda queue=queue: _reached(queue))
        assert queue.submissions() == known[0]
    started.submit(asked("org/c"), quota=9)
    assert [s.model for s in before.submissions()] == ["org/a", "org/b", "org/c"]


def test_a_first_start_without_the_hub_has_nothing_to_show_and_says_so(away: HubProcess, tmp_path: Path) -> None:
    place = Place(away, tmp_path)
    away.kill()
    queue = place.queue()
    assert (queue.submissions(), queue.results(), queue.problems()) == ([], [], [])
    outage = queue.outage()
    assert outage is not None
    assert outage.since is None
    with pytest.raises(StoreUnavailable, match="Nothing can be stored now"):
        queue.submit(asked("org/a"), quota=9)
    away.start()
    until(lambda: _reached(queue))
    queue.submit(asked("org/a"), quota=9)
    assert len(place.records()) == 1


def test_every_page_says_from_when_it_is_while_the_hub_is_away(away: HubProcess, tmp_path: Path) -> None:
    from data.sources.practice import practice_benchmark
    from leaderboard.site.site import Site
    from leaderboard.ui import WORKED_WITH, Ui
    from leaderboard.web.frame import masthead

    place = Place(away, tmp_path)
    before = place.queue(copy="disk")
    before.submit(asked("org/kept"), quota=9)
    _reached(before)
    away.kill()
    practice = practice_benchmark()
    site = Site(practice, practice, place.queue(copy="disk"), (), quota=1, scheduler_seconds=None)
    ui = Ui(site)

    def page(route: str) -> str:
        ui.fresh.renew(route)
        return " ".join(component.value for component, _ in ui.fresh.values[route])

    site.queue.submissions()
    outage = site.queue.outage()
    assert outage is not None
    words = f"as it was on {outage.since:%Y-%m-%d}"
    for _, module in WORKED_WITH:
        assert words in page(module.ROUTE)
    assert words in masthead(site, "about"), "the frame of every document"
    assert "org/kept" in page("queue")
    away.start()
    until(lambda: "cannot be reached" not in page("queue"))
    assert "org/kept" in page("queue")


def test_a_hub_that_is_down_is_not_asked_at_each_page(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval_queue.store.hub._FIRST_PAUSE", 600.0)  # so that none of these looks comes after it
    filled(place, "org/a")
    store = place.store()
    content(store)
    place.hub.faults.add(Fault(route="info", status=503, times=None))
    place.routes()
    for _ in range(50):
        assert len(content(store)) == 1
    assert place.routes()["info"] <= 3, "one look, and what a look tries by itself"
    assert store.outage() is not None


def test_visitors_do_not_wait_for_one_who_looks(place: Place) -> None:
    filled(place, "org/a")
    store = place.store()
    content(store)
    rule = place.hub.faults.add(Fault(route="info", delay=60))
    slow = threading.Thread(target=store.head)
    slow.start()
    until(lambda: place.hub.faults.fired()[rule] == 1)
    assert len(content(store)) == 1
    assert slow.is_alive()
    place.hub.faults.clear()
    slow.join(240)


def test_offline_mode_reads_the_last_copy(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(place, "org/a")
    content(place.store(copy="disk"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    place.routes()
    store = place.store(copy="disk")
    assert len(content(store)) == 1
    outage = store.outage()
    assert outage is not None
    assert "offline mode" in outage.reason
    assert place.routes() == {}


def test_a_damaged_copy_costs_requests_only(place: Place) -> None:
    filled(place, "org/a", "org/b")
    true = content(place.store(copy="disk"))
    folder = place.folder / "disk" / place.requests
    kept = sorted((folder / "contents").glob("*/*"))
    assert len(kept) == 2
    kept[0].write_bytes(b"rot")
    assert content(place.store(copy="disk")) == true
    for damage in (b"", b"{", b"[]", b'{"schema_version": 1}', b'{"schema_version": 7}'):
        (folder / "copy.json").write_bytes(damage)
        assert content(place.store(copy="disk")) == true


def test_a_disk_that_cannot_be_written_costs_nothing_but_the_copy(place: Place) -> None:
    filled(place, "org/a", "org/b")
    (place.folder / "file").write_text("a file where a folder should be")
    store = place.store(copy="file")
    assert content(store) == place.records()
    store.commit(file_of(asked("org/c")), store.head(), "x")
    place.routes()
    assert content(store) == place.records()
    assert place.routes() == {"info": 1}


def test_contents_that_no_file_has_any_more_are_removed_from_the_copy(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval_queue.store.last_copy._TIDY_EVERY", 10)
    monkeypatch.setattr("eval_queue.store.last_copy._KEEP_SECONDS", -1.0)
    store = place.store(copy="disk")
    for i in range(40):
        store.commit({"submissions/a.json": b"%d" % i}, store.head(), "on")
        content(store)
    assert len(list((place.folder / "disk" / place.requests / "contents").glob("*/*"))) <= 12
    assert content(store) == {"submissions/a.json": b"39"}


def test_no_token_and_no_address_reach_a_log(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="eval_queue")
    store, said = filled(place, "org/a"), []
    for fault in ({"status": 500}, {"cut": True}, {"torn": "text"}):
        for route in ("info", "tree", "commit"):
            place.hub.faults.add(Fault(route=route, times=3, **fault))
            try:
                store.commit({"submissions/b.json": str(time.time_ns()).encode()}, store.head(), "x")
            except (StoreUnavailable, WriteConflict) as error:
                said.append(str(error))
            place.hub.faults.clear()
    assert said
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("eval_queue")]
    ours = " ".join([*said, *logged])
    assert "cannot be read" in ours
    assert place.hub.token not in ours
    assert "127.0.0.1" not in ours


def _reached(queue: Queue) -> bool:
    """Whether both repositories can be read, as of a look at all that pages show."""
    queue.submissions()
    queue.results()
    return queue.outage() is None


# --- clocks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skew", [-7200, -120, -1, 0, 1, 120, 7200])
def test_the_clock_is_set_right_by_the_hub_s_answers(place: Place, skew: float) -> None:
    clock = HubClock(lambda: datetime.now(UTC) + timedelta(seconds=skew))
    repo = HubRepo(filled(place, "org/a").repo.id, token=place.hub.token, clock=clock, endpoint=place.hub.url)
    asked_at = datetime.now(UTC)
    repo.head()
    late = datetime.now(UTC) - asked_at  # by so much an answer may be older than it seems
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=3.5) + late


def test_a_good_clock_is_left_alone_and_nonsense_is_not_taken() -> None:
    moment = datetime(2026, 11, 23, 12, 0, 0, 900_000, tzinfo=UTC)
    clock = HubClock(lambda: moment)
    for date in (None, "", "soon", "Mon, 99 Nov 2026 12:00:00 GMT", format_datetime(moment - timedelta(seconds=1))):
        clock.note(date)
        assert clock.now() == moment
    clock.note(format_datetime(moment + timedelta(minutes=2), usegmt=True))
    assert clock.now() - moment == timedelta(minutes=2, milliseconds=-400)


@pytest.mark.parametrize("skew", [-120, 120])
def test_a_lease_is_judged_by_one_clock_whatever_the_machines_think(place: Place, skew: float) -> None:
    """Two machines with clocks two minutes apart, leases of one: without the Hub's clock the claim would be lost."""

    def queue(seconds: float, *, common: bool) -> Queue:
        clock = HubClock(lambda: datetime.now(UTC) + timedelta(seconds=seconds))
        stores = [place.store(repo) for repo in (place.requests, place.results)]
        if common:
            for store in stores:
                store.repo.clock = clock
        return Queue(*stores, lease=timedelta(minutes=1), clock=clock.now)

    states = []
    for common in (True, False):
        holder, other = queue(0, common=common), queue(skew, common=common)
        holder.submit(asked(f"org/{common}"), quota=9)
        claim = holder.claim("w1", runnable=lambda s, common=common: s.model == f"org/{common}")
        assert claim is not None
        other.expire()
        states.append(holder.get(claim.submission.id).state)
    assert states == (["running", "pending"] if skew > 0 else ["running", "running"])


# --- settings and commands ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"requests_repo": "lab/requests"}, "set both or none"),
        ({"results_repo": "lab/results"}, "set both or none"),
        ({"requests_repo": "lab/one", "results_repo": "lab/one"}, "another repository"),
        ({"requests_repo": "no-namespace", "results_repo": "lab/results"}, "pattern"),
        ({"requests_repo": "lab/a/b", "results_repo": "lab/results"}, "pattern"),
        ({"requests_repo": "https://hub/lab/a", "results_repo": "lab/results"}, "pattern"),
    ],
)
def test_settings_of_the_hub_that_do_not_fit_are_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        Settings(**given)
    for name, value in given.items():
        monkeypatch.setenv(f"VALUE_PORTRAIT_{name.upper()}", value)
    with pytest.raises(InputError) as caught:
        load_settings()
    assert "VALUE_PORTRAIT_RE" in str(caught.value)


def test_the_pace_follows_where_the_queue_lives() -> None:
    folder, hub = Settings(), Settings(requests_repo="lab/a", results_repo="lab/b")
    assert (folder.on_hub, folder.lease, folder.beat) == (False, timedelta(minutes=2), 3)
    assert (hub.on_hub, hub.lease, hub.beat) == (True, timedelta(minutes=10), 60)
    own = Settings(requests_repo="lab/a", results_repo="lab/b", lease_seconds=30, beat_seconds=5)
    assert (own.lease, own.beat) == (timedelta(seconds=30), 5)


def test_the_commands_work_on_the_hub_that_the_settings_name(place: Place, tmp_path: Path) -> None:
    """Each command is a process of its own, as an operator starts it."""
    environment = {
        **place.hub.environment(tmp_path / "home", token=place.hub.token),
        "VALUE_PORTRAIT_REQUESTS_REPO": place.requests,
        "VALUE_PORTRAIT_RESULTS_REPO": place.results,
        "VALUE_PORTRAIT_STORE": str(tmp_path / "store"),
        "VALUE_PORTRAIT_SOURCE": "practice",
        "VALUE_PORTRAIT_LOCAL_MODEL": "false",
        "VALUE_PORTRAIT_ENDPOINTS": '[{"name": "vllm", "base_url": "http://127.0.0.1:9/v1"}]',
    }

    def command(*arguments: str, **changes: str) -> Done:
        with client_started_with({**environment, **changes}):
            return run_command("eval_queue", *arguments)

    submitted = command("submit", "org/model", "--json")
    assert submitted.returncode == 0, submitted.stderr
    id_ = orjson.loads(submitted.stdout)["id"]
    assert set(place.records()) == {f"submissions/{id_}.json"}
    assert "The queue of a leaderboard" in place.hub.files(place.requests)["README.md"].decode()
    listed = command("list", "--json", HF_TOKEN="", MY_TOKEN=place.hub.token, VALUE_PORTRAIT_HUB_TOKEN_ENV="MY_TOKEN")
    assert [s["id"] for s in orjson.loads(listed.stdout)["submissions"]] == [id_]
    away = command("list", "--json", HF_ENDPOINT="http://127.0.0.1:9")
    assert away.returncode == 0
    assert [s["id"] for s in orjson.loads(away.stdout)["submissions"]] == [id_]
    assert "no connection to it. This is its state of 20" in away.stderr
    refused = command("cancel", id_, HF_ENDPOINT="http://127.0.0.1:9")
    nothing = command("list", HF_ENDPOINT="http://127.0.0.1:9", VALUE_PORTRAIT_STORE=str(tmp_path / "another"))
    for ended in (refused, nothing):
        assert ended.returncode == 2
        assert "no connection" in ended.stderr
        assert "Traceback" not in ended.stderr
        assert "127.0.0.1" not in ended.stderr
    assert orjson.loads(place.records()[f"submissions/{id_}.json"])["state"] == "pending"


# --- cards and ids --------------------------------------------------------------------------------------------------


def test_the_cards_say_what_is_there() -> None:
    from huggingface_hub import DatasetCard

    results = results_card(results="lab/results", requests="lab/requests")
    requests = requests_card(results="lab/results")
    for text in (results, requests):
        assert "{" not in text
        assert "[lab/" in text
        assert DatasetCard(text).data.to_dict()["pretty_name"].startswith("Value Portrait")
    for column in result_columns():
        dimension = next((d for d in DIMENSIONS if column.name.startswith(d.key.lower())), None)
        named = dimension.key.lower() if dimension else column.name
        assert f"`{named}`" in results or named.endswith("_mean"), column
        assert column.about
    for name in Submission.model_fields:
        assert f"| `{name}` | " in requests
        assert f"| `{name}` |  |" not in requests
    configs = DatasetCard(results).data.to_dict()["configs"]
    assert [c["config_name"] for c in configs] == ["results", "answers"]
    assert configs[0]["data_files"][0]["path"] == compiled_results().path


@pytest.mark.slow
def test_ids_are_git_s_own(tmp_path: Path) -> None:
    files = {"a": b"1", "b/c.json": b"{}", "b.json": b"[]", "b/d/e": b"", "b-x/ü": b"\x00", "z/日本": b"x" * 9999}
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
        said = subprocess.run([*git, "hash-object", "--", path], check=True, capture_output=True, text=True)
        assert said.stdout.strip() == blob_oid(data)
    subprocess.run([*git, "-c", "core.autocrlf=false", "add", "."], check=True)
    tree = subprocess.run([*git, "write-tree"], check=True, capture_output=True, text=True).stdout.strip()
    oids = {path: blob_oid(data) for path, data in files.items()}
    assert tree_oid(oids) == tree
    for path in oids:
        assert tree_oid({p: o for p, o in oids.items() if p != path}) != tree
        assert tree_oid({**oids, path: sha256(b"other")[:40]}) != tree
