"""Take the test: a visitor rates a short form and sees a portrait, computed in the page and kept nowhere else.

The page arrives with all that is needed: the items with their texts, what they count for, what models and raters
answered to the same items. `take.js` does the rest. `POLICY` forbids the page to send anything anywhere, so that
the promise does not rest on that script alone: no connection, no form, no foreign file.

`form` in the address says which form: `long`, otherwise the short one.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np
from markupsafe import Markup
from pydantic import BaseModel, ConfigDict

from data.benchmark import RATING_PHRASES, Benchmark
from data.errors import InputError
from data.people.norms import Reading
from data.people.rater_means import rater_means
from data.people.templates import STEP, ValueTemplates
from data.values import VALUES
from eval_queue.records import BenchmarkRef
from eval_queue.scoring.stability import FLAT_BELOW
from leaderboard.analysis.ranks import ALPHA
from leaderboard.charts.portrait import GEOMETRY, LIMIT, frame
from leaderboard.measurement.form_validity import FormReport, read_short_forms
from leaderboard.measurement.short_form import PEOPLE, SIZES, Form, Length, choose, of_form
from leaderboard.site.site import Site
from leaderboard.web.document import Volatile
from leaderboard.web.fields import unknown
from leaderboard.web.markup import render

ROUTE: Final = "take"
NAME: Final = "Take the test"
FIELDS: Final = ("form",)
DESCRIPTION: Final = (
    "Rate a few everyday responses as the models did and see your own value portrait. Nothing leaves your browser."
)
SCRIPTS: Final = ("take.js",)
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; font-src 'self'; "
    "connect-src 'none'; form-action 'none'; base-uri 'none'; object-src 'none'"
)
"""Styles may stand in the page, as the logo's do; they can load nothing but the site's own fonts and pictures."""
SEED: Final = 20251125
"""Of the draws that compare models."""
DRAWS: Final = 2000


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class TakeItem(_Record):
    """One item of the form."""

    query_id: int
    option_id: int
    source: str
    title: str | None
    query: str
    text: str
    values: tuple[int, ...]
    """The values it counts for, as positions in circle order."""
    loadings: tuple[float, ...] | None
    """Its loadings on the ten templates; null where answers are read as published."""


class Respondent(_Record):
    """A model's answers to the form's items."""

    id: str
    name: str
    muted: bool
    """Flat or incomplete: not looked at when the nearest are looked for."""
    ratings: tuple[float | None, ...]
    """Mean rating of each item of the form."""


class Take(_Record):
    """All that the page computes with."""

    schema_version: Literal[1] = 1
    form: Length
    reading: Reading
    """By which a visitor's answers are read (`leaderboard.measurement.form_validity.chosen`)."""
    people: str | None
    """Distances of resampled people's loadings, in units of `step`: signed bytes in base64, set by set, item by item,
    value by value; null where answers are read as published."""
    step: float
    benchmark: BenchmarkRef
    practice: bool
    items: tuple[TakeItem, ...]
    """In the order in which they are asked."""
    raters: tuple[float | None, ...] | None
    """Mean rating of each item by the benchmark's raters; null where their study is not available here."""
    models: tuple[Respondent, ...]
    """Rows of the benchmark's board whose answers to the items are at hand."""
    phrases: dict[int, str]
    """What a rating says."""
    seed: int
    draws: int
    alpha: float
    flat_below: float
    t: tuple[float, ...]
    """97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom."""


def problems(site: Site, query: Mapping[str, str]) -> list[str]:
    """What the address says that cannot be meant."""
    del site
    return unknown(query, {"form": SIZES})


def data(site: Site, query: Mapping[str, str]) -> Take:
    """The form for the fields of an address: the JSON twin of the page."""
    return _found(site, _length(query))[0]


def _length(query: Mapping[str, str]) -> Length:
    return "long" if query.get("form") == "long" else "short"


_forms: dict[tuple[str, Length], Form] = {}


def _form(benchmark: Benchmark, length: Length) -> Form:
    """The form of a benchmark, chosen once."""
    key = (benchmark.digest, length)
    if key not in _forms:
        _forms[key] = choose(benchmark, SIZES[length])
    return _forms[key]


