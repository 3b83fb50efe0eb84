"""Group profiles from people's answers in the European Social Survey: scoring, weights, standard errors.

Pure functions over arrays; reading a file is `data.people.survey_files`. Scoring, key and exclusions follow the
survey's scoring sheet for its 21 items, groups those of Value Portrait. Guarantees: only aggregates over at least
`MIN_CELL` people are returned, and every profile sums to zero over the ten values. Not done: profiles of countries,
imputation, finite population corrections.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.errors import InputError
from data.people.reference import DESIGN_BASED, MIN_CELL, Group, Source
from data.values import VALUES

ITEMS: Final = (
    *("ipcrtiv", "imprich", "ipeqopt", "ipshabt", "impsafe", "impdiff", "ipfrule"),
    *("ipudrst", "ipmodst", "ipgdtim", "impfree", "iphlppl", "ipsuces", "ipstrgv"),
    *("ipadvnt", "ipbhprp", "iprspot", "iplylfr", "impenv", "imptrad", "impfun"),
)
"""The survey's names of the 21 items, in order; round 11 adds an `a` to each."""

KEY: Final[dict[str, tuple[int, ...]]] = {
    "Self-Direction": (1, 11),
    "Stimulation": (6, 15),
    "Hedonism": (10, 21),
    "Achievement": (4, 13),
    "Power": (2, 17),
    "Security": (5, 14),
    "Conformity": (7, 16),
    "Tradition": (9, 20),
    "Benevolence": (12, 18),
    "Universalism": (3, 8, 19),
}
"""Which items, counted from 1, speak for which value."""

MAX_MISSING: Final = 5
"""People with more items missing are left out."""
MAX_SAME: Final = 16
"""People who gave the same answer to more items are left out."""
MIN_VALID: Final = 16
"""A file with fewer valid items a person on average is refused."""

_BY_ITEM: Final = np.array([[item in KEY[v.name] for v in VALUES] for item in range(1, len(ITEMS) + 1)], dtype=float)
# which item speaks for which value, shape (21, 10)


@dataclass(frozen=True)
class People:
    """The people of a file. Rows are people: they never leave `data/`. NaN stands for missing.

    Attributes:
        answers: 1 (very much like me) to 6 (not like me at all) as coded, columns `ITEMS`, shape (people, 21).
        essround: round of the survey, shape (people,).
        country: two-letter code, shape (people,).
        gender: 1 male, 2 female.
        age: in years.
        education: ES-ISCED 1 to 7; 6 and 7 are university degrees.
        politics: 0 (left) to 10 (right).
        pspwght: weight that makes a country's sample resemble the country.
        anweight: weight that also gives countries the size of their populations.
        stratum: number of the stratum as the file has it, unique at least within round and country; -1: missing.
        psu: number of the primary sampling unit, likewise.
        editions: (round, edition) of all data in the file, sorted.
    """

    answers: NDArray[np.float64]
    essround: NDArray[np.int64]
    country: NDArray[np.str_]
    gender: NDArray[np.float64]
    age: NDArray[np.float64]
    education: NDArray[np.float64]
    politics: NDArray[np.float64]
    pspwght: NDArray[np.float64]
    anweight: NDArray[np.float64]
    stratum: NDArray[np.int64]
    psu: NDArray[np.int64]
    editions: tuple[tuple[int, str], ...]

    @property
    def n(self) -> int:
        """How many people."""
        return len(self.answers)


class Scores(NamedTuple):
    """People's scores on the ten values, high = important; NaN where nothing of a value was answered."""

    centred10: NDArray[np.float64]
    """Centred on the person's mean of the ten values, shape (people, 10)."""
    centred: NDArray[np.float64]
    """Centred on the person's mean of all items answered, shape (people, 10)."""


class Design(NamedTuple):
    """How people were drawn."""

    psu: NDArray[np.int64]
    """Each person's primary sampling unit, 0 to P - 1, shape (people,)."""
    stratum: NDArray[np.int64]
    """Each unit's stratum, 0 to H - 1, shape (P,)."""


@dataclass(frozen=True)
class Profiles:
    """Group profiles of a file and what must be known about them."""

    groups: tuple[Group, ...]
    n_people: int
    """People in the file."""
    left_out: dict[str, int]
    """How many of them are in no profile, by reason; each person counts once."""
    warnings: tuple[str, ...]
    """What could not be done as it should, in sentences."""


def score(answers: NDArray[np.float64]) -> Scores:
    """Score people's answers to the 21 items (ESS scoring sheet: reverse, then average the items answered).

    Args:
        answers: 1 (very much like me) to 6 (not like me at all), NaN where missing, shape (people, 21).
    """
    given = np.isfinite(answers)
    importance = np.where(given, 7 - answers, 0.0)
    with np.errstate(invalid="ignore"):
        values = importance @ _BY_ITEM / (given @ _BY_ITEM)
        all_items = importance.sum(axis=1) / given.sum(axis=1)
    return Scores(values - values.mean(axis=1, keepdims=True), values - all_items[:, None])


