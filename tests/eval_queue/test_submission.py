"""The submission record, its identity, its life, and what is refused."""

from __future__ import annotations

import http.server
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from eval_queue.asking.local_model import LOCAL_ENDPOINT, MODEL, available
from eval_queue.protocol import protocol_id
from eval_queue.queue.intake import configured_endpoints, offered_models, submit
from eval_queue.queue.queue import Queue
from eval_queue.records import BenchmarkRef, Record
from eval_queue.settings import Endpoint, Settings
from eval_queue.store.collection import encode
from eval_queue.store.local import LocalStore
from eval_queue.submission import (
    MAX_ATTEMPTS,
    TRANSITIONS,
    Failure,
    IllegalTransition,
    Lease,
    Progress,
    Refused,
    State,
    Submission,
    Transition,
    approved,
    cancelled,
    check_name,
    check_offered,
    choose_endpoint,
    claimed,
    counted,
    done,
    expired,
    failed,
    held,
    identity,
    new_submission,
    overdue,
    prioritised,
    released,
    renewed,
    requeued,
    wishes,
)
from tests.support import GOLDEN

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LEASE = timedelta(minutes=2)
BENCHMARK = BenchmarkRef(name="practice", version="1", digest="ab" * 32)
ENDPOINT = Endpoint(name="vllm", models=["org/*"])


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def asked(model: str = "org/model-7B", endpoint: Endpoint = ENDPOINT, submitter: str = "ada") -> Submission:
    return new_submission(model, endpoint=endpoint, benchmark=BENCHMARK, submitter=submitter, at=START)


def running(minutes: float = 1) -> Submission:
    return claimed(asked(), worker="w1", nonce="n1", at=at(minutes), lease=LEASE)


def a_life() -> dict[str, Submission]:
    """One submission in each state, by the functions that lead there; of a fixed version of the protocol."""
    waiting = asked().model_copy(update={"id": "org-model-7b-11751a87f196", "protocol": "1-free-text"})
    begun = claimed(waiting, worker="w1", nonce="n1", at=at(1), lease=LEASE)
    progress = Progress(done=120, total=720, rated=118, rate=2.5, eta_seconds=240.0, updated=at(2))
    renewal = renewed(begun, at=at(2), lease=LEASE, progress=progress)
    failure = Failure(code="endpoint_gone", message="3 prompts in a row failed: no connection.")
    return {
        "proposed": waiting.model_copy(
            update={"state": "proposed", "history": (Transition(state="proposed", at=START, why="submitted"),)}
        ),
        "pending": waiting,
        "running": renewal,
        "done": done(renewal, at=at(6)),
        "failed": failed(renewal, at=at(3), failure=failure),
        "cancelled": cancelled(renewal, at=at(4), by="grace"),
    }


# --- the record -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", get_args(State))
def test_the_wire_format_is_the_golden_one(state: str) -> None:
    golden = (GOLDEN / f"submission-{state}.json").read_bytes()
    assert encode(a_life()[state]) == golden
    assert Submission.model_validate_json(golden) == a_life()[state]


