"""Style sheets and scripts: those of all pages in `static/`, those of one page in that page's own folder.

Files are known by their names, which are unique, and served under one address. Nothing else in those folders is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

ROUTE: Final = "vp"
"""Where the files are, relative to the pages. Gradio has `static` and `assets` for its own."""

_LEADERBOARD: Final = Path(__file__).resolve().parent.parent
_FOLDERS: Final = (_LEADERBOARD / "web" / "static", *sorted((_LEADERBOARD / "pages").iterdir()))

FILES: Final[Mapping[str, Path]] = MappingProxyType(
    {path.name: path for folder in _FOLDERS for kind in ("*.css", "*.js") for path in sorted(folder.glob(kind))}
)
"""Every file by its name."""


def text(name: str) -> str:
    """What a file holds."""
    return FILES[name].read_text(encoding="utf-8")


@cache
def address(name: str) -> str:
    """A file's address, relative to the pages. It changes with the content: browsers may keep the file for good."""
    digest = hashlib.sha256(FILES[name].read_bytes()).hexdigest()[:8]
    return f"./{ROUTE}/{name}?v={digest}"


def route() -> Route:
    """The route of all files."""

    def answer(request: Request) -> Response:
        path = FILES.get(request.path_params["name"])
        return Response(status_code=404) if path is None else FileResponse(path)

    return Route(f"/{ROUTE}/{{name}}", answer)
