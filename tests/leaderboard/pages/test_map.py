"""The map: every mark stands where its numbers are, regions are the bootstrap's, people are linked, names are text."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

from data.errors import InputError
from data.people.item_means import read_item_means
from data.people.reference import load_reference
from data.people.templates import template_match
from data.sources.key_file import read_key
from data.sources.practice import practice_benchmark
from data.sources.published_templates import read_published
from data.values import VALUES
from eval_queue.queue.queue import Queue
from eval_queue.records import Result
from eval_queue.scoring.stability import centred_on_ten, circumplex
from eval_queue.store.collection import encode
from eval_queue.store.local import EMPTY_HEAD, LocalStore, StoreUnavailable
from leaderboard.analysis.projection import Place, View, places
from leaderboard.analysis.ranks import resample
from leaderboard.boards.map_positions import Map, PlacedModel, Regions, bridged, build
from leaderboard.boards.results import PUBLISHED, Board, boards, load
from leaderboard.boards.row_answers import AT_ONCE, RowAnswers
from leaderboard.charts.map import map_rows, map_svg
from leaderboard.exports.tables import SHEETS
from leaderboard.pages.map import page as map_page
from leaderboard.site.site import Site
from leaderboard.ui import READ
from leaderboard.web.document import Volatile, routes
from tests.support.rows import result, stored

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<img src=x onerror=alert(1)>"&'
ROWS = load(PUBLISHED).results
VIEWS: tuple[View, ...] = ("circle", "plane")


def nobody(_: Result) -> bool:
    return False


def everybody(_: Result) -> bool:
    return True


def unasked(_: Result) -> pa.Table:
    raise AssertionError("no stored answers are needed")


@pytest.fixture(scope="module")
def board() -> Board:
    return boards(ROWS)[0]


@pytest.fixture(scope="module")
def regions() -> Regions:
    return Regions(lambda _: read_key(), RowAnswers(lambda _: read_key(), unasked))


def whole(board: Board, regions: Regions, view: View, **more: Any) -> Map:
    return build(board, view, more.get("highlighted", nobody), regions.of(board)[0], load_reference())


def site_of(tmp_path: Path, rows: list[Result]) -> Site:
    practice = practice_benchmark()
    store = LocalStore(tmp_path / "store")
    if rows:
        store.commit({f"results/{r.id}.json": encode(r) for r in rows}, EMPTY_HEAD, "rows for tests")
    return Site(
        practice, practice, Queue(store, store, lease=timedelta(minutes=2)), (), quota=2, scheduler_seconds=None
    )


def dots(svg: str) -> dict[str, tuple[float, float, float]]:
    """Place and size of each row's dot, by id."""
    found = {}
    for link in ElementTree.fromstring(svg).iter(f"{SVG}a"):
        circle = link.find(f"{SVG}circle")
        assert circle is not None
        found[link.attrib["data-row"]] = tuple(float(circle.attrib[a]) for a in ("cx", "cy", "r"))
    return found  # type: ignore[return-value]


# --- numbers --------------------------------------------------------------------------------------------------------


def test_every_released_row_is_placed_where_its_record_says(board: Board, regions: Regions) -> None:
    shown = whole(board, regions, "circle")
    assert [m.id for m in shown.models] == [r.id for r in board.results]
    for m, r in zip(shown.models, board.results, strict=True):
        assert r.circumplex is not None
        assert r.centred10 is not None
        assert m.angle is not None
        assert m.fit is not None
        assert (m.angle.value, m.angle.low, m.angle.high) == pytest.approx(
            (r.circumplex.angle, r.circumplex.angle_low, r.circumplex.angle_high), abs=1e-6
        )
        assert m.fit.value == pytest.approx(r.circumplex.fit, abs=1e-9)
        assert m.place.angle == pytest.approx(m.angle.value, abs=1e-6)
        assert m.muted == (r.flat or not r.complete)
        ten = np.array([r.centred10[v.name].score for v in VALUES], dtype=float)
        assert 5 * m.length.value**2 == pytest.approx(m.fit.value * (ten @ ten), abs=1e-9)
        assert m.length.low is not None
        assert m.length.high is not None
        assert m.length.low < m.length.high
    assert shown.unsure == 0
    assert shown.not_placed == ()


