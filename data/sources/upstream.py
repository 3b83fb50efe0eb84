"""Upstream's files at one pinned commit: which they are, the local cache, the download, and one known repair.

Guarantees: a file counts only with its pinned checksum, in the cache as well as fresh from the network; with a complete
cache nothing is asked of the network; a download arrives as a whole or not at all; whether upstream can be reached is
decided once, within `DECIDE_SECONDS`. Two processes do not download at the same time.

Upstream is `holi-lab/ValuePortrait` (MIT licence). Its texts are read at run time and never kept in this project.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from data.errors import InputError
from data.sources.layout import FILES, EarlierSession, Files
from data.values import DIMENSIONS

REPOSITORY: Final = "holi-lab/ValuePortrait"
COMMIT: Final = "08e1fb7"
BASE_URL: Final = f"https://github.com/{REPOSITORY}/raw/{COMMIT}/"
URL_VARIABLE: Final = "VALUE_PORTRAIT_UPSTREAM_URL"
"""Environment variable with another address of the same files, e.g. a mirror's."""
CACHE_VARIABLE: Final = "VALUE_PORTRAIT_CACHE"
"""Environment variable with another cache folder than the user's."""

DECIDE_SECONDS = 4.0
"""How long to wait for a sign of life before upstream counts as out of reach."""
STALL_SECONDS = 30.0
"""How long a running download may stand still."""
LOCK_SECONDS = 300.0
"""How long to wait for another process that is downloading."""
CONNECTIONS = 6
"""Files downloaded at once."""

_ADVICE: Final = (
    f"It needs a network once; without one, set VALUE_PORTRAIT_SOURCE (or --source) to a folder with the files of "
    f"{REPOSITORY} at commit {COMMIT}."
)


class Pin(NamedTuple):
    """What a file of the pinned commit must be."""

    sha256: str
    bytes: int


@cache
def pins() -> dict[str, Pin]:
    """Checksum and size of every needed file at the pinned commit, by path."""
    content = json.loads((Path(__file__).parent / "upstream_files.json").read_text(encoding="utf-8"))
    return {name: Pin(**content["files"][name]) for name in FILES}


@cache
def earlier_session() -> EarlierSession:
    """The first session of P186, who took part twice: the published correlations of group 0 rest on it."""
    content = json.loads((Path(__file__).parent / "upstream_p186.json").read_text(encoding="utf-8"))
    values = np.array([content["values"][d.scale][d.key] for d in DIMENSIONS])
    values.flags.writeable = False
    return EarlierSession(content["participant"], content["group"], values, content["stored_sha256"])


def changed(files: Files) -> tuple[str, ...]:
    """The files that are not those of the pinned commit."""
    return tuple(name for name in FILES if not _is_pinned(name, files.content[name]))


def cache_root() -> Path:
    """Where this machine keeps what was fetched."""
    own = os.environ.get(CACHE_VARIABLE)
    if own:
        return Path(own).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("value-portrait")


def obtain(*, progress: bool) -> tuple[Files, bool]:
    """Upstream's files, from the cache or, where it lacks some or holds damaged ones, from the network.

    With `progress` a bar is shown on standard error while downloading. Also tells whether anything was downloaded.

    Raises:
        InputError: files are lacking and cannot be had (no network, a wrong checksum, a cache that cannot be written).
    """
    folder = cache_root() / COMMIT
    content = _read_cache(folder)
    downloaded = len(content) < len(FILES)
    if downloaded:
        _reach()
        try:
            content = _fill(folder, progress=progress)
        except OSError as error:
            message = f"cannot be written ({error.strerror}). Set {CACHE_VARIABLE} to a folder that can"
            raise InputError(message, file=folder) from error
    return Files(folder, content), downloaded


