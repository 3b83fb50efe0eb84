"""Batches at a service that has OpenAI's `/files` and `/batches`: handed in, watched, and fetched.

What was handed in is remembered in the run's folder (`batches.json`) and carries the digest of its requests, so that a
program killed between handing in and remembering finds its batch again instead of paying for another one.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Self

import httpx2
import openai
from openai.types import Batch
from pydantic import Field, ValidationError

from data.errors import InputError
from data.files import write_whole
from eval_queue.asking.diagnosis import EndpointError, said
from eval_queue.asking.replies import shortened
from eval_queue.asking.transport import CONNECT_SECONDS, MAX_REPLY_BYTES, base_of, key_of, on_this_machine
from eval_queue.offline.batch import URL
from eval_queue.records import Record
from eval_queue.store.collection import encode

if TYPE_CHECKING:
    from eval_queue.settings import Endpoint

BATCHES_FILE: Final = "batches.json"
RESULTS_FOLDER: Final = "batch-results"
MOST_RESULT_BYTES: Final = 1_000_000_000
"""Size of a file of results that is fetched."""

_ENDED: Final = frozenset({"completed", "failed", "expired", "cancelled"})
_LOOKED_THROUGH: Final = 500
_DIGEST: Final = "requests_sha256"


class Submitted(Record):
    """What `batches.json` holds."""

    schema_version: Literal[1] = 1
    batches: dict[str, str] = Field(default_factory=dict)
    """The service's id of each batch, by the SHA-256 of its requests."""


class State(NamedTuple):
    """How a batch stands."""

    id: str
    status: str
    done: int
    total: int

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in _ENDED


class BatchService:
    """One service, for the batches of one run's folder. A context manager."""

    def __init__(self, api: openai.OpenAI, folder: Path) -> None:
        self._api = api
        self._folder = folder
        self._submitted = _read(folder / BATCHES_FILE)

    @classmethod
    def open(cls, endpoint: Endpoint, folder: Path) -> Self:
        """The service behind an endpoint.

        Raises:
            InputError: the endpoint has no address or no key, or the folder's record is damaged.
        """
        if endpoint.base_url is None:
            raise InputError(f"the endpoint {endpoint.name} has no address", field="endpoint")
        try:
            api = _client(str(endpoint.base_url), key_of(endpoint.api_key_env), endpoint.timeout)
        except EndpointError as error:
            raise InputError(error.message, field="endpoint") from None
        except (ImportError, ValueError, httpx2.InvalidURL):
            message = "the proxy in the environment cannot be used; use an HTTP proxy, or name the host in NO_PROXY"
            raise InputError(message, field="endpoint") from None
        return cls(api, folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.close()

    def submit(self, requests: Path) -> str:
        """Hand in a file of requests; the batch's id. What was handed in before is not handed in again.

        Raises:
            InputError: the file cannot be read, or the service does not take it.
        """
        try:
            content = requests.read_bytes()
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", file=requests) from None
        digest = hashlib.sha256(content).hexdigest()
        if digest in self._submitted.batches:
            return self._submitted.batches[digest]
        with _plainly("the batch could not be handed in"):
            batch = self._find(digest)
            if batch is None:
                file = self._api.files.create(file=(requests.name, content), purpose="batch")
                batch = self._api.batches.create(
                    input_file_id=file.id, endpoint=URL, completion_window="24h", metadata={_DIGEST: digest}
                )
        self._submitted.batches[digest] = batch.id
        self._folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._folder / BATCHES_FILE, encode(self._submitted))
        return batch.id

    def poll(self) -> list[State]:
        """How the folder's batches stand. Results of those that have ended are fetched, once.

        Raises:
            InputError: the service cannot be asked, or there is no batch to ask for.
        """
        if not self._submitted.batches:
            raise InputError("no batch was handed in from here; `batch submit` does", file=self._folder)
        states = []
        with _plainly("the service could not be asked"):
            for id_ in self._submitted.batches.values():
                batch = self._api.batches.retrieve(id_)
                counts = batch.request_counts
                state = State(batch.id, batch.status, counts.completed if counts else 0, counts.total if counts else 0)
                if state.ended:
                    self._fetch(batch)
                states.append(state)
        return states

    def results(self) -> list[Path]:
        """The files of results that were fetched."""
        return sorted((self._folder / RESULTS_FOLDER).glob("*.jsonl"))

    def _find(self, digest: str) -> Batch | None:
        """A batch of these requests that was handed in and not remembered."""
        for n, batch in enumerate(self._api.batches.list(limit=100)):
            if (batch.metadata or {}).get(_DIGEST) == digest and batch.status not in ("failed", "cancelled"):
                return batch
            if n >= _LOOKED_THROUGH:
                break
        return None

    def _fetch(self, batch: Batch) -> None:
        folder = self._folder / RESULTS_FOLDER
        for kind, id_ in (("output", batch.output_file_id), ("errors", batch.error_file_id)):
            path = folder / f"{hashlib.sha256(batch.id.encode()).hexdigest()[:16]}-{kind}.jsonl"
            if id_ is None or path.exists():
                continue
            folder.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(".tmp")
            size = 0
            with self._api.files.with_streaming_response.content(id_) as response, temporary.open("wb") as file:
                for chunk in response.iter_bytes(1 << 16):
                    size += len(chunk)
                    if size > MOST_RESULT_BYTES:
                        message = f"the results have more than {MOST_RESULT_BYTES:,} bytes"
                        raise InputError(message, file=path)
                    file.write(chunk)
            temporary.replace(path)


def _client(address: str, key: str, timeout: float) -> openai.OpenAI:
    # the transport logs every address at level INFO
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    base = base_of(address)
    # it would send the operator's own OpenAI account to any endpoint
    account: dict[str, Any] = {"OpenAI-Organization": openai.omit, "OpenAI-Project": openai.omit}
    return openai.OpenAI(
        base_url=base.url,
        api_key=key or "none",
        max_retries=0,
        timeout=openai.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
        default_query=base.query,
        default_headers=account,
        http_client=_Client(follow_redirects=False, trust_env=not on_this_machine(address)),
    )


class _Client(openai.DefaultHttpxClient):
    """Reads every reply here, up to its bound, but for one that is asked for as a stream."""

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        response = super().send(request, **{**options, "stream": True})
        if options.get("stream"):
            return response
        content = bytearray()
        try:
            for part in response.iter_bytes():
                content += part
                if len(content) > MAX_REPLY_BYTES:
                    raise httpx2.RequestError("too large", request=request)
        finally:
            response.close()
        about_the_way = ("content-encoding", "content-length", "transfer-encoding")
        headers = [(name, value) for name, value in response.headers.multi_items() if name not in about_the_way]
        return httpx2.Response(response.status_code, headers=headers, content=bytes(content), request=request)


@contextmanager
def _plainly(what: str) -> Iterator[None]:
    """Turns the client's errors into a sentence."""
    try:
        yield
    except openai.APIStatusError as error:
        message = f"{what} (HTTP {error.status_code}: {shortened(said(error.body).text)})"
        raise InputError(message, field="endpoint") from None
    except openai.OpenAIError as error:
        raise InputError(f"{what} ({type(error).__name__})", field="endpoint") from None


def _read(path: Path) -> Submitted:
    if not path.exists():
        return Submitted()
    try:
        return Submitted.model_validate_json(path.read_bytes())
    except ValidationError:
        raise InputError("is damaged; remove it, and `batch submit` finds what was handed in", file=path) from None
