"""Small drawings of the validity report, as SVG strings: how a benchmark's items correlate with a dimension.

Pure functions: no I/O, no state. Colours are CSS variables with the light theme as fallback, as in
`leaderboard.charts.portrait`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from data.benchmark import MIN_RHO
from data.people.validation import ValidationReport
from data.values import Dimension
from leaderboard.charts.portrait import INK, LINE, QUIET

_BIN: Final = 5.0
"""Width of a bin in the drawing's units."""
_HIGH: Final = 54.0
"""Height of the tallest bar."""
_FOOT: Final = 18.0
"""Room for the axis under the bars."""


class Bins(NamedTuple):
    """What several drawings share, so that the eye can compare them."""

    first: int
    """The first bin that is drawn."""
    stop: int
    """The first one behind it that is not."""
    highest: float
    """The count that reaches the top."""


def shared_bins(counts: Sequence[Sequence[int]], chance: Sequence[float]) -> Bins:
    """Symmetric bounds that hold all counts and all of the chance curve that can be seen.

    Args:
        counts: items in each bin, for each drawing.
        chance: items expected in each bin.
    """
    bins = len(chance)
    seen = [i for i in range(bins) if chance[i] >= 0.5 or any(c[i] for c in counts)]
    first = min(seen[0], bins - 1 - seen[-1])
    return Bins(first, bins - first, max(*map(max, counts), max(chance)))


def hill(
    name: str, counts: Sequence[int], chance: Sequence[float], edges: Sequence[float], *, colour: str, bins: Bins
) -> Markup:
    """How many items have which correlation with a dimension, against what chance would give.

    Args:
        name: the dimension's.
        counts: items in each bin.
        chance: items to be expected in each bin if nothing correlated; drawn as a line.
        edges: of the bins, one more than there are.
        colour: of the items that count for the dimension.
        bins: which bins are drawn, and how high.
    """
    width = (bins.stop - bins.first) * _BIN
    above = sum(n for n, edge in zip(counts, edges, strict=False) if edge >= MIN_RHO)
    below = sum(n for n, edge in zip(counts, edges[1:], strict=True) if edge <= -MIN_RHO)
    words = f"{name}: of {sum(counts)} responses {above} correlate above +{MIN_RHO} and {below} below −{MIN_RHO}."
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="vp-hill" role="img" viewBox="0 0 {width:g} {_HIGH + _FOOT:g}" '
        f'font-family="inherit" font-size="12"><title>{escape(words)}</title>'
    ]
    outline = ""
    for i in range(bins.first, bins.stop):
        x, tall, level = (i - bins.first) * _BIN, counts[i] / bins.highest * _HIGH, chance[i] / bins.highest * _HIGH
        fill = colour if edges[i] >= MIN_RHO else QUIET if edges[i + 1] <= -MIN_RHO else LINE
        if counts[i]:
            parts.append(
                f'<rect x="{x + 0.4:g}" y="{_HIGH - tall:.1f}" width="{_BIN - 0.8:g}" height="{tall:.1f}" '
                f'style="fill:{fill}"/>'
            )
        outline += f"{'L' if outline else 'M'}{x:g} {_HIGH - level:.1f}H{x + _BIN:g}"
    parts.append(f'<path d="{outline}" fill="none" style="stroke:{INK}" stroke-width="1"/>')
    parts.append(f'<path d="M0 {_HIGH:g}H{width:g}" style="stroke:{QUIET}" stroke-width="1"/>')
    middle = width / 2
    for rho, label in ((-MIN_RHO, f"−{MIN_RHO}"), (0.0, "0"), (MIN_RHO, f"+{MIN_RHO}")):
        x = middle + rho / (edges[1] - edges[0]) * _BIN
        parts.append(f'<path d="M{x:.1f} {_HIGH:g}v4" style="stroke:{QUIET}" stroke-width="1"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{_HIGH + _FOOT - 2:g}" text-anchor="middle" style="fill:{QUIET}">{label}</text>'
        )
    return Markup("".join(parts) + "</svg>")  # all that was put in is a number or escaped


def hills(report: ValidationReport, shown: Iterable[Dimension]) -> dict[str, Markup]:
    """The drawing of each dimension, all on the same scales, so that the eye can compare them."""
    counts = {name: v.correlations for name, v in report.dimensions.items()}
    chance, edges = report.correlations.chance, report.correlations.edges
    bins = shared_bins(list(counts.values()), chance)
    return {d.name: hill(d.name, counts[d.name], chance, edges, colour=d.family.colour, bins=bins) for d in shown}


def most_items(report: ValidationReport) -> int:
    """Where the axis of counted items ends: a round number that holds all of both keys."""
    most = max(max(v.items, report.person_centred[name].items) for name, v in report.dimensions.items())
    return -(-most // 20) * 20


def two_digits(x: float | None) -> str:
    """A figure without a sign before what is positive; a dash where there is none."""
    return "–" if x is None else f"{round(x, 2) + 0.0:.2f}".replace("-", "−")


def with_interval(
    x: float | None, low: float | None, high: float | None, form: Callable[[float | None], str] = two_digits
) -> str:
    """A figure with its interval in brackets, as far as both are known."""
    return form(x) if x is None or low is None or high is None else f"{form(x)} ({form(low)} to {form(high)})"


def percent(x: float | None) -> str:
    """A share without digits after the point; a dash where there is none."""
    return "–" if x is None else f"{round(100 * x)} %".replace("-", "−")
