"""`python -m eval_queue settings`: every setting as people read it, from where each is documented."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings

BEGIN: Final = "<!-- settings: python -m eval_queue settings -->"
"""Stands before the table where it is kept in a text."""
END: Final = "<!-- end of settings -->"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command()
    def settings() -> None:
        """Print every setting with its default and meaning, as a Markdown table."""
        typer.echo(markdown())


class Setting(NamedTuple):
    """One line of the table."""

    name: str
    default: str
    """As it is written in the environment; empty where there is none."""
    about: str


def markdown() -> str:
    """Tables of every environment variable and every field of an endpoint, between `BEGIN` and `END`."""
    from eval_queue.settings import OTHER_VARIABLES, PREFIX, Endpoint, Settings

    variables = [s._replace(name=f"{PREFIX}{s.name.upper()}") for s in _of(Settings)]
    others = [Setting(name, "", about) for name, about in OTHER_VARIABLES.items()]
    tables = [*_table("variable", [*variables, *others]), "", f"Each entry of `{PREFIX}ENDPOINTS` has:", ""]
    return "\n".join([BEGIN, *tables, *_table("field", _of(Endpoint)), END])


def _of(model: type[BaseModel] | type[BaseSettings]) -> list[Setting]:
    """The fields of a class, in its order."""
    fields = model.model_fields.items()
    return [Setting(name, _default(field), " ".join((field.description or "").split())) for name, field in fields]


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if field.is_required() or value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str).strip('"')


def _table(first: str, rows: Iterable[Setting]) -> list[str]:
    lines = [f"| {first} | default | what it does |", "|---|---|---|"]
    for name, default, about in rows:
        shown = f"`{default}`" if default else ""
        lines.append(f"| `{name}` | {shown} | {about.replace('|', chr(92) + '|')} |")
    return lines
