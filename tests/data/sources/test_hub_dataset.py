"""A benchmark on the Hub: published and read back through the real clients, against the test Hub."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml

from data.benchmark import RATING_PHRASES, VARIANTS
from data.errors import InputError
from data.people.reference import load_reference
from data.ratings import Study
from data.sources import hub_dataset
from data.sources import tables as hub_tables
from data.sources.identifiers import HubName, hub_name
from data.sources.loading import load_benchmark, load_study
from data.sources.practice import practice_benchmark, practice_study
from tests.support.commands import Done, client_started_with, run_command
from tests.support.folders import OPTIONS, write_folder
from tests.support.hub import Fault, Hub, hub_server
from tests.support.odd_server import odd_server

REPO = "lab/benchmark"
PLAIN = """
import json, sys
from datasets import load_dataset
names = ("items", "templates", "key", "reference_groups")
print(json.dumps({n: load_dataset(sys.argv[1], n, split="train").num_rows for n in names}))
"""

Run = Callable[..., Done]
Read = Callable[..., list[object]]
ReadStudy = Callable[[str], Study]


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with hub_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_faults(hub: Hub) -> Iterator[None]:
    hub.requests.clear()
    yield
    hub.faults.clear()


@pytest.fixture
def run(hub: Hub, tmp_path: Path) -> Run:
    """Run `python -m data` as the operator; words as `HF_TOKEN=""` change the environment."""

    def run(*arguments: object, **variables: str) -> Done:
        with as_operator(hub, tmp_path, **variables):
            return run_command("data", *arguments)

    return run


def as_operator(hub: Hub, folder: Path, **variables: str) -> AbstractContextManager[None]:
    environment = hub.environment(folder / "home", token=hub.token)
    return client_started_with({**environment, "VALUE_PORTRAIT_CACHE": str(folder / "cache"), **variables})


@pytest.fixture
def read(hub: Hub, tmp_path: Path) -> Read:
    """Read a benchmark as the operator: its identity, its counts of people, and where it came from."""

    def read(source: str, **variables: str) -> list[object]:
        with as_operator(hub, tmp_path, **variables):
            b = load_benchmark(source)
            return [b.name, b.version, b.digest, b.raters, b.groups, b.origin]

    return read


@pytest.fixture
def read_study(hub: Hub, tmp_path: Path) -> ReadStudy:
    """Read people's ratings as the operator."""

    def read_study(source: str) -> Study:
        with as_operator(hub, tmp_path):
            return load_study(source)

    return read_study


def ok(done: Done) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(done: Done) -> str:
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert "127.0.0.1" not in done.stderr
    return done.stderr


def publish(run: Run, *arguments: str, repo: str = REPO, source: str = "practice", **variables: str) -> str:
    """The commit."""
    command = ("publish", "--repo", repo, "--source", source, "--json", *arguments)
    return str(json.loads(ok(run(*command, **variables)))["commit"])


def study_digest(study: Study) -> str:
    parts = [(g.items, g.ratings.tolist(), g.values.tolist()) for g in study.groups]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def test_practice_comes_back_with_its_digest_pinned_and_unpinned(hub: Hub, run: Run, read: Read) -> None:
    commit = publish(run)
    practice = practice_benchmark()
    identity = [practice.name, practice.version, practice.digest, practice.raters, practice.groups]
    *found, origin = read(f"{REPO}@{commit}")
    assert found == identity
    assert REPO in str(origin)
    assert commit in str(origin)
    hub.commit(REPO, {"note.txt": b"later"})
    head = hub.history(REPO)[0]["oid"]
    *found, origin = read(REPO)
    assert found == identity
    assert head in str(origin)
    assert head != commit


