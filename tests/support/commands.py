"""`python -m data`, `eval_queue` and `leaderboard` in this process, where no process of its own is what is tested."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from dataclasses import dataclass
from unittest.mock import patch

from data.cli import run


@dataclass(frozen=True)
class Done:
    """What a command has printed, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


def run_command(package: str, *arguments: object, **environment: str) -> Done:
    """Run `python -m PACKAGE ARGUMENTS` with these variables; an error that would print a traceback is raised."""
    app = importlib.import_module(f"{package}.__main__").app
    out, err, status = io.StringIO(), io.StringIO(), 0
    with (
        patch.object(sys, "argv", [f"python -m {package}", *map(str, arguments)]),
        patch.dict(os.environ, environment),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            run(app)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Done(status, out.getvalue(), err.getvalue())
