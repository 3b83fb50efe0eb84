"""The queue: what waits, runs, is done, failed or was cancelled, renewed every few seconds while the page is open.

Administrators find the means to change it below the lists; every press of a button is checked again by the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode

import gradio as gr

from data.errors import InputError
from data.people.reference import CONTRASTS
from eval_queue.personas import WHO
from eval_queue.protocol import Protocol
from eval_queue.records import Result
from eval_queue.store.collection import Problem
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.submission import PRIORITIES, State, Submission
from leaderboard.boards.results import BoardKey
from leaderboard.site.site import Site
from leaderboard.site.status import FolderSize, status
from leaderboard.site.visitor import visitor
from leaderboard.web.markup import counted, render
from leaderboard.web.refresh import PageValues
from leaderboard.web.terms import marked

ROUTE = "queue"
DESCRIPTION = "Which models wait to be evaluated, which are being asked now, and what became of earlier ones."
SECONDS: Final = 3.0
"""How often an open page asks for news."""
SHOWN: Final = 50
"""How many submissions of each state are listed."""

SECTIONS: Final[tuple[tuple[State, str, str], ...]] = (
    ("proposed", "Awaiting approval", ""),
    ("running", "Running", "Nothing is being evaluated now."),
    ("pending", "Waiting", "Nothing is waiting."),
    ("done", "Done", "Nothing has been evaluated here yet."),
    ("failed", "Failed", ""),
    ("cancelled", "Cancelled", ""),
)
"""State, heading, and what to say where there is none; without such words the section is left out."""


def row_address(of: Submission | Result) -> str:
    """Where a row stands, relative to the pages: on the board, or under a persona on the Groups page."""
    if of.persona is not None:
        contrast = next((c.name for c in CONTRASTS if of.persona in c[1:]), "")
        return f"groups?{urlencode({'contrast': contrast, 'imagined': of.model})}#imagined"
    key = BoardKey(of.benchmark.digest, of.protocol, of.answer_mode)
    return f"./?table={quote(key.slug)}&model={quote(of.id)}"


def asked_as(of: Submission) -> str:
    """What is not as usual in a submission's question: the persona, and how many questions; empty where nothing is."""
    parts = [] if of.persona is None else [f"as {WHO.get(of.persona, of.persona)}"]
    try:
        queries = Protocol.of(of.protocol).queries
    except InputError:  # of another program
        queries = None
    return "; ".join([*parts, *([] if queries is None else [counted(queries, "question")])])


def words(value: str = "", elem_id: str | None = None, **options: Any) -> gr.HTML:
    """A piece of a page as it is drawn: no script, no style but the board's."""
    return gr.HTML(value, js_on_load=None, apply_default_css=False, elem_classes="vp", elem_id=elem_id, **options)


def build(site: Site, fresh: PageValues) -> None:
    """Lay the page out."""
    value = partial(listing, site)
    page = words(value(), "queue")
    fresh.add(ROUTE, page, value)
    gr.Timer(SECONDS).tick(value, outputs=page, show_progress="hidden", queue=False, api_visibility="private")
    if site.rules.administrators:
        _build_administration(Administration(site, fresh.caches))


def listing(site: Site) -> str:
    """The whole queue as HTML."""
    submissions = site.queue.submissions()
    by_state: dict[State, list[Submission]] = {state: [] for state, _, _ in SECTIONS}
    for s in submissions:
        by_state[s.state].append(s)
    positions = {s.id: site.queue.position(s.id) for s in by_state["pending"]}
    by_state["pending"].sort(key=lambda s: positions[s.id] or 0)
    for state in ("running", "done", "failed", "cancelled"):
        by_state[state].sort(key=lambda s: s.updated, reverse=True)
    # a row is promised only where it is: the last copies of the two stores may be of different age
    there = {r.id for r in site.queue.results()}
    reported = sorted(site.queue.reported.records().values(), key=lambda r: r.created, reverse=True)
    page = render(
        "queue.html",
        seconds=site.scheduler_seconds,
        sections=SECTIONS,
        by_state=by_state,
        positions=positions,
        notes=site.notes(),
        rows_of={s.id: row_address(s) for s in by_state["done"] if s.id in there}
        | {r.id: row_address(r) for r in reported},
        reported=reported,
        problems=site.queue.problems(),
        worries=site.worries(),
        shown=SHOWN,
        asked_as=asked_as,
    )
    return marked(page)


def _named(of: Submission) -> str:
    return f"{of.model}, {said}" if (said := asked_as(of)) else of.model


