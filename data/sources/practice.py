"""The practice benchmark: made for this project, so that everything can be tried without a network.

Its questions, responses and prompts (`practice.json`) were written here from nothing; no real person said any of it.
Its raters do not exist either: they are drawn from the population below. Its key, though, is computed from their
ratings by `data.people.psychometrics`, exactly as the real one was from people's. A profile on it shows how the
program works and says nothing about a model.

**The population**, with the numbers of `POPULATION`:

1. A person's ten values are `circle * (a cos t + b sin t) + own * e`: two shared factors a, b and one of its own for
   each value, t the value's place on Schwartz's circle. Neighbours on the circle go together, opposites do not.
2. A person's five traits are mixtures of the values (`TRAIT_MIX`) and `trait_own` times something of their own.
3. What the study knows of a person is a questionnaire: 21 answers on values (3 for Universalism, 2 for each other, as
   in the PVQ-21) and two for each trait, each the truth plus `questionnaire_noise`, rounded to its scale. Scores are
   means, the values' less the person's mean of the 21 answers; a higher-order value is the mean of its members weighted
   by their number of questions.
4. A person's rating of a response is `level + style + item + strength * (leanings . truth) + rating_noise`, rounded to
   1..6. `style` is the person's general response level, `item` how well a response goes down with everybody, and the
   leanings are those written beside each response in `practice.json`.
5. Three groups of different people rate four queries each, one of each source.

**The same everywhere.** The digest must not depend on the machine. Random numbers are sums of raw draws of PCG64, a
stream that NumPy promises never to change. Scores are quotients of whole numbers, so that ties are ties. Correlations
are rounded to `KEY_DIGITS` digits, because matrix products and p-values differ in their last bits between processors.
The seed leaves every number clear of a border of rounding and of selection; tests hold it to that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.benchmark import RATING_PHRASES, VARIANTS, Benchmark, Item, Key, Query, Template
from data.people.psychometrics import spearman_key
from data.ratings import Study, SurveyGroup
from data.values import BIG_FIVE, HIGHER, MEMBERS, VALUES

NAME: Final = "practice"
VERSION: Final = "1"
KEY_DIGITS: Final = 9
"""Decimals of the key's correlations and p-values."""

_FILE = Path(__file__).with_name("practice.json")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """The parameters of the raters; the module's docstring says what each does."""

    seed: int = 2076
    group_sizes: tuple[int, ...] = (58, 64, 60)
    circle: float = 0.8
    own: float = 0.6
    trait_own: float = 0.8
    questionnaire_noise: float = 0.6
    level: float = 3.8
    style: float = 0.5
    item: float = 0.4
    strength: float = 0.8
    rating_noise: float = 0.9


POPULATION: Final = Population()

TRAIT_MIX: Final[dict[str, dict[str, float]]] = {
    "Openness": {"Self-Direction": 0.4, "Stimulation": 0.3, "Universalism": 0.3, "Security": -0.2},
    "Conscientiousness": {"Achievement": 0.4, "Conformity": 0.3, "Security": 0.3, "Hedonism": -0.2},
    "Extraversion": {"Stimulation": 0.4, "Hedonism": 0.3, "Achievement": 0.2, "Power": 0.2},
    "Agreeableness": {"Benevolence": 0.5, "Conformity": 0.2, "Universalism": 0.2, "Power": -0.4},
    "Neuroticism": {"Security": 0.2, "Self-Direction": -0.2},
}
"""How each trait of a rater goes with their values."""

_QUESTIONS = {d.name: 3 if d.name == "Universalism" else 2 for d in VALUES}


