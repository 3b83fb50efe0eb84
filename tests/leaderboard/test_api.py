"""The served app for programs: named endpoints through the real client, tools through a real MCP client."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import duckdb_extension_httpfs
import jsonschema
import openapi_spec_validator
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent, Tool

from data.values import VALUES
from leaderboard.api import ENDPOINTS, arguments
from leaderboard.boards.group_similarity import shipped_proximity
from leaderboard.boards.readings import read_readings
from leaderboard.boards.results import PUBLISHED, load
from tests.browser.conftest import HOSTILE, fill
from tests.conftest import ROOT
from tests.support.apps import app
from tools.live import RunningApp

RELEASED = load(PUBLISHED).results
NAMES = [method.__name__ for method in ENDPOINTS]
SECRET = "a-very-secret-key"
FOR_PROGRAMS = ROOT / "docs" / "how-to" / "use-from-programs.md"
DOCUMENT = ROOT / "docs" / "how-to" / "use-the-data.md"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    store = tmp_path_factory.mktemp("served") / "store"
    fill(store)
    endpoint = {"name": "vllm", "base_url": "http://10.9.8.7:6543/v1", "api_key_env": "SECRET_KEY_FOR_TESTS"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_KEY_FOR_TESTS", SECRET)
        with app(store, source="practice", scheduler="false", endpoints=json.dumps([endpoint])) as started:
            yield started


@pytest.fixture(scope="module")
def client(running: RunningApp) -> Client:
    return Client(running.url, verbose=False)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.loads(answer.read())


def test_exactly_the_pages_twins_are_offered(running: RunningApp) -> None:
    info = get(f"{running.url}/gradio_api/info")
    assert list(info["named_endpoints"]) == [f"/{name}" for name in NAMES]
    assert info["unnamed_endpoints"] == {}
    for endpoint in info["named_endpoints"].values():
        assert len(endpoint["description"]) > 30
        assert all(p["type"] for p in endpoint["parameters"])


def test_the_board_is_that_of_the_same_address(running: RunningApp, client: Client) -> None:
    got = client.predict(developer=["OpenAI"], sort="Power", order="down", scale="pvq", limit=50, api_name="/board")
    file = get(f"{running.url}/download/board.json?developer=OpenAI&sort=Power&order=down")
    assert [r["id"] for r in got["rows"]] == list(dict.fromkeys(r["id"] for r in file["rows"]))
    score = RELEASED[0].scales["pvq"].dimensions["Power"]
    mine = next(r for r in got["rows"] if r["id"] == RELEASED[0].id)
    assert mine["scores"]["Power"] == {
        name: getattr(score, name) for name in ("score", "raw", "n", "se", "low", "high")
    }
    assert "not better" in got["reading"]


def test_the_other_reading_is_the_records(running: RunningApp, client: Client) -> None:
    got = client.predict(reading="all", sort="Power", order="down", limit=50, api_name="/board")
    file = get(f"{running.url}/download/board.json?reading=all&sort=Power&order=down")
    assert [r["id"] for r in got["rows"]] == list(dict.fromkeys(r["id"] for r in file["rows"]))
    match = (RELEASED[0].match or {})["pvq"]["Power"]
    mine = next(r for r in got["rows"] if r["id"] == RELEASED[0].id)
    assert mine["matches"]["Power"] == match.model_dump()
    assert "scores" not in mine
    line = next(r for r in file["rows"] if (r["id"], r["dimension"]) == (RELEASED[0].id, "Power"))
    assert {name: line[name] for name in match.model_dump()} == match.model_dump()
    above = client.predict(reading="all", sort="above_Power", limit=50, api_name="/board")["rows"]
    readings = read_readings(RELEASED[0].benchmark.digest)
    assert readings is not None
    shares = [readings.among_people["match"][r["model"]]["Power"].share for r in above if r["model"] in readings.models]
    assert shares == sorted(shares)
    cited = client.predict(reading="all", api_name="/cite")["citations"]
    assert any("all items" in c["text"] for c in cited if c["of"] == "This board")
    with pytest.raises(AppError, match="reading: must be one of"):
        client.predict(reading="some", api_name="/board")


def test_groups_and_map_follow_the_reading(running: RunningApp, client: Client) -> None:
    shipped = shipped_proximity("match")
    assert shipped is not None
    by_model = {m.model: m for m in shipped.models}
    got = client.predict(reading="all", contrast="age", limit=100, api_name="/groups")
    assert got["reading"] == "match"
    assert got["caveats"]["reading"]
    leans = {r["model"]: r for r in got["leans"] if r["reported"]}
    assert set(leans) == {name for name, m in by_model.items() if m.reported}
    for name, r in leans.items():
        assert r["lean"] == pytest.approx(by_model[name].leans["age"].lean)
        assert r["holds"] == by_model[name].held.leans["age"]  # type: ignore[union-attr]
    assert client.predict(api_name="/groups")["reading"] == "published"
    placed = client.predict(reading="all", limit=100, api_name="/map")
    file = get(f"{running.url}/download/map.json?reading=all")
    assert placed["read_as"] == "match"
    assert {m["id"]: m["length"]["value"] for m in placed["models"]} == pytest.approx(
        {r["id"]: r["length"] for r in file["rows"] if r["kind"] == "model"}
    )
    assert placed["people"] == []


def test_pages_of_rows_make_the_whole(client: Client) -> None:
    first, second = (client.predict(limit=20, page=n, api_name="/board") for n in (1, 2))
    ids = [r["id"] for r in (*first["rows"], *second["rows"])]
    assert first["found"] == len(ids) == len(set(ids)) == len(RELEASED) + 1
    assert client.predict(limit=20, page=3, api_name="/board")["rows"] == []


def test_a_row_comes_with_its_citation_and_every_answer(client: Client) -> None:
    row = RELEASED[0]
    got = client.predict(id=row.id, api_name="/model")
    assert got["result"]["model"] == row.model
    assert row.model in got["cite"]["One line"]
    assert got["address"].startswith(f"model?id={row.id}&at=")
    answers = client.predict(id=row.id, rating="6", limit=200, api_name="/answers")
    assert 0 < len(answers["rows"]) <= 200
    assert answers["found"] % 6 == 0
    assert {"BibTeX", "APA", "One line"} == {
        c["form"] for c in client.predict(id=row.id, api_name="/cite")["citations"]
    }
    assert client.predict(api_name="/benchmark")["schema_version"] == 1


def test_rows_are_compared_and_placed_without_the_benchmark_s_texts(client: Client) -> None:
    ids = [r.id for r in RELEASED[:2]]
    compared = client.predict(ids=ids, items=3, api_name="/compare")
    assert [m["id"] for m in compared["members"]] == ids
    assert set(compared["pairs"][0]["differences"]) == {d.name for d in VALUES}
    assert not {"title", "query", "text"} & {k for i in compared["items"] for a in i["answers"] for k in a}
    placed = client.predict(view="plane", highlight=ids[:1], api_name="/map")
    assert {m["id"] for m in placed["models"]} >= {r.id for r in RELEASED}


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("model", {"id": "nobody"}, "no row is called 'nobody'"),
        ("answers", {"id": ""}, "name a row"),
        ("board", {"limit": 51}, "limit"),
        ("board", {"limit": 0}, "limit"),
        ("board", {"page": 0}, "page"),
        ("board", {"page": "x"}, "page"),
        ("board", {"table": "gone"}, "table"),
        ("board", {"since": "yesterday"}, "since"),
        ("board", {"scale": "all"}, "scale"),
        ("queue", {"limit": 10**9}, "limit"),
        ("compare", {"items": 51}, "items"),
        ("compare", {"scale": "all"}, "scale"),
        ("map", {"view": "globe"}, "view"),
        ("groups", {"id": "nobody"}, "nobody"),
        ("groups", {"contrast": "height"}, "contrast"),
    ],
)
def test_a_wrong_argument_is_named(client: Client, name: str, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(AppError, match=says):
        client.predict(**arguments, api_name=f"/{name}")


def test_no_secret_and_no_person_is_told(client: Client, running: RunningApp) -> None:
    told = [
        client.predict(api_name=f"/{name}")
        for name in ("board", "compare", "map", "groups", "benchmark", "queue", "cite")
    ]
    text = json.dumps([*told, get(f"{running.url}/gradio_api/info"), get(f"{running.url}/gradio_api/openapi.json")])
    for secret in (SECRET, "SECRET_KEY_FOR_TESTS", "10.9.8.7", ":6543", str(ROOT)):
        assert secret not in text
    assert client.predict(search="img src", api_name="/board")["rows"][0]["model"] == HOSTILE  # data, not HTML


# --- tools ----------------------------------------------------------------------------------------------------------


async def with_tools(
    url: str, *calls: tuple[str, dict[str, Any]], at: str = "/gradio_api/mcp/"
) -> tuple[list[Tool], list[CallToolResult]]:
    async with (
        streamable_http_client(f"{url}{at}") as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        return (await session.list_tools()).tools, [await session.call_tool(*call) for call in calls]


def said(result: CallToolResult) -> str:
    return "".join(part.text for part in result.content if isinstance(part, TextContent))


async def test_a_model_finds_and_uses_the_same_as_tools(running: RunningApp) -> None:
    row = RELEASED[0]
    tools, (board, answers, wrong) = await with_tools(
        running.url,
        ("board", {"search": row.model, "limit": 1}),
        ("answers", {"id": row.id, "limit": 6}),
        ("model", {"id": "nobody"}),
    )
    assert [t.name for t in tools] == NAMES
    described = {t.name: t for t in tools}
    assert "no winner" in (described["board"].description or "")
    assert described["model"].inputSchema["required"] == ["id"]
    assert described["board"].inputSchema["properties"]["limit"]["description"]
    assert not board.isError
    assert row.id in said(board)
    assert len(json.loads(said(answers))["rows"]) == 6
    assert wrong.isError
    assert "nobody" in said(wrong)


FIRST, SECOND = (r.id for r in RELEASED[:2])
ARGUMENTS: dict[str, dict[str, Any]] = {
    "model": {"id": FIRST},
    "answers": {"id": FIRST},
    "compare": {"ids": [FIRST, SECOND]},
    "cite": {"id": FIRST},
}
WRONG: dict[str, dict[str, Any]] = {
    "board": {
        **{"table": "nope", "scale": "all", "developer": ["Nobody"], "family": ["gpt4o"], "origin": ["spaec"]},
        **{
            "weights": "opeen",
            "size_min": "big",
            "size_max": -1,
            "reliable": "no",
            "parameters": "no",
            "since": "yesterday",
        },
        **{
            "parameters": "no",
            "until": "2026-02-30",
            "group": "size",
            "sort": "power",
            "order": "sideways",
            "pin": ["nobody"],
        },
        **{
            "numbers": "rare",
            "reading": "some",
            "released_since": "20261101",
            "released_until": "soon",
            "page": 0,
            "limit": 51,
            "search": ["a", {}],
        },
    },
    "model": {"id": "nobody"},
    "answers": {
        **{"id": "nobody", "value": "power", "source": "nowhere", "rating": "7", "variant": "v4", "read": "raed"},
        **{"page": "first", "limit": 201},
    },
    "compare": {"ids": ["nobody"], "series": "gpt-9", "scale": "all", "value": "power", "items": 51, "reading": "some"},
    "map": {
        **{"view": "globe", "table": "nope", "highlight": ["nobody"], "family": "gpt4o", "developer": "openai"},
        **{"page": 0, "limit": "many", "reading": "some"},
    },
    "groups": {"id": "nobody", "contrast": "height", "table": "nope", "page": -1, "limit": 0, "reading": "some"},
    "benchmark": {},
    "queue": {"page": 0, "limit": 10**9},
    "cite": {"id": "nobody", "reading": "some"},
}
"""A wrong value for every argument of every endpoint."""


def test_every_argument_is_tried() -> None:
    assert {name: list(given) for name, given in WRONG.items()} == {
        name: sorted(taken, key=list(WRONG[name]).index) for name, taken in arguments().items()
    }


@pytest.mark.parametrize("at", ["/gradio_api/mcp/", "/mcp"])
async def test_every_tool_answers_in_json_that_fits_its_schema_and_is_short(running: RunningApp, at: str) -> None:
    tools, results = await with_tools(running.url, *((name, ARGUMENTS.get(name, {})) for name in NAMES), at=at)
    for tool, result in zip(tools, results, strict=True):
        assert not result.isError, said(result)
        assert len(said(result)) < 8000
        assert json.loads(said(result)) == result.structuredContent
        assert tool.outputSchema is not None
        jsonschema.validate(result.structuredContent, tool.outputSchema)
        assert set(tool.outputSchema["properties"]) & set(result.structuredContent or {})
        assert tool.annotations is not None
        assert tool.annotations.readOnlyHint
        assert "Use it" in (tool.description or "")
        assert all(told.get("description") for told in tool.inputSchema["properties"].values())


async def test_what_a_tool_leaves_out_can_be_asked_for(running: RunningApp) -> None:
    _, results = await with_tools(running.url, *((name, ARGUMENTS.get(name, {})) for name in NAMES))
    asked: list[tuple[str, dict[str, Any]]] = []
    for name, result in zip(NAMES, results, strict=True):
        assert result.structuredContent is not None
        for how in result.structuredContent.get("left_out", {}).values():
            part, limit = re.search(r"part=(\S+)", how), re.search(r"limit=(\d+)", how)
            more = {"part": part[1]} if part else {"limit": int((limit or [0, 0])[1]), "page": 2}
            asked.append((name, {**ARGUMENTS.get(name, {}), **more}))
    assert {name for name, _ in asked} >= {"board", "model", "compare", "map", "groups", "benchmark"}
    _, more_results = await with_tools(running.url, *asked)
    for (name, given), result in zip(asked, more_results, strict=True):
        assert not result.isError, (name, given, said(result))
        assert len(said(result)) < 8000
        found = result.structuredContent or {}
        assert found.get("value") or found.get("rows") or found.get("models") or found.get("leans"), (name, given)


async def test_a_tool_names_a_wrong_argument_and_one_that_there_is_not(running: RunningApp) -> None:
    calls = [
        (name, {**({"id": FIRST} if name == "answers" else {}), argument: value})
        for name, given in WRONG.items()
        for argument, value in given.items()
    ]
    unknown = [(name, {**ARGUMENTS.get(name, {}), "develper": "OpenAI"}) for name in NAMES]
    other: list[tuple[str, dict[str, Any]]] = [("nothing", {}), ("board", {"part": "nothing"}), ("board", {"part": 7})]
    _, results = await with_tools(running.url, *calls, *unknown, *other)
    for (name, given), result in zip((*calls, *unknown, *other), results, strict=True):
        assert result.isError, (name, given)
        argument = list(given)[-1] if given else "tool nothing"
        assert argument.removesuffix("s") in said(result), (name, given, said(result))


def plain(running: RunningApp, path: str) -> tuple[int, Any]:
    try:
        return 200, get(f"{running.url}{path}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())  # JSON also where something is wrong


def address(given: dict[str, Any]) -> str:
    return urllib.parse.urlencode({k: v for k, v in given.items() if v}, doseq=True)


@pytest.mark.parametrize("name", NAMES)
def test_an_address_gives_plain_json_and_names_what_is_wrong(running: RunningApp, client: Client, name: str) -> None:
    given = ARGUMENTS.get(name, {})
    status, found = plain(running, f"/api/{name}?{address(given)}")
    assert status == 200
    told = client.predict(**given, api_name=f"/{name}")
    if "retrieved" in found.get("about", {}):  # the second of each request, which may be another one
        assert found["about"].pop("retrieved") <= told["about"].pop("retrieved")
    assert found == told
    for argument, value in WRONG[name].items():
        if argument == "search":
            continue  # any text may be looked for
        fixed = {"id": FIRST} if name == "answers" else {}
        status, wrong = plain(running, f"/api/{name}?{urllib.parse.urlencode({**fixed, argument: value}, doseq=True)}")
        assert status in (400, 404), argument
        assert argument.removesuffix("s") in wrong["error"]
    status, wrong = plain(running, f"/api/{name}?{address(given)}&develper=OpenAI")
    assert status == 400
    assert "develper: there is no such argument" in wrong["error"]


def test_gradio_s_own_address_names_an_argument_that_there_is_not(running: RunningApp) -> None:
    sent = json.dumps({"develper": ["OpenAI"]}).encode()
    request = urllib.request.Request(
        f"{running.url}/gradio_api/call/v2/board", sent, {"Content-Type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code == 400
    assert b"develper: there is no such argument" in refused.value.read()


@pytest.mark.parametrize("at", ["/api/openapi.json", "/gradio_api/openapi.json"])
def test_the_description_of_the_endpoints_is_valid_and_whole(running: RunningApp, at: str) -> None:
    document = get(f"{running.url}{at}")
    openapi_spec_validator.validate(document)
    assert list(document["paths"]) == [f"/api/{name}" for name in NAMES]
    for name, taken in arguments().items():
        parameters = document["paths"][f"/api/{name}"]["get"]["parameters"]
        assert [p["name"] for p in parameters] == taken


def test_the_example_in_the_documents_runs(
    running: RunningApp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.search(r"```python\n(from gradio_client import Client.*?)```", text, re.DOTALL)
    assert found is not None
    code = found[1]
    assert "http://127.0.0.1:7860" in code
    exec(compile(code.replace("http://127.0.0.1:7860", running.url), DOCUMENT.name, "exec"), {})
    printed = capsys.readouterr().out
    row = next(r for r in RELEASED if r.model == "gpt-4o-2024-05-13")
    assert f"{row.model} {row.scales['pvq'].dimensions['Power'].score} from" in printed


def examples() -> list[tuple[str, str]]:
    return re.findall(r"```(sh|python|sql)\n(.*?)```", FOR_PROGRAMS.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize(("language", "code"), examples(), ids=[code.split("\n")[0][:50] for _, code in examples()])
def test_every_example_for_programs_runs(running: RunningApp, tmp_path: Path, language: str, code: str) -> None:
    assert "http://127.0.0.1:7860" in code
    code = code.replace("http://127.0.0.1:7860", running.url)
    if language == "sql":
        (extension,) = Path(duckdb_extension_httpfs.__file__).parent.glob("extensions/*/httpfs.duckdb_extension")
        with duckdb.connect() as db:
            db.execute(f"LOAD '{extension}'")
            assert len(db.sql(code).fetchall()) == len(get(f"{running.url}/download/results.json")["rows"])
        return
    command = ["sh", "-eu", "-c", code] if language == "sh" else [sys.executable, "-c", code]
    if language == "sh" and not shutil.which("curl"):
        pytest.skip("needs curl")
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_documents_name_every_endpoint() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`/{name}`" not in text] == []
