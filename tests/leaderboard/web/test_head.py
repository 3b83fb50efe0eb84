"""What pages say of themselves to search engines, previews and visitors who come from elsewhere."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from functools import partial
from html import unescape
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from data.sources.practice import practice_benchmark
from data.values import DIMENSIONS
from eval_queue.queue.queue import Queue
from eval_queue.store.collection import encode
from eval_queue.store.local import EMPTY_HEAD, LocalStore
from leaderboard.boards.model_facts import developers_list, released, repository
from leaderboard.exports import routes as files
from leaderboard.files.card_picture import HEIGHT, WIDTH
from leaderboard.pages.board import page as board
from leaderboard.server.guard import Guard
from leaderboard.server.page_token import PageTokens
from leaderboard.site import links
from leaderboard.site.site import Site
from leaderboard.ui import READ
from leaderboard.web import discovery, document
from leaderboard.web.discovery import newest
from leaderboard.web.head import origin
from tests.support.rows import result

HOSTILE = 'x"><script>alert(1)</script>'
HTML = {"accept": "text/html"}
DOCUMENTS: tuple[document.ReadingPage, ...] = (board.Page(), *READ)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    practice = practice_benchmark()
    store = LocalStore(tmp_path / "store")
    store.commit({"results/hostile.json": encode(result(HOSTILE, id="hostile", origin="space"))}, EMPTY_HEAD, "a row")
    queue = Queue(store, store, lease=timedelta(minutes=2))
    return Site(practice, practice, queue, (), quota=2, scheduler_seconds=None)


@pytest.fixture
def client(site: Site) -> TestClient:
    every = [*discovery.routes(site, READ), *files.routes(site), *document.routes(site, DOCUMENTS)]
    app = Starlette(routes=every, exception_handlers={404: discovery.missing(site)})
    return TestClient(app, base_url="http://board.example", raise_server_exceptions=False, follow_redirects=False)


def meta(html: str, name: str) -> str:
    found = re.findall(rf'<meta (?:name|property)="{re.escape(name)}" content="([^"]*)">', html)
    assert len(found) == 1, (name, found)
    return unescape(found[0])


def title(html: str) -> str:
    return unescape(re.findall(r"<title>(.*?)</title>", html)[0])


def test_a_rows_page_names_its_row(site: Site, client: TestClient) -> None:
    row = next(r for r in site.results() if r.model == "gpt-4o-2024-11-20")
    html = client.get(f"/model?id={row.id}&value=Power").text
    assert title(html) == "gpt-4o-2024-11-20 · Value Portrait"
    assert meta(html, "og:title") == meta(html, "twitter:title") == title(html)
    assert row.model in meta(html, "description")
    lasting = f"http://board.example/model?id={row.id}"
    assert f'<link rel="canonical" href="{lasting}">' in html
    assert meta(html, "og:url") == lasting
    assert meta(html, "og:image") == f"http://board.example/chart/card.png?id={row.id}"
    assert 'href="https://platform.openai.com/docs/models" target="_blank" rel="noopener"' in html


def test_a_comparison_names_its_rows(site: Site, client: TestClient) -> None:
    ids = [r.id for r in site.results() if r.model in ("gpt-4o-2024-11-20", "qwq-32b")]
    html = client.get("/compare", params={"id": ["qwq-32b", ids[0]], "scale": "bfi"}).text
    assert title(html) == "qwq-32b and gpt-4o-2024-11-20 compared · Value Portrait"
    assert meta(html, "description").startswith("qwq-32b and gpt-4o-2024-11-20 side by side")
    assert meta(html, "og:url") == f"http://board.example/compare?id={ids[1]}&id={ids[0]}"
    assert title(client.get("/compare?series=gpt-4o").text) == "gpt-4o over time · Value Portrait"
    assert title(client.get(f"/groups?model={ids[1]}").text) == "qwq-32b among groups of people · Value Portrait"
    for nothing in ("", "?id=qwq-32b", "?id=qwq-32b&id=nobody", "?series=nobody"):
        assert title(client.get(f"/compare{nothing}").text) == "Compare · Value Portrait Leaderboard"


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.NAME)
def test_every_page_has_a_title_a_description_and_a_picture(client: TestClient, page: document.ReadingPage) -> None:
    html = client.get(f"/{page.ROUTE}").text
    assert title(html)
    assert 40 < len(meta(html, "description")) < 300
    picture = meta(html, "og:image").removeprefix("http://board.example")
    assert client.get(picture).headers["content-type"] == "image/png"
    for tag in re.findall(r'<a\b[^>]*href="https?://[^>]*>', html):  # nothing may open in the Hub's frame
        assert 'target="_blank"' in tag, tag
        assert 'rel="noopener"' in tag, tag


def test_a_hostile_name_stays_text(client: TestClient) -> None:
    html = client.get("/model?id=hostile").text
    assert "<script>alert" not in html
    assert title(html) == f"{HOSTILE} · Value Portrait"
    assert client.get("/chart/card.png?id=hostile").status_code == 200
    assert "<script>alert" not in client.get(f"/m/{HOSTILE}x", headers=HTML).text


def test_what_is_not_there_says_so(client: TestClient) -> None:
    for address in ("/model?id=unknown", "/no-such-page", "/no/such/page", "/m/nobody"):
        answer = client.get(address, headers=HTML)
        assert answer.status_code == 404, address
        assert "vp-masthead" in answer.text
        assert meta(answer.text, "robots") == "noindex"
        assert "canonical" not in answer.text
    # whole addresses: the page may lie deeper than the others
    assert 'href="/about"' in client.get("/no/such/page", headers=HTML).text
    assert client.get("/no-such-page").json() == {"detail": "Not Found"}
    assert client.get("/chart/card.png?id=unknown").status_code == 404


def test_the_picture_is_a_png_of_the_size_that_is_told(client: TestClient) -> None:
    from PIL import Image

    row = "gpt-4o-2024-11-20-b2aafc9ee2f1"
    with Image.open(BytesIO(client.get(f"/chart/card.png?id={row}").content)) as one:
        assert one.size == (WIDTH, HEIGHT) == (1200, 630)
        assert one.format == "PNG"
        # its name is drawn: there is ink where the heading stands, none beside it
        heading, margin = one.convert("L").crop((64, 110, 460, 160)), one.convert("L").crop((0, 20, 60, 620))
        assert heading.getextrema()[0] < 80
        assert margin.getextrema() == (255, 255)
        with Image.open(BytesIO(client.get("/chart/card.png").content)) as other:
            assert one.tobytes() != other.tobytes()


def test_a_short_address_leads_to_the_newest_row(client: TestClient) -> None:
    for name, row in (
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13-"),
        ("GPT-4o", "gpt-4o-2024-11-20-"),
        ("claude-3-5-sonnet", "claude-3-5-sonnet-20241022-"),
    ):
        answer = client.get(f"/m/{name}")
        assert answer.status_code == 302
        assert answer.headers["location"].startswith(f"/model?id={row}")


def test_of_several_rows_of_a_model_the_last_one_that_measures_something_counts() -> None:
    def row(id_: str, day: int, model: str = "lab/model", **more: object) -> object:
        return result(model, id=id_, created=datetime(2026, 11, day, tzinfo=UTC), **more)

    rows = [
        row("old", 1),
        row("new", 3),
        row("practice", 9, name="practice"),
        row("persona", 8, persona="woman"),
        row("other", 9, model="lab/model-2"),
    ]
    for name in ("lab/model", "LAB/Model", "model"):
        found = newest(rows, name)  # type: ignore[arg-type]
        assert found is not None
        assert found.id == "new"
    assert newest(rows, "mode") is None  # type: ignore[arg-type]


def test_a_page_seen_before_keeps_its_policy(site: Site) -> None:
    guard = partial(
        Guard,
        tokens=PageTokens(),
        private=frozenset(),
        public={},
        gradio=frozenset(),
        arguments={},
        count=lambda *_: None,
        uploads={},
    )
    again = TestClient(guard(Starlette(routes=document.routes(site, READ))), base_url="http://board.example")
    first = again.get("/about")
    assert "img-src 'self'" in first.headers["content-security-policy"]
    # a browser takes over what the second answer says: nothing, so that the first one's stays
    second = again.get("/about", headers={"if-none-match": first.headers["etag"]})
    assert second.status_code == 304
    assert "content-security-policy" not in second.headers


def test_the_sitemap_has_every_row_and_robots_name_it(site: Site, client: TestClient) -> None:
    root = ElementTree.fromstring(client.get("/sitemap.xml").content)
    found = {e.text for e in root.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")}
    base = "http://board.example/"
    assert {f"{base}{r}" for r in ("", "about", "map", "queue")} <= found
    assert {f"{base}model?id={r.id}" for r in site.results()} <= found
    for address in found:
        assert address is not None
        if address.removeprefix(base) not in ("submit", "queue"):  # those are Gradio's
            assert client.get(address).status_code == 200, address
    assert f"Sitemap: {base}sitemap.xml" in client.get("/robots.txt").text


def test_a_host_that_is_none_is_not_repeated(client: TestClient) -> None:
    forged = {"host": 'evil"><script>'}
    assert "evil" not in client.get("/about", headers=forged).text
    assert "evil" not in client.get("/robots.txt", headers=forged).text
    assert client.get("/sitemap.xml", headers=forged).status_code == 400


def test_a_space_knows_its_address(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_HOST", "lab-board.hf.space")
    monkeypatch.setenv("SPACE_ID", "lab/board")
    html = client.get("/about").text
    assert meta(html, "og:url") == "https://lab-board.hf.space/about"
    assert 'href="https://huggingface.co/spaces/lab/board/discussions" target="_blank" rel="noopener"' in html


def test_about_describes_the_data_for_search_engines(client: TestClient) -> None:
    html = client.get("/about").text
    said = json.loads(re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)[0])
    assert said["@type"] == "Dataset"
    assert [v["name"] for v in said["variableMeasured"]] == [d.name for d in DIMENSIONS]
    for file in said["distribution"]:
        place = file["contentUrl"].removeprefix("http://board.example")
        if "all-answers" not in place:
            assert client.get(place).headers["content-type"].startswith(file["encodingFormat"])


def test_the_release_date_is_that_of_the_name_the_record_or_the_table() -> None:
    named = result("lab/model-2024-05-13", released=date(2020, 1, 1))
    recorded = result("lab/model", released=date(2024, 2, 3), origin="space")
    tabled, alias = result("deepseek-r1"), result("qwen-max")
    found = [released(r) for r in (named, recorded, tabled, alias)]
    assert [(f.day.isoformat(), f.source) if f else None for f in found] == [
        ("2024-05-13", "name"),
        ("2024-02-03", "hub"),
        ("2025-01-20", "table"),
        None,
    ]
    # the table speaks of released answers only: another row of that name may be another model
    assert released(result("deepseek-r1", origin="self-reported")) is None


def test_a_models_link_leads_to_the_hub_only_where_the_hub_was_asked() -> None:
    commit = "a" * 40
    checked = result("lab/model", revision=commit, origin="space")
    assert links.model(checked) == ("lab/model on the Hub", f"https://huggingface.co/lab/model/tree/{commit}")
    assert repository(result("lab/model", origin="space")) is None
    assert repository(result("lab/../x", revision=commit)) is None
    assert repository(result("qwq-32b")) == "Qwen/QwQ-32B"
    assert developers_list(result("x", developer="nobody known")) is None
    assert links.model(result("x")) is None


@pytest.mark.parametrize(
    ("root", "base"),
    [
        ("", "http://testserver/"),
        ("/lead", "http://testserver/lead/"),
        ("https://example.org/lead", "https://example.org/lead/"),
    ],
)
def test_pages_know_where_a_proxy_has_put_them(root: str, base: str) -> None:
    scope = {"type": "http", "scheme": "http", "path": "/", "headers": [(b"host", b"testserver")], "root_path": root}
    assert origin(Request(scope)) == base
