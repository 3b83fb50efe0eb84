"""Proximity as records: what `python -m leaderboard proximity` prints and pages and exports show.

What must not be forgotten when a number travels (on whom it rests, how far it can be read) stands in fields beside the
numbers. A number that is withheld is null and the row says why; a nearest group that cannot be told is null too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from data.benchmark import VARIANTS, Benchmark
from data.people.norms import Reading
from data.people.reference import Raters, Reference, Source
from data.people.templates import ValueTemplates, resampled_means, template_match
from data.ratings import Study
from data.sources.loading import MODIFIED
from data.values import VALUES
from eval_queue.records import BenchmarkRef, Profile, Record
from eval_queue.scoring.bootstrap import DRAWS
from eval_queue.scoring.formulas import Floats, item_means, score
from eval_queue.scoring.match import people_draws
from eval_queue.scoring.profiles import number
from eval_queue.scoring.stability import FLAT_BELOW, reliability
from leaderboard.analysis.ranks import ALPHA, Sample, resample
from leaderboard.groups.prompt_agreement import PromptAgreement, groups_by_prompt
from leaderboard.groups.proximity import SLOPES, Estimate, Proximity, correlations, proximity, shapes
from leaderboard.measurement.readings import match_sample


class LikeRaters(Record):
    """A model and the benchmark's own raters on the same items."""

    spearman: float | None
    """Rank correlation of the ten values."""
    pearson: float | None
    pearson_low: float | None
    """Lower end of the 95 % interval of `pearson`."""
    pearson_high: float | None
    """Upper end."""
    rms: float | None
    """Root mean square difference, in rating points."""
    low: float | None
    """Lower end of the 95 % interval of `spearman`."""
    high: float | None
    """Upper end."""


class GroupSimilarity(Record):
    """A model and a group of people. Nearly the same for every group: groups hardly differ in shape."""

    spearman: float | None
    """Rank correlation of the ten values; read it beside `Caveats.ceiling`."""
    pearson: float | None
    """Correlation of the ten values; read it beside `Caveats.one_european`."""
    pearson_low: float | None
    """Lower end of the 95 % interval of `pearson`."""
    pearson_high: float | None
    """Upper end."""
    tau_b: float | None
    """Kendall's rank correlation."""
    low: float | None
    """Lower end of the 95 % interval of `spearman`."""
    high: float | None
    """Upper end."""
    distance: float | None
    """Root mean square difference on the PVQ-21's scale, in standard deviations between people."""
    distance_low: float | None
    """Lower end of its 95 % interval."""
    distance_high: float | None
    """Upper end."""
    distance_by_slope: dict[str, float | None]
    """The same at other links between the two scales: what is assumed there matters more than the interval."""


class Lean(Record):
    """A model between two groups, apart from what all people share."""

    toward: str
    """Group that a positive lean is towards."""
    against: str
    """Group that a negative lean is towards."""
    lean: float | None
    """Cosine, -1 to 1."""
    low: float | None
    """Lower end of its 95 % interval, taken alone."""
    high: float | None
    """Upper end."""
    p: float | None
    """Two-sided p-value of no lean, taken alone."""
    p_adjusted: float | None
    """After Holm's correction over the contrasts of this model."""

    @property
    def sure(self) -> bool:
        """Whether the lean is surely one."""
        return self.p_adjusted is not None and self.p_adjusted <= ALPHA


class Nearest(Record):
    """The nearest of the groups in the contrasts, if it can be told."""

    group: str | None
    """Its name; null stands for "not distinguishable", or for a row that is not reported."""
    share: float | None
    """Share of the bootstrap draws that the leading group wins."""
    lead: float | None
    """By how much its Pearson correlation exceeds the second's."""
    lead_low: float | None
    """Lower end of the 95 % interval."""
    lead_high: float | None
    """Upper end."""
    p_adjusted: float | None
    """Largest of its leads' p-values after Holm's correction over the other groups."""


class Tested(Record):
    """How many tests Holm's correction allows for."""

    leans: int
    nearest: int


class HeldBy(Record):
    """In how many of a row's prompts, each taken alone, what is said of groups is the same. No test."""

    prompts: int
    """Prompts that give a profile at all."""
    nearest: int
    """Those with the same nearest group, whether or not it may be named."""
    leans: dict[str, int]
    """Those that lean the same way, by contrast."""


