"""The queue: what waits, runs, is done, failed or was cancelled, renewed every few seconds while the page is open."""

from __future__ import annotations

from functools import partial
from typing import Final
from urllib.parse import quote

import gradio as gr

from eval_queue.submission import State, Submission
from leaderboard.fresh import Fresh
from leaderboard.markup import render
from leaderboard.results import BoardKey
from leaderboard.site import Site

ROUTE = "queue"
SECONDS: Final = 3.0
"""How often an open page asks for news."""
SHOWN: Final = 50
"""How many submissions of each state are listed."""

SECTIONS: Final[tuple[tuple[State, str, str], ...]] = (
    ("running", "Running", "Nothing is being evaluated now."),
    ("pending", "Waiting", "Nothing waits."),
    ("done", "Done", "Nothing was evaluated here yet."),
    ("failed", "Failed", ""),
    ("cancelled", "Cancelled", ""),
)
"""State, heading, and what to say where there is none; without such words the section is left out."""


def row_address(submission: Submission) -> str:
    """The address of a submission's row on the board, relative to the pages."""
    key = BoardKey(submission.benchmark.digest, submission.protocol, submission.answer_mode)
    return f"./?table={quote(key.slug)}&model={quote(submission.id)}"


def build(site: Site, fresh: Fresh) -> None:
    """Lay the page out."""
    value = partial(listing, site)
    page = gr.HTML(value(), js_on_load=None, apply_default_css=False, elem_id="queue", elem_classes="vp")
    fresh.add(ROUTE, page, value)
    gr.Timer(SECONDS).tick(value, outputs=page, show_progress="hidden", queue=False, api_visibility="private")


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
    return render(
        "queue.html",
        seconds=site.scheduler_seconds,
        sections=SECTIONS,
        by_state=by_state,
        positions=positions,
        notes=site.notes(),
        rows_of={s.id: row_address(s) for s in by_state["done"]},
        problems=site.queue.problems(),
        shown=SHOWN,
    )
