"""One dataset repository on the Hub: the few requests that a store needs, each of which ends within a known time.

Failures become `HubUnavailable`, with a reason that holds neither token nor address, unless they say something about
the store. Content is believed only if its hash is the id it was listed under. The Hub's own clock is read off its
answers (`HubClock`), so that leases written by one machine can be judged by another whose clock is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_session, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile, RepoFolder
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # documented there, not declared
    build_hf_headers,
    hf_raise_for_status,
    paginate,
)
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from data.errors import InputError
from data.sources.hub_client import (
    NONSENSE,
    REQUEST_SECONDS,
    Call,
    OutOfTime,
    bounded,
    reason,
    set_up,
    status,
    underneath,
    upload,
    wished_wait,
)
from eval_queue.store.git_ids import blob_oid, sha256
from eval_queue.store.local import StoreUnavailable, WriteConflict

READ_SECONDS: Final = 40.0
"""How long a read may take, with all its repetitions."""
COMMIT_SECONDS: Final = 120.0
"""How long a commit may take, with all its uploads and their repetitions."""

BUSY: Final = "it is busy with another change to this repository; try again in a minute"
"""What a status of 409 means."""

MAY_NOT_WRITE: Final = (
    "a token that only reads or only opens pull requests is not enough; give it the right to write to this repository"
)
"""What a status of 403 means."""

_BUSY_PAUSE: Final = 2.0
_TRIES: Final = 3
_PAUSE: Final = 0.3
_LONGEST_PAUSE: Final = 5.0
_COMMITS_LOOKED_AT: Final = 1000
_PATHS_AT_ONCE: Final = 500
_SAME_TIME: Final = timedelta(seconds=2)

T = TypeVar("T")


class HubUnavailable(StoreUnavailable):
    """The Hub did not do what it was asked, and says nothing about why that could be in the repository."""

    def __init__(self, message: str, *, retry_after: float | None = None, passing: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds to wait, as the Hub wishes; None where it says nothing."""
        self.passing = passing
        """Whether the same request may well succeed in a moment."""


class RepositoryMissing(HubUnavailable):
    """There is no such repository, or this token may not see it: the Hub makes no difference."""


class Entry(NamedTuple):
    """A file at one commit."""

    oid: str
    """Id of the content: Git's blob id, or the SHA-256 of what is stored as LFS."""
    blob: str
    """Git's blob id, of the pointer where the content is stored as LFS."""
    size: int
    """In bytes."""

    def holds(self, data: bytes) -> bool:
        """Whether the file's content is `data`."""
        return len(data) == self.size and self.oid == (sha256(data) if len(self.oid) == 64 else blob_oid(data))


class HubClock:
    """The present as the Hub has it: this machine's clock, set right where it is off by more than two seconds."""

    def __init__(self, local: Callable[[], datetime] | None = None) -> None:
        self._local = local or (lambda: datetime.now(UTC))
        self._offset = timedelta(0)

    def now(self) -> datetime:
        """The present, in UTC."""
        return self._local() + self._offset

    def note(self, date: str | None) -> None:
        """Take the `Date` of an answer that has just come."""
        try:
            # cut to the second
            there = parsedate_to_datetime(date or "") + timedelta(seconds=0.5)
        except ValueError:
            return
        if there.tzinfo is not None and abs(there - self.now()) > _SAME_TIME:
            self._offset = there - self._local()


