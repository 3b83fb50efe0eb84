"""Names beside points: where they find room without covering each other or anything else. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from leaderboard.charts.portrait import Point

TEXT: Final = 13.0
"""Letter size in the drawing's units."""
LETTER: Final = 0.53
"""Width of a letter relative to its size, on the safe side for the page's font."""
GAP: Final = 8.0
"""From a point to its name."""


class Box(NamedTuple):
    """A rectangle of the drawing."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether two rectangles overlap."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def within(self, other: Box) -> bool:
        """Whether this one lies inside another."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


class Label(NamedTuple):
    """A name beside a point."""

    text: str
    x: float
    y: float
    """Of the baseline."""
    anchor: Literal["start", "middle", "end"]
    box: Box


def width_of(text: str) -> float:
    """Width that a text takes, on the safe side."""
    return len(text) * TEXT * LETTER


def beside(wanted: Sequence[tuple[str, Point]], taken: Sequence[Box], bounds: Box) -> list[Label | None]:
    """Find room within `bounds` for names beside their points, the most important first.

    One label each, None where there is no room; no two overlap, none covers what is `taken`.
    """
    placed: list[Label | None] = []
    full = list(taken)
    for text, at in wanted:
        choices = (c for c in _choices(text, at) if c.box.within(bounds))
        found = next((c for c in choices if not any(c.box.meets(other) for other in full)), None)
        if found is not None:
            full.append(found.box)
        placed.append(found)
    return placed


def _choices(text: str, at: Point) -> Iterator[Label]:
    wide, high = width_of(text), TEXT
    for dx, dy in ((1, 0), (-1, 0), (0.8, -0.9), (0.8, 0.9), (-0.8, -0.9), (-0.8, 0.9), (0, -1.4), (0, 1.4)):
        anchor: Literal["start", "middle", "end"] = "start" if dx > 0 else "end" if dx < 0 else "middle"
        x, middle = at.x + dx * GAP, at.y + dy * GAP
        left = x if dx > 0 else x - wide if dx < 0 else x - wide / 2
        box = Box(left, middle - high / 2, left + wide, middle + high / 2)
        yield Label(text, x, middle + high * 0.34, anchor, box)
