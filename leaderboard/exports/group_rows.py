"""Models among people as flat rows, one number a row, for CSV and Parquet: caveats travel as columns.

Pure. A number that is withheld is None and `reason` says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eval_queue.store.compiled import Column
from leaderboard.boards.group_similarity import Table
from leaderboard.groups.group_report import Caveats, ModelProximity

COLUMNS: Final = (
    Column("id", "string", "The row's id."),
    Column("model", "string", "The model's name."),
    Column("reliability", "double", "Share of the variance between its ten scores that is not sampling noise."),
    Column("reported", "bool", "Whether groups, leans and nearest group are given."),
    Column("reason", "string", "Why a number is withheld; empty where it is not."),
    Column("measure", "string", "What is measured, e.g. spearman, lean, nearest_share."),
    Column("name", "string", "Of which group or contrast."),
    Column("toward", "string", "Group that a positive lean is towards."),
    Column("against", "string", "Group that a negative lean is towards."),
    Column("value", "double", "The number."),
    Column("low", "double", "Lower end of its 95 % interval."),
    Column("high", "double", "Upper end of it."),
    Column("p", "double", "Two-sided p-value, taken alone."),
    Column("p_adjusted", "double", "After Holm's correction."),
    Column("distinguishable", "bool", "Whether it is distinguishable from chance."),
    Column("holds", "int32", "In how many prompts, each taken alone, side or leading group is the same; no test."),
    Column("prompts", "int32", "How many prompts that is of."),
    Column("reading", "string", "published: scores by the key; match: matches on all items, which have no distances."),
    Column("region", "string", "Where the people of the groups live."),
    Column("people", "string", "Whose answers stand behind the groups."),
    Column("people_n", "int32", "How many they are."),
    Column("raters", "string", "Whose answers stand behind the raters."),
    Column("raters_n", "int32", "How many they are."),
    Column("ceiling", "double", "How well the raters' two own profiles agree; not a strict bound."),
    Column("one_european", "double", "Median correlation of one person's profile with the mean of all."),
    Column("one_european_low", "double", "Its 5th percentile over persons."),
    Column("one_european_high", "double", "Its 95th percentile."),
    Column("benchmark", "string", "The benchmark's name."),
    Column("digest", "string", "SHA-256 of its canonical content."),
    Column("draws", "int32", "Bootstrap draws behind the intervals."),
    Column("note", "string", "What must be read with the number."),
)
"""A nearest group that cannot be told has the name "not distinguishable"."""

Cell = str | float | bool | None


def rows(table: Table) -> list[dict[str, Cell]]:
    """All numbers of a board's rows among people."""
    about = table.about
    shared: dict[str, Cell] = {
        "reading": about.reading,
        "region": about.caveats.region,
        "people": about.groups_from.title,
        "people_n": about.groups_from.n,
        "raters": about.raters_from.title,
        "raters_n": about.raters_from.n,
        **about.caveats.model_dump(include={"ceiling", "one_european", "one_european_low", "one_european_high"}),
        "benchmark": about.benchmark.name,
        "digest": about.benchmark.digest,
        "draws": about.draws,
    }
    made: list[dict[str, Cell]] = []
    for id_, model in table.rows.items():
        head: dict[str, Cell] = {"id": id_, **model.model_dump(include={"model", "reliability", "reported"})}
        for numbers in _numbers(model, about.caveats):
            reason = None if numbers.get("value") is not None else model.reason
            made.append(head | {"reason": reason} | shared | numbers)
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
            "value": lean.lean,
            **lean.model_dump(exclude={"lean"}),
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
