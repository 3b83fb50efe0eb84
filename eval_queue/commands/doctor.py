"""`python -m eval_queue doctor`: checks a configuration end to end and says what to mend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from data.commands.shared import JsonOption, echo_json
from eval_queue.commands.evaluate import ApiKeyOption, choose_endpoint

if TYPE_CHECKING:
    from eval_queue.workers.doctor import Finding

_MARKS: Final = {"ok": "ok", "failed": "FAILED", "skipped": "skipped"}


def _tried(endpoint: str | None, model: str | None, api_key_env: str | None) -> list[Finding]:
    from data.errors import InputError
    from eval_queue.settings import load_settings
    from eval_queue.workers.endpoint_check import examine_endpoint

    if endpoint is None or model is None:
        raise InputError("--endpoint and --model belong together: give both or none", field="--endpoint")
    chosen = choose_endpoint(endpoint, api_key_env=api_key_env)
    if not chosen.serves(model):
        message = f"the endpoint {chosen.name} is for {', '.join(chosen.models)}, not for {model}"
        raise InputError(message, field="--model")
    return examine_endpoint(chosen, model, source=load_settings().source)


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command()
    def doctor(
        as_json: JsonOption = False,
        endpoint: Annotated[
            str | None,
            typer.Option(help="Try this endpoint only: a configured name or an address.", show_default=False),
        ] = None,
        model: Annotated[str | None, typer.Option(help="Which model of it.", show_default=False)] = None,
        api_key_env: ApiKeyOption = None,
    ) -> None:
        """Check settings, store, Hub, token, endpoints, benchmark and clock; exit status 1 if something is amiss.

        Sends one request to each endpoint. With --endpoint and --model it asks that model three prompts and says what a
        full run would be like.
        """
        from eval_queue.workers.doctor import examine, healthy

        findings = examine() if endpoint is None and model is None else _tried(endpoint, model, api_key_env)
        fine = healthy(findings)
        if as_json:
            echo_json({"ok": fine, "findings": [f._asdict() for f in findings]})
        else:
            width = max(len(mark) for mark in _MARKS.values())
            for finding in findings:
                typer.echo(f"{_MARKS[finding.state]:<{width}}  {finding.check}: {finding.found}")
                if finding.mend:
                    typer.echo(f"{'':<{width}}  {finding.mend}")
            typer.echo("All is well." if fine else "Something is to be mended.")
        if not fine:
            raise typer.Exit(1)