def test_by_matches_rows_are_placed_by_their_matches_without_people(board: Board) -> None:
    key = read_key()
    templates = read_published(key)
    assert templates is not None
    regions = Regions(lambda _: key, RowAnswers(lambda _: key, unasked), lambda _: templates)
    sure, finished = regions.of(board, reading="match")
    assert finished
    means = read_item_means(key)
    assert means is not None
    for view in VIEWS:
        shown = build(board, view, nobody, sure, load_reference(), "match", templates)
        assert shown.people == shown.contrasts == ()
        assert shown.reading == "match"
        for m, r in zip(shown.models, board.results, strict=True):
            assert r.match is not None
            ten = np.array([r.match["pvq"][v.name].match for v in VALUES], dtype=float)
            at = places(ten - ten.mean(), view)
            assert (m.x.value, m.y.value) == pytest.approx(tuple(at), abs=1e-9)
            assert m.length.low is not None
            assert m.fit is not None
            assert m.angle is not None
            assert m.angle.low is not None
            assert m.fit.low is not None
            assert m.fit.high is not None
            assert m.fit.low <= m.fit.high
            assert m.angle.low <= m.angle.value <= (m.angle.high or 0) + 1e-9 or not m.directed
    # models that rate at random: what a wave explains of their matches is what the map says
    x = np.random.default_rng(3).normal(size=(3000, len(key.ids)))
    fit, _ = circumplex(centred_on_ten(template_match(x, templates.loadings)))
    assert shown.fit_by_chance == pytest.approx(fit.mean(), abs=0.03)
    assert shown.fit_by_chance > 0.4, "far above the 22 % of unrelated numbers"


def test_the_map_page_and_its_files_follow_the_reading(tmp_path: Path) -> None:
    site = site_of(tmp_path, [])
    html = map_page.content(site, {"reading": "all"})
    assert "Read with all items" in html
    assert "chart/map.csv?view=circle&amp;reading=all" in html
    assert '<option value="all" selected>' in html
    assert "Read with all items" not in map_page.content(site, {})
    rows = SHEETS["map"](site, QueryParams({"reading": "all"})).rows
    assert {r["reading"] for r in rows} == {"match"}
    assert {r["kind"] for r in rows} == {"model"}
    assert map_page.problems(site, {"reading": "both"})


@pytest.mark.parametrize("view", VIEWS)
def test_regions_are_those_of_the_rank_tables_draws(board: Board, regions: Regions, view: View) -> None:
    key = read_key()
    means = read_item_means(key)
    assert means is not None
    rows = [means.models.index(r.model) for r in board.results[:3]]
    draws = places(resample(means.means[rows], key.selected, key.query_index).draws[..., :10], view)
    shown = whole(board, regions, view)
    for m, model in enumerate(shown.models[:3]):
        low, high = np.percentile(draws[:, m], [2.5, 97.5], axis=0)
        assert [model.x.low, model.y.low] == pytest.approx(low, abs=1e-9)
        assert [model.x.high, model.y.high] == pytest.approx(high, abs=1e-9)
        covariance = np.cov(draws[:, m], rowvar=False)
        assert model.region is not None
        axes = np.sqrt(np.linalg.eigvalsh(covariance) * -2 * math.log(0.05))
        assert [model.region.minor, model.region.major] == pytest.approx(axes, abs=1e-9)


@pytest.mark.parametrize("view", VIEWS)
def test_a_place_does_not_depend_on_who_else_is_there(board: Board, regions: Regions, view: View) -> None:
    everyone = {m.id: m for m in whole(board, regions, view).models}
    alone = boards(board.results[4:5])[0]
    fresh = Regions(lambda _: read_key(), RowAnswers(lambda _: read_key(), unasked))
    (one,) = build(alone, view, nobody, fresh.of(alone)[0], None).models
    other = everyone[one.id]
    assert one.place == pytest.approx(other.place, abs=1e-12)
    assert one.x.low == pytest.approx(other.x.low, abs=1e-9)


