"""The Model page: what it says is significant, every answer behind a row, and nothing of it trusted as HTML."""

from __future__ import annotations

import hashlib
import html
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from markupsafe import escape
from starlette.datastructures import QueryParams

from data.benchmark import VARIANTS, Benchmark
from data.people.norms import READINGS
from data.people.rater_means import rater_means
from data.sources.loading import load_benchmark
from data.sources.practice import practice_benchmark
from data.values import SCALE_COLUMNS, VALUES
from eval_queue.queue.queue import Queue
from eval_queue.records import BenchmarkRef, Cost, Result, RunInfo, Served
from eval_queue.settings import Endpoint
from eval_queue.store.collection import encode
from eval_queue.store.local import EMPTY_HEAD, LocalStore
from eval_queue.submission import new_submission
from leaderboard.analysis.summary import (
    PUBLISHED_DIGEST,
    PUBLISHED_QUERIES,
    match_sentence,
    sentence,
    standing,
    taken_alone,
)
from leaderboard.boards.group_similarity import read_proximity
from leaderboard.boards.rank_intervals import read_ranks
from leaderboard.boards.readings import read_readings
from leaderboard.charts.portrait import number
from leaderboard.exports.tables import answers_sheet
from leaderboard.pages.methodology import page as methodology
from leaderboard.pages.model import page as model
from leaderboard.site.answers import PAGE_SIZE, Filters, answers_of, cut
from leaderboard.site.permanent import row_address, row_citations
from leaderboard.site.site import Site
from tests.support.odd_models import ORDINARY, odd_rows
from tests.support.rows import result

HOSTILE = "<img src=x onerror=alert(1)></pre><script>alert(2)</script>"
PRACTICE = practice_benchmark()
ROW = next(r for r in odd_rows(PRACTICE) if r.model == ORDINARY)


def answers_table_of(benchmark: Benchmark, rating: int, raw: str = "x", unread: str | None = None) -> bytes:
    """A run's table: one rating to every prompt; those of the variant `unread` have none."""
    cells = [(i, v) for i in benchmark.items for v in VARIANTS]
    columns = {
        "portrait_id": [i.query_id for i, _ in cells],
        "option_id": [i.option_id for i, _ in cells],
        "prompt_variant": [v for _, v in cells],
        "raw_response": [raw for _ in cells],
        "rating": [None if v == unread else rating for _, v in cells],
        "unscored": ["unreadable" if v == unread else None for _, v in cells],
        "prompt_digest": [f"{v}{i.id}" for i, v in cells],
    }
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), buffer)
    return bytes(buffer.getvalue().to_pybytes())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    store = LocalStore(tmp_path / "store")
    files = {
        f"results/{ROW.id}.json": encode(ROW),
        f"answers/{ROW.id}.parquet": answers_table_of(PRACTICE, 4, HOSTILE, VARIANTS[3]),
    }
    store.commit(files, EMPTY_HEAD, "a row with answers")
    return Site(
        PRACTICE, PRACTICE, Queue(store, store, lease=timedelta(minutes=2)), (), quota=2, scheduler_seconds=None
    )


def test_hostile_answers_and_addresses_are_inert(site: Site) -> None:
    page = model.content(site, {"id": ROW.id})
    assert "&lt;script&gt;alert(2)" in page
    assert "<script" not in page
    assert page.count("<img") == page.count('<img src="data:image/svg+xml,%3Csvg')  # the badge alone
    assert "<script" not in model.content(site, {"id": HOSTILE})
    assert "<script" not in model.content(site, {"id": ROW.id, "source": HOSTILE, "page": HOSTILE})


def test_every_answer_is_there_with_its_text_over_the_pages(site: Site) -> None:
    items = answers_of(ROW, PRACTICE, site.queue.answers, site.released)
    assert [(i.query_id, i.option_id) for i in items] == [i.id for i in PRACTICE.items]
    first = cut(items, Filters(), texts=True)
    seen = [i for n in range(1, first.pages + 1) for i in cut(items, Filters(page=n), texts=True).items]
    assert seen == list(items)
    assert len(first.items) == min(PAGE_SIZE, len(items))
    for item, known in zip(items, PRACTICE.items, strict=True):
        assert item.text == known.text
        assert [g.variant for g in item.given] == list(VARIANTS)


