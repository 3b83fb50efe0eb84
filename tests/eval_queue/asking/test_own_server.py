"""A server that is started by a command for one evaluation: waited for, asked, stopped, and what goes wrong with it."""

from __future__ import annotations

import asyncio
import shlex
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from data.sources.practice import practice_benchmark
from eval_queue.asking.evaluation import EvaluationFailed, EvaluationStopped, Job, evaluate
from eval_queue.asking.outcome import Outcome
from eval_queue.asking.own_server import LOG_FILE
from eval_queue.settings import Endpoint
from tests.support import ROOT

pytestmark = pytest.mark.slow

SERVER = f"""
import os, pathlib, sys, time
sys.path.insert(0, {str(ROOT)!r})
from tests.support.chat_server import ChatServer, Response
model, port, folder = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
time.sleep(0.5)
with (folder / "started").open("a") as file:
    file.write(f"{{os.getpid()}} {{model}}\\n")
print("the server of", model, flush=True)
with ChatServer(port=port) as chat:
    chat.pages["/v1/models"] = Response(b'{{"data": []}}')
    time.sleep(600)
"""


def job(command: str, **more: Any) -> Job:
    endpoint = Endpoint(name="own", serve=command, **more)
    return Job("org/a model; rm", endpoint, practice_benchmark(), limit=30, retest=0.2)


def run(one: Job, out: Path, **options: Any) -> Outcome:
    return asyncio.run(evaluate(one, out, **options))


def command(folder: Path, code: str = SERVER) -> str:
    return shlex.join([sys.executable, "-c", code, "{model}", "{port}", str(folder)]).replace("'{model}'", "{model}")


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_is_started_once_asked_and_stopped(tmp_path: Path) -> None:
    outcome = run(job(command(tmp_path)), tmp_path / "run")
    assert outcome.result.coverage.rated == 30
    (line,) = (tmp_path / "started").read_text().splitlines()
    pid, _, model = line.partition(" ")
    assert model == "org/a model; rm", "the name is one word, whatever it holds"
    assert not alive(int(pid))
    assert "the server of org/a model" in (tmp_path / "run" / LOG_FILE).read_text()
    assert "127.0.0.1" not in (tmp_path / "run" / "run.json").read_text()


def test_a_finished_run_starts_no_server(tmp_path: Path) -> None:
    run(job(command(tmp_path)), tmp_path / "run")
    run(job(command(tmp_path)), tmp_path / "run")
    assert len((tmp_path / "started").read_text().splitlines()) == 1


def test_one_that_ends_at_once_is_a_failure_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(EvaluationFailed, match=r"ended with status 3 before it answered") as caught:
        run(job(command(tmp_path, "print('no memory'); raise SystemExit(3)")), tmp_path / "run")
    assert caught.value.code == "endpoint_gone"
    assert "no memory" in (tmp_path / "run" / LOG_FILE).read_text()


def test_one_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(EvaluationFailed, match=r"did not answer within 0\.5 s"):
        run(job(command(tmp_path, "import time; time.sleep(600)"), serve_seconds=0.5), tmp_path / "run")


def test_a_command_that_is_not_there_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(EvaluationFailed, match="cannot be started"):
        run(job("no-such-program --port {port}"), tmp_path / "run")


def test_a_stop_does_not_wait_for_it(tmp_path: Path) -> None:
    stop, began = threading.Event(), time.monotonic()
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(EvaluationStopped):
        run(job(command(tmp_path, "import time; time.sleep(600)")), tmp_path / "run", stop=stop)
    assert time.monotonic() - began < 60


def test_an_endpoint_has_either_an_address_or_a_command() -> None:
    with pytest.raises(ValueError, match="leave base_url out"):
        Endpoint(name="x", serve="serve --port {port}", base_url="http://127.0.0.1/v1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must say"):
        Endpoint(name="x", serve="serve")


def test_outside_an_evaluation_there_is_nothing_to_ask() -> None:
    from eval_queue.workers.doctor import _endpoint

    finding = _endpoint(Endpoint(name="own", serve="vllm serve {model} --port {port}"))
    assert (finding.state, finding.check) == ("skipped", "endpoint own")
