"""Pages' HTML as it is read, for tests."""

from __future__ import annotations

import re
from html import unescape


def words(html: str) -> str:
    """The text of a page: without scripts and styles, tags taken out where they stand, one blank between words."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", "", bare)).split())
