"""The tables that can be taken away, each made from what the pages show for the same address.

`leaderboard.vocabulary.downloads` lists them for people; `SHEETS` has the function that makes each. What must not be
forgotten when a number travels stands in a field beside it (`caveats`, `reason`) and in `Sheet.about`. No text of a
benchmark is in any of them, and no row about a person.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from data.errors import InputError
from data.people.norms import Reading
from data.people.reference import Contrast
from data.values import SCALE_NAMES, SCALES, VALUES, Scale
from eval_queue.records import Result, now
from eval_queue.store.collection import encode
from eval_queue.store.compiled import MATCHES, STATISTICS, Column, compiled_results
from leaderboard.analysis.lineage import lineage
from leaderboard.boards.group_similarity import Table
from leaderboard.boards.model_facts import billions
from leaderboard.boards.readings import Standing, reading_of
from leaderboard.boards.results import Board, table_of
from leaderboard.charts.map import map_rows
from leaderboard.exports import group_rows as group_export
from leaderboard.files.benchmark_drawings import REPORTED, WHICH
from leaderboard.files.formats import Sheet
from leaderboard.groups.group_report import ModelProximity
from leaderboard.groups.names import called
from leaderboard.pages.board.query import ABOVE, BoardQuery, Value, rounded, rows_of
from leaderboard.pages.compare import page as compare
from leaderboard.pages.map import page as map_page
from leaderboard.site.answers import LONGEST_SHOWN, Filters, Given, ItemAnswers
from leaderboard.site.citation import METHOD, benchmark_name
from leaderboard.site.permanent import revision, row_address
from leaderboard.site.site import Site
from leaderboard.vocabulary.badges import OPEN_WEIGHTS, badges

Query = Mapping[str, str]

NO_DIRECTION: Final = (
    "No value is better than another: a score says what a model puts first relative to its own average, and higher is "
    "not better."
)
UNITS: Final = (
    "score, se, low and high are rating points on a scale from 1 to 6, relative to the model's own mean on the scale; "
    "raw and scale_mean are mean ratings, 1 to 6. Intervals are 95 % intervals, bootstrap over queries."
)


class UnknownRow(InputError):
    """No row has this id."""


def result_of(site: Site, id_: str | None) -> Result:
    """The row of an id.

    Raises:
        UnknownRow: there is none.
    """
    found = site.by_id().get(id_ or "")
    if found is None:
        raise UnknownRow(f"id: no row is called {id_!r}" if id_ else "id: name a row, as its page's address does")
    return found


def _about(site: Site, **more: str) -> dict[str, str]:
    return {"revision": revision(site), "retrieved": now().date().isoformat(), "reading": NO_DIRECTION, **more}


def caveats(result: Result, board: Board | None) -> str | None:
    """What must be known before a row is compared with others, in plain words."""
    practice = board.practice if board is not None else result.benchmark.name == "practice"
    said = [f"{b.word}: {b.hint}" for b in badges(result, practice=practice) if b.word != OPEN_WEIGHTS.word]
    return " ".join(said) or None


# --- the board ------------------------------------------------------------------------------------------------------

_BOARD: Final = (
    Column("position", "int32", "Place of the row in the table as it was ordered; not a rank."),
    Column("model", "string", "The model's name."),
    Column("id", "string", "The row's id; its page is model?id=ID."),
    Column("revision", "string", "The resolved revision of the weights; empty where it is not known."),
    Column("dimension", "string", "Value, higher-order value or trait."),
    Column("score", "double", "Mean rating of the dimension's items minus the mean of its scale."),
    Column("raw", "double", "Mean rating of the dimension's items, 1 to 6."),
    Column("n", "int32", "Items of the dimension with a rating."),
    Column("se", "double", "Standard error of the score, bootstrap over queries."),
    Column("low", "double", "Lower end of the score's 95 % interval."),
    Column("high", "double", "Upper end of it."),
    Column("scale", "string", "Name of the scale."),
    Column("scale_mean", "double", "The model's own mean rating over the scale's items, 1 to 6."),
    Column("reliability", "double", "Share of the variance between its ten scores that is not sampling noise."),
    Column("caveats", "string", "What must be known before this row is compared with others; empty for nothing."),
    Column("note", "string", "What else a reader must know about this row."),
    Column("developer", "string", "Who made the model."),
    Column("family", "string", "Its developer's line, read from its name."),
    Column("open_weights", "bool", "Whether its weights can be downloaded; empty where unknown."),
    Column("billion_parameters", "double", "Its size, as counted or else as its name says; empty where unknown."),
    Column("origin", "string", "Who ran it: published (the authors), space (this installation), self-reported."),
    Column("rated", "int32", "Answers that were read as a rating."),
    Column("prompts", "int32", "Prompts of a full evaluation."),
    Column("benchmark", "string", "The benchmark's name."),
    Column("benchmark_digest", "string", "SHA-256 of its canonical content."),
    Column("protocol", "string", "Version of the protocol that decided the prompts."),
    Column("answer_mode", "string", "free-text, or constrained to the six phrases."),
    Column("reasoning_effort", "string", "How much the model was asked to think; empty for the endpoint's own choice."),
    Column("provider", "string", "Who answered, where the endpoint is a router that says so."),
    Column("engine", "string", "What runs the model, with its version, as far as is known."),
    Column("quantisation", "string", "How the weights are stored, as far as is known."),
    Column("context_length", "int32", "Longest context that is served, in tokens, as far as is known."),
    Column("deterministic", "bool", "Whether the engine promises the same answer in any batch; empty where unknown."),
    Column("changed", "string", "Parameters of the protocol that the endpoint did not take as they are."),
    Column("created", "timestamp", "When the row was computed."),
)
_SCORES: Final = ("score", "raw", "n", "se", "low", "high")
_PLAIN: Final = (
    *("id", "model", "revision", "reliability", "note", "developer", "open_weights", "origin", "protocol"),
    *("answer_mode", "reasoning_effort", "created"),
)
"""Columns that a row's record has under the same name."""
_MATCHES: Final = (
    Column("match", "double", "Correlation of its ratings of all items with the dimension's template, -1 to 1."),
    Column("se_queries", "double", "Standard error of the match over queries, bootstrap."),
    Column("se_people", "double", "Its standard error over the people behind the template, bootstrap."),
    Column("low", "double", "Lower end of its 95 % interval from both; may be below -1."),
    Column("high", "double", "Upper end of it."),
)
_AT: Final = next(i for i, c in enumerate(_BOARD) if c.name == _SCORES[0])
_BOARD_MATCHED: Final = (*_BOARD[:_AT], *_MATCHES, *(c for c in _BOARD[_AT:] if c.name not in _SCORES))
MATCH_UNITS: Final = (
    "match is the Pearson correlation of a model's mean ratings of all items with how each item goes with the "
    "dimension among people; 0: nothing to do with it. It depends neither on the mean nor on the spread of its "
    "ratings. Intervals are 95 % intervals for other queries and other people."
)
"""What the numbers of the reading on all items are."""


