"""Value Portrait as a task of inspect_ai: `inspect eval eval_queue/value_portrait --model PROVIDER/NAME`.

The protocol's prompts, words and parameters, free text; the metrics are the ten values with their intervals. The log
becomes a row with `python -m eval_queue import LOG.eval`. Needs what requirements-inspect.txt lists, and this package
installed beside it.
"""

from __future__ import annotations

from typing import Any

import orjson
from inspect_ai import Epochs, Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, GenerateConfig
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, metric, scorer
from inspect_ai.solver import TaskState, generate

from data.benchmark import Benchmark
from data.sources.loading import load_benchmark
from eval_queue.asking.batch import custom_id
from eval_queue.asking.foreign import FINISH, ten_values
from eval_queue.protocol import SEED, TEMPERATURE, plan
from eval_queue.scoring.reader import read_answer
from eval_queue.settings import Endpoint

MAX_TOKENS: int = Endpoint.model_fields["max_tokens"].default


@task
def value_portrait(source: str = "practice", max_tokens: int = MAX_TOKENS) -> Task:
    """All prompts of a benchmark; `source` as everywhere: `practice`, `upstream`, a folder or a Hub dataset."""
    benchmark = load_benchmark(source)
    samples = [
        Sample(
            input=[ChatMessageUser(content=prompt.text)],
            id=custom_id(prompt),
            metadata=dict(zip(("prompt_variant", "portrait_id", "option_id"), prompt.id, strict=True)),
        )
        for prompt in plan(benchmark)
    ]
    config = GenerateConfig(temperature=TEMPERATURE, seed=SEED, max_tokens=max_tokens)
    name = f"{benchmark.name} {benchmark.digest[:12]}"
    return Task(
        dataset=MemoryDataset(samples, name=name),
        solver=generate(),
        scorer=rating(benchmark),
        config=config,
        epochs=Epochs(1, []),
    )


def rating(benchmark: Benchmark) -> Scorer:
    """What an answer says, 1 to 6; the metrics over all of them are the benchmark's profile."""

    @metric
    def profile() -> Metric:
        def ten(scores: list[SampleScore]) -> dict[str, Any]:
            found = ten_values((orjson.dumps(s.score.metadata) for s in scores), benchmark)
            ends = {"": "score", " low": "low", " high": "high"}
            return {name + end: getattr(d, field) for name, d in found.items() for end, field in ends.items()}

        return ten

    @scorer(metrics=[profile()])
    def read() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            del target
            text, finish = state.output.completion, FINISH.get(state.output.stop_reason)
            found = read_answer(text, finish_reason=finish)
            answer = {**state.metadata, "model": "model", "raw_response": text, "error": None, "finish_reason": finish}
            return Score(value=found.rating or 0, answer=text, explanation=found.kind, metadata=answer)

        return score

    return read()
