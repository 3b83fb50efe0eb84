"""The numbers of `docs/methodology.md`, from the files that are shipped, so that text and figures never part.

In the document a number stands between `<!--name-->` and `<!--/-->`, which readers do not see. `fill` puts the present
numbers in; a test compares the document with what it gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel

from data import shipped
from data.benchmark import MAX_P, MIN_RHO
from data.errors import InputError
from data.people.column_reliability import SPLITS, TELLS_APART
from data.people.norms import READINGS, Reading
from data.people.psychometrics import DRAWS as COEFFICIENT_DRAWS
from data.people.templates import DRAWS as PEOPLE_DRAWS
from data.people.templates import STEP
from data.people.validation import Ends, ValidationReport
from data.ratings import MIN_GROUP
from data.sources.published_validity import read_validation
from data.values import VALUES
from eval_queue.scoring.bootstrap import DRAWS
from eval_queue.scoring.match import MIN_QUERIES
from eval_queue.scoring.profiles import MIN_COVERAGE, MIN_ITEMS
from eval_queue.scoring.stability import FLAT_BELOW
from eval_queue.settings import Settings
from leaderboard.analysis.profile_similarity import MATCH_QUERIES
from leaderboard.analysis.ranks import ALPHA
from leaderboard.boards.group_similarity import shipped_proximity
from leaderboard.boards.readings import PUBLISHED_READINGS
from leaderboard.groups.proximity import MIN_SHARE
from leaderboard.measurement.common_profile import MIN_FAMILIES
from leaderboard.measurement.form_validity import read_short_forms
from leaderboard.measurement.reading_report import ReadingsReport
from leaderboard.measurement.short_form import PEOPLE
from leaderboard.site.citation import METHOD

SIMULATION: Final = shipped.PUBLISHED / "simulation.json"
"""Simulated studies; written by `python -m tests.benchmarks.bench_match --write`."""
DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "methodology.md"

_PLACE: Final = re.compile(r"<!--(?P<name>[a-z][a-z0-9 _.-]*)-->(?P<text>.*?)<!--/-->", re.DOTALL)


def fill(text: str, figures: Mapping[str, str]) -> str:
    """A document with the present numbers.

    Args:
        text: the document.
        figures: by name.

    Raises:
        InputError: it names a number that there is not.
    """

    def present(place: re.Match[str]) -> str:
        name = place["name"]
        if name not in figures:
            raise InputError(f"there is no figure called {name}", file=DOCUMENT.name)
        return f"<!--{name}-->{figures[name]}<!--/-->"

    return _PLACE.sub(present, text)


def figures() -> dict[str, str]:
    """All numbers of the document, as text, by name.

    Raises:
        InputError: a shipped file is missing or damaged.
    """
    validation, readings, simulation = _shipped()
    found = _constants() | _of_validation(validation) | _of_readings(readings) | _of_simulation(simulation)
    return found | _of_groups() | _of_forms()


def side_by_side() -> list[str]:
    """Both readings' main figures as lines of text, all from the files that are shipped.

    Raises:
        InputError: a shipped file is missing or damaged.
    """
    validation, readings, simulation = _shipped()
    lines = [f"{'':44}" + "".join(f"{v.short:>6}" for v in VALUES) + f"{'mean':>6}"]

    def row(name: str, of: Callable[[str], float | None]) -> None:
        cells = [of(v.name) for v in VALUES]
        known = [c for c in cells if c is not None]
        shown = [*cells, float(np.mean(known)) if known else None]
        lines.append(f"{name:44}" + "".join(f"{'-' if c is None else f'{c:.2f}':>6}" for c in shown))

    for reading in READINGS:
        columns = validation.columns[reading]
        row(f"reliability, halves of queries, {reading}", lambda n, c=columns: c[n].queries)  # type: ignore[misc]
    of = readings.reliable
    for reading in READINGS:
        kept = of.columns[reading]
        row(f"  between {of.models} reliable models, {reading}", lambda n, c=kept: c[n])  # type: ignore[misc]
    for reading in READINGS:
        columns = validation.columns[reading]
        row(f"reliability, halves of people, {reading}", lambda n, c=columns: c[n].people)  # type: ignore[misc]
    for reading in READINGS:
        check = validation.people_check[reading]
        row(f"people predicted, person left out, {reading}", lambda n, c=check: c[n])  # type: ignore[misc]
    a, b = (readings.separations[r].queries_normal for r in READINGS)
    lines += [
        "Differences that hold after Holm, normal distribution, published -> match:",
        f"  pairs of models {a.models} -> {b.models} of {a.models_of:,}",
        f"  values of a model that differ from 0 {a.from_zero} -> {b.from_zero} of {a.from_zero_of}",
        f"  pairs of values of a model {a.values} -> {b.values} of {a.values_of:,}",
        f"Simulated models with planted values, correlation with the truth: {simulation.alike.published:.2f} -> "
        f"{simulation.alike.match:.2f}; coverage {simulation.alike.coverage:.3f}, "
        f"{simulation.differing.coverage:.3f} where models use the scale differently",
    ]
    return lines


class Simulated(BaseModel):
    """Simulated studies in which models use the scale alike, or differently."""

    published: float
    """Correlation of the published score with the planted strength, mean over values."""
    match: float
    coverage: float
    """Share of the match's 95 % intervals that hold what such a study gives on average."""
    lowest: float
    """The same of the model with the fewest."""
    highest: float
    se_over_sd: float


