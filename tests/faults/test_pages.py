"""The running app while the folder of its store is damaged, gone, full or read-only, and started in such a state."""

from __future__ import annotations

import contextlib
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from data.sources.practice import practice_benchmark
from eval_queue.queue.queue import Queue
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint, Settings
from eval_queue.store.local import LocalStore, StoreUnavailable
from eval_queue.store.shown import ShownStore
from eval_queue.submission import new_submission
from tests.support.apps import app
from tests.support.waiting import until
from tools.live import RunningApp

pytestmark = pytest.mark.slow

PAGES = ("", "compare", "map", "groups", "take", "benchmark", "submit", "queue", "about")
READ = "cannot be reached now. What you see is as it was on"
WRITTEN = "cannot be written since"


@dataclass
class Disk:
    """A store on a disk of its own, that can be made full and read-only."""

    folder: Path
    mounted: bool

    def full(self) -> None:
        with (self.folder / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"\0" * 65536):
                pass

    def roomy(self) -> None:
        (self.folder / "ballast").unlink()

    def locked(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(self.folder)], check=True)

    def unlocked(self) -> None:
        subprocess.run(["mount", "-o", "remount,rw", str(self.folder)], check=True)


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """A disk of 8 MB where this user may mount one."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield Disk(folder, mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)


def queue_of(store: Path) -> Queue:
    opened = LocalStore(store)
    return Queue(opened, opened, lease=Settings().lease)


def put(store: Path, *models: str) -> None:
    queue = queue_of(store)
    ref = BenchmarkRef.of(practice_benchmark())
    for model in models:
        made = new_submission(model, endpoint=Endpoint(name="vllm"), benchmark=ref, submitter="ada", at=queue.clock())
        queue.submit(made, quota=None)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    with disk(tmp_path_factory.mktemp("faults") / "disk") as made:
        put(made.folder / "store", "org/first", "org/kept")
        yield made


@pytest.fixture(scope="module")
def served(place: Disk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    # the app's log must not lie on the disk that is made read-only
    link = tmp_path_factory.mktemp("served") / "store"
    link.symlink_to(place.folder / "store")
    with app(link, source="practice", scheduler="false", local_model="false") as running:
        yield running


def page(running: RunningApp, route: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"{running.url}/{route}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def holds(running: RunningApp, words: str, folder: Path) -> None:
    """Every page says it, is there, shows what it last knew, and keeps the server's paths to itself."""
    until(lambda: words in page(running, "queue")[1])
    for route in PAGES:
        status, text = page(running, route)
        assert status == 200, route
        assert words in text, route
        assert str(folder) not in text, route
    assert "org/kept" in page(running, "queue")[1], "the queue as it was"
    assert "Traceback" not in running.log.read_text()


def mended(running: RunningApp) -> None:
    until(lambda: READ not in (now := page(running, "queue")[1]) and WRITTEN not in now)
    for route in PAGES:
        text = page(running, route)[1]
        assert 'vp-problems" role' not in text, route
        assert (READ in text, WRITTEN in text) == (False, False), route  # within a script of Gradio's, too


@pytest.mark.parametrize(
    "damage", [b"", b"rubbish", b"9-0123456789abcdef", None], ids=["empty", "odd", "missing", "gone"]
)
def test_a_damaged_head(served: RunningApp, place: Disk, damage: bytes | None) -> None:
    head = place.folder / "store" / "HEAD"
    good = head.read_bytes()
    mended(served)
    head.unlink() if damage is None else head.write_bytes(damage)
    try:
        holds(served, READ, place.folder)
    finally:
        head.write_bytes(good)
    mended(served)


def test_a_vanished_folder(served: RunningApp, place: Disk) -> None:
    mended(served)
    store, away = place.folder / "store", place.folder / "away"
    store.rename(away)
    try:
        holds(served, READ, place.folder)
    finally:
        away.rename(store)
    mended(served)


@pytest.mark.parametrize("what", ["full", "locked"])
def test_a_disk_that_cannot_be_written(served: RunningApp, place: Disk, what: str) -> None:
    if not place.mounted:
        pytest.skip("needs to mount a small disk, which this user may not")
    mended(served)
    getattr(place, what)()
    try:
        holds(served, WRITTEN, place.folder)
        with pytest.raises(StoreUnavailable, match="cannot be written"):
            put(place.folder / "store", "org/late")
    finally:
        (place.roomy if what == "full" else place.unlocked)()
    mended(served)
    put(place.folder / "store", f"org/after-{what}")
    until(lambda: f"org/after-{what}" in page(served, "queue")[1])


def test_a_start_with_a_damaged_head_shows_the_newest_intact_state(tmp_path: Path) -> None:
    store = tmp_path / "store"
    put(store, "org/first", "org/kept")
    (store / "HEAD").write_bytes(b"rubbish")
    newest = max((store / "generations").iterdir(), key=lambda path: int(path.name.partition("-")[0]))
    put_aside = newest.read_bytes()
    with app(store, source="practice", scheduler="true", local_model="false") as running:
        holds(running, READ, tmp_path)
        newest.write_bytes(put_aside[:-9])
        assert page(running, "queue")[0] == 200
        newest.write_bytes(put_aside)
        (store / "HEAD").write_text(newest.name)
        mended(running)


def test_the_store_alone(tmp_path: Path) -> None:
    store = ShownStore(LocalStore(tmp_path / "store"), every=0.0)
    assert (store.head(), store.outage()) == ("0", None)
    one = store.commit({"a": b"1", "b": b"2"}, store.head(), "x")
    two = store.commit({"a": b"3"}, one, "y")
    broken = tmp_path / "store" / "generations" / two
    good = broken.read_bytes()
    for content in (good[:-1], b"", None):
        broken.unlink() if content is None else broken.write_bytes(content)
        assert store.head() == two
        fresh = ShownStore(LocalStore(tmp_path / "store"))
        assert fresh.head() == one, "the newest that is whole"
        outage = fresh.outage()
        assert outage is not None
        assert outage.since is not None
        assert str(tmp_path) not in outage.reason
        assert fresh.read("a", one) == b"1"
        with pytest.raises(StoreUnavailable, match="Nothing can be stored now"):
            fresh.commit({"a": b"4"}, one, "z")
        broken.write_bytes(good)
        assert (fresh.head(), fresh.outage()) == (two, None)
