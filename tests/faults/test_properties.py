"""What must hold for any input of what reads: addresses, packages, survey files, records, files of answers.

`fuzz` looks for inputs that break something; these say what must come out of those that do not.
"""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

from data.benchmark import RATING_PHRASES
from data.errors import InputError
from data.people.ess import Profiles, profiles
from data.people.survey_files import read_people
from data.sources.practice import practice_benchmark
from data.values import SCALES
from eval_queue.asking.checkpoint import ANSWERS_FILE, RUN_FILE, RunRecord, save_run
from eval_queue.protocol import plan
from eval_queue.queue.package import ANSWERS_MEMBER, Accepted, accept, make_package
from eval_queue.queue.queue import Queue
from eval_queue.reading.answers import Answers, official_reading, read_answers
from eval_queue.records import BenchmarkRef, Result
from eval_queue.settings import Endpoint
from eval_queue.store.collection import encode
from eval_queue.store.local import LocalStore
from eval_queue.submission import Refused, Submission, new_submission
from leaderboard.pages.board import query as board_query
from leaderboard.pages.board.query import BoardQuery, rows_of
from leaderboard.site.site import Site
from leaderboard.ui import READ
from leaderboard.web import document
from tests.eval_queue.queue.test_package import members, resealed, zipped
from tests.support import ess_files
from tests.support.rows import result, run_record

pytestmark = pytest.mark.slow

PRACTICE = practice_benchmark()
PROMPTS = plan(PRACTICE)
AT = datetime(2026, 11, 1, tzinfo=UTC)
FEW = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
MORE = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
LIMIT = 2_000_000

texts = st.text(max_size=40)
said = st.sampled_from([*RATING_PHRASES.values(), "I would rather not say.", "", "<think>hm</think>"]) | texts
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
jsons = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


# --- addresses ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    store = LocalStore(tmp_path_factory.mktemp("addresses") / "store")
    return Site(
        PRACTICE, PRACTICE, Queue(store, store, lease=timedelta(minutes=2)), (), quota=1, scheduler_seconds=None
    )


@pytest.fixture(scope="module")
def client(site: Site) -> TestClient:
    return TestClient(Starlette(routes=document.routes(site, READ)), raise_server_exceptions=True)


fields = st.sampled_from(board_query.FIELDS)
values = texts | st.sampled_from(
    ["", "pvq", "Power", "above_Power", "down", "2026-01-01", "1e3", "-1", "NaN", "all", "raw"]
)
fields_of_board = st.lists(st.tuples(fields, values), max_size=8)


@MORE
@given(fields_of_board)
def test_any_address_of_the_board_orders_rows_of_the_board(site: Site, said: list[tuple[str, str]]) -> None:
    query = BoardQuery.parse(QueryParams(said))
    board = site.boards()[0]
    rows = rows_of(board, query)
    ids = [r.id for r in rows]
    assert len(set(ids)) == len(ids)
    assert set(ids) <= {r.id for r in board.results}
    assert BoardQuery.parse(QueryParams(list(reversed(said)))).scale in SCALES
    # what no address can say is every row, in one order
    if not said:
        assert set(ids) == {r.id for r in board.results}
    told = board_query.problems(site.boards(), QueryParams(said))
    assert all(isinstance(line, str) and len(line) < 2000 for line in told)


@FEW
@given(st.sampled_from([page.ROUTE for page in READ]), st.lists(st.tuples(texts, values), max_size=4), st.data())
def test_any_address_of_a_page_is_a_page_that_runs_nothing(
    client: TestClient, route: str, odd: list[tuple[str, str]], data: st.DataObject
) -> None:
    known = next(page.FIELDS for page in READ if route == page.ROUTE)
    asked = odd + ([(data.draw(st.sampled_from(sorted(known))), "<script>window.x=1</script>")] if known else [])
    answer = client.get(f"/{route}", params=asked)
    assert answer.status_code in (200, 404)
    assert "<script>window" not in answer.text
    again = client.get(f"/{route}", params=[*asked, ("no-such-field", "1")])
    assert again.content == answer.content, "a field that the page does not have makes no other page"


