"""Results made up for tests of what visitors see."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.benchmark import RATING_PHRASES, VARIANTS, Benchmark
from data.sources.key_file import KeyTable
from data.values import SCALES, VALUES
from eval_queue.asking.checkpoint import RunRecord
from eval_queue.protocol import protocol_id
from eval_queue.records import BenchmarkRef, Coverage, DimensionScore, Result, ScaleProfile
from eval_queue.scoring.stored import COLUMNS
from leaderboard.boards.row_answers import RowAnswers

DIGEST = "a" * 64
ITEMS = {d.name: n for d, n in zip(VALUES, (11, 43, 33, 56, 64, 14, 23, 12, 13, 15), strict=True)}


def stored(answers: Callable[[str], bytes], *benchmarks: Benchmark) -> RowAnswers:
    """What rows answered to benchmarks at hand, from tables of answers by id of the row."""
    keys = {b.digest: KeyTable.of(b) for b in benchmarks}
    return RowAnswers(keys.get, lambda row: pq.read_table(pa.BufferReader(answers(row.id)), columns=COLUMNS))


def run_record(benchmark: Benchmark, at: datetime, model: str = "org/a", endpoint: str = "vllm") -> RunRecord:
    """What a run's folder says of it, in free text."""
    return RunRecord(
        model=model,
        endpoint=endpoint,
        answer_mode="free-text",
        protocol=protocol_id("free-text"),
        benchmark=BenchmarkRef.of(benchmark),
        max_tokens=64,
        started=at,
        last=at,
    )


def result(
    model: str,
    scores: Sequence[float | None] = (0.0,) * 10,
    *,
    half: float | None = None,
    items: Mapping[str, int] = ITEMS,
    rated: int = 3120,
    digest: str = DIGEST,
    name: str = "value-portrait",
    **fields: Any,
) -> Result:
    """A row with these scores on the ten values, zeros elsewhere, and intervals of this half width."""

    def cell(dimension: str, score: float | None) -> DimensionScore:
        if score is None:
            return DimensionScore(score=None, raw=None, n=0)
        ends = {} if half is None else {"se": half / 1.96, "low": score - half, "high": score + half}
        return DimensionScore(score=score, raw=4 + score, n=items.get(dimension, 20), **ends)

    scales = {
        scale: ScaleProfile(
            mean=4.0,
            n_items=100,
            dimensions={d.name: cell(d.name, scores[i] if scale == "pvq" else 0.0) for i, d in enumerate(dimensions)},
        )
        for scale, dimensions in SCALES.items()
    }
    given: dict[str, Any] = {
        "id": f"{model}-{digest[:4]}",
        "endpoint": "test",
        "protocol": "1-free-text",
        "origin": "published",
        "created": datetime(2026, 11, 1, tzinfo=UTC),
        **fields,
    }
    return Result(
        model=model,
        benchmark=BenchmarkRef(name=name, version="1", digest=digest),
        coverage=Coverage(prompts=3120, rated=rated),
        scales=scales,
        **given,
    )


def answer_lines(benchmark: Benchmark, model: str, seed: int = 0) -> Iterator[dict[str, object]]:
    """A whole run's raw answers as `score` reads them, drawn from a seeded generator: one a prompt, all readable."""
    rng = random.Random(seed)
    for variant in VARIANTS:
        for item in benchmark.items:
            yield {
                "model": model,
                "prompt_variant": variant,
                "portrait_id": item.query_id,
                "option_id": item.option_id,
                "raw_response": RATING_PHRASES[rng.randint(1, 6)],
                "error": None,
            }
