"""The Groups page: what it says of models and groups, what it withholds, and its twin for programs."""

from __future__ import annotations

import asyncio
import csv
import re
import urllib.request
from datetime import timedelta
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.errors import InputError
from data.people.reference import CONTRASTS, load_reference, write_groups
from data.sources.loading import load_benchmark
from data.sources.practice import practice_benchmark
from data.values import VALUES
from eval_queue.asking.evaluation import Job, evaluate
from eval_queue.personas import PERSONAS, WORDING
from eval_queue.queue.queue import Queue
from eval_queue.records import Result
from eval_queue.settings import Endpoint
from eval_queue.store.local import LocalStore
from leaderboard.boards.group_similarity import Table, read_proximity, shipped_proximity
from leaderboard.boards.persona_runs import Biases, series_id
from leaderboard.boards.results import PUBLISHED, boards, load
from leaderboard.charts.portrait import number
from leaderboard.exports.group_rows import COLUMNS, rows
from leaderboard.exports.routes import routes
from leaderboard.groups.group_report import ModelProximity
from leaderboard.groups.names import SHORT
from leaderboard.groups.persona_report import find_runs, report
from leaderboard.pages.groups import page as groups
from leaderboard.pages.groups.data import LeanRow
from leaderboard.pages.groups.other_reading import other_reading
from leaderboard.site.site import Site
from leaderboard.web.document import Volatile
from tests.leaderboard.groups.test_bias import BENCHMARK, QUICK, REFERENCE, played, truth
from tests.support.apps import app
from tests.support.chat_server import ChatServer
from tests.support.commands import run_command
from tests.support.ess_files import random_survey, write
from tests.support.html import statuses
from tests.support.rows import result

HOSTILE = "<img src=x onerror=alert(1)>"
ROWS = {r.model: r for r in load(PUBLISHED).results}
REPORT = read_proximity()
assert REPORT is not None
SHIPPED = {m.model: m for m in REPORT.models}
TOLD = [m for m in REPORT.models if m.reported]
KEPT = [m for m in REPORT.models if not m.reported]


def make_site(tmp_path: Path, **fields: object) -> Site:
    practice = practice_benchmark()
    store = LocalStore(tmp_path / "store")
    queue = Queue(store, store, lease=timedelta(minutes=2))
    return Site(practice, practice, queue, (), quota=2, scheduler_seconds=None, **fields)  # type: ignore[arg-type]  # fields of Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path)


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def section(html: str, id_: str) -> str:
    """A section of the page, by its id."""
    return html.split(f'id="{id_}"')[1].split("</section>")[0]


# --- published models, whatever benchmark is in use -----------------------------------------------------------------


def test_the_page_stands_without_the_benchmark(site: Site) -> None:
    html = groups.content(site, {})
    assert "svg" in html
    first = TOLD[0]
    assert f"Similarity of {first.model} to each group" in plain(html)
    assert all(m.model in html for m in SHIPPED.values())
    assert not isinstance(html, Volatile)


def test_similarities_stand_with_intervals_ceiling_and_single_people(site: Site) -> None:
    model = next(m for m in TOLD if m.model.startswith("claude-3-opus"))
    alike = plain(section(groups.content(site, {"id": ROWS[model.model].id}), "alike"))
    assert set(model.groups) == set(REFERENCE.groups)
    for name, g in model.groups.items():
        assert REFERENCE.groups[name].label in alike
        for value, low, high in ((g.spearman, g.low, g.high), (g.pearson, g.pearson_low, g.pearson_high)):
            assert f"{number(value)} ({number(low)} to {number(high)})" in alike
    assert "+0.81" in alike
    assert "+0.60 (−0.07 to +0.87)" in alike
    assert number(model.like_raters.spearman) in alike


@pytest.mark.parametrize("contrast", CONTRASTS, ids=lambda c: c.name)
def test_every_lean_stands_with_interval_and_adjusted_p(site: Site, contrast: tuple[str, str, str]) -> None:
    name, toward, against = contrast
    html = groups.content(site, {"contrast": name})
    all_ = plain(section(html, "all"))
    for m in TOLD:
        lean, held = m.leans[name], m.held
        assert held is not None
        told = f"{m.model} {held.leans[name]} of {held.prompts} prompts"
        assert f"{told} {number(lean.lean)} ({number(lean.low)} to {number(lean.high)})" in all_.replace("  ", " ")
    assert f"← {SHORT[against]}" in all_
    assert f"{SHORT[toward]} →" in all_
    assert plain(groups.content(site, {"contrast": name})).count("not distinguishable") >= 2


