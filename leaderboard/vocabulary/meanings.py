"""What the dimensions mean, in two sentences of our own each, and whose definitions these follow."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

from data.values import Scale


class Reference(NamedTuple):
    """A work whose definitions are followed."""

    words: str
    address: str


SOURCES: Final[dict[Scale, Reference]] = {
    "pvq": Reference(
        "S. H. Schwartz, Universals in the content and structure of values, 1992",
        "https://doi.org/10.1016/S0065-2601(08)60281-6",
    ),
    "higher_pvq": Reference(
        "S. H. Schwartz, An overview of the Schwartz theory of basic values, 2012",
        "https://doi.org/10.9707/2307-0919.1116",
    ),
    "bfi": Reference(
        "R. R. McCrae and O. P. John, An introduction to the five-factor model and its applications, 1992",
        "https://doi.org/10.1111/j.1467-6494.1992.tb00970.x",
    ),
}
"""By scale."""

MEANINGS: Final = MappingProxyType(
    {
        "Self-Direction": "Thinking for oneself, choosing one’s own aims and making or exploring things. It serves the "
        "need for control over one’s own life and for being independent of others.",
        "Stimulation": "A life of change and daring, with surprises in it. It serves the need for variety that keeps a "
        "person alert, and is met by trying things whose outcome is open.",
        "Hedonism": "Pleasure and the enjoyment of life for their own sake. It shares something with the wish for new "
        "experience and something with the wish for one’s own gain, and belongs to neither family.",
        "Achievement": "Success by the standards of the society one lives in, shown by being competent. What counts is "
        "that others see it and approve of it.",
        "Power": "Status, and control over people and resources: authority, wealth, a good name. Unlike achievement it "
        "is about holding a position, not about doing something well.",
        "Security": "Safety and stability: of oneself, of the people one is close to and of society. It covers good "
        "health as well as a state that can protect its citizens.",
        "Conformity": "Keeping oneself from acts and urges that would hurt somebody or go against what is expected. It "
        "shows in politeness, self-discipline and obedience towards people one deals with.",
        "Tradition": "Holding on to what one’s culture or religion has handed down, and passing it on. It includes "
        "contentment with one’s lot and modesty.",
        "Benevolence": "Doing good to the people one is close to: family, friends, those one sees every day. It shows "
        "in being helpful, honest, forgiving and loyal, out of one’s own wish and not because it is expected.",
        "Universalism": "Concern for the welfare of all people, and for the natural world. It reaches beyond one’s own "
        "group, to strangers and those who think otherwise, to justice and to the environment.",
        "Openness to Change": "Being ready for new ideas, actions and experiences, and following one’s own lead. It "
        "joins Self-Direction and Stimulation and stands opposite to Conservation.",
        "Self-Enhancement": "Pursuing one’s own success and standing, if need be ahead of others. It joins Achievement "
        "and Power and stands opposite to Self-Transcendence.",
        "Conservation": "Keeping order, restraint and what has proved itself. It joins Security, Conformity and "
        "Tradition and stands opposite to Openness to Change.",
        "Self-Transcendence": "Putting the welfare of others and of nature before one’s own interests. It joins "
        "Benevolence and Universalism and stands opposite to Self-Enhancement.",
        "Openness": "Curiosity about ideas, art and feelings, imagination, a liking for variety. People who score low "
        "prefer what is familiar and practical.",
        "Conscientiousness": "Order, reliability and persistence in reaching aims. People who score low act more on "
        "the moment and plan less.",
        "Extraversion": "Seeking company, activity and attention, and feeling cheerful in them. People who score low "
        "are reserved and need less of all three.",
        "Agreeableness": "Trust, sympathy and willingness to help and to give way. People who score low are more "
        "sceptical, more competitive and quicker to disagree.",
        "Neuroticism": "Being easily and often anxious, sad, irritable or under strain. People who score low are calm "
        "and recover quickly from what upsets them.",
    }
)
"""By the name people write."""
