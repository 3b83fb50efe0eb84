"""What commands have in common: options that several take, and tables in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SourceOption = Annotated[
    str | None,
    typer.Option(
        help="`practice`, `upstream`, a folder in upstream's layout, or a dataset on the Hub as org/name@revision.",
        show_default=False,
    ),
]
PublishedSourceOption = Annotated[
    str | None, typer.Option(help="`upstream` or a folder in upstream's layout.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON only.")]


def console(width: int | None = None, *, highlight: bool = True) -> Console:
    """A console for standard output, so many columns wide where that is no terminal."""
    from rich.console import Console

    terminal = Console(highlight=highlight)
    return terminal if terminal.is_terminal or width is None else Console(width=width, highlight=highlight)


def table(
    first: str, *numbers: str, title: str | None = None, padding: tuple[int, int, int, int] = (0, 1, 0, 1)
) -> Table:
    """A table whose first column holds names and the others numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    heading = None if title is None else Text(title)
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=padding, title=heading, title_justify="left")
    made.add_column(first, overflow="fold", min_width=16)
    for name in numbers:
        made.add_column(name, justify="right", no_wrap=True)
    return made


def echo_json(document: object) -> None:
    """Print a document as indented JSON."""
    import orjson

    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def cell(x: float | None, form: str = ".2f") -> str:
    """A number, or a dash where there is none."""
    return "-" if x is None else format(x, form)