def board_sheet(site: Site, query: Query) -> Sheet:
    """The board as filtered, one row a model and dimension in view."""
    asked = BoardQuery.parse(query)
    board = table_of(site.boards(), asked.table)
    rows = () if board is None else tuple(_board_rows(board, asked, board_rows(site, board, asked)))
    matched = asked.reading == "match"
    about = _about(site, units=MATCH_UNITS if matched else UNITS, scale=SCALE_NAMES[asked.scale])
    about["method"] = f"version {METHOD}, {'all items' if matched else 'as published'}"
    if board is not None:
        about["benchmark"] = benchmark_name(board.benchmark)
    return Sheet("board", about, _BOARD_MATCHED if matched else _BOARD, rows)


def board_rows(site: Site, board: Board, asked: BoardQuery) -> tuple[Result, ...]:
    """The rows of a board that an address shows, in its order, also by the columns that set rows against people."""
    if asked.sort.startswith(ABOVE):
        return rows_of(board, asked, _above(site.standings.of(board), asked))
    table = site.proximities.of(board, asked.reading) if asked.sort in near_columns(site) else None
    return rows_of(board, asked, None if table is None else _among_people(table, site.reference.contrasts))


def near_columns(site: Site) -> tuple[str, ...]:
    """Columns of the board that set rows against groups of people."""
    return ("like_raters", "nearest", *(c.name for c in site.reference.contrasts))


def people_columns(site: Site) -> tuple[str, ...]:
    """Columns of the board that set rows against people."""
    return (*near_columns(site), *(f"{ABOVE}{d.name}" for d in VALUES))


