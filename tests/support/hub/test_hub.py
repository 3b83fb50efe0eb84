"""The test Hub's routes, each through the unmodified client."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi, HfFileSystem
from huggingface_hub.errors import (
    BadRequestError,
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile, RepoFolder

from . import Hub, hub_process, hub_server

REPO = "lab/requests"
CLIENT = Path(__file__).with_name("client_process.py")


def add(path: str, content: bytes | str) -> CommitOperationAdd:
    return CommitOperationAdd(path, content.encode() if isinstance(content, str) else content)


def commit(api: HfApi, *operations: Any, parent: str | None = None, message: str = "change") -> str:
    made = api.create_commit(REPO, operations, commit_message=message, repo_type="dataset", parent_commit=parent)
    return str(made.oid)


def head(api: HfApi) -> str:
    sha = api.dataset_info(REPO).sha
    assert sha is not None
    return sha


def paths(api: HfApi, **where: Any) -> list[str]:
    return [entry.path for entry in api.list_repo_tree(REPO, repo_type="dataset", **where)]


@pytest.fixture
def repo(hub: Hub, api: HfApi) -> str:
    api.create_repo(REPO, repo_type="dataset")
    return REPO


# Account


def test_whoami_tells_person_organisations_and_the_role_of_the_token(hub: Hub, api: HfApi) -> None:
    me = api.whoami()
    assert (me["type"], me["name"], [org["name"] for org in me["orgs"]]) == ("user", hub.user, [hub.org])
    assert {"fullname", "avatarUrl"} <= me.keys()
    assert me["auth"]["accessToken"]["role"] == "write"
    assert api.whoami(token=hub.add_token(hub.user, "read"))["auth"]["accessToken"]["role"] == "read"
    narrow = hub.add_token(hub.user, "fineGrained", scopes={"lab": ["repo.write"]})
    access = api.whoami(token=narrow)["auth"]["accessToken"]
    assert access["fineGrained"]["scoped"] == [
        {"entity": {"type": "org", "name": "lab"}, "permissions": ["repo.write"]}
    ]


def test_an_unknown_token_is_refused_everywhere(hub: Hub, repo: str) -> None:
    stranger = HfApi(endpoint=hub.url, token="hf_nobody")
    with pytest.raises(HfHubHTTPError, match="Invalid user token") as caught:
        stranger.whoami()
    assert caught.value.response.status_code == 401
    with pytest.raises(HfHubHTTPError, match="Invalid credentials") as caught:
        stranger.dataset_info(repo)
    assert not isinstance(caught.value, RepositoryNotFoundError)
    token = hub.add_token(hub.user)
    HfApi(endpoint=hub.url, token=token).whoami()
    hub.remove_token(token)
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        HfApi(endpoint=hub.url, token=token).whoami()


# Repositories


def test_create_and_delete(hub: Hub, api: HfApi) -> None:
    url = api.create_repo(REPO, repo_type="dataset", private=True)
    assert (url.repo_id, url.repo_type) == (REPO, "dataset")
    assert api.create_repo(REPO, repo_type="dataset", exist_ok=True).repo_id == REPO
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_repo(REPO, repo_type="dataset")
    assert caught.value.response.status_code == 409
    assert api.dataset_info(REPO).private is True
    assert not api.repo_exists(REPO)  # the model of that name
    assert api.repo_exists(REPO, repo_type="dataset")
    assert paths(api) == [".gitattributes"]
    assert [step.title for step in api.list_repo_commits(REPO, repo_type="dataset")] == ["initial commit"]
    assert api.create_repo("mine").repo_id == f"{hub.user}/mine"
    api.update_repo_settings(REPO, repo_type="dataset", private=False, gated="auto")
    assert (api.dataset_info(REPO).private, api.dataset_info(REPO).gated) == (False, "auto")
    api.delete_repo(REPO, repo_type="dataset")
    api.delete_repo(REPO, repo_type="dataset", missing_ok=True)
    with pytest.raises(RepositoryNotFoundError):
        api.delete_repo(REPO, repo_type="dataset")
    with pytest.raises(RepositoryNotFoundError):
        api.dataset_info(REPO)


def test_a_card_is_checked_before_it_is_committed(api: HfApi, repo: str) -> None:
    with pytest.raises(ValueError, match="Invalid metadata"):
        commit(api, add("README.md", "---\nlicense: [mit\n---\n"))
    with pytest.raises(ValueError, match="Invalid metadata"):
        commit(api, add("README.md", "---\n- a list\n---\n"))
    assert paths(api) == [".gitattributes"]
    with pytest.warns(UserWarning, match="empty or missing"):
        commit(api, add("README.md", "No block."))
    commit(api, add("README.md", "---\nlicense: mit\ntags: [values]\n---\nText."))
    info = api.dataset_info(repo)
    assert info.card_data is not None
    assert info.card_data.license == "mit"
    assert info.tags == ["values", "license:mit"]


# Commits


def test_a_commit_adds_copies_and_deletes(hub: Hub, api: HfApi, repo: str) -> None:
    first = commit(api, add("a/one.json", "1"), add("a/two.json", "2"), add("b/c/three.json", "3"))
    copy = CommitOperationCopy("a/one.json", "copied/one.json")
    second = commit(api, copy, CommitOperationDelete("a/two.json"), CommitOperationDelete("b/"), parent=first)
    assert second == head(api)
    held = hub.files(repo)
    assert {path: body for path, body in held.items() if path != ".gitattributes"} == {
        "a/one.json": b"1",
        "copied/one.json": b"1",
    }
    assert [step.commit_id for step in api.list_repo_commits(repo, repo_type="dataset")][:2] == [second, first]
    # What was is still there under its own commit.
    assert "b/c/three.json" in paths(api, revision=first, recursive=True)


def test_deleting_what_is_not_there_applies_nothing(hub: Hub, api: HfApi, repo: str) -> None:
    before = head(api)
    with pytest.raises(RemoteEntryNotFoundError, match="A file with this name doesn't exist"):
        commit(api, add("new.json", "1"), CommitOperationDelete("never.json"))
    with pytest.raises(RemoteEntryNotFoundError):
        commit(api, CommitOperationDelete("never/"))
    assert head(api) == before
    assert list(hub.files(repo)) == [".gitattributes"]


def test_an_old_parent_is_412(hub: Hub, api: HfApi, repo: str) -> None:
    old = head(api)
    new = commit(api, add("a.json", "1"), parent=old)
    with pytest.raises(HfHubHTTPError, match="A commit has happened since") as caught:
        commit(api, add("b.json", "2"), parent=old)
    assert caught.value.response.status_code == 412
    # The parent is checked before all else.
    with pytest.raises(HfHubHTTPError, match="A commit has happened since"):
        commit(api, CommitOperationDelete("never.json"), parent=old)
    commit(api, add("b.json", "2"), parent=new[:7])
    assert len(hub.history(repo)) == 3


def test_a_commit_that_changes_nothing_is_never_sent(hub: Hub, api: HfApi, repo: str) -> None:
    old = head(api)
    new = commit(api, add("a.json", "1"))
    hub.requests.clear()
    assert commit(api, add("a.json", "1"), parent=old) == new
    assert hub.requests.by_route() == {"preupload": 1, "info": 1}


def test_of_eight_claims_on_the_same_head_one_wins(hub: Hub, api: HfApi, repo: str) -> None:
    def claim(worker: int, path: str, parent: str, barrier: threading.Barrier) -> int:
        barrier.wait()
        try:
            commit(api, add(path, f"worker {worker}"), parent=parent)
        except HfHubHTTPError as error:
            return error.response.status_code
        return 200

    with ThreadPoolExecutor(8) as pool:
        for turn in range(6):
            path, parent, barrier = f"claims/{turn}.json", head(api), threading.Barrier(8)
            outcomes = list(pool.map(claim, range(8), [path] * 8, [parent] * 8, [barrier] * 8))
            assert sorted(outcomes) == [200] + [412] * 7
            assert hub.files(repo)[path] == f"worker {outcomes.index(200)}".encode()
    assert len(hub.history(repo)) == 7


def test_upload_file_and_folder(hub: Hub, api: HfApi, repo: str, tmp_path: Path) -> None:
    for name in ("one.json", "sub/two words.json", "secret.log"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    api.upload_file(path_or_fileobj=b"*.log\n", path_in_repo=".gitignore", repo_id=repo, repo_type="dataset")
    api.upload_folder(folder_path=tmp_path, path_in_repo="up", repo_id=repo, repo_type="dataset")
    held = hub.files(repo)
    assert held["up/sub/two words.json"] == b"sub/two words.json"
    assert set(held) == {".gitattributes", ".gitignore", "up/one.json", "up/sub/two words.json"}
    api.delete_folder("up/sub", repo_id=repo, repo_type="dataset")
    api.delete_file("up/one.json", repo_id=repo, repo_type="dataset")
    assert set(hub.files(repo)) == {".gitattributes", ".gitignore"}


def test_malformed_commits_are_refused(hub: Hub, repo: str) -> None:
    url, headers = f"{hub.url}/api/datasets/{repo}/commit/main", {"Authorization": f"Bearer {hub.token}"}
    header = {"key": "header", "value": {"summary": "s"}}
    outside = {"key": "file", "value": {"path": "../x", "content": "", "encoding": "base64"}}
    missing = {"key": "lfsFile", "value": {"path": "x.bin", "algo": "sha256", "oid": "0" * 64, "size": 1}}
    for lines in ([], [{"key": "nothing"}], [header, {"key": "odd", "value": {"path": "x"}}], [header, outside]):
        body = b"\n".join(json.dumps(line).encode() for line in lines)
        assert httpx2.post(url, content=body, headers=headers, timeout=60).status_code == 400
    body = b"\n".join(json.dumps(line).encode() for line in (header, missing))
    assert httpx2.post(url, content=body, headers=headers, timeout=60).status_code == 400
    assert len(hub.history(repo)) == 1


# Reading


def test_a_large_tree_comes_in_pages(hub: Hub, api: HfApi, repo: str) -> None:
    files = {f"results/{i % 3}/{i:04d}.json": str(i).encode() for i in range(2300)}
    hub.commit(repo, files)
    hub.requests.clear()
    listed = list(api.list_repo_tree(repo, repo_type="dataset", recursive=True))
    assert hub.requests.by_route() == {"tree": 3}
    assert {entry.path for entry in listed if isinstance(entry, RepoFile)} == {".gitattributes", *files}
    assert {entry.path for entry in listed if isinstance(entry, RepoFolder)} == {
        "results",
        *(f"results/{i}" for i in range(3)),
    }
    assert len(listed) == len({entry.path for entry in listed})
    hub.requests.clear()
    assert len(paths(api, path_in_repo="results/1")) == 767
    assert hub.requests.count("tree") == 1
    hub.requests.clear()
    assert len(paths(api, path_in_repo="results/1", expand=True)) == 767
    assert hub.requests.count("tree") == 16


def test_tree_entries_carry_gits_own_ids(hub: Hub, api: HfApi, repo: str, tmp_path: Path) -> None:
    files = {"a/one two.json": "1", "a/b/three.json": "3", "a/b.c": "4", "z": ""}
    hub.commit(repo, {path: body.encode() for path, body in files.items()})
    files[".gitattributes"] = hub.files(repo)[".gitattributes"].decode()
    for path, body in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(body)

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    git("init", "-q")
    git("add", "-A")
    lines = git("ls-tree", "-r", "-t", git("write-tree").strip()).splitlines()
    expected = {line.split("\t")[1].strip('"'): line.split()[2] for line in lines}
    listed = list(api.list_repo_tree(repo, repo_type="dataset", recursive=True))
    assert {e.path: e.blob_id if isinstance(e, RepoFile) else e.tree_id for e in listed} == expected


def test_listing_a_folder_and_what_is_not_there(hub: Hub, api: HfApi, repo: str) -> None:
    first = hub.commit(repo, {"a/b c/d.json": b"1"}, message="the first")
    hub.commit(repo, {"a/e.json": b"2"}, message="the second")
    assert paths(api, path_in_repo="a/b c") == ["a/b c/d.json"]
    assert paths(api, path_in_repo="a") == ["a/b c", "a/e.json"]
    entries = {entry.path: entry for entry in api.list_repo_tree(repo, "a", repo_type="dataset", expand=True)}
    folder = entries["a/b c"].last_commit
    assert folder is not None
    assert (folder.oid, folder.title) == (first, "the first")
    with pytest.raises(RemoteEntryNotFoundError):
        paths(api, path_in_repo="pending")
    with pytest.raises(RevisionNotFoundError):
        paths(api, revision="nowhere")
    found = api.get_paths_info(repo, ["a/e.json", "a/b c", "not/there"], repo_type="dataset", expand=True)
    assert [entry.path for entry in found] == ["a/e.json", "a/b c"]


def test_revisions_branches_tags_pull_requests_and_squash(hub: Hub, api: HfApi, repo: str) -> None:
    where: dict[str, Any] = {"repo_id": repo, "repo_type": "dataset"}
    first = commit(api, add("a.json", "1"))
    for i in range(60):
        hub.commit(repo, {"a.json": str(i).encode()}, message=f"step {i}")
    hub.requests.clear()
    titles = [step.title for step in api.list_repo_commits(**where)]
    assert (len(titles), titles[0], titles[-1]) == (62, "step 59", "initial commit")
    assert hub.requests.count("commits") == 2
    assert api.repo_info(**where, revision=first[:8]).sha == first
    api.create_tag(**where, tag="v1", revision=first)
    api.create_branch(**where, branch="side/track", revision=first)
    api.upload_file(path_or_fileobj=b"s", path_in_repo="side.json", revision="side/track", **where)
    assert "side.json" in paths(api, revision="side/track")
    assert "side.json" not in paths(api)
    assert api.repo_info(**where, revision="v1").sha == first
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_branch(**where, branch="side/track")
    assert caught.value.response.status_code == 409
    request = api.upload_file(path_or_fileobj=b"p", path_in_repo="p.json", create_pr=True, **where)
    assert (request.pr_num, request.pr_revision) == (1, "refs/pr/1")
    assert "p.json" in paths(api, revision="refs/pr/1")
    assert "p.json" not in paths(api)
    refs = api.list_repo_refs(**where, include_pull_requests=True)
    assert [branch.name for branch in refs.branches] == ["main", "side/track"]
    assert [tag.target_commit for tag in refs.tags] == [first]
    assert [pull.ref for pull in refs.pull_requests or []] == ["refs/pr/1"]
    old = head(api)
    api.super_squash_history(repo, repo_type="dataset")
    assert len(api.list_repo_commits(**where)) == 1
    assert hub.files(repo)["a.json"] == b"59"
    assert api.revision_exists(repo, first, repo_type="dataset")  # the tag holds it
    api.delete_branch(**where, branch="side/track")
    assert api.revision_exists(repo, old, repo_type="dataset")  # the pull request holds it
    squashed = head(api)
    api.super_squash_history(repo, repo_type="dataset")
    assert not api.revision_exists(repo, squashed, repo_type="dataset")
    assert not api.revision_exists(repo, "0" * 40, repo_type="dataset")


def test_download_by_file_and_by_snapshot(hub: Hub, api: HfApi, repo: str, tmp_path: Path) -> None:
    first = hub.commit(repo, {"a/x y.json": b"old"})
    second = hub.commit(repo, {"a/x y.json": b"new", "empty": b""})
    where: dict[str, Any] = {"repo_id": repo, "repo_type": "dataset", "cache_dir": tmp_path}
    place = Path(api.hf_hub_download(**where, filename="a/x y.json"))
    assert (place.read_bytes(), place.parts[-3]) == (b"new", second)
    assert Path(api.hf_hub_download(**where, filename="a/x y.json", revision=first)).read_bytes() == b"old"
    snapshot = Path(api.snapshot_download(**where))
    assert (snapshot.name, (snapshot / "empty").read_bytes()) == (second, b"")
    with pytest.raises(RemoteEntryNotFoundError) as caught:
        api.hf_hub_download(**where, filename="never.json")
    assert caught.value.response.headers["X-Repo-Commit"] == second
    assert api.file_exists(repo, "empty", repo_type="dataset")
    assert not api.file_exists(repo, "never.json", repo_type="dataset")
    assert not api.file_exists("lab/never", "empty", repo_type="dataset")


def test_parts_of_a_file(hub: Hub, repo: str) -> None:
    hub.commit(repo, {"digits": b"0123456789"})
    url, headers = f"{hub.url}/datasets/{repo}/resolve/main/digits", {"Authorization": f"Bearer {hub.token}"}

    def part(wanted: str) -> tuple[int, bytes, str | None]:
        response = httpx2.get(url, headers=headers | {"Range": wanted}, timeout=60)
        return response.status_code, response.content, response.headers.get("Content-Range")

    assert part("bytes=2-4") == (206, b"234", "bytes 2-4/10")
    assert part("bytes=7-") == (206, b"789", "bytes 7-9/10")
    assert part("bytes=-3") == (206, b"789", "bytes 7-9/10")
    assert part("bytes=8-100") == (206, b"89", "bytes 8-9/10")
    assert part("bytes=10-")[0] == 416
    assert part("lines=1-2")[0] == 200
    described = httpx2.head(url, headers=headers, timeout=60).headers
    assert (described["Content-Length"], described["X-Repo-Commit"]) == ("10", hub.history(repo)[0]["oid"])


def test_file_system(hub: Hub, repo: str) -> None:
    files = HfFileSystem(endpoint=hub.url, token=hub.token, skip_instance_cache=True)
    with files.open(f"datasets/{repo}/notes/a.txt", "w") as out:
        out.write("hello")
    assert files.cat(f"datasets/{repo}/notes/a.txt") == b"hello"
    assert files.glob(f"datasets/{repo}/notes/*.txt") == [f"datasets/{repo}/notes/a.txt"]
    assert files.ls(f"datasets/{repo}", detail=False) == [f"datasets/{repo}/.gitattributes", f"datasets/{repo}/notes"]
    with files.open(f"datasets/{repo}/notes/a.txt", "rb") as part:
        part.seek(3)
        assert part.read(2) == b"lo"
    files.rm(f"datasets/{repo}/notes/a.txt")
    assert list(hub.files(repo)) == [".gitattributes"]


# Who may


def test_who_sees_and_writes_what(hub: Hub) -> None:
    hub.add_repo("lab/open", files={"x": b"1"})
    hub.add_repo("lab/closed", files={"x": b"1"}, private=True)
    stranger = hub.add_user("stranger")
    reader = hub.add_user("reader", orgs={"lab": "read"})
    elsewhere = hub.add_token(hub.user, "fineGrained", scopes={hub.user: ["repo.write"]})
    here = {"lab/closed": ["repo.content.read"], "lab/open": ["repo.write"]}
    cases: dict[str, tuple[str | bool, int, int]] = {
        # who: token, status on reading the private repository, status on writing to the public one
        "operator": (hub.token, 200, 200),
        "operator, read-only": (hub.add_token(hub.user, "read"), 200, 403),
        "operator, another scope": (elsewhere, 404, 403),
        "operator, this scope": (hub.add_token(hub.user, "fineGrained", scopes=here), 200, 200),
        "member who reads": (reader, 200, 403),
        "stranger": (stranger, 404, 403),
        "anonymous": (False, 401, 401),
    }
    for who, (token, reads, writes) in cases.items():
        client = HfApi(endpoint=hub.url, token=token)
        assert client.dataset_info("lab/open").id == "lab/open", who
        assert client.file_exists("lab/open", "x", repo_type="dataset"), who
        if reads == 200:
            assert client.dataset_info("lab/closed").private, who
        else:
            with pytest.raises(RepositoryNotFoundError) as hidden:
                client.dataset_info("lab/closed")
            assert hidden.value.response.status_code == reads, who
            with pytest.raises(RepositoryNotFoundError):
                list(client.list_repo_tree("lab/closed", repo_type="dataset"))
        assert client.repo_exists("lab/closed", repo_type="dataset") is (reads == 200), who
        assert client.file_exists("lab/closed", "x", repo_type="dataset") is (reads == 200), who
        if writes == 200:
            client.upload_file(path_or_fileobj=who.encode(), path_in_repo="w", repo_id="lab/open", repo_type="dataset")
            continue
        before = hub.history("lab/open")
        with pytest.raises(HfHubHTTPError) as refused:
            client.upload_file(path_or_fileobj=b"no", path_in_repo="w", repo_id="lab/open", repo_type="dataset")
        assert refused.value.response.status_code == writes, who
        with pytest.raises(HfHubHTTPError) as refused:
            client.create_repo("lab/another", repo_type="dataset")
        assert refused.value.response.status_code == writes, who
        assert hub.history("lab/open") == before
    with pytest.raises(RepositoryNotFoundError):
        HfApi(endpoint=hub.url, token=stranger).auth_check("lab/closed", repo_type="dataset")
    with pytest.raises(HfHubHTTPError):
        HfApi(endpoint=hub.url, token=reader).auth_check("lab/closed", repo_type="dataset", write=True)
    assert not [line for line in hub.requests.all() if line.route == "other"]
    assert "hf_" not in "".join(line.model_dump_json() for line in hub.requests.all())


# Models


def test_a_model_shows_what_a_check_of_submissions_reads(hub: Hub, api: HfApi) -> None:
    card = "---\nlicense: apache-2.0\nbase_model: maker/base\n---\nText."
    sha = hub.add_model(
        "maker/small", card=card, parameters={"BF16": 1_000_000, "F32": 10}, providers={"together": "live"}
    )
    info = api.model_info("maker/small", token=False)
    assert (info.sha, info.private, info.gated, info.disabled) == (sha, False, False, False)
    assert (info.pipeline_tag, info.library_name) == ("text-generation", "transformers")
    assert info.safetensors is not None
    assert (info.safetensors.total, info.safetensors.parameters) == (1_000_010, {"BF16": 1_000_000, "F32": 10})
    assert info.card_data is not None
    assert (info.card_data.license, info.card_data.base_model) == ("apache-2.0", "maker/base")
    assert {"conversational", "license:apache-2.0", "safetensors", "transformers", "llama"} <= set(info.tags or [])
    assert info.config is not None
    assert "message" in info.config["tokenizer_config"]["chat_template"]
    assert info.inference_provider_mapping is None
    expanded = api.model_info("maker/small", expand=["inferenceProviderMapping", "inference", "gated"])
    assert [(m.provider, m.status) for m in expanded.inference_provider_mapping or []] == [("together", "live")]
    assert (expanded.inference, expanded.gated, expanded.sha, expanded.siblings) == ("warm", False, None, None)
    sized = {s.rfilename: s for s in api.model_info("maker/small", files_metadata=True).siblings or []}
    assert sized["model.safetensors"].size == 2_000_040
    assert sized["model.safetensors"].lfs is not None
    assert sized["config.json"].lfs is None
    with pytest.raises(BadRequestError):
        api.model_info("maker/small", expand=["nonsense"])  # type: ignore[list-item]  # that is the point


def test_models_that_a_check_must_refuse(hub: Hub, api: HfApi, tmp_path: Path) -> None:
    hub.add_model("maker/base", tokenizer={})
    hub.add_model("maker/encoder", config={"architectures": ["BertModel"], "model_type": "bert"}, parameters={"F32": 9})
    hub.add_model("maker/custom", config={"architectures": ["OwnForCausalLM"], "auto_map": {"AutoModel": "own.Own"}})
    hub.add_model("maker/hidden", private=True)
    hub.add_model("maker/gated", gated="manual")
    hub.add_model("maker/gone", disabled=True)
    hub.add_model("maker/newer", files={"chat_template.jinja": b"{{ messages }}"}, tokenizer={})
    assert "conversational" not in (api.model_info("maker/base").tags or [])
    assert api.model_info("maker/encoder").pipeline_tag is None
    assert "custom_code" in (api.model_info("maker/custom").tags or [])
    newer = api.model_info("maker/newer")
    assert newer.config is not None
    assert newer.config["chat_template_jinja"] == "{{ messages }}"
    assert "conversational" in (newer.tags or [])
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("maker/hidden")
    assert api.model_info("maker/gone").disabled is True
    with pytest.raises(DisabledRepoError):
        api.file_exists("maker/gone", "config.json")
    # The existence of a gated model is no secret; its files are.
    assert api.model_info("maker/gated").gated == "manual"
    assert api.repo_exists("maker/gated")
    statuses = []
    for token in (hub.token, False):
        with pytest.raises(GatedRepoError) as caught:
            api.auth_check("maker/gated", token=token)
        statuses.append(caught.value.response.status_code)
        with pytest.raises(GatedRepoError):
            api.hf_hub_download("maker/gated", "config.json", token=token, cache_dir=tmp_path)
    assert statuses == [403, 401]
    hub.change("maker/gated", kind="model", grant=hub.user)
    assert json.loads(Path(api.hf_hub_download("maker/gated", "config.json", cache_dir=tmp_path)).read_text())


# Processes


def test_a_killed_server_comes_back_with_the_same_commits(tmp_path: Path) -> None:
    with hub_process(tmp_path / "hub") as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        member = hub.add_user("member", orgs={"lab": "write"})
        api.create_repo(REPO, repo_type="dataset", private=True)
        commit(api, add("a.json", "1"), add("b.json", "2"))
        sha = commit(api, CommitOperationDelete("b.json"), add("c/d.json", "3"))
        hub.commit(REPO, {"t.parquet": b"bytes"})
        api.create_tag(REPO, tag="v1", revision=sha, repo_type="dataset")
        history, files = hub.history(REPO), hub.files(REPO)
        hub.kill()
        journal = next((tmp_path / "hub").iterdir())
        with journal.open("ab") as out:
            out.write(b'{"event": "delete", "kind": "data')  # killed while writing
        hub.start()
        assert (hub.history(REPO), hub.files(REPO)) == (history, files)
        assert api.repo_info(REPO, repo_type="dataset", revision="v1").sha == sha
        assert HfApi(endpoint=hub.url, token=member).dataset_info(REPO).private
        # It goes on from there, and what it adds can be read back once more.
        next_sha = commit(api, add("e.json", "5"), parent=history[0]["oid"])
        hub.kill()
        hub.start()
        assert head(api) == next_sha
    with hub_server(tmp_path / "hub") as again:
        assert again.history(REPO)[0]["oid"] == next_sha
        assert again.files(REPO)["t.parquet"] == b"bytes"


def client(hub: Hub, home: Path, *arguments: str, token: str | None = None, **environment: str) -> dict[str, object]:
    """What `client_process.py` reports, run with this Hub as its endpoint."""
    done = subprocess.run(
        [sys.executable, str(CLIENT), *arguments],
        # the client as it is, without this project's path, asks for Xet first, which this Hub has no storage for
        env=hub.environment(home, token=token) | {"HF_HUB_DISABLE_XET": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(report, dict)
    return report


def test_large_files_and_datasets_in_a_process_with_this_endpoint(hub: Hub, repo: str, tmp_path: Path) -> None:
    report = client(hub, tmp_path / "home", "large", repo, token=hub.token)
    assert report["downloaded"] == report["uploaded"]
    assert report["lfs"] == {"size": 12_000_000, "sha256": report["uploaded"]}
    assert report["copied"] == report["uploaded"]
    assert report["rows"] == [{"model": "a", "score": 1.5}, {"model": "b", "score": -0.25}]
    assert report["pandas"] == [{"n": 1}, {"n": 2}]
    counted = hub.requests.by_route()
    assert (counted["lfs-upload"], counted["lfs-verify"]) == (2, 2)  # the third batch found its object stored
    assert counted["other"] == 0


def test_only_the_announced_bytes_are_stored(hub: Hub, repo: str) -> None:
    oid = hashlib.sha256(b"right").hexdigest()
    body = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": oid, "size": 5}], "hash_algo": "sha256"}
    url, headers = f"{hub.url}/datasets/{repo}.git/info/lfs/objects", {"Authorization": f"Bearer {hub.token}"}

    def batch() -> dict[str, Any]:
        answer = httpx2.post(f"{url}/batch", json=body, headers=headers, timeout=60).json()["objects"][0]
        assert isinstance(answer, dict)
        return answer

    actions = batch()["actions"]
    place = actions["upload"]["href"]
    assert actions["verify"]["href"] == f"{url}/verify"
    assert httpx2.put(place, content=b"wrong").status_code == 400
    assert httpx2.put(place.replace("key=", "key=0"), content=b"right").status_code == 403
    assert httpx2.post(f"{url}/verify", json={"oid": oid, "size": 5}, headers=headers, timeout=60).status_code == 404
    assert httpx2.put(place, content=b"right").status_code == 200
    assert httpx2.post(f"{url}/verify", json={"oid": oid, "size": 5}, headers=headers, timeout=60).status_code == 200
    assert batch() == {"oid": oid, "size": 5}


def test_an_offline_client_asks_nothing_and_uses_its_cache(hub: Hub, repo: str, tmp_path: Path) -> None:
    hub.commit(repo, {"a.json": b"1"})
    hub.change(repo, private=True)
    home = tmp_path / "home"
    assert client(hub, home, "offline", repo, token=hub.token) == {"cached": "1", "info": "ok", "other": "not found"}
    assert client(hub, tmp_path / "empty", "offline", repo) == {
        "cached": "RepositoryNotFoundError",
        "info": "RepositoryNotFoundError",
        "other": "RepositoryNotFoundError",
    }
    hub.requests.clear()
    assert client(hub, home, "offline", repo, token=hub.token, HF_HUB_OFFLINE="1") == {
        "cached": "1",
        "info": "OfflineModeIsEnabled",
        "other": "LocalEntryNotFoundError",
    }
    assert hub.requests.all() == []
