"""Value Portrait as a task of lm-evaluation-harness: the protocol's prompts and parameters, free text.

The metrics are the ten values with their intervals. Which benchmark is asked says `VALUE_PORTRAIT_SOURCE`. Needs what
requirements-lm-eval.txt lists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import datasets
import orjson
from lm_eval.api.task import ConfigurableTask

from data.sources.loading import load_benchmark
from data.values import VALUES
from eval_queue.asking.foreign import ten_values
from eval_queue.protocol import SEED, TEMPERATURE, plan
from eval_queue.settings import Endpoint

METRICS = {
    d.name + end: (d.name, field) for d in VALUES for end, field in (("", "score"), ("_low", "low"), ("_high", "high"))
}
SENT = {"temperature": TEMPERATURE, "seed": SEED, "max_gen_toks": Endpoint.model_fields["max_tokens"].default}


class ValuePortrait(ConfigurableTask):  # type: ignore[misc]
    """All prompts of the benchmark."""

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        del config
        benchmark = load_benchmark(None)
        self._scored = lru_cache(1)(partial(ten_values, benchmark=benchmark))  # once for all metrics
        rows = [
            {"prompt_variant": p.variant, "portrait_id": p.portrait_id, "option_id": p.option_id, "text": p.text}
            for p in plan(benchmark)
        ]
        told: dict[str, Any] = {
            "task": "value_portrait",
            "custom_dataset": lambda **_: {"test": datasets.Dataset.from_list(rows)},
            "test_split": "test",
            "output_type": "generate_until",
            "doc_to_text": lambda doc: doc["text"],
            "doc_to_target": "",
            "generation_kwargs": {"until": [], "do_sample": False, **SENT},
            "process_results": _row,
            "metric_list": [{"metric": name, "aggregation": "mean", "higher_is_better": None} for name in METRICS],
        }
        super().__init__(config=told)

    def aggregation(self) -> dict[str, Callable[[Sequence[bytes]], float | None]]:
        """How each metric is made of all answers."""
        return {name: partial(_score, self._scored, *what) for name, what in METRICS.items()}


def _row(doc: dict[str, Any], results: Sequence[str]) -> dict[str, bytes]:
    ids = {name: doc[name] for name in ("prompt_variant", "portrait_id", "option_id")}
    line = orjson.dumps({**ids, "model": "model", "raw_response": results[0], "error": None})
    return dict.fromkeys(METRICS, line)


def _score(scored: Callable[[tuple[bytes, ...]], Any], name: str, field: str, lines: Sequence[bytes]) -> float | None:
    score: float | None = getattr(scored(tuple(sorted(lines)))[name], field)
    return score
