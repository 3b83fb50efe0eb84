"""A queue on either store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from eval_queue.queue.queue import Queue, now
from eval_queue.store.local import LocalStore
from tests.support.hub_place import Place

Opener = Callable[[], Queue]


@pytest.fixture(params=["in a folder", pytest.param("on the Hub", marks=pytest.mark.slow)])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the same queue anew at each call, as another process would."""
    if request.param == "on the Hub":
        place = Place(request.getfixturevalue("store_hub"), tmp_path)
        return lambda: place.queue(clock=now)

    def folder() -> Queue:
        store = LocalStore(tmp_path / "store")
        return Queue(store, store, lease=timedelta(minutes=2))

    return folder
