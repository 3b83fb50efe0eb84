"""The benchmark's own validity in one report: does its key follow from its ratings, and how much can each column carry.

A pure function and the record it returns; only aggregates over at least `MIN_GROUP` people enter it, so pages, exports
and commands may show all of it. A number that does not exist is null.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from data.benchmark import MAX_P, Benchmark, Key
from data.people import psychometrics as psy
from data.people.column_reliability import FEWEST_MODELS, people_halves, query_halves
from data.people.item_means import ItemMeans
from data.people.norms import READINGS, Reading, people_check
from data.people.templates import correlations, shrunk
from data.ratings import Study
from data.values import DIMENSIONS, SCALE_COLUMNS, VALUES, Scale

SAME_WITHIN: Final = 1e-9
"""Correlations that differ by no more count as the same."""


Ends = tuple[float | None, float | None]
"""Both ends of a 95 % interval; null where it is not known."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class BenchmarkName(_Part):
    """Which benchmark was examined."""

    name: str
    version: str
    digest: str


class KeyCheck(_Part):
    """A scale's key, computed anew from the ratings and compared with the benchmark's."""

    compared: int
    """Correlations that both have."""
    missing: int
    """Correlations that only one of the two has."""
    different: int
    """Compared ones whose rho or p differ by more than 1e-9."""
    max_abs_rho_difference: float | None
    max_abs_p_difference: float | None


class Chance(_Part):
    """Counts of items against those that shuffled people give."""

    items: int
    """Items that count: rho > 0.3 and p < 0.05."""
    negative: int
    """Items that speak against it, rho < -0.3 and p < 0.05; never scored."""
    null_mean: float
    """Mean count over the shuffles."""
    null_p95: float
    """Their 95th percentile."""
    p: float
    """One-sided: how often shuffling gives as many items or more."""


class Content(_Part):
    """How large the benchmark is."""

    queries: int
    items: int
    variants: int
    """Wordings in which every item is asked."""
    prompts: int
    """Prompts of a full evaluation."""
    sources: dict[str, int]
    """Queries by where they were asked."""
    rating_count: int
    """How many ratings people gave, in the groups that are reported."""


class Correlations(_Part):
    """Bins in which each dimension's correlations with the items' ratings are counted."""

    edges: list[float]
    """One more than there are bins."""
    chance: list[float]
    """Items to be expected in each bin if ratings and people's scores had nothing to do with each other."""


class DimensionValidity(Chance):
    """What a dimension's items can carry."""

    scale: Scale
    groups: int
    """Survey groups that rated at least two of its items: the basis of alpha."""
    alpha_mean: float | None
    """Cronbach's alpha of its items within a group, mean over groups."""
    alpha_low: float | None
    """Lower end of its 95 % interval: people resampled within groups."""
    alpha_high: float | None
    alpha_weighted: float | None
    """The same mean weighted by number of items."""
    alpha_min: float | None
    alpha_max: float | None
    inter_item_r: float | None
    """Mean Pearson correlation of two of its items that the same people rated."""
    inter_item_low: float | None
    """Lower end of its 95 % interval: jackknife over groups."""
    inter_item_high: float | None
    split_half: float | None
    """Would other people give the same correlations: split-half reliability over items, stepped up."""
    split_half_low: float | None
    """Lower end of its 95 % interval: jackknife over groups, which have neither people nor items in common."""
    split_half_high: float | None
    response_level_r: float | None
    """Correlation of people's own score with how like themselves they find everything."""
    response_level_low: float | None
    """Lower end of its 95 % interval, on Fisher's scale."""
    response_level_high: float | None
    correlations: list[int]
    """How many of all items have which correlation with the dimension, in the bins of the report."""


class ScaleValidity(Chance):
    """A scale as a whole: `items` and `negative` count pairs of an item and a dimension."""

    distinct_items: int
    """Items that count for at least one dimension."""


class PersonCentred(Chance):
    """The exploratory key, from ratings less each person's own mean rating. Never the one that scores."""

    rank_correlation: float | None
    """How alike the two keys order the released models; null where their answers are not at hand."""


