"""The records that outlive the program: what a result says, and the base that every record shares.

Pydantic models with a `schema_version`. Unknown fields survive a round trip, so that an older program never destroys
what a newer one wrote. Times are UTC. A number that does not exist is null, never 0 and never NaN. No record holds a
token or an address of an endpoint.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from data.benchmark import Benchmark
from data.values import Scale

AnswerMode = Literal["free-text", "constrained"]
"""How a model may answer. Part of the identity of a result; the two are never mixed in one table."""

Origin = Literal["space", "self-reported", "published"]
"""Who ran it: this installation's evaluator, the submitter, or the benchmark's authors."""

UnscoredKind = Literal["empty", "refusal", "unreadable", "truncated", "api_error"]
"""Why an answer has no rating."""


def now() -> datetime:
    """The present, in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


class Record(BaseModel):
    """Base of all records."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True, ser_json_inf_nan="null")


class BenchmarkRef(Record):
    """Which benchmark a record speaks of."""

    name: str
    """`value-portrait`, `practice`, ..."""
    version: str
    """Upstream's commit or the benchmark's own version."""
    digest: str
    """SHA-256 of the benchmark's canonical content."""

    @classmethod
    def of(cls, benchmark: Benchmark) -> BenchmarkRef:
        """The reference to a loaded benchmark."""
        return cls(name=benchmark.name, version=benchmark.version, digest=benchmark.digest)


class DimensionScore(Record):
    """A model on one dimension, in rating points (scale 1 to 6)."""

    score: float | None
    """Mean rating of the dimension's items minus the scale mean; null where no item has a rating."""
    raw: float | None
    """Mean rating of the dimension's items."""
    n: int
    """How many of its items have a rating."""
    se: float | None = None
    """Standard error of `score`, bootstrap over queries; null where fewer than two queries have a rated item of it."""
    low: float | None = None
    """Lower end of the 95 % percentile interval of `score`."""
    high: float | None = None
    """Upper end."""


class ScaleProfile(Record):
    """A model on one scale."""

    mean: float | None
    """Mean rating over the distinct items that count for any dimension of the scale."""
    mean_se: float | None = None
    """Standard error of `mean`."""
    mean_low: float | None = None
    """Lower end of the 95 % percentile interval of `mean`."""
    mean_high: float | None = None
    """Upper end."""
    n_items: int
    """How many of these items have a rating."""
    dimensions: dict[str, DimensionScore]
    """By the name people write, in the scale's order."""


class Coverage(Record):
    """How much of the benchmark has a rating."""

    prompts: int
    """Prompts of a full evaluation."""
    rated: int
    """Answers that were read as a rating."""
    unscored: dict[str, int] = Field(default_factory=dict)
    """The others, counted by `UnscoredKind`; a prompt never asked is in none of them."""

    @property
    def share(self) -> float:
        """Share of the prompts with a rating, 0 to 1."""
        return self.rated / self.prompts if self.prompts else 0.0


class CentredScore(Record):
    """A model on one of the ten values, relative to the mean of its ten scores."""

    score: float | None
    """Score minus the mean of the ten scores; null where any of the ten is null."""
    se: float | None
    low: float | None
    """Lower end of the 95 % percentile interval."""
    high: float | None
    """Upper end."""


class MatchScore(Record):
    """How far a model's ratings of all items go with a dimension's template; each null where it cannot be had."""

    match: float | None
    """Pearson correlation over the rated items, -1 to 1; 0: the ratings have nothing to do with the dimension."""
    se_queries: float | None
    """Standard error over queries, bootstrap."""
    se_people: float | None
    """Standard error over the people whose ratings the template is made of, bootstrap."""
    low: float | None
    """Lower end of the 95 % interval, match - 1.96 * sqrt(se_queries^2 + se_people^2); may be below -1."""
    high: float | None
    """Upper end."""


class Sensitivity(Record):
    """How much the form of the question changes a model's answers (upstream's formulas). Null: nothing to compare."""

    prompt: float | None
    """Share of items whose ratings differ between the three wordings."""
    version_difference: float | None
    """Mean absolute difference between wordings, in rating points."""
    global_version_difference: float | None
    """Mean absolute difference between all ratings of an item, wordings and orders."""
    order: dict[str, float | None]
    """Share of items whose rating changes with the order of the answer options, by wording, and their `average`."""
    order_difference: dict[str, float | None]
    """Mean absolute difference between the two orders, likewise."""
    spread: float | None
    """Mean over the variants of the standard deviation of the ratings over items."""


