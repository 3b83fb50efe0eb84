"""The drawings of the Groups page as files of their own, and their numbers as tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from data.people.reference import Group
from eval_queue.store.compiled import Column
from leaderboard.charts.dot_plot import Axis, PlotRow, dot_plot
from leaderboard.charts.portrait import ACCENT
from leaderboard.files.formats import Sheet, UnknownFile
from leaderboard.files.standalone import standalone
from leaderboard.groups.group_report import ModelProximity
from leaderboard.groups.names import SHORT
from leaderboard.pages.groups.data import GroupsView
from leaderboard.pages.groups.page import drawing

_READ_WITH: Final = (
    Column("region", "string", "Where the people of the groups live."),
    Column("people", "string", "Whose survey the groups are."),
    Column("note", "string", "What must be read with the number."),
)
_READING: Final = Column("reading", "string", "published: scores by the key; match: matches on all items.")
_CIRCLE: Final = (
    Column("value", "string", "One of the ten values."),
    Column("toward", "double", "The first group, in steps of the PVQ-21 around its mean of the ten."),
    Column("against", "double", "The second group."),
    Column("gap", "double", "First minus second."),
    Column("model", "double", "The model carried over to the PVQ-21; empty where it is not set against groups."),
    Column("low", "double", "Lower end of the 95 % interval of the model's own score, carried over."),
    Column("high", "double", "Upper end."),
    *_READ_WITH,
)
_LEANS: Final = (
    Column("model", "string", "The model's name."),
    Column("id", "string", "The row's id."),
    Column("toward", "string", "The group that a positive lean is towards."),
    Column("against", "string", "The other one."),
    Column("lean", "double", "Cosine, -1 to 1, without what all people share."),
    Column("low", "double", "Lower end of the 95 % interval."),
    Column("high", "double", "Upper end."),
    Column("p_adjusted", "double", "After Holm's correction over the contrasts of the model."),
    Column("distinguishable", "bool", "Whether the lean is distinguishable from none."),
    Column("holds", "int32", "In how many prompts, each taken alone, it leans the same way; no test."),
    Column("prompts", "int32", "How many prompts that is of."),
    _READING,
    Column("reason", "string", "Why there is none; empty where there is."),
    *_READ_WITH,
)


def circle_svg(view: GroupsView) -> str:
    """The circle as a file."""
    carried = f" The model is carried over by the slope {view.slope:g}." if view.reading == "published" else ""
    said = f"{view.groups_from.title}; Europe.{carried}"
    return standalone(drawing(view), caption=said)


def circle_sheet(view: GroupsView) -> Sheet:
    """The circle's numbers."""
    linked = None if view.model is None else view.model.linked
    note = f"{view.caveats.europe} {view.caveats.confounding}"
    rows = tuple(
        {
            "value": name,
            "toward": view.toward.values[name],
            "against": view.against.values[name],
            "gap": view.gap[name],
            **({"model": m.score, "low": m.low, "high": m.high} if linked and (m := linked[name]) else {}),
            **_read_with(view, note),
        }
        for name in view.gap
    )
    return Sheet("groups circle", _about(view), _CIRCLE, rows)


def leans_svg(view: GroupsView) -> str:
    """All models' leans as a file, in the order of the page."""
    axis = Axis(-1, 1, (-1, 0, 1), (SHORT[view.against.name], SHORT[view.toward.name]))
    rows = [
        PlotRow.of(r.model, ACCENT, r.lean, r.low, r.high, hollow=not r.distinguishable)
        for r in view.leans
        if r.lean is not None
    ]
    title = f"Leans between {SHORT[view.toward.name]} and {SHORT[view.against.name]}"
    said = (
        f"95 % intervals; hollow: not distinguishable from no lean. {_read_as(view)}. {view.groups_from.title}; Europe."
    )
    return standalone(dot_plot(title, axis, [("", rows)], ("Lean", "95 % interval")), caption=said)


def leans_sheet(view: GroupsView) -> Sheet:
    """All models' leans, with what must be read with them."""
    note = f"{view.caveats.europe} {view.caveats.confounding} {view.caveats.noise}"
    rows = tuple(
        {
            **{c.name: getattr(r, c.name) for c in _LEANS if hasattr(r, c.name)},
            "toward": view.toward.name,
            "against": view.against.name,
            "distinguishable": r.distinguishable if r.reported else None,
            "reading": view.reading,
            **_read_with(view, note),
        }
        for r in view.leans
    )
    return Sheet("leans", _about(view), _LEANS, rows)


_ALIKE: Final = (
    Column("model", "string", "The model's name."),
    Column("group", "string", "The group of people."),
    Column("n", "int32", "How many people it is."),
    Column("order", "double", "Rank correlation (Spearman) of the ten values."),
    Column("order_low", "double", "Lower end of its 95 % interval."),
    Column("order_high", "double", "Upper end."),
    Column("size", "double", "Correlation (Pearson) of the ten values."),
    Column("size_low", "double", "Lower end of its 95 % interval."),
    Column("size_high", "double", "Upper end."),
    Column("ceiling", "double", "How well people's own two profiles agree; no strict bound."),
    _READING,
    *_READ_WITH,
)


def alike_svg(view: GroupsView, groups: Mapping[str, Group]) -> str:
    """How alike the chosen model is to each group, as a file.

    Raises:
        UnknownFile: no model is chosen that is set against groups.
    """
    found = _among(view)
    axis = Axis(-1, 1, (-1, -0.5, 0, 0.5, 1))
    heads = ("Order", "95 % interval")
    rows = [
        PlotRow.of(groups[name].label, ACCENT, g.spearman, g.low, g.high, tick=view.caveats.ceiling)
        for name, g in found.groups.items()
        if name in groups
    ]
    said = (
        f"{found.model}: rank correlation of its ten values with each group’s, {_read_as(view).lower()}. Tick: how "
        f"well people’s own two profiles agree. A similarity is not a judgement. {view.groups_from.title}; Europe."
    )
    title = f"Similarity of {found.model} to each group"
    return standalone(dot_plot(title, axis, [("", rows)], heads), caption=said)


def alike_sheet(view: GroupsView, groups: Mapping[str, Group]) -> Sheet:
    """Those numbers, and those of the sizes; errors as for `alike_svg`."""
    found = _among(view)
    note = f"{view.caveats.europe} {view.caveats.shape} {view.caveats.noise}"
    rows = tuple(
        {
            "model": found.model,
            "group": groups[name].label,
            "n": groups[name].n,
            **{"order": g.spearman, "order_low": g.low, "order_high": g.high},
            **{"size": g.pearson, "size_low": g.pearson_low, "size_high": g.pearson_high},
            "ceiling": view.caveats.ceiling,
            "reading": view.reading,
            **_read_with(view, note),
        }
        for name, g in found.groups.items()
        if name in groups
    )
    return Sheet("alike", _about(view), _ALIKE, rows)


def _among(view: GroupsView) -> ModelProximity:
    found = None if view.model is None else view.model.proximity
    if found is None or not found.reported:
        raise UnknownFile("id: name a row that is set against groups of people")
    return found


def _read_as(view: GroupsView) -> str:
    return "Read as published" if view.reading == "published" else "Read with all items"


def _about(view: GroupsView) -> dict[str, str]:
    return {k: str(v) for k, v in view.caveats.model_dump().items() if v is not None} | {"slope": str(view.slope)}


def _read_with(view: GroupsView, note: str) -> dict[str, str]:
    return {"region": view.caveats.region, "people": view.groups_from.title, "note": note}
