"""The drawings of the Benchmark page as files of their own, and their numbers as tables. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from markupsafe import escape

from data.benchmark import MAX_P
from data.people.validation import ValidationReport
from data.values import DIMENSIONS, SCALE_NAMES, SCALES, VALUES, Dimension
from eval_queue.store.compiled import Column
from leaderboard.charts.dot_plot import Axis, PlotRow, dot_plot, interval
from leaderboard.charts.portrait import INK, QUIET
from leaderboard.charts.readings import Drawing, drawings
from leaderboard.charts.validity import hills, most_items, with_interval
from leaderboard.files.formats import Sheet, UnknownFile
from leaderboard.files.standalone import standalone
from leaderboard.measurement.reading_report import ReadingsReport

_CELL: Final = 220.0
"""Width of one dimension's hill in a sheet of them."""
_ALONE: Final = 480.0
"""Its width where it is the only one."""
_GAP: Final = 24.0
_CAPTION: Final = 38.0
"""Room for its name and counts."""
_ACROSS: Final = 5


WHICH: Final = (
    Column("dimension", "string", "Value, higher-order value or trait."),
    Column("scale", "string", "Name of the scale."),
)
REPORTED: Final = {
    name: Column(name, kind, words)
    for name, kind, words in (
        ("items", "int32", "Items that count for it: rho above 0.3 and p below 0.05."),
        ("negative", "int32", "Items that speak against it; never scored."),
        ("null_mean", "double", "Mean number of items that shuffled people give."),
        ("null_p95", "double", "95th percentile of that number."),
        ("p", "double", "How often shuffling gives as many items or more."),
        ("groups", "int32", "Survey groups that rated at least two of its items."),
        ("alpha_mean", "double", "Cronbach's alpha of its items within a group, mean over groups."),
        ("alpha_low", "double", "Lower end of its 95 % interval, people resampled within groups."),
        ("alpha_high", "double", "Upper end of it."),
        ("alpha_weighted", "double", "The same mean weighted by number of items."),
        ("alpha_min", "double", "The lowest alpha of a group."),
        ("alpha_max", "double", "The highest."),
        ("inter_item_r", "double", "Mean correlation of two of its items that the same people rated."),
        ("inter_item_low", "double", "Lower end of its 95 % interval, by a jackknife over groups."),
        ("inter_item_high", "double", "Upper end of it."),
        ("split_half", "double", "Would other people give the same correlations: split-half reliability, stepped up."),
        ("split_half_low", "double", "Lower end of its 95 % interval, by a jackknife over groups."),
        ("split_half_high", "double", "Upper end of it."),
        (
            "response_level_r",
            "double",
            "Correlation of people's score with how like themselves they find everything.",
        ),
        ("response_level_low", "double", "Lower end of its 95 % interval."),
        ("response_level_high", "double", "Upper end of it."),
    )
}
"""What the report says of a dimension, by field of `data.people.validation.DimensionValidity`."""


def _reported(report: ValidationReport, d: Dimension) -> Mapping[str, Any]:
    return report.dimensions[d.name].model_dump()


def _columns(*names: str) -> tuple[Column, ...]:
    return tuple(REPORTED[name] for name in names)


class Plot(NamedTuple):
    """One of the page's drawings whose rows are dimensions."""

    svg: Callable[[ValidationReport], str]
    columns: tuple[Column, ...]
    figures: Callable[[ValidationReport, Dimension], Mapping[str, Any]] = _reported

    def sheet(self, report: ValidationReport) -> Sheet:
        """The drawing's numbers, one row a dimension."""
        rows = tuple(
            {"dimension": d.name, "scale": SCALE_NAMES[scale], **self.figures(report, d)}
            for scale, ds in SCALES.items()
            for d in ds
        )
        return Sheet("benchmark", _about(report), (*WHICH, *self.columns), rows)


def _counted(report: ValidationReport) -> Axis:
    most = most_items(report)
    return Axis(0, most, tuple(range(0, most + 1, 20)))


def _drawn(
    report: ValidationReport,
    title: str,
    axis: Axis,
    row: Callable[[Dimension], PlotRow],
    heads: Sequence[str],
    caption: str,
) -> str:
    groups = [(SCALE_NAMES[scale], [row(d) for d in ds]) for scale, ds in SCALES.items()]
    return standalone(dot_plot(title, axis, groups, heads), caption=f"{caption} {_from(report)}")


