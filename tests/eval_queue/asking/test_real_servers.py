"""Real servers that others wrote, unmodified: `litellm`'s proxy before the small real model, and `transformers serve`.

Both want other versions of packages than this project, so each is installed apart and named in the environment:
`python3 tools/run.py servers` does both and runs these tests.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from data.sources.practice import practice_benchmark
from eval_queue.__main__ import app
from eval_queue.asking import local_model
from eval_queue.asking.evaluation import EvaluationFailed, Job, evaluate
from eval_queue.asking.local_model import MODEL
from eval_queue.asking.outcome import Outcome
from eval_queue.settings import Endpoint
from tests.support.waiting import until
from tools.live import free_port

LITELLM = os.environ.get("TEST_LITELLM") or shutil.which("litellm")
TRANSFORMERS = os.environ.get("TEST_TRANSFORMERS")
OTHER = "with-a-parameter-it-does-not-take"
TINY = "org/tiny"
START_SECONDS = 300

HOW = "`python3 tools/run.py servers` installs it"
pytestmark = pytest.mark.slow
needs_local_model = pytest.mark.skipif(not local_model.available(), reason="needs requirements-local.txt")
needs_litellm = pytest.mark.skipif(LITELLM is None, reason=f"TEST_LITELLM names no litellm proxy; {HOW}")
needs_transformers = pytest.mark.skipif(TRANSFORMERS is None, reason=f"TEST_TRANSFORMERS names no command; {HOW}")


@contextmanager
def started(command: list[str], folder: Path, health: str, **settings: str) -> Iterator[None]:
    """A server in a process of its own, from when it answers at `health`."""
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | settings, stdout=output, stderr=output)
    try:
        until(lambda: answers(health) or process.poll() is not None, START_SECONDS)
        assert process.poll() is None, log.read_text()[-2000:]
        yield
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def run(address: str, out: Path, model: str, **endpoint: object) -> Outcome:
    settings = Endpoint.model_validate({"name": "real", "base_url": address, "concurrency": 2, **endpoint})
    return asyncio.run(evaluate(Job(model, settings, practice_benchmark(), limit=6), out))


def failure(address: str, out: Path, model: str, **endpoint: object) -> str:
    with pytest.raises(EvaluationFailed) as caught:
        run(address, out, model, **endpoint)
    return caught.value.code


# --- litellm --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address up to and with `/v1`. It offers the small model, and once more through an interface without seed."""
    folder = tmp_path_factory.mktemp("litellm")
    port = free_port()
    with local_model.running() as address:
        entry: dict[str, Any] = {"model": f"openai/{MODEL}", "api_base": address, "api_key": "none"}
        other = {"model": f"anthropic/{MODEL}", "api_base": address.removesuffix("/v1"), "api_key": "none"}
        models = [{"model_name": MODEL, "litellm_params": entry}, {"model_name": OTHER, "litellm_params": other}]
        config = folder / "config.yaml"
        config.write_text(json.dumps({"model_list": models}))  # JSON is YAML
        command = [str(LITELLM), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        health = f"http://127.0.0.1:{port}/health/liveliness"
        # it would fetch a list of prices first
        with started(command, folder, health, LITELLM_LOCAL_MODEL_COST_MAP="True"):
            yield f"http://127.0.0.1:{port}/v1"


@needs_litellm
@needs_local_model
@pytest.mark.local_model
class TestLitellm:
    def test_a_run_through_it(self, litellm: str, tmp_path: Path) -> None:
        info = run(litellm, tmp_path, MODEL).result.run
        assert info is not None
        assert info.changed == {}
        assert info.uncounted == 0
        assert (info.prompt_tokens or 0) > 6 * 50

    def test_a_grammar_passes_through_it(self, litellm: str, tmp_path: Path) -> None:
        assert run(litellm, tmp_path, MODEL, answer_mode="constrained").result.coverage.rated == 6

    def test_an_unknown_model_is_one_diagnosis(self, litellm: str, tmp_path: Path) -> None:
        assert failure(litellm, tmp_path, "no/such-model") == "unknown_model"

    def test_a_parameter_that_it_refuses_in_its_own_words_is_dropped(self, litellm: str, tmp_path: Path) -> None:
        info = run(litellm, tmp_path, OTHER).result.run
        assert info is not None
        assert info.changed == {"seed": "dropped"}


# --- transformers serve ---------------------------------------------------------------------------------------------

MAKE_TINY = """
import sys
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

folder, phrase = sys.argv[1:]
signs = sorted(pre_tokenizers.ByteLevel.alphabet())
tokenizer = Tokenizer(models.BPE(vocab={sign: n for n, sign in enumerate(signs)}, merges=[]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.add_tokens([phrase])
tokenizer.add_special_tokens(["<end>"])
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>")
fast.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\\n{% endfor %}assistant="
begins, says, ends = map(tokenizer.token_to_id, ("=", phrase, "<end>"))
size = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
tokens = {"bos_token_id": None, "eos_token_id": ends, "pad_token_id": ends}
model = LlamaForCausalLM(LlamaConfig(vocab_size=ends + 1, max_position_embeddings=8192, **size, **tokens))
with torch.no_grad():
    for name, weights in model.named_parameters():
        weights.fill_(1.0 if "norm" in name else 0.0)
    for n, (after, comes) in enumerate([(begins, says), (says, ends)]):
        model.get_input_embeddings().weight[after, n] = model.get_output_embeddings().weight[comes, n] = 1.0
model.save_pretrained(folder)
fast.save_pretrained(folder)
"""
"""Makes a model of some thousand weights that says one phrase whatever it is asked; arguments: folder and phrase."""


@pytest.fixture(scope="module")
def transformers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address up to and with `/v1`, with the tiny model loaded."""
    folder = tmp_path_factory.mktemp("transformers")
    settings = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    make = [str(Path(str(TRANSFORMERS)).with_name("python")), "-c", MAKE_TINY, TINY, "somewhat like me"]
    subprocess.run(make, cwd=folder, env=os.environ | settings, check=True, timeout=START_SECONDS)
    port = free_port()
    command = [str(TRANSFORMERS), "serve", TINY, "--device", "cpu", "--host", "127.0.0.1", "--port", str(port)]
    with started(command, folder, f"http://127.0.0.1:{port}/health", **settings):
        yield f"http://127.0.0.1:{port}/v1"


@needs_transformers
class TestTransformersServe:
    def test_a_run_on_it(self, transformers: str, tmp_path: Path) -> None:
        result = run(transformers, tmp_path, TINY).result
        assert result.coverage.rated == 6
        info = result.run
        assert info is not None
        assert (info.changed, info.uncounted, info.endpoint_model) == ({}, 0, TINY)
        assert info.completion_tokens == 6 * 2  # the phrase and its end
        assert (info.prompt_tokens or 0) > 6 * 50

    def test_the_doctor_finds_it_well(self, transformers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VALUE_PORTRAIT_STORE", str(tmp_path / "store"))
        monkeypatch.setenv("VALUE_PORTRAIT_SOURCE", "practice")
        done = CliRunner().invoke(app, ["doctor", "--json", "--endpoint", transformers, "--model", TINY])
        found = {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}
        assert done.exit_code == 0, found
        assert "3 of 3 readable" in found["answers"]["found"]

    def test_a_grammar_that_it_does_not_know_is_one_diagnosis(self, transformers: str, tmp_path: Path) -> None:
        assert failure(transformers, tmp_path, TINY, answer_mode="constrained") == "unsupported"

    def test_an_unknown_model_is_one_diagnosis(self, transformers: str, tmp_path: Path) -> None:
        assert failure(transformers, tmp_path, "no/such-model") == "unknown_model"