def test_a_commit_read_once_needs_no_request_and_a_moving_name_says_that_it_is_a_copy(
    hub: Hub, run: Run, read: Read
) -> None:
    commit = publish(run)
    before = read(f"{REPO}@{commit}")
    read(REPO)
    hub.requests.clear()
    assert read(f"{REPO}@{commit}") == before
    assert hub.requests.count() == 0
    assert read(f"{REPO}@{commit}", HF_HUB_OFFLINE="1") == before
    for variables in ({"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}):
        *found, origin = read(REPO, **variables)
        assert found == before[:-1]
        assert "cache" in str(origin)
    hub.faults.add(Fault(route="info", status=503, times=None))
    *found, origin = read(REPO)
    assert found == before[:-1]
    assert "cache" in str(origin)


def test_plain_datasets_reads_every_table(hub: Hub, run: Run, tmp_path: Path) -> None:
    publish(run)
    environment = hub.environment(tmp_path / "home", token=hub.token)
    program = [sys.executable, "-c", PLAIN, REPO]
    rows = json.loads(subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout)
    practice = practice_benchmark()
    assert rows["items"] == len(practice.items)
    assert rows["templates"] == 6
    assert rows["key"] == np.isfinite(practice.key.rho).sum()
    assert rows["reference_groups"] % 10 == 0
    assert rows["reference_groups"]


def test_an_invented_folder_comes_back_with_and_without_its_study(
    hub: Hub, run: Run, tmp_path: Path, read: Read, read_study: ReadStudy
) -> None:
    folder = write_folder(tmp_path / "folder")
    want, study = load_benchmark(folder), load_study(folder)
    commit = publish(run, source=str(folder), repo="lab/folder")
    assert read(f"lab/folder@{commit}")[:3] == ["value-portrait", "modified", want.digest]
    with pytest.raises(InputError, match="without people's ratings"):
        read_study(f"lab/folder@{commit}")
    commit = publish(run, "--with-ratings", source=str(folder), repo="lab/folder")
    again = read_study(f"lab/folder@{commit}")
    assert (again.n_people, study_digest(again)) == (study.n_people, study_digest(study))


def test_without_its_study_a_benchmark_scores_matches_as_with_it(hub: Hub, run: Run, tmp_path: Path) -> None:
    """Published without ratings, read from the Hub on a machine that has never seen the folder."""
    asked = {1000 * (1 + i % 4) + i: (None if i % 4 > 1 else f"Case {i}", f"Invented question {i}?") for i in range(16)}
    folder = write_folder(tmp_path / "folder", asked=asked)
    rng = np.random.default_rng(8)
    lines = [
        {
            **{"model": model, "prompt_variant": v, "portrait_id": q, "option_id": o, "error": None},
            "raw_response": RATING_PHRASES[int(rng.integers(1, 7))],
        }
        for model in ("one", "other")
        for v in VARIANTS
        for q in asked
        for o in range(1, OPTIONS + 1)
        if not (model == "other" and q == 1000)
    ]
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with as_operator(hub, tmp_path):
        own = ok(run_command("eval_queue", "score", answers, "--source", folder, "--json"))
    commit = publish(run, source=str(folder), repo="lab/templates")
    files = hub.files("lab/templates")
    assert {"value_templates.parquet", "resampled_templates.parquet"} <= files.keys()
    assert not {"ratings.parquet", "raters.parquet"} & files.keys()
    shutil.rmtree(folder)
    with as_operator(hub, tmp_path / "elsewhere"):
        away = ok(run_command("eval_queue", "score", answers, "--source", f"lab/templates@{commit}", "--json"))
    with_study, without = (json.loads(printed)["models"] for printed in (own, away))
    for a, b in zip(with_study, without, strict=True):
        assert a["match_reason"] is b["match_reason"] is None
        for scale, cells in a["match"].items():
            assert list(cells) == list(b["match"][scale])
            for name, cell in cells.items():
                assert set(cell) == {"match", "se_queries", "se_people", "low", "high"}
                assert cell["se_people"] > 0
                assert b["match"][scale][name] == pytest.approx(cell, abs=1e-12)


def test_upstream_comes_back_with_its_digest_and_study(
    run: Run, upstream_dir: Path, read: Read, read_study: ReadStudy
) -> None:
    want, study = load_benchmark(upstream_dir), load_study(upstream_dir)
    commit = publish(run, "--with-ratings", source=str(upstream_dir), repo="lab/upstream")
    identity = [want.name, want.version, want.digest, want.raters, want.groups]
    assert read(f"lab/upstream@{commit}")[:-1] == identity
    again = read_study(f"lab/upstream@{commit}")
    assert (again.n_people, study_digest(again)) == (study.n_people, study_digest(study))


def test_no_row_about_a_person_unless_asked_for_and_the_card_says_which(hub: Hub, run: Run) -> None:
    people = {"ratings.parquet", "raters.parquet"}
    publish(run, repo="lab/people")
    files = hub.files("lab/people")
    assert not people & files.keys()
    assert "participant-level rows | none" in files["README.md"].decode()
    publish(run, "--with-ratings", repo="lab/people")
    files = hub.files("lab/people")
    assert people <= files.keys()
    assert "participant-level rows | yes" in files["README.md"].decode()
    ratings = pq.read_table(io.BytesIO(files["ratings.parquet"]))
    assert ratings.num_rows == sum(g.ratings.size for g in practice_study().groups)
    done = run("publish", "--repo", "lab/people", "--source", "practice")
    assert "history still has them" in done.stderr
    assert not people & hub.files("lab/people").keys()


def test_the_card_names_every_table_licence_counts_and_limits(hub: Hub, run: Run) -> None:
    publish(run, "--with-ratings", repo="lab/card")
    files = hub.files("lab/card")
    head, body = files["README.md"].decode().removeprefix("---\n").split("---\n", 1)
    configs = {c["config_name"]: c["data_files"][0]["path"] for c in yaml.safe_load(head)["configs"]}
    assert set(configs) == set(hub_tables.SCHEMAS)
    assert set(configs.values()) == {path for path in files if path.endswith(".parquet")}
    assert yaml.safe_load(head)["license"] == ["mit", "cc-by-4.0"]
    for heading in ("Licence", "Limitations", "Citation"):
        assert f"## {heading}" in body
    assert practice_benchmark().digest in body
    for name, n in practice_benchmark().items_per_dimension().items():
        assert f"{name} {n}" in body


def test_it_is_one_commit_and_repeating_it_is_none(hub: Hub, run: Run) -> None:
    publish(run, repo="lab/once")
    commits = len(hub.history("lab/once"))
    assert commits == 2  # the repository's first, and ours
    publish(run, repo="lab/once")
    assert len(hub.history("lab/once")) == commits


@pytest.mark.parametrize(
    "fault",
    [
        Fault(route="commit", status=503, after=True),
        Fault(route="commit", status=500),
        Fault(route="commit", cut=True, after=True),
    ],
)
def test_a_commit_of_unknown_outcome_is_made_exactly_once(hub: Hub, run: Run, fault: Fault, tmp_path: Path) -> None:
    repo = f"lab/{tmp_path.name[:40]}"
    hub.faults.add(fault)
    commit = publish(run, repo=repo)
    assert len(hub.history(repo)) == 2
    assert hub.history(repo)[0]["oid"] == commit


def test_private_is_private_and_never_falls_back_to_public(hub: Hub, run: Run, tmp_path: Path, read: Read) -> None:
    commit = publish(run, "--private", repo="lab/secret")
    read(f"lab/secret@{commit}")
    stranger = {"HF_TOKEN": "", "VALUE_PORTRAIT_CACHE": str(tmp_path / "other")}
    message = refused(run("info", "--source", "lab/secret", **stranger))
    assert "may not see it" in message
    publish(run, repo="lab/open")
    again = run("publish", "--repo", "lab/open", "--source", "practice", "--private")
    assert "public" in refused(again)


def test_the_token_is_taken_from_the_named_variable(hub: Hub, run: Run) -> None:
    own = {"HF_TOKEN": "", "MY_TOKEN": hub.token}
    assert publish(run, "--token-env", "MY_TOKEN", repo="lab/token", **own)
    done = run("publish", "--repo", "lab/token", "--token-env", "NOT_THERE")
    assert "NOT_THERE: is not set" in refused(done)
    reader = hub.add_token(hub.user, "read")
    done = run("publish", "--repo", "lab/new", "--source", "practice", HF_TOKEN=reader)
    assert "may not" in refused(done)
    assert reader not in done.stderr
    done = run("publish", "--repo", "lab/new", "--source", "practice", HF_TOKEN="hf_wrong")
    assert "does not accept the token" in refused(done)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("lab/nowhere", "no such repository"),
        (f"{REPO}@nowhere", "no such branch, tag or commit"),
        (f"{REPO}@{'0' * 40}", "no such"),
        ("lab/gated", "access to it must be granted"),
        ("lab/other", "no benchmark that"),
    ],
)
def test_what_cannot_be_read_is_explained(hub: Hub, run: Run, source: str, says: str) -> None:
    if not any(path == "benchmark.json" for path in _files_of(hub, REPO)):
        publish(run)
    if source == "lab/gated":
        hub.add_repo("lab/gated", files={"benchmark.json": b"{}"}, gated="manual")
    if source == "lab/other":
        hub.add_repo("lab/other", files={"a.txt": b"a"})
    outsider = hub.add_user(f"visitor-{len(source)}-{abs(hash(source)) % 1000}")
    assert says in refused(run("info", "--source", source, HF_TOKEN=outsider))


