"""What the Groups page shows, as one record: a model beside two groups of people, all models' leans, personas.

The record is the page's twin for programs (`leaderboard.pages.groups.page.data`): what must be read with the numbers
stands in its fields. Nothing is computed here that `leaderboard.groups.proximity` or `leaderboard.groups.bias`
computes; scores are only carried over to the people's questionnaire (metric E of the methods text). No HTML is made
here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from data.people.norms import Reading
from data.people.reference import Contrast, Group, Reference
from data.values import VALUES
from eval_queue.records import BenchmarkRef, Record, Result
from leaderboard.boards.group_similarity import Table
from leaderboard.boards.persona_runs import series_id
from leaderboard.boards.results import Board
from leaderboard.groups.group_report import Caveats, ModelProximity, People, ceiling
from leaderboard.groups.names import CONTRASTS
from leaderboard.groups.persona_report import (
    BiasCaveats,
    BiasReport,
    ModelBias,
    PersonaBias,
    PersonaGap,
    example_gap,
    few_queries,
)
from leaderboard.groups.proximity import SLOPES, linked


class GroupProfile(Record):
    """How a group of people answered."""

    name: str
    label: str
    n: int
    """People."""
    values: dict[str, float]
    """By name, in circle order: steps of the six-step answer scale around the group's mean of the ten."""
    se: dict[str, float]
    """Standard errors, with the way people were drawn in them."""


class LinkedScore(Record):
    """A model on one value, carried over to the people's questionnaire."""

    score: float
    low: float | None
    """Lower end of the 95 % interval of the model's own score, carried over; the link is taken as sure."""
    high: float | None
    """Upper end."""


class LeanRow(Record):
    """One model's lean in the chosen contrast."""

    id: str
    """Of the result."""
    model: str
    reported: bool
    reason: str | None
    """Why there is no lean; null where there is one."""
    lean: float | None = None
    """Cosine, positive towards the contrast's first group."""
    low: float | None = None
    """Lower end of the 95 % interval."""
    high: float | None = None
    """Upper end."""
    p: float | None = None
    p_adjusted: float | None = None
    """After Holm's correction over the contrasts of this model."""
    distinguishable: bool = False
    """Whether the lean is surely one; false reads "not distinguishable"."""
    holds: int | None = None
    """In how many of the prompts, each taken alone, it leans the same way; null where that is not known. No test."""
    prompts: int | None = None
    """How many prompts that is of."""


class Chosen(Record):
    """The model the page is about."""

    id: str
    model: str
    reason: str | None
    """Why it is not set against groups; null where it is."""
    proximity: ModelProximity | None
    """All its numbers; null where the row is not available here."""
    linked: dict[str, LinkedScore] | None
    """Its profile on the people's questionnaire; null where it is not set against groups, and of matches, which have
    no scale that could be carried over."""


class Imagined(Record):
    """A model asked to be people of the two groups, beside the real gap."""

    id: str
    """Of the series of runs, for the field `imagined` of an address."""
    model: str
    endpoint: str
    benchmark: str
    """Name of the benchmark that was asked."""
    queries: int
    of_queries: int
    wording: str
    """Version of the personas' words."""
    reading: Reading
    """How its answers were read: as published where there are no templates of its benchmark."""
    gap: PersonaGap | None
    """Null where one of the two personas was not asked."""
    personas: dict[str, PersonaBias]
    """Those of the contrast that were asked."""
    caveats: BiasCaveats


class GroupsView(Record):
    """Everything the page shows."""

    schema_version: Literal[1] = 1
    table: str | None
    """The table of the board whose rows are shown; null where none can be set against groups."""
    benchmark: BenchmarkRef | None
    contrast: str
    toward: GroupProfile
    """The group that a positive lean is towards."""
    against: GroupProfile
    reading: Reading
    """How the model's answers were read."""
    gap: dict[str, float]
    """`toward` minus `against`, by value."""
    note: str | None
    """Who is in the two groups, where the names do not say all."""
    groups_from: People
    raters_from: People
    caveats: Caveats
    slope: float
    """Size of differences on the benchmark's items relative to the PVQ-21's, by which profiles are carried over."""
    draws: int | None
    model: Chosen | None
    leans: list[LeanRow]
    """Of all rows of the table."""
    imagined: list[Imagined]
    """Models that were asked to be people of these groups here."""
    example: PersonaGap | None
    """A published figure read off by eye: an illustration without intervals; null where there is none."""
    example_model: str | None


