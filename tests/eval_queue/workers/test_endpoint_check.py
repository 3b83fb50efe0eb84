"""`doctor --endpoint NAME --model M` against real HTTP servers, each time as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eval_queue.asking import local_model
from tests.support import ROOT
from tests.support.chat_server import ChatServer, Response, fail, rate, say

pytestmark = pytest.mark.slow
MODEL = "org/model"
KEY = "sk-0123456789abcdef"


def doctor(
    tmp_path: Path, address: str, *options: str, model: str = MODEL, **endpoint: object
) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit status, and findings by check."""
    configured = {"name": "own", "base_url": address, **endpoint}
    environment = os.environ | {
        "VALUE_PORTRAIT_SOURCE": "practice",
        "VALUE_PORTRAIT_STORE": str(tmp_path / "store"),
        "VALUE_PORTRAIT_ENDPOINTS": json.dumps([configured]),
        "OWN_KEY": KEY,
    }
    command = [sys.executable, "-m", "eval_queue", "doctor", "--json", "--endpoint", "own", "--model", model, *options]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert KEY not in done.stdout + done.stderr
    return done.returncode, {f["check"]: f for f in json.loads(done.stdout)["findings"]}


def test_all_is_well_and_a_full_run_is_foreseen(tmp_path: Path) -> None:
    with ChatServer(lambda a: say("like me", reasoning_content="Hm.")) as server:
        server.pages["/v1/models"] = Response(
            json.dumps({"data": [{"id": MODEL, "owned_by": "vllm", "max_model_len": 4096}]}).encode()
        )
        server.pages["/version"] = Response(b'{"version": "0.11.2"}')
        price = {"prompt": 1000, "completion": 1000}
        status, found = doctor(tmp_path, server.address, price=price, api_key_env="OWN_KEY")
        assert len(server.asked) == 3
    assert status == 0, found
    assert {name: f["state"] for name, f in found.items()} == dict.fromkeys(
        ("reachable", "authenticated", "model", "parameters", "answers", "reasoning", "speed", "cost"), "ok"
    )
    assert "vllm 0.11.2" in found["reachable"]["found"]
    assert "3 of 3 readable" in found["answers"]["found"]
    assert "apart" in found["reasoning"]["found"]
    assert "360 prompts" in found["speed"]["found"]
    assert "36,000 tokens read and 720 written" in found["cost"]["found"]
    assert "36.72 USD" in found["cost"]["found"]


WRONG = {
    "no key": (fail(401, "bad key"), "authenticated", "bad key"),
    "no chat": (fail(404, b"<html><title>404</title></html>"), "reachable", "/v1"),
    "redirect": (fail(301, "", headers={"location": "https://models.example/v1/chat/completions"}),
                 "reachable", "another host"),
    "unknown model": (fail(404, "The model does not exist"), "model", "does not exist"),
    "prose": (say("As a matter of fact I cannot say."), "answers", "0 of 3 readable"),
    "cut": (say("not", finish_reason="length"), "answers", "0 of 3"),
    "thoughts inside": (say("<think>Hm, like me?</think>like me"), "reasoning", "inside"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_with_the_remedy(tmp_path: Path, what: str) -> None:
    response, check, words = WRONG[what]
    with ChatServer(lambda _: response) as server:
        status, found = doctor(tmp_path, server.address)
        assert len(server.asked) <= 3
    assert status == 1
    assert found[check]["state"] == "failed", found
    assert words in found[check]["found"]
    assert found[check]["mend"]
    if what == "redirect":
        assert "https://models.example/v1" in found[check]["mend"]


def test_parameters_that_are_not_taken_are_named(tmp_path: Path) -> None:
    refused = fail(400, "temperature must be greater than 0")
    with ChatServer(lambda a: refused if "temperature" in a.body else rate(a)) as server:
        status, found = doctor(tmp_path, server.address)
    assert status == 0
    assert "not at temperature 0" in found["parameters"]["found"]


def test_nobody_is_there(tmp_path: Path) -> None:
    status, found = doctor(tmp_path, "http://127.0.0.1:9/v1")
    assert status == 1
    assert "nothing listens there" in found["reachable"]["found"]


def test_a_model_that_is_not_listed_is_named_with_its_neighbours(tmp_path: Path) -> None:
    with ChatServer() as server:
        server.pages["/v1/models"] = Response(b'{"data": [{"id": "org/modell"}]}')
        status, found = doctor(tmp_path, server.address)
    assert status == 1
    assert "org/modell" in found["model"]["found"]


def test_both_options_are_needed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "eval_queue", "doctor", "--endpoint", "local"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--model" in done.stderr


@pytest.mark.local_model
@pytest.mark.skipif(not local_model.available(), reason="needs requirements-local.txt, not installed")
def test_the_small_real_model(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "eval_queue", "doctor", "--json", "--endpoint", "local", "--model"]
    environment = os.environ | {"VALUE_PORTRAIT_SOURCE": "practice", "HTTP_PROXY": "http://127.0.0.1:9"}
    environment = {k: v for k, v in environment.items() if k.lower() != "no_proxy"}
    done = subprocess.run(
        [*command, local_model.MODEL], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    found = {f["check"]: f for f in json.loads(done.stdout)["findings"]}
    assert done.returncode == 0, found
    assert "llama.cpp" in found["reachable"]["found"]
    assert "3 of 3 readable" in found["answers"]["found"]
