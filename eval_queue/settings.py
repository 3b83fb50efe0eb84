"""What an operator sets: one class, each setting documented, read from the environment (`VALUE_PORTRAIT_...`)."""

from __future__ import annotations

import difflib
import fnmatch
import os
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from data.errors import InputError, first_problem
from eval_queue.records import AnswerMode

_REPO: Final = r"^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}$"

Executor = Literal["here", "ray", "jobs"]

PREFIX: Final = "VALUE_PORTRAIT_"
"""What the name of every environment variable of this project begins with."""
OTHER_VARIABLES: Final = {
    "VALUE_PORTRAIT_CACHE": "Folder for what is fetched once: upstream's files, benchmarks on the Hub. "
    "Unset: the user's cache folder.",
    "VALUE_PORTRAIT_UPSTREAM_URL": "Another address of upstream's files, e.g. a mirror's.",
}
"""Variables that are read by `data` itself, with their meaning."""


UPLOAD_BYTES: Final = 32_000_000
"""The largest file of one's own answers that is taken where no setting says otherwise."""


EFFORT: Final = r"^[a-z][a-z0-9_-]{0,19}$"
"""What a word for how much a model thinks looks like."""


class Price(BaseModel):
    """What the provider of an endpoint asks for."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    prompt: float = Field(ge=0)
    """For a million tokens read."""
    completion: float = Field(ge=0)
    """For a million tokens written."""
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    """ISO 4217 code."""


class Endpoint(BaseModel):
    """An OpenAI-compatible chat endpoint that the operator allows. A visitor names one, never an address."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """Its public name, written into records."""
    base_url: HttpUrl | None = None
    """Its address up to and with `/v1`; null for the small model on this machine, started when a job needs it, and
    where `serve` is set."""
    api_key_env: str | None = None
    """The environment variable that holds its key. The key itself is never a setting."""
    models: list[str] = Field(default_factory=lambda: ["*"])
    """Which model names it may be asked for, as shell patterns, e.g. `meta-llama/*`."""
    answer_mode: AnswerMode = "free-text"
    """`constrained` only for endpoints that honour a GBNF grammar and models that cannot be measured otherwise."""
    concurrency: int = Field(default=16, ge=1, le=512)
    """Most requests in flight at once. How many of these the endpoint is asked is found out while it is asked."""
    parallel: int = Field(default=1, ge=1, le=64)
    """Submissions that one worker evaluates here at once. Whatever it is, no endpoint waits for another."""
    resources: dict[str, float] = Field(default_factory=dict)
    """What one evaluation takes of a Ray cluster: `num_cpus`, `num_gpus`, `memory` or the cluster's own names."""
    shards: int = Field(default=1, ge=1, le=64)
    """Into how many parts one evaluation is cut that a Ray cluster asks side by side, each with these resources and a
    server of its own where `serve` is set. Elsewhere it makes no difference."""
    flavor: str = Field(default="cpu-basic", pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """The hardware of one evaluation on Hugging Face Jobs, e.g. `l4x1`; `hf jobs hardware` lists all with prices."""
    serve: str | None = Field(default=None, max_length=2000)
    """Command that starts a server for one evaluation where it runs, in place of an address, with `{model}` and
    `{port}`, e.g. `vllm serve {model} --port {port}`. It is waited for and stopped afterwards."""
    serve_seconds: float = Field(default=1800.0, gt=0)
    """How long that server may take until it answers."""
    timeout: float = Field(default=120.0, gt=0)
    """Seconds one request may take."""
    max_tokens: int = Field(default=64, ge=8)
    """Longest answer; raise it for reasoning models."""
    reasoning_effort: str | None = Field(default=None, pattern=EFFORT)
    """How much a reasoning model thinks, as the endpoint names it (`low`, `high`, `none`); sent with each prompt and
    part of a row's identity. Unset: what the endpoint does by itself."""
    engine: str | None = Field(default=None, max_length=60)
    """What serves the models, e.g. `vllm`, where the endpoint does not say so itself."""
    quantisation: str | None = Field(default=None, max_length=40)
    """How the weights are stored, e.g. `fp8`, likewise."""
    deterministic: bool | None = None
    """Whether it is run in a mode that promises the same answer to the same prompt in any batch; unset: unknown."""
    note: str | None = None
    """What a reader must know about rows from this endpoint."""
    hub_models: bool = False
    """It runs models of the Hub under their own names: each is checked there and pinned to a commit before it waits."""
    hub_providers: bool = False
    """It is the Hub's router to inference providers, so that one of them must serve the model (with `hub_models`)."""
    price: Price | None = None
    """What it asks for, e.g. `{"prompt": 0.15, "completion": 0.6}` (US dollars for a million tokens), so that rows say
    what they cost."""
    paid: bool = False
    """Each request costs the operator money: `models` must name every model exactly, without patterns."""

    @model_validator(mode="after")
    def _paid_means_named(self) -> Self:
        if self.paid and any(set(pattern) & set("*?[") for pattern in self.models):
            raise ValueError("a paid endpoint needs a list of exact model names in `models`, without * ? [")
        return self

    @model_validator(mode="after")
    def _served_or_addressed(self) -> Self:
        if self.serve is not None and self.base_url is not None:
            raise ValueError("serve starts a server of its own: leave base_url out")
        if self.serve is not None and "{port}" not in self.serve:
            raise ValueError("serve must say {port}, where the server listens")
        return self

    def serves(self, model: str) -> bool:
        """Whether `model` is one of the names it may be asked for."""
        # at the router a name may end with the provider to ask
        names = {model, model.partition(":")[0]} if self.hub_providers else {model}
        return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in self.models)


