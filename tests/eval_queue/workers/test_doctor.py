"""The doctor against the test Hub and a real HTTP endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from data.errors import InputError
from eval_queue.queue.queue import Queue
from eval_queue.settings import Settings
from eval_queue.store.local import LocalStore
from eval_queue.store.shown import will_last
from eval_queue.workers.doctor import SKEW_SECONDS, _clock
from eval_queue.workers.place import NO_REPOSITORIES, worries
from tests.support.chat_server import ChatServer
from tests.support.commands import client_started_with, run_command
from tests.support.hub import Hub, hub_server

REPOS = {"VALUE_PORTRAIT_REQUESTS_REPO": "lab/requests", "VALUE_PORTRAIT_RESULTS_REPO": "lab/results"}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server() as running:
        yield running


def doctor(
    hub: Hub, tmp_path: Path, *, token: str | None = None, **variables: str
) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit status, and findings by check."""
    environment = hub.environment(tmp_path / "home", token=token) | {
        "VALUE_PORTRAIT_SOURCE": "practice",
        "VALUE_PORTRAIT_STORE": str(tmp_path / "store"),
        "VALUE_PORTRAIT_LOCAL_MODEL": "false",
        **variables,
    }
    with client_started_with(environment):
        done = run_command("eval_queue", "doctor", "--json")
    assert "Traceback" not in done.stderr
    for secret in (hub.url, hub.token, "127.0.0.1"):
        assert secret not in done.stdout + done.stderr
    return done.returncode, {f["check"]: f for f in json.loads(done.stdout)["findings"]}


def test_token_and_repositories(hub: Hub, tmp_path: Path) -> None:
    hub.add_repo("lab/results")
    _, found = doctor(hub, tmp_path, token=hub.token, **REPOS)
    for check in ("settings", "store", "hub", "clock", "token", "benchmark", "repository lab/requests"):
        assert found[check]["state"] == "ok", found[check]
    assert "made on first use" in found["repository lab/requests"]["found"]
    assert "there" in found["repository lab/results"]["found"]
    assert found["endpoints"]["state"] == "failed"


@pytest.mark.parametrize("kind", ["read", "elsewhere", "wrong", "none"])
def test_a_token_that_will_not_do_is_named(hub: Hub, tmp_path: Path, kind: str) -> None:
    tokens = {
        "read": hub.add_token(hub.user, "read"),
        "elsewhere": hub.add_token(hub.user, "fineGrained", scopes={hub.user: ["repo.write"]}),
        "wrong": "hf_wrong",
        "none": None,
    }
    status, found = doctor(hub, tmp_path, token=tokens[kind], **REPOS)
    assert status == 1
    assert found["token"]["state"] == "failed"
    assert found["token"]["mend"]
    narrow = hub.add_token(hub.user, "fineGrained", scopes={"lab": ["repo.write"]})
    assert doctor(hub, tmp_path, token=narrow, **REPOS)[1]["token"]["state"] == "ok"


def test_no_hub_and_no_endpoint_and_no_benchmark(hub: Hub, tmp_path: Path) -> None:
    gone = '[{"name": "gone", "base_url": "http://127.0.0.1:9/v1", "models": ["m"]}]'
    variables = {
        **REPOS,
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "VALUE_PORTRAIT_ENDPOINTS": gone,
        "VALUE_PORTRAIT_SOURCE": "/no/such/folder",
    }
    status, found = doctor(hub, tmp_path, token=hub.token, **variables)
    assert status == 1
    for check in ("hub", "endpoint gone", "benchmark"):
        assert found[check]["state"] == "failed"
        assert found[check]["mend"]


def test_files_that_settings_name_are_read(hub: Hub, tmp_path: Path) -> None:
    """What the app would stumble over, or show nothing of."""
    (tmp_path / "personas.json").write_text("{")
    (tmp_path / "groups.csv").write_text("no,groups\n")
    variables = {
        "VALUE_PORTRAIT_PERSONAS": str(tmp_path / "personas.json"),
        "VALUE_PORTRAIT_REFERENCE": str(tmp_path / "groups.csv"),
        "VALUE_PORTRAIT_RELEASED_ANSWERS": str(tmp_path / "nowhere"),
    }
    status, found = doctor(hub, tmp_path, **variables)
    assert status == 1
    for name in variables:
        assert found[name]["state"] == "failed"
        assert name in found[name]["mend"]
    _, found = doctor(hub, tmp_path, VALUE_PORTRAIT_RELEASED_ANSWERS=str(tmp_path))
    assert found["VALUE_PORTRAIT_RELEASED_ANSWERS"]["state"] == "ok"
    assert "VALUE_PORTRAIT_PERSONAS" not in found