def _files_of(hub: Hub, repo: str) -> dict[str, bytes]:
    try:
        return hub.files(repo)
    except RuntimeError:  # there is no such repository yet
        return {}


def test_no_network_and_no_copy_is_explained(run: Run) -> None:
    for variables in ({"HF_ENDPOINT": "http://127.0.0.1:9"}, {"HF_HUB_OFFLINE": "1"}):
        assert "could not be used" in refused(run("info", "--source", "lab/never", **variables))


@pytest.mark.parametrize("status", [200, 404])
def test_answers_that_are_not_the_hub_s_are_explained(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """As of a proxy in between, or a page of maintenance."""
    with odd_server() as server:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        server.status = status
        for server.body in (b"<html>", b"null", b"[]", b'{"sha": 7}', b'{"id": "lab/x", "sha": "%b"}' % (b"ab" * 20)):
            for wish in (
                lambda: load_benchmark("lab/never"),
                lambda: load_benchmark(f"lab/never@{'cd' * 20}"),
                lambda: hub_dataset.publish("lab/never", practice_benchmark(), load_reference(), token="hf_secret"),
            ):
                with pytest.raises(InputError) as caught:
                    wish()
                assert "127.0.0.1" not in str(caught.value)
                assert "hf_secret" not in str(caught.value)
        assert server.answered > 10


def _changed(files: dict[str, bytes], config: str, change: Callable[[pa.Table], pa.Table]) -> dict[str, bytes | None]:
    stream = io.BytesIO()
    pq.write_table(change(pq.read_table(io.BytesIO(files[f"{config}.parquet"]))), stream)
    return {f"{config}.parquet": stream.getvalue()}


def _nudged(table: pa.Table) -> pa.Table:
    """The smallest change a float can have."""
    rho = table["rho"].to_numpy().copy()
    rho[0] = np.nextafter(rho[0], 0)
    return table.set_column(table.column_names.index("rho"), "rho", pa.array(rho))


@pytest.mark.parametrize(
    ("config", "change", "says"),
    [
        ("key", _nudged, "digest"),
        ("key", lambda t: t.drop_columns(["rho"]), "key: rho: the column is missing"),
        ("key", lambda t: t.set_column(4, "rho", pc.cast(t["rho"], pa.string())), "expected the type double"),
        ("items", lambda t: pa.concat_tables([t, t.slice(0, 1)]), "stands there twice"),
        ("items", lambda t: t.slice(1), "unknown item"),
        ("items", lambda t: t.slice(0, 0), "items"),
        ("templates", lambda t: t.slice(1), "each once and in this order"),
    ],
)
def test_a_changed_table_is_refused(
    hub: Hub, run: Run, config: str, change: Callable[[pa.Table], pa.Table], says: str, read: Read
) -> None:
    commit = publish(run, repo="lab/changed")
    hub.commit("lab/changed", _changed(hub.files("lab/changed"), config, change))
    assert says in refused(run("info", "--source", "lab/changed"))
    read(f"lab/changed@{commit}")  # what was pinned is what it was


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"not json", "benchmark.json"),
        (b'{"schema_version": 2}', "schema_version"),
        (None, "no benchmark that"),
    ],
)
def test_a_changed_description_is_refused(hub: Hub, run: Run, content: bytes | None, says: str) -> None:
    publish(run, repo="lab/described")
    hub.commit("lab/described", {"benchmark.json": content})
    assert says in refused(run("info", "--source", "lab/described"))