def test_unknown_fields_survive_reading_changing_and_writing() -> None:
    document = json.loads((GOLDEN / "submission-running.json").read_bytes())
    document |= {"colour": "blue"}
    document["lease"] |= {"site": {"rack": 7}}
    document["benchmark"] |= {"license": "MIT"}
    document["history"][0] |= {"by": "ada"}
    newer = Submission.model_validate(document)
    changed = json.loads(encode(renewed(newer, at=at(3), lease=LEASE, progress=None)))
    assert changed["colour"] == "blue"
    assert changed["lease"]["site"] == {"rack": 7}
    assert json.loads(encode(done(newer, at=at(3))))["benchmark"]["license"] == "MIT"
    assert changed["history"][0]["by"] == "ada"


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 2},
        {"state": "resting"},
        {"created": "2026-11-23T12:00:00"},
        {"attempts": -1},
        {"lease": None},
        {"model": None},
        {"answer_mode": "sung"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_malformed_record_is_not_taken(change: dict[str, object]) -> None:
    document = json.loads((GOLDEN / "submission-running.json").read_bytes())
    with pytest.raises(ValidationError):
        Submission.model_validate(document | change)


def test_a_record_is_immutable() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        asked().state = "done"  # type: ignore[misc]  # that it cannot be done is the point


@pytest.mark.parametrize("kind", [Submission, Lease, Progress, Failure, Transition])
def test_every_field_is_described(kind: type[Record]) -> None:
    assert [name for name, field in kind.model_fields.items() if not field.description] == []


# --- identity -------------------------------------------------------------------------------------------------------

QUESTION = {
    "model": "org/model",
    "revision": "a" * 40,
    "endpoint": "vllm",
    "benchmark_digest": "d" * 64,
    "protocol": "1-free-text",
    "answer_mode": "free-text",
    "persona": None,
}


def test_the_same_question_has_the_same_id_whoever_asks_and_when() -> None:
    later = new_submission("org/model-7B", endpoint=ENDPOINT, benchmark=BENCHMARK, submitter="bob", at=at(99))
    assert later.id == asked().id
    assert identity(**QUESTION) == identity(**QUESTION) == "org-model-b20e30e1cd5c"


@pytest.mark.parametrize("field", QUESTION)
def test_another_question_has_another_id(field: str) -> None:
    other = {
        "model": "org/model2",
        "revision": None,
        "endpoint": "openai",
        "benchmark_digest": "e" * 64,
        "protocol": "2-free-text",
        "answer_mode": "constrained",
        "persona": "a nurse",
    }
    assert identity(**QUESTION | {field: other[field]}) != identity(**QUESTION)


def test_neighbouring_fields_do_not_run_into_each_other() -> None:
    pairs = itertools.pairwise(["model", "endpoint", "benchmark_digest", "protocol"])
    ids = {identity(**QUESTION | {a: "x" * n, b: "x" * (4 - n)}) for a, b in pairs for n in (1, 2, 3)}
    assert len(ids) == 9


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:+/-]{0,127}", fullmatch=True))
def test_an_id_is_a_safe_file_name(model: str) -> None:
    id_ = identity(**QUESTION | {"model": model})
    assert 0 < len(id_) <= 80
    assert set(id_) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    assert id_ not in (".", "..")
    assert not id_.endswith(".json")


# --- the state machine ----------------------------------------------------------------------------------------------

MOVES: dict[str, tuple[Callable[[Submission], Submission], str, set[str]]] = {
    "claim": (lambda s: claimed(s, worker="w", nonce="n", at=at(5), lease=LEASE), "running", {"pending"}),
    "finish": (lambda s: done(s, at=at(5)), "done", {"running"}),
    "fail": (lambda s: failed(s, at=at(5), failure=Failure(code="x", message="y")), "failed", {"running"}),
    "release": (lambda s: released(s, at=at(5), why="stopped"), "pending", {"running"}),
    "expire": (lambda s: expired(s, at=at(5)), "pending", {"running"}),
    "cancel": (lambda s: cancelled(s, at=at(5), by="ada"), "cancelled", {"proposed", "pending", "running"}),
    "requeue": (lambda s: requeued(s, at=at(5), by="ada"), "pending", {"failed", "cancelled"}),
    "propose": (lambda s: requeued(s, at=at(5), by="ada", approval=True), "proposed", {"failed", "cancelled"}),
    "approve": (lambda s: approved(s, at=at(5), by="ada"), "pending", {"proposed"}),
}


@pytest.mark.parametrize("state", get_args(State))
@pytest.mark.parametrize("move", MOVES)
def test_each_move_from_each_state(move: str, state: str) -> None:
    change, leads_to, allowed_from = MOVES[move]
    before = a_life()[state]
    if state not in allowed_from:
        with pytest.raises(IllegalTransition, match=before.id):
            change(before)
        return
    after = change(before)
    assert after.state == leads_to
    assert after.state in TRANSITIONS[before.state]
    assert after.history[:-1] == before.history
    assert (after.history[-1].state, after.history[-1].at, after.updated) == (leads_to, at(5), at(5))
    assert (after.lease is not None) == (after.state == "running")
    assert (after.failure is not None) == (after.state == "failed")
    assert (after.finished is not None) == (after.state in ("done", "failed", "cancelled"))
    assert Submission.model_validate_json(encode(after)) == after
    kept = {"id", "model", "endpoint", "benchmark", "protocol", "answer_mode", "submitter", "created", "priority"}
    assert after.model_dump(include=kept) == before.model_dump(include=kept)


def test_every_allowed_transition_has_a_move() -> None:
    reachable = {(s, leads_to) for _, leads_to, allowed in MOVES.values() for s in allowed} | {("running", "failed")}
    assert reachable == {(a, b) for a, following in TRANSITIONS.items() for b in following}