class _Normal:
    """Draws of mean 0 and variance 1, near enough to normal: sums of twelve uniform numbers."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def __call__(self, *shape: int) -> Floats:
        raw = self._bits.random_raw((*shape, 12)) >> np.uint64(32)
        return np.asarray(raw.sum(axis=-1).astype(np.float64) / 2.0**32 - 6.0)


def _mixing() -> Floats:
    """Weights of the ten values in each trait, shape (10, 5)."""
    return np.array([[TRAIT_MIX[t.name].get(v.name, 0.0) for t in BIG_FIVE] for v in VALUES])


def _answers(
    draw: _Normal, truth: Floats, middle: float, spread: float, highest: int, noise: float
) -> NDArray[np.int64]:
    """Answers to one question: whole numbers from 1 to `highest`, one per person and column of `truth`."""
    heard = middle + spread * (truth + noise * draw(*truth.shape))
    return np.clip(np.rint(heard), 1, highest).astype(np.int64)


def _scores(draw: _Normal, values: Floats, traits: Floats, noise: float) -> Floats:
    """What a questionnaire finds, shape (people, 19). Every score is one division of whole numbers."""
    sums = np.zeros(values.shape, dtype=np.int64)
    for question in range(max(_QUESTIONS.values())):
        asked = np.array([question < n for n in _QUESTIONS.values()])
        sums += _answers(draw, values, 4.0, 1.0, 6, noise) * asked
    n = np.array(list(_QUESTIONS.values()))
    total, asked_in_all = sums.sum(axis=1, keepdims=True), int(n.sum())
    place = {d.name: i for i, d in enumerate(VALUES)}
    higher = [[place[name] for name in MEMBERS[d.name]] for d in HIGHER]
    sums = np.column_stack([sums, *(sums[:, members].sum(axis=1) for members in higher)])
    n = np.array([*n, *(n[members].sum() for members in higher)])
    centred = (sums * asked_in_all - total * n) / (n * asked_in_all)
    halves = sum(_answers(draw, traits, 3.0, 0.9, 5, noise) for _ in range(2))
    return np.column_stack([centred, halves / 2])


def _group(draw: _Normal, people: int, items: list[tuple[int, int]], leanings: Floats, of: Population) -> SurveyGroup:
    """One survey group: people, their questionnaires and their ratings of `items`."""
    angle = 2 * np.pi * np.arange(len(VALUES)) / len(VALUES)
    factors = draw(people, 2)
    values = of.circle * (factors[:, :1] * np.cos(angle) + factors[:, 1:] * np.sin(angle))
    values += of.own * draw(people, len(VALUES))
    traits = values @ _mixing() + of.trait_own * draw(people, len(BIG_FIVE))
    scores = _scores(draw, values, traits, of.questionnaire_noise)
    felt = of.level + of.style * draw(people, 1) + of.item * draw(1, len(items))
    felt = felt + of.strength * (np.column_stack([values, traits]) @ leanings.T)
    felt += of.rating_noise * draw(people, len(items))
    return SurveyGroup(tuple(items), np.clip(np.rint(felt), 1.0, 6.0), scores)


@cache
def _texts() -> dict[str, Any]:
    texts: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return texts


@cache
def practice_study() -> Study:
    """The made-up raters' ratings and scores: 3 groups, 182 people who do not exist, 20 items a group."""
    dimensions = [d.name for d in (*VALUES, *BIG_FIVE)]
    draw = _Normal(POPULATION.seed)
    groups = []
    for g, people in enumerate(POPULATION.group_sizes, start=1):
        asked = [q for q in _texts()["queries"] if q["id"] % 10 == g]
        items = [(q["id"], option) for q in asked for option in range(1, len(q["responses"]) + 1)]
        leanings = np.array([[r["leanings"].get(d, 0.0) for d in dimensions] for q in asked for r in q["responses"]])
        groups.append(_group(draw, people, items, leanings, POPULATION))
    return Study(tuple(groups), sum(POPULATION.group_sizes))


def _template(wording: dict[str, str], phrases: list[str]) -> Template:
    options = "\n".join(phrases)
    titled, untitled = (
        "\n\n".join([wording["lead"], wording[kind], f"{wording['ask']}\n{options}"]) for kind in ("titled", "untitled")
    )
    return Template(titled, untitled)


@cache
def practice_benchmark() -> Benchmark:
    """The practice benchmark: 12 queries, 60 items, six variants, 360 prompts."""
    texts = _texts()
    queries = tuple(Query(q["id"], q["source"], q["title"], q["text"]) for q in texts["queries"])
    items = tuple(
        Item(q["id"], option, r["text"]) for q in texts["queries"] for option, r in enumerate(q["responses"], start=1)
    )
    phrases = [RATING_PHRASES[rating] for rating in sorted(RATING_PHRASES, reverse=True)]
    templates = {
        v: _template(
            texts["templates"][v.removesuffix("_reversed")], phrases[::-1] if v.endswith("_reversed") else phrases
        )
        for v in VARIANTS
    }
    study = practice_study()
    exact = spearman_key(study, tuple(item.id for item in items))
    return Benchmark(
        name=NAME,
        version=VERSION,
        queries=queries,
        items=items,
        templates=templates,
        key=Key(exact.rho.round(KEY_DIGITS) + 0.0, exact.p.round(KEY_DIGITS)),  # no negative zero
        origin="Written for this project, to try it out offline. Its raters are simulated.",
        raters=study.n_people,
        groups=len(study.groups),
    )
