"""The records that outlive the program: what a result says, and the base that every record shares.

Pydantic models with a `schema_version`. Unknown fields survive a round trip, so that an older program never destroys
what a newer one wrote. Times are UTC. A number that does not exist is null, never 0 and never NaN. No record holds a
token or an address of an endpoint.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

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


class ScaleProfile(Record):
    """A model on one scale."""

    mean: float | None
    """Mean rating over the distinct items that count for any dimension of the scale."""
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


class Profile(Record):
    """What a model's answers say: coverage and all scales."""

    coverage: Coverage
    scales: dict[Scale, ScaleProfile]


class RunInfo(Record):
    """How the answers were obtained."""

    started: AwareDatetime
    finished: AwareDatetime
    seconds: float
    """Wall time spent asking, summed over resumed parts."""
    endpoint_model: str | None = None
    """The model name that the endpoint itself reported."""
    request: dict[str, object] = Field(default_factory=dict)
    """Parameters really sent with each request (temperature, seed, ...), without messages and secrets."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
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
    protocol: str
    """Version of the protocol that decided the prompts."""
    persona: str | None = None
    """The persona the model was given; null for none."""
    benchmark: BenchmarkRef
    reader: Literal["official", "compat"] = "official"
    origin: Origin
    source: str | None = None
    """For published answers: repository and commit they come from."""
    developer: str | None = None
    """Who made the model."""
    open_weights: bool | None = None
    """Whether its weights can be downloaded; null where unknown."""
    note: str | None = None
    """What a reader must know about this row, in plain words."""
    run: RunInfo | None = None
    """Null for published answers, whose runs were not ours."""
    created: AwareDatetime
    """When this record was computed."""
