"""Odd replies over HTTP, each standing for its kind: what becomes of the answer, of the run, and of its record."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import brotli
import pyarrow.parquet as pq
import pytest

from data.sources.practice import practice_benchmark
from eval_queue.asking import endpoint, evaluation
from eval_queue.asking.checkpoint import ANSWERS_FILE, Answer, RunRecord
from eval_queue.asking.diagnosis import meaning, said
from eval_queue.asking.endpoint import RetryPolicy
from eval_queue.asking.evaluation import EvaluationFailed, Job, evaluate
from eval_queue.asking.outcome import RESULT_FILE, TABLE_FILE, Outcome, reading
from eval_queue.asking.replies import MAX_ANSWER, Unreadable, parse, read
from eval_queue.asking.transport import MAX_REPLY_BYTES
from eval_queue.personas import WORDING
from eval_queue.protocol import plan
from eval_queue.queue.package import accept, make_package
from eval_queue.settings import Endpoint
from tests.support import ROOT
from tests.support.certificate import self_signed
from tests.support.chat_server import Asked, ChatServer, Response, fail, rate, say
from tests.support.odd_server import odd_server
from tests.support.waiting import LIMIT

BENCHMARK = practice_benchmark()
PROMPTS = plan(BENCHMARK)
PLACE = {p.text: n for n, p in enumerate(PROMPTS)}
FEW = 24
QUICK = RetryPolicy(attempts=3, seconds=20.0, first_wait=0.001, longest_wait=0.01)
Behave = Callable[[Asked], Response]


def run(
    server: ChatServer,
    out: Path,
    *,
    address: str | None = None,
    limit: int | None = FEW,
    retry: RetryPolicy = QUICK,
    persona: str | None = None,
    **endpoint: object,
) -> Outcome:
    fields = {"name": "test", "base_url": address or server.address, "concurrency": 8, **endpoint}
    who = None if persona is None else WORDING.persona(persona)
    job = Job("org/model", Endpoint.model_validate(fields), BENCHMARK, limit=limit, persona=who)
    return asyncio.run(evaluate(job, out, retry=retry))


def failure(behave: Behave, out: Path, *, most: int = 3, **options: Any) -> EvaluationFailed:
    """How a run fails, after at most so many requests."""
    with ChatServer(behave) as server:
        with pytest.raises(EvaluationFailed) as caught:
            run(server, out, **options)
        assert len(server.asked) <= most, f"{len(server.asked)} requests for one mistake: {caught.value}"
    return caught.value


def answers(out: Path) -> list[Answer]:
    return [Answer(**json.loads(line)) for line in (out / ANSWERS_FILE).read_bytes().splitlines()]


def body(message: object, finish: str | None = "stop", **more: object) -> Response:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return Response(json.dumps({"choices": [choice], **more}).encode())


def content(value: object, finish: str = "stop") -> Response:
    return body({"role": "assistant", "content": value}, finish)


# --- what the model said --------------------------------------------------------------------------------------------

SORRY = "I'm sorry, I can't help with that."
READ: dict[str, tuple[Response, object, str]] = {
    "refusal field": (body({"content": None, "refusal": SORRY}), "refusal", SORRY),
    "refusal field, empty content": (body({"content": "", "refusal": SORRY}), "refusal", SORRY),
    "refusal in words of its own": (body({"content": None, "refusal": "No."}), "refusal", "No."),
    "refusal part": (content([{"type": "refusal", "refusal": "That is nothing for me."}]), "refusal", "That is"),
    "refusal in parts": (content([{"type": "refusal", "refusal": "Not "}, {"type": "refusal", "refusal": "now"}]),
                         "refusal", "Not now"),
    "sensitive": (content("", "sensitive"), "refusal", ""),
    "SAFETY": (content("", "SAFETY"), "refusal", ""),
    "content-filter": (content(None, "content-filter"), "refusal", ""),
    "max_tokens": (content("not like me", "max_tokens"), "truncated", "not like me"),
    "MAX_TOKENS": (content("not like me", "MAX_TOKENS"), "truncated", "not like me"),
    "model_length": (content("not like me", "model_length"), "truncated", "not like me"),
    "output_text part": (content([{"type": "output_text", "text": "like me"}]), 5, "like me"),
    "one part, no list": (content({"type": "text", "text": "like me"}), 5, "like me"),
    "list of texts": (content(["like me"]), 5, "like me"),
    "text with a value": (content([{"type": "text", "text": {"value": "like me", "annotations": []}}]), 5, "like me"),
    "text without a type": (content([{"text": "like me"}]), 5, "like me"),
    "thoughts among parts": (
        content([{"type": "reasoning_text", "text": "Not like me?"}, {"type": "output_text", "text": "like me"}]),
        5,
        "like me",
    ),
    "legacy completion": (Response(b'{"choices": [{"text": "like me", "finish_reason": "stop"}]}'), 5, "like me"),
    "byte-order mark": (Response(b"\xef\xbb\xbf" + say("like me").body), 5, "like me"),
    "broken byte": (Response(say("like me. X").body.replace(b"X", b"\xff")), 5, "like me"),
    "lone surrogate": (Response(say("like me. X").body.replace(b"X", b"\\ud83d")), 5, "like me"),
    "cp1252": (Response(say("That X like me").body.replace(b"X", "is \u2018so\u2019".encode("cp1252"))),
               None, "That is \u2018so\u2019"),
    "control character": (Response(say("like me X").body.replace(b"X", b"\x01\t")), 5, "like me"),
    "NaN beside it": (Response(say("like me").body[:-1] + b', "logprob": NaN}'), 5, "like me"),
    "gzip body without its header": (Response(gzip.compress(say("like me").body)), 5, "like me"),
    "zlib body without its header": (Response(zlib.compress(say("like me").body)), 5, "like me"),
    "gzip": (Response(gzip.compress(say("like me").body), headers={"content-encoding": "gzip"}), 5, "like me"),
    "deflate": (Response(zlib.compress(say("like me").body), headers={"content-encoding": "deflate"}), 5, "like me"),
    "brotli": (Response(brotli.compress(say("like me").body), headers={"content-encoding": "br"}), 5, "like me"),
    "wrong content type": (Response(say("like me").body, headers={"content-type": "text/html"}), 5, "like me"),
    "HTTP/1.0": (Response(say("like me").body, old=True), 5, "like me"),
    "comments before JSON": (Response(b": keep-alive\n\n: keep-alive\n\n" + say("like me").body), 5, "like me"),
    "JSON in JSON": (Response(json.dumps(say("like me").body.decode()).encode()), 5, "like me"),
    "one object a line": (
        Response(b'{"choices":[{"delta":{"content":"like "}}]}\n'
                 b'{"choices":[{"delta":{"content":"me"},"finish_reason":"stop"}]}\n'), 5, "like me"),
    "Ollama's own interface": (
        Response(b'{"message":{"content":"not like me"},"done":true,"done_reason":"length"}'),
        "truncated", "not like me"),
    "only thoughts": (body({"content": None, "reasoning_content": "It is like me"}), "empty", ""),
    "only a tool call": (body({"content": None, "tool_calls": [{"function": {"name": "rate"}}]}, "tool_calls"),
                         "empty", ""),
    "blocked, no choice": (Response(b'{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}'), "refusal", ""),
    "filtered, no choice": (
        Response(b'{"choices": [], "prompt_filter_results": [{"content_filter_results": {"hate": {}}}]}'),
        "refusal", ""),
    "filtered, no message": (Response(b'{"choices": [{"message": null, "finish_reason": "content_filter"}]}'),
                             "refusal", ""),
    "cut before there was anything": (Response(b'{"choices": [{"finish_reason": "length"}]}'), "truncated", ""),
    "a thought among texts": (
        content([{"type": "text", "text": "Not like me?", "thought": True}, {"type": "text", "text": "like me"}]),
        5, "like me"),
    "two completions, one a line": (Response(say("like me").body + b"\n" + say("not like me").body), 5, "like me"),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_an_answer_is_read_as_it_is_meant(tmp_path: Path, name: str) -> None:
    response, right, text = READ[name]
    with ChatServer(lambda _: response) as server:
        run(server, tmp_path)
        assert len(server.asked) == FEW
    kept = answers(tmp_path)
    assert all((a.raw_response or "").startswith(text) for a in kept)
    if right is not None:
        assert {reading(a).rating or reading(a).kind for a in kept} == {right}


def stream(*chunks: object, done: bool = True) -> Response:
    lines = [f"data: {json.dumps(chunk)}" for chunk in chunks] + (["data: [DONE]"] if done else [])
    text = "\n\n".join([": keep-alive", *lines, ""])
    return Response(text.encode(), headers={"content-type": "text/event-stream"})


def delta(finish: str | None = None, **piece: object) -> dict[str, object]:
    return {"model": "m-1", "choices": [{"index": 0, "delta": piece, "finish_reason": finish}]}


def test_an_event_stream_that_nobody_asked_for_is_read(tmp_path: Path) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
    response = stream(
        delta(role="assistant", content=""),
        delta(reasoning_content="Hm. "),
        delta(reasoning_content="Well."),
        delta(content="not "),
        delta(content="like me"),
        delta("stop"),
        usage,
    )
    with ChatServer(lambda _: response) as server:
        outcome = run(server, tmp_path)
        assert len(server.asked) == FEW
    assert outcome.result.run is not None
    assert (outcome.result.run.prompt_tokens, outcome.result.run.completion_tokens) == (7 * FEW, 3 * FEW)
    assert {(a.raw_response, a.reasoning, a.finish_reason) for a in answers(tmp_path)} == {
        ("not like me", "Hm. Well.", "stop")
    }


def piece(index: int, text: str) -> dict[str, object]:
    return {"choices": [{"index": index, "delta": {"content": text}}]}


THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "Not like me?"}]}
STREAMS: dict[str, Response] = {
    "thoughts as a part, then text": stream(
        delta(content=[THOUGHT]), delta(content="like "), delta("stop", content="me")),
    "two choices": stream(piece(0, "like"), piece(1, "not like me"), piece(0, " me"), delta("stop")),
    "another choice first": stream(piece(1, "not like me"), piece(0, "like me"), delta("stop")),
    "legacy completion": stream(
        {"choices": [{"text": "like "}]}, {"choices": [{"text": "me", "finish_reason": "stop"}]}),
    "a line separator in a text": Response(
        'data: {"choices": [{"delta": {"content": "like me\u2028"}}]}\r\n\r\n'
        'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\r\n\r\n'.encode()
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
def test_of_a_stream_the_first_completion_is_read_whole(tmp_path: Path, name: str) -> None:
    with ChatServer(lambda _: STREAMS[name]) as server:
        run(server, tmp_path, limit=2)
        assert len(server.asked) == 2
    assert {reading(a).rating for a in answers(tmp_path)} == {5}


def test_a_failure_beside_half_an_answer_is_asked_again(tmp_path: Path) -> None:
    half = Response(
        b'{"error": {"message": "Provider returned error", "code": 502}, "choices": [{"message": {"content": "li"}}]}'
    )
    with ChatServer(lambda a: half if (PLACE[a.prompt], a.times) == (9, 1) else rate(a)) as server:
        assert run(server, tmp_path).result.coverage.rated == FEW


@pytest.mark.parametrize("finish", ["error", "network_error", "ERROR", "insufficient_system_resource", "abort"])
def test_a_failure_of_the_endpoint_is_asked_again_and_never_the_model_s(tmp_path: Path, finish: str) -> None:
    def behave(asked: Asked) -> Response:
        at = PLACE[asked.prompt]
        return say("like", finish_reason=finish) if (at == 5 or (at == 9 and asked.times == 1)) else rate(asked)

    with ChatServer(behave) as server:
        coverage = run(server, tmp_path).result.coverage
        assert server.times[PROMPTS[5].text] == QUICK.attempts
        assert server.times[PROMPTS[9].text] == 2
    assert coverage.unscored == {"api_error": 1}
    assert coverage.rated == FEW - 1


# --- what it says of itself -----------------------------------------------------------------------------------------

USAGE: dict[str, tuple[object, int | None, int | None]] = {
    "plain": ({"prompt_tokens": 21, "completion_tokens": 4, "total_tokens": 25}, 21, 4),
    "reasoning beside it": (
        {"prompt_tokens": 21, "completion_tokens": 0, "reasoning_tokens": 60, "total_tokens": 81}, 21, 60),
    "reasoning in the details": (
        {"prompt_tokens": 21, "completion_tokens": 65, "completion_tokens_details": {"reasoning_tokens": 60},
         "total_tokens": 86}, 21, 65),
    "reasoning not among the written": (
        {"prompt_tokens": 21, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 60},
         "total_tokens": 86}, 21, 65),
    "reasoning not among the written, no total": (
        {"prompt_tokens": 21, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 60}}, 21, 65),
    "the total alone knows": ({"prompt_tokens": 21, "completion_tokens": 5, "total_tokens": 86}, 21, 65),
    "other names": ({"input_tokens": 21, "output_tokens": 4}, 21, 4),
    "negative": ({"prompt_tokens": -21, "completion_tokens": -4}, None, None),
    "texts": ({"prompt_tokens": "21", "completion_tokens": "4"}, None, None),
    "beyond reason": ({"prompt_tokens": 10**18, "completion_tokens": 10**30}, None, None),
    "true": ({"prompt_tokens": True, "completion_tokens": True}, None, None),
    "whole floats": ({"prompt_tokens": 21.0, "completion_tokens": 4.0}, 21, 4),
    "a list": ([1, 2], None, None),
    "null": (None, None, None),
}  # fmt: skip


@pytest.mark.parametrize("name", USAGE)
def test_counts_are_believed_within_reason(tmp_path: Path, name: str) -> None:
    usage, read, written = USAGE[name]
    with ChatServer(lambda _: body({"content": "like me"}, usage=usage)) as server:
        outcome = run(server, tmp_path, limit=4)
        made = run(server, tmp_path, limit=4)
    assert outcome.result == made.result
    info = outcome.result.run
    assert info is not None
    assert info.prompt_tokens == (None if read is None else 4 * read)
    assert info.completion_tokens == (None if written is None else 4 * written)
    assert info.uncounted == (4 if read is None else 0)


BESIDE: dict[str, tuple[dict[str, object], int | None, int | None]] = {
    "Gemini": (
        {"usageMetadata": {"promptTokenCount": 21, "candidatesTokenCount": 5, "thoughtsTokenCount": 3,
                           "totalTokenCount": 29}}, 21, 8),
    "Gemini, no total": (
        {"usage_metadata": {"prompt_token_count": 21, "candidates_token_count": 5, "thoughts_token_count": 3}}, 21, 8),
    "Gemini, all blocked": ({"usageMetadata": {"promptTokenCount": 21, "totalTokenCount": 21}}, 21, None),
    "Ollama": ({"prompt_eval_count": 21, "eval_count": 4, "eval_duration": 12345}, 21, 4),
    "Bedrock": ({"usage": {"inputTokens": 21, "outputTokens": 4, "totalTokens": 25}}, 21, 4),
    "both": ({"usage": {"prompt_tokens": 21, "completion_tokens": 4}, "usageMetadata": {"promptTokenCount": 7}}, 21, 4),
    "beyond reason": ({"prompt_eval_count": -1, "eval_count": "4"}, None, None),
}  # fmt: skip
"""Counts in the names of an interface of the provider's own, and where it puts them."""


