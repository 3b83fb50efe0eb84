"""The Benchmark page and the card: every figure is the report's, every borrowed statement names its source."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.benchmark import MAX_P, MIN_RHO, Benchmark
from data.errors import InputError
from data.people.norms import READINGS
from data.people.psychometrics import RHO_EDGES, chance_correlations, correlation_counts, reportable
from data.people.validation import ValidationReport, validate
from data.ratings import MIN_GROUP
from data.sources import published_validity as validation_file
from data.sources.loading import load_benchmark, load_study
from data.sources.practice import practice_benchmark, practice_study
from data.sources.published_validity import read_validation, validation_of, write_validation
from data.values import DIMENSIONS, SCALES, VALUES
from eval_queue.queue.queue import Queue
from eval_queue.store.local import LocalStore
from leaderboard.boards.readings import read_readings
from leaderboard.charts.readings import drawings
from leaderboard.charts.validity import Bins, hill, shared_bins, two_digits
from leaderboard.exports.routes import routes
from leaderboard.files.benchmark_drawings import PLOTS, READING_DRAWINGS
from leaderboard.pages.benchmark import page as page
from leaderboard.pages.benchmark.card import BenchmarkCard, card, encode, words
from leaderboard.site import links
from leaderboard.site.site import Site
from leaderboard.ui import READ, Ui
from leaderboard.web.document import document
from leaderboard.web.frame import NAVIGATION
from tests.support.folders import write_folder

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def _nothing_computed_before() -> None:
    validation_of.cache.clear()


@pytest.fixture(scope="module")
def shipped() -> ValidationReport:
    report = read_validation()
    assert report is not None
    return report


@pytest.fixture(scope="module")
def practised() -> ValidationReport:
    return validate(practice_benchmark(), practice_study(), shuffles=40, splits=10)


def site_of(tmp_path: Path, benchmark: Benchmark, source: str | None = None) -> Site:
    store = LocalStore(tmp_path / "store")
    queue = Queue(store, store, lease=timedelta(minutes=2))
    return Site(benchmark, practice_benchmark(), queue, (), quota=2, scheduler_seconds=None, source=source)


class Rows(HTMLParser):
    """The rows of a page's plots: section, then name and figures, and what the row says on hover."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: dict[tuple[str, str], tuple[list[str], str]] = {}
        self._section = ""
        self._cells: list[str] | None = None
        self._title = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "section":
            self._section = given.get("id") or ""
        elif tag == "tr":
            self._cells, self._title = [], given.get("title") or ""
        elif tag in ("td", "th") and self._cells is not None:
            self._cells.append("")

    def handle_data(self, data: str) -> None:
        if self._cells:
            self._cells[-1] += data.strip()

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr" and self._cells:
            name, *rest = self._cells
            self.rows[self._section, name] = ([cell for cell in rest if cell], self._title)
            self._cells = None


def two(x: float | None) -> str:
    return "–" if x is None else f"{x:.2f}".replace("-", "−")


# --- the page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["shipped", "practised"])
def test_every_figure_of_the_page_is_the_reports(which: str, request: pytest.FixtureRequest) -> None:
    report: ValidationReport = request.getfixturevalue(which)
    rows = Rows(page.page_of(report, "")).rows
    for d in DIMENSIONS:
        v, c = report.dimensions[d.name], report.person_centred[d.name]
        cells, said = rows["chance", d.name]
        assert cells == [str(v.items), f"{v.null_mean:.1f} ({v.null_p95:.0f})"]
        assert f"p {v.p:.3f}" in said
        assert f"{v.negative} correlate negatively with it" in said
        assert rows["again", d.name][0] == [two(v.alpha_mean), two(v.split_half)]
        assert f"{two(v.alpha_min)} to {two(v.alpha_max)}" in rows["again", d.name][1]
        assert rows["centred", d.name][0] == [f"{v.items}→{c.items}", two(c.rank_correlation)]


def test_marks_stand_where_the_figures_are(shipped: ValidationReport) -> None:
    html = page.page_of(shipped, "")
    section = html[html.index('id="chance"') : html.index('id="spread"')]
    spots = re.findall(r'vp-spot( vp-hollow)?" style="--x: ([\d.]+)', section)
    assert len(spots) == len(DIMENSIONS)
    for (hollow, x), d in zip(spots, DIMENSIONS, strict=True):
        v = shipped.dimensions[d.name]
        assert float(x) == pytest.approx(v.items / 100, abs=1e-3)
        assert bool(hollow) == (v.p >= MAX_P)
    assert page.along(2.0, 0, 1) == "1"
    assert page.along(-2.0, 0, 1) == "0"


