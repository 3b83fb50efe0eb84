"""Backup and restore, and the rollback of a publication, on a store in a folder and on the Hub."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data.errors import InputError
from eval_queue.__main__ import app
from eval_queue.queue.queue import Queue, open_queue
from eval_queue.settings import Settings
from eval_queue.store.backup import read_backup, restore, roll_back, write_backup
from eval_queue.store.collection import encode
from eval_queue.store.local import LocalStore
from tests.support.hub import HubProcess
from tests.support.hub_place import Place, asked, file_of, result_of

Opened = Callable[[], Queue]


@pytest.fixture(params=["a folder", "the Hub"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, store_hub: HubProcess) -> Opened:
    """Programs on one and the same store."""
    if request.param == "a folder":
        return lambda: open_queue(Settings(store=tmp_path / "store"))
    place = Place(store_hub, tmp_path)  # type: ignore[arg-type]  # both know the addresses and the files
    return lambda: place.queue()


def put(queue: Queue, model: str) -> str:
    """A submission that is done, with its result and answers; the head of the results afterwards."""
    one = asked(model)
    ended = one.model_copy(update={"state": "done"})
    requests, results = queue.stores["requests"], queue.stores["results"]
    requests.commit(file_of(ended), requests.head(), "done")
    files: dict[str, bytes | None] = {
        f"results/{one.id}.json": encode(result_of(one)),
        f"answers/{one.id}.parquet": b"answers of " + model.encode(),
    }
    results.commit(files, results.head(), "a result")
    return results.head()


def shown(queue: Queue) -> dict[str, bytes]:
    return {r.model: queue.answers(r.id) for r in queue.results()}


def test_what_is_lost_comes_back(opened: Opened, tmp_path: Path) -> None:
    queue = opened()
    for model in ("org/a", "org/b"):
        put(queue, model)
    before = shown(opened())
    assert write_backup(queue.stores, tmp_path / "kept.zip") == 6
    results = queue.stores["results"]
    lost = next(r.id for r in queue.results() if r.model == "org/a")
    results.commit({f"results/{lost}.json": b"{", f"answers/{lost}.parquet": None}, results.head(), "an accident")
    put(queue, "org/after")
    assert set(shown(opened())) == {"org/b", "org/after"}
    assert restore(opened().stores, read_backup(tmp_path / "kept.zip")) == 5
    assert shown(opened()) == before
    assert [s.model for s in opened().submissions()] == ["org/a", "org/b"]
    assert restore(opened().stores, read_backup(tmp_path / "kept.zip")) == 0


def test_a_publication_is_rolled_back_to_a_revision(opened: Opened) -> None:
    queue = opened()
    good = put(queue, "org/a")
    before = shown(opened())
    put(queue, "org/mistake")
    assert set(shown(opened())) == {"org/a", "org/mistake"}
    assert roll_back(opened().stores["results"], good) == 2
    assert shown(opened()) == before
    with pytest.raises(InputError, match="no revision '0123"):
        roll_back(opened().stores["results"], "0123456789" * 4)


def test_a_damaged_backup_changes_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    store.commit({"results/a.json": b"{}"}, store.head(), "one")
    kept = tmp_path / "kept.zip"
    with pytest.raises(InputError, match="no such file"):
        read_backup(kept)
    write_backup({"requests": store, "results": store}, kept)
    with pytest.raises(InputError, match="is there already"):
        write_backup({"requests": store, "results": store}, kept)
    with zipfile.ZipFile(kept, "a") as archive:
        archive.writestr("results/../../escaped", b"x")
    with pytest.raises(InputError, match="list of files"):
        read_backup(kept)
    kept.write_bytes(kept.read_bytes()[:100])
    with pytest.raises(InputError, match="no backup"):
        read_backup(kept)


def test_the_commands_say_first_what_they_would_do(tmp_path: Path) -> None:
    put(open_queue(Settings(store=tmp_path / "store")), "org/a")
    here, kept = ["--store", str(tmp_path / "store")], str(tmp_path / "kept.zip")
    run = CliRunner().invoke
    assert "3 files" in run(app, ["backup", kept, *here]).output
    there = ["--store", str(tmp_path / "other")]
    assert "With --yes" in run(app, ["restore", kept, *there]).output
    assert open_queue(Settings(store=tmp_path / "other")).submissions() == []
    assert "3 files written" in run(app, ["restore", kept, "--yes", *there]).output
    assert set(shown(open_queue(Settings(store=tmp_path / "other")))) == {"org/a"}
