"""Both readings of the released models' answers examined, as one record: `data/published/readings.json`.

Only aggregates over people and figures of models are in it. A number that does not exist is null; the figures hold for
the models that they were computed from, and say how many.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from data.benchmark import Benchmark
from data.people.column_reliability import query_halves
from data.people.norms import READINGS, Norms, Percentile, Reading, percentiles
from data.people.rater_means import rater_means
from data.people.templates import ValueTemplates, shuffled
from data.people.validation import Ends
from data.ratings import Study
from data.values import DIMENSIONS, SCALE_COLUMNS, VALUES
from eval_queue.scoring.formulas import Floats, item_means
from eval_queue.scoring.match import Z, people_draws
from eval_queue.scoring.stability import FLAT_BELOW, reliability
from leaderboard.analysis.ranks import Sample, resample
from leaderboard.measurement.common_profile import CommonProfile, common_profile
from leaderboard.measurement.readings import (
    Explained,
    along_common,
    explained,
    first_component,
    match_sample,
    over_models,
    pairs_that_hold,
    shuffled_pairs,
)
from leaderboard.measurement.variance import (
    COUNTS,
    SIZES,
    TARGET,
    Generalizability,
    component_intervals,
    components,
    generalizability,
    match_parts,
    published_parts,
    shares,
)

_TEN: Final = slice(0, len(VALUES))
KEYS: Final = 60
"""Keys from shuffled people that separations are set against."""
DECIMALS: Final = 6


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class PairsThatHold(_Part):
    """Differences that hold after Holm's correction, on the ten values."""

    models: int
    """Pairs of models, Holm within a value."""
    models_of: int
    values: int
    """Pairs of values within a model, Holm within the model."""
    values_of: int
    from_zero: int
    """Values of a model that differ from 0, Holm within the model."""
    from_zero_of: int


class Separations(_Part):
    """How many differences hold, by what is taken as uncertain and how it is tested."""

    queries: PairsThatHold
    """Queries uncertain; t with the queries' degrees of freedom, as everywhere on the board."""
    queries_normal: PairsThatHold
    """The same with the normal distribution, which finds differences where there are none."""
    queries_and_people: PairsThatHold | None
    """Queries and the people behind the templates uncertain; null for the published reading, whose key is fixed."""


class ShuffledKeys(_Part):
    """Pairs of models that hold with the real key, and with keys of people whose values were dealt out at random."""

    keys: int
    real: int
    median: float
    p95: float
    highest: int
    normal_real: int
    """The same four with the normal distribution instead of t."""
    normal_median: float
    normal_p95: float
    normal_highest: int


class Share(_Part):
    """Share of a model's variance that the ten templates explain, beyond what people's mean ratings do."""

    r2: float | None
    r2_low: float | None
    """Lower end of its 95 % interval: jackknife over queries; what so many queries give on average."""
    r2_high: float | None
    cross_validated: float | None
    """Of queries the weights have not seen; below 0: worse than the mean."""
    cross_validated_low: float | None
    """Lower end of its interval, likewise."""
    cross_validated_high: float | None


class Estimate(_Part):
    """A figure with its 95 % interval."""

    estimate: float | None
    se: float | None
    low: float | None
    high: float | None


class OwnValue(Estimate):
    """A model's own part of one value."""

    p: float | None
    """Holm-adjusted over the ten; null where the joint test finds no own profile."""


class ModelProfile(_Part):
    """The common profile, its strength in one model, and what is the model's own, from disattenuated matches."""

    reliability: float | None
    """Of its mean ratings over wordings."""
    reliability_low: float | None
    """Lower end of its 95 % interval: queries resampled."""
    reliability_high: float | None
    families: int
    """Other families behind the common profile."""
    disattenuated: dict[str, Estimate]
    common: dict[str, float | None]
    """Direction of the common profile, unit length; nulls with fewer than ten other families."""
    strength: Estimate
    own: dict[str, OwnValue]
    own_p: float | None
    """Of the joint test that there is no own profile."""


