"""Git's ids of files and folders, by which content and listings from the Hub are checked. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


def sha256(data: bytes) -> str:
    """The id of content that is stored as LFS, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def blob_oid(data: bytes) -> str:
    """Git's id of a file with this content, 40 hexadecimal digits."""
    return _sha1(b"blob %d\0" % len(data) + data)


def tree_oid(files: Mapping[str, str]) -> str:
    """Git's id of a folder of plain files: another one if any of them is missing, added or changed.

    Args:
        files: Git's ids by path below the folder.
    """
    folders: dict[str, dict[str, str]] = {}
    entries: list[tuple[bytes, bytes]] = []
    for path, oid in files.items():
        name, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(name, {})[rest] = oid
        else:
            entries.append((name.encode(), b"100644 %b\0%b" % (name.encode(), bytes.fromhex(oid))))
    for name, below in folders.items():
        # Git sorts a folder as if its name ended in a slash
        entries.append((name.encode() + b"/", b"40000 %b\0%b" % (name.encode(), bytes.fromhex(tree_oid(below)))))
    body = b"".join(entry for _, entry in sorted(entries))
    return _sha1(b"tree %d\0" % len(body) + body)


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
