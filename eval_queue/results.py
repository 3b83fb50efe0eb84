"""From arrays to records: what `score` prints and what the board shows.

Numbers are rounded to 12 decimals, far below what any reading changes, so that a record is the same text on every
machine; a number that does not exist becomes null.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from data.benchmark import Benchmark
from data.values import SCALE_COLUMNS, SCALES
from eval_queue.answers import UNSCORED_KINDS, Answers, Reader
from eval_queue.records import Coverage, DimensionScore, Profile, ScaleProfile
from eval_queue.scoring import compat_selected, score

DECIMALS: Final = 12


def profiles(answers: Answers, benchmark: Benchmark, *, reader: Reader = "official") -> list[Profile]:
    """The profile of each model, in the order of `answers.models`.

    Args:
        answers: ratings and counts, from `read_answers` or of a single evaluation.
        benchmark: the benchmark that was asked.
        reader: `compat` scores with upstream's selection of items instead of the key's.
    """
    selected = benchmark.key.selected if reader == "official" else compat_selected(benchmark)
    scores = score(answers.ratings, selected)
    rated = np.isfinite(answers.ratings).sum(axis=(1, 2))
    return [
        Profile(
            coverage=Coverage(
                prompts=benchmark.n_prompts,
                rated=int(rated[m]),
                unscored={kind: int(n) for kind, n in zip(UNSCORED_KINDS, answers.unscored[m], strict=True) if n},
            ),
            scales={
                scale: ScaleProfile(
                    mean=number(scores.mean[m, s]),
                    n_items=int(scores.n_items[m, s]),
                    dimensions={
                        dimension.name: DimensionScore(
                            score=number(scores.score[m, d]), raw=number(scores.raw[m, d]), n=int(scores.n[m, d])
                        )
                        for d, dimension in enumerate(dimensions, start=SCALE_COLUMNS[scale].start)
                    },
                )
                for s, (scale, dimensions) in enumerate(SCALES.items())
            },
        )
        for m in range(len(answers.models))
    ]


def number(x: float) -> float | None:
    """A number for a record: rounded, null where there is none."""
    return round(float(x), DECIMALS) if np.isfinite(x) else None
