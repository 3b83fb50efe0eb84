"""Models among people as flat rows, one number a row, for CSV and Parquet: caveats travel as columns.

Pure. Every row has the same columns (`COLUMNS`). A number that is withheld is None and `reason` says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from leaderboard.boards.group_similarity import Table
from leaderboard.groups.group_report import Caveats, ModelProximity

COLUMNS: Final = (
    "id",
    "model",
    "reliability",
    "reported",
    "reason",
    "measure",
    "name",
    "toward",
    "against",
    "value",
    "low",
    "high",
    "p",
    "p_adjusted",
    "distinguishable",
    "holds",
    "prompts",
    "reading",
    "region",
    "people",
    "people_n",
    "raters",
    "raters_n",
    "ceiling",
    "one_european",
    "one_european_low",
    "one_european_high",
    "benchmark",
    "digest",
    "draws",
    "note",
)
"""`measure` is what is measured (`like_raters_spearman`, `spearman`, `pearson`, `tau_b`, `distance`, `lean`,
`nearest_share`), `name` of which group or contrast; `holds` in how many of `prompts`, each taken alone, side or leading
group is the same; `low` and `high` are a 95 % interval; a positive lean is towards `toward`. A nearest group that
cannot be told has the name "not distinguishable"."""

Cell = str | float | bool | None


def rows(table: Table) -> list[dict[str, Cell]]:
    """All numbers of a board's rows among people.

    Args:
        table: from `leaderboard.boards.group_similarity`.
    """
    about = table.about
    shared: dict[str, Cell] = {
        "reading": about.reading,
        "region": about.caveats.region,
        "people": about.groups_from.title,
        "people_n": about.groups_from.n,
        "raters": about.raters_from.title,
        "raters_n": about.raters_from.n,
        "ceiling": about.caveats.ceiling,
        "one_european": about.caveats.one_european,
        "one_european_low": about.caveats.one_european_low,
        "one_european_high": about.caveats.one_european_high,
        "benchmark": about.benchmark.name,
        "digest": about.benchmark.digest,
        "draws": about.draws,
    }
    made: list[dict[str, Cell]] = []
    for id_, model in table.rows.items():
        head: dict[str, Cell] = {
            "id": id_,
            "model": model.model,
            "reliability": model.reliability,
            "reported": model.reported,
        }
        for numbers in _numbers(model, about.caveats):
            reason = None if numbers.get("value") is not None else model.reason
            made.append(dict.fromkeys(COLUMNS) | head | {"reason": reason} | shared | numbers)
    return made


def _numbers(model: ModelProximity, caveats: Caveats) -> Iterator[dict[str, Cell]]:
    a = model.like_raters
    like: dict[str, Cell] = {
        "name": "raters",
        "note": f"{caveats.reading} {caveats.raters}" if caveats.reading else caveats.raters,
    }
    yield {**like, "measure": "like_raters_spearman", "value": a.spearman, "low": a.low, "high": a.high}
    yield {**like, "measure": "like_raters_pearson", "value": a.pearson, "low": a.pearson_low, "high": a.pearson_high}
    yield {**like, "measure": "like_raters_rms", "value": a.rms}
    for name, g in model.groups.items():
        of: dict[str, Cell] = {"name": name, "note": f"{caveats.shape} {caveats.noise}"}
        yield {**of, "measure": "spearman", "value": g.spearman, "low": g.low, "high": g.high}
        yield {**of, "measure": "pearson", "value": g.pearson, "low": g.pearson_low, "high": g.pearson_high}
        yield {**of, "measure": "tau_b", "value": g.tau_b}
        yield {**of, "measure": "distance", "value": g.distance, "low": g.distance_low, "high": g.distance_high}
    held = model.held
    for name, lean in model.leans.items():
        yield {
            "holds": held.leans.get(name) if held else None,
            "prompts": held.prompts if held else None,
            "measure": "lean",
            "name": name,
            "toward": lean.toward,
            "against": lean.against,
            "value": lean.lean,
            "low": lean.low,
            "high": lean.high,
            "p": lean.p,
            "p_adjusted": lean.p_adjusted,
            "distinguishable": lean.sure if lean.lean is not None else None,
            "note": f"{caveats.europe} {caveats.confounding}",
        }
    near = model.nearest
    yield {
        "holds": held.nearest if held else None,
        "prompts": held.prompts if held else None,
        "measure": "nearest_share",
        "name": near.group or ("not distinguishable" if model.reported else None),
        "value": near.share,
        "p_adjusted": near.p_adjusted,
        "distinguishable": near.group is not None if model.reported else None,
        "note": f"{caveats.europe} {caveats.shape}",
    }
