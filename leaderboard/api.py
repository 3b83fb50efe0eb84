"""Every page for programs: named endpoints over HTTP and tools for language models (MCP), with the same arguments.

Each gives the JSON twin of a page: what the page says for an address, as data. Docstrings and types become the
endpoints' and tools' descriptions. Arguments are checked and a wrong one is named; lists come in pages, so that no
answer grows without bound. Nothing here changes anything, and nothing tells more than the pages do.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final, Literal

import gradio as gr
import orjson
from gradio.events import api as api_endpoint
from starlette.datastructures import QueryParams

from data.errors import InputError
from data.values import SCALES
from eval_queue.records import Result
from leaderboard.boards.readings import ADDRESS_READINGS, AddressReading, no_match, reading_of
from leaderboard.boards.results import table_of
from leaderboard.exports.addresses import check
from leaderboard.exports.failures import in_words
from leaderboard.exports.tables import MATCH_UNITS, NO_DIRECTION, SHEETS, UNITS, board_rows, caveats, numbers, result_of
from leaderboard.files.formats import Sheet
from leaderboard.pages.benchmark import page as benchmark
from leaderboard.pages.board.query import BoardQuery
from leaderboard.pages.compare import page as compare
from leaderboard.pages.groups import page as groups
from leaderboard.pages.map import page as map_page
from leaderboard.pages.model import page as model
from leaderboard.site.citation import METHOD
from leaderboard.site.permanent import board_citations, record_url, revision, row_address, row_citations
from leaderboard.site.site import Site

PAGE_LIMIT: Final = 200
"""Most rows of one answer."""
ROWS_LIMIT: Final = 50
"""Most rows with a whole profile in one answer."""

READING: Final = f"{NO_DIRECTION} {UNITS}"

Document = dict[str, Any]
ScaleName = Literal["pvq", "higher_pvq", "bfi"]


class Api:
    """The endpoints. Names of methods are names of endpoints and tools."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def board(
        self,
        table: str = "",
        scale: ScaleName = "pvq",
        search: str = "",
        developer: list[str] | None = None,
        family: list[str] | None = None,
        origin: list[str] | None = None,
        weights: Literal["", "open", "closed"] = "",
        size_min: float | None = None,
        size_max: float | None = None,
        reliable: Literal["", "yes", "flat"] = "",
        parameters: Literal["", "kept", "changed"] = "",
        since: str = "",
        until: str = "",
        released_since: str = "",
        released_until: str = "",
        group: Literal["", "developer", "family"] = "",
        sort: str = "name",
        order: Literal["up", "down"] = "up",
        pin: list[str] | None = None,
        numbers: Literal["", "raw"] = "",
        reading: AddressReading = "published",
        page: int = 1,
        limit: int = 20,
    ) -> dict:  # type: ignore[type-arg]
        """List language models with their value profiles: scores on ten human values, or four or five other dimensions.

        Use it first: to find models and their ids, to filter and to sort them.

        No value is better than another and there is no winner. Read each score with its interval and caveats.

        Args:
            table: Which table, by its slug; empty for the one that opens, "practice" for practice runs.
            scale: pvq for the ten values, higher_pvq for four higher-order values, bfi for five traits.
            search: Words that the model's or developer's name must contain.
            developer: Only models of these developers.
            family: Only models of these families, e.g. gpt-4o.
            origin: Only rows run by these: published, space, self-reported.
            weights: open or closed weights; empty for both.
            size_min: Smallest size in billions of parameters.
            size_max: Largest size in billions of parameters.
            reliable: yes for profiles in which something stands out, flat for the others; empty for both.
            parameters: kept where all parameters of the protocol were sent, changed where not; empty for both.
            since: Only rows computed on or after this date, YYYY-MM-DD.
            until: Only rows computed on or before this date, YYYY-MM-DD.
            released_since: Only models released on or after this date, YYYY-MM-DD.
            released_until: Only models released on or before this date, YYYY-MM-DD.
            group: Group rows by developer or family.
            sort: Column to sort by: name, a dimension such as Power, mean, reliability, coverage, origin, date.
            order: up or down.
            pin: Ids of rows that stand first.
            numbers: raw sorts by mean ratings instead of scores relative to the model's own average.
            reading: published for scores by the paper's key, all for matches on all items.
            page: Which page of rows, from 1.
            limit: Rows on a page, 1 to 50.
        """
        asked = _address(
            table=table,
            scale=_known("scale", scale, tuple(SCALES)),
            q=search,
            developer=developer,
            family=family,
            origin=origin,
            weights=_known("weights", weights, ("", "open", "closed")),
            size_min=size_min,
            size_max=size_max,
            reliable=_known("reliable", reliable, ("", "yes", "flat")),
            parameters=_known("parameters", parameters, ("", "kept", "changed")),
            since=since,
            until=until,
            released_since=released_since,
            released_until=released_until,
            group=_known("group", group, ("", "developer", "family")),
            sort=sort,
            order=_known("order", order, ("up", "down")),
            pin=pin,
            numbers=_known("numbers", numbers, ("", "raw")),
            reading=_known("reading", reading, ADDRESS_READINGS),
        )
        check(self._site, "board", asked)
        query = BoardQuery.parse(asked)
        boards = self._site.boards()
        board = table_of(boards, table)
        rows = () if board is None else board_rows(self._site, board, query)
        start, stop = _page(page, limit, ROWS_LIMIT)
        return {
            "revision": revision(self._site),
            "table": None if board is None else board.key.slug,
            "benchmark": None if board is None else board.benchmark.model_dump(),
            "scale": query.scale,
            "found": len(rows),
            "page": page,
            "rows": [
                {
                    "id": r.id,
                    "model": r.model,
                    "developer": r.developer,
                    "origin": r.origin,
                    "created": r.created.isoformat(),
                    "reliability": r.reliability,
                    "caveats": caveats(r, board),
                    "note": r.note,
                    "scale_mean": r.scales[query.scale].mean if query.scale in r.scales else None,
                    **_numbers(r, query),
                }
                for r in rows[start:stop]
            ],
            "tables": [{"slug": b.key.slug, "name": b.benchmark.name, "rows": len(b.results)} for b in boards],
            "method": METHOD,
            "reading": f"{NO_DIRECTION} {MATCH_UNITS}" if query.reading == "match" else READING,
        }

    def model(self, id: str) -> dict:  # type: ignore[type-arg]
        """Give one model's whole profile: scores with intervals, stability, provenance, how to cite it.

        Use it when a question is about one model. Large parts can be asked for one by one.

        Args:
            id: The row's id, as `board` lists it.
        """
        result = result_of(self._site, id)
        found = model.data(self._site, QueryParams({"id": id}))
        return {
            **({} if found is None else found.model_dump(mode="json", exclude={"answers", "filters", "problem"})),
            "caveats": caveats(result, self._site.board_of(result)),
            "address": row_address(self._site, result),
            "record": record_url(self._site, result, revision(self._site)),
            "cite": {c.form: c.text for c in row_citations(self._site, result)},
            "reading": READING,
        }

    def answers(
        self,
        id: str,
        value: str = "",
        source: str = "",
        rating: Literal["", "1", "2", "3", "4", "5", "6"] = "",
        variant: str = "",
        read: Literal["", "read", "unread"] = "",
        page: int = 1,
        limit: int = 60,
    ) -> dict:  # type: ignore[type-arg]
        """List what a model answered, prompt by prompt. Texts of questions belong to the benchmark and are not given.

        Use it to see what a score rests on, or which prompts were not read.

        Args:
            id: The row's id, as `board` lists it.
            value: Only items that speak for this value, e.g. Power.
            source: Only items from this source.
            rating: Only items with an answer read as this rating.
            variant: Only items with an answer under this prompt, e.g. v1 or v1_reversed.
            read: read or unread answers only; empty for both.
            page: Which page, from 1.
            limit: Answers on a page, 1 to 200; an item has six.
        """
        asked = _address(
            id=id,
            value=value,
            source=source,
            rating=_known("rating", rating, ("", *"123456")),
            variant=variant,
            read=_known("read", read, ("", "read", "unread")),
        )
        result_of(self._site, id)
        check(self._site, "answers", asked)
        return _sheet(SHEETS["answers"](self._site, asked), page, limit)

    def compare(
        self,
        ids: list[str] | None = None,
        series: str = "",
        scale: ScaleName = "pvq",
        value: str = "",
        items: int = 10,
        reading: AddressReading = "published",
    ) -> dict:  # type: ignore[type-arg]
        """Compare two to five models, or one model over its releases: differences with intervals and tests.

        Use it before saying that models differ: scores alone do not tell whether a difference is more than chance.

        Args:
            ids: Ids of two to five rows; the others are set against the first.
            series: Instead of ids: a model whose releases have dates, e.g. gpt-4o.
            scale: pvq for the ten values, higher_pvq for four higher-order values, bfi for five traits.
            value: Only items that speak for this dimension.
            items: How many of the items on which they lie apart most, 1 to 50.
            reading: published for scores by the paper's key, all for matches on all items.
        """
        if isinstance(items, bool) or not isinstance(items, int) or not 1 <= items <= 50:
            raise InputError("items: must be a whole number from 1 to 50")
        scale_ = _known("scale", scale, tuple(SCALES))
        read = _known("reading", reading, ADDRESS_READINGS)
        asked = _address(id=ids, series=series, scale=scale_, value=value, items=items, reading=read)
        check(self._site, "compare", asked)
        made: Document = compare.data(self._site, asked).model_dump(mode="json")
        for item in made["items"]:
            for answers in item["answers"]:
                for text in ("title", "query", "text"):  # they belong to the benchmark
                    answers.pop(text, None)
        return {**made, "reading": f"{NO_DIRECTION} {MATCH_UNITS}" if read == "all" else READING}

    def map(
        self,
        view: Literal["circle", "plane"] = "circle",
        table: str = "",
        highlight: list[str] | None = None,
        family: str = "",
        developer: str = "",
        page: int = 1,
        limit: int = 100,
        reading: AddressReading = "published",
    ) -> dict:  # type: ignore[type-arg]
        """Place all models on the circle of values, or on a fixed plane together with groups of people.

        Use it to find models with like profiles.

        Args:
            view: circle or plane.
            table: Which table, by its slug; empty for the one that opens.
            highlight: Ids of rows whose regions are wanted.
            family: Highlight models of this family.
            developer: Highlight models of this developer.
            page: Which page of models, from 1.
            limit: Models on a page, 1 to 200.
            reading: published for scores by the paper's key, all for matches on all items.
        """
        start, stop = _page(page, limit, PAGE_LIMIT)
        view_ = _known("view", view, ("circle", "plane"))
        read = _known("reading", reading, ADDRESS_READINGS)
        marks = {"highlight": highlight, "family": family, "developer": developer}
        asked = _address(view=view_, table=table, reading=read, **marks)
        check(self._site, "map", asked)
        made: Document = map_page.data(self._site, asked).model_dump(mode="json")
        models, read_as = made.pop("models"), made.pop("reading")
        return {
            **{"found": len(models), "page": page, "models": models[start:stop]},
            **made,
            "read_as": read_as,
            "reading": NO_DIRECTION,
        }

    def groups(
        self,
        id: str = "",
        contrast: str = "",
        table: str = "",
        page: int = 1,
        limit: int = 100,
        reading: AddressReading = "published",
    ) -> dict:  # type: ignore[type-arg]
        """Compare a model with two groups of people, and list how all models lean between them, with caveats.

        Use it for questions about models and people; tell its caveats with its numbers.

        Args:
            id: A row's id; empty for the first that can be set against groups.
            contrast: Which two groups, e.g. gender, age, political, education.
            table: Which table, by its slug; empty for the one that opens.
            page: Which page of leans, from 1.
            limit: Leans on a page, 1 to 200; there is one a model.
            reading: published for scores by the paper's key, all for matches on all items.
        """
        start, stop = _page(page, limit, PAGE_LIMIT)
        known = [c.name for c in self._site.reference.contrasts]
        read = _known("reading", reading, ADDRESS_READINGS)
        asked = _address(id=id, contrast=contrast, table=table, reading=read)
        check(self._site, "groups", asked)
        made: Document = groups.data(self._site, asked).model_dump(mode="json")
        leans = made.pop("leans")
        return {"found": len(leans), "page": page, "leans": leans[start:stop], **made, "contrasts": known}

    def benchmark(self) -> dict:  # type: ignore[type-arg]
        """Describe the benchmark: how it was made, and the validity and reliability of each of its columns.

        Use it before relying on a score.
        """
        found: Document = orjson.loads(benchmark.card_json(self._site))
        return found

    def queue(self, page: int = 1, limit: int = 50) -> dict:  # type: ignore[type-arg]
        """List submissions, the newest first, with their state, place in the queue and reason of failure.

        Use it to tell what became of a model that was submitted.

        Args:
            page: Which page, from 1.
            limit: Submissions on a page, 1 to 200.
        """
        return _sheet(SHEETS["queue"](self._site, QueryParams()), page, limit)

    def cite(self, id: str = "", reading: AddressReading = "published") -> dict:  # type: ignore[type-arg]
        """Tell how to cite the paper, this board and, if one is named, a row of it.

        Use it whenever results are quoted.

        Args:
            id: The row's id; empty for the paper and the board only.
            reading: published for scores by the paper's key, all for matches on all items.
        """
        read = reading_of(_known("reading", reading, ADDRESS_READINGS))
        row = row_citations(self._site, result_of(self._site, id)) if id else []
        citations = [c._asdict() for c in (*board_citations(self._site, read), *row)]
        return {"revision": revision(self._site), "citations": citations}