class GroupSummary(_Part):
    """One survey group."""

    people: int
    items: int
    response_level: float
    """Mean of all ratings, 1 to 6."""
    alpha_of_all_items: float | None
    """Cronbach's alpha of all its items, whatever their dimension: high values mean a general response level."""
    alpha_low: float | None
    """Lower end of its 95 % interval: people resampled."""
    alpha_high: float | None


class ModelScore(_Part):
    """A released model on one dimension under both keys, in rating points."""

    score: float | None
    person_centred: float | None


class ColumnReliability(_Part):
    """Whether a column orders the released models alike in two halves, at most 1; null where it cannot be computed.

    Intervals: models resampled.
    """

    queries: float | None
    """Over halves of the queries."""
    queries_low: float | None
    """Lower end of the 95 % interval."""
    queries_high: float | None
    people: float | None
    """Over halves of the people, key or template computed anew in each."""
    people_low: float | None
    """Lower end of the 95 % interval."""
    people_high: float | None


class ValidationReport(_Part):
    """The whole examination; dimensions by the name people write."""

    benchmark: BenchmarkName
    simulated: bool
    """Whether the raters are made up, as those of the practice benchmark are."""
    people: int | None
    """Distinct raters; null where a group is too small to be reported."""
    groups_left_out: int
    """Survey groups with too few people to be reported; no figure here rests on them."""
    shuffles: int
    """How often people were shuffled."""
    content: Content
    correlations: Correlations
    key: dict[Scale, KeyCheck]
    scales: dict[Scale, ScaleValidity]
    dimensions: dict[str, DimensionValidity]
    person_centred: dict[str, PersonCentred]
    rank_intervals: dict[str, Ends] = {}
    """Of each `rank_correlation`, over models, on Fisher's scale."""
    groups: list[GroupSummary]
    models: dict[str, dict[str, ModelScore]]
    """By model and dimension; empty where their answers are not at hand."""
    columns: dict[Reading, dict[str, ColumnReliability]] = {}
    """Reliability of every column between the models of `models` by reading; empty where there are fewer than three."""
    people_check: dict[Reading, dict[str, float | None]] = {}
    """How people's own scores go with what their ratings say under each reading, the person left out: correlation
    within survey groups, weighted by people. Published: the score by the key; match: the slope on the template."""
    people_check_intervals: dict[Reading, dict[str, Ends]] = {}
    """Jackknife over groups."""

    @property
    def reproduced(self) -> bool:
        """Whether the benchmark's key follows from the ratings."""
        return all(c.missing == c.different == 0 for c in self.key.values())

    def by_chance(self) -> list[str]:
        """The values whose count of items shuffled people reach in at least 5 % of the draws."""
        return [d.name for d in VALUES if self.dimensions[d.name].p >= MAX_P]

    def centred_by_chance(self) -> list[str]:
        """The same of the exploratory person-centred key."""
        return [d.name for d in VALUES if self.person_centred[d.name].p >= MAX_P]

    def caution(self) -> list[str]:
        """What a reader must know before leaning on a column, in plain sentences."""
        weak, still_weak = self.by_chance(), self.centred_by_chance()
        groups = [g for g in self.groups if g.alpha_of_all_items is not None]
        halves = [h for d in VALUES if (h := self.dimensions[d.name].split_half) is not None]
        said = []
        if self.simulated:
            said.append("These raters are simulated: the figures show how the report works and nothing about people.")
        if weak:
            counts = _listed([f"{name} ({self.dimensions[name].items})" for name in weak])
            said.append(
                f"Chance alone could give as many items as count for {counts}. "
                "Read these columns as a first hint, not as a measurement."
            )
        if halves:
            said.append(
                "Would other people give the same key? Split into two halves, the raters’ keys agree to "
                f"{min(halves):.2f} to {max(halves):.2f} over the ten values (1: the same key, 0: nothing in common), "
                "stepped up to all raters."
            )
        if groups:
            alphas = [g.alpha_of_all_items or 0.0 for g in groups]
            said.append(
                "Some people find most responses like themselves, others few. This alone makes all items of a group go "
                f"together (alpha {min(alphas):.2f} to {max(alphas):.2f} over all items, whatever they measure), so "
                "a high alpha of one column does not show that it measures its value."
            )
        gained, lost = ([n for n in one if n not in other] for one, other in ((weak, still_weak), (still_weak, weak)))
        if gained or lost:
            changes = [f"{_listed(gained)} would have more items than chance gives"] if gained else []
            changes += [f"{_listed(lost)} would not"] if lost else []
            said.append(f"If each person’s own mean rating were taken away first, {', and '.join(changes)}.")
        said.append(
            "That person-centred key is exploratory and scores nothing here; where it orders models otherwise, the "
            "order depends on this choice."
        )
        return said


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _number(x: float) -> float | None:
    return None if np.isnan(x) else float(x)


