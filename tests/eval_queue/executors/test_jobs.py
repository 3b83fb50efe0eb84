"""Evaluations as Hugging Face Jobs: started once, found again, and believed, through the unmodified client."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from data.errors import InputError
from data.sources.hub_client import PAUSES
from data.sources.practice import practice_benchmark
from eval_queue.executors.dispatcher import STARTS, Dispatcher
from eval_queue.executors.hugging_face_jobs import JobTasks
from eval_queue.queue.queue import Claim, Queue
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint, Settings
from eval_queue.store.local import LocalStore, StoreUnavailable
from eval_queue.submission import Submission, new_submission
from tests.support.hub import Fault, Hub, hub_server

KEY, ADDRESS = "sk-of-the-endpoint", "https://models.example.com/v1"
PACKAGES = ["value-portrait-leaderboard @ git+https://hub.example.com/spaces/lab/board", "vllm==0.33.0"]


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with hub_server() as running:
        yield running


class Place:
    """A queue in a folder with schedulers that start jobs on the test Hub."""

    def __init__(self, hub: Hub, folder: Path, **changes: Any) -> None:
        self.hub = hub
        self.hub.credit(True)
        self.endpoint = Endpoint(
            name="gpu",
            base_url=ADDRESS,
            api_key_env="ENDPOINT_KEY",
            flavor="l4x1",
            parallel=2,
        )
        self.settings = Settings(
            store=folder / "store",
            source="practice",
            requests_repo=f"lab/{folder.name}",
            results_repo=f"lab/{folder.name}-results",
            endpoints=[self.endpoint],
            jobs_packages=PACKAGES,
            **changes,
        )
        store = LocalStore(self.settings.store)
        self.queue = Queue(store, store, lease=timedelta(minutes=10))
        self.before = len(hub.jobs())

    def put(self, *models: str) -> list[Submission]:
        return [
            self.queue.submit(
                new_submission(
                    model,
                    endpoint=self.endpoint,
                    benchmark=BenchmarkRef.of(practice_benchmark()),
                    submitter="ada",
                    at=self.queue.clock(),
                ),
                quota=None,
            )
            for model in models
        ]

    def scheduler(self, **options: Any) -> Scheduler:
        return Scheduler(self, **options)

    def jobs(self) -> list[dict[str, Any]]:
        return self.hub.jobs()[self.before :]

    def claim(self, job: dict[str, Any], answers: int = 0) -> Claim:
        """What the worker in a job does first."""
        claim = self.queue.claim(job["spec"]["labels"]["worker"], runnable=lambda s: s.id == id_of(job))
        assert claim is not None
        return claim


class Scheduler:
    """A dispatcher that takes one turn when told to."""

    def __init__(self, place: Place, **options: Any) -> None:
        tasks = JobTasks(place.settings, api=HfApi(endpoint=place.hub.url, token=place.hub.token))
        self._dispatcher = Dispatcher(
            place.queue,
            endpoints=place.settings.endpoints,
            tasks=tasks,
            stop=threading.Event(),
            look=0.0,
            again=0.0,
            **options,
        )

    def turn(self) -> bool:
        return self._dispatcher._turn()


def id_of(job: dict[str, Any]) -> str:
    words = job["command"]
    return str(words[words.index("--submission") + 1])


@pytest.fixture
def place(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("ENDPOINT_KEY", KEY)
    return Place(hub, tmp_path)


def test_a_job_is_told_everything_and_only_secrets_hold_what_is_secret(place: Place) -> None:
    (submission,) = place.put("org/a-2.5")
    place.scheduler().turn()
    (job,) = place.jobs()
    spec = job["spec"]
    assert spec["command"] == [
        *("uv", "run", "--with", PACKAGES[0], "--with", PACKAGES[1], "python", "-m", "eval_queue", "work", "--once"),
        *("--submission", submission.id, "--worker", spec["labels"]["worker"]),
    ]
    assert spec["flavor"] == "l4x1"
    assert spec["timeoutSeconds"] == 6 * 3600
    assert spec["attempts"] == 1
    assert spec["labels"]["submission"] == submission.id.replace(".", "_")
    assert spec["labels"]["attempt"] == "1"
    secrets = spec.pop("secrets")
    assert secrets["HF_TOKEN"] == place.hub.token
    assert secrets["ENDPOINT_KEY"] == KEY
    (endpoint,) = json.loads(secrets["VALUE_PORTRAIT_ENDPOINTS"])
    assert Endpoint.model_validate(endpoint) == place.endpoint
    for secret in (place.hub.token, KEY, ADDRESS):
        assert secret not in json.dumps(spec)
    assert spec["environment"]["VALUE_PORTRAIT_REQUESTS_REPO"] == place.settings.requests_repo
    assert spec["environment"]["VALUE_PORTRAIT_EXECUTOR"] == "here"


def test_the_settings_that_a_job_is_given_are_settings(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put("org/a")
    place.scheduler().turn()
    spec = place.jobs()[0]["spec"]
    for name, value in {**spec["environment"], **spec["secrets"]}.items():
        monkeypatch.setenv(name, value)
    inside = Settings()
    assert inside.endpoints == place.settings.endpoints
    assert inside.retest == place.settings.retest
    assert not inside.local_model


def test_never_more_jobs_than_places_whoever_started_them(place: Place) -> None:
    place.put(*(f"org/{n}" for n in range(4)))
    first = place.scheduler()
    first.turn()
    first.turn()
    assert len(place.jobs()) == 2
    place.scheduler().turn()
    assert len(place.jobs()) == 2


def test_jobs_are_started_for_chosen_submissions_alone(place: Place) -> None:
    place.put("org/a")
    (wanted,) = place.put("org/b")
    scheduler = place.scheduler(only={wanted.id})
    scheduler.turn()
    assert [id_of(job) for job in place.jobs()] == [wanted.id]
    place.claim(place.jobs()[0])
    place.queue.cancel(wanted.id, by="ada")
    place.hub.change_job(place.jobs()[0]["id"], stage="COMPLETED")
    assert not scheduler.turn(), "nothing is left of what was chosen"


def test_a_restarted_scheduler_finds_its_jobs(place: Place) -> None:
    place.put("org/a")
    place.scheduler().turn()
    after = place.scheduler()
    assert after.turn()
    place.hub.change_job(place.jobs()[0]["id"], stage="RUNNING")
    after.turn()
    place.scheduler().turn()
    assert len(place.jobs()) == 1


def test_a_job_of_which_no_answer_came_is_found(place: Place) -> None:
    place.put("org/a")
    scheduler = place.scheduler()
    place.hub.faults.add(Fault(route="job-run", after=True, cut=True))
    with pytest.raises(StoreUnavailable):
        scheduler.turn()
    assert scheduler.turn()
    assert len(place.jobs()) == 1


def test_two_queues_do_not_take_each_other_s_jobs(hub: Hub, tmp_path: Path) -> None:
    one, other = Place(hub, tmp_path / "one"), Place(hub, tmp_path / "other")
    one.put("org/a")
    other.put("org/a")
    one.scheduler().turn()
    other.scheduler().turn()
    assert len(one.jobs()) == 2


def test_a_job_that_ends_has_no_claim_any_more(place: Place) -> None:
    (submission,) = place.put("org/a")
    scheduler = place.scheduler()
    scheduler.turn()
    job = place.jobs()[0]
    place.claim(job)
    place.hub.change_job(job["id"], stage="RUNNING")
    scheduler.turn()
    assert place.queue.get(submission.id).state == "running"
    place.hub.change_job(
        job["id"], stage="ERROR", message="Job timeout", logs=f"token {place.hub.token}\n{ADDRESS} {KEY}"
    )
    scheduler.turn()
    # far before the end of its lease
    assert len(place.jobs()) == 2
    assert place.queue.get(submission.id).state == "pending"
    assert "without a word" in place.queue.get(submission.id).history[-1].why
    assert place.jobs()[1]["spec"]["labels"]["attempt"] == "2"
    kept = (place.settings.store / "jobs" / f"{job['id']}.log").read_text()
    assert kept == "token ***\n*** ***\n"


def test_a_job_that_ended_while_no_scheduler_ran_has_no_claim_either(place: Place) -> None:
    (submission,) = place.put("org/a")
    place.scheduler().turn()
    job = place.jobs()[0]
    place.claim(job)
    place.hub.change_job(job["id"], stage="ERROR")
    place.scheduler().turn()
    assert [step.state for step in place.queue.get(submission.id).history] == ["pending", "running", "pending"]
    assert len(place.jobs()) == 2


def test_a_claim_of_somebody_else_is_left_alone(place: Place) -> None:
    (submission,) = place.put("org/a")
    scheduler = place.scheduler()
    scheduler.turn()
    assert place.queue.claim("somebody", runnable=lambda _: True)
    place.hub.change_job(place.jobs()[0]["id"], stage="ERROR")
    scheduler.turn()
    assert place.queue.get(submission.id).state == "running"


def test_while_its_job_runs_a_silent_claim_holds(hub: Hub, tmp_path: Path) -> None:
    place = Place(hub, tmp_path)
    place.queue.lease = timedelta(seconds=0)
    (submission,) = place.put("org/a")
    scheduler = place.scheduler()
    scheduler.turn()
    job = place.jobs()[0]
    claim = place.claim(job)
    hub.change_job(job["id"], stage="RUNNING")
    scheduler.turn()
    place.queue.renew(claim, None)
    hub.change_job(job["id"], stage="COMPLETED")
    scheduler.turn()
    assert place.queue.get(submission.id).state == "pending"


def test_a_job_that_gets_no_machine_is_cancelled_and_its_submission_waits_for_another(place: Place) -> None:
    (submission,) = place.put("org/a")
    scheduler = place.scheduler()
    scheduler.turn()
    job = place.jobs()[0]
    place.hub.change_job(job["id"], older=59 * 60)
    scheduler.turn()
    assert place.jobs()[0]["status"]["stage"] == "SCHEDULING"
    place.hub.change_job(job["id"], older=2 * 60)
    scheduler.turn()
    assert place.jobs()[0]["status"]["stage"] == "CANCELED"
    scheduler.turn()
    assert place.queue.get(submission.id).state == "pending"
    assert [j["status"]["stage"] for j in place.jobs()] == ["CANCELED", "SCHEDULING"]


def test_the_job_of_a_cancelled_submission_is_cancelled(place: Place) -> None:
    (submission,) = place.put("org/a")
    scheduler = place.scheduler()
    scheduler.turn()
    place.queue.cancel(submission.id, by="ada")
    scheduler.turn()
    assert place.jobs()[0]["status"]["stage"] == "CANCELED"
    assert not scheduler.turn()
    assert len(place.jobs()) == 1


def test_jobs_that_never_begin_are_not_paid_for_without_end(place: Place) -> None:
    (submission,) = place.put("org/a")
    scheduler = place.scheduler()
    for _ in range(STARTS + 2):
        scheduler.turn()
        place.hub.change_job(place.jobs()[-1]["id"], stage="ERROR", message="image not found")
    scheduler.turn()
    assert len(place.jobs()) == STARTS
    found = place.queue.get(submission.id)
    assert found.failure is not None
    assert found.failure.code == "not_started"
    assert "the job ended with ERROR" in found.failure.message


def test_what_the_hub_refuses_stops_neither_the_scheduler_nor_other_endpoints(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.put("org/a")
    place.hub.credit(False)
    scheduler = place.scheduler()
    assert scheduler.turn()
    assert "it asks for payment" in caplog.text
    for secret in (place.hub.token, KEY, ADDRESS):
        assert secret not in caplog.text
    place.hub.credit(True)
    scheduler.turn()
    assert len(place.jobs()) == 1


def test_a_hub_that_cannot_be_asked_is_asked_again(place: Place) -> None:
    place.put("org/a")
    scheduler = place.scheduler()
    place.hub.faults.add(Fault(route="jobs", status=429, retry_after=3600))
    with pytest.raises(StoreUnavailable, match="left alone until"):
        scheduler.turn()
    PAUSES.forget()
    scheduler.turn()
    assert len(place.jobs()) == 1


def test_what_became_of_a_job_is_asked_again_and_until_then_it_runs(place: Place) -> None:
    (submission,) = place.put("org/a")
    scheduler = place.scheduler()
    scheduler.turn()
    job = place.jobs()[0]
    place.claim(job)
    place.hub.change_job(job["id"], stage="ERROR")
    place.hub.faults.add(Fault(route="job", status=429, retry_after=3600))
    scheduler.turn()
    assert place.queue.get(submission.id).state == "running"
    PAUSES.forget()
    scheduler.turn()
    assert place.queue.get(submission.id).history[-1].state == "pending"


def test_a_job_that_is_gone_counts_as_ended(place: Place) -> None:
    (submission,) = place.put("org/a")
    scheduler = place.scheduler()
    scheduler.turn()
    place.hub.faults.add(Fault(route="job", status=404))
    place.hub.change_job(place.jobs()[0]["id"], stage="DELETED")
    scheduler.turn()
    assert len(place.jobs()) == 2
    assert place.queue.get(submission.id).state == "pending"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"requests_repo": None, "results_repo": None}, "VALUE_PORTRAIT_REQUESTS_REPO"),
        ({"jobs_packages": []}, "VALUE_PORTRAIT_JOBS_PACKAGES"),
        ({"personas": Path("personas.json")}, "VALUE_PORTRAIT_PERSONAS"),
        ({"source": "."}, "VALUE_PORTRAIT_SOURCE"),
    ],
)
def test_what_jobs_lack_is_named(place: Place, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        JobTasks(place.settings.model_copy(update=changes))
    assert caught.value.field == field


def test_a_token_that_may_not_run_jobs_is_refused_at_once(place: Place) -> None:
    token = place.hub.add_user("stranger" + place.settings.requests_repo[-6:].replace("_", "-"))  # type: ignore[index]
    with pytest.raises(InputError, match="the right to run jobs of lab"):
        JobTasks(place.settings, api=HfApi(endpoint=place.hub.url, token=token))
