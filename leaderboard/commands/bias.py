"""`python -m leaderboard bias`: how models imagine groups of people, beside how the groups are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.commands.shared import JsonOption, SourceOption, cell, console, table
from leaderboard.commands.proximity import WIDTH, ReferenceOption, group_name

if TYPE_CHECKING:
    from leaderboard.groups.persona_report import BiasReport, ModelBias, Number


def bias(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN_DIR...",
            help="Folders of `eval_queue evaluate`: runs under personas and the one without, or folders of them.",
        ),
    ],
    source: SourceOption = None,
    reference: ReferenceOption = None,
    all_items: Annotated[
        bool, typer.Option("--all-items", help="Read answers by matches on all items, not as published.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare persona runs with the groups of people that the personas stand for."""
    from data.errors import InputError
    from data.people.reference import load_reference
    from data.sources.loading import load_benchmark
    from data.sources.published_templates import templates_of
    from leaderboard.groups.persona_report import find_runs, report

    benchmark = load_benchmark(source, progress=True)
    templates = templates_of(benchmark) if all_items else None
    if all_items and templates is None:
        raise InputError("no templates are at hand; name the source with people's ratings with --source")
    found = report(find_runs(runs), benchmark, load_reference(reference), templates)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        _show(found)


def _show(report: BiasReport) -> None:
    from rich.text import Text

    out = console(WIDTH, highlight=False)
    tight = (0, 1, 0, 0)
    for model in report.models:
        title = f"{model.model} under personas, {model.queries} of {model.of_queries} queries"
        personas = table("Persona", "Readable", "R", "MAE", "RMSE", "RMSE without noise", title=title, padding=tight)
        if model.nobody is not None:
            personas.add_row("none", f"{model.nobody.valid_rate:.1%}", cell(model.nobody.reliability), "", "", "")
        for name, persona in model.personas.items():
            e, v = persona.errors, persona.validity
            errors = map(cell, (e.mae, e.rmse, e.rmse_debiased))
            personas.add_row(name, f"{v.valid_rate:.1%}", cell(v.reliability), *errors)
        out.print(personas)
        gaps = table(
            "First - second", "Cosine", "Spearman", "Same sign", "Amplification", "Norm ratio", "Stereotype share",
            title="Perceived gaps beside the real ones, 95 % intervals in brackets", padding=tight,
        )  # fmt: skip
        for gap in model.contrasts.values():
            numbers = map(_interval, (gap.amplification, gap.norm_ratio, gap.stereotype_share))
            same = "-" if gap.same_sign is None else f"{gap.same_sign} of 10"
            names = f"{group_name(gap.toward)} - {group_name(gap.against)}"
            gaps.add_row(Text(names), _interval(gap.cosine), _interval(gap.spearman), same, *numbers)
        if model.contrasts:
            out.print(gaps)
        for line in _reasons(model):
            out.print(Text(line))
    caveats = report.caveats
    lines = [
        "Errors: of the shift that a persona makes against the shift of the group, in rating points, values alike.",
        f"Groups: {report.groups_from.title}, {report.groups_from.n:,} people. {report.groups_from.about}".rstrip(),
        *(
            caveats.europe,
            caveats.reading or caveats.scales,
            caveats.wording,
            caveats.elicitation,
            caveats.few_queries,
            caveats.benchmark,
        ),
    ]
    for line in filter(None, lines):
        out.print(Text(line))


def _reasons(model: ModelBias) -> list[str]:
    """What is not reported and why, one line a reason."""
    withheld: dict[str, list[str]] = {}
    for name, persona in model.personas.items():
        if persona.reason:
            withheld.setdefault(persona.reason, []).append(name)
    for name, gap in model.contrasts.items():
        if gap.reason:
            withheld.setdefault("a persona of theirs is incomplete or flat", []).append(f"the gap in {name}")
    return [f"Not reported: {', '.join(names)}: {reason}." for reason, names in withheld.items()]


def _interval(of: Number) -> str:
    return cell(of.value) if of.value is None else f"{of.value:.2f} [{cell(of.low)}, {cell(of.high)}]"