def _estimated(found: psy.Estimated, i: int, name: str, ends: str = "") -> dict[str, float | None]:
    """One figure with its interval, as fields of a record."""
    value, low, high = (_number(x[i]) for x in found)
    return {name: value, f"{ends or name}_low": low, f"{ends or name}_high": high}


def _ends(found: psy.Estimated) -> dict[str, Ends]:
    return {d.name: (_number(found.low[i]), _number(found.high[i])) for i, d in enumerate(DIMENSIONS)}


def _compare(ours: Key, theirs: Key, columns: slice) -> KeyCheck:
    rho, p = np.abs(ours.rho - theirs.rho)[:, columns], np.abs(ours.p - theirs.p)[:, columns]
    both = ~np.isnan(rho) & ~np.isnan(p)
    either = ~(np.isnan(ours.rho) & np.isnan(theirs.rho))[:, columns]
    return KeyCheck(
        compared=int(both.sum()),
        missing=int((either & ~both).sum()),
        different=int(((rho > SAME_WITHIN) | (p > SAME_WITHIN)).sum()),
        max_abs_rho_difference=float(rho[both].max()) if both.any() else None,
        max_abs_p_difference=float(p[both].max()) if both.any() else None,
    )


def _chance(selected: psy.Bools, against: psy.Bools, null: NDArray[np.int64]) -> Chance:
    counts, observed = null.sum(axis=1), int(selected.sum())
    return Chance(
        items=observed,
        negative=int(against.sum()),
        null_mean=float(counts.mean()),
        null_p95=float(np.percentile(counts, 95)),
        p=psy.chance(counts, observed),
    )