class Style(Record):
    """How a model uses the answer scale, whatever it is asked."""

    most_used: int | None
    """The rating given most often."""
    most_used_share: float | None
    """Its share of all ratings."""
    mean_rating: float | None
    acquiescence: float | None
    """Mean of rating in the first order of options minus rating in the reversed order, over all pairs."""
    valid_rate: float | None
    """Share of the answered prompts with a rating."""
    refusal_rate: float | None
    """Share of the answered prompts that were refused."""


class Circumplex(Record):
    """How far the ten values follow one wave around their circle."""

    fit: float | None
    """Share of the profile's variance that the best a*cos(theta - angle) explains; unrelated numbers give 2/9."""
    fit_low: float | None
    """Lower end of the 95 % percentile interval."""
    fit_high: float | None
    """Upper end."""
    angle: float | None
    """Where the wave peaks, in degrees: Self-Direction 0, then in circle order 36 apart."""
    angle_low: float | None
    """Start of its 95 % interval, which goes up in degrees to `angle_high` and may pass 360."""
    angle_high: float | None
    """End."""


class Profile(Record):
    """What a model's answers say: coverage and all scales, and how far they can be trusted.

    What was added after the first records is null in older ones.
    """

    coverage: Coverage
    complete: bool | None = None
    """Whether enough has a rating (90 % of the prompts, 80 % of every dimension's items) to be ranked and compared."""
    incomplete_reason: str | None = None
    """What is too little, in plain words; null for complete rows."""
    draws: int | None = None
    """How many bootstrap draws over queries stand behind standard errors and intervals."""
    scales: dict[Scale, ScaleProfile]
    centred10: dict[str, CentredScore] | None = None
    """The ten values relative to their own mean, by name in circle order: what comparisons with people use."""
    match: dict[Scale, dict[str, MatchScore]] | None = None
    """Template match on all items, by scale and name; null in older records and where there is none at all."""
    match_reason: str | None = None
    """Why there is no match at all, in plain words; null where there is one, and in older records."""
    reliability: float | None = None
    """R = 1 - mean SE^2 / variance over the ten values; null where a score or an error is null or all ten are equal."""
    flat: bool | None = None
    """R below 0.5, or all ten equal: too little stands out to compare. Null where neither can be said."""
    sensitivity: Sensitivity | None = None
    style: Style | None = None
    circumplex: Circumplex | None = None
    reader_version: str | None = None
    """Version of the official reader; null for upstream's rules and in records from before there were versions."""

    def model_post_init(self, _: Any) -> None:
        """Let figures of one kind share the names of their fields.

        Pydantic keeps a set of them for each of the fifty figures of a row: half of the memory that a row takes.
        """
        for profile in self.scales.values():
            _share_names(profile.dimensions.values(), _SCORE_NAMES)
        for figures in (self.match or {}).values():
            _share_names(figures.values(), _MATCH_NAMES)
        _share_names((self.centred10 or {}).values(), _CENTRED_NAMES)


_SCORE_NAMES: Final = set(DimensionScore.model_fields)
_MATCH_NAMES: Final = set(MatchScore.model_fields)
_CENTRED_NAMES: Final = set(CentredScore.model_fields)


def _share_names(figures: Iterable[Record], names: set[str]) -> None:
    for figure in figures:
        if figure.model_fields_set == names:  # neither less nor more than what such a record has
            object.__setattr__(figure, "__pydantic_fields_set__", names)


class Cost(Record):
    """What a run cost: its counted tokens at the prices that the operator names. The provider's bill may differ."""

    amount: float
    currency: str
    """ISO 4217 code."""
    per_million_prompt_tokens: float
    per_million_completion_tokens: float
    at_least: bool = False
    """Whether some answers were not counted, so that it was more."""


class Served(Record):
    """What runs the model, as far as the endpoint tells or its operator states."""

    engine: str | None = None
    """`vllm`, `llama.cpp`, ..."""
    version: str | None = None
    """The engine's version."""
    quantisation: str | None = None
    """How the weights are stored, e.g. `Q4_K_M` or `fp8`."""
    context_length: int | None = None
    """Longest context that is served, in tokens."""
    deterministic: bool | None = None
    """Whether the engine promises the same answer to the same prompt whatever else it works on; null where unknown."""


