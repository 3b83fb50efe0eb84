"""The app and a browser, both real: for the tests of the pages and for screenshots."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 180.0
STOP_SECONDS = 60.0


class Process(Protocol):
    """What is asked of a process of an app: as of `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None:
        """Its exit status if it has ended."""

    def send_signal(self, sig: int) -> None:
        """Send it a signal."""

    def kill(self) -> None:
        """End it at once."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status once it has ended, or `subprocess.TimeoutExpired`."""


Start = Callable[[Sequence[str], Path, dict[str, str], Path], Process]
"""Starts Python with arguments, in a folder, with an environment, and its output in a file."""


def start(arguments: Sequence[str], folder: Path, environment: dict[str, str], log: Path) -> Process:
    """As `Start`: a new process."""
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT
        )


@dataclass
class RunningApp:
    """An app that answers."""

    url: str
    process: Process
    log: Path

    def stop(self) -> int:
        """Ask it to end, as a platform does, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


def free_port() -> int:
    """A port on which nobody listens now, and which no system gives to a program that asks for any port."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as s, suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


@contextmanager
def app(
    store: Path, *, program: Sequence[str] = ("app.py",), root: Path = ROOT, start: Start = start, **settings: str
) -> Iterator[RunningApp]:
    """Run `app.py` on a free port.

    Args:
        store: folder of its store; its log is written beside it.
        program: what Python runs in its place.
        root: the checkout that it is run from.
        start: how its process comes to be.
        settings: further settings by name, e.g. `source="practice"`.
    """
    url = f"http://127.0.0.1:{free_port()}"
    own = {name: value for name, value in os.environ.items() if not name.startswith(("VALUE_PORTRAIT_", "GRADIO_"))}
    given = {f"VALUE_PORTRAIT_{name.upper()}": value for name, value in {"store": str(store), **settings}.items()}
    arguments = [*program, "--host", "127.0.0.1", "--port", url.rpartition(":")[2]]
    log = store.with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    process = start(arguments, root, {**own, **given}, log)
    running = RunningApp(url, process, log)
    try:
        _wait_until_it_answers(running)
        yield running
    finally:
        try:
            running.stop()
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(running: RunningApp) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(running.url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"the app does not answer:\n{running.log.read_text(errors='replace')}")


def find_chromium() -> str | None:
    """Path of a Chromium: what `CHROMIUM` names, an installed one, or playwright's own; None where there is none."""
    named = os.environ.get("CHROMIUM")
    installed = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    found = next((path for path in (named, *installed) if path), None)
    if found:
        return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        own = p.chromium.executable_path
    return own if Path(own).exists() else None


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """A browser without a window."""
    from playwright.sync_api import sync_playwright

    options: dict[str, Any] = {"args": ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]}
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=path, **options)
        try:
            yield browser
        finally:
            browser.close()
