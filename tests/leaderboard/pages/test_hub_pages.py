"""The pages of an app whose queue lives on the Hub: what visitors and administrators do there, and read of trouble."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from data.sources.practice import practice_benchmark
from eval_queue.asking.evaluation import Job, evaluate
from eval_queue.queue.intake import Rules
from eval_queue.queue.package import accept, make_package
from eval_queue.queue.queue import now
from eval_queue.settings import Endpoint
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.submission import Refused
from leaderboard.pages.queue.page import Administration, listing, row_address
from leaderboard.pages.submit.packages import Packages, Said, Ticket, refused
from leaderboard.pages.submit.page import Form, Life
from leaderboard.site.site import Site
from leaderboard.site.visitor import called
from tests.support.chat_server import ChatServer
from tests.support.hub import Fault, Hub
from tests.support.hub_place import Place, result_of

PRACTICE = practice_benchmark()
ENDPOINTS = (Endpoint(name="api"),)
RULES = Rules(approval=True, administrators=frozenset({"root"}))


@pytest.fixture
def place(store_hub: Hub, tmp_path: Path) -> Iterator[Place]:
    yield Place(store_hub, tmp_path)
    store_hub.faults.clear()


@pytest.fixture
def site(place: Place, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr("eval_queue.queue.intake.offered_models", lambda _: None)  # nobody answers at that endpoint
    queue = place.queue(clock=now)
    queue.results()  # the first look makes both repositories
    return Site(PRACTICE, PRACTICE, queue, ENDPOINTS, quota=2, scheduler_seconds=None, rules=RULES, signs_in=True)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real run over HTTP, packed."""
    folder = tmp_path_factory.mktemp("runs") / "mine"
    with ChatServer() as server:
        endpoint = Endpoint.model_validate({"name": "my-vllm", "base_url": server.address})
        asyncio.run(evaluate(Job("org/mine", endpoint, PRACTICE), folder))
    return make_package(folder, PRACTICE)


def by(name: str | None) -> gr.OAuthProfile | None:
    """A profile as Gradio gives it to a listener; None for nobody."""
    if name is None:
        return None
    return gr.OAuthProfile({"name": name, "preferred_username": name, "profile": "", "picture": ""})


def send(site: Site, model: str, user: str | None = "ada") -> tuple[Any, str]:
    """Which submission to follow, and all messages."""
    follow, *messages = Form(site).send(model, "", "api", PRACTICE.digest, by(user))
    return follow, unescape(" ".join(messages))


def hand_in(site: Site, content: bytes, name: str | None) -> Said:
    """What comes of a package, as the server does it once all of it is there, and before a byte of it is read."""
    packages, who = Packages(site, accept), called(site, name)
    try:
        packages._may(who)
    except (Refused, StoreUnavailable, WriteConflict) as error:
        return refused(error, site)
    ticket = Ticket(1, who, name or "", content)
    packages._work(ticket)
    assert ticket.outcome is not None
    return ticket.outcome


def test_a_submission_is_approved_put_first_and_done_and_a_duplicate_leads_to_its_row(site: Site, place: Place) -> None:
    (first, said), (second, _) = send(site, "org/first"), send(site, "org/second")
    assert said.strip() == ""
    assert "Awaiting approval" in listing(site)
    panel = Administration(site)
    for id_ in (first, second):
        assert "waits for its turn" in panel.approve(id_, by("root"))[0]
    assert "priority 7" in panel.prioritise(second, 7, by("root"))[0]
    claim = place.queue(clock=now).claim("w", runnable=lambda _: True)
    assert claim is not None
    assert claim.submission.id == second
    place.queue(clock=now).finish(claim, result_of(claim.submission, created=now()), b"PAR1")
    done = site.queue.get(second)
    assert done.state == "done"
    follow, said = send(site, "org/second", "ben")
    assert follow == second
    assert "duplicate" in said
    assert row_address(done) in said, "the message leads to the existing row"
    assert second in {r.id for b in site.boards() for r in b.results}, "and it is there"
    _, said = send(site, "org/first", "ben")
    assert f"submit?id={first}" in said, "what has no row yet is shown where it is"