def _above(standing: Standing | None, asked: BoardQuery) -> Mapping[str, Value]:
    """What the columns sort by that set rows among the people who rated the same responses."""

    def share(r: Result, name: str) -> float | None:
        found = None if standing is None else standing[asked.reading].get(r.id, {}).get(name)
        return None if found is None else rounded(found.share)

    return {f"{ABOVE}{d.name}": partial(share, name=d.name) for d in VALUES}


def _among_people(table: Table, contrasts: Sequence[Contrast]) -> Mapping[str, Value]:
    """What the columns of people sort by, rounded as they are sent to the browser."""

    def told(r: Result) -> ModelProximity | None:
        found = table.rows.get(r.id)
        return found if found is not None and found.reported else None

    def like(r: Result) -> float | None:
        found = table.rows.get(r.id)
        return None if found is None else rounded(found.like_raters.spearman)

    def nearest(r: Result) -> str | None:
        found = told(r)
        if found is None:
            return None
        return called(found.nearest.group) if found.nearest.group else "not distinguishable"

    def lean(r: Result, name: str) -> float | None:
        found = told(r)
        lean = None if found is None else found.leans.get(name)
        return None if lean is None else rounded(lean.lean)

    return {"like_raters": like, "nearest": nearest, **{c.name: partial(lean, name=c.name) for c in contrasts}}


def _board_rows(board: Board, asked: BoardQuery, shown: tuple[Result, ...]) -> Iterator[Mapping[str, Any]]:
    for position, r in enumerate(shown, start=1):
        profile, figures = r.scales.get(asked.scale), numbers(r, asked.scale, asked.reading)
        same = {
            **{name: getattr(r, name) for name in _PLAIN},
            "position": position,
            "scale": SCALE_NAMES[asked.scale],
            "scale_mean": None if profile is None else profile.mean,
            "caveats": caveats(r, board),
            "family": lineage(r.model).family,
            "billion_parameters": billions(r),
            "rated": r.coverage.rated,
            "prompts": r.coverage.prompts,
            "benchmark": r.benchmark.name,
            "benchmark_digest": r.benchmark.digest,
            **_served(r),
        }
        for d in asked.dimensions:
            yield {**same, "dimension": d.name, **figures.get(d.name, {})}


def numbers(result: Result, scale: Scale, reading: Reading) -> dict[str, dict[str, Any]]:
    """A row's numbers on a scale under a reading, by dimension."""
    if reading == "match":
        return {name: match.model_dump() for name, match in (result.match or {}).get(scale, {}).items()}
    profile = result.scales.get(scale)
    cells = {} if profile is None else profile.dimensions
    return {name: {field: getattr(cell, field) for field in _SCORES} for name, cell in cells.items()}


def _served(r: Result) -> dict[str, Any]:
    """What ran a row's model, and how it was asked otherwise than others."""
    if r.run is None:
        return {}
    served = r.run.served
    changed = "; ".join(f"{name}: {became}" for name, became in (r.run.changed or {}).items())
    about: dict[str, Any] = {"provider": r.run.provider, "changed": changed or None}
    if served is not None:
        engine = " ".join(word for word in (served.engine, served.version) if word)
        about |= served.model_dump(include={"quantisation", "context_length", "deterministic"})
        about["engine"] = engine or None
    return about


# --- all results ----------------------------------------------------------------------------------------------------


def results_sheet(site: Site, query: Query) -> Sheet:
    """All results, one row a result; columns as in the compiled table of the results' repository."""
    del query
    compiled = compiled_results()
    columns = tuple(c for c in compiled.columns if c.name not in ("oid", "record"))
    rows = tuple(compiled.row(encode(r)) for r in sorted(site.results(), key=lambda r: r.id))
    endings = {end: words for end, (_, _, words) in STATISTICS.items()}
    endings |= {end: words for end, (_, words) in MATCHES.items()}
    words = "; ".join(f"{end or '(no ending)'}: {words}" for end, words in endings.items())
    return Sheet("results", _about(site, units=UNITS, endings=words), columns, rows)


# --- answers --------------------------------------------------------------------------------------------------------

