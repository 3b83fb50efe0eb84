"""The store on the Hub with several threads on it, with answers that are old or strange, and while the Hub is away.

What it asks for and what each fault does to one program is in `test_hub_store.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx2
import pytest

from eval_queue.queue.queue import LeaseLost
from eval_queue.store.collection import encode
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.store.repository import Entry, HubClock, HubRepo
from eval_queue.submission import Progress
from tests.support.hub import Fault, Hub
from tests.support.hub_place import START, Place, asked, content, filled, result_of
from tests.support.odd_server import OddServer, odd_server
from tests.support.waiting import until


@pytest.fixture
def place(store_hub: Hub, tmp_path: Path) -> Iterator[Place]:
    yield Place(store_hub, tmp_path)
    store_hub.faults.clear()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


# --- threads --------------------------------------------------------------------------------------------------------


def test_a_folder_that_is_first_read_while_another_thread_looks_disturbs_nobody(
    place: Place, threads: ThreadPoolExecutor
) -> None:
    filled(place, "org/a")
    store = place.store()
    content(store)
    old = store.head()
    place.hub.commit(place.requests, {"submissions/x.json": b"{}"})
    rule = place.hub.faults.add(Fault(route="tree", repo=place.requests, delay=60))
    looking = threads.submit(store.head)
    until(lambda: place.hub.faults.fired()[rule] == 1)
    assert not store.list("elsewhere/", old)
    place.hub.faults.clear()
    assert looking.result(240) != old


def test_visitors_do_not_wait_while_another_one_s_look_at_the_queue_hangs(
    place: Place, threads: ThreadPoolExecutor
) -> None:
    filled(place, "org/a")
    queue = place.queue()
    queue.submissions()
    rule = place.hub.faults.add(Fault(route="info", repo=place.requests, delay=60))
    slow = threads.submit(queue.submissions)
    until(lambda: place.hub.faults.fired()[rule] == 1)
    assert len(threads.submit(queue.submissions).result(50)) == 1
    assert not slow.done()
    place.hub.faults.clear()
    slow.result(240)


def test_a_done_submission_has_its_row_however_seldom_the_hub_is_asked(place: Place) -> None:
    reader, worker = place.queue(max_age=600), place.queue()
    (submitted, lost) = (worker.submit(asked(f"org/{i}", i), quota=9) for i in range(2))
    reader.results()
    claim = worker.claim("w", runnable=lambda s: s.id == submitted.id)
    assert claim is not None
    worker.finish(claim, result_of(submitted), b"PAR1")
    assert reader.results() == []
    reader._submissions.store._next_look = 0.0  # ten minutes have passed, for one of the two repositories
    assert reader.get(submitted.id).state == "done"
    assert [r.id for r in reader.results()] == [submitted.id]

    # one whose result somebody has removed since is looked for once, not at each page
    place.hub.commit(place.requests, {f"submissions/{lost.id}.json": encode(lost.model_copy(update={"state": "done"}))})
    reader._submissions.store._next_look = 0.0
    place.routes()
    for _ in range(3):
        assert [r.id for r in reader.results()] == [submitted.id]
    assert sum(line.repo == place.results for line in place.hub.requests.all()) == 1


@pytest.mark.parametrize("lost", ["cancelled", "taken"])
def test_a_claim_lost_a_moment_ago_stops_the_result_however_seldom_the_hub_is_asked(place: Place, lost: str) -> None:
    queue, worker = place.queue(), place.queue(max_age=600)
    worker.results()
    submitted = queue.submit(asked("org/a"), quota=9)
    worker._submissions.store.doubt()
    claim = worker.claim("w", runnable=lambda s: True)
    assert claim is not None
    if lost == "cancelled":
        queue.cancel(submitted.id, by="ada")
    else:
        later = place.queue(clock=lambda: START + timedelta(hours=1))
        assert later.claim("other", runnable=lambda s: True) is not None
    with pytest.raises(LeaseLost):
        worker.finish(claim, result_of(submitted), b"PAR1")
    assert place.records(place.results) == {}, "it writes nothing any more"


# --- old answers ----------------------------------------------------------------------------------------------------


def test_an_old_answer_never_seen_before_does_not_end_a_claim(place: Place) -> None:
    """Heads 2 and 3 passed by unseen; an answer as of head 3 comes after the claim, which is head 5."""
    queue, worker = place.queue(), place.queue()
    queue.submit(asked("org/a"), quota=9)
    worker.submissions()
    for minute, model in enumerate(("org/b", "org/c", "org/d"), start=1):
        queue.submit(asked(model, minute), quota=9)
    claim = worker.claim("w", runnable=lambda s: True)
    assert claim is not None
    rule = place.hub.faults.add(Fault(route="info", repo=place.requests, stale=2, times=4))
    worker.renew(claim, Progress(done=1, total=9, rated=1, updated=START))
    assert len(worker.submissions()) == 4
    worker.finish(claim, result_of(claim.submission), b"PAR1")
    assert place.hub.faults.fired()[rule] > 1
    place.hub.faults.clear()
    assert place.queue().get(claim.submission.id).state == "done"


def test_the_clock_is_not_set_by_an_answer_out_of_a_cache(place: Place) -> None:
    moment = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    clock = HubClock(lambda: moment)
    repo = HubRepo(place.requests, token=place.hub.token, clock=clock, endpoint=place.hub.url)
    hour_old = {"date": format_datetime(moment - timedelta(hours=1), usegmt=True)}
    request = httpx2.Request("GET", place.hub.url)
    repo._answered(httpx2.Response(200, headers={**hour_old, "age": "3600"}, request=request))
    assert clock.now() == moment
    repo._answered(httpx2.Response(200, headers=hour_old, request=request))
    assert clock.now() < moment, "the Hub's own word is taken"


# --- strange answers ------------------------------------------------------------------------------------------------

HEAD = "ab" * 20
BODIES = ("null", "[]", "{}", '"x"', "7", "[7]", "[{}]", "[null]", '{"sha": 7}', '{"sha": "../x"}', '{"error": "x"}')
ASKED: dict[str, Callable[[HubRepo], object]] = {
    "head": lambda repo: repo.head(),
    "folder": lambda repo: repo.folder("submissions", HEAD),
    "tree": lambda repo: repo.tree("submissions", HEAD),
    "names": lambda repo: repo.names(HEAD),
    "files": lambda repo: repo.files(["a"], HEAD),
    "content": lambda repo: repo.content("a", Entry(HEAD, HEAD, 7), HEAD),
    "find": lambda repo: repo.find("nonce", HEAD, HEAD),
    "commit": lambda repo: repo.commit({"a": b"1"}, HEAD, "x", "nonce"),
    "create": lambda repo: repo.create(private=True),
}


@pytest.fixture(scope="module")
def odd() -> Iterator[OddServer]:
    with odd_server() as server:
        yield server


@pytest.mark.parametrize("question", ASKED)
@pytest.mark.parametrize("status", [200, 404])
def test_an_answer_that_makes_no_sense_is_an_outage_and_no_other_error(
    odd: OddServer, monkeypatch: pytest.MonkeyPatch, question: str, status: int
) -> None:
    """Of a proxy in between, say: nothing is taken from it, and whoever asks meets an error that he knows."""
    monkeypatch.setattr("eval_queue.store.repository._PAUSE", 0.0)
    repo = HubRepo("lab/requests", token="hf_secret", endpoint=odd.url)
    for body in BODIES:
        odd.body, odd.status = body.encode(), status
        found, said = None, ""
        try:
            found = ASKED[question](repo)
        except (StoreUnavailable, WriteConflict) as error:
            said = str(error)
        assert not found, (question, body)
        assert "hf_secret" not in said
        assert "127.0.0.1" not in said


# --- the Hub is away ------------------------------------------------------------------------------------------------


def test_what_is_not_near_is_not_asked_for_while_the_hub_is_away(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval_queue.store.hub._FIRST_PAUSE", 600.0)  # so long the outage is taken for known
    queue = place.queue()
    queue.submit(asked("org/a"), quota=9)
    claim = queue.claim("w", runnable=lambda s: True)
    assert claim is not None
    queue.finish(claim, result_of(claim.submission), b"PAR1")
    known = (queue.submissions(), queue.results())
    rule = place.hub.faults.add(Fault(repo=place.results, cut=True, times=None))
    assert (queue.submissions(), queue.results()) == known
    assert queue.outage() is not None
    before = place.hub.faults.fired()[rule]
    with pytest.raises(StoreUnavailable, match="cannot be read now"):
        queue.answers(claim.submission.id)
    assert (queue.submissions(), queue.results()) == known
    assert place.hub.faults.fired()[rule] == before, "nobody waits for a Hub that does not answer"
    place.hub.faults.clear()
    queue._results.store._next_look = 0.0
    assert queue.answers(claim.submission.id) == b"PAR1"


# --- what a publication costs ---------------------------------------------------------------------------------------


def test_a_publication_by_a_fresh_program_fetches_one_table(place: Place) -> None:
    """The compiled table has rows of two folders: neither is fetched record by record."""
    store = place.store(place.results)
    rows = {
        f"{folder}/{s.id}.json": encode(result_of(s, origin=origin))
        for folder, origin in (("results", "space"), ("self-reported", "self-reported"))
        for s in (asked(f"{folder}/{i}") for i in range(20))
    }
    store.commit(dict(rows), store.head(), "fill")
    fresh = place.store(place.results)
    head = fresh.head()
    place.routes()
    new = asked("org/new")
    fresh.commit({f"results/{new.id}.json": encode(result_of(new))}, head, "one more")
    assert place.routes()["resolve"] <= 2, "the card, and the table"
    assert len(place.records(place.results)) == 41