ENDPOINTS: Final = (
    Api.board,
    Api.model,
    Api.answers,
    Api.compare,
    Api.map,
    Api.groups,
    Api.benchmark,
    Api.queue,
    Api.cite,
)
"""All of them; another page's twin is one more method and its name here."""


def register(site: Site) -> None:
    """Add the endpoints to the app that is being built."""
    api = Api(site)
    for method in ENDPOINTS:
        api_endpoint(
            _spoken(method.__get__(api)),
            api_name=method.__name__,
            concurrency_limit=4,
            concurrency_id="data",
        )


def arguments() -> dict[str, list[str]]:
    """What each endpoint takes, by the endpoint's name."""
    return {m.__name__: list(inspect.signature(m).parameters)[1:] for m in ENDPOINTS}


def _spoken(call: Callable[..., Document]) -> Callable[..., Document]:
    """Say what is wrong with an argument, and of any other trouble only that there is some."""

    @functools.wraps(call)
    def answer(*args: Any, **kwargs: Any) -> Document:
        try:
            return call(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the log says what it was, the caller need not know
            said, _ = in_words(error, f"the endpoint {call.__name__} failed")
            raise gr.Error(said, print_exception=False) from None

    return answer


def _address(**fields: object) -> QueryParams:
    pairs: list[tuple[str, str]] = []
    for name, value in fields.items():
        values = value if isinstance(value, list) else [value]
        pairs += [(name, str(v)) for v in values if v is not None and v != ""]
    return QueryParams(pairs)


def _known(name: str, given: object, known: tuple[str, ...]) -> str:
    if not isinstance(given, str) or given not in known:
        raise InputError(f"{name}: must be one of {', '.join(repr(k) for k in known)}")
    return given


def _page(page: object, limit: object, most: int) -> tuple[int, int]:
    """First and last row of a page, counted from 0."""
    if isinstance(page, bool) or not isinstance(page, int) or not 1 <= page <= 10**6:
        raise InputError("page: must be a whole number from 1")
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= most:
        raise InputError(f"limit: must be a whole number from 1 to {most}")
    return (page - 1) * limit, page * limit


def _sheet(sheet: Sheet, page: int, limit: int) -> Document:
    """A page of a table that can also be downloaded whole."""
    start, stop = _page(page, limit, PAGE_LIMIT)
    rows = [{c.name: row.get(c.name) for c in sheet.columns} for row in sheet.rows[start:stop]]
    made: Document = orjson.loads(orjson.dumps(rows))  # times as text
    return {
        "about": dict(sheet.about),
        "fields": {c.name: c.about for c in sheet.columns},
        "found": len(sheet.rows),
        "page": page,
        "rows": made,
    }


def _numbers(r: Result, query: BoardQuery) -> Document:
    """A row's numbers on the scale and in the reading that are asked for; a row without a match says why."""
    found = numbers(r, query.scale, query.reading)
    return {"scores": found} if query.reading == "published" else {"matches": found, "no_match": no_match(r)}
