"""A store in a folder under any order of changes, readers and damage, against a dictionary."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from eval_queue.store.local import LocalStore, StoreUnavailable, WriteConflict
from eval_queue.store.shown import ShownStore

pytestmark = pytest.mark.slow

PATHS = ("a", "b", "folder/c", "folder/d")


class AnyOrder(RuleBasedStateMachine):
    """Two apps and a command on one folder, which is damaged and mended."""

    @initialize()
    def begin(self) -> None:
        self.place = self.folder / str(next(self.numbers))
        self.apps = [ShownStore(LocalStore(self.place), every=0.0) for _ in range(2)]
        self.truth: dict[str, bytes] = {}
        self.heads: dict[str, dict[str, bytes]] = {self.apps[0].head(): {}}
        self.damaged: bytes | None = None

    @precondition(lambda self: self.damaged is None)
    @rule(
        app=st.integers(0, 2),
        changes=st.dictionaries(st.sampled_from(PATHS), st.none() | st.binary(max_size=9), min_size=1),
        stale=st.booleans(),
    )
    def change(self, app: int, changes: dict[str, bytes | None], stale: bool) -> None:
        store = self.apps[app] if app < 2 else LocalStore(self.place)
        newest = store.head()
        head = min(self.heads, key=lambda h: int(h.partition("-")[0])) if stale else newest
        if head != newest:
            with pytest.raises(WriteConflict):
                store.commit(changes, head, "stale")
            return
        new = store.commit(changes, head, "x")
        for path, content in changes.items():
            if content is None:
                self.truth.pop(path, None)
            else:
                self.truth[path] = content
        self.heads[new] = dict(self.truth)

    @precondition(lambda self: self.damaged is None and self.truth)
    @rule(content=st.sampled_from([b"", b"odd", b"99-0123456789abcdef", b"\xff"]))
    def damage(self, content: bytes) -> None:
        head = self.place / "HEAD"
        for app in self.apps:
            app.head()
        self.damaged = head.read_bytes()
        head.write_bytes(content)

    @precondition(lambda self: self.damaged is not None)
    @rule(app=st.integers(0, 1))
    def change_while_damaged(self, app: int) -> None:
        store = self.apps[app]
        with pytest.raises(StoreUnavailable):
            store.commit({"a": b"late"}, store.head(), "x")

    @precondition(lambda self: self.damaged is not None)
    @rule()
    def mend(self) -> None:
        assert self.damaged is not None
        (self.place / "HEAD").write_bytes(self.damaged)
        self.damaged = None

    @invariant()
    def everybody_sees_the_truth(self) -> None:
        for app in self.apps:
            head = app.head()
            assert (app.outage() is not None) == (self.damaged is not None)
            assert {path: app.read(path, head) for path in app.list("", head)} == self.truth


def test_any_order(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)  # what a power cut would take is not tried here
    AnyOrder.folder: Path = tmp_path_factory.mktemp("any-order")  # type: ignore[attr-defined]
    AnyOrder.numbers = itertools.count()  # type: ignore[attr-defined]
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
