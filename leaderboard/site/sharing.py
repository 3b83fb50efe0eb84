"""A row on other people's pages: what its badge says, and the lines that put its badge or portrait there.

A badge tells what was measured and of what; nothing on it can be read as a rank. Which rows go nowhere is said here,
for these and for all documents that are made for other places.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from markupsafe import escape

from data.values import VALUES
from eval_queue.records import Result
from leaderboard.site.citation import Citation
from leaderboard.site.permanent import HERE
from leaderboard.vocabulary.badges import OPEN_WEIGHTS, badges

LABEL: Final = "Value Portrait"
BADGE: Final = "chart/badge.svg"
"""Where a badge is, relative to the pages; `id` names the row."""
EMBED: Final = "embed"
"""Where the page to be embedded is, likewise."""
EMBED_WIDTH: Final = 720
EMBED_HEIGHT: Final = 400
"""Size of the frame in the line to copy, in pixels; the page fits a narrower and higher one, too."""


def stays_here(result: Result) -> str | None:
    """Why a row must not travel as its model's profile; None for one that may."""
    if result.benchmark.name == "practice":
        return "a practice run: its values mean nothing and go nowhere"
    if result.persona is not None:
        return f"the profile of a persona ({result.persona}), not of the model"
    return None


def badge_words(result: Result) -> str:
    """What a badge says beside its label: values with a score, what limits the row, and of what it is.

    The last is the model's revision where it is known, else the day of scoring.
    """
    profile = result.scales.get("pvq")
    n = (
        sum(d.name in profile.dimensions and profile.dimensions[d.name].score is not None for d in VALUES)
        if profile
        else 0
    )
    limits = [b.word for b in badges(result, practice=False) if b != OPEN_WEIGHTS]
    of = f"rev {result.revision[:8]}" if result.revision else f"scored {result.created.date().isoformat()}"
    return " · ".join([f"{n} values", *limits, of])


def lines_to_copy(result: Result) -> list[Citation]:
    """The lines for a model card or a page; none for a row that goes nowhere. Addresses begin with `HERE`."""
    if stays_here(result) is not None:
        return []
    of = urlencode({"id": result.id})
    row, badge, embed = (f"{HERE}{place}?{of}" for place in ("model", BADGE, EMBED))
    said = f"{LABEL}: {badge_words(result)}"
    frame = (
        f'<iframe src="{embed}" title="Value portrait of {escape(result.model)}" width="{EMBED_WIDTH}" '
        f'height="{EMBED_HEIGHT}" loading="lazy" style="border:0;max-width:100%"></iframe>'
    )
    return [
        Citation("Badge", "Markdown", f"[![{said}]({badge})]({row})"),
        Citation("Badge", "HTML", f'<a href="{row}"><img src="{badge}" alt="{said}" height="20"></a>'),
        Citation("Portrait with intervals", "HTML", frame),
    ]