def test_people_are_linked_and_the_raters_stand_on_both_instruments(board: Board, regions: Regions) -> None:
    reference = load_reference()
    shown = whole(board, regions, "plane")
    by_id = {p.id: p for p in shown.people}
    p = places(reference.raters.vp_human_centred10, "plane")
    q = places(reference.raters.pvq_human_centred10, "plane")
    assert by_id["raters"].place == pytest.approx(p)
    assert by_id["raters/pvq"].place == pytest.approx(q)
    groups = [g for g in shown.people if g.kind == "group"]
    assert len(groups) == 9
    for g in groups:
        h = places(reference.groups[g.id].mean_centred10, "plane")
        assert g.place == pytest.approx(p + 0.52 * (h - q))
        assert g.by_slope["0.52"] == pytest.approx(g.place)
        assert g.by_slope["1"] == pytest.approx(p + h - q)
        assert g.name.startswith("Europe: ")
    assert {c.toward for c in shown.contrasts} | {c.against for c in shown.contrasts} < by_id.keys()
    assert [x.kind for x in whole(board, regions, "circle").people] == ["raters"]


def test_people_stand_only_beside_models_of_the_benchmark_they_are_linked_to(board: Board) -> None:
    other = boards([result("a", (0.1,) * 9 + (0.2,))])[0]
    assert bridged(board, load_reference) is not None
    assert bridged(other, load_reference) is None
    assert bridged(None, load_reference) is None


def test_the_shares_say_what_the_plane_leaves_out(board: Board, regions: Regions) -> None:
    shares = {view: whole(board, regions, view) for view in VIEWS}
    for shown in shares.values():
        assert shown.shown_of_profiles is not None
        assert shown.shown_of_differences is not None
        assert 0.1 < shown.shown_of_profiles < 1
        assert 0.1 < shown.shown_of_differences < 1
    alone = build(boards(board.results[:1])[0], "plane", nobody, {}, None)
    assert alone.shown_of_differences is None


def test_rows_that_cannot_be_placed_are_named() -> None:
    rows = [result("whole", (0.4, *(0.0,) * 9)), result("gap", (None, *(0.1,) * 9)), result("flat")]
    shown = build(boards(rows)[0], "circle", nobody, {}, None)
    assert shown.not_placed == ("gap",)
    flat, one = shown.models
    assert (flat.name, flat.angle, flat.fit) == ("flat", None, None)
    assert one.region is None
    assert one.directed is None
    assert shown.unsure == 2


def test_a_direction_is_sure_only_where_the_ellipse_leaves_out_the_middle(board: Board, regions: Regions) -> None:
    shown = whole(board, regions, "circle")
    directed = {m.name: m.directed for m in shown.models}
    assert directed["o3-mini-2025-01-31"] is True
    assert directed["gpt-3.5-turbo"] is False


# --- reading answers ------------------------------------------------------------------------------------------------


def test_answers_are_read_once_and_a_few_at_a_time() -> None:
    asked: list[str] = []

    def answers(id_: str) -> bytes:
        asked.append(id_)
        raise InputError("no answers")

    practice = practice_benchmark()
    rows = [result(f"m{i}", id=f"m{i}", digest=practice.digest, origin="space") for i in range(AT_ONCE + 5)]
    many = boards(rows)[0]
    means = stored(answers, practice)
    first = means.means(many, first=[f"m{AT_ONCE + 4}"])
    assert not first.finished
    assert len(asked) == AT_ONCE
    assert f"m{AT_ONCE + 4}" in asked
    assert means.means(many).finished
    assert sorted(asked) == sorted(r.id for r in rows)
    assert means.means(many) == ({}, True)
    assert len(asked) == len(rows)


def test_a_store_that_is_away_is_asked_again_and_damage_is_not() -> None:
    troubles: list[Exception] = [StoreUnavailable("away"), ValueError("damaged")]
    practice = practice_benchmark()
    board = boards([result("m", id="m", digest=practice.digest, origin="space")])[0]

    def answers(_: str) -> bytes:
        raise troubles.pop(0)

    means = stored(answers, practice)
    assert means.means(board) == ({}, False)
    assert means.means(board) == ({}, True)
    assert means.means(board) == ({}, True)
    assert troubles == []


