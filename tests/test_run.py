"""The command that runs the tests: what it makes of a test that fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import run

COUNTED = """
from pathlib import Path

def test_that_counts():
    runs = Path(__file__).with_name("runs")
    number = int(runs.read_text()) + 1 if runs.exists() else 1
    runs.write_text(str(number))
    assert number not in {FAILS}

def test_that_passes():
    pass
"""


MANY = "".join(f"def test_{n}(): assert False\n" for n in range(run.MOST_AGAIN + 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fails", "passed", "runs"),
    [
        pytest.param({1}, True, 1 + run.AGAIN, id="once"),
        pytest.param({1, 3}, False, 3, id="again later"),
    ],
)
def test_a_failed_test_must_pass_each_time_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: set[int], passed: bool, runs: int
) -> None:
    (tmp_path / "test_it.py").write_text(COUNTED.replace("{FAILS}", repr(fails)))
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "BIN", Path(sys.executable).parent)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # starts sooner
    assert run.tested() is passed
    assert int((tmp_path / "runs").read_text()) == runs


@pytest.mark.slow
def test_many_failed_tests_are_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test_it.py").write_text(MANY)
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "BIN", Path(sys.executable).parent)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert not run.tested()
    assert "run again" not in capfd.readouterr().out
