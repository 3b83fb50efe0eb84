"""Template match on simulated studies, and what it costs beside the scorer.

Run from the repository root: `python -m tests.benchmarks.bench_match [REPLICATIONS [FOLDER SOURCE]]`, FOLDER with
the released answers. Exit status 1 says that a target was missed. With `--write` before these the figures of the
simulation go to `data/published/simulation.json`, from where the methods document has them.

**The simulation.** Every replication draws a study anew: 13 groups of 47 people rate 8 queries of 5 items. People's
ten values lie on the circle of values with noise of their own; what is known of them is a questionnaire with an
error. An item has a true leaning on each value, a quality that everybody sees, appeals to tastes that have nothing to
do with values, and has its query's mood. Models have planted profiles: their ratings are leanings weighted by the
profile, quality, appeal, mood and noise of their own, spread out more or less over the scale. Two sets: all models
use the scale alike, or their spread differs fourfold. Sizes are such that variance of correlations, standard errors
and differences between models are near those of the real study and the released models (`t2` .016, over people .035,
queries .05).

*Recovery*: correlation over models of the estimate with the planted strength of a value, by the published score and by
the match, mean over values. *Coverage*: how often the interval holds what such a study gives on average, which is what
the match estimates. The average lies nearer to 0 than the match with error-free templates would: templates of 47 people
are noisy, for all models alike.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import typer

from data.files import write_whole
from data.people.psychometrics import centred_scores, spearman_key
from data.people.templates import templates
from data.ratings import Study, SurveyGroup
from data.sources.loading import load_benchmark
from data.sources.published_templates import templates_of
from data.values import DIMENSIONS, VALUES
from eval_queue.reading.answers import read_answers
from eval_queue.scoring.formulas import item_means
from eval_queue.scoring.match import matched
from eval_queue.scoring.profiles import profiles
from leaderboard.exports.methodology import SIMULATION
from tests.benchmarks.timing import quickest

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "valueportrait"
GROUPS, PEOPLE, QUERIES, OPTIONS = 13, 47, 8, 5
MODELS = 24
TASTES = 3
RUNS = 9
TARGET_COVERAGE, TARGET_TIME = (0.93, 0.97), 2.0

Floats = Any


def study(rng: np.random.Generator) -> tuple[Study, list[tuple[int, int]], Floats, Floats, Floats]:
    """A study, its items, and of each item leanings (items, 10), quality with appeal, and its query's mood."""
    k = len(VALUES)
    angle = 2 * np.pi * np.arange(k) / k
    groups, items = [], []
    n = GROUPS * QUERIES * OPTIONS
    leanings = 0.12 * rng.normal(size=(n, k))
    appeal = 0.35 * rng.normal(size=(n, TASTES))
    quality = 0.7 * rng.normal(size=n)
    mood = np.repeat(0.4 * rng.normal(size=GROUPS * QUERIES), OPTIONS)
    for g in range(GROUPS):
        ids = tuple((100 * g + q, o) for q in range(QUERIES) for o in range(OPTIONS))
        at = slice(len(items), len(items) + len(ids))
        factors = rng.normal(size=(PEOPLE, 2))
        values = 0.8 * (factors[:, :1] * np.cos(angle) + factors[:, 1:] * np.sin(angle))
        values += 0.6 * rng.normal(size=(PEOPLE, k))
        level = 0.6 * rng.normal(size=(PEOPLE, 1))
        taste = rng.normal(size=(PEOPLE, TASTES))
        felt = (
            3.6
            + level
            + quality[at]
            + values @ leanings[at].T
            + taste @ appeal[at].T
            + 1.0 * rng.normal(size=(PEOPLE, len(ids)))
        )
        known = np.full((PEOPLE, len(DIMENSIONS)), 0.0)
        known[:, :k] = values + 0.5 * rng.normal(size=(PEOPLE, k))
        known[:, k:] = rng.normal(size=(PEOPLE, len(DIMENSIONS) - k))
        groups.append(SurveyGroup(ids, np.clip(np.rint(felt), 1.0, 6.0), known))
        items += ids
    return Study(tuple(groups), GROUPS * PEOPLE), items, leanings, quality + appeal.sum(axis=1), mood


def answers(
    rng: np.random.Generator, planted: Floats, spread: Floats, leanings: Floats, quality: Floats, mood: Floats
) -> Floats:
    """Mean ratings of models, shape (models, items)."""
    own = 0.5 * rng.normal(size=(len(planted), len(mood))) + 0.4 * mood * rng.choice([-1, 1], size=(len(planted), 1))
    felt = planted @ leanings.T + 0.5 * quality + own
    ratings = np.clip(4.0 + spread[:, None] * felt, 1.0, 6.0)
    return np.rint(ratings * 6) / 6


