"""What scoring costs: against reading the files, against plain Python, and as the number of models grows.

Run from the repository root: `python -m tests.benchmarks.bench_scoring [FOLDER_OF_ANSWERS [SOURCE]]`. Without arguments
it takes the released answers beside the project. Everything is measured in this one run, alternating, and the quickest
of several runs counts, so that a busy machine disturbs the ratios little.
"""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import typer

from data.benchmark import MAX_P, MIN_RHO, Benchmark
from data.sources.loading import load_benchmark
from data.values import DIMENSIONS, SCALES, Scale
from eval_queue.reading import reader
from eval_queue.reading.answers import UNPARSED, UNSCORED_KINDS, Answers, find_files, read_answers
from eval_queue.scoring.profiles import profiles
from tests.benchmarks.timing import quickest

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "valueportrait"
RUNS = 7
SIZES = (34, 340, 3400)
TARGET_READING, TARGET_PLAIN, TARGET_MEGABYTES = 2.0, 5.0, 500

READ_ALONE = """
import gzip, json, sys
for path in sys.argv[1:]:
    with gzip.open(path) as file:
        for line in file:
            json.loads(line)
"""
"""The plain reading process: every line of every file, and nothing else."""

Item = tuple[int, int]
Rating = tuple[str, Item, int]
Correlation = tuple[Scale, str, float, float]
PlainScores = dict[str, dict[Scale, dict[str, float]]]


def read_lines(files: Iterable[Path]) -> list[dict[str, Any]]:
    """Plain reading: one line, one record."""
    records = []
    for path in files:
        with gzip.open(path) as file:
            records.extend(json.loads(line) for line in file)
    return records


def plain_ratings(records: Iterable[dict[str, Any]]) -> list[Rating]:
    """One answer at a time through the official reader (without its memory of what it has read)."""
    ratings = []
    for record in records:
        error = record["error"] or ""
        text = error.removeprefix(UNPARSED) if error.startswith(UNPARSED) else record["raw_response"]
        rating = reader._read(text or "", False).rating
        if rating is not None:
            ratings.append((record["model"], (record["portrait_id"], record["option_id"]), rating))
    return ratings


def plain_scores(ratings: Iterable[Rating], key: dict[Item, list[Correlation]]) -> PlainScores:
    """The point scores alone, as one would first write them: entry by entry, into dictionaries.

    Every entry is put down for every dimension that its item counts for; then means are taken. It does not average the
    six variants of an item first: `plain_scores_by_item` does, and shows what that gains.
    """
    collected: dict[str, dict[Scale, dict[str, dict[Item, list[int]]]]] = {}
    for model, item, rating in ratings:
        of_model = collected.setdefault(model, {scale: {d.name: {} for d in SCALES[scale]} for scale in SCALES})
        for scale, name, rho, p in key[item]:
            if rho > MIN_RHO and p < MAX_P:
                of_model[scale][name].setdefault(item, []).append(rating)
    found: PlainScores = {}
    for model, scales in collected.items():
        found[model] = {}
        for scale, dimensions in scales.items():
            x = {item: sum(r) / len(r) for items in dimensions.values() for item, r in items.items()}
            mean = sum(x.values()) / len(x)
            found[model][scale] = {
                name: sum(x[item] for item in items) / len(items) - mean for name, items in dimensions.items()
            }
    return found


def plain_scores_by_item(ratings: Iterable[Rating], key: dict[Item, list[Correlation]]) -> PlainScores:
    """The same, averaging the variants of an item first, so that the key is looked up once an item."""
    by_model: dict[str, dict[Item, list[int]]] = {}
    for model, item, rating in ratings:
        by_model.setdefault(model, {}).setdefault(item, []).append(rating)
    found: PlainScores = {}
    for model, items in by_model.items():
        collected: dict[Scale, dict[str, dict[Item, float]]] = {s: {d.name: {} for d in SCALES[s]} for s in SCALES}
        for item, values in items.items():
            x = sum(values) / len(values)
            for scale, name, rho, p in key[item]:
                if rho > MIN_RHO and p < MAX_P:
                    collected[scale][name][item] = x
        found[model] = {}
        for scale, dimensions in collected.items():
            distinct = {item: x for own in dimensions.values() for item, x in own.items()}
            mean = sum(distinct.values()) / len(distinct)
            found[model][scale] = {name: sum(own.values()) / len(own) - mean for name, own in dimensions.items()}
    return found


def copies(answers: Answers, models: int, seed: int = 0) -> Answers:
    """Synthetic models: copies of the real ones, every tenth rating given anew, one in a hundred lost."""
    rng = np.random.default_rng(seed)
    ratings = answers.ratings[np.arange(models) % len(answers.models)]
    for row in ratings:  # one by one: no second array of this size
        anew = rng.random(row.shape) < 0.1
        row[anew] = rng.integers(1, 7, int(anew.sum()))
        row[rng.random(row.shape) < 0.01] = np.nan
    unscored = np.zeros((models, len(UNSCORED_KINDS)), dtype=np.int64)
    unscored[:, UNSCORED_KINDS.index("unreadable")] = np.isnan(ratings).sum(axis=(1, 2))
    return Answers(tuple(f"model-{n}" for n in range(models)), ratings, unscored)