def _raters(site: Site) -> list[float] | None:
    try:
        return rater_means(site.benchmark, site.study(site.benchmark)).tolist()  # type: ignore[no-any-return]
    except InputError:
        return None


def _found(site: Site, length: Length) -> tuple[Take, Form, bool]:
    from scipy.special import stdtrit

    b = site.benchmark
    form = _form(b, length)
    rows = list(form.rows)
    measured = _measured(b, length, form)
    templates = site.templates(b.digest) if measured is not None and measured.reading == "match" else None
    loadings = None if templates is None else of_form(templates, form)[0].tolist()
    selected = b.key.selected[rows, : len(VALUES)]
    items = []
    for at, (row, counts) in enumerate(zip(rows, selected, strict=True)):
        item = b.items[row]
        query = b.query_by_id[item.query_id]
        values = tuple(np.flatnonzero(counts).tolist())
        items.append(
            TakeItem(
                query_id=query.id,
                option_id=item.option_id,
                source=query.source,
                title=query.title,
                query=query.text,
                text=item.text,
                values=values,
                loadings=None if loadings is None else tuple(loadings[at]),
            )
        )
    board, finished = next((x for x in site.boards() if x.key.digest == b.digest), None), True
    models: list[Respondent] = []
    if board is not None:
        means, finished = site.row_answers.means(board)
        models = [
            Respondent(
                id=r.id,
                name=r.model,
                muted=r.complete is False or r.flat is True,
                ratings=tuple(_plain(x) for x in means[r.id][rows].tolist()),
            )
            for r in board.results
            if r.id in means
        ]
    raters = _raters(site)
    taken = Take(
        form=length,
        reading="published" if templates is None else "match",
        people=None if templates is None else _people(templates, rows),
        step=STEP,
        benchmark=BenchmarkRef.of(b),
        practice=b.is_practice,
        items=tuple(items),
        raters=None if raters is None else tuple(_plain(raters[row]) for row in rows),
        models=tuple(models),
        phrases=RATING_PHRASES,
        seed=SEED,
        draws=DRAWS,
        alpha=ALPHA,
        flat_below=FLAT_BELOW,
        t=tuple((-stdtrit(np.arange(1, max(2, len(rows))), ALPHA / 2)).tolist()),
    )
    return taken, form, finished


def _measured(benchmark: Benchmark, length: Length, form: Form) -> FormReport | None:
    shipped = read_short_forms()
    return None if shipped is None else shipped.of(length, form, benchmark)


def _people(templates: ValueTemplates, rows: list[int]) -> str:
    steps = np.ascontiguousarray(templates.steps[:PEOPLE, rows][:, :, : len(VALUES)])
    return base64.b64encode(steps.tobytes()).decode()


def _plain(x: float) -> float | None:
    return None if np.isnan(x) else x


def content(site: Site, query: Mapping[str, str]) -> str:
    """The page as HTML for the fields of an address."""
    length = _length(query)
    taken, form, finished = _found(site, length)
    g = GEOMETRY["full"]
    drawing = {
        "width": g.width,
        "height": g.height,
        "centre": g.centre,
        "zero": g.zero,
        "unit": g.unit,
        "limit": LIMIT,
        "values": [{"name": v.name, "meaning": v.meaning, "colour": v.family.colour} for v in VALUES],
    }
    sent = {**taken.model_dump(), "drawing": drawing}
    page = render(
        "take.html",
        take=taken,
        sizes=SIZES,
        covered=[VALUES[v].name for v in range(len(VALUES)) if any(v in i.values for i in taken.items)],
        measured=_measured(site.benchmark, length, form),
        people=PEOPLE,
        # "<" cannot end the script element when it is written as an escape
        payload=Markup(json.dumps(sent, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")),
        frame=frame("full"),
        minutes=max(5, 5 * round(_minutes(taken.items) / 5)),
    )
    return page if finished else Volatile(page)


def _minutes(items: Sequence[TakeItem]) -> float:
    """How long it takes: reading at 240 words a minute, and ten seconds to decide."""
    return sum(len(f"{i.title or ''} {i.query} {i.text}".split()) / 240 + 1 / 6 for i in items)
