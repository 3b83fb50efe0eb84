"""The door by which tests furnish the Hub: seeds, faults, the log. Not part of the Hub's interface."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import Body, FastAPI
from pydantic import BaseModel, Field

from .gate import CONTROL, Fault, Gate, Logged
from .jobs import Jobs, aged, kill
from .world import OPERATOR, Commit, Kind, TokenRole, World


class NewUser(BaseModel):
    name: str
    fullname: str = ""
    orgs: dict[str, str] = Field(default_factory=dict)


class NewToken(BaseModel):
    user: str
    role: TokenRole = "write"
    scopes: dict[str, list[str]] = Field(default_factory=dict)


class OldToken(BaseModel):
    value: str


class Place(BaseModel):
    kind: Kind
    repo_id: str


class Changes(Place):
    """A commit past all checks, as an administrator's or another program's."""

    files: dict[str, str | None]
    """Base64 by path; None deletes."""
    weights: dict[str, int] = Field(default_factory=dict)
    """Bytes by path of files that are listed with their size, but whose content cannot be fetched."""
    message: str = "seed"


class NewRepository(Changes):
    private: bool = False
    gated: Literal["auto", "manual", False] = False
    disabled: bool = False
    facts: dict[str, Any] = Field(default_factory=dict)


class NewSettings(Place):
    private: bool | None = None
    gated: Literal["auto", "manual", False] | None = None
    disabled: bool | None = None
    grant: str | None = None


class NewStage(BaseModel):
    stage: str | None = None
    message: str | None = None
    logs: list[str] = Field(default_factory=list)
    older: float = 0.0


def add_control(app: FastAPI, world: World, jobs: Jobs, gate: Gate) -> None:
    """Add the control routes to `app`."""

    @app.get(f"{CONTROL}/token")
    async def token() -> str:
        return world.first_token

    @app.put(f"{CONTROL}/clock")
    async def set_clock(ahead: Annotated[float, Body()]) -> None:
        gate.ahead = timedelta(seconds=ahead)

    @app.post(f"{CONTROL}/users")
    async def add_user(new: NewUser) -> None:
        world.add_user(new.name, new.fullname, new.orgs)

    @app.post(f"{CONTROL}/tokens")
    async def add_token(new: NewToken) -> str:
        return world.add_token(new.user, new.role, new.scopes)

    @app.delete(f"{CONTROL}/tokens")
    async def remove_token(old: OldToken) -> None:
        world.remove_token(old.value)

    @app.post(f"{CONTROL}/repositories")
    async def add_repository(new: NewRepository) -> str:
        world.create(
            new.kind, new.repo_id, private=new.private, gated=new.gated, disabled=new.disabled, facts=new.facts
        )
        return _commit(world, new)

    @app.post(f"{CONTROL}/settings")
    async def settings(new: NewSettings) -> None:
        repository = world.repositories[new.kind, new.repo_id]
        world.change(repository, **new.model_dump(exclude_none=True, exclude={"kind", "repo_id"}))

    @app.post(f"{CONTROL}/commits")
    async def commit(new: Changes) -> str:
        return _commit(world, new)

    @app.get(f"{CONTROL}/commits")
    async def history(kind: Kind, repo_id: str) -> list[Commit]:
        repository = world.repositories[kind, repo_id]
        return list(repository.history(repository.head("refs/heads/main")))

    @app.get(f"{CONTROL}/files")
    async def files(kind: Kind, repo_id: str) -> dict[str, str]:
        repository = world.repositories[kind, repo_id]
        tree = repository.tree(repository.head("refs/heads/main"))
        contents = {path: repository.content(entry) for path, entry in tree.items()}
        return {path: base64.b64encode(content).decode() for path, content in contents.items() if content is not None}

    @app.post(f"{CONTROL}/faults")
    async def add_fault(fault: Fault) -> int:
        return gate.add(fault)

    @app.get(f"{CONTROL}/faults")
    async def faults() -> dict[int, int]:
        return gate.fired()

    @app.get(f"{CONTROL}/faults/held")
    async def held() -> dict[int, int]:
        return gate.held()

    @app.delete(f"{CONTROL}/faults")
    async def clear_faults(number: int | None = None) -> None:
        gate.clear(number)

    @app.put(f"{CONTROL}/jobs/machine")
    async def machine(environment: Annotated[dict[str, str] | None, Body()] = None) -> None:
        jobs.machine = environment

    @app.put(f"{CONTROL}/jobs/credit")
    async def credit(there_is: Annotated[bool, Body()]) -> None:
        jobs.credit = there_is

    @app.get(f"{CONTROL}/jobs")
    async def all_jobs() -> list[dict[str, Any]]:
        return [
            {**job.describe(), "spec": job.spec, "log": [line for _, line in job.logs]} for job in jobs.all.values()
        ]

    @app.post(f"{CONTROL}/jobs/{{id_}}")
    async def change_job(id_: str, new: NewStage) -> None:
        job = jobs.all[id_]
        aged(job, new.older)
        for line in new.logs:
            job.say(line)
        if new.stage is not None:
            job.become(new.stage, new.message)

    @app.post(f"{CONTROL}/jobs/{{id_}}/kill")
    async def kill_job(id_: str) -> None:
        process = jobs.all[id_].process
        assert process is not None
        kill(process)

    @app.get(f"{CONTROL}/requests")
    async def requests() -> list[Logged]:
        return gate.log

    @app.delete(f"{CONTROL}/requests")
    async def clear_requests() -> None:
        gate.forget()


def _commit(world: World, new: Changes) -> str:
    repository = world.repositories[new.kind, new.repo_id]
    head = repository.head("refs/heads/main")
    operations: list[dict[str, Any]] = []
    for path, encoded in new.files.items():
        if encoded is None:
            operations.append({"key": "deletedFile", "value": {"path": path}})
            continue
        content = base64.b64decode(encoded)
        if repository.stored_as_lfs(path, len(content), head):
            world.store_lfs(repository, content)
            oid = hashlib.sha256(content).hexdigest()
            operations.append({"key": "lfsFile", "value": {"path": path, "oid": oid}})
        else:
            operations.append({"key": "file", "value": {"path": path, "content": encoded}})
    for path, size in new.weights.items():
        oid = hashlib.sha256(f"{new.repo_id}/{path}".encode()).hexdigest()
        operations.append({"key": "declaredFile", "value": {"path": path, "oid": oid, "size": size}})
    if not operations:
        return head.oid
    return world.commit(repository, "refs/heads/main", operations, title=new.message, author=OPERATOR).oid