class Settings(BaseSettings):
    """All settings of the app and of the worker."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", use_attribute_docstrings=True)

    source: str | None = None
    """`practice`, `upstream`, a folder in upstream's layout, or a benchmark on the Hub as `org/name@revision`. Unset:
    upstream if reachable, else practice."""
    store: Path = Path("store")
    """Folder of submissions, results and raw answers; where they live on the Hub, of its last good copy. In both cases
    of the answers of unfinished evaluations."""
    requests_repo: str | None = Field(default=None, pattern=_REPO)
    """Dataset repository of the submissions on the Hub, `namespace/name`; made when it is not there. Unset: `store`."""
    results_repo: str | None = Field(default=None, pattern=_REPO, validate_default=True)
    """Dataset repository of results and raw answers, another one. Set both or none."""
    hub_private: bool = False
    """Make the two repositories private, where they have to be made."""
    hub_token_env: str = "HF_TOKEN"
    """The environment variable that holds the Hub's token, which must be able to write to both repositories (and to
    make them). Where it is empty, a token saved on this machine is used."""
    hub_seconds: float = Field(default=5.0, ge=0)
    """How old what is read from the Hub may be. It counts requests: about one every so many seconds and repository."""
    endpoints: list[Endpoint] = Field(default_factory=list)
    """Endpoints as a JSON list, e.g. `[{"name": "vllm", "base_url": "http://127.0.0.1:8000/v1", "models": ["*"]}]`."""
    personas: Path | None = None
    """JSON file with a system message for each persona (`eval_queue.personas`), in place of our own words."""
    reference: Path | None = None
    """Groups of people that models are set against, as `python -m data ess` writes them, in place of the shipped
    ones."""
    released_answers: Path | None = None
    """Folder of the released models' raw answers (`MODEL.jsonl.gz`), so that pages show long ones whole, too."""
    local_model: bool = True
    """Offer the small model on this machine where `requirements-local.txt` is installed."""
    scheduler: bool = True
    """Evaluate inside the app. Off: run `python -m eval_queue work` elsewhere."""
    executor: Executor = "here"
    """Where the app and `python -m eval_queue work` evaluate: in their own process, as tasks on a Ray cluster (`ray`),
    or on Hugging Face Jobs (`jobs`)."""
    jobs_packages: list[str] = Field(default_factory=list)
    """What `uv` installs in a job, as a JSON list of requirements: this program, and the engine that `serve` starts,
    e.g. `["value-portrait-leaderboard @ git+https://huggingface.co/spaces/org/board", "vllm==0.33.0"]`."""
    jobs_image: str | None = Field(default=None, max_length=200)
    """Docker image of jobs, which must have `uv`; unset: `uv` and Python alone."""
    jobs_namespace: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][\w.-]{0,95}$")
    """User or organisation whose jobs they are, and who pays for them. Unset: that of `requests_repo`."""
    jobs_hours: float = Field(default=6.0, gt=0, le=168)
    """The longest that one job may run; the next one goes on where it was."""
    jobs_waiting_minutes: float = Field(default=60.0, gt=0)
    """How long a job may wait for its hardware until it is cancelled, and its submission waits for another."""
    poll_seconds: float = Field(default=15.0, gt=0)
    """How often the scheduled evaluator looks for work."""
    lease_seconds: float | None = Field(default=None, gt=0)
    """How long a claim holds without a sign of life. Unset: 120, and 600 on the Hub, where it must be 240 times the
    number of processes that evaluate, so that their signs of life stay within the commits of one."""
    beat_seconds: float | None = Field(default=None, gt=0)
    """How often progress is written. Unset: 3, and 60 on the Hub, which limits how many commits an hour may have: there
    all processes that hold claims share this pace."""
    keep_seconds: float = Field(default=600.0, gt=0)
    """How often the answers so far of an evaluation are stored on the Hub, for a worker on another machine that has to
    go on with it: what a machine loses that dies. They go with a sign of life and cost no commit of their own."""
    retest: float = Field(default=0.05, ge=0, le=1)
    """Share of the prompts that an evaluation of the queue asks a second time at the end, to see whether the model says
    the same again; 0 for none."""
    pending_per_user: int = Field(default=9, ge=1)
    """How many submissions one person may have waiting or running; 9 are a model under all personas and none."""
    submissions_per_week: int = Field(default=20, ge=1)
    """How many evaluations one person may ask for within seven days; the same number of rows may be handed in."""
    oauth: bool | None = None
    """Visitors sign in with Hugging Face to submit. Unset: on a Space only. Elsewhere it is for trying the pages out:
    whoever presses the button is signed in as the owner of this machine's Hub token."""
    administrators: list[str] = Field(default_factory=list)
    """Names on the Hub of those who may approve, cancel, requeue and remove for others, and set priorities, as a JSON
    list; `local` is everybody who uses the pages where nobody signs in."""
    approval: bool = False
    """Submissions wait until an administrator approves them."""
    max_billion_parameters: float | None = Field(default=None, gt=0)
    """The largest model of the Hub that may be submitted, in billions of parameters; unset: any."""
    upload_megabytes: float = Field(default=UPLOAD_BYTES / 1e6, gt=0, le=1024)
    """The largest file of one's own answers that is taken."""
    repository: HttpUrl | None = None
    """Where the code of this installation is kept, e.g. `https://github.com/NAME/REPOSITORY`: the pages link to it and
    to its issues. Unset: what `CITATION.cff` says, else the Space that runs here; where there is neither, no link."""
    host: str | None = None
    """Address the app listens on; unset: Gradio's choice (this machine only; on a Space whatever the Space needs)."""
    port: int | None = Field(default=None, ge=0, le=65535)
    """Port the app listens on; unset: Gradio's choice, 7860 where free."""

    log_json: bool = False
    """Write the log as JSON, an object a line with the submission's id, instead of as text."""

    @field_validator("results_repo")
    @classmethod
    def _both_or_none(cls, results: str | None, info: ValidationInfo) -> str | None:
        if "requests_repo" in info.data and (results is None) != (info.data["requests_repo"] is None):
            raise ValueError("requests_repo and results_repo belong together: set both or none")
        if results is not None and results == info.data.get("requests_repo"):
            raise ValueError("must be another repository than requests_repo")
        return results

    @field_validator("repository")
    @classmethod
    def _shown_to_everybody(cls, repository: HttpUrl | None) -> HttpUrl | None:
        if repository is not None and (repository.username or repository.password or repository.query):
            raise ValueError("pages show this address to everybody: leave out names, passwords and what follows a ?")
        return repository

    @property
    def on_hub(self) -> bool:
        """Whether submissions and results live on the Hub."""
        return self.requests_repo is not None

    @property
    def lease(self) -> timedelta:
        """How long a claim holds without a sign of life."""
        return timedelta(seconds=self.lease_seconds or (600 if self.on_hub else 120))

    @property
    def beat(self) -> float:
        """How often progress is written, in seconds."""
        return self.beat_seconds or (60 if self.on_hub else 3)

    @property
    def signs_in(self) -> bool:
        """Whether visitors sign in here."""
        return bool(os.environ.get("SPACE_ID")) if self.oauth is None else self.oauth


