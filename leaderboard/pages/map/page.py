"""Map: all rows of a board on the circle of values, or on a fixed plane together with groups of people.

The address is the state: `view` (`circle`, `plane`), `reading` (`published`, `all`), `table` (a board, or `practice`),
and who stands out: `highlight` (ids of rows, repeated), `family`, `developer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args
from urllib.parse import urlencode

from data.people.norms import Reading
from eval_queue.records import Result
from eval_queue.scoring.bootstrap import DRAWS
from leaderboard.analysis.lineage import lineage
from leaderboard.analysis.projection import View
from leaderboard.boards.map_positions import Map, bridged, build
from leaderboard.boards.readings import ADDRESS_READINGS, reading_of
from leaderboard.boards.results import table_names, table_of
from leaderboard.charts.map import interval, map_svg, toward
from leaderboard.charts.portrait import linked, number
from leaderboard.pages.compare.data import MOST
from leaderboard.site.site import Site
from leaderboard.web.document import Volatile, every, not_among
from leaderboard.web.fields import offered, unknown
from leaderboard.web.markup import render

ROUTE: Final = "map"
NAME: Final = "Map"
FIELDS: Final = ("view", "reading", "table", "highlight", "family", "developer")
DESCRIPTION: Final = (
    "All models as places on the circle of values, or on a plane together with groups of people, with 95 % regions."
)
SCRIPTS: Final = ("map.js",)


@dataclass(frozen=True)
class Asked:
    """What an address asks for. What is no known choice counts as not given."""

    view: View
    reading: Reading
    table: str
    highlight: tuple[str, ...]
    family: str
    developer: str

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Asked:
        """Read an address."""
        return cls(
            view="plane" if query.get("view") == "plane" else "circle",
            reading=reading_of(query.get("reading")),
            table=query.get("table", ""),
            highlight=tuple(dict.fromkeys(every(query, "highlight"))),
            family=query.get("family", ""),
            developer=query.get("developer", ""),
        )

    def wants(self, r: Result) -> bool:
        """Whether a row is to stand out."""
        return (
            r.id in self.highlight
            or bool(self.family and lineage(r.model).family == self.family)
            or bool(self.developer and r.developer == self.developer)
        )

    def link(self, **other: str) -> str:
        """The fields of an address that asks for the same but for `other`."""
        own = {name: getattr(self, name) for name in ("view", "table", "family", "developer")}
        own["reading"] = "all" if self.reading == "match" else ""
        fields = [(name, other.get(name, own[name])) for name in ("view", "reading", "table", "family", "developer")]
        return urlencode([f for f in fields if f[1]] + [("highlight", id_) for id_ in self.highlight])


def problems(site: Site, query: Mapping[str, str]) -> list[str]:
    """What the address says that cannot be meant, a sentence each."""
    boards = site.boards()
    found = unknown(query, {"view": get_args(View), "reading": ADDRESS_READINGS})
    if lost := unknown(query, {"table": table_names(boards)}):
        return [*found, *lost]
    board = table_of(boards, query.get("table", ""))
    rows = () if board is None else board.results
    choices = {
        "highlight": [r.id for r in rows],
        "family": sorted({f for r in rows if (f := lineage(r.model).family)}),
        "developer": sorted({r.developer for r in rows if r.developer}),
    }
    return [*found, *(not_among(n, x, c) for n, c in choices.items() for x in every(query, n) if x and x not in c)]


def data(site: Site, query: Mapping[str, str]) -> Map:
    """The map for the fields of an address: the JSON twin of the page."""
    return _found(site, Asked.parse(query))[0]


def _found(site: Site, asked: Asked) -> tuple[Map, bool]:
    board = table_of(site.boards(), asked.table)
    sure, finished = site.regions.of(board, asked.highlight, asked.reading) if board else ({}, True)
    templates = site.templates(board.key.digest) if board and asked.reading == "match" else None
    people = bridged(board, lambda: site.reference)
    made = build(board, asked.view, asked.wants, sure, people, asked.reading, templates)
    return made, finished


def content(site: Site, query: Mapping[str, str]) -> str:
    """The page as HTML for the fields of an address."""
    asked = Asked.parse(query)
    shown, finished = _found(site, asked)
    marked = [m.id for m in shown.models if m.highlighted]
    page = render(
        "map.html",
        map=shown,
        asked=asked,
        marked=len(marked),
        compared=urlencode([("id", id_) for id_ in marked]) if 2 <= len(marked) <= MOST else None,
        wide=linked(map_svg(shown)),
        narrow=linked(map_svg(shown, "narrow")),
        boards=offered(site.boards()),
        families=sorted({m.family for m in shown.models}, key=str.casefold),
        developers=sorted({m.developer for m in shown.models if m.developer}, key=str.casefold),
        groups=[p for p in shown.people if p.kind == "group"],
        raters=site.reference.raters.n if shown.people else None,
        draws=DRAWS,
        number=number,
        interval=interval,
        toward=toward,
        finished=finished,
    )
    return page if finished else Volatile(page)
