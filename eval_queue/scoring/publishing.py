"""The released models' answers as ordinary results, for the board that a fresh clone shows.

Everything in a result comes from the raw answers, the benchmark and `data/published/models.json`, a hand-written table
of what answers do not say (who made a model, whether its weights are open). No clock is read: the same input gives the
same bytes.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data import shipped
from data.benchmark import Benchmark
from data.errors import InputError, first_problem
from eval_queue.protocol import protocol_id
from eval_queue.reading.answers import Answers
from eval_queue.records import AnswerMode, BenchmarkRef, Profile, Result
from eval_queue.submission import identity

FOLDER: Final = shipped.PUBLISHED
"""Where the published results are kept."""
RESULTS_FILE: Final = "results.jsonl"
"""One result a line, by name of model."""
MODELS_FILE: Final = "models.json"


class ModelFacts(BaseModel):
    """What a released model's answers do not say."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    endpoint: str
    """The provider's folder in the released outputs."""
    developer: str
    open_weights: bool | None
    """Null where the released name leaves the version open."""
    note: str | None
    """Name of a sentence in `Published.notes`."""
    released: date | None = None
    """When its developer announced it, where its name has no date; null for an alias of several models."""
    told: str | None = Field(default=None, pattern=r"^https://\S+$")
    """Where that day can be looked up; a day without a source is not taken."""
    hub: str | None = None
    """The repository of its weights on the Hub; null where there is none or its name leaves open which."""


class Published(BaseModel):
    """The table of released models."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    about: str
    source: str
    """Repository and commit of the raw answers."""
    computed: date
    """The date that results carry unless the caller gives another."""
    notes: dict[str, str]
    developers: dict[str, str] = Field(default_factory=dict)
    """Where each developer lists its models."""
    models: dict[str, ModelFacts]


def read_models(path: Path) -> Published:
    """Read the table.

    Raises:
        InputError: it is missing or not as it must be.
    """
    try:
        table = Published.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=path) from error
    except ValidationError as error:
        message, field = first_problem(error)
        raise InputError(message, file=path, field=field) from error
    for model, facts in table.models.items():
        if facts.note is not None and facts.note not in table.notes:
            raise InputError(f"there is no note {facts.note!r}", file=path, field=f"models.{model}.note")
        if (facts.released is None) != (facts.told is None):
            message = "a day of release and where it can be looked up belong together: give both or none"
            raise InputError(message, file=path, field=f"models.{model}.told")
    return table


def published_results(
    answers: Answers, profiles: list[Profile], benchmark: Benchmark, table: Published, *, on: date | None = None
) -> list[Result]:
    """The results of the released models, by name.

    Args:
        answers: all released answers, read with the official reader.
        profiles: their profiles, in the order of `answers.models`.
        benchmark: the benchmark that was asked.
        table: facts about each model.
        on: the date to carry instead of the table's.

    Raises:
        InputError: a model has answers and no facts, or facts and no answers.
    """
    if unknown := sorted(set(answers.models) - set(table.models)):
        raise InputError(f"answers of models that are not in the table: {', '.join(unknown)}", field="models")
    if lacking := sorted(set(table.models) - set(answers.models)):
        raise InputError(f"no answers of models that are in the table: {', '.join(lacking)}", field="models")
    day = on or table.computed
    mode: AnswerMode = "free-text"
    results = []
    for model, profile in zip(answers.models, profiles, strict=True):
        facts = table.models[model]
        asked: dict[str, Any] = {
            "model": model,
            "endpoint": facts.endpoint,
            "answer_mode": mode,
            "protocol": protocol_id(mode),
        }
        result = Result(
            **dict(profile),
            **asked,
            id=identity(**asked, revision=None, persona=None, benchmark_digest=benchmark.digest),
            benchmark=BenchmarkRef.of(benchmark),
            reader="official",
            origin="published",
            source=table.source,
            developer=facts.developer,
            open_weights=facts.open_weights,
            note=None if facts.note is None else table.notes[facts.note],
            created=datetime(day.year, day.month, day.day, tzinfo=UTC),
        )
        results.append(result)
    return results
