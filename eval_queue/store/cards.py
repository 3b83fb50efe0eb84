"""The dataset cards of the two repositories, written when they are made.

What a column or field holds is taken from where it is defined, so that a card cannot say something else. A card is a
beginning: an operator may rewrite it on the Hub, and no program touches it again.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from data.values import DIMENSIONS, SCALE_NAMES
from eval_queue.store.compiled import (
    MATCHES,
    STATISTICS,
    column_name,
    compiled_results,
    compiled_submissions,
    result_facts,
)
from eval_queue.submission import TRANSITIONS, Submission

_PAPER: Final = "[Value Portrait](https://aclanthology.org/2025.acl-long.838/) (Han et al., ACL 2025)"
_FOLDER: Final = Path(__file__).parent


def results_card(*, results: str, requests: str) -> str:
    """The card of the results' repository, from the ids of both."""
    facts = ((f"`{c.name}`", c.type, _cell(c.about)) for c in result_facts())
    figures = [(f"`<dimension>{end}`", kind, words) for end, (kind, _, words) in STATISTICS.items()]
    figures += [(f"`<dimension>{end}`", "double", words) for end, (_, words) in MATCHES.items()]
    dimensions = ((SCALE_NAMES[d.scale], d.name, f"`{column_name(d)}`", d.meaning) for d in DIMENSIONS)
    template = (_FOLDER / "results_card.md").read_text(encoding="utf-8")
    return template.format(
        paper=_PAPER,
        results=results,
        requests=requests,
        table=compiled_results().path,
        facts=_table(("column", "type", "what"), facts),
        figures=_table(("column", "type", "what"), figures),
        dimensions=_table(("scale", "dimension", "column", "in short"), dimensions),
        scales=", ".join(f"`{scale}`: {name}" for scale, name in SCALE_NAMES.items()),
    )


def requests_card(*, results: str) -> str:
    """The card of the submissions' repository, from the id of the other one."""
    rows = ((f"`{name}`", _cell(field.description)) for name, field in Submission.model_fields.items())
    states = ((f"`{state}`", ", ".join(f"`{s}`" for s in sorted(to)) or "stays") for state, to in TRANSITIONS.items())
    template = (_FOLDER / "requests_card.md").read_text(encoding="utf-8")
    return template.format(
        paper=_PAPER,
        results=results,
        table=compiled_submissions().path,
        fields=_table(("field", "what"), rows),
        states=_table(("from", "to"), states),
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")
