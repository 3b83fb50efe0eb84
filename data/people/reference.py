"""Reference groups: how people answer, as group profiles over the ten values, and the raters on both instruments.

The shipped figures stand in `data/reference/` with their sources; a file written by `python -m data ess` can take the
place of the shipped groups. Guarantees: every profile is complete, in the order of `data.values.VALUES`, centred on the
ten values and about at least `MIN_CELL` people; a file that is not so is refused with what to mend. Only aggregates are
read here. What a model's distance to a group means is not decided here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple, TextIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from data import shipped
from data.errors import InputError
from data.values import VALUES

FOLDER: Final = shipped.REFERENCE
"""Where the shipped figures stand."""
MIN_CELL: Final = 100
"""Smallest number of people about whom a group profile is written or read."""
CLUSTERING: Final = 1.3
"""Factor for standard errors that ignore how people were drawn (ESS 9, Belgium: 1.05 to 1.41 by value)."""
DESIGN_BASED: Final = "design-based SE"
"""What the column `weighting` says where the standard errors follow from strata and sampling units."""
OVERALL: Final = "overall/all"
"""The group of all people."""

COLUMNS: Final = (
    "source",
    "dimension",
    "group",
    "value",
    "mean_centred",
    "sd",
    "n",
    "se",
    "mean_centred10",
    "n_eff",
    "weighting",
)
"""Columns of a file of group profiles, one row a group and value."""
_PEOPLE: Final = "people"
"""Whom `persona_example.csv` shows beside the model."""
_SUM_WITHIN: Final = 0.005
# ten figures rounded to three digits still sum to zero within this
_NAMES: Final = tuple(v.name for v in VALUES)
_T = TypeVar("_T")

LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        OVERALL: "All people asked",
        "gender/female": "Women",
        "gender/male": "Men",
        "age_paper/20-39": "Aged 20 to 39",
        "age_paper/80+": "Aged 80 or older",
        "political/left": "Politically left (0 to 4 of 10)",
        "political/right": "Politically right (6 to 10 of 10)",
        "education_paper/below_university": "Educated below university",
        "education_paper/university": "University-educated",
        "age_band/15-19": "Aged 15 to 19",
        "age_band/20-39": "Aged 20 to 39",
        "age_band/40-59": "Aged 40 to 59",
        "age_band/60-79": "Aged 60 to 79",
        "age_band/80+": "Aged 80 or older",
    }
)
"""What visitors read for a group, by its name."""


class Contrast(NamedTuple):
    """Two groups to set against each other; a positive lean is one towards the first."""

    name: str
    """Its public name."""
    toward: str
    """Group that a positive number leans to."""
    against: str
    """Group that a negative number leans to."""


CONTRASTS: Final = (
    Contrast("gender", "gender/female", "gender/male"),
    Contrast("age", "age_paper/80+", "age_paper/20-39"),
    Contrast("political", "political/right", "political/left"),
    Contrast("education", "education_paper/university", "education_paper/below_university"),
)
"""The four contrasts. This is the one place that fixes their sign."""


@dataclass(frozen=True)
class Source:
    """Where figures come from."""

    name: str
    """As in the column `source`."""
    title: str
    """Whose figures they are, for people."""
    about: str = ""
    """Who was asked, and how the figures were made; empty for a user's own file."""
    repository: str = ""
    commit: str = ""
    file: str = ""
    """The file in the repository."""
    licence: str = ""


