"""A submission: the question "what does this model put first?", its identity, its life, and what makes it valid.

Pure: records in, records out. The record says everything that decides the answer, so that the same question asked
twice has the same id. States change only through the functions here, each of which checks `TRANSITIONS`; where and
when records are stored is `eval_queue.queue.queue`. Duplicates and quotas depend on what is stored and are decided
there, in the same commit that adds the submission.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, Self

import orjson
from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from data.errors import InputError
from eval_queue.personas import Persona
from eval_queue.protocol import protocol_id
from eval_queue.records import AnswerMode, BenchmarkRef, Record
from eval_queue.settings import Endpoint

State = Literal["proposed", "pending", "running", "done", "failed", "cancelled"]
"""Waiting for an administrator's approval or for a worker, being evaluated, or ended in one of three ways."""

TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    "proposed": frozenset({"pending", "cancelled"}),
    "pending": frozenset({"running", "cancelled"}),
    "running": frozenset({"done", "failed", "cancelled", "pending"}),
    "failed": frozenset({"proposed", "pending"}),
    "cancelled": frozenset({"proposed", "pending"}),
    "done": frozenset(),
}
"""Which state may follow which."""

ACTIVE: Final[frozenset[State]] = frozenset({"proposed", "pending", "running"})
"""States of a submission that has not ended: they count against a person's quota."""

WEEK: Final = timedelta(days=7)
"""The span of time over which a person's submissions are counted."""
_REMEMBERED: Final = 2 * WEEK

PRIORITIES: Final = range(-100, 101)
"""What an administrator may set a priority to."""

MAX_ATTEMPTS: Final = 3
"""How many attempts may end in silence without having got on before a submission is given up."""

RefusalCode = Literal[
    "sign_in",
    "bad_name",
    "bad_revision",
    "adapter",
    "unknown_model",
    "no_endpoint",
    "duplicate",
    "quota",
    "hub_unavailable",
    "not_found",
    "not_public",
    "gated",
    "custom_code",
    "not_text_generation",
    "no_chat_template",
    "unknown_size",
    "too_large",
    "no_provider",
    "bad_package",
    "other_benchmark",
    "incomplete",
    "unreadable",
    "name_taken",
    "busy",
]
"""Why a submission is not accepted."""

_LONGEST_NAME: Final = 128
_LONGEST_SLUG: Final = 60
_KEPT_HISTORY: Final = 30
_PART = r"[A-Za-z0-9][A-Za-z0-9._+-]*"
_NAME: Final = re.compile(rf"(?:{_PART}/)?{_PART}(?::{_PART})?")
_INVISIBLE: Final = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_QUOTES: Final = " \t\n\"'`<>\u2018\u2019\u201c\u201d\u00ab\u00bb,;"
"""What may stand around a name that is pasted."""
_ON_HUB: Final = re.compile(
    rf"(?:(?i:(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/|git@hf\.co:)(?:models/)?|hf://(?:models/)?)"
    rf"(?P<kind>{_PART})/(?P<name>{_PART}(?::{_PART})?)"
    r"(?:/(?:tree|blob|resolve|commit)/(?P<revision>[^/?#\s]+)(?:/[^?#\s]*)?|/(?:discussions|settings)[^?#\s]*)?"
    r"/?(?:[?#]\S*)?"
)
_PORT: Final = re.compile(r":[0-9]+$")
_TOKEN: Final = re.compile(r"(?:hf_|sk-|gsk_|xai-)[A-Za-z0-9_-]{16,}")


class IllegalTransition(Exception):
    """A change of state that `TRANSITIONS` does not allow."""


class Refused(InputError):
    """A submission that is not accepted; the message says why and what helps."""

    def __init__(self, code: RefusalCode, message: str, *, existing: str | None = None) -> None:
        super().__init__(message)
        self.code: RefusalCode = code
        self.existing = existing
        """For `duplicate`: the id of the submission that asks the same."""


class _Frozen(Record):
    model_config = ConfigDict(frozen=True)


