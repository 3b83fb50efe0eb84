"""`python -m data ess`: a person's own European Social Survey file to group profiles."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer

from data.errors import InputError
from data.files import replacing
from data.people.reference import write_groups


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command()
    def ess(
        file: Annotated[Path, typer.Argument(help="An integrated file of the ESS Data Portal: .csv, .sav or .dta.")],
        out: Annotated[
            Path | None, typer.Option(help="CSV file to write; without it, standard output.", show_default=False)
        ] = None,
        complete_cases: Annotated[
            bool,
            typer.Option(
                "--complete-cases", help="Only people who answered all items, to compare with the published aggregates."
            ),
        ] = False,
        unweighted: Annotated[
            bool, typer.Option("--unweighted", help="Count everyone alike, to compare with the published aggregates.")
        ] = False,
    ) -> None:
        """Turn your own European Social Survey file into group profiles.

        Only profiles of at least 100 people are written. The file stays where it is; nothing is sent.
        """
        from data.people.ess import profiles
        from data.people.survey_files import read_people

        if out is not None and out.exists() and file.exists() and out.samefile(file):
            raise InputError("is the survey file itself; name another file", file=out, field="--out")
        people, warnings = read_people(file)
        try:
            result = profiles(people, complete_cases=complete_cases, unweighted=unweighted)
        except InputError as error:
            raise InputError(str(error), file=file) from None
        for warning in (*warnings, *result.warnings):
            typer.echo(f"Warning: {warning}", err=True)
        table = io.StringIO()
        write_groups(result.groups, table)
        if out is None:
            typer.echo(table.getvalue(), nl=False)
        else:
            try:
                with replacing(out, parents=False) as unfinished:
                    unfinished.write_text(table.getvalue(), encoding="utf-8", newline="")
            except OSError as error:
                raise InputError(f"cannot be written: {error.strerror}", file=out, field="--out") from None
        reasons = "".join(f"; left out, {reason}: {n:,}" for reason, n in result.left_out.items())
        typer.echo(f"{len(result.groups)} groups of {result.n_people:,} people{reasons}.", err=True)
        for essround, edition in people.editions:
            typer.echo(
                f"Adapted from ESS Round {essround}, edition {edition}; CC BY-NC-SA 4.0, not for profit.", err=True
            )
