"""The test Hub's Jobs, each route through the unmodified client."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from huggingface_hub import HfApi, JobInfo
from huggingface_hub.errors import HfHubHTTPError

from . import Hub

LABELS = {"submission": "org-a-123456789abc", "attempt": "1"}


def start(api: HfApi, *words: str, **given: Any) -> JobInfo:
    options: dict[str, Any] = {"image": "python:3.12", "labels": LABELS, "flavor": "cpu-basic", "namespace": "lab"}
    return api.run_job(command=["uv", "run", "--with", "something", "python", *words], **options | given)


def test_a_job_waits_until_a_machine_takes_it_and_is_found_by_its_labels(hub: Hub, api: HfApi) -> None:
    made = start(api, "-V", secrets={"HF_TOKEN": "hf_secret"}, timeout="2h", attempts=1)
    assert made.status.stage == "SCHEDULING"
    assert made.labels is not None
    assert made.labels.items() >= LABELS.items()
    start(api, "-V", labels={"submission": "another"})
    found = list(api.list_jobs(labels=LABELS, status=["SCHEDULING", "RUNNING"], namespace="lab"))
    assert [job.id for job in found] == [made.id]
    assert not list(api.list_jobs(labels=LABELS, status="RUNNING", namespace="lab"))
    assert "hf_secret" not in str(api.inspect_job(job_id=made.id, namespace="lab"))
    assert hub.jobs()[0]["spec"] | {"timeoutSeconds": 7200, "attempts": 1} == hub.jobs()[0]["spec"]


def test_long_lists_come_in_pages(api: HfApi) -> None:
    made = {start(api, "-V").id for _ in range(45)}
    assert {job.id for job in api.list_jobs(labels=LABELS, namespace="lab")} == made


def test_stages_are_told_as_they_are(hub: Hub, api: HfApi) -> None:
    id_ = start(api, "-V").id
    for stage in ("RUNNING", "ERROR"):
        hub.change_job(id_, stage=stage, message="no such image")
        found = api.inspect_job(job_id=id_, namespace="lab")
        assert (found.status.stage, found.status.message) == (stage, "no such image")


def test_a_job_is_cancelled_once(api: HfApi) -> None:
    id_ = start(api, "-V").id
    api.cancel_job(job_id=id_, namespace="lab")
    assert api.inspect_job(job_id=id_, namespace="lab").status.stage == "CANCELED"
    with pytest.raises(HfHubHTTPError):
        api.cancel_job(job_id=id_, namespace="lab")


def test_labels_are_changed(api: HfApi) -> None:
    id_ = start(api, "-V").id
    assert api.update_job_labels(job_id=id_, labels={"attempt": "2"}, namespace="lab").labels == {"attempt": "2"}


def test_logs_are_read_from_their_end(hub: Hub, api: HfApi) -> None:
    id_ = start(api, "-V").id
    hub.change_job(id_, stage="ERROR", logs="first\nsecond\nthird")
    assert list(api.fetch_job_logs(job_id=id_, namespace="lab")) == ["first", "second", "third"]
    assert list(api.fetch_job_logs(job_id=id_, namespace="lab", tail=2)) == ["second", "third"]


@pytest.mark.parametrize(
    ("given", "status"),
    [({"flavor": "h9000"}, 400), ({"labels": {"a": "not a label"}}, 400), ({"namespace": "other"}, 403)],
)
def test_what_cannot_be_is_refused(api: HfApi, given: dict[str, Any], status: int) -> None:
    with pytest.raises(HfHubHTTPError) as caught:
        start(api, "-V", **given)
    assert caught.value.response.status_code == status


def test_who_cannot_pay_gets_no_job(hub: Hub, api: HfApi) -> None:
    hub.credit(False)
    with pytest.raises(HfHubHTTPError) as caught:
        start(api, "-V")
    assert caught.value.response.status_code == 402


@pytest.mark.slow
def test_a_machine_really_runs_the_command_with_nothing_of_ours(
    hub: Hub, api: HfApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THIS_MACHINE", "1")
    hub.machine({"PYTHON": sys.executable})
    code = "import os; print(os.environ['A'], os.environ['B'], os.environ.get('OF_THIS_MACHINE'), os.environ['JOB_ID'])"
    good = start(api, "-c", code, env={"A": "1"}, secrets={"B": "2"})
    bad = start(api, "-c", "raise SystemExit(3)")
    late = start(api, "-c", "import time; time.sleep(600)", timeout=1)
    cancelled = start(api, "-c", "import time; time.sleep(600)")
    api.cancel_job(job_id=cancelled.id, namespace="lab")
    found = {job.id: job for job in api.wait_for_job([j.id for j in (good, bad, late, cancelled)], namespace="lab")}
    assert [found[j.id].status.stage for j in (good, bad, late, cancelled)] == [
        "COMPLETED",
        "ERROR",
        "ERROR",
        "CANCELED",
    ]
    assert found[bad.id].status.message == "Job failed with exit code: 3"
    assert found[late.id].status.message == "Job timeout"
    assert list(api.fetch_job_logs(job_id=good.id, namespace="lab")) == [f"1 2 None {good.id}"]


def test_hardware_has_prices(api: HfApi) -> None:
    assert {one.name: one.unit_label for one in api.list_jobs_hardware()}["l4x1"] == "minute"
