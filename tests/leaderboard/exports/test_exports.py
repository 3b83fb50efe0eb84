"""What can be taken away: the board as filtered, every table in three formats, charts, documents for other places."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import threading
import urllib.request
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uvicorn
import yaml
from huggingface_hub import HfApi, parse_eval_result_entries
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient
from typer.testing import CliRunner

from data.errors import InputError
from data.sources.practice import practice_benchmark
from data.values import SCALES, VALUES
from eval_queue.queue.queue import Queue
from eval_queue.records import BenchmarkRef, Result
from eval_queue.store.collection import encode as encode_record
from eval_queue.store.compiled import Column
from eval_queue.store.local import EMPTY_HEAD, LocalStore
from eval_queue.submission import Submission, identity
from leaderboard.__main__ import app as commands
from leaderboard.boards.results import PUBLISHED, Board, boards, load
from leaderboard.charts.portrait import number
from leaderboard.exports.answer_file import write_all
from leaderboard.exports.ecosystem import eval_results, every_eval_ever, model_card, sample_path
from leaderboard.exports.routes import routes
from leaderboard.exports.tables import board_sheet
from leaderboard.files.formats import Sheet, encode, file_name
from leaderboard.files.row_drawings import portrait_svg, scores_svg
from leaderboard.files.standalone import standalone
from leaderboard.pages.board.query import BoardQuery, Key, rows_of, table_of
from leaderboard.site.site import Site
from leaderboard.vocabulary.downloads import DOWNLOADS
from tests.support.commands import client_started_with
from tests.support.hub import hub_server
from tests.support.rows import result

HOSTILE = '=HYPERLINK("x")<script>,\'\n'
RELEASED = load(PUBLISHED).results


def make_site(folder: Path, *rows: Result) -> Site:
    practice = practice_benchmark()
    store = LocalStore(folder / "store")
    if rows:
        store.commit({f"results/{r.id}.json": encode_record(r) for r in rows}, EMPTY_HEAD, "rows")
    queue = Queue(store, store, lease=timedelta(minutes=2))
    return Site(practice, practice, queue, (), quota=2, scheduler_seconds=None)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """The published rows, and beside them one whose name is meant to do harm."""
    first = RELEASED[0]
    bad = result(
        HOSTILE,
        (0.2,) * 9 + (None,),
        id="hostile",
        digest=first.benchmark.digest,
        protocol=first.protocol,
        origin="self-reported",
        developer="@" + HOSTILE,
        created=datetime(2026, 11, 20, tzinfo=UTC),
    )
    return make_site(tmp_path, bad)


@pytest.fixture
def client(site: Site) -> TestClient:
    return TestClient(Starlette(routes=routes(site)), raise_server_exceptions=False)


# --- formats --------------------------------------------------------------------------------------------------------

COLUMNS = (Column("name", "string", "Who."), Column("x", "double", "How much."), Column("n", "int32", "How many."))


def sheet(*rows: dict[str, Any]) -> Sheet:
    return Sheet("test", {"reading": "so"}, COLUMNS, rows)


def read_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_numbers_are_whole_and_missing_ones_are_empty() -> None:
    x = 0.1 + 0.2
    made = sheet({"name": "a", "x": x, "n": 3}, {"name": "b"})
    rows = read_csv(encode(made, "csv"))
    assert float(rows[0]["x"]) == x
    assert rows[1] == {"name": "b", "x": "", "n": ""}
    assert orjson.loads(encode(made, "json"))["rows"][1] == {"name": "b", "x": None, "n": None}
    table = pq.read_table(pa.BufferReader(encode(made, "parquet")))
    assert table["x"].to_pylist() == [x, None]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_is_a_formula_for_a_spreadsheet(begin: str) -> None:
    text = f"{begin}cmd|' /C calc'!A0"
    made = sheet({"name": text, "x": -1.5})
    row = read_csv(encode(made, "csv"))[0]
    assert row["name"] == f"'{text}"
    assert row["x"] == "-1.5"  # a number is no text
    assert orjson.loads(encode(made, "json"))["rows"][0]["name"] == text


def test_quotes_commas_and_lines_survive() -> None:
    text = 'a "b", c\nd'
    assert read_csv(encode(sheet({"name": text}), "csv"))[0]["name"] == text


def test_every_column_says_what_it_holds() -> None:
    document = orjson.loads(encode(sheet(), "json"))
    assert document["fields"] == {"name": "Who.", "x": "How much.", "n": "How many."}
    assert document["about"] == {"reading": "so"}
    schema = pq.read_schema(pa.BufferReader(encode(sheet(), "parquet")))
    assert schema.field("x").metadata[b"description"] == b"How much."
    assert schema.metadata[b"reading"] == b"so"


def test_file_names_are_plain() -> None:
    name = file_name("answers", '../org/model:1 "x"\r\n', "abc", form="csv")
    assert name == "value-portrait-answers-org-model-1-x-abc.csv"


# --- the board as filtered ------------------------------------------------------------------------------------------


def table(*rows: Result) -> Board:
    return boards(rows)[0]


def shown(board: Board, address: str) -> list[str]:
    return [r.model for r in rows_of(board, BoardQuery.parse(QueryParams(address)))]


MADE = (
    result("lab/alpha-2b", (0.3,) + (0.0,) * 9, id="a", developer="Lab", open_weights=True, flat=False),
    result("lab/Beta-10b", (None,) + (0.0,) * 9, id="b", developer="Lab", open_weights=True, flat=True),
    result("shop/alpha-10b", (-0.2,) + (0.0,) * 9, id="c", developer="Shop", open_weights=False, origin="space"),
    result("gamma", (0.1,) + (0.0,) * 9, id="d", created=datetime(2026, 11, 9, tzinfo=UTC)),
)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", "dabc"),
        ("order=down", "cbad"),
        ("q=ALPHA+lab", "a"),
        ("q=shop", "c"),
        ("developer=Lab", "ab"),
        ("developer=Lab&developer=Shop", "abc"),
        ("developer=nobody", ""),
        ("origin=space", "c"),
        ("weights=open", "ab"),
        ("weights=closed", "c"),
        ("weights=wrong", ""),
        ("reliable=yes", "a"),
        ("reliable=flat", "b"),
        ("size_min=3", "bc"),
        ("size_max=3", "a"),
        ("size_min=-1", ""),
        ("size_min=nan", ""),
        ("since=2026-11-09", "d"),
        ("until=2026-11-08", "abc"),
        ("since=20261109", ""),
        ("sort=Self-Direction", "cdab"),
        ("sort=Self-Direction&order=down", "adcb"),
        ("sort=nonsense", "dabc"),
        ("group=developer", "abcd"),
        ("group=developer&sort=Self-Direction&order=down", "abcd"),
        ("pin=c", "cdab"),
        ("pin=c&q=gamma", "cd"),
        ("pin=c&pin=a&sort=Self-Direction&order=down", "acdb"),
        ("pin=unknown", "dabc"),
    ],
)
def test_an_address_gives_its_rows_in_their_order(address: str, expected: str) -> None:
    by_model = {r.model: r.id for r in MADE}
    assert "".join(by_model[m] for m in shown(table(*MADE), address)) == expected


def test_names_stand_as_people_sort_them() -> None:
    names = ["b10", "B2", "a-z", "a_z", "É", "e", "f", "10", "9", "a z"]
    assert sorted(names, key=Key.of) == ["9", "10", "a z", "a_z", "a-z", "B2", "b10", "É", "e", "f"]


def test_raw_numbers_sort_by_raw_numbers() -> None:
    low = result("low", (0.5,) + (0.0,) * 9, id="x")
    high = low.model_copy(update={"id": "y", "model": "high"}, deep=True)
    high.scales["pvq"].dimensions["Self-Direction"].score = 0.1
    high.scales["pvq"].mean = 5.8
    board = table(low, high)
    assert shown(board, "sort=Self-Direction") == ["high", "low"]
    assert shown(board, "sort=Self-Direction&numbers=raw") == ["low", "high"]


def test_a_table_that_is_not_there_is_none() -> None:
    made = boards(MADE)
    assert table_of(made, "gone") is None
    assert table_of(made, "practice") is None


def test_the_file_holds_the_rows_of_its_address_in_their_order(site: Site) -> None:
    address = QueryParams("developer=OpenAI&scale=higher_pvq&sort=Conservation&order=down&hide=Self-Enhancement")
    made = board_sheet(site, address)
    openai = [r for r in RELEASED if r.developer == "OpenAI"]
    expected = sorted(openai, key=lambda r: -(r.scales["higher_pvq"].dimensions["Conservation"].score or 0))
    assert [r["model"] for r in made.rows if r["dimension"] == "Conservation"] == [r.model for r in expected]
    assert {r["dimension"] for r in made.rows} == {"Openness to Change", "Conservation", "Self-Transcendence"}
    first, cell = made.rows[0], expected[0].scales["higher_pvq"].dimensions[made.rows[0]["dimension"]]
    assert (first["score"], first["raw"], first["n"], first["low"]) == (cell.score, cell.raw, cell.n, cell.low)


def test_what_limits_a_row_travels_with_it(site: Site) -> None:
    said = {r["model"]: r["caveats"] for r in board_sheet(site, QueryParams()).rows}
    flat = next(r.model for r in RELEASED if r.flat)
    assert said[flat].startswith("flat: ")
    assert said[HOSTILE].startswith("self-reported: ")
    assert "not better" in board_sheet(site, QueryParams()).about["reading"]


# --- addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n, d in DOWNLOADS.items() if d.whole])
@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_every_table_is_there_in_every_format(client: TestClient, name: str, form: str) -> None:
    answer = client.get(f"/download/{name}.{form}")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="value-portrait-{name}-')
    assert answer.headers["x-content-type-options"] == "nosniff"
    if form == "csv":
        assert read_csv(answer.content) or name == "queue"
    elif form == "json":
        assert answer.json()["table"] == name
    else:
        assert pq.read_table(pa.BufferReader(answer.content)).column_names


def test_a_browser_that_has_a_file_is_told_so_until_results_change(tmp_path: Path, client: TestClient) -> None:
    tag = client.get("/download/board.csv?q=gpt").headers["etag"]
    again = client.get("/download/board.csv?q=gpt", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    store = LocalStore(tmp_path / "store")
    new = result("gpt-new", id="new", digest=RELEASED[0].benchmark.digest, protocol=RELEASED[0].protocol)
    store.commit({"results/new.json": encode_record(new)}, store.head(), "a row")
    assert client.get("/download/board.csv?q=gpt", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("address", "status", "says"),
    [
        ("download/nothing.csv", 404, "no file"),
        ("download/board.exe", 404, "no file"),
        ("download/answers.csv", 404, "id"),
        ("download/answers.csv?id=nobody", 404, "nobody"),
        ("download/card.md?id=nobody", 404, "nobody"),
        ("download/answers.csv?id=hostile", 400, "answers"),
        ("chart/portrait.svg?id=nobody", 404, "nobody"),
        ("chart/portrait.exe?id=hostile", 404, "no file"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(client: TestClient, address: str, status: int, says: str) -> None:
    answer = client.get(f"/{address}")
    assert answer.status_code == status
    assert says in answer.text
    assert answer.headers["content-type"] == "application/json"
    assert says in answer.json()["error"]


def test_answers_come_as_filtered(client: TestClient) -> None:
    row = RELEASED[0]
    whole = client.get(f"/download/answers.json?id={row.id}").json()["rows"]
    assert len(whole) == row.coverage.prompts
    assert sum(a["rating"] is not None for a in whole) == row.coverage.rated
    some = client.get(f"/download/answers.json?id={row.id}&rating=6&variant=v1").json()["rows"]
    items = {(a["portrait_id"], a["option_id"]) for a in whole if a["rating"] == 6 and a["prompt_variant"] == "v1"}
    assert {(a["portrait_id"], a["option_id"]) for a in some} == items
    assert len(some) == 6 * len(items) > 0


def test_who_submitted_is_in_no_file(site: Site, client: TestClient) -> None:
    practice = BenchmarkRef.of(practice_benchmark())
    same: dict[str, Any] = {"model": "org/m", "revision": None, "endpoint": "e", "protocol": "1", "persona": None}
    id_ = identity(**same, benchmark_digest=practice.digest, answer_mode="free-text")
    at = datetime.now(UTC)
    site.queue.submit(
        Submission(
            **same,
            id=id_,
            benchmark=practice,
            answer_mode="free-text",
            submitter="a-person",
            created=at,
            updated=at,
        ),
        quota=5,
    )
    answer = client.get("/download/queue.json")
    assert answer.json()["rows"][0]["id"] == id_
    assert answer.json()["rows"][0]["place"] == 1
    assert "a-person" not in answer.text
    assert client.get("/download/result.json?id=hostile").json()["model"] == HOSTILE


# --- all answers ----------------------------------------------------------------------------------------------------


@contextmanager
def served(site: Site) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes(site)), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


LOAD = """
import json, sys
from datasets import load_dataset
cache, *places = sys.argv[1:]
load = lambda place: load_dataset("parquet", data_files=place, split="train", cache_dir=cache)
print(json.dumps({place: load(place).num_rows for place in places}))
"""


def with_datasets(cache: Path, places: list[str]) -> dict[str, int]:
    """How many rows `datasets` finds in each place, in a process of its own."""
    command = [sys.executable, "-c", LOAD, str(cache), *places]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    found: dict[str, int] = json.loads(run.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
def test_all_results_and_all_answers_load_with_pandas_and_datasets_from_a_file_and_over_http(
    site: Site, tmp_path: Path
) -> None:
    expected = {"all-answers": sum(r.coverage.prompts for r in RELEASED), "results": len(RELEASED) + 1}
    rows: dict[str, int] = {}
    with served(site) as url:
        for name, n in expected.items():
            address, file = f"{url}/download/{name}.parquet", tmp_path / f"{name}.parquet"
            with urllib.request.urlopen(address, timeout=60) as answer:
                file.write_bytes(answer.read())
            assert len(pd.read_parquet(address)) == len(pd.read_parquet(file)) == n
            rows |= {address: n, str(file): n}
        assert with_datasets(tmp_path / "cache", list(rows)) == rows
    answers = pd.read_parquet(tmp_path / "all-answers.parquet")
    ratings = answers.groupby("id")["rating"].count()
    assert {r.id: r.coverage.rated for r in RELEASED} == ratings.to_dict()
    assert pq.read_metadata(tmp_path / "all-answers.parquet").metadata[b"missing"] == b"hostile"


def test_a_row_whose_answers_are_missing_stops_no_other(site: Site, tmp_path: Path) -> None:
    assert write_all(site, tmp_path / "all.parquet") == ["hostile"]
    assert pq.ParquetFile(tmp_path / "all.parquet").num_row_groups == len(RELEASED)


# --- charts ---------------------------------------------------------------------------------------------------------


def test_a_portrait_is_a_file_of_its_own(client: TestClient) -> None:
    answer = client.get(f"/chart/portrait.svg?id={RELEASED[4].id}")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    root = ET.fromstring(answer.text)
    assert RELEASED[4].model in (root.findtext("{http://www.w3.org/2000/svg}title") or "")
    assert root.findtext("{http://www.w3.org/2000/svg}desc")
    assert "prefers-color-scheme:dark" in answer.text
    for outside in ("href", "url(", "@import", "<script", "<image"):
        assert outside not in answer.text
    rows = read_csv(client.get(f"/chart/portrait.csv?id={RELEASED[4].id}").content)
    assert [r["value"] for r in rows] == [d.name for d in VALUES]
    assert float(rows[0]["low"]) == RELEASED[4].scales["pvq"].dimensions["Self-Direction"].low


def test_all_scales_of_a_row_are_a_file_with_their_intervals(client: TestClient) -> None:
    chosen = RELEASED[4]
    root = ET.fromstring(client.get(f"/chart/scores.svg?id={chosen.id}").text)
    told = root.findtext("{http://www.w3.org/2000/svg}desc") or ""
    rows = read_csv(client.get(f"/chart/scores.csv?id={chosen.id}").content)
    expected = [(d.name, s) for s, ds in SCALES.items() for d in ds]
    assert [r["dimension"] for r in rows] == [name for name, _ in expected]
    for row, (name, scale) in zip(rows, expected, strict=True):
        cell = chosen.scales[scale].dimensions[name]
        assert (float(row["score"]), float(row["low"]), int(row["n"])) == (cell.score, cell.low, cell.n)
        assert f"{name} Score {number(cell.score)}, 95 % interval {number(cell.low)} to {number(cell.high)}" in told


def test_a_name_cannot_break_out_of_a_drawing() -> None:
    for made in (portrait_svg, scores_svg):
        drawn = ET.fromstring(made(result("<script>x</script>", half=0.1)))
        assert not list(drawn.iter("{http://www.w3.org/2000/svg}script"))
    root = ET.fromstring(portrait_svg(result("</title></svg><script>alert(1)</script>", half=0.1)))
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    assert "alert(1)" in (root.findtext("{http://www.w3.org/2000/svg}title") or "")


def test_a_drawing_needs_a_view_box() -> None:
    with pytest.raises(ValueError, match="view box"):
        standalone("<svg></svg>")


# --- documents for other places -------------------------------------------------------------------------------------


def test_eval_results_are_read_by_the_hub_s_own_client() -> None:
    row = RELEASED[4]
    text = eval_results(row, dataset="lab/benchmark", dataset_revision="abc", source_url="https://x.example/")
    entries = parse_eval_result_entries(yaml.safe_load(text))
    scores = row.scales["pvq"].dimensions
    assert [e.value for e in entries] == [scores[d.name].score for d in VALUES]
    assert len({e.task_id for e in entries}) == len(VALUES)
    for e, d in zip(entries, VALUES, strict=True):
        assert (e.dataset_id, e.dataset_revision, e.source_name) == (
            "lab/benchmark", "abc", "Value Portrait Leaderboard"
        )  # fmt: skip
        assert e.notes is not None
        assert "no direction" in e.notes
        assert "95 % interval" in e.notes
        assert d.name in e.notes


@pytest.mark.parametrize("fields", [{"name": "practice"}, {"persona": "left"}])
def test_what_is_not_the_model_s_profile_goes_nowhere(tmp_path: Path, fields: dict[str, Any]) -> None:
    row = result("org/m", half=0.1, **fields)
    with pytest.raises(InputError):
        eval_results(row, dataset="lab/benchmark", dataset_revision=None, source_url=None)
    with pytest.raises(InputError):
        every_eval_ever(make_site(tmp_path), row)


@pytest.fixture(scope="session")
def every_eval_ever_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every Eval Ever's package from the registry, unpacked; it asks for a newer Python, its check runs in this one."""
    folder = tmp_path_factory.mktemp("every-eval-ever")
    options = ["--no-deps", "--only-binary=:all:", "--python-version", "3.12", "--dest", str(folder)]
    got = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", *options, "every-eval-ever==0.3.0"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    if got.returncode != 0:
        pytest.skip(f"the package every-eval-ever cannot be had: {got.stderr.strip().splitlines()[-1:]}")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def published_schema(every_eval_ever_package: Path) -> dict[str, Any]:
    """Every Eval Ever's schema."""
    file = every_eval_ever_package / "every_eval_ever" / "schemas" / "eval.schema.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


