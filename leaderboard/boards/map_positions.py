"""What the map shows: a board's rows and groups of people laid onto a fixed plane (`leaderboard.analysis.projection`).

The records here are the page, its table, its drawing and its JSON twin in one. A row's place needs its ten scores only.
How sure it is needs its answers to the single items; where these are not at hand `Regions` has nothing, and the row
stands there without an interval, which every form of the map says. Groups of people are there where the benchmark's
raters are known on both instruments; practice boards have none. Read by matches on all items there are no people:
matches have no scale that links them with the questionnaire.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from data.people.norms import Reading
from data.people.reference import Reference
from data.people.templates import ValueTemplates
from data.sources.key_file import KeyTable
from data.values import VALUES
from eval_queue.records import BenchmarkRef, Result
from eval_queue.scoring.bootstrap import bootstrap
from eval_queue.scoring.formulas import Floats
from eval_queue.scoring.match import people_draws
from eval_queue.scoring.stability import circumplex, wrapped
from leaderboard.analysis.associations import overlap
from leaderboard.analysis.lineage import lineage
from leaderboard.analysis.projection import (
    WEIGHTS,
    Ellipse,
    Place,
    Region,
    View,
    normal_region,
    on_items,
    places,
    region,
    share,
)
from leaderboard.analysis.summary import PUBLISHED_DIGEST
from leaderboard.boards.readings import cell_of
from leaderboard.boards.results import Board
from leaderboard.boards.row_answers import RowAnswers
from leaderboard.groups.names import GROUPS
from leaderboard.groups.proximity import SLOPES
from leaderboard.measurement.readings import match_sample

_CHUNK: Final = 50
"""Rows whose draws are worked out at once: each needs 0.3 MB."""
_SEED: Final = 20320
"""Of the random matches that tell what a wave explains by chance."""

Kind = Literal["raters", "raters on the PVQ-21", "group"]
"""Who the people are, and on which instrument."""


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Interval(_Shown):
    """A number with its 95 % interval; nulls where it is not known."""

    value: float
    low: float | None = None
    high: float | None = None


class Placed(_Shown):
    """What a row and a group of people have in common."""

    id: str
    name: str
    x: Interval
    """On the plane Openness to Change minus Conservation; on the circle the wave's part towards Self-Direction."""
    y: Interval
    """On the plane Self-Transcendence minus Self-Enhancement; on the circle the part a quarter further."""
    length: Interval
    """Distance from the middle, rating points or matches; on the circle the length of the wave."""
    region: Ellipse | None
    """95 % ellipse; half axes in rating points or matches."""

    @property
    def place(self) -> Place:
        """The point."""
        return Place(self.x.value, self.y.value)


class PlacedModel(Placed):
    """A row of the board. Its `id` is the result's."""

    developer: str | None
    family: str
    angle: Interval | None
    """Direction of the wave in degrees, Self-Direction 0, in circle order 36 apart; the interval goes up from low to
    high and may pass 360."""
    fit: Interval | None
    """Share of the variance of the row's ten values that the wave explains, 0 to 1."""
    muted: bool
    """Flat or incomplete: drawn grey."""
    directed: bool | None
    """Whether the ellipse leaves out the middle, so that its direction says something; null where it is not known."""
    highlighted: bool


class PlacedPeople(Placed):
    """People."""

    kind: Kind
    by_slope: dict[str, tuple[float, float]] = {}
    """Where a group would be if differences on the items had another size relative to the PVQ-21's."""


class Contrasted(_Shown):
    """Two groups of people, by the `id` of each."""

    name: str
    toward: str
    against: str


class Map(_Shown):
    """A whole map."""

    schema_version: Literal[1] = 1
    view: View
    reading: Reading
    """How answers were read: places are in rating points, or in matches."""
    fit_by_chance: float | None
    """Share of a profile that a wave explains on average of models that rate at random; null where it is not known."""
    weights: dict[str, tuple[float, float]]
    """What each value adds to the two coordinates."""
    table: str | None
    """The board's short name; null for none."""
    benchmark: BenchmarkRef | None
    practice: bool
    models: tuple[PlacedModel, ...]
    """By name."""
    people: tuple[PlacedPeople, ...]
    contrasts: tuple[Contrasted, ...]
    not_placed: tuple[str, ...]
    """Rows without all ten values."""
    unsure: int
    """Rows whose answers are not at hand, so that their place has no interval."""
    shown_of_profiles: float | None
    """Share of the variance within the models' profiles that the plane shows."""
    shown_of_differences: float | None
    """Share of the variance between the models that it shows."""
    slope: float | None
    """Size of differences on the benchmark's items relative to the PVQ-21's, for the groups' places."""


class Sure(NamedTuple):
    """How sure a row's places are."""

    circle: Region
    plane: Region
    angle: tuple[float, float] | None = None
    """95 % interval of its wave's direction in degrees, where its record has none: that of matches."""
    fit: tuple[float, float] | None = None
    """The same of the share of its profile that the wave explains."""