def test_bytes_that_are_no_table_are_refused(hub: Hub, run: Run) -> None:
    publish(run, repo="lab/broken")
    hub.commit("lab/broken", {"key.parquet": b"PAR1 nothing"})
    assert "expected a Parquet table" in refused(run("info", "--source", "lab/broken"))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("org/name", HubName("org/name", None)),
        ("org/name@v1.0", HubName("org/name", "v1.0")),
        ("org/name@refs/pr/1", HubName("org/name", "refs/pr/1")),
        ("practice", None),
        ("../shared/upstream", None),
        ("a/b/c", None),
        ("./a/b", None),
        ("/a/b", None),
        ("org/name@", None),
    ],
)
def test_names_of_datasets(text: str, name: HubName | None) -> None:
    assert hub_name(text) == name


def test_a_folder_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path / "org" / "name")
    monkeypatch.chdir(tmp_path)
    assert load_benchmark("org/name").origin.startswith("Folder")


def test_a_study_with_a_person_missing_is_refused() -> None:
    benchmark, study = practice_benchmark(), practice_study()
    tables = hub_tables.study_tables(study)
    tables["ratings"] = tables["ratings"].slice(1)
    meta = hub_tables.describe(benchmark, with_ratings=True)
    with pytest.raises(InputError, match="group 0"):
        hub_tables.read_study(meta, benchmark, lambda config: tables[config])


def test_the_practice_benchmark_is_published_only_by_name(run: Run) -> None:
    """Without upstream's files an unnamed source is the practice benchmark, which a Space would then be pinned to."""
    done = run("publish", "--repo", "lab/by-accident", VALUE_PORTRAIT_UPSTREAM_URL="http://127.0.0.1:9")
    assert done.returncode == 2
    assert "practice" in done.stderr
    assert "--source" in done.stderr
    assert publish(run, repo="lab/by-name")