class Administration:
    """What administrators may do to submissions and self-reported rows of anybody."""

    def __init__(self, site: Site, caches: Mapping[str, Callable[[], int]] | None = None) -> None:
        self.site = site
        self.queue = site.queue
        self.caches = caches or {}
        self.size = FolderSize(site.store_folder)

    def choices(self) -> list[tuple[str, str]]:
        """Label and id of everything that can be changed: what waits or runs first."""
        order = [state for state, _, _ in SECTIONS]
        open_ = [s for s in self.queue.submissions() if s.state != "done"]
        open_.sort(key=lambda s: order.index(s.state))
        reported = self.queue.reported.records().values()
        waiting = self._waiting()[0].values()
        return [
            *((f"{r.model} (self-reported, awaiting approval, by {r.submitter}) {r.id}", r.id) for r in waiting),
            *((f"{_named(s)} ({s.state}, by {s.submitter}) {s.id}", s.id) for s in open_),
            *((f"{r.model} (self-reported, by {r.submitter}) {r.id}", r.id) for r in reported),
        ]

    def open(self, profile: gr.OAuthProfile | None) -> tuple[Any, Any, Any]:
        """Whether the visitor sees this at all, what there is to choose from, and how the app is."""
        if not visitor(self.site, profile).administrator:
            return gr.update(visible=False), gr.update(choices=[], value=None), ""
        return gr.update(visible=True), gr.update(choices=self.choices()), self.state()

    def state(self) -> str:
        """How the app is, as HTML."""
        waiting, problems = self._waiting()
        return render(
            "administration.html",
            s=status(self.site),
            size=self.size(),
            caches={name: of() for name, of in self.caches.items()},
            now=self.queue.clock(),
            waiting=waiting,
            waiting_problems=problems,
        )

    # nothing of these was ever shown where the store has been away since the start: then there is nothing to choose

    def _waiting(self) -> tuple[Mapping[str, Result], Sequence[Problem]]:
        try:
            return self.queue.reported.waiting(), self.queue.reported.waiting_problems()
        except (StoreUnavailable, WriteConflict):
            return {}, []

    def approve(self, id_: str | None, profile: gr.OAuthProfile | None) -> tuple[str, Any]:
        """Let a submission be evaluated, or put a self-reported row on the board."""

        def change(id_: str, by: str) -> str:
            if id_ in self.queue.reported.waiting():
                self.queue.reported.approve(id_)
                return "The row is on the board."
            return f"{self.queue.approve(id_, by=by).model} waits for its turn."

        return self._turn(id_, profile, change)

    def cancel(self, id_: str | None, profile: gr.OAuthProfile | None) -> tuple[str, Any]:
        """Cancel a submission that has not ended."""
        return self._turn(id_, profile, lambda id_, by: f"{self.queue.cancel(id_, by=by).model} is cancelled.")

    def requeue(self, id_: str | None, profile: gr.OAuthProfile | None) -> tuple[str, Any]:
        """Let a failed or cancelled submission wait again."""
        return self._turn(id_, profile, lambda id_, by: f"{self.queue.requeue(id_, by=by).model} waits again.")

    def prioritise(self, id_: str | None, priority: float | None, profile: gr.OAuthProfile | None) -> tuple[str, Any]:
        """Set a waiting submission's priority."""

        def change(id_: str, by: str) -> str:
            if priority is None or priority != int(priority):
                raise InputError(f"A priority is a whole number from {PRIORITIES[0]} to {PRIORITIES[-1]}.")
            changed = self.queue.prioritise(id_, int(priority), by=by)
            return f"{changed.model} has priority {changed.priority}."

        return self._turn(id_, profile, change)

    def remove(self, id_: str | None, profile: gr.OAuthProfile | None) -> tuple[str, Any]:
        """Take a self-reported row off the board."""

        def change(id_: str, by: str) -> str:
            del by
            self.queue.reported.remove(id_)
            return "The row and its answers are removed."

        return self._turn(id_, profile, change)

    def _turn(
        self, id_: str | None, profile: gr.OAuthProfile | None, change: Callable[[str, str], str]
    ) -> tuple[str, Any]:
        who = visitor(self.site, profile)
        try:
            if not who.administrator:
                raise InputError("Only administrators may do this.")
            if not id_:
                raise InputError("Choose a submission or a row first.")
            said = change(id_, who.required())
        except InputError as error:
            said = str(error)
        except (StoreUnavailable, WriteConflict):
            said = "The store cannot be reached now. Nothing was changed; try again."
        choices = self.choices() if who.administrator else []
        return render("refusal.html", message=said, code=None), gr.update(choices=choices)


def _build_administration(administration: Administration) -> None:
    with gr.Column(visible=False, elem_id="administration", elem_classes="vp-form vp-administration") as panel:
        words('<div class="vp-text"><h2>Administration</h2></div>', padding=False)
        chosen = gr.Dropdown([], label="Submission or self-reported row", elem_id="chosen", filterable=True)
        with gr.Row(elem_classes="vp-actions"):
            approve = gr.Button("Approve", elem_id="approve")
            cancel = gr.Button("Cancel", elem_id="admin-cancel")
            requeue = gr.Button("Try again", elem_id="requeue")
            remove = gr.Button("Remove row", elem_id="remove")
        priority = gr.Number(
            0, label="Priority", info="Higher is evaluated first; 0 is usual.", precision=0, elem_id="priority"
        )
        with gr.Row(elem_classes="vp-actions"):
            prioritise = gr.Button("Set priority", elem_id="prioritise")
        told = words(elem_id="administered")
        state = words(elem_id="state")
        refresh = gr.Button("Refresh", elem_id="refresh")
    quiet: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    gr.on(None, administration.open, None, [panel, chosen, state], **quiet)
    refresh.click(administration.open, None, [panel, chosen, state], **quiet)
    approve.click(administration.approve, chosen, [told, chosen], **quiet)
    cancel.click(administration.cancel, chosen, [told, chosen], **quiet)
    requeue.click(administration.requeue, chosen, [told, chosen], **quiet)
    remove.click(administration.remove, chosen, [told, chosen], **quiet)
    prioritise.click(administration.prioritise, [chosen, priority], [told, chosen], **quiet)
