"""Both readings of a board's rows: places by matches, columns' reliability, rows among people, what pages are sent."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from data.people.item_means import read_item_means
from data.people.norms import READINGS
from data.sources.loading import load_benchmark
from data.sources.published_templates import templates_of
from data.sources.published_validity import read_validation
from data.values import SCALES, VALUES
from eval_queue.records import Result
from leaderboard.analysis.summary import (
    PUBLISHED_DIGEST,
    PUBLISHED_QUERIES,
    match_sentence,
    match_standing,
    sentence,
)
from leaderboard.boards.rank_intervals import PUBLISHED_MATCH_RANKS, rank_match, read_ranks
from leaderboard.boards.readings import NO_TEMPLATES, Standings, no_match, read_columns, read_readings, reading_of
from leaderboard.boards.results import PUBLISHED, boards, load
from leaderboard.boards.row_answers import RowAnswers
from leaderboard.pages.board.data import UNIT, WITH_THE_PAGE, Facts, late_columns, payload
from tests.support.rows import result

ROWS = load(PUBLISHED).results
BOARD = boards(ROWS)[0]


def unpacked(packed: object, n: int) -> list[object]:
    """A column as the page reads it."""
    if isinstance(packed, list):
        return packed
    assert isinstance(packed, dict)
    return [packed["of"][i] for i in packed["at"]] if "at" in packed else [packed["all"]] * n


def test_what_the_page_is_sent_are_the_records_and_reports() -> None:
    sent = json.loads(payload([BOARD], lambda _: Facts(standing=Standings({}, rows_without_answers()).of(BOARD))))
    board = sent["boards"][0]
    n = len(BOARD.results)
    for s, (scale, dimensions) in enumerate(SCALES.items()):
        for i, d in enumerate(dimensions):
            column = board["match"]["scales"][s][i]
            for r, match, half in zip(
                BOARD.results, unpacked(column["match"], n), unpacked(column["half"], n), strict=True
            ):
                assert r.match is not None
                cell = r.match[scale][d.name]
                assert cell.match is not None
                assert cell.low is not None
                assert match == round(cell.match * UNIT)
                assert isinstance(half, int)
                assert abs((match - half) / UNIT - cell.low) <= 1 / UNIT
    validation, readings = read_validation(), read_readings(PUBLISHED_DIGEST)
    assert validation is not None
    assert readings is not None
    assert board["columns"]["models"] == len(validation.models) == 33
    for reading in READINGS:
        for d in VALUES:
            queries = validation.columns[reading][d.name].queries
            assert queries is not None
            assert board["columns"][reading][d.name][0] == round(queries * UNIT)
            shares = unpacked(board["standing"][reading][d.name]["value"], n)
            known = [readings.among_people[reading][r.model].get(d.name) for r in BOARD.results]
            assert shares == [None if x is None else round(x.share * UNIT) for x in known]


def rows_without_answers() -> RowAnswers:
    return RowAnswers(lambda _: None, lambda _: pytest.fail("no row's answers are needed"))


def test_figures_of_one_benchmark_are_no_other_benchmarks() -> None:
    other = boards([result("a", digest="b" * 64), result("b", digest="b" * 64)])[0]
    assert read_columns(other.key.digest) is None
    assert Standings({}, rows_without_answers()).of(other) is None
    sent = json.loads(payload([other]))["boards"][0]
    assert (sent["match"], sent["columns"], sent["shared"], sent["standing"]) == (None, None, None, None)


def test_a_row_without_a_match_says_why() -> None:
    assert no_match(result("old")) == NO_TEMPLATES
    assert no_match(result("flat", match_reason="every item has the same mean rating")) == (
        "No match: every item has the same mean rating."
    )
    assert no_match(BOARD.results[0]) is None


@pytest.mark.parametrize(("asked", "reading"), [("all", "match"), ("published", "published"), ("", "published")])
def test_an_unknown_reading_is_the_published_one(asked: str, reading: str) -> None:
    assert reading_of(asked) == reading
    assert reading_of("<b>") == reading_of(None) == "published"


def test_shipped_places_are_those_of_the_shipped_means(upstream_dir: Path) -> None:
    benchmark = load_benchmark(str(upstream_dir))
    found = read_item_means(benchmark)
    assert found is not None
    shipped = read_ranks(PUBLISHED_MATCH_RANKS)
    assert shipped is not None
    at = {model: i for i, model in enumerate(found.models)}
    assert rank_match(benchmark, {r.id: found.means[at[r.model]] for r in ROWS if r.id in shipped.rows}) == shipped


def test_places_establish_exactly_the_pairs_that_hold_with_people_uncertain_too() -> None:
    """Every pair that holds moves one model's best and another's last place by one."""
    shipped, report = read_ranks(PUBLISHED_MATCH_RANKS), read_readings(PUBLISHED_DIGEST)
    assert shipped is not None
    assert report is not None
    held = report.separations["match"].queries_and_people
    assert held is not None
    moved = sum(int(row.models[d.name].split("-")[0]) - 1 for row in shipped.rows.values() for d in VALUES)
    assert moved == held.models


def test_norms_of_rows_that_are_not_shipped_agree_with_the_shipped_ones(upstream_dir: Path) -> None:
    """The same answers under another name are worked out from the answers and come to the same shares."""
    benchmark = load_benchmark(str(upstream_dir))
    assert templates_of(benchmark) is not None
    means = read_item_means(benchmark)
    assert means is not None
    row = next(r for r in ROWS if r.model == means.models[3])
    own = row.model_copy(update={"id": "own", "origin": "space", "model": "org/own"})

    class Answers(RowAnswers):
        def mean(self, result: object) -> np.ndarray:
            return means.means[3]

    standings = Standings({benchmark.digest: benchmark}, Answers(lambda _: None, lambda _: None))  # type: ignore[arg-type, return-value]
    found = standings.of(boards([row, own])[0])
    assert found is not None
    for reading in READINGS:
        for name, there in found[reading][row.id].items():
            assert found[reading]["own"][name].share == pytest.approx(there.share, abs=2e-6)


def test_a_sentence_names_only_matches_that_hold() -> None:
    for r in ROWS:
        said = match_standing(r)
        assert r.match is not None
        for name in (*said.above, *said.below):
            cell = r.match["pvq"][name]
            assert cell.low is not None
            assert cell.high is not None
            assert cell.low > 0 or cell.high < 0
            assert name in match_sentence(r)
    assert "cannot be tested" in match_sentence(result("none"))
    assert "practice" in match_sentence(result("none", name="practice"))


NAMES = "|".join(d.name for d in VALUES)
LIST = rf"(?:{NAMES})(?:(?:, | and )(?:{NAMES}))*"


def sides(said: str) -> tuple[set[str], set[str]]:
    """The values that a sentence puts above and below, in its own words."""
    above = [*re.findall(rf"(?<!un)like people who put ({LIST}) first", said)]
    above += re.findall(rf"({LIST}) (?:(?:is|are) )?above", said)
    below = [*re.findall(rf"unlike people who put ({LIST}) first", said)]
    below += re.findall(rf"({LIST}) (?:(?:is|are) )?below", said)
    return tuple({name for part in parts for name in re.findall(NAMES, part)} for parts in (above, below))  # type: ignore[return-value]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.model)
def test_neither_sentence_of_a_row_contradicts_the_intervals_beside_it(row: Result) -> None:
    """Every value whose interval leaves out zero is named on its side, and no other is named."""
    assert row.match is not None
    readings = (
        (sentence(row, PUBLISHED_QUERIES), row.scales["pvq"].dimensions),
        (match_sentence(row), row.match["pvq"]),
    )
    for said, cells in readings:
        above = {name for name, c in cells.items() if c.low is not None and c.low > 0}
        below = {name for name, c in cells.items() if c.high is not None and c.high < 0}
        assert row.complete is not False
        assert sides(said) == (above, below), said
        if said.startswith(f"{row.model} "):  # what it names is not all there is
            assert bool(re.search("rest are|other is", said)) == (len(above | below) < len(VALUES)), said


def test_what_is_seldom_shown_of_a_large_board_comes_when_it_is_asked_for() -> None:
    many = [BOARD.results[0].model_copy(update={"id": f"row-{i}"}) for i in range(WITH_THE_PAGE + 1)]
    board = boards(many)[0]
    facts = Facts(ranking=read_ranks(), standing=Standings({}, rows_without_answers()).of(board))
    page = json.loads(payload([board], lambda _: facts))["boards"][0]
    late = late_columns(board, facts)
    assert {name: page[name] for name in late} == {name: {"pending": True} for name in late}
    whole = json.loads(payload([board], lambda _: facts, whole=True))["boards"][0]
    assert late == {name: whole[name] for name in late}
    assert all(late[name] for name in ("standing", "ranking", "match")), "else this compares nothing"
    assert page | late == whole
    assert "match" not in late_columns(BOARD, Facts()), "they came with the page"


def test_a_large_practice_board_promises_neither_ranks_nor_people() -> None:
    practice = BOARD.results[0].benchmark.model_copy(update={"name": "practice"})
    many = [
        BOARD.results[0].model_copy(update={"id": f"row-{i}", "benchmark": practice}) for i in range(WITH_THE_PAGE + 1)
    ]
    (page,) = json.loads(payload(boards(many)))["boards"]
    assert (page["ranking"], page["standing"], page["people"], page["match"]) == (None, None, None, {"pending": True})
