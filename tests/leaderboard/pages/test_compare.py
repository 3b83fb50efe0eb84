"""The Compare page: figures as in `leaderboard.analysis.comparison`, items as in a slow loop, words true."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

from data.people.item_means import PUBLISHED as MEANS
from data.sources.key_file import read_key
from data.sources.practice import practice_benchmark
from data.values import BY_NAME, DIMENSIONS, HIGHER, VALUES
from eval_queue.queue.queue import Queue
from eval_queue.records import Result
from eval_queue.store.collection import encode
from eval_queue.store.local import EMPTY_HEAD, LocalStore, StoreUnavailable
from leaderboard.analysis.comparison import compare as compared
from leaderboard.analysis.ranks import resample
from leaderboard.boards.results import PUBLISHED, load
from leaderboard.charts.comparison import STROKES, Line, Moment, Panel, overlay, reach, sheet_over_time
from leaderboard.charts.portrait import number, true_minus
from leaderboard.exports.routes import routes
from leaderboard.pages.compare import page as compare
from leaderboard.pages.compare.data import ITEMS, MOST, parse
from leaderboard.site.site import Site
from leaderboard.web.document import Volatile, document
from tests.leaderboard.pages.test_model import answers_table_of
from tests.support.html import statuses
from tests.support.odd_models import HALF, ONE_PHRASE, ORDINARY, odd_rows
from tests.support.rows import result

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<img src=x onerror=alert(1)></pre><script>alert(2)</script>"
PRACTICE = practice_benchmark()
ROWS = {r.model: r for r in load(PUBLISHED).results}
FIVE = ("o1-mini-2024-09-12", "gpt-4o-2024-05-13", "qwq-32b", "qwen-turbo", "llama-3.1-8b-instruct")


def make_site(tmp_path: Path, *rows: Result, answers: dict[str, bytes] | None = None) -> Site:
    store = LocalStore(tmp_path / "store")
    files = {f"results/{r.id}.json": encode(r) for r in rows}
    files |= {f"answers/{id_}.parquet": table for id_, table in (answers or {}).items()}
    if files:
        store.commit(files, EMPTY_HEAD, "rows for tests")
    queue = Queue(store, store, lease=timedelta(minutes=2))
    return Site(PRACTICE, PRACTICE, queue, (), quota=2, scheduler_seconds=None)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path)


def ask(*ids: str, **fields: str) -> QueryParams:
    return QueryParams([*(("id", id_) for id_ in ids), *fields.items()])


def shipped_means(model: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """A second way to the mean ratings: the shipped file of means, not the single answers."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(MEANS)
    of = table.filter(pc.equal(table["model"], model)).to_pydict()
    at = {
        (q, o): np.nan if m is None else m
        for q, o, m in zip(of["portrait_id"], of["option_id"], of["mean"], strict=True)
    }
    return np.array([at[q, o] for q, o in read_key().ids.tolist()])


@pytest.mark.parametrize("scale", ["pvq", "higher_pvq", "bfi"])
def test_every_pair_is_what_compare_says(site: Site, scale: str) -> None:
    found = compare.data(site, ask(*FIVE, scale=scale))
    key = read_key()
    sample = resample(np.array([shipped_means(m) for m in FIVE]), key.selected, key.query_index)
    assert [(p.first, p.second) for p in found.pairs] == list(combinations([ROWS[m].id for m in FIVE], 2))
    for p, (i, j) in zip(found.pairs, combinations(range(len(FIVE)), 2), strict=True):
        both = [j, i]
        expected = compared(
            (FIVE[j], FIVE[i]), sample.point[both], sample.draws[:, both], sample.clusters[both], found.choice.scale
        )
        assert p.line == true_minus(expected.line)
        assert p.p_overall == pytest.approx(expected.p_overall, abs=1e-9)
        assert list(p.differences) == [d.dimension for d in expected.differences]
        for d in expected.differences:
            mine = p.differences[d.dimension]
            assert (mine.difference, mine.low, mine.high, mine.p_adjusted) == pytest.approx(d[1:4] + d[5:], abs=1e-9)
            assert mine.separates == d.separates