def test_a_lean_that_holds_only_before_correction_says_so(site: Site) -> None:
    def alone(m: ModelProximity) -> int:
        leans = [x for x in m.leans.values() if x.low is not None and x.high is not None and not x.sure]
        return sum(x.low > 0 or x.high < 0 for x in leans)

    most, least = max(TOLD, key=alone), min(TOLD, key=alone)
    assert alone(most) > alone(least)
    for m in (most, least):
        said = plain(groups.content(site, {"id": ROWS[m.model].id}))
        assert said.count("not distinguishable after correction") == alone(m)


def test_what_is_withheld_says_why_and_has_no_number(site: Site) -> None:
    html = groups.content(site, {})
    kept = html.split("<h3>Not compared</h3>")[1].split("</dl>")[0]
    assert re.findall(r"<dt>(.*?)</dt>", kept) == [m.model for m in KEPT]
    assert kept.count("flat profile") == len(KEPT)
    assert "reliability −" in kept, "a true minus"
    assert "reliability -" not in kept
    flat = groups.content(site, {"id": ROWS[KEPT[0].model].id})
    assert f"{KEPT[0].model} is not compared with groups" in plain(flat)
    assert "is not drawn" in flat
    assert 'stroke-width="2.5"' not in flat, "no profile of it beside groups"
    assert "Leans in four contrasts" not in flat
    assert number(KEPT[0].like_raters.spearman) in section(flat, "alike"), "same items, same scale: that is told"


def test_on_whom_it_rests_and_what_must_not_be_concluded(site: Site) -> None:
    said = plain(groups.content(site, {"contrast": "political"}))
    assert REPORT is not None
    for caveat in (REPORT.caveats.europe, REPORT.caveats.confounding, REPORT.caveats.shape, REPORT.caveats.noise):
        assert caveat in said
    assert "37,398 people, of them 11,537 the political right and 11,152 the political left" in said
    assert "round 11" in said
    assert "559 people" in said
    assert "0.52 times as large" in said


def test_no_published_model_is_said_to_lean_or_to_have_a_nearest_group(site: Site) -> None:
    """As measured (`tests/test_proximity.py`); a sentence that says more would be wrong."""
    for m in TOLD:
        said = plain(groups.content(site, {"id": ROWS[m.model].id, "contrast": "age"}))
        assert f"No lean of {m.model} towards" in said
        assert "Nearest of the 8 groups: not distinguishable" in said


# --- the address ----------------------------------------------------------------------------------------------------


def test_rows_stand_by_name_and_by_lean_if_asked(site: Site) -> None:
    def order(**query: str) -> list[str]:
        return [r.model for r in groups.data(site, query).leans]

    told, kept = [m.model for m in TOLD], [m.model for m in KEPT]
    by_lean = sorted(TOLD, key=lambda m: m.leans["age"].lean or 0.0)
    assert order() == [*told, *kept]
    assert order(order="down") == [*told[::-1], *kept]
    assert order(contrast="age", sort="lean") == [*(m.model for m in by_lean), *kept]
    assert order(contrast="age", sort="lean", order="down") == [*(m.model for m in by_lean[::-1]), *kept]
    assert order(sort=HOSTILE) == order()


def test_what_is_no_choice_counts_as_not_given(site: Site) -> None:
    query = {"id": HOSTILE, "contrast": HOSTILE, "sort": HOSTILE, "order": HOSTILE, "imagined": HOSTILE, "table": "x"}
    html = groups.content(site, query)
    assert "<img" not in html
    assert len(statuses(html)) == len(statuses(groups.content(site, {}))) + 1, "it is said"
    assert groups.data(site, query).contrast == "gender"