def test_filters_hold_for_one_and_the_same_answer(site: Site) -> None:
    items = answers_of(ROW, PRACTICE, site.queue.answers, site.released)
    assert cut(items, Filters(variant=VARIANTS[3], read="read"), texts=True).found == 0
    assert cut(items, Filters(variant=VARIANTS[3], read="unread"), texts=True).found == len(items)
    assert cut(items, Filters(rating="5"), texts=True).found == 0
    for name, n in list(PRACTICE.items_per_dimension().items())[:10]:
        assert cut(items, Filters(value=name), texts=True).found == n


def test_any_dimension_and_any_text_or_id_can_be_looked_for(site: Site) -> None:
    items = answers_of(ROW, PRACTICE, site.queue.answers, site.released)
    for name, n in PRACTICE.items_per_dimension().items():
        assert cut(items, Filters.parse({"value": name}), texts=True).found == n
    one = PRACTICE.items[7]
    name = f"{one.query_id}-{one.option_id}"
    for q in (name, name.replace("-", "/"), f"{one.query_id} {one.text.split()[0].upper()}", f"  {name} "):
        found = cut(items, Filters.parse({"q": q}), texts=True).items
        assert name in [i.name for i in found], q
    assert [i.name for i in cut(items, Filters.parse({"q": name}), texts=True).items] == [name]
    of_query = sum(i.query_id == one.query_id for i in PRACTICE.items)
    assert cut(items, Filters.parse({"q": str(one.query_id)}), texts=True).found == of_query
    assert cut(items, Filters.parse({"q": "no such words"}), texts=True).found == 0


def test_the_data_of_the_page_are_json_and_whole(site: Site) -> None:
    for row in (ROW, site.published.results[1]):
        found = model.data(site, {"id": row.id, "page": "2", "read": "read"})
        assert found is not None
        plain = json.loads(found.model_dump_json())
        assert plain["result"]["id"] == row.id
        assert plain["filters"]["read"] == "read"
        assert plain["answers"]["page"] == 2
        assert len(plain["answers"]["items"][0]["given"]) == len(VARIANTS)
        assert plain["sentence"] in html.unescape(model.content(site, {"id": row.id}))
    assert model.data(site, {"id": "nobody"}) is None


def test_the_address_of_an_item_leads_to_it(site: Site) -> None:
    last = PRACTICE.items[-1]
    name = f"{last.query_id}-{last.option_id}"
    page = model.content(site, {"id": ROW.id, "q": name})
    assert f'id="q{name}"' in page
    assert page.count("<article") == 1
    assert f'href="model?id={ROW.id}&amp;q={name}#q{name}"' in page


def test_pages_and_downloads_keep_the_filters(site: Site) -> None:
    page = model.content(site, {"id": ROW.id, "variant": "v1", "read": "read"})
    assert f"model?id={ROW.id}&amp;variant=v1&amp;read=read&amp;page=2#answers" in page
    assert f"download/answers.csv?id={ROW.id}&amp;variant=v1&amp;read=read" in page


def test_a_download_holds_what_the_page_shows(site: Site) -> None:
    row = site.published.results[0]
    for fields in ({"value": "Benevolence"}, {"source": "Reddit", "rating": "5"}, {"q": "1003-2"}):
        found = model.data(site, {"id": row.id, **fields})
        assert found is not None
        assert found.answers is not None
        assert found.answers.found > 0
        rows = answers_sheet(site, QueryParams({"id": row.id, **fields})).rows
        assert len({(r["portrait_id"], r["option_id"]) for r in rows}) == found.answers.found, fields


def test_what_was_read_is_counted_by_source_and_wording(site: Site) -> None:
    found = model.data(site, {"id": ROW.id})
    assert found is not None
    assert found.read is not None
    for cell in found.read.cells:
        if cell.variant != "all":
            assert cell.share == (0 if cell.variant == VARIANTS[3] else 1)
    assert [(u.kind, u.count) for u in found.read.unread] == [("unreadable", len(PRACTICE.items))]
    digests = sorted(f"{v}{i.id}" for i in PRACTICE.items for v in VARIANTS)
    assert found.prompts_digest == hashlib.sha256("\n".join(digests).encode()).hexdigest()


