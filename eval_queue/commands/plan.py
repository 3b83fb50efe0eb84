"""`python -m eval_queue plan`: what evaluating many models takes."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from data.commands.shared import JsonOption, console, echo_json
from eval_queue.workers.costs import (
    ANSWER_TOKENS,
    PROMPT_TOKENS,
    SOURCES,
    UNVERIFIED,
    Cost,
    Work,
    by_batch,
    on_machines,
    work_of,
)

WIDTH: Final = 130


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command()
    def plan(
        models: Annotated[int, typer.Option(min=1, help="How many evaluations: models, times personas.")] = 1,
        parameters: Annotated[float, typer.Option(min=1e6, help="Parameters of each model, e.g. 8e9.")] = 8e9,
        prompts: Annotated[int, typer.Option(min=1, help="Prompts of one evaluation.")] = 3120,
        prompt_tokens: Annotated[float, typer.Option(min=1, help="Mean tokens of a prompt.")] = PROMPT_TOKENS,
        answer_tokens: Annotated[
            float, typer.Option(min=1, help="Mean tokens of an answer; thousands for reasoning models.")
        ] = ANSWER_TOKENS,
        retest: Annotated[float, typer.Option(min=0, max=1, help="Share that is asked a second time.")] = 0.05,
        as_json: JsonOption = False,
    ) -> None:
        """Estimate prompts, tokens, hours and dollars for many models, by machine and by batch interface."""
        work = work_of(models, prompts, prompt_tokens=prompt_tokens, answer_tokens=answer_tokens, retest=retest)
        costs = [*on_machines(work, parameters), *by_batch(work)]
        if as_json:
            document: dict[str, object] = {"work": work._asdict(), "costs": [cost._asdict() for cost in costs]}
            document |= {"sources": SOURCES, "unverified": UNVERIFIED}
            echo_json(document)
        else:
            _print(work, costs)


def _print(work: Work, costs: list[Cost]) -> None:
    from rich import box
    from rich.table import Table

    tokens = f"{work.prompt_tokens / 1e6:,.1f} M tokens read, {work.answer_tokens / 1e6:,.1f} M written"
    typer.echo(f"{work.models:,} evaluations, {work.prompts:,} prompts, {tokens}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Where")
    table.add_column("Hours", justify="right")
    table.add_column("USD", justify="right")
    table.add_column("")
    for cost in costs:
        hours = "" if cost.hours is None else f"{cost.hours:,.1f}"
        table.add_row(cost.where, hours, "" if cost.dollars is None else f"{cost.dollars:,.2f}", cost.note)
    console(WIDTH).print(table)
    typer.echo("Hours are of one machine, estimated from parameters and nominal speed; several share them.")
    for what, source in SOURCES.items():
        typer.echo(f"{what}: {source}.")
    typer.echo("Not verified: " + " ".join(UNVERIFIED))