ANSWER_COLUMNS: Final = (
    Column("id", "string", "Id of the row that the answer belongs to."),
    Column("model", "string", "The model's name."),
    Column("prompt_variant", "string", "Which of the six prompts."),
    Column("portrait_id", "int32", "Id of the query, as in the benchmark."),
    Column("option_id", "int32", "Id of the response within the query."),
    Column("raw_response", "string", "What the model wrote; empty where it is not kept here or the request failed."),
    Column("length", "int32", "Characters of what it wrote, where that is known."),
    Column("rating", "int8", "The rating that was read, 1 to 6; empty where none could be."),
    Column("unscored", "string", "Why there is no rating."),
)
"""Of all answers of all rows; one row's sheet has more."""
_ITEM: Final = (
    Column("item_mean", "double", "Mean of the item's ratings over the prompts."),
    Column("values", "string", "Values the item speaks for, joined by semicolons; empty where the key is not here."),
    Column("source", "string", "Where the query was asked; empty where the benchmark is not here."),
)
_NAMED: Final = ("portrait_id", "option_id", "prompt_variant", "raw_response")
CUT: Final = (
    f"Of answers longer than {LONGEST_SHOWN:,} characters only the beginning is given here; length counts all of it, "
    "and download/answers.json has it."
)
TEXTS: Final = (
    "Texts of queries and responses belong to the benchmark and are not in this file: portrait_id and option_id name "
    "them."
)


def answers_sheet(site: Site, query: Query) -> Sheet:
    """One row's answers, filtered like the Model page, one row an answer; long ones are cut as there.

    Raises:
        InputError: there is no such row, or nothing is stored for it.
        StoreUnavailable: its answers cannot be had now.
    """
    result = result_of(site, query.get("id"))
    answers = list(_filtered(site, result, query))
    about = {"cut": CUT} if any(given.is_cut for _, given in answers) else {}
    rows = tuple(_answer_row(result, item, given, given.raw) for item, given in answers)
    return _answers(site, result, rows, **about)


def whole_answers(site: Site, query: Query) -> tuple[Sheet, Iterator[Mapping[str, Any]]]:
    """As `answers_sheet`, without rows, and the rows with whole answers, read one after the other; errors as there."""
    result = result_of(site, query.get("id"))
    answers = list(_filtered(site, result, query))
    return _answers(site, result, ()), _whole_rows(site, result, answers)


def _answers(site: Site, result: Result, rows: tuple[Mapping[str, Any], ...], **more: str) -> Sheet:
    told = {"texts": TEXTS, "address": row_address(site, result), "benchmark": benchmark_name(result.benchmark)}
    return Sheet("answers", _about(site, **told, **more), (*ANSWER_COLUMNS, *_ITEM), rows)


def _filtered(site: Site, result: Result, query: Query) -> Iterator[tuple[ItemAnswers, Given]]:
    filters = Filters.parse(query)
    return ((item, given) for item in site.items.of(result) if filters.keeps(item) for given in item.given)


def _whole_rows(
    site: Site, result: Result, answers: Sequence[tuple[ItemAnswers, Given]]
) -> Iterator[Mapping[str, Any]]:
    """Rows with whole answers. Long ones, which are stored in another order, wait in a file and not in memory."""
    wanted = {(item.query_id, item.option_id, given.variant) for item, given in answers if given.is_cut}
    with tempfile.TemporaryFile() as file:
        places: dict[tuple[int, int, str], tuple[int, int]] = {}
        for batch in site.answer_batches(result, _NAMED) if wanted else ():
            asked = zip(*(batch[name].to_pylist() for name in _NAMED[:3]), strict=True)
            for prompt, text in zip(asked, batch["raw_response"], strict=True):
                if prompt in wanted:
                    places[prompt] = (file.tell(), file.write(text.as_buffer()))
        for item, given in answers:
            raw = given.raw
            if (place := places.get((item.query_id, item.option_id, given.variant))) is not None:
                file.seek(place[0])
                raw = file.read(place[1]).decode()
            yield _answer_row(result, item, given, raw)


def _answer_row(result: Result, item: ItemAnswers, given: Given, raw: str | None) -> Mapping[str, Any]:
    return {
        "id": result.id,
        "model": result.model,
        "prompt_variant": given.variant,
        "portrait_id": item.query_id,
        "option_id": item.option_id,
        "raw_response": raw,
        "length": given.length,
        "rating": given.rating,
        "unscored": given.unscored,
        "item_mean": item.mean,
        "values": "; ".join(item.values) or None,
        "source": item.source,
    }


# --- people ---------------------------------------------------------------------------------------------------------