class ModelProximity(Record):
    """A model among people."""

    model: str
    reliability: float | None
    """R of its profile; below 0.5 only `like_raters` is given."""
    reported: bool
    """Whether groups, leans and nearest group are given."""
    reason: str | None
    """Why not; null where they are."""
    like_raters: LikeRaters
    groups: dict[str, GroupSimilarity]
    """By name of the group."""
    leans: dict[str, Lean]
    """By name of the contrast."""
    nearest: Nearest
    tested: Tested
    held: HeldBy | None = None
    """In how many prompts that holds; null where it is not reported, or single prompts are not at hand."""


class People(Record):
    """Whose answers stand behind figures."""

    title: str
    about: str
    """Who was asked and how the figures were made."""
    n: int
    licence: str
    commit: str
    """Of the repository the figures come from; empty for a person's own file."""

    @classmethod
    def of(cls, source: Source, n: int) -> People:
        """From a source of `data.people.reference`."""
        return cls(title=source.title, about=source.about, n=n, licence=source.licence, commit=source.commit)


class Caveats(Record):
    """What must be read with the numbers."""

    region: Literal["Europe"] = "Europe"
    """Where the people of the groups live."""
    europe: str = (
        "The groups are residents of European countries. They stand for nobody else, and left and right are not the "
        "parties of another continent."
    )
    confounding: str = (
        "Contrasts are descriptive: groups differ in more than their name (people of 80 or older had less schooling, "
        "for one), and a lean says nothing about where it comes from."
    )
    shape: str = (
        "Groups hardly differ in the order of their values, so a model is about as similar to each of them. A "
        "similarity is not a judgement: no order of values is better than another."
    )
    noise: str = (
        "Noise in a profile lowers every similarity. Intervals tell what a benchmark of this size shows of a model; a "
        "profile without noise would often be more similar than their upper end."
    )
    raters: str = (
        "The benchmark's raters are English-speaking crowd workers, and the key that scores models rests on their "
        "answers."
    )
    benchmark: str | None = None
    """What is wrong with the benchmark for this purpose; null for upstream's own."""
    reading: str | None = None
    """What must be known of the reading; null for the one as published."""
    ceiling: float
    """Spearman between the raters' own two profiles, on the benchmark's items and on the PVQ-21: how well people agree
    with themselves. Not a strict bound."""
    one_european: float = 0.60
    """Median Pearson correlation of one person's profile with the mean of all (ESS round 9)."""
    one_european_low: float = -0.07
    """Its 5th percentile over persons."""
    one_european_high: float = 0.87
    """Its 95th percentile."""


class ProximityReport(Record):
    """Models among people."""

    schema_version: Literal[1] = 1
    benchmark: BenchmarkRef
    reading: Reading = "published"
    """How the answers were read. By matches distances and differences in size are null: they need rating points."""
    groups_from: People
    raters_from: People
    slopes: tuple[float, ...] = SLOPES
    """Size of differences on the benchmark's items relative to the PVQ-21's; the first is the one in use."""
    draws: int = DRAWS
    """Bootstrap draws over queries and people."""
    caveats: Caveats
    models: list[ModelProximity]


_PRACTICE: Final = (
    "The practice benchmark: its raters are simulated, so nothing here is about people or about a model's values."
)
_SIMULATED: Final = Source("practice", "Simulated raters of the practice benchmark", _PRACTICE)
BY_MATCH: Final = (
    "Read by matches on all items; other queries and other people behind the templates are allowed for. In simulated "
    "studies a model that differs from the raters by noise alone leans surely in at most 5 % of cases. The released "
    "models share most of one profile, so leans of several of them to the same side are not separate findings."
)
_MODIFIED: Final = "Not upstream's files: whether the raters' figures on the PVQ-21 belong to them is not known."


class MatchReading(NamedTuple):
    """What it takes to set matches on all items against groups."""

    templates: ValueTemplates
    raters: Floats
    """The raters' own matches by resampled people, who change their ratings and the templates; shape (sets, 10)."""


def match_reading(benchmark: Benchmark, study: Study, templates: ValueTemplates) -> MatchReading:
    """A benchmark's raters read by matches, set by set of the resampled people behind its templates."""
    means = resampled_means(study, [item.id for item in benchmark.items], templates.draws)
    ten = templates.resampled[:, :, : len(VALUES)]
    return MatchReading(
        templates, np.concatenate([template_match(x[None], a) for x, a in zip(means, ten, strict=True)])
    )


