"""A server that is started for one evaluation by a command of the operator's, and stopped after it.

The command is a setting (`serve` of an endpoint), never a visitor's; the model's name is put into it as one word,
whatever it holds, and no shell reads it. What the server says goes into the evaluation's folder.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from eval_queue.asking.diagnosis import EndpointError
from eval_queue.settings import Endpoint

LOG_FILE: Final = "server.log"
"""What the server said, in the evaluation's folder."""
TERMINATE_SECONDS: Final = 10.0
"""How long the server is given to end by itself."""

_TICK: Final = 0.2


class ServerStopped(Exception):
    """The wait for the server was ended."""


@contextmanager
def own_server(endpoint: Endpoint, model: str, folder: Path, stop: threading.Event) -> Iterator[str]:
    """The address of a server of one's own, for as long as the block lasts.

    Args:
        endpoint: one with `serve`.
        model: what to serve.
        folder: where what it says is kept.
        stop: set it to end the wait for it.

    Raises:
        EndpointError: `endpoint_gone`, where it cannot be started, ends at once, or does not answer in time.
        ServerStopped: `stop` was set.
    """
    assert endpoint.serve is not None
    port = _free_port()
    command = [word.replace("{model}", model).replace("{port}", str(port)) for word in shlex.split(endpoint.serve)]
    with (folder / LOG_FILE).open("ab") as log:
        process = _start(command, log)
        try:
            address = f"http://127.0.0.1:{port}/v1"
            _wait(process, address, endpoint.serve_seconds, stop)
            yield address
        finally:
            _end(process)


def _start(command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        # a session of its own: servers start processes, and all of them have to end
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    except OSError as error:
        message = f"the command in `serve` cannot be started ({error.strerror})"
        raise EndpointError("endpoint_gone", message, fatal=True) from None


def _wait(process: subprocess.Popen[bytes], address: str, seconds: float, stop: threading.Event) -> None:
    end = time.monotonic() + seconds
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        status = process.poll()
        if status is not None:
            message = f"the server of `serve` ended with status {status} before it answered; see its {LOG_FILE}"
            raise EndpointError("endpoint_gone", message, fatal=True)
        with suppress(OSError, urllib.error.URLError), opener.open(f"{address}/models", timeout=5) as answer:
            if answer.status == 200:
                return
        if time.monotonic() > end:
            message = f"the server of `serve` did not answer within {seconds:g} s; see its {LOG_FILE}"
            raise EndpointError("endpoint_gone", message, fatal=True)
        if stop.wait(_TICK):
            raise ServerStopped


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(TERMINATE_SECONDS)
            break
    # those it started may outlive it
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