class AmongPeople(_Part):
    """Share of the people who rated the same responses that a model stands above, 0 to 1, ties counted half."""

    share: float
    low: float | None
    """Interval by bootstrap over survey groups."""
    high: float | None
    groups: int


class ColumnNeeds(_Part):
    """How reliable a column is between these models for other queries and wordings, and what it would take."""

    model: float
    """Variance between models; negative where they differ less than error lets them."""
    model_query: float
    model_wording: float
    model_query_wording: float
    coefficient: float | None
    """For the queries and wordings that were asked."""
    low: float | None
    """Lower end of its 95 % interval: models resampled."""
    high: float | None
    by_queries: dict[int, float | None]
    """For so many queries in the wordings that were asked."""
    by_wordings: dict[int, float | None]
    """For the queries that were asked, in so many wordings."""
    queries_for_target: int | None
    """Queries in all with which it reaches `target`; null where none are enough."""
    fewest_for_target: int | None
    """Lower end of its 95 % interval."""
    most_for_target: int | None
    """Upper end; null where no number may be enough."""


class Variance(_Part):
    """Where the variance of ratings is, and what columns would need."""

    queries: int
    wordings: int
    target: float
    components: dict[str, float]
    """Squared rating points by source; the last holds what cannot be told from chance."""
    component_intervals: dict[str, Ends]
    """95 %: jackknife over models and over queries; wordings and orders as they are."""
    shares: dict[str, float]
    share_intervals: dict[str, Ends]
    """The same of the shares."""
    columns: dict[Reading, dict[str, ColumnNeeds]]


class Reliable(_Part):
    """The columns between those models only whose profile is reliable."""

    models: int
    """How many these are."""
    columns: dict[Reading, dict[str, float | None]]
    """Reliability over halves of the queries."""
    intervals: dict[Reading, dict[str, Ends]]
    """95 %, models resampled."""


class ReadingsReport(_Part):
    """Both readings examined."""

    benchmark_digest: str
    models: list[str]
    separations: dict[Reading, Separations]
    shuffled_keys: dict[Reading, ShuffledKeys]
    first_component: dict[Reading, float | None]
    """Share of the variance of the ten standardised columns along their first principal component."""
    first_component_intervals: dict[Reading, Ends]
    """95 %, models resampled."""
    along_common: dict[Reading, float | None]
    """Share of the variance between models along their mean profile."""
    along_common_intervals: dict[Reading, Ends]
    """95 %, models resampled."""
    reliable: Reliable
    """Models of which the score as published is reliable, as everywhere."""
    explained: dict[str, Share]
    profiles: dict[str, ModelProfile]
    among_people: dict[Reading, dict[str, dict[str, AmongPeople]]]
    """By reading, model and dimension; what cannot be said is absent."""
    variance: Variance