def test_a_pair_does_not_depend_on_who_else_is_there(site: Site) -> None:
    two = compare.data(site, ask(FIVE[1], FIVE[3])).pairs[0]
    five = next(
        p for p in compare.data(site, ask(*FIVE)).pairs if (p.first, p.second) == (ROWS[FIVE[1]].id, ROWS[FIVE[3]].id)
    )
    assert two == five


def test_differences_are_those_of_the_scores_shown(site: Site) -> None:
    found = compare.data(site, ask(FIVE[0], FIVE[1]))
    for name, d in found.pairs[0].differences.items():
        one, other = (m.scores[name].score for m in found.members)
        assert one is not None
        assert other is not None
        assert d.difference == pytest.approx(other - one, abs=1e-9)


@pytest.mark.parametrize("value", ["", "Benevolence", "Neuroticism"])
def test_items_are_those_of_a_slow_loop(site: Site, value: str) -> None:
    models = FIVE[:3]
    found = compare.data(site, ask(*models, value=value, items="20"))
    key, means = read_key(), {m: shipped_means(m) for m in models}
    apart = {}
    for i, (q, o) in enumerate(key.ids.tolist()):
        each = [float(means[m][i]) for m in models]
        if value and not key.selected[i, list(BY_NAME).index(value)]:
            continue
        if not any(np.isnan(each)) and max(each) > min(each):
            apart[q, o] = max(each) - min(each)
    expected = sorted(apart, key=lambda item: -apart[item])[:20]
    assert [(d.answers[0].query_id, d.answers[0].option_id) for d in found.items] == expected
    for d in found.items:
        item = (d.answers[0].query_id, d.answers[0].option_id)
        assert d.apart == pytest.approx(apart[item])
        for m, a in zip(models, d.answers, strict=True):
            assert a.mean == pytest.approx(means[m][key.item_index[item]])
            assert len(a.given) == 6
            assert a.source == key.sources[key.item_index[item]]


def test_rows_may_be_called_by_name_or_id_in_the_order_of_the_address(site: Site) -> None:
    a, b = FIVE[:2]
    assert [m.model for m in compare.data(site, ask(b, ROWS[a].id, b)).members] == [b, a]
    assert [m.model for m in compare.data(site, ask(a, "", b)).members] == [a, b]


def test_a_sixth_row_is_left_out_and_named(site: Site) -> None:
    found = compare.data(site, ask(*FIVE, "mistral-tiny"))
    assert len(found.members) == MOST
    assert any("mistral-tiny left out" in said for said in found.omitted)
    assert "mistral-tiny left out" in compare.content(site, ask(*FIVE, "mistral-tiny"))


def test_a_series_is_in_order_of_time(site: Site) -> None:
    found = compare.data(site, ask(series="gpt-4o"))
    assert [m.released for m in found.releases] == [date(2024, 5, 13), date(2024, 8, 6), date(2024, 11, 20)]
    assert [m.id for m in found.members] == [m.id for m in found.releases]
    shown = compare.panels(found)
    assert [p.dimension for p in shown] == list(VALUES)
    for p in shown:
        for moment, m in zip(p.moments, found.releases, strict=True):
            assert (moment.released, moment.score) == (m.released, m.scores[p.dimension.name].score)
            assert moment.score == ROWS[m.model].scales["pvq"].dimensions[p.dimension.name].score
    assert [(s.name, s.releases) for s in found.series] == [("gpt-4o", 3)]
    page = compare.content(site, ask(series="gpt-4o"))
    assert page.count("vp-panel-chart") == len(VALUES)
    assert re.search(r"<h\d[^>]*>[^<]*gpt-4o", page)


def test_series_are_offered_only_with_two_dates_on_one_table(tmp_path: Path) -> None:
    more = [
        result("x-2025-01-01", id="x1"),
        result("x-2025-02-01", id="x2", digest="b" * 64),
        result("y-2025-01-01", id="y1"),
        result("y-2025-01-01", id="y2"),
        result("z-2025-01-01", id="z1"),
        result("z-2025-03-01", id="z2"),
    ]
    site = make_site(tmp_path, *more)
    assert [s.name for s in compare.data(site, ask()).series] == ["gpt-4o", "z"]
    nothing = compare.data(site, ask(series="x"))
    assert (nothing.members, nothing.releases) == ([], [])
    assert "no two dated releases of x" in nothing.omitted[0]