def report(
    models: Sequence[str],
    ratings: Floats,
    profiles: Sequence[Profile],
    benchmark: Benchmark,
    raters: Floats,
    reference: Reference,
    match: MatchReading | None = None,
) -> ProximityReport:
    """Set models against people.

    Args:
        models: their names.
        ratings: shape (models, 6 variants, items), NaN where there is none; or (models, 1, items), the means over
            variants: then nothing is said of single prompts.
        profiles: their profiles, which say whether a row is complete and how reliable it is.
        benchmark: the benchmark that was asked.
        raters: mean rating of each item by its raters (`data.people.rater_means`), shape (items,).
        reference: the groups.
        match: read by matches on all items, the people behind the templates uncertain too; None: as published.
    """
    x = np.vstack([item_means(ratings), raters])
    if match is None:
        sample = resample(x, benchmark.key.selected, benchmark.query_index)
        read, draws, raters_se = list(profiles), sample.draws, None
    else:
        sample, draws = match_draws(x, benchmark, match)
        read, raters_se = read_by_match(profiles, sample.point[:-1], draws[:, :-1]), np.zeros(len(VALUES))
    found = proximity(
        sample.point[:-1],
        draws[:, :-1],
        sample.point[-1],
        draws[:, -1],
        reference,
        complete=np.array([bool(p.complete) for p in read], dtype=np.bool_),
        reliability=np.array([np.nan if p.reliability is None else p.reliability for p in read], dtype=np.float64),
        raters_se=raters_se,
    )
    alone = _alone(ratings, benchmark, sample.point[-1], reference, match)
    near = [
        _model(found, m, name, read[m], None if alone is None else _held(alone, m, reference))
        for m, name in enumerate(models)
    ]
    return ProximityReport(
        benchmark=BenchmarkRef.of(benchmark),
        reading="published" if match is None else "match",
        groups_from=People.of(reference.people.source, reference.people.n),
        raters_from=People.of(_SIMULATED if benchmark.is_practice else reference.raters.source, benchmark.raters),
        caveats=Caveats(
            ceiling=ceiling(reference.raters),
            benchmark=reservation(benchmark),
            reading=None if match is None else BY_MATCH,
        ),
        models=near if match is None else [_without_distances(m) for m in near],
    )


def match_draws(x: Floats, benchmark: Benchmark, match: MatchReading) -> tuple[Sample, Floats]:
    """Matches and draws of them, over queries and people at once.

    Args:
        x: mean rating of each item by models and, last, by the raters, shape (models + 1, items).
        benchmark: whose items.
        match: templates, and the raters by resampled people.

    Returns:
        The sample over queries, and its draws with those over people added, shape (draws, models + 1, 10).
    """
    sample = match_sample(x, match.templates.loadings[:, : len(VALUES)], benchmark.query_index)
    people = np.moveaxis(people_draws(x, match.templates)[:, : len(VALUES)], -1, 0).copy()
    people[:, -1] = match.raters
    away = people - people.mean(axis=0)
    return sample, sample.draws + np.resize(away, sample.draws.shape)  # both sources are independent of each other


def read_by_match(profiles: Sequence[Profile], point: Floats, draws: Floats) -> list[Profile]:
    """The profiles with the reliability of their matches in place of their scores'."""
    ten = point - point.mean(axis=1, keepdims=True)
    around = draws - draws.mean(axis=2, keepdims=True)
    r, flat = reliability(ten, np.asarray(np.nanstd(around, axis=0, ddof=1)))
    return [p.model_copy(update={"reliability": number(r[m]), "flat": bool(flat[m])}) for m, p in enumerate(profiles)]


def _alone(
    ratings: Floats, benchmark: Benchmark, raters: Floats, reference: Reference, match: MatchReading | None
) -> PromptAgreement | None:
    if ratings.shape[1] < len(VARIANTS):
        return None

    def read(x: Floats) -> Floats:
        if match is not None:
            return template_match(x, match.templates.loadings[:, : len(VALUES)])
        return score(x[:, None], benchmark.key.selected).score

    return groups_by_prompt(ratings, read, raters, reference)


