"""Submit: a form, what is wrong with what was typed, and the life of what was accepted.

A visitor names a model, one of the operator's endpoints and a benchmark; never an address. Who submits is what the
server knows of the visitor. The submission that the page follows stands in its address (`?id=...`).
"""

from __future__ import annotations

from typing import Any, Final

import gradio as gr

from data.benchmark import Benchmark
from data.errors import InputError
from eval_queue.intake import submit
from eval_queue.local_model import LOCAL_ENDPOINT
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint
from eval_queue.submission import ACTIVE, RefusalCode, Refused, State, Submission
from leaderboard.fresh import Fresh
from leaderboard.markup import counted, render
from leaderboard.pages.queue import row_address
from leaderboard.site import Site, visitor

ROUTE = "submit"
SECONDS: Final = 2.0
"""How often an open page asks how its submission is."""

STATES: Final[dict[State, str]] = {
    "pending": "waiting",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
}
"""What visitors read for a state."""

FIELDS: Final[dict[RefusalCode, str]] = {
    "bad_name": "model",
    "unknown_model": "model",
    "no_endpoint": "endpoint",
    "duplicate": "form",
    "quota": "form",
}
"""Beside which field a refusal is shown."""

_PLACES: Final = ("model", "endpoint", "form")
_KEEP_IN_ADDRESS: Final = """(id) => {
  const url = new URL(window.location.href);
  if (id) url.searchParams.set("id", id); else url.searchParams.delete("id");
  window.history.replaceState(window.history.state, "", url);
}"""


def build(site: Site, fresh: Fresh) -> None:
    """Lay the page out."""
    del fresh  # what this page shows depends on its address, so it is fetched when the page opens
    form, life = Form(site), Life(site)
    _words(render("submit.html", endpoints=site.endpoints, quota=site.quota))
    with gr.Row(elem_classes="vp-submit"):
        with gr.Column(elem_classes="vp-form", visible=bool(site.endpoints)):
            first = site.endpoints[0].name if site.endpoints else None
            endpoint = gr.Dropdown(
                [e.name for e in site.endpoints],
                value=first,
                label="Endpoint",
                info="Who is asked. The operator of this board decides which there are.",
                elem_id="endpoint",
            )
            endpoint_error = _words("", "endpoint-error")
            only_model, offer = form.offer(first)
            about = _words(offer, "offer")
            model = gr.Textbox(
                only_model,
                label="Model",
                info="Its name as the endpoint knows it, for example org/name.",
                placeholder="org/name",
                max_lines=1,
                elem_id="model",
            )
            model_error = _words("", "model-error")
            benchmark = gr.Radio(
                form.benchmarks(), value=form.first_benchmark(), label="Benchmark", elem_id="benchmark"
            )
            send = gr.Button("Submit", variant="primary", elem_id="send")
            form_error = _words("", "form-error")
        with gr.Column(elem_classes="vp-follow"):
            told = _words("", "life")
            with gr.Row(elem_classes="vp-actions"):
                cancel = gr.Button("Cancel this run", visible=False, elem_id="cancel")
                again = gr.Button("Try again", visible=False, elem_id="again")
    followed = gr.Textbox("", visible="hidden", elem_id="followed")
    timer = gr.Timer(SECONDS)

    # private: what a visitor does with a form is no interface for programs
    quiet: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    shown = [told, cancel, again]
    errors = [model_error, endpoint_error, form_error]

    endpoint.change(form.offer, endpoint, [model, about], **quiet)
    sent = gr.on([send.click, model.submit], form.send, [model, endpoint, benchmark], [followed, *errors], **quiet)
    sent.then(None, followed, None, js=_KEEP_IN_ADDRESS, api_visibility="private").then(
        life.tell, followed, shown, **quiet
    )
    cancel.click(life.cancel, followed, form_error, **quiet).then(life.tell, followed, shown, **quiet)
    again.click(life.requeue, followed, form_error, **quiet).then(life.tell, followed, shown, **quiet)
    timer.tick(life.tell, followed, shown, **quiet)
    opened = gr.on(None, life.asked_for, None, followed, **quiet)
    opened.then(life.tell, followed, shown, **quiet)


def _words(value: str, elem_id: str | None = None) -> gr.HTML:
    return gr.HTML(value, js_on_load=None, apply_default_css=False, elem_classes="vp", elem_id=elem_id)


