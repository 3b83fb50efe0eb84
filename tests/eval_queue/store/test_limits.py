"""The Hub's limits: pauses that all threads keep, uploads that end in time, heads that are old for a while."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi

from data.sources import hub_client
from eval_queue.queue.heartbeats import lease_for
from eval_queue.queue.queue import Claim, Kept, Sign
from eval_queue.settings import Settings
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.submission import Progress
from tests.support import ROOT
from tests.support.hub import Fault, HubProcess
from tests.support.hub_place import START, Place, asked, filled, result_of
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def place(store_hub: HubProcess, tmp_path: Path) -> Place:
    made = Place(store_hub, tmp_path)
    made.requests, made.results = f"{made.requests}-l", f"{made.results}-l"
    return made


def in_an_hour() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)


HOURLY = "You have exceeded the rate limit for repository commits (128 per hour)."
WISHES: dict[str, Fault] = {
    "seconds": Fault(status=429, retry_after=3600),
    "date": Fault(status=429, headers={"Retry-After": in_an_hour()}),
    "headers": Fault(status=429, headers={"RateLimit": '"api";r=0;t=3600'}),
    "words": Fault(status=429, words=f"{HOURLY} You can retry this action in about 1 hour."),
    "minutes": Fault(status=429, words=f"{HOURLY} You can retry this action in 59 minutes."),
    "hourly": Fault(status=429, words="You have exceeded our hourly quotas for action: commit."),
    "maintenance": Fault(status=503, retry_after=3600),
}


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("route", ["commit", "info", "preupload"])
def test_a_hub_that_names_a_time_is_left_alone_until_then_by_all_threads(place: Place, wish: str, route: str) -> None:
    store = filled(place, "org/a")
    other = place.store(place.results)
    head = store.head()
    other.head()
    place.hub.requests.clear()
    place.hub.faults.add(WISHES[wish].model_copy(update={"route": route, "times": None}))
    began = time.monotonic()

    def use() -> None:
        for _ in range(5):
            for call in (lambda: store.commit({"submissions/b.json": b"1"}, head, "x"), other.head, store.head):
                try:
                    call()
                except (StoreUnavailable, WriteConflict):
                    continue

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [line for line in place.hub.requests.all() if line.status in (429, 503)]
    # whoever was on the way when the first refusal came is refused too, and nobody after that
    assert 1 <= len(refused) <= 4
    assert time.monotonic() - began < 60
    before = place.hub.requests.count()
    use()
    assert place.hub.requests.count() == before, "nothing at all goes there"
    with pytest.raises(StoreUnavailable, match=r"too many requests.* UTC|status 503|left alone"):
        store.commit({"submissions/b.json": b"1"}, head, "x")


def test_a_short_pause_is_waited_out_and_the_change_goes_through(place: Place) -> None:
    store = filled(place, "org/a")
    place.hub.faults.add(Fault(route="info", status=429, retry_after=1))
    began = time.monotonic()
    store.commit({"submissions/b.json": b"1"}, store.head(), "x")
    assert time.monotonic() - began >= 1
    assert "submissions/b.json" in place.records()


def test_without_a_time_the_pauses_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = hub_client._Pauses()
    assert [pauses.note(b"hub", None) for _ in range(11)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert pauses.left(b"elsewhere") <= 0 < pauses.left(b"hub")
    pauses.answered(b"hub")
    assert pauses.note(b"hub", None) == 1
    assert pauses.note(b"hub", 1e12) == hub_client.LONGEST_PAUSE


@pytest.mark.parametrize(
    ("value", "seconds"), [("12", 12), ("soon", None), ("-3", None), ("Mon, 01 Jan 2001 00:00:00 GMT", 0), ("", None)]
)
def test_what_a_header_wishes(value: str, seconds: float | None) -> None:
    request = httpx2.Request("GET", "http://hub")
    assert hub_client.wished_wait(httpx2.Response(429, headers={"Retry-After": value}, request=request)) == seconds


# --- uploads --------------------------------------------------------------------------------------------------------


def test_results_go_up_without_the_native_library(place: Place) -> None:
    """A token route that hangs cannot be met: nobody asks there, although nothing in the environment says so."""
    place.hub.faults.add(Fault(route="xet-token", delay=600, times=None))
    queue = place.queue()
    queue.submit(asked(), quota=9)
    claim = queue.claim("w", runnable=lambda s: True)
    assert claim is not None
    queue.finish(claim, result_of(claim.submission), b"PAR1")
    routes = place.hub.requests.by_route()
    assert routes["xet-token"] == 0
    assert routes["lfs-upload"] == 2, "answers and the compiled table"
    assert not [name for name in sys.modules if name.startswith("hf_xet")]


def test_the_test_hub_hands_out_tokens_to_who_asks(place: Place) -> None:
    filled(place, "org/a")
    address = f"{place.hub.url}/api/datasets/{place.requests}/xet-write-token/main"
    answer = httpx2.get(address, headers={"Authorization": f"Bearer {place.hub.token}"}, timeout=60)
    assert answer.json()["casUrl"] == answer.headers["X-Xet-Cas-Url"]
    assert httpx2.get(address, timeout=60).status_code in (401, 403, 404)


@pytest.mark.parametrize("route", ["lfs-batch", "lfs-upload", "lfs-verify", "preupload", "commit"])
def test_an_upload_that_hangs_ends_in_its_time(place: Place, route: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval_queue.store.repository.COMMIT_SECONDS", 3.0)
    store = place.store(place.results, timeout=1.0)
    head = store.head()
    place.hub.faults.add(Fault(route=route, delay=600, times=None))
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match=r"did not answer in time|broke"):
        store.commit({"answers/a.parquet": b"PAR1", "answers/b.parquet": b"PAR2"}, head, "x")
    assert time.monotonic() - began < 12


def test_an_answer_that_drips_ends_in_its_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval_queue.store.repository.READ_SECONDS", 1.5)
    store = filled(place, "org/a")
    place.hub.faults.add(Fault(route="info", drip=0.4, times=None))
    store._next_look = 0.0
    began = time.monotonic()
    store.head()
    assert time.monotonic() - began < 10
    outage = store.outage()
    assert outage is not None
    assert "did not answer in time" in outage.reason


@pytest.mark.parametrize(
    ("route", "status"), [("lfs-batch", 404), ("lfs-upload", 404), ("commit", 403), ("create-repo", 503)]
)
def test_a_benchmark_that_cannot_be_published_is_said_in_a_sentence(
    store_hub: HubProcess, tmp_path: Path, route: str, status: int
) -> None:
    number = store_hub.faults.add(Fault(route=route, status=status, times=None))
    command = [sys.executable, "-m", "data", "publish", "--repo", f"lab/bench-{route}-{status}", "--source", "practice"]
    done = subprocess.run(
        command,
        env=store_hub.environment(tmp_path / "home", token=store_hub.token),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    store_hub.faults.clear(number)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3, done.stderr


# --- conflicts that last ---------------------------------------------------------------------------------------------


def test_a_status_of_409_for_a_while_goes_through(place: Place) -> None:
    queue = place.queue()
    place.hub.faults.add(Fault(route="commit", repo=place.requests, skip=1, status=409, times=2))
    queue.submit(asked(), quota=9)
    assert len(place.records()) == 1


def test_a_status_of_409_that_stays_says_what_to_do(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval_queue.store.repository._BUSY_PAUSE", 0.01)
    queue = place.queue()
    queue.submissions()
    place.hub.faults.add(Fault(route="commit", status=409, times=None))
    with pytest.raises(StoreUnavailable, match="try again in a minute"):
        queue.submit(asked(), quota=9)


def test_an_old_head_that_stays_while_changes_on_it_are_refused_says_what_to_do(place: Place) -> None:
    queue = place.queue()
    queue.submit(asked("org/a"), quota=9)
    place.hub.commit(place.requests, {"note.txt": b"by somebody else"})
    place.hub.faults.add(Fault(route="info", stale=1, times=None))
    with pytest.raises(WriteConflict, match="again in a minute"):
        queue.submit(asked("org/b", 1), quota=9)
    place.hub.faults.clear()
    queue.submit(asked("org/b", 1), quota=9)
    assert len(place.records()) == 2


def test_a_token_that_only_opens_pull_requests_is_named_by_the_refusal(place: Place) -> None:
    filled(place, "org/a")
    token = place.hub.add_token(
        place.hub.user, "fineGrained", scopes={place.requests: ["repo.content.read", "discussion.write"]}
    )
    assert HfApi(endpoint=place.hub.url, token=token).whoami()
    store = place.store(token=token)
    with pytest.raises(StoreUnavailable, match="only opens pull requests"):
        store.commit({"submissions/b.json": b"1"}, store.head(), "x")


# --- commits an hour -------------------------------------------------------------------------------------------------

COMMITS_AN_HOUR = 128
"""What the Hub allows a free account ("rate limit for repository commits")."""


def test_twenty_running_evaluations_stay_within_an_hour_s_commits(place: Place) -> None:
    """Their signs of life are one commit a beat, however many they are; claims, results and ends are 3 each."""
    queue = place.queue()
    for number in range(20):
        queue.submit(asked(f"org/{number}", number), quota=None)
    queue.results()
    place.hub.requests.clear()
    claims = [queue.claim("w", runnable=lambda s: True) for n in range(20)]
    begun = place.hub.requests.count("commit")
    done = itertools.count(1)

    def sign(claim: Claim) -> Sign:
        number = next(done)
        progress = Progress(done=number, total=10**6, rated=number, updated=START)
        return Sign(claim, progress, Kept(number, b"{}\n" * number))

    beats = [queue.heartbeats(every) for every in (0.5, 9.0)]
    assert beats[0] is beats[1], "one pace for all evaluations of a process"
    began = time.monotonic()
    pulses = [beats[0].begin(claim, partial(sign, claim)) for claim in claims if claim is not None]
    until(lambda: place.hub.requests.count("commit") >= begun + 4)
    for pulse in pulses:
        beats[0].end(pulse)
    until(lambda: not beats[0]._beating)  # one beat may have been on its way
    beaten = place.hub.requests.count("commit") - begun
    ticks = (time.monotonic() - began) / 0.5
    assert 3 <= beaten <= ticks + 1
    assert min(s.kept for s in place.queue().submissions()) > 0, "each of them was heard"
    before = place.hub.requests.count("commit")
    for claim in claims:
        assert claim is not None
        queue.finish(claim, result_of(claim.submission), b"PAR1")
    ended = place.hub.requests.count("commit") - before
    beat = Settings(requests_repo="lab/a", results_repo="lab/b").beat
    an_hour = 3600 / beat + begun + ended
    assert (begun, ended, an_hour) == (20, 40, 120)
    assert an_hour < COMMITS_AN_HOUR


def test_processes_share_the_commits_of_their_signs_of_life(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """Three of them once wrote 180 an hour at a minute each."""
    queues = [place.queue(copy=f"process {n}") for n in range(3)]
    for number in range(5):
        queues[0].submit(asked(f"org/{number}", number), quota=None)
    lease = queues[0].lease.total_seconds()
    every = lease / 60
    assert queues[0].pace(every) == every, "nobody else holds a claim"
    signs = []
    for number, queue in enumerate(queues):
        claim = queue.claim(f"process {number}", runnable=lambda s: True)
        assert claim is not None
        signs.append(Sign(claim, None))
    for queue, sign in zip(queues, signs, strict=True):
        queue.results()
        for store in queue.stores.values():
            store.doubt()
        queue.renew_all([sign])  # a look at the others, at every beat
    assert [queue.pace(every) for queue in queues] == [3 * every] * 3
    assert not [record for record in caplog.records if record.name.startswith("eval_queue")]
    assert queues[0].pace(lease / 6) == lease / 4, "a claim is kept alive before commits are saved"
    assert "VALUE_PORTRAIT_LEASE_SECONDS" in caplog.text
    assert lease_for(lease / 6, 3) == pytest.approx(2 * lease)


# --- last copies of two repositories ----------------------------------------------------------------------------------


def test_the_queue_promises_a_row_only_where_it_is_and_renews_both_copies(place: Place) -> None:
    """After a restart without the Hub, 20 submissions were done whose rows the board did not have."""
    from data.sources.practice import practice_benchmark
    from leaderboard.pages.queue.page import listing
    from leaderboard.site.site import Site

    practice = practice_benchmark()

    def site() -> Site:
        return Site(practice, practice, place.queue(copy="disk"), (), quota=1, scheduler_seconds=None)

    writer = place.queue()
    looked = site()
    for number in range(3):
        writer.submit(asked(f"org/{number}", number), quota=9)
        claim = writer.claim("w", runnable=lambda s: True)
        assert claim is not None
        writer.finish(claim, result_of(claim.submission), b"PAR1")
        assert listing(looked).count("Row on the board") == number + 1
    place.hub.faults.add(Fault(route="*", status=503, times=None))
    restarted = site()
    page = listing(restarted)
    rows = len(restarted.queue.results())
    assert page.count("Row on the board") == rows
    assert page.count("has not arrived here yet") == 3 - rows
    assert rows == 3, "the copy of the results was renewed with that of the submissions"
