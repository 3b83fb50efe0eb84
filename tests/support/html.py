"""Pages as they are read, for tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape


def words(html: str) -> str:
    """The text of a page: without scripts and styles, tags taken out where they stand, one blank between words."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", "", bare)).split())


def statuses(html: str) -> list[str]:
    """The texts of what a page says beside its content: its elements with the role `status`."""
    found = re.findall(r'<(\w+)[^>]*\brole="status"[^>]*>(.*?)</\1>', html, flags=re.DOTALL)
    return [words(inner) for _, inner in found]


def contrast(first: Sequence[float], second: Sequence[float]) -> float:
    """Contrast of two colours as WCAG 2 defines it; red, green and blue from 0 to 1."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Sequence[float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
