"""The import contracts of pyproject.toml hold, say what each room offers, and would notice what they forbid."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support import ROOT

PACKAGES = ("data", "eval_queue", "leaderboard")
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
ROOMS = sorted(
    path.parent
    for package in PACKAGES
    for path in (ROOT / package).rglob("__init__.py")
    if path.parent.name not in (*PACKAGES, "commands") and list(path.parent.glob("[!_]*.py"))
)
"""Folders of modules with one purpose each; the commands are used by nobody but the program that lists them."""


def lint(folder: Path) -> tuple[bool, str]:
    """Whether all contracts are kept by the packages in a folder, and what import-linter says."""
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache", str(ROOT / "pyproject.toml")],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(folder), "COLUMNS": "200"},
    )
    return done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages' Python files, to be spoilt."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return tmp_path


@pytest.mark.slow
def test_the_contracts_are_kept(copy: Path) -> None:
    kept, said = lint(copy)
    assert kept, said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("importer", "imported", "contract"),
    [
        ("data/values.py", "eval_queue.records", "Packages import one way"),
        ("eval_queue/scoring/formulas.py", "leaderboard.analysis.ranks", "Packages import one way"),
        ("leaderboard/ui.py", "app", "The Space's app.py"),
        ("data/people/rater_means.py", "data.sources.loading", "No circles"),
        ("leaderboard/web/markup.py", "leaderboard.pages.about.page", "No circles"),
        ("leaderboard/pages/model/data.py", "leaderboard.pages.compare.data", "No circles"),
        ("eval_queue/store/local.py", "eval_queue.store.hub", "No circles"),
        ("eval_queue/workers/worker.py", "eval_queue.store.git_ids", "Private modules of eval_queue.store"),
        ("leaderboard/ui.py", "leaderboard.exports.group_rows", "Private modules of leaderboard.exports"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(copy: Path, importer: str, imported: str, contract: str) -> None:
    path = copy / importer
    path.write_text(f"{path.read_text()}\nimport {imported}\n")
    kept, said = lint(copy)
    assert not kept
    assert any(line.startswith(contract) and line.rstrip().endswith("BROKEN") for line in said.splitlines()), said


@pytest.mark.parametrize(
    "room", [r for r in ROOMS if r.parent.name != "pages"], ids=lambda room: ".".join(room.relative_to(ROOT).parts)
)
def test_a_room_is_small_enough_to_be_seen_at_once(room: Path) -> None:
    assert 4 <= len(list(room.glob("[!_]*.py"))) <= 12


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: ".".join(room.relative_to(ROOT).parts))
def test_every_module_of_a_room_is_offered_or_private(room: Path) -> None:
    """`__all__` names what may be imported from outside; all else stands in a contract "Private modules of ROOM"."""
    name = ".".join(room.relative_to(ROOT).parts)
    tree = ast.parse((room / "__init__.py").read_text())
    assert ast.get_docstring(tree), "a room says what comes in, what goes out and what is not done here"
    offered = next(
        (
            set(ast.literal_eval(node.value))
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        ),
        set[str](),
    )
    private = {
        module.removeprefix(f"{name}.")
        for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
        if contract["type"] == "protected" and contract["allowed_importers"] == [name]
        for module in contract["protected_modules"]
    }
    modules = {path.stem for path in room.glob("[!_]*.py")}
    nowhere = sorted(modules - offered - private)
    assert not nowhere, (
        f"name {nowhere} in {name}'s __all__, or in its contract in pyproject.toml if only {name} uses it"
    )
    assert offered | private == modules, f"{sorted((offered | private) - modules)} of {name} are no longer there"
    assert not offered & private
