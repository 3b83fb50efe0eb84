"""Model: one row's portrait, what may be said of it, where it comes from, and every answer behind it.

The address is the state: `id` names the row, the other fields filter its answers. What is shown is
`leaderboard.pages.model.data`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final
from urllib.parse import quote, urlencode

from data.benchmark import RATING_PHRASES, VARIANTS
from data.errors import InputError
from data.people.reference import LABELS, OVERALL
from data.values import BY_NAME, SCALE_NAMES, SCALES, VALUES
from eval_queue.records import DimensionScore, Result
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.analysis.lineage import lineage
from leaderboard.analysis.summary import queries_of, sentence
from leaderboard.boards.model_facts import SOURCES, released
from leaderboard.charts.badge import badge
from leaderboard.charts.portrait import MATCH_LIMIT, linked, number, portrait, true_minus
from leaderboard.measurement.reading_report import AmongPeople
from leaderboard.pages.model.data import ModelData, find, model_data, submissions_of
from leaderboard.site import links
from leaderboard.site.answers import Filters
from leaderboard.site.permanent import record_url, revision, row_address, row_citations
from leaderboard.site.sharing import LABEL, badge_words, lines_to_copy, stays_here
from leaderboard.site.site import Site
from leaderboard.vocabulary.badges import BENCHMARKS, ORIGINS
from leaderboard.web.document import Volatile, not_among, whole_number
from leaderboard.web.head import NOT_THERE, Head
from leaderboard.web.head import row_address as row_address_of
from leaderboard.web.markup import render

ROUTE: Final = "model"
NAME: Final = "Model"
FIELDS: Final = ("id", "at", "value", "source", "rating", "variant", "read", "q", "page")
DESCRIPTION: Final = "A model’s value portrait with its uncertainty, its provenance and every answer behind it."

SECTIONS: Final = (
    ("portrait", "Portrait"),
    ("readings", "Two readings"),
    ("sure", "Reliability"),
    ("read", "Coverage"),
    ("people", "Similarity"),
    ("origin", "Provenance"),
    ("history", "History"),
    ("answers", "All answers"),
    ("take", "Cite and download"),
)
"""The parts of the page in their order."""
LONG: Final = 320
"""Characters from which on a question is folded up."""


def head(site: Site, query: Mapping[str, str]) -> Head:
    """What the page is about: a row, which there may not be."""
    id_ = query.get("id")
    result = find(site, id_)
    if result is None:
        return Head(description=DESCRIPTION, address=ROUTE) if not id_ else NOT_THERE._replace(subject="No such row")
    said = true_minus(sentence(result, queries_of(result, site.benchmark)))
    address = row_address_of(result.id)
    return Head(result.model, said, address, f"chart/card.png?{address.partition('?')[2]}")


def moment(site: Site, query: Mapping[str, str]) -> str:
    """The state of the submissions that the page names."""
    result = find(site, query.get("id"))
    return "" if result is None else " ".join(f"{s.id} {s.updated}" for s in submissions_of(site, result))


def problems(site: Site, query: Mapping[str, str]) -> list[str]:
    """What the address says that cannot be meant."""
    choices: dict[str, Sequence[str]] = {
        "value": list(BY_NAME),
        "rating": "123456",
        "variant": VARIANTS,
        "read": ("read", "unread"),
    }
    source, page = query.get("source", ""), query.get("page", "")
    result = find(site, query.get("id")) if source else None
    if result is not None:
        with suppress(InputError, StoreUnavailable, WriteConflict, ValueError, KeyError, OSError):  # `data` tells these
            choices["source"] = sorted({i.source for i in site.items.of(result) if i.source})
    found = [not_among(n, query[n], known) for n, known in choices.items() if query.get(n) and query[n] not in known]
    return (
        found
        if not page or (page.isascii() and page.isdigit() and int(page[:7]))
        else [*found, whole_number("page", page)]
    )


def data(site: Site, query: Mapping[str, str]) -> ModelData | None:
    """What the page shows, for programs; None where there is no such row."""
    result = find(site, query.get("id"))
    return None if result is None else model_data(site, result, Filters.parse(query))


def content(site: Site, query: Mapping[str, str]) -> str:
    """The page as HTML for the fields of an address."""
    found = data(site, query)
    if found is None:
        named = sorted(site.results(), key=lambda r: r.model.casefold())
        return render("model_choice.html", asked=query.get("id"), results=named)
    result = found.result
    page = render(
        "model.html",
        d=found,
        r=result,
        picture=linked(drawing(found)),
        match_picture=None if result.match is None else linked(match_drawing(result)),
        two=found.readings,
        match_scales=[(SCALE_NAMES[s], ds, (result.match or {}).get(s, {})) for s, ds in SCALES.items()],
        match_place=lambda x: f"{min(1.0, max(0.0, x / (2 * MATCH_LIMIT) + 0.5)):.4g}",
        above=above,
        percent=lambda x: f"{round(100 * x)} %".replace("-", "−"),
        values=VALUES,
        sections=SECTIONS,
        scales=[(SCALE_NAMES[s], ds, result.scales.get(s)) for s, ds in SCALES.items()],
        number=number,
        true_minus=true_minus,
        place=lambda x: f"{min(1.0, max(0.0, (x + 1) / 2)):.4g}",
        origin=ORIGINS.get(result.origin, result.origin),
        benchmark=BENCHMARKS.get(result.benchmark.name, result.benchmark.name),
        series=_dated(found),
        nearest_value=_nearest(result),
        labels=LABELS,
        overall=OVERALL,
        phrases=RATING_PHRASES,
        variants=VARIANTS,
        long=LONG,
        link=partial(_link, result.id, found.filters),
        exact=partial(_exact, result.id),
        file=partial(_file, result.id),
        fields=_fields(result.id, found.filters),
        citations=row_citations(site, result),
        shared=lines_to_copy(result),
        badge=None if stays_here(result) else quote(badge(LABEL, badge_words(result))),
        badge_says=f"{LABEL}: {badge_words(result)}",
        permanent=row_address(site, result),
        short=f"m/{quote(result.model)}",
        own_page=links.model(result),
        released=released(result),
        released_from=SOURCES,
        record=record_url(site, result, revision(site)),
    )
    page = notice(site, result, query.get("at")) + page
    return Volatile(page) if found.problem or found.working else page


def drawing(found: ModelData) -> str:
    """The row's portrait with what stands behind it."""
    cells = ten(found.result)
    return portrait(
        [c.score if c else None for c in cells],
        low=[c.low if c else None for c in cells],
        high=[c.high if c else None for c in cells],
        reference=[found.background.scores.get(d.name) for d in VALUES] if found.background else None,
        name=found.result.model,
        muted=found.result.complete is False or found.result.flat is True,
    )


