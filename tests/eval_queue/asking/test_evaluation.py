"""A whole evaluation against a real HTTP server, ended in every way, and gone on with."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.benchmark import RATING_PHRASES
from data.errors import InputError
from data.sources.practice import practice_benchmark
from data.values import DIMENSIONS
from eval_queue.asking.checkpoint import ANSWERS_FILE, RUN_FILE, Answer, Checkpoint, RunRecord, lock
from eval_queue.asking.endpoint import RetryPolicy
from eval_queue.asking.evaluation import EvaluationFailed, EvaluationStopped, Job, Progress, evaluate
from eval_queue.asking.outcome import RESULT_FILE, TABLE_FILE, Outcome
from eval_queue.protocol import plan
from eval_queue.reading.answers import read_answers
from eval_queue.records import Result
from eval_queue.settings import Endpoint
from tests.support import ROOT
from tests.support.chat_server import Asked, ChatServer, Response, fail, held_after, rate, say
from tests.support.commands import run_command
from tests.support.waiting import LIMIT, until

BENCHMARK = practice_benchmark()
PROMPTS = plan(BENCHMARK)
QUICK = RetryPolicy(attempts=2, seconds=20.0, first_wait=0.001, longest_wait=0.01)
RATING = {phrase: rating for rating, phrase in RATING_PHRASES.items()}


def job(address: str, *, limit: int | None = None, model: str = "org/model", **endpoint: object) -> Job:
    settings = Endpoint.model_validate({"name": "test", "base_url": address, "concurrency": 8, **endpoint})
    return Job(model=model, endpoint=settings, benchmark=BENCHMARK, limit=limit)


def run(job: Job, out: Path, **options: object) -> Outcome:
    return asyncio.run(evaluate(job, out, **({"retry": QUICK} | options)))  # type: ignore[arg-type]  # passed through


def lines(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / ANSWERS_FILE).read_bytes().splitlines()]


def complete(out: Path) -> list[dict[str, object]]:
    """The answers whose lines were completed."""
    path = out / ANSWERS_FILE
    content = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in content.split(b"\n")[:-1]]


def answered(out: Path) -> set[str]:
    """The prompts that have an answer on disk."""
    text = {p.id: p.text for p in PROMPTS}
    done = [line for line in complete(out) if line["error"] is None]
    return {text[line["prompt_variant"], line["portrait_id"], line["option_id"]] for line in done}


def stop_after(answers: int, server: ChatServer, stop: threading.Event) -> None:
    """Let the server set `stop` when it is asked for the so-manieth time."""
    behave = server.behave

    def counting(asked: Asked) -> Response:
        if len(server.asked) >= answers:
            stop.set()
        return behave(asked)

    server.behave = counting


# --- a run without trouble ------------------------------------------------------------------------------------------


def test_every_prompt_is_asked_once_and_the_scores_are_those_of_the_answers(tmp_path: Path) -> None:
    with ChatServer() as server:
        outcome = run(job(server.address), tmp_path / "run")
        answer = {p.id: json.loads(rate(Asked(_body(p.text), {}, "", 1)).body) for p in PROMPTS}
    assert server.times == {p.text: 1 for p in PROMPTS}
    result = outcome.result
    assert result == Result.model_validate_json(outcome.result_file.read_bytes())
    assert (result.coverage.prompts, result.coverage.rated, result.coverage.unscored) == (360, 360, {})
    ratings = {key: RATING[value["choices"][0]["message"]["content"]] for key, value in answer.items()}
    x = np.array(
        [np.mean([ratings[v, item.query_id, item.option_id] for v in BENCHMARK.templates]) for item in BENCHMARK.items]
    )
    for column, dimension in enumerate(DIMENSIONS):
        chosen = BENCHMARK.key.selected[:, column]
        found = result.scales[dimension.scale].dimensions[dimension.name]
        assert found.n == chosen.sum()
        assert found.raw == pytest.approx(x[chosen].mean(), abs=1e-9)


def _body(text: str) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": text}]}


def test_the_record_says_how_it_was_asked(tmp_path: Path) -> None:
    with ChatServer(lambda _: say("like me", model="served-name", delay=0.01)) as server:
        outcome = run(job(server.address, limit=20, max_tokens=16), tmp_path)
    result = outcome.result
    assert (result.model, result.endpoint, result.answer_mode) == ("org/model", "test", "free-text")
    assert (result.protocol, result.origin, result.benchmark.digest) == (
        "1-free-text",
        "self-reported",
        BENCHMARK.digest,
    )
    assert result.run is not None
    assert result.run.endpoint_model == "served-name"
    assert result.run.request == {"temperature": 0.0, "seed": 0, "max_tokens": 16}
    assert (result.run.prompt_tokens, result.run.completion_tokens) == (20 * 100, 20 * 2)
    assert result.run.started <= result.run.finished <= result.created
    assert result.run.seconds > 0.01
    assert result.run.software["aiohttp"]


def test_the_record_says_what_the_run_cost_where_a_price_is_known(tmp_path: Path) -> None:
    with ChatServer(lambda _: say("like me")) as server:
        price = {"prompt": 0.5, "completion": 2, "currency": "EUR"}
        priced = run(job(server.address, limit=20, price=price), tmp_path / "priced").result.run
        free = run(job(server.address, limit=20), tmp_path / "free").result.run
    assert priced is not None
    assert priced.cost is not None
    assert priced.cost.amount == pytest.approx((20 * 100 * 0.5 + 20 * 2 * 2) / 1e6)
    assert (priced.cost.currency, priced.cost.per_million_prompt_tokens) == ("EUR", 0.5)
    assert free is not None
    assert free.cost is None
    bare = Response(
        json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": "like me"}}]}).encode()
    )
    with ChatServer(lambda _: bare) as server:
        uncounted = run(job(server.address, limit=20, price=price), tmp_path / "uncounted").result.run
    assert uncounted is not None
    assert uncounted.cost is None, "what was not counted has no price"


def test_raw_answers_are_kept_as_lines_and_as_a_table(tmp_path: Path) -> None:
    with ChatServer(lambda a: say("I cannot say.", reasoning_content="Hm.") if a.times else rate(a)) as server:
        outcome = run(job(server.address, limit=12), tmp_path)
    assert Counter(line["raw_response"] for line in lines(tmp_path)) == {"I cannot say.": 12}
    table = pq.read_table(outcome.table_file)
    rows = table.to_pylist()
    assert [(r["prompt_variant"], r["portrait_id"], r["option_id"]) for r in rows] == [p.id for p in PROMPTS[:12]]
    assert [r["prompt_digest"] for r in rows] == [p.digest for p in PROMPTS[:12]]
    assert {r["reasoning"] for r in rows} == {"Hm."}
    assert {r["rating"] for r in rows} == {None}
    assert all(r["unscored"] in ("refusal", "unreadable") for r in rows)
    assert table.schema.metadata[b"result"].decode() == outcome.result.id
    assert read_answers([tmp_path / ANSWERS_FILE], BENCHMARK).models == ("org/model",)


def test_a_limit_gives_a_truthful_low_coverage_and_may_be_raised(tmp_path: Path) -> None:
    with ChatServer() as server:
        few = run(job(server.address, limit=30), tmp_path).result
        assert (few.coverage.prompts, few.coverage.rated) == (360, 30)
        more = run(job(server.address, limit=90), tmp_path).result
        assert (more.coverage.prompts, more.coverage.rated) == (360, 90)
    assert server.times == {p.text: 1 for p in PROMPTS[:90]}


def test_prompts_are_asked_in_the_protocol_s_order(tmp_path: Path) -> None:
    with ChatServer() as server:
        run(job(server.address, limit=60, concurrency=1), tmp_path)
    assert [asked.prompt for asked in server.asked] == [p.text for p in PROMPTS[:60]]


def test_the_limit_of_concurrency_is_reached_and_kept(tmp_path: Path) -> None:
    reached = threading.Event()

    def behave(asked: Asked) -> Response:
        if server.at_once == 7:
            reached.set()
        # all others wait for the first answer
        return replace(say("like me", delay=0.05), until=reached if len(server.asked) > 1 else None)

    with ChatServer(behave) as server:
        run(job(server.address, limit=70, concurrency=7), tmp_path)
    assert server.most_at_once == 7


def test_answers_without_a_rating_are_counted_by_kind(tmp_path: Path) -> None:
    def behave(asked: Asked) -> Response:
        at = [p.text for p in PROMPTS].index(asked.prompt)
        return {
            0: say(None),
            1: say("I would rather", finish_reason="length"),
            2: say("I'm sorry, but I can't assist with that."),
            3: say("42"),
            4: fail(400, "flagged"),
        }.get(at, say("like me"))

    with ChatServer(behave) as server:
        coverage = run(job(server.address), tmp_path).result.coverage
    assert coverage.unscored == {"empty": 1, "truncated": 1, "refusal": 1, "unreadable": 1, "api_error": 1}
    assert coverage.rated == 355


def test_progress_grows_to_the_end(tmp_path: Path) -> None:
    seen: list[Progress] = []
    with ChatServer(lambda a: say("like me" if a.prompt == PROMPTS[0].text else "no", delay=0.02)) as server:
        run(job(server.address, limit=300, concurrency=4), tmp_path, on_progress=seen.append)
    done = [p.done for p in seen]
    assert done == sorted(done)
    assert len(done) > 2
    last = seen[-1]
    assert (last.done, last.total, last.rated, last.errors) == (300, 300, 1, 0)
    assert last.valid_share == pytest.approx(1 / 300)
    middle = next(p for p in seen if 0 < p.done < 300)
    assert middle.rate is None or middle.eta_seconds == pytest.approx((300 - middle.done) / middle.rate)
    assert any(p.rate for p in seen)


def test_slow_reports_neither_overlap_nor_hold_up_the_asking(tmp_path: Path) -> None:
    now, most, done = 0, 0, []

    def report(progress: Progress) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        done.append(progress.done)
        until(lambda: server.answered.total() == 100)  # which it never would if they waited for this
        now -= 1

    with ChatServer() as server:
        run(job(server.address, limit=100), tmp_path, on_progress=report)
    assert most == 1
    assert done[-1] == 100
    assert len(done) <= 4


def test_an_error_while_reporting_stops_the_run_and_is_passed_on(tmp_path: Path) -> None:
    class Lost(Exception):
        pass

    told = threading.Event()

    def report(progress: Progress) -> None:
        if progress.done > 20:
            told.set()
            raise Lost

    with ChatServer(held_after(100, told)) as server:
        with pytest.raises(Lost):
            run(job(server.address, concurrency=2), tmp_path, on_progress=report)
        kept = len(lines(tmp_path))
        assert 20 < kept < 360
        assert run(job(server.address), tmp_path).result.coverage.rated == 360
    assert server.times.total() <= 360 + 2


# --- stopped, killed, torn ------------------------------------------------------------------------------------------


def test_a_stopped_run_keeps_everything_and_goes_on(tmp_path: Path) -> None:
    stop, held = threading.Event(), held_after(50)
    with ChatServer(lambda a: replace(held(a), delay=0.01)) as server:
        stop_after(50, server, stop)
        with pytest.raises(EvaluationStopped):
            run(job(server.address), tmp_path, stop=stop)
        kept = answered(tmp_path)
        assert 40 <= len(kept) <= 50
        assert not (tmp_path / RESULT_FILE).exists()
        first = RunRecord.model_validate_json((tmp_path / RUN_FILE).read_bytes())
        server.behave = rate
        outcome = run(job(server.address), tmp_path)
    assert all(server.times[text] == 1 for text in kept)
    assert outcome.result.coverage.rated == 360
    assert outcome.result.run is not None
    assert outcome.result.run.seconds > first.seconds > 0
    assert outcome.result.run.started == first.started


@pytest.mark.slow
def test_a_stop_does_not_wait_for_an_endpoint_that_hangs(tmp_path: Path) -> None:
    stop = threading.Event()
    slow = {p.text for p in PROMPTS[8:16]}
    with ChatServer(lambda a: Response(hang=True) if a.prompt in slow else rate(a)) as server:

        def stop_once_they_hang() -> None:
            until(lambda: slow <= set(server.times))
            stop.set()

        stopping = threading.Thread(target=stop_once_they_hang)
        stopping.start()
        with pytest.raises(EvaluationStopped):
            run(job(server.address, timeout=3600.0), tmp_path, stop=stop)
        stopping.join()
        server.behave = rate
        assert run(job(server.address), tmp_path).result.coverage.rated == 360
    assert {text for text, n in server.times.items() if n > 1} <= slow


def test_a_finished_run_is_not_asked_again(tmp_path: Path) -> None:
    with ChatServer() as server:
        first = run(job(server.address), tmp_path).result
        (tmp_path / RESULT_FILE).unlink()
        (tmp_path / TABLE_FILE).unlink()
    again = run(job(server.address), tmp_path).result
    assert again.model_dump(exclude={"created"}) == first.model_dump(exclude={"created"})
    assert (tmp_path / TABLE_FILE).exists()


def command(server: ChatServer, out: Path, *options: str) -> list[str]:
    command = ["evaluate", "--model", "org/model", "--endpoint", server.address]
    return [*command, "--source", "practice", "--out", str(out), "--concurrency", "4", *options]


def evaluate_process(server: ChatServer, out: Path) -> subprocess.Popen[str]:
    program = [sys.executable, "-m", "eval_queue", *command(server, out)]
    return subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_killed_process_is_resumed_without_asking_twice(tmp_path: Path) -> None:
    kills: list[tuple[int, set[str]]] = []
    with ChatServer() as server:
        for enough in (60, 120, 180):
            go = threading.Event()
            server.behave = held_after(60, go)
            process = evaluate_process(server, tmp_path)
            until(lambda enough=enough: len(complete(tmp_path)) >= enough)
            process.kill()
            process.communicate()
            go.set()
            server.alone()  # with the requests that were already on the wire
            kills.append((len(server.asked), answered(tmp_path)))
            # a kill in the middle of a write, which cannot be timed from here
            with (tmp_path / ANSWERS_FILE).open("ab") as file:
                file.write(b'{"model":"org/model","prompt_variant":"v1","portr')
        process = evaluate_process(server, tmp_path)
        stdout, stderr = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, stderr
    assert "360 of 360" in stdout
    for asked_before, kept in kills:
        assert len(kept) >= 60
        assert kept.isdisjoint(asked.prompt for asked in server.asked[asked_before:])
    assert set(server.times) == {p.text for p in PROMPTS}
    assert server.times.total() <= 360 + 3 * 4, "only what was in flight at a kill may be asked again"
    assert len(lines(tmp_path)) == 360
    assert Result.model_validate_json((tmp_path / RESULT_FILE).read_bytes()).coverage.rated == 360


def _written(folder: Path, n: int) -> bytes:
    with Checkpoint(folder, "m", PROMPTS) as checkpoint:
        for p in PROMPTS[:n]:
            checkpoint.append(Answer("m", p.variant, p.portrait_id, p.option_id, "like me\n\u2028", None, p.digest))
    return (folder / ANSWERS_FILE).read_bytes()


@given(st.data())
def test_whatever_was_cut_or_damaged_only_whole_answers_are_kept(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("run")
    whole = _written(folder, 6)
    cut = data.draw(st.integers(0, len(whole)))
    at = data.draw(st.integers(0, cut))
    damage = data.draw(
        st.sampled_from([b"", b"\0" * 40, b"\n", b"garbage\n", b"[1]\n", b'{"model":"m"}\n', b"\xff\xfe\n"])
    )
    damaged = whole[:at] + damage + whole[at:cut]
    (folder / ANSWERS_FILE).write_bytes(damaged)
    good = [line for line in damaged.split(b"\n")[:-1] if line in whole.split(b"\n")[:-1]]
    with Checkpoint(folder, "m", PROMPTS) as checkpoint:
        assert len(checkpoint.answers) == len(good)
        missing = [p for p in PROMPTS[:6] if p.id not in checkpoint.answers]
        for p in missing:
            checkpoint.append(Answer("m", p.variant, p.portrait_id, p.option_id, "like me\n\u2028", None, p.digest))
    assert sorted((folder / ANSWERS_FILE).read_bytes().splitlines()) == sorted(whole.splitlines())


@pytest.mark.parametrize(
    "line",
    [
        Answer("other", *PROMPTS[0].id, "like me", None, PROMPTS[0].digest),
        Answer("m", *PROMPTS[0].id, "like me", None, PROMPTS[1].digest),
        Answer("m", "v9", 1, 1, "like me", None, PROMPTS[0].digest),
        Answer("m", *PROMPTS[0].id, None, "timeout: no answer within 5 s", PROMPTS[0].digest),
        Answer("m", *PROMPTS[0].id, None, None, PROMPTS[0].digest),
    ],
    ids=["another model", "another prompt text", "another variant", "an error", "no answer"],
)
def test_lines_that_answer_nothing_here_are_asked_again(tmp_path: Path, line: Answer) -> None:
    with Checkpoint(tmp_path, "m", PROMPTS) as checkpoint:
        checkpoint.append(line)
    with Checkpoint(tmp_path, "m", PROMPTS) as checkpoint:
        assert checkpoint.answers == {}


# --- an endpoint that fails -----------------------------------------------------------------------------------------


def failing(every: int, most: int) -> Callable[[Asked], Response]:
    """Fails for ever for `most` prompts, spread so that no two are neighbours."""
    bad = {p.text for p in PROMPTS[::every][:most]}
    return lambda asked: fail(500) if asked.prompt in bad else rate(asked)


def test_a_tenth_of_the_prompts_may_fail(tmp_path: Path) -> None:
    with ChatServer(failing(every=7, most=36)) as server:
        outcome = run(job(server.address), tmp_path)
        assert outcome.result.coverage.unscored == {"api_error": 36}
        assert outcome.result.coverage.rated == 324
        assert sum(line["error"] is not None for line in lines(tmp_path)) == 36
        asked = len(server.asked)
        server.behave = rate
        assert run(job(server.address), tmp_path).result.coverage.rated == 360
        assert len(server.asked) == asked + 36
    assert all(line["error"] is None for line in lines(tmp_path))


def test_more_than_a_tenth_fails_the_run_at_once_and_it_can_be_resumed(tmp_path: Path) -> None:
    with ChatServer(failing(every=3, most=120)) as server:
        with pytest.raises(EvaluationFailed) as caught:
            run(job(server.address, concurrency=1), tmp_path)  # one after the other: none fails beside the last
        assert caught.value.code == "too_many_errors"
        assert "37 server_error" in caught.value.message
        assert len(server.times) < 360
        assert not (tmp_path / RESULT_FILE).exists()
        good = sum(line["error"] is None for line in lines(tmp_path))
        server.behave, server.asked = rate, []
        assert run(job(server.address), tmp_path).result.coverage.rated == 360
        assert len(server.asked) == 360 - good


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (fail(401, "bad key"), "auth"),
        (fail(404, "The model does not exist"), "unknown_model"),
        (fail(402, "Insufficient credits"), "no_credit"),
        (fail(429, "slow down", headers={"retry-after": "90000"}), "rate_limited"),
    ],
)
def test_what_concerns_all_prompts_is_asked_no_more_often_than_at_once(
    tmp_path: Path, fault: Response, code: str
) -> None:
    with ChatServer(lambda _: fault) as server, pytest.raises(EvaluationFailed) as caught:
        run(job(server.address), tmp_path)
    assert caught.value.code == code
    assert len(server.asked) <= 8


@pytest.mark.parametrize(
    ("fault", "code"), [(fail(503), "server_error"), (Response(b"<html>"), "bad_response"), (fail(429), "rate_limited")]
)
def test_an_endpoint_that_only_fails_is_given_up_early(tmp_path: Path, fault: Response, code: str) -> None:
    retry = RetryPolicy(attempts=2, seconds=0.2, first_wait=0.001, longest_wait=0.01)
    with ChatServer(lambda _: fault) as server, pytest.raises(EvaluationFailed) as caught:
        run(job(server.address), tmp_path, retry=retry)
    assert caught.value.code == code
    assert len(server.times) < 36


def test_an_endpoint_that_goes_away_ends_the_run_which_goes_on_elsewhere(tmp_path: Path) -> None:
    with (
        ChatServer(lambda a: replace(rate(a), cut=len(server.times) > 100)) as server,
        pytest.raises(EvaluationFailed) as caught,
    ):
        run(job(server.address), tmp_path)
    assert caught.value.code == "endpoint_gone"
    assert len(server.times) < 120
    kept = answered(tmp_path)
    with ChatServer() as other:
        assert run(job(other.address), tmp_path).result.coverage.rated == 360
    assert set(other.times) == {p.text for p in PROMPTS} - kept


def test_nobody_at_the_address(tmp_path: Path) -> None:
    with ChatServer() as server:
        pass
    with pytest.raises(EvaluationFailed) as caught:
        run(job(server.address), tmp_path)
    assert caught.value.code == "endpoint_gone"


def test_what_an_endpoint_accepts_is_recorded_and_remembered(tmp_path: Path) -> None:
    def behave(asked: Asked) -> Response:
        if "temperature" in asked.body:
            return fail(400, "Unsupported value: temperature", param="temperature")
        return rate(asked)

    with ChatServer(behave) as server:
        run(job(server.address, limit=10, concurrency=1), tmp_path)
        assert len(server.asked) == 11
        outcome = run(job(server.address, limit=20, concurrency=1), tmp_path)
        assert len(server.asked) == 21
    assert outcome.result.run is not None
    assert outcome.result.run.request == {"seed": 0, "max_tokens": 64}


def test_key_and_address_are_in_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "hf_0123456789abcdefghij"
    monkeypatch.setenv("SOME_KEY", key)
    bad = {p.text for p in PROMPTS[::11]}

    def behave(asked: Asked) -> Response:
        said = f"{asked.headers['authorization']} at http://{asked.headers['host']}/v1 failed"
        return fail(500, said) if asked.prompt in bad else rate(asked)

    with ChatServer(behave) as server:
        run(job(server.address, api_key_env="SOME_KEY"), tmp_path)
        host = server.address.removeprefix("http://").removesuffix("/v1")
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"failed" in content
    assert key.encode() not in content
    assert host.encode() not in content


# --- the folder -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"model": "org/other"}, "org/other"),
        ({"name": "elsewhere"}, "elsewhere"),
        ({"answer_mode": "constrained"}, "1-constrained"),
        ({"max_tokens": 512}, "max_tokens is 64 there and 512 here"),
    ],
)
def test_another_run_does_not_mix_in(tmp_path: Path, other: dict[str, object], named: str) -> None:
    with ChatServer() as server:
        run(job(server.address, limit=10), tmp_path)
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        asked = len(server.asked)
        with pytest.raises(InputError, match=named):
            run(job(server.address, limit=20, **other), tmp_path)
        assert len(server.asked) == asked
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_endpoint_is_only_asked_for_its_own_models(tmp_path: Path) -> None:
    with ChatServer() as server:
        with pytest.raises(InputError, match=r"org/\*.*not for other/model"):
            run(job(server.address, model="other/model", models=["org/*"]), tmp_path / "run")
        assert server.asked == []
    assert not (tmp_path / "run").exists()


def test_another_benchmark_does_not_mix_in(tmp_path: Path) -> None:
    with ChatServer() as server:
        first = job(server.address, limit=10)
        run(first, tmp_path)
        changed = replace(BENCHMARK, queries=(replace(BENCHMARK.queries[0], text="Else?"), *BENCHMARK.queries[1:]))
        with pytest.raises(InputError, match=changed.digest[:12]):
            run(replace(first, benchmark=changed), tmp_path)


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    with ChatServer() as server:
        with lock(tmp_path), pytest.raises(InputError, match="another process"):
            run(job(server.address, limit=10), tmp_path)
        assert server.asked == []
        run(job(server.address, limit=10), tmp_path)


def test_folders_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    here = job("http://127.0.0.1:9/v1")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="folder"):
        run(here, tmp_path / "file")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / ANSWERS_FILE).write_text("precious\n")
    with pytest.raises(InputError, match=f"no {RUN_FILE} says"):
        run(here, foreign)
    assert (foreign / ANSWERS_FILE).read_text() == "precious\n"
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / RUN_FILE).write_text('{"schema_version": 1, "model": ')
    with pytest.raises(InputError, match=RUN_FILE):
        run(here, damaged)


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_prints_the_profile_and_where_the_files_are(tmp_path: Path) -> None:
    with ChatServer() as server:
        done = run_command("eval_queue", *command(server, tmp_path, "--limit", "60"))
    assert done.returncode == 0, done.stderr
    for word in ("org/model", "Self-Direction", "Universalism", "60 of 360", RESULT_FILE, TABLE_FILE, ANSWERS_FILE):
        assert word in done.stdout
    record = Result.model_validate_json((tmp_path / RESULT_FILE).read_bytes())
    score = record.scales["pvq"].dimensions["Universalism"].score
    assert score is not None
    assert f"{score:+.2f}" in done.stdout
    assert (record.origin, record.endpoint) == ("self-reported", "self-hosted")


@pytest.mark.slow
def test_ctrl_c_stops_in_good_order_and_says_how_to_go_on(tmp_path: Path) -> None:
    with ChatServer(lambda a: rate(a) if len(server.asked) <= 100 else Response(hang=True)) as server:
        process = evaluate_process(server, tmp_path)
        until(lambda: len(complete(tmp_path)) >= 20)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=LIMIT)
        server.behave = rate
        assert process.returncode == 130
        assert "same command goes on" in stderr
        assert "Traceback" not in stderr
        process = evaluate_process(server, tmp_path)
        process.communicate(timeout=LIMIT)
    assert process.returncode == 0
    assert server.times.total() <= 360 + 4


def test_the_command_reports_failures_without_a_traceback(tmp_path: Path) -> None:
    key = "sk-0123456789abcdef"
    with ChatServer(lambda a: fail(401, f"no such key: {a.headers['authorization']}")) as server:
        options = ("--api-key-env", "A_KEY")
        refused = run_command("eval_queue", *command(server, tmp_path, *options), A_KEY=key)
        assert refused.returncode == 1
        assert "auth" in refused.stderr
        other = run_command("eval_queue", *command(server, tmp_path, "--max-tokens", "99", *options), A_KEY=key)
        assert other.returncode == 2
        assert "max_tokens" in other.stderr
    for text in (refused.stdout, refused.stderr, other.stdout, other.stderr):
        assert "Traceback" not in text
        assert key not in text
        assert "127.0.0.1" not in text


def test_the_default_folder_is_the_same_for_the_same_question(tmp_path: Path) -> None:
    from eval_queue.commands.evaluate import default_folder

    one = job("http://127.0.0.1:1/v1")
    assert default_folder(one) == default_folder(job("http://127.0.0.1:2/v1"))
    assert default_folder(one) != default_folder(job("http://127.0.0.1:1/v1", answer_mode="constrained"))
    assert default_folder(one) != default_folder(job("http://127.0.0.1:1/v1", model="org/other"))
    assert default_folder(one).parent == Path("runs")