def test_the_caution_is_said_and_the_other_key_is_called_exploratory(shipped: ValidationReport) -> None:
    html = page.page_of(shipped, "whose")
    for sentence in shipped.caution():
        assert sentence in html
    assert "exploratory" in html
    assert "559 people gave 24,320 ratings, in 12 groups of 41 to 48." in html
    assert "9,880 correlations recomputed, none differ" in html
    assert "0.07 to 0.42, which is low" in html
    low = shipped.model_copy(
        update={"dimensions": {n: v.model_copy(update={"split_half": 0.9}) for n, v in shipped.dimensions.items()}}
    )
    assert "which is low" not in page.page_of(low, "")


def test_a_figure_that_does_not_exist_is_a_dash(practised: ValidationReport) -> None:
    none = {"alpha_mean": None, "alpha_min": None, "alpha_max": None, "split_half": None, "inter_item_r": None}
    report = practised.model_copy(
        update={
            "people": None,
            "dimensions": {n: v.model_copy(update=none) for n, v in practised.dimensions.items()},
        }
    )
    html = page.page_of(report, "")
    assert Rows(html).rows["again", "Power"][0] == ["–", "–"]
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", html)
    assert "not reported" in html


def test_the_page_is_in_the_top_bar_and_costs_nothing_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("computed at the start")

    monkeypatch.setattr(page, "choose", never)
    site = site_of(tmp_path, practice_benchmark())
    Ui(site)
    assert page in READ
    assert (page.NAME, page.ROUTE) in NAVIGATION
    monkeypatch.undo()
    assert "Read this first" in document(site, page, {})


# --- which benchmark ------------------------------------------------------------------------------------------------


def test_beside_the_practice_benchmark_the_published_one_is_shown_and_said(
    tmp_path: Path, shipped: ValidationReport
) -> None:
    chosen = page.choose(site_of(tmp_path, replace(practice_benchmark(), origin="No network & no cache.")))
    assert chosen.report == shipped
    assert "published benchmark" in chosen.note
    assert "No network &amp; no cache." in page.page_of(*chosen)


def test_shipped_figures_are_believed_for_their_digest_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, practised: ValidationReport
) -> None:
    source = write_folder(tmp_path / "other")
    other = load_benchmark(source)
    chosen = page.choose(site_of(tmp_path, other, str(source)))
    assert chosen.report == validate(other, load_study(source))
    assert "in use here" in chosen.note
    validation_of.cache.clear()
    monkeypatch.setattr(validation_file, "read_validation", lambda: chosen.report)
    assert validation_of(other, "there is no such folder") is chosen.report, "no ratings are read where the digest fits"


def test_a_report_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_folder(tmp_path / "other")
    other = load_benchmark(source)
    first = validation_of(other, source)
    monkeypatch.setattr(validation_file, "validate", lambda *_: pytest.fail("computed again"))
    assert validation_of(other, source) is first


def test_without_the_file_the_page_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "read_validation", lambda: None)
    site = site_of(tmp_path, practice_benchmark())
    assert "python -m eval_queue publish" in page.content(site, {})
    answer = TestClient(Starlette(routes=[page.json_route(site)])).get("/benchmark.json")
    assert answer.status_code == 503
    assert "publish" in answer.text


def test_the_file_survives_a_round_trip_and_a_damaged_one_is_named(tmp_path: Path, practised: ValidationReport) -> None:
    path = tmp_path / "new" / "validation.json"
    assert read_validation(path) is None
    write_validation(practised, path)
    found = read_validation(path)
    assert found is not None
    for d in DIMENSIONS:
        assert found.dimensions[d.name].p == pytest.approx(practised.dimensions[d.name].p, abs=1e-8)
    assert found.content == practised.content
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    path.write_text('{"people": 3}')
    with pytest.raises(InputError, match="publish"):
        read_validation(path)