@pytest.mark.parametrize("state", get_args(State))
def test_a_priority_is_for_what_waits(state: str) -> None:
    before = a_life()[state]
    if state not in ("proposed", "pending"):
        with pytest.raises(IllegalTransition, match="for what waits"):
            prioritised(before, 3, at=at(5), by="ada")
        return
    after = prioritised(before, 3, at=at(5), by="ada")
    assert (after.priority, after.state, after.updated) == (3, state, at(5))
    assert after.history[-1].why == "priority 3 set by ada"
    for priority in (-101, 101):
        with pytest.raises(IllegalTransition, match="from -100 to 100"):
            prioritised(before, priority, at=at(5), by="ada")


def test_wishes_are_what_was_asked_for_less_what_was_cancelled_unbegun() -> None:
    def begin(s: Submission, minutes: float) -> Submission:
        return claimed(s, worker="w", nonce="n", at=at(minutes), lease=LEASE)

    waiting = prioritised(asked(), 1, at=at(1), by="root")
    assert counted(waiting) == [START]
    withdrawn = cancelled(waiting, at=at(2), by="ada")
    assert counted(withdrawn) == []
    again = requeued(withdrawn, at=at(3), by="ada", approval=True)
    assert counted(again) == [at(3)]
    assert counted(cancelled(again, at=at(4), by="root")) == []
    begun = expired(begin(approved(again, at=at(4), by="root"), 5), at=at(9))
    assert counted(begun) == [at(3)]
    stopped = cancelled(begun, at=at(10), by="ada")
    assert counted(stopped) == [at(3)]
    twice = begin(requeued(stopped, at=at(11), by="ada"), 12)
    assert counted(failed(twice, at=at(13), failure=Failure(code="x", message="y"))) == [at(3), at(11)]


def test_what_was_asked_for_is_not_pushed_out_by_further_steps() -> None:
    s = asked()
    for n in range(4):
        s = claimed(s, worker="w", nonce="n", at=at(100 * n + 1), lease=LEASE)
        s = cancelled(s, at=at(100 * n + 2), by="ada")
        for m in range(16):
            s = requeued(s, at=at(100 * n + 3 + m), by="ada")
            s = cancelled(s, at=at(100 * n + 3.5 + m), by="ada")
        s = requeued(s, at=at(100 * n + 50), by="ada")
    assert counted(s) == [START, at(50), at(150), at(250), at(350)]
    assert len(wishes(s)) == 1 + 4 * 17
    much_later = at(60 * 24 * 30)
    assert [w.at for w in wishes(requeued(cancelled(s, at=much_later, by="ada"), at=much_later, by="ada"))] == [
        much_later
    ]


@pytest.mark.parametrize("state", get_args(State))
def test_a_record_of_an_older_program_counts_the_same(state: str) -> None:
    document = json.loads((GOLDEN / f"submission-{state}.json").read_bytes())
    del document["wishes"]
    old = Submission.model_validate(document)
    assert (wishes(old), counted(old)) == (wishes(a_life()[state]), counted(a_life()[state]))


def test_a_claim_counts_and_a_returned_one_does_not() -> None:
    assert running().attempts == 1
    assert released(running(), at=at(2), why="stopped").attempts == 0
    again = claimed(expired(running(), at=at(9)), worker="w2", nonce="n2", at=at(10), lease=LEASE)
    assert again.attempts == 2
    assert requeued(cancelled(again, at=at(11), by="ada"), at=at(12), by="ada").attempts == 0


def test_after_the_last_attempt_silence_is_a_failure_with_a_reason() -> None:
    submission = asked()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert submission.state == "pending"
        submission = claimed(submission, worker="w", nonce=str(attempt), at=at(attempt), lease=LEASE)
        submission = expired(submission, at=at(attempt + 5))
    assert submission.state == "failed"
    assert submission.failure is not None
    assert submission.failure.code == "lease_lost"
    assert "3 attempts" in submission.failure.message


def test_a_lease_ends_when_it_is_not_renewed() -> None:
    assert not overdue(running(1), at(3))
    assert overdue(running(1), at(3.01))
    longer = renewed(running(1), at=at(2.5), lease=LEASE, progress=None)
    assert not overdue(longer, at(4.5))
    assert overdue(longer, at(4.51))
    assert not overdue(asked(), at(1e6))


def test_a_clock_that_goes_back_by_less_than_a_lease_never_shortens_one() -> None:
    back = renewed(running(10), at=at(8.5), lease=LEASE, progress=None)
    assert back.lease is not None
    assert back.lease.expires == at(12)


