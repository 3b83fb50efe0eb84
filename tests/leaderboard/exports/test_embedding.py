"""A row on other people's pages: badge, small page, and the lines to copy that lead to both."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html import unescape
from html.parser import HTMLParser

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.values import VALUES
from leaderboard.boards.results import PUBLISHED, load
from leaderboard.charts.badge import badge
from leaderboard.charts.portrait import number
from leaderboard.exports.ecosystem import model_card
from leaderboard.exports.routes import routes
from leaderboard.pages.model import page as model
from leaderboard.site.sharing import badge_words, lines_to_copy
from leaderboard.site.site import Site
from leaderboard.web import document
from tests.leaderboard.exports.test_exports import make_site
from tests.support.html import contrast
from tests.support.rows import result

HOSTILE = '"><script>alert(1)</script>](x) <b>'
FIRST = load(PUBLISHED).results[0]
MINE = {"digest": FIRST.benchmark.digest, "protocol": FIRST.protocol}
ROWS = {
    "hostile": result(HOSTILE, (0.2,) * 10, id="hostile", **MINE, origin="self-reported"),
    "pinned": result("org/pinned", (0.1,) * 9 + (None,), id="pinned", **MINE, revision="0123456789" + "a" * 30),
    "practice": result("org/practice", (0.2,) * 10, id="practice", name="practice"),
    "persona": result("org/persona", (0.2,) * 10, id="persona", **MINE, persona="political/left"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("site"), *ROWS.values())


@pytest.fixture(scope="module")
def client(site: Site) -> TestClient:
    return TestClient(Starlette(routes=[*routes(site), *document.routes(site, [model])]))


def text(svg: str) -> list[str]:
    return [e.text or "" for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_a_badge_says_what_was_measured_and_of_what(client: TestClient) -> None:
    answer = client.get("/chart/badge.svg", params={"id": "pinned"})
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-disposition"].startswith("inline")
    assert text(answer.text) == ["Value Portrait", "9 values · rev 01234567"]
    published = client.get("/chart/badge.svg", params={"id": FIRST.id}).text
    assert text(published)[1].startswith("10 values · ")
    assert text(published)[1].endswith(f"scored {FIRST.created.date()}")
    assert "self-reported" in text(client.get("/chart/badge.svg", params={"id": "hostile"}).text)[1]


def test_no_badge_can_be_read_as_a_rank_or_a_grade() -> None:
    for row in load(PUBLISHED).results:
        said = badge_words(row)
        assert re.fullmatch(r"10 values( · (incomplete|flat|parameters changed))* · scored \d{4}-\d\d-\d\d", said)


def test_texts_of_any_width_stay_inside_their_halves() -> None:
    for words in ("i", "W" * 40, "x" * 500, "<&>", "1 value"):
        root = ET.fromstring(badge("Value Portrait", words))
        first, second = root.iter("{http://www.w3.org/2000/svg}text")
        assert float(first.attrib["x"]) + float(first.attrib["textLength"]) < float(second.attrib["x"])
        assert float(second.attrib["x"]) + float(second.attrib["textLength"]) < float(root.attrib["width"])
        assert float(root.attrib["width"]) < 1000


def test_a_badge_can_be_read_on_any_page() -> None:
    root = ET.fromstring(badge("Value Portrait", "10 values"))
    *_, texts = root.iter("{http://www.w3.org/2000/svg}g")
    assert texts.attrib["fill"] == "#fff"
    grounds = [g.attrib["fill"] for g in root.iter("{http://www.w3.org/2000/svg}rect") if "fill" in g.attrib]
    assert len(grounds) == 2
    for ground in grounds:
        assert contrast((1, 1, 1), [int(ground[n : n + 2], 16) / 255 for n in (1, 3, 5)]) >= 4.5


@pytest.mark.parametrize("id_", ["practice", "persona", "nobody", ""])
def test_rows_that_go_nowhere_have_neither_badge_nor_small_page(client: TestClient, id_: str) -> None:
    for address in ("/chart/badge.svg", "/embed"):
        answer = client.get(address, params={"id": id_})
        assert answer.status_code == (400 if id_ in ROWS else 404)
        assert "id: " in answer.text
        assert "<svg" not in answer.text
    if id_ in ROWS:
        assert "On a model card" not in client.get("/model", params={"id": id_}).text


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("id_", [FIRST.id, "hostile", "pinned"])
def test_the_small_page_is_whole_and_loads_nothing(client: TestClient, id_: str) -> None:
    answer = client.get("/embed", params={"id": id_})
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors *" in policy
    assert "script" not in policy
    tags = Tags(answer.text).found
    assert not {"script", "link", "img", "iframe", "form", "object"} & {tag for tag, _ in tags}
    assert not [a for _, given in tags for a in given if a == "src" or a.startswith("on")]
    links = [given for tag, given in tags if tag == "a"]
    assert {given["target"] for given in links} == {"_blank"}
    assert all(str(given["href"]).startswith("http://testserver/") for given in links)
    assert "prefers-color-scheme:dark" in answer.text
    again = client.get("/embed", params={"id": id_}, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert again.headers["content-security-policy"] == policy


def test_the_small_page_shows_every_value_with_its_interval(client: TestClient) -> None:
    page = client.get("/embed", params={"id": FIRST.id}).text
    for d in VALUES:
        cell = FIRST.scales["pvq"].dimensions[d.name]
        row = re.search(rf"</i>{d.name}</th><td>(.*?)</td>", page)
        assert row is not None
        assert number(cell.score) in row[1]
        assert f"({number(cell.low)} to {number(cell.high)})" in row[1]
    assert "No value is better than another" in page
    assert FIRST.benchmark.digest[:12] in page


def test_the_lines_to_copy_stand_on_the_row_s_page_and_lead_to_what_they_promise(client: TestClient) -> None:
    for id_ in (FIRST.id, "hostile"):
        page = client.get("/model", params={"id": id_}).text
        copied = [unescape(x) for x in re.findall(r'data-copy="([^"]*)"', page)]
        markdown = next(x for x in copied if x.startswith("[!["))
        image, row = re.findall(r"\((http[^)]*)\)", markdown)
        html = next(x for x in copied if x.startswith("<a "))
        frame = next(x for x in copied if x.startswith("<iframe "))
        (_, link), (_, picture) = Tags(html).found
        ((_, given),) = Tags(frame).found
        assert (link["href"], picture["src"]) == (row, image)
        assert client.get(image).headers["content-type"] == "image/svg+xml"
        assert client.get(row).status_code == 200
        assert client.get(str(given["src"])).status_code == 200
        assert given["title"] == f"Value portrait of {ROWS[id_].model if id_ in ROWS else FIRST.model}"
        assert "this-board.invalid" not in page


def test_addresses_are_the_space_s_where_it_is_one(
    client: TestClient, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "badge.svg" not in model_card(site, FIRST)
    monkeypatch.setenv("SPACE_HOST", "org-board.hf.space")
    page = client.get("/model", params={"id": FIRST.id}).text
    assert f"(https://org-board.hf.space/chart/badge.svg?id={FIRST.id})" in page
    assert f"(https://org-board.hf.space/chart/badge.svg?id={FIRST.id})" in model_card(site, FIRST)


def test_without_an_address_the_lines_say_that_one_is_missing(client: TestClient) -> None:
    page = client.get("/model", params={"id": FIRST.id}, headers={"Host": "no host"}).text
    assert "https://ADDRESS-OF-THIS-BOARD/embed?" in page
    assert len(lines_to_copy(FIRST)) == 3
