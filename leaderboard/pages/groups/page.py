"""Groups: a model beside two groups of people, what can be told apart and what cannot, and persona runs.

The address is the state: `id` (or `model`) names a row, `contrast` one of the reference's, `reading=all` the reading on
all items, `sort=lean` (and `order=down`) the order of all models, `imagined` a series of persona runs or its model,
`table` a board other than the first whose rows are at hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, NamedTuple
from urllib.parse import urlencode

from data.people.norms import READINGS, Reading
from data.people.reference import CONTRASTS, OVERALL, Contrast
from data.values import VALUES
from eval_queue.records import Result
from eval_queue.scoring.stability import FLAT_BELOW
from leaderboard.analysis.ranks import ALPHA
from leaderboard.boards.group_similarity import Table
from leaderboard.boards.readings import ADDRESS_READINGS, reading_of
from leaderboard.boards.results import Board
from leaderboard.charts.groups import Drawn, circle
from leaderboard.charts.portrait import linked, number
from leaderboard.groups.names import CONTRASTS as NAMES
from leaderboard.groups.names import SHORT
from leaderboard.groups.persona_report import PersonaGap
from leaderboard.pages.groups.data import GroupsView, Imagined, LeanRow, build
from leaderboard.pages.groups.other_reading import OtherReading, other_reading
from leaderboard.site.site import Site
from leaderboard.vocabulary.badges import BENCHMARKS
from leaderboard.web.document import Volatile
from leaderboard.web.fields import unknown, with_fields
from leaderboard.web.head import Head
from leaderboard.web.markup import capitalised, render

ROUTE: Final = "groups"
NAME: Final = "Groups"
FIELDS: Final = ("contrast", "reading", "table", "id", "model", "sort", "order", "imagined")
DESCRIPTION: Final = (
    "Language models among groups of people: whose value "
    "profiles they resemble, and how little of that can be told apart."
)

NOT_DISTINGUISHABLE: Final = "not distinguishable"


def head(site: Site, query: Mapping[str, str]) -> Head:
    """What the page is about: the row that an address names, or all of them."""
    wanted = query.get("id") or query.get("model", "")
    row = next((r for r in site.results() if r.id == wanted), None)
    if row is None:
        return Head(description=DESCRIPTION, address=ROUTE)
    said = (
        f"{row.model} among groups of people in Europe: similarity of its values to those of each group, leans between "
        "groups, and how little of that can be told apart."
    )
    return Head(f"{row.model} among groups of people", said, f"{ROUTE}?{urlencode({'id': row.id})}")


@dataclass(frozen=True)
class Asked:
    """What an address asks for, as far as it can be had."""

    contrast: Contrast
    reading: Reading
    boards: tuple[tuple[Board, Table], ...]
    """Boards with rows that can be set against groups."""
    board: Board | None
    table: Table | None
    chosen: Result | None
    unknown: bool
    """Whether a row was asked for that is not on the board."""
    lost: bool
    """Whether a table was asked for that is not here or has no such rows."""
    sort: Literal["name", "lean"]
    down: bool
    imagined: str

    @classmethod
    def of(cls, site: Site, query: Mapping[str, str]) -> Asked:
        """Read an address. Of a table that is not here there is no row; other unknown choices count as not given."""
        contrasts = site.reference.contrasts or CONTRASTS[:1]
        contrast = next((c for c in contrasts if c.name == query.get("contrast")), contrasts[0])
        reading = reading_of(query.get("reading"))
        found = [(b, t) for b in site.boards() if (t := site.proximities.of(b, reading)) is not None]
        board, table = next(((b, t) for b, t in found if b.key.slug == query.get("table")), (None, None))
        wanted = query.get("id") or query.get("model", "")
        if board is None and found and not query.get("table"):
            holding = (pair for pair in found if any(r.id == wanted for r in pair[0].results))
            board, table = next(holding, found[0])
        rows = board.results if board else ()
        chosen = next((r for r in rows if r.id == wanted), None)
        unknown = bool(wanted) and chosen is None
        if chosen is None and table is not None:
            chosen = next((r for r in rows if table.reason(r) is None), rows[0] if rows else None)
        sort: Literal["name", "lean"] = "lean" if query.get("sort") == "lean" else "name"
        return cls(
            contrast,
            reading,
            tuple(found),
            board,
            table,
            chosen,
            unknown,
            board is None and bool(query.get("table")),
            sort,
            query.get("order") == "down",
            query.get("imagined", ""),
        )

    def address(self, **changes: str) -> str:
        """The address of this page with other fields."""
        return self.file(ROUTE, **changes)

    def file(self, path: str, **changes: str) -> str:
        """The address of something else that is made of the same fields."""
        fields = {
            "table": self.board.key.slug if self.board and len(self.boards) > 1 else "",
            "id": self.chosen.id if self.chosen else "",
            "contrast": self.contrast.name,
            "reading": "all" if self.reading == "match" else "",
            "sort": "lean" if self.sort == "lean" else "",
            "order": "down" if self.down else "",
            "imagined": self.imagined,
            **changes,
        }
        return with_fields(path, fields)


def problems(site: Site, query: Mapping[str, str]) -> list[str]:
    """What the address says that cannot be meant. Of a row that is not here the page itself tells."""
    contrasts, tables = [c.name for c in site.reference.contrasts], [b.key.slug for b in site.boards()]
    fixed = {"sort": ("name", "lean"), "order": ("up", "down")}
    return unknown(query, {"contrast": contrasts, "reading": ADDRESS_READINGS, "table": tables, **fixed})


def data(site: Site, query: Mapping[str, str]) -> GroupsView:
    """The page as a record, with what must be read with its numbers.

    Raises:
        InputError: the operator's file of groups cannot be used, or lacks every contrast.
    """
    return _view(site, Asked.of(site, query))


def _view(site: Site, asked: Asked) -> GroupsView:
    biases = site.biases.of(site.results(), asked.reading)
    view = build(site.reference, asked.contrast, asked.board, asked.table, asked.chosen, biases)
    return view.model_copy(update={"leans": in_order(view.leans, asked.sort, down=asked.down)})


def in_order(rows: Sequence[LeanRow], sort: str, *, down: bool) -> list[LeanRow]:
    """Rows by name as they come, or by lean; those without one stay last."""
    with_lean = [r for r in rows if r.reported]
    if sort == "lean":
        with_lean.sort(key=lambda r: r.lean or 0.0)
    if down:
        with_lean.reverse()
    return [*with_lean, *(r for r in rows if not r.reported)]


def content(site: Site, query: Mapping[str, str]) -> str:
    """The page as HTML for the fields of an address."""
    if not site.reference.contrasts:
        return render("groups_none.html", people=site.reference.people)
    asked = Asked.of(site, query)
    view = _view(site, asked)
    shown = _imagined(view, asked)
    gap = shown.gap if shown else view.example
    page = render(
        "groups.html",
        v=view,
        asked=asked,
        boards=[(b.key.slug, _board_name(b)) for b, _ in asked.boards],
        contrasts=[(c.name, NAMES[c.name].between) for c in site.reference.contrasts],
        contrast_names={name: words.between for name, words in NAMES.items()},
        toward=SHORT[asked.contrast.toward],
        against=SHORT[asked.contrast.against],
        short=SHORT,
        picture=linked(drawing(view)),
        verdict=_verdict(view),
        other=_other(site, asked),
        groups=site.reference.groups,
        overall=OVERALL,
        values=VALUES,
        practice=site.benchmark.is_practice,
        own_groups=site.reference_file is not None,
        shown=shown,
        gap=gap,
        lanes=None if gap is None or not gap.reported else _lanes(gap, _slope(gap, view, shown)),
        read_otherwise=any(i.reading != asked.reading for i in view.imagined),
        number=number,
        interval=_interval,
        said=said,
        chance=_chance,
        along=partial(_along, low=-1.0, high=1.0),
        flat_below=FLAT_BELOW,
        by_chance=_by_chance(view),
        benchmark_name=lambda name: BENCHMARKS.get(name, name),
        not_distinguishable=NOT_DISTINGUISHABLE,
    )
    # while the store is away, rows may be missing that will be back without any new result
    return Volatile(page) if site.queue.outage() is not None else page


def _other(site: Site, asked: Asked) -> OtherReading | None:
    """What both readings say, side by side; None where one of them is not at hand."""
    if asked.board is None:
        return None
    published, match = (site.proximities.of(asked.board, reading) for reading in READINGS)
    return None if published is None or match is None else other_reading(published, match, asked.chosen)


def _by_chance(view: GroupsView) -> str:
    """How many models would lean surely in one of their contrasts if none of them did, as text."""
    return f"{ALPHA * sum(r.reported for r in view.leans):.1f}"


def _board_name(board: Board) -> str:
    name = BENCHMARKS.get(board.benchmark.name, board.benchmark.name)
    return f"{name} {board.key.digest[:8]}, {board.key.protocol}"


def _imagined(view: GroupsView, asked: Asked) -> Imagined | None:
    """The series to draw: the one asked for, else one of the chosen model, else one with a gap, else any."""
    wanted = next((i for i in view.imagined if asked.imagined in (i.id, i.model)), None)
    chosen = asked.chosen
    own = (i for i in view.imagined if chosen and (i.model, i.endpoint) == (chosen.model, chosen.endpoint))
    reported = (i for i in view.imagined if i.gap is not None and i.gap.reported)
    return wanted or next(own, None) or next(reported, None) or next(iter(view.imagined), None)


class Verdict(NamedTuple):
    """One plain sentence and whether something can be told."""

    text: str
    sure: bool


def _verdict(view: GroupsView) -> Verdict:
    """What can be said of the chosen model in the chosen contrast, and no more."""
    toward, against = SHORT[view.toward.name], SHORT[view.against.name]
    row = None if view.model is None else next((r for r in view.leans if r.id == view.model.id), None)
    if view.model is None or row is None:
        return Verdict(f"How {toward} and {against} differ in their ten values.", sure=False)
    if not row.reported:
        return Verdict(f"{row.model} is not compared with groups: {said(row.reason or '')}.", sure=False)
    lean = row.lean or 0.0
    if row.distinguishable:
        to, away = (toward, against) if lean > 0 else (against, toward)
        return Verdict(f"Beyond what all people share, {row.model} leans towards {to} rather than {away}.", sure=True)
    return Verdict(f"No lean of {row.model} towards {toward} or towards {against} can be established.", sure=False)


class PlotRow(NamedTuple):
    """One value between two personas, on an axis that holds all of them."""

    name: str
    colour: str
    real: float
    """The people's gap at the benchmark's scale."""
    perceived: float
    low: float | None
    high: float | None


class Lanes(NamedTuple):
    """All ten, and how far the axis goes to both sides."""

    rows: list[PlotRow]
    limit: float

    def along(self, x: float) -> str:
        """Where a number lies on the axis, as a style sheet reads it."""
        return _along(x, -self.limit, self.limit)


def _slope(gap: PersonaGap, view: GroupsView, shown: Imagined | None) -> float:
    """What people's gap is drawn times: the link of the scales; beside matches, which have none, the model's length."""
    if shown is None or shown.reading == "published":
        return view.slope
    perceived, real = (
        sum((getattr(v, of) or 0.0) ** 2 for v in gap.values.values()) ** 0.5 for of in ("perceived", "real")
    )
    return perceived / real if real else 1.0


def _lanes(gap: PersonaGap, slope: float) -> Lanes:
    rows = [
        PlotRow(d.name, d.family.colour, slope * (v.real or 0.0), v.perceived or 0.0, v.low, v.high)
        for d in VALUES
        if (v := gap.values.get(d.name)) is not None
    ]
    furthest = max(abs(x) for row in rows for x in (row.real, row.perceived, row.low, row.high) if x is not None)
    return Lanes(rows, next((limit for limit in (0.5, 1.0, 2.0) if furthest <= limit), 5.0))


def _along(x: float | None, low: float, high: float) -> str:
    share = 0.0 if x is None else (x - low) / (high - low)
    return f"{min(1.0, max(0.0, share)):.4g}"


def said(reason: str) -> str:
    """A reason as people read it: its negative numbers with a true minus."""
    return re.sub(r"(?<![\w.])-(?=\d)", "−", reason)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"({number(low)} to {number(high)})"


def _chance(p: float | None) -> str:
    if p is None:
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def drawing(view: GroupsView) -> str:
    """Two groups and the chosen model on one circle, as an SVG string."""
    toward, against = (Drawn(capitalised(SHORT[g.name]), list(g.values.values())) for g in (view.toward, view.against))
    model = view.model
    if model is None or model.linked is None:
        return circle(toward, against, None)
    cells = list(model.linked.values())
    low, high = [c.low for c in cells if c.low is not None], [c.high for c in cells if c.high is not None]
    sure = len(low) == len(high) == len(cells)
    drawn = Drawn(model.model, [c.score for c in cells], low if sure else None, high if sure else None)
    return circle(toward, against, drawn)
