"""`python -m data`, `eval_queue` and `leaderboard` in this process, where no process of its own is what is tested."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import runpy
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import huggingface_hub.constants
import pytest
from huggingface_hub.utils import close_session

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
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "__main__", program)  # a usage line names the program by it
        patch.setenv("OPENBLAS_NUM_THREADS", "1")  # as `run` sets it, but not for the tests that follow
        return run_here(lambda: run(program.app), str(program.__file__), *arguments, **environment)


def run_here(program: Callable[[], object], *argv: object, **environment: str) -> Done:
    """What a program prints and ends with that finds these in `sys.argv` and these variables beside the usual ones."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", [str(argument) for argument in argv])
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            program()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
            if isinstance(end.code, str):
                err.write(f"{end.code}\n")
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    return Done(status, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def client_started_with(environment: Mapping[str, str]) -> Iterator[None]:
    """The Hub's client as if it had been imported with these variables, which it reads then and only then."""
    constants = huggingface_hub.constants
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(("HF_", "HUGGING")) and n not in environment]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        anew = runpy.run_path(str(constants.__file__))
        for name, value in anew.items():
            if name.isupper() and getattr(constants, name, None) != value:
                patch.setattr(constants, name, value)
        for name in ("default_cache_path", "default_assets_cache_path"):
            patch.setattr(constants, name, anew[name])
        close_session()  # a connection to where it asked before
        yield
    close_session()
