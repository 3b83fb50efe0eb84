"""What visitors read for the shipped groups of people and for the contrasts between them, place by place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from data.people.reference import OVERALL


class GroupName(NamedTuple):
    """A group in a list; in a column's heading, under what sets it against its opposite; in a sentence; on the map."""

    called: str
    end: str
    short: str
    placed: str


GROUPS: Final[Mapping[str, GroupName]] = {
    OVERALL: GroupName("all people asked", "all", "all people asked", "Europe: all"),
    "gender/female": GroupName("women", "women", "women", "Europe: women"),
    "gender/male": GroupName("men", "men", "men", "Europe: men"),
    "age_paper/80+": GroupName("age 80 and over", "80+", "people aged 80 or older", "Europe: aged 80 or older"),
    "age_paper/20-39": GroupName("age 20 to 39", "20-39", "people aged 20 to 39", "Europe: aged 20 to 39"),
    "political/right": GroupName("political right", "right", "the political right", "Europe: right"),
    "political/left": GroupName("political left", "left", "the political left", "Europe: left"),
    "education_paper/university": GroupName(
        "university degree", "yes", "the university-educated", "Europe: university"
    ),
    "education_paper/below_university": GroupName(
        "no university degree", "no", "people educated below university", "Europe: below university"
    ),
}
"""Other groups are called what they call themselves."""
SHORT: Final[Mapping[str, str]] = {name: words.short for name, words in GROUPS.items()}


class ContrastName(NamedTuple):
    """A contrast: its subject for a column's heading, its two groups, and what must be known beyond these."""

    subject: str
    between: str
    note: str | None = None


CONTRASTS: Final[Mapping[str, ContrastName]] = {
    "gender": ContrastName("Gender", "Women and men"),
    "age": ContrastName(
        "Age",
        "80 or older and 20 to 39",
        "The two ends of adult life are set against each other: most people are in neither group.",
    ),
    "political": ContrastName(
        "Politics",
        "Politically right and left",
        "People placed themselves on a scale from 0, left, to 10, right: 0 to 4 against 6 to 10. Those in the middle "
        "are in neither group.",
    ),
    "education": ContrastName(
        "Degree",
        "University and below",
        "A degree of a university or the like (ES-ISCED V1, V2) against any lower one.",
    ),
}


def called(group: str) -> str:
    """A group in a list, also one that is not shipped."""
    return GROUPS[group].called if group in GROUPS else group.rpartition("/")[2].replace("_", " ")
