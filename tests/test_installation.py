"""`pip install .` gives a program that works away from the project's folder."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

from data.sources.practice import practice_benchmark
from eval_queue.reading.answers import read_answers
from eval_queue.scoring.profiles import profiles
from tests.support import ROOT
from tests.support.rows import answer_lines

PACKAGES = ("data", "eval_queue", "leaderboard")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the project's folder as pip would, with the pinned build tools that are installed here."""
    pytest.importorskip("hatchling", reason="needs hatchling (requirements-dev.txt), not installed")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment that has the wheel, and the requirements from the one that runs the tests."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    programs = folder / "bin"
    pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--quiet", "--no-index"]
    subprocess.run([*pip, "--no-deps", "--disable-pip-version-check", str(wheel)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "requirements.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return programs


@pytest.mark.slow
def test_every_file_that_the_packages_need_is_in_the_wheel(wheel: Path) -> None:
    tracked = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("needs the project's git repository, to know which files are its own")
    carried = set(zipfile.ZipFile(wheel).namelist())
    assert [name for name in tracked.stdout.split() if name not in carried] == []
    assert {name.split("/")[0] for name in carried if not name.split("/")[0].endswith(".dist-info")} == set(PACKAGES)


@pytest.mark.slow
def test_requirements_are_those_of_the_app(wheel: Path) -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.split("#")[0].strip().partition("==")[2] for line in lines if not line.startswith("#")}
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    every = [line for line in archive.read(metadata).decode().splitlines() if line.startswith("Requires-Dist: ")]
    required = [line for line in every if "extra ==" not in line]  # an extra is asked for by name
    assert len(required) == sum("==" in line for line in lines)
    assert {line.partition("==")[2] for line in required} == pinned


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert citation["version"] == project["version"]
    assert changelog.split("\n## ")[1].startswith(f"{project['version']} ({citation['date-released']})\n")


def run(programs: Path, folder: Path, *arguments: str) -> str:
    """What `value-portrait` prints in a folder that has nothing of the project."""
    done = subprocess.run(
        [str(programs / "value-portrait"), *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_installed_program_scores_answers(programs: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(f"{json.dumps(line)}\n" for line in answer_lines(practice_benchmark(), "org/model")))
    assert "--compat" in run(programs, tmp_path, "score", "--help")
    scored = json.loads(run(programs, tmp_path, "score", str(answers), "--source", "practice", "--json"))
    (expected,) = profiles(read_answers([answers], practice_benchmark()), practice_benchmark())
    (entry,) = scored["models"]
    assert entry["model"] == "org/model"
    assert entry["scales"] == expected.model_dump(mode="json")["scales"]


@pytest.mark.slow
def test_the_installed_program_knows_its_version_and_shows_a_benchmark(programs: Path, tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert run(programs, tmp_path, "--version").strip() == project["version"]
    info = json.loads(run(programs, tmp_path, "benchmark", "info", "--source", "practice", "--json"))
    assert info["digest"] == practice_benchmark().digest


@pytest.mark.slow
def test_the_installed_board_has_its_pages(programs: Path, tmp_path: Path) -> None:
    run(programs, tmp_path, "static", str(tmp_path / "copy"))
    board = (tmp_path / "copy" / "index.html").read_text(encoding="utf-8")
    assert "gpt-4o" in board
    assert (tmp_path / "copy" / "logo.svg").exists()