def megabytes() -> float:
    """Peak memory of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would hold the parent's peak too
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def growth(folder: str, source: str, models: int) -> None:
    """Time and peak memory of one size; a process of its own, so that the peak is its own."""
    benchmark = load_benchmark(source)
    answers = copies(read_answers([Path(folder)], benchmark), models)
    (seconds,) = quickest(lambda: profiles(answers, benchmark), runs=3 if models < 1000 else 1)
    typer.echo(json.dumps({"seconds": seconds, "megabytes": megabytes()}))


def agree(plain: PlainScores, answers: Answers, benchmark: Benchmark) -> float:
    """Largest difference between the baseline's scores and ours."""
    differences = [0.0]
    for model, profile in zip(answers.models, profiles(answers, benchmark), strict=True):
        for scale, dimensions in plain[model].items():
            for name, expected in dimensions.items():
                score = profile.scales[scale].dimensions[name].score
                differences.append(abs((score or 0.0) - expected))
    return max(differences)


def main(folder: str, source: str) -> int:
    """Print all figures; exit status 1 where a target is missed."""
    benchmark = load_benchmark(source)
    files = find_files([Path(folder)])
    key = {
        item.id: [
            (d.scale, d.name, float(rho), float(p))
            for d, rho, p in zip(DIMENSIONS, benchmark.key.rho[i], benchmark.key.p[i], strict=True)
        ]
        for i, item in enumerate(benchmark.items)
    }
    records = read_lines(files)
    ratings = plain_ratings(records)
    answers = read_answers(files, benchmark)
    baselines = (plain_scores(ratings, key), plain_scores_by_item(ratings, key))
    difference = max(agree(baseline, answers, benchmark) for baseline in baselines)
    typer.echo(
        f"{len(answers.models)} models, {len(records):,} answers; baseline and scorer differ by {difference:.0e}"
    )

    def ours_from_files() -> None:
        reader._remembered.cache_clear()
        profiles(read_answers(files, benchmark), benchmark)

    def plain_from_files() -> None:
        plain_scores(plain_ratings(read_lines(files)), key)

    reading, ours, plain = quickest(lambda: read_lines(files), ours_from_files, plain_from_files, runs=RUNS)
    arrays, loops, by_item = quickest(
        lambda: profiles(answers, benchmark),
        lambda: plain_scores(ratings, key),
        lambda: plain_scores_by_item(ratings, key),
        runs=RUNS,
    )
    alone = [sys.executable, "-c", READ_ALONE, *map(str, files)]
    command = [sys.executable, "-m", "eval_queue", "score", folder, "--source", source, "--json"]
    process, cli = quickest(
        lambda: subprocess.run(alone, check=True),
        lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL),
        runs=5,
    )
    typer.echo("From the files, all models in one call:")
    typer.echo(f"  reading alone (gzip and json, line by line)         {reading * 1e3:8.0f} ms")
    typer.echo(f"  reading, scores, 2,000 draws, sensitivity, records  {ours * 1e3:8.0f} ms")
    typer.echo(f"  plain Python, point scores alone                    {plain * 1e3:8.0f} ms")
    typer.echo(f"  scorer / reading {ours / reading:.2f} (target below {TARGET_READING:.0f})")
    typer.echo(f"  plain / scorer   {plain / ours:.1f}")
    typer.echo("From ratings in memory:")
    typer.echo(f"  scores, 2,000 draws, sensitivity, records           {arrays * 1e3:8.0f} ms")
    typer.echo(f"  plain Python entry by entry, point scores alone     {loops * 1e3:8.0f} ms")
    typer.echo(f"  the same, variants of an item averaged first        {by_item * 1e3:8.0f} ms")
    typer.echo(
        f"  plain / scorer   {loops / arrays:.1f} (target {TARGET_PLAIN:.0f}), {by_item / arrays:.1f} averaged first"
    )
    typer.echo("As processes, start and imports included:")
    typer.echo(f"  reading alone                                       {process * 1e3:8.0f} ms")
    typer.echo(f"  python -m eval_queue score --json                   {cli * 1e3:8.0f} ms   ratio {cli / process:.2f}")
    typer.echo("Growth (synthetic copies with noise; memory is the whole process):")
    peak = 0.0
    for models in SIZES:
        child = [sys.executable, "-m", "tests.benchmarks.bench_scoring", folder, source, str(models)]
        done = json.loads(subprocess.run(child, check=True, capture_output=True).stdout)
        peak = peak or done["megabytes"]
        each = done["seconds"] / models * 1e3
        typer.echo(
            f"  {models:5} models {done['seconds']:8.2f} s   {each:5.2f} ms a model   {done['megabytes']:6.0f} MB peak"
        )
    met = ours / reading < TARGET_READING and loops / arrays >= TARGET_PLAIN and peak < TARGET_MEGABYTES
    return 0 if met and difference < 1e-9 else 1


if __name__ == "__main__":
    _folder, _source, *_size = [
        *sys.argv[1:],
        *[str(SHARED / "outputs"), str(SHARED / "upstream")][len(sys.argv[1:3]) :],
    ]
    if _size:
        growth(_folder, _source, int(_size[0]))
    else:
        sys.exit(main(_folder, _source))
