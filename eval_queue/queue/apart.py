"""A package is taken apart and scored in a process of its own, with limits of time and memory.

What a stranger hands in is read by parsers and expanded. Whatever it makes them do, the process that serves the pages
goes on: the child has no token in its environment, no more memory and processor time than it is given, and is ended
when its time is out. What it gives back is a record and a table, or a refusal.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import orjson
from pydantic import ValidationError

from eval_queue.queue.package import Accepted, accept
from eval_queue.records import Result
from eval_queue.submission import RefusalCode, Refused

if TYPE_CHECKING:
    from data.benchmark import Benchmark

SECONDS: Final = 120.0
"""How long one package may be worked on, and how much time of a processor it may take."""
MEMORY_BYTES: Final = 1_000_000_000
"""How much memory its process may take beyond what it takes at its start."""

_ROOT: Final = Path(__file__).resolve().parents[2]
_RESULT: Final = "result.json"
_TABLE: Final = "answers.parquet"
_REFUSED: Final = "refused.json"
_TASK: Final = "task"
_MOST_BYTES: Final = 256 * 2**20
"""Of a file that the child leaves."""


def accept_apart(
    package: bytes,
    benchmarks: Mapping[str, Benchmark],
    *,
    submitter: str,
    limit: int,
    seconds: float = SECONDS,
    memory: int = MEMORY_BYTES,
) -> Accepted:
    """As `eval_queue.queue.package.accept`, in a process that is ended after so many `seconds`.

    It may take so many bytes of `memory` beyond those at its start.

    Raises:
        Refused: as there, and `bad_package` for one that takes more than it may.
    """
    with tempfile.TemporaryDirectory(prefix="package-") as place:
        folder = Path(place)
        task = (package, dict(benchmarks), submitter, limit, seconds, memory)
        (folder / _TASK).write_bytes(pickle.dumps(task, protocol=5))
        command = [sys.executable, "-m", __name__, str(folder)]
        quiet: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(command, cwd=_ROOT, env=_environment(folder), timeout=seconds, check=False, **quiet)
        return _left(folder, seconds, memory)


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "ARROW_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**kept, **threads, "HOME": str(folder), "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}


def _left(folder: Path, seconds: float, memory: int) -> Accepted:
    """What the child has left behind."""
    refused, result, table = (_read(folder / name) for name in (_REFUSED, _RESULT, _TABLE))
    with contextlib.suppress(orjson.JSONDecodeError, KeyError, TypeError, ValidationError):
        if refused is not None:
            said = orjson.loads(refused)
            code: RefusalCode = said["code"] if said["code"] in get_args(RefusalCode) else "bad_package"
            raise Refused(code, str(said["message"]))
        if result is not None and table is not None:
            return Accepted(Result.model_validate_json(result), table)
    raise Refused(
        "bad_package",
        f"This package could not be checked within {seconds:.0f} seconds and {memory / 1e6:.0f} MB of memory. "
        "Packages that `python -m eval_queue package RUN_DIR` makes need less.",
    )


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.stat().st_size <= _MOST_BYTES else None
    except OSError:
        return None


def _limit(seconds: float, memory: int) -> None:
    """Limits of this process that it cannot raise again. Where the system has none, the parent's clock remains."""
    try:
        import resource
    except ImportError:  # pragma: no cover - Windows has no such module; CI has no Windows
        return
    os.nice(10)
    with contextlib.suppress(OSError, ValueError):  # what is mapped already counts
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        size = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    most = max(1, round(seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_BYTES, _MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(folder: Path) -> None:
    """What the child does: read the task, accept or refuse, leave the outcome."""
    import pyarrow.parquet  # noqa: F401 - before the limits: libraries are mapped, not filled

    import eval_queue.asking.outcome  # noqa: F401

    # written by the parent, in a folder of its own
    package, benchmarks, submitter, limit, seconds, memory = pickle.loads((folder / _TASK).read_bytes())
    _limit(seconds, memory)
    try:
        accepted = accept(package, benchmarks, submitter=submitter, limit=limit)
    except Refused as refusal:
        (folder / _REFUSED).write_bytes(orjson.dumps({"code": refusal.code, "message": str(refusal)}))
        return
    (folder / _TABLE).write_bytes(accepted.table)
    (folder / _RESULT).write_text(accepted.result.model_dump_json(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