@dataclass(frozen=True)
class Group:
    """The profile of a group of people. Arrays have shape (10,), order `data.values.VALUES`, and are read-only.

    Attributes:
        dimension: what divides people, e.g. `political`.
        group: the group within it, e.g. `left`.
        mean_centred10: mean score, each person centred on the own mean of ten values; in answer steps (six-step scale,
            high = important), sums to zero. The profile to compute with.
        mean_centred: the same, centred on the person's mean over all 21 items.
        sd: standard deviation between people.
        se: standard error of `mean_centred10` as the file has it.
        n: people.
        n_eff: people as far as weights leave them their say (Kish); `n` where unweighted.
        weighting: how people were weighted and how `se` came about.
        source: where the figures come from.
    """

    dimension: str
    group: str
    mean_centred10: NDArray[np.float64]
    mean_centred: NDArray[np.float64]
    sd: NDArray[np.float64]
    se: NDArray[np.float64]
    n: int
    n_eff: float
    weighting: str
    source: Source

    @property
    def name(self) -> str:
        """`dimension/group`, e.g. `political/left`."""
        return f"{self.dimension}/{self.group}"

    @property
    def label(self) -> str:
        """What visitors read."""
        return LABELS.get(self.name, self.name)

    @property
    def sampling_se(self) -> NDArray[np.float64]:
        """Standard error with the way people were drawn in it: `se`, times 1.3 where `se` ignores it; shape (10,)."""
        return self.se if DESIGN_BASED in self.weighting else CLUSTERING * self.se


@dataclass(frozen=True)
class Raters:
    """The benchmark's own raters: the same people on its items and on the PVQ-21. The bridge between the two scales.

    Arrays have shape (10,), order `data.values.VALUES`, in steps of the six-step answer scale, and are read-only.

    Attributes:
        vp_human_centred10: mean profile on the benchmark's items, centred on the ten values (p in the methods text).
        vp_se: its standard errors over people (those who rated items of the value).
        vp_human_centred: the same profile centred as the benchmark scores a model.
        pvq_human_centred10: mean profile on the PVQ-21, centred on the ten values (q).
        pvq_se: its standard errors over people.
        pvq_sd: standard deviation between people on the PVQ-21.
        n: people.
        source: where the figures come from.
    """

    vp_human_centred10: NDArray[np.float64]
    vp_se: NDArray[np.float64]
    vp_human_centred: NDArray[np.float64]
    pvq_human_centred10: NDArray[np.float64]
    pvq_se: NDArray[np.float64]
    pvq_sd: NDArray[np.float64]
    n: int
    source: Source
    label: str = "The benchmark's raters"

    @cached_property
    def slope(self) -> float:
        """Least-squares slope of p on q: the size of differences on the benchmark's items to those on the PVQ-21."""
        p = self.vp_human_centred10 - self.vp_human_centred10.mean()
        q = self.pvq_human_centred10 - self.pvq_human_centred10.mean()
        return float(p @ q / (q @ q))


@dataclass(frozen=True)
class Reference:
    """What a model's profile is set against.

    Attributes:
        groups: by name, in the order of the file; always has `OVERALL`.
        raters: the benchmark's own raters.
        contrasts: those of `CONTRASTS` for which the file has both groups.
    """

    groups: Mapping[str, Group]
    raters: Raters
    contrasts: tuple[Contrast, ...]

    @property
    def people(self) -> Group:
        """All people asked (h_0 in the methods text)."""
        return self.groups[OVERALL]

    @property
    def compared(self) -> tuple[Group, ...]:
        """The groups of the contrasts, each once: those that can be "nearest". Age bands and the like are not in."""
        return tuple(self.groups[name] for c in self.contrasts for name in (c.toward, c.against))

    def gap(self, contrast: Contrast) -> NDArray[np.float64]:
        """Difference of the two groups' profiles, `toward` minus `against`, shape (10,)."""
        return self.groups[contrast.toward].mean_centred10 - self.groups[contrast.against].mean_centred10


def load_reference(path: Path | None = None) -> Reference:
    """Load the reference groups and the raters.

    Args:
        path: a file of group profiles, e.g. written by `python -m data ess`, in place of the shipped groups. The raters
            are always the shipped ones.

    Raises:
        InputError: the file cannot be read, or something in it is not as it must be.
    """
    sources = _read_sources(FOLDER / "sources.csv")
    groups = {g.name: g for g in read_groups(path or FOLDER / "ess_group_profiles.csv", sources)}
    contrasts = tuple(c for c in CONTRASTS if c.toward in groups and c.against in groups)
    return Reference(MappingProxyType(groups), _read_raters(FOLDER / "participant_bridge.csv", sources), contrasts)