def load_settings(*, store: Path | None = None) -> Settings:
    """The settings from the environment.

    Args:
        store: folder of the local store, if it is not to be the environment's.

    Raises:
        InputError: a setting is unknown or not as it must be. The message never repeats its content, perhaps a secret.
    """
    _refuse_unknown()
    try:
        return Settings() if store is None else Settings(store=store)
    except ValidationError as error:
        message, field = first_problem(error)
        name, dot, inside = (field or "").partition(".")
        raise InputError(message, field=f"{PREFIX}{name.upper()}{dot}{inside}") from None
    except SettingsError as error:
        # it names the field, and nowhere else than in its words
        named = next((n for n in Settings.model_fields if f'"{n}"' in str(error)), "endpoints")
        examples = {"administrators": '["ada", "ben"]', "jobs_packages": '["vllm==0.33.0"]'}
        message = "is not valid JSON, e.g. " + examples.get(named, '[{"name": "vllm"}]')
        raise InputError(message, field=f"{PREFIX}{named.upper()}") from None


def _refuse_unknown() -> None:
    """A misspelt variable would silently leave its setting at the default."""
    known = [*(f"{PREFIX}{name.upper()}" for name in Settings.model_fields), *OTHER_VARIABLES]
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise InputError(f"there is no such setting. {hint}`python -m eval_queue settings` lists all", field=name)
