"""Values, dates, alike and news: their figures are those of the records, and what visitors wrote stays text."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.people.norms import READINGS, Reading
from data.people.templates import template_match
from data.sources.key_file import read_key
from data.sources.practice import practice_benchmark
from data.values import BIG_FIVE, BY_NAME, DIMENSIONS, VALUES
from eval_queue.queue.queue import Queue
from eval_queue.records import Result
from eval_queue.settings import Endpoint
from eval_queue.store.collection import encode
from eval_queue.store.local import EMPTY_HEAD, LocalStore
from eval_queue.submission import BenchmarkRef, new_submission
from leaderboard.analysis.associations import overlap
from leaderboard.boards.readings import read_columns
from leaderboard.charts.portrait import number
from leaderboard.charts.validity import two_digits
from leaderboard.exports import routes as files
from leaderboard.pages.alike import page as alike
from leaderboard.pages.dates import page as dates
from leaderboard.pages.news import feed
from leaderboard.pages.value import page as value
from leaderboard.pages.value.data import value_data
from leaderboard.site import news
from leaderboard.site.news import versions
from leaderboard.site.site import Site
from leaderboard.ui import READ
from leaderboard.vocabulary.meanings import MEANINGS, SOURCES
from leaderboard.web import document
from tests.support.html import words
from tests.support.rows import result

HOSTILE = "<script>alert(1)</script>"
ATOM = "{http://www.w3.org/2005/Atom}"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    practice = practice_benchmark()
    store = LocalStore(tmp_path_factory.mktemp("new") / "store")
    queue = Queue(store, store, lease=timedelta(minutes=2))
    plain = Site(practice, practice, queue, (), quota=2, scheduler_seconds=None)
    first = plain.published.results[0]
    hostile = result(
        HOSTILE,
        (0.3,) * 10,
        id="hostile",
        developer=HOSTILE,
        origin="self-reported",
        digest=first.benchmark.digest,
        protocol=first.protocol,
        created=datetime(2026, 11, 25, tzinfo=UTC),
        parameters=7_000_000_000,
        half=0.2,
    )
    store.commit({"results/hostile.json": encode(hostile)}, EMPTY_HEAD, "a row")
    for reading in READINGS:
        plain.relations.of(plain.boards()[0], reading)  # what pages would wait for
    return plain


@pytest.fixture(scope="module")
def client(site: Site) -> TestClient:
    every = [*feed.routes(site), *files.routes(site), *document.routes(site, READ)]
    return TestClient(Starlette(routes=every), base_url="http://board.example", raise_server_exceptions=False)


def rows_of(client: TestClient, address: str) -> list[dict[str, str]]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def published(site: Site) -> tuple[Result, ...]:
    return site.published.results


# --- a value's page -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [d.name for d in DIMENSIONS])
def test_each_dimension_has_a_page_with_all_models_by_name(site: Site, client: TestClient, name: str) -> None:
    html = client.get("/value", params={"name": name}).text
    d = BY_NAME[name]
    assert unescape(html).count(MEANINGS[name]) >= 1
    assert len(re.findall(r"[.!?](?:\s|$)", MEANINGS[name])) == 2
    assert SOURCES[d.scale].address in html
    row = r'<th scope="row"><a href="model\?id=[^"]*">(.*?)</a></th><td>.*?<td class="vp-fig">(.*?)<'
    shown = re.findall(row, html)
    board = site.boards()[0].results
    assert [unescape(n) for n, _ in shown] == [r.model for r in sorted(board, key=lambda r: r.model.casefold())]
    scores = {r.model: r.scales[d.scale].dimensions[name].score for r in board}
    assert [s.strip() for _, s in shown] == [number(scores[unescape(n)]) for n, _ in shown]


def test_no_order_is_by_the_score(site: Site, client: TestClient) -> None:
    plain = client.get("/value?name=Power").text
    scored = client.get("/value?name=Power&sort=score").text
    assert re.subn(r'<p class="vp-notice" role="status">sort: there is no [^<]*</p>', "", scored) == (plain, 1)
    for sort in ("date", "size", "developer"):
        found = value_data(site, BY_NAME["Power"], site.boards()[0], sort)
        keys = [(r.released, r.billions, r.developer)[("date", "size", "developer").index(sort)] for r in found.rows]
        there = [k.casefold() if isinstance(k, str) else k for k in keys if k is not None]
        assert there == sorted(there)  # type: ignore[type-var]
        assert keys[len(there) :] == [None] * (len(keys) - len(there))  # unknown ones stand last
    assert not re.search(r"\b(winner|best|top model|leader)\b", plain.replace("leaderboard", ""), re.IGNORECASE)


def test_the_responses_that_count_are_those_of_the_key_with_what_the_models_answered(
    site: Site, client: TestClient
) -> None:
    key = read_key()
    board = site.boards()[0]
    means = site.row_answers.means(board).means
    assert len(means) == 33
    each = np.array(list(means.values()))
    found = value_data(site, BY_NAME["Tradition"], board, "name")
    at = np.flatnonzero(key.selected[:, [d.name for d in DIMENSIONS].index("Tradition")])
    assert {i.name for i in found.items} == {"-".join(map(str, key.ids[a])) for a in at}
    for a in at:
        item = next(i for i in found.items if i.name == "-".join(map(str, key.ids[a])))
        assert item.models == pytest.approx(np.nanmean(each[:, a]))
        assert (item.lowest, item.highest) == pytest.approx((np.nanmin(each[:, a]), np.nanmax(each[:, a])))
        assert item.rows == 33
        assert item.text is None  # the published benchmark is not at hand here
    assert "its texts and correlations are not loaded" in words(client.get("/value?name=Tradition").text)


def test_texts_are_shown_where_the_benchmark_is_at_hand(tmp_path: Path) -> None:
    practice = practice_benchmark()
    store = LocalStore(tmp_path / "store")
    run = result("try", id="try", digest=practice.digest, name="practice", origin="space")
    store.commit({"results/try.json": encode(run)}, EMPTY_HEAD, "a row")
    own = Site(practice, practice, Queue(store, store, lease=timedelta(1)), (), quota=2, scheduler_seconds=None)
    board = next(b for b in own.boards() if b.practice)
    found = value_data(own, BY_NAME["Power"], board, "name")
    column = [d.name for d in DIMENSIONS].index("Power")
    assert found.texts
    assert [i.rho for i in found.items] == sorted((i.rho for i in found.items), reverse=True)  # type: ignore[type-var]
    for i in found.items:
        at = practice.item_index[tuple(map(int, i.name.split("-")))]  # type: ignore[index]
        assert (i.text, i.rho) == (practice.items[at].text, pytest.approx(practice.key.rho[at, column]))
        assert i.models is None
    assert found.raters is None
    html = value.content(own, {"name": "Power", "table": board.key.slug})
    assert "Practice items mean nothing" in html


def test_the_raters_stand_behind_the_ten_values_only(site: Site) -> None:
    board, raters = site.boards()[0], site.reference.raters
    for i, d in enumerate(VALUES):
        found = value_data(site, d, board, "name").raters
        assert found is not None
        assert found.mean == pytest.approx(raters.vp_human_centred[i])
        assert found.sd == pytest.approx(raters.pvq_sd[i] * 0.52)
    assert value_data(site, BY_NAME["Openness"], board, "name").raters is None


def test_the_column_carries_what_the_validity_report_says(site: Site, client: TestClient) -> None:
    from data.sources.published_validity import read_validation

    report = read_validation()
    assert report is not None
    for d in DIMENSIONS:
        html = client.get("/value", params={"name": d.name}).text
        v = report.dimensions[d.name]
        assert f"<dd>{v.items}, where chance gives {v.null_mean:.1f} on average" in html
        assert ("No more responses count than chance alone would select" in words(html)) == (v.p >= 0.05)


def test_neighbours_are_those_of_the_board(site: Site, client: TestClient) -> None:
    relations = site.relations.of(site.boards()[0])
    assert relations is not None
    given = rows_of(client, "/chart/neighbours.csv?name=Benevolence")
    expected = relations.associations["Benevolence"]
    assert [(r["dimension"], float(r["r"])) for r in given] == [(a.dimension, pytest.approx(a.r)) for a in expected]
    html = client.get("/value?name=Benevolence").text
    for a in expected:
        assert f"{number(a.r)} <span" in html


def test_an_unknown_value_is_not_there(client: TestClient) -> None:
    for name in ("Nope", HOSTILE, "benevolence"):
        answer = client.get("/value", params={"name": name})
        assert answer.status_code == 404
        assert HOSTILE not in answer.text
        assert "value?name=Benevolence" in answer.text  # and what there is
    assert client.get("/value").status_code == 200
    assert client.get("/chart/value.svg?name=Nope").status_code == 404


def test_a_value_s_page_and_files_follow_the_reading(site: Site, client: TestClient) -> None:
    address = {"name": "Power", "reading": "all"}
    html = client.get("/value", params=address).text
    matches = {r.id: r.match["pvq"]["Power"] for r in published(site) if r.match}
    for m in matches.values():
        assert f'{number(m.match)} <span class="vp-small">({number(m.low)} to {number(m.high)})' in html
    given = {r["id"]: r for r in rows_of(client, "/chart/value.csv?name=Power&reading=all")}
    for id_, m in matches.items():
        assert given[id_]["reading"] == "match"
        assert [float(given[id_][name]) for name in ("score", "low", "high")] == pytest.approx([m.match, m.low, m.high])
    assert given["hostile"]["score"] == "", "it has no match"
    assert "match on all items" in client.get("/chart/value.svg", params=address).text
    # what stands beside it is of the same reading, and links keep it
    relations = site.relations.of(site.boards()[0], "match")
    assert relations is not None
    near = rows_of(client, "/chart/neighbours.csv?name=Power&reading=all")
    expected = relations.associations["Power"]
    assert [(r["dimension"], float(r["r"])) for r in near] == [(a.dimension, pytest.approx(a.r)) for a in expected]
    assert [float(r["chance"]) for r in near] == pytest.approx([a.chance for a in expected])
    assert "value?name=Hedonism&amp;reading=all" in html
    columns = read_columns(site.boards()[0].key.digest)
    assert columns is not None
    for reading, query in (("published", {"name": "Hedonism"}), ("match", {"name": "Hedonism", "reading": "all"})):
        found = columns.columns[reading]["Hedonism"]  # type: ignore[index]
        page = words(client.get("/value", params=query).text)
        interval = f"{two_digits(found.queries_low)} to {two_digits(found.queries_high)}"
        assert f"{two_digits(found.queries)} ({interval}) over halves of the queries" in page
        assert "It cannot tell these models apart" in page
    assert client.get("/chart/value.csv?name=Power&reading=both").status_code == 400


def test_the_largest_loadings_are_listed_where_all_responses_count(site: Site) -> None:
    board = site.boards()[0]
    found = value_data(site, BY_NAME["Power"], board, "name", "match")
    templates = site.templates(board.key.digest)
    assert templates is not None
    loadings = templates.loadings[:, DIMENSIONS.index(BY_NAME["Power"])]
    assert found.loaded == 520
    shown = [i.loading for i in found.items]
    assert shown == sorted(shown, key=lambda x: -(x or 0))
    assert sorted(abs(x or 0) for x in shown) == pytest.approx(sorted(abs(loadings))[-len(shown) :])
    assert min(x or 0 for x in shown) < 0 < max(x or 0 for x in shown)


def test_matches_of_models_that_rate_at_random_correlate_as_the_templates_do(site: Site) -> None:
    templates = site.templates(site.boards()[0].key.digest)
    assert templates is not None
    x = np.random.default_rng(4).normal(size=(4000, len(templates.loadings)))
    np.testing.assert_allclose(
        np.corrcoef(template_match(x, templates.loadings).T), overlap(templates.loadings), atol=0.07
    )


# --- dates ----------------------------------------------------------------------------------------------------------


def test_a_panel_has_every_dated_model_at_its_score(site: Site, client: TestClient) -> None:
    given = rows_of(client, "/chart/dates.csv")
    known = {r.model for r in published(site) if re.search(r"20\d\d-?\d\d-?\d\d", r.model)}
    assert known <= {r["model"] for r in given}
    by_row = {r.id: r for r in published(site)}
    for r in given:
        cell = by_row[r["id"]].scales["pvq"].dimensions[r["dimension"]]
        assert (float(r["score"]), float(r["low"])) == pytest.approx((cell.score, cell.low))
    html = client.get("/dates").text
    assert "Read no trend from this" in html
    for missing in ("qwen-max", "mistral-tiny"):  # aliases of several models
        assert missing in html.partition("Not shown")[2]
        assert missing not in {r["model"] for r in given}


def test_dates_follow_the_reading(site: Site, client: TestClient) -> None:
    given = rows_of(client, "/chart/dates.csv?reading=all&scale=higher_pvq")
    by_row = {r.id: r for r in published(site)}
    assert given
    for r in given:
        assert r["reading"] == "match"
        match = by_row[r["id"]].match
        assert match is not None
        cell = match["higher_pvq"][r["dimension"]]
        assert [float(r[name]) for name in ("score", "low", "high")] == pytest.approx([cell.match, cell.low, cell.high])
    assert "matches on all items" in client.get("/chart/dates.svg?reading=all").text
    html = client.get("/dates?reading=all&family=gpt-4o").text
    assert "reading=all" in html.partition("chart/dates.csv?")[2][:60]
    assert 'name="reading" value="all"' in html
    assert client.get("/chart/dates.csv?reading=x").status_code == 400


def test_sizes_are_those_of_records_and_names_only(site: Site) -> None:
    found = dates.data(site, {"along": "size", "scale": "bfi"})
    sizes = {p.result.model: p.billions for p in found.rows}
    assert sizes[HOSTILE] == 7.0
    assert sizes["llama-3.1-405b-instruct"] == 405.0
    assert "gpt-4o-2024-05-13" not in sizes
    assert [d.name for d, _ in found.panels] == [d.name for d in BIG_FIVE]
    only = dates.data(site, {"family": "gpt-4o"})
    assert {dot.family for _, dots in only.panels for dot in dots} == {"gpt-4o"}


def test_families_are_joined_and_every_dot_has_its_interval(client: TestClient) -> None:
    root = ElementTree.fromstring(client.get("/chart/dates.svg?family=gpt-4o").content)
    panels = [e for e in root.iter(f"{SVG}svg") if e.get("class") == "vp-dates-panel"]
    assert len(panels) == 10
    for panel in panels:
        dots = list(panel.iter(f"{SVG}circle"))
        paths = [p.get("d") or "" for p in panel.iter(f"{SVG}path")]
        assert len(dots) >= 4
        assert sum("L" in p for p in paths) == 1  # the family's line
        assert sum("V" in p for p in paths) == len(dots)


# --- alike ----------------------------------------------------------------------------------------------------------


def test_cells_that_cannot_be_told_are_blank(site: Site, client: TestClient) -> None:
    found = alike.data(site, {})
    assert found.compared is not None
    n = len(found.rows)
    told = sum(p.told for p in found.pairs)
    assert 0 < told < len(found.pairs) == n * (n - 1) // 2
    root = ElementTree.fromstring(client.get("/chart/matrix.svg").content)
    filled = [e for e in root.iter(f"{SVG}rect") if e.find(f"{SVG}title") is not None]
    assert len(filled) == 2 * told
    given = rows_of(client, "/chart/matrix.csv")
    assert sum(r["told_apart"] == "true" for r in given) == told
    assert [float(r["r"]) for r in given] == sorted((float(r["r"]) for r in given), reverse=True)


def test_the_matrix_follows_the_reading(site: Site, client: TestClient) -> None:
    relations = site.relations.of(site.boards()[0], "match")
    assert relations is not None
    assert relations.pairs is not None
    given = rows_of(client, "/chart/matrix.csv?reading=all")
    at = {id_: i for i, id_ in enumerate(relations.ids)}
    assert {r["reading"] for r in given} == {"match"}
    for r in given:
        i, j = at[r["first_id"]], at[r["second_id"]]
        assert float(r["r"]) == pytest.approx(relations.pairs.r[i, j])
        assert (r["told_apart"] == "true") == relations.pairs.told_apart[i, j]
    html = client.get("/alike?reading=all").text
    assert "the people behind the templates" in words(html)
    assert "chart/matrix.csv?table=" in html
    assert "reading=all" in html.partition("chart/matrix.csv?")[2][:80]
    assert "over ten matches on all items" in client.get("/chart/matrix.svg?reading=all").text
    published_ = rows_of(client, "/chart/matrix.csv")
    assert {r["reading"] for r in published_} == {"published"}


@pytest.mark.parametrize("reading", READINGS)
def test_the_model_page_names_only_rows_that_are_surely_alike(site: Site, client: TestClient, reading: Reading) -> None:
    relations = site.relations.of(site.boards()[0], reading)
    assert relations is not None
    assert relations.pairs is not None
    names = {r.id: r.model for r in site.results()}
    seen = set()
    for at, id_ in enumerate(relations.ids):
        html = client.get("/model", params={"id": id_}).text
        both = (
            html.partition("Rows most like this one")[2].partition("</section>")[0].partition("<b>With all items</b>")
        )
        part = both[0] if reading == "published" else both[2]
        like = [names[relations.ids[i]] for i in relations.pairs.most_like(at)]
        assert re.findall(r'<li><a href="model\?id=[^"]*">(.*?)</a>', part) == like
        seen.add(bool(like))
    assert seen == {True, False}
    assert "Not available: its individual answers are not available here" in client.get("/model?id=hostile").text


# --- news -----------------------------------------------------------------------------------------------------------


def test_news_are_the_records_and_the_versions(site: Site, client: TestClient) -> None:
    found = news.news(site)
    assert [n.when for n in found] == sorted((n.when for n in found), reverse=True)
    assert {n.key for n in found if n.kind == "row"} == {"row/hostile"}
    assert [n.title for n in found if n.kind == "data"] == ["33 models from released answers"]
    assert {"version/0.1.0", "version/0.2.0"} <= {n.key for n in found if n.kind == "software"}
    html = client.get("/news").text
    assert HOSTILE not in html
    assert HOSTILE in unescape(html)
    assert "New row:" not in client.get("/news?kind=software").text
    lines = next(n.words for n in versions() if n.key == "version/0.1.0")
    assert "A practice benchmark comes along that needs no download." in lines


def test_a_change_of_method_is_the_first_row_of_its_kind(tmp_path: Path) -> None:
    practice = practice_benchmark()
    store = LocalStore(tmp_path / "store")

    def row(id_: str, day: int, **more: object) -> Result:
        made = result(id_, id=id_, created=datetime(2026, 12, day, tzinfo=UTC), origin="space", **more)
        return made

    rows = [row("a", 1, reader_version="9"), row("b", 2, reader_version="10"), row("c", 3, reader_version="10")]
    store.commit({f"results/{r.id}.json": encode(r) for r in rows}, EMPTY_HEAD, "rows")
    own = Site(practice, practice, Queue(store, store, lease=timedelta(1)), (), quota=2, scheduler_seconds=None)
    found = {n.key: n for n in news.news(own) if n.kind == "method"}
    assert found["reader/10"].when.day == 2
    assert found["reader/10"].words[0].startswith("First used for b.")
    assert found["reader/9"].when.day == 1
    assert sum(k.startswith("benchmark/") for k in found) == 1  # the published one came first


def test_the_feed_is_atom_with_lasting_ids(client: TestClient) -> None:
    answer = client.get("/news.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    root = ElementTree.fromstring(answer.content)
    assert root.tag == f"{ATOM}feed"
    assert root.findtext(f"{ATOM}id") == "http://board.example/news.atom"
    entries = root.findall(f"{ATOM}entry")
    ids = [e.findtext(f"{ATOM}id") for e in entries]
    assert len(set(ids)) == len(ids) > 2
    assert "http://board.example/news.atom#row/hostile" in ids
    for e in entries:
        assert datetime.fromisoformat(e.findtext(f"{ATOM}updated") or "").tzinfo is not None
        assert e.find(f"{ATOM}link") is not None
    assert any(HOSTILE in (e.findtext(f"{ATOM}title") or "") for e in entries)
    again = client.get("/news.atom", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert client.get("/news.atom", headers={"host": "a<b"}).status_code == 400


def test_one_submission_can_be_followed(tmp_path: Path) -> None:
    practice = practice_benchmark()
    store = LocalStore(tmp_path / "store")
    queue = Queue(store, store, lease=timedelta(minutes=2))
    own = Site(practice, practice, queue, (), quota=2, scheduler_seconds=None)
    asked = Endpoint(name="test", base_url="http://127.0.0.1:9/v1")
    made = queue.submit(
        new_submission(
            "lab/model", endpoint=asked, benchmark=BenchmarkRef.of(practice), submitter="local", at=queue.clock()
        ),
        quota=5,
    )
    queue.cancel(made.id, by="local")
    answers = TestClient(Starlette(routes=feed.routes(own)), base_url="http://board.example")
    root = ElementTree.fromstring(answers.get(f"/submission.atom?id={made.id}").content)
    titles = [e.findtext(f"{ATOM}title") for e in root.findall(f"{ATOM}entry")]
    assert titles == ["lab/model: cancelled", "lab/model: pending"]
    assert answers.get("/submission.atom?id=none").status_code == 404


@pytest.mark.parametrize(
    "address", ["value?name=Power", "dates", "dates?along=size", "alike", "news", "value", "model?id=hostile"]
)
def test_what_visitors_wrote_stays_text(client: TestClient, address: str) -> None:
    answer = client.get(f"/{address}")
    assert answer.status_code == 200
    assert HOSTILE not in answer.text


DRAWINGS = (
    "value.svg?name=Power",
    "neighbours.svg?name=Power",
    "neighbours.svg?name=Openness",
    "dates.svg",
    "matrix.svg",
)


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawings_as_files_need_nothing_else(client: TestClient, name: str) -> None:
    answer = client.get(f"/chart/{name}")
    assert answer.status_code == 200
    root = ElementTree.fromstring(answer.content)
    assert root.find(f"{SVG}title") is not None
    assert "href" not in answer.text
    assert HOSTILE not in answer.text