def test_rows_of_another_board_are_named_with_the_reason(tmp_path: Path) -> None:
    first = ROWS[FIVE[0]]
    other = {"digest": first.benchmark.digest, "protocol": first.protocol}
    site = make_site(
        tmp_path,
        result("elsewhere", id="e"),
        result("chooses", id="c", **{**other, "protocol": "1-constrained"}, answer_mode="constrained"),
        result("plays", id="p", **other, persona="gender/female"),
    )
    found = compare.data(site, ask(FIVE[0], "e", "c", "p", "nobody"))
    assert [m.model for m in found.members] == [FIVE[0]]
    said = " ".join(found.omitted)
    for words in ("different benchmarks", "six phrases", "persona gender/female", "There is no row nobody"):
        assert words in said
    assert found.pairs == []
    left_out, more = statuses(compare.content(site, ask(FIVE[0], "e")))
    assert "elsewhere" in left_out
    assert FIVE[0] in more, "with what it could be compared"


def test_two_rows_of_one_name_are_told_apart(tmp_path: Path) -> None:
    rows = [
        r.model_copy(update={"id": id_, "model": "org/same", "created": datetime(2026, 11, day, tzinfo=UTC)})
        for r, id_, day in zip(odd_rows(PRACTICE)[-1:] * 2, ("one", "two"), (1, 9), strict=True)
    ]
    site = make_site(tmp_path, *rows, answers={r.id: answers_table_of(PRACTICE, 4) for r in rows})
    found = compare.data(site, ask("one", "two"))
    assert "org/same (2026-11-01)" in found.pairs[0].line
    assert "org/same (2026-11-09)" in found.pairs[0].line
    assert "choose one by its id" in compare.data(site, ask("org/same")).omitted[0]


def test_equal_answers_differ_in_nothing(tmp_path: Path) -> None:
    rows = [r for r in odd_rows(PRACTICE) if r.model in (ORDINARY, HALF)]
    site = make_site(tmp_path, *rows, answers={r.id: answers_table_of(PRACTICE, 4) for r in rows})
    found = compare.data(site, ask(*(r.id for r in rows)))
    assert found.practice
    assert found.items == []
    assert all(d.difference == 0 for d in found.pairs[0].differences.values())
    practice, incomplete, flat, nothing = statuses(compare.content(site, ask(*(r.id for r in rows))))
    assert "practice" in practice
    assert (HALF in incomplete, ORDINARY in flat) == (True, True)
    assert not [r.model for r in rows if r.model in nothing]


def test_rows_without_answers_stand_side_by_side_and_say_why_no_more(tmp_path: Path) -> None:
    rows = [r for r in odd_rows(PRACTICE) if r.model in (ORDINARY, ONE_PHRASE)]
    site = make_site(tmp_path, *rows)
    found = compare.data(site, ask(*(r.id for r in rows)))
    assert len(found.members) == 2
    assert found.pairs == []
    assert "No raw answers are stored" in found.problem
    assert "is flat" in compare.content(site, ask(*(r.id for r in rows)))


