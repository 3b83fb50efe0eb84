"""What the addresses of pages share: fields with few choices, tables to choose from, links with other fields."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from urllib.parse import urlencode

from leaderboard.boards.results import Board
from leaderboard.vocabulary.badges import BENCHMARKS
from leaderboard.web.document import not_among


def unknown(query: Mapping[str, str], choices: Mapping[str, Collection[str]]) -> list[str]:
    """What an address says that is none of a field's choices, a sentence each; an empty field says nothing."""
    return [not_among(n, said, known) for n, known in choices.items() if (said := query.get(n)) and said not in known]


def offered(boards: Sequence[Board]) -> list[tuple[str, str, int]]:
    """Tables to choose from: short name, benchmark, rows."""
    return [(b.key.slug, BENCHMARKS.get(b.benchmark.name, b.benchmark.name), len(b.results)) for b in boards]


def with_fields(path: str, fields: Mapping[str, str], usual: Mapping[str, str] | None = None) -> str:
    """An address with fields, but for those that are empty or say what is `usual`."""
    kept = {name: said for name, said in fields.items() if said and (usual or {}).get(name) != said}
    return f"{path}?{urlencode(kept)}" if kept else path
