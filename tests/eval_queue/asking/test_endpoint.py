"""The chat client against a real HTTP server: what is sent, what is read, what is tried again, what stays secret."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import cycle, pairwise

import pytest

from eval_queue.asking.endpoint import ChatClient, EndpointError, Reply, RetryPolicy
from eval_queue.protocol import GRAMMAR, Prompt
from eval_queue.settings import Endpoint
from tests.support.chat_server import Asked, ChatServer, Response, fail, say

QUICK = RetryPolicy(attempts=4, seconds=20.0, first_wait=0.01, longest_wait=0.05)
PROMPT = Prompt("v1", 1, 1, "How much is this like you?")
KEY = "sk-test-0123456789abcdef"


async def ask(
    server: ChatServer,
    *,
    prompt: Prompt = PROMPT,
    retry: RetryPolicy = QUICK,
    **endpoint: object,
) -> tuple[Reply, dict[str, object]]:
    settings = Endpoint.model_validate({"name": "test", "base_url": server.address, **endpoint})
    async with ChatClient(settings, server.address, "org/model", retry=retry) as client:
        reply = await client.ask(prompt)
        return reply, client.parameters


async def error_of(server: ChatServer, **options: object) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        await ask(server, **options)  # type: ignore[arg-type]  # options of any kind, passed through
    return caught.value


def in_turn(*responses: Response) -> Callable[[Asked], Response]:
    """The first answer first, and so on; the last one for ever."""
    return lambda asked: responses[min(asked.times, len(responses)) - 1]


async def test_what_is_sent_is_what_is_recorded() -> None:
    with ChatServer() as server:
        _, parameters = await ask(server, max_tokens=32)
    sent = server.asked[0].body
    assert server.asked[0].path == "/v1/chat/completions"
    assert sent.pop("model") == "org/model"
    assert sent.pop("messages") == [{"role": "user", "content": PROMPT.text}]
    assert sent == parameters == {"temperature": 0.0, "seed": 0, "max_tokens": 32}


async def test_constrained_mode_sends_the_grammar() -> None:
    with ChatServer() as server:
        _, parameters = await ask(server, answer_mode="constrained")
    assert server.asked[0].body["grammar"] == parameters["grammar"] == GRAMMAR


async def test_what_came_back_is_recorded() -> None:
    with ChatServer(lambda _: say("like me", model="org-model-2026-01", finish_reason="stop", delay=0.1)) as server:
        reply, _ = await ask(server)
    assert (reply.text, reply.model, reply.finish_reason) == ("like me", "org-model-2026-01", "stop")
    assert (reply.prompt_tokens, reply.completion_tokens) == (100, 2)
    assert reply.reasoning is None
    assert reply.seconds >= 0.1


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_thoughts_are_kept_apart_and_no_content_is_an_empty_answer(field: str) -> None:
    with ChatServer(lambda _: say(None, finish_reason="length", **{field: "Let me think."})) as server:
        reply, _ = await ask(server)
    assert (reply.text, reply.reasoning, reply.finish_reason) == ("", "Let me think.", "length")


async def test_content_in_parts_is_put_together() -> None:
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "not "}, {"type": "text", "text": "me"}]
    completion = {"choices": [{"index": 0, "message": {"role": "assistant", "content": parts}}]}
    with ChatServer(lambda _: Response(json.dumps(completion).encode())) as server:
        reply, _ = await ask(server)
    assert reply.text == "not me"
    assert reply.prompt_tokens is None


RETRIED = {
    "429": fail(429),
    "500": fail(500),
    "502 with a bare string": fail(502, b'"Bad gateway"'),
    "503 in HTML": fail(503, b"<html>busy</html>"),
    "invalid JSON": Response(b'{"choices": [{'),
    "invalid UTF-8": Response(b'{"a": "\xff\xfe"}'),
    "JSON of another kind": Response(b"[]"),
    "no choices": Response(b'{"choices": []}'),
    "an error inside a 200": Response(b'{"error": {"message": "provider overloaded", "code": 502}}'),
    "an error inside a choice": Response(b'{"choices": [{"error": {"message": "cut off", "code": 502}}]}'),
    "connection cut": Response(say("like me").body, cut=True),
    "broken compression": Response(gzip.compress(b"{}")[:-6], headers={"content-encoding": "gzip"}),
}


@pytest.mark.parametrize("fault", RETRIED.values(), ids=RETRIED.keys())
async def test_a_passing_fault_is_tried_again(fault: Response) -> None:
    with ChatServer(in_turn(fault, fault, say("like me"))) as server:
        reply, _ = await ask(server)
    assert reply.text == "like me"
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (fail(500), "server_error"),
        (Response(b"{"), "bad_response"),
        (Response(b"{}"), "bad_response"),
        (Response(say("like me").body, cut=True), "endpoint_gone"),
        (Response(hang=True), "timeout"),
    ],
)
@pytest.mark.slow
async def test_a_lasting_fault_ends_after_the_attempts(fault: Response, code: str) -> None:
    with ChatServer(lambda _: fault) as server:
        error = await error_of(server, timeout=1.0 if code == "timeout" else 30.0)
        assert (error.code, error.fatal) == (code, False)
        async with asyncio.timeout(60):  # a client that gives up does not wait until the last request is read
            while len(server.asked) < QUICK.attempts:
                await asyncio.sleep(0.01)
    assert len(server.asked) == QUICK.attempts


async def test_nobody_there() -> None:
    with ChatServer() as server:
        pass
    error = await error_of(server)
    assert (error.code, error.fatal) == ("endpoint_gone", False)


async def test_the_timeout_covers_the_whole_request_however_slowly_it_drips() -> None:
    with ChatServer(lambda _: Response(say("like me").body, drip=0.05)) as server:
        error = await error_of(server, timeout=0.3, retry=RetryPolicy(attempts=1))
    assert error.code == "timeout"


async def test_the_wait_grows() -> None:
    moments: list[float] = []

    def behave(asked: Asked) -> Response:
        moments.append(time.monotonic())
        return fail(500) if asked.times < 4 else say("like me")

    with ChatServer(behave) as server:
        await ask(server, retry=RetryPolicy(attempts=4, first_wait=0.2, longest_wait=10.0))
    waits = [b - a for a, b in pairwise(moments)]
    assert waits[0] >= 0.1
    assert waits[1] >= 0.2
    assert waits[2] >= 0.4


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_kept(form: str, status: int) -> None:
    moments: list[float] = []

    def behave(asked: Asked) -> Response:
        moments.append(time.time())
        if asked.times > 1:
            return say("like me")
        # a date has whole seconds only
        later = datetime.fromtimestamp(int(time.time()) + 2, UTC)
        value = "1" if form == "seconds" else format_datetime(later, usegmt=True)
        return fail(status, headers={"retry-after": value})

    with ChatServer(behave) as server:
        await ask(server)
    assert moments[1] - moments[0] >= 0.9


async def test_one_refusal_holds_all_requests_back() -> None:
    moments: dict[str, float] = {}

    def behave(asked: Asked) -> Response:
        moments.setdefault(f"{asked.prompt} {asked.times}", time.monotonic())
        if asked.prompt == "first" and asked.times == 1:
            return fail(429, headers={"retry-after": "0.8"})
        return say("like me")

    with ChatServer(behave) as server:
        endpoint = Endpoint(name="test")
        async with ChatClient(endpoint, server.address, "m", retry=QUICK) as client:
            first = asyncio.create_task(client.ask(Prompt("v1", 1, 1, "first")))
            while not client.gate.pacing.refusals:
                await asyncio.sleep(0.01)
            await asyncio.gather(first, client.ask(Prompt("v1", 1, 2, "second")))
    assert moments["second 1"] - moments["first 1"] >= 0.8


async def test_being_too_fast_ends_by_time_not_by_attempts() -> None:
    with ChatServer(lambda a: fail(429) if a.times <= 10 else say("like me")) as server:
        reply, _ = await ask(server)
        assert reply.text == "like me"
    with ChatServer(lambda _: fail(429)) as server:
        few = RetryPolicy(attempts=2, seconds=1.0, first_wait=0.01, longest_wait=0.05)
        error = await error_of(server, retry=few)
    assert (error.code, error.fatal) == ("rate_limited", False)
    assert len(server.asked) > few.attempts


async def test_a_wait_beyond_reason_ends_the_run() -> None:
    tomorrow = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)
    for value in ("86400", tomorrow):
        with ChatServer(in_turn(fail(429, headers={"retry-after": value}))) as server:
            error = await error_of(server)
        assert (error.code, error.fatal, len(server.asked)) == ("rate_limited", True, 1)


FATAL = {
    "401": (fail(401, "Incorrect API key provided"), "auth"),
    "403 before any answer": (fail(403, "no access"), "auth"),
    "402": (fail(402, "Insufficient credits"), "no_credit"),
    "429 of an empty account": (fail(429, "You exceeded your quota", code="insufficient_quota"), "no_credit"),
    "404": (fail(404, "The model `org/model` does not exist."), "unknown_model"),
    "400 by code": (fail(400, "The requested model does not exist", code="model_not_found"), "unknown_model"),
    "400 by text": (fail(400, "org/model is not a valid model ID"), "unknown_model"),
    "400 by other text": (fail(400, "The model 'org/model' does not exist"), "unknown_model"),
}


@pytest.mark.parametrize(("response", "code"), FATAL.values(), ids=FATAL.keys())
async def test_what_no_retry_can_mend_is_asked_once(response: Response, code: str) -> None:
    with ChatServer(lambda _: response) as server:
        error = await error_of(server)
    assert (error.code, error.fatal) == (code, True)
    assert len(server.asked) == 1


async def test_a_403_after_an_answer_concerns_that_prompt_only() -> None:
    with ChatServer(lambda a: fail(403, "flagged") if a.prompt == "bad" else say("like me")) as server:
        async with ChatClient(Endpoint(name="t"), server.address, "m", retry=QUICK) as client:
            await client.ask(PROMPT)
            with pytest.raises(EndpointError) as caught:
                await client.ask(Prompt("v1", 1, 2, "bad"))
    assert (caught.value.code, caught.value.fatal) == ("rejected", False)


async def test_a_prompt_the_endpoint_refuses_is_an_error_of_that_prompt() -> None:
    message = "This model's maximum context length is 512 tokens; max_tokens and messages exceed it."
    with ChatServer(lambda _: fail(400, message, code="context_length_exceeded")) as server:
        error = await error_of(server)
    assert (error.code, error.fatal, len(server.asked)) == ("rejected", False, 1)
    assert "512 tokens" in error.message


def picky(asked: Asked) -> Response:
    """A reasoning model's endpoint: no max_tokens, no temperature but its own."""
    if "max_tokens" in asked.body:
        text = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'."
        return fail(400, text, param="max_tokens", code="unsupported_parameter")
    if "temperature" in asked.body:
        text = "Unsupported value: 'temperature' does not support 0 with this model."
        return fail(400, text, param="temperature", code="unsupported_value")
    return say("like me")


