"""What an address may say, for programs: whatever it says that cannot be meant is an error that names the field.

A page shows no row for a filter that is misspelt, and says so. A program reads no sentence beside a table: it gets an
error, for every field, also for those that only order or draw.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from starlette.datastructures import QueryParams

from data.errors import InputError
from data.values import BY_NAME
from leaderboard.exports.tables import people_columns, result_of
from leaderboard.files.formats import UnknownFile
from leaderboard.pages.alike import page as alike
from leaderboard.pages.board import query as board_query
from leaderboard.pages.compare import page as compare
from leaderboard.pages.dates import page as dates
from leaderboard.pages.groups import page as groups
from leaderboard.pages.map import page as map_page
from leaderboard.pages.model import page as model
from leaderboard.pages.value import page as value
from leaderboard.site.site import Site
from leaderboard.web.document import no_such_field, not_among

Problems = Callable[[Site, QueryParams], Sequence[str]]

FIELDS: Final[Mapping[str, Collection[str]]] = {
    "board": board_query.FIELDS,
    "answers": model.FIELDS,
    "card": ("id",),
    "result": ("id",),
    **dict.fromkeys(("badge", "portrait", "scores", "match-portrait", "matches"), ("id",)),
    **dict.fromkeys(("compare", "differences", "series"), compare.FIELDS),
    "map": map_page.FIELDS,
    **dict.fromkeys(("groups", "leans", "alike"), groups.FIELDS),
    "correlations": ("dimension",),
    **dict.fromkeys(("value", "neighbours"), value.FIELDS),
    "dates": dates.FIELDS,
    "matrix": alike.FIELDS,
}
"""Which fields the address of a file may have, those of the page it belongs to; a file that is not here has none."""
VIEW: Final[Mapping[str, Collection[str]]] = {"board": ("show", "intervals", "model")}
"""Fields that the page's own links carry and that change nothing in the file."""


def _board(site: Site, query: QueryParams) -> list[str]:
    return board_query.problems(site.boards(), query, people_columns(site))


def _compare(site: Site, query: QueryParams) -> list[str]:
    return [*compare.problems(site, query), *compare.unknown_rows(site, query)]


def _groups(site: Site, query: QueryParams) -> list[str]:
    id_ = query.get("id") or query.get("model")
    if id_:
        result_of(site, id_)
    return groups.problems(site, query)


def _value(site: Site, query: QueryParams) -> list[str]:
    name = query.get("name", "")
    if name and name not in BY_NAME:
        raise UnknownFile(not_among("name", name, BY_NAME))
    return value.problems(site, query)


_PROBLEMS: Final[Mapping[str, Problems]] = {
    "board": _board,
    "answers": model.problems,
    **dict.fromkeys(("compare", "differences", "series"), _compare),
    "map": map_page.problems,
    **dict.fromkeys(("groups", "leans", "alike"), _groups),
    **dict.fromkeys(("value", "neighbours"), _value),
    "dates": dates.problems,
    "matrix": alike.problems,
}


def check(site: Site, name: str, query: QueryParams) -> None:
    """Check all fields of the address of a file or drawing, which is named.

    Raises:
        InputError: names every field that says something unknown, or the first that there is not.
        UnknownRow: the row it is about is not here.
        UnknownFile: the dimension it is about is not one.
    """
    known = FIELDS.get(name, ())
    if (said := no_such_field(query, known, VIEW.get(name, ()))) is not None:
        raise InputError(said)
    wrong = _PROBLEMS[name](site, query) if name in _PROBLEMS else ()
    if wrong:
        raise InputError("; ".join(wrong))
