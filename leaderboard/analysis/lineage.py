"""What a model's name says of where it belongs: its family, its series, the date of its release.

Read from the name alone, by rules that are the same for every model, so that a board groups models nobody has sorted
by hand. A *series* is one model through time (its name without a date), a *family* is a developer's line up to its
version (`gpt-4o`, `claude-3-5`, `llama-3.1`). Names that say less give less; nothing is looked up.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

_SEPARATORS: Final = re.compile(r"[-_ :]+")
_LONG_DATE: Final = re.compile(r"[-_](20\d\d)[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])(?=$|[-_:])")
_SIZE: Final = re.compile(r"\d+(\.\d+)?[bmk]|\d+x\d+b|a\d+b", re.IGNORECASE)
_VERSION: Final = re.compile(r"v?\d+(\.\d+)*[a-z]?", re.IGNORECASE)
_SHORT_DATE: Final = re.compile(r"\d{4}")
_SIZES: Final = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)(b|m)(?![a-z0-9])", re.IGNORECASE)


class Lineage(NamedTuple):
    """Where a model belongs."""

    family: str
    """Its developer's line, lower case, e.g. `claude-3-5`."""
    series: str
    """The model through time: its name without organisation and date, lower case, e.g. `claude-3-5-sonnet`."""
    released: date | None
    """The date in its name; None where there is none."""
    billions: float | None
    """Parameters in billions as its name says; None where it does not."""


@lru_cache(maxsize=8192)
def lineage(model: str) -> Lineage:
    """Where a model belongs, by its name as the board has it."""
    name = model.rpartition("/")[2].casefold()
    dated = _LONG_DATE.search(name)
    released = _date(dated)
    if dated is not None and released is not None:
        name = name[: dated.start()] + name[dated.end() :]
    size = _SIZES.search(name)
    billions = None if size is None else float(size[1]) * (1.0 if size[2] == "b" else 1e-3)
    return Lineage(_family(name), name, released, billions)


def _date(found: re.Match[str] | None) -> date | None:
    try:
        return None if found is None else date(*(int(part) for part in found.groups()))
    except ValueError:  # the 31st of a short month is no date
        return None


def _family(name: str) -> str:
    """The first words up to and with the version that follows them."""
    words = [word for word in _SEPARATORS.split(name) if word]
    kept: list[str] = []
    for word in words:
        if _SIZE.fullmatch(word) or (kept and _SHORT_DATE.fullmatch(word)):
            break
        version = bool(_VERSION.fullmatch(word))
        if kept and not version:
            break
        kept.append(word)
        if not version and any(c.isdigit() for c in word):
            break  # the version is part of the word, as in o1 or smollm2
    return "-".join(kept) or name