def _is_pinned(name: str, content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == pins()[name].sha256


def _read_cache(folder: Path) -> dict[str, bytes]:
    """The cached files that are whole. A damaged or unreadable one counts as not there and is fetched again."""
    content = {}
    for name in FILES:
        try:
            found = (folder / name).read_bytes()
        except OSError:
            continue
        if _is_pinned(name, found):
            content[name] = found
    return content


def _base_url() -> str:
    url = os.environ.get(URL_VARIABLE) or BASE_URL
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise InputError("expected a web address that begins with http:// or https://", field=URL_VARIABLE)
    return url.rstrip("/") + "/"


def _reach() -> None:
    """Find out whether upstream answers, once for all files.

    The question runs in a thread of its own because no timeout of an HTTP client covers the name lookup, which can
    hang for long on a machine without a network.
    """
    name = min(FILES, key=lambda name: pins()[name].bytes)
    url = _base_url() + name
    answer: list[InputError | None] = []

    def ask() -> None:
        import requests

        try:
            response = requests.get(url, timeout=DECIDE_SECONDS)
            response.raise_for_status()
        except (OSError, ValueError) as error:  # requests' errors are OSErrors; odd addresses give ValueErrors
            answer.append(_out_of_reach(_reason(error)))
        else:
            # a hotel's log-in page answers every address, and no download would ever come right
            expected, found = pins()[name].sha256, hashlib.sha256(response.content).hexdigest()
            message = f"the downloaded file is another than expected: expected {expected} but got {found}. {_ADVICE}"
            answer.append(None if found == expected else InputError(message, file=name, field="sha256"))

    thread = threading.Thread(target=ask, name="reach-upstream", daemon=True)
    thread.start()
    thread.join(DECIDE_SECONDS)
    error = answer[0] if answer else _out_of_reach(f"no answer within {DECIDE_SECONDS:g} s")
    if error is not None:
        raise error


def _out_of_reach(reason: str) -> InputError:
    return InputError(f"upstream is not cached and could not be reached ({reason}). {_ADVICE}")


def _fill(folder: Path, *, progress: bool) -> dict[str, bytes]:
    """Download what the cache lacks and return all files."""
    from filelock import FileLock, Timeout

    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder.with_name(f"{folder.name}.lock"), timeout=LOCK_SECONDS):
            content = _read_cache(folder)  # another process may have filled it while this one waited
            content |= _download([name for name in FILES if name not in content], folder, progress=progress)
    except Timeout as error:
        message = f"another process has been downloading for {LOCK_SECONDS:g} s. Try again later"
        raise InputError(message, file=folder) from error
    return content


def _download(names: list[str], folder: Path, *, progress: bool) -> dict[str, bytes]:
    """Download files side by side into a staging folder; they reach the cache only when all are there and right."""
    import pooch
    from requests import RequestException
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    pooch.get_logger().setLevel(logging.ERROR)  # the bar says it better, and an operator's address stays out of logs
    staging = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(staging, ignore_errors=True)  # left by a killed process: the lock says nobody uses it
    for name in names:  # before the threads start, which would race for it
        (staging / name).parent.mkdir(parents=True, exist_ok=True)
    store = pooch.create(staging, _base_url(), registry={n: p.sha256 for n, p in pins().items()}, retry_if_failed=1)
    columns = (TextColumn("Value Portrait data"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), disable=not progress)

    def fetch(name: str) -> str:
        try:
            store.fetch(name, downloader=pooch.HTTPDownloader(timeout=(DECIDE_SECONDS, STALL_SECONDS)))
        except RequestException as error:
            raise InputError(f"could not be downloaded ({_reason(error)}). {_ADVICE}", file=name) from error
        except ValueError as error:  # pooch's only sign of a wrong checksum; its text has both digests
            raise InputError(f"{error} {_ADVICE}", file=name, field="sha256") from error
        return name

    try:
        with bar, ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="download") as pool:
            task = bar.add_task("", total=sum(pins()[name].bytes for name in names))
            jobs = [pool.submit(fetch, name) for name in names]
            try:
                for job in as_completed(jobs):
                    bar.advance(task, pins()[job.result()].bytes)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        content = {name: (staging / name).read_bytes() for name in names}
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).replace(folder / name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return content


def _reason(error: Exception) -> str:
    """Why a request failed, in plain words and without its address, which may be the operator's own."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "no trusted connection"
    return "no connection"