class Regions:
    """How sure rows' places are, worked out once for each row. Threads may share it.

    Args:
        key: of a benchmark by digest, None where it is not known.
        answers: what rows answered.
        templates: of a benchmark by digest, None where there are none.
    """

    def __init__(
        self,
        key: Callable[[str], KeyTable | None],
        answers: RowAnswers,
        templates: Callable[[str], ValueTemplates | None] = lambda _: None,
    ) -> None:
        self._key = key
        self._answers = answers
        self._templates = templates
        self._known: dict[tuple[Reading, str, str], Sure | None] = {}
        self._lock = threading.Lock()

    def of(
        self, board: Board, first: Sequence[str] = (), reading: Reading = "published"
    ) -> tuple[dict[str, Sure], bool]:
        """Regions of a board's rows by id, and whether these are all that can be had.

        `first` are ids of rows that must not wait for another view.
        """
        key = self._key(board.key.digest)
        templates = self._templates(board.key.digest) if reading == "match" else None
        if key is None or (reading == "match" and templates is None):
            return {}, True
        means, finished = self._answers.means(board, first)
        names = {r.id: (reading, r.id, r.created.isoformat()) for r in board.results if r.id in means}
        with self._lock:
            if new := [id_ for id_, name in names.items() if name not in self._known]:
                for start in range(0, len(new), _CHUNK):
                    part = new[start : start + _CHUNK]
                    x = np.array([means[id_] for id_ in part])
                    found = _sure(x, key) if templates is None else _sure_of_matches(x, key, templates)
                    self._known |= {names[id_]: sure for id_, sure in zip(part, found, strict=True)}
            known = {id_: self._known[name] for id_, name in names.items()}
        return {id_: sure for id_, sure in known.items() if sure is not None}, finished


def _sure(x: Floats, key: KeyTable) -> list[Sure | None]:
    ten = bootstrap(x, key.selected, key.query_index).score[..., : len(VALUES)]
    drawn = [places(ten, view) for view in ("circle", "plane")]
    pairs = [[region(draws[:, m]) for draws in drawn] for m in range(len(x))]
    return [Sure(*pair) if None not in pair else None for pair in pairs]  # type: ignore[arg-type]


def _sure_of_matches(x: Floats, key: KeyTable, templates: ValueTemplates) -> list[Sure | None]:
    """The same of matches, over queries and the people behind the templates at once."""
    sample = match_sample(x, templates.loadings[:, : len(VALUES)], key.query_index)
    people = np.moveaxis(people_draws(x, templates)[:, : len(VALUES)], -1, 0)
    ten = sample.draws + np.resize(people - people.mean(axis=0), sample.draws.shape)
    ten -= ten.mean(axis=2, keepdims=True)
    found: list[Sure | None] = []
    for m in range(len(x)):
        circle, plane = (region(places(ten[:, m], view)) for view in ("circle", "plane"))
        if circle is None or plane is None:
            found.append(None)
            continue
        fit, angle = circumplex(ten[:, m])
        _, own = circumplex((sample.point[m] - sample.point[m].mean())[None])
        away = np.nanpercentile(wrapped(angle - own[0]), (2.5, 97.5))
        low, high = (own[0] + away).tolist()
        found.append(Sure(circle, plane, (low, high), tuple(np.nanpercentile(fit, (2.5, 97.5)).tolist())))
    return found


WAVE_BY_CHANCE: Final = 2 / (len(VALUES) - 1)
"""Share of ten unrelated numbers that a wave explains on average."""


def _by_chance(templates: ValueTemplates | None) -> float | None:
    """The same of the matches of models that rate at random, which go together as the templates do."""
    if templates is None:
        return None
    r = overlap(templates.loadings[:, : len(VALUES)])
    drawn = np.random.default_rng(_SEED).multivariate_normal(np.zeros(len(r)), r, 4000, method="svd")
    fit, _ = circumplex(drawn - drawn.mean(axis=1, keepdims=True))
    return float(np.nanmean(fit))