class Retest(Record):
    """A share of the prompts asked a second time, at the end of the run: would the model say the same again?

    Intervals are 95 % percentile intervals, bootstrap over the queries that were asked again.
    """

    share: float
    """Share of the prompts that was to be asked again."""
    asked: int
    """Prompts that were asked again."""
    rated: int
    """Those with a rating both times."""
    identical: float | None
    """Share of identical ratings."""
    identical_low: float | None
    identical_high: float | None
    kappa: float | None
    """Cohen's kappa with quadratic weights; null where one rating was given to everything."""
    kappa_low: float | None
    kappa_high: float | None
    difference: float | None
    """Mean absolute difference, in rating points."""
    difference_low: float | None
    difference_high: float | None


class RunInfo(Record):
    """How the answers were obtained."""

    started: AwareDatetime
    finished: AwareDatetime
    seconds: float
    """Wall time spent asking, summed over resumed parts."""
    endpoint_model: str | None = None
    """The model name that the endpoint itself reported; several, with commas between, where it reported several."""
    provider: str | None = None
    """Who answered, where the endpoint is a router that says so; several likewise."""
    served: Served | None = None
    """What runs the model; null where nobody was asked."""
    request: dict[str, object] = Field(default_factory=dict)
    """Parameters really sent with each request (temperature, seed, ...), without messages and secrets."""
    changed: dict[str, str] | None = None
    """Parameters of the protocol that the endpoint did not take as they are, with what became of each (`dropped`, or
    the name it was sent under); null where unknown. Such a row is not at the protocol's temperature or seed."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    """Tokens written, reasoning included."""
    uncounted: int | None = None
    """Answers whose tokens the endpoint did not count: where there are any, tokens and cost are *at least* these. Null
    where unknown."""
    filtered: int | None = None
    """Prompts that the endpoint's own filter refused; they are among the refusals. Null where unknown."""
    cost: Cost | None = None
    """Null where tokens were not counted or no price is known."""
    software: dict[str, str] = Field(default_factory=dict)
    """Package versions that took part."""


class Result(Profile):
    """One row of the board, complete enough to cite and to re-run."""

    schema_version: Literal[1] = 1
    id: str
    """The submission's identity: the same question twice is the same id."""
    model: str
    """The name asked for, e.g. `org/name`."""
    revision: str | None = None
    """The resolved revision, where the weights are public and pinned."""
    endpoint: str
    """The operator's name of the endpoint or provider (never its address)."""
    answer_mode: AnswerMode = "free-text"
    """How the model could answer: in its own words, or only with one of the six phrases (`constrained`)."""
    protocol: str
    """Version of the protocol that decided the prompts."""
    persona: str | None = None
    """The persona the model was given; null for none."""
    reasoning_effort: str | None = None
    """How much the model was asked to think; null for what the endpoint does by itself."""
    benchmark: BenchmarkRef
    reader: Literal["official", "compat"] = "official"
    """How answers were read; `compat` rows, read as upstream does, exist for parity tests only."""
    origin: Origin
    """Who ran it: this installation (`space`), the submitter (`self-reported`), the authors (`published`)."""
    source: str | None = None
    """For published answers: repository and commit they come from."""
    developer: str | None = None
    """Who made the model."""
    open_weights: bool | None = None
    """Whether its weights can be downloaded; null where unknown."""
    licence: str | None = None
    """The licence that the model's card named at this revision; null where unknown."""
    parameters: int | None = None
    """How many parameters the model has, those of its base where it is an adapter; null where unknown."""
    base_model: str | None = None
    """The model that an adapter is for; null for whole models."""
    released: date | None = None
    """For a model of the Hub: the day on which its repository was made there; null where unknown."""
    submitter: str | None = None
    """For self-reported rows: who handed the answers in."""
    note: str | None = None
    """What a reader must know about this row, in plain words."""
    run: RunInfo | None = None
    """Null for published answers, whose runs were not ours."""
    retest: Retest | None = None
    """Agreement with the same prompts asked again; null where nothing was asked again."""
    created: AwareDatetime
    """When this record was computed."""
