"""Starting the test Hub, in a thread or as a process, and the handle by which tests steer it.

The handle speaks HTTP to the control routes, so it is the same for both. It is not subject to faults and its calls do
not appear in the log.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import httpx2
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.support import ROOT
from tests.support.waiting import LIMIT

from .control import add_control
from .gate import CONTROL, Fault, Gate, Logged, Message
from .jobs import Jobs, add_jobs
from .routes import bearer, make_app
from .world import OPERATOR, ORGANISATION, Kind, Refused, TokenRole, World

_ROOT = ROOT
_WIDTHS = {"F64": 8, "F32": 4, "BF16": 2, "F16": 2, "I32": 4, "I64": 8, "U8": 1, "I8": 1, "F8_E4M3": 1}
_TEMPLATE = "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}{% endfor %}"

CAUSAL = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
"""`config.json` of a model that generates text."""
CHAT = {"bos_token": "<s>", "eos_token": "</s>", "chat_template": _TEMPLATE}
"""`tokenizer_config.json` with a chat template."""


class Faults:
    """The rules that are in force."""

    def __init__(self, control: httpx2.Client) -> None:
        self._control = control

    def add(self, fault: Fault) -> int:
        """Put a rule behind the others; its number."""
        return int(_ok(self._control.post("/faults", json=fault.model_dump())).json())

    def fired(self) -> dict[int, int]:
        """How often each rule in force has fired, by number."""
        return {int(number): times for number, times in _ok(self._control.get("/faults")).json().items()}

    def held(self) -> dict[int, int]:
        """How many requests each rule has begun to delay; with `after`, the Hub has done its work by then."""
        return {int(number): times for number, times in _ok(self._control.get("/faults/held")).json().items()}

    def clear(self, number: int | None = None) -> None:
        """Remove one rule, or all; requests that wait because of them go on."""
        _ok(self._control.delete("/faults", params={} if number is None else {"number": number}))


class Requests:
    """The log of requests, in the order in which they ended."""

    def __init__(self, control: httpx2.Client) -> None:
        self._control = control

    def all(self) -> list[Logged]:
        return [Logged.model_validate(line) for line in _ok(self._control.get("/requests")).json()]

    def by_route(self) -> Counter[str]:
        """How many requests each route got."""
        return Counter(line.route for line in self.all())

    def count(self, *routes: str) -> int:
        """How many requests these routes got; without any, how many there were."""
        return sum(not routes or line.route in routes for line in self.all())

    def clear(self) -> None:
        _ok(self._control.delete("/requests"))


class Hub:
    """A running test Hub.

    Args:
        url: its address; what `HF_ENDPOINT` or `HfApi(endpoint=...)` takes.

    Attributes:
        url: the address.
        token: a token that may write, of `user`.
        user: who administers the organisation `org`.
        faults: rules by which requests fail.
        requests: the log.
    """

    user = OPERATOR
    org = ORGANISATION

    def __init__(self, url: str) -> None:
        self.url = url
        self._control = httpx2.Client(base_url=f"{url}{CONTROL}", timeout=60, trust_env=False)
        self.faults = Faults(self._control)
        self.requests = Requests(self._control)
        self.token: str = _ok(self._control.get("/token")).json()

    def close(self) -> None:
        """Close the handle; the Hub goes on."""
        self._control.close()

    def environment(self, home: Path, *, token: str | None = None) -> dict[str, str]:
        """The variables by which a client in another process uses this Hub; they must be set before it is imported.

        Args:
            home: the client's cache.
            token: whose requests these are; None for anonymous ones.
        """
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        own = {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }
        return inherited | own | ({"HF_TOKEN": token} if token else {})

    def add_user(self, name: str, *, fullname: str = "", orgs: Mapping[str, str] | None = None) -> str:
        """Add a person with roles by organisation; a token that may write."""
        _ok(self._control.post("/users", json={"name": name, "fullname": fullname, "orgs": dict(orgs or {})}))
        return self.add_token(name)

    def add_token(self, user: str, role: TokenRole = "write", *, scopes: Mapping[str, list[str]] | None = None) -> str:
        """One more token; `scopes` of a fine-grained one are permissions by namespace or data set repository."""
        values = {"user": user, "role": role, "scopes": dict(scopes or {})}
        return str(_ok(self._control.post("/tokens", json=values)).json())

    def remove_token(self, value: str) -> None:
        """Revoke a token."""
        _ok(self._control.request("DELETE", "/tokens", json={"value": value}))

    def add_repo(
        self,
        repo_id: str,
        *,
        kind: Kind = "dataset",
        files: Mapping[str, bytes] | None = None,
        weights: Mapping[str, int] | None = None,
        private: bool = False,
        gated: Literal["auto", "manual", False] = False,
        disabled: bool = False,
        facts: Mapping[str, object] | None = None,
    ) -> str:
        """Add a repository with files in one commit.

        Args:
            repo_id: namespace and name; the namespace need not be anyone's.
            kind: of repository.
            files: content by path.
            weights: bytes by path of files that are listed with their size, but whose content cannot be fetched.
            private: seen only by members of its namespace.
            gated: seen by all, read by those who were granted it.
            disabled: seen by all, read by nobody.
            facts: properties of its info that the real Hub derives itself, as it would send them.

        Returns:
            The head.
        """
        values = {"weights": dict(weights or {}), "facts": dict(facts or {}), "files": _encoded(files or {})}
        switches = {"private": private, "gated": gated, "disabled": disabled}
        new = {"kind": kind, "repo_id": repo_id, **values, **switches}
        return str(_ok(self._control.post("/repositories", json=new)).json())

    def add_model(
        self,
        repo_id: str,
        *,
        card: str = "---\nlicense: apache-2.0\n---\nA model.\n",
        config: Mapping[str, object] | None = None,
        tokenizer: Mapping[str, object] | None = None,
        parameters: Mapping[str, int] | None = None,
        providers: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
        private: bool = False,
        gated: Literal["auto", "manual", False] = False,
        disabled: bool = False,
    ) -> str:
        """Add a model as a check of submissions sees it.

        Args:
            repo_id: namespace and name.
            card: its README.
            config: `config.json`; unset: `CAUSAL`. Empty: no such file.
            tokenizer: `tokenizer_config.json`; unset: `CHAT`. Empty: no such file.
            parameters: how many of each dtype, e.g. `{"BF16": 135_000_000}`: its `safetensors` facts, and a weight
                file of that size. Unset: no safetensors.
            providers: status (`live`, `staging`, `error`) by inference provider.
            files: more files, or replacements.
            private: see `add_repo`.
            gated: see `add_repo`.
            disabled: see `add_repo`.

        Returns:
            The head.
        """
        contents = {"README.md": card.encode()}
        for path, values in (
            ("config.json", CAUSAL if config is None else config),
            ("tokenizer_config.json", CHAT if tokenizer is None else tokenizer),
        ):
            if values:
                contents[path] = json.dumps(values, indent=2).encode()
        facts: dict[str, object] = {}
        weights: dict[str, int] = {}
        if parameters:
            facts["safetensors"] = {"parameters": dict(parameters), "total": sum(parameters.values())}
            weights["model.safetensors"] = sum(_WIDTHS[dtype] * number for dtype, number in parameters.items())
        if providers:
            facts["inferenceProviderMapping"] = {
                provider: {"status": status, "providerId": repo_id.lower(), "task": "conversational"}
                for provider, status in providers.items()
            }
            if "live" in providers.values():
                facts["inference"] = "warm"
        switches: dict[str, Any] = {"private": private, "gated": gated, "disabled": disabled}
        return self.add_repo(
            repo_id, kind="model", files=contents | dict(files or {}), weights=weights, facts=facts, **switches
        )

    def change(
        self,
        repo_id: str,
        *,
        kind: Kind = "dataset",
        private: bool | None = None,
        gated: Literal["auto", "manual", False] | None = None,
        disabled: bool | None = None,
        grant: str | None = None,
    ) -> None:
        """Change a repository's settings; `grant` names one more reader of a gated one."""
        settings = {"private": private, "gated": gated, "disabled": disabled, "grant": grant}
        _ok(self._control.post("/settings", json={"kind": kind, "repo_id": repo_id, **settings}))

    def commit(
        self, repo_id: str, changes: Mapping[str, bytes | None], *, kind: Kind = "dataset", message: str = "by hand"
    ) -> str:
        """Commit on main as another program would, past faults and log; the new head."""
        new = {"kind": kind, "repo_id": repo_id, "files": _encoded(changes), "message": message}
        return str(_ok(self._control.post("/commits", json=new)).json())

    def clock(self, ahead: float) -> None:
        """From now on the Hub's clock, as its answers tell it, is so many seconds ahead of this machine's."""
        _ok(self._control.put("/clock", json=ahead))

    def machine(self, environment: Mapping[str, str] | None) -> None:
        """From now on jobs run as processes of this machine with this environment, `PYTHON` among it; None: not."""
        _ok(self._control.put("/jobs/machine", json=None if environment is None else dict(environment)))

    def credit(self, there_is: bool) -> None:
        """Whether whoever starts a job can pay for it."""
        _ok(self._control.put("/jobs/credit", json=there_is))

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs, the oldest first, with what their secrets hold in `spec`."""
        found = _ok(self._control.get("/jobs")).json()
        assert isinstance(found, list)
        return found

    def change_job(
        self, id_: str, *, stage: str | None = None, message: str | None = None, logs: str = "", older: float = 0.0
    ) -> None:
        """Let something become of a job: another stage, lines it says, seconds that have gone by."""
        values = {"stage": stage, "message": message, "logs": logs.splitlines(), "older": older}
        _ok(self._control.post(f"/jobs/{id_}", json=values))

    def kill_job(self, id_: str) -> None:
        """End a job's machine at once, as one that breaks."""
        _ok(self._control.post(f"/jobs/{id_}/kill"))

    def files(self, repo_id: str, *, kind: Kind = "dataset") -> dict[str, bytes]:
        """What main truly holds, past faults and log."""
        encoded = _ok(self._control.get("/files", params={"kind": kind, "repo_id": repo_id})).json()
        return {path: base64.b64decode(content) for path, content in encoded.items()}

    def history(self, repo_id: str, *, kind: Kind = "dataset") -> list[dict[str, Any]]:
        """The true commits of main, newest first: `oid`, `parent`, `title`, `message`, `author`, `date`, `changes`."""
        commits = _ok(self._control.get("/commits", params={"kind": kind, "repo_id": repo_id})).json()
        assert isinstance(commits, list)
        return commits


