"""`python -m data`, `eval_queue` and `leaderboard` in this process, where no process of its own is what is tested."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
from dataclasses import dataclass

import pytest

from data.cli import run


@dataclass(frozen=True)
class Done:
    """What a command has printed, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


def run_command(package: str, *arguments: object, **environment: str) -> Done:
    """Run `python -m PACKAGE ARGUMENTS` with these variables; an error that would print a traceback is raised."""
    program = importlib.import_module(f"{package}.__main__")
    out, err, status = io.StringIO(), io.StringIO(), 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", [str(program.__file__), *map(str, arguments)])
        patch.setitem(sys.modules, "__main__", program)  # a usage line names the program by it
        patch.setenv("OPENBLAS_NUM_THREADS", "1")  # as `run` sets it, but not for the tests that follow
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            run(program.app)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Done(status, out.getvalue(), err.getvalue())