@pytest.mark.upstream
def test_the_shipped_report_belongs_to_upstreams_benchmark(upstream_dir: Path, shipped: ValidationReport) -> None:
    benchmark = load_benchmark(upstream_dir)
    assert shipped.benchmark.digest == benchmark.digest
    fresh = validate(benchmark, load_study(upstream_dir))
    for d in DIMENSIONS:
        ours, theirs = fresh.dimensions[d.name].model_dump(), shipped.dimensions[d.name].model_dump()
        assert ours.pop("correlations") == theirs.pop("correlations")
        assert ours == pytest.approx(theirs, abs=1e-8)


# --- the card -------------------------------------------------------------------------------------------------------


def test_the_card_says_everything_a_card_must(shipped: ValidationReport) -> None:
    made = json.loads(encode(card(shipped)))
    assert BenchmarkCard.model_validate(made) == card(shipped)
    wanted = """purpose audience tasks not_for sources size format annotation metrics interpretation caution validation
    similar risks limitations privacy consent ethics_approval licences language references citation"""
    assert all(made[name] for name in wanted.split())
    assert [s["name"] for s in made["sources"]] == ["Reddit", "Dear Abby", "ShareGPT", "LMSYS"]
    assert sum(s["queries"] for s in made["sources"]) == made["size"]["queries"] == 104
    assert made["size"] == {
        **{"queries": 104, "items": 520, "variants": 6, "prompts": 3120, "ratings": 24320},
        **{"people": 559, "groups": 12, "smallest_group": 41, "largest_group": 48},
    }
    assert {"ValueNet", "ValueBench"} <= {s["name"] for s in made["similar"]}
    assert {"Bias", "Fairness"} <= {r["category"] for r in made["risks"]}
    assert made["language"] == "English"
    licences = {licence["part"]: licence["licence"] for licence in made["licences"]}
    assert licences["Queries from ShareGPT"] == "Apache 2.0"
    assert "MIT" in licences.values()


def test_the_cards_figures_are_the_reports(shipped: ValidationReport) -> None:
    made = card(shipped)
    assert ValidationReport.model_validate({**made.validation, "models": {}}) == shipped.model_copy(
        update={"models": {}}
    )
    assert made.caution == shipped.caution()
    assert made.benchmark == shipped.benchmark


def test_no_small_group_and_no_person_is_on_the_card(shipped: ValidationReport) -> None:
    made = card(shipped)
    assert made.size.smallest_group is not None
    assert made.size.smallest_group >= MIN_GROUP
    assert not re.search(r"\bP\d{3}\b", encode(made).decode())


def _sources(x: Any) -> list[str]:
    if isinstance(x, dict):
        own = [x["source"]] if isinstance(x.get("source"), str) else []
        return own + [s for value in x.values() for s in _sources(value)]
    return [s for value in x for s in _sources(value)] if isinstance(x, list) else []


def test_every_borrowed_statement_names_a_known_source(shipped: ValidationReport) -> None:
    said = words().model_dump()
    named = _sources(said)
    assert len(named) >= 12
    assert set(named) <= set(said["references"])
    assert set(said["references"]) <= set(named) | {"paper"}, "no reference that nothing refers to"
    addresses = [page.address_of(place) for place in said["references"].values()]
    assert addresses[0] == "https://doi.org/10.18653/v1/2025.acl-long.838"
    assert addresses[1] == links.benchmark()
    assert None not in addresses, "each can be opened"
    assert page.address_of("a book of 1973") is None


def test_what_was_not_checked_is_said_to_be(shipped: ValidationReport) -> None:
    html = page.page_of(shipped, "")
    assert not words().consent.checked
    assert not words().ethics_approval.checked
    assert words().not_checked in html


def test_the_card_comes_as_a_file(tmp_path: Path, shipped: ValidationReport) -> None:
    client = TestClient(Starlette(routes=[page.json_route(site_of(tmp_path, practice_benchmark()))]))
    answer = client.get("/benchmark.json")
    assert answer.headers["content-type"] == "application/json"
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.content == encode(card(shipped))


# --- correlations and their drawing ---------------------------------------------------------------------------------


def test_correlations_are_counted_against_what_chance_gives() -> None:
    benchmark, study = practice_benchmark(), practice_study()
    counts = correlation_counts(benchmark.key)
    assert counts.sum(axis=1).tolist() == (~np.isnan(benchmark.key.rho)).sum(axis=0).tolist()
    edges = np.array(RHO_EDGES)
    above = counts[:, edges[:-1] >= MIN_RHO].sum(axis=1)
    assert above.tolist() == (benchmark.key.rho >= MIN_RHO).sum(axis=0).tolist()
    expected = chance_correlations(study)
    assert expected.sum() == pytest.approx(sum(len(g.items) for g in reportable(study)))
    np.testing.assert_allclose(expected, expected[::-1], atol=1e-9)