# --- drawing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", ["wide", "narrow"])
@pytest.mark.parametrize("view", VIEWS)
def test_distances_in_the_drawing_are_true(board: Board, regions: Regions, view: View, size: Any) -> None:
    shown = whole(board, regions, view)
    drawn = dots(map_svg(shown, size))
    assert drawn.keys() == {m.id for m in shown.models}
    a, b = shown.models[0], max(shown.models, key=lambda m: math.dist(m.place, shown.models[0].place))
    unit = math.dist(drawn[a.id][:2], drawn[b.id][:2]) / math.dist(a.place, b.place)
    for m in shown.models:
        assert math.dist(drawn[a.id][:2], drawn[m.id][:2]) == pytest.approx(unit * math.dist(a.place, m.place), abs=0.3)


def test_on_the_circle_a_dot_lies_towards_its_value_and_grows_with_the_fit() -> None:
    waves = [
        np.cos(2 * np.pi * (np.arange(10) - 2) / 10) * 0.4,  # towards Hedonism
        np.cos(2 * np.pi * (np.arange(10) - 5) / 10) * 0.2 + np.tile([0.3, -0.3], 5),  # towards Security, poorly
    ]
    rows = [result(f"m{i}", tuple(w.tolist()), id=f"m{i}") for i, w in enumerate(waves)]
    drawn = dots(map_svg(build(boards(rows)[0], "circle", nobody, {}, None)))
    (x, y, large), (down_x, down_y, small) = drawn["m0"], drawn["m1"]
    assert math.degrees(math.atan2(x - 360, 310 - y)) == pytest.approx(72, abs=0.5)
    assert (down_x, down_y > 310) == (pytest.approx(360, abs=0.2), True)
    assert large > small
    assert math.hypot(x - 360, y - 310) == pytest.approx(2 * math.hypot(down_x - 360, down_y - 310), abs=0.3)


def test_on_the_plane_openness_is_right_and_transcendence_up() -> None:
    right = (0.5, 0.5, *(0.0,) * 8)
    up = (*(0.0,) * 8, 0.5, 0.5)
    rows = [result("middle", id="0"), result("right", right, id="1"), result("up", up, id="2")]
    drawn = dots(map_svg(build(boards(rows)[0], "plane", nobody, {}, None)))
    assert drawn["1"][0] > drawn["0"][0] + 50
    assert drawn["1"][1] == pytest.approx(drawn["0"][1], abs=0.1)
    assert drawn["2"][1] < drawn["0"][1] - 50
    assert drawn["2"][0] == pytest.approx(drawn["0"][0], abs=0.1)


@pytest.mark.parametrize("view", VIEWS)
def test_only_highlighted_rows_have_their_uncertainty_drawn(board: Board, regions: Regions, view: View) -> None:
    mark = "vp-map-arc" if view == "circle" else "<ellipse"
    unmarked = whole(board, regions, view)
    people = 0 if view == "circle" else len(unmarked.people)  # people always have theirs
    assert map_svg(unmarked).count(mark) == people
    chosen = {r.id for r in board.results[:3]}
    svg = map_svg(whole(board, regions, view, highlighted=lambda r: r.id in chosen))
    assert svg.count(mark) == people + 3
    assert set(re.findall(r'vp-chosen" href="[^"]*" data-row="([^"]*)"', svg)) == chosen


def test_the_arc_ends_where_the_interval_does(board: Board, regions: Regions) -> None:
    chosen = board.results[12]
    shown = whole(board, regions, "circle", highlighted=lambda r: r.id == chosen.id)
    svg = map_svg(shown)
    (path,) = re.findall(r'vp-map-arc" d="([^"]*)"', svg)
    start, end = (
        math.degrees(math.atan2(float(x) - 360, 310 - float(y))) % 360
        for x, y in (
            re.findall(r"M([\d.]+) ([\d.]+)A", path)[0],
            re.findall(r"A[\d.]+ [\d.]+ 0 [01] 1 ([\d.]+) ([\d.]+)", path)[0],
        )
    )
    assert chosen.circumplex is not None
    assert [start, end] == pytest.approx([chosen.circumplex.angle_low, chosen.circumplex.angle_high], abs=1.5)


