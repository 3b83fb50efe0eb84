"""A store in a dataset repository on the Hub.

A head is a commit of the main branch; a change is one `create_commit` on the commit that it was decided on, so it is
there as a whole or not at all, and only if nobody was faster. After an error that leaves open whether a commit was made
the history is asked before anything is said.

Reading costs one small request while nothing changes, at most every `max_age` seconds; when the head has moved, folders
in use are listed at that commit and what is new is fetched (`hub_files`). `head` returns a commit only once all that is
near, so reading at it needs no network. While the Hub cannot be reached, the last good copy is read instead, after a
restart the one on disk, and `outage` says so; it ends by itself.

An answer of the Hub may be old. Another head than the present one is taken for the newest only if it was made on it
(one more request each time the head has moved), or if the Hub has insisted on it for a minute.

Not done: undoing; more than one branch. The repository's own files (README.md, .gitattributes, the compiled table) are
neither listed nor written through `commit`.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from eval_queue.settings import Settings
from eval_queue.store.compiled import Compiled, compiled_results, compiled_submissions
from eval_queue.store.git_ids import blob_oid
from eval_queue.store.last_copy import Copy, State
from eval_queue.store.local import EMPTY_HEAD, Outage, StoreUnavailable, WriteConflict, check_path
from eval_queue.store.remote_files import HubFiles, top_folder
from eval_queue.store.repository import Entry, HubClock, HubRepo, HubUnavailable, RepositoryMissing

CARD: Final = "README.md"

_HEADS_KEPT: Final = 1000
_BELIEVE_SECONDS: Final = 60.0
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 15.0
_LONGEST_WAIT: Final = 300.0
_GLITCH: Final = 2.0
_PATIENCE: Final = 10.0
_SAVE_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


class HubStore:
    """See `eval_queue.store.local.Store`. Threads and processes may use the same repository and the same copy.

    Args:
        repo: the repository; it is made at the first look if it is not there.
        card: its README, written where there is none, or one without any text.
        private: whether it is made private.
        copy: folder for the last good copy.
        compiled: which records are also kept in one table; None for none.
        max_age: for how many seconds a head is taken for the newest without asking.
    """

    def __init__(
        self,
        repo: HubRepo,
        *,
        card: str,
        private: bool,
        copy: Path,
        compiled: Compiled | None = None,
        max_age: float = 0.0,
    ) -> None:
        self.repo = repo
        self._card = card
        self._private = private
        self._copy = Copy(copy)
        self._compiled = compiled
        self._max_age = max_age
        self._files = HubFiles(repo, self._copy, compiled)
        self._own = {CARD, ".gitattributes", *([compiled.path] if compiled else [])}
        self._card_is_there = False
        self._looking = threading.Lock()
        self._lock = threading.RLock()
        self._recalled = False
        self._head: str | None = None
        self._as_of: datetime | None = None
        self._older: OrderedDict[str, None] = OrderedDict()
        self._older_since: float | None = None
        self._doubts = 0
        self._settled = 0
        self._next_look = 0.0
        self._pause = _FIRST_PAUSE
        self._outage: Outage | None = None
        self._saved: tuple[str, frozenset[str]] = ("", frozenset())
        self._next_save = 0.0
        self._refused: str | None = None

    # --- reading ----------------------------------------------------------------------------------------------------

    def head(self) -> str:
        """See `Store.head`. Everything in the folders that were listed before is near when it returns."""
        known = self._head
        if known is not None and self._is_fresh():
            return known
        # whoever only wants to show something need not wait for another who looks already
        if self._looking.acquire(blocking=known is None or self._settled != self._doubts):
            try:
                if self._head is None or not self._is_fresh():
                    self._look()
            finally:
                self._looking.release()
        return self._head or EMPTY_HEAD

    def list(self, prefix: str, head: str) -> Mapping[str, str]:
        """See `Store.list`."""
        folder = top_folder(prefix)
        if self._outage is not None and not self._files.knows(folder, head):
            raise StoreUnavailable(f"{folder} cannot be read now: {self._outage.reason}")
        files = self._files.at(folder, head)
        if folder not in self._files.watched and head != EMPTY_HEAD:
            self._files.bring_near(folder, head)
            self._files.watched.add(folder)
            self._save()
        return {path: e.oid for path, e in files.items() if path.startswith(prefix) and path not in self._own}

    def read(self, path: str, head: str) -> bytes:
        """See `Store.read`."""
        outage = self._outage
        if outage is not None:
            # nobody waits for a Hub that does not answer: whoever is at the head has just looked
            kept = self._files.kept(path, head)
            if kept is None:
                raise StoreUnavailable(f"{path} cannot be read now: {outage.reason}")
            return kept
        entry = self._files.entries([path], head).get(path)
        if entry is None:
            raise KeyError(path)
        return self._files.content(path, entry, head)

    def outage(self) -> Outage | None:
        """See `Store.outage`."""
        return self._outage

    def doubt(self) -> None:
        """See `Store.doubt`."""
        self._doubts += 1

    # --- writing ----------------------------------------------------------------------------------------------------

    def commit(self, changes: Mapping[str, bytes | None], expected_head: str, message: str) -> str:
        """See `Store.commit`."""
        for path in changes:
            if check_path(path) in self._own:
                raise ValueError(f"{path} is the repository's own")
        outage = self._outage
        if outage is not None:
            # whoever decided has just looked; the library would go on trying for half a minute
            left = self._next_look - time.monotonic()
            time.sleep(left if 0 < left < _GLITCH else 0)
            raise StoreUnavailable(f"Nothing can be stored now: {outage.reason}")
        if expected_head == EMPTY_HEAD:
            raise self._moved_on(expected_head)
        try:
            if expected_head in self._older:
                raise self._moved_on(expected_head)
            return self._commit(changes, expected_head, message)
        except WriteConflict:
            self._doubts += 1
            if self._refused == expected_head:
                raise WriteConflict(
                    f"The Hub shows an older state of {self.repo.id} than the one it takes changes on. Nothing was "
                    "stored; try again in a minute"
                ) from None
            self._refused = expected_head
            raise
        except HubUnavailable as error:
            self._doubts += 1
            if error.passing:
                time.sleep(min(error.retry_after or _FIRST_PAUSE, _PATIENCE))
            raise StoreUnavailable(f"The change could not be stored in {self.repo.id} on the Hub: {error}") from None

    def _commit(self, changes: Mapping[str, bytes | None], head: str, message: str) -> str:
        before = self._files.entries([*changes, *([] if self._card_is_there else [CARD])], head)
        real = {path: data for path, data in changes.items() if not _is_there(before.get(path), data)}
        if not real:
            if self.repo.head() != head:
                raise self._moved_on(head)
            return head
        everything = {**real, **self._table(real, head), **self._missing_card(before.get(CARD), head)}
        nonce = secrets.token_hex(16)
        try:
            new = self.repo.commit(everything, head, message, nonce)
        except HubUnavailable as error:
            new = self._outcome(nonce, head, error)
        self._card_is_there = True
        with self._lock:
            if self._files.follow(everything, head, new) and self._head == head:
                self._advance(new)
            else:
                self._doubts += 1
        return new

    def _outcome(self, nonce: str, parent: str, error: HubUnavailable) -> str:
        """The commit that was made although an error came back.

        Raises:
            WriteConflict: it was not made, and never will be.
            HubUnavailable: the same error: it was not made so far, or that cannot be known now.
        """
        try:
            head = self.repo.head()
            found = None if head == parent else self.repo.find(nonce, head, parent)
        except StoreUnavailable:
            raise error from None
        if found is not None:
            return found
        if head == parent:
            raise error
        raise self._moved_on(parent)

    def _table(self, changes: Mapping[str, bytes | None], head: str) -> dict[str, bytes]:
        """The compiled table for the state after `changes`, if it is due."""
        compiled = self._compiled
        if compiled is None or not any(map(compiled.has, changes)):
            return {}
        listed = {p: e for folder in compiled.folders for p, e in self._files.at(folder, head).items()}
        files = {path: entry.oid for path, entry in listed.items() if compiled.has(path)}
        for path, data in changes.items():
            if data is None:
                files.pop(path, None)
            elif compiled.has(path):
                files[path] = blob_oid(data)
        if not compiled.due(behind=len(files), total=len(files)):
            return {}
        if compiled.slack:
            inside = self._files.in_table(head)
            if not compiled.due(behind=sum(oid not in inside for oid in files.values()), total=len(files)):
                return {}
        for folder in compiled.folders:
            self._files.bring_near(folder, head)
        records = (
            changes[path] if path in changes else self._files.readable(path, listed[path], head) for path in files
        )
        return {compiled.path: compiled.build(record for record in records if record is not None)}

    def _missing_card(self, card: Entry | None, head: str) -> dict[str, bytes]:
        """The card, where there is none or one without any text, as the Hub's pages make it."""
        if self._card_is_there:
            return {}
        content = self._files.readable(CARD, card, head) if card else b""
        text = (content or b"").decode(errors="replace")
        body = text.removeprefix("---").partition("\n---")[2] if text.startswith("---") else text
        return {} if body.strip("- \n") else {CARD: self._card.encode()}

    def _moved_on(self, head: str) -> WriteConflict:
        return WriteConflict(f"{self.repo.id} has moved on from {head[:12]}; nothing was stored, try again")

    # --- looking ----------------------------------------------------------------------------------------------------

    def _is_fresh(self) -> bool:
        if time.monotonic() >= self._next_look:
            return False
        return self._outage is not None or self._settled == self._doubts

    def _look(self) -> None:
        """Find the newest head and bring near what is in use. During an outage: keep, or take, the last good copy."""
        doubts = self._doubts
        if not self._recalled:
            self._recalled = True
            state = self._copy.load()
            if state is not None:
                self._files.recall(state)
        try:
            head = self._newest()
            for folder in tuple(self._files.watched):  # another thread may add one meanwhile
                self._files.bring_near(folder, head)
        except (HubUnavailable, WriteConflict) as error:
            self._fall_back(error)
            return
        with self._lock:
            self._advance(head)
            self._settled = doubts
        self._save()

    def _newest(self) -> str:
        try:
            head = self.repo.head()
        except RepositoryMissing as missing:
            if self._head not in (None, EMPTY_HEAD) or self._copy.load() is not None:
                raise  # it was there: this is a matter of the token, or somebody has removed it
            try:
                self._create()
            except HubUnavailable as error:
                raise HubUnavailable(f"{missing}, and making it failed: {error}") from None
            head = self.repo.head()
        known = self._head
        if known is None or known in (EMPTY_HEAD, head) or self.repo.descends(head, known):
            self._older_since = None
            self._older.pop(head, None)  # the first answer of all was old
            return head
        now = time.monotonic()
        self._older_since = self._older_since or now
        if now - self._older_since < _BELIEVE_SECONDS:
            return known
        _log.warning("%s was set back to %s", self.repo.id, head[:12])
        self._older.clear()
        return head

    def _create(self) -> None:
        self.repo.create(private=self._private)
        try:
            self.repo.commit({CARD: self._card.encode()}, self.repo.head(), "Begin", secrets.token_hex(16))
        except WriteConflict:
            _log.info("another program has just begun %s", self.repo.id)

    def _advance(self, head: str) -> None:
        """Take `head` for the newest, unless a newer one has become known."""
        if head in self._older:
            return
        if self._head not in (None, EMPTY_HEAD, head):
            self._older[self._head or ""] = None
            if len(self._older) > _HEADS_KEPT:
                self._older.popitem(last=False)
        if self._outage is not None:
            _log.warning("%s can be reached again", self.repo.id)
        self._head = head
        self._as_of = datetime.now(UTC)
        self._outage = None
        self._pause = _FIRST_PAUSE
        self._next_look = time.monotonic() + self._max_age

    def _fall_back(self, error: StoreUnavailable | WriteConflict) -> None:
        with self._lock:
            wished = error.retry_after if isinstance(error, HubUnavailable) else None
            self._next_look = time.monotonic() + max(self._pause, min(wished or 0.0, _LONGEST_WAIT))
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            if self._head is None:
                state = self._copy.load()
                self._head, self._as_of = (EMPTY_HEAD, None) if state is None else (state.head, state.at)
            if self._outage is None:
                _log.warning("%s cannot be read: %s", self.repo.id, error)
            self._outage = Outage(self._as_of, f"{self.repo.id} on the Hub: {error}")

    def _save(self) -> None:
        """Remember on disk what is near, soon after it has changed."""
        head, moment, watched = self._head, time.monotonic(), frozenset(self._files.watched)
        if head is None or self._as_of is None or self._outage is not None:
            return
        if (head, watched) == self._saved and moment < self._next_save:
            return
        folders = {folder: self._files.at(folder, head) for folder in watched if folder}
        self._copy.save(State(head, self._as_of, folders))
        self._saved, self._next_save = (head, watched), moment + _SAVE_SECONDS


def open_hub(settings: Settings) -> tuple[HubStore, HubStore, HubClock]:
    """The stores of submissions and of results that the settings name, and the Hub's clock.

    Raises:
        ValueError: the settings name none.
    """
    from eval_queue.store.cards import requests_card, results_card

    requests, results = settings.requests_repo, settings.results_repo
    if requests is None or results is None:
        raise ValueError("no repositories are set")
    clock = HubClock()
    token = os.environ.get(settings.hub_token_env) or None

    def store(id_: str, card: str, compiled: Compiled) -> HubStore:
        return HubStore(
            HubRepo(id_, token=token, clock=clock),
            card=card,
            private=settings.hub_private,
            copy=settings.store / "hub" / id_.replace("/", "--"),
            compiled=compiled,
            max_age=settings.hub_seconds,
        )

    return (
        store(requests, requests_card(results=results), compiled_submissions()),
        store(results, results_card(results=results, requests=requests), compiled_results()),
        clock,
    )


def _is_there(entry: Entry | None, data: bytes | None) -> bool:
    return entry is None if data is None else entry is not None and entry.holds(data)
