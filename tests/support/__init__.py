"""What tests share: where things are, servers to talk to, processes to start, records and files to feed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
"""The project's folder."""
GOLDEN: Final = ROOT / "tests" / "golden"
"""Records as earlier versions wrote them."""
CASES: Final = ROOT / "tests" / "cases"
"""Small inputs, each with what is right."""