@pytest.mark.parametrize("name", BESIDE)
def test_counts_are_found_under_the_provider_s_own_names(name: str) -> None:
    more, read_, written = BESIDE[name]
    reply = read(parse(body({"content": "like me"}, **more).body), 1.0)
    assert (reply.prompt_tokens, reply.completion_tokens) == (read_, written)


def test_the_chunks_of_ollama_s_own_interface_bring_their_counts(tmp_path: Path) -> None:
    chunks: list[dict[str, object]] = [
        {"model": "m", "message": {"role": "assistant", "content": "like "}, "done": False},
        {"model": "m", "message": {"role": "assistant", "content": "me"}, "done": True, "done_reason": "stop",
         "prompt_eval_count": 21, "eval_count": 4},
    ]  # fmt: skip
    response = Response("\n".join(map(json.dumps, chunks)).encode(), headers={"content-type": "application/x-ndjson"})
    with ChatServer(lambda _: response) as server:
        outcome = run(server, tmp_path, limit=4)
    assert outcome.result.run is not None
    assert (outcome.result.run.prompt_tokens, outcome.result.run.completion_tokens) == (4 * 21, 4 * 4)


def test_a_cost_of_which_half_was_not_counted_says_at_least(tmp_path: Path) -> None:
    def behave(asked: Asked) -> Response:
        usage = {"prompt_tokens": 100, "completion_tokens": 2} if PLACE[asked.prompt] % 2 else None
        return body({"content": "like me"}, usage=usage)

    with ChatServer(behave) as server:
        info = run(server, tmp_path, price={"prompt": 1, "completion": 1}).result.run
    assert info is not None
    assert info.cost is not None
    assert info.uncounted == FEW // 2
    assert info.cost.at_least is True


