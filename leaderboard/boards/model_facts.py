"""What is known of a model beside its answers: when it was released, and where its developer describes it.

A release date comes from the model's name, else from the record (for a model of the Hub, when its repository was made
there), else, for a published row, from the table of released models. Nothing is looked up while a page is made.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import Final, Literal, NamedTuple

from data.errors import InputError
from eval_queue.records import Result
from eval_queue.scoring.publishing import FOLDER, MODELS_FILE, Published, read_models
from leaderboard.analysis.lineage import lineage

Source = Literal["name", "hub", "table"]
SOURCES: Final[dict[Source, str]] = {
    "name": "the date in its name",
    "hub": "when its repository was made on the Hub",
    "table": "its developer’s announcement",
}
"""What a release date rests on, in words."""

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


class Released(NamedTuple):
    """When a model came out."""

    day: date
    source: Source
    told: str | None = None
    """Where the developer's announcement can be looked up."""


@cache
def _table() -> Published | None:
    try:
        return read_models(FOLDER / MODELS_FILE)
    except InputError:  # a copy without the table shows its rows all the same
        return None


def released(result: Result) -> Released | None:
    """When a row's model was released; None where that is not known."""
    if (named := lineage(result.model).released) is not None:
        return Released(named, "name")
    if (recorded := result.released) is not None:
        return Released(recorded, "hub")
    table = _table() if result.origin == "published" else None
    facts = table.models.get(result.model) if table else None
    return None if facts is None or facts.released is None else Released(facts.released, "table", facts.told)


def billions(result: Result) -> float | None:
    """Parameters in billions: as the Hub counts them, else as the name says; None where neither does."""
    return lineage(result.model).billions if result.parameters is None else round(result.parameters / 1e9, 3)


def repository(result: Result) -> str | None:
    """The repository of a row's weights on the Hub; None where there is none or it is not known which.

    A name of the form `org/name` may belong to any endpoint. A commit says that the Hub was asked for this model.
    """
    if result.revision and _COMMIT.fullmatch(result.revision) and _REPOSITORY.fullmatch(result.model):
        return result.model
    table = _table() if result.origin == "published" else None
    facts = table.models.get(result.model) if table else None
    return facts.hub if facts else None


def developers_list(result: Result) -> str | None:
    """Where a row's developer lists its models; None where that is not known."""
    table = _table()
    return table.developers.get(result.developer or "") if table else None
