"""Reading a benchmark and its rating study from a folder in upstream's layout.

Guarantees: every file is read once and checked whole before anything is returned, so nothing is ever half-loaded; what
is wrong is named by file, field and what was expected. Files are data only: no content of theirs is interpreted. Where
the folder comes from, and whether it is upstream's, is `data.sources.loading`' matter.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, Strict, TypeAdapter, ValidationError, create_model

from data.benchmark import VARIANTS, Item, Key, Query, Template
from data.errors import InputError
from data.ratings import SurveyGroup
from data.values import DIMENSIONS, SCALES, Scale

TAGGED: Final = "data/query-response-tagged/query-response-tagged.json"
"""Queries and responses."""
CORRELATIONS: Final[dict[Scale, str]] = {s: f"data/correlation_results/{s}_correlation_results.json" for s in SCALES}
"""The key, one file a scale."""
TEMPLATES: Final[dict[str, tuple[str, str]]] = {
    v: (f"lm_evaluation/prompts/{v}/reddit_prompt.txt", f"lm_evaluation/prompts/{v}/sharegpt_prompt.txt")
    for v in VARIANTS
}
"""Prompt wordings by variant: for queries with a title, for queries without."""
SURVEY: Final = "data/prolific/survey/main/survey.json"
"""People's ratings, one entry a survey group."""
VALUES: Final = "data/prolific/value/main/value.json"
"""People's own scores on the 19 dimensions."""

FILES: Final[tuple[str, ...]] = (
    TAGGED,
    *CORRELATIONS.values(),
    *(name for pair in TEMPLATES.values() for name in pair),
    SURVEY,
    VALUES,
)
"""Every file that is needed, as paths below the folder."""

QUERY_SOURCES: Final[dict[int, str]] = {1: "Reddit", 2: "Dear Abby", 3: "ShareGPT", 4: "LMSYS"}
"""Where a query was asked, by the thousands of its id."""

_PLACEHOLDERS = re.compile(r"\{(?:title|text|content)\}")
TITLED: Final = frozenset({"{title}", "{text}", "{content}"})
"""Placeholders of a template for queries with a title."""
UNTITLED: Final = frozenset({"{text}", "{content}"})
"""... and for queries without."""

_T = TypeVar("_T")
_Int = Annotated[int, Strict()]
_Float = Annotated[float, Strict(), Field(allow_inf_nan=False)]
_Text = Annotated[str, Strict(), Field(pattern=r"\S")]
_Option = Annotated[_Int, Field(ge=1)]
_QueryNumber = Annotated[_Int, Field(ge=1)]
_QueryString = Annotated[str, Strict(), Field(pattern=r"^[1-9]\d{0,8}$")]


class _Content(BaseModel):
    title: _Text | None
    text: _Text


class _Response(BaseModel):
    id: _Option
    content: _Text


class _Tagged(BaseModel):
    portrait_id: _QueryNumber
    content: _Content
    outputs: Annotated[list[_Response], Field(min_length=1)]


class _Correlation(BaseModel):
    portrait_id: _QueryString
    option_id: _Option
    spearman_corr: Annotated[_Float, Field(ge=-1, le=1)]
    spearman_p_value: Annotated[_Float, Field(ge=0, le=1)]


def _correlations(scale: Scale) -> TypeAdapter[Any]:
    """A scale's file: each has a name of its own for the dimension."""
    dimension: Any = Annotated[_Text, Field(alias=f"{scale}_dimension")]
    return TypeAdapter(list[create_model("_OfScale", __base__=_Correlation, dimension=dimension)])  # type: ignore[misc]


class _Rated(BaseModel):
    option_id: _Option
    data: Annotated[list[tuple[Annotated[_Int, Field(ge=1, le=6)], _Text]], Field(min_length=1)]


class _Scores(BaseModel):
    pvq: dict[str, _Float]
    higher_pvq: dict[str, _Float]
    bfi: dict[str, _Float]


_Entry = Annotated[dict[_QueryString, list[_Rated]], Field(min_length=1)]