def _held(alone: PromptAgreement, m: int, reference: Reference) -> HeldBy:
    return HeldBy(
        prompts=int(alone.prompts[m]),
        nearest=int(alone.nearest_holds[m]),
        leans={c.name: int(alone.lean_holds[m, i]) for i, c in enumerate(reference.contrasts)},
    )


def _without_distances(of: ModelProximity) -> ModelProximity:
    """Distances and the difference in size need rating points, which matches have none of."""
    nothing: dict[str, object] = dict.fromkeys(("distance", "distance_low", "distance_high"))
    nothing["distance_by_slope"] = {}
    groups = {name: g.model_copy(update=nothing) for name, g in of.groups.items()}
    return of.model_copy(update={"groups": groups, "like_raters": of.like_raters.model_copy(update={"rms": None})})


def ceiling(raters: Raters) -> float:
    """Spearman between the raters' profiles on the benchmark's items and on the PVQ-21."""
    p, q = (shapes(x[None, :, None]) for x in (raters.vp_human_centred10, raters.pvq_human_centred10))
    return round(float(correlations(p, q).spearman[0, 0, 0]), 4)


def reservation(benchmark: Benchmark) -> str | None:
    """What is wrong with a benchmark for setting models against people; None for upstream's own."""
    if benchmark.is_practice:
        return _PRACTICE
    return _MODIFIED if benchmark.version == MODIFIED else None


def withheld(profile: Profile) -> str | None:
    """Why a row is not set against groups; None where it is."""
    if not profile.complete:
        return f"incomplete: {profile.incomplete_reason or 'not known whether enough has a rating'}"
    if profile.reliability is not None and profile.reliability < FLAT_BELOW:
        return (
            f"flat profile: reliability {profile.reliability:.2f}, {FLAT_BELOW:.2f} is needed to set it against groups"
        )
    if profile.reliability is None:
        return "flat profile: all ten values are equal" if profile.flat else "the profile's reliability is not known"
    return None


def _model(found: Proximity, m: int, name: str, profile: Profile, held: HeldBy | None) -> ModelProximity:
    near = found.nearest
    named = bool(near.named[m])
    return ModelProximity(
        model=name,
        reliability=profile.reliability,
        reported=bool(found.reported[m]),
        reason=withheld(profile),
        like_raters=LikeRaters(
            **_numbers(found.like_raters.spearman, "spearman", (m,)),
            **_numbers(found.like_raters.pearson, "pearson", (m,), "pearson_"),
            rms=number(found.like_raters.rms.value[m]),
        ),
        groups={group: _similarity(found, m, g) for g, group in enumerate(found.groups)},
        leans={
            contrast.name: Lean(
                toward=contrast.toward,
                against=contrast.against,
                **_numbers(found.leans.lean, "lean", (m, c)),
                p=number(found.leans.p[m, c]),
                p_adjusted=number(found.leans.p_adjusted[m, c]),
            )
            for c, contrast in enumerate(found.contrasts)
        },
        nearest=Nearest(
            group=found.groups[near.group[m]] if named else None,
            share=number(near.share[m]),
            **_numbers(near.lead, "lead", (m,), "lead_"),
            p_adjusted=number(near.p_adjusted[m].max(initial=-np.inf)),
        ),
        tested=Tested(leans=int(found.leans.tested[m]), nearest=int(near.tested[m])),
        held=held if found.reported[m] else None,
    )


def _similarity(found: Proximity, m: int, g: int) -> GroupSimilarity:
    of = found.similarity
    return GroupSimilarity(
        **_numbers(of.spearman, "spearman", (m, g)),
        **_numbers(of.pearson, "pearson", (m, g), "pearson_"),
        tau_b=number(of.tau_b.value[m, g]),
        **_numbers(of.distance, "distance", (m, g), "distance_"),
        distance_by_slope={
            f"{slope:g}": number(d) for slope, d in zip(SLOPES, of.distance_by_slope[m, g], strict=True)
        },
    )


def _numbers(estimate: Estimate, name: str, at: tuple[int, ...], prefix: str = "") -> Mapping[str, float | None]:
    return {
        name: number(estimate.value[at]),
        f"{prefix}low": number(estimate.low[at]),
        f"{prefix}high": number(estimate.high[at]),
    }