async def test_parameters_an_endpoint_does_not_accept_are_dropped_once_for_the_run() -> None:
    with ChatServer(picky) as server:
        async with ChatClient(Endpoint(name="t"), server.address, "m", retry=QUICK) as client:
            await asyncio.gather(*(client.ask(Prompt("v1", 1, i, f"p{i}")) for i in range(5)))
            before = len(server.asked)
            await client.ask(PROMPT)
            assert client.parameters == {"seed": 0, "max_completion_tokens": 64}
    assert len(server.asked) == before + 1
    last = server.asked[-1].body
    assert {k: v for k, v in last.items() if k not in ("model", "messages")} == client.parameters


async def test_a_parameter_named_only_in_the_text_is_found() -> None:
    detail = {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}

    def behave(asked: Asked) -> Response:
        return Response(json.dumps(detail).encode(), status=422) if "seed" in asked.body else say("like me")

    with ChatServer(behave) as server:
        _, parameters = await ask(server)
    assert parameters == {"temperature": 0.0, "max_tokens": 64}


async def test_an_endpoint_that_knows_no_grammar_is_said_so() -> None:
    with ChatServer(lambda _: fail(400, "Unrecognized request argument supplied: grammar")) as server:
        error = await error_of(server, answer_mode="constrained")
    assert (error.code, error.fatal) == ("unsupported", True)