@pytest.mark.parametrize("view", VIEWS)
def test_a_drawn_oval_lies_along_its_region(board: Board, regions: Regions, view: View) -> None:
    shown = whole(board, regions, view)
    raters = shown.people[0]
    assert raters.region is not None
    svg = map_svg(shown)
    cx, cy, rx, ry, turn = map(
        float,
        re.findall(
            r'<ellipse cx="([-\d.]+)" cy="([-\d.]+)" rx="([-\d.]+)" ry="([-\d.]+)" transform="rotate\(([-\d.]+)', svg
        )[0],
    )
    drawn = dots(svg)
    # the drawing's axes, from two rows: which way and how long one rating point of each coordinate is
    a, b, c = (shown.models[i] for i in (0, 7, 15))
    source = np.array([np.subtract(b.place, a.place), np.subtract(c.place, a.place)])
    target = np.array([np.subtract(drawn[x.id][:2], drawn[a.id][:2]) for x in (b, c)])
    step = np.linalg.solve(source, target)
    t = math.radians(raters.region.turn)
    along = np.array([math.cos(t), math.sin(t)]) @ step * raters.region.major
    assert rx == pytest.approx(np.hypot(*along), abs=0.5)
    assert ry / rx == pytest.approx(raters.region.minor / raters.region.major, abs=0.03)
    tip = np.array([math.cos(math.radians(turn)), math.sin(math.radians(turn))]) * rx
    assert min(np.hypot(*(tip - along)), np.hypot(*(tip + along))) < 1
    assert [cx, cy] == pytest.approx(np.array(drawn[a.id][:2]) + np.subtract(raters.place, a.place) @ step, abs=1)


@pytest.mark.parametrize("view", VIEWS)
def test_names_do_not_overlap_however_many_are_marked(board: Board, regions: Regions, view: View) -> None:
    from leaderboard.charts.labels import TEXT, width_of

    svg = map_svg(whole(board, regions, view, highlighted=everybody))
    boxes = []
    for node in ElementTree.fromstring(svg).iter(f"{SVG}text"):
        if node.attrib.get("class") != "vp-map-name":
            continue
        x, y, wide = float(node.attrib["x"]), float(node.attrib["y"]), width_of(node.text or "")
        left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[node.attrib["text-anchor"]]
        boxes.append((left, left + wide, y))
    assert len(boxes) >= 5
    for i, (left, right, y) in enumerate(boxes):
        for a, b, other in boxes[:i]:
            assert right <= a + 0.2 or b <= left + 0.2 or abs(y - other) >= TEXT - 0.2


@pytest.mark.parametrize("view", VIEWS)
def test_names_are_never_read_as_markup(view: View) -> None:
    row = result(HOSTILE, (0.3, *(0.0,) * 9), id=HOSTILE)
    svg = map_svg(build(boards([row])[0], view, everybody, {}, None))
    assert "<img" not in svg
    titles = [node.text or "" for node in ElementTree.fromstring(svg).iter(f"{SVG}title")]
    assert any(HOSTILE in title for title in titles)


def test_the_table_has_the_same_numbers(board: Board, regions: Regions) -> None:
    shown = whole(board, regions, "plane")
    rows = map_rows(shown)
    assert len(rows) == len(shown.models) + len(shown.people)
    assert len({tuple(r) for r in rows}) == 1  # one set of columns
    for row, of in zip(rows, (*shown.models, *shown.people), strict=True):
        assert (row["id"], row["x"], row["y_low"]) == (of.id, of.x.value, of.y.low)
        assert row["kind"] == ("model" if isinstance(of, PlacedModel) else of.kind)  # type: ignore[union-attr]
        assert row["ellipse_major"] == (of.region.major if of.region else None)


# --- the page -------------------------------------------------------------------------------------------------------


def test_the_address_is_the_state(tmp_path: Path) -> None:
    site = site_of(tmp_path, [])
    first, second = ROWS[0].id, ROWS[5].id
    query = QueryParams([("view", "plane"), ("highlight", first), ("highlight", second)])
    shown = map_page.data(site, query)
    assert shown.view == "plane"
    assert {m.id for m in shown.models if m.highlighted} == {first, second}
    by_family = map_page.data(site, {"family": "gpt-4o"})
    assert {m.name for m in by_family.models if m.highlighted} == {
        r.model for r in ROWS if r.model.startswith("gpt-4o")
    }
    by_developer = map_page.data(site, {"developer": "Anthropic"})
    assert {m.developer for m in by_developer.models if m.highlighted} == {"Anthropic"}
    html = map_page.content(site, query)
    assert html.count(" checked") == 2
    # the other view keeps who stands out
    assert f"map?view=circle&amp;highlight={first}&amp;highlight={second}" in html
    assert f"chart/map.svg?view=plane&amp;highlight={first}" in html
    assert f"compare?id={first}&amp;id={second}" in html
    assert "compare?id=" not in map_page.content(site, {"highlight": first})  # one alone is no comparison


