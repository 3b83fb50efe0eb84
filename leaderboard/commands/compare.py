"""`python -m leaderboard compare`: what differs between two models, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.commands.shared import JsonOption, SourceOption
from data.values import Scale

if TYPE_CHECKING:
    from leaderboard.analysis.comparison import Comparison


def compare(
    answers: Annotated[
        list[Path],
        typer.Argument(help="Raw answers (.jsonl, .jsonl.gz) of exactly two models."),
    ],
    source: SourceOption = None,
    scale: Annotated[Scale, typer.Option(help="`pvq`: ten values; `higher_pvq`; `bfi`: five traits.")] = "pvq",
    as_json: JsonOption = False,
) -> None:
    """Compare two models that were chosen in advance."""
    from data.errors import InputError
    from data.sources.loading import load_benchmark
    from eval_queue.reading.answers import read_answers
    from eval_queue.scoring.formulas import item_means
    from leaderboard.analysis.comparison import PAIR_NOTE
    from leaderboard.analysis.comparison import compare as compared
    from leaderboard.analysis.ranks import resample

    benchmark = load_benchmark(source, progress=True)
    read = read_answers(answers, benchmark)
    if len(read.models) != 2:
        raise InputError(f"two models are compared; these files hold {len(read.models)}: {', '.join(read.models)}")
    first, second = read.models
    sample = resample(item_means(read.ratings), benchmark.key.selected, benchmark.query_index)
    found = compared((first, second), sample.point, sample.draws, sample.clusters, scale)
    if as_json:
        import orjson

        document = _document(found, PAIR_NOTE, benchmark.digest)
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    typer.echo(f"{found.line}\n")
    for d in found.differences:
        typer.echo(f"{d.dimension:<20} {d.figures:<26} adjusted p {d.p_adjusted:.3f}")
    typer.echo(f"\n{first} minus {second}, in rating points, with 95 % interval. {PAIR_NOTE}")


def _document(found: Comparison, note: str, digest: str) -> dict[str, Any]:
    """What `compare --json` prints."""
    return {
        "schema_version": 1,
        "benchmark_digest": digest,
        "first": found.first,
        "second": found.second,
        "scale": found.scale,
        "line": found.line,
        "note": note,
        "p_overall": found.p_overall,
        "differences": {
            d.dimension: {name: x for name, x in d._asdict().items() if name != "dimension"} for d in found.differences
        },
        "not_compared": list(found.not_compared),
    }
