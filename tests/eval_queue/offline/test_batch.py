"""Batch files: every prompt once, results in any order, nothing mistaken, and the same run in the end."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from typer.testing import CliRunner

from data.sources.practice import practice_benchmark
from eval_queue.__main__ import app
from eval_queue.asking import batch
from eval_queue.asking.batch import Run, custom_id, prompts_of, read_results, write_requests
from eval_queue.asking.checkpoint import ANSWERS_FILE
from eval_queue.asking.evaluation import Job, evaluate
from eval_queue.asking.local_model import available, endpoint_address
from eval_queue.personas import WORDING
from eval_queue.records import Result
from eval_queue.settings import Endpoint
from tests.support.batch_server import BatchServer, answered, batch_server, failed
from tests.support.chat_server import PHRASES, ChatServer, say

PRACTICE = practice_benchmark()
ENDPOINT = Endpoint.model_validate({"name": "self-hosted", "base_url": "http://127.0.0.1/v1"})
Line = dict[str, Any]


def job(**changes: Any) -> Job:
    return Job("org/model", **{"endpoint": ENDPOINT, "benchmark": PRACTICE, **changes})


def lines_of(*files: Path) -> list[Line]:
    return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]


def write_lines(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def phrase(request: Line) -> str:
    return PHRASES[sum(request["custom_id"].encode()) % 6]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(job(), tmp_path / "run")


def test_every_prompt_is_one_request_in_the_batch_format(run: Run, tmp_path: Path) -> None:
    (file,) = write_requests([run], tmp_path / "requests.jsonl")
    found = lines_of(file)
    prompts = prompts_of(run.job)
    assert [r["custom_id"] for r in found] == [custom_id(p) for p in prompts]
    assert len({r["custom_id"] for r in found}) == len(prompts) == PRACTICE.n_prompts
    for request, prompt in zip(found, prompts, strict=True):
        assert (request["method"], request["url"]) == ("POST", "/v1/chat/completions")
        assert request["body"]["messages"] == prompt.messages
        assert request["body"]["temperature"] == 0
        assert request["body"]["max_tokens"] == ENDPOINT.max_tokens
        assert len(request["custom_id"]) <= 64
        assert set(request["custom_id"]) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")


def test_files_are_split_by_lines_and_by_size(run: Run, tmp_path: Path) -> None:
    by_lines = write_requests([run], tmp_path / "a.jsonl", most_lines=100)
    assert [f.name for f in by_lines] == ["a-1.jsonl", "a-2.jsonl", "a-3.jsonl", "a-4.jsonl"]
    assert [len(lines_of(f)) for f in by_lines] == [100, 100, 100, 60]
    by_size = write_requests([run], tmp_path / "b.jsonl", most_bytes=50_000)
    assert all(f.stat().st_size <= 50_000 for f in by_size)
    assert lines_of(*by_size) == lines_of(*by_lines)


def test_results_in_any_order_and_in_parts_make_the_run(run: Run, tmp_path: Path) -> None:
    (file,) = write_requests([run], tmp_path / "requests.jsonl")
    results = [answered(r, phrase(r)) for r in lines_of(file)]
    random.Random(0).shuffle(results)
    first, second = write_lines(tmp_path / "1.jsonl", results[:200]), write_lines(tmp_path / "2.jsonl", results[200:])
    half = read_results([run], [first])
    assert (half.answered, half.missing, half.outcomes) == (200, 160, [])
    whole = read_results([run], [second])
    assert (whole.answered, whole.missing) == (160, 0)
    (outcome,) = whole.outcomes
    assert outcome.result.coverage.rated == 360
    assert outcome.result.run.endpoint_model == "served-model-0001"
    assert outcome.result.run.prompt_tokens == 3600


def test_only_what_has_no_answer_is_written_again(run: Run, tmp_path: Path) -> None:
    (file,) = write_requests([run], tmp_path / "requests.jsonl")
    requests = lines_of(file)
    read_results([run], [write_lines(tmp_path / "r.jsonl", [answered(r) for r in requests[:300]])])
    (rest,) = write_requests([run], tmp_path / "rest.jsonl")
    assert lines_of(rest) == requests[300:]
    read_results([run], [write_lines(tmp_path / "s.jsonl", [answered(r) for r in lines_of(rest)])])
    assert write_requests([run], tmp_path / "none.jsonl") == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda r: "{not json", "not JSON"),
        (lambda r: [1], "no custom_id"),
        (lambda r: answered(r) | {"custom_id": None}, "no custom_id"),
        (lambda r: answered(r) | {"custom_id": "v1-1-1-0000000000000000"}, "answers no prompt of this run"),
        (lambda r: answered(r) | {"custom_id": r["custom_id"][:-16] + "0" * 16}, "answers other words than this run's"),
        (lambda r: answered(r, "x" * batch.LONGEST_LINE), f"longer than {batch.LONGEST_LINE:,} bytes"),
    ],
)
def test_a_line_that_cannot_be_used_is_said_and_loses_nothing(
    run: Run, tmp_path: Path, change: Callable[[Line], Any], reason: str
) -> None:
    (file,) = write_requests([run], tmp_path / "requests.jsonl")
    requests = lines_of(file)
    results = [answered(requests[0]), change(requests[1]), *(answered(r) for r in requests[2:])]
    report = read_results([run], [write_lines(tmp_path / "r.jsonl", results)])
    assert report.unused == {reason: 1}
    assert (report.answered, report.missing, report.outcomes) == (359, 1, [])


def test_a_doubled_answer_is_taken_once(run: Run, tmp_path: Path) -> None:
    (file,) = write_requests([run], tmp_path / "requests.jsonl")
    requests = lines_of(file)
    results = [answered(r, "like me") for r in requests] + [answered(requests[0], "not like me")]
    report = read_results([run], [write_lines(tmp_path / "r.jsonl", results)])
    assert report.unused == {"answered already": 1}
    given = lines_of(run.folder / ANSWERS_FILE)
    assert len(given) == 360
    assert {a["raw_response"] for a in given} == {"like me"}


def test_a_file_of_another_benchmarks_words_is_not_taken(run: Run, tmp_path: Path) -> None:
    persona = Run(job(persona=WORDING.persona("political/left")), tmp_path / "persona")
    (file,) = write_requests([persona], tmp_path / "requests.jsonl")
    report = read_results([run], [write_lines(tmp_path / "r.jsonl", [answered(r) for r in lines_of(file)])])
    assert report.answered == 0
    assert report.unused == {"answers other words than this run's": 360}


def test_errors_are_kept_apart_and_a_filter_is_an_answer_of_a_kind(run: Run, tmp_path: Path) -> None:
    (file,) = write_requests([run], tmp_path / "requests.jsonl")
    requests = lines_of(file)
    results = [
        failed(requests[0], "batch_expired", "could not be executed"),
        failed(requests[1], "content_filter", "The prompt was filtered by the content management policy.", 400),
        failed(requests[2], "server_error", "upstream died", 500),
        *(answered(r) for r in requests[3:]),
    ]
    report = read_results([run], [write_lines(tmp_path / "r.jsonl", results)])
    assert report.answered == 358
    assert report.refused == {"server_error: could not be executed": 1, "server_error: upstream died": 1}
    (outcome,) = report.outcomes  # fewer than one in ten has no answer, and of each a line says why
    assert outcome.result.coverage.unscored == {"refusal": 1, "api_error": 2}
    again = lines_of(*write_requests([run], tmp_path / "again.jsonl"))
    assert [r["custom_id"] for r in again] == [requests[0]["custom_id"], requests[2]["custom_id"]]
    report = read_results([run], [write_lines(tmp_path / "s.jsonl", [answered(r) for r in again])])
    assert report.outcomes[0].result.coverage.rated == 359


async def test_the_rest_is_asked_online_in_the_same_folder(tmp_path: Path) -> None:
    with ChatServer(lambda asked: say("like me")) as server:
        endpoint = Endpoint.model_validate({"name": "self-hosted", "base_url": server.address})
        run = Run(job(endpoint=endpoint), tmp_path / "run")
        (file,) = write_requests([run], tmp_path / "requests.jsonl")
        read_results([run], [write_lines(tmp_path / "r.jsonl", [answered(r) for r in lines_of(file)[:350]])])
        outcome = await evaluate(run.job, run.folder)
        assert len(server.asked) == 10
    assert outcome.result.coverage.rated == 360


def test_a_constrained_run_takes_nothing_but_phrases(tmp_path: Path) -> None:
    run = Run(job(endpoint=ENDPOINT.model_copy(update={"answer_mode": "constrained"})), tmp_path / "run")
    (file,) = write_requests([run], tmp_path / "requests.jsonl")
    requests = lines_of(file)
    assert all("grammar" in r["body"] for r in requests)
    report = read_results([run], [write_lines(tmp_path / "r.jsonl", [answered(r, "I like it") for r in requests])])
    assert report.answered == 0
    assert [reason.partition(":")[0] for reason in report.refused] == ["unsupported"]


def test_the_commands_from_prompts_to_a_result(tmp_path: Path) -> None:
    folder, requests = tmp_path / "run", tmp_path / "requests.jsonl"
    common = ["--source", "practice"]
    options = ["--model", "org/model", "--out", str(requests), "--run", str(folder), *common]
    done = CliRunner().invoke(app, ["batch", "write", *options, "--without", "seed", "--max-completion-tokens"])
    assert done.exit_code == 0, done.output
    body = lines_of(requests)[0]["body"]
    assert "seed" not in body
    assert body["max_completion_tokens"] == 64
    results = write_lines(tmp_path / "results.jsonl", [answered(r) for r in lines_of(requests)])
    done = CliRunner().invoke(app, ["batch", "read", str(results), "--out", str(folder), *common])
    assert done.exit_code == 0, done.output
    assert "360 answers taken over; 0 prompts have none." in done.output
    result = Result.model_validate_json((folder / "result.json").read_bytes())
    assert result.run.changed == {"seed": "dropped", "max_tokens": "max_completion_tokens"}
    done = CliRunner().invoke(app, ["batch", "read", str(results), "--out", str(tmp_path / "nowhere"), *common])
    assert done.exit_code != 0


def test_personas_share_a_file_and_come_apart_again(tmp_path: Path) -> None:
    folder, requests = tmp_path / "runs", tmp_path / "requests.jsonl"
    common = ["--source", "practice"]
    options = ["--model", "org/model", "--out", str(requests), "--run", str(folder), "--queries", "2", *common]
    done = CliRunner().invoke(app, ["batch", "write", *options, "--persona", "all"])
    assert done.exit_code == 0, done.output
    written = lines_of(requests)
    assert len(written) == 9 * 60
    results = write_lines(tmp_path / "results.jsonl", [answered(r) for r in written[::-1]])
    done = CliRunner().invoke(app, ["batch", "read", str(results), "--out", str(folder), *common])
    assert done.exit_code == 0, done.output
    found = [Result.model_validate_json(path.read_bytes()) for path in folder.glob("*/result.json")]
    assert len(found) == 9
    assert len({r.persona for r in found}) == 9
    assert all(r.coverage.rated == 60 for r in found)


# --- a service ------------------------------------------------------------------------------------------------------


def service(server: BatchServer, tmp_path: Path) -> tuple[Path, Callable[..., Any]]:
    folder, requests = tmp_path / "run", tmp_path / "requests.jsonl"
    options = ["--model", "org/model", "--out", str(requests), "--run", str(folder), "--source", "practice"]
    assert CliRunner().invoke(app, ["batch", "write", *options]).exit_code == 0

    def call(command: str, *arguments: str) -> Any:
        rest = ["--out", str(folder), "--endpoint", server.address, *arguments]
        files = [str(requests)] if command == "submit" else []
        return CliRunner().invoke(app, ["batch", command, *files, *rest])

    return folder, call


def test_a_service_is_driven_to_the_end_and_nothing_is_handed_in_twice(tmp_path: Path) -> None:
    # all results together are more than what is read of any other reply
    with batch_server(BatchServer(lambda r: answered(r, phrase(r)) | {"note": "x" * 40_000})) as server:
        folder, call = service(server, tmp_path)
        for _ in range(2):
            assert call("submit").exit_code == 0
        assert len(server.batches) == len(server.files) == 1
        looked = call("poll", "--source", "practice")
        assert looked.exit_code == 3, looked.output
        ended = call("poll", "--source", "practice")
        assert ended.exit_code == 0, ended.output
    assert Result.model_validate_json((folder / "result.json").read_bytes()).coverage.rated == 360


def test_a_batch_that_was_made_but_not_remembered_is_found_again(tmp_path: Path) -> None:
    with batch_server(BatchServer(kill_after_create=True)) as server:
        _, call = service(server, tmp_path)
        refused = call("submit")
        assert refused.exit_code != 0
        assert "The server had an error." in str(refused.output) + str(refused.exception)
        assert call("submit").exit_code == 0
        assert len(server.batches) == 1


@pytest.mark.parametrize("end", ["expired", "cancelled", "failed"])
def test_a_batch_that_ends_half_done_leaves_the_rest_to_be_asked(tmp_path: Path, end: str) -> None:
    with batch_server(BatchServer(end=end, done=100, looks=0)) as server:
        folder, call = service(server, tmp_path)
        call("submit")
        ended = call("poll", "--source", "practice")
        assert ended.exit_code == 1, ended.output
        assert "100 answers taken over; 260 prompts have none." in ended.output
        assert not (folder / "result.json").exists()
        server.done, server.end = None, "completed"
        rest = tmp_path / "rest.jsonl"
        options = ["--model", "org/model", "--out", str(rest), "--run", str(folder), "--source", "practice"]
        assert CliRunner().invoke(app, ["batch", "write", *options]).exit_code == 0
        assert len(lines_of(rest)) == 260
        handed = CliRunner().invoke(
            app, ["batch", "submit", str(rest), "--out", str(folder), "--endpoint", server.address]
        )
        assert handed.exit_code == 0, handed.output
        assert call("poll", "--source", "practice").exit_code == 0
    assert Result.model_validate_json((folder / "result.json").read_bytes()).coverage.rated == 360


# --- a real engine --------------------------------------------------------------------------------------------------


@pytest.mark.local_model
@pytest.mark.skipif(not available(), reason="the small local model is not installed")
def test_a_real_engine_gives_the_run_that_evaluate_gives(tmp_path: Path) -> None:
    endpoint = Endpoint(name="local", answer_mode="constrained", concurrency=1)
    one = job(endpoint=endpoint, limit=12)
    online = asyncio.run(evaluate(one, tmp_path / "online"))
    run = Run(one, tmp_path / "batch")
    (file,) = write_requests([run], tmp_path / "requests.jsonl")
    with endpoint_address(endpoint) as address:
        client = openai.OpenAI(base_url=address, api_key="none")
        results = []
        for request in lines_of(file):
            reply = client.post("/chat/completions", cast_to=object, body=request["body"])
            response = {"status_code": 200, "request_id": "1", "body": reply}
            results.append({"id": "1", "custom_id": request["custom_id"], "response": response, "error": None})
    report = read_results([run], [write_lines(tmp_path / "results.jsonl", results[::-1])])
    (outcome,) = report.outcomes
    said = {
        folder: sorted((a["prompt_digest"], a["raw_response"], a["finish_reason"]) for a in lines_of(folder))
        for folder in (online.answers_file, outcome.answers_file)
    }
    assert said[online.answers_file] == said[outcome.answers_file]
    assert online.result.scales == outcome.result.scales
    assert online.result.id == outcome.result.id
