"""Rows of marks on a shared axis: where they stand, what they say, and that no name in them is trusted."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import leaderboard
from leaderboard.charts.dot_plot import Axis, PlotRow, between, dot_plot, interval
from leaderboard.web import assets

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<img src=x onerror=alert(1)>"
AXIS = Axis(-1, 1, (-1, 0, 1))
ROWS = [
    PlotRow("a", -1.0, "#112233", span=(-1.0, 0.0), figures=("−1.00",)),
    PlotRow("b", 0.0, "#112233", hollow=True, span=(-0.5, 0.5), figures=("0.00",)),
    PlotRow(HOSTILE, 0.5, "#112233", figures=("+0.50",)),
    PlotRow("beyond", 7.0, "#112233", figures=("+7.00",)),
]


def drawn(**changes: object) -> ElementTree.Element:
    return ElementTree.fromstring(dot_plot("Heading", AXIS._replace(**changes), [("Group", ROWS)], ("Score",)))


def ticks(root: ElementTree.Element) -> dict[str, float]:
    return {e.text or "": float(e.get("x", 0)) for e in root.iter(f"{SVG}text") if e.get("text-anchor") == "middle"}


def test_dots_stand_where_the_numbers_on_the_axis_say() -> None:
    root = drawn()
    at = ticks(root)
    dots = [float(e.get("cx", 0)) for e in root.iter(f"{SVG}circle")]
    assert dots == pytest.approx([at["−1"], at["0"], (at["0"] + at["1"]) / 2, at["1"]], abs=0.1)
    fills = [e.get("style", "").partition(";")[0] for e in root.iter(f"{SVG}circle")]
    assert ["112233" in f for f in fills] == [True, False, True, True]


def test_lines_bands_ticks_bars_and_rings_stand_there_too() -> None:
    row = PlotRow("c", None, "#112233", ring=0.5, band=(0, 0.5), tick=-0.5, bar=-1.0, span=(-0.5, 1.0))
    root = ElementTree.fromstring(dot_plot("Heading", AXIS, [("", [row])]))
    at = ticks(root)
    half = (at["0"] + at["1"]) / 2
    band, bar = ((float(r.get("x", 0)), float(r.get("width", 0))) for r in root.iter(f"{SVG}rect"))
    assert band == pytest.approx((at["0"], half - at["0"]), abs=0.1)
    assert bar == pytest.approx((at["−1"], at["0"] - at["−1"]), abs=0.1)
    (ring,) = root.iter(f"{SVG}circle")
    assert float(ring.get("cx", 0)) == pytest.approx(half, abs=0.1)
    paths = [e.get("d", "") for e in root.iter(f"{SVG}path")]
    assert any(re.fullmatch(rf"M{at['−1'] / 2 + at['0'] / 2:.1f} [\d.]+v14", d) for d in paths)
    assert any(re.fullmatch(rf"M{at['−1'] / 2 + at['0'] / 2:.1f} [\d.]+H{at['1']:.1f}", d) for d in paths)


def test_what_is_drawn_is_also_said_and_no_name_is_trusted() -> None:
    root = drawn()
    assert root.findtext(f"{SVG}title") == "Heading"
    assert (root.findtext(f"{SVG}desc") or "").startswith("a Score −1.00; b Score 0.00; <img")
    assert {e.tag for e in root.iter()} == {f"{SVG}{t}" for t in ("svg", "title", "desc", "path", "text", "circle")}
    assert {"Group", "Score", "a", "+0.50"} <= {e.text for e in root.iter(f"{SVG}text")}


def test_ends_with_a_meaning_take_the_place_of_numbers() -> None:
    root = drawn(ends=("men", "women"))
    said = {e.text or "": float(e.get("x", 0)) for e in root.iter(f"{SVG}text")}
    assert not ticks(root)
    middle = next(float(e.get("cx", 0)) for e in list(root.iter(f"{SVG}circle"))[1:])
    assert said["← men"] < middle < said["women →"]


def test_nothing_is_drawn_outside_the_picture() -> None:
    root = drawn()
    _, _, width, height = (float(x) for x in root.get("viewBox", "").split())
    for e in root.iter():
        for name, end in (("x", width), ("cx", width), ("y", height), ("cy", height)):
            assert 0 <= float(e.get(name, 0)) <= end


def test_an_interval_that_is_not_known_is_no_interval() -> None:
    assert interval(0.1, None) is None
    assert interval(-0.1, 0.2) == (-0.1, 0.2)
    assert between(None, 0.2) == ""
    assert between(-0.1, 0.2) == "−0.10 to +0.20"


def test_drawings_and_style_sheet_agree_on_the_light_theme() -> None:
    """A drawing that stands alone shows a variable's second value, which must be the pages' own."""
    folder = Path(leaderboard.__file__).parent
    sheet = assets.text("page.css")
    light = sheet[: sheet.index(".dark")]
    said = dict(re.findall(r"(--vp-[a-z]+): (#[0-9a-f]{6});", light))
    used = {
        found
        for path in folder.rglob("*.py")
        for found in re.findall(r"var\((--vp-[a-z]+), (#\w+)\)", path.read_text())
    }
    assert used
    assert {(name, said.get(name)) for name, _ in used} == used