def _chance(report: ValidationReport) -> str:
    def row(d: Dimension) -> PlotRow:
        v = report.dimensions[d.name]
        return PlotRow(
            d.name,
            v.items,
            d.family.colour,
            hollow=v.p >= MAX_P,
            band=(0, v.null_p95),
            tick=v.null_mean,
            figures=(str(v.items), f"{v.null_mean:.1f} ({v.null_p95:.0f})"),
        )

    said = (
        "Dot: responses that count; hollow where chance gives as many in at least 5 % of the permutations. Grey band: "
        "up to the 95th percentile of the permutations; tick: their mean."
    )
    return _drawn(
        report, "Responses that count, and what chance gives", _counted(report), row, ("Found", "Chance"), said
    )


def _alpha(report: ValidationReport) -> str:
    def row(d: Dimension) -> PlotRow:
        v = report.dimensions[d.name]
        return PlotRow(
            d.name,
            v.alpha_mean,
            d.family.colour,
            span=interval(v.alpha_low, v.alpha_high),
            band=interval(v.alpha_min, v.alpha_max),
            figures=(with_interval(v.alpha_mean, v.alpha_low, v.alpha_high), str(v.groups)),
        )

    axis = Axis(-0.5, 1, (-0.5, 0, 0.5, 1))
    said = (
        "Dot: mean of Cronbach’s alpha within groups of raters; line: its 95 % interval, people resampled; grey band: "
        "lowest to highest group."
    )
    return _drawn(report, "Alpha within groups of raters", axis, row, ("Alpha", "Groups"), said)


def _halves(report: ValidationReport) -> str:
    def row(d: Dimension) -> PlotRow:
        v = report.dimensions[d.name]
        half = v.split_half, v.split_half_low, v.split_half_high
        figures = (with_interval(*half),)
        return PlotRow(d.name, None, d.family.colour, bar=half[0], span=interval(*half[1:]), figures=figures)

    said = (
        "Would other people give the same key? 1: the same, 0: nothing in common. Stepped up to all raters. Line: 95 % "
        "interval, by a jackknife over groups of raters."
    )
    return _drawn(report, "Split-half reliability of the key", Axis(0, 1, (0, 0.5, 1)), row, ("Halves",), said)


def _other_key(report: ValidationReport) -> str:
    def row(d: Dimension) -> PlotRow:
        v, c = report.dimensions[d.name], report.person_centred[d.name]
        return PlotRow(
            d.name,
            c.items,
            d.family.colour,
            ring=v.items,
            span=(min(v.items, c.items), max(v.items, c.items)),
            band=(0, c.null_p95),
            tick=c.null_mean,
            figures=(
                f"{v.items}→{c.items}",
                with_interval(c.rank_correlation, *report.rank_intervals.get(d.name, (None, None))),
            ),
        )

    said = (
        "Exploratory: nothing is scored with it. Ring: the key that scores; dot: ratings less each person’s own mean; "
        "grey band and tick: chance."
    )
    title = "Responses that count under another key"
    return _drawn(report, title, _counted(report), row, ("Found", "Same order"), said)


PLOTS: Final[Mapping[str, Plot]] = {
    "chance": Plot(_chance, _columns("items", "negative", "null_mean", "null_p95", "p")),
    "alpha": Plot(_alpha, _columns("groups", "alpha_mean", "alpha_low", "alpha_high", "alpha_min", "alpha_max")),
    "halves": Plot(_halves, _columns("split_half", "split_half_low", "split_half_high")),
    "other-key": Plot(
        _other_key,
        (
            Column("items", "int32", "Items under the key that scores."),
            Column("person_centred_items", "int32", "Items under the key without people's own mean rating."),
            Column("null_mean", "double", "Mean number of the latter that shuffled people give."),
            Column("null_p95", "double", "95th percentile of that number."),
            Column("p", "double", "How often shuffling gives as many or more."),
            Column(
                "rank_correlation",
                "double",
                "Rank correlation of the published models under both keys; empty if unknown.",
            ),
            Column("rank_low", "double", "Lower end of its 95 % interval."),
            Column("rank_high", "double", "Upper end of it."),
        ),
        lambda report, d: {
            **(c := report.person_centred[d.name]).model_dump(),
            "items": report.dimensions[d.name].items,
            "person_centred_items": c.items,
            **dict(zip(("rank_low", "rank_high"), report.rank_intervals.get(d.name, (None, None)), strict=True)),
        },
    ),
}
"""The drawings with one row a dimension, by the name in their address."""


# --- both readings of the same answers --------------------------------------------------------------------------------

READING_DRAWINGS: Final = (
    *("columns-queries", "columns-people", "people-check"),
    *("one-line", "explained", "variance", "generalizability"),
)
"""Names of the drawings of both readings, in their addresses."""


