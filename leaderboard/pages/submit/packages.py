"""Packages that visitors hand in: taken one a request, checked one at a time, never kept.

A package waits in memory, in one of few places, and is scored by a process with limits (`eval_queue.queue.apart`).
Whoever handed it in holds a ticket, with which the page asks where it is. Nothing of it is written to a place from
which it could be served; what is published is what was made of it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from cachetools import LRUCache
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from data.errors import InputError
from eval_queue.queue.apart import SECONDS, accept_apart
from eval_queue.queue.package import Accepted, check_names
from eval_queue.records import Result
from eval_queue.scoring.stored import COLUMNS
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.submission import Refused
from leaderboard.pages.queue.page import row_address
from leaderboard.server.page_token import signed_in
from leaderboard.site.answers import readings_digest
from leaderboard.site.site import Site
from leaderboard.site.visitor import Visitor, called
from leaderboard.web.markup import counted, duration, whole

ADDRESS: Final = "submit/package"
PLACES: Final = 4
"""Packages that may be on their way, wait or be checked at once."""
UPLOAD_SECONDS: Final = 120.0
"""How long a package may take to arrive."""

_TICKETS_KEPT: Final = 500

_log = logging.getLogger(__name__)


class Said(NamedTuple):
    """What the page says of a package."""

    message: str
    code: str | None = None
    """Why it is refused, in a word for programs."""
    link: str | None = None
    """Where the row is that this is about."""


@dataclass
class Ticket:
    """A package on its way to the board."""

    number: int
    who: Visitor
    visitor: str
    """Who may have one package under way."""
    content: bytes = b""
    begun: float | None = None
    outcome: Said | None = None
    """What came of it; None until then."""
    name: str = field(default_factory=lambda: secrets.token_urlsafe(16))


class Packages:
    """What is handed in now. Threads may share it.

    Args:
        site: where rows are published.
        check: takes a package apart.
    """

    def __init__(self, site: Site, check: Callable[..., Accepted] = accept_apart) -> None:
        self.site = site
        self._check = check
        self._lock = threading.Lock()
        self._checking = threading.Lock()
        self._open: dict[int, Ticket] = {}
        """Those that arrive, wait or are checked, in their order."""
        self._tickets: LRUCache[str, Ticket] = LRUCache(_TICKETS_KEPT)
        self._digests: LRUCache[tuple[str, str], str] = LRUCache(4096)
        self._count = 0

    def routes(self) -> list[Route]:
        """Where a package is sent, and where its ticket is asked for."""
        return [
            Route(f"/{ADDRESS}", self._taken, methods=["POST"]),
            Route(f"/{ADDRESS}", self._asked, methods=["GET"]),
        ]

    # --- over HTTP --------------------------------------------------------------------------------------------------

    async def _taken(self, request: Request) -> Response:
        # a refusal is an answer like any other, for a page to show; its code is for programs
        who = called(self.site, signed_in(request.scope))
        visitor = who.name if self.site.signs_in and who.name else request.client.host if request.client else ""
        try:
            await run_in_threadpool(self._may, who)
            with self._place(who, visitor) as ticket:
                async with asyncio.timeout(UPLOAD_SECONDS):
                    ticket.content = await self._body(request.stream())
                threading.Thread(target=self._work, args=(ticket,), name="package", daemon=True).start()
        except Refused as refusal:
            return JSONResponse(refused(refusal, self.site)._asdict())
        except (StoreUnavailable, WriteConflict) as error:
            return JSONResponse(refused(error, self.site)._asdict())
        except (TimeoutError, ClientDisconnect):
            message = f"The file did not arrive whole within {UPLOAD_SECONDS:.0f} seconds. Hand it in again."
            return JSONResponse(refused(Refused("bad_package", message))._asdict())
        return JSONResponse({"ticket": ticket.name, **self.told(ticket)._asdict()}, 202)

    def _asked(self, request: Request) -> Response:
        with self._lock:
            ticket = self._tickets.get(request.query_params.get("ticket", ""))
        # a ticket is for the person who holds it
        if ticket is None or (self.site.signs_in and ticket.who.name != signed_in(request.scope)):
            return JSONResponse({**Said("No such package is known here.")._asdict(), "done": True}, 404)
        answer = {**self.told(ticket)._asdict(), "done": ticket.outcome is not None}
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    def told(self, ticket: Ticket) -> Said:
        """Where a package is, or what came of it."""
        if ticket.outcome is not None:
            return ticket.outcome
        with self._lock:
            ahead = sum(number < ticket.number for number in self._open)
        if ticket.begun is None:
            waits = f"Your package waits: {counted(ahead, 'package')} before it."
            return Said(f"{waits} Packages are checked one at a time.")
        since = duration(time.monotonic() - ticket.begun)
        return Said(f"Your package is being checked and scored, since {since}; {duration(SECONDS)} are allowed.")

    # --- its way ----------------------------------------------------------------------------------------------------

    def _may(self, who: Visitor) -> None:
        """What can be refused before a byte is read."""
        self.site.queue.reported.check_week(who.required(), self.site.rules.per_week)

    @contextmanager
    def _place(self, who: Visitor, visitor: str) -> Iterator[Ticket]:
        """One of the few places; given back where the package does not arrive."""
        with self._lock:
            if any(t.visitor == visitor for t in self._open.values()):
                raise Refused("busy", "A package of yours is on its way already. Wait until it is on the board.")
            if len(self._open) >= PLACES:
                raise Refused("busy", f"{PLACES} packages are on their way already. Try again in a few minutes.")
            self._count += 1
            ticket = self._open[self._count] = Ticket(self._count, who, visitor)
            self._tickets[ticket.name] = ticket
        try:
            yield ticket
        except BaseException:
            self._left(ticket)
            raise

    async def _body(self, stream: AsyncIterator[bytes]) -> bytes:
        most = self.site.rules.upload_bytes
        parts: list[bytes] = []
        size = 0
        async for part in stream:
            parts.append(part)
            size += len(part)
            if size > most:
                raise Refused("too_large", f"This file is too large: at most {most / 1e6:.0f} MB are taken.")
        if not size:
            raise Refused("bad_package", "Choose a file first.")
        return b"".join(parts)

    def _work(self, ticket: Ticket) -> None:
        try:
            with self._checking:  # one at a time
                ticket.begun = time.monotonic()
                ticket.outcome = self._published(ticket)
        except (InputError, StoreUnavailable, WriteConflict) as error:
            ticket.outcome = refused(error, self.site)
        except Exception:  # noqa: BLE001 - whoever waits is told that there is nothing to wait for
            _log.exception("a package could not be checked")
            ticket.outcome = refused(InputError("This package could not be checked. The operator's log says why."))
        finally:
            self._left(ticket)

    def _left(self, ticket: Ticket) -> None:
        ticket.content = b""
        with self._lock:
            self._open.pop(ticket.number, None)

    def _published(self, ticket: Ticket) -> Said:
        site, rules, submitter = self.site, self.site.rules, ticket.who.required()
        content, ticket.content = ticket.content, b""
        result, table = self._check(content, site.choices, submitter=submitter, limit=rules.upload_bytes)
        reported = site.queue.reported
        if result.id not in reported.records() and result.id not in reported.waiting():  # else it is a duplicate
            check_names(result, site.results(), [e.name for e in site.endpoints])
        same = self._same_answers(result, table)
        if same is not None:
            note = f"Each of its answers is read as that of the row {same.model} ({same.id})."
            result = result.model_copy(update={"note": note})
        approval = rules.needs_approval(submitter)
        reported.publish(result, table, per_week=rules.per_week, approval=approval)
        coverage = result.coverage
        where = "waits for an administrator's approval" if approval else "is on the board"
        read = f"{whole(coverage.rated)} of {whole(coverage.prompts)} answers readable"
        parts = [f"{result.model} {where}, {read}{'' if result.complete else '; the row is incomplete'}."]
        if same is not None:
            parts.append(f"Each of its answers is read as that of {same.model}, and the row says so.")
        return Said(" ".join(parts), link=None if approval else row_address(result))

    def _same_answers(self, result: Result, table: bytes) -> Result | None:
        """A row whose answers are read the same, prompt by prompt."""
        mine = readings_digest(pq.read_table(pa.BufferReader(table), columns=COLUMNS))
        others = [r for r in self.site.results() if r.benchmark.digest == result.benchmark.digest]
        return next((r for r in others if r.id != result.id and self._digest(r) == mine), None)

    def _digest(self, result: Result) -> str | None:
        key = (result.id, result.created.isoformat())
        if key not in self._digests:
            try:
                self._digests[key] = readings_digest(self.site.answers(result, COLUMNS))
            except (InputError, StoreUnavailable, WriteConflict, KeyError, OSError, ValueError):
                return None  # its answers are not at hand
        return self._digests[key]


def refused(error: Exception, site: Site | None = None) -> Said:
    """Why something is not done, without what a store says of its trouble."""
    if isinstance(error, Refused):
        same = site.queue.reported.records().get(error.existing) if site and error.existing else None
        return Said(str(error), code=error.code, link=row_address(same) if same else None)
    if isinstance(error, StoreUnavailable | WriteConflict):
        message = "The store cannot be reached now. Nothing was stored; try again later."
        return Said(message, code="store_unavailable")
    return Said(str(error))
