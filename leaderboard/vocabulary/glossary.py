"""The terms that the pages use, in a few sentences each: the one place that says what they mean.

A term is known by its forms, the words by which pages call it. `leaderboard.web.terms` opens it in place, `About` and
the page `glossary` list it. Forms are found as whole words whatever their case, the longest first, so that "own ranks"
is not taken for "ranks"; a word that also has an everyday meaning is no form.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, Literal, NamedTuple

from data.benchmark import MAX_P, MIN_RHO
from eval_queue.scoring.profiles import MIN_COVERAGE, MIN_ITEMS
from eval_queue.scoring.stability import FLAT_BELOW
from leaderboard.vocabulary.badges import BADGES, FLAT, ORIGINS

Group = Literal["scores", "certainty", "answers", "benchmark", "people", "rows"]
GROUPS: Final[dict[Group, str]] = {
    "scores": "Values and scores",
    "certainty": "Uncertainty",
    "answers": "How a model answers",
    "benchmark": "The benchmark",
    "people": "Comparison with people",
    "rows": "Rows and runs",
}
"""What the terms are about, in the order of the glossary."""


class Term(NamedTuple):
    """One term."""

    name: str
    """As a heading."""
    meaning: str
    """One to three sentences; plain text."""
    group: Group
    forms: tuple[str, ...]
    """How pages call it, in small letters."""
    page: tuple[str, str] | None = None
    """A page that says more: its name and address relative to the pages."""

    @property
    def anchor(self) -> str:
        """Its place in the glossary."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.casefold()).strip("-")


_METHOD: Final = ("The method", "methodology")
_VALIDITY: Final = ("Validity of the benchmark", "benchmark")
_GROUPS: Final = ("Groups of people", "groups")

