"""The planes of the map: against waves and profiles whose place is known, and the circumplex of the records."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.people.reference import load_reference
from data.values import VALUES
from eval_queue.scoring.stability import circumplex
from leaderboard.analysis.projection import (
    ANGLES,
    WEIGHTS,
    Place,
    Region,
    View,
    normal_region,
    on_items,
    places,
    region,
    share,
)
from leaderboard.groups.proximity import linked

VIEWS: tuple[View, ...] = ("circle", "plane")
NAMES = [v.name for v in VALUES]


def profile(**scores: float) -> np.ndarray:
    return np.array([scores.get(v.short, 0.0) for v in VALUES])


@given(st.floats(0.05, 3), st.floats(0, 359.9), st.floats(-2, 2))
def test_a_wave_lies_in_its_direction_at_its_length(length: float, angle: float, level: float) -> None:
    found = Place(*places(level + length * np.cos(ANGLES - math.radians(angle)), "circle").tolist())
    assert found.length == pytest.approx(length, abs=1e-9)
    assert (found.angle - angle + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)


def test_the_circle_says_what_the_records_say() -> None:
    ten = np.random.default_rng(1).normal(size=(50, 10))
    ten -= ten.mean(axis=1, keepdims=True)
    fit, angle = circumplex(ten)
    for p, f, a, c in zip(places(ten, "circle").tolist(), fit, angle, ten, strict=True):
        assert Place(*p).angle == pytest.approx(a, abs=1e-9)
        assert 5 * Place(*p).length ** 2 / (c @ c) == pytest.approx(f, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({"SD": 1.0, "ST": 1.0}, (1.0, 0.0)),
        ({"SD": 1.0}, (0.5, 0.0)),
        ({"SE": 0.3, "CO": 0.6, "TR": 0.9}, (-0.6, 0.0)),
        ({"BE": 1.0, "UN": 0.5}, (0.0, 0.75)),
        ({"AC": 0.5, "PO": 0.5}, (0.0, -0.5)),
        ({"HE": 2.0}, (0.0, 0.0)),
    ],
)
def test_the_plane_is_two_differences_of_means(scores: dict[str, float], expected: tuple[float, float]) -> None:
    assert places(profile(**scores), "plane") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("view", VIEWS)
def test_axes_are_orthogonal_and_do_not_see_how_a_profile_is_centred(view: View) -> None:
    first, second = WEIGHTS[view]
    assert first @ second == pytest.approx(0, abs=1e-12)
    assert WEIGHTS[view].sum(axis=1) == pytest.approx([0, 0], abs=1e-12)
    ten = np.random.default_rng(2).normal(size=10)
    assert places(ten + 7, view) == pytest.approx(places(ten, view))


@pytest.mark.parametrize("view", VIEWS)
def test_the_share_is_all_in_the_plane_and_nothing_beside_it(view: View) -> None:
    inside = np.array([[2.0, -1.0], [0.3, 4.0]]) @ WEIGHTS[view]
    assert share(inside, view) == pytest.approx(1)
    everything = np.random.default_rng(3).normal(size=(4, 10))
    basis, _ = np.linalg.qr(WEIGHTS[view].T)
    beside = everything - everything @ basis @ basis.T
    assert share(beside, view) == pytest.approx(0, abs=1e-12)
    # Pythagoras: squared lengths inside and beside add up
    expected = np.square(everything @ basis).sum() / np.square(everything).sum()
    assert share(everything, view) == pytest.approx(expected)
    assert share(np.zeros((2, 10)), view) is None


def test_an_ellipse_holds_95_of_100_normal_draws() -> None:
    rng = np.random.default_rng(4)
    covariance = np.array([[0.09, 0.05], [0.05, 0.04]])
    draws = rng.multivariate_normal([0.2, -0.4], covariance, size=20_000)
    found = region(draws)
    assert found is not None
    middle = Place(0.2, -0.4)
    held = np.mean([found.holds(middle, Place(*d)) for d in draws.tolist()])
    assert held == pytest.approx(0.95, abs=0.01)
    assert [found.low.x, found.high.x] == pytest.approx(np.percentile(draws[:, 0], [2.5, 97.5]), abs=1e-12)
    assert found.length_high == pytest.approx(np.percentile(np.hypot(*draws.T), 97.5), abs=1e-12)


@pytest.mark.parametrize("turn", [-70.0, -20.0, 0.0, 35.0, 85.0])
def test_the_drawn_ellipse_is_the_tested_one(turn: float) -> None:
    t = math.radians(turn)
    axes = np.array([[math.cos(t), math.sin(t)], [-math.sin(t), math.cos(t)]])
    (xx, xy), (_, yy) = (axes.T @ np.diag([0.25, 0.01]) @ axes).tolist()
    found = Region(Place(0, 0), Place(0, 0), 0, 0, xx, xy, yy)
    assert found.ellipse.turn == pytest.approx(turn)
    middle = Place(1.0, 2.0)
    for radius, along in ((found.ellipse.major, axes[0]), (found.ellipse.minor, axes[1])):
        inside, outside = (Place(*(np.array(middle) + radius * f * along)) for f in (0.999, 1.001))
        assert found.holds(middle, inside)
        assert not found.holds(middle, outside)


def test_draws_that_say_nothing_are_left_out() -> None:
    draws = np.random.default_rng(5).normal(size=(40, 2))
    with_gaps = np.vstack([draws, [[np.nan, 1.0]]])
    assert region(with_gaps) == region(draws)
    assert region(np.full((5, 2), np.nan)) is None


@pytest.mark.parametrize("view", VIEWS)
def test_standard_errors_become_the_region_that_draws_give(view: View) -> None:
    rng = np.random.default_rng(6)
    ten, se = rng.normal(size=10), rng.uniform(0.02, 0.1, size=10)
    place = Place(*places(ten, view).tolist())
    drawn = region(places(ten + rng.normal(size=(40_000, 10)) * se, view))
    assert drawn is not None
    found = normal_region(place, se, view)
    for name in ("xx", "xy", "yy"):
        assert getattr(found, name) == pytest.approx(getattr(drawn, name), abs=1e-4)
    for end in ("low", "high"):
        assert getattr(found, end) == pytest.approx(getattr(drawn, end), abs=0.01)
    assert found.length_high == pytest.approx(drawn.length_high, abs=0.01)


def test_a_group_on_the_items_is_the_way_back_of_linking() -> None:
    reference = load_reference()
    p, q = reference.raters.vp_human_centred10, reference.raters.pvq_human_centred10
    for group in reference.groups.values():
        there = on_items(group.mean_centred10, p, q, 0.52)
        assert linked(there, p, q, 0.52) == pytest.approx(group.mean_centred10, abs=1e-12)
    assert on_items(q, p, q, 0.52) == pytest.approx(p)