def drawing_of(result: Result) -> str:
    """A row's portrait by itself, with its band."""
    cells = ten(result)
    return portrait(
        [c.score if c else None for c in cells],
        low=[c.low if c else None for c in cells],
        high=[c.high if c else None for c in cells],
        name=result.model,
        muted=result.complete is False or result.flat is True,
    )


def match_drawing(result: Result) -> str:
    """The row's matches on all items as a portrait."""
    found = (result.match or {}).get("pvq", {})
    cells = [found.get(d.name) for d in VALUES]
    return portrait(
        [c.match if c else None for c in cells],
        low=[c.low if c else None for c in cells],
        high=[c.high if c else None for c in cells],
        name=f"{result.model}, all items",
        muted=result.complete is False,
        matched=True,
    )


def above(x: AmongPeople | None) -> str:
    """A share of people with its interval, in per cent: `83 % (71 to 91)`; a dash where it is not known."""
    if x is None:
        return "–"
    ends = "" if x.low is None or x.high is None else f" ({100 * x.low:.0f} to {100 * x.high:.0f})"
    return f"{100 * x.share:.0f} %{ends}"


def ten(result: Result) -> list[DimensionScore | None]:
    """A row's ten values in circle order; None where it has no score."""
    profile = result.scales.get("pvq")
    return [profile.dimensions.get(d.name) if profile else None for d in VALUES]


def _dated(found: ModelData) -> str | None:
    """The series to compare over time: there must be two comparable releases with a date."""
    dated = {r.released for r in found.history if r.comparable and r.released}
    released = lineage(found.result.model).released
    return found.lineage.series if released and dated - {released} else None


def _nearest(result: Result) -> str | None:
    """The value nearest to the peak of the profile's wave."""
    angle = result.circumplex.angle if result.circumplex else None
    return None if angle is None else VALUES[round(angle / (360 / len(VALUES))) % len(VALUES)].name


def _fields(id_: str, filters: Filters) -> str:
    """The row and its filters as fields of an address, without the page."""
    return urlencode({"id": id_, **{k: v for k, v in vars(filters).items() if v and k != "page"}})


def _link(id_: str, filters: Filters, page: int) -> str:
    return f"model?{_fields(id_, filters)}&page={page}#answers"


def _exact(id_: str, item: str) -> str:
    """The address of one item's answers, which does not change with filters or pages."""
    return f"model?{urlencode({'id': id_, 'q': item})}#q{item}"


def _file(id_: str, item: str, variant: str) -> str:
    """Where one answer is had whole."""
    return f"download/answers.json?{urlencode({'id': id_, 'q': item, 'variant': variant})}"


def notice(site: Site, result: Result, at: str | None) -> str:
    """What a row's page says of the revision in its address, as HTML; empty for the present one and for none."""
    present = revision(site)
    if not at or at == present:
        return ""
    return render("other_revision.html", at=at[:64], present=present, record=record_url(site, result, at))