def test_what_chance_gives_is_what_unrelated_ratings_give() -> None:
    study = practice_study()
    rng = np.random.default_rng(8)
    seen = np.zeros(len(RHO_EDGES) - 1)
    for _ in range(400):
        for group in study.groups:
            x, y = rng.normal(size=(2, group.n_people, len(group.items)))
            x, y = ((a - a.mean(axis=0)) / a.std(axis=0) for a in (x, y))
            seen += np.histogram((x * y).mean(axis=0), RHO_EDGES)[0]
    np.testing.assert_allclose(seen / 400, chance_correlations(study), atol=0.35)


def test_a_hill_draws_its_counts() -> None:
    edges, counts, chance = (-0.6, -0.3, 0.0, 0.3, 0.6), (1, 4, 2, 1), (0.0, 4.0, 4.0, 0.0)
    bins = shared_bins([counts], chance)
    assert bins == Bins(0, 4, 4)
    drawn = ElementTree.fromstring(hill("<Power>", counts, chance, edges, colour="#123456", bins=bins))
    bars = drawn.findall(f"{SVG}rect")
    heights = [float(bar.attrib["height"]) for bar in bars]
    assert [round(h / heights[1], 3) for h in heights] == [0.25, 1.0, 0.5, 0.25]
    assert ["#123456" in bar.attrib["style"] for bar in bars] == [False, False, False, True]
    title = drawn.find(f"{SVG}title")
    assert title is not None
    assert title.text == "<Power>: of 8 responses 1 correlate above +0.3 and 1 below −0.3."


def test_hills_share_bounds_that_hold_everything(shipped: ValidationReport) -> None:
    counts = [v.correlations for v in shipped.dimensions.values()]
    bins = shared_bins(counts, shipped.correlations.chance)
    assert bins.first + bins.stop == len(RHO_EDGES) - 1
    assert all(not any(c[: bins.first]) and not any(c[bins.stop :]) for c in counts)
    assert bins.highest >= max(map(max, counts))
    assert all(sum(shipped.dimensions[d.name].correlations) == 520 for d in VALUES)


# --- drawings as files ----------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> TestClient:
    return TestClient(Starlette(routes=routes(site_of(tmp_path, practice_benchmark()))))


def numbers(files: TestClient, address: str) -> list[dict[str, str]]:
    return list(csv.DictReader(files.get(f"/chart/{address}").text.splitlines()))


def test_every_drawing_of_the_page_can_be_taken_away(files: TestClient, shipped: ValidationReport) -> None:
    html = page.page_of(shipped, "", read_readings(shipped.benchmark.digest))
    links = {unescape(found) for found in re.findall(r'href="(chart/[^"]+)"', html)}
    assert len(links) == 2 * (len(PLOTS) + len(READING_DRAWINGS) + 1 + len(DIMENSIONS))
    for link in links:
        answer = files.get(f"/{link}")
        assert answer.status_code == 200, link
        name = re.search(r'filename="([^"]+)"', answer.headers["content-disposition"])
        assert name is not None
        assert name[1].startswith("value-portrait-")
        if ".svg" in link:
            drawn = ElementTree.fromstring(answer.text)
            assert drawn.findtext(f"{SVG}title")
            assert shipped.benchmark.digest[:16] in answer.text
    names = [re.search(r'filename="([^"]+)"', files.get(f"/{x}").headers["content-disposition"]) for x in links]
    assert len({n[1] for n in names if n}) == len(links), "no two files share a name"


@pytest.mark.parametrize("which", ["shipped", "practised"])
def test_their_numbers_are_the_reports(which: str, request: pytest.FixtureRequest) -> None:
    report: ValidationReport = request.getfixturevalue(which)
    for name, plot in PLOTS.items():
        ElementTree.fromstring(plot.svg(report))
        sheet = plot.sheet(report)
        rows = {row["dimension"]: [row[c.name] for c in sheet.columns] for row in sheet.rows}
        assert list(rows) == [d.name for ds in SCALES.values() for d in ds]
        for d in DIMENSIONS:
            v, c, row = report.dimensions[d.name], report.person_centred[d.name], rows[d.name]
            expected = {
                "chance": (v.items, v.negative, v.null_mean, v.null_p95, v.p),
                "alpha": (v.groups, v.alpha_mean, v.alpha_min, v.alpha_max),
                "halves": (v.split_half,),
                "other-key": (v.items, c.items, c.null_mean, c.null_p95, c.p, c.rank_correlation),
            }[name]
            assert tuple(row[2:]) == expected, (name, d.name)