def build(
    reference: Reference,
    contrast: Contrast,
    board: Board | None,
    table: Table | None,
    chosen: Result | None,
    biases: Sequence[BiasReport] = (),
) -> GroupsView:
    """Put the page's record together: a board, its rows among people, and the row that the page is about.

    There is no board where none can be set against groups.
    """
    about = None if table is None else table.about
    example = example_gap(reference, contrast)
    return GroupsView(
        table=None if board is None else board.key.slug,
        benchmark=None if board is None else board.benchmark,
        contrast=contrast.name,
        reading="published" if about is None else about.reading,
        toward=_profile(reference.groups[contrast.toward]),
        against=_profile(reference.groups[contrast.against]),
        gap=_by_value(reference.gap(contrast)),
        note=CONTRASTS[contrast.name].note,
        groups_from=about.groups_from if about else People.of(reference.people.source, reference.people.n),
        raters_from=about.raters_from if about else People.of(reference.raters.source, reference.raters.n),
        caveats=about.caveats if about else Caveats(ceiling=ceiling(reference.raters)),
        slope=SLOPES[0],
        draws=about.draws if about else None,
        model=None if chosen is None or table is None else _chosen(chosen, table, reference),
        leans=[] if board is None or table is None else [lean_row(r, table, contrast) for r in board.results],
        imagined=[_imagined(m, report, contrast) for report in biases for m in report.models],
        example=None if example is None else example.gap,
        example_model=None if example is None else example.model,
    )


def lean_row(result: Result, table: Table, contrast: Contrast) -> LeanRow:
    """A row's lean in a contrast."""
    found = table.rows.get(result.id)
    lean = None if found is None or not found.reported else found.leans.get(contrast.name)
    if found is None or lean is None or lean.lean is None:
        size_only = "it differs from the raters in size only, which has no direction"
        reason = table.reason(result) if lean is None else size_only
        return LeanRow(id=result.id, model=result.model, reported=False, reason=reason)
    return LeanRow(
        id=result.id,
        model=result.model,
        reported=True,
        reason=None,
        **lean.model_dump(include={"lean", "low", "high", "p", "p_adjusted"}),
        distinguishable=lean.sure,
        holds=found.held.leans.get(contrast.name) if found.held else None,
        prompts=found.held.prompts if found.held else None,
    )


def _chosen(result: Result, table: Table, reference: Reference) -> Chosen:
    found, reason = table.rows.get(result.id), table.reason(result)
    return Chosen(
        id=result.id,
        model=result.model,
        reason=reason,
        proximity=found,
        linked=None if reason is not None or table.about.reading == "match" else _linked(result, reference),
    )


def _linked(result: Result, reference: Reference) -> dict[str, LinkedScore] | None:
    cells = [(result.centred10 or {}).get(d.name) for d in VALUES]
    if any(c is None or c.score is None for c in cells):
        return None
    raters = reference.raters

    def carried(end: Literal["score", "low", "high"]) -> list[float | None]:
        x = np.array([np.nan if (v := getattr(c, end)) is None else v for c in cells], dtype=np.float64)
        over = linked(x, raters.vp_human_centred10, raters.pvq_human_centred10, SLOPES[0])
        return [float(v) if np.isfinite(v) else None for v in over]

    ends = zip(VALUES, carried("score"), carried("low"), carried("high"), strict=True)
    return {d.name: LinkedScore(score=s, low=a, high=b) for d, s, a, b in ends if s is not None}


def _imagined(of: ModelBias, report: BiasReport, contrast: Contrast) -> Imagined:
    return Imagined(
        id=series_id(of),
        model=of.model,
        endpoint=of.endpoint,
        benchmark=report.benchmark.name,
        queries=of.queries,
        of_queries=of.of_queries,
        wording=of.wording,
        reading=of.reading,
        gap=of.contrasts.get(contrast.name),
        personas={name: of.personas[name] for name in contrast[1:] if name in of.personas},
        caveats=report.caveats.model_copy(update={"few_queries": few_queries(of.queries)}),
    )


def _profile(group: Group) -> GroupProfile:
    return GroupProfile(
        name=group.name,
        label=group.label,
        n=group.n,
        values=_by_value(group.mean_centred10),
        se=_by_value(group.sampling_se),
    )


def _by_value(figures: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> dict[str, float]:
    return dict(zip((d.name for d in VALUES), map(float, figures), strict=True))
