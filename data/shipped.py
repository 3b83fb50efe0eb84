"""Where the files are that come with the project: figures of the published models, and of groups of people."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PUBLISHED: Final = Path(__file__).resolve().parent / "published"
"""Folder of what was computed from the released answers and the raters' survey; its README names the commands."""
REFERENCE: Final = Path(__file__).resolve().parent / "reference"
"""Folder of the group figures, with source and licence of each."""
