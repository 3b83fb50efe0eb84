"""Style sheets and scripts: those of all pages in `static/`, those of one page in that page's own folder.

Files are known by their names, which are unique, and served under one address. Nothing else in those folders is.

Scripts are modules with imports. A script is served together with all that it imports, as one plain script: one request
instead of a chain of them, and a copy of the pages opens from a disk, where browsers refuse modules. A module that
exports something is there for others and not served by itself. `package.json` says how modules are checked. A style
sheet is served together with those that it imports, for the same reason.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from leaderboard.web.cache import compressed

ROUTE: Final = "vp"
"""Where the files are, relative to the pages. Gradio has `static` and `assets` for its own."""

_LEADERBOARD: Final = Path(__file__).resolve().parent.parent
_FOLDERS: Final = (_LEADERBOARD / "web" / "static", *sorted((_LEADERBOARD / "pages").iterdir()))
_MEDIA_TYPES: Final = {".css": "text/css", ".js": "text/javascript"}

_IMPORT: Final = re.compile(r'^import \{ ([\w, ]+) \} from "([^"]+)";$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)
_OTHER: Final = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_SHEET: Final = re.compile(r'^@import "([\w.-]+)";\n', re.MULTILINE)
_TYPES: Final = re.compile(r"^\s*/\*\*.*?\*/\n?", re.MULTILINE | re.DOTALL)


def _served() -> dict[str, Path]:
    found = (path for folder in _FOLDERS for kind in _MEDIA_TYPES for path in sorted(folder.glob(f"*{kind}")))
    return {path.name: path for path in found if not _EXPORT.search(path.read_text(encoding="utf-8"))}


FILES: Final[Mapping[str, Path]] = MappingProxyType(_served())
"""Every file that is served, by its name."""


@cache
def text(name: str) -> str:
    """What a file is served as, with all that it imports: a script as one expression, a sheet behind the others."""
    path = FILES[name]
    if path.suffix == ".js":
        return f"{bundle(path)};\n"
    return _SHEET.sub(lambda imported: text(imported[1]), path.read_text(encoding="utf-8"))


def bundle(script: Path) -> str:
    """A script with all that it imports as one expression, whose value holds what the script exports.

    Each module is a function of its own, called once, after those that it imports. What is said of types is left out.

    Raises:
        ValueError: an import or export that is not one of the forms `import { a, b as c } from "./file.js";` and
            `export function`, `export const`, `export class`, or modules that import each other.
    """
    parts: dict[Path, str | None] = {}

    def add(path: Path) -> str:
        module = f'modules["{path.relative_to(_LEADERBOARD).as_posix()}"]'
        if path in parts:
            if parts[path] is None:
                raise ValueError(f"{path.name} imports itself, by way of others")
            return module
        parts[path] = None

        def imported(found: re.Match[str]) -> str:
            names = found[1].replace(" as ", ": ")
            return f"const {{ {names} }} = {add((path.parent / found[2]).resolve())};"

        source = _IMPORT.sub(imported, _TYPES.sub("", path.read_text(encoding="utf-8")))
        names = [found[1] for found in _EXPORT.finditer(source)]
        source = _EXPORT.sub("", source)
        if unknown := _OTHER.search(source):
            raise ValueError(f"{path.name}: {unknown[0]!r} cannot be put together with other modules")
        del parts[path]  # after those that it imports
        parts[path] = f"{module} = (() => {{\n{source}\nreturn {{ {', '.join(names)} }};\n}})();"
        return module

    last = add(script.resolve())
    return "\n".join(
        ['(() => {\n"use strict";\nconst modules = {};', *filter(None, parts.values()), f"return {last};\n}})()"]
    )


@cache
def address(name: str) -> str:
    """A file's address, relative to the pages. It changes with the content: browsers may keep the file for good."""
    return f"./{ROUTE}/{name}?v={_version(name)}"


@cache
def _version(name: str) -> str:
    return hashlib.sha256(text(name).encode()).hexdigest()[:8]


@cache
def _packed(name: str) -> bytes:
    return compressed(text(name).encode())


def route() -> Route:
    """The route of all files."""

    def answer(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in FILES:
            return Response(status_code=404)
        version = f'"{_version(name)}"'
        headers = {"ETag": version, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if request.query_params.get("v") == _version(name):
            headers["Cache-Control"] = "max-age=31536000, immutable"
        if request.headers.get("if-none-match") == version:
            return Response(status_code=304, headers=headers)
        content: str | bytes = text(name)
        if "gzip" in request.headers.get("accept-encoding", ""):
            content, headers["Content-Encoding"] = _packed(name), "gzip"
        return Response(content, headers=headers, media_type=_MEDIA_TYPES[FILES[name].suffix])

    return Route(f"/{ROUTE}/{{name}}", answer)