def groups_sheet(site: Site, query: Query) -> Sheet:
    """A board's rows among people, one number a row; rows that are not set against people say why."""
    board = table_of(site.boards(), query.get("table", ""))
    table = None if board is None else site.proximities.of(board, reading_of(query.get("reading")))
    rows: list[Mapping[str, Any]] = [] if table is None else [*group_export.rows(table)]
    for r in () if board is None else board.results:
        if table is None or r.id not in table.rows:
            reason = "this table is not compared with groups of people" if table is None else table.reason(r)
            rows.append({"model": r.model, "id": r.id, "reported": False, "reason": reason})
    said = {} if table is None else {k: str(v) for k, v in table.about.caveats.model_dump().items() if v is not None}
    return Sheet("groups", _about(site, **said), group_export.COLUMNS, tuple(rows))


# --- comparison and map ---------------------------------------------------------------------------------------------

_COMPARE: Final = (
    Column("first", "string", "Name of the row that is subtracted."),
    Column("first_id", "string", "Its id."),
    Column("second", "string", "Name of the row that it is subtracted from."),
    Column("second_id", "string", "Its id."),
    Column("scale", "string", "pvq, higher_pvq or bfi."),
    Column("dimension", "string", "Value, higher-order value or trait."),
    Column("reading", "string", "published: scores in rating points; match: matches on all items."),
    Column("p_overall", "double", "Is any dimension of the pair different?"),
    Column("difference", "double", "Second minus first."),
    Column("low", "double", "Lower end of its 95 % interval."),
    Column("high", "double", "Upper end of it."),
    Column("p", "double", "Two-sided p-value, taken alone."),
    Column("p_adjusted", "double", "After the correction over the dimensions."),
    Column("separates", "bool", "Whether the two are distinguishable here."),
    Column("outcome", "string", "What may be said of the pair."),
)


def compare_sheet(site: Site, query: Query) -> Sheet:
    """Rows that are compared, one row a pair and dimension.

    Raises:
        StoreUnavailable: answers cannot be had now.
    """
    found = compare.data(site, query)
    named = {m.id: m.model for m in found.members}
    rows = tuple(
        {
            "first": named[p.first],
            "first_id": p.first,
            "second": named[p.second],
            "second_id": p.second,
            "scale": found.choice.scale,
            "reading": found.choice.reading,
            "dimension": dimension,
            "p_overall": p.p_overall,
            **d.model_dump(),
            "outcome": p.line,
        }
        for p in found.pairs
        for dimension, d in p.differences.items()
    )
    said = {"note": found.note, "problem": found.problem, "left_out": " ".join(found.omitted)}
    return Sheet("compare", _about(site, **{k: v for k, v in said.items() if v}), _COMPARE, rows)


_PLACES: Final = {
    "x": "Its place from left to right",
    "y": "Its place from bottom to top",
    "length": "Amplitude of its wave around the circle of values, in rating points or matches",
    "angle": "Where its wave peaks, in degrees: Self-Direction 0, the others 36 apart",
    "fit": "Share of its profile that the wave explains; `fit_by_chance` is what chance gives",
}
_MAP: Final = (
    Column("kind", "string", "model, or a group of people."),
    Column("reading", "string", "published: of scores by the key, rating points; match: of matches on all items."),
    Column("id", "string", "The row's id, or the group's name."),
    Column("name", "string", "What the map calls it."),
    Column("developer", "string", "Who made the model."),
    Column("family", "string", "Its developer's line, read from its name."),
    Column("muted", "bool", "Whether too little stands out, or was read, to compare it."),
    *(
        Column(f"{name}{end}", "double", f"{words}{tail}.")
        for name, words in _PLACES.items()
        for end, tail in (("", ""), ("_low", ", lower end of the 95 % interval"), ("_high", ", upper end of it"))
    ),
    Column("ellipse_major", "double", "Longer half axis of its 95 % region."),
    Column("ellipse_minor", "double", "Shorter half axis of it."),
    Column("ellipse_turn", "double", "How far the region is turned, in degrees."),
    Column("fit_by_chance", "double", "What a wave explains of unrelated numbers; of matches of random ratings."),
)


def map_sheet(site: Site, query: Query) -> Sheet:
    """The map as rows: one a model and one a group of people."""
    found = map_page.data(site, query)
    said = {"reading": found.reading, "fit_by_chance": found.fit_by_chance}
    return Sheet("map", _about(site), _MAP, tuple({**row, **said} for row in map_rows(found)))


