"""About: what is measured, how to read it, what it does not say, how to cite. The words are in a template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from data.benchmark import MAX_P, MIN_RHO
from data.sources.published_validity import read_validation
from data.values import DIMENSIONS, VALUES
from leaderboard.analysis.summary import PUBLISHED_DIGEST
from leaderboard.boards.readings import ADDRESS_READINGS, read_readings, reading_of
from leaderboard.boards.results import mean_profile
from leaderboard.charts.portrait import linked, portrait
from leaderboard.site import links
from leaderboard.site.citation import paper_apa, paper_url, version
from leaderboard.site.permanent import board_citations, revision, row_address, row_citations
from leaderboard.site.site import Site
from leaderboard.vocabulary.badges import BADGES, FLAT
from leaderboard.vocabulary.downloads import DOWNLOADS, FORMATS, Format
from leaderboard.vocabulary.glossary import named
from leaderboard.web.fields import unknown
from leaderboard.web.frame import TITLE
from leaderboard.web.head import ABOUT_BOARD, Head
from leaderboard.web.markup import render

ROUTE: Final = "about"
NAME: Final = "About"
FIELDS: Final = ("reading",)
DESCRIPTION: Final = "What is measured, how to read a row, what it does not say, how to cite it, and all the data."
READING: Final = (
    *("Score", "Own average", "95 % interval", "Portrait", "Reading", "Match", "Reliability", "Flat"),
    *("Rank interval", "Own ranks", "Above raters", "Sensitivity to wording", "Sensitivity to order"),
    *("Response style", "Fit to the circle", "Coverage", "Origin"),
    *(b.word.capitalize() for b in BADGES if b != FLAT),
)
"""The terms of the glossary that explain the table, in the order of an explanation."""
MEDIA: Final[dict[Format, str]] = {
    "csv": "text/csv",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}


def head(site: Site, query: Mapping[str, str]) -> Head:
    """What the page is about: the board's data, as a dataset of schema.org."""
    del query
    return Head(description=DESCRIPTION, address=ROUTE, structured=dataset(site))


def dataset(site: Site) -> dict[str, Any]:
    """The board's data as schema.org's `Dataset`; addresses are relative to the pages."""
    rows = site.results()
    whole = [(name, about.title) for name, about in DOWNLOADS.items() if about.whole]
    files = [(f"download/{name}.{form}", MEDIA[form], title) for name, title in whole for form in FORMATS]
    files.append(("download/all-answers.parquet", MEDIA["parquet"], "All answers"))
    found: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "name": TITLE,
        "description": ABOUT_BOARD,
        "url": "about#data",
        "identifier": revision(site),
        "version": version(),
        "license": "https://spdx.org/licenses/MIT.html",
        "creator": {"@type": "Organization", "name": f"The {TITLE} contributors"},
        "isAccessibleForFree": True,
        "citation": paper_apa(),
        "isBasedOn": links.benchmark(),
        "keywords": ["language models", "human values", "Schwartz values", "Big Five", "leaderboard"],
        "measurementTechnique": "Ratings of responses to everyday questions, keyed by people's values",
        "variableMeasured": [{"@type": "PropertyValue", "name": d.name, "description": d.meaning} for d in DIMENSIONS],
        "distribution": [
            {"@type": "DataDownload", "name": title, "encodingFormat": media, "contentUrl": address}
            for address, media, title in files
        ],
    }
    if rows:
        found["dateModified"] = max(r.created for r in rows).date().isoformat()
    if (there := links.data(site)) is not None:
        found["sameAs"] = there
    return found


def problems(site: Site, query: Mapping[str, str]) -> list[str]:
    """What the address says that cannot be meant, a sentence each."""
    del site
    return unknown(query, {"reading": ADDRESS_READINGS})


def content(site: Site, query: Mapping[str, str]) -> str:
    """The page as HTML; the field `reading` says which reading of the board is cited."""
    readings = read_readings(PUBLISHED_DIGEST)
    counts = site.benchmark.items_per_dimension()
    boards = site.boards()
    example = boards[0].results[0] if boards else None
    validity = read_validation()
    columns = {d.name: validity.dimensions[d.name] for d in VALUES} if validity else {}
    by_items = sorted((v.items, name) for name, v in columns.items())
    means = mean_profile(boards[0].results) if boards else None
    return render(
        "about.html",
        portrait=linked(portrait(means, name=f"the mean of {len(boards[0].results)} models")) if means else None,
        held=readings.separations if readings else None,
        shuffled=readings.shuffled_keys if readings else None,
        n_models=len(boards[0].results) if boards else 0,
        benchmark=site.benchmark,
        raters=site.benchmark.raters if site.benchmark.raters and not site.benchmark.is_practice else "several hundred",
        items=[(d.name, counts[d.name], d.family.colour) for d in VALUES],
        most=max(counts[d.name] for d in VALUES),
        reading=[named(name) for name in READING],
        badge_words={b.word for b in BADGES},
        chance=[name for name, v in columns.items() if v.p >= MAX_P],
        fewest=by_items[0][::-1] if by_items else None,
        greatest=by_items[-1][::-1] if by_items else None,
        released=len(site.published.results),
        min_rho=MIN_RHO,
        max_p=MAX_P,
        origin=f"Benchmark in use here: {site.benchmark.origin}",
        citations=board_citations(site, reading_of(query.get("reading"))),
        paper=paper_url(),
        outward=links.outward(site),
        reported=links.issues(site),
        downloads=DOWNLOADS.items(),
        formats=FORMATS,
        example=example,
        row=row_citations(site, example)[0] if example else None,
        address=row_address(site, example) if example else None,
    )
