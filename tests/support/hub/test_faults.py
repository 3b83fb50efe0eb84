"""Each fault of the test Hub, as the unmodified client meets it, and what truly happened on the Hub."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import BadRequestError, HfHubHTTPError

from tests.support.waiting import LIMIT, until

from . import Fault, Hub, hub_process

REPO = "lab/requests"


@pytest.fixture(autouse=True)
def _repository(hub: Hub) -> None:
    hub.add_repo(REPO, files={"a.json": b"1"})


def commit(api: HfApi, path: str = "new.json", parent: str | None = None) -> str:
    operation = CommitOperationAdd(path, b"content")
    made = api.create_commit(REPO, [operation], commit_message="m", repo_type="dataset", parent_commit=parent)
    return str(made.oid)


def landed(hub: Hub, path: str = "new.json") -> bool:
    return path in hub.files(REPO)


def paths(api: HfApi) -> list[str]:
    return [entry.path for entry in api.list_repo_tree(REPO, repo_type="dataset", recursive=True)]


@pytest.mark.parametrize("status", [500, 503, 429])
@pytest.mark.parametrize("after", [False, True])
def test_a_commit_that_answers_an_error_has_landed_or_not(hub: Hub, api: HfApi, status: int, after: bool) -> None:
    hub.faults.add(Fault(route="commit", status=status, after=after, retry_after=7))
    with pytest.raises(HfHubHTTPError) as caught:
        commit(api)
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (status, "7")
    assert landed(hub) is after
    # The client does not try again by itself.
    assert hub.requests.count("commit") == 1
    assert hub.requests.all()[-1].status == status
    commit(api, "next.json")
    assert landed(hub, "next.json")


@pytest.mark.parametrize("after", [False, True])
def test_a_commit_whose_connection_is_cut_has_landed_or_not(hub: Hub, api: HfApi, after: bool) -> None:
    hub.faults.add(Fault(route="commit", cut=True, after=after))
    with pytest.raises(httpx2.RemoteProtocolError):
        commit(api)
    assert landed(hub) is after
    assert [line.status for line in hub.requests.all() if line.route == "commit"] == [0]


def test_a_late_answer_is_a_time_out(hub: Hub, api: HfApi) -> None:
    hub.faults.add(Fault(route="info", delay=600))
    with pytest.raises(httpx2.ReadTimeout):
        api.dataset_info(REPO, timeout=0.2)
    assert api.dataset_info(REPO, timeout=10).id == REPO


def test_a_commit_can_be_held_once_it_has_landed(hub: Hub, api: HfApi) -> None:
    rule = hub.faults.add(Fault(route="commit", delay=600, after=True))
    oids: list[str] = []
    thread = threading.Thread(target=lambda: oids.append(commit(api)))
    thread.start()
    until(lambda: landed(hub))
    assert not oids
    hub.faults.clear(rule)
    thread.join(LIMIT)
    assert oids == [hub.history(REPO)[0]["oid"]]


def test_listing_waits_as_long_as_it_is_told(hub: Hub, api: HfApi, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", logger="huggingface_hub")  # other tests in this process may have made it quieter
    hub.faults.add(Fault(route="tree", status=429, retry_after=2))
    assert "a.json" in paths(api)
    assert "Rate limited. Waiting 3.0s" in caplog.text  # the client adds a second
    assert [line.status for line in hub.requests.all()] == [429, 200]


def test_info_is_not_asked_again_after_an_error(hub: Hub, api: HfApi) -> None:
    hub.faults.add(Fault(route="info", status=503))
    with pytest.raises(HfHubHTTPError):
        api.dataset_info(REPO)
    assert hub.requests.count() == 1


def test_stale_reads_show_an_older_head_and_writing_does_not_trust_them(hub: Hub, api: HfApi) -> None:
    heads = [hub.commit(REPO, {f"{i}.json": b"x"}) for i in range(3)]
    hub.faults.add(Fault(route="info", stale=1, times=2))
    hub.faults.add(Fault(route="tree", stale=2))
    first, second = api.dataset_info(REPO).sha, api.dataset_info(REPO).sha
    assert first == second == heads[1]
    assert "1.json" not in paths(api)
    with pytest.raises(HfHubHTTPError) as caught:
        commit(api, parent=first)
    assert caught.value.response.status_code == 412
    assert api.dataset_info(REPO).sha == heads[2]
    assert "2.json" in paths(api)
    # A pinned revision is what it is.
    hub.faults.add(Fault(route="info", stale=1))
    assert api.dataset_info(REPO, revision=heads[2]).sha == heads[2]


def test_a_listing_page_can_be_torn_in_each_way(hub: Hub, api: HfApi) -> None:
    hub.commit(REPO, {f"many/{i:04d}.json": b"x" for i in range(1500)})
    whole = paths(api)
    assert len(whole) == 1503

    hub.faults.add(Fault(route="tree", torn="text", skip=1))
    with pytest.raises(json.JSONDecodeError):
        paths(api)
    hub.faults.add(Fault(route="tree", torn="entries"))
    assert len(paths(api)) == 1003
    hub.faults.add(Fault(route="tree", torn="next-lost"))
    assert paths(api) == whole[:1000]
    hub.faults.add(Fault(route="tree", torn="next-wrong"))
    with pytest.raises(BadRequestError):
        paths(api)
    # A page that breaks off is asked for again by the client.
    hub.requests.clear()
    hub.faults.add(Fault(route="tree", torn="dropped", skip=1))
    assert paths(api) == whole
    assert [line.status for line in hub.requests.all()] == [200, 0, 200]
    assert set(hub.faults.fired().values()) == {1}


def test_a_listing_by_branch_name_can_mix_two_commits_and_a_pinned_one_cannot(hub: Hub, api: HfApi) -> None:
    sha = hub.commit(REPO, {f"many/{i:04d}.json": b"x" for i in range(1500)})
    for revision, mixed in (("main", True), (sha, False)):
        hub.faults.add(Fault(route="tree", delay=600, skip=1))
        listed: list[str] = []

        def read(revision: str = revision, listed: list[str] = listed) -> None:
            entries = api.list_repo_tree(REPO, repo_type="dataset", recursive=True, revision=revision)
            listed.extend(entry.path for entry in entries)

        thread = threading.Thread(target=read)
        thread.start()
        until(lambda: 1 in hub.faults.fired().values())
        hub.commit(REPO, {"a.json": None, "many/9999.json": b"late"})
        hub.faults.clear()
        thread.join(LIMIT)
        assert ("a.json" in listed and "many/9999.json" in listed) is mixed
        hub.commit(REPO, {"a.json": b"1", "many/9999.json": None})


@pytest.mark.parametrize(("size", "statuses"), [(1_000_000, [200, 0, 200]), (24_000_000, [200, 0, 206])])
def test_a_download_that_breaks_off_is_repeated_or_resumed(
    hub: Hub, api: HfApi, tmp_path: Path, size: int, statuses: list[int]
) -> None:
    body = bytes(range(250)) * (size // 250)
    hub.commit(REPO, {"large.json": body})
    hub.faults.add(Fault(route="resolve", method="GET", torn="dropped"))
    place = api.hf_hub_download(REPO, "large.json", repo_type="dataset", cache_dir=tmp_path)
    assert Path(place).read_bytes() == body
    # What the client keeps of a broken answer are whole chunks of 10 MB.
    assert [line.status for line in hub.requests.all()] == statuses


def test_the_client_hides_an_outage_behind_its_cache(hub: Hub, api: HfApi, tmp_path: Path) -> None:
    where: dict[str, Any] = {"repo_id": REPO, "filename": "a.json", "repo_type": "dataset", "cache_dir": tmp_path}
    assert Path(api.hf_hub_download(**where)).read_text() == "1"
    hub.commit(REPO, {"a.json": b"2"})
    hub.faults.add(Fault(route="resolve", status=503, times=None))
    assert Path(api.hf_hub_download(**where)).read_text() == "1"
    hub.faults.clear()
    assert Path(api.hf_hub_download(**where)).read_text() == "2"


def test_an_upload_is_repeated_after_an_error(hub: Hub, api: HfApi) -> None:
    hub.faults.add(Fault(route="preupload", status=503))
    commit(api)
    assert hub.requests.by_route() == {"preupload": 2, "commit": 1}
    assert landed(hub)


# Rules


def statuses(hub: Hub, api: HfApi, times: int, repo: str = REPO) -> list[int]:
    hub.requests.clear()
    for _ in range(times):
        try:
            api.dataset_info(repo)
        except HfHubHTTPError:
            continue
    return [line.status for line in hub.requests.all()]


def test_rules_count(hub: Hub, api: HfApi) -> None:
    rule = hub.faults.add(Fault(route="info", status=500, skip=2, every=3, times=2))
    assert statuses(hub, api, 10) == [200, 200, 500, 200, 200, 500, 200, 200, 200, 200]
    assert hub.faults.fired() == {rule: 2}
    hub.faults.clear()
    hub.faults.add(Fault(route="info", status=500, times=None))
    assert statuses(hub, api, 4) == [500] * 4
    hub.faults.clear()
    assert statuses(hub, api, 1) == [200]


def test_rules_choose_by_route_method_repository_path_and_user(hub: Hub, api: HfApi) -> None:
    hub.add_repo("lab/results", files={"x/1": b"1", "y/1": b"1"})
    member = HfApi(endpoint=hub.url, token=hub.add_user("member", orgs={"lab": "write"}))
    rule = hub.faults.add(Fault(repo="lab/res*", user="member", status=503, times=None))
    assert statuses(hub, member, 1, "lab/results") == [503]
    assert statuses(hub, member, 1) == [200]
    assert statuses(hub, api, 1, "lab/results") == [200]
    hub.faults.clear(rule)
    hub.faults.add(Fault(route="resolve", method="HEAD", path="x/*", status=500, times=None))
    assert api.file_exists("lab/results", "y/1", repo_type="dataset")
    with pytest.raises(HfHubHTTPError):
        api.file_exists("lab/results", "x/1", repo_type="dataset")


def test_the_first_rule_that_fires_decides(hub: Hub, api: HfApi) -> None:
    hub.faults.add(Fault(route="info", status=500))
    hub.faults.add(Fault(route="*", status=502))
    assert statuses(hub, api, 3) == [500, 502, 200]
    assert [line.fault for line in hub.requests.all()] == [1, 2, None]


def test_a_rule_that_is_no_rule_is_refused(hub: Hub) -> None:
    with pytest.raises(ValueError, match="torn"):
        Fault.model_validate({"torn": "a bit"})
    with pytest.raises(ValueError, match="satus"):
        Fault.model_validate({"satus": 500})


def test_a_server_killed_between_commit_and_answer_has_the_commit(tmp_path: Path) -> None:
    with hub_process(tmp_path) as hub:
        hub.add_repo(REPO)
        hub.faults.add(Fault(route="commit", delay=600, after=True))
        api = HfApi(endpoint=hub.url, token=hub.token)
        errors: list[Exception] = []

        def send() -> None:
            try:
                commit(api)
            except httpx2.TransportError as error:
                errors.append(error)

        thread = threading.Thread(target=send)
        thread.start()
        until(lambda: landed(hub))
        hub.kill()
        thread.join(LIMIT)
        assert len(errors) == 1
        with pytest.raises(httpx2.ConnectError):
            api.dataset_info(REPO)
        hub.start()
        assert landed(hub)
        assert api.dataset_info(REPO).sha == hub.history(REPO)[0]["oid"]
