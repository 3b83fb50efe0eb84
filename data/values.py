"""The dimensions of the benchmark: ten values, four higher-order values, five traits.

This is the one place that spells, orders, abbreviates and colours them. Source of the order and of the grouping:
Schwartz's circle of values as used by Value Portrait (Han et al., ACL 2025); Hedonism stands between Openness to Change
and Self-Enhancement and belongs to neither. Colours are those of Okabe and Ito (2008), told apart by colour-blind
readers; they are for marks, never for text.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Scale = Literal["pvq", "higher_pvq", "bfi"]


class Family(NamedTuple):
    """A stretch of the value circle that shares a colour."""

    name: str
    """As people write it, e.g. `Openness to Change`."""
    colour: str
    """Hex colour of its marks."""


class Dimension(NamedTuple):
    """One thing the benchmark measures."""

    name: str
    """As people write it, e.g. `Self-Direction`; the name in every record, page and export."""
    key: str
    """As upstream's files spell it, e.g. `Self_Direction`."""
    short: str
    """Two letters for tight places, e.g. `SD`."""
    scale: Scale
    """The scale it belongs to: scores are centred within a scale."""
    family: Family
    """Its stretch of the circle; traits share one neutral family."""
    meaning: str
    """What a high score speaks for, in a few plain words of our own."""


OPENNESS = Family("Openness to Change", "#0072B2")
HEDONISM = Family("Hedonism", "#E69F00")
ENHANCEMENT = Family("Self-Enhancement", "#D55E00")
CONSERVATION = Family("Conservation", "#CC79A7")
TRANSCENDENCE = Family("Self-Transcendence", "#009E73")
TRAITS = Family("Big Five", "#7A7A7A")

FAMILIES: tuple[Family, ...] = (OPENNESS, HEDONISM, ENHANCEMENT, CONSERVATION, TRANSCENDENCE)
"""The five families in circle order."""

VALUES: tuple[Dimension, ...] = (
    Dimension("Self-Direction", "Self_Direction", "SD", "pvq", OPENNESS, "thinking and choosing for oneself"),
    Dimension("Stimulation", "Stimulation", "ST", "pvq", OPENNESS, "novelty, challenge, excitement"),
    Dimension("Hedonism", "Hedonism", "HE", "pvq", HEDONISM, "pleasure and enjoying life"),
    Dimension("Achievement", "Achievement", "AC", "pvq", ENHANCEMENT, "success that others can see"),
    Dimension("Power", "Power", "PO", "pvq", ENHANCEMENT, "status, wealth, control over others"),
    Dimension("Security", "Security", "SE", "pvq", CONSERVATION, "safety and a stable order"),
    Dimension("Conformity", "Conformity", "CO", "pvq", CONSERVATION, "keeping rules, upsetting nobody"),
    Dimension("Tradition", "Tradition", "TR", "pvq", CONSERVATION, "custom, religion, modesty"),
    Dimension("Benevolence", "Benevolence", "BE", "pvq", TRANSCENDENCE, "care for the people one is close to"),
    Dimension("Universalism", "Universalism", "UN", "pvq", TRANSCENDENCE, "care for all people and for nature"),
)
"""The ten values in circle order; use this order wherever values stand in a row or on a circle."""

HIGHER: tuple[Dimension, ...] = (
    Dimension("Openness to Change", "Openness_to_Change", "OC", "higher_pvq", OPENNESS, "one's own new ways"),
    Dimension("Self-Enhancement", "Self_Enhancement", "EN", "higher_pvq", ENHANCEMENT, "own success and standing"),
    Dimension("Conservation", "Conservation", "CN", "higher_pvq", CONSERVATION, "order, restraint, what has been"),
    Dimension("Self-Transcendence", "Self_Transcendence", "TC", "higher_pvq", TRANSCENDENCE, "the good of others"),
)
"""The four higher-order values in circle order."""

BIG_FIVE: tuple[Dimension, ...] = (
    Dimension("Openness", "Openness", "O", "bfi", TRAITS, "curious, imaginative"),
    Dimension("Conscientiousness", "Conscientiousness", "C", "bfi", TRAITS, "orderly, thorough"),
    Dimension("Extraversion", "Extraversion", "E", "bfi", TRAITS, "outgoing, lively"),
    Dimension("Agreeableness", "Agreeableness", "A", "bfi", TRAITS, "trusting, considerate"),
    Dimension("Neuroticism", "Neuroticism", "N", "bfi", TRAITS, "easily worried or upset"),
)
"""The five traits."""

DIMENSIONS: tuple[Dimension, ...] = VALUES + HIGHER + BIG_FIVE
"""All 19, in the order of the columns of every array over dimensions."""

SCALES: dict[Scale, tuple[Dimension, ...]] = {"pvq": VALUES, "higher_pvq": HIGHER, "bfi": BIG_FIVE}
"""The dimensions of each scale, in order."""

SCALE_NAMES: dict[Scale, str] = {"pvq": "Values", "higher_pvq": "Higher order", "bfi": "Big Five"}
"""What visitors read for a scale."""

SCALE_COLUMNS: dict[Scale, slice] = {"pvq": slice(0, 10), "higher_pvq": slice(10, 14), "bfi": slice(14, 19)}
"""The columns of a scale in an array over `DIMENSIONS`."""

MEMBERS: dict[str, tuple[str, ...]] = {
    "Openness to Change": ("Self-Direction", "Stimulation"),
    "Self-Enhancement": ("Achievement", "Power"),
    "Conservation": ("Security", "Conformity", "Tradition"),
    "Self-Transcendence": ("Benevolence", "Universalism"),
}
"""The values that make up each higher-order value."""

BY_NAME: dict[str, Dimension] = {d.name: d for d in DIMENSIONS}
"""Dimension by the name people write."""

BY_KEY: dict[tuple[Scale, str], Dimension] = {(d.scale, d.key): d for d in DIMENSIONS}
"""Dimension by scale and upstream's spelling."""
