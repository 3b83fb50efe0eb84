"""About: what is measured, how to read it, what it does not say, how to cite. The words are in a template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

from data.benchmark import MAX_P, MIN_RHO
from data.values import VALUES
from eval_queue.scoring.profiles import MIN_COVERAGE, MIN_ITEMS
from eval_queue.scoring.stability import FLAT_BELOW
from leaderboard.boards.results import mean_profile
from leaderboard.charts.portrait import portrait
from leaderboard.site.badges import BADGES, ORIGINS
from leaderboard.site.downloads import DOWNLOADS, FORMATS
from leaderboard.site.permanent import board_citations, row_address, row_citations
from leaderboard.site.site import Site
from leaderboard.web.markup import render

ROUTE: Final = "about"
NAME: Final = "About"
FIELDS: Final = ()


def content(site: Site, query: Mapping[str, str]) -> str:
    """The page as HTML; its address has no fields."""
    del query
    counts = site.benchmark.items_per_dimension()
    boards = site.boards()
    example = boards[0].results[0] if boards else None
    means = mean_profile(boards[0].results) if boards else None
    return render(
        "about.html",
        portrait=Markup(portrait(means, name=f"the mean of {len(boards[0].results)} models")) if means else None,
        n_models=len(boards[0].results) if boards else 0,
        benchmark=site.benchmark,
        raters=site.benchmark.raters if site.benchmark.raters and not site.benchmark.is_practice else "several hundred",
        items=[(d.name, counts[d.name], d.family.colour) for d in VALUES],
        most=max(counts[d.name] for d in VALUES),
        min_coverage=MIN_COVERAGE,
        min_items=MIN_ITEMS,
        flat_below=FLAT_BELOW,
        min_rho=MIN_RHO,
        max_p=MAX_P,
        origins=ORIGINS,
        badges=BADGES,
        origin=f"Benchmark in use here: {site.benchmark.origin}",
        citations=board_citations(site),
        downloads=DOWNLOADS.items(),
        formats=FORMATS,
        example=example,
        row=row_citations(site, example)[0] if example else None,
        address=row_address(site, example) if example else None,
    )