def test_numbers_of_both_readings_are_the_reports(files: TestClient, shipped: ValidationReport) -> None:
    readings = read_readings(shipped.benchmark.digest)
    assert readings is not None
    html = unescape(page.page_of(shipped, "", readings))
    found = {name: numbers(files, f"{name}.csv") for name in READING_DRAWINGS}
    for over in ("queries", "people"):
        for row in found[f"columns-{over}"]:
            for reading in READINGS:
                known = getattr(shipped.columns[reading][row["dimension"]], over)
                assert float(row[reading]) == pytest.approx(known)
                assert f'"vp-num">{two_digits(known)}<' in html
    for row in found["people-check"]:
        assert float(row["match"]) == pytest.approx(shipped.people_check["match"][row["dimension"]])
    assert float(found["one-line"][0]["match"]) == pytest.approx(readings.first_component["match"])
    assert {row["model"]: float(row["r2"]) for row in found["explained"]} == pytest.approx(
        {name: e.r2 for name, e in readings.explained.items()}
    )
    assert {row["source"]: float(row["share"]) for row in found["variance"]} == pytest.approx(readings.variance.shares)
    for row in found["generalizability"]:
        needs = readings.variance.columns["match"][row["dimension"]]
        assert float(row["match"]) == pytest.approx(needs.coefficient)
        assert row["match_queries"] == ("" if needs.queries_for_target is None else str(needs.queries_for_target))
    held = readings.separations["match"].queries_and_people
    assert held is not None
    assert f"{held.models} of these remain" in html


def test_what_was_not_examined_is_not_drawn(practised: ValidationReport) -> None:
    drawn = {d.name for d in drawings(practised, None)}
    assert drawn <= {"columns-queries", "columns-people", "people-check"}
    assert "hold as published" not in page.page_of(practised, "")


def test_dots_of_the_files_stand_where_the_figures_are(shipped: ValidationReport) -> None:
    drawn = ElementTree.fromstring(PLOTS["chance"].svg(shipped))
    at = {e.text: float(e.get("x", 0)) for e in drawn.iter(f"{SVG}text") if (e.text or "").isdigit()}
    unit = (at["100"] - at["20"]) / 80
    dots = [float(e.get("cx", 0)) for e in drawn.iter(f"{SVG}circle")]
    order = [d for ds in SCALES.values() for d in ds]
    for x, d in zip(dots, order, strict=True):
        assert (x - at["20"]) / unit + 20 == pytest.approx(shipped.dimensions[d.name].items, abs=0.1), d.name


def test_correlations_of_one_or_of_all_ten(files: TestClient, shipped: ValidationReport) -> None:
    ten = numbers(files, "correlations.csv")
    assert [*dict.fromkeys(row["dimension"] for row in ten)] == [d.name for d in VALUES]
    one = numbers(files, "correlations.csv?dimension=Openness+to+Change")
    assert [int(row["items"]) for row in one] == shipped.dimensions["Openness to Change"].correlations
    assert [float(row["low"]) for row in one] == pytest.approx(shipped.correlations.edges[:-1])
    assert [float(row["chance"]) for row in one] == pytest.approx(shipped.correlations.chance)
    pictures = [
        list(ElementTree.fromstring(files.get(f"/chart/correlations.svg{query}").text).iter(f"{SVG}svg"))
        for query in ("", "?dimension=Power")
    ]
    assert [len(found) - 1 for found in pictures] == [len(VALUES), 1]
    unknown = files.get("/chart/correlations.svg?dimension=<Greed>")
    assert unknown.status_code == 404
    assert "expected one of Self-Direction" in unknown.text


def test_drawings_of_simulated_raters_say_so(practised: ValidationReport) -> None:
    for plot in PLOTS.values():
        assert "Simulated raters" in plot.svg(practised)
        assert "Simulated raters" not in plot.svg(practised.model_copy(update={"simulated": False}))
