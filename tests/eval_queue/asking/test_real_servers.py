"""Real servers that others wrote, unmodified, in front of the small real model.

`litellm`'s proxy wants other versions of packages than this project, so it is installed apart (two minutes) and named:

    python3 -m venv LITELLM && LITELLM/bin/pip install "litellm[proxy]==1.74.9"
    TEST_LITELLM=LITELLM/bin/litellm python -m pytest tests/eval_queue/asking/test_real_servers.py
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data.sources.practice import practice_benchmark
from eval_queue.asking import local_model
from eval_queue.asking.evaluation import EvaluationFailed, Job, evaluate
from eval_queue.asking.local_model import MODEL
from eval_queue.asking.outcome import Outcome
from eval_queue.settings import Endpoint

LITELLM = os.environ.get("TEST_LITELLM") or shutil.which("litellm")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.local_model,
    pytest.mark.skipif(not local_model.available(), reason="needs requirements-local.txt, not installed"),
    pytest.mark.skipif(LITELLM is None, reason="TEST_LITELLM names no litellm proxy, see the docstring"),
]
OTHER = "with-a-parameter-it-does-not-take"


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address up to and with `/v1`. It offers the small model, and once more through an interface without seed."""
    folder = tmp_path_factory.mktemp("litellm")
    with socket.socket() as free, local_model.running() as address:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        entry: dict[str, Any] = {"model": f"openai/{MODEL}", "api_base": address, "api_key": "none"}
        other = {"model": f"anthropic/{MODEL}", "api_base": address.removesuffix("/v1"), "api_key": "none"}
        models = [{"model_name": MODEL, "litellm_params": entry}, {"model_name": OTHER, "litellm_params": other}]
        config = folder / "config.yaml"
        config.write_text(json.dumps({"model_list": models}))  # JSON is YAML
        command = [str(LITELLM), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        # it would fetch a list of prices first
        environment = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait_until_up(process, f"http://127.0.0.1:{port}/health/liveliness")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_up(process: subprocess.Popen[bytes], url: str) -> None:
    end = time.monotonic() + 180
    while process.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("litellm did not start")


def run(address: str, out: Path, model: str = MODEL, **endpoint: object) -> Outcome:
    settings = Endpoint.model_validate({"name": "litellm", "base_url": address, "concurrency": 2, **endpoint})
    return asyncio.run(evaluate(Job(model, settings, practice_benchmark(), limit=6), out))


def test_a_run_through_litellm(litellm: str, tmp_path: Path) -> None:
    info = run(litellm, tmp_path).result.run
    assert info is not None
    assert info.changed == {}
    assert info.uncounted == 0
    assert (info.prompt_tokens or 0) > 6 * 50


def test_a_grammar_passes_through_litellm(litellm: str, tmp_path: Path) -> None:
    assert run(litellm, tmp_path, answer_mode="constrained").result.coverage.rated == 6


def test_an_unknown_model_is_one_diagnosis(litellm: str, tmp_path: Path) -> None:
    with pytest.raises(EvaluationFailed) as caught:
        run(litellm, tmp_path, "no/such-model")
    assert caught.value.code == "unknown_model"


def test_a_parameter_that_it_refuses_in_its_own_words_is_dropped(litellm: str, tmp_path: Path) -> None:
    info = run(litellm, tmp_path, OTHER).result.run
    assert info is not None
    assert info.changed == {"seed": "dropped"}