def build(
    board: Board | None,
    view: View,
    highlighted: Callable[[Result], bool],
    sure: Mapping[str, Sure],
    reference: Reference | None,
    reading: Reading = "published",
    templates: ValueTemplates | None = None,
) -> Map:
    """Lay a board onto a plane.

    Args:
        board: None where there is no row at all.
        view: which plane.
        highlighted: whether a visitor wants a row to stand out.
        sure: regions by id of the row.
        reference: people, where the board's benchmark is the one their bridge rests on.
        reading: how answers are read; by matches there are no people.
        templates: of the board's benchmark, to tell what a wave explains by chance.
    """
    if reading == "match":
        reference = None
    rows = [] if board is None else list(board.results)
    ten = {r.id: scores for r in rows if (scores := _ten(r, reading)) is not None}
    placed = [r for r in rows if r.id in ten]
    profiles = np.array([ten[r.id] for r in placed]).reshape(len(placed), len(VALUES))
    profiles = profiles - profiles.mean(axis=1, keepdims=True)
    fit, angle = circumplex(profiles)
    points = [Place(*p) for p in places(profiles, view).tolist()]
    models = [
        _model(r, p, sure.get(r.id), view, reading, f, a, highlighted(r))
        for r, p, f, a in zip(placed, points, fit.tolist(), angle.tolist(), strict=True)
    ]
    counted = profiles[[not m.muted for m in models]] if models else profiles
    people = () if reference is None or board is None else _people(reference, view)
    return Map(
        view=view,
        reading=reading,
        fit_by_chance=WAVE_BY_CHANCE if reading == "published" else _by_chance(templates),
        weights={v.name: (w[0], w[1]) for v, w in zip(VALUES, WEIGHTS[view].T.tolist(), strict=True)},
        table=board.key.slug if board else None,
        benchmark=board.benchmark if board else None,
        practice=board.practice if board else False,
        models=tuple(models),
        people=people,
        contrasts=tuple(
            Contrasted(name=c.name, toward=c.toward, against=c.against)
            for c in (reference.contrasts if reference is not None and view == "plane" else ())
        ),
        not_placed=tuple(r.model for r in rows if r.id not in ten),
        unsure=sum(m.region is None for m in models),
        shown_of_profiles=share(counted, view),
        shown_of_differences=share(counted - counted.mean(axis=0), view) if len(counted) > 1 else None,
        slope=SLOPES[0] if people and view == "plane" else None,
    )


def bridged(board: Board | None, reference: Callable[[], Reference]) -> Reference | None:
    """The people that can stand on a board's map: those linked to its benchmark's items."""
    return reference() if board is not None and board.key.digest == PUBLISHED_DIGEST else None


def _ten(result: Result, reading: Reading) -> list[float] | None:
    scores = [cell.score for v in VALUES if (cell := cell_of(result, v, reading)) is not None]
    return scores if len(scores) == len(VALUES) else None


def _model(
    r: Result,
    point: Place,
    sure: Sure | None,
    view: View,
    reading: Reading,
    fit: float,
    angle: float,
    highlighted: bool,
) -> PlacedModel:
    found = None if sure is None else getattr(sure, view)
    known = r.circumplex if reading == "published" else None
    waves = np.isfinite(fit)
    return PlacedModel(
        id=r.id,
        name=r.model,
        **_figures(point, found),
        developer=r.developer,
        family=lineage(r.model).family,
        angle=Interval(value=angle, **_ends(known, "angle", sure.angle if sure else None)) if waves else None,
        fit=Interval(value=fit, **_ends(known, "fit", sure.fit if sure else None)) if waves else None,
        muted=r.complete is False or r.flat is True,
        directed=None if found is None else not found.holds(point, Place(0.0, 0.0)),
        highlighted=highlighted,
    )


def _ends(of: BaseModel | None, name: str, own: tuple[float, float] | None) -> dict[str, float | None]:
    if own is not None:
        return {"low": own[0], "high": own[1]}
    return {end: getattr(of, f"{name}_{end}", None) for end in ("low", "high")}


def _figures(point: Place, found: Region | None) -> dict[str, Interval | Ellipse | None]:
    low = (None, None, None) if found is None else (*found.low, found.length_low)
    high = (None, None, None) if found is None else (*found.high, found.length_high)
    ends = zip(("x", "y", "length"), (*point, point.length), low, high, strict=True)
    figures: dict[str, Interval | Ellipse | None] = {n: Interval(value=v, low=a, high=b) for n, v, a, b in ends}
    return figures | {"region": None if found is None else found.ellipse}


def _people(reference: Reference, view: View) -> tuple[PlacedPeople, ...]:
    raters = reference.raters
    p, q = raters.vp_human_centred10, raters.pvq_human_centred10

    def person(
        id_: str,
        name: str,
        kind: Kind,
        ten: Floats,
        se: Floats,
        by_slope: dict[str, tuple[float, float]] | None = None,
    ) -> PlacedPeople:
        place = Place(*places(ten, view).tolist())
        figures = _figures(place, normal_region(place, se, view))
        return PlacedPeople(id=id_, name=name, kind=kind, by_slope=by_slope or {}, **figures)

    found = [person("raters", "The raters", "raters", p, raters.vp_se)]
    if view == "circle":  # direction and length of groups that are all one cluster: they stand on the plane
        return tuple(found)
    found.append(person("raters/pvq", "The raters, on the PVQ-21", "raters on the PVQ-21", q, raters.pvq_se))
    for g in (reference.people, *reference.compared):
        slopes = {
            f"{b:g}": (at[0], at[1])
            for b in SLOPES
            if (at := places(on_items(g.mean_centred10, p, q, b), view).tolist())
        }
        ten = on_items(g.mean_centred10, p, q, SLOPES[0])
        name = GROUPS[g.name].placed if g.name in GROUPS else g.label
        found.append(person(g.name, name, "group", ten, SLOPES[0] * g.sampling_se, slopes))
    return tuple(found)