class Lease(_Frozen):
    """A worker's claim. It holds only while it is renewed."""

    worker: str
    """The worker's name, made up at its start: it says nothing about the machine."""
    nonce: str
    """Made up for this claim. Who cannot name it has lost the claim and stops writing."""
    acquired: AwareDatetime
    """When it was made."""
    expires: AwareDatetime
    """When others may take the submission, unless it is renewed before."""
    advanced: bool = False
    """Whether this claim got further than every earlier one."""


class Progress(_Frozen):
    """How far an evaluation is."""

    done: int = Field(ge=0)
    """Prompts that have an answer or were given up."""
    total: int = Field(ge=0)
    """Prompts of the whole evaluation."""
    rated: int = Field(ge=0)
    """Answers so far that were read as a rating."""
    rate: float | None = None
    """Prompts a second; null while unknown."""
    eta_seconds: float | None = None
    """Estimated time to the end; null while unknown."""
    updated: AwareDatetime
    """When this was counted."""


class Failure(_Frozen):
    """Why a submission failed."""

    code: str
    """A word for programs, e.g. `endpoint_gone`, `too_many_errors`, `lease_lost`, `internal`."""
    message: str
    """A sentence for people."""


class Transition(_Frozen):
    """One step of a submission's life."""

    state: State
    """The state it came to."""
    at: AwareDatetime
    """When."""
    why: str
    """A few words for people."""


class Wish(_Frozen):
    """One time that somebody asked for the evaluation: it was submitted, or requeued."""

    at: AwareDatetime
    """When."""
    begun: bool = False
    """Whether an attempt was begun for it."""


class Submission(_Frozen):
    """One question to be answered by an evaluation. Immutable; a change is a new record."""

    schema_version: Literal[1] = 1
    """Raised when the meaning of a field changes; a record of another version is not read."""
    id: str
    """Readable slug and hash of everything that decides the answer, see `identity`."""
    model: str
    """The name to ask for, `org/name` or a bare API name."""
    revision: str | None = None
    """The resolved revision, where the weights are public and pinned."""
    licence: str | None = None
    """The licence that the model's card named at this revision; null where unknown."""
    parameters: int | None = None
    """How many parameters the model has, those of its base where it is an adapter; null where unknown."""
    base_model: str | None = None
    """The model that an adapter is for; null for whole models."""
    released: date | None = None
    """For a model of the Hub: the day on which its repository was made there; null where unknown."""
    endpoint: str
    """The operator's name of the endpoint (never its address)."""
    precision: str | None = None
    """How the weights are packed as far as the Hub tells, e.g. `4-bit gptq`; for information."""
    reasoning_effort: str | None = None
    """How much the model is asked to think; null for what the endpoint does by itself."""
    persona: str | None = None
    """The persona the model is given; null for none."""
    benchmark: BenchmarkRef
    """With which questions."""
    protocol: str
    """Name of the protocol that decides the prompts."""
    answer_mode: AnswerMode
    """How the model may answer."""
    submitter: str
    """Who asked: the signed-in user, or `local`."""
    priority: int = 0
    """Higher is evaluated first; set by administrators."""
    state: State = "pending"
    """Where it is in its life."""
    attempts: int = Field(default=0, ge=0)
    """How often it was begun since it was submitted or requeued, without claims that a stopping worker returned."""
    stalled: int = Field(default=0, ge=0)
    """How many of these attempts ended in silence without having got on; after a few of them it is given up."""
    furthest: int = Field(default=0, ge=0)
    """The most prompts that any of these attempts had answers to, as far as they said."""
    kept: int = Field(default=0, ge=0)
    """How many answers so far are stored in `unfinished/<id>.jsonl`, where a worker on another machine finds them."""
    lease: Lease | None = None
    """The running worker's claim; null in every other state."""
    progress: Progress | None = None
    """The last known progress; kept after the end."""
    failure: Failure | None = None
    """Why it failed; null in every other state."""
    created: AwareDatetime
    """When it was submitted."""
    updated: AwareDatetime
    """When this record last changed."""
    started: AwareDatetime | None = None
    """When the last attempt was begun."""
    finished: AwareDatetime | None = None
    """When it was done, failed or cancelled."""
    history: tuple[Transition, ...] = ()
    """Its life, oldest first; the latest steps only, if there are very many."""
    wishes: tuple[Wish, ...] | None = None
    """When it was asked for within the last weeks, oldest first: what a person's limits are counted by, so that no
    number of further steps can push it out. Null in records of older programs, whose history tells it."""

    @model_validator(mode="after")
    def _running_means_claimed(self) -> Self:
        if (self.state == "running") != (self.lease is not None):
            raise ValueError("a submission has a lease while it is running, and only then")
        return self


