"""The doctor against the test Hub and a real HTTP endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eval_queue.workers.doctor import SKEW_SECONDS, _clock
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
