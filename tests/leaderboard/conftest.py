"""What holds for all tests of pages."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a page still shows what is worked out in the background, not that it is under way."""
    monkeypatch.setattr("leaderboard.boards.background.PATIENCE", 60.0)
