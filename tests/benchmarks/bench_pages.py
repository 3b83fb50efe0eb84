"""How quick the pages feel, beside the same numbers in a bare `gr.Dataframe`, at 34, 1,000 and 5,000 models.

Run from the repository root: `python -m tests.benchmarks.bench_pages [--source S] [--sizes 34 --sizes 1000] [--start]`.
First the app's start with few rows and with many, in turns, as wall and CPU time until the first page, and its memory
at rest; with `--start` nothing else. The app
is the real one with rows in a store of its own: the published ones, and others with their scores moved by noise. The
browser is a real Chromium, with nothing kept from visit to visit; times are medians. Visitors ask over HTTP: one alone,
fifty who read each page for some seconds, and fifty who ask again at once, which measures throughput.

`--against FOLDER` measures something else: this checkout against another one, e.g. of the last release
(`git worktree add FOLDER v0.1.0`), the two taking turns, and prints how many times the other's each figure is: of the
medians, and where turns were paired, the median and the middle half of the single turns.
"""

from __future__ import annotations

import gzip
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

import typer

from eval_queue.records import Result
from eval_queue.store.collection import encode
from eval_queue.store.local import EMPTY_HEAD, LocalStore
from leaderboard.boards.results import PUBLISHED, load
from leaderboard.site.memory import TRIM_SECONDS
from tools.live import ROOT, app, chromium, find_chromium, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

T = TypeVar("T")

VISITS = 3
VISITORS = 50
READING = (3.0, 9.0)
"""Seconds a visitor stays on a page."""
PAGES_EACH = 4


def rows(n: int) -> list[Result]:
    """The published rows and as many others as make `n`."""
    published = load(PUBLISHED).results
    noise = random.Random(0)
    made = []
    for i in range(n - len(published)):
        r = published[i % len(published)]
        name = f"org-{i % 97}/{r.model.rpartition('/')[2]}-v{i}"
        made.append(
            r.model_copy(
                update={
                    "id": f"row-{i}",
                    "model": name,
                    "developer": f"Developer {i % 97}",
                    "origin": "space",
                    "scales": {scale: _moved(profile, noise) for scale, profile in r.scales.items()},
                    "reliability": None if r.reliability is None else r.reliability + noise.gauss(0, 0.05),
                    "created": r.created - timedelta(days=i % 400),
                }
            )
        )
    return made


def _moved(profile: Any, noise: random.Random) -> Any:
    def moved(d: Any) -> Any:
        if d.score is None:
            return d
        by = noise.gauss(0, 0.1)
        ends = {end: None if getattr(d, end) is None else getattr(d, end) + by for end in ("low", "high")}
        return d.model_copy(update={"score": d.score + by, "raw": d.raw + by, **ends})

    return profile.model_copy(update={"dimensions": {name: moved(d) for name, d in profile.dimensions.items()}})


class Started(NamedTuple):
    """What a start took, in seconds."""

    wall: float
    cpu: float
    memory: float
    """Megabytes at rest; of the last start only, else infinite."""


FEW_AND_MANY = (34, 5000)
STARTS = 3
REST_SECONDS = 2.5 * TRIM_SECONDS
"""After so long, memory that is not needed has been given back."""


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process so far; NaN where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int) -> float:
    """Resident memory of a process; NaN where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000


def fill(store: Path, made: Sequence[Result]) -> Path:
    """A new store with rows."""
    LocalStore(store).commit({f"results/{r.id}.json": encode(r) for r in made}, EMPTY_HEAD, "rows")
    return store


def starts(source: str, *cases: tuple[Path, Path]) -> list[Started]:
    """The best of some starts in turns, for each store with the checkout that the app is run from."""
    found: list[list[Started]] = [[] for _ in cases]
    for turn in range(STARTS):
        for (store, root), of in zip(cases, found, strict=True):
            begun = time.perf_counter()
            with app(store, source=source, scheduler="false", root=root) as running:
                wall, cpu, memory = time.perf_counter() - begun, cpu_seconds(running.process.pid), float("inf")
                if turn == STARTS - 1:
                    time.sleep(REST_SECONDS)
                    memory = resident_megabytes(running.process.pid)
                of.append(Started(wall, cpu, memory))
    return [Started(*map(min, zip(*of, strict=True))) for of in found]


def load_now() -> str:
    """How busy the machine is, where it tells."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else ""


def report_starts(folder: Path, source: str, few: int, many: int) -> None:
    """Print what a start takes with few and with many rows."""
    best = starts(source, *((fill(folder / str(n), rows(n)), ROOT) for n in (few, many)))
    typer.echo(f"start until the first page, best of {STARTS} in turns, and memory at rest; {load_now()}")
    for n, took in zip((few, many), best, strict=True):
        typer.echo(f"{n:>7} rows: {took.wall:6.2f} s, CPU {took.cpu:6.2f} s, {took.memory:5.0f} MB")
    wall, cpu, memory = (after / before for before, after in zip(*best, strict=True))
    typer.echo(f"  ratio       {wall:6.2f}        {cpu:6.2f}    {memory:5.2f}")