# --- packages -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[dict[str, Any]]], bytes]:
    """Makes a package of lines of answers."""
    numbers = itertools.count()
    place = tmp_path_factory.mktemp("packages")

    def make(lines: list[dict[str, Any]]) -> bytes:
        folder = place / str(next(numbers))
        folder.mkdir()
        save_run(folder, run_record(PRACTICE, AT))
        (folder / ANSWERS_FILE).write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
        return make_package(folder, PRACTICE, limit=LIMIT)

    return make


@pytest.fixture(scope="module")
def whole(packed: Callable[..., bytes]) -> dict[str, bytes]:
    """The members of a good package."""
    return members(packed(lines_of(list(RATING_PHRASES.values()))))


def accepted(package: bytes) -> Accepted | Refused:
    """What comes of a package."""
    try:
        return accept(package, {PRACTICE.digest: PRACTICE}, submitter="ada", limit=LIMIT)
    except Refused as refusal:
        return refusal


def lines_of(answers: list[str]) -> list[dict[str, Any]]:
    """A line for each prompt; answers are used over and over."""
    return [
        {
            "model": "org/a",
            "prompt_variant": p.variant,
            "portrait_id": p.portrait_id,
            "option_id": p.option_id,
            "raw_response": text,
            "error": None,
            "prompt_digest": p.digest,
        }
        for p, text in zip(PROMPTS, itertools.cycle(answers))
    ]


@FEW
@given(st.lists(said, min_size=1, max_size=12))
def test_a_package_is_scored_as_its_answers_read(packed: Callable[..., bytes], answers: list[str]) -> None:
    lines = lines_of(answers)
    rated = sum(official_reading(line["raw_response"], None, None).rating is not None for line in lines)
    taken = accepted(packed(lines))
    if isinstance(taken, Refused):
        assert (taken.code, rated < len(lines) / 2) == ("unreadable", True)
    else:
        assert taken.result.coverage.rated == rated
        assert taken.result.origin == "self-reported"
        assert taken.result.submitter == "ada"


@MORE
@given(st.data())
def test_a_package_of_which_a_line_was_changed_is_refused_or_scored(
    whole: dict[str, bytes], data: st.DataObject
) -> None:
    lines = lines_of(list(RATING_PHRASES.values()))
    good = dict(whole)
    at = data.draw(st.integers(0, len(lines) - 1))
    field = data.draw(st.sampled_from([*lines[0], "finish_reason", "prompt_tokens", "seconds", "more"]))
    before = lines[at].get(field)
    lines[at][field] = data.draw(jsons)
    changed = gzip.compress(b"\n".join(map(orjson.dumps, lines)), 1)
    package = resealed({**good, ANSWERS_MEMBER: changed})
    taken = accepted(package)
    if isinstance(taken, Refused):
        assert len(str(taken)) < 400
    else:
        told = field in ("raw_response", "error", "finish_reason", "prompt_tokens", "seconds", "more")
        assert told or lines[at][field] == before
        assert taken.result.coverage.prompts == len(lines)


@MORE
@given(st.sampled_from([RUN_FILE, ANSWERS_MEMBER]), st.integers(0, 10**6), st.binary(min_size=1, max_size=20))
def test_a_package_of_which_a_byte_was_changed_is_refused(
    whole: dict[str, bytes], name: str, at: int, put: bytes
) -> None:
    before = whole[name]
    at %= len(before)
    after = before[:at] + put + before[at + len(put) :]
    taken = accepted(zipped({**whole, name: after})) if after != before else None
    assert taken is None or (isinstance(taken, Refused) and "digest" in str(taken))


# --- survey files ---------------------------------------------------------------------------------------------------


def read(table: pd.DataFrame, path: Path) -> Profiles:
    return profiles(read_people(ess_files.write(table, path)).people)


def same(one: Profiles, other: Profiles) -> None:
    mine, others = ({(g.dimension, g.group): g for g in p.groups} for p in (one, other))
    assert mine.keys() == others.keys()
    for name, group in mine.items():
        np.testing.assert_allclose(group.mean_centred10, others[name].mean_centred10, atol=1e-9)
        np.testing.assert_allclose(group.se, others[name].se, rtol=1e-6, atol=1e-9)
        assert group.n == others[name].n