def test_what_is_no_choice_counts_as_not_given(tmp_path: Path) -> None:
    site = site_of(tmp_path, [])
    asked = {"view": HOSTILE, "table": HOSTILE, "family": HOSTILE, "developer": HOSTILE, "highlight": HOSTILE}
    html = map_page.content(site, asked)
    assert "<img" not in html
    assert 'class="vp-empty"' in html
    assert 'class="vp-empty"' not in map_page.content(site, {})
    assert map_page.data(site, asked).view == "circle"


def test_practice_rows_are_marked_as_meaning_nothing(tmp_path: Path) -> None:
    practice = practice_benchmark()
    scores = (0.3, 0.1, 0, 0, -0.2, 0, 0, 0, 0.1, 0)
    row = result("small", scores, id="small", digest=practice.digest, name="practice", origin="space")
    site = site_of(tmp_path, [row])
    for table in ("practice", map_page.data(site, {"table": "practice"}).table or ""):
        html = map_page.content(site, {"table": table, "view": "plane"})
        assert "mean nothing" in html
        assert html.count("vp-map-dot") == 2  # one row, drawn wide and narrow
        assert "Europe: women" not in html
        assert "not available here" in html


def test_without_any_row_the_page_says_so(tmp_path: Path) -> None:
    practice = practice_benchmark()
    store = LocalStore(tmp_path / "store")
    site = Site(
        practice,
        practice,
        Queue(store, store, lease=timedelta(minutes=2)),
        (),
        quota=2,
        scheduler_seconds=None,
        published_file=tmp_path / "none.jsonl",
    )
    html = map_page.content(site, {})
    assert html.count('class="vp-empty"') == 1
    assert "<svg" not in html


def test_numbers_stand_with_their_intervals(tmp_path: Path) -> None:
    html = map_page.content(site_of(tmp_path, []), {"view": "plane"})
    table = html[html.index("<tbody>") : html.index("</tbody>")]
    rows = table.split("<tr")[1:]
    assert len(rows) == len(ROWS) + 11
    for row in rows:
        assert len(re.findall(r"<td>[+−]?\d\.\d\d <span>\([+−]?\d\.\d\d to [+−]?\d\.\d\d\)", row)) == 2


def test_a_thousand_rows_are_placed(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    rows = [
        result(f"org/m{i}", tuple(rng.normal(scale=0.3, size=10).tolist()), id=f"m{i}", origin="space", digest="b" * 64)
        for i in range(1000)
    ]
    made = build(boards(rows)[0], "plane", lambda r: r.id == "m7", {}, None)
    assert len(dots(map_svg(made))) == 1000
    assert made.unsure == 1000


def test_the_page_is_served_and_named_in_the_top_bar(tmp_path: Path) -> None:
    client = TestClient(Starlette(routes=routes(site_of(tmp_path, []), READ)))
    answer = client.get("/map?view=plane&highlight=a&highlight=b")
    assert answer.status_code == 200
    assert 'aria-current="page">Map<' in answer.text
    assert "map.js" in answer.text
    assert "map.css" in answer.text


def test_while_answers_are_away_the_page_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    practice = practice_benchmark()
    row = result("small", (0.3, *(0.0,) * 9), id="small", digest=practice.digest, name="practice", origin="space")
    site = site_of(tmp_path, [row])

    def away(_: Result) -> pa.Table:
        raise StoreUnavailable("away")

    monkeypatch.setattr(site.row_answers, "_table", away)
    html = map_page.content(site, {"table": "practice"})
    assert isinstance(html, Volatile)
    assert "still being computed" in html


def test_places_have_names() -> None:
    assert Place(3.0, 4.0).length == 5
    assert Place(0.0, -1.0).angle == 270
