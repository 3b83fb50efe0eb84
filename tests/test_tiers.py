"""Fast tests are held to what the fast tier promises; slow ones are not in it."""

from __future__ import annotations

import pytest

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
def test_the_fast_tier_fails_on_a_process_and_on_a_long_sleep(project: pytest.Pytester) -> None:
    done = project.runpytest_subprocess("--fast", "-rA", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=3, failed=2, errors=1, deselected=4)
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