async def test_an_endpoint_that_ignores_the_grammar_is_found_out() -> None:
    with ChatServer(lambda _: say("I would say: like me.")) as server:
        error = await error_of(server, answer_mode="constrained")
    assert (error.code, error.fatal) == ("unsupported", True)


async def test_key_and_address_stay_out_of_errors_and_logs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    with ChatServer() as server:
        host = server.address.removeprefix("http://").removesuffix("/v1")
        masked = f"{KEY[:9]}***{KEY[-4:]}"
        said = f"Key {KEY} ({masked}) refused for Bearer {KEY} at {server.address}/chat on {host} via http://10.0.0.7/x"
        responses = cycle([fail(401, said), fail(500, said), fail(400, said), fail(502, f'"{said}"'.encode())])
        server.behave = lambda _: next(responses)
        texts = []
        for _ in range(4):
            error = await error_of(server, api_key_env="MY_KEY", retry=RetryPolicy(attempts=1))
            texts += [error.message, "".join(traceback.format_exception(error)), repr(error), repr(vars(error))]
            assert error.__cause__ is None
            assert "refused" in error.message
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    texts += [f"{record.name} {record.getMessage()}" for record in caplog.records]
    for text in texts:
        for secret in (KEY, masked, host, "10.0.0.7"):
            assert secret not in text


async def test_no_key_of_the_operator_goes_to_an_endpoint_that_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/elsewhere")
    with ChatServer() as server:
        await ask(server)
    assert KEY not in json.dumps(server.asked[0].headers)


async def test_a_missing_key_is_named_before_anything_is_sent() -> None:
    with ChatServer() as server:
        error = await error_of(server, api_key_env="NO_SUCH_KEY_HERE")
    assert (error.code, error.fatal, server.asked) == ("auth", True, [])
    assert "NO_SUCH_KEY_HERE" in error.message


async def test_a_long_message_is_cut() -> None:
    with ChatServer(lambda _: fail(400, "word " * 1000)) as server:
        error = await error_of(server)
    assert len(error.message) < 400