def test_old_lines_with_counts_beyond_reason_block_nothing(tmp_path: Path) -> None:
    with ChatServer() as server:
        run(server, tmp_path, limit=None)
        path = tmp_path / ANSWERS_FILE
        path.write_bytes(path.read_bytes().replace(b'"prompt_tokens":100', b'"prompt_tokens":1000000000000000000'))
        info = run(server, tmp_path, limit=None).result.run
        assert len(server.asked) == len(PROMPTS)
    assert info is not None
    assert info.prompt_tokens is None
    accept(make_package(tmp_path, BENCHMARK), {BENCHMARK.digest: BENCHMARK}, submitter="ada", limit=32_000_000)


def test_names_are_short_and_printable_and_there_are_few_of_them(tmp_path: Path) -> None:
    names = ["evil\x1b[31m\u202ename", "/srv/models/private/some-Q4_K_M.gguf", "x" * 5000, "at http://10.0.0.7/v1"]

    def behave(asked: Asked) -> Response:
        at = PLACE[asked.prompt]
        return say("like me", model=names[at] if at < len(names) else f"m{at}", finish_reason="st\x07op")

    with ChatServer(behave) as server:
        outcome = run(server, tmp_path, limit=100, concurrency=1)
    written = (tmp_path / RESULT_FILE).read_text() + (tmp_path / "run.json").read_text()
    record = RunRecord.model_validate_json((tmp_path / "run.json").read_bytes())
    assert len(record.endpoint_models) == 20
    assert all(name.isprintable() and len(name) <= 300 for name in record.endpoint_models)
    assert "some-Q4_K_M.gguf" in record.endpoint_models
    assert "/srv" not in written
    assert "10.0.0.7" not in written
    assert {a.finish_reason for a in answers(tmp_path)} == {"st\\x07op"}
    assert outcome.result.complete is False
    assert "more than one model" in (outcome.result.incomplete_reason or "")


def test_control_characters_of_an_error_are_shown_escaped(tmp_path: Path) -> None:
    error = failure(lambda _: fail(401, "no\x1b[2Jkey\u202e"), tmp_path, most=1)
    assert "\\x1b[2J" in error.message
    assert error.message.isprintable()


