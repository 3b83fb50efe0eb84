"""What lies on the test Hub: people, tokens and versioned repositories, and who may see or change them.

Everything that changes goes through one event, applied the same way when it happens and when a journal is read back,
so a server that was killed starts again with the same commits. Nothing here knows of HTTP. All methods must be called
from one thread (the server's event loop): a commit's parent check and its write are then one step.

A commit's oid is a SHA-1 over what it changes, not git's own; blob and folder oids are git's.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
import re
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

Kind = Literal["model", "dataset", "space"]
TokenRole = Literal["read", "write", "fineGrained"]

OPERATOR = "operator"
"""The user who owns the Hub's first token."""
ORGANISATION = "lab"
"""An organisation that the operator administers."""

REGULAR_LIMIT = 10_000_000
"""Bytes above which a file is stored as LFS whatever its name."""
LFS_SUFFIXES = ("arrow", "bin", "gguf", "gz", "h5", "npz", "onnx", "parquet", "pt", "safetensors", "zip", "zst")

_TREES_KEPT = 16
_SHORT_OID = re.compile(r"[0-9a-f]{7,40}")
_WRITERS = ("admin", "write")


class Refused(Exception):
    """An answer that is not a success.

    Args:
        status: HTTP status.
        message: for the client, in the body and in a header.
        code: the error code by which the client chooses its exception; empty where the Hub sends none.
        headers: more headers.
        body: more fields of the JSON body.
    """

    def __init__(
        self, status: int, message: str, code: str = "", headers: Mapping[str, str] | None = None, **body: object
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code
        self.headers, self.body = dict(headers or {}), body


@dataclass(frozen=True)
class User:
    name: str
    fullname: str
    orgs: Mapping[str, str]
    """Role by organisation: `admin`, `write`, `contributor` or `read`."""


@dataclass(frozen=True)
class Token:
    value: str
    user: str
    role: TokenRole
    scopes: Mapping[str, list[str]]
    """Of a fine-grained token: permissions (`repo.content.read`, `repo.write`) by namespace or data set repository."""
    created: str


class Entry(NamedTuple):
    """A file at one commit."""

    oid: str
    """git's blob oid; of an LFS file, that of its pointer."""
    size: int
    sha256: str | None = None
    """Of an LFS file: the content's SHA-256."""
    pointer_size: int = 0


@dataclass(frozen=True)
class Commit:
    oid: str
    parent: str | None
    title: str
    message: str
    author: str
    date: str
    changes: Mapping[str, Entry | None]


@dataclass
class Repository:
    kind: Kind
    id: str
    private: bool
    gated: Literal["auto", "manual", False]
    disabled: bool
    created: str
    facts: dict[str, Any] = field(default_factory=dict)
    """What the real Hub works out by itself: `safetensors`, `downloads`, `inferenceProviderMapping` ..."""
    granted: set[str] = field(default_factory=set)
    """Who may read a gated repository."""
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    lfs: dict[str, bytes] = field(default_factory=dict)
    pull_requests: int = 0
    _trees: OrderedDict[str, dict[str, Entry]] = field(default_factory=OrderedDict)
    _folders: OrderedDict[str, dict[str, str]] = field(default_factory=OrderedDict)

    @property
    def namespace(self) -> str:
        return self.id.split("/")[0]

    def head(self, ref: str) -> Commit:
        return self.commits[self.refs[ref]]

    def resolve(self, revision: str, back: int = 0) -> Commit:
        """The commit that a branch, tag, full ref or (short) oid names; of a ref, the one `back` steps older."""
        for ref in (revision, f"refs/heads/{revision}", f"refs/tags/{revision}"):
            if ref in self.refs:
                commit = self.head(ref)
                while back and commit.parent in self.commits:
                    commit, back = self.commits[commit.parent], back - 1
                return commit
        if _SHORT_OID.fullmatch(revision):
            found = [revision] if revision in self.commits else [o for o in self.commits if o.startswith(revision)]
            if len(found) == 1:
                return self.commits[found[0]]
        raise Refused(404, f"no such revision: {revision}", "RevisionNotFound")

    def branch(self, name: str) -> str:
        """The full name of a branch that can be written to."""
        for ref in (name, f"refs/heads/{name}"):
            if ref in self.refs and not ref.startswith("refs/tags/"):
                return ref
        raise Refused(404, f"no such branch: {name}", "RevisionNotFound")

    def history(self, commit: Commit) -> Iterable[Commit]:
        """From `commit` back to the first."""
        while True:
            yield commit
            if commit.parent not in self.commits:
                return
            commit = self.commits[commit.parent]

    def tree(self, commit: Commit) -> dict[str, Entry]:
        """All files at `commit`. Not to be changed."""
        missing: list[Commit] = []
        files: dict[str, Entry] = {}
        for step in self.history(commit):
            if step.oid in self._trees:
                files = self._trees[step.oid]
                break
            missing.append(step)
        if missing:
            files = dict(files)
            for step in reversed(missing):
                for path, entry in step.changes.items():
                    if entry is None:
                        files.pop(path, None)
                    else:
                        files[path] = entry
            self._trees[commit.oid] = files
            while len(self._trees) > _TREES_KEPT:
                self._trees.popitem(last=False)
        return files

    def folders(self, commit: Commit) -> dict[str, str]:
        """git's tree oid of every folder at `commit`."""
        if commit.oid not in self._folders:
            self._folders[commit.oid] = _folder_oids(self.tree(commit))
            while len(self._folders) > _TREES_KEPT:
                self._folders.popitem(last=False)
        return self._folders[commit.oid]

    def content(self, entry: Entry) -> bytes | None:
        """A file's bytes; None for a weight file that was only declared."""
        return self.lfs.get(entry.sha256) if entry.sha256 else self.blobs[entry.oid]

    def text(self, path: str, commit: Commit) -> str | None:
        """A small file's text, if it is there."""
        entry = self.tree(commit).get(path)
        content = self.content(entry) if entry else None
        return None if content is None else content.decode(errors="replace")

    def stored_as_lfs(self, path: str, size: int, commit: Commit) -> bool:
        """Whether the Hub wants this file as LFS: by its size, or by a pattern of `.gitattributes`."""
        if size > REGULAR_LIMIT:
            return True
        for line in (self.text(".gitattributes", commit) or "").splitlines():
            pattern, *attributes = line.split() or [""]
            name = path if "/" in pattern else path.rsplit("/", 1)[-1]
            if "filter=lfs" in attributes and fnmatch.fnmatchcase(name, pattern):
                return True
        return False

    def forget_unreachable(self) -> None:
        """Drop commits that no branch or tag leads to any more."""
        reached = {step.oid for oid in self.refs.values() for step in self.history(self.commits[oid])}
        self.commits = {oid: commit for oid, commit in self.commits.items() if oid in reached}
        self._trees.clear()


def git_oid(content: bytes, what: str = "blob") -> str:
    """git's object id."""
    return hashlib.sha1(f"{what} {len(content)}\0".encode() + content).hexdigest()


def lfs_entry(sha256: str, size: int) -> Entry:
    """The entry of an LFS file: git sees its pointer."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
    return Entry(git_oid(pointer), size, sha256, len(pointer))


def _folder_oids(files: Mapping[str, Entry]) -> dict[str, str]:
    children: dict[str, dict[str, tuple[str, str]]] = {"": {}}
    for path, entry in files.items():
        folder, _, name = path.rpartition("/")
        children.setdefault(folder, {})[name] = ("100644", entry.oid)
        while folder:
            folder = folder.rpartition("/")[0]
            children.setdefault(folder, {})
    oids: dict[str, str] = {}
    for folder in sorted(children, key=lambda path: path.count("/") + bool(path), reverse=True):
        ordered = sorted(children[folder].items(), key=lambda item: item[0] + ("/" if item[1][0] == "40000" else ""))
        body = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for name, (mode, oid) in ordered)
        oids[folder] = git_oid(body, "tree")
        if folder:
            parent, _, name = folder.rpartition("/")
            children[parent][name] = ("40000", oids[folder])
    del oids[""]
    return oids


def now() -> str:
    """The time as the Hub writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class World:
    """All state of the test Hub.

    Args:
        folder: where the journal is kept; None keeps everything in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.users: dict[str, User] = {}
        self.tokens: dict[str, Token] = {}
        self.repositories: dict[tuple[Kind, str], Repository] = {}
        self.upload_key = secrets.token_hex(8)
        self._journal = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / "journal.jsonl"
            self._read_back(path)
            self._journal = path.open("ab")
        if OPERATOR not in self.users:
            self.add_user(OPERATOR, orgs={ORGANISATION: "admin"})
            self.add_token(OPERATOR)

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()

    def _read_back(self, path: Path) -> None:
        if not path.exists():
            return
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        for line in content[:whole].splitlines():
            self._apply(json.loads(line))
        if whole < len(content):  # killed while writing: that change was never acknowledged
            with path.open("r+b") as journal:
                journal.truncate(whole)

    def _do(self, event: str, **values: Any) -> Any:
        values["event"] = event
        if self._journal is not None:
            self._journal.write(json.dumps(values).encode() + b"\n")
            self._journal.flush()
        return self._apply(values)

    def _apply(self, values: dict[str, Any]) -> Any:
        rest = {name: value for name, value in values.items() if name != "event"}
        return getattr(self, f"_on_{values['event']}")(**rest)

    # People

    @property
    def first_token(self) -> str:
        """The operator's own token."""
        return next(token.value for token in self.tokens.values() if token.user == OPERATOR)

    def add_user(self, name: str, fullname: str = "", orgs: Mapping[str, str] | None = None) -> None:
        self._do("user", name=name, fullname=fullname or name, orgs=dict(orgs or {}))

    def _on_user(self, name: str, fullname: str, orgs: dict[str, str]) -> None:
        self.users[name] = User(name, fullname, orgs)

    def add_token(self, user: str, role: TokenRole = "write", scopes: Mapping[str, list[str]] | None = None) -> str:
        value = f"hf_{secrets.token_hex(16)}"
        self._do("token", value=value, user=user, role=role, scopes=dict(scopes or {}), created=now())
        return value

    def _on_token(self, value: str, **rest: Any) -> None:
        self.tokens[value] = Token(value, **rest)

    def remove_token(self, value: str) -> None:
        self._do("token_removed", value=value)

    def _on_token_removed(self, value: str) -> None:
        del self.tokens[value]

    # Who may

    def may_write(self, token: Token | None, repo_id: str) -> bool:
        """Whether a token may create or change the repository `repo_id`."""
        if token is None or token.role == "read":
            return False
        namespace = repo_id.split("/")[0]
        if token.role == "fineGrained" and not any(
            "repo.write" in token.scopes.get(scope, ()) for scope in (namespace, repo_id)
        ):
            return False
        return namespace == token.user or self.users[token.user].orgs.get(namespace) in _WRITERS

    def may_read(self, token: Token | None, repository: Repository) -> bool:
        """Whether a repository exists at all for the holder of a token."""
        if not repository.private:
            return True
        if token is None:
            return False
        if token.role == "fineGrained" and not any(
            token.scopes.get(scope) for scope in (repository.namespace, repository.id)
        ):
            return False
        return repository.namespace == token.user or repository.namespace in self.users[token.user].orgs

    def repository(self, token: Token | None, kind: Kind, repo_id: str) -> Repository:
        """A repository that the holder of a token may see."""
        found = self.repositories.get((kind, repo_id))
        if found is None or not self.may_read(token, found):
            # The Hub does not tell a stranger that a private repository exists.
            raise Refused(401 if token is None else 404, "Repository not found", "RepoNotFound")
        return found

    def check_write(self, token: Token | None, repo_id: str) -> None:
        if token is None:
            raise Refused(401, "writing needs a token")
        if not self.may_write(token, repo_id):
            raise Refused(403, f"this token may not write to {repo_id}")

    def check_enabled(self, repository: Repository) -> None:
        if repository.disabled:
            raise Refused(403, "Access to this resource is disabled.")

    def check_content(self, token: Token | None, repository: Repository) -> None:
        """Whether files may be read, given that the repository may be seen."""
        self.check_enabled(repository)
        if not repository.gated:
            return
        if token is None:
            raise Refused(401, f"{repository.id} is gated: a token is needed", "GatedRepo")
        if token.user not in repository.granted and not self.may_write(token, repository.id):
            raise Refused(403, f"{repository.id} is gated: {token.user} has not been granted access", "GatedRepo")

    # Repositories

    def create(
        self,
        kind: Kind,
        repo_id: str,
        *,
        private: bool = False,
        gated: Literal["auto", "manual", False] = False,
        disabled: bool = False,
        facts: Mapping[str, Any] | None = None,
    ) -> Repository:
        if (kind, repo_id) in self.repositories:
            raise Refused(409, "this repository exists already")
        self._do(
            "create",
            kind=kind,
            repo_id=repo_id,
            private=private,
            gated=gated,
            disabled=disabled,
            facts=dict(facts or {}),
            date=now(),
        )
        return self.repositories[kind, repo_id]

    def _on_create(self, kind: Kind, repo_id: str, date: str, **rest: Any) -> None:
        repository = Repository(kind, repo_id, created=date, **rest)
        self.repositories[kind, repo_id] = repository
        attributes = "".join(f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LFS_SUFFIXES)
        first = {"path": ".gitattributes", "content": base64.b64encode(attributes.encode()).decode()}
        repository.refs["refs/heads/main"] = ""
        self._on_commit(kind, repo_id, "refs/heads/main", [first], "initial commit", "", "system", date)

    def delete(self, repository: Repository) -> None:
        self._do("delete", kind=repository.kind, repo_id=repository.id)

    def _on_delete(self, kind: Kind, repo_id: str) -> None:
        del self.repositories[kind, repo_id]

    def change(self, repository: Repository, **settings: Any) -> None:
        """Set `private`, `gated`, `disabled`; `grant` names one more reader of a gated repository."""
        self._do("settings", kind=repository.kind, repo_id=repository.id, settings=settings)

    def _on_settings(self, kind: Kind, repo_id: str, settings: dict[str, Any]) -> None:
        repository = self.repositories[kind, repo_id]
        for name, value in settings.items():
            if name == "grant":
                repository.granted.add(value)
            else:
                setattr(repository, name, value)

    def store_lfs(self, repository: Repository, content: bytes) -> None:
        encoded = base64.b64encode(content).decode()
        self._do("lfs", kind=repository.kind, repo_id=repository.id, content=encoded)

    def _on_lfs(self, kind: Kind, repo_id: str, content: str) -> None:
        decoded = base64.b64decode(content)
        self.repositories[kind, repo_id].lfs[hashlib.sha256(decoded).hexdigest()] = decoded

    # History

    def commit(
        self,
        repository: Repository,
        ref: str,
        operations: Iterable[Mapping[str, Any]],
        *,
        title: str,
        author: str,
        message: str = "",
        parent: str | None = None,
        pull_request: bool = False,
    ) -> Commit:
        """Apply all operations on the head of `ref`, or refuse.

        Args:
            repository: where.
            ref: full name of the branch.
            operations: the lines of a commit request after its header, as `{"key": ..., "value": ...}`. Seeds may
                also use `declaredFile`: an LFS file of a stated size whose bytes are not there.
            title: first line of the message.
            author: a user's name.
            message: the rest of it.
            parent: what the head must be, or begin with; checked before all else.
            pull_request: open a pull request instead of moving `ref`.
        """
        head = repository.head(ref)
        if parent and not head.oid.startswith(parent.lower()):
            raise Refused(412, "A commit has happened since. Please refresh and try again.")
        plain = _plain_operations(repository, repository.tree(head), operations)
        if pull_request:
            number = repository.pull_requests + 1
            self._do("pull_request", kind=repository.kind, repo_id=repository.id, number=number, oid=head.oid)
            ref = f"refs/pr/{number}"
        made = self._do(
            "commit",
            kind=repository.kind,
            repo_id=repository.id,
            ref=ref,
            operations=plain,
            title=title,
            message=message,
            author=author,
            date=now(),
        )
        assert isinstance(made, Commit)
        return made

    def _on_commit(
        self,
        kind: Kind,
        repo_id: str,
        ref: str,
        operations: list[dict[str, Any]],
        title: str,
        message: str,
        author: str,
        date: str,
    ) -> Commit:
        repository = self.repositories[kind, repo_id]
        changes: dict[str, Entry | None] = {}
        for operation in operations:
            if "content" in operation:
                content = base64.b64decode(operation["content"])
                entry = Entry(git_oid(content), len(content))
                repository.blobs[entry.oid] = content
                changes[operation["path"]] = entry
            elif "sha256" in operation:
                changes[operation["path"]] = lfs_entry(operation["sha256"], operation["size"])
            else:
                changes[operation["path"]] = None
        parent = repository.refs[ref] or None
        seed = json.dumps([kind, repo_id, parent, title, message, author, date, sorted(changes.items())])
        commit = Commit(git_oid(seed.encode(), "commit"), parent, title, message, author, date, changes)
        repository.commits[commit.oid] = commit
        repository.refs[ref] = commit.oid
        return commit

    def _on_pull_request(self, kind: Kind, repo_id: str, number: int, oid: str) -> None:
        repository = self.repositories[kind, repo_id]
        repository.pull_requests = number
        repository.refs[f"refs/pr/{number}"] = oid

    def set_ref(self, repository: Repository, ref: str, oid: str | None) -> None:
        """Make a branch or tag, or with None remove it."""
        self._do("ref", kind=repository.kind, repo_id=repository.id, ref=ref, oid=oid)

    def _on_ref(self, kind: Kind, repo_id: str, ref: str, oid: str | None) -> None:
        repository = self.repositories[kind, repo_id]
        if oid is None:
            del repository.refs[ref]
            repository.forget_unreachable()
        else:
            repository.refs[ref] = oid

    def squash(self, repository: Repository, ref: str, title: str, author: str) -> None:
        """Replace a branch's history by one commit with the same files."""
        values = {"ref": ref, "title": title, "author": author, "date": now()}
        self._do("squash", kind=repository.kind, repo_id=repository.id, **values)

    def _on_squash(self, kind: Kind, repo_id: str, ref: str, title: str, author: str, date: str) -> None:
        repository = self.repositories[kind, repo_id]
        head = repository.head(ref)
        files = dict(repository.tree(head))
        oid = git_oid(json.dumps([kind, repo_id, title, author, date, sorted(files.items())]).encode(), "commit")
        repository.commits[oid] = Commit(oid, None, title, "", author, date, files)
        repository.refs[ref] = oid
        repository.forget_unreachable()


def _plain_operations(
    repository: Repository, files: Mapping[str, Entry], operations: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Operations as they are journalled, checked one after the other against what the earlier ones leave."""
    present = set(files)
    plain: list[dict[str, Any]] = []
    for operation in operations:
        key, value = operation["key"], operation["value"]
        path = str(value["path"])
        parts = path.rstrip("/").split("/") if key == "deletedFolder" else path.split("/")
        if any(part in ("", ".", "..", ".git") for part in parts):
            raise Refused(400, f"not a path in a repository: {path!r}")
        if key == "file":
            plain.append({"path": path, "content": value["content"]})
        elif key == "lfsFile":
            stored = repository.lfs.get(value["oid"])
            if stored is None:
                raise Refused(400, f"{path}: its LFS object has not been uploaded")
            plain.append({"path": path, "sha256": value["oid"], "size": len(stored)})
        elif key == "declaredFile":
            plain.append({"path": path, "sha256": value["oid"], "size": value["size"]})
        elif key in ("deletedFile", "deletedFolder"):
            gone = [path] if key == "deletedFile" else [p for p in present if p.startswith(path.rstrip("/") + "/")]
            if not gone or not present.issuperset(gone):
                raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
            plain.extend({"path": each} for each in sorted(gone))
            present.difference_update(gone)
            continue
        else:
            raise Refused(400, f"unknown operation: {key!r}")
        present.add(path)
    return plain