class Simulation(BaseModel):
    """What `python -m tests.benchmarks.bench_match --write` found."""

    studies: int
    models: int
    alike: Simulated
    differing: Simulated


def _shipped() -> tuple[ValidationReport, ReadingsReport, Simulation]:
    validation = read_validation()
    if validation is None:
        raise InputError("is not there; `python -m eval_queue publish` writes it", file=shipped.PUBLISHED)
    try:
        readings = ReadingsReport.model_validate_json(PUBLISHED_READINGS.read_bytes())
    except (OSError, ValueError) as error:
        message = "cannot be read; `python -m leaderboard readings` writes it"
        raise InputError(message, file=PUBLISHED_READINGS) from error
    try:
        simulation = Simulation.model_validate_json(SIMULATION.read_bytes())
    except (OSError, ValueError) as error:
        message = "cannot be read; `python -m tests.benchmarks.bench_match --write` writes it"
        raise InputError(message, file=SIMULATION) from error
    return validation, readings, simulation


def _constants() -> dict[str, str]:
    return {
        "draws": f"{DRAWS:,}",
        "people draws": str(PEOPLE_DRAWS),
        "step": str(STEP),
        "splits": str(SPLITS),
        "coefficient draws": f"{COEFFICIENT_DRAWS:,}",
        "tells apart": str(TELLS_APART),
        "min rho": str(MIN_RHO),
        "max p": str(MAX_P),
        "min group": str(MIN_GROUP),
        "min queries": str(MIN_QUERIES),
        "min families": str(MIN_FAMILIES),
        "flat below": str(FLAT_BELOW),
        "coverage needed": f"{100 * MIN_COVERAGE:.0f} %",
        "items needed": f"{100 * MIN_ITEMS:.0f} %",
        "alpha": f"{100 * ALPHA:.0f} %",
        "share needed": f"{100 * MIN_SHARE:.0f} %",
        "retest share": f"{Settings.model_fields['retest'].default:g}",
        "match queries": str(MATCH_QUERIES),
        "method": METHOD,
        "form people": str(PEOPLE),
    }


def _of_validation(report: ValidationReport) -> dict[str, str]:
    found = {
        "digest": report.benchmark.digest[:12],
        "queries": str(report.content.queries),
        "items": str(report.content.items),
        "prompts": f"{report.content.prompts:,}",
        "people": str(report.people),
        "groups": str(len(report.groups)),
        "ratings": f"{report.content.rating_count:,}",
    }
    found["columns"] = _table(
        [
            row
            for reading in READINGS
            for what in ("queries", "people")
            for row in _with_ends(
                f"{reading}, {what}",
                {
                    name: (getattr(c, what), (getattr(c, f"{what}_low"), getattr(c, f"{what}_high")))
                    for name, c in report.columns[reading].items()
                },
            )
        ]
    )
    checks = {r: (report.people_check[r], report.people_check_intervals[r]) for r in READINGS}
    found["people check"] = _both_readings(checks)
    return found