def identity(
    *,
    model: str,
    revision: str | None,
    endpoint: str,
    benchmark_digest: str,
    protocol: str,
    answer_mode: AnswerMode,
    persona: str | None,
    reasoning_effort: str | None = None,
) -> str:
    """The id of a question: a readable beginning and a hash of all that decides the answer.

    It is also a safe file name: lower-case letters, digits, dots and dashes.
    """
    question = [model, revision, endpoint, benchmark_digest, protocol, answer_mode, persona]
    if reasoning_effort is not None:
        # without one, a question has the id that it had before there were any
        question.append(reasoning_effort)
    digest = hashlib.sha256(orjson.dumps(question)).hexdigest()[:12]
    slug = re.sub(r"[^a-z0-9.]+", "-", model.lower())[:_LONGEST_SLUG].strip("-.")
    return f"{slug}-{digest}"


def asked_of(
    endpoint: Endpoint,
    model: str,
    *,
    benchmark_digest: str,
    revision: str | None = None,
    persona: Persona | None = None,
    queries: int | None = None,
) -> str:
    """The id of the question that this program would ask of an endpoint now."""
    return identity(
        model=model,
        revision=revision,
        endpoint=endpoint.name,
        benchmark_digest=benchmark_digest,
        protocol=_protocol(endpoint, persona, queries),
        answer_mode=endpoint.answer_mode,
        persona=None if persona is None else persona.name,
        reasoning_effort=endpoint.reasoning_effort,
    )


def _protocol(endpoint: Endpoint, persona: Persona | None, queries: int | None) -> str:
    return protocol_id(endpoint.answer_mode, wording=None if persona is None else persona.wording, queries=queries)


QUESTION: Final = (
    *("model", "revision", "endpoint", "answer_mode", "protocol", "persona"),
    *("reasoning_effort", "benchmark"),
)
"""Fields that say what is asked of whom, in submissions, runs and results alike."""


def question(record: Record) -> dict[str, Any]:
    """The fields of `QUESTION` in a record that has them."""
    return {name: getattr(record, name) for name in QUESTION}


def identity_of(record: Record) -> str:
    """The id of the question that a record asks or answers, from its own fields."""
    asked = question(record)
    return identity(benchmark_digest=asked.pop("benchmark").digest, **asked)


# --- what makes a submission valid ----------------------------------------------------------------------------------


def typed_name(text: str) -> str:
    """The name in what somebody typed or pasted: an address on the Hub gives the model's name, the rest stays.

    Raises:
        Refused: `bad_name`, for the address of something else on the Hub; `bad_revision`, for that of a revision.
    """
    name = text.strip().strip(_INVISIBLE + _QUOTES).strip()
    found = _ON_HUB.fullmatch(name)
    if found is None:
        return name
    if found["kind"] in ("datasets", "spaces", "collections", "papers", "docs"):
        message = f"This is the address of something else on the Hub ({found['kind']}). Give the name of a model."
        raise Refused("bad_name", message)
    if found["revision"] not in (None, "main"):
        message = "This address names a revision. Give the model's name, and the revision in its own field."
        raise Refused("bad_revision", message)
    return f"{found['kind']}/{found['name'].removesuffix('.git')}"


