"""Pages to read arrive whole: framed, remembered while nothing changes, and without one page's trouble in another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.sources.practice import practice_benchmark
from eval_queue.queue.queue import Queue
from eval_queue.store.collection import encode
from eval_queue.store.local import LocalStore
from eval_queue.store.shown import ShownStore
from leaderboard.server.guard import DOCUMENT_POLICY, Guard
from leaderboard.server.page_token import PageTokens
from leaderboard.site.permanent import HERE
from leaderboard.site.site import Site
from leaderboard.web.document import Volatile, every, routes
from tests.support.rows import result

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    practice = practice_benchmark()
    store = LocalStore(tmp_path / "store")
    return Site(
        practice, practice, Queue(store, store, lease=timedelta(minutes=2)), (), quota=2, scheduler_seconds=None
    )


def serve(site: Site, words: Any, **more: Any) -> TestClient:
    page: Any = SimpleNamespace(ROUTE="about", NAME="About", FIELDS=("a", "id"), content=words, **more)
    return TestClient(Starlette(routes=routes(site, [page])), raise_server_exceptions=False)


def test_a_page_arrives_whole_with_its_frame(site: Site) -> None:
    answer = serve(site, lambda *_: "<p>the content</p>").get("/about")
    assert answer.status_code == 200
    assert answer.text.count("<p>the content</p>") == 1
    assert 'aria-current="page">About<' in answer.text
    assert site.benchmark.digest[:8] in answer.text


def test_a_page_is_made_once_for_an_address_until_the_results_change(site: Site) -> None:
    made: list[Mapping[str, str]] = []

    def words(_: Site, query: Mapping[str, str]) -> str:
        made.append(query)
        return f"<p>{len(made)}</p>"

    client = serve(site, words)
    first = client.get("/about?a=1")
    assert client.get("/about?a=1").text == first.text
    assert client.get("/about?a=2").text != first.text
    assert [dict(q) for q in made] == [{"a": "1"}, {"a": "2"}]
    store = site.queue._results.store
    store.commit({"results/new.json": encode(result("new", id="new", origin="space"))}, store.head(), "a row")
    assert client.get("/about?a=1").text != first.text


def test_every_value_of_a_repeated_field_arrives_and_makes_a_page_of_its_own(site: Site) -> None:
    made: list[str] = []

    def words(_: Site, query: Mapping[str, str]) -> str:
        made.append(query["id"])
        return f"<p>got {' then '.join(every(query, 'id'))}</p>"

    client = serve(site, words)
    assert "got a then b<" in client.get("/about?id=a&x=1&id=b").text
    assert "got a then b<" in client.get("/about?x=1&id=a&id=b").text
    assert made == ["b"]
    assert "got b then a<" in client.get("/about?id=b&x=1&id=a").text
    assert "got b<" in client.get("/about?x=1&id=b").text
    assert "got <" in serve(site, lambda _, q: f"got {''.join(every(q, 'id'))}<").get("/about").text


def test_a_plain_mapping_has_each_field_once() -> None:
    assert every({"id": "a"}, "id") == ["a"]
    assert every({}, "id") == []


def test_a_page_is_made_anew_when_what_else_it_depends_on_changes(site: Site) -> None:
    turns = ["pending"]
    client = serve(site, lambda *_: f"<p>{turns[0]}</p>", moment=lambda *_: turns[0])
    assert "<p>pending</p>" in client.get("/about").text
    turns[0] = "failed"
    assert "<p>failed</p>" in client.get("/about").text


AWAY = "cannot be reached now"


@pytest.fixture
def damaged(site: Site, tmp_path: Path) -> tuple[Site, Callable[[bool], None]]:
    """A site with a row whose store is as an app has it, and what damages that store or mends it."""
    store, head = ShownStore(LocalStore(tmp_path / "store"), every=0.0), tmp_path / "store" / "HEAD"
    store.commit({"results/new.json": encode(result("new", id="new", origin="space"))}, store.head(), "a row")
    good = head.read_bytes()

    def damage(broken: bool) -> None:
        head.write_bytes(b"rubbish" if broken else good)

    return replace(site, queue=Queue(store, store, lease=timedelta(minutes=2))), damage


def test_an_outage_is_told_while_it_lasts_and_no_longer(damaged: tuple[Site, Callable[[bool], None]]) -> None:
    site, damage = damaged
    client = serve(site, lambda *_: "<p>the content</p>")
    for broken in (True, True, False, False, True, False):
        damage(broken)
        assert (AWAY in client.get("/about").text) == broken


def test_an_outage_that_begins_while_a_page_is_made_is_not_kept(damaged: tuple[Site, Callable[[bool], None]]) -> None:
    site, damage = damaged
    broken = iter([True])

    def words(asked: Site, _: Mapping[str, str]) -> str:
        damage(next(broken, False))
        asked.results()
        return "<p>the content</p>"

    client = serve(site, words)
    assert AWAY in client.get("/about").text
    damage(False)
    for _ in range(2):
        assert AWAY not in client.get("/about").text


def test_an_unchanged_page_is_not_sent_twice(site: Site) -> None:
    client = serve(site, lambda *_: "<p>same</p>")
    tag = client.get("/about").headers["etag"]
    again = client.get("/about", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/about", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_page_is_the_same_however_it_is_sent(site: Site) -> None:
    client = serve(site, lambda *_: "<p>ä, and an address: " + HERE + "</p>")
    packed = client.get("/about", headers={"Accept-Encoding": "gzip"})
    plain = client.get("/about", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert packed.headers["etag"] == plain.headers["etag"]
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


def test_a_page_names_the_host_that_was_asked(site: Site) -> None:
    client = serve(site, lambda *_: f"<p>{HERE}model</p>")
    for host in ("one.example", "two.example", "one.example"):
        text = client.get("/about", headers={"Host": host}).text
        assert f"<p>http://{host}/model</p>" in text
        assert f'<link rel="canonical" href="http://{host}/' in text


def test_a_page_that_has_not_changed_keeps_its_policy(site: Site) -> None:
    app = Guard(
        serve(site, lambda *_: "<p>same</p>").app,
        tokens=PageTokens(),
        private=frozenset(),
        public={},
        gradio=frozenset(),
        arguments={},
        count=lambda *_: None,
        uploads={},
    )
    client = TestClient(app)
    first = client.get("/about")
    again = client.get("/about", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    # what such an answer says replaces what the browser has kept
    assert again.headers.get("content-security-policy", DOCUMENT_POLICY) == first.headers["content-security-policy"]


def test_what_holds_for_a_moment_is_not_remembered(site: Site) -> None:
    made: list[int] = []

    def words(*_: Any) -> str:
        made.append(1)
        return Volatile("<p>the store is away</p>")

    client = serve(site, words)
    assert "the store is away" in client.get("/about").text
    client.get("/about")
    assert len(made) == 2


def test_a_page_that_cannot_be_made_says_so_and_is_tried_again(site: Site) -> None:
    broken = [True]

    def words(*_: Any) -> str:
        if broken:
            raise ValueError(f"secret {HOSTILE}")
        return "<p>well again</p>"

    client = serve(site, words)
    answer = client.get("/about")
    assert answer.status_code == 500
    assert "could not be made" in answer.text
    assert "secret" not in answer.text
    broken.clear()
    assert "well again" in client.get("/about").text


def test_a_policy_of_a_page_is_sent_with_it(site: Site) -> None:
    assert "content-security-policy" not in serve(site, lambda *_: "").get("/about").headers
    strict = serve(site, lambda *_: "", POLICY="connect-src 'none'").get("/about")
    assert strict.headers["content-security-policy"] == "connect-src 'none'"


def test_style_sheets_and_scripts_are_there(site: Site) -> None:
    import re

    client = serve(site, lambda *_: "", SHEETS=("map.js",))
    assert "./vp/map.js?v=" in client.get("/about").text
    named = re.findall(r'(?:href|src)="\./(vp/[^"]+|logo\.svg)"', client.get("/about").text)
    assert len(named) >= 3
    for address in named:
        assert client.get(f"/{address}").status_code == 200
