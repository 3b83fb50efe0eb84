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

from data import shipped
from data.benchmark import MAX_P, MIN_RHO
from data.errors import InputError
from data.people.column_reliability import SPLITS, TELLS_APART
from data.people.norms import READINGS, Reading
from data.people.templates import DRAWS as PEOPLE_DRAWS
from data.people.templates import STEP
from data.people.validation import ValidationReport
from data.ratings import MIN_GROUP
from data.sources.published_validity import read_validation
from data.values import VALUES
from eval_queue.scoring.bootstrap import DRAWS
from eval_queue.scoring.match import MIN_QUERIES
from eval_queue.scoring.stability import FLAT_BELOW
from leaderboard.analysis.common_profile import MIN_FAMILIES
from leaderboard.analysis.reading_report import ReadingsReport
from leaderboard.boards.readings import PUBLISHED_READINGS

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
    validation = read_validation()
    if validation is None:
        raise InputError("is not there; `python -m eval_queue publish` writes it", file=shipped.PUBLISHED)
    try:
        readings = ReadingsReport.model_validate_json(PUBLISHED_READINGS.read_bytes())
    except (OSError, ValueError) as error:
        message = "cannot be read; `python -m leaderboard readings` writes it"
        raise InputError(message, file=PUBLISHED_READINGS) from error
    return _constants() | _of_validation(validation) | _of_readings(readings)


def _constants() -> dict[str, str]:
    return {
        "draws": f"{DRAWS:,}",
        "people draws": str(PEOPLE_DRAWS),
        "step": str(STEP),
        "splits": str(SPLITS),
        "tells apart": str(TELLS_APART),
        "min rho": str(MIN_RHO),
        "max p": str(MAX_P),
        "min group": str(MIN_GROUP),
        "min queries": str(MIN_QUERIES),
        "min families": str(MIN_FAMILIES),
        "flat below": str(FLAT_BELOW),
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
    rows: list[tuple[str, Callable[[str], float | None]]] = [
        (f"{reading}, {what}", lambda name, r=reading, w=what: getattr(report.columns[r][name], w))  # type: ignore[misc]
        for reading in READINGS
        for what in ("queries", "people")
    ]
    found["columns"] = _table(rows)
    checks: list[tuple[str, Callable[[str], float | None]]] = [
        (reading, lambda name, r=reading: report.people_check[r][name])  # type: ignore[misc]
        for reading in READINGS
    ]
    found["people check"] = _table(checks)
    return found


def _of_readings(report: ReadingsReport) -> dict[str, str]:
    found = {"models": str(len(report.models)), "keys": str(report.shuffled_keys["match"].keys)}
    for reading in READINGS:
        pairs, check = report.separations[reading], report.shuffled_keys[reading]
        found |= {
            f"{reading}.pairs": str(pairs.queries.models),
            f"{reading}.pairs-normal": str(pairs.queries_normal.models),
            f"{reading}.values": str(pairs.queries.values),
            f"{reading}.values-normal": str(pairs.queries_normal.values),
            f"{reading}.shuffled-median": f"{check.median:g}",
            f"{reading}.shuffled-highest": str(check.highest),
            f"{reading}.shuffled-normal-median": f"{check.normal_median:g}",
            f"{reading}.shuffled-normal-highest": str(check.normal_highest),
            f"{reading}.first-component": _percent(report.first_component[reading]),
            f"{reading}.along-common": _percent(report.along_common[reading]),
        }
    both = report.separations["match"].queries_and_people
    found["match.pairs-people"] = str(both.models) if both else "-"
    found["pairs of"] = f"{report.separations['match'].queries.models_of:,}"
    found["values of"] = f"{report.separations['match'].queries.values_of:,}"
    r2 = [s.r2 for s in report.explained.values() if s.r2 is not None]
    unseen = [s.cross_validated for s in report.explained.values() if s.cross_validated is not None]
    found["r2"] = " to ".join(f"{100 * q:.0f} %" for q in np.quantile(r2, (0.1, 0.9)))
    found["r2 cross-validated"] = f"{100 * float(np.median(unseen)):.0f} %"
    found["own profiles"] = str(sum((p.own_p or 1.0) <= 0.05 for p in report.profiles.values()))
    largest = sorted(report.variance.shares.items(), key=lambda part: -part[1])[:8]
    found["variance"] = (
        "\n".join(
            [
                "\n\n| source | share of the variance of ratings |",
                "|---|---|",
                *(f"| {n} | {_percent(v)} |" for n, v in largest),
            ]
        )
        + "\n\n"
    )
    needs: list[tuple[str, Callable[[str], float | None]]] = [
        (reading, lambda name, r=reading: report.variance.columns[r][name].coefficient)  # type: ignore[misc]
        for reading in READINGS
    ]
    found["generalizability"] = _table(needs)
    found["needs"] = _table([(r, _queries_needed(report, r)) for r in READINGS], "{:,.0f}", mean=False)
    return found


def _queries_needed(report: ReadingsReport, reading: Reading) -> Callable[[str], float | None]:
    return lambda name: report.variance.columns[reading][name].queries_for_target


def _percent(x: float | None) -> str:
    return "-" if x is None else f"{100 * x:.0f} %"


def _table(
    rows: Sequence[tuple[str, Callable[[str], float | None]]], form: str = "{:.2f}", *, mean: bool = True
) -> str:
    """A table over the ten values, with a blank line before and after."""
    lines = [f"| | {' | '.join(v.short for v in VALUES)} |{' mean |' if mean else ''}"]
    lines.append("|---" * (len(VALUES) + 1 + mean) + "|")
    for name, of in rows:
        cells = [of(v.name) for v in VALUES]
        known = [c for c in cells if c is not None]
        shown = ["-" if c is None else form.format(c) for c in cells]
        shown += [form.format(float(np.mean(known))) if known else "-"] if mean else []
        lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n\n" + "\n".join(lines) + "\n\n"
