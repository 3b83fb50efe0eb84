"""The contract of every store, and what only the local one promises.

`opener` is parametrised: a further kind of store joins by one entry in `STORES` and one in `store_process.open_store`.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data.errors import InputError
from eval_queue.store.local import EMPTY_HEAD, LocalStore, Store, StoreUnavailable, WriteConflict, check_path
from tests.support.hub import Hub, hub_process
from tests.support.store_process import counting, hammering, open_store, processes

STORES: dict[str, Callable[[pytest.FixtureRequest, Path], str]] = {
    "local": lambda request, tmp_path: f"local:{tmp_path / 'store'}",
    "hub": lambda request, tmp_path: _on_hub(request.getfixturevalue("hub"), tmp_path),
}

Opener = Callable[[], Store]


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with hub_process() as running:
        yield running


def _on_hub(hub: Hub, tmp_path: Path) -> str:
    return f"hub:{hub.url} {hub.token} lab/{tmp_path.name} {tmp_path}"


@pytest.fixture(params=["local", pytest.param("hub", marks=pytest.mark.slow)])
def spec(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return STORES[request.param](request, tmp_path)


@pytest.fixture
def opener(spec: str) -> Opener:
    """Opens the same store anew at each call, as another process would."""
    return lambda: open_store(spec)


def content(store: Store, head: str | None = None) -> dict[str, bytes]:
    head = store.head() if head is None else head
    return {path: store.read(path, head) for path in store.list("", head)}


# --- the contract ---------------------------------------------------------------------------------------------------


def test_what_is_committed_is_read_by_others(opener: Opener) -> None:
    store = opener()
    head = store.commit({"a/1.json": b"one", "a/2.json": b"two", "b/1.json": b""}, store.head(), "three files")
    other = opener()
    assert other.head() == head
    assert content(other) == {"a/1.json": b"one", "a/2.json": b"two", "b/1.json": b""}
    assert set(other.list("a/", head)) == {"a/1.json", "a/2.json"}
    assert not other.list("c/", head)
    with pytest.raises(KeyError):
        other.read("a/3.json", head)


def test_a_new_store_is_empty(opener: Opener) -> None:
    store = opener()
    assert not store.list("", store.head())


def test_a_stale_head_is_refused_and_nothing_is_written(opener: Opener) -> None:
    store = opener()
    old = store.head()
    new = store.commit({"a": b"1"}, old, "first")
    for changes in ({"a": b"2"}, {"b": b"1"}, {"a": None}, {"a": b"1"}, {}):
        with pytest.raises(WriteConflict):
            opener().commit(changes, old, "late")
    assert store.head() == new
    assert content(store) == {"a": b"1"}


def test_a_commit_changes_deletes_and_adds_at_once(opener: Opener) -> None:
    store = opener()
    head = store.commit({"keep": b"k", "change": b"1", "drop": b"d"}, store.head(), "before")
    head = store.commit({"change": b"2", "drop": None, "add": b"a", "never": None}, head, "after")
    assert content(opener()) == {"keep": b"k", "change": b"2", "add": b"a"}


def test_an_earlier_head_stays_readable(opener: Opener) -> None:
    store = opener()
    old = store.commit({"a": b"1", "b": b"1"}, store.head(), "old")
    store.commit({"a": b"2", "b": None}, old, "new")
    assert content(opener(), old) == {"a": b"1", "b": b"1"}


def test_content_ids_follow_the_content(opener: Opener) -> None:
    store = opener()
    first = store.commit({"a": b"same", "b": b"same", "c": b"other"}, store.head(), "x")
    ids = store.list("", first)
    assert ids["a"] == ids["b"] != ids["c"]
    second = store.commit({"c": b"same"}, first, "y")
    assert opener().list("", second)["c"] == ids["a"]
    assert opener().list("", second)["a"] == ids["a"]


def test_changes_that_change_nothing_leave_the_head(opener: Opener) -> None:
    store = opener()
    head = store.commit({"a": b"1"}, store.head(), "x")
    assert store.commit({"a": b"1", "b": None}, head, "again") == head
    assert store.commit({}, head, "nothing") == head
    assert store.head() == head


def test_content_that_comes_back_is_kept(opener: Opener) -> None:
    store = opener()
    head = store.head()
    for i in range(60):
        head = store.commit({"a": b"odd" if i % 2 else b"even", "n": str(i).encode()}, head, "to and fro")
    assert content(opener()) == {"a": b"odd", "n": b"59"}


def test_any_bytes_and_unusual_names_survive(opener: Opener) -> None:
    store = opener()
    files = {"bytes": bytes(range(256)) * 100, "a b/ü-日本.json": b"{}", "x" * 120: b"\n", "deep/er/still/f": b"\x00"}
    store.commit(dict(files), store.head(), "unusual — names")
    assert content(opener()) == files


@pytest.mark.parametrize("path", ["", "/etc/x", "../x", "a/../../x", "a//b", "./a", "a/", "a/."])
def test_a_path_that_leaves_the_store_is_a_programming_error(opener: Opener, path: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        check_path(path)
    store = opener()
    with pytest.raises(ValueError, match="not a path"):
        store.commit({path: b"x"}, store.head(), "escape")
    assert not content(opener())


@pytest.mark.slow
def test_two_processes_lose_no_update(spec: str, opener: Opener) -> None:
    writers = [processes().Process(target=counting, args=(spec, name, 100)) for name in ("one", "two")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=240)
    assert [w.exitcode for w in writers] == [0, 0]
    assert content(opener()) == {"total": b"200", "by/one": b"100", "by/two": b"100"}


def test_threads_lose_no_update_while_others_read(spec: str, opener: Opener) -> None:
    from tests.support.store_process import count_up

    shared, finished, torn = opener(), threading.Event(), []

    def look() -> None:
        reader = opener()
        while not finished.is_set():
            try:
                files = content(reader)
            except WriteConflict:
                continue  # so slow that the head is forgotten: read again
            if int(files.get("total", b"0")) != sum(int(v) for k, v in files.items() if k.startswith("by/")):
                torn.append(files)

    reading = threading.Thread(target=look)
    writing = [threading.Thread(target=count_up, args=(shared, f"t{i}", 30)) for i in range(3)]
    for thread in (reading, *writing):
        thread.start()
    for thread in writing:
        thread.join(timeout=240)
    finished.set()
    reading.join(timeout=240)
    assert not any(thread.is_alive() for thread in (reading, *writing))
    assert content(opener())["total"] == b"90"
    assert not torn


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_leaves_a_whole_head(spec: str, opener: Opener) -> None:
    moments = random.Random(0)
    for _ in range(20):
        output, input_ = processes().Pipe(duplex=False)
        writer = processes().Process(target=hammering, args=(spec, input_))
        writer.start()
        input_.close()
        with os.fdopen(os.dup(output.fileno()), "rb") as said:
            first = said.readline()
            time.sleep(moments.random() * 0.08)
            writer.kill()
            lines = [first, *said.readlines()]
        writer.join()
        acknowledged = int([line for line in lines if line.endswith(b"\n")][-1])
        files = content(opener())
        number = int(files["left"])
        assert number in (acknowledged, acknowledged + 1), "an acknowledged commit is never lost"
        assert files["right"] == files["left"]
        assert files["large"] == files["left"] * 20_000
        assert {k for k in files if k.startswith("even/")} == {f"even/{number % 2}"}


# --- the local store ------------------------------------------------------------------------------------------------


@pytest.fixture
def local(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


class Killed(BaseException):
    """Stands for a power cut at a chosen step."""


@pytest.mark.parametrize("first", [True, False], ids=["first commit", "later commit"])
def test_a_cut_at_each_step_leaves_before_or_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    flush, seen = os.fsync, []
    for step in range(1, 30):
        folder = tmp_path / str(step)
        store = LocalStore(folder)
        if not first:
            store.commit({"a": b"0", "b": b"0"}, store.head(), "before")
        before, calls = content(store), iter(range(1, 100))

        def cut(descriptor: int, step: int = step, calls: Iterator[int] = calls) -> None:
            if next(calls) == step:
                raise Killed
            flush(descriptor)

        monkeypatch.setattr("eval_queue.store.local.os.fsync", cut)
        try:
            store.commit({"a": b"1", "b": b"1"}, store.head(), "after")
        except Killed:
            pass
        else:
            break
        finally:
            monkeypatch.setattr("eval_queue.store.local.os.fsync", flush)
        found = content(LocalStore(folder))
        assert found in (before, {"a": b"1", "b": b"1"})
        seen.append(found == before)
        again = LocalStore(folder)
        again.commit({"c": b"2"}, again.head(), "life goes on")
        assert content(LocalStore(folder)) == {**found, "c": b"2"}
    assert seen == sorted(seen, reverse=True), "once the new head stands it stays"
    assert len(seen) >= 5, "the cut came at each of the steps"


def test_old_generations_and_leftovers_are_removed(local: LocalStore) -> None:
    head = local.commit({"first": b"x", "keep": b"kept"}, local.head(), "begin")
    (local.folder / "objects" / "leftover.tmp").write_bytes(b"half")
    (local.folder / "generations" / "9-0000000000000000.tmp").write_bytes(b"half")
    (local.folder / "generations" / "notes.txt").write_text("someone's own file")
    for i in range(100):
        head = local.commit({"first": str(i).encode()}, head, "on")
    assert len(list((local.folder / "generations").iterdir())) <= 33
    assert len(list((local.folder / "objects").iterdir())) <= 34
    assert not list(local.folder.rglob("*.tmp"))
    assert (local.folder / "generations" / "notes.txt").exists()
    assert content(LocalStore(local.folder)) == {"first": b"99", "keep": b"kept"}


def test_a_forgotten_head_says_read_again(local: LocalStore) -> None:
    old = head = local.commit({"a": b"0"}, local.head(), "begin")
    for i in range(100):
        head = local.commit({"a": str(i).encode()}, head, "on")
    with pytest.raises(WriteConflict):
        LocalStore(local.folder).read("a", old)
    with pytest.raises(WriteConflict):
        LocalStore(local.folder).list("", old)


def test_a_damaged_object_is_named_and_hurts_nothing_else(local: LocalStore) -> None:
    head = local.commit({"good": b"fine", "bad": b"original"}, local.head(), "x")
    damaged = local.folder / "objects" / local.list("", head)["bad"]
    for damage in (b"changed", b"", None):
        damaged.unlink() if damage is None else damaged.write_bytes(damage)
        with pytest.raises(InputError, match="backup") as caught:
            local.read("bad", head)
        assert caught.value.file == str(damaged)
        assert local.read("good", head) == b"fine"
    assert local.commit({"bad": b"original", "more": b"m"}, head, "mend") != head
    assert local.read("bad", local.head()) == b"original"


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"files": {}}', b"\xff\xfe", None])
def test_a_damaged_generation_says_what_to_do(local: LocalStore, damage: bytes | None) -> None:
    good = local.commit({"a": b"1"}, local.head(), "x")
    bad = local.commit({"a": b"2"}, good, "y")
    path = local.folder / "generations" / bad
    path.unlink() if damage is None else path.write_bytes(damage)
    fresh = LocalStore(local.folder)
    with pytest.raises(InputError, match="backup") as caught:
        fresh.list("", fresh.head())
    assert caught.value.file == str(path)
    with pytest.raises(InputError):
        fresh.commit({"a": b"3"}, fresh.head(), "z")
    (local.folder / "HEAD").write_text(good)
    assert content(LocalStore(local.folder)) == {"a": b"1"}


@pytest.mark.parametrize("damage", [b"", b"rubbish", b"../../x", b"\xff", b"2-00", None])
def test_a_damaged_head_says_what_to_do(local: LocalStore, damage: bytes | None) -> None:
    head = local.commit({"a": b"1"}, local.head(), "x")
    local.commit({"a": b"2"}, head, "y")
    path = local.folder / "HEAD"
    path.unlink() if damage is None else path.write_bytes(damage)
    with pytest.raises(InputError, match="generations/") as caught:
        LocalStore(local.folder).head()
    assert caught.value.file == str(path)


def test_reading_makes_no_folder(local: LocalStore) -> None:
    assert local.head() == EMPTY_HEAD
    assert not local.list("", local.head())
    assert not local.folder.exists()


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file, not a folder")
    store = LocalStore(tmp_path / "store")
    with pytest.raises(StoreUnavailable):
        store.commit({"a": b"1"}, EMPTY_HEAD, "x")


def test_a_writer_that_never_lets_go_is_reported(local: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval_queue.store.local._LOCK_SECONDS", 0.05)
    local.commit({"a": b"1"}, local.head(), "x")
    waiting, caught = LocalStore(local.folder), []

    def write() -> None:
        try:
            waiting.commit({"a": b"2"}, waiting.head(), "y")
        except StoreUnavailable as error:
            caught.append(error)

    with local._lock:
        thread = threading.Thread(target=write)
        thread.start()
        thread.join(timeout=240)
    assert len(caught) == 1
    assert content(waiting) == {"a": b"1"}