def check_name(model: str) -> str:
    """Return a model's name without surrounding blanks, if it has the form of one.

    Raises:
        Refused: `bad_name`, with the reason.
    """
    name = model.strip()
    if not name:
        raise Refused("bad_name", "Give the name of a model, for example org/name.")
    if len(name) > _LONGEST_NAME:
        raise Refused("bad_name", f"A model's name has at most {_LONGEST_NAME} characters; this one has {len(name)}.")
    if _TOKEN.search(name):
        raise Refused("bad_name", "This looks like an access token. Give the name of a model, and revoke the token.")
    if "://" in name or _PORT.search(name):
        raise Refused("bad_name", "This looks like an address. Give the name of a model, for example org/name.")
    if not _NAME.fullmatch(name) or ".." in name:
        found = ""
        if odd := re.search(r"[^A-Za-z0-9._+:/-]", name):
            # it may be invisible, or look like another
            character = f"U+{ord(odd[0]):04X}, {unicodedata.name(odd[0], 'a control character').lower()}"
            found = f"Character {odd.start() + 1} of this name is {character}. "
        raise Refused(
            "bad_name",
            f"{found}A model is named org/name or, for an API, by one word such as gpt-4o-2024-08-06 or "
            "claude-3.7-sonnet:thinking: letters, digits and . _ - + only.",
        )
    return name


def choose_endpoint(model: str, endpoints: Sequence[Endpoint], name: str | None = None) -> Endpoint:
    """The endpoint that will be asked: the one named, or the first that serves `model`.

    Raises:
        Refused: `no_endpoint`, with what there is.
    """
    serving = [e for e in endpoints if e.serves(model)]
    chosen = [e for e in serving if name is None or e.name == name]
    if chosen:
        return chosen[0]
    if not endpoints:
        raise Refused("no_endpoint", "No endpoint is configured here, so no model can be evaluated.")
    if name is not None and all(e.name != name for e in endpoints):
        known = ", ".join(sorted(e.name for e in endpoints))
        raise Refused("no_endpoint", f"There is no endpoint with this name here. Configured: {known}.")
    if name is not None and serving:
        others = ", ".join(e.name for e in serving)
        raise Refused("no_endpoint", f"The operator does not offer {model} at the endpoint {name}. Try: {others}.")
    patterns = ", ".join(sorted({pattern for e in endpoints for pattern in e.models}))
    raise Refused("no_endpoint", f"No endpoint here offers {model}. Models on offer: {patterns}.")


def check_offered(model: str, endpoint: Endpoint, offered: Iterable[str] | None) -> None:
    """Check that an endpoint offers a model.

    Args:
        model: name to ask for; a provider after a colon may be missing from the list.
        endpoint: who is asked.
        offered: the names it lists; None where it lists none, which says nothing.

    Raises:
        Refused: `unknown_model`, with the nearest names that are offered.
    """
    # some servers list files of their machine; those are nobody's business
    names = sorted(name for name in offered or () if _NAME.fullmatch(name))
    if not names or model in names or model.partition(":")[0] in names:
        return
    near = difflib.get_close_matches(model, names, n=5, cutoff=0.4) or names[:5]
    more = f" and {len(names) - len(near)} more" if len(names) > len(near) else ""
    raise Refused("unknown_model", f"{endpoint.name} does not offer {model}. It offers {', '.join(near)}{more}.")


