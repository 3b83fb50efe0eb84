"""How long the key takes: one rank transform and one matrix product a group, against a call of scipy for each pair.

Run `python tests/benchmarks/bench_key.py [FOLDER]`. FOLDER has upstream's layout (default: `../shared` beside the
project); without one, the practice study is used. Both are timed in the same run and give the same correlations.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 - after the path
from scipy import stats  # noqa: E402

from data.people.psychometrics import shuffled_counts, spearman_key, split_half  # noqa: E402
from data.ratings import Study  # noqa: E402
from data.sources.loading import load_study  # noqa: E402

TARGET = 20
"""How many times faster than scipy's loop it must be."""
REPEATS = 15


def scipy_loop(study: Study) -> list[tuple[float, float]]:
    """The plain way: one call for each item and dimension."""
    found = []
    for group in study.groups:
        for ratings in group.ratings.T:
            for values in group.values.T:
                r = stats.spearmanr(ratings, values)
                found.append((r.statistic, r.pvalue))
    return found


def median_seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median wall time of `work`."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> int:
    """Print both times and their ratio; exit status 1 below the target or where results differ."""
    default = ROOT.parent / "shared/valueportrait/upstream"
    folder = sys.argv[1] if len(sys.argv) > 1 else str(default) if default.is_dir() else "practice"
    study = load_study(folder)
    items = [item for group in study.groups for item in group.items]
    key = spearman_key(study, items)
    start = time.perf_counter()
    expected = np.array(scipy_loop(study)).reshape(len(items), -1, 2)
    slow = time.perf_counter() - start
    fast = median_seconds(lambda: spearman_key(study, items))
    difference = max(np.abs(key.rho - expected[..., 0]).max(), np.abs(key.p - expected[..., 1]).max())
    people = sum(group.n_people for group in study.groups)
    print(f"{key.rho.size:,} correlations, {people} people in {len(study.groups)} groups")  # noqa: T201
    print(f"scipy.stats.spearmanr, one call a pair   {slow * 1e3:10.1f} ms")  # noqa: T201
    print(f"rank transform and matrix product        {fast * 1e3:10.1f} ms   (median of {REPEATS})")  # noqa: T201
    print(f"ratio {slow / fast:.0f} (target {TARGET}); largest difference of rho and p {difference:.1e}")  # noqa: T201
    null = median_seconds(lambda: shuffled_counts(study), 5)
    print(f"300 shuffles of people, all dimensions   {null * 1e3:10.1f} ms")  # noqa: T201
    half = median_seconds(lambda: split_half(study, items), 5)
    print(f"100 split halves, all dimensions         {half * 1e3:10.1f} ms")  # noqa: T201
    return 0 if slow / fast >= TARGET and difference < 1e-12 else 1


if __name__ == "__main__":
    sys.exit(main())
