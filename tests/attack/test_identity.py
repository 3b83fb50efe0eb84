"""Nobody as somebody else: sign-in, its addresses, and limits that cannot be wiped."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from itsdangerous import TimestampSigner

from data.sources.practice import practice_benchmark
from eval_queue.queue.queue import TRIES, open_queue
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint, Settings
from eval_queue.submission import Refused, Submission, new_submission
from tests.attack.conftest import listeners, token
from tests.support import ROOT
from tests.support.apps import app
from tests.support.hub import Hub, hub_server
from tools.live import RunningApp, free_port

pytestmark = pytest.mark.slow

ENDPOINT = Endpoint(name="vllm")
BENCHMARK = BenchmarkRef(name="practice", version="1", digest="ab" * 32)


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with hub_server() as running:
        yield running


@pytest.fixture(scope="module")
def signing_in(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    folder = tmp_path_factory.mktemp("signing-in")
    endpoints = json.dumps([{"name": "vllm", "base_url": "http://127.0.0.1:9/v1"}])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in hub.environment(folder / "home", token=hub.token).items():
            patch.setenv(name, value)
        patch.setenv("OAUTH_CLIENT_SECRET", "a-secret-that-only-this-test-knows")
        with app(folder / "store", source="practice", scheduler="false", oauth="true", endpoints=endpoints) as started:
            yield started


def refused_start(tmp_path: Path, hub: Hub, host: str, with_token: str, **environment: str) -> str:
    """What the app says when it is started in a way that it must refuse."""
    own = {n: v for n, v in os.environ.items() if not n.startswith(("VALUE_PORTRAIT_", "GRADIO_", "HF_", "OAUTH_"))}
    given = {**hub.environment(tmp_path / "home", token=with_token), **environment}
    settings = {"OAUTH": "true", "SOURCE": "practice", "SCHEDULER": "false", "STORE": str(tmp_path / "store")}
    given |= {f"VALUE_PORTRAIT_{name}": value for name, value in settings.items()}
    command = [sys.executable, "app.py", "--host", host, "--port", str(free_port())]
    ended = subprocess.run(
        command, cwd=ROOT, env={**own, **given}, capture_output=True, text=True, timeout=240, check=False
    )
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


@pytest.mark.parametrize(
    ("host", "with_token", "environment", "said"),
    [
        ("0.0.0.0", True, {}, "cookies could be forged"),
        ("127.0.0.1", False, {}, "there is none"),
        ("127.0.0.1", True, {"SPACE_ID": "org/space", "SYSTEM": "spaces"}, "hf_oauth: true"),
    ],
)
def test_the_app_says_in_a_sentence_why_nobody_can_be_signed_in(
    tmp_path: Path, hub: Hub, host: str, with_token: bool, environment: dict[str, str], said: str
) -> None:
    assert said in refused_start(tmp_path, hub, host, hub.token if with_token else "", **environment)


def test_a_token_that_is_not_valid_is_not_repeated(tmp_path: Path, hub: Hub) -> None:
    told = refused_start(tmp_path, hub, "127.0.0.1", "hf_not_a_valid_one")
    assert "whose token this is" in told
    assert "hf_not_a_valid_one" not in told


@pytest.mark.parametrize(
    "asked",
    [
        *("huggingface?_target_url=http://[", "callback?_target_url=http://[", "callback?_nb_redirects=x&state=1"),
        *("callback?code=1&state=2", "callback?error=denied", "huggingface?_target_url=//evil.example/x"),
        *("huggingface?_target_url=%0d%0aSet-Cookie:%20a=b", "callback?_target_url=%00", "nothing", ""),
    ],
)
def test_odd_addresses_of_the_sign_in_are_pages(signing_in: RunningApp, asked: str) -> None:
    answer = httpx2.get(f"{signing_in.url}/login/{asked}", follow_redirects=False, timeout=60)
    assert answer.status_code < 500
    assert "a=b" not in answer.headers.get("set-cookie", "")
    location = answer.headers.get("location", "/")
    assert location.startswith(("/", signing_in.url))
    assert not location.startswith("//")
    assert "Traceback" not in answer.text + signing_in.log.read_text()


def test_who_is_not_signed_in_cannot_upload(signing_in: RunningApp) -> None:
    with httpx2.Client(base_url=signing_in.url, timeout=60) as http:
        answer = http.post("/submit/package", content=b"x" * 1000, headers={"X-Page-Token": token(http)})
    assert (answer.status_code, "sign_in" in answer.json()["code"]) == (200, True)


def test_a_cookie_signed_with_what_everybody_knows_signs_nobody_in(signing_in: RunningApp, hub: Hub) -> None:
    who = {"sub": "1", "name": hub.user, "preferred_username": hub.user, "profile": "", "picture": ""}
    session = base64.b64encode(json.dumps({"oauth_info": {"userinfo": who, "expires_at": 2**33}}).encode())
    forged = TimestampSigner(hashlib.sha256(b"-v4").hexdigest()).sign(session).decode()
    with httpx2.Client(base_url=signing_in.url, cookies={"session": forged}, timeout=60) as http:
        answer = http.post("/submit/package", content=b"x", headers={"X-Page-Token": token(http)})
        assert (answer.status_code, "sign_in" in answer.json()["code"]) == (200, True)
        number = next(n for n, d in listeners(http, "submit").items() if len(d["inputs"]) == 6)
        body = {
            "fn_index": number,
            "data": ["org/m", "", "vllm", practice_benchmark().digest, [], None],
            "session_hash": "a",
        }
        assert "sign_in" in http.post("/gradio_api/run/predict", json=body, headers={"X-Page-Token": token(http)}).text


def test_a_provider_that_is_away_is_a_page(tmp_path: Path) -> None:
    space = {
        "SYSTEM": "spaces",
        "SPACE_ID": "org/space",
        "SPACE_HOST": "org-space.hf.space",
        "OPENID_PROVIDER_URL": "http://127.0.0.1:9",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**space, **dict.fromkeys(("OAUTH_CLIENT_ID", "OAUTH_SCOPES"), "openid")}.items():
            patch.setenv(name, value)
        patch.setenv("OAUTH_CLIENT_SECRET", "a-secret-of-the-space")
        with app(tmp_path / "store", source="practice", scheduler="false") as running:
            answer = httpx2.get(f"{running.url}/login/huggingface", follow_redirects=False, timeout=60)
            assert (answer.status_code, "nobody is signed in" in answer.text) == (502, True)
            log = running.log.read_text()
    # Gradio itself looks for its own host when it starts on a Space, and says at length that there is none here
    said = log.partition("/login/huggingface could not be answered")
    assert said[1]
    assert "Traceback" not in said[2]
    assert "a-secret-of-the-space" not in log


# --- limits ---------------------------------------------------------------------------------------------------------


def asked(model: str, at: datetime) -> Submission:
    return new_submission(model, endpoint=ENDPOINT, benchmark=BENCHMARK, submitter="ada", at=at)


def test_requeue_and_cancel_do_not_wipe_what_was_begun(tmp_path: Path) -> None:
    queue = open_queue(Settings(store=tmp_path / "store"))
    first = queue.submit(asked("org/0", queue.clock()), quota=9, per_week=4)
    assert queue.claim("w", runnable=lambda _: True)
    queue.cancel(first.id, by="ada")

    def again_and_again() -> None:
        for _ in range(16):
            queue.requeue(first.id, by="ada", quota=9, per_week=4)
            queue.cancel(first.id, by="ada")

    with pytest.raises(Refused, match="submitted 12 times") as error:
        again_and_again()
    assert error.value.code == "quota"
    reopened = open_queue(Settings(store=tmp_path / "store"))
    with pytest.raises(Refused, match="submitted 12 times"):
        reopened.submit(asked("org/1", queue.clock()), quota=9, per_week=4)


def test_begun_runs_stay_counted_however_often_they_are_put_back(tmp_path: Path) -> None:
    queue = open_queue(Settings(store=tmp_path / "store"))
    first = queue.submit(asked("org/0", queue.clock()), quota=9)
    for _ in range(3):
        assert queue.claim("w", runnable=lambda _: True)
        queue.cancel(first.id, by="ada")
        queue.requeue(first.id, by="root")
    for _ in range(16):
        queue.cancel(first.id, by="root")
        queue.requeue(first.id, by="root")
    with pytest.raises(Refused, match="asked for 4 evaluations"):
        queue.submit(asked("org/1", queue.clock()), quota=9, per_week=4)


def test_cancelled_submissions_have_a_limit_of_their_own(tmp_path: Path) -> None:
    queue = open_queue(Settings(store=tmp_path / "store"))

    def flood() -> None:
        for n in range(100):
            queue.cancel(queue.submit(asked(f"org/{n}", queue.clock()), quota=3, per_week=3).id, by="ada")

    with pytest.raises(Refused, match="cancelled submissions included"):
        flood()
    assert len(queue.submissions()) == 3 * TRIES
    later = open_queue(Settings(store=tmp_path / "store"))
    later.clock = lambda: queue.clock() + timedelta(days=8)
    assert later.submit(asked("org/later", later.clock()), quota=3, per_week=3)
