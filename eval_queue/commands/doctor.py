"""`python -m eval_queue doctor`: checks a configuration end to end and says what to mend."""

from __future__ import annotations

import json
from typing import Annotated, Final

import typer

_MARKS: Final = {"ok": "ok", "failed": "FAILED", "skipped": "skipped"}


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command()
    def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False) -> None:
        """Check settings, store, Hub, token, endpoints, benchmark and clock; exit status 1 if something is amiss.

        Sends one request to each endpoint.
        """
        from eval_queue.workers.doctor import examine, healthy

        findings = examine()
        fine = healthy(findings)
        if as_json:
            typer.echo(json.dumps({"ok": fine, "findings": [f._asdict() for f in findings]}, indent=2))
        else:
            width = max(len(mark) for mark in _MARKS.values())
            for finding in findings:
                typer.echo(f"{_MARKS[finding.state]:<{width}}  {finding.check}: {finding.found}")
                if finding.mend:
                    typer.echo(f"{'':<{width}}  {finding.mend}")
            typer.echo("All is well." if fine else "Something is to be mended.")
        if not fine:
            raise typer.Exit(1)