class HubRepo:
    """A dataset repository. Threads may share it.

    Args:
        id_: namespace and name.
        token: of the Hub; None for the one saved on this machine, if any.
        clock: is set right by each answer.
        endpoint: address of the Hub; None for the library's (`HF_ENDPOINT`).
        timeout: seconds that one request may go without a sign of life.
    """

    def __init__(
        self,
        id_: str,
        *,
        token: str | None = None,
        clock: HubClock | None = None,
        endpoint: str | None = None,
        timeout: float = REQUEST_SECONDS,
    ) -> None:
        set_up()
        self.id = id_
        self.clock = clock or HubClock()
        self._api = HfApi(endpoint=endpoint, token=token)
        self._host = urlsplit(self._api.endpoint).hostname or ""
        self._timeout = timeout

    def head(self) -> str:
        """The newest commit of the main branch, as the Hub says now.

        Raises:
            RepositoryMissing: there is none, or it may not be seen.
            HubUnavailable: otherwise.
        """

        def ask() -> str:
            sha = self._api.dataset_info(self.id, expand=["sha"]).sha
            if not re.fullmatch(r"[0-9a-f]{40}", str(sha)):
                raise ValueError("no commit")
            return str(sha)

        return self._read(ask)

    def create(self, *, private: bool) -> None:
        """Make the repository, unless it is there.

        Raises:
            HubUnavailable: it cannot be made.
        """
        with self._asking(COMMIT_SECONDS):
            self._api.create_repo(self.id, repo_type="dataset", private=private, exist_ok=True)

    def folder(self, path: str, head: str) -> str | None:
        """Git's id of a folder, which says what is in it; None if there is no such folder."""

        def ask() -> str | None:
            found = self._api.get_paths_info(self.id, [path], repo_type="dataset", revision=head)
            return next((entry.tree_id for entry in found if isinstance(entry, RepoFolder)), None)

        return self._read(ask)

    def tree(self, folder: str, head: str) -> dict[str, Entry]:
        """All files below a folder ("" for the whole repository), by path. One request a thousand."""

        def ask() -> dict[str, Entry]:
            where = folder or None
            listed = self._api.list_repo_tree(self.id, where, recursive=True, repo_type="dataset", revision=head)
            return {entry.path: _entry(entry) for entry in listed if isinstance(entry, RepoFile)}

        try:
            return self._read(ask)
        except EntryNotFoundError:
            return {}

    def names(self, head: str) -> set[str]:
        """Paths of files at `head`, from the repository's description: a few thousand, perhaps not all."""

        def ask() -> set[str]:
            info = self._api.dataset_info(self.id, revision=head, expand=["siblings"])
            return {file.rfilename for file in info.siblings or ()}

        return self._read(ask)

    def files(self, paths: Sequence[str], head: str) -> dict[str, Entry]:
        """Those of `paths` that are files at `head`. One request for every few hundred."""

        def ask(some: list[str]) -> dict[str, Entry]:
            found = self._api.get_paths_info(self.id, some, repo_type="dataset", revision=head)
            return {entry.path: _entry(entry) for entry in found if isinstance(entry, RepoFile)}

        found: dict[str, Entry] = {}
        for begin in range(0, len(paths), _PATHS_AT_ONCE):
            some = list(paths[begin : begin + _PATHS_AT_ONCE])
            found |= self._read(partial(ask, some))
        return found

    def content(self, path: str, entry: Entry, head: str) -> bytes:
        """The content of a file, which has the hash that it was listed with.

        Raises:
            InputError: the Hub says that it has no such content.
            HubUnavailable: it cannot be had whole now.
        """
        url = hf_hub_url(self.id, path, repo_type="dataset", revision=head, endpoint=self._api.endpoint)

        def ask() -> bytes:
            response = get_session().get(url, headers=build_hf_headers(token=self._api.token))
            hf_raise_for_status(response)
            if not entry.holds(response.content):
                raise HubUnavailable("a file does not arrive as it was stored", passing=True)
            return response.content

        try:
            return self._read(ask)
        except EntryNotFoundError:
            raise InputError("the Hub lists this file and has no content for it", file=path) from None

    def commit(self, changes: Mapping[str, bytes | None], parent: str, title: str, nonce: str) -> str:
        """Commit all changes on `parent`, or none; the new commit.

        Args:
            changes: new content by path, None to delete. Each must differ from what is there at `parent`.
            parent: what the newest commit must be.
            title: what is done.
            nonce: goes into the commit's description, for `find`.

        Raises:
            WriteConflict: `parent` is not the newest commit. Nothing was written.
            HubUnavailable: it is not known whether it was written.
        """
        operations = [
            CommitOperationDelete(path) if data is None else CommitOperationAdd(path, data)
            for path, data in changes.items()
        ]
        try:
            with self._asking(COMMIT_SECONDS) as call:
                upload(self._api, self.id, operations)
                made = self._api.create_commit(
                    self.id,
                    operations,
                    commit_message=title,
                    commit_description=nonce,
                    repo_type="dataset",
                    parent_commit=parent,
                )
        except (_Conflict, EntryNotFoundError):  # the latter: somebody else has deleted it
            raise WriteConflict(f"{self.id} has moved on from {parent[:12]}") from None
        if not call.commit_sent:
            # The library found every content in place already and sent nothing. At `parent` it is not in place.
            raise WriteConflict(f"{self.id} has moved on from {parent[:12]}")
        return str(made.oid)

    def find(self, nonce: str, head: str, back_to: str) -> str | None:
        """The commit with this description between `head` and `back_to`; None if there is none.

        Raises:
            HubUnavailable: the history does not lead to `back_to` in reasonable time.
        """

        def ask() -> str | None:
            for step in self._history(head):
                if nonce in step["message"]:
                    return str(step["id"])
                if step["id"] == back_to:
                    return None
            raise HubUnavailable("its history does not say whether the change was stored")

        return self._read(ask)

    def descends(self, head: str, ancestor: str) -> bool:
        """Whether `head` was made on `ancestor`, as far as its latest thousand commits tell."""
        return self._read(lambda: any(step["id"] == ancestor for step in self._history(head)))

    def _history(self, head: str) -> Iterator[dict[str, Any]]:
        """The commits that lead to `head`, the newest first. One request for every fifty."""
        url = f"{self._api.endpoint}/api/datasets/{self.id}/commits/{quote(head, safe='')}"
        return islice(paginate(url, params={}, headers=build_hf_headers(token=self._api.token)), _COMMITS_LOOKED_AT)

    def _read(self, ask: Callable[[], T]) -> T:
        """Ask for something, again in a moment where that may help."""

        def once() -> T:
            with self._asking(READ_SECONDS):
                return ask()

        return Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(_TRIES),
            wait=_pause,
            reraise=True,
        )(once)

    @contextmanager
    def _asking(self, seconds: float) -> Iterator[Call]:
        """Bound a call in time, and tell its failures in our words."""
        try:
            with bounded(seconds, timeout=self._timeout, on_answer=self._answered) as call:
                yield call
        except EntryNotFoundError:
            raise
        except (OutOfTime, RuntimeError, httpx2.HTTPError, OSError, *NONSENSE) as error:
            raise self._told(underneath(error)) from None

    def _told(self, error: BaseException) -> Exception:
        """A failure of the library in our words."""
        if isinstance(error, OutOfTime):
            return HubUnavailable(str(error), retry_after=error.retry_after)
        if isinstance(error, RevisionNotFoundError):
            return WriteConflict(f"{self.id} has forgotten the commit that was read")
        if isinstance(error, RepositoryNotFoundError):
            return RepositoryMissing(reason(error))
        if isinstance(error, HfHubHTTPError):
            code = status(error)
            if code == 412:
                return _Conflict()
            if code == 409:
                return HubUnavailable(BUSY, retry_after=_BUSY_PAUSE, passing=True)
            if code == 403:
                return HubUnavailable(f"{reason(error)}: {MAY_NOT_WRITE}")
            passing = code == 429 or code >= 500
            return HubUnavailable(reason(error), retry_after=wished_wait(error.response), passing=passing)
        if isinstance(error, OfflineModeIsEnabled | httpx2.TimeoutException | httpx2.ConnectError):
            return HubUnavailable(reason(error))
        if isinstance(error, RuntimeError):
            # a client that another thread has just closed because of an error of its own
            return HubUnavailable("the connection to it broke", passing=True)
        return HubUnavailable(reason(error) if isinstance(error, Exception) else "no answer", passing=True)

    def _answered(self, response: httpx2.Response) -> None:
        # out of a cache in between comes the time at which it was put there
        if response.request.url.host == self._host and "age" not in response.headers:
            self.clock.note(response.headers.get("date"))


class _Conflict(Exception):
    """The Hub's 412."""


def _entry(file: RepoFile) -> Entry:
    return Entry(file.lfs.sha256 if file.lfs else file.blob_id, file.blob_id, file.size)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, HubUnavailable) and error.passing and (error.retry_after or 0) <= _LONGEST_PAUSE


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    return getattr(error, "retry_after", None) or _PAUSE * state.attempt_number
