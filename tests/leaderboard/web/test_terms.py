"""The glossary and where it opens: one place of meanings, marked in running words only, no button without a note."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.sources.practice import practice_benchmark
from eval_queue.queue.queue import Queue
from eval_queue.store.local import LocalStore
from leaderboard.site.site import Site
from leaderboard.ui import READ
from leaderboard.vocabulary.glossary import GROUPS, TERMS, by_form, named
from leaderboard.web import document, markup
from leaderboard.web.frame import NAVIGATION
from leaderboard.web.terms import explained, marked, note_id, notes
from tests.support.html import words

BUTTON = r'<button type="button" class="vp-term" popovertarget="([\w-]+)">([^<]+)</button>'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    practice = practice_benchmark()
    store = LocalStore(tmp_path_factory.mktemp("terms") / "store")
    return Site(practice, practice, Queue(store, store, lease=timedelta(1)), (), quota=2, scheduler_seconds=None)


@pytest.fixture(scope="module")
def client(site: Site) -> TestClient:
    return TestClient(Starlette(routes=document.routes(site, READ)))


def test_terms_are_told_briefly_and_each_form_is_one_term_s() -> None:
    for term in TERMS:
        assert len(re.findall(r"[.!?](?= [A-Z“])", term.meaning)) < 3, term.name
        assert term.meaning.endswith("."), term.name
        assert term.group in GROUPS
        assert term.forms, term.name
        assert all(form == form.casefold() for form in term.forms), term.name
    assert len(by_form()) == sum(len(t.forms) for t in TERMS)
    assert len({t.anchor for t in TERMS}) == len(TERMS)


def test_the_longest_form_wins_and_a_term_opens_once_in_a_part() -> None:
    html = marked("<section><p>Own ranks, ranks and ranks.</p></section><section><p>Ranks</p></section>")
    assert re.findall(BUTTON, html) == [
        ("term-own-ranks", "Own ranks"),
        ("term-rank-interval", "ranks"),
        ("term-rank-interval", "Ranks"),
    ]


@pytest.mark.parametrize(
    "closed",
    [
        '<a href="x">reliability</a>',
        "<h2>Reliability</h2>",
        "<p data-verbatim>reliability <b>reliability</b></p>",
        '<p title="reliability">x</p>',
        "<label>reliability</label>",
        "<script>reliability</script>",
        "<svg><text>reliability</text><a><text>reliability</text></a></svg>",
        '<span aria-hidden="true">reliability</span>',
        "<code>reliability</code>",
        "unreliability reliability-test",
        "<!-- reliability -->",
        "Value Portrait",
        "<div data-verbatim><div>reliability</div>reliability<br/>reliability</div>",
    ],
)
def test_nothing_else_is_marked(closed: str) -> None:
    assert marked(closed) == closed
    assert "vp-term" in marked(f"{closed}<p>reliability</p>")  # what was closed is open again


def test_marking_changes_no_word_and_keeps_a_comma_with_its_word() -> None:
    html = "<p>Its reliability, its (95 % interval) and a &lt;b&gt; score.<br>A  95 %\ninterval</p>"
    made = marked(html)
    assert words(made) == words(html)
    assert "&lt;b&gt;" in made
    assert "<vp-unbroken>(<button" in made
    assert made.count("vp-term") == 3


def test_every_button_on_every_page_has_its_note_and_ids_are_unique(client: TestClient, site: Site) -> None:
    row = site.published.results[0].id
    opened: set[str] = set()
    for page in READ:
        address = f"/{page.ROUTE}" + {"model": f"?id={row}", "value": "?name=Power"}.get(page.ROUTE, "")
        html = client.get(address).text
        buttons = {found[0] for found in re.findall(BUTTON, html)}
        ids = re.findall(r'\sid="([^"]+)"', html)
        assert buttons == {i for i in ids if i.startswith("term-")}, address
        assert len(ids) == len(set(ids)), address
        opened |= buttons
    # what no page says is on the board, in Submit or the Queue
    assert len(opened) > 30


def test_a_page_s_own_terms_are_found_again_in_the_glossary(client: TestClient) -> None:
    html = client.get("/glossary").text
    anchors = set(re.findall(r'<div id="([\w-]+)"><dt>', html))
    assert anchors == {t.anchor for t in TERMS}
    said = words(html)
    assert all(t.meaning in said for t in TERMS)
    assert set(re.findall(r'href="glossary#([\w-]+)"', notes())) == anchors
    for _, address in filter(None, (t.page for t in TERMS)):
        route = address.partition("#")[0]
        assert route in {p.ROUTE for p in READ} | {r for _, r in NAVIGATION}
        fragment = address.partition("#")[2]
        assert not fragment or f'id="{fragment}"' in client.get(f"/{route}").text, address


def test_what_a_model_said_is_not_marked_on_its_page() -> None:
    # the templates that show answers and questions of others close them
    for template in ("model_answers.html", "compare.html", "value.html"):
        assert "data-verbatim" in markup._environment().loader.get_source(markup._environment(), template)[0]  # type: ignore[union-attr]


def test_nothing_used_gives_nothing_to_open() -> None:
    assert explained("<p>plain words</p>") == "<p>plain words</p>"
    assert named("Reliability").anchor in explained("<p>Reliability</p>")
    assert note_id(named("95 % interval")) == "term-95-interval"