def test_raters_stand_behind_published_rows_and_a_mean_behind_others(site: Site) -> None:
    published = model.data(site, {"id": site.published.results[0].id})
    assert published is not None
    assert published.background is not None
    assert published.background.kind == "raters"
    raters = site.raters(PUBLISHED_DIGEST)
    assert raters is not None
    assert tuple(published.background.scores.values()) == raters
    alone = model.data(site, {"id": ROW.id})
    assert alone is not None
    assert alone.background is None


def test_places_are_those_of_the_board_and_nobody_without_one_has_any(site: Site) -> None:
    ranks = read_ranks()
    assert ranks is not None
    for row in (site.published.results[0], site.published.results[1]):
        found = model.data(site, {"id": row.id})
        assert found is not None
        assert {n: p.models for n, p in found.places.items() if p.models} == ranks.rows[row.id].models
        assert {n: p.values for n, p in found.places.items() if p.values} == ranks.rows[row.id].values
    practised = model.data(site, {"id": ROW.id})
    assert practised is not None
    assert practised.places == {}


def test_groups_are_those_of_the_report_and_withheld_with_a_reason(site: Site) -> None:
    report = read_proximity()
    assert report is not None
    by_model = {m.model: m for m in report.models}
    for row in site.published.results[:3]:
        found = model.data(site, {"id": row.id})
        assert found is not None
        assert found.people == by_model[row.model]
        assert ("Not compared with groups: flat" in model.content(site, {"id": row.id})) == (row.flat is True)
    assert "nobody rated the practice benchmark" in model.content(site, {"id": ROW.id})


def test_history_holds_other_releases_and_what_became_of_submissions(site: Site) -> None:
    by_name = {r.model: r for r in site.published.results}
    may = by_name["gpt-4o-2024-05-13"]
    found = model.data(site, {"id": may.id})
    assert found is not None
    assert [h.model for h in found.history] == ["gpt-4o-2024-08-06", "gpt-4o-2024-11-20"]
    assert all(h.comparable for h in found.history)
    assert [s.model for s in found.siblings] == ["gpt-4o-mini-2024-07-18"]
    assert "compare?series=gpt-4o" in model.content(site, {"id": may.id})
    before = model.moment(site, {"id": may.id})
    asked = new_submission(
        "org/gpt-4o-2025-01-01",
        endpoint=Endpoint(name="there"),
        benchmark=BenchmarkRef.of(PRACTICE),
        submitter="somebody",
        at=datetime(2026, 11, 20, tzinfo=UTC),
    )
    site.queue.submit(asked, quota=5)
    assert model.moment(site, {"id": may.id}) != before
    site.queue.cancel(asked.id, by="somebody")
    again = model.data(site, {"id": may.id})
    assert again is not None
    assert [(s.model, s.state) for s in again.submissions] == [("org/gpt-4o-2025-01-01", "cancelled")]
    assert "org/gpt-4o-2025-01-01" in model.content(site, {"id": may.id})


@pytest.mark.upstream
def test_the_people_of_the_benchmark_in_use_stand_beside_its_items(upstream_dir: Path, site: Site) -> None:
    benchmark = load_benchmark(str(upstream_dir))
    used = replace(site, benchmark=benchmark, source=str(upstream_dir))
    row = site.published.results[0]
    found = model.data(used, {"id": row.id})
    assert found is not None
    assert found.answers is not None
    assert found.answers.texts
    expected = rater_means(benchmark, used.study(benchmark))
    for item in found.answers.items:
        at = benchmark.item_index[item.query_id, item.option_id]
        assert item.people == pytest.approx(expected[at])
        assert [c.rho for c in item.counts_for] == benchmark.key.rho[at][benchmark.key.selected[at]].tolist()
    # the same rows without texts still say where an item comes from and what it counts for
    plain = model.data(site, {"id": row.id})
    assert plain is not None
    assert plain.answers is not None
    for one, other in zip(plain.answers.items, found.answers.items, strict=True):
        assert (one.text, one.people) == (None, None)
        assert (one.name, one.source) == (other.name, other.source)
        assert [c.dimension for c in one.counts_for] == [c.dimension for c in other.counts_for]