def reading_drawing(name: str, report: ValidationReport, readings: ReadingsReport | None) -> Drawing:
    """One of the drawings of both readings.

    Raises:
        UnknownFile: it cannot be made for this benchmark.
    """
    found = next((d for d in drawings(report, readings) if d.name == name), None)
    if found is None:
        raise UnknownFile(f"{name}: the figures behind this drawing are not available for this benchmark")
    return found


def reading_svg(drawing: Drawing, report: ValidationReport) -> str:
    """The drawing as a file of its own."""
    drawn = dot_plot(drawing.title, drawing.axis, drawing.groups, drawing.heads)
    return standalone(drawn, caption=f"{drawing.said} {_from(report)}")


def reading_sheet(drawing: Drawing, report: ValidationReport) -> Sheet:
    """Its numbers."""
    texts = ("dimension", "scale", "model", "source", "share" if drawing.name == "one-line" else "")
    columns = tuple(
        Column(name, "string" if name in texts else "int32" if "_queries" in name else "double", words)
        for name, words in drawing.words.items()
    )
    return Sheet("benchmark", _about(report), columns, drawing.numbers)


# --- how items correlate --------------------------------------------------------------------------------------------


def dimensions_of(asked: str | None) -> tuple[Dimension, ...]:
    """The dimensions of a field `dimension`: one by its name, or all ten values where it is empty.

    Raises:
        UnknownFile: no dimension is called so.
    """
    if not asked:
        return VALUES
    found = tuple(d for d in DIMENSIONS if d.name == asked)
    if not found:
        known = ", ".join(d.name for d in DIMENSIONS)
        raise UnknownFile(f"dimension: {asked!r} is none; expected one of {known}")
    return found


def correlations_svg(report: ValidationReport, shown: Sequence[Dimension]) -> str:
    """How items correlate with each of some dimensions, as one file."""
    across = min(_ACROSS, len(shown))
    wide = _ALONE if len(shown) == 1 else _CELL
    high = wide / 2
    down = -(-len(shown) // across)
    width, height = across * (wide + _GAP) - _GAP, down * (high + _CAPTION)
    title = "How the responses correlate with " + (shown[0].name if len(shown) == 1 else "each value")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width:g} {height:g}" font-size="13">'
        f"<title>{escape(title)}</title>"
    ]
    for at, (name, drawn) in enumerate(hills(report, shown).items()):
        v = report.dimensions[name]
        x, y = at % across * (wide + _GAP), at // across * (high + _CAPTION)
        parts.append(str(drawn).replace("<svg ", f'<svg x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" ', 1))
        parts.append(f'<text x="{x:g}" y="{y + high + 14:g}" style="fill:{INK}">{escape(name)}</text>')
        parts.append(
            f'<text x="{x + wide:g}" y="{y + high + 14:g}" text-anchor="end" style="fill:{QUIET}">'
            f"{v.items} for, {v.negative} against</text>"
        )
    said = "Coloured: responses that count. Stronger grey: those that speak against it. Line: chance."
    return standalone("".join(parts) + "</svg>", caption=f"{said} {_from(report)}")


_CORRELATIONS: Final = (
    *WHICH,
    Column("low", "double", "Lower end of the bin of correlations."),
    Column("high", "double", "Upper end of it."),
    Column("items", "int32", "Items whose ratings correlate so with people's own scores."),
    Column("chance", "double", "Items to be expected there if nothing correlated."),
)


def correlations_sheet(report: ValidationReport, shown: Sequence[Dimension]) -> Sheet:
    """The numbers of those drawings, one row a dimension and bin."""
    edges, chance = report.correlations.edges, report.correlations.chance
    rows = tuple(
        {"dimension": d.name, "scale": SCALE_NAMES[v.scale], "low": low, "high": high, "items": n, "chance": c}
        for d in shown
        for v in (report.dimensions[d.name],)
        for low, high, n, c in zip(edges[:-1], edges[1:], v.correlations, chance, strict=True)
    )
    return Sheet("correlations", _about(report), _CORRELATIONS, rows)


def _about(report: ValidationReport) -> dict[str, str]:
    return {
        "benchmark": f"{report.benchmark.name} {report.benchmark.digest}",
        "caution": " ".join(report.caution()),
    }


def _from(report: ValidationReport) -> str:
    whose = "Simulated raters." if report.simulated else "Human raters."
    return f"{whose} {report.benchmark.name} {report.benchmark.version}, {report.benchmark.digest[:16]}."
