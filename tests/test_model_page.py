"""The Model page: what it says is significant, every answer behind a row, and nothing of it trusted as HTML."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.benchmark import VARIANTS
from data.practice import practice_benchmark
from data.sources import load_benchmark
from data.values import SCALE_COLUMNS
from eval_queue.collection import encode
from eval_queue.queue import Queue
from eval_queue.records import BenchmarkRef
from eval_queue.store import EMPTY_HEAD, LocalStore
from leaderboard.answers_view import PAGE_SIZE, Filters, answers_of, cut
from leaderboard.model_data import cite
from leaderboard.pages import model
from leaderboard.sentence import PUBLISHED_DIGEST, PUBLISHED_QUERIES, sentence, standing
from leaderboard.site import Site
from tests.odd_models import ORDINARY, odd_rows
from tests.rows import result

HOSTILE = "<img src=x onerror=alert(1)></pre><script>alert(2)</script>"
PRACTICE = practice_benchmark()
ROW = next(r for r in odd_rows(PRACTICE) if r.model == ORDINARY)


def table() -> bytes:
    """Raw answers to every prompt of the practice benchmark; the fourth wording of each item is unread."""
    cells = [(i, v) for i in PRACTICE.items for v in VARIANTS]
    unread = VARIANTS[3]
    columns = {
        "portrait_id": [i.query_id for i, _ in cells],
        "option_id": [i.option_id for i, _ in cells],
        "prompt_variant": [v for _, v in cells],
        "raw_response": [HOSTILE for _ in cells],
        "rating": [None if v == unread else 4 for _, v in cells],
        "unscored": ["unreadable" if v == unread else None for _, v in cells],
    }
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), buffer)
    return bytes(buffer.getvalue().to_pybytes())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    store = LocalStore(tmp_path / "store")
    files = {f"results/{ROW.id}.json": encode(ROW), f"answers/{ROW.id}.parquet": table()}
    store.commit(files, EMPTY_HEAD, "a row with answers")
    return Site(
        PRACTICE, PRACTICE, Queue(store, store, lease=timedelta(minutes=2)), (), quota=2, scheduler_seconds=None
    )


def test_hostile_answers_and_addresses_are_inert(site: Site) -> None:
    page = model.words(site, {"id": ROW.id})
    assert "&lt;script&gt;alert(2)" in page
    assert "<script" not in page
    assert "<img" not in page
    assert "<script" not in model.words(site, {"id": HOSTILE})
    assert "<script" not in model.words(site, {"id": ROW.id, "source": HOSTILE, "page": HOSTILE})


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


def test_published_rows_show_every_answer_without_texts(site: Site) -> None:
    row = site.published.results[0]
    page = model.words(site, {"id": row.id})
    assert "Texts are not loaded" in page
    assert "520 responses; page 1 of 26" in page
    assert "page 26 of 26" in model.words(site, {"id": row.id, "page": "99"})


def test_the_sentence_names_only_what_survives_holm() -> None:
    many = (50,) * 10
    sure = result("m", (0.5, -0.5, *(0.0,) * 8), half=0.1)
    assert sentence(sure, many).startswith("m puts Self-Direction above and Stimulation below its own average")
    # the interval leaves out zero, but not after Holm over ten
    assert standing(result("m", (0.11, *(0.0,) * 9), half=0.1), many) == ((), (), 10)
    assert "distinguishable" in sentence(result("m", half=0.1), many)
    assert "cannot be tested" in sentence(sure, None)
    assert "Too little" in sentence(result("m", (0.5,) * 10, half=0.1, flat=True), many)


def test_published_query_counts_are_the_keys(upstream_dir: Path) -> None:
    benchmark = load_benchmark(str(upstream_dir))
    selected = benchmark.key.selected[:, SCALE_COLUMNS["pvq"]]
    assert benchmark.digest == PUBLISHED_DIGEST
    counted = tuple(len(np.unique(benchmark.query_index[column])) for column in selected.T)
    assert counted == PUBLISHED_QUERIES


def test_the_citation_names_the_row() -> None:
    line = cite(ROW, date(2026, 11, 24))
    assert ROW.id in line
    assert BenchmarkRef.of(PRACTICE).digest[:12] in line
    assert line.endswith("retrieved 2026-11-24.")
