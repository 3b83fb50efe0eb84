"""A store's records and answers as one file, back again, and as they were at an earlier head.

A backup is a zip: `manifest.json` (heads and the SHA-256 of each member) and every file of the folders that this
project writes. What can be made again from them (compiled tables, cards) is not in it. Restoring and rolling back are
commits like any other: whole or not at all, and in the history of a repository on the Hub, so that they can be undone.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from data.errors import InputError
from eval_queue.store.local import Store, WriteConflict, check_path

FOLDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "requests": ("submissions/",),
    "results": ("results/", "answers/", "self-reported/", "awaiting-approval/"),
}
"""What is kept of which store; both may be the same store."""

_MANIFEST: Final = "manifest.json"
_FILE_BYTES: Final = 256 * 2**20
"""The largest file that is restored."""


def files_at(store: Store, folders: tuple[str, ...], head: str) -> dict[str, bytes]:
    """The content of all files of some folders at a head."""
    return {path: store.read(path, head) for folder in folders for path in store.list(folder, head)}


def files_of_revision(store: Store, revision: str) -> dict[str, bytes]:
    """The files of the results as they were at a revision that somebody names.

    Raises:
        InputError: the store has no such revision, or none any more.
    """
    try:
        return files_at(store, FOLDERS["results"], revision)
    except WriteConflict:
        raise InputError(f"the store has no revision {revision!r}, or does not keep it any more") from None


def write_backup(stores: Mapping[str, Store], path: Path) -> int:
    """Write the files of all stores, by the names in `FOLDERS`, into one that must not exist; how many are in it."""
    digests: dict[str, str] = {}
    heads = {name: store.head() for name, store in stores.items()}
    unfinished = path.with_name(f"{path.name}.tmp")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, store in stores.items():
                for file, content in files_at(store, FOLDERS[name], heads[name]).items():
                    member = f"{name}/{file}"
                    digests[member] = hashlib.sha256(content).hexdigest()
                    archive.writestr(member, content)
            archive.writestr(_MANIFEST, orjson.dumps({"schema_version": 1, "heads": heads, "sha256": digests}))
        if path.exists():
            raise InputError("is there already; name another file", file=path)
        unfinished.replace(path)
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})", file=path) from None
    finally:
        unfinished.unlink(missing_ok=True)
    return len(digests)


def read_backup(path: Path) -> dict[str, dict[str, bytes]]:
    """The files of a backup by store, each checked.

    Raises:
        InputError: it is no backup, or a damaged one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest: Any = orjson.loads(archive.read(_MANIFEST))
            digests: dict[str, str] = manifest["sha256"]
            if manifest["schema_version"] != 1 or set(archive.namelist()) != {*digests, _MANIFEST}:
                raise InputError("its list of files is not that of its files", file=path)
            found: dict[str, dict[str, bytes]] = {name: {} for name in FOLDERS}
            for member, digest in digests.items():
                name, _, file = member.partition("/")
                if name not in FOLDERS or not check_path(file).startswith(FOLDERS[name]):
                    raise InputError(f"holds {member[:100]!r}, which belongs into no store", file=path)
                if archive.getinfo(member).file_size > _FILE_BYTES:
                    raise InputError(f"{member[:100]} is too large", file=path)
                content = archive.read(member)
                if hashlib.sha256(content).hexdigest() != digest:
                    raise InputError(f"{member[:100]} is damaged", file=path)
                found[name][file] = content
    except FileNotFoundError:
        raise InputError("no such file", file=path) from None
    except (OSError, zipfile.BadZipFile, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"is no backup, or a damaged one ({type(error).__name__})", file=path) from None
    return found


def restore(stores: Mapping[str, Store], kept: Mapping[str, Mapping[str, bytes]]) -> int:
    """Make each store hold exactly what is kept, in one commit each: results first, as when they are published.

    Returns:
        How many files were written or removed.
    """
    return sum(_become(stores[name], FOLDERS[name], kept[name], "restore a backup") for name in ("results", "requests"))


def roll_back(store: Store, revision: str) -> int:
    """Make the results what they were at an earlier revision.

    Raises:
        InputError: there is no such revision.
        WriteConflict: somebody else wrote meanwhile.
    """
    return _become(store, FOLDERS["results"], files_of_revision(store, revision), f"roll back to {revision[:12]}")


def _become(store: Store, folders: tuple[str, ...], wanted: Mapping[str, bytes], message: str) -> int:
    head = store.head()
    present = {path for folder in folders for path in store.list(folder, head)}
    changes: dict[str, bytes | None] = dict.fromkeys(present - wanted.keys())
    changes |= {p: data for p, data in wanted.items() if p not in present or store.read(p, head) != data}
    if changes:
        store.commit(changes, head, message)
    return len(changes)
