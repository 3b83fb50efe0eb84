"""Models that answer in a way no profile was made for, scored for real: rows that must be shown truthfully."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from data.benchmark import VARIANTS, Benchmark
from eval_queue.reading.answers import UNSCORED_KINDS, Answers
from eval_queue.records import BenchmarkRef, Result
from eval_queue.scoring.profiles import profiles

ONE_PHRASE = "odd/one-phrase"
REFUSES = "odd/refuses-everything"
HALF = "odd/answers-half"
ORDINARY = "odd/ordinary"
"""Answers everything and differs from item to item."""


def ratings(benchmark: Benchmark) -> dict[str, Any]:
    """Ratings of each of them, shape (6, items), NaN where there is none."""
    rng = np.random.default_rng(5)
    shape = (len(VARIANTS), len(benchmark.items))
    ordinary = np.clip(np.rint(rng.normal(3.5, 0.4, shape) + rng.normal(0, 1.0, shape[1])), 1, 6)
    half = ordinary.copy()
    half[:, ::2] = np.nan
    return {ONE_PHRASE: np.full(shape, 4.0), REFUSES: np.full(shape, np.nan), HALF: half, ORDINARY: ordinary}


def odd_rows(benchmark: Benchmark, /, **fields: Any) -> list[Result]:
    """Their rows; `fields` replace what a row would say of its origin."""
    given = ratings(benchmark)
    unscored = np.zeros((len(given), len(UNSCORED_KINDS)), dtype=np.int64)
    unscored[:, UNSCORED_KINDS.index("refusal")] = [int(np.isnan(r).sum()) for r in given.values()]
    answers = Answers(tuple(given), np.stack(list(given.values())), unscored)
    ref = BenchmarkRef.of(benchmark)
    return [
        Result(
            **{
                **dict(profile),
                "id": model.replace("/", "-"),
                "model": model,
                "endpoint": "local",
                "protocol": "1-free-text",
                "benchmark": ref,
                "origin": "space",
                "created": datetime(2026, 11, 20, tzinfo=UTC),
                **fields,
            }
        )
        for model, profile in zip(given, profiles(answers, benchmark), strict=True)
    ]