def test_a_misspelt_variable_is_the_first_thing_said(hub: Hub, tmp_path: Path) -> None:
    status, found = doctor(hub, tmp_path, VALUE_PORTRAIT_STOER="x")
    assert status == 1
    assert "VALUE_PORTRAIT_STORE" in found["settings"]["found"]


def test_a_clock_that_is_off_is_named() -> None:
    finding = _clock("Tue, 01 Jan 2019 00:00:00 GMT")
    assert finding.state == "failed"
    assert "ahead" in finding.found
    assert SKEW_SECONDS < 120


def test_all_is_well_with_an_endpoint_that_answers(hub: Hub, tmp_path: Path) -> None:
    with ChatServer() as chat:
        endpoint = {"name": "own", "base_url": chat.address, "models": ["some/model"]}
        variables = {**REPOS, "VALUE_PORTRAIT_ENDPOINTS": json.dumps([endpoint])}
        status, found = doctor(hub, tmp_path, token=hub.token, **variables)
        assert len(chat.asked) == 1
    assert status == 0, found
    assert found["endpoint own"]["state"] == "ok"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["read", "pull requests"])
def test_a_token_that_only_opens_pull_requests_is_named(hub: Hub, tmp_path: Path, kind: str) -> None:
    scopes = {"lab": ["repo.content.read", "discussion.write"]}
    token = hub.add_token(hub.user, "read") if kind == "read" else hub.add_token(hub.user, "fineGrained", scopes=scopes)
    _, found = doctor(hub, tmp_path, token=token, **REPOS)
    assert "pull requests at most" in found["token"]["found"]
    assert "write access to the contents" in found["token"]["mend"]


@pytest.mark.slow
def test_damaged_records_are_found_and_can_be_set_aside(hub: Hub, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    store.commit({"submissions/odd.json": b"{", "results/old.json": b"[]"}, store.head(), "by hand")
    status, found = doctor(hub, tmp_path)
    assert status == 1
    assert found["records"]["state"] == "ok"
    for path in ("submissions/odd.json", "results/old.json"):
        assert found[f"record {path}"]["state"] == "failed"
        assert f"set-aside {path}" in found[f"record {path}"]["mend"]
        queue = Queue(store, store, lease=timedelta(minutes=2))
        queue.set_aside(path)
        with pytest.raises(InputError, match="none of the records"):
            queue.set_aside(path)
    _, found = doctor(hub, tmp_path)
    assert not [check for check in found if check.startswith("record ")]
    assert store.read("set-aside/submissions/odd.json", store.head()) == b"{"
    (tmp_path / "store" / "HEAD").write_text("rubbish")
    _, found = doctor(hub, tmp_path)
    assert "backup" in found["records"]["found"]


@pytest.mark.slow
def test_a_space_that_forgets_is_told(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, found = doctor(hub, tmp_path, SPACE_ID="lab/board")
    assert ("disk" in found) == (not will_last(tmp_path))
    monkeypatch.setattr("eval_queue.workers.place.will_last", lambda _: False)
    monkeypatch.setenv("SPACE_ID", "lab/board")
    (tmp_path / "file").write_text("in the way")
    said = worries(Settings(store=tmp_path / "file"))
    assert said[0] == NO_REPOSITORIES
    assert "cannot be written (Not a directory)" in said[1]
    assert str(tmp_path) not in " ".join(said)
    hub_only = worries(Settings(store=tmp_path / "file", requests_repo="lab/a", results_repo="lab/b"))
    assert ["answers of unfinished" in worry for worry in hub_only] == [True]
    assert worries(Settings(store=tmp_path / "store", requests_repo="lab/a", results_repo="lab/b")) == ()