class Form:
    """What the form offers and what becomes of it."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def offer(self, name: str | None) -> tuple[str, str]:
        """The only model of an endpoint, if it has but one, and words about what it may be asked for."""
        chosen = next((e for e in self.site.endpoints if e.name == name), None)
        if chosen is None:
            return "", ""
        return _only_model(chosen), render("endpoint.html", endpoint=chosen)

    def benchmarks(self) -> list[tuple[str, str]]:
        """Label and digest of what may be asked."""
        return [(_label(b), b.digest) for b in self.site.choices.values()]

    def first_benchmark(self) -> str:
        """The benchmark in use; practice where there is only the small model, whose values mean nothing anyway."""
        only_local = all(e.name == LOCAL_ENDPOINT.name for e in self.site.endpoints)
        return (self.site.practice if only_local else self.site.benchmark).digest

    def send(self, model: str, endpoint: str | None, digest: str, request: gr.Request) -> tuple[Any, ...]:
        """Store a submission; returns which one to follow, and a message a place."""
        messages = dict.fromkeys(_PLACES, "")
        follow: Any = gr.skip()
        try:
            follow = self._stored(model, endpoint, digest, visitor(request)).id
        except Refused as refusal:
            messages[FIELDS[refusal.code]] = _refusal(refusal, refusal.code)
            follow = refusal.existing or follow
        except InputError as error:
            messages["form"] = _refusal(error)
        return follow, *(messages[place] for place in _PLACES)

    def _stored(self, model: str, endpoint: str | None, digest: str, submitter: str) -> Submission:
        chosen = self.site.choices.get(digest)
        if chosen is None:
            raise InputError("This benchmark is not offered here. Reload the page and choose again.")
        return submit(
            self.site.queue,
            model,
            endpoints=self.site.endpoints,
            benchmark=BenchmarkRef.of(chosen),
            submitter=submitter,
            quota=self.site.quota,
            endpoint=endpoint,
        )


class Life:
    """What became of a submission, and what its submitter may do."""

    def __init__(self, site: Site) -> None:
        self.queue = site.queue
        self.notes = site.notes

    def asked_for(self, request: gr.Request) -> str:
        """The submission that the page's address names."""
        return str(request.query_params.get("id", ""))

    def tell(self, id_: str, request: gr.Request) -> tuple[Any, ...]:
        """A submission in words, and which of the two buttons fit."""
        if not id_:
            return gr.skip(), gr.skip(), gr.skip()
        try:
            found = self.queue.get(id_)
        except InputError as error:
            hidden = gr.update(visible=False)
            return _refusal(error), hidden, hidden
        mine = found.submitter == visitor(request)
        words = render(
            "submission.html",
            submission=found,
            position=self.queue.position(found.id),
            note=self.notes().get(found.id),
            row=row_address(found) if found.state == "done" else None,
            states=STATES,
        )
        cancel, again = found.state in ACTIVE, found.state in ("failed", "cancelled")
        return words, gr.update(visible=mine and cancel), gr.update(visible=mine and again)

    def cancel(self, id_: str, request: gr.Request) -> str:
        """Cancel the visitor's own submission; returns a message where that is not possible."""
        return self._turn(id_, visitor(request), self.queue.cancel)

    def requeue(self, id_: str, request: gr.Request) -> str:
        """Let the visitor's own submission wait again; returns a message where that is not possible."""
        return self._turn(id_, visitor(request), self.queue.requeue)

    def _turn(self, id_: str, who: str, change: Any) -> str:
        try:
            if self.queue.get(id_).submitter != who:
                raise InputError("Only the person who submitted this can change it.")
            change(id_, by=who)
        except InputError as error:
            return _refusal(error)
        return ""


def _refusal(error: InputError, code: RefusalCode | None = None) -> str:
    return render("refusal.html", message=str(error), code=code)


def _only_model(endpoint: Endpoint) -> str:
    one = endpoint.models[0] if len(endpoint.models) == 1 else "*"
    return "" if set("*?[") & set(one) else one


def _label(benchmark: Benchmark) -> str:
    name = "Practice, values mean nothing" if benchmark.is_practice else "Value Portrait"
    return f"{name} ({counted(benchmark.n_prompts, 'prompt')})"
