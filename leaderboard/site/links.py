"""Where links lead out of the board: the paper, the benchmark, this software, its data, a model's own page.

Each address is written in one place (`CITATION.cff`, `data.sources.upstream`, `models.json`) or told by the platform;
what is not known is None and gets no link.
"""

from __future__ import annotations

import os
import re
from typing import Final, NamedTuple
from urllib.parse import quote

from data.sources.upstream import COMMIT, REPOSITORY
from eval_queue.records import Result
from leaderboard.boards import model_facts
from leaderboard.site.citation import code_address, paper_url
from leaderboard.site.permanent import REVISION, published
from leaderboard.site.site import Site

_SPACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_GITLAB: Final = re.compile(r"https://gitlab\.")


class Link(NamedTuple):
    """A link out of the board."""

    words: str
    address: str


def hub() -> str:
    """Where the Hub is."""
    from huggingface_hub.constants import ENDPOINT

    return str(ENDPOINT)


def _space() -> str | None:
    """The Space that runs here."""
    space = os.environ.get("SPACE_ID", "")
    return f"{hub()}/spaces/{space}" if _SPACE.fullmatch(space) else None


def code(site: Site) -> str | None:
    """This software's repository: the one that the operator names, or the citation file, else the Space's own."""
    repository, space = site.repository or code_address(), _space()
    return repository or (space and f"{space}/tree/main")


def issues(site: Site) -> str | None:
    """Where to report a problem: the repository's issues, or the Space's discussions."""
    if repository := site.repository or code_address():
        return f"{repository.rstrip('/')}/{'-/' if _GITLAB.match(repository) else ''}issues"
    space = _space()
    return space and f"{space}/discussions"


def data(site: Site) -> str | None:
    """The results on the Hub; None where they are kept elsewhere, or cannot be reached now."""
    there = published(site)
    return None if there is None else f"{hub()}/datasets/{quote(there[0])}"


def results_commit(site: Site) -> str | None:
    """Exactly the results that are shown, on the Hub."""
    there = published(site)
    known = there is not None and REVISION.fullmatch(there[1])
    return f"{hub()}/datasets/{quote(there[0])}/tree/{there[1]}" if there and known else None


def benchmark() -> str:
    """The benchmark's repository at the commit that is read here."""
    return f"https://github.com/{REPOSITORY}/tree/{COMMIT}"


def model(result: Result) -> Link | None:
    """A model's page on the Hub, else its developer's list of models; None where neither is known."""
    if (repository := model_facts.repository(result)) is not None:
        at = f"/tree/{result.revision}" if result.revision and REVISION.fullmatch(result.revision) else ""
        return Link(f"{repository} on the Hub", f"{hub()}/{quote(repository)}{at}")
    listed = model_facts.developers_list(result)
    return None if listed is None else Link(f"{result.developer}’s list of models", listed)


def outward(site: Site) -> list[Link]:
    """What stands under every page."""
    known = {
        "Paper": paper_url(),
        "Benchmark’s repository": benchmark(),
        "This software": code(site),
        "Report a problem": issues(site),
        "Data on the Hub": data(site),
        "These results’ commit": results_commit(site),
    }
    return [Link(words, address) for words, address in known.items() if address is not None]