class Seen(NamedTuple):
    """What one visit took: seconds, and kilobytes as they were sent."""

    first: float
    sort: float
    search: float
    model: float | None
    page_kb: float
    all_kb: float


HEADS = ("view s", "sort s", "search s", "model s", "page kB", "all kB")
"""What `Seen` holds."""


def count_bytes(session: CDPSession, address: str) -> dict[str, float]:
    """Counts what is sent from now on: of the page at `address`, and of everything."""
    counted = {"page": 0.0, "all": 0.0}
    addresses: dict[str, str] = {}
    session.send("Network.enable")
    session.on("Network.responseReceived", lambda e: addresses.update({e["requestId"]: e["response"]["url"]}))

    def finished(event: dict[str, Any]) -> None:
        counted["all"] += event["encodedDataLength"] / 1000
        if addresses.get(event["requestId"]) == address:
            counted["page"] += event["encodedDataLength"] / 1000

    session.on("Network.loadingFinished", finished)
    return counted


UNTIL = """async ([first, before]) => {
  const start = performance.now();
  window.__act();
  while (document.querySelector(first)?.innerText === before) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return (performance.now() - start) / 1000;
}"""


def until_changed(page: Page, act: str, first: str) -> float:
    """Seconds from an action until the first row is another one and has been painted."""
    page.evaluate(f"() => {{ window.__act = () => {{ {act} }}; }}")
    return float(page.evaluate(UNTIL, [first, page.locator(first).first.inner_text()]))


TYPE = """const box = document.querySelector('{box}'); box.focus();
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(box, 'qwq');
  box.dispatchEvent(new Event('input', {{ bubbles: true }}));"""


def visit_board(page: Page, url: str, counted: dict[str, float], model: str) -> Seen:
    """One visit of the board."""
    row = ".vp-row .vp-model"
    first = opened(page, url, ".vp-row")
    sizes = dict(counted)
    sort = until_changed(page, "document.querySelector('.vp-heads [data-column=Power] button').click()", row)
    search = until_changed(page, TYPE.format(box=".vp-controls > input[type=search]"), row)
    opening = opened(page, f"{url}model?id={model}", ".vp-who-head h1")
    return Seen(first, sort, search, opening, sizes["page"], sizes["all"])


def visit_bare(page: Page, url: str, counted: dict[str, float], _: str) -> Seen:
    """One visit of the bare table."""
    row = "#board [role=row].virtual-row"
    first = opened(page, url, row)
    sizes = dict(counted)
    head = page.locator("#board [role=columnheader]", has_text="Power").first
    head.hover()
    head.locator("button.cell-menu-button").click()
    page.get_by_text("Sort descending", exact=True).wait_for()
    buttons = "[...document.querySelectorAll('button, [role=menuitem]')]"
    clicks = f"{buttons}.find(b => b.innerText.trim() === 'Sort descending').click()"
    sort = until_changed(page, clicks, row)
    search = until_changed(page, TYPE.format(box="#board input.search-input"), row)
    return Seen(first, sort, search, None, sizes["page"], sizes["all"])


def opened(page: Page, address: str, ready: str) -> float:
    """Seconds from asking for an address until something can be seen there."""
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(ready).first.wait_for()
    page.evaluate("() => new Promise(requestAnimationFrame)")
    return time.perf_counter() - start


def visits(
    browser: Browser, url: str, visit: Callable[[Page, str, dict[str, float], str], Seen], model: str
) -> Iterator[Seen]:
    """Visits that keep nothing of each other; the first one, which warms the server, is not counted."""
    for i in range(VISITS + 1):
        seen = visited(browser, url, visit, model)
        if i:
            yield seen


def visited(browser: Browser, url: str, visit: Callable[[Page, str, dict[str, float], str], Seen], model: str) -> Seen:
    """One visit by somebody who was never here."""
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        return visit(page, url, count_bytes(context.new_cdp_session(page), url), model)


@contextmanager
def bare(file: Path) -> Iterator[str]:
    """The bare table on a free port."""
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.bare_table", str(file), str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/"
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(url, timeout=10).close()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


def ask(url: str) -> float:
    """Seconds a page takes over HTTP, compressed as a browser asks for it.

    Raises:
        OSError: it is not answered, or not with a page.
    """
    start = time.perf_counter()
    content = asked(url)
    took = time.perf_counter() - start
    if b"<html" not in gzip.decompress(content)[:4000].lower():
        raise OSError(f"{url} is no page")
    return took