def new_submission(
    model: str,
    *,
    endpoint: Endpoint,
    benchmark: BenchmarkRef,
    submitter: str,
    at: datetime,
    persona: Persona | None = None,
    queries: int | None = None,
    revision: str | None = None,
    approval: bool = False,
    **facts: Any,
) -> Submission:
    """A submission that waits.

    Args:
        model: a name that `check_name` has passed.
        endpoint: who will be asked; its answer mode is the submission's.
        benchmark: with which questions.
        submitter: who asks.
        at: now.
        persona: whom the model is asked to be; None for nobody in particular.
        queries: how many queries are asked; None for all.
        revision: the commit, where the model is one of the Hub's.
        approval: whether an administrator must approve it first.
        **facts: what else the Hub says of it: `licence`, `parameters`, `precision`, `base_model`, `released`.
    """
    state: State = "proposed" if approval else "pending"
    digest = benchmark.digest
    return Submission(
        id=asked_of(endpoint, model, benchmark_digest=digest, revision=revision, persona=persona, queries=queries),
        model=model,
        revision=revision,
        **facts,
        reasoning_effort=endpoint.reasoning_effort,
        endpoint=endpoint.name,
        persona=None if persona is None else persona.name,
        benchmark=benchmark,
        protocol=_protocol(endpoint, persona, queries),
        answer_mode=endpoint.answer_mode,
        submitter=submitter,
        state=state,
        created=at,
        updated=at,
        history=(Transition(state=state, at=at, why="submitted"),),
        wishes=(Wish(at=at),),
    )


def wishes(submission: Submission) -> tuple[Wish, ...]:
    """When its evaluation was asked for, and whether it was begun, the oldest first."""
    return _told(submission) if submission.wishes is None else submission.wishes


def counted(submission: Submission) -> list[datetime]:
    """When an evaluation was asked for that was begun, or still may be: one cancelled before it began is left out."""
    *before, last = wishes(submission) or (None,)
    asked = [w.at for w in before if w is not None and w.begun]
    if last is not None and (last.begun or submission.state in ACTIVE):
        asked.append(last.at)
    return asked


def _told(submission: Submission) -> tuple[Wish, ...]:
    """The wishes of a record that does not count them itself, from its history."""
    found: list[Wish] = []
    ended = True
    for step in submission.history:
        if ended and step.state in ("proposed", "pending"):
            found.append(Wish(at=step.at))
        if step.state == "running":
            found[-1:] = [Wish(at=found[-1].at if found else step.at, begun=True)]
        ended = step.state not in ACTIVE
    return tuple(found)


# --- the state machine ----------------------------------------------------------------------------------------------


def _moved(submission: Submission, state: State, at: datetime, why: str, **changes: object) -> Submission:
    if state not in TRANSITIONS[submission.state]:
        raise IllegalTransition(f"{submission.id} is {submission.state} and cannot become {state}")
    step = Transition(state=state, at=at, why=why)
    update: dict[str, object] = {
        "state": state,
        "updated": at,
        "lease": None,
        "failure": None,
        "finished": None if state in ACTIVE else at,
        "history": (*submission.history, step)[-_KEPT_HISTORY:],
    }
    return submission.model_copy(update={**update, **changes})


def _running(submission: Submission) -> Lease:
    if submission.state != "running" or submission.lease is None:
        raise IllegalTransition(f"{submission.id} is {submission.state}: nobody is evaluating it")
    return submission.lease


def claimed(
    submission: Submission, *, worker: str, nonce: str, at: datetime, lease: timedelta, reached: int = 0
) -> Submission:
    """`pending` to `running`.

    Args:
        submission: what waits.
        worker: the worker's name.
        nonce: made up for this claim.
        at: now.
        lease: for how long it holds.
        reached: how many answers the worker finds at the start: more than anybody said means that the last attempt,
            which ended before it could say so, had got on.
    """
    got_on = reached > submission.furthest
    *before, last = wishes(submission) or (Wish(at=submission.created),)
    return _moved(
        submission,
        "running",
        at,
        f"attempt {submission.attempts + 1} begun",
        attempts=submission.attempts + 1,
        stalled=max(0, submission.stalled - got_on),
        furthest=max(reached, submission.furthest),
        lease=Lease(worker=worker, nonce=nonce, acquired=at, expires=at + lease),
        started=at,
        wishes=(*before, last.model_copy(update={"begun": True})),
    )


def held(submission: Submission, nonce: str) -> bool:
    """Whether the claim with this nonce still holds. Time alone does not end it: somebody must have taken it."""
    return submission.state == "running" and submission.lease is not None and submission.lease.nonce == nonce