@dataclass(frozen=True)
class PersonaExample:
    """A model under the personas of one contrast beside the people, read off a published figure by eye.

    A figure tells no interval and this one no version of the model, so it is an illustration. Profiles are centred on
    the mean of their ten values, shape (10,), order `data.values.VALUES`, in answer steps.

    Attributes:
        model: as the figure names it.
        under: the model under each persona, by the name of the group.
        people: the groups as the same figure shows them.
        reading_error: by how much a number may be misread.
    """

    model: str
    under: Mapping[str, NDArray[np.float64]]
    people: Mapping[str, NDArray[np.float64]]
    reading_error: float


def load_persona_example() -> PersonaExample:
    """The gender figure of Value Portrait's project page, which is the example that the bias measures reproduce.

    Source: `holi-lab/ValuePortrait`, branch `gh-pages`, the figure titled GPT-4o; `data/reference/README.md` says how
    it was read. The figure centres on all 21 items; profiles centred so differ from ours by one number for all ten
    values, and that goes with their mean.
    """
    rows: dict[tuple[str, str], dict[str, _Row]] = {}
    fields = ("subject", "group", "value", "score", "reading_error")
    for row in _read_rows(FOLDER / "persona_example.csv", fields):
        rows.setdefault((row.text("subject"), row.text("group")), {})[row.value()] = row
    ordered = {of: _in_order(by_value) for of, by_value in rows.items()}
    profiles = {of: _array(of_group, "score") for of, of_group in ordered.items()}
    (model,) = {subject for subject, _ in profiles} - {_PEOPLE}

    def of(subject: str) -> Mapping[str, NDArray[np.float64]]:
        return MappingProxyType({group: x - x.mean() for (who, group), x in profiles.items() if who == subject})

    error = max(row.number("reading_error", 0) for of_group in ordered.values() for row in of_group)
    return PersonaExample(model, of(model), of(_PEOPLE), error)


def read_groups(path: Path, sources: Mapping[str, Source] | None = None) -> tuple[Group, ...]:
    """Read a file of group profiles with the columns `COLUMNS`.

    Args:
        path: the file; rows in any order.
        sources: what is known about the names in the column `source`.

    Returns:
        The groups in the order in which the file first names them.

    Raises:
        InputError: a column, a value or a group is missing, doubled or not as it must be.
    """
    rows: dict[tuple[str, str], dict[str, _Row]] = {}
    for row in _read_rows(path, COLUMNS):
        of_group = rows.setdefault((row.text("dimension"), row.text("group")), {})
        if (value := row.value()) in of_group:
            raise row.error("value", f"{value} stands there twice for this group; keep one row a group and value")
        of_group[value] = row
    groups = tuple(_group(of_group, sources or {}) for of_group in rows.values())
    if OVERALL not in {g.name for g in groups}:
        raise InputError("the group of all people is missing: ten rows with dimension overall and group all", file=path)
    return groups