@pytest.mark.slow
def test_every_eval_ever_s_published_schema_takes_every_row(site: Site, published_schema: dict[str, Any]) -> None:
    validator = jsonschema.Draft7Validator(published_schema)
    assert not validator.is_valid({"schema_version": "0.3.0"})
    for row in (*RELEASED, result("org/m", id="x", half=0.1, origin="space", open_weights=True), site.results()[-1]):
        record = every_eval_ever(site, row)
        assert [e.message for e in validator.iter_errors(record)] == []
        assert len(record["evaluation_results"]) == sum(
            d.score is not None for d in row.scales["pvq"].dimensions.values()
        )
    metric = every_eval_ever(site, RELEASED[4])["evaluation_results"][0]
    assert "no direction" in metric["metric_config"]["evaluation_description"]
    cell = RELEASED[4].scales["pvq"].dimensions["Self-Direction"]
    interval = metric["score_details"]["uncertainty"]["confidence_interval"]
    assert (interval["lower"], interval["upper"]) == (cell.low, cell.high)


@pytest.mark.slow
def test_every_eval_ever_s_own_check_passes_what_the_command_wrote(
    settings: Path, site: Site, every_eval_ever_package: Path, tmp_path: Path
) -> None:
    del settings
    run("eee", RELEASED[0].id, "--out", str(tmp_path / "records"))
    for row in RELEASED[1:]:
        record = every_eval_ever(site, row)
        file = tmp_path / "records" / sample_path(record, row)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(orjson.dumps(record))
    files = [str(f.relative_to(tmp_path / "records")) for f in (tmp_path / "records").rglob("*.json")]
    assert len(files) == len(RELEASED)

    def check(*given: str) -> tuple[int, list[dict[str, Any]]]:
        done = subprocess.run(
            [sys.executable, "-m", "every_eval_ever.validator.cli", "--format", "json", *given],
            cwd=tmp_path / "records",
            env={**os.environ, "PYTHONPATH": str(every_eval_ever_package)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return done.returncode, found

    status, reports = check(*files)
    assert status == 0, reports
    (tmp_path / "records" / "data" / "moved.json").write_bytes((tmp_path / "records" / files[0]).read_bytes())
    assert check("data/moved.json")[0] == 1, "a record that is not where it belongs does not pass"


def test_a_card_says_what_may_be_said_and_stays_plain_markdown(site: Site) -> None:
    text = model_card(site, RELEASED[4])
    for d in VALUES:
        assert f"| {d.name} |" in text
    assert "no direction" in text
    assert "@misc{" in text
    hostile = model_card(site, next(r for r in site.results() if r.id == "hostile"))
    assert "<script>" not in hostile.split("```")[0].replace("\\<script\\>", "")


# --- commands -------------------------------------------------------------------------------------------------------


def run(*arguments: str, answer: str = "") -> str:
    found = CliRunner().invoke(commands, ["export", *arguments], input=answer, catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("VALUE_PORTRAIT_SOURCE", "practice")
    monkeypatch.setenv("VALUE_PORTRAIT_STORE", str(tmp_path / "store"))
    return tmp_path


def test_the_commands_write_what_the_documents_are(settings: Path) -> None:
    row = RELEASED[0].id
    assert json.loads(run("eee", RELEASED[0].model))["schema_version"] == "0.3.0"
    run("card", row, "--out", str(settings / "card"))
    assert {f.name for f in (settings / "card").iterdir()} == {"value-portrait.md", "value-portrait.svg"}
    run("eval-results", row, "--dataset", "lab/b@c0ffee", "--out", str(settings / "x.yaml"))
    assert yaml.safe_load((settings / "x.yaml").read_text())[0]["dataset"]["revision"] == "c0ffee"
    with pytest.raises(InputError, match="--dataset"):
        run("eval-results", row)
    with pytest.raises(InputError, match="nobody"):
        run("eee", "nobody")


def test_nothing_is_sent_without_a_yes(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_site(settings, result("lab/measured", id="row", half=0.1, origin="space"))
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("something was sent"))
    for answer in ("n\n", "", "\n"):
        found = CliRunner().invoke(
            commands,
            ["export", "eval-results", "row", "--dataset", "lab/b", "--open-pull-request"],
            input=answer,
        )
        assert "Open the pull request?" in found.output
        assert "opened:" not in found.output
    with pytest.raises(InputError, match="no repository"):
        run("eval-results", RELEASED[0].id, "--dataset", "lab/b", "--open-pull-request", "--yes")


def test_a_pull_request_is_opened_after_a_yes(tmp_path: Path) -> None:
    with hub_server() as hub:
        model = f"{hub.org}/measured"
        hub.add_model(model)
        make_site(tmp_path, result(model, id="row", half=0.1, origin="space", digest=RELEASED[0].benchmark.digest))
        environment = {
            **hub.environment(tmp_path / "home", token=hub.token),
            "VALUE_PORTRAIT_SOURCE": "practice",
            "VALUE_PORTRAIT_STORE": str(tmp_path / "store"),
        }
        with client_started_with(environment):
            run("eval-results", "row", "--dataset", "lab/b", "--open-pull-request", answer="y\n")
        api = HfApi(endpoint=hub.url, token=hub.token)
        place = ".eval_results/value-portrait.yaml"
        assert place in api.list_repo_files(model, revision="refs/pr/1")
        assert place not in api.list_repo_files(model)
        proposed = api.hf_hub_download(model, place, revision="refs/pr/1", cache_dir=tmp_path / "cache")
        assert len(parse_eval_result_entries(yaml.safe_load(Path(proposed).read_text()))) == len(VALUES)


def test_formats_agree(site: Site) -> None:
    made = board_sheet(site, QueryParams("q=gpt"))
    rows = orjson.loads(encode(made, "json"))["rows"]
    assert [r["score"] for r in rows] == pq.read_table(pa.BufferReader(encode(made, "parquet")))["score"].to_pylist()
    assert [float(r["score"]) for r in read_csv(encode(made, "csv"))] == [r["score"] for r in rows]