def simulate(replications: int, *, differing: bool, seed: int) -> dict[str, float]:
    """Recovery under both readings and coverage of the interval."""
    rng = np.random.default_rng(seed)
    planted = rng.normal(size=(MODELS, len(VALUES)))
    planted /= np.linalg.norm(planted, axis=1, keepdims=True)
    spread = rng.permutation(np.geomspace(0.4, 1.6, MODELS)) if differing else np.ones(MODELS)
    estimates, errors, recovered = [], [], []
    for _ in range(replications):
        people, items, *rest = study(rng)
        x = answers(rng, planted, spread, *rest)
        found = templates(people, items, draws=200, seed=int(rng.integers(2**31)))
        where = np.repeat(np.arange(len(items) // OPTIONS), OPTIONS)
        match = matched(x, found, where, draws=500, seed=int(rng.integers(2**31)))
        published = centred_scores(x, spearman_key(people, items).selected)
        estimates.append(match.match[:, : len(VALUES)])
        errors.append(match.se[:, : len(VALUES)])
        recovered.append([_mean_correlation(e, planted) for e in (published, match.match)])
    estimate, se = np.array(estimates), np.array(errors)
    # of the others: a replication is no part of the average that its own interval is to hold
    average = (estimate.sum(axis=0) - estimate) / (replications - 1)
    held = np.abs(estimate - average) <= 1.96 * se
    return {
        "published": float(np.nanmean([r[0] for r in recovered])),
        "match": float(np.mean([r[1] for r in recovered])),
        "coverage": float(held.mean()),
        "lowest": float(held.mean(axis=(0, 2)).min()),
        "highest": float(held.mean(axis=(0, 2)).max()),
        "se_over_sd": float(np.sqrt((se**2).mean()) / estimate.std(axis=0, ddof=1).mean()),
    }


def _mean_correlation(found: Floats, planted: Floats) -> float:
    each = []
    for d in range(len(VALUES)):
        there = np.isfinite(found[:, d])
        if there.sum() > 2:
            each.append(np.corrcoef(found[there, d], planted[there, d])[0, 1])
    return float(np.mean(each)) if each else float("nan")


def cost(folder: Path, source: str) -> float:
    """Time of scoring all released models with the match, against the same without it."""
    benchmark = load_benchmark(source)
    read = read_answers([folder], benchmark)
    found = templates_of(benchmark)
    if found is None:
        raise SystemExit("no templates: name a source with people's ratings")
    x = item_means(read.ratings)
    matched(x, found, benchmark.query_index)  # what is kept once is not what a run costs
    whole, match = quickest(
        lambda: profiles(read, benchmark, templates=found),
        lambda: matched(x, found, benchmark.query_index),
        runs=RUNS,
    )
    typer.echo(f"{len(read.models)} models, 2,000 draws over queries and {found.draws} sets of people:")
    typer.echo(f"  scorer with match {whole * 1e3:6.0f} ms, of it the match {match * 1e3:6.0f} ms")
    typer.echo(f"  with / without    {whole / (whole - match):6.2f} (target at most {TARGET_TIME:.0f})")
    return whole / (whole - match)


def main(replications: int, folder: Path, source: str, *, write: bool = False) -> int:
    """Print all figures; exit status 1 where a target is missed."""
    met, figures = True, {}
    for differing in (False, True):
        found = simulate(replications, differing=differing, seed=20320 + differing)
        figures["differing" if differing else "alike"] = {name: round(x, 4) for name, x in found.items()}
        typer.echo(
            f"{replications} studies, {MODELS} models that use the scale {'differently' if differing else 'alike'}:"
        )
        typer.echo(
            f"  correlation with the planted profile: published {found['published']:.2f}, match {found['match']:.2f}"
        )
        typer.echo(
            f"  coverage of the 95 % interval {found['coverage']:.3f} (models {found['lowest']:.3f} to "
            f"{found['highest']:.3f}), standard error / true {found['se_over_sd']:.2f}"
        )
        met &= TARGET_COVERAGE[0] <= found["coverage"] <= TARGET_COVERAGE[1] and found["match"] > found["published"]
    if write:
        write_whole(
            SIMULATION, json.dumps({"studies": replications, "models": MODELS, **figures}, indent=1).encode() + b"\n"
        )
    return 0 if met and cost(folder, source) <= TARGET_TIME else 1


if __name__ == "__main__":
    _given = [given for given in sys.argv[1:] if given != "--write"]
    _defaults = ["200", str(SHARED / "outputs"), str(SHARED / "upstream")]
    _n, _folder, _source = [*_given, *_defaults[len(_given) :]]
    sys.exit(main(int(_n), Path(_folder), _source, write="--write" in sys.argv))