def write_groups(groups: Iterable[Group], stream: TextIO) -> None:
    """Write group profiles as CSV with the columns `COLUMNS`, one row a group and value."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for g in groups:
        figures = zip(VALUES, g.mean_centred, g.sd, g.se, g.mean_centred10, strict=True)
        for value, *figure in figures:
            mean_centred, sd, se, mean_centred10 = (f"{x:.8f}" for x in figure)
            head = g.source.name, g.dimension, g.group, value.name
            writer.writerow([*head, mean_centred, sd, g.n, se, mean_centred10, f"{g.n_eff:.2f}", g.weighting])


@dataclass(frozen=True)
class _Row:
    """A row of a CSV file that can say where it stands."""

    cells: Mapping[str, str]
    file: Path
    line: int

    def error(self, field: str, message: str) -> InputError:
        return InputError(f"line {self.line}: {message}", file=self.file, field=field)

    def text(self, field: str) -> str:
        if text := self.cells[field].strip():
            return text
        raise self.error(field, "is empty")

    def value(self) -> str:
        name = self.text("value")
        if name not in _NAMES:
            raise self.error("value", f"{name!r} is none of the ten values: {', '.join(_NAMES)}")
        return name

    def number(self, field: str, least: float = -np.inf) -> float:
        try:
            number = float(self.text(field))
        except ValueError:
            number = np.nan
        if not (np.isfinite(number) and number >= least):
            at_least = "" if least == -np.inf else f" of at least {least:g}"
            raise self.error(field, f"expected a number{at_least}, found {self.cells[field]!r}")
        return number

    def count(self, field: str, least: int) -> int:
        number = self.number(field, least)
        if not number.is_integer():
            raise self.error(field, f"expected a whole number, found {self.cells[field]!r}")
        return int(number)


def _read_rows(path: Path, columns: Iterable[str]) -> list[_Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restval="")
            missing = [c for c in columns if c not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"columns missing: {', '.join(missing)}; expected a comma-separated file", file=path)
            return [_Row(cells, path, reader.line_num) for cells in reader]
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError("is not a CSV file in UTF-8", file=path) from None


def _in_order(rows: Mapping[str, _Row]) -> list[_Row]:
    missing = [name for name in _NAMES if name not in rows]
    if missing:
        row = next(iter(rows.values()))
        about = "/".join(row.cells[c] for c in ("dimension", "group") if c in row.cells)
        raise InputError(f"values missing: {', '.join(missing)}", file=row.file, field=about or None)
    return [rows[name] for name in _NAMES]


def _array(rows: Iterable[_Row], field: str, least: float = -np.inf) -> NDArray[np.float64]:
    array = np.array([row.number(field, least) for row in rows])
    array.flags.writeable = False
    return array


def _centred10(rows: list[_Row], field: str) -> NDArray[np.float64]:
    array = _array(rows, field)
    if abs(array.sum()) > _SUM_WITHIN:
        raise rows[0].error(field, f"the ten values from here on sum to {array.sum():.4f}, not to 0")
    return array


def _same(rows: list[_Row], field: str, values: list[_T]) -> _T:
    if len(set(values)) > 1:
        raise rows[0].error(field, "differs between the rows of one group")
    return values[0]


def _group(rows: Mapping[str, _Row], sources: Mapping[str, Source]) -> Group:
    ordered = _in_order(rows)
    source = _same(ordered, "source", [row.text("source") for row in ordered])
    n = _same(ordered, "n", [row.count("n", 1) for row in ordered])
    if n < MIN_CELL:
        raise ordered[0].error("n", f"{n} people; a group needs at least {MIN_CELL}. Leave it out")
    return Group(
        dimension=ordered[0].text("dimension"),
        group=ordered[0].text("group"),
        mean_centred10=_centred10(ordered, "mean_centred10"),
        mean_centred=_array(ordered, "mean_centred"),
        sd=_array(ordered, "sd", 0),
        se=_array(ordered, "se", 0),
        n=n,
        n_eff=_same(ordered, "n_eff", [row.number("n_eff", 1) for row in ordered]),
        weighting=_same(ordered, "weighting", [row.text("weighting") for row in ordered]),
        source=sources.get(source) or Source(source, source),
    )


def _read_raters(path: Path, sources: Mapping[str, Source]) -> Raters:
    fields = ("vp_human_centred10", "vp_se", "vp_human_centred", "pvq_human_centred10", "pvq_se", "pvq_sd")
    rows = _in_order({row.value(): row for row in _read_rows(path, ("source", "value", "n_people", *fields))})
    return Raters(
        vp_human_centred10=_centred10(rows, "vp_human_centred10"),
        vp_se=_array(rows, "vp_se", 0),
        vp_human_centred=_array(rows, "vp_human_centred"),
        pvq_human_centred10=_centred10(rows, "pvq_human_centred10"),
        pvq_se=_array(rows, "pvq_se", 0),
        pvq_sd=_array(rows, "pvq_sd", 0),
        n=_same(rows, "n_people", [row.count("n_people", MIN_CELL) for row in rows]),
        source=sources[_same(rows, "source", [row.text("source") for row in rows])],
    )


def _read_sources(path: Path) -> dict[str, Source]:
    fields = ("title", "about", "repository", "commit", "file", "licence")
    rows = _read_rows(path, ("source", *fields))
    return {row.text("source"): Source(row.text("source"), *(row.text(f) for f in fields)) for row in rows}