def _of_readings(report: ReadingsReport) -> dict[str, str]:
    found = {"models": str(len(report.models)), "keys": str(report.shuffled_keys["match"].keys)}
    for reading in READINGS:
        pairs, check = report.separations[reading], report.shuffled_keys[reading]
        found |= {
            f"{reading}.pairs": str(pairs.queries.models),
            f"{reading}.pairs-normal": str(pairs.queries_normal.models),
            f"{reading}.from-zero": str(pairs.queries.from_zero),
            f"{reading}.from-zero-normal": str(pairs.queries_normal.from_zero),
            f"{reading}.values": str(pairs.queries.values),
            f"{reading}.values-normal": str(pairs.queries_normal.values),
            f"{reading}.shuffled-median": f"{check.median:g}",
            f"{reading}.shuffled-highest": str(check.highest),
            f"{reading}.shuffled-normal-median": f"{check.normal_median:g}",
            f"{reading}.shuffled-normal-highest": str(check.normal_highest),
            f"{reading}.first-component": _share(
                report.first_component[reading], report.first_component_intervals[reading]
            ),
            f"{reading}.along-common": _share(report.along_common[reading], report.along_common_intervals[reading]),
        }
    both = report.separations["match"].queries_and_people
    found["match.pairs-people"] = str(both.models) if both else "-"
    found["pairs of"] = f"{report.separations['match'].queries.models_of:,}"
    found["values of"] = f"{report.separations['match'].queries.values_of:,}"
    found["from zero of"] = str(report.separations["match"].queries.from_zero_of)
    found["reliable models"] = str(report.reliable.models)
    found["reliable columns"] = _both_readings(
        {r: (report.reliable.columns[r], report.reliable.intervals[r]) for r in READINGS}, ", queries"
    )
    r2 = [s.r2 for s in report.explained.values() if s.r2 is not None]
    unseen = [s.cross_validated for s in report.explained.values() if s.cross_validated is not None]
    found["r2"] = " to ".join(f"{100 * q:.0f} %" for q in np.quantile(r2, (0.1, 0.9)))
    found["r2 cross-validated"] = f"{100 * float(np.median(unseen)):.0f} %"
    for name, field in (("r2 half", "r2"), ("r2 unseen half", "cross_validated")):
        wide = [
            getattr(s, f"{field}_high") - getattr(s, f"{field}_low") for s in report.explained.values() if s.r2_high
        ]
        found[name] = f"{50 * float(np.median(wide)):.0f} %"
    found["own profiles"] = str(sum((p.own_p or 1.0) <= 0.05 for p in report.profiles.values()))
    largest = sorted(report.variance.shares.items(), key=lambda part: -part[1])[:8]
    within = report.variance.share_intervals
    found["variance"] = (
        "\n".join(
            [
                "\n\n| source | share of the variance of ratings | 95 % interval |",
                "|---|---|---|",
                *(f"| {n} | {_percent(v)} | {_ends(within[n], _percent)} |" for n, v in largest),
            ]
        )
        + "\n\n"
    )
    columns = report.variance.columns
    found["generalizability"] = _both_readings(
        {
            r: (
                {name: c.coefficient for name, c in columns[r].items()},
                {name: (c.low, c.high) for name, c in columns[r].items()},
            )
            for r in READINGS
        }
    )
    needs: list[_Row] = []
    for r in READINGS:
        of = columns[r]
        needs.append((r, lambda name, of=of: _whole(of[name].queries_for_target)))  # type: ignore[misc]
        needs.append(
            (
                "95 % interval",
                lambda name, of=of: (  # type: ignore[misc]
                    f"{_whole(of[name].fewest_for_target)} to {_whole(of[name].most_for_target)}"
                ),
            )
        )
    found["needs"] = _table(needs, mean=False)
    return found


def _whole(n: int | None) -> str:
    return "-" if n is None else f"{n:,}"


