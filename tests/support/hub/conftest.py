"""Fixtures for the test Hub's own tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from huggingface_hub import HfApi

from . import Hub, hub_server


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server() as running:
        yield running


@pytest.fixture
def api(hub: Hub) -> HfApi:
    """The unmodified client, as the operator."""
    return HfApi(endpoint=hub.url, token=hub.token)