def test_a_lease_that_ends_later_than_any_can_is_of_a_wrong_clock_and_ends_as_others_do() -> None:
    back = renewed(running(10), at=at(3), lease=LEASE, progress=None)
    assert back.lease is not None
    assert back.lease.expires == at(5)


def test_only_the_nonce_holds_a_claim() -> None:
    assert held(running(), "n1")
    assert not held(running(), "n2")
    assert not held(done(running(), at=at(2)), "n1")
    other = claimed(expired(running(), at=at(9)), worker="w1", nonce="n3", at=at(10), lease=LEASE)
    assert not held(other, "n1")


def test_a_very_long_life_keeps_its_latest_steps() -> None:
    submission = asked()
    for i in range(50):
        submission = claimed(submission, worker="w", nonce="n", at=at(i), lease=LEASE)
        submission = released(submission, at=at(i), why=f"stop {i}")
    assert len(submission.history) == 30
    assert submission.history[-1].why == "stop 49"


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "meta-llama/Llama-3.1-8B-Instruct",
        "gpt-4o-2024-08-06",
        "claude-3.7-sonnet:thinking",
        "anthropic/claude-3.7-sonnet:thinking",
        "Qwen/Qwen2.5-72B-Instruct:fireworks-ai",
        "llama3:70b",
        "01-ai/Yi-1.5",
        "o1",
        "a" * 128,
        MODEL,
    ],
)
def test_names_that_people_use_are_taken(name: str) -> None:
    assert check_name(f"  {name}\n") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "https://huggingface.co/org/name",
        "http://127.0.0.1:8000/v1",
        "file:///etc/passwd",
        "localhost:8000",
        "host.example:443",
        "/etc/passwd",
        "../secret",
        "org/../name",
        "org/name/file",
        "org//name",
        "org/",
        "/name",
        "C:\\models\\x",
        "org/na me",
        "org/name\x00",
        "org/name\nstate: done",
        "org/nаme",
        "-rf",
        ".hidden",
        "org/.hidden",
        "<script>alert(1)</script>",
        "org/name'--",
        "${HOME}",
        "name?x=1",
        "a:b:c",
        "a" * 129,
        "hf_" + "abcdefgh" * 4,
        "sk-" + "abcdefgh" * 4,
    ],
)
def test_what_is_no_name_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises(Refused) as caught:
        check_name(name)
    assert caught.value.code == "bad_name"
    assert str(caught.value).endswith(".")
    assert "abcdefgh" not in str(caught.value), "a token is never repeated"


@given(st.text(max_size=60))
def test_a_name_is_either_refused_or_harmless(text: str) -> None:
    try:
        name = check_name(text)
    except Refused:
        return
    assert name.isascii()
    assert name.isprintable()
    assert not set(name) & set(" <>&'\"\\`$|;?*%#{}()[]=,!")
    assert name.count("/") <= 1
    assert ".." not in name


# --- endpoints and what they offer ----------------------------------------------------------------------------------


def test_the_first_endpoint_that_serves_the_model_is_chosen() -> None:
    first, second = Endpoint(name="first", models=["org/*"]), Endpoint(name="second")
    assert choose_endpoint("org/x", [first, second]) is first
    assert choose_endpoint("other/x", [first, second]) is second
    assert choose_endpoint("org/x", [first, second], "second") is second


@pytest.mark.parametrize(
    ("model", "name", "help_"),
    [("other/x", None, "org/*"), ("org/x", "nowhere", "Configured: openai, vllm"), ("org/x", "openai", "Try: vllm")],
)
def test_a_model_nobody_here_serves_is_refused_with_what_there_is(model: str, name: str | None, help_: str) -> None:
    endpoints = [ENDPOINT, Endpoint(name="openai", models=["gpt-*"])]
    with pytest.raises(Refused) as caught:
        choose_endpoint(model, endpoints, name)
    assert caught.value.code == "no_endpoint"
    assert help_ in str(caught.value)


def test_without_any_endpoint_it_says_so() -> None:
    with pytest.raises(Refused, match="No endpoint is configured"):
        choose_endpoint("org/x", [])


def test_a_model_that_is_not_offered_is_refused_with_its_neighbours() -> None:
    names = ["org/model-8B", "org/model-70B", "other/thing", *(f"filler-{i}" for i in range(100))]
    with pytest.raises(Refused) as caught:
        check_offered("org/model-7B", ENDPOINT, names)
    assert caught.value.code == "unknown_model"
    assert "org/model-8B" in str(caught.value)
    assert "more" in str(caught.value)


