"""Fixtures shared by all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import ROOT
from tests.support.hub import HubProcess, hub_process

# no test of ours fails because a machine is busy, or because of what a run happens to draw: `search` draws anew
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("project", settings.get_profile("search"), derandomize=True)
settings.load_profile("project")

pytest_plugins = ["tests.support.tiers"]

SHARED = ROOT.parent / "shared"
TERMINAL = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")
"""What tells programs of a terminal that tests do not have."""


def _shared(folder: str) -> Path:
    path = SHARED / folder
    if not path.is_dir():
        pytest.skip(f"needs the real data beside the project: ../shared/{folder} is not here")
    return path


@pytest.fixture(scope="session")
def upstream_dir() -> Path:
    """Upstream's data files in upstream's own layout."""
    return _shared("valueportrait/upstream")


@pytest.fixture(scope="session")
def outputs_dir() -> Path:
    """Every released raw model answer, one gzipped JSON Lines file a model."""
    return _shared("valueportrait/outputs")


@pytest.fixture(scope="session")
def reference_dir() -> Path:
    """Human group figures."""
    return _shared("reference")


@pytest.fixture(scope="session")
def _store_hub() -> Iterator[HubProcess]:
    with hub_process() as running:
        yield running


@pytest.fixture
def store_hub(_store_hub: HubProcess) -> Iterator[HubProcess]:
    """A test Hub for repositories of one's own; one for all tests, which choose names that no other has."""
    yield _store_hub
    _store_hub.faults.clear()
    _store_hub.requests.clear()


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    """A Hub that one test was told to leave alone may be asked by the next."""
    yield
    if client := sys.modules.get("data.sources.hub_client"):
        client.PAUSES.forget()


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads the developer's own settings, cache, tokens or width of a terminal."""
    import os

    for name in list(os.environ):
        if name.startswith(("VALUE_PORTRAIT_", "HF_TOKEN")) or name in TERMINAL:
            monkeypatch.delenv(name)
    monkeypatch.setenv("VALUE_PORTRAIT_CACHE", str(tmp_path / "cache"))
    # nobody listens there: a test that wants upstream's files names its own server, none reaches for the real one
    monkeypatch.setenv("VALUE_PORTRAIT_UPSTREAM_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
