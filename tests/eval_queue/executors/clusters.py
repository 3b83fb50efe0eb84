"""A real Ray cluster on this machine, whose nodes are processes that can be killed."""

from __future__ import annotations

import importlib
import os
import sys
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self

import pytest

from tests.support import ROOT

STORE_BYTES = 100_000_000
NO_RAY = pytest.mark.skipif(
    find_spec("ray") is None,
    reason="Ray is not installed: run this in an environment with requirements-dev.txt and requirements-ray.txt",
)


class RayCluster:
    """A cluster with a head that runs no tasks, for the length of a `with` block."""

    def __enter__(self) -> Self:
        self._patch = pytest.MonkeyPatch()
        self._patch.setenv("RAY_DISABLE_IMPORT_WARNING", "1")
        self._patch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        self._patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # nodes hand their environment to tasks
        self._patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])))
        module: Any = importlib.import_module("ray.cluster_utils")
        self._cluster = module.Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "object_store_memory": STORE_BYTES, "include_dashboard": False},
        )
        self.address: str = self._cluster.address
        self.nodes: list[Any] = []
        """Nodes of one CPU each, for whoever comes: one takes seconds to start."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "ray" in sys.modules:
            sys.modules["ray"].shutdown()
        self._cluster.shutdown()
        self._patch.undo()

    def add_node(self, cpus: int, **resources: float) -> Any:
        """A node; returns its handle."""
        return self._cluster.add_node(num_cpus=cpus, object_store_memory=STORE_BYTES, resources=resources)

    def have_nodes(self, number: int) -> None:
        """Start as many nodes as are missing."""
        while len(self.nodes) < number:
            self.nodes.append(self.add_node(1))

    def kill(self, node: Any) -> None:
        """End a node and all that runs on it, as a machine that is switched off."""
        self._cluster.remove_node(node, allow_graceful=False)