def renewed(
    submission: Submission, *, at: datetime, lease: timedelta, progress: Progress | None, kept: int | None = None
) -> Submission:
    """The same claim for another while, with the progress so far and the number of answers that are stored with it."""
    current = _running(submission)
    reached = submission.furthest if progress is None else max(progress.done, submission.furthest)
    # one that ends later than a lease can was written before this clock was set back
    later = current.expires if current.expires <= at + 2 * lease else at
    advanced = current.advanced or reached > submission.furthest
    longer = current.model_copy(update={"expires": max(at + lease, later), "advanced": advanced})
    return submission.model_copy(
        update={
            "lease": longer,
            "progress": progress or submission.progress,
            "furthest": reached,
            "kept": submission.kept if kept is None else kept,
            "updated": at,
        },
    )


def done(submission: Submission, *, at: datetime, why: str = "result stored") -> Submission:
    """`running` to `done`; the result is stored already."""
    return _moved(submission, "done", at, why, kept=0)


def failed(submission: Submission, *, at: datetime, failure: Failure) -> Submission:
    """`running` to `failed`."""
    return _moved(submission, "failed", at, failure.message, failure=failure)


def released(submission: Submission, *, at: datetime, why: str) -> Submission:
    """`running` back to `pending` by a worker that stops; the attempt is not counted."""
    _running(submission)
    return _moved(submission, "pending", at, why, attempts=max(0, submission.attempts - 1))


def cancelled(submission: Submission, *, at: datetime, by: str) -> Submission:
    """`proposed`, `pending` or `running` to `cancelled`."""
    return _moved(submission, "cancelled", at, f"cancelled by {by}", kept=0)


def requeued(submission: Submission, *, at: datetime, by: str, approval: bool = False) -> Submission:
    """`failed` or `cancelled` back to `pending`, with all its attempts anew; to `proposed` where `approval` is due."""
    if submission.state in ACTIVE:
        raise IllegalTransition(f"{submission.id} is {submission.state} already")
    counting = (w for w in wishes(submission) if w.at > at - _REMEMBERED)
    return _moved(
        submission,
        "proposed" if approval else "pending",
        at,
        f"requeued by {by}",
        attempts=0,
        stalled=0,
        furthest=0,
        wishes=(*counting, Wish(at=at)),
    )


def approved(submission: Submission, *, at: datetime, by: str) -> Submission:
    """`proposed` to `pending`."""
    if submission.state != "proposed":
        raise IllegalTransition(f"{submission.id} is {submission.state}: it does not wait for approval")
    return _moved(submission, "pending", at, f"approved by {by}")


def prioritised(submission: Submission, priority: int, *, at: datetime, by: str) -> Submission:
    """The same submission, to be evaluated sooner or later."""
    if submission.state not in ("proposed", "pending"):
        raise IllegalTransition(f"{submission.id} is {submission.state}: a priority is for what waits")
    if priority not in PRIORITIES:
        raise IllegalTransition(f"a priority is a whole number from {PRIORITIES[0]} to {PRIORITIES[-1]}")
    step = Transition(state=submission.state, at=at, why=f"priority {priority} set by {by}")
    history = (*submission.history, step)[-_KEPT_HISTORY:]
    return submission.model_copy(update={"priority": priority, "updated": at, "history": history})


def overdue(submission: Submission, at: datetime) -> bool:
    """Whether a running submission's worker has given no sign of life for longer than its lease."""
    return submission.state == "running" and submission.lease is not None and submission.lease.expires < at


def expired(submission: Submission, *, at: datetime, why: str = "the worker gave no sign of life") -> Submission:
    """A submission whose worker is gone, back to `pending`, or `failed` after the last attempt.

    A claim that got further than all before it is not counted: whoever gets on each time comes to the end.
    """
    stalled = submission.stalled + (not _running(submission).advanced)
    if stalled < MAX_ATTEMPTS:
        return _moved(submission, "pending", at, why, stalled=stalled)
    message = f"The worker fell silent without making progress in {stalled} attempts."
    failure = Failure(code="lease_lost", message=message)
    return failed(submission, at=at, failure=failure).model_copy(update={"stalled": stalled})