class HubProcess(Hub):
    """A test Hub in a process of its own, which can be killed and started again on the same port.

    Args:
        folder: where its journal lies; None: a restart begins empty.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._process, url = self._launch(0)
        super().__init__(url)

    def _launch(self, port: int) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "tests.support.hub", "--port", str(port)]
        command += ["--folder", str(self._folder)] if self._folder else []
        process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the test Hub did not start: exit status {process.wait()}")
        return process, str(json.loads(line)["url"])

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def missed(self) -> None:
        """After `kill`: wait until somebody comes while it is away, and hang up."""
        port = int(self.url.rsplit(":", 1)[1])
        with socket.create_server(("127.0.0.1", port), backlog=1) as nobody:
            nobody.settimeout(LIMIT)
            nobody.accept()[0].close()

    def start(self) -> None:
        """Start it again after `kill`. Rules and log are gone; the rest is what the journal holds."""
        self._process, _ = self._launch(int(self.url.rsplit(":", 1)[1]))


@contextlib.contextmanager
def hub_process(folder: Path | None = None) -> Iterator[HubProcess]:
    """A test Hub in a process of its own for the length of a `with` block."""
    hub = HubProcess(folder)
    try:
        yield hub
    finally:
        hub.kill()
        hub.close()


@contextlib.contextmanager
def hub_server(folder: Path | None = None) -> Iterator[Hub]:
    """A test Hub in a thread of this process, on a free port, for the length of a `with` block."""
    world, jobs = World(folder), Jobs()
    server, listener = make_server(world, jobs, 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        hub = Hub(address(listener))
        try:
            yield hub
        finally:
            hub.faults.clear()
            hub.close()
    finally:
        server.should_exit = True
        thread.join(10)
        world.close()
        jobs.close()


def address(listener: socket.socket) -> str:
    """The URL of a listening socket."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def make_server(world: World, jobs: Jobs, port: int) -> tuple[uvicorn.Server, socket.socket]:
    """A server over `world` and `jobs`, ready to run, and the socket it is to run on. Port 0 takes a free one."""
    transports: dict[object, asyncio.Transport] = {}

    class Protocol(H11Protocol):
        """HTTP whose connections a fault can close."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent
            super().connection_made(transport)
            transports[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            transports.pop(self.client, None)
            super().connection_lost(exc)

    def user_of(authorization: str) -> str:
        try:
            token = bearer(world, authorization)
        except Refused:
            return ""
        return token.user if token else ""

    def close(scope: Message) -> None:
        transports[tuple(scope["client"])].close()

    app = make_app(world, add_jobs)  # what is below /api/jobs would be taken for a kind of repository
    app.state.jobs = jobs
    gate = Gate(app, list(app.router.routes), user_of, close)
    add_control(app, world, jobs, gate)
    # asyncio turns off Nagle's delay only on sockets that say they are TCP; with it each answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    config = uvicorn.Config(
        gate,
        http=Protocol,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        date_header=False,  # it may be seconds old where the machine is busy; the gate adds one
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config), listener


def _encoded(files: Mapping[str, bytes | None]) -> dict[str, str | None]:
    return {path: None if body is None else base64.b64encode(body).decode() for path, body in files.items()}


def _ok(response: httpx2.Response) -> httpx2.Response:
    """The response of a control route, which only a mistake in a test can make fail."""
    if response.is_error:
        raise RuntimeError(f"{response.request.url}: {response.status_code} {response.text}")
    return response