# --- queue and benchmark --------------------------------------------------------------------------------------------

_QUEUE: Final = (
    Column("id", "string", "The submission's id, which is its result's, too."),
    Column("model", "string", "The model that is asked."),
    Column("revision", "string", "The resolved revision of its weights, where it is pinned."),
    Column("endpoint", "string", "The operator's name of the endpoint."),
    Column("answer_mode", "string", "free-text, or constrained to the six phrases."),
    Column("persona", "string", "The persona the model is given; empty for none."),
    Column("benchmark", "string", "The benchmark's name."),
    Column("benchmark_digest", "string", "SHA-256 of its canonical content."),
    Column("protocol", "string", "Version of the protocol that decides the prompts."),
    Column("state", "string", "proposed, pending, running, done, failed or cancelled."),
    Column("place", "int32", "Its place in the order of evaluation, 1 for the next; empty if it does not wait."),
    Column("prompts_done", "int32", "Prompts that have an answer or were given up."),
    Column("prompts_total", "int32", "Prompts of the evaluation."),
    Column("failure_code", "string", "Why it failed, in a word."),
    Column("failure_message", "string", "The same in a sentence."),
    Column("created", "timestamp", "When it was submitted."),
    Column("started", "timestamp", "When the last attempt was begun."),
    Column("finished", "timestamp", "When it was done, failed or cancelled."),
)


def queue_sheet(site: Site, query: Query) -> Sheet:
    """All submissions, the newest first. Who submitted them is on no page and in no file."""
    del query
    plain = ("id", "model", "revision", "endpoint", "answer_mode", "persona", "protocol", "state")
    times = ("created", "started", "finished")
    rows = tuple(
        {
            **{name: getattr(s, name) for name in (*plain, *times)},
            "benchmark": s.benchmark.name,
            "benchmark_digest": s.benchmark.digest,
            "place": site.queue.position(s.id),
            "prompts_done": s.progress.done if s.progress else None,
            "prompts_total": s.progress.total if s.progress else None,
            "failure_code": s.failure.code if s.failure else None,
            "failure_message": s.failure.message if s.failure else None,
        }
        for s in reversed(site.queue.submissions())
    )
    return Sheet("queue", {"retrieved": now().isoformat()}, _QUEUE, rows)


_BENCHMARK: Final = (
    *WHICH,
    *REPORTED.values(),
    Column("person_centred_items", "int32", "Items under the exploratory key without people's own mean rating."),
    Column("person_centred_p", "double", "How often shuffling gives as many of these or more."),
    *(
        Column(
            f"{reading}_{over}{end}", "double", f"{words} between the released models, halves of the {over}, {read}."
        )
        for reading, read in (("published", "as published"), ("match", "all items"))
        for over in ("queries", "people")
        for end, words in (
            ("", "Reliability"),
            ("_low", "Lower end of the 95 % interval of the reliability"),
            ("_high", "Upper end of the 95 % interval of the reliability"),
        )
    ),
)


def benchmark_sheet(site: Site, query: Query) -> Sheet:
    """What the benchmark's columns can carry, one row a dimension.

    Raises:
        InputError: the figures are not at hand.
    """
    from leaderboard.pages.benchmark.page import choose

    del query
    report, note = choose(site)
    rows = tuple(
        {
            "dimension": d.name,
            "scale": SCALE_NAMES[scale],
            **{name: getattr(report.dimensions[d.name], name) for name in REPORTED},
            "person_centred_items": report.person_centred[d.name].items,
            "person_centred_p": report.person_centred[d.name].p,
            **{f"{reading}_{name}": x for reading, columns in report.columns.items() for name, x in columns[d.name]},
        }
        for scale, ds in SCALES.items()
        for d in ds
    )
    about = {
        "benchmark": f"{report.benchmark.name} {report.benchmark.digest}",
        "note": note,
        "caution": " ".join(report.caution()),
    }
    return Sheet("benchmark", about, _BENCHMARK, rows)


SHEETS: Final[Mapping[str, Callable[[Site, Query], Sheet]]] = {
    "board": board_sheet,
    "results": results_sheet,
    "answers": answers_sheet,
    "groups": groups_sheet,
    "compare": compare_sheet,
    "map": map_sheet,
    "benchmark": benchmark_sheet,
    "queue": queue_sheet,
}
"""What makes each table of `leaderboard.vocabulary.downloads.DOWNLOADS`, by its name."""
