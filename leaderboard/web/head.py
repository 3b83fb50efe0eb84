"""What a page says of itself to search engines and previews: its title, a description, its lasting address, a picture.

A page may have `DESCRIPTION` (a sentence) and `head(site, query)`, which names the subject of one address; a page that
has neither is called by its `NAME`. Addresses are whole where it is known where the board is: a Space is told its host,
elsewhere the host is the one that was asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import orjson
from markupsafe import Markup
from starlette.requests import Request

from leaderboard.site.permanent import board_url
from leaderboard.site.site import Site
from leaderboard.web.frame import TITLE
from leaderboard.web.markup import inert, render

SHORT_TITLE: Final = "Value Portrait"
"""What stands behind a subject's name in a title."""
ABOUT_BOARD: Final = (
    "Which human values language models put first, measured with the Value Portrait benchmark, with the uncertainty of "
    "every number. No value is better than another."
)
PICTURE: Final = "chart/card.png"
"""The picture of a page without one of its own, 1200x630: the mean portrait of the board that opens."""

_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}(?::\d{1,5})?|\[[0-9A-Fa-f:]{2,45}\](?::\d{1,5})?")


class Head(NamedTuple):
    """What one address of a page is about."""

    subject: str = ""
    """What its title begins with, e.g. a model's name; empty for the page's name."""
    description: str = ""
    """One or two sentences."""
    address: str | None = ""
    """Its lasting address relative to the pages; None for one that leads nowhere."""
    picture: str = PICTURE
    """Relative address of its picture."""
    status: int = 200
    """404 where there is nothing at this address."""
    structured: Mapping[str, Any] | None = None
    """What it is in the terms of schema.org, addresses in it relative to the pages under `url` and `contentUrl`."""


NOT_THERE: Final = Head("Not found", "There is nothing at this address.", None, status=404)


def head_of(site: Site, page: Any, query: Mapping[str, str]) -> Head:
    """What an address of a page is about."""
    if hasattr(page, "head"):
        found: Head = page.head(site, query)
        return found
    return Head(description=getattr(page, "DESCRIPTION", ABOUT_BOARD), address=page.ROUTE)


def origin(request: Request) -> str:
    """Where the board is on the web, with a slash at its end; empty where neither settings nor request tell."""
    known = board_url()
    if known is not None:
        return known
    host = request.headers.get("host", "")
    path = str(request.scope.get("root_path", "")).strip("/")
    if path.startswith(("http://", "https://")):  # as GRADIO_ROOT_PATH may state it
        return f"{path}/"
    if not _HOST.fullmatch(host):
        return ""
    return f"{'https' if request.url.scheme == 'https' else 'http'}://{host}/{f'{path}/' if path else ''}"


def title_of(head: Head, name: str) -> str:
    """The title of a page."""
    return f"{head.subject} · {SHORT_TITLE}" if head.subject else f"{name} · {TITLE}"


def head_html(head: Head, name: str, base: str) -> Markup:
    """The elements of `<head>` that say what a page is, title included.

    Args:
        head: of the page.
        name: what it is called without a subject.
        base: from `origin`.
    """
    return Markup(  # a template of ours, which escapes
        render(
            "head.html",
            title=title_of(head, name),
            site=TITLE,
            h=head,
            base=base,
            structured=None
            if head.structured is None
            else inert(orjson.dumps(_placed(head.structured, base)).decode()),
        )
    )


def row_address(id_: str) -> str:
    """The address of a row without a revision: the one under which a search engine knows it."""
    return f"model?{urlencode({'id': id_})}"


def _placed(said: Any, base: str) -> Any:
    """The same with whole addresses."""
    if isinstance(said, Mapping):
        return {
            k: base + v if k in ("url", "contentUrl") and isinstance(v, str) and "://" not in v else _placed(v, base)
            for k, v in said.items()
        }
    return [_placed(v, base) for v in said] if isinstance(said, list) else said
