"""The last good copy of a repository on this machine's disk.

* `contents/<xx>/<id>`: content by its id, checked against it whenever it is read.
* `copy.json`: which commit it is, when it was the newest, and which files it has.

Guarantees: a file is there whole or not at all, several processes may share the folder, and losing it costs requests
only. Where the disk cannot be written, contents are kept in memory for as long as the process lives.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson

from data.files import replacing
from eval_queue.store.git_ids import blob_oid, sha256
from eval_queue.store.repository import Entry

_VERSION: Final = 1
_TIDY_EVERY: Final = 2000
_KEEP_SECONDS: Final = 3600.0


@dataclass(frozen=True)
class State:
    """What `copy.json` says."""

    head: str
    """The commit."""
    at: datetime
    """When it was last known to be the newest."""
    folders: Mapping[str, Mapping[str, Entry]]
    """Files by folder and path."""


class Copy:
    """The copy in a folder.

    Args:
        folder: made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self._contents = folder / "contents"
        self._state = folder / "copy.json"
        self._memory: dict[str, bytes] = {}
        self._written = _TIDY_EVERY

    def get(self, oid: str) -> bytes | None:
        """The content with this id; None if it is not here, or not whole."""
        if oid in self._memory:
            return self._memory[oid]
        try:
            data = self._place(oid).read_bytes()
        except OSError:
            return None
        return data if oid == (sha256(data) if len(oid) == 64 else blob_oid(data)) else None

    def has(self, oid: str) -> bool:
        """Whether content with this id seems to be here."""
        return oid in self._memory or self._place(oid).exists()

    def put(self, oid: str, data: bytes) -> None:
        """Keep content under its id."""
        try:
            _write(self._place(oid), data)
            self._written += 1
        except OSError:
            self._memory[oid] = data

    def load(self) -> State | None:
        """What was saved last; None if there is nothing that can be read."""
        try:
            found = orjson.loads(self._state.read_bytes())
            if found["schema_version"] != _VERSION:
                return None
            folders = {
                folder: {path: Entry(*entry) for path, entry in files.items()}
                for folder, files in found["folders"].items()
            }
            return State(str(found["head"]), datetime.fromisoformat(found["at"]), folders)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def save(self, state: State) -> None:
        """Remember a commit all of whose contents have been kept."""
        folders = {folder: {path: [*entry] for path, entry in files.items()} for folder, files in state.folders.items()}
        document = {"schema_version": _VERSION, "head": state.head, "at": state.at, "folders": folders}
        with contextlib.suppress(OSError):
            _write(self._state, orjson.dumps(document))
        live = {entry.oid for files in state.folders.values() for entry in files.values()}
        for oid in [*self._memory]:  # other threads put more meanwhile
            if oid not in live:
                self._memory.pop(oid, None)
        if self._written >= _TIDY_EVERY:
            self._written = 0
            self._tidy(live)

    def _tidy(self, live: set[str]) -> None:
        """Remove contents that no file has any more; young ones may be another process's."""
        with contextlib.suppress(OSError):
            for path in self._contents.glob("*/*"):
                if path.name not in live and path.stat().st_mtime < time.time() - _KEEP_SECONDS:
                    path.unlink(missing_ok=True)

    def _place(self, oid: str) -> Path:
        return self._contents / oid[:2] / oid


def _write(path: Path, data: bytes) -> None:
    with replacing(path) as unfinished:
        unfinished.write_bytes(data)