def test_quota_and_sign_in_hold_on_the_pages(site: Site, place: Place) -> None:
    assert "sign_in" in send(site, "org/a", None)[1]
    ids = [send(site, f"org/{i}")[0] for i in range(2)]
    assert "quota" in send(site, "org/c")[1]
    assert send(site, "org/c", "ben")[0]
    assert Life(site).cancel(ids[0], by("ada")) == ""
    assert "Only the person" in Life(site).cancel(ids[1], by("ben"))
    weekly = replace(site, rules=replace(RULES, per_week=1))
    assert "within the last week" in send(weekly, "org/d")[1]
    assert {s.state for s in place.queue().submissions()} == {"proposed", "cancelled"}


def test_own_answers_are_published_marked_counted_and_removed(site: Site, place: Place, package: bytes) -> None:
    assert hand_in(site, package, None).code == "sign_in"
    said = hand_in(site, package, "ada")
    assert "org/mine waits for an administrator's approval" in said.message
    assert place.queue().results() == []
    (waiting,) = site.queue.reported.waiting()
    panel = Administration(site)
    assert "Only administrators" in panel.approve(waiting, by("ada"))[0]
    panel.approve(waiting, by("root"))
    (row,) = place.queue().results()
    assert (row.origin, row.submitter) == ("self-reported", "ada")
    page = unescape(listing(site))
    assert "submitted by ada" in page
    assert row_address(row) in page
    again = hand_in(site, package, "ben")
    assert again.code == "duplicate"
    assert again.link == row_address(row)
    assert row.id in {id_ for _, id_ in panel.choices()}
    assert "Only administrators" in panel.remove(row.id, by("ada"))[0]
    assert "removed" in panel.remove(row.id, by("root"))[0]
    assert place.queue().results() == []
    assert not [p for p in place.hub.files(place.results) if row.id in p]


def test_while_the_hub_is_away_the_pages_say_so_and_store_nothing(site: Site, place: Place, package: bytes) -> None:
    kept, _ = send(site, "org/kept")
    before = (place.records(), place.records(place.results))
    stores: list[Any] = [site.queue._submissions.store, site.queue._results.store]
    for store in stores:
        place.hub.faults.add(Fault(repo=store.repo.id, cut=True, times=None))
        store._pause = 600.0  # asked once, then left alone for so long
    assert "org/kept" in listing(site)
    panel, life = Administration(site), Life(site)
    for said in (
        send(site, "org/lost")[1],
        hand_in(site, package, "ada").message,
        panel.approve(kept, by("root"))[0],
        life.cancel(kept, by("ada")),
    ):
        assert "The store cannot be reached now" in said
        assert "127.0.0.1" not in said
        assert "hf_" not in said
    place.hub.faults.clear()
    assert (place.records(), place.records(place.results)) == before
    for store in stores:
        store._next_look = 0.0  # the pause is over
    assert send(site, "org/lost")[1].strip() == "", "it recovers by itself"


def test_a_malformed_record_is_noted_and_stops_nothing(site: Site, place: Place) -> None:
    send(site, "org/fine")
    bad = {"submissions/half.json": b"{", "submissions/newer.json": b'{"schema_version": 99}'}
    place.hub.commit(place.requests, bad)
    place.hub.commit(place.results, {"results/odd.json": b"[]", "self-reported/odd.json": b"\xff"})
    page = unescape(listing(site))
    assert re.search(r'class="vp-problems"[^>]*><summary>4\b', page)
    for path in (*bad, "results/odd.json", "self-reported/odd.json"):
        assert path in page
    assert "org/fine" in page
    assert len(site.queue.results()) == 0