_TAGGED: TypeAdapter[list[_Tagged]] = TypeAdapter(Annotated[list[_Tagged], Field(min_length=1)])
_CORRELATIONS: Final = {scale: _correlations(scale) for scale in SCALES}
_SURVEY: TypeAdapter[list[dict[str, list[_Rated]]]] = TypeAdapter(Annotated[list[_Entry], Field(min_length=1)])
_VALUES = TypeAdapter(dict[str, _Scores])


@dataclass(frozen=True)
class Files:
    """The bytes of every file of the layout, read once."""

    folder: Path
    """Where they were read from; only for messages."""
    content: dict[str, bytes]
    """By path below the folder, every path of `FILES`."""

    def error(self, name: str, message: str, field: str | None = None) -> InputError:
        """An error in the file `name`."""
        advice = "Correct this file, or take it from upstream again."
        return InputError(f"{message}. {advice}", file=self.folder / name, field=field)

    def text(self, name: str) -> str:
        """A file as text."""
        try:
            return self.content[name].decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.error(name, f"expected UTF-8 text, found another byte at position {error.start}") from error

    def json(self, name: str, shape: TypeAdapter[_T]) -> _T:
        """A JSON file, checked against the shape it must have."""
        try:
            raw = json.loads(self.text(name), object_pairs_hook=_unique)
        except _DuplicateKeyError as error:
            raise self.error(name, "the same key stands twice in one object", field=error.key) from error
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise self.error(name, f"expected JSON, but {where}: {error.msg}") from error
        except (ValueError, RecursionError) as error:  # digits or nesting beyond what Python parses
            raise self.error(name, f"expected JSON of ordinary size ({error})") from error
        try:
            return shape.validate_python(raw)
        except ValidationError as error:
            first, *more = error.errors(include_url=False)
            message = first["msg"][0].lower() + first["msg"][1:]
            if not isinstance(first["input"], dict | list):
                message += f", found {first['input']!r:.60}"
            if more:
                message += f" ({len(more)} more such errors)"
            raise self.error(name, message, field=_field(first["loc"])) from error


@dataclass(frozen=True)
class Content:
    """What models are asked: the part of a benchmark that has texts."""

    queries: tuple[Query, ...]
    """In order of id."""
    items: tuple[Item, ...]
    """In order of (query, option)."""
    templates: dict[str, Template]
    """One per variant, in order."""


class Group(NamedTuple):
    """One survey group with the names of its people. Stays inside `data`."""

    people: tuple[str, ...]
    """Participants, in the order of the rows of `ratings`."""
    items: tuple[tuple[int, int], ...]
    """(`portrait_id`, `option_id`) of the columns of `ratings`."""
    ratings: NDArray[np.float64]
    """1 to 6, shape (people, items)."""


@dataclass(frozen=True)
class EarlierSession:
    """Own scores that the value file no longer holds, as the participant took part again later."""

    participant: str
    group: int
    """Index of the survey group of the earlier session."""
    values: NDArray[np.float64]
    """The scores of that session on `data.values.DIMENSIONS`, shape (19,)."""
    stored_sha256: str
    """Digest of the later session's scores, by which the value file is recognised: `scores_digest`."""


def read_folder(folder: Path) -> Files:
    """Read every file of the layout.

    Args:
        folder: a folder in upstream's layout.

    Raises:
        InputError: the folder or a file is missing (all that are missing are named) or cannot be read.
    """
    if not folder.is_dir():
        raise InputError(
            "no such folder; expected `practice`, `upstream` or a folder in upstream's layout, or org/name@revision",
            file=folder,
        )
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        message = f"{len(missing)} of {len(FILES)} files of upstream's layout are missing: {', '.join(missing)}"
        raise InputError(f"{message}. Copy them from upstream's repository.", file=folder)
    content = {}
    for name in FILES:
        try:
            content[name] = (folder / name).read_bytes()
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", file=folder / name) from error
    return Files(folder, content)


