"""What is in a repository on the Hub at a commit: listings and contents, as near as they have been brought.

Guarantees: a listing is believed only if it has Git's id of the folder, a content only if it has its own id, so half an
answer never makes a record disappear. A folder whose id has not changed is not listed again, a content that is near is
not fetched again. Many missing records come in one piece from the compiled table, the others several at a time.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Final

from data.errors import InputError
from eval_queue.store.compiled import Compiled, contents
from eval_queue.store.git_ids import blob_oid, tree_oid
from eval_queue.store.last_copy import Copy, State
from eval_queue.store.local import EMPTY_HEAD
from eval_queue.store.repository import Entry, HubRepo, HubUnavailable

_FEW: Final = 8
_AT_ONCE: Final = 16
_LISTINGS_KEPT: Final = 16
_LISTED_AT_MOST: Final = 3
_PLAIN_BYTES: Final = 1_000_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Listing:
    """What is in a folder at one commit."""

    files: Mapping[str, Entry]
    tree: str | None
    """Git's id of the folder; None where it was not asked for."""


class HubFiles:
    """The files of a repository. Threads may share it.

    Args:
        repo: the repository.
        copy: keeps what was fetched.
        compiled: which records are also in one table; None for none.
    """

    def __init__(self, repo: HubRepo, copy: Copy, compiled: Compiled | None) -> None:
        self.watched: set[str] = set()
        """Folders in use: all their records are brought near."""
        self._repo = repo
        self._copy = copy
        self._compiled = compiled
        self._lock = threading.Lock()
        self._listings: OrderedDict[tuple[str, str], _Listing] = OrderedDict()
        self._near: set[str] = set()
        self._table: tuple[str, frozenset[str]] = ("", frozenset())

    def at(self, folder: str, head: str) -> Mapping[str, Entry]:
        """All files of a top folder ("" for the whole repository) at a commit, by path.

        Raises:
            HubUnavailable: they cannot be listed now.
            WriteConflict: the commit is forgotten.
        """
        if head == EMPTY_HEAD:
            return {}
        known = self._known(head, folder)
        if known is None:
            known = self._listed(folder, head)
            self._remember(head, folder, known)
        return known.files

    def entries(self, paths: Iterable[str], head: str) -> dict[str, Entry]:
        """Those of `paths` that are there at a commit: from what was listed, the others with one request.

        Raises:
            HubUnavailable: they cannot be looked up now.
            WriteConflict: the commit is forgotten.
        """
        found: dict[str, Entry] = {}
        unknown: list[str] = []
        if head == EMPTY_HEAD:
            return found
        for path in paths:
            listing = self._known(head, top_folder(path)) or self._known(head, "")
            if listing is None:
                unknown.append(path)
            elif path in listing.files:
                found[path] = listing.files[path]
        return found | self._repo.files(unknown, head) if unknown else found

    def knows(self, folder: str, head: str) -> bool:
        """Whether a folder can be listed without asking the Hub."""
        return head == EMPTY_HEAD or self._known(head, folder) is not None

    def kept(self, path: str, head: str) -> bytes | None:
        """The content of a file as far as it is near; None where only the Hub knows.

        Raises:
            KeyError: there is no such file at `head`.
        """
        if head == EMPTY_HEAD:
            raise KeyError(path)
        listing = self._known(head, top_folder(path)) or self._known(head, "")
        return None if listing is None else self._copy.get(listing.files[path].oid)

    def content(self, path: str, entry: Entry, head: str) -> bytes:
        """The content of a file.

        Raises:
            InputError: the Hub has none.
            HubUnavailable: it cannot be had now.
        """
        data = self._copy.get(entry.oid)
        if data is None:
            data = self._repo.content(path, entry, head)
            if path.endswith(".json"):
                self._keep(entry.oid, data)
        return data

    def readable(self, path: str, entry: Entry, head: str) -> bytes | None:
        """As `content`, but None where the Hub has none: who reads that record is told then."""
        try:
            return self.content(path, entry, head)
        except InputError:
            return None

    def bring_near(self, folder: str, head: str) -> None:
        """Fetch all records of a folder that are not near yet.

        Raises:
            HubUnavailable: not all can be had now. What came is kept.
            WriteConflict: the commit is forgotten.
        """
        missing = self._missing(self.at(folder, head))
        if len(missing) > _FEW and self._compiled is not None and folder in self._compiled.folders:
            self.in_table(head)
            missing = self._missing(missing)
        if not missing:
            return
        with ThreadPoolExecutor(min(_AT_ONCE, len(missing))) as pool:
            futures = [pool.submit(self.readable, path, entry, head) for path, entry in missing.items()]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                for future in futures:
                    future.cancel()
                raise

    def in_table(self, head: str) -> frozenset[str]:
        """Ids of the contents in the compiled table at a commit, all of which are near afterwards."""
        compiled = self._compiled
        entry = self.at(compiled.folders[0], head).get(compiled.path) if compiled else None
        if compiled is None or entry is None:
            return frozenset()
        if self._table[0] != entry.oid:
            inside: set[str] = set()
            try:
                for oid, data in contents(self.content(compiled.path, entry, head)).items():
                    if blob_oid(data) == oid:
                        inside.add(oid)
                        if oid not in self._near:
                            self._keep(oid, data)
            except (ValueError, InputError) as error:
                _log.warning("%s: the compiled table is of no use: %s", self._repo.id, error)
            self._table = (entry.oid, frozenset(inside))
        return self._table[1]

    def follow(self, changes: Mapping[str, bytes | None], parent: str, new: str) -> bool:
        """Take note of an own commit; whether that tells all about the folders in use."""
        for path, data in changes.items():
            if data is not None and _is_plain(path, data):
                self._keep(blob_oid(data), data)
        for folder in [folder for head, folder in list(self._listings) if head == parent]:
            touched = {p: d for p, d in changes.items() if not folder or p.startswith(f"{folder}/")}
            before = self._known(parent, folder)
            # of other files only the Hub knows whether it stores them as LFS, and so their ids
            if before is None or not all(_is_plain(path, data) for path, data in touched.items()):
                continue
            files = dict(before.files)
            for path, data in touched.items():
                if data is None:
                    files.pop(path, None)
                else:
                    files[path] = Entry(blob_oid(data), blob_oid(data), len(data))
            self._remember(new, folder, _Listing(files, None if touched else before.tree))
        return all(self._known(new, folder) for folder in tuple(self.watched))

    def recall(self, state: State) -> None:
        """Begin where the last process ended: what it knew need not be asked again."""
        self.watched.update(state.folders)
        for folder, files in state.folders.items():
            self._remember(state.head, folder, _Listing(files, None))

    def _known(self, head: str, folder: str) -> _Listing | None:
        with self._lock:
            listing = self._listings.get((head, folder))
            if listing is not None:
                self._listings.move_to_end((head, folder))
            return listing

    def _remember(self, head: str, folder: str, listing: _Listing) -> None:
        with self._lock:
            self._listings[head, folder] = listing
            self._listings.move_to_end((head, folder))
            while len(self._listings) > _LISTINGS_KEPT:
                self._listings.popitem(last=False)

    def _listed(self, folder: str, head: str) -> _Listing:
        """List a folder, and again where the listing is not what Git says is there."""
        tree = self._repo.folder(folder, head) if folder else None
        if folder and tree is None:
            return _Listing({}, None)
        with self._lock:
            last = next((found for (_, f), found in reversed(self._listings.items()) if f == folder), None)
        if tree is not None and last is not None and tree == (last.tree or _tree(folder, last.files)):
            return _Listing(last.files, tree)
        before: Mapping[str, Entry] | None = None
        for _ in range(_LISTED_AT_MOST):
            files = self._repo.tree(folder, head)
            if tree is not None and _tree(folder, files) == tree:
                return _Listing(files, tree)
            # Git's id also says which files are programs, which a listing does not: a second witness then
            names = {name for name in self._repo.names(head) if not folder or name.startswith(f"{folder}/")}
            if names <= files.keys() and (not folder or files == before):
                if folder:
                    _log.warning("%s: Git's id of %s does not fit its files", self._repo.id, folder)
                return _Listing(files, tree)
            before = files
        raise HubUnavailable(f"its listing of {folder or 'the repository'} is not complete", passing=True)

    def _missing(self, files: Mapping[str, Entry]) -> dict[str, Entry]:
        missing = {}
        for path, entry in files.items():
            if not path.endswith(".json") or entry.oid in self._near:
                continue
            if self._copy.has(entry.oid):
                self._near.add(entry.oid)
            else:
                missing[path] = entry
        return missing

    def _keep(self, oid: str, data: bytes) -> None:
        self._copy.put(oid, data)
        self._near.add(oid)


def top_folder(path: str) -> str:
    """The top folder that a path lies in; "" for files beside the folders."""
    return path.partition("/")[0] if "/" in path else ""


def _tree(folder: str, files: Mapping[str, Entry]) -> str:
    return tree_oid({path[len(folder) + 1 :]: entry.blob for path, entry in files.items()})


def _is_plain(path: str, data: bytes | None) -> bool:
    """Whether the Hub surely stores this as a plain file of Git."""
    return data is None or (path.endswith(".json") and len(data) < _PLAIN_BYTES)