def test_a_store_that_is_away_is_said_and_not_remembered(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(site.row_answers, "_table", away)
    page = compare.content(site, ask(*FIVE[:2]))
    assert "cannot be reached now" in page
    assert isinstance(page, Volatile)


def test_hostile_names_and_addresses_are_inert(tmp_path: Path) -> None:
    rows = [
        r.model_copy(update={"id": id_, "model": f"{HOSTILE}{id_}-2026-01-0{n}", "developer": HOSTILE})
        for n, (r, id_) in enumerate(zip(odd_rows(PRACTICE)[-1:] * 2, "ab", strict=True), start=1)
    ]
    texts = [answers_table_of(PRACTICE, rating, HOSTILE) for rating in (4, 5)]
    site = make_site(tmp_path, *rows, answers=dict(zip("ab", texts, strict=True)))
    pages = [
        compare.content(site, query)
        for query in (
            ask("a", "b"),
            ask(HOSTILE, "a"),
            ask("a", "b", value=HOSTILE, scale=HOSTILE, items=HOSTILE),
            ask(series=HOSTILE),
        )
    ]
    assert "&lt;img src=x" in pages[0]
    for page in pages:
        assert "<script" not in page
        assert "<img" not in page
    drawn = overlay(compare.lines(compare.data(site, ask("a", "b"))))
    assert "<img" not in drawn
    assert "&lt;img" in drawn


def test_wrong_fields_count_as_not_given_but_for_a_value() -> None:
    choice = parse(QueryParams("scale=x&value=y&items=0&series= &id= &id=a&id=a&id=%20b"))
    assert (choice.scale, choice.value, choice.items, choice.series, choice.ids) == ("pvq", "y", 1, "", ["a", "b"])
    assert parse(QueryParams("items=99999")).items == ITEMS
    assert parse(QueryParams("items=²")).items == ITEMS


def test_an_address_made_by_the_page_shows_the_same_rows(site: Site) -> None:
    found = compare.data(site, ask(*FIVE[:3], scale="bfi", value="Power", items="20"))
    again = compare.data(site, QueryParams(compare.address(found)))
    assert again == found.model_copy(update={"choice": again.choice})
    assert (again.choice.scale, again.choice.value, again.choice.items) == ("bfi", "Power", 20)
    turned = compare.data(site, QueryParams(compare.address(found, first=found.members[2].id)))
    assert [m.model for m in turned.members] == [FIVE[2], FIVE[0], FIVE[1]]
    fewer = compare.data(site, QueryParams(compare.address(found, without=found.members[1].id)))
    assert [m.model for m in fewer.members] == [FIVE[0], FIVE[2]]


def test_the_page_shows_each_difference_with_its_interval(site: Site) -> None:
    query = ask(*FIVE[:2], scale="higher_pvq")
    text = re.sub(r"<[^>]+>", "", compare.content(site, query))
    for name, d in compare.data(site, query).pairs[0].differences.items():
        assert f"{number(d.difference)} ({number(d.low)} to {number(d.high)})" in text, name
    assert len(HIGHER) == len(compare.data(site, query).pairs[0].differences)


def test_nothing_chosen_and_wrong_ids_are_said(site: Site) -> None:
    (nothing,) = statuses(document(site, compare, QueryParams("")))
    unknown, same = statuses(compare.content(site, ask("nobody")))
    assert "nobody" in unknown
    assert same == nothing


def test_the_data_of_the_page_are_json(site: Site) -> None:
    plain = json.loads(compare.data(site, ask(*FIVE[:2])).model_dump_json())
    assert [m["model"] for m in plain["members"]] == list(FIVE[:2])
    assert len(plain["items"]) == ITEMS
    assert set(plain["pairs"][0]["differences"]) == {d.name for d in VALUES}


def test_drawings_are_files_too(site: Site) -> None:
    client = TestClient(Starlette(routes=routes(site)))
    circle = client.get(f"/chart/compare.svg?{ask(*FIVE[:2])}")
    assert circle.headers["content-type"].startswith("image/svg+xml")
    assert circle.text.count("stroke-linejoin") == 2
    assert f">{FIVE[1]}</text>" in circle.text
    # the order of the rows matters: the first one has the first line
    assert client.get(f"/chart/compare.svg?{ask(FIVE[1], FIVE[0])}").text != circle.text
    assert client.get("/chart/series.svg", params={"series": "gpt-4o"}).text.count("<polyline") == len(VALUES)
    assert client.get("/chart/series.svg", params={"series": "nothing"}).status_code == 400
    assert client.get("/chart/compare.svg").status_code == 404


@pytest.mark.parametrize("scale", ["pvq", "bfi"])
@pytest.mark.parametrize("n", [2, 4])
def test_the_differences_are_drawn_as_the_page_has_them(site: Site, scale: str, n: int) -> None:
    client = TestClient(Starlette(routes=routes(site)))
    found = compare.data(site, ask(*FIVE[:n], scale=scale))
    drawn = ElementTree.fromstring(client.get(f"/chart/differences.svg?{ask(*FIVE[:n], scale=scale)}").text)
    told = drawn.findtext(f"{SVG}desc") or ""
    pairs = [p for p in found.pairs if p.first == found.members[0].id]
    assert len(pairs) == n - 1
    assert len(list(drawn.iter(f"{SVG}circle"))) == sum(len(p.differences) for p in pairs)
    for p in pairs:
        for name, d in p.differences.items():
            label = name if n == 2 else FIVE[[m.id for m in found.members].index(p.second)]
            said = f"{label} Difference {number(d.difference)}, 95 % interval {number(d.low)} to {number(d.high)}"
            assert said in told
    assert client.get("/chart/differences.svg").status_code == 404


def test_the_numbers_of_drawings_are_tables(site: Site) -> None:
    client = TestClient(Starlette(routes=routes(site)))
    table = client.get(f"/chart/differences.csv?{ask(*FIVE[:3])}")
    assert table.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    found = compare.data(site, ask(*FIVE[:3]))
    assert len(rows) == 3 * len(VALUES)
    expected = [(pair, name) for pair in found.pairs for name in pair.differences]
    for row, (pair, name) in zip(rows, expected, strict=True):
        assert (row["first_id"], row["second_id"], row["dimension"]) == (pair.first, pair.second, name)
        assert float(row["low"]) == pair.differences[name].low
    releases = list(csv.DictReader(io.StringIO(client.get("/chart/series.csv?series=gpt-4o").text)))
    assert [r["released"] for r in releases[:: len(VALUES)]] == ["2024-05-13", "2024-08-06", "2024-11-20"]
    assert client.get("/chart/compare.csv").status_code == 404


def test_a_name_is_no_formula_in_a_spreadsheet(tmp_path: Path) -> None:
    rows = [
        r.model_copy(update={"id": id_, "model": f"=cmd|{id_}"})
        for r, id_ in zip(odd_rows(PRACTICE)[-1:] * 2, "ab", strict=True)
    ]
    answers = {id_: answers_table_of(PRACTICE, n) for n, id_ in enumerate("ab", start=3)}
    client = TestClient(Starlette(routes=routes(make_site(tmp_path, *rows, answers=answers))))
    for row in csv.DictReader(io.StringIO(client.get("/chart/compare.csv?id=a&id=b").text)):
        assert row["first"] == "'=cmd|a"


def test_lines_are_told_apart_by_dash_and_colour() -> None:
    assert len({s.dash for s in STROKES}) == len({s.colour for s in STROKES}) == MOST
    lines = [Line(f"m{i}", [0.1 * i] * 10, [None] * 10, [None] * 10) for i in range(MOST)]
    drawn = overlay(lines)
    for stroke in STROKES:
        assert drawn.count(f'style="stroke:{stroke.colour}"') == 1
        assert f'stroke-dasharray="{stroke.dash}"' in drawn
    assert "fill-opacity" not in drawn


def test_the_shared_axis_holds_every_interval() -> None:
    d = DIMENSIONS[0]
    panel = Panel(d, [Moment(date(2025, 1, 1), 0.2, -0.3, 1.26), Moment(date(2025, 2, 1), None, None, None)])
    assert reach([panel]) == 1.5
    assert reach([]) == 0.5
    assert sheet_over_time([panel], "m").count("<circle") == 1


def test_all_items_are_compared_as_the_records_say(tmp_path: Path) -> None:
    """Differences are those of the records' matches; intervals are wider than queries alone make them."""
    site = make_site(tmp_path)
    rows = [r for r in site.published.results if r.model in ("gpt-4o-2024-08-06", "claude-3-opus-20240229")]
    query = QueryParams([*(("id", r.id) for r in rows), ("reading", "all")])
    found = compare.data(site, query)
    assert not found.problem
    (pair,) = found.pairs
    by_id = {r.id: r for r in rows}
    for name, d in pair.differences.items():
        first, second = ((by_id[x].match or {})["pvq"][name] for x in (pair.first, pair.second))
        assert first.match is not None
        assert second.match is not None
        assert d.difference == pytest.approx(second.match - first.match, abs=1e-9)
        assert d.low < d.difference < d.high
    published = compare.data(site, QueryParams([("id", r.id) for r in rows]))
    assert published.choice.reading == "published"
    assert all(
        p.differences[n].difference != pair.differences[n].difference for p in published.pairs for n in p.differences
    )
    page = compare.content(site, query)
    assert "differences of matches on all items" in page
    assert "reading=all" in page
    hostile = compare.content(site, QueryParams([("id", rows[0].id), ("reading", "<script>")]))
    assert "<script" not in hostile
