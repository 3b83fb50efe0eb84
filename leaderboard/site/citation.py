"""How to cite: the paper, this board, and a single row of it, as BibTeX and in APA style.

What is the same everywhere comes from `CITATION.cff`, the one place that spells it. A model's name is user text: in
BibTeX what has a meaning there is escaped; a page escapes the rest.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from data.people.norms import Reading
from eval_queue.records import BenchmarkRef, Result
from leaderboard.vocabulary.badges import BENCHMARKS

_CARRIED: Final = Path(__file__).with_name("CITATION.cff")
CITATION_FILE: Final = _CARRIED if _CARRIED.exists() else Path(__file__).resolve().parents[2] / "CITATION.cff"
"""At the project's top, where citation tools look for it; in an installed package it is carried beside this module."""

METHOD: Final = "2"
"""Version of the method, as `docs/methodology.md` counts them; a test compares."""
READ: Final[dict[Reading, str]] = {"published": "as published", "match": "all items"}
"""What citations call a reading."""

_TEX: Final = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    c: f"\\{c}" for c in "&%$#_{}"
}


class Citation(NamedTuple):
    """One thing in one form."""

    of: str
    """What is cited: `The paper`, `This board`, `This row`."""
    form: str
    """`BibTeX`, `APA`, `One line`."""
    text: str


@cache
def _citation() -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped]  # it comes with Gradio, its types do not

    citation: dict[str, Any] = yaml.safe_load(CITATION_FILE.read_text(encoding="utf-8"))
    return citation


def version() -> str:
    """This software's version."""
    return str(_citation()["version"])


def code_address() -> str | None:
    """Where this software's code is; None where the citation file does not say."""
    address = _citation().get("repository-code")
    return None if address is None else str(address)


def benchmark_name(benchmark: BenchmarkRef) -> str:
    """A benchmark as citations name it, with the beginning of its digest."""
    return f"{BENCHMARKS.get(benchmark.name, benchmark.name)} {benchmark.digest[:12]}"


def _entry(kind: str, key: str, fields: dict[str, object]) -> str:
    lines = [f"  {name:<9} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])


def _tex(text: str) -> str:
    return "".join(_TEX.get(c, c) for c in " ".join(text.split()))


def _initials(given: str) -> str:
    """`Eun-Ju` as `E.-J.`, `Mary Ann` as `M. A.`."""
    words = ("-".join(f"{part[0]}." for part in word.split("-") if part) for word in given.split())
    return " ".join(words)


def _day(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


# --- the paper ------------------------------------------------------------------------------------------------------


def _paper() -> dict[str, Any]:
    found: dict[str, Any] = next(r for r in _citation()["references"] if r["type"] == "conference-paper")
    return found


def paper_bibtex() -> str:
    """The paper that made the benchmark."""
    paper = _paper()
    people = paper["authors"]
    return _entry(
        "inproceedings",
        f"{people[0]['family-names'].lower()}{paper['year']}valueportrait",
        {
            "title": f"{{{paper['title']}}}",
            "author": " and ".join(f"{p['family-names']}, {p['given-names']}" for p in people),
            "booktitle": paper["collection-title"],
            "publisher": paper["publisher"]["name"],
            "year": paper["year"],
            "pages": f"{paper['start']}--{paper['end']}",
            "doi": paper["doi"],
            "url": paper["url"],
        },
    )


def paper_url() -> str:
    """Where the paper is."""
    return str(_paper()["url"])


def paper_apa() -> str:
    """The paper in APA style."""
    paper = _paper()
    *first, last = (f"{p['family-names']}, {_initials(p['given-names'])}" for p in paper["authors"])
    return (
        f"{', '.join(first)}, & {last} ({paper['year']}). {paper['title']}. In {paper['collection-title']} "
        f"(pp. {paper['start']}–{paper['end']}). {paper['publisher']['name']}. https://doi.org/{paper['doi']}"
    )


# --- the board ------------------------------------------------------------------------------------------------------


def board_bibtex(
    *, revision: str, benchmark: str, retrieved: date, url: str | None = None, reading: Reading = "published"
) -> str:
    """This board with exactly the data it shows.

    Args:
        revision: names the set of results, from `leaderboard.site.permanent.revision`.
        benchmark: the benchmark's name and the beginning of its digest.
        retrieved: today.
        url: where the board is, if it is known.
        reading: by which its numbers were read.
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
            "note": f"Results {revision}, method {METHOD} ({READ[reading]}), benchmark {benchmark}, "
            f"retrieved {retrieved.isoformat()}",
            "url": url,
        },
    )


def board_apa(
    *, revision: str, benchmark: str, retrieved: date, url: str | None = None, reading: Reading = "published"
) -> str:
    """This board in APA style; arguments as for `board_bibtex`."""
    board = _citation()
    return (
        f"{board['authors'][0]['name']}. ({retrieved.year}). {board['title']} (Version {board['version']}; results "
        f"{revision}; method {METHOD}, {READ[reading]}; benchmark {benchmark}) [Data set]. "
        f"Retrieved {_day(retrieved)}{f', from {url}' if url else ''}"
    ) + ("" if url else ".")


# --- a row ----------------------------------------------------------------------------------------------------------


def row_line(result: Result, retrieved: date, *, revision: str) -> str:
    """One line that names exactly this row; `revision` names the set of results it was read from."""
    return (
        f"Profile of {_model(result)}, {benchmark_name(result.benchmark)}, protocol {result.protocol}, "
        f"method {METHOD}, result {result.id}, results {revision}, retrieved {retrieved.isoformat()}."
    )


def row_bibtex(result: Result, retrieved: date, *, revision: str, url: str | None = None) -> str:
    """One row as BibTeX; arguments as for `row_line`, and where the row is shown: else where its board is.

    The key ends with the end of the row's id: a model may have several rows.
    """
    board = _citation()
    key = re.sub(r"[^a-z0-9]+", "", result.model.lower())[:40] or "model"
    return _entry(
        "misc",
        f"{key}{result.created.year}valueportrait{re.sub(r'[^a-z0-9]+', '', result.id.lower())[-6:]}",
        {
            "title": f"{{Value profile of {_tex(_model(result))}}}",
            "author": f"{{{board['authors'][0]['name']}}}",
            "year": result.created.year,
            "publisher": f"{{{board['title']}}}",
            "version": _tex(revision),
            "note": _tex(
                f"Result {result.id}, {benchmark_name(result.benchmark)}, protocol {result.protocol}, "
                f"method {METHOD}, retrieved {retrieved.isoformat()}"
            ),
            "url": url,
        },
    )


def row_apa(result: Result, retrieved: date, *, revision: str, url: str | None = None) -> str:
    """One row in APA style; arguments as for `row_bibtex`."""
    board = _citation()
    return (
        f"{board['authors'][0]['name']}. ({result.created.year}). Value profile of {_model(result)} "
        f"({benchmark_name(result.benchmark)}; protocol {result.protocol}; method {METHOD}; result {result.id}; "
        f"results {revision}) [Data set]. {board['title']}. Retrieved {_day(retrieved)}{f', from {url}' if url else ''}"
    ) + ("" if url else ".")


def _model(result: Result) -> str:
    return result.model if result.revision is None else f"{result.model} at {result.revision}"