def _of_simulation(found: Simulation) -> dict[str, str]:
    both = (found.alike, found.differing)
    return {
        "simulated studies": str(found.studies),
        "simulated models": str(found.models),
        "coverage": " and ".join(f"{100 * s.coverage:.1f} %" for s in both),
        "published.recovered": " and ".join(f"{s.published:.2f}" for s in both),
        "match.recovered": " and ".join(f"{s.match:.2f}" for s in both),
    }


def _of_groups() -> dict[str, str]:
    found: dict[str, str] = {}
    for reading in READINGS:
        report = shipped_proximity(reading)
        if report is None:
            raise InputError("cannot be read; `python -m leaderboard groups` writes it", file=shipped.PUBLISHED)
        reported = [m for m in report.models if m.reported]
        leaning = [m.model for m in reported if any(lean.sure for lean in m.leans.values())]
        held = [(n, m.held.prompts) for m in reported if m.held for n in m.held.leans.values()]
        found |= {
            f"{reading}.reported": str(len(reported)),
            f"{reading}.leans": str(sum(lean.sure for m in reported for lean in m.leans.values())),
            f"{reading}.leaning": ", ".join(leaning) or "none",
            f"{reading}.leaning-by-chance": f"{ALPHA * len(reported):.1f}",
            f"{reading}.nearest": str(sum(m.nearest.group is not None for m in reported)),
            f"{reading}.held": _percent(sum(n == of for n, of in held) / len(held)) if held else "-",
        }
    return found


def _of_forms() -> dict[str, str]:
    forms = read_short_forms()
    if forms is None:
        raise InputError("cannot be read; `python -m leaderboard short-form` writes it", file=shipped.PUBLISHED)
    lines = [
        "| form | items | reading | models, median [interval] (lowest 5 %) | answering once | intervals that hold |",
        "|---" * 6 + "|",
    ]
    for length, form in forms.forms.items():
        for reading, measured in (("published", form.published), ("match", form.match)):
            if measured is None:
                continue
            m, once = measured.models, measured.once
            used = " (used)" if reading == form.reading else ""
            cells = [
                *(length, str(len(form.items)), f"{reading}{used}"),
                *(
                    f"{_two(of.correlation_median)} [{_ends(of.median_interval)}] ({_two(of.correlation_low)})"
                    for of in (m, once)
                ),
                f"{_percent(once.held)} [{_ends(once.held_interval, _percent)}]",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return {"forms": "\n\n" + "\n".join(lines) + "\n\n"}


def _two(x: float | None) -> str:
    return "-" if x is None else f"{x:.2f}"


def _percent(x: float | None) -> str:
    return "-" if x is None else f"{100 * x:.0f} %"


def _ends(ends: Ends, form: Callable[[float | None], str] = _two) -> str:
    return f"{form(ends[0])} to {form(ends[1])}"


def _share(x: float | None, ends: Ends) -> str:
    return f"{_percent(x)} ({_ends(ends, _percent)})"


_Row = tuple[str, Callable[[str], float | str | None]]
"""A line of a table: its name, and a number or a text for each value."""


def _with_ends(name: str, of: Mapping[str, tuple[float | None, Ends]]) -> list[_Row]:
    """A line of figures and one of their intervals."""
    return [(name, lambda n: of[n][0]), ("95 % interval", lambda n: _ends(of[n][1]))]


def _both_readings(of: Mapping[Reading, tuple[Mapping[str, float | None], Mapping[str, Ends]]], more: str = "") -> str:
    return _table(
        [
            row
            for reading, (figures, ends) in of.items()
            for row in _with_ends(f"{reading}{more}", {name: (x, ends[name]) for name, x in figures.items()})
        ]
    )


def _table(rows: Sequence[_Row], *, mean: bool = True) -> str:
    """A table over the ten values, with a blank line before and after."""
    lines = [f"| | {' | '.join(v.short for v in VALUES)} |{' mean |' if mean else ''}"]
    lines.append("|---" * (len(VALUES) + 1 + mean) + "|")
    for name, of in rows:
        cells = [of(v.name) for v in VALUES]
        known = [c for c in cells if isinstance(c, float)]
        shown = [c if isinstance(c, str) else _two(c) for c in cells]
        shown += [_two(float(np.mean(known))) if known else ""] if mean else []
        lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n\n" + "\n".join(lines) + "\n\n"
