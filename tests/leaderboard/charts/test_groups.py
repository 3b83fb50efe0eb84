"""Two groups and a model on one circle: where scores lie, how lines are told apart, and that nothing is trusted."""

from __future__ import annotations

import itertools
import math
import re
from xml.etree import ElementTree

import pytest

from data.people.reference import CONTRASTS, load_reference
from data.values import VALUES
from leaderboard.charts.groups import AGAINST_DASH, HIGH, LOW, Drawn, circle
from leaderboard.charts.portrait import number

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<img src=x onerror=alert(1)>"
REFERENCE = load_reference()
OLD, YOUNG = (Drawn(g, list(REFERENCE.groups[g].mean_centred10)) for g in CONTRASTS[1][1:])
MODEL = Drawn("org/model", [0.5] * 10, [0.1] * 10, [0.9] * 10)


def paths(svg: str) -> list[ElementTree.Element]:
    """The closed lines: profiles and bands."""
    return [e for e in ElementTree.fromstring(svg).iter(f"{SVG}path") if e.get("d", "").endswith("Z")]


def radii(path: ElementTree.Element) -> list[float]:
    points = re.findall(r"[ML]([\d.-]+) ([\d.-]+)", path.get("d", ""))
    return [math.hypot(float(x) - 190, float(y) - 150) for x, y in points]


def test_three_profiles_are_told_apart_by_more_than_colour() -> None:
    band, against, toward, model = paths(circle(OLD, YOUNG, MODEL))
    styles = {(e.get("stroke-dasharray"), e.get("stroke-width")) for e in (against, toward, model)}
    assert len(styles) == 3
    assert against.get("stroke-dasharray") == AGAINST_DASH
    assert band.get("fill-rule") == "evenodd"
    assert len(radii(band)) == 20


def test_a_greater_score_lies_further_out_and_all_stay_within_the_rim() -> None:
    scores = [-9.0, -1.6, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 9.0]
    *_, line = paths(circle(OLD, YOUNG, Drawn("m", scores)))
    found = radii(line)
    assert found[0] == pytest.approx(found[1], abs=0.2)
    assert found[8] == pytest.approx(found[9], abs=0.2)
    assert all(b > a + 5 for a, b in itertools.pairwise(found[1:9]))
    assert 0 < found[0] < found[9] <= 106.1
    unit = (found[8] - found[1]) / (HIGH - LOW)
    assert found[4] - found[1] == pytest.approx(-LOW * unit, abs=0.2)


def test_the_legend_stands_below_the_circle() -> None:
    root = ElementTree.fromstring(circle(OLD, YOUNG, MODEL))
    height = float(root.get("viewBox", "").split()[3])
    named = {e.text: float(e.get("y", 0)) for e in root.iter(f"{SVG}text")}
    legend = [named[p.name] for p in (MODEL, OLD, YOUNG)]
    assert max(y for name, y in named.items() if name in {d.name for d in VALUES}) + 10 < min(legend)
    assert max(legend) < height
    without = ElementTree.fromstring(circle(OLD, YOUNG, None))
    assert [e.text for e in without.iter(f"{SVG}text")][-2:] == [OLD.name, YOUNG.name]


def test_the_text_alternative_has_every_number() -> None:
    root = ElementTree.fromstring(circle(OLD, YOUNG, MODEL))
    said = root.findtext(f"{SVG}desc") or ""
    for profile in (OLD, YOUNG, MODEL):
        assert profile.name in said
        for d, score in zip(VALUES, profile.scores, strict=True):
            assert f"{d.name} {number(score)}" in said


def test_a_name_is_text_however_long() -> None:
    svg = circle(OLD, YOUNG, Drawn(HOSTILE + "x" * 200, [0.0] * 10))
    assert "<img" not in svg
    longest = max(len(e.text or "") for e in ElementTree.fromstring(svg).iter(f"{SVG}text"))
    assert longest <= 46
