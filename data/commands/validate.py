"""`python -m data validate`: does the key follow from people's ratings, and how much can each column carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import typer

from data.commands.shared import JsonOption, SourceOption, cell, console, table
from data.people.norms import READINGS
from data.sources.loading import load_benchmark, load_study
from data.values import SCALE_NAMES, SCALES

if TYPE_CHECKING:
    from data.people.validation import ValidationReport


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command()
    def validate(
        source: SourceOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Recompute the key from people's ratings and show how much each column can carry."""
        from data.people.item_means import read_item_means
        from data.people.validation import validate

        benchmark = load_benchmark(source, progress=True)
        report = validate(benchmark, load_study(source), read_item_means(benchmark))
        if as_json:
            typer.echo(report.model_dump_json(indent=2))
        else:
            _show(report)


def _counts(report: ValidationReport, name: str) -> tuple[str, ...]:
    v, pc = report.dimensions[name], report.person_centred[name]
    null = f"{v.null_mean:.1f} ({v.null_p95:.0f})"
    return str(v.items), str(v.negative), null, f"{v.p:.3f}", str(pc.items), cell(pc.rank_correlation)


def _coherence(report: ValidationReport, name: str) -> tuple[str, ...]:
    v = report.dimensions[name]
    span = f"{cell(v.alpha_min)} to {cell(v.alpha_max)}" if v.groups else "-"
    alphas = cell(v.alpha_mean), cell(v.alpha_weighted), span
    return str(v.groups), *alphas, cell(v.inter_item_r), cell(v.split_half)


def _columns(report: ValidationReport, name: str) -> tuple[str, ...]:
    cells: list[str] = []
    for reading in READINGS:
        column = report.columns.get(reading, {}).get(name)
        cells += [cell(column.queries if column else None), cell(column.people if column else None)]
    return *cells, *(cell(report.people_check.get(reading, {}).get(name)) for reading in READINGS)


_TABLES: Final[tuple[tuple[tuple[str, ...], Callable[[ValidationReport, str], tuple[str, ...]], str], ...]] = (
    (
        ("Items", "Against", "Chance", "p", "Items PC", "Rank r"),
        _counts,
        "Items count for the dimension; those against it are never scored. Chance: mean (95th percentile) of items "
        "when people's scores are dealt out at random; p: how often that reaches the real number. PC: by the "
        "exploratory person-centred key; Rank r: how alike both keys order the released models.",
    ),
    (
        ("Groups", "Alpha", "Weighted", "Range", "r", "Halves"),
        _coherence,
        "Alpha and r: how a dimension's items go together within the survey groups that rated two or more of them. "
        "Halves: how alike the keys are that two halves of the people give.",
    ),
    (
        ("Q", "P", "Q all", "P all", "r", "r all"),
        _columns,
        "Reliability of each column between the released models over halves of the queries (Q) and of the people (P), "
        "as published, then with all items: below .5 a column cannot tell these models apart. r: how people's own "
        "scores go with what their ratings say, the person left out.",
    ),
)


def _show(report: ValidationReport) -> None:
    from rich.text import Text

    out = console(highlight=False)
    checks = report.key.values()
    largest = max((c.max_abs_rho_difference or 0.0 for c in checks), default=0.0)
    outcome = "all the same" if report.reproduced else f"{sum(c.missing + c.different for c in checks):,} NOT the same"
    out.print(Text.assemble((report.benchmark.name, "bold"), " ", report.benchmark.version))
    out.print(
        f"Key recomputed from people's ratings: {sum(c.compared for c in checks):,} correlations compared, {outcome} "
        f"(largest difference {largest:.1e})."
    )
    people = "" if report.people is None else f"{report.people:,} people in "
    levels = [g.response_level for g in report.groups]
    span = f"; mean rating {min(levels):.2f} to {max(levels):.2f}" if levels else ""
    out.print(f"Raters: {people}{len(report.groups)} groups{span}.")
    if report.groups_left_out:
        out.print(f"Groups with too few people to be reported, left out everywhere: {report.groups_left_out}.")

    for columns, cells, legend in _TABLES:
        made = table("Dimension", *columns)
        for scale, members in SCALES.items():
            made.add_section()
            made.add_row(Text(SCALE_NAMES[scale], "dim"))
            for d in members:
                made.add_row(d.name, *cells(report, d.name))
        out.print(made)
        out.print(Text(legend, "dim"))
    for sentence in report.caution():
        out.print(f"\n{sentence}")