@pytest.mark.parametrize("row", odd_rows(PRACTICE), ids=lambda r: r.model)
def test_odd_rows_have_a_page(tmp_path: Path, row: Result) -> None:
    store = LocalStore(tmp_path / "store")
    store.commit({f"results/{row.id}.json": encode(row)}, EMPTY_HEAD, "a row")
    queue = Queue(store, store, lease=timedelta(minutes=2))
    page = model.content(Site(PRACTICE, PRACTICE, queue, (), quota=2, scheduler_seconds=None), {"id": row.id})
    assert "No raw answers are stored" in page
    assert not re.search(r"\bnan\b", page)  # "Provenance" is a heading
    assert "None" not in page


@pytest.mark.parametrize(
    ("amount", "shown"), [(0.01234, "0.0123 USD"), (12.345, "12.35 USD"), (0.0, "0.00 USD"), (None, "not recorded")]
)
def test_what_a_run_cost_is_said(tmp_path: Path, amount: float | None, shown: str) -> None:
    cost = (
        None
        if amount is None
        else Cost(amount=amount, currency="USD", per_million_prompt_tokens=0.15, per_million_completion_tokens=0.6)
    )
    when = ROW.created
    run = RunInfo(started=when, finished=when, seconds=1.0, cost=cost)
    priced = ROW.model_copy(update={"run": run})
    store = LocalStore(tmp_path / "store")
    store.commit({f"results/{ROW.id}.json": encode(priced)}, EMPTY_HEAD, "a row")
    queue = Queue(store, store, lease=timedelta(minutes=2))
    page = model.content(Site(PRACTICE, PRACTICE, queue, (), quota=2, scheduler_seconds=None), {"id": ROW.id})
    found = re.search(r"<dt>Cost</dt><dd>(.*?)</dd>(.*)", page)
    assert found is not None
    assert found[1] == shown
    assert ("0.15 USD per million prompt tokens and 0.6 USD per million completion tokens" in found[2]) == (
        amount is not None
    )


def test_what_ran_the_model_and_what_was_changed_is_said(tmp_path: Path) -> None:
    when = ROW.created
    run = RunInfo(
        started=when,
        finished=when,
        seconds=1.0,
        provider="someone",
        served=Served(engine="vllm", version="0.11.2", quantisation="fp8", context_length=8192, deterministic=True),
        changed={"temperature": "dropped", "max_tokens": "max_completion_tokens"},
        prompt_tokens=1000,
        completion_tokens=50,
        uncounted=3,
        filtered=2,
        cost=Cost(
            amount=1, currency="USD", per_million_prompt_tokens=1, per_million_completion_tokens=1, at_least=True
        ),
    )
    row = ROW.model_copy(update={"run": run, "reasoning_effort": "low", "base_model": "org/base"})
    store = LocalStore(tmp_path / "store")
    store.commit({f"results/{ROW.id}.json": encode(row)}, EMPTY_HEAD, "a row")
    queue = Queue(store, store, lease=timedelta(minutes=2))
    page = model.content(Site(PRACTICE, PRACTICE, queue, (), quota=2, scheduler_seconds=None), {"id": ROW.id})
    found = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    assert found["Provider"] == "someone"
    assert found["Engine"] == "vllm 0.11.2"
    assert (found["Quantisation"], found["Context length"], found["Deterministic mode"]) == (
        "fp8",
        "8,192 tokens",
        "on",
    )
    assert found["Not accepted by the endpoint"] == "temperature (left out), max_tokens (sent as max_completion_tokens)"
    assert found["Prompt tokens"] == "at least 1,000"
    assert found["Cost"] == "at least 1.00 USD"
    assert (found["Reasoning effort"], found["Adapter of"]) == ("low", "org/base")
    assert found["Blocked by the endpoint’s filter"] == "2 prompts"


def test_published_rows_show_every_answer_without_texts(site: Site) -> None:
    row = site.published.results[0]
    page = model.content(site, {"id": row.id})
    assert "Texts are not loaded" in page
    assert "520 responses; page 1 of 26" in page
    assert "page 26 of 26" in model.content(site, {"id": row.id, "page": "99"})


