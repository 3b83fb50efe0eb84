"""Model: one row's portrait, what may be said of it, where it comes from, and every answer behind it.

The address is the state: `id` names the row, the other fields filter its answers.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import Final
from urllib.parse import urlencode

from markupsafe import Markup

from data.benchmark import VARIANTS
from data.errors import InputError
from data.values import BIG_FIVE, HIGHER, VALUES
from eval_queue.records import DimensionScore, Result
from eval_queue.store import StoreUnavailable, WriteConflict
from leaderboard.answers_view import AnswersPage, Filters, answers_of, cut
from leaderboard.charts import number, portrait
from leaderboard.document import Passing
from leaderboard.markup import render
from leaderboard.results import mean_profile
from leaderboard.sentence import queries_of, sentence
from leaderboard.site import Site
from leaderboard.table import BENCHMARKS, ORIGINS, badges

ROUTE: Final = "model"
NAME: Final = "Model"

_SCALES: Final = (
    ("Ten values", "pvq", VALUES),
    ("Higher-order values", "higher_pvq", HIGHER),
    ("Traits", "bfi", BIG_FIVE),
)

_log = logging.getLogger(__name__)


def words(site: Site, query: Mapping[str, str]) -> str:
    """The page as HTML for the fields of an address."""
    results = site.results()
    result = next((r for r in results if r.id == query.get("id")), None)
    if result is None:
        named = sorted(results, key=lambda r: r.model.casefold())
        return render("model_choice.html", asked=query.get("id"), results=named)
    filters = Filters.parse(query)
    found, problem = _answers(site, result, filters)
    group = [
        r for b in site.boards() if any(x.id == result.id for x in b.results) for r in b.results if r.id != result.id
    ]
    cells = _ten(result)
    page = render(
        "model.html",
        r=result,
        badges=badges(result, practice=result.benchmark.name == "practice"),
        sentence=sentence(result, queries_of(result, site.benchmark)),
        picture=Markup(  # made by `charts`, which escapes the name
            portrait(
                [c.score if c else None for c in cells],
                low=[c.low if c else None for c in cells],
                high=[c.high if c else None for c in cells],
                reference=mean_profile(group) if group else None,
                name=result.model,
                muted=result.complete is False or result.flat is True,
            )
        ),
        others=len(group),
        scales=(
            ("Ten values", "pvq", VALUES),
            ("Higher-order values", "higher_pvq", HIGHER),
            ("Traits", "bfi", BIG_FIVE),
        ),
        number=number,
        place=lambda x: f"{min(1.0, max(0.0, (x + 1) / 2)):.4g}",
        origin=ORIGINS.get(result.origin, result.origin),
        benchmark=BENCHMARKS.get(result.benchmark.name, result.benchmark.name),
        siblings=[r for r in group if result.developer and r.developer == result.developer],
        citation=cite(result, datetime.now(UTC).date()),
        found=found,
        problem=problem,
        filters=filters,
        values=VALUES,
        variants=VARIANTS,
        link=partial(_link, result.id, filters),
    )
    return Passing(page) if problem else page


def cite(result: Result, today: date) -> str:
    """One line that names exactly this row."""
    revision = f" at {result.revision}" if result.revision else ""
    name = BENCHMARKS.get(result.benchmark.name, result.benchmark.name)
    return (
        f"Profile of {result.model}{revision}, {name} "
        f"{result.benchmark.digest[:12]}, protocol {result.protocol}, result {result.id}, "
        f"retrieved {today.isoformat()}."
    )


def _ten(result: Result) -> list[DimensionScore | None]:
    profile = result.scales.get("pvq")
    return [profile.dimensions.get(d.name) if profile else None for d in VALUES]


def _answers(site: Site, result: Result, filters: Filters) -> tuple[AnswersPage | None, str]:
    try:
        items = answers_of(result, site.benchmark, site.queue.answers, site.released)
    except InputError as error:
        return None, str(error)
    except (StoreUnavailable, WriteConflict):
        return None, "The store of raw answers cannot be reached now. Open the page again later."
    except (ValueError, KeyError, OSError):  # a damaged table must not cost the row its page
        _log.exception("the stored answers of %s cannot be used", result.id)
        return None, "The stored answers of this row are damaged and cannot be shown."
    return cut(items, filters, texts=site.benchmark.digest == result.benchmark.digest), ""


def _link(id_: str, filters: Filters, page: int) -> str:
    fields = {"id": id_, **{k: v for k, v in vars(filters).items() if v and k != "page"}, "page": page}
    return f"model?{urlencode(fields)}#answers"