# --- when to come again ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "response",
    [
        fail(503, b'{"error":"Model X is currently loading","estimated_time":0.05}'),
        fail(503, "Loading model", type="unavailable_error"),
        fail(503, "busy", headers={"retry-after": "0.05"}),
        fail(429, "slow down", headers={"retry-after-ms": "50"}),
        fail(429, "slow down", headers={"x-ratelimit-reset-requests": "50ms", "x-ratelimit-remaining-requests": "0"}),
        fail(429, "Rate limit reached. Please try again in 50ms."),
        fail(503, "The endpoint is scaling from zero"),
        fail(503, "busy", headers={"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}),
        fail(429, "You exceeded your current quota.", details=[{"retryDelay": "0.05s"}]),
        fail(400, b'{"__type": "ThrottlingException", "message": "Too many requests"}'),
        fail(400, b'{"message": "Rate exceeded"}'),
        fail(503, "No replicas are ready; spinning up"),
        fail(503, "Please wait 50ms before trying again"),
        fail(429, b'{"error": {"message": "busy", "retryAfter": 0.05}}'),
        fail(429, b'{"error": {"message": "busy", "metadata": {"headers": {"Retry-After": "0.05"}}}}'),
        fail(429, b'{"error": {"message": "busy", "metadata": {"headers": {"X-RateLimit-Reset": "50ms"}}}}'),
        fail(429, "You are rate limited (retry_after: 0.05)."),
        fail(429, '{"error": {"status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "0.05s"}]}}'),
        fail(429, "slow down", headers={"x-retry-after": "0.05"}),
        fail(429, "slow down", headers={"x-ms-retry-after-ms": "50"}),
        fail(503, "busy", headers={"retry-after": "50ms"}),
        fail(402, "Too much is in flight", metadata={"limit_source": "router_in_flight_budget"}, retry_after=0.05),
    ],
    ids=[
        "estimated_time",
        "loading",
        "retry-after",
        "retry-after-ms",
        "rate-limit headers",
        "in words",
        "scaling",
        "a date",
        "a quota that comes back",
        "throttled with 400",
        "rate exceeded",
        "spinning up",
        "wait, in words",
        "retryAfter",
        "headers of the provider",
        "limits of the provider",
        "a field in words",
        "JSON in words",
        "x-retry-after",
        "x-ms-retry-after-ms",
        "retry-after with its unit",
        "a budget of what is in flight",
    ],
)
def test_an_endpoint_that_says_when_is_waited_for_however_often(tmp_path: Path, response: Response) -> None:
    with ChatServer(lambda a: response if len(server.asked) <= 12 else rate(a)) as server:
        assert run(server, tmp_path).result.coverage.rated == FEW
    assert len(server.asked) <= FEW + 12 + 1


def test_a_time_that_is_told_is_waited_for_and_not_asked_through(tmp_path: Path) -> None:
    loading = fail(503, b'{"error":"Model X is currently loading","estimated_time":0.8}')
    with ChatServer(lambda a: loading if len(server.asked) <= 1 else rate(a)) as server:
        outcome = run(server, tmp_path)
    assert len(server.asked) == FEW + 1
    assert outcome.result.run is not None
    assert outcome.result.run.seconds >= 0.8


# --- parameters -----------------------------------------------------------------------------------------------------

DROPPED: dict[str, tuple[str, Response]] = {
    "litellm": ("seed", fail(500, "litellm.UnsupportedParamsError: ollama does not support parameters: {'seed': 0}")),
    "greater than 0": ("temperature", fail(400, "temperature must be greater than 0")),
    "strictly positive": ("temperature", fail(422, "`temperature` must be strictly positive")),
    "a range": ("temperature", fail(400, "temperature: value should be in (0, 2]")),
    "one value only": ("temperature", fail(400, "invalid temperature: only 1 is allowed for this model")),
    "pydantic": (
        "temperature",
        Response(
            json.dumps(
                {"detail": [{"type": "greater_than", "loc": ["body", "temperature"], "msg": "Input should be greater"}]}
            ).encode(),
            status=422,
        ),
    ),
    "deprecated": ("temperature", fail(400, "`temperature` is deprecated for this model.")),
    "seed": ("seed", fail(400, "Unrecognized request argument supplied: seed")),
    "a comparison": ("temperature", fail(400, "expected temperature > 0, got 0")),
    "a capital": ("temperature", fail(400, "Temperature must be strictly positive")),
    "below": ("temperature", fail(400, "The value of parameter temperature is 0, which is below the min 0.01")),
    "not valid": ("temperature", fail(400, "Temperature 0 is not valid for this model")),
    "no provider takes it": ("seed", fail(404, "No endpoints found that support the requested parameters: seed")),
    "deprecated for a model": ("temperature", fail(400, "For this model, `temperature` is deprecated.")),
}


@pytest.mark.parametrize("name", DROPPED)
def test_what_an_endpoint_does_not_take_is_dropped_and_stands_in_the_record(tmp_path: Path, name: str) -> None:
    parameter, response = DROPPED[name]
    with ChatServer(lambda a: response if parameter in a.body else rate(a)) as server:
        info = run(server, tmp_path).result.run
        assert len(server.asked) == FEW + 1
    assert info is not None
    assert info.changed == {parameter: "dropped"}


def test_a_renamed_token_limit_stands_in_the_record(tmp_path: Path) -> None:
    response = fail(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
    with ChatServer(lambda a: response if "max_tokens" in a.body else rate(a)) as server:
        info = run(server, tmp_path).result.run
    assert info is not None
    assert info.changed == {"max_tokens": "max_completion_tokens"}


def test_reasoning_effort_is_sent_and_part_of_the_identity(tmp_path: Path) -> None:
    with ChatServer() as server:
        low = run(server, tmp_path / "low", reasoning_effort="low").result
        none = run(server, tmp_path / "none").result
        assert {a.body.get("reasoning_effort") for a in server.asked} == {"low", None}
        refused = fail(400, "Unrecognized request argument supplied: reasoning_effort")
    assert (low.reasoning_effort, none.reasoning_effort) == ("low", None)
    assert low.id != none.id
    error = failure(lambda _: refused, tmp_path / "no", most=1, reasoning_effort="low")
    assert error.code == "unsupported"
    assert "reasoning_effort" in error.message


# --- one mistake, one diagnosis -------------------------------------------------------------------------------------

SAID: dict[str, tuple[Response, dict[str, Any], str, str]] = {
    "output limit": (
        fail(400, "Could not finish the message because max_tokens or model output limit was reached."),
        {}, "rejected", "raise max_tokens"),
    "system role": (fail(400, "System role not supported"), {"persona": "political/left"}, "unsupported", "persona"),
    "roles alternate": (
        fail(400, "Conversation roles must alternate user/assistant/user/assistant/..."),
        {"persona": "political/left"}, "unsupported", "persona"),
    "developer instruction": (
        fail(400, "Developer instruction is not enabled for models/gemma"),
        {"persona": "political/left"}, "unsupported", "persona"),
    "no chat template": (fail(400, "default chat template is no longer allowed"), {}, "rejected", "chat template"),
    "404 in HTML": (fail(404, b"<html><head><title>404 Not Found</title></head></html>"), {},
                    "no_chat_interface", "does base_url end in /v1?"),
    "404 in JSON": (fail(404, b'{"detail":"Not Found"}'), {}, "no_chat_interface", "/v1"),
    "405": (fail(405, b'{"detail":"Method Not Allowed"}'), {}, "no_chat_interface", "/v1"),
    "a web page": (Response(b"<!DOCTYPE html><title>Welcome</title>"), {}, "bad_response", "web page"),
    "unknown model": (fail(404, "The model `org/model` does not exist."), {}, "unknown_model", "does not exist"),
    "ollama's unknown model": (fail(404, 'model "x" not found, try pulling it first'), {}, "unknown_model", "pulling"),
    "Google's bad key": (fail(400, "API key not valid. Please pass a valid API key."), {}, "auth", "not valid"),
    "Anthropic's empty purse": (fail(400, "Your credit balance is too low"), {}, "no_credit", "too low"),
    "403": (fail(403, "Forbidden"), {}, "auth", "Forbidden"),
    "403 of every prompt": (fail(403, "flagged"), {}, "auth", "flagged"),
    "quota": (fail(429, "You exceeded your current quota", code="insufficient_quota"), {}, "no_credit", "quota"),
    "spending": (fail(429, "Monthly spending limit reached"), {}, "no_credit", "spending limit"),
    "spent, with the limits of requests beside": (
        fail(429, "At its cap", code="organization_spend_limit_exceeded", headers={
            "x-ratelimit-reset-requests": "1s", "x-ratelimit-remaining-requests": "99"}), {}, "no_credit", "cap"),
    "a provider's words inside a router's": (
        fail(429, "Provider returned error", code=429, metadata={
            "raw": '{"error": {"message": "none left", "code": "credit_balance_exhausted"}}'}),
        {}, "no_credit", "Provider returned error"),
    "a failure in a 200": (
        Response(b'{"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}, "choices": null}'),
        {}, "no_credit", "insufficient balance"),
    "transformers serve's other model": (
        fail(400, b'{"detail": "Server is pinned to \'org/other\'; requested \'org/model\'."}'),
        {}, "unknown_model", "pinned"),
    "no chat model": (fail(404, "This is not a chat model"), {}, "unsupported", "chat completions"),
    "streams only": (fail(400, "This model only supports streaming."), {}, "unsupported", "stream"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_what_would_go_wrong_with_every_prompt_is_said_after_a_few_requests(tmp_path: Path, name: str) -> None:
    response, options, code, words = SAID[name]
    error = failure(lambda _: response, tmp_path, **options)
    assert error.code == code
    assert words in error.message
    assert "<" not in error.message


SPELT: dict[str, list[tuple[int, object]]] = {
    "no_credit": [
        (402, {"error": "You have exceeded your monthly included credits."}),
        (402, {"error": {"message": "Insufficient Balance"}}),
        (403, {"code": "denied", "error": "Your newly created team doesn't have any credits yet."}),
        (429, {"error": {"message": "Quota reached.", "type": "insufficient_quota"}}),
        (403, {"error": {"message": "You don't have enough credits to run this request"}}),
        (400, {"error": {"message": "Your account balance is insufficient, please recharge"}}),
        (403, {"error": {"message": "余额不足"}}),
        (429, {"error": {"message": "No prepaid funds remain.", "code": "credit_balance_exhausted"}}),
        (429, {"error": {"message": "The project is at its cap.", "code": "project_spend_limit_exceeded"}}),
        (429, {"error": {"message": "The organization is at its cap.", "code": "organization_usage_limit_exceeded"}}),
        (
            429,
            {
                "type": "error",
                "error": {
                    "type": "rate_limit_error",
                    "message": "Paused until the first of next month.",
                    "details": {"error_code": "enforced_spend_limit_reached"},
                },
            },
        ),
        (
            400,
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "message": "You have reached your specified workspace API usage limits.",
                },
            },
        ),
    ],
    "too_many": [
        (402, {"error": {"message": "Wait for others.", "metadata": {"limit_source": "openrouter_in_flight_budget"}}}),
    ],
    "quota": [
        (429, {"error": {"message": "Your account is suspended", "type": "exceeded_current_quota_error"}}),
        (429, {"error": {"message": "Quota exceeded for metric: free_tier, limit: 0"}}),
    ],
    "auth": [
        (401, {"message": "Unauthorized. Access token is missing, invalid or expired."}),
        (401, {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}),
        (400, [{"error": {"code": 400, "message": "API key expired. Please renew the API key."}}]),
        (403, {"error": {"message": "Invalid authentication credentials"}}),
    ],
    "unknown_model": [
        (404, {"type": "error", "error": {"type": "not_found_error", "message": "model: org/model"}}),
        (404, [{"error": {"message": "models/org/model is not found for API version v1", "status": "NOT_FOUND"}}]),
        (400, {"message": "The provided model identifier is invalid."}),
        (404, {"message": "This model version has reached the end of its life."}),
        (404, {"error": {"message": "Unable to access model org/model.", "code": "model_not_available"}}),
        (404, {"error": "could not find real modelID for org/model"}),
        (404, {"error": "No models loaded. Please load a model first."}),
        (404, {"message": "The given endpoint does not exist, please check the specified model and version."}),
        (400, {"error": {"message": "Invalid model name passed in model=org/model."}}),
        (400, {"error": {"message": "org/model is not a valid model ID"}}),
        (410, {"error": {"message": "Model org/model has been deprecated"}}),
        (404, {"error": {"message": "The model org/model was sunset on 2026-01-01"}}),
        (400, {"error": {"message": "model org/model is not available in your region"}}),
        (410, {"message": "Gone"}),
    ],
    "filter": [
        (400, {"error": {"message": "Content Exists Risk"}}),
        (422, {"detail": "Prompt rejected by content safety model"}),
        (403, {"errors": [{"code": "hap_detected", "message": "Input text contains hate, abuse or profanity"}]}),
        (400, {"error": {"message": "Output blocked by content filtering policy"}}),
        (400, {"error": {"message": "Request contains prohibited words"}}),
        (400, {"error": {"message": "Prompt contains disallowed content"}}),
        (400, {"error": {"message": "输入内容不合规"}}),
        (400, {"error": {"code": "SensitiveContentDetected", "message": "the text may contain sensitive information"}}),
    ],
    "system_role": [
        (400, {"error": {"message": "'messages[0].role' does not support 'system' with this model."}}),
        (400, {"error": {"message": "First message must be from user"}}),
        (422, {"error": {"message": "role 'system' is not allowed"}}),
        (400, {"error": {"message": "the message role 'system' is unsupported"}}),
        (500, {"error": {"message": "Jinja Exception: System role not supported"}}),
    ],
    "no_chat": [
        (400, {"error": {"message": "The model does not support Chat Completions API"}}),
        (400, {"error": "model does not support chat"}),
        (400, {"error": {"message": "This model is only supported in v1/responses and not in v1/chat/completions."}}),
    ],
    "streams_only": [(400, {"message": "This model only support stream mode, please enable the stream parameter"})],
    "loading": [
        (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}),
        (404, {"error": {"message": "the model is still being prepared, try again later"}}),
        (502, {"error": "the model is being pulled"}),
        (503, {"message": "Waiting for a GPU to become available"}),
    ],
}
"""How endpoints spell it, by what it means."""


@pytest.mark.parametrize("means", SPELT)
def test_what_a_refusal_is_about_is_found_in_every_spelling(means: str) -> None:
    for status, told in SPELT[means]:
        refusal = said(told)
        assert meaning(status, f"{refusal.text} {refusal.codes}") == means, told


def test_a_length_that_one_prompt_exceeds_is_that_prompt_s(tmp_path: Path) -> None:
    response = fail(400, "Could not finish the message because max_tokens or model output limit was reached.")
    with ChatServer(lambda a: response if PLACE[a.prompt] == 7 else rate(a)) as server:
        coverage = run(server, tmp_path).result.coverage
    assert coverage.unscored == {"truncated": 1}


FILTERS = {
    "Azure": fail(400, "The response was filtered due to our content management policy", code="content_filter"),
    "OpenRouter": fail(403, "Your input was flagged", metadata={"reasons": ["violence"]}),
    "moderation": fail(403, "moderation flagged the input"),
    "Alibaba": fail(400, "Input data may contain inappropriate content.", code="data_inspection_failed"),
    "policy": fail(400, "Your request was rejected", code="content_policy_violation"),
    "inside a 200": Response(b'{"error": {"message": "Provider returned error: content_filter", "code": 400}}'),
    "a code of its own": Response(b'{"base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"}}'),
    "451": fail(451, "Unavailable For Legal Reasons"),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_prompt_that_a_filter_refuses_is_a_refusal_counted_apart(tmp_path: Path, name: str) -> None:
    with ChatServer(lambda a: FILTERS[name] if PLACE[a.prompt] % 3 == 0 else rate(a)) as server:
        outcome = run(server, tmp_path)
        assert len(server.asked) == FEW
        again = run(server, tmp_path)
        assert len(server.asked) == FEW
    assert outcome.result == again.result
    assert outcome.result.coverage.unscored == {"refusal": FEW // 3}
    assert outcome.result.coverage.rated == FEW - FEW // 3
    info = outcome.result.run
    assert info is not None
    assert (info.filtered, info.uncounted) == (FEW // 3, 0)
    kept = [a for a in answers(tmp_path) if a.filter_message]
    assert len(kept) == FEW // 3
    assert {a.raw_response for a in kept} == {""}
    assert pq.read_table(outcome.table_file)["filter_message"].null_count == FEW - FEW // 3


def test_words_of_a_prompt_that_a_router_repeats_are_not_the_provider_s() -> None:
    asked = 'He said:\n"There are insufficient credits."'
    for told in (asked, json.dumps({"input": asked})):
        codes = said({"error": {"message": "Provider returned error", "metadata": {"raw": told}}}).codes
        assert meaning(429, codes) == "no_credit"
        assert meaning(429, endpoint._without(asked, codes)) is None


def test_a_first_prompt_that_is_flagged_says_nothing_of_the_key(tmp_path: Path) -> None:
    with ChatServer(lambda a: fail(403, "flagged") if PLACE[a.prompt] == 0 else rate(a)) as server:
        coverage = run(server, tmp_path).result.coverage
    assert coverage.rated == FEW - 1


@pytest.mark.parametrize(
    "said", [b"<html>not here</html>", b'{"error": {"message": "The model `org/model` does not exist."}}']
)
def test_a_single_404_in_the_middle_is_asked_again(tmp_path: Path, said: bytes) -> None:
    with ChatServer(lambda a: fail(404, said) if (PLACE[a.prompt], a.times) == (9, 1) else rate(a)) as server:
        assert run(server, tmp_path).result.coverage.rated == FEW


# --- redirects ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_named_and_not_followed(tmp_path: Path, status: int) -> None:
    with ChatServer() as other:
        host = other.address.removeprefix("http://").removesuffix("/v1")
        places = {
            "https": (f"https://{host}/v1/chat/completions", f"https://{host}/v1"),
            "elsewhere": (f"{other.address}/chat/completions?x=1", other.address),
        }
        for name, (location, address) in places.items():
            error = failure(lambda _: fail(status, "", headers={"location": location}), tmp_path / name, most=1)  # noqa: B023
            assert error.code == "redirected"
            assert "redirects" in error.message
            assert host not in error.message
            assert error.detail == f"base_url redirects to {address}; use that address"
        assert other.asked == []


def test_a_redirect_to_https_of_the_same_host_says_so(tmp_path: Path) -> None:
    def behave(asked: Asked) -> Response:
        return fail(301, "", headers={"location": f"https://{asked.headers['host']}/v1/chat/completions"})

    error = failure(behave, tmp_path, most=1)
    assert "https:// in base_url" in error.message


def test_a_redirect_to_itself_is_one_request(tmp_path: Path) -> None:
    error = failure(lambda a: fail(307, "", headers={"location": a.path}), tmp_path, most=1)
    assert "to itself" in error.message


# --- sizes ----------------------------------------------------------------------------------------------------------


def test_an_endless_body_is_cut_off(tmp_path: Path) -> None:
    with ChatServer(lambda _: Response(b" " * 65_536, endless=True)) as server:
        with pytest.raises(EvaluationFailed) as caught:
            run(server, tmp_path)
        assert len(server.asked) <= 3
        # what stands in the buffers of both sides of each connection comes on top
        assert server.sent < len(server.asked) * (MAX_REPLY_BYTES + 16_000_000)
    assert caught.value.code == "bad_response"
    assert f"{MAX_REPLY_BYTES / 1e6:g} MB" in caught.value.message


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_a_small_body_that_expands_beyond_measure_is_cut_off(tmp_path: Path, encoding: str) -> None:
    blank = b" " * 100_000_000
    small = gzip.compress(blank) if encoding == "gzip" else brotli.compress(blank, quality=1)
    response = Response(small, headers={"content-encoding": encoding})
    assert failure(lambda _: response, tmp_path).code == "bad_response"


def test_one_answer_of_megabytes_is_kept_cut_and_can_be_handed_in(tmp_path: Path) -> None:
    def behave(asked: Asked) -> Response:
        return say("\ufdfa" * 900_000 if PLACE[asked.prompt] == 3 else "like me")

    with ChatServer(behave) as server:
        coverage = run(server, tmp_path, limit=None).result.coverage
    assert max(len(a.raw_response or "") for a in answers(tmp_path)) == MAX_ANSWER
    assert coverage.unscored == {"truncated": 1}
    package = make_package(tmp_path, BENCHMARK)
    accept(package, {BENCHMARK.digest: BENCHMARK}, submitter="ada", limit=32_000_000)


# --- the way there --------------------------------------------------------------------------------------------------


def test_a_certificate_that_nobody_trusts_is_named(tmp_path: Path) -> None:
    with (
        ChatServer(tls=self_signed(tmp_path)) as server,
        pytest.raises(EvaluationFailed, match="certificate") as caught,
    ):
        run(server, tmp_path / "run")
    assert caught.value.code == "endpoint_gone"
    assert server.asked == []


def test_a_wrong_scheme_is_named(tmp_path: Path) -> None:
    with odd_server() as plain, ChatServer() as server:
        address = f"{plain.url.replace('http:', 'https:')}/v1"
        with pytest.raises(EvaluationFailed, match="http:// instead of https://"):
            run(server, tmp_path / "a", address=address)
    with ChatServer(tls=self_signed(tmp_path)) as secret, pytest.raises(EvaluationFailed, match="https://"):
        run(secret, tmp_path / "b", address=secret.address.replace("https:", "http:"))


def test_an_unknown_host_is_named(tmp_path: Path) -> None:
    with ChatServer() as server, pytest.raises(EvaluationFailed, match="host is not known"):
        run(server, tmp_path, address="http://no-such-host.invalid/v1")


def test_a_dead_proxy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with ChatServer() as server, pytest.raises(EvaluationFailed, match="proxy in HTTP_PROXY"):
        run(server, tmp_path, address="http://models.example/v1")


def test_what_is_on_this_machine_is_asked_without_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with ChatServer() as server:
        assert run(server, tmp_path).result.coverage.rated == FEW


def test_a_socks_proxy_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with ChatServer() as server, pytest.raises(EvaluationFailed, match="SOCKS proxy"):
        run(server, tmp_path, address="http://models.example/v1")


@pytest.mark.parametrize("key", ["sk-0123456789\u0142", "sk-0123\u20ac456789", "sk-012345\n6789"])
def test_a_key_that_no_header_can_carry_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("A_KEY", key)
    error = failure(rate, tmp_path, most=0, api_key_env="A_KEY")
    assert error.code == "auth"
    assert "A_KEY" in error.message
    assert "0123" not in error.message


def test_a_query_of_the_address_stays_at_the_end_of_the_path(tmp_path: Path) -> None:
    with ChatServer() as server:
        run(server, tmp_path / "a", address=f"{server.address}/?api-version=2024-10-21", limit=2)
        run(server, tmp_path / "b", address=f"{server.address}/chat/completions", limit=2)
        paths = [a.path for a in server.asked]
    assert paths == ["/v1/chat/completions?api-version=2024-10-21"] * 2 + ["/v1/chat/completions"] * 2


# --- a finished run -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "later",
    [
        fail(401, "no"),
        fail(403, "moderation flagged the input"),
        fail(404, "The model does not exist"),
        fail(500, "gone"),
        Response(b"<html>"),
        fail(301, "", headers={"location": "/elsewhere"}),
        fail(402, "pay"),
    ],
    ids=lambda r: str(r.status),
)
def test_a_finished_run_stays_whatever_the_endpoint_says_now(tmp_path: Path, later: Response) -> None:
    bad = {p.text for p in PROMPTS[3::30]}
    with ChatServer(lambda a: fail(500, "hm") if a.prompt in bad else rate(a)) as server:
        run(server, tmp_path, limit=None)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        package = make_package(tmp_path, BENCHMARK)
        server.behave = lambda _: later if later.status != 403 else fail(500, "again")
        again = run(server, tmp_path, limit=None)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
        assert make_package(tmp_path, BENCHMARK) == package
        assert again.result.coverage.unscored == {"api_error": len(bad)}
        server.behave = rate
        assert run(server, tmp_path, limit=None).result.coverage.rated == len(PROMPTS)
    assert len(answers(tmp_path)) == len(PROMPTS)


def test_nobody_is_there_for_a_finished_run(tmp_path: Path) -> None:
    bad = PROMPTS[3].text
    with ChatServer(lambda a: fail(500, "hm") if a.prompt == bad else rate(a)) as server:
        first = run(server, tmp_path).result
        address = server.address
    assert run(server, tmp_path, address=address).result == first


def test_prompts_that_were_refused_are_not_asked_again_once_the_run_is_finished(tmp_path: Path) -> None:
    with ChatServer(lambda a: fail(400, "too long") if PLACE[a.prompt] == 4 else rate(a)) as server:
        first = run(server, tmp_path).result
        asked = len(server.asked)
        assert run(server, tmp_path).result == first
        assert len(server.asked) == asked


def test_an_old_error_goes_only_when_an_answer_has_arrived(tmp_path: Path) -> None:
    bad = {PROMPTS[3].text, PROMPTS[9].text}
    with ChatServer(lambda a: fail(500, "hm") if a.prompt in bad else rate(a)) as server:
        run(server, tmp_path)
        bad.discard(PROMPTS[3].text)
        coverage = run(server, tmp_path).result.coverage
    assert coverage.unscored == {"api_error": 1}
    assert sorted(a.error is None for a in answers(tmp_path)) == [False] + [True] * (FEW - 1)


def test_a_clock_that_is_set_back_leaves_possible_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    back = threading.Event()

    def clock() -> datetime:
        right = datetime.now(UTC).replace(microsecond=0)
        return right if back.is_set() else right + timedelta(days=2)

    def behave(asked: Asked) -> Response:
        if len(server.asked) > 100:
            back.set()
        return rate(asked)

    monkeypatch.setattr(evaluation, "now", clock)
    with ChatServer(behave) as server:
        result = run(server, tmp_path, limit=None).result
    assert result.run is not None
    assert result.run.started <= result.run.finished <= result.created
    accept(make_package(tmp_path, BENCHMARK), {BENCHMARK.digest: BENCHMARK}, submitter="ada", limit=32_000_000)


# --- constrained is constrained -------------------------------------------------------------------------------------


@pytest.mark.parametrize("finish", ["length", "max_tokens", "stop", "MAX_TOKENS"])
def test_free_text_is_never_recorded_as_constrained(tmp_path: Path, finish: str) -> None:
    response = say("I think that this is very much like me, because", finish_reason=finish)
    error = failure(lambda _: response, tmp_path, most=1, answer_mode="constrained")
    assert error.code == "unsupported"


def test_the_beginning_of_a_phrase_is_cut_and_nothing_else(tmp_path: Path) -> None:
    with ChatServer(lambda _: say("very much li", finish_reason="length")) as server:
        coverage = run(server, tmp_path, answer_mode="constrained").result.coverage
    assert coverage.unscored == {"truncated": FEW}


def test_free_text_in_the_middle_ends_a_constrained_run(tmp_path: Path) -> None:
    with (
        ChatServer(
            lambda a: say("Well, like me", finish_reason="length") if PLACE[a.prompt] == 9 else rate(a)
        ) as server,
        pytest.raises(EvaluationFailed) as caught,
    ):
        run(server, tmp_path, answer_mode="constrained")
    assert caught.value.code == "unsupported"


# --- secrets --------------------------------------------------------------------------------------------------------

KEY = "sk-test-0123456789abcdef"
LEAKS: dict[str, Callable[[], Response]] = {
    "text": lambda: say(f"like me {KEY}"),
    "reasoning": lambda: say("like me", reasoning_content=f"The key is {KEY}."),
    "model": lambda: say("like me", model=f"m-{KEY}"),
    "finish reason": lambda: say("like me", finish_reason=KEY),
    "refusal": lambda: body({"content": None, "refusal": f"Not with {KEY}"}),
    "provider": lambda: body({"content": "like me"}, provider=KEY),
    "escaped": lambda: Response(say("like me X").body.replace(b"X", "".join(f"\\u{ord(c):04x}" for c in KEY).encode())),
    "stream": lambda: stream(delta(content="like me " + KEY[:9]), delta("stop", content=KEY[9:])),
    "filter": lambda: fail(400, f"flagged input, key {KEY}", code="content_filter"),
    "cut text": lambda: say("x" * (MAX_ANSWER - len(KEY) + 1) + KEY),
    "cut name": lambda: say("like me", model="m" * (200 - len(KEY) + 1) + KEY),
}


@pytest.mark.parametrize("place", LEAKS)
def test_a_key_inside_an_answer_ends_the_run_and_is_kept_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    monkeypatch.setenv("A_KEY", KEY)
    caplog.set_level("DEBUG")
    with ChatServer(lambda a: LEAKS[place]() if PLACE[a.prompt] == 5 else rate(a)) as server:
        if place == "filter":
            # its words are cleaned, as those of errors are
            run(server, tmp_path, api_key_env="A_KEY")
        else:
            with pytest.raises(EvaluationFailed) as caught:
                run(server, tmp_path, api_key_env="A_KEY")
            assert caught.value.code == "key_in_answer"
            assert KEY not in caught.value.message
    assert not any(KEY[:-1].encode() in path.read_bytes() for path in tmp_path.iterdir())
    assert KEY not in "".join(record.getMessage() for record in caplog.records)


# --- what ran it ----------------------------------------------------------------------------------------------------


def page(value: object, **headers: str) -> Response:
    return Response(json.dumps(value).encode(), headers={"content-type": "application/json", **headers})


def test_an_endpoint_with_an_ipv6_address(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with ChatServer(host="::1") as server:
        assert "[::1]" in server.address
        assert run(server, tmp_path).result.coverage.rated == FEW


def test_an_endpoint_may_restart_in_the_middle(tmp_path: Path) -> None:
    """Connections break off, then nothing listens there, then another process answers at the same address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    half = threading.Event()

    def first(asked: Asked) -> Response:
        if PLACE[asked.prompt] >= FEW // 2:
            half.set()
            return Response(hang=True)
        return rate(asked)

    patient = RetryPolicy(attempts=1_000, seconds=LIMIT, first_wait=0.01, longest_wait=0.05)
    with ThreadPoolExecutor(1) as pool:
        with ChatServer(first, port=port) as before:
            outcome = pool.submit(run, before, tmp_path, retry=patient)
            assert half.wait(LIMIT)
        with ChatServer(port=port) as after:
            result = outcome.result(LIMIT).result
    assert len(before.asked) >= FEW // 2
    assert result.coverage.rated == FEW
    assert after.asked
    assert len(answers(tmp_path)) == FEW


def test_a_stream_that_breaks_off_is_asked_again(tmp_path: Path) -> None:
    broken = Response(b'data: {"choices": [{"delta": {"content": "not like me"}}]}\n\n')
    with ChatServer(lambda a: broken if (PLACE[a.prompt], a.times) == (9, 1) else rate(a)) as server:
        assert run(server, tmp_path).result.coverage.rated == FEW
        assert len(server.asked) == FEW + 1


def test_an_endpoint_that_answers_differently_when_asked_again_is_seen_on_the_row(tmp_path: Path) -> None:
    with ChatServer(lambda a: say("like me" if a.times == 1 else "not like me")) as server:
        job = Job(
            "org/model",
            Endpoint.model_validate({"name": "test", "base_url": server.address, "concurrency": 8}),
            BENCHMARK,
            retest=0.02,
        )
        retest = asyncio.run(evaluate(job, tmp_path, retry=QUICK)).result.retest
    assert retest is not None
    assert (retest.identical, retest.difference) == (0.0, 3.0)


def test_the_record_says_what_ran_the_model(tmp_path: Path) -> None:
    with ChatServer() as server:
        server.pages["/v1/models"] = page(
            {"data": [{"id": "org/model", "owned_by": "vllm", "max_model_len": 4096}, {"id": "other"}]}
        )
        server.pages["/version"] = page({"version": "0.11.2"})
        info = run(server, tmp_path, quantisation="fp8", deterministic=True).result.run
    assert info is not None
    assert info.served is not None
    assert info.served.model_dump() == {
        "engine": "vllm",
        "version": "0.11.2",
        "quantisation": "fp8",
        "context_length": 4096,
        "deterministic": True,
    }


def test_llama_cpp_tells_it_elsewhere(tmp_path: Path) -> None:
    with ChatServer() as server:
        server.pages["/v1/models"] = page({"data": [{"id": "x", "owned_by": "llamacpp"}]}, server="llama.cpp")
        server.pages["/props"] = page(
            {
                "build_info": "b6100-abcdef0",
                "model_path": "/srv/private/some-Q4_K_M.gguf",
                "default_generation_settings": {"n_ctx": 2048},
            }
        )
        info = run(server, tmp_path).result.run
    assert info is not None
    assert info.served is not None
    found = info.served
    assert (found.engine, found.version, found.context_length) == ("llama.cpp", "b6100-abcdef0", 2048)
    assert found.quantisation == "Q4_K_M"
    assert "/srv" not in (tmp_path / RESULT_FILE).read_text()


@pytest.mark.parametrize(
    "said",
    [
        Response(b"<html>"),
        Response(b"["),
        Response(b"[" * 100_000),
        page([1]),
        page({"data": 5, "version": {"a": 1}}),
        page({"data": [{"id": "org/model", "max_model_len": 10**30, "owned_by": ["x"]}], "version": "x" * 9000}),
        page({"version": "at http://10.0.0.7/v1"}),
        Response(b" " * (MAX_REPLY_BYTES + 10)),
        fail(307, "", headers={"location": "/version"}),
    ],
    ids=range(9),
)
def test_nonsense_about_itself_is_not_believed_and_ends_nothing(tmp_path: Path, said: Response) -> None:
    with ChatServer() as server:
        server.pages.update(dict.fromkeys(("/v1/models", "/version", "/props", "/info", "/server_info"), said))
        info = run(server, tmp_path).result.run
    assert info is not None
    assert info.served is not None
    assert not any(info.served.model_dump().values())


def test_the_provider_that_answered_is_in_the_record(tmp_path: Path) -> None:
    with ChatServer(lambda _: body({"content": "like me"}, provider="Novita", model="m")) as server:
        named = run(server, tmp_path / "a").result.run
        server.behave = lambda a: Response(rate(a).body, headers={"x-inference-provider": "together"})
        header = run(server, tmp_path / "b").result.run
    assert named is not None
    assert header is not None
    assert (named.provider, header.provider) == ("Novita", "together")


@pytest.mark.slow
def test_the_command_tells_the_operator_where_an_endpoint_redirects(tmp_path: Path) -> None:
    with ChatServer(
        lambda _: fail(308, "", headers={"location": "http://models.example/api/v1/chat/completions"})
    ) as server:
        command = [sys.executable, "-m", "eval_queue", "evaluate", "--model", "m", "--endpoint", server.address]
        command += ["--source", "practice", "--out", str(tmp_path / "run")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 1
    assert "base_url redirects to http://models.example/api/v1; use that address" in done.stderr
    assert not (tmp_path / "run" / TABLE_FILE).exists()


# --- what works and must go on --------------------------------------------------------------------------------------


def test_user_and_password_of_an_address_are_sent_and_stay_out_of_everything(tmp_path: Path) -> None:
    with ChatServer(lambda a: fail(400, "not for ada:s3cret-word") if PLACE[a.prompt] == 5 else rate(a)) as server:
        run(server, tmp_path, address=server.address.replace("//", "//ada:s3cret-word@"))
        sent = {a.headers["authorization"] for a in server.asked}
    assert sent == {"Basic " + base64.b64encode(b"ada:s3cret-word").decode()}
    assert not any(b"s3cret" in path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize("status", [408, 424, 500, 502, 520, 529])
def test_what_may_pass_is_asked_again(tmp_path: Path, status: int) -> None:
    fault = fail(status, b"<html><title>Web server is returning an unknown error</title></html>")
    with ChatServer(lambda a: fault if a.times == 1 and PLACE[a.prompt] % 5 == 0 else rate(a)) as server:
        assert run(server, tmp_path).result.coverage.rated == FEW


@pytest.mark.parametrize(
    "value", ["0.01", "soon", "-5", "nan", "Thu, 01 Jan 1970 00:00:00 GMT", "99999999999999999999"]
)
def test_whatever_retry_after_says_a_run_goes_on(tmp_path: Path, value: str) -> None:
    quick = RetryPolicy(attempts=3, seconds=20.0, first_wait=0.001, longest_wait=0.01, longest_retry_after=0.05)
    fault = fail(503, "busy", headers={"retry-after": value})
    with ChatServer(lambda a: fault if a.times == 1 and PLACE[a.prompt] == 4 else rate(a)) as server:
        assert run(server, tmp_path, retry=quick).result.coverage.rated == FEW


@pytest.mark.parametrize("piece", [1.5, "like me", [1], True])
@pytest.mark.parametrize("field", ["delta", "message"])
def test_a_chunk_whose_message_is_none_holds_nothing(field: str, piece: object) -> None:
    chunks = b"data: " + json.dumps({"choices": [{field: piece}]}).encode() + b"\n\ndata: [DONE]\n\n"
    with pytest.raises(Unreadable, match="without an answer"):
        parse(chunks)
