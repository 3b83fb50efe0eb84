"""How to cite: BibTeX of the paper and of this board, from `CITATION.cff`, the one place that spells them."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

CITATION_FILE: Final = Path(__file__).resolve().parent.parent / "CITATION.cff"


@cache
def _citation() -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped]  # it comes with Gradio, its types do not

    citation: dict[str, Any] = yaml.safe_load(CITATION_FILE.read_text(encoding="utf-8"))
    return citation


def version() -> str:
    """This software's version."""
    return str(_citation()["version"])


def _entry(kind: str, key: str, fields: dict[str, object]) -> str:
    lines = [f"  {name:<9} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])


def paper_bibtex() -> str:
    """The paper that made the benchmark."""
    paper = next(r for r in _citation()["references"] if r["type"] == "conference-paper")
    people = paper["authors"]
    return _entry(
        "inproceedings",
        f"{people[0]['family-names'].lower()}{paper['year']}valueportrait",
        {
            "title": f"{{{paper['title']}}}",
            "author": " and ".join(f"{p['family-names']}, {p['given-names']}" for p in people),
            "booktitle": paper["collection-title"],
            "year": paper["year"],
            "pages": f"{paper['start']}--{paper['end']}",
            "doi": paper["doi"],
            "url": paper["url"],
        },
    )


def board_bibtex(*, revision: str, benchmark: str, retrieved: date) -> str:
    """This board with exactly the data it shows.

    Args:
        revision: names the set of results, from `Site.revision`.
        benchmark: the benchmark's name and the beginning of its digest.
        retrieved: today.
    """
    board = _citation()
    return _entry(
        "misc",
        f"valueportraitleaderboard{retrieved.year}",
        {
            "title": f"{{{board['title']}}}",
            "author": f"{{{board['authors'][0]['name']}}}",
            "year": retrieved.year,
            "version": board["version"],
            "note": f"Results {revision}, benchmark {benchmark}, retrieved {retrieved.isoformat()}",
        },
    )
