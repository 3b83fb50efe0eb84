"""The drawings of the Groups page as files of their own, and their numbers as tables. Pure."""

from __future__ import annotations

from typing import Final

from eval_queue.compiled import Column
from leaderboard.chart_files import standalone
from leaderboard.exports import Sheet
from leaderboard.group_charts import Drawn, Lean, circle, leans
from leaderboard.groups_view import SHORT, GroupsView

_READ_WITH: Final = (
    Column("region", "string", "Where the people of the groups live."),
    Column("people", "string", "Whose survey the groups are."),
    Column("note", "string", "What must be read with the number."),
)
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
    Column("distinguishable", "bool", "Whether the lean is surely one."),
    Column("reason", "string", "Why there is none; empty where there is."),
    *_READ_WITH,
)


def drawing(view: GroupsView) -> str:
    """Two groups and the chosen model on one circle, as an SVG string."""
    toward, against = (Drawn(_upper(SHORT[g.name]), list(g.values.values())) for g in (view.toward, view.against))
    model = view.model
    if model is None or model.linked is None:
        return circle(toward, against, None)
    cells = list(model.linked.values())
    low, high = [c.low for c in cells if c.low is not None], [c.high for c in cells if c.high is not None]
    sure = len(low) == len(high) == len(cells)
    drawn = Drawn(model.model, [c.score for c in cells], low if sure else None, high if sure else None)
    return circle(toward, against, drawn)


def circle_svg(view: GroupsView) -> str:
    """The circle as a file."""
    said = f"{view.groups_from.title}; Europe. The model is carried over by the slope {view.slope:g}."
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
    rows = [Lean(r.model, r.lean, r.low, r.high, r.distinguishable) for r in view.leans if r.lean is not None]
    toward, against = SHORT[view.toward.name], SHORT[view.against.name]
    said = f"95 % intervals; hollow: not distinguishable from no lean. {view.groups_from.title}; Europe."
    return standalone(leans(rows, toward, against), caption=said)


def leans_sheet(view: GroupsView) -> Sheet:
    """All models' leans, with what must be read with them."""
    note = f"{view.caveats.europe} {view.caveats.confounding} {view.caveats.noise}"
    rows = tuple(
        {
            **{c.name: getattr(r, c.name) for c in _LEANS if hasattr(r, c.name)},
            "toward": view.toward.name,
            "against": view.against.name,
            "distinguishable": r.distinguishable if r.reported else None,
            **_read_with(view, note),
        }
        for r in view.leans
    )
    return Sheet("leans", _about(view), _LEANS, rows)


def _about(view: GroupsView) -> dict[str, str]:
    return {k: str(v) for k, v in view.caveats.model_dump().items() if v is not None} | {"slope": str(view.slope)}


def _read_with(view: GroupsView, note: str) -> dict[str, str]:
    return {"region": view.caveats.region, "people": view.groups_from.title, "note": note}


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
