"""How a benchmark on the Hub is named: `org/name`, or `org/name@revision` for one of its commits, tags or branches."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_HUB_NAME: Final = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(?P<revision>\S+))?")


class HubName(NamedTuple):
    """A dataset on the Hub, as people write it: `org/name@revision`."""

    repo: str
    revision: str | None
    """Branch, tag or commit; None for the newest commit."""

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision}" if self.revision else self.repo


def hub_name(text: str) -> HubName | None:
    """`org/name` or `org/name@revision` in its parts; None for anything else."""
    match = _HUB_NAME.fullmatch(text)
    return HubName(match["repo"], match["revision"]) if match else None