@pytest.mark.parametrize(
    "offered",
    [None, [], ["org/model"], ["x", "org/model"], ["/home/somebody/weights.gguf"], ["org/model:provider"]],
)
def test_a_model_passes_if_it_is_offered_or_nothing_is_known(offered: list[str] | None) -> None:
    asked_for = "org/model:provider" if offered == ["org/model:provider"] else "org/model"
    check_offered(asked_for, ENDPOINT, offered)
    check_offered("org/model:fast", ENDPOINT, ["org/model"])


def test_paths_of_a_server_are_never_repeated() -> None:
    with pytest.raises(Refused) as caught:
        check_offered("org/model", ENDPOINT, ["/home/somebody/weights.gguf", "org/other"])
    assert "somebody" not in str(caught.value)


@pytest.fixture
def listing() -> Iterator[tuple[Endpoint, dict[str, object]]]:
    """A real HTTP endpoint; what it answers under `/v1/models` can be set."""
    reply: dict[str, object] = {"status": 200, "body": b"{}", "asked": []}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply["asked"].append((self.path, self.headers["Authorization"]))
            self.send_response(reply["status"])
            self.send_header("Content-Length", str(len(reply["body"])))
            self.end_headers()
            self.wfile.write(reply["body"])

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = Endpoint(name="listed", base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key_env="LISTED")
        yield endpoint, reply
        server.shutdown()


def test_an_endpoint_is_asked_what_it_offers(listing, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint, reply = listing
    monkeypatch.setenv("LISTED", "secret-key")
    reply["body"] = json.dumps({"object": "list", "data": [{"id": "org/a"}, {"id": "b", "object": "model"}]}).encode()
    assert offered_models(endpoint) == ["org/a", "b"]
    assert reply["asked"] == [("/v1/models", "Bearer secret-key")]


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b"{}"), (500, b"oops"), (401, b'{"error": "x"}'), (200, b"<html>"), (200, b"[]"), (200, b'{"data": 3}')],
)
def test_an_endpoint_without_a_list_says_nothing(listing, status: int, body: bytes) -> None:
    endpoint, reply = listing
    reply |= {"status": status, "body": body}
    assert offered_models(endpoint) is None


def test_entries_of_a_list_that_are_no_names_are_passed_over(listing) -> None:
    endpoint, reply = listing
    reply["body"] = b'{"data": [null, {"id": 3}, {"name": "x"}, {"id": "org/a"}]}'
    assert offered_models(endpoint) == ["org/a"]


def test_an_endpoint_that_is_gone_says_nothing() -> None:
    assert offered_models(Endpoint(name="gone", base_url="http://127.0.0.1:9/v1")) is None


# --- all checks together --------------------------------------------------------------------------------------------


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    store = LocalStore(tmp_path / "store")
    return Queue(store, store, lease=LEASE, clock=lambda: START)


def wish(queue: Queue, model: str, *, submitter: str = "ada", quota: int = 3, endpoint: Endpoint) -> Submission:
    return submit(queue, model, endpoints=[endpoint], benchmark=BENCHMARK, submitter=submitter, quota=quota)


def test_a_wish_becomes_a_stored_submission(queue: Queue, listing) -> None:
    endpoint, reply = listing
    reply["body"] = b'{"data": [{"id": "org/a"}, {"id": "org/b"}]}'
    stored = wish(queue, " org/a ", endpoint=endpoint)
    assert queue.submissions() == [stored]
    assert (stored.model, stored.endpoint, stored.submitter, stored.state) == ("org/a", "listed", "ada", "pending")
    assert stored.protocol == protocol_id("free-text")
    assert "127.0.0.1" not in encode(stored).decode()
    with pytest.raises(Refused) as caught:
        wish(queue, "org/c", endpoint=endpoint)
    assert caught.value.code == "unknown_model"
    assert queue.submissions() == [stored]


def test_the_local_model_is_offered_where_it_can_be_run() -> None:
    names = [e.name for e in configured_endpoints(Settings(endpoints=[ENDPOINT]))]
    assert names == (["vllm", "local"] if available() else ["vllm"])
    assert configured_endpoints(Settings(endpoints=[ENDPOINT], local_model=False)) == [ENDPOINT]
    assert offered_models(LOCAL_ENDPOINT) == [MODEL]
