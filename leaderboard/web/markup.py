"""Pages that are mostly words: Jinja templates, each beside what fills it, with everything put into them escaped."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from data.values import BY_NAME

_LEADERBOARD: Final = Path(__file__).resolve().parent.parent
_FOLDERS: Final = (
    _LEADERBOARD / "web" / "templates",
    _LEADERBOARD / "exports" / "templates",
    *sorted((_LEADERBOARD / "pages").iterdir()),
)


def when(moment: datetime | None) -> str:
    """A moment as people read it, in UTC to the minute."""
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M UTC")


def duration(seconds: float | None) -> str:
    """A span of time in its two largest units, e.g. `2 min 20 s`."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def whole(n: int) -> str:
    """A count with separators, e.g. `3,120`."""
    return f"{n:,}"


def counted(n: int, one: str, many: str | None = None) -> str:
    """A count with its noun, e.g. `1 model`, `33 models`."""
    return f"{whole(n)} {one if n == 1 else many or one + 's'}"


def capitalised(text: str) -> str:
    """A sentence or a label with a capital at its beginning, the rest as it is."""
    return text[:1].upper() + text[1:]


def value_link(name: str) -> str:
    """A dimension's name as a link to its page; any other name as it is."""
    return _value_links().get(name, name)


@cache
def _value_links() -> dict[str, Markup]:
    link = Markup('<a class="vp-quiet-link" href="value?{}">{}</a>')
    return {name: link.format(urlencode({"name": name}), name) for name in BY_NAME}


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDERS),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"when": when, "duration": duration, "whole": whole, "counted": counted, "value_link": value_link}
    return made


def render(template: str, **values: object) -> str:
    """Fill a template. Strings are escaped unless they are `markupsafe.Markup`."""
    return _environment().get_template(template).render(**values)


def inert(json: str) -> Markup:
    """JSON as the text of a script element, which only a tag or comment within it could end early."""
    return Markup(json.replace("<", "\\u003c"))
