"""A filter that is misspelt never gives everything: every field of every address, for files and for pages."""

from __future__ import annotations

import re

import pytest
from markupsafe import escape
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from leaderboard.boards.results import PUBLISHED, load
from leaderboard.exports.addresses import FIELDS, VIEW
from leaderboard.exports.tables import SHEETS
from leaderboard.pages.groups import page as groups
from leaderboard.ui import READ, Ui
from leaderboard.web import document
from tests.leaderboard.exports.test_exports import make_site

ROW = load(PUBLISHED).results[0]
ANY = {"q", "hide", "imagined", "at"}
"""What may be anything: words to find, a series of runs, an old revision; `hide` is tried below."""
OPTIONAL = {"model"}

WRONG: dict[tuple[str, str], list[str]] = {
    ("board", "table"): ["nope", "Practice"],
    ("board", "scale"): ["pvqq"],
    ("board", "sort"): ["power", "nothing", "above_power"],
    ("board", "order"): ["sideways", "desc"],
    ("board", "hide"): ["Power,Nonsense"],
    ("board", "developer"): ["openai", "Nobody"],
    ("board", "family"): ["gpt4o"],
    ("board", "origin"): ["spaec"],
    ("board", "weights"): ["opeen", "Open"],
    ("board", "size_min"): ["big", "-1", "1e999", "nan", "7B"],
    ("board", "size_max"): ["big"],
    ("board", "reliable"): ["no"],
    ("board", "parameters"): ["no"],
    ("board", "since"): ["yesterday", "2026-02-30", "20261101"],
    ("board", "until"): ["tomorrow"],
    ("board", "released_since"): ["yesterday", "2026-02-30", "20261101"],
    ("board", "released_until"): ["soon"],
    ("board", "reading"): ["al", "match"],
    ("board", "group"): ["size"],
    ("board", "pin"): ["nobody"],
    ("board", "numbers"): ["rare"],
    ("answers", "value"): ["power", "Pwoer"],
    ("answers", "source"): ["nowhere"],
    ("answers", "rating"): ["7", "1.0", "six"],
    ("answers", "variant"): ["v4"],
    ("answers", "read"): ["raed"],
    ("answers", "page"): ["first", "0"],
    ("answers", "id"): ["nobody"],
    ("compare", "id"): ["nobody"],
    ("compare", "series"): ["gpt-9"],
    ("compare", "scale"): ["all"],
    ("compare", "reading"): ["al"],
    ("compare", "value"): ["power"],
    ("compare", "items"): ["0", "51", "ten"],
    ("map", "view"): ["globe"],
    ("map", "reading"): ["al"],
    ("map", "table"): ["nope"],
    ("map", "highlight"): ["nobody"],
    ("map", "family"): ["gpt4o"],
    ("map", "developer"): ["openai"],
    ("groups", "contrast"): ["height"],
    ("groups", "reading"): ["al"],
    ("groups", "table"): ["nope"],
    ("groups", "id"): ["nobody"],
    ("groups", "model"): ["nobody"],
    ("groups", "sort"): ["size"],
    ("groups", "order"): ["sideways"],
    ("card", "id"): ["nobody"],
    ("result", "id"): ["nobody"],
    ("badge", "id"): ["nobody"],
    ("portrait", "id"): ["nobody"],
    ("scores", "id"): ["nobody"],
    ("match-portrait", "id"): ["nobody"],
    ("matches", "id"): ["nobody"],
    ("correlations", "dimension"): ["power"],
    ("value", "name"): ["power"],
    ("value", "reading"): ["al"],
    ("value", "table"): ["nope"],
    ("value", "sort"): ["score"],
    ("dates", "along"): ["age"],
    ("dates", "scale"): ["all"],
    ("dates", "reading"): ["al"],
    ("dates", "table"): ["nope"],
    ("dates", "family"): ["gpt4o"],
    ("matrix", "table"): ["nope"],
    ("matrix", "reading"): ["al"],
}
SAME = {
    **{"differences": "compare", "series": "compare", "leans": "groups", "alike": "groups"},
    "neighbours": "value",
}
"""Drawings with the fields of another file."""


def path(name: str) -> str:
    if name == "badge":
        return "/chart/badge.svg"
    if name in ("card", "result"):
        return f"/download/{name}.{'md' if name == 'card' else 'json'}"
    return f"/{'download' if name in SHEETS else 'chart'}/{name}.csv"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    site = make_site(tmp_path_factory.mktemp("site"))
    return TestClient(Starlette(routes=Ui(site).launch_options()["app_kwargs"]["routes"]))


def test_every_field_of_every_file_is_tried() -> None:
    tried = {(name, field) for name, fields in FIELDS.items() for field in fields if field not in ANY - {"hide"}}
    known = {*WRONG, *((new, field) for new, old in SAME.items() for name, field in WRONG if name == old)}
    assert tried == known


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        (new, field, value)
        for (name, field), values in WRONG.items()
        for new in (name, *(n for n, old in SAME.items() if old == name))
        for value in values
    ],
)
def test_a_program_is_told_which_field_is_wrong(client: TestClient, name: str, field: str, value: str) -> None:
    fields = {"id": ROW.id} if name == "answers" else {}
    answer = client.get(path(name), params={**fields, field: value})
    assert answer.status_code in (400, 404)
    assert answer.headers["content-type"] == "application/json"
    said = answer.json()["error"]
    assert field in said or field == "model"
    assert value.split(",")[-1] in said


@pytest.mark.parametrize("name", [*FIELDS, "results", "queue"])
def test_a_field_that_there_is_not_is_named(client: TestClient, name: str) -> None:
    row = {"id": ROW.id} if "id" in FIELDS.get(name, ()) else {}
    answer = client.get(path(name), params={**row, "develper": "OpenAI"})
    assert answer.status_code == 400
    assert "develper: this address has no such field" in answer.json()["error"]


