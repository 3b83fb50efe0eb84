"""How every command of this project runs."""

from __future__ import annotations

import os
import sys

import typer

from data.errors import InputError


def one_thread() -> None:
    """Keep linear algebra to one thread, unless the environment says otherwise. Has no effect once numpy is imported.

    Our matrices are small: more BLAS threads than one spend their time waiting for each other.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def run(app: typer.Typer) -> None:
    """Run a command line; what a person can mend is printed without a traceback, with exit status 2."""
    one_thread()
    try:
        app()
    except InputError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2)
