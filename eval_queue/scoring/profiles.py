"""From arrays to records: what `score` prints and what the board shows.

Numbers are rounded to 12 decimals, far below what any reading changes, so that a record is the same text on every
machine; a number that does not exist becomes null.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.benchmark import Benchmark
from data.errors import InputError
from data.people.templates import ValueTemplates
from data.sources.published_templates import templates_of
from data.values import DIMENSIONS, SCALE_COLUMNS, SCALES, VALUES, Scale
from eval_queue.reading.answers import UNSCORED_KINDS, Answers, Reader
from eval_queue.reading.reader import READER_VERSION
from eval_queue.records import (
    CentredScore,
    Circumplex,
    Coverage,
    DimensionScore,
    MatchScore,
    Profile,
    Result,
    ScaleProfile,
    Sensitivity,
    Style,
)
from eval_queue.scoring.bootstrap import DRAWS, Uncertainty, uncertainty
from eval_queue.scoring.formulas import Bools, Floats, Scores, compat_selected, item_means, score
from eval_queue.scoring.match import Match, matched, without_templates
from eval_queue.scoring.stability import WORDINGS, centred_on_ten, circumplex, reliability, sensitivity, style

DECIMALS: Final = 12
MIN_COVERAGE: Final = 0.9
"""Share of the prompts that must have a rating for a row to be complete."""
MIN_ITEMS: Final = 0.8
"""Share of every dimension's items that must have one."""

_SPREAD: Final = ("se", "low", "high")
_BLOCK: Final = 128
"""Models worked on at a time; bounds memory, changes no result."""


def profiles(
    answers: Answers,
    benchmark: Benchmark,
    *,
    reader: Reader = "official",
    templates: ValueTemplates | None = None,
) -> list[Profile]:
    """The profile of each model, in the order of `answers.models`.

    A model's profile does not depend on which others are scored with it.

    Args:
        answers: ratings and counts, from `read_answers` or of a single evaluation.
        benchmark: the benchmark that was asked.
        reader: `compat` scores with upstream's selection of items instead of the key's.
        templates: of the benchmark; None: those that `data.sources.published_templates` finds for it, if any.
    """
    official = reader == "official"
    templates = templates_of(benchmark) if templates is None else templates
    selected = benchmark.key.selected if official else compat_selected(benchmark)
    version = READER_VERSION if official else None
    blocks = (slice(start, start + _BLOCK) for start in range(0, len(answers.models), _BLOCK))
    parts = (Answers(answers.models[b], answers.ratings[b], answers.unscored[b]) for b in blocks)
    return [p for part in parts for p in _profiles(part, benchmark, selected, templates, version)]


def match_of(x: Floats, benchmark: Benchmark, templates: ValueTemplates | None) -> Match:
    """Matches of models with the templates of the benchmark that was asked; where it has none, the reason alone.

    `x` holds the mean rating of each item, shape (models, items), NaN where it has none.
    """
    return without_templates(len(x)) if templates is None else matched(x, templates, benchmark.query_index)


def match_scores(found: Match, m: int) -> dict[Scale, dict[str, MatchScore]] | None:
    """A model's match for its record; None where it has none at all."""
    if found.reasons[m] is not None:
        return None
    return {
        scale: {
            dimension.name: MatchScore(**_figures(found, (m, d), "match", "se_queries", "se_people", "low", "high"))
            for d, dimension in enumerate(dimensions, start=SCALE_COLUMNS[scale].start)
        }
        for scale, dimensions in SCALES.items()
    }


def completed(result: Result, ratings: Floats, benchmark: Benchmark) -> Result:
    """An older record with what it lacks of the match, from its answers; the same object where it lacks nothing.

    Args:
        result: the record.
        ratings: its answers as read then, shape (variants, items), NaN where there is no rating.
        benchmark: the one that was asked.

    Raises:
        InputError: the record is of another benchmark.
    """
    if result.match is not None or result.match_reason is not None:
        return result
    if result.benchmark.digest != benchmark.digest:
        raise InputError(f"{result.id} is of the benchmark {result.benchmark.digest}, not {benchmark.digest}")
    found = match_of(item_means(ratings[None]), benchmark, templates_of(benchmark))
    return result.model_copy(update={"match": match_scores(found, 0), "match_reason": found.reasons[0]})


