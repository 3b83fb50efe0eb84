"""What the process's memory is held by, and how it is given back to the system.

Measured under load (`bench_load --minutes 1`, 200 visitors, with `--without` each limit alone and all of them):
without any limit the process has 757 MB and grows, with all of them 477 MB. Arrow's own pool (mimalloc) holds most of
the difference: alone without it 682 MB, for it keeps what it has had, for each thread. Free pieces that glibc keeps
until it is told otherwise are next (499 MB without giving back); its arenas for each thread (485 MB) and large pieces
that it does not return (481 MB) matter only where the others are not limited: with one limit alone in force it is 555
MB for the pool, 661 MB for giving back, 684 MB for arenas and 686 MB for pieces, which were large from 256 kB on then.
So Arrow uses the system's allocator, there are few arenas, and what is free is given back now and then. Where the
system has another allocator, nothing here does anything.

Of the rest, by `memray` and `/proc`: 106 MB are libraries' files, about 264 MB Python's objects (most of them modules,
pydantic's and pandas' first), 100 MB what caches are allowed to keep. Each glibc variable that is set in the
environment (`MALLOC_ARENA_MAX`, `MALLOC_MMAP_THRESHOLD_`, `MALLOC_TRIM_THRESHOLD_`) takes the place of its limit.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from functools import cache
from typing import Any, ClassVar, Final

ARENAS: Final = 2
"""Of the allocator, for all threads together: one a processor of a small machine."""
TRIM_SECONDS: Final = 20.0
"""How often what is free is given back."""

_M_ARENA_MAX: Final = -8
_M_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 4 * 1024 * 1024
"""Pieces from this size on are the system's, and go back to it when they are freed.

A board's page of 700 kB passes through a dozen strings of up to 3 MB: as pieces of the system's, each new to the
processor, they took 9 of its 16 ms (1,000 rows, medians of 40).
"""


class _Info(ctypes.Structure):
    _fields_: ClassVar = [
        (name, ctypes.c_size_t)
        for name in (*("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks"), *("used", "free", "top"))
    ]


@cache
def _glibc() -> Any:
    if sys.platform != "linux":
        return None
    try:
        library = ctypes.CDLL(None)
        library.mallinfo2.restype = _Info
        library.malloc_trim.argtypes = [ctypes.c_size_t]
    except (OSError, AttributeError):
        return None
    return library


def bound_allocator() -> None:
    """Keep the allocator from holding memory for each thread. To be called before threads begin, and before Arrow."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if (library := _glibc()) is None:
        return
    if "MALLOC_ARENA_MAX" not in os.environ:
        library.mallopt(_M_ARENA_MAX, ARENAS)
    if "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)


def give_back() -> None:
    """Give what is free back to the system."""
    if "pyarrow" in sys.modules:
        import pyarrow as pa

        pa.default_memory_pool().release_unused()
    if (library := _glibc()) is not None:
        library.malloc_trim(0)


def give_back_regularly(stop: threading.Event) -> None:
    """Do so in a thread of its own until `stop` is set, unless the allocator is told when to by its own variable."""
    if "MALLOC_TRIM_THRESHOLD_" in os.environ:
        return

    def run() -> None:
        while not stop.wait(TRIM_SECONDS):
            give_back()

    threading.Thread(target=run, name="give memory back", daemon=True).start()


def held() -> dict[str, int]:
    """Bytes by what holds them: `used` and `free` of the allocator, `mapped` in large pieces, `arrow` of its pool."""
    found: dict[str, int] = {}
    if (library := _glibc()) is not None:
        info = library.mallinfo2()
        found |= {"used": info.used, "free": info.free, "mapped": info.hblkhd}
    if "pyarrow" in sys.modules:
        import pyarrow as pa

        found["arrow"] = pa.total_allocated_bytes()
    return found
