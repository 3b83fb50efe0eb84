"""What the process's memory is held by, and how it is given back to the system.

A server with dozens of threads keeps much more than it uses: glibc gives each thread an arena of its own and returns
what is freed there late or never, and Arrow's pool keeps what it has had. Under load (`bench_load`) these limits
together took about 340 MB off a process of 850 MB; the share of each was not measured apart. So there are few arenas,
and what is free is given back now and then. Where the system has another allocator, nothing here does anything.
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
_LARGE: Final = 256 * 1024
"""Pieces from this size on are the system's, and go back to it when they are freed."""


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
