"""`python -m data` as a person runs it: its output, its exit status, and once in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from data.sources.layout import SURVEY
from data.sources.loading import load_benchmark
from tests.conftest import ROOT
from tests.support.commands import Done, run_command
from tests.support.folders import write_folder


def run(*arguments: str) -> Done:
    return run_command("data", *arguments)


@pytest.mark.slow
@pytest.mark.parametrize("package", ["data", "eval_queue", "leaderboard"])
def test_a_process_of_its_own_does_the_same(package: str, tmp_path: Path) -> None:
    right = {
        "data": ("info", "--source", "practice", "--json"),
        "eval_queue": ("settings",),
        "leaderboard": ("--help",),
    }
    wrong = {
        "data": ("info", "--source", "no-such-source"),
        "eval_queue": ("score", str(tmp_path / "none.jsonl"), "--source", "practice"),
        "leaderboard": ("bias", str(tmp_path / "none")),
    }
    for arguments, status in ((right[package], 0), (wrong[package], 2)):
        command = [sys.executable, "-m", package, *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
        here = run_command(package, *arguments)
        assert here == Done(done.returncode, done.stdout, done.stderr)
        assert here.returncode == status


KEYS = [
    "name",
    "version",
    "digest",
    "origin",
    "queries",
    "items",
    "queries_per_source",
    "variants",
    "prompts",
    "correlations",
    "raters",
    "groups",
    "items_per_dimension",
    "items_per_scale",
]


@pytest.mark.upstream
def test_info_of_upstream_as_json(upstream_dir: Path) -> None:
    result = run("info", "--source", str(upstream_dir), "--json")
    assert (result.returncode, result.stderr) == (0, "")
    facts = json.loads(result.stdout)
    assert list(facts) == KEYS
    assert (facts["name"], facts["version"]) == ("value-portrait", "08e1fb7")
    assert facts["digest"] == load_benchmark(upstream_dir).digest
    assert facts["queries_per_source"] == {"Reddit": 26, "Dear Abby": 26, "ShareGPT": 26, "LMSYS": 26}
    counts = [facts[k] for k in ("queries", "items", "variants", "prompts", "correlations", "raters", "groups")]
    assert counts == [104, 520, 6, 3120, 9880, 559, 12]
    assert facts["items_per_dimension"] == {
        "Self-Direction": 11,
        "Stimulation": 43,
        "Hedonism": 33,
        "Achievement": 56,
        "Power": 64,
        "Security": 14,
        "Conformity": 23,
        "Tradition": 12,
        "Benevolence": 13,
        "Universalism": 15,
        "Openness to Change": 10,
        "Self-Enhancement": 66,
        "Conservation": 22,
        "Self-Transcendence": 16,
        "Openness": 22,
        "Conscientiousness": 72,
        "Extraversion": 36,
        "Agreeableness": 92,
        "Neuroticism": 5,
    }
    assert facts["items_per_scale"] == {"pvq": 221, "higher_pvq": 113, "bfi": 174}


def test_info_of_practice_as_json() -> None:
    result = run("info", "--source", "practice", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    facts = json.loads(result.stdout)
    assert list(facts) == KEYS
    assert facts["name"] == "practice"
    assert facts["queries"] >= 12
    assert facts["items"] == 5 * facts["queries"]
    assert facts["prompts"] == 6 * facts["items"]


def test_info_for_people(tmp_path: Path) -> None:
    # square brackets are markup to the library that draws the table; a folder may have them in its name
    folder = write_folder(tmp_path / "[red]mine")
    result = run("info", "--source", str(folder))
    assert (result.returncode, result.stderr) == (0, "")
    flat = "".join(result.stdout.split())
    assert "value-portraitmodified" in flat
    assert "[red]mine" in flat
    assert load_benchmark(folder).digest in flat
    for wanted in (
        "Queries8Reddit2,DearAbby2,ShareGPT2,LMSYS2",
        "Items24",
        "Prompts144",
        "Correlations456",
        "Raters48",
    ):
        assert wanted in flat
    for name, n in load_benchmark(folder).items_per_dimension().items():
        assert f"{''.join(name.split())}{n}" in flat


def test_bad_input_is_told_without_a_traceback(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "b")
    (folder / SURVEY).write_text("[{")
    result = run("info", "--source", str(folder), "--json")
    assert (result.returncode, result.stdout) == (2, "")
    assert "survey.json: expected JSON, but line 1" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_source_that_is_none() -> None:
    result = run("info", "--source", "no-such-source")
    assert result.returncode == 2
    assert "expected `practice`, `upstream` or a folder" in result.stderr
