"""One Ray cluster for all tests of executors: its head takes ten seconds to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.eval_queue.executors.clusters import RayCluster


@pytest.fixture(scope="package")
def cluster() -> Iterator[RayCluster]:
    with RayCluster() as made:
        yield made
