"""Names beside points never cover each other or what is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.charts.labels import Box, beside, width_of
from leaderboard.charts.portrait import Point

BOUNDS = Box(0, 0, 400, 300)
points = st.builds(Point, st.floats(0, 400), st.floats(0, 300))
wanted = st.lists(st.tuples(st.text("abcdef-", min_size=1, max_size=30), points), max_size=25)
boxes = st.lists(
    st.builds(lambda p, w, h: Box(p.x, p.y, p.x + w, p.y + h), points, st.floats(1, 80), st.floats(1, 40)), max_size=10
)


@given(wanted, boxes)
def test_no_two_overlap_and_nothing_taken_is_covered(names: list[tuple[str, Point]], taken: list[Box]) -> None:
    found = beside(names, taken, BOUNDS)
    assert len(found) == len(names)
    placed = [label for label in found if label is not None]
    for i, label in enumerate(placed):
        assert label.box.within(BOUNDS)
        assert label.box.right - label.box.left == pytest.approx(width_of(label.text))
        for other in [*taken, *(x.box for x in placed[:i])]:
            assert not label.box.meets(other)


@given(points)
def test_a_name_alone_stands_beside_its_point(at: Point) -> None:
    (label,) = beside([("model", at)], [], Box(-500, -500, 900, 900))
    assert label is not None
    assert label.anchor == "start"
    assert (label.x - at.x, label.box.left - at.x) == pytest.approx((8, 8))


def test_the_first_wanted_gets_the_room() -> None:
    at = Point(200, 150)
    tight = Box(100, 140, 300, 160)
    names = [("a name", at), ("another", at), ("a third one", at)]
    found = beside(names, [], tight)
    assert found[0] is not None
    assert found[1] is not None
    assert found[2] is None