def test_a_hostile_name_is_text(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    first = next(iter(ROWS.values()))
    row = result(HOSTILE, id="hostile", digest=first.benchmark.digest, protocol=first.protocol, origin="self-reported")
    store = site.queue._results.store
    store.commit({"results/hostile.json": row.model_dump_json().encode()}, store.head(), "a row")
    for query in ({}, {"id": "hostile"}):
        html = groups.content(site, query)
        assert "<img" not in html
        assert unescape(html).count(HOSTILE) >= 2


# --- the twin for programs ------------------------------------------------------------------------------------------


def test_the_record_carries_its_caveats_as_fields(site: Site) -> None:
    document = groups.data(site, {"contrast": "education"}).model_dump(mode="json")
    assert document["caveats"]["region"] == "Europe"
    assert document["caveats"]["ceiling"] == pytest.approx(0.806, abs=0.001)
    assert document["groups_from"]["n"] == 37398
    assert (document["toward"]["name"], document["toward"]["n"]) == ("education_paper/university", 10164)
    assert document["slope"] == 0.52
    withheld = [r for r in document["leans"] if not r["reported"]]
    assert {r["model"] for r in withheld} == {m.model for m in KEPT}
    assert all(r["lean"] is r["low"] is r["p"] is None and r["reason"] for r in withheld)


def test_a_model_is_carried_over_by_the_plain_formula(site: Site) -> None:
    raters = REFERENCE.raters
    model = TOLD[3].model
    chosen = groups.data(site, {"id": ROWS[model].id}).model
    assert chosen is not None
    assert chosen.linked is not None
    for v, d in enumerate(VALUES):
        x = (ROWS[model].centred10 or {})[d.name]
        p, q = raters.vp_human_centred10[v], raters.pvq_human_centred10[v]
        found = chosen.linked[d.name]
        for carried, own in ((found.score, x.score), (found.low, x.low), (found.high, x.high)):
            assert own is not None
            assert carried == pytest.approx(q + (own - p) / 0.52)
    assert sum(c.score for c in chosen.linked.values()) == pytest.approx(0, abs=1e-3)


def test_flat_rows_for_exports_have_the_caveats_beside_each_number(site: Site) -> None:
    (board,) = site.boards()[:1]
    table = site.proximities.of(board)
    assert table is not None
    made = rows(table)
    assert all(row.keys() <= {c.name for c in COLUMNS} for row in made)
    assert len(made) == len(SHIPPED) * (3 + 9 * 4 + 4 + 1)
    assert {row["region"] for row in made} == {"Europe"}
    assert all(row["note"] and row["ceiling"] and row["people_n"] == 37398 for row in made)
    for m in REPORT.models if REPORT else ():
        mine = [row for row in made if row["model"] == m.model]
        lean = next(row for row in mine if (row["measure"], row["name"]) == ("lean", "political"))
        assert (lean["value"], lean["low"], lean["p_adjusted"]) == (
            m.leans["political"].lean,
            m.leans["political"].low,
            m.leans["political"].p_adjusted,
        )
        assert lean["toward"] == "political/right"
        assert lean["distinguishable"] is (False if m.reported else None)
        assert (lean["reason"] is None) == m.reported
        near = next(row for row in mine if row["measure"] == "nearest_share")
        assert near["name"] == ("not distinguishable" if m.reported else None)


def test_drawings_and_their_numbers_are_files(site: Site) -> None:
    client = TestClient(Starlette(routes=routes(site)))
    model = ROWS[TOLD[0].model]
    query = f"?id={model.id}&contrast=political&sort=lean"
    html = groups.content(site, {"id": model.id, "contrast": "political", "sort": "lean"})
    charts = [f"chart/{name}.{form}" for name in ("groups", "leans", "alike") for form in ("svg", "csv")]
    for name in (*charts, "download/groups.csv"):
        assert f'href="{name}?' in html
    view = groups.data(site, {"id": model.id, "contrast": "political", "sort": "lean"})
    circle = client.get(f"/chart/groups.svg{query}").text
    assert ElementTree.fromstring(circle).findtext("{http://www.w3.org/2000/svg}title") == (
        f"{model.model} beside The political right and The political left"
    )
    assert "Europe" in circle
    numbers = list(csv.DictReader(client.get(f"/chart/groups.csv{query}").text.splitlines()))
    assert [float(row["gap"]) for row in numbers] == pytest.approx(list(view.gap.values()))
    leans = list(csv.DictReader(client.get(f"/chart/leans.csv{query}").text.splitlines()))
    assert [row["model"] for row in leans] == [r.model for r in view.leans]
    assert [row["reason"] for row in leans] == [r.reason or "" for r in view.leans]
    assert {row["region"] for row in leans} == {"Europe"}
    drawn = client.get(f"/chart/leans.svg{query}").text
    order = [drawn.index(f">{r.model}</text>") for r in view.leans if r.reported]
    assert order == sorted(order)
    assert len(order) == len(TOLD)
    alike = list(csv.DictReader(client.get(f"/chart/alike.csv{query}").text.splitlines()))
    among = TOLD[0].groups
    assert [float(row["order"]) for row in alike] == [among[name].spearman for name in among]
    assert [float(row["size_low"]) for row in alike] == [among[name].pearson_low for name in among]
    assert {float(row["ceiling"]) for row in alike} == {view.caveats.ceiling}
    likeness = client.get(f"/chart/alike.svg{query}").text
    assert all(row["group"] in likeness for row in alike)
    flat = next(ROWS[m.model].id for m in SHIPPED.values() if not m.reported)
    refused = client.get(f"/chart/alike.svg?id={flat}")
    assert (refused.status_code, "set against groups" in refused.text) == (404, True)
    people = list(csv.DictReader(client.get("/download/groups.csv").text.splitlines()))
    assert len(people) == len(SHIPPED) * 44
    assert all(row["region"] == "Europe" and row["note"] and float(row["ceiling"]) > 0.8 for row in people)


# --- groups of one's own --------------------------------------------------------------------------------------------


@pytest.fixture
def own_groups(tmp_path: Path) -> Path:
    """Groups of another source: the shipped ones turned round, so that every contrast has the other sign."""
    from dataclasses import replace

    shipped = load_reference().groups
    turned = {c.toward: c.against for c in CONTRASTS} | {c.against: c.toward for c in CONTRASTS}
    made = []
    for name, group in shipped.items():
        other = shipped[turned.get(name, name)]
        kept = {"dimension": group.dimension, "group": group.group, "n": group.n + 1}
        made.append(replace(other, **kept, source=replace(other.source, name="Own survey")))
    path = tmp_path / "own.csv"
    with path.open("w", encoding="utf-8") as stream:
        write_groups(made, stream)
    return path


def test_own_groups_take_the_place_of_the_shipped_ones(tmp_path: Path, own_groups: Path) -> None:
    """Without the benchmark no model can be set against them, which is said; the groups are drawn all the same."""
    site = make_site(tmp_path, reference_file=own_groups)
    said = plain(groups.content(site, {}))
    assert "No model can be compared with these groups here" in said
    assert "a file of this board’s operator" in said
    view = groups.data(site, {})
    assert view.model is None
    assert view.leans == []
    assert (view.groups_from.title, view.groups_from.n) == ("Own survey", 37399)
    assert view.gap["Stimulation"] == pytest.approx(-REFERENCE.gap(CONTRASTS[0])[1], abs=1e-7)


@pytest.mark.slow
@pytest.mark.upstream
def test_models_are_set_against_own_groups_where_the_benchmark_is_at_hand(
    tmp_path: Path, own_groups: Path, upstream_dir: Path
) -> None:
    benchmark = load_benchmark(str(upstream_dir))
    site = make_site(tmp_path, reference_file=own_groups, source=str(upstream_dir))
    site = Site(
        benchmark,
        site.practice,
        site.queue,
        (),
        quota=2,
        scheduler_seconds=None,
        source=str(upstream_dir),
        reference_file=own_groups,
    )
    view = groups.data(site, {"contrast": "age"})
    assert view.groups_from.title == "Own survey"
    found = {r.model: r for r in view.leans if r.reported}
    assert set(found) == {m.model for m in TOLD}
    for m in TOLD:
        assert found[m.model].lean == pytest.approx(-(m.leans["age"].lean or 0), abs=1e-6), "turned round"
        assert m.held is not None
        assert (found[m.model].holds, found[m.model].prompts) == (m.held.leans["age"], m.held.prompts)
    by_match = groups.data(site, {"contrast": "age", "reading": "all"})
    assert by_match.reading == "match"
    found = {r.model: r for r in by_match.leans if r.reported}
    assert set(found) == {m.model for m in BY_MATCH.values() if m.reported}
    for name, row in found.items():
        assert row.lean == pytest.approx(-(BY_MATCH[name].leans["age"].lean or 0), abs=1e-6), "turned round"


@pytest.mark.slow
def test_a_survey_file_of_ones_own_takes_the_groups_place_in_the_app(tmp_path: Path) -> None:
    """From a made-up survey file through the command and the setting to the page of the running app."""
    survey, out = write(random_survey(14, 3000), tmp_path / "survey.csv"), tmp_path / "groups.csv"
    assert run_command("data", "ess", survey, "--out", out).returncode == 0
    own = load_reference(out).groups
    with app(tmp_path / "store", source="practice", scheduler="false", reference=str(out)) as running:
        html = urllib.request.urlopen(f"{running.url}/groups?contrast=age", timeout=60).read().decode()
    said = plain(html)
    old, young = own["age_paper/80+"], own["age_paper/20-39"]
    assert "ESS9 edition 3.1 (3 countries)" in said
    assert (
        f"{own['overall/all'].n:,} people, of them {old.n:,} people aged 80 or older and {young.n:,} people aged"
        in said
    )
    numbers = html.split('class="vp-numbers"')[1].split("</table>")[0]
    for d, a, b in zip(VALUES, old.mean_centred10, young.mean_centred10, strict=True):
        assert f"{d.name} {number(a)} {number(b)} {number(a - b)}" in plain(numbers)
    assert "37,398" not in said


def test_a_file_without_both_groups_of_any_contrast_says_so(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    with path.open("w", encoding="utf-8") as stream:
        write_groups([REFERENCE.people, REFERENCE.groups["gender/male"]], stream)
    site = make_site(tmp_path, reference_file=path)
    assert "no contrast has both of its groups in it" in plain(groups.content(site, {}))


# --- personas -------------------------------------------------------------------------------------------------------


class Stored:
    """Results under personas and their tables, as the worker stores them; counts how often a table is read."""

    def __init__(self, folder: Path, names: tuple[str | None, ...], size: float, queries: int | None = None) -> None:
        self.results: list[Result] = []
        self.tables: dict[str, bytes] = {}
        self.read: list[str] = []
        with ChatServer(played(truth(size))) as server:
            endpoint = Endpoint.model_validate({"name": "test", "base_url": server.address, "concurrency": 8})
            for name in names:
                persona = None if name is None else WORDING.persona(name)
                job = Job("org/model", endpoint, BENCHMARK, persona=persona, queries=queries, origin="space")
                out = asyncio.run(evaluate(job, folder / (name or "none").replace("/", "-"), retry=QUICK))
                self.results.append(out.result)
                self.tables[out.result.id] = out.table_file.read_bytes()

    def answers(self, id_: str) -> bytes:
        self.read.append(id_)
        try:
            return self.tables[id_]
        except KeyError:
            raise InputError("no answers") from None

    def biases(self) -> Biases:
        return Biases({BENCHMARK.digest: BENCHMARK}, self.answers, lambda: REFERENCE)

    def keep(self, site: Site) -> None:
        store = site.queue._results.store
        files = {f"results/{r.id}.json": r.model_dump_json().encode() for r in self.results}
        store.commit(files | {f"answers/{i}.parquet": t for i, t in self.tables.items()}, store.head(), "runs")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stored, Path]:
    folder = tmp_path_factory.mktemp("runs")
    return Stored(folder, (None, *PERSONAS), 3.0), folder


@pytest.mark.slow
def test_what_is_stored_is_measured_as_folders_are(stored: tuple[Stored, Path]) -> None:
    kept, folder = stored
    (from_store,) = kept.biases().of(kept.results)
    from_folders = report(find_runs([folder]), BENCHMARK, REFERENCE)
    assert from_store == from_folders
    assert "simulated" in (from_store.caveats.benchmark or "")


def test_a_series_is_measured_once_and_anew_when_a_run_is(stored: tuple[Stored, Path]) -> None:
    kept, _ = stored
    kept.read.clear()
    biases = kept.biases()
    first = biases.of(kept.results)
    assert len(kept.read) == 9
    assert biases.of(list(reversed(kept.results))) == first
    assert len(kept.read) == 9
    later = kept.results[1].model_copy(update={"created": kept.results[1].created + timedelta(hours=1)})
    biases.of([*kept.results, later])
    assert len(kept.read) == 18


def test_one_damaged_series_costs_no_other_its_numbers(stored: tuple[Stored, Path]) -> None:
    kept, _ = stored
    others = [
        r.model_copy(update={"id": f"other-{n}", "model": name, **more})
        for n, (r, name, more) in enumerate(
            [(r, "org/gone", {}) for r in kept.results]
            + [(kept.results[1], "org/odd", {"protocol": "of another program"})]
            + [(kept.results[1], "org/nurse", {"persona": "a nurse"})]
        )
    ]
    (found,) = kept.biases().of([*others, *kept.results])
    assert [m.model for m in found.models] == ["org/model"]
    damaged = Biases({BENCHMARK.digest: BENCHMARK}, lambda _: b"no table", lambda: REFERENCE)
    assert damaged.of(kept.results) == ()
    assert Biases({}, kept.answers, lambda: REFERENCE).of(kept.results) == ()


def test_persona_results_stand_beside_the_real_gap(tmp_path: Path, stored: tuple[Stored, Path]) -> None:
    kept, _ = stored
    site = make_site(tmp_path)
    kept.keep(site)
    html = groups.content(site, {"contrast": "age"})
    view = groups.data(site, {"contrast": "age"})
    (series,) = view.imagined
    gap = series.gap
    assert gap is not None
    assert gap.cosine.value is not None
    assert gap.cosine.value > 0.9
    said = plain(section(html, "imagined"))
    assert f"{number(gap.cosine.value)} ({number(gap.cosine.low)} to {number(gap.cosine.high)})" in said
    assert f"{gap.same_sign} of 10" in said
    assert "raters are simulated" in said
    assert "12 queries were asked: intervals are too narrow" in said
    for name, v in gap.values.items():
        assert v.real is not None
        assert f"{name} {number(v.perceived)} ({number(v.low)} to {number(v.high)}) {number(0.52 * v.real)}" in said
    assert all(r.model != "org/model" for r in view.leans), "not among the rows of a board"
    assert all(r.persona is None for b in site.boards() for r in b.results)
    by_model = groups.content(site, {"contrast": "age", "imagined": "org/model"})
    by_id = groups.content(site, {"contrast": "age", "imagined": series.id})
    assert f"imagined={series.id}" in by_model
    assert plain(section(by_model, "imagined")) == plain(section(by_id, "imagined"))
    (found,) = site.biases.of(site.results())
    assert series_id(found.models[0]) == series.id
    (by_match,) = groups.data(site, {"contrast": "age", "reading": "all"}).imagined
    assert (by_match.reading, by_match.id) == ("match", series.id)
    assert by_match.gap is not None
    said = plain(section(groups.content(site, {"contrast": "age", "reading": "all"}), "imagined"))
    assert f"{number(by_match.gap.cosine.value)} ({number(by_match.gap.cosine.low)} to" in said
    assert "In matches on all items" in said
    assert "Size along" not in said


def test_persona_runs_without_templates_are_read_as_published_and_the_page_says_so(
    tmp_path: Path, stored: tuple[Stored, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, _ = stored
    monkeypatch.setattr(Site, "templates", lambda _, digest: None)
    site = make_site(tmp_path)
    kept.keep(site)
    said = plain(section(groups.content(site, {"contrast": "age", "reading": "all"}), "imagined"))
    assert "so persona runs are read as published" in said
    assert "Size along the real gap" in said


def test_without_persona_runs_a_calm_line_and_the_published_illustration(site: Site) -> None:
    gender = plain(section(groups.content(site, {"contrast": "gender"}), "imagined"))
    assert "There is no persona run here yet" in gender
    assert "not a result" in gender
    assert "Direction −0.33, 4 of 10 values" in gender
    assert "Conformity −0.46" in gender
    assert "illustration" not in plain(section(groups.content(site, {"contrast": "age"}), "imagined"))
    view = groups.data(site, {})
    assert view.example is not None
    assert view.example.cosine.low is None, "a figure tells no interval"


def test_half_a_contrast_and_too_few_questions_say_so(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    Stored(tmp_path / "runs", (None, "gender/male"), 1.0, queries=1).keep(site)
    said = plain(section(groups.content(site, {"contrast": "gender"}), "imagined"))
    assert "Only one of the two personas was asked" in said
    assert "bias not reported" in said
    assert "1 of 12 questions" in said


# --- small parts ----------------------------------------------------------------------------------------------------


def lean_row(name: str, lean: float | None) -> LeanRow:
    shown = lean is not None
    fields = {"low": lean, "high": lean, "p": 0.5, "p_adjusted": 1.0} if shown else {}
    empty = dict.fromkeys(("low", "high", "p", "p_adjusted"))
    return LeanRow(
        id=name,
        model=name,
        reported=shown,
        reason=None if shown else "flat",
        lean=lean,
        distinguishable=False,
        **{**empty, **fields},
    )


@pytest.mark.parametrize(
    ("sort", "down", "expected"), [("name", False, "abcx"), ("name", True, "cbax"), ("lean", True, "acbx")]
)
def test_rows_without_a_lean_stay_last(sort: str, down: bool, expected: str) -> None:
    given = [lean_row("a", 0.5), lean_row("b", -0.5), lean_row("c", 0.0), lean_row("x", None)]
    assert "".join(r.id for r in groups.in_order(given, sort, down=down)) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reliability -0.22, 0.50 is needed", "reliability −0.22, 0.50 is needed"),
        ("of 20-39 asked in x-1", "of 20-39 asked in x-1"),
    ],
)
def test_reasons_have_a_true_minus(text: str, said: str) -> None:
    assert groups.said(text) == said


def test_while_the_store_is_away_nothing_is_remembered(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from eval_queue.queue import queue as queue_module

    assert not isinstance(groups.content(site, {}), Volatile)
    monkeypatch.setattr(queue_module.Queue, "outage", lambda _: object())
    assert isinstance(groups.content(site, {}), Volatile)


def test_a_sure_lean_is_said_with_its_side(site: Site) -> None:
    """No published model has one, so one is made of a record; the sentence must name the right side."""
    view = groups.data(site, {"contrast": "political"})
    row = next(r for r in view.leans if view.model and r.id == view.model.id)
    for lean, side in ((0.7, "the political right rather than the political left"), (-0.7, "left rather than the")):
        sure = row.model_copy(update={"lean": lean, "distinguishable": True})
        told = groups._verdict(view.model_copy(update={"leans": [sure]}))
        assert told.sure
        assert side in told.text


def test_an_axis_holds_every_gap(site: Site) -> None:
    example = groups.data(site, {}).example
    assert example is not None
    lanes = groups._lanes(example, 0.52)
    assert lanes.limit == 1.0
    assert float(lanes.along(0)) == 0.5
    assert all(0 < float(lanes.along(r.perceived)) < 1 for r in lanes.rows)
    np.testing.assert_allclose([r.real for r in lanes.rows], 0.52 * REFERENCE.gap(CONTRASTS[0]))


# --- the reading on all items ---------------------------------------------------------------------------------------

MATCHED = shipped_proximity("match")
assert MATCHED is not None
BY_MATCH = {m.model: m for m in MATCHED.models}


def test_both_readings_are_counted_as_the_shipped_files_say() -> None:
    assert REPORT is not None
    assert MATCHED is not None
    board = boards(load(PUBLISHED).results)[0]
    tables = [
        Table(of, {r.id: named[r.model] for r in board.results})
        for of, named in ((REPORT, SHIPPED), (MATCHED, BY_MATCH))
    ]
    chosen = next(r for r in board.results if SHIPPED[r.model].reported and BY_MATCH[r.model].reported)
    said = other_reading(*tables, chosen)
    assert said.models == len(MATCHED.models) == 33
    assert said.reported == (sum(m.reported for m in REPORT.models), sum(m.reported for m in MATCHED.models))
    assert said.sure == tuple(
        sum(lean.sure for m in of.models for lean in m.leans.values()) for of in (REPORT, MATCHED)
    )
    assert said.held == (SHIPPED[chosen.model].held, BY_MATCH[chosen.model].held)
    assert [lean.holds for lean in said.leans] == [
        tuple(held.leans[lean.name] for held in said.held if held) for lean in said.leans
    ]
    assert all(g.distance is None for m in MATCHED.models for g in m.groups.values()), "matches are no rating points"
    assert all(m.like_raters.rms is None for m in MATCHED.models)


def test_the_switch_shows_every_number_of_the_other_reading_and_stays_in_the_address(site: Site) -> None:
    reported = [m for m in BY_MATCH.values() if m.reported]
    model = reported[0]
    query = {"id": ROWS[model.model].id, "contrast": "age", "reading": "all"}
    html = groups.content(site, query)
    assert '<option value="all" selected>all items</option>' in html
    assert "reading=all" in html.split('id="all"')[1]
    all_ = plain(section(html, "all")).replace("  ", " ")
    for m in reported:
        lean, held = m.leans["age"], m.held
        assert held is not None
        told = f"{m.model} {held.leans['age']} of {held.prompts} prompts"
        assert f"{told} {number(lean.lean)} ({number(lean.low)} to {number(lean.high)})" in all_
        assert groups.data(site, query).leans[[r.model for r in reported].index(m.model)].holds == held.leans["age"]
    alike = plain(section(html, "alike"))
    for g in model.groups.values():
        assert f"{number(g.spearman)} ({number(g.low)} to {number(g.high)})" in alike
    assert "No distances" in alike
    assert "has no scale" in plain(html) or "have no scale" in plain(html)
    assert MATCHED is not None
    assert MATCHED.caveats.reading is not None
    assert MATCHED.caveats.reading in plain(html)
    published = groups.content(site, {k: v for k, v in query.items() if k != "reading"})
    assert MATCHED.caveats.reading not in plain(published)
    assert "reading=all" not in published


def test_statements_say_in_how_many_prompts_they_hold(site: Site) -> None:
    for named, reading in ((SHIPPED, ""), (BY_MATCH, "all")):
        model = next(m for m in named.values() if m.reported)
        held = model.held
        assert held is not None
        said = plain(groups.content(site, {"id": ROWS[model.model].id, "reading": reading}))
        for n in held.leans.values():
            assert f"same side in {n} of {held.prompts} prompts" in said
        assert f"The same group leads in {held.nearest} of {held.prompts} prompts taken alone" in said


def test_sure_leans_stand_beside_what_chance_would_give(site: Site) -> None:
    """Three released models lean surely by matches; one or two would if none did."""
    sure = [m.model for m in BY_MATCH.values() if any(lean.sure for lean in m.leans.values())]
    said = plain(groups.content(site, {"reading": "all"}))
    assert all(name in said.split("Both readings side by side")[1] for name in sure)
    reported = sum(m.reported for m in BY_MATCH.values())
    assert f"about {0.05 * reported:.1f} of them would still have a distinguishable lean" in said


def test_files_and_flat_rows_follow_the_reading(site: Site) -> None:
    client = TestClient(Starlette(routes=routes(site)))
    id_ = next(ROWS[m.model].id for m in BY_MATCH.values() if m.reported)
    for name in ("chart/leans", "chart/alike", "download/groups"):
        for reading, expected in (("published", "published"), ("all", "match")):
            answer = client.get(f"/{name}.csv", params={"id": id_, "contrast": "age", "reading": reading})
            assert answer.status_code == 200, answer.text
            found = list(csv.DictReader(line for line in answer.text.splitlines() if not line.startswith("#")))
            assert {row["reading"] for row in found if row["reading"]} == {expected}
    leans = client.get("/chart/leans.csv", params={"contrast": "age", "reading": "all"}).text.splitlines()
    for row in csv.DictReader(line for line in leans if not line.startswith("#")):
        m = BY_MATCH[row["model"]]
        if m.reported:
            assert float(row["lean"]) == pytest.approx(m.leans["age"].lean)
            assert m.held is not None
            assert int(row["holds"]) == m.held.leans["age"]
            assert int(row["prompts"]) == m.held.prompts
    svg = client.get("/chart/leans.svg", params={"contrast": "age", "reading": "all"}).text
    assert "Read with all items" in svg
    assert client.get("/chart/leans.csv", params={"reading": "both"}).status_code == 400