def exclusions(answers: NDArray[np.float64], *, complete_cases: bool = False) -> dict[str, NDArray[np.bool_]]:
    """Who is left out and why, each person under the first reason only.

    Args:
        answers: as for `score`.
        complete_cases: leave out exactly those with an item missing, as the published aggregates do, and none for
            giving the same answer often.

    Returns:
        Masks over people, shape (people,), by reason.
    """
    given = np.isfinite(answers)
    missing = answers.shape[1] - given.sum(axis=1)
    if complete_cases:
        return {"an item not answered": missing > 0}
    same = np.max([(answers == code).sum(axis=1) for code in range(1, 7)], axis=0)
    rules = {
        f"more than {MAX_MISSING} items not answered": missing > MAX_MISSING,
        f"the same answer to more than {MAX_SAME} items": same > MAX_SAME,
        # without a score on each of the ten values a person's centre would be that of other values
        "a value without any answer": (given @ _BY_ITEM == 0).any(axis=1),
    }
    before = np.zeros(len(answers), dtype=bool)
    for reason, mask in rules.items():
        rules[reason] = mask & ~before
        before |= mask
    return rules


def design_of(people: People) -> Design | None:
    """How people were drawn; None where the file says nothing of it.

    Strata count within round and country, units within strata. A person without a unit counts as one, and people
    without a stratum share one with those of their round and country.
    """
    if (people.stratum < 0).all() or (people.psu < 0).all():
        return None
    _, country = np.unique(people.country, return_inverse=True)
    _, stratum = np.unique(np.stack([people.essround, country, people.stratum]), axis=1, return_inverse=True)
    alone = np.where(people.psu < 0, np.arange(people.n), -1)
    units, psu = np.unique(np.stack([stratum.ravel(), people.psu, alone]), axis=1, return_inverse=True)
    return Design(psu.ravel().astype(np.int64), units[0].astype(np.int64))


def taylor_se(
    scores: NDArray[np.float64], weights: NDArray[np.float64], member: NDArray[np.bool_], design: Design
) -> NDArray[np.float64]:
    """Standard errors of a group's weighted means by Taylor linearisation, units drawn with replacement in strata.

    The group is a domain: units without members count in their stratum. A stratum with one unit adds that unit's
    square, which is cautious.

    Args:
        scores: shape (people, k); NaN only outside the group.
        weights: shape (people,).
        member: who is in the group, shape (people,).
        design: how all people were drawn, those outside the group too.

    Returns:
        Standard errors, shape (k,).
    """
    w = weights[member] / weights[member].sum()
    y = scores[member]
    totals = np.zeros((len(design.stratum), scores.shape[1]))
    np.add.at(totals, design.psu[member], w[:, None] * (y - w @ y))
    units = np.bincount(design.stratum)
    single = units == 1
    means = np.zeros((len(units), scores.shape[1]))
    np.add.at(means, design.stratum, totals)
    means = np.where(single[:, None], 0.0, means / units[:, None])
    factor = np.where(single, 1.0, units / np.maximum(units - 1, 1))
    deviation = totals - means[design.stratum]
    se: NDArray[np.float64] = np.sqrt(factor[design.stratum] @ deviation**2)
    return se


class _Rule(NamedTuple):
    dimension: str
    group: str
    belongs: Callable[[People], NDArray[np.bool_]]


def _between(field: str, low: float, high: float) -> Callable[[People], NDArray[np.bool_]]:
    def belongs(people: People) -> NDArray[np.bool_]:
        answer: NDArray[np.float64] = getattr(people, field)
        return (answer >= low) & (answer <= high)

    return belongs


RULES: Final = (
    _Rule("overall", "all", lambda people: np.ones(people.n, dtype=bool)),
    _Rule("gender", "male", _between("gender", 1, 1)),
    _Rule("gender", "female", _between("gender", 2, 2)),
    _Rule("age_paper", "20-39", _between("age", 20, 39)),
    _Rule("age_paper", "80+", _between("age", 80, np.inf)),
    _Rule("political", "right", _between("politics", 6, 10)),
    _Rule("political", "left", _between("politics", 0, 4)),
    _Rule("education_paper", "below_university", _between("education", 1, 5)),
    _Rule("education_paper", "university", _between("education", 6, 7)),
    _Rule("age_band", "15-19", _between("age", 15, 19)),
    _Rule("age_band", "20-39", _between("age", 20, 39)),
    _Rule("age_band", "40-59", _between("age", 40, 59)),
    _Rule("age_band", "60-79", _between("age", 60, 79)),
    _Rule("age_band", "80+", _between("age", 80, np.inf)),
)
"""The groups. Names are those of the shipped figures, so that either file can take the other's place."""