def read_content(files: Files) -> Content:
    """Queries, items and templates.

    Raises:
        InputError: a file is not as it must be.
    """
    queries: dict[int, Query] = {}
    items: dict[tuple[int, int], Item] = {}
    rows = files.json(TAGGED, _TAGGED)
    for i, row in enumerate(rows):
        number = row.portrait_id
        if number // 1000 not in QUERY_SOURCES:
            expected = ", ".join(f"{k}xxx {name}" for k, name in QUERY_SOURCES.items())
            raise files.error(
                TAGGED, f"expected an id of a known source ({expected}), found {number}", f"[{i}].portrait_id"
            )
        if number in queries:
            raise files.error(TAGGED, f"duplicate query {number}; expected each once", f"[{i}].portrait_id")
        queries[number] = Query(number, QUERY_SOURCES[number // 1000], row.content.title, row.content.text)
        for j, response in enumerate(row.outputs):
            item = Item(number, response.id, response.content)
            if item.id in items:
                raise files.error(
                    TAGGED, f"duplicate item {item_name(item.id)}; expected each once", f"[{i}].outputs[{j}].id"
                )
            items[item.id] = item
    templates = {
        v: Template(_template(files, a, TITLED), _template(files, b, UNTITLED)) for v, (a, b) in TEMPLATES.items()
    }
    return Content(
        queries=tuple(queries[k] for k in sorted(queries)),
        items=tuple(items[k] for k in sorted(items)),
        templates=templates,
    )


def read_key(files: Files, items: Iterable[Item]) -> Key:
    """The correlation of every item with every dimension.

    Args:
        files: the files of the layout.
        items: the items, in the order the key shall have.

    Raises:
        InputError: a file is not as it must be, or an item and dimension have no correlation, or two.
    """
    index = {item.id: i for i, item in enumerate(items)}
    rho = np.full((len(index), len(DIMENSIONS)), np.nan)
    p = np.full_like(rho, np.nan)
    for scale, name in CORRELATIONS.items():
        column = {d.key: c for c, d in enumerate(DIMENSIONS) if d.scale == scale}
        for i, row in enumerate(files.json(name, _CORRELATIONS[scale])):
            item = int(row.portrait_id), row.option_id
            if row.dimension not in column:
                message = f"unknown dimension {row.dimension!r:.60}; expected one of {', '.join(column)}"
                raise files.error(name, message, f"[{i}].{scale}_dimension")
            if item not in index:
                raise files.error(name, f"a correlation for the unknown item {item_name(item)}", f"[{i}].portrait_id")
            at = index[item], column[row.dimension]
            if not np.isnan(rho[at]):
                message = f"a second correlation for item {item_name(item)} and {row.dimension}; expected one"
                raise files.error(name, message, f"[{i}]")
            rho[at], p[at] = row.spearman_corr, row.spearman_p_value
        columns = list(column.values())
        gaps = np.argwhere(np.isnan(rho[:, columns]))
        if len(gaps):
            ids, keys = list(index), list(column)
            some = ", ".join(f"{item_name(ids[i])} {keys[c]}" for i, c in gaps[:3])
            raise files.error(name, f"{len(gaps)} correlations are missing, e.g. of {some}; expected one of every item")
    return Key(rho, p)


def read_groups(files: Files, items: Iterable[Item]) -> tuple[Group, ...]:
    """People's ratings, in the order of the survey file.

    Raises:
        InputError: the file is not as it must be, or an item is rated by no group or by two, or not by all its people.
    """
    known = {item.id for item in items}
    rated: dict[tuple[int, int], int] = {}
    groups = []
    entries = files.json(SURVEY, _SURVEY)
    for g, entry in enumerate(entries):
        people: tuple[str, ...] = ()
        columns: list[tuple[int, int]] = []
        ratings = []
        for query, responses in entry.items():
            for j, response in enumerate(responses):
                field = f"[{g}].{query}[{j}]"
                item = int(query), response.option_id
                if item not in known:
                    raise files.error(SURVEY, f"ratings of the unknown item {item_name(item)}", field)
                if item in rated:
                    where = f"rated in entry [{rated[item]}] too"
                    message = f"duplicate item {item_name(item)}, {where}; expected each once"
                    raise files.error(SURVEY, message, field)
                rated[item] = g
                by_person = {person: rating for rating, person in response.data}
                people = people or tuple(by_person)
                if len(by_person) < len(response.data) or by_person.keys() != set(people):
                    message = f"expected one rating of each of the group's {len(people)} people"
                    raise files.error(SURVEY, message, f"{field}.data")
                columns.append(item)
                ratings.append([by_person[person] for person in people])
        groups.append(Group(people, tuple(columns), np.array(ratings, dtype=np.float64).T))
    unrated = sorted(known - rated.keys())
    if unrated:
        some = ", ".join(item_name(item) for item in unrated[:3])
        raise files.error(SURVEY, f"no ratings of {len(unrated)} items, e.g. {some}; expected some of every item")
    return tuple(groups)


def read_values(files: Files, groups: Iterable[Group]) -> dict[str, NDArray[np.float64]]:
    """People's own scores on `data.values.DIMENSIONS`, by participant, as stored (never rounded).

    Raises:
        InputError: the file is not as it must be, or somebody who rated has no scores.
    """
    everybody = files.json(VALUES, _VALUES)
    values = {}
    for person, scores in everybody.items():
        row: list[float] = []
        for scale, members in SCALES.items():
            of_scale: dict[str, float] = getattr(scores, scale)
            names = [d.key for d in members]
            if of_scale.keys() != set(names):
                wrong = ", ".join(sorted(of_scale.keys() ^ set(names)))
                message = f"expected exactly {', '.join(names)}; unknown or missing: {wrong:.200}"
                raise files.error(VALUES, message, f"{person}.{scale}")
            row += [of_scale[name] for name in names]
        values[person] = np.array(row)
    without = sorted({person for group in groups for person in group.people} - values.keys())
    if without:
        some = ", ".join(without[:3])
        raise files.error(
            VALUES, f"{len(without)} people who rated have no scores of their own, e.g. {some}", without[0]
        )
    return values


def survey_groups(
    groups: Iterable[Group], values: dict[str, NDArray[np.float64]], earlier: EarlierSession
) -> tuple[SurveyGroup, ...]:
    """Ratings and own scores side by side, without names.

    Args:
        groups: the survey's groups.
        values: own scores by participant.
        earlier: scores to take in place of the stored ones, where the value file really holds the later session's.
    """
    stored = values.get(earlier.participant)
    applies = stored is not None and scores_digest(stored) == earlier.stored_sha256
    result = []
    for g, group in enumerate(groups):
        own = values | {earlier.participant: earlier.values} if applies and g == earlier.group else values
        result.append(SurveyGroup(group.items, group.ratings, np.array([own[person] for person in group.people])))
    return tuple(result)


def scores_digest(scores: NDArray[np.float64]) -> str:
    """SHA-256 of a person's scores as little-endian doubles, the same on every machine."""
    return hashlib.sha256(scores.astype("<f8").tobytes()).hexdigest()


class _DuplicateKeyError(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; a key that stands twice would otherwise silently replace what came before."""
    result = dict(pairs)
    if len(result) < len(pairs):
        raise _DuplicateKeyError(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return result


def placeholders(text: str) -> frozenset[str]:
    """The placeholders in a prompt's wording."""
    return frozenset(_PLACEHOLDERS.findall(text))


def _template(files: Files, name: str, expected: frozenset[str]) -> str:
    text = files.text(name)
    found = placeholders(text)
    if found != expected:
        wrong = ", ".join(sorted(found ^ expected))
        raise files.error(
            name, f"expected the placeholders {', '.join(sorted(expected))}; missing or out of place: {wrong}"
        )
    return text


def _field(loc: tuple[int | str, ...]) -> str | None:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".") or None


def item_name(item: tuple[int, int]) -> str:
    """An item as people write it: `1001/2`."""
    return f"{item[0]}/{item[1]}"
