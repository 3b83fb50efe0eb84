"""The benchmark's card: what it is for, how it was made, how far it can be trusted, under which terms.

Words come from `card.yaml`, written by hand with the place each statement was taken from; every figure comes from the
validity report. The page shows the card and `benchmark.json` is the card. Nothing here is about a single person.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from data.people.validation import BenchmarkName, ValidationReport
from leaderboard.site.citation import paper_bibtex, version

WORDS: Final = Path(__file__).with_name("card.yaml")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Said(_Part):
    """A statement taken from somewhere."""

    text: str
    source: str
    """One of the card's references."""


class Reported(Said):
    """A statement that we could only repeat."""

    checked: bool
    """Whether we compared it with the paper."""


class Origin(_Part):
    """A place where queries were asked."""

    what: str
    licence: str


class Metric(_Part):
    """A figure, and how it is worked out."""

    name: str
    how: str


class Similar(_Part):
    """A benchmark beside this one."""

    name: str
    measures: str
    how: str
    strength: str
    limit: str
    source: str


class Risk(_Part):
    """What could go wrong, and what is done about it here."""

    category: Literal["Bias", "Fairness", "Misuse"]
    risk: str
    here: str


class Licence(_Part):
    """Terms of a part."""

    part: str
    licence: str
    source: str


class Words(_Part):
    """What is written by hand."""

    title: str
    about: str
    language: str
    references: dict[str, str]
    """What the names in `source` fields stand for."""
    purpose: str
    audience: list[str]
    tasks: list[str]
    not_for: list[str]
    sources: dict[str, Origin]
    selection: Said
    responses: Said
    format: str
    annotation: Said
    participants: Said
    metrics: list[Metric]
    interpretation: str
    authors_alpha: Said
    similar: list[Similar]
    risks: list[Risk]
    limitations: list[str]
    privacy: str
    consent: Reported
    ethics_approval: Reported
    not_checked: str
    """What holds for statements that were not checked."""
    licences: list[Licence]


class Source(Origin):
    """A place where queries were asked, with how many."""

    name: str
    queries: int


class Size(_Part):
    """How large the benchmark is; null where too few people would be reported."""

    queries: int
    items: int
    variants: int
    prompts: int
    ratings: int
    people: int | None
    groups: int
    smallest_group: int | None
    largest_group: int | None


class BenchmarkCard(_Part):
    """The whole card."""

    schema_version: Literal[1] = 1
    benchmark: BenchmarkName
    title: str
    about: str
    language: str
    purpose: str
    audience: list[str]
    tasks: list[str]
    not_for: list[str]
    size: Size
    format: str
    sources: list[Source]
    selection: Said
    responses: Said
    annotation: Said
    participants: Said
    metrics: list[Metric]
    interpretation: str
    caution: list[str]
    """What a reader must know before leaning on a column; follows from `validation`."""
    authors_alpha: Said
    similar: list[Similar]
    risks: list[Risk]
    limitations: list[str]
    privacy: str
    consent: Reported
    ethics_approval: Reported
    not_checked: str
    licences: list[Licence]
    references: dict[str, str]
    citation: str
    """BibTeX of the paper."""
    software: str
    """What computed the figures."""
    validation: dict[str, Any] = Field(description="The validity report, `data.people.validation.ValidationReport`.")


@cache
def words() -> Words:
    """The words of the card."""
    import yaml  # type: ignore[import-untyped]  # it comes with Gradio, its types do not

    return Words.model_validate(yaml.safe_load(WORDS.read_text(encoding="utf-8")))


def card(report: ValidationReport) -> BenchmarkCard:
    """The card of the benchmark that a report examines."""
    said = words()
    content, sizes = report.content, [g.people for g in report.groups]
    unknown = Origin(what="", licence="unknown")
    same = {name: getattr(said, name) for name in Words.model_fields if name != "sources"}
    return BenchmarkCard(
        **same,
        benchmark=report.benchmark,
        size=Size(
            queries=content.queries,
            items=content.items,
            variants=content.variants,
            prompts=content.prompts,
            ratings=content.rating_count,
            people=report.people,
            groups=len(report.groups),
            smallest_group=min(sizes, default=None),
            largest_group=max(sizes, default=None),
        ),
        sources=[
            Source(name=name, queries=n, **dict(said.sources.get(name, unknown))) for name, n in content.sources.items()
        ],
        caution=report.caution(),
        citation=paper_bibtex(),
        software=f"Value Portrait Leaderboard {version()}",
        # models under both keys are results, not a property of the benchmark: `python -m data validate --json` has them
        validation=report.model_dump(mode="json", exclude={"models"}),
    )


def encode(made: BenchmarkCard) -> bytes:
    """A card as JSON for people and programs."""
    return made.model_dump_json(indent=2).encode() + b"\n"
