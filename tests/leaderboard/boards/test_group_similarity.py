"""The shipped proximity of the published models, and the tables that pages take from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import InputError
from data.people.norms import READINGS, Reading
from data.people.rater_means import rater_means
from data.people.reference import load_reference
from data.sources.loading import load_benchmark, load_study
from data.sources.published_templates import templates_of
from eval_queue.scoring.released import Released
from leaderboard.boards.group_similarity import (
    NOT_AT_HAND,
    Proximities,
    read_proximity,
    shipped_proximity,
)
from leaderboard.boards.results import PUBLISHED, boards, load
from leaderboard.groups.group_report import match_reading, report
from leaderboard.measurement.form_validity import released_ratings
from tests.support.rows import result, stored

ROWS = load(PUBLISHED).results


def nothing(*_: object) -> bytes:
    raise InputError("no answers")


@pytest.mark.upstream
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.slow
def test_the_shipped_report_is_what_the_command_computes(upstream_dir: Path, reading: Reading) -> None:
    benchmark = load_benchmark(upstream_dir)
    study, ratings = load_study(upstream_dir), released_ratings(benchmark, Released())
    order = {name: m for m, name in enumerate(sorted(r.model for r in ROWS))}
    templates = templates_of(benchmark)
    assert templates is not None
    match = None if reading == "published" else match_reading(benchmark, study, templates)
    prompts = ratings[[order[r.model] for r in ROWS]]
    models, raters = [r.model for r in ROWS], rater_means(benchmark, study)
    found = report(models, prompts, ROWS, benchmark, raters, load_reference(), match)
    shipped = shipped_proximity(reading)
    assert shipped is not None
    assert found.reading == shipped.reading == reading
    assert [m.model for m in shipped.models] == [r.model for r in ROWS]
    assert found.caveats == shipped.caveats
    for new, old in zip(found.models, shipped.models, strict=True):
        assert (new.model, new.reported, new.reason, new.nearest.group) == (
            old.model,
            old.reported,
            old.reason,
            old.nearest.group,
        )
        assert new.held == old.held
        assert (new.held is not None) is new.reported
        for name, lean in new.leans.items():
            assert (lean.lean, lean.low, lean.high) == pytest.approx(
                (old.leans[name].lean, old.leans[name].low, old.leans[name].high), abs=1e-6
            )


def test_caveats_travel_as_fields() -> None:
    shipped = read_proximity()
    assert shipped is not None
    caveats = shipped.model_dump()["caveats"]
    assert caveats["region"] == "Europe"
    assert caveats["ceiling"] == pytest.approx(0.806, abs=0.001)
    assert caveats["one_european"] == 0.6
    assert shipped.groups_from.n == 37398


def test_a_board_needs_no_benchmark_and_a_row_without_answers_says_so() -> None:
    stranger = result(
        "stranger",
        id="stranger",
        digest=ROWS[0].benchmark.digest,
        protocol=ROWS[0].protocol,
        origin="space",
        complete=True,
        reliability=0.8,
    )
    board = boards([*ROWS, stranger])[0]
    table = Proximities({}, stored(nothing), load_study).of(board)
    assert table is not None
    assert table.rows.keys() == {r.id for r in ROWS}
    assert table.reason(stranger) == NOT_AT_HAND
    for r in ROWS:
        flat = r.reliability is not None and r.reliability < 0.5
        assert (table.reason(r) or "").startswith("flat profile") is flat
        assert (table.rows[r.id].leans["gender"].lean is None) is flat


def test_practice_boards_have_no_table() -> None:
    (board,) = boards([result("a", name="practice")])
    assert Proximities({}, stored(nothing), load_study).of(board) is None