_WRITTEN: Final = (
    Term(
        "Basic values",
        "What people hold to be important in their lives, in the ten kinds that Shalom Schwartz distinguishes. They "
        "form a circle: neighbours go together, opposites pull apart.",
        "scores",
        ("basic values", "basic value", "ten values", "schwartz values"),
        ("The values", "value"),
    ),
    Term(
        "Higher-order values",
        "The four families into which neighbouring values are joined: Openness to Change, Self-Enhancement, "
        "Conservation and Self-Transcendence.",
        "scores",
        ("higher-order values", "higher-order value", "higher order"),
        ("The values", "value"),
    ),
    Term(
        "Big Five",
        "The five broad traits of personality: openness, conscientiousness, extraversion, agreeableness and "
        "neuroticism.",
        "scores",
        ("big five", "traits"),
        ("The traits", "value"),
    ),
    Term(
        "Score",
        "Mean rating of a value’s responses minus the model’s own average over all responses of the scale, in points "
        "of the 6-point scale. It says what a model puts first relative to the rest, not how strong a value is in it.",
        "scores",
        ("score", "scores"),
        _METHOD,
    ),
    Term(
        "Own average",
        "A model’s mean rating over all responses of a scale. Scores are relative to it, because some models find "
        "everything a little like themselves.",
        "scores",
        ("own average", "scale mean"),
    ),
    Term(
        "Reading",
        "A rule by which the same answers are turned into numbers. As published: the score, by the paper’s rule, from "
        "the responses that count for a value. All items: the match, from all responses.",
        "scores",
        ("two readings", "both readings", "other reading", "as published", "with all items"),
        ("Both readings compared", "benchmark#readings"),
    ),
    Term(
        "Match",
        "The correlation of a model’s ratings of all responses with how each response goes with the value among "
        "people; 0 means that its ratings have nothing to do with the value. It does not depend on how high or how "
        "widely a model rates, but answers that are inconsistent lower every match.",
        "scores",
        ("match on all items", "matches on all items", "a match", "the match", "ten matches", "match"),
        _METHOD,
    ),
    Term(
        "Common profile",
        "What the profiles of all released models have in common. Models differ mostly in how strongly they show it, "
        "which is no value and no merit.",
        "scores",
        ("common profile",),
        ("Both readings compared", "benchmark#readings"),
    ),
    Term(
        "Portrait",
        "The ten scores drawn on the circle. The ring is the model’s own average; values outside it are rated above "
        "that average, values inside below.",
        "scores",
        ("portrait", "portraits"),
    ),
    Term(
        "Profile",
        "A model’s scores on all values of a scale together.",
        "scores",
        ("profile", "profiles"),
    ),
    Term(
        "Fit to the circle",
        "How far a profile rises and falls once around the circle of values, as the theory expects: the share of its "
        "variance that one cosine wave explains. Ten unrelated numbers would give 22 % on average.",
        "scores",
        ("fit to the circle", "direction of the wave"),
        _METHOD,
    ),
    Term(
        "95 % interval",
        "How far the number could be off because of the choice of questions: of 100 intervals made in this way, 95 "
        "contain what all questions of the same kind would give. For figures about columns and raters it is the choice "
        "of models or of people instead, as the text beside them says. Whether two models differ is read off the "
        "interval of their difference, not off the overlap of their intervals.",
        "certainty",
        ("95 % interval", "95 % intervals", "95 % band", "confidence interval"),
        _METHOD,
    ),
    Term(
        "Half-width",
        "Half the length of a 95 % interval: +0.40 ±0.21 stands for +0.19 to +0.61.",
        "certainty",
        ("half-width",),
    ),
    Term(
        "Bootstrap",
        "A way to find out how uncertain a number is: the questions are drawn again at random, with replacement, "
        "thousands of times, and the number is computed anew each time. Models or people can be drawn likewise.",
        "certainty",
        ("bootstrap", "draws"),
        _METHOD,
    ),
    Term(
        "Jackknife",
        "A way to find out how uncertain a number is: it is computed anew without each question, model or group of "
        "raters in turn, and how much it changes says how far it could be off.",
        "certainty",
        ("jackknife",),
        _METHOD,
    ),
    Term(
        "Holm’s correction",
        "Ten tests find something by chance more often than one does. Holm’s correction keeps the chance of any false "
        "finding among all of them at 5 %.",
        "certainty",
        ("holm’s correction", "adjusted p"),
    ),
    Term(
        "Distinguishable",
        "Too large a difference for chance: its 95 % interval, corrected for the number of comparisons, excludes 0.",
        "certainty",
        ("distinguishable", "not distinguishable", "told apart", "tell apart", "tells models apart"),
    ),
    Term(
        "p value",
        "How often chance alone would give a difference as large as this one or larger. Small: chance is a poor "
        "explanation.",
        "certainty",
        ("p-value", "p value"),
    ),
    Term(
        "Rank interval",
        "The ranks a model can have on a value, e.g. 3-17; rank 1 is the highest score, which is a position and no "
        "merit. A model is ranked before another only where their difference is too large for chance, with all pairs "
        "of the table taken into account.",
        "certainty",
        ("rank interval", "rank intervals", "ranks"),
        _METHOD,
    ),
    Term(
        "Own ranks",
        "Where each of a model’s values can stand among its own: “Benevolence 1-4” means that, at the 95 % level, "
        "Benevolence is one of its first four.",
        "certainty",
        ("own ranks",),
    ),
    Term(
        "Reliability",
        "Of a profile: the share of the variance between a model’s ten scores that is not sampling noise, 1 all of it, "
        "0 or below none. Of a column: how far it orders models alike in two halves of the queries; below 0.50 (†) it "
        "cannot tell these models apart.",
        "certainty",
        ("reliability", "split-half reliability"),
        _METHOD,
    ),
    Term(
        "Flat",
        f"{FLAT.hint} Said of a profile whose reliability is below {FLAT_BELOW}; it is drawn in grey.",
        "certainty",
        ("flat",),
    ),
    Term(
        "Cronbach’s alpha",
        "Whether people who rate one response of a value high rate its others high, too: 1 always, 0 never.",
        "certainty",
        ("cronbach’s alpha", "alpha"),
        _VALIDITY,
    ),
    Term(
        "Correlation",
        "How closely two series of numbers go together: +1 in step, 0 unrelated, −1 in opposite directions. A rank "
        "correlation compares their orders only.",
        "certainty",
        ("correlation", "correlations", "rank correlation", "spearman", "pearson"),
    ),
    Term(
        "Standard deviation",
        "The usual distance from the mean: about two thirds of the cases lie within one of them to either side.",
        "certainty",
        ("standard deviation", "standard deviations"),
    ),
    Term(
        "Coverage",
        "Share of the prompts whose answer could be read as a rating. Below "
        f"{100 * MIN_COVERAGE:.0f} %, or with fewer than {100 * MIN_ITEMS:.0f} % of any value’s responses, a row is "
        "marked incomplete.",
        "answers",
        ("coverage",),
    ),
    Term(
        "Sensitivity to wording",
        "Share of the responses that a model rates differently when the prompt is reworded. A small share means "
        "consistent ratings, or the same rating for everything.",
        "answers",
        ("sensitivity to wording",),
    ),
    Term(
        "Sensitivity to order",
        "Share of the responses that a model rates differently when the six answers are listed in reverse order.",
        "answers",
        ("sensitivity to order", "order effect"),
    ),
    Term(
        "Response style",
        "How a model uses the six answers whatever it is asked: the rating it gives most, and whether it rates higher "
        "when “very much like me” is listed first.",
        "answers",
        ("response style",),
    ),
    Term(
        "Refusal",
        "An answer that declines to rate. It is counted, and is never a number.",
        "answers",
        ("refusal", "refusals"),
    ),
    Term(
        "Weighted kappa",
        "Agreement between two ratings of the same thing beyond what chance would give: 1 always the same, 0 no more "
        "than chance. Ratings that are far apart count against it more.",
        "answers",
        ("weighted kappa",),
    ),
    Term(
        "Query",
        "A question or message that a person really sent. Value Portrait has 104; each comes with five responses.",
        "benchmark",
        ("query", "queries"),
    ),
    Term(
        "Response",
        "A possible reply to a query, which people and models rate by how much it is like them. One query with one "
        "response is an item.",
        "benchmark",
        ("response", "responses", "item", "items"),
    ),
    Term(
        "Rating",
        "An answer from “not like me at all” (1) to “very much like me” (6).",
        "benchmark",
        ("mean rating", "mean ratings", "ratings", "6-point scale"),
    ),
    Term(
        "Prompt",
        "What a model is sent: a query, a response and the six answers, in one of three wordings and with the answers "
        "in one of two orders.",
        "benchmark",
        ("prompt", "prompts"),
    ),
    Term(
        "Key",
        "Which responses count for which value: those whose ratings by people correlate with the same people’s own "
        f"score on it (ρ above {MIN_RHO}, p below {MAX_P}).",
        "benchmark",
        ("key", "keys", "count for", "counts for"),
        _VALIDITY,
    ),
    Term(
        "Loading",
        "How a response goes with a value among people, between −1 and +1. All loadings of a value are its template, "
        "with which a match compares a model’s ratings.",
        "benchmark",
        ("loading", "loadings", "template", "templates"),
        _METHOD,
    ),
    Term(
        "Raters",
        "The people who rated the benchmark’s responses and whose values are known from a questionnaire: paid "
        "participants of one online panel, not people at large.",
        "people",
        ("raters", "rater"),
        ("The raters", "benchmark#people"),
    ),
    Term(
        "Above raters",
        "The share of the people who rated the same responses that a model stands above, ties counted half.",
        "people",
        ("above raters",),
    ),
    Term(
        "PVQ-21",
        "Schwartz’s Portrait Values Questionnaire: 21 short descriptions of a person, each rated by how much one is "
        "like that person.",
        "people",
        ("pvq-21", "pvq", "questionnaire"),
    ),
    Term(
        "Similarity",
        "How closely the order of a model’s ten values is that of a group of people: a rank correlation, −1 to +1. It "
        "is no judgement.",
        "people",
        ("similarity to raters", "similarity to people", "similarity"),
        _GROUPS,
    ),
    Term(
        "Lean",
        "Which of two groups of people a model’s profile points to, with what all people share taken out: a cosine, "
        "−1 to +1. It says nothing about how much of a group’s values a model has.",
        "people",
        ("lean", "leans"),
        _GROUPS,
    ),
    Term(
        "Nearest group",
        "The group of people whose values are most similar to a model’s. It is named only where it can be told from "
        "all others, which is hardly ever the case.",
        "people",
        ("nearest group",),
        _GROUPS,
    ),
    Term(
        "Persona",
        "Somebody whom the model was asked to answer as, e.g. an older person. Such a run has no row among the models; "
        "it is compared with the people it stands for.",
        "people",
        ("persona", "personas", "persona run", "persona runs"),
        _GROUPS,
    ),
    Term("Origin", " ".join(f"{name.capitalize()}: {said}" for name, said in ORIGINS.items()), "rows", ("origin",)),
    Term(
        "Protocol",
        "The rules by which a model is asked: wordings, options, temperature. Rows share a table only where benchmark, "
        "protocol and way of answering are the same.",
        "rows",
        ("protocol",),
    ),
    Term(
        "Endpoint",
        "A service that answers for a model over the network, or on the operator’s own machine.",
        "rows",
        ("endpoint", "endpoints"),
    ),
    Term(
        "Digest",
        "A fingerprint of a file’s content: the same digest, the same content to the letter.",
        "rows",
        ("digest",),
    ),
    Term(
        "Revision",
        "A state of a model’s repository, or of the results, that stays as it was, so that it can be looked up later.",
        "rows",
        ("revision", "commit"),
    ),
    Term(
        "Temperature",
        "How much chance a model lets into its answers. At 0 it gives the answer that it finds most likely.",
        "rows",
        ("temperature",),
    ),
    Term(
        "Quantisation",
        "Storing a model’s weights with fewer digits, which makes it smaller and may change its answers.",
        "rows",
        ("quantisation",),
    ),
)
_BADGES: Final = tuple(Term(b.word.capitalize(), b.hint, "rows", (b.word,)) for b in BADGES if b != FLAT)

TERMS: Final = tuple(sorted((*_WRITTEN, *_BADGES), key=lambda t: list(GROUPS).index(t.group)))
"""All terms by group, in the order in which one follows from another."""


@cache
def by_form() -> dict[str, Term]:
    """Every form with its term."""
    return {form: term for term in TERMS for form in term.forms}


def named(name: str) -> Term:
    """The term of this name.

    Raises:
        KeyError: there is none.
    """
    return {t.name: t for t in TERMS}[name]
