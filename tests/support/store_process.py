"""Processes that write to a store: started, raced and killed by the tests.

They cost seconds to import and milliseconds to fork, so they are forked from one that has imported everything.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import tempfile
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

from eval_queue.store.local import LocalStore, Store, WriteConflict


def open_store(spec: str) -> Store:
    """Open the store that `spec` names; a further kind of store joins the contract tests here."""
    kind, _, place = spec.partition(":")
    if kind == "local":
        return LocalStore(Path(place))
    if kind == "hub":
        return _hub_store(*place.split())
    raise ValueError(f"unknown kind of store: {kind}")


def _hub_store(url: str, token: str, repo: str, folder: str) -> Store:
    """A store on the test Hub; its copy is another one in each process, as on different machines."""
    from eval_queue.store.hub import HubStore
    from eval_queue.store.repository import HubRepo

    copy = Path(tempfile.mkdtemp(dir=folder))
    return HubStore(
        HubRepo(repo, token=token, endpoint=url), card="---\ntags: [test]\n---\nA test.\n", private=True, copy=copy
    )


def count_up(store: Store, name: str, times: int) -> None:
    """Add 1 to a shared number `times` times, and keep an own tally in the same commits."""
    for i in range(1, times + 1):
        while True:
            head = store.head()
            total = int(store.read("total", head)) if "total" in store.list("", head) else 0
            try:
                store.commit({"total": str(total + 1).encode(), f"by/{name}": str(i).encode()}, head, f"{name} {i}")
                break
            except WriteConflict:
                continue


def hammer(store: Store, output: int) -> None:
    """Commit pairs of files that must always agree, for ever; write each one's number once it is acknowledged."""
    head = store.head()
    number = int(store.read("left", head)) if "left" in store.list("", head) else 0
    while True:
        number += 1
        body = str(number).encode()
        changes: dict[str, bytes | None] = {"left": body, "right": body, "large": body * 20_000}
        changes[f"even/{number % 2}"] = body
        changes[f"even/{1 - number % 2}"] = None
        head = store.commit(changes, head, f"number {number}")
        os.write(output, b"%d\n" % number)


@functools.cache
def processes() -> ForkServerContext:
    """Starts real processes quickly."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "tests.support.store_process", "eval_queue.store.hub"])
    return context


def counting(spec: str, name: str, times: int) -> None:
    """`count_up` as a process."""
    count_up(open_store(spec), name, times)


def hammering(spec: str, output: Connection) -> None:
    """`hammer` as a process."""
    hammer(open_store(spec), output.fileno())
