"""`/health` for whoever starts and stops the app, `/metrics` for Prometheus. Neither says anything that is private."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import orjson
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from leaderboard.site.memory import held
from leaderboard.site.site import Site
from leaderboard.site.status import FolderSize, status

_SECONDS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_NO_STORE: Final = {"Cache-Control": "no-store"}


class Operations:
    """What is counted while the app runs, and the two addresses.

    Args:
        site: what is served.
        caches: bytes that each cache takes now, by its name.
    """

    def __init__(self, site: Site, caches: Mapping[str, Callable[[], int]]) -> None:
        self._site = site
        self.caches = caches
        self.store_size = FolderSize(site.store_folder)
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "value_portrait_requests", "Requests by kind and status.", ("kind", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "value_portrait_request_seconds",
            "How long requests took, by kind.",
            ("kind",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(_Now(self))

    def count(self, kind: str, code: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(kind, code).inc()
        self._seconds.labels(kind).observe(seconds)

    def routes(self) -> list[Route]:
        """The two addresses."""
        return [Route("/health", self._health), Route("/metrics", self._metrics)]

    def _health(self, _: Request) -> Response:
        now = status(self._site)
        told = {
            "status": "ok" if now.fine else "failing",
            "trouble": now.trouble,
            "version": now.version,
            "benchmark": {"name": now.benchmark, "digest": now.digest},
            "store": {"reachable": now.store_since is None, "shown_of": now.store_since, "rows": now.rows},
            "evaluator": {
                "here": now.evaluator is not None,
                "silent_seconds": None if now.evaluator is None else now.evaluator.silent_seconds,
                "restarts": 0 if now.evaluator is None else now.evaluator.restarts,
            },
            "queue": {**now.states, "oldest_waiting_seconds": now.oldest_seconds, "set_aside": len(now.problems)},
        }
        code = 200 if now.fine else 503
        return Response(orjson.dumps(told), code, media_type="application/json", headers=_NO_STORE)

    def _metrics(self, _: Request) -> Response:
        return Response(
            generate_latest(self._registry), headers={**_NO_STORE, "Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
        )

    def gauges(self) -> Iterable[Metric]:
        """What is looked up at each scrape."""
        now = status(self._site)
        size, files = self.store_size()
        silent, restarts, _ = now.evaluator or (None, None, None)
        plain = (
            ("up", "Whether the app can serve its purpose.", float(now.fine)),
            ("rows", "Results that are shown.", now.rows),
            ("oldest_waiting_seconds", "For how long the oldest waiting submission waits.", now.oldest_seconds or 0),
            ("evaluator_silent_seconds", "Since the evaluator in this app gave a sign of life.", silent),
            ("evaluator_restarts", "How often a thread of it died and was started again.", restarts),
            ("set_aside_records", "Records that cannot be read.", len(now.problems)),
            ("store_bytes", "Size of the store's folder.", size),
            ("store_files", "Files in it.", files),
        )
        for name, about, value in plain:
            if value is not None:
                yield GaugeMetricFamily(f"value_portrait_{name}", about, value=value)
        by_label = (
            ("submissions", "Submissions by state.", "state", now.states),
            ("failures", "Failed submissions by code.", "code", now.failures),
            ("memory_bytes", "Memory by what holds it.", "holder", held()),
            ("cache_bytes", "Bytes that caches take.", "cache", {name: of() for name, of in self.caches.items()}),
        )
        for name, about, label, values in by_label:
            family = GaugeMetricFamily(f"value_portrait_{name}", about, labels=(label,))
            for key, value in values.items():
                family.add_metric([key], value)
            yield family


class _Now(Collector):
    def __init__(self, of: Operations) -> None:
        self._of = of

    def collect(self) -> Iterable[Metric]:
        return self._of.gauges()

    def describe(self) -> Iterable[Metric]:
        return ()  # else they would be collected, store and all, when this is registered