def test_the_sentence_names_only_what_survives_holm() -> None:
    many = (50,) * 10
    sure = result("m", (0.5, -0.5, *(0.0,) * 8), half=0.1)
    assert sentence(sure, many).startswith("m puts Self-Direction above and Stimulation below its own average")
    # the interval leaves out zero, but not after Holm over ten
    assert standing(result("m", (0.11, *(0.0,) * 9), half=0.1), many) == ((), (), 10)
    assert "distinguishable" in sentence(result("m", half=0.1), many)
    assert "taken alone" not in sentence(result("m", half=0.1), many)
    assert "cannot be tested" in sentence(sure, None)
    assert "Too little" in sentence(result("m", (0.5,) * 10, half=0.1, flat=True), many)


@pytest.mark.parametrize("score", [0.11, -0.11])
@pytest.mark.parametrize("flat", [False, True])
def test_the_sentence_never_contradicts_the_intervals_beside_it(score: float, flat: bool) -> None:
    many, side = (50,) * 10, "above" if score > 0 else "below"
    row = result("m", (score, 0.5, *(0.0,) * 8), half=0.1, flat=flat)
    for queries in (many, None):
        said = sentence(row, queries)
        corrected = not flat and queries is many  # then Stimulation is named by itself, else each is taken alone
        told = (
            "Self-Direction and Stimulation are above"
            if side == "above" and not corrected
            else f"Self-Direction is {side}"
        )
        assert told in said
        assert "Stimulation" in said
        assert "aken alone" in said
        assert ("not after correcting for ten comparisons" in said) == corrected
    assert taken_alone(row, standing(row, many)) == (
        (("Self-Direction",), ()) if side == "above" else ((), ("Self-Direction",))
    )


def test_published_query_counts_are_the_keys(upstream_dir: Path) -> None:
    benchmark = load_benchmark(str(upstream_dir))
    selected = benchmark.key.selected[:, SCALE_COLUMNS["pvq"]]
    assert benchmark.digest == PUBLISHED_DIGEST
    counted = tuple(len(np.unique(benchmark.query_index[column])) for column in selected.T)
    assert counted == PUBLISHED_QUERIES


def test_a_row_is_cited_in_every_form_under_an_address_that_lasts(site: Site) -> None:
    row = site.published.results[0]
    page = str(model.content(site, {"id": row.id}))
    for c in row_citations(site, row):
        assert str(escape(c.text)) in page
    assert str(escape(row_address(site, row))) in page
    assert "belongs to the present one" not in page
    assert "belongs to the present one" in str(model.content(site, {"id": row.id, "at": "an-older-one"}))


def test_both_readings_of_released_rows_are_their_records(site: Site) -> None:
    readings = read_readings(PUBLISHED_DIGEST)
    assert readings is not None
    for row in site.published.results[:6]:
        page = html.unescape(model.content(site, {"id": row.id}))
        assert row.match is not None
        for scale in row.match.values():
            for cell in scale.values():
                assert cell.match is not None
                assert f"{number(cell.match)} <span" in page
        assert sentence(row, PUBLISHED_QUERIES) in page
        assert match_sentence(row) in page
        for reading in READINGS:
            for value in VALUES:
                assert model.above(readings.among_people[reading][row.model].get(value.name)) in page
        profile = readings.profiles[row.model]
        assert f"{number(profile.strength.estimate)} ({number(profile.strength.low)} to" in page
        assert "none can be shown" in page, "no released model has a profile of its own by the joint test"
        explained = readings.explained[row.model].r2
        assert explained is not None
        assert f"{round(100 * explained)} %" in page
        assert "not asked again" in page
        assert 'href="methodology"' in page


def test_a_row_without_a_match_says_so_and_its_name_stays_a_name(site: Site, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    row = result(HOSTILE, id="hostile", origin="space")
    store.commit({"results/hostile.json": encode(row)}, store.head(), "a row")
    page = model.content(site, {"id": "hostile", "reading": HOSTILE})
    assert "made before there were any" in page
    assert "<script" not in page
    assert page.count("<img") == page.count('<img src="data:image/svg+xml,%3Csvg')  # the badge alone


def test_the_method_is_a_page_with_its_numbers(site: Site) -> None:
    page = methodology.content(site, {})
    assert "Methodology</h1>" in page
    assert "<!--" not in page
    contents = re.findall(r'<a href="#([^"]+)">', page.partition("</nav>")[0])
    assert contents == re.findall(r'<h2 id="([^"]+)">', page)
    assert len(contents) == page.count("<h2") > 10
    assert "<table" in page
    assert "<td>0.85</td>" in page