def readings_report(
    benchmark: Benchmark,
    ratings: Floats,
    models: Sequence[str],
    families: Sequence[str],
    study: Study,
    templates: ValueTemplates,
    norms: Norms,
    *,
    keys: int = KEYS,
) -> ReadingsReport:
    """Examine both readings.

    Args:
        benchmark: the one that was asked.
        ratings: of complete models, shape (models, 6 variants, items), NaN where there is no rating.
        models: their names.
        families: each model's family.
        study: the ratings behind the benchmark's key.
        templates: of the benchmark.
        norms: of the benchmark.
        keys: how many keys from shuffled people.

    Raises:
        InputError: an item of a model has no rating at all.
    """
    x, where = item_means(ratings), benchmark.query_index
    ids = [item.id for item in benchmark.items]
    ten = templates.loadings[:, : len(VALUES)]
    published = resample(x, benchmark.key.selected, where)
    match = match_sample(x, ten, where)
    people = people_draws(x, templates)
    others = list(shuffled(study, ids, keys))
    by_t, by_normal = shuffled_pairs(x, others, where), shuffled_pairs(x, others, where, normal=True)
    separations: dict[Reading, Separations] = {}
    checks: dict[Reading, ShuffledKeys] = {}
    for k, (reading, sample) in enumerate(zip(READINGS, (published, match), strict=True)):
        separations[reading] = Separations(
            queries=_pairs(sample),
            queries_normal=_pairs(sample, normal=True),
            queries_and_people=_pairs(sample, people) if reading == "match" else None,
        )
        checks[reading] = ShuffledKeys(
            keys=keys,
            real=separations[reading].queries.models,
            median=float(np.median(by_t[k])),
            p95=float(np.quantile(by_t[k], 0.95)),
            highest=max(by_t[k]),
            normal_real=separations[reading].queries_normal.models,
            normal_median=float(np.median(by_normal[k])),
            normal_p95=float(np.quantile(by_normal[k], 0.95)),
            normal_highest=max(by_normal[k]),
        )
    share = explained(x, rater_means(benchmark, study), templates.loadings, where)
    standing = percentiles(x, ids, norms, templates.loadings, benchmark.key.selected)
    columns: dict[Reading, Floats] = {"published": published.point[:, : len(VALUES)], "match": match.point}
    return ReadingsReport(
        benchmark_digest=benchmark.digest,
        models=list(models),
        separations=separations,
        shuffled_keys=checks,
        first_component={reading: _number(first_component(c)) for reading, c in columns.items()},
        first_component_intervals={r: _ends(over_models(c, first_component)) for r, c in columns.items()},
        along_common={reading: _number(along_common(c)) for reading, c in columns.items()},
        along_common_intervals={r: _ends(over_models(c, along_common)) for r, c in columns.items()},
        reliable=_reliable(benchmark, x, published, templates),
        explained={name: share_of(share, m) for m, name in enumerate(models)},
        profiles=model_profiles(common_profile(ratings, families, templates, where), models),
        among_people={
            reading: {name: among_people(found, m) for m, name in enumerate(models)}
            for reading, found in standing.items()
        },
        variance=variance_of(benchmark, ratings, templates),
    )


def _reliable(benchmark: Benchmark, x: Floats, published: Sample, templates: ValueTemplates) -> Reliable:
    ten = published.point[:, _TEN] - published.point[:, _TEN].mean(axis=1, keepdims=True)
    around = published.draws[:, :, _TEN] - published.draws[:, :, _TEN].mean(axis=2, keepdims=True)
    r, _ = reliability(ten, np.asarray(np.nanstd(around, axis=0, ddof=1)))
    kept = np.flatnonzero(r >= FLAT_BELOW)
    found = query_halves(x[kept], benchmark.key.selected, templates.loadings, benchmark.query_index)
    return Reliable(
        models=len(kept),
        columns={r: {d.name: _number(of.value[i]) for i, d in enumerate(DIMENSIONS)} for r, of in found.items()},
        intervals={
            reading: {d.name: _ends((of.low[i], of.high[i])) for i, d in enumerate(DIMENSIONS)}
            for reading, of in found.items()
        },
    )


def share_of(found: Explained, m: int) -> Share:
    """What the templates explain of one model's ratings."""
    r2, unseen = found.r2[m], found.cross_validated[m]
    r2_half, half = found.r2_half[m], found.cross_validated_half[m]
    return Share(
        r2=_number(r2),
        r2_low=_number(max(r2 - r2_half, 0.0)),
        r2_high=_number(min(r2 + r2_half, 1.0)),
        cross_validated=_number(unseen),
        cross_validated_low=_number(unseen - half),
        cross_validated_high=_number(min(unseen + half, 1.0)),
    )


def among_people(found: Percentile, m: int) -> dict[str, AmongPeople]:
    """Where one model stands, by dimension."""
    return {
        d.name: AmongPeople(
            share=round(float(found.share[m, i]), DECIMALS),
            low=_number(found.low[m, i]),
            high=_number(found.high[m, i]),
            groups=int(found.groups[m, i]),
        )
        for i, d in enumerate(DIMENSIONS)
        if np.isfinite(found.share[m, i])
    }


