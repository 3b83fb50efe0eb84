"""`python -m eval_queue settings`: every setting as people read it, from where each is documented."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
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


def variables() -> Iterator[Setting]:
    """Every environment variable, in the order of the class."""
    from eval_queue.settings import OTHER_VARIABLES, PREFIX, Settings

    yield from _of(Settings, lambda name: f"{PREFIX}{name.upper()}")
    for name, about in OTHER_VARIABLES.items():
        yield Setting(name, "", about)


def endpoint_fields() -> Iterator[Setting]:
    """Every field of an entry of the endpoints' list."""
    from eval_queue.settings import Endpoint

    yield from _of(Endpoint, lambda name: name)


def markdown() -> str:
    """Both tables between `BEGIN` and `END`."""
    from eval_queue.settings import PREFIX

    return "\n".join(
        [
            BEGIN,
            *_table("variable", variables()),
            "",
            f"Each entry of `{PREFIX}ENDPOINTS` has:",
            "",
            *_table("field", endpoint_fields()),
            END,
        ]
    )


def _of(model: type[BaseModel] | type[BaseSettings], spell: Callable[[str], str]) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        yield Setting(spell(name), _default(field), " ".join((field.description or "").split()))


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if field.is_required() or value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str).strip('"')


def _table(first: str, rows: Iterator[Setting]) -> list[str]:
    lines = [f"| {first} | default | what it does |", "|---|---|---|"]
    for name, default, about in rows:
        shown = f"`{default}`" if default else ""
        lines.append(f"| `{name}` | {shown} | {about.replace('|', chr(92) + '|')} |")
    return lines
