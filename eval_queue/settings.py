"""What an operator sets: one class, each setting documented, read from the environment (`VALUE_PORTRAIT_...`)."""

from __future__ import annotations

import fnmatch
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from data.errors import InputError
from eval_queue.records import AnswerMode


class Endpoint(BaseModel):
    """An OpenAI-compatible chat endpoint that the operator allows. A visitor names one, never an address."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """Its public name, written into records."""
    base_url: HttpUrl | None = None
    """Its address up to and with `/v1`; null for the small model on this machine, started when a job needs it."""
    api_key_env: str | None = None
    """The environment variable that holds its key. The key itself is never a setting."""
    models: list[str] = Field(default_factory=lambda: ["*"])
    """Which model names it may be asked for, as shell patterns, e.g. `meta-llama/*`."""
    answer_mode: AnswerMode = "free-text"
    """`constrained` only for endpoints that honour a GBNF grammar and models that cannot be measured otherwise."""
    concurrency: int = Field(default=16, ge=1, le=512)
    """Requests in flight at once."""
    timeout: float = Field(default=120.0, gt=0)
    """Seconds one request may take."""
    max_tokens: int = Field(default=64, ge=8)
    """Longest answer; raise it for reasoning models."""
    note: str | None = None
    """What a reader must know about rows from this endpoint."""

    def serves(self, model: str) -> bool:
        """Whether `model` is one of the names it may be asked for."""
        return any(fnmatch.fnmatchcase(model, pattern) for pattern in self.models)


class Settings(BaseSettings):
    """All settings of the app and of the worker."""

    model_config = SettingsConfigDict(env_prefix="VALUE_PORTRAIT_", extra="forbid", use_attribute_docstrings=True)

    source: str | None = None
    """`practice`, `upstream` or a folder in upstream's layout. Unset: upstream if reachable, else practice."""
    store: Path = Path("store")
    """Folder of the local store: submissions, results, raw answers."""
    endpoints: list[Endpoint] = Field(default_factory=list)
    """Endpoints as a JSON list, e.g. `[{"name": "vllm", "base_url": "http://127.0.0.1:8000/v1", "models": ["*"]}]`."""
    personas: Path | None = None
    """JSON file with a system message for each persona (`eval_queue.personas`), in place of our own words."""
    local_model: bool = True
    """Offer the small model on this machine where `requirements-local.txt` is installed."""
    scheduler: bool = True
    """Evaluate inside the app. Off: run `python -m eval_queue work` elsewhere."""
    poll_seconds: float = Field(default=15.0, gt=0)
    """How often the scheduled evaluator looks for work."""
    lease_seconds: float = Field(default=120.0, gt=0)
    """How long a claim holds without a sign of life."""
    pending_per_user: int = Field(default=5, ge=1)
    """How many submissions one person may have waiting or running."""
    host: str | None = None
    """Address the app listens on; unset: Gradio's choice (this machine only; on a Space whatever the Space needs)."""
    port: int | None = Field(default=None, ge=0, le=65535)
    """Port the app listens on; unset: Gradio's choice, 7860 where free."""


def load_settings(*, store: Path | None = None) -> Settings:
    """The settings from the environment.

    Args:
        store: folder of the local store, if it is not to be the environment's.

    Raises:
        InputError: a setting is not as it must be. The message never repeats its content, which may be secret.
    """
    try:
        return Settings() if store is None else Settings(store=store)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name, *inside = map(str, first["loc"])
        where = ".".join([f"VALUE_PORTRAIT_{name.upper()}", *inside])
        raise InputError(first["msg"], field=where) from None
    except SettingsError:
        raise InputError("is not valid JSON", field="VALUE_PORTRAIT_ENDPOINTS") from None
