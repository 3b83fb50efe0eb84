"""`python -m leaderboard proximity`: how near models are to groups of people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from data.commands.shared import JsonOption, SourceOption, cell, console, table

if TYPE_CHECKING:
    from leaderboard.groups.group_report import ModelProximity, ProximityReport

ReferenceOption = Annotated[
    Path | None,
    typer.Option(
        help="File of group profiles, as `python -m data ess` writes it, in place of the shipped groups.",
        show_default=False,
    ),
]
WIDTH: Final = 144
"""Columns of the table where the output is no terminal."""


def proximity(
    answers: Annotated[
        list[Path], typer.Argument(help="Files of raw answers (.jsonl, .jsonl.gz), or folders of them.")
    ],
    source: SourceOption = None,
    reference: ReferenceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare models with the benchmark's raters and with groups of people, with intervals."""
    from data.people.rater_means import rater_means
    from data.people.reference import load_reference
    from data.sources.loading import load_benchmark, load_study
    from eval_queue.reading.answers import read_answers
    from eval_queue.scoring.profiles import profiles
    from leaderboard.groups.group_report import report

    people = load_reference(reference)
    benchmark = load_benchmark(source, progress=True)
    read = read_answers(answers, benchmark)
    raters = rater_means(benchmark, load_study(source))
    scored = profiles(read, benchmark)
    found = report(read.models, read.ratings, scored, benchmark, raters, people)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        _show(found)


def _show(report: ProximityReport) -> None:
    from rich.text import Text

    out = console(WIDTH, highlight=False)
    title = f"{report.benchmark.name} {report.benchmark.version[:7]}: models and people, 95 % intervals in brackets"
    leans = [f"+ {group_name(lean.toward)}\n- {group_name(lean.against)}" for lean in report.models[0].leans.values()]
    made = table("Model", "R", "Like the\nraters", *leans, "Nearest group", title=title, padding=(0, 1, 0, 0))
    made.columns[-1].justify = "left"
    for model in report.models:
        made.add_row(*map(Text, _cells(model)))
    out.print(made)
    for line in _legend(report):
        out.print(Text(line))


def _cells(model: ModelProximity) -> list[str]:
    like = model.like_raters
    leans = [_interval(lean.lean, lean.low, lean.high) + ("*" if lean.sure else " ") for lean in model.leans.values()]
    withheld = (model.reason or "").partition(":")[0]
    nearest = (model.nearest.group or "not distinguishable") if model.reported else withheld
    return [model.model, _number(model.reliability), _interval(like.spearman, like.low, like.high), *leans, nearest]


def _legend(report: ProximityReport) -> list[str]:
    caveats, tested = report.caveats, len(report.models[0].leans)
    lines = [
        "R: reliability; with less than 0.50 a profile is flat and only compared with the raters. Similarity to the "
        f"raters: Spearman on the same items ({report.raters_from.title}, {report.raters_from.n:,}).",
        "Leans: cosine of what remains without what all people share, + towards the first group. *: sure after Holm's "
        f"correction over the {tested} contrasts of a model.",
        f"For scale: the raters' own two profiles agree at Spearman {caveats.ceiling:.2f}; one European and the mean "
        f"of all at a median Pearson of {caveats.one_european:.2f}.",
        f"Groups: {report.groups_from.title}, {report.groups_from.n:,} people. {report.groups_from.about}".rstrip(),
        caveats.europe,
        caveats.confounding,
    ]
    return lines if caveats.benchmark is None else [*lines, caveats.benchmark]


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    return _number(value) if value is None else f"{_number(value)} [{_number(low)}, {_number(high)}]"


def _number(x: float | None) -> str:
    """Two digits, without the zero before the point: the table is wide."""
    return cell(x).replace("0.", ".", 1)


def group_name(name: str) -> str:
    """A group without what it is a group by."""
    return name.partition("/")[2].replace("_", " ")
