"""The portrait: where scores lie, what it says in words, and that nothing in it is trusted."""

from __future__ import annotations

import itertools
import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.values import FAMILIES, VALUES
from leaderboard.charts.portrait import GEOMETRY, Kind, Point, number, outline, portrait

SVG = "{http://www.w3.org/2000/svg}"
FULL = GEOMETRY["full"]
KINDS: tuple[Kind, ...] = ("full", "thumb", "logo")
SCORES = [0.33, 0.04, -0.1, -0.28, -0.17, 0.3, 0.06, -0.33, 0.47, 0.28]
NONE: list[float | None] = [None] * 10


def points(path: str) -> list[Point]:
    return [Point(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.-]+) ([\d.-]+)", path)]


def radius(p: Point) -> float:
    return math.hypot(p.x - FULL.centre.x, p.y - FULL.centre.y)


def clockwise_from_top(p: Point) -> float:
    return math.degrees(math.atan2(p.x - FULL.centre.x, FULL.centre.y - p.y)) % 360


def elements(svg: str, tag: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(svg).iter(SVG + tag))


@given(st.lists(st.floats(-3, 3), min_size=10, max_size=10))
def test_each_score_lies_on_its_spoke_at_its_radius(scores: list[float]) -> None:
    drawn = points(outline(scores, FULL))
    assert len(drawn) == 10
    for i, (p, score) in enumerate(zip(drawn, scores, strict=True)):
        assert radius(p) == pytest.approx(FULL.zero + FULL.unit * max(-1, min(1, score)), abs=0.02)
        assert (clockwise_from_top(p) - 36 * i + 180) % 360 - 180 == pytest.approx(0, abs=0.2)


def test_no_kind_of_portrait_turns_inside_out() -> None:
    for kind in KINDS:
        g = GEOMETRY[kind]
        assert 0 <= g.radius(-9) < g.radius(0) < g.radius(9) <= min(g.width, g.height) / 2


def test_zero_is_the_ring() -> None:
    ring = next(c for c in elements(portrait(SCORES), "circle") if float(c.get("r", 0)) == FULL.zero)
    assert (float(ring.get("cx", 0)), float(ring.get("cy", 0))) == FULL.centre
    assert {round(radius(p), 1) for p in points(outline([0.0] * 10, FULL))} == {FULL.zero}


def test_a_complete_profile_is_closed() -> None:
    assert outline(SCORES, FULL).endswith("Z")


@pytest.mark.parametrize("missing", [{0}, {9}, {3, 4}, {0, 5}, set(range(9)), set(range(10))])
def test_a_missing_score_leaves_a_gap(missing: set[int]) -> None:
    scores = [None if i in missing else s for i, s in enumerate(SCORES)]
    path = outline(scores, FULL)
    assert "Z" not in path
    present = {round(clockwise_from_top(p) / 36) % 10 for p in points(path)}
    assert present == set(range(10)) - missing
    # a stroke joins neighbours only
    for stroke in path.split("M")[1:]:
        spokes = [round(clockwise_from_top(p) / 36) % 10 for p in points("M" + stroke)]
        assert all((b - a) % 10 == 1 for a, b in itertools.pairwise(spokes))


def test_the_band_needs_every_interval() -> None:
    low, high = [s - 0.2 for s in SCORES], [s + 0.2 for s in SCORES]
    bands = [p for p in elements(portrait(SCORES, low=low, high=high), "path") if p.get("fill-rule") == "evenodd"]
    assert len(bands) == 1
    outer, inner = (points(part) for part in re.findall(r"M[^Z]+Z", bands[0].get("d", "")))
    assert all(
        radius(o) - radius(i) == pytest.approx(0.4 * FULL.unit, abs=0.05) for o, i in zip(outer, inner, strict=True)
    )
    assert "evenodd" not in portrait(SCORES)
    assert "evenodd" not in portrait(SCORES, low=[None, *low[1:]], high=high)


def test_a_reference_is_dotted_and_behind() -> None:
    svg = portrait(SCORES, reference=[0.1] * 10)
    paths = [p for p in elements(svg, "path") if p.get("d", "").endswith("Z")]
    assert [bool(p.get("stroke-dasharray")) for p in paths] == [True, False]
    assert points(paths[0].get("d", "")) == points(outline([0.1] * 10, FULL))


def test_names_stand_in_circle_order_and_are_said() -> None:
    svg = portrait(SCORES, low=[s - 0.2 for s in SCORES], high=[s + 0.2 for s in SCORES], name="some-model")
    assert [t.text for t in elements(svg, "text")] == [d.name for d in VALUES]
    title, desc = elements(svg, "title")[0].text or "", elements(svg, "desc")[0].text or ""
    assert "some-model" in title
    assert "Self-Direction +0.33 (95 % interval +0.13 to +0.53)" in desc
    assert "Tradition −0.33 (95 % interval −0.53 to −0.13)" in desc


def test_a_missing_score_is_said() -> None:
    assert "Self-Direction no score" in (elements(portrait(NONE), "desc")[0].text or "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_name_stays_a_name(kind: Kind) -> None:
    hostile = '</title><script>alert("x")</script><img src=x onerror=alert(1)>'
    svg = portrait(SCORES, name=hostile, kind=kind)
    assert hostile in (elements(svg, "title")[0].text or "")
    assert not elements(svg, "script")
    assert "<img" not in svg


def test_family_colours_are_marks_never_text() -> None:
    colours = {f.colour for f in FAMILIES}
    for text in elements(portrait(SCORES), "text"):
        assert not any(c in value for c in colours for value in text.attrib.values())
    dots = [c.get("fill") for c in elements(portrait(SCORES), "circle") if c.get("fill") in colours]
    assert dots == [d.family.colour for d in VALUES]


def test_a_flat_or_incomplete_profile_is_grey() -> None:
    assert "--vp-accent" in portrait(SCORES)
    assert "--vp-accent" not in portrait(SCORES, muted=True)


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.4, "+0.40"),
        (-0.126, "−0.13"),
        (0.004, "0.00"),
        (-0.004, "0.00"),
        (0.0, "0.00"),
        (1.999, "+2.00"),
        (None, "–"),
    ],
)
def test_numbers_carry_their_sign(x: float | None, text: str) -> None:
    assert number(x) == text