@FEW
@given(seed=st.integers(0, 10**6), factor=st.floats(0.01, 100), order=st.randoms(use_true_random=False))
def test_neither_the_order_of_people_nor_the_unit_of_weights_matters(
    tmp_path_factory: pytest.TempPathFactory, seed: int, factor: float, order: Any
) -> None:
    path = tmp_path_factory.mktemp("survey") / "ess.csv"
    table = ess_files.random_survey(seed, 250)
    first = read(table, path)
    for group in first.groups:
        assert abs(group.mean_centred10.mean()) < 1e-9
        assert np.isfinite(group.se).all()
        assert (np.abs(group.mean_centred10) <= 5).all()
    rows = list(range(len(table)))
    order.shuffle(rows)
    weighted = table.iloc[rows].assign(anweight=table["anweight"].iloc[rows] * factor)
    same(first, read(weighted, path))


odd_cells = st.sampled_from(
    ["", " ", "9999", "-1", "1e99", "nan", "inf", "\u0663", "Very much like me", "0x1", "1,5", "'"]
)


@FEW
@given(
    seed=st.integers(0, 50),
    cells=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 60), odd_cells), max_size=12),
)
def test_a_cell_that_is_no_answer_counts_as_none_or_is_named(
    tmp_path_factory: pytest.TempPathFactory, seed: int, cells: list[tuple[int, int, str]]
) -> None:
    path = tmp_path_factory.mktemp("survey") / "ess.csv"
    table = ess_files.random_survey(seed, 250).astype(object)
    for row, column, value in cells:
        table.iat[row % len(table), column % table.shape[1]] = value
    try:
        groups = read(table, path).groups
    except InputError:
        return
    for group in groups:
        assert group.n <= len(table)
        assert (np.abs(group.mean_centred10) <= 5).all()


# --- records --------------------------------------------------------------------------------------------------------


@MORE
@given(
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,40}", fullmatch=True),
    submitter=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,30}", fullmatch=True),
    at=st.integers(0, 10**6).map(lambda hours: AT + timedelta(hours=hours)),
)
def test_a_submission_is_read_as_it_was_written(name: str, submitter: str, at: datetime) -> None:
    made = new_submission(
        name, endpoint=Endpoint(name="vllm"), benchmark=BenchmarkRef.of(PRACTICE), submitter=submitter, at=at
    )
    content = encode(made)
    assert Submission.model_validate_json(content) == made
    assert encode(Submission.model_validate_json(content)) == content


@MORE
@given(st.data())
def test_a_record_with_another_value_is_refused_or_holds_it(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([Submission, Result, RunRecord]))
    made = {
        Submission: lambda: new_submission(
            "org/a", endpoint=Endpoint(name="vllm"), benchmark=BenchmarkRef.of(PRACTICE), submitter="ada", at=AT
        ),
        Result: lambda: result("org/a", [0.1 * i for i in range(10)], half=0.2),
        RunRecord: lambda: run_record(PRACTICE, AT),
    }[kind]()
    fields: dict[str, Any] = orjson.loads(made.model_dump_json())
    name = data.draw(st.sampled_from(sorted(fields)))
    fields[name] = data.draw(jsons)
    try:
        read = kind.model_validate_json(orjson.dumps(fields))
    except ValidationError:
        return
    assert kind.model_validate_json(read.model_dump_json()) == read


# --- files of answers -----------------------------------------------------------------------------------------------


def read_lines(lines: list[dict[str, Any]], path: Path) -> Answers:
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return read_answers([path], PRACTICE)


@FEW
@given(st.lists(said, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, answers: list[str], order: Any
) -> None:
    path = tmp_path_factory.mktemp("answers") / "answers.jsonl"
    lines = lines_of(answers)
    first = read_lines(lines, path)
    order.shuffle(lines)
    again = read_lines(lines, path)
    np.testing.assert_array_equal(first.ratings, again.ratings)
    np.testing.assert_array_equal(first.unscored, again.unscored)
    assert int(np.isfinite(first.ratings).sum() + first.unscored.sum()) == len(lines), "each answer is in one place"
    with pytest.raises(InputError):
        read_lines([*lines, lines[0]], path)


@MORE
@given(st.data())
def test_a_line_with_another_value_is_read_or_named(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("answers") / "answers.jsonl"
    lines = lines_of(["Like me"])[:5]
    at = data.draw(st.integers(0, 4))
    field = data.draw(st.sampled_from([*lines[0], "finish_reason", "more"]))
    lines[at][field] = data.draw(jsons)
    try:
        found = read_lines(lines, path)
    except InputError:
        return
    assert int(np.isfinite(found.ratings).sum() + found.unscored.sum()) == len(lines)