def model_profiles(found: CommonProfile, models: Sequence[str]) -> dict[str, ModelProfile]:
    """Common profile, strength and own profile of each model."""
    return {
        name: ModelProfile(
            reliability=_number(found.reliability[m]),
            reliability_low=_number(found.reliability_low[m]),
            reliability_high=_number(found.reliability_high[m]),
            families=int(found.families[m]),
            disattenuated={
                v.name: Estimate(**_interval(found.disattenuated[m, i], found.disattenuated_se[m, i]))
                for i, v in enumerate(VALUES)
            },
            common={v.name: _number(found.direction[m, i]) for i, v in enumerate(VALUES)},
            strength=Estimate(**_interval(found.strength[m], found.strength_se[m])),
            own={
                v.name: OwnValue(**_interval(found.own[m, i], found.own_se[m, i]), p=_number(found.own_holm[m, i]))
                for i, v in enumerate(VALUES)
            },
            own_p=_number(found.own_p[m]),
        )
        for m, name in enumerate(models)
    }


def variance_of(benchmark: Benchmark, ratings: Floats, templates: ValueTemplates) -> Variance:
    """Variance components and what each column would need; a scale at a time.

    Raises:
        InputError: queries have different numbers of items, or an item of a model has no rating at all.
    """
    where, names = benchmark.query_index, [d.name for d in DIMENSIONS]
    found, ends = components(ratings, where), component_intervals(ratings, where)
    by_scale = [generalizability(published_parts(ratings, benchmark.key.selected[:, c], where)) for c in _SCALES]
    needs: Mapping[Reading, list[Generalizability]] = {
        "published": [g for scale in by_scale for g in scale],
        "match": generalizability(match_parts(ratings, templates.loadings, where)),
    }
    first = needs["match"][0]
    return Variance(
        queries=first.queries,
        wordings=first.wordings,
        target=TARGET,
        components={name: round(v, DECIMALS) for name, v in found.items()},
        component_intervals={name: _ends(of) for name, of in ends[0].items()},
        shares={name: round(v, DECIMALS) for name, v in shares(found).items()},
        share_intervals={name: _ends(of) for name, of in ends[1].items()},
        columns={reading: dict(zip(names, map(_needs, of), strict=True)) for reading, of in needs.items()},
    )


_SCALES: Final = tuple(SCALE_COLUMNS.values())


def _needs(g: Generalizability) -> ColumnNeeds:
    enough, fewest, most = (math.ceil(n) if math.isfinite(n) else None for n in (g.queries_for(), g.fewest, g.most))
    return ColumnNeeds(
        model=g.model,
        model_query=g.model_query,
        model_wording=g.model_wording,
        model_query_wording=g.model_query_wording,
        coefficient=_number(g.coefficient(g.queries, g.wordings)),
        low=_number(g.low),
        high=_number(g.high),
        by_queries={n: _number(g.coefficient(n, g.wordings)) for n in SIZES},
        by_wordings={n: _number(g.coefficient(g.queries, n)) for n in COUNTS},
        queries_for_target=enough,
        fewest_for_target=fewest,
        most_for_target=most,
    )


def _pairs(sample: Sample, people: Floats | None = None, *, normal: bool = False) -> PairsThatHold:
    return PairsThatHold(**pairs_that_hold(sample, people, normal=normal)._asdict())


def _interval(estimate: float, se: float) -> dict[str, float | None]:
    ends = {"estimate": estimate, "se": se, "low": estimate - Z * se, "high": estimate + Z * se}
    return {name: _number(x) for name, x in ends.items()}


def _ends(ends: tuple[float, float]) -> Ends:
    return _number(ends[0]), _number(ends[1])


def _number(x: float) -> float | None:
    return round(float(x), DECIMALS) + 0.0 if math.isfinite(x) else None