def test_what_the_pages_own_links_carry_is_no_error(client: TestClient) -> None:
    fields = {"show": "ranks", "intervals": "off", "model": ROW.id, "hide": "Power,date", "sort": "nearest"}
    assert set(fields) >= set(VIEW["board"])
    assert client.get("/download/board.csv", params={**fields, "weights": "", "developer": ""}).status_code == 200


PARAMETERS = {"name": "portrait", "form": "csv"}
NO_FILTER = {
    "/health": "its state is one",
    "/metrics": "likewise",
    "/robots.txt": "crawlers add nothing",
    "/sitemap.xml": "likewise",
    "/logo.svg": "a picture",
    "/vp/{name}": "style sheets and scripts carry their version",
    "/m/{name:path}": "leads to a page",
    "/submit/package": "has a ticket, which is tried in tests/attack",
    "/board/late": "asked by the page itself with its table, tried below",
}
"""Addresses whose fields choose nothing, and why."""


def test_an_address_that_programs_read_names_a_field_that_it_has_not(client: TestClient) -> None:
    """Every address of the app that is no page: what it is told in a field that it does not know changes the answer."""
    tried = set()
    for route in client.app.routes:  # type: ignore[attr-defined]
        if route.path.strip("/") in {"", *(page.ROUTE for page in READ)} or "POST" in (
            getattr(route, "methods", None) or ()
        ):
            continue
        if route.path in NO_FILTER or isinstance(route, Mount) or "mcp" in route.path:
            continue
        if route.path == "/api/{name:path}" or "openapi" in route.path:
            continue
        answer = client.get(route.path.format(**PARAMETERS), params={"develper": "OpenAI"})
        assert answer.status_code == 400, route.path
        assert "develper" in answer.text, route.path
        tried.add(route.path)
    assert tried >= {"/news.atom", "/submission.atom", "/embed", "/benchmark.json", "/download/all-answers.parquet"}
    assert client.get("/submission.atom", params={"id": "nobody"}).status_code == 404
    assert "nobody" in client.get("/submission.atom", params={"id": "nobody"}).text


NO_SUCH_ROW = {(groups, "id"), (groups, "model")}
"""The page says which row it shows instead."""


def said_by_page(page: document.ReadingPage) -> dict[str, list[str]]:
    """Wrong values of each field of a page."""
    name = {"model": "answers", "alike": "matrix"}.get(page.ROUTE, page.ROUTE)
    own = {"news": {"kind": ["nothing"]}, "take": {"form": ["nothing"]}, "about": {"reading": ["al"]}}
    return own.get(page.ROUTE) or {field: values for (of, field), values in WRONG.items() if of == name}


@pytest.mark.parametrize("page", READ, ids=lambda page: page.ROUTE)
def test_every_field_of_every_page_is_tried(client: TestClient, page: document.ReadingPage) -> None:
    wrong = said_by_page(page)
    assert set(wrong) == set(page.FIELDS) - ANY
    for field, values in wrong.items():
        for value_ in values:
            fixed = {"id": ROW.id} if page.ROUTE == "model" and field != "id" else {}
            fixed |= {"name": "Power"} if page.ROUTE == "value" and field != "name" else {}
            answer = client.get(f"/{page.ROUTE}", params={**fixed, field: value_})
            if answer.status_code != 404:
                notices = re.findall(r'role="status">([^<]*)', answer.text)
                told = escape(value_) if (page, field) not in NO_SUCH_ROW else "There is no such row"
                assert any(told in said for said in notices), (field, value_, notices)


@pytest.mark.parametrize(
    ("address", "says", "shows"),
    [
        (f"model?id={ROW.id}&rating=9", "rating: there is no &#39;9&#39;", "0 responses"),
        (f"model?id={ROW.id}&read=raed", "read: there is no &#39;raed&#39;", "0 responses"),
        (f"model?id={ROW.id}&value=Pwoer", "value: there is no", "0 responses"),
        (f"model?id={ROW.id}&source=nowhere", "source: there is no", "0 responses"),
        (f"model?id={ROW.id}&variant=v4", "variant: there is no", "0 responses"),
        ("map?table=nope", "table: there is no &#39;nope&#39;", "There is no such table"),
        ("map?family=gpt4o", "family: there is no", ""),
        ("groups?table=nope", "table: there is no", ""),
        ("groups?contrast=height", "contrast: there is no", ""),
        ("value?name=Power&table=nope", "table: there is no", ""),
        ("value?name=Power&sort=score", "sort: there is no", ""),
        ("dates?family=gpt4o", "family: there is no", ""),
        ("dates?table=nope", "table: there is no &#39;nope&#39;", ""),
        ("dates?along=age", "along: there is no", ""),
        ("alike?table=nope", "table: there is no &#39;nope&#39;", ""),
        ("news?kind=nothing", "kind: there is no", ""),
        ("about?reading=al", "reading: there is no", ""),
        ("compare?reading=al", "reading: there is no", ""),
        ("compare?id=nobody", "There is no row nobody", ""),
        ("compare?value=power&items=none", "value: there is no &#39;power&#39;", ""),
    ],
)
def test_a_page_shows_nothing_and_says_why(client: TestClient, address: str, says: str, shows: str) -> None:
    page = client.get(f"/{address}").text
    assert says in page
    assert shows in page


def test_what_a_page_repeats_is_no_html(client: TestClient) -> None:
    page = client.get(f"/model?id={ROW.id}&rating=%3Cimg src=x onerror=1%3E").text
    assert "<img src=x" not in page