def first_answer(url: str) -> tuple[float, float]:
    """Seconds until a page is there, and its kilobytes as it is sent."""
    begun = time.perf_counter()
    size = len(asked(url)) / 1000
    return time.perf_counter() - begun, size


def asked(url: str) -> bytes:
    """A page as it is sent."""
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept-Encoding": "gzip"}), timeout=120) as found:
        content: bytes = found.read()
    return content


class Crowd(NamedTuple):
    """What visitors waited for."""

    seconds: list[float]
    errors: list[str]


def crowd(addresses: Sequence[str], visitors: int, pages: int, reading: tuple[float, float]) -> Crowd:
    """Visitors who open pages in turn and stay on each for a while."""
    found = Crowd([], [])

    def go(i: int) -> None:
        chance = random.Random(i)
        time.sleep(chance.uniform(0, reading[1]))
        for n in range(pages):
            try:
                found.seconds.append(ask(addresses[(i + n) % len(addresses)]))
            except OSError as error:
                found.errors.append(str(error))
            time.sleep(chance.uniform(*reading))

    threads = [threading.Thread(target=go, args=(i,)) for i in range(visitors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def report_visitors(url: str, ids: Sequence[str]) -> None:
    """Print what one visitor and fifty wait for."""
    pages = ["", *(f"model?id={id_}" for id_ in ids), "benchmark", "about"]
    addresses = [f"{url}{page}" for page in pages]
    for address in addresses:
        ask(address)
    alone = crowd(addresses, 1, 2 * len(addresses), (0.0, 0.0))
    one = statistics.median(alone.seconds)
    typer.echo(f"  one visitor: median page {one * 1000:.0f} ms, longest {max(alone.seconds) * 1000:.0f} ms")
    for name, reading in (
        (f"{VISITORS} visitors, {READING[0]:g}-{READING[1]:g} s a page", READING),
        (f"{VISITORS} who never read", (0.0, 0.0)),
    ):
        many = crowd(addresses, VISITORS, PAGES_EACH, reading)
        median = statistics.median(many.seconds)
        last = sorted(many.seconds)[int(0.95 * len(many.seconds))]
        typer.echo(
            f"  {name}: {len(many.errors)} errors in {len(many.seconds)} pages, median {median * 1000:.0f} ms "
            f"({median / one:.1f} times one visitor's), 95 % within {last * 1000:.0f} ms"
        )


OLD_PAGES = ("", "model?id={0}", "compare?id={0}&id={1}", "groups", "benchmark", "about")
"""Addresses that both checkouts have; rows by their ids."""
ROUNDS = 9
PAIRS = 15
"""How often a browser visits each of two checkouts, which take turns."""


def report_against(folder: Path, source: str, other: Path, n: int, browser: Browser) -> None:
    """Print the figures of this checkout beside another one's, which takes turns with it."""
    roots = (ROOT, other.resolve())
    many = rows(FEW_AND_MANY[1])
    started = starts(source, *((fill(folder / f"start-{i}", many), root) for i, root in enumerate(roots)))
    typer.echo(f"{'now':>38} {'other':>9} {'ratio':>7}   of single turns; {load_now()}")
    for name, pair in zip(("start s", "start, CPU s", "memory at rest MB"), zip(*started, strict=True), strict=True):
        compared(f"{len(many) + len(load(PUBLISHED).results)} rows, {name}", *pair)
    made = rows(n)
    ids = [r.id for r in (*load(PUBLISHED).results, *made)]
    with ExitStack() as stack:
        running = [
            stack.enter_context(app(fill(folder / f"{i}", made), source=source, scheduler="false", root=root))
            for i, root in enumerate(roots)
        ]
        urls = [f"{each.url}/" for each in running]
        row = ids[len(ids) // 2]
        visits = in_turns(PAIRS, lambda side, _: visited(browser, urls[side], visit_board, row))
        for name, *pair in zip(HEADS, *(zip(*of, strict=True) for of in visits), strict=True):
            paired(f"{n} rows, {name}", *pair)
        paired("model with answers s", *in_turns(PAIRS, lambda side, _: visited_model(browser, urls[side], ids[0])))
        # each for the first time, so that nothing of them is kept yet
        released = ids[1 : len(load(PUBLISHED).results)]
        first = in_turns(len(released) - 1, lambda side, turn: ask(f"{urls[side]}model?id={released[turn]}"))
        paired("model's first answer s", *first)
        pages = [page.format(*ids) for page in OLD_PAGES]
        for page in pages:
            name = page.partition("?")[0] or "board"
            (now, now_sent), (then, then_sent) = (first_answer(url + page) for url in urls)
            compared(f"{name}, first answer s", now, then)
            compared(f"{name}, sent kB", now_sent, then_sent)
        waited: list[list[float]] = [[], []]
        used = [cpu_seconds(each.process.pid) for each in running]
        for _ in range(ROUNDS):
            for url, of in zip(urls, waited, strict=True):
                of += [ask(url + page) for page in pages]
        compared("one visitor's median page, ms", *(1000 * statistics.median(of) for of in waited))
        spent = [cpu_seconds(each.process.pid) - before for each, before in zip(running, used, strict=True)]
        compared("the server's CPU for a page, ms", *(1000 * s / len(pages) / ROUNDS for s in spent))


def in_turns(times: int, measured: Callable[[int, int], T]) -> tuple[list[T], list[T]]:
    """What was measured of each of two, in turns of which every other one begins with the second.

    Args:
        times: how many turns count; one before them warms both.
        measured: of which one, 0 or 1, and in which turn, from 0.
    """
    found: tuple[list[T], list[T]] = ([], [])
    for turn in range(times + 1):
        for side in (0, 1) if turn % 2 else (1, 0):
            seen = measured(side, turn)
            found[side].extend([seen] if turn else [])
    return found


def visited_model(browser: Browser, url: str, row: str) -> float:
    """Seconds that a Model page takes to be seen by somebody who was never here."""
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        return opened(context.new_page(), f"{url}model?id={row}", ".vp-who-head h1")


def compared(what: str, now: float, other: float, *, more: str = "") -> None:
    """Print a figure of both."""
    typer.echo(f"{what:<30} {now:>7.3f} {other:>9.3f} {now / other:>7.2f}{more}")


def paired(what: str, now: Sequence[float], other: Sequence[float]) -> None:
    """Print the medians of both, and how many times the other's each turn was: the median and the middle half."""
    low, middle, high = statistics.quantiles([a / b for a, b in zip(now, other, strict=True)], n=4)
    compared(what, statistics.median(now), statistics.median(other), more=f"   {middle:.2f} ({low:.2f} to {high:.2f})")


def main(
    source: Annotated[str, typer.Option(help="Benchmark in use: `upstream`, `practice` or a folder.")] = "practice",
    sizes: Annotated[list[int] | None, typer.Option(help="How many models.")] = None,
    start: Annotated[bool, typer.Option(help="Measure the start and nothing else.")] = False,
    against: Annotated[
        Path | None, typer.Option(help="Another checkout, to be measured in turns with this one.")
    ] = None,
) -> None:
    """Print the tables."""
    if against is not None:
        with tempfile.TemporaryDirectory() as folder, chromium(chromium_here()) as browser:
            report_against(Path(folder), source, against, (sizes or [1000])[0], browser)
        return
    with tempfile.TemporaryDirectory() as folder:
        report_starts(Path(folder), source, *FEW_AND_MANY)
    if start:
        return
    path = chromium_here()
    head = f"{'models':>7} {'':<12} " + " ".join(f"{name:>8}" for name in ("start s", *HEADS))
    for n in sizes or [34, 1000, 5000]:
        with tempfile.TemporaryDirectory() as folder, chromium(path) as browser:
            made = rows(n)
            file = Path(folder) / "rows.jsonl"
            shown = [*load(PUBLISHED).results, *made]
            file.write_text("".join(r.model_dump_json() + "\n" for r in shown), encoding="utf-8")
            store = fill(Path(folder) / "store", made)
            typer.echo(head)
            begun = time.perf_counter()
            with bare(file) as url:
                start = time.perf_counter() - begun
                plain = line(n, "bare table", start, list(visits(browser, url, visit_bare, "")))
            begun = time.perf_counter()
            with app(store, source=source, scheduler="false") as running:
                start = time.perf_counter() - begun
                url = f"{running.url}/"
                ours = line(n, "the board", start, list(visits(browser, url, visit_board, shown[len(shown) // 2].id)))
                typer.echo(f"{'':>7} {'ratio':<12} {'':>8} {ours.first / plain.first:>8.2f}")
                report_visitors(url, [r.id for r in shown[:3]])


def chromium_here() -> str:
    """Path of a Chromium."""
    path = find_chromium()
    if path is None:
        raise SystemExit("no Chromium is here (CHROMIUM names one)")
    return path


def line(n: int, name: str, start: float, seen: Sequence[Seen]) -> Seen:
    """Print the medians of some visits."""
    middle = Seen(*(None if None in column else statistics.median(column) for column in zip(*seen, strict=True)))  # type: ignore[arg-type, type-var]
    model = "–" if middle.model is None else f"{middle.model:.2f}"
    typer.echo(
        f"{n:>7} {name:<12} {start:>8.2f} {middle.first:>8.2f} {middle.sort:>8.2f} {middle.search:>8.2f} {model:>8} "
        f"{middle.page_kb:>8.0f} {middle.all_kb:>8.0f}"
    )
    return middle


if __name__ == "__main__":
    typer.run(main)