def profiles(people: People, *, complete_cases: bool = False, unweighted: bool = False) -> Profiles:
    """Profiles of all groups of `RULES` with at least `MIN_CELL` people.

    Args:
        people: the people of a file.
        complete_cases: keep only people who answered all items, to compare with the published aggregates.
        unweighted: count everyone alike, likewise.

    Raises:
        InputError: the items were not asked of most people, or too few people remain.
    """
    warnings: list[str] = []
    answered = float(np.isfinite(people.answers).sum(axis=1).mean()) if people.n else 0.0
    if answered < MIN_VALID:
        raise InputError(
            f"people have {answered:.1f} valid items of {len(ITEMS)} on average, fewer than {MIN_VALID}. Valid answers "
            "are the numbers 1 to 6; export codes, not labels, and only rounds and countries that asked the items"
        )
    name, weights = ("unweighted", None) if unweighted else _weights(people, warnings)
    out = exclusions(people.answers, complete_cases=complete_cases)
    kept = ~np.logical_or.reduce(list(out.values()))
    if weights is None:
        weights = np.ones(people.n)
    else:
        out["no valid weight"] = kept & ~np.isfinite(weights)
        kept &= np.isfinite(weights)
    if kept.sum() < MIN_CELL:
        raise InputError(f"fewer than {MIN_CELL} people with usable answers; that is too few for any profile")

    design = design_of(people)
    scores = score(people.answers)
    _check_direction(people, scores, weights, kept, warnings)
    parts = [name, *(["complete cases"] if complete_cases else []), _se_kind(people, design, kept, warnings)]
    source = _source(people, kept)
    groups, small = [], []
    for rule in RULES:
        member = kept & rule.belongs(people)
        if member.sum() >= MIN_CELL:
            groups.append(_profile(rule, scores, weights, member, design, "; ".join(parts), source))
        else:
            small.append(f"{rule.dimension}/{rule.group}")
    if small:
        warnings.append(f"Left out, as they have fewer than {MIN_CELL} people: {', '.join(small)}.")
    left_out = {reason: int(mask.sum()) for reason, mask in out.items() if mask.any()}
    return Profiles(tuple(groups), people.n, left_out, tuple(warnings))


def _profile(
    rule: _Rule,
    scores: Scores,
    weights: NDArray[np.float64],
    member: NDArray[np.bool_],
    design: Design | None,
    weighting: str,
    source: Source,
) -> Group:
    n = int(member.sum())
    w = weights[member] / weights[member].sum()
    y = scores.centred10[member]
    mean = w @ y
    n_eff = 1 / float(w @ w)
    sd = np.sqrt(w @ (y - mean) ** 2 * n / (n - 1))
    return Group(
        dimension=rule.dimension,
        group=rule.group,
        mean_centred10=mean,
        mean_centred=w @ scores.centred[member],
        sd=sd,
        se=sd / np.sqrt(n_eff) if design is None else taylor_se(scores.centred10, weights, member, design),
        n=n,
        n_eff=n_eff,
        weighting=weighting,
        source=source,
    )


def _weights(people: People, warnings: list[str]) -> tuple[str, NDArray[np.float64] | None]:
    """The weight to use and its name: within one country `pspwght`, over several `anweight`, else what there is."""
    has_pspwght, has_anweight = np.isfinite(people.pspwght).any(), np.isfinite(people.anweight).any()
    several = len(np.unique(people.country)) > 1
    if has_anweight and (several or not has_pspwght):
        return "anweight", people.anweight
    if has_pspwght:
        if several:
            warnings.append(
                "Neither anweight nor pweight is there: people are weighted by pspwght, so each country counts by the "
                "size of its sample, not of its population."
            )
        return "pspwght", people.pspwght
    warnings.append("No weights (pspwght, anweight) are there: everyone counts alike.")
    return "unweighted", None


def _se_kind(people: People, design: Design | None, kept: NDArray[np.bool_], warnings: list[str]) -> str:
    if design is None:
        warnings.append(
            "No stratum and psu are there: standard errors take people as drawn one by one, which makes them too "
            "small; they are multiplied by 1.3 where they are used."
        )
        return "SE without clustering"
    lacking = np.unique(people.country[kept & (people.psu < 0)])
    if len(lacking):
        warnings.append(f"Some or all people have no psu and count as drawn one by one in: {', '.join(lacking)}.")
        return "SE design-based in part"
    return DESIGN_BASED


def _check_direction(
    people: People, scores: Scores, weights: NDArray[np.float64], kept: NDArray[np.bool_], warnings: list[str]
) -> None:
    """Warn of countries where Benevolence is not above and Power not below a person's mean: coded the other way?"""
    names = [v.name for v in VALUES]
    benevolence, power = names.index("Benevolence"), names.index("Power")
    odd = []
    for country in np.unique(people.country):
        here = kept & (people.country == country)
        if here.sum() >= MIN_CELL:
            mean = weights[here] @ scores.centred10[here]
            if not mean[benevolence] > 0 > mean[power]:
                odd.append(str(country))
    if odd:
        warnings.append(
            f"Benevolence is not above or Power not below people's own mean in: {', '.join(odd)}. That is so in no "
            "country of the survey. Are answers coded as in the survey, 1 = very much like me?"
        )


def _source(people: People, kept: NDArray[np.bool_]) -> Source:
    data = " + ".join(f"ESS{essround} edition {edition}" for essround, edition in people.editions)
    countries = np.unique(people.country[kept])
    where = str(countries[0]) if len(countries) == 1 else f"{len(countries)} countries"
    name = f"{data} ({where})"
    return Source(name, name)