def validate(
    benchmark: Benchmark,
    study: Study,
    answers: ItemMeans | None = None,
    *,
    shuffles: int = psy.SHUFFLES,
    splits: int = psy.SPLITS,
    seed: int = psy.SEED,
) -> ValidationReport:
    """Examine a benchmark with the ratings behind it.

    Args:
        benchmark: its key is the one that is examined.
        study: people's ratings of the benchmark's items.
        answers: models' mean ratings of the items, to show what the choice of the key does to them.
        shuffles: how often to shuffle people for the chance counts.
        splits: how often to divide people into halves.
        seed: of both.

    Raises:
        InputError: the study rates an item that the benchmark does not have, or one in two groups.
    """
    items = [item.id for item in benchmark.items]
    check = people_check(study, items)
    key, recomputed = benchmark.key, psy.spearman_key(study, items)
    centred = psy.spearman_key(psy.person_centred(study), items)
    against, centred_against = psy.negative(key), psy.negative(centred)
    counts = psy.correlation_counts(key)
    null = psy.shuffled_counts(study, shuffles, seed)
    centred_null = psy.shuffled_counts(psy.person_centred(study), shuffles, seed)
    fit = psy.consistency(study, items, key.selected)
    halves, level = psy.split_half(study, items, splits, seed), psy.response_level(study)
    agreement = psy.Estimated(*np.full((3, len(DIMENSIONS)), np.nan))
    models: dict[str, dict[str, ModelScore]] = {}
    columns: dict[Reading, dict[str, ColumnReliability]] = {}
    if answers is not None and len(answers.models) >= FEWEST_MODELS:
        loadings = shrunk(*correlations(study, items))
        queries = query_halves(answers.means, key.selected, loadings, benchmark.query_index)
        people = people_halves(answers.means, study, items)
        columns = {
            reading: {
                d.name: ColumnReliability(
                    **_estimated(queries[reading], i, "queries"), **_estimated(people[reading], i, "people")
                )
                for i, d in enumerate(DIMENSIONS)
            }
            for reading in READINGS
        }
    if answers is not None:
        agreement = psy.rank_correlations(answers.means, key.selected, centred.selected)
        both = [psy.centred_scores(answers.means, k.selected) for k in (key, centred)]
        models = {
            name: {
                d.name: ModelScore(score=_number(one), person_centred=_number(other))
                for d, one, other in zip(DIMENSIONS, *(scores[m] for scores in both), strict=True)
            }
            for m, name in enumerate(answers.models)
        }
    reported = psy.reportable(study)
    left_out = len(study.groups) - len(reported)
    return ValidationReport(
        benchmark=BenchmarkName(name=benchmark.name, version=benchmark.version, digest=benchmark.digest),
        simulated=benchmark.is_practice,
        people=None if left_out else study.n_people,
        groups_left_out=left_out,
        shuffles=shuffles,
        content=Content(
            queries=len(benchmark.queries),
            items=len(items),
            variants=len(benchmark.templates),
            prompts=benchmark.n_prompts,
            sources=dict(Counter(query.source for query in benchmark.queries)),
            rating_count=sum(g.ratings.size for g in reported),
        ),
        correlations=Correlations(edges=list(psy.RHO_EDGES), chance=psy.chance_correlations(study).tolist()),
        key={s: _compare(recomputed, key, c) for s, c in SCALE_COLUMNS.items()},
        scales={
            s: ScaleValidity(
                distinct_items=int(key.selected[:, c].any(axis=1).sum()),
                **dict(_chance(key.selected[:, c], against[:, c], null[:, c])),
            )
            for s, c in SCALE_COLUMNS.items()
        },
        dimensions={
            d.name: DimensionValidity(
                scale=d.scale,
                groups=int(fit.groups[i]),
                alpha_mean=_number(fit.alpha_mean[i]),
                alpha_weighted=_number(fit.alpha_weighted[i]),
                alpha_min=_number(fit.alpha_min[i]),
                alpha_max=_number(fit.alpha_max[i]),
                alpha_low=_number(fit.alpha_low[i]),
                alpha_high=_number(fit.alpha_high[i]),
                inter_item_r=_number(fit.inter_item_r[i]),
                inter_item_low=_number(fit.inter_item_low[i]),
                inter_item_high=_number(fit.inter_item_high[i]),
                **_estimated(halves, i, "split_half"),
                **_estimated(level, i, "response_level_r", "response_level"),
                correlations=counts[i].tolist(),
                **dict(_chance(key.selected[:, i], against[:, i], null[:, i : i + 1])),
            )
            for i, d in enumerate(DIMENSIONS)
        },
        person_centred={
            d.name: PersonCentred(
                rank_correlation=_number(agreement.value[i]),
                **dict(_chance(centred.selected[:, i], centred_against[:, i], centred_null[:, i : i + 1])),
            )
            for i, d in enumerate(DIMENSIONS)
        },
        rank_intervals=_ends(agreement),
        groups=[
            GroupSummary(
                people=g.n_people,
                items=len(g.items),
                response_level=float(g.ratings.mean()),
                alpha_of_all_items=_number(alpha),
                alpha_low=_number(low),
                alpha_high=_number(high),
            )
            for g in reported
            for alpha, low, high in (psy.alpha_interval(g.ratings),)
        ],
        models=models,
        columns=columns,
        people_check={
            reading: {d.name: _number(r) for d, r in zip(DIMENSIONS, getattr(check, reading).value, strict=True)}
            for reading in READINGS
        },
        people_check_intervals={reading: _ends(getattr(check, reading)) for reading in READINGS},
    )
