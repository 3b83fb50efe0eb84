"""Fast tests are held to what the fast tier promises; slow ones are not in it."""

from __future__ import annotations

import re

import pytest

from tests.support import ROOT
from tests.support.tiers import LONGEST

pytest_plugins = ["pytester"]

TESTS = """
import subprocess, sys, threading, time
import pytest

@pytest.fixture
def store_hub():
    return subprocess.run([sys.executable, "-c", ""]).returncode

@pytest.fixture
def process():
    return subprocess.run([sys.executable, "-c", ""]).returncode

def test_pure(): pass
def test_polls(): [time.sleep(0.05) for _ in range(8)]
def test_waits(): time.sleep(0.3)
def test_starts_a_process(): subprocess.run([sys.executable, "-c", ""])
def test_has_a_process_started(process): pass

@pytest.mark.slow
def test_waits_as_it_says(): time.sleep(0.3)

def test_has_a_hub(store_hub): pass

@pytest.mark.parametrize("store", ["local", pytest.param("hub", marks=pytest.mark.slow)])
def test_on(store): subprocess.run([sys.executable, "-c", ""]) if store == "hub" else None

@pytest.mark.local_model
def test_of_a_model(): time.sleep(0.3)
"""


@pytest.fixture
def project(pytester: pytest.Pytester, request: pytest.FixtureRequest) -> pytest.Pytester:
    settings = {
        "pythonpath": [str(request.config.rootpath)],
        "markers": ["slow", "browser", "local_model"],
        "asyncio_default_fixture_loop_scope": "function",
    }
    lines = "".join(f"{name} = {value!r}\n" for name, value in settings.items())
    pytester.makefile(".toml", pyproject="[tool.pytest.ini_options]\n" + lines)
    pytester.makeconftest('pytest_plugins = ["tests.support.tiers"]')
    pytester.makepyfile(test_some=TESTS)
    return pytester


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_fast_tier_fails_on_a_process_and_on_a_long_sleep(project: pytest.Pytester, workers: str) -> None:
    done = project.runpytest_subprocess("--fast", "-rA", "-p", "no:cacheprovider", "-n", workers)
    done.assert_outcomes(passed=3, failed=2, errors=1, deselected=0 if workers == "2" else 4)
    said = done.stdout.str()
    assert "sleeps for 0.30 s" in said
    assert said.count("starts a process (subprocess.Popen") >= 2
    for name in ("test_waits", "test_starts_a_process"):
        assert f"FAILED test_some.py::{name} " in said
    assert "ERROR test_some.py::test_has_a_process_started " in said


@pytest.mark.slow
def test_slow_tests_may_do_both_and_a_selection_narrows_the_tier(project: pytest.Pytester) -> None:
    options = ("-p", "no:cacheprovider")
    slow = project.runpytest_subprocess("-m", "slow or local_model", *options)
    slow.assert_outcomes(passed=4, deselected=6)
    project.runpytest_subprocess("--fast", "-m", "slow", *options).assert_outcomes(deselected=10)


def test_the_longest_files_are_there() -> None:
    assert [name for name in LONGEST if not (ROOT / name).exists()] == []


@pytest.mark.slow
def test_files_stay_together_and_the_longest_is_first(project: pytest.Pytester) -> None:
    for name in ("a", "eval_queue/queue/test_persona_sets", "b"):
        path = project.path / "tests" / f"{name}.py" if "/" in name else project.path / f"test_{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("import os, pytest\n" + "".join(f"def test_{i}(): print(os.getpid())\n" for i in range(8)))
    options = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "-v", "--ignore", "test_some.py")
    done = project.runpytest_subprocess(*options)
    done.assert_outcomes(passed=24)
    ran = re.findall(r"\[(gw\d)\] .* PASSED (\S+)::", done.stdout.str())
    workers: dict[str, set[str]] = {}
    for worker, file in ran:
        workers.setdefault(file, set()).add(worker)
    assert {len(w) for w in workers.values()} == {1}, "a file's tests share what they have started"
    longest = "tests/eval_queue/queue/test_persona_sets.py"
    assert next(file for worker, file in ran if {worker} == workers[longest]) == longest