def _profiles(
    answers: Answers,
    benchmark: Benchmark,
    selected: Bools,
    templates: ValueTemplates | None,
    reader_version: str | None,
) -> list[Profile]:
    scores = score(answers.ratings, selected)
    ten = centred_on_ten(scores.score)
    fit, angle = circumplex(ten)
    x = item_means(answers.ratings)
    sure = uncertainty(x, selected, benchmark.query_index, angle)
    found_match = match_of(x, benchmark, templates)
    r, flat = reliability(ten, sure.centred10.se)
    coverages = _coverages(answers, benchmark)
    sensitivities = _sensitivities(answers.ratings)
    styles = _styles(answers)
    found = []
    for m, coverage in enumerate(coverages):
        reason = _incomplete_reason(coverage, scores.n[m], selected)
        found.append(
            Profile(
                coverage=coverage,
                complete=reason is None,
                incomplete_reason=reason,
                draws=DRAWS,
                scales=_scales(scores, sure, m),
                centred10={
                    value.name: CentredScore(score=number(ten[m, d]), **_figures(sure.centred10, (m, d), *_SPREAD))
                    for d, value in enumerate(VALUES)
                },
                match=match_scores(found_match, m),
                match_reason=found_match.reasons[m],
                reliability=number(r[m]),
                flat=bool(flat[m]) if flat[m] or np.isfinite(r[m]) else None,
                sensitivity=sensitivities[m],
                style=styles[m],
                circumplex=Circumplex(
                    fit=number(fit[m]),
                    fit_low=number(sure.fit.low[m]),
                    fit_high=number(sure.fit.high[m]),
                    angle=number(angle[m]),
                    angle_low=number(sure.angle.low[m]),
                    angle_high=number(sure.angle.high[m]),
                ),
                reader_version=reader_version,
            )
        )
    return found


def number(x: float) -> float | None:
    """A number for a record: rounded, null where there is none."""
    plain = float(x)
    return round(plain, DECIMALS) + 0.0 if math.isfinite(plain) else None


def _figures(found: object, at: int | tuple[int, ...], *names: str) -> dict[str, float | None]:
    """Numbers for a record from arrays of the same names."""
    return {name: number(getattr(found, name)[at]) for name in names}


def _coverages(answers: Answers, benchmark: Benchmark) -> list[Coverage]:
    rated = np.isfinite(answers.ratings).sum(axis=(1, 2))
    return [
        Coverage(
            prompts=benchmark.n_prompts,
            rated=int(n),
            unscored={kind: int(k) for kind, k in zip(UNSCORED_KINDS, kinds, strict=True) if k},
        )
        for n, kinds in zip(rated, answers.unscored, strict=True)
    ]


def _incomplete_reason(coverage: Coverage, n: NDArray[np.int64], selected: Bools) -> str | None:
    """What keeps a row from being complete, in plain words; None for nothing."""
    reasons = []
    if coverage.share < MIN_COVERAGE:
        reasons.append(f"{coverage.rated} of {coverage.prompts} prompts have a rating, {MIN_COVERAGE:.0%} are needed")
    too_few = [
        f"{dimension.name} {present} of {needed}"
        for dimension, present, needed in zip(DIMENSIONS, n, selected.sum(axis=0), strict=True)
        if present < MIN_ITEMS * needed
    ]
    if too_few:
        reasons.append(f"too few items have a rating ({MIN_ITEMS:.0%} are needed): {', '.join(too_few)}")
    return "; ".join(reasons) or None


def _scales(scores: Scores, sure: Uncertainty, m: int) -> dict[str, ScaleProfile]:
    return {
        scale: ScaleProfile(
            mean=number(scores.mean[m, s]),
            mean_se=number(sure.mean.se[m, s]),
            mean_low=number(sure.mean.low[m, s]),
            mean_high=number(sure.mean.high[m, s]),
            n_items=int(scores.n_items[m, s]),
            dimensions={
                dimension.name: DimensionScore(
                    score=number(scores.score[m, d]),
                    raw=number(scores.raw[m, d]),
                    n=int(scores.n[m, d]),
                    **_figures(sure.score, (m, d), *_SPREAD),
                )
                for d, dimension in enumerate(dimensions, start=SCALE_COLUMNS[scale].start)
            },
        )
        for s, (scale, dimensions) in enumerate(SCALES.items())
    }


def _sensitivities(ratings: Floats) -> list[Sensitivity]:
    found = sensitivity(ratings)

    def by_wording(each: Floats, average: Floats, m: int) -> dict[str, float | None]:
        values = {wording: number(each[m, w]) for w, wording in enumerate(WORDINGS)}
        return values | {"average": number(average[m])}

    return [
        Sensitivity(
            **_figures(found, m, "prompt", "version_difference", "global_version_difference", "spread"),
            order=by_wording(found.order, found.order_average, m),
            order_difference=by_wording(found.order_difference, found.order_difference_average, m),
        )
        for m in range(len(ratings))
    ]


def _styles(answers: Answers) -> list[Style]:
    asked = np.isfinite(answers.ratings).sum(axis=(1, 2)) + answers.unscored.sum(axis=1)
    found = style(answers.ratings, asked, answers.unscored[:, UNSCORED_KINDS.index("refusal")])
    return [
        Style(
            most_used=None if np.isnan(found.most_used[m]) else int(found.most_used[m]),
            **_figures(found, m, "most_used_share", "mean_rating", "acquiescence", "valid_rate", "refusal_rate"),
        )
        for m in range(len(answers.models))
    ]
