"""What MkDocs does with our documents: reference pages from the code, and a place in the navigation for every page.

A page says where something is to be generated with a comment, `<!-- generated: commands -->` or
`<!-- generated: modules of PACKAGE -->`.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

SECTIONS = {"how-to": "How to", "reference": "Reference"}
"""Where pages of a folder belong that the navigation does not name; all others to `REST`."""
REST = "Background"
COMMANDS = "<!-- generated: commands -->"
MODULES = "<!-- generated: modules of {} -->"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the logo, and to the navigation the pages that it does not name."""
    from mkdocs.structure.files import File

    from leaderboard.web.frame import LOGO

    files.append(File.generated(config, "logo.svg", abs_src_path=str(LOGO)))
    navigation: list[dict[str, Any]] = config.nav or []
    named = set(_pages(navigation))
    sections = {title: entry for part in navigation for title, entry in part.items() if isinstance(entry, list)}
    for file in files.documentation_pages():
        if file.src_uri not in named:
            sections[SECTIONS.get(file.src_uri.partition("/")[0], REST)].append(file.src_uri)
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Generate what a page asks for."""
    if COMMANDS in markdown:
        markdown = markdown.replace(COMMANDS, commands())
    for package in ("data", "eval_queue", "leaderboard"):
        if MODULES.format(package) in markdown:
            markdown = markdown.replace(MODULES.format(package), modules(package))
    return markdown


def commands() -> str:
    """The help of every command, as Markdown."""
    import typer.main
    from typer.cli import get_docs_for_click
    from typer.core import TyperGroup

    from leaderboard.console import application

    program = typer.main.get_command(application())
    assert isinstance(program, TyperGroup)
    parts = []
    for name in sorted(program.commands):
        command = program.commands[name]
        context = typer.Context(command, info_name=f"value-portrait {name}")
        parts.append(get_docs_for_click(obj=command, ctx=context, name=f"value-portrait {name}", indent=1))
    return "\n".join(parts)


def modules(package: str) -> str:
    """What mkdocstrings is to document: the modules at a package's top, and those that its rooms offer."""
    folder = ROOT / package
    inner = ("__init__", "__main__")
    parts = [f"::: {package}.{path.stem}" for path in sorted(folder.glob("*.py")) if path.stem not in inner]
    for room in sorted(folder.rglob("__init__.py")):
        offered = _offered(room)
        name = ".".join(room.parent.relative_to(ROOT).parts)
        if offered:
            about = ast.get_docstring(ast.parse(room.read_text(encoding="utf-8"))) or ""
            parts += [f"## Room `{name}`", about, *(f"::: {name}.{module}" for module in offered)]
    return "\n\n".join(parts)


def _offered(room: Path) -> list[str]:
    for node in ast.parse(room.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def _pages(navigation: object) -> list[str]:
    if isinstance(navigation, str):
        return [navigation]
    if isinstance(navigation, dict):
        return [page for entry in navigation.values() for page in _pages(entry)]
    if isinstance(navigation, list):
        return [page for entry in navigation for page in _pages(entry)]
    return []
