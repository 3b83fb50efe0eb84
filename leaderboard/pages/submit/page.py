"""Submit: a form, what is wrong with what was typed, and the status history of what was accepted.

A visitor names a model, one of the operator's endpoints and a benchmark; never an address. Who submits is what the
server knows of the visitor. The submission that the page follows stands in its address (`?id=...`). Below, one's own
answers can be handed in as a file (`leaderboard.pages.submit.packages`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import quote

import gradio as gr

from data.benchmark import Benchmark
from data.errors import InputError
from eval_queue.asking.local_model import LOCAL_ENDPOINT
from eval_queue.personas import PERSONAS, WHO, WORDING
from eval_queue.queue.intake import Accepted, submit, submit_set
from eval_queue.records import BenchmarkRef
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.submission import ACTIVE, RefusalCode, Refused, State, Submission
from leaderboard.pages.queue.page import asked_as, row_address, words
from leaderboard.site.site import Site
from leaderboard.site.visitor import Visitor, visitor
from leaderboard.web.markup import capitalised, counted, render
from leaderboard.web.refresh import PageValues
from leaderboard.web.terms import marked

_log = logging.getLogger(__name__)

ROUTE = "submit"
SCRIPTS: Final = ("packages.js",)
DESCRIPTION = "Ask for a model to be evaluated with the Value Portrait benchmark, or hand in its answers."
SECONDS: Final = 2.0
"""How often an open page asks how its submission is."""

STATES: Final[dict[State, str]] = {
    "proposed": "awaiting approval",
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
    "not_found": "model",
    "not_public": "model",
    "gated": "model",
    "custom_code": "model",
    "not_text_generation": "model",
    "no_chat_template": "model",
    "unknown_size": "model",
    "too_large": "model",
    "no_provider": "model",
    "bad_revision": "revision",
    "no_endpoint": "endpoint",
}
"""Beside which field a refusal is shown; any other stands below the form."""

_PLACES: Final = ("model", "revision", "endpoint", "form")
_KEEP_IN_ADDRESS: Final = """(id) => {
  const url = new URL(window.location.href);
  if (id) url.searchParams.set("id", id); else url.searchParams.delete("id");
  window.history.replaceState(window.history.state, "", url);
}"""


def build(site: Site, fresh: PageValues) -> None:
    """Lay the page out."""
    # what else this page shows depends on its address, so it is fetched when the page opens
    form, life = Form(site), Life(site)

    def introduction() -> str:
        told = {"endpoints": site.endpoints, "quota": site.quota, "rules": site.rules, "worries": site.worries()}
        return marked(render("submit.html", **told))

    fresh.add(ROUTE, words(introduction(), "introduction"), introduction)
    if site.signs_in:
        # its own icon would be fetched, and named, by a path of this machine
        gr.LoginButton(logout_value="Sign out {}", size="md", icon=None, elem_id="sign-in")
    with gr.Row(elem_classes="vp-submit"):
        with gr.Column(elem_classes="vp-form", visible=bool(site.endpoints)):
            first = site.endpoints[0].name if site.endpoints else None
            endpoint = gr.Dropdown(
                [e.name for e in site.endpoints],
                value=first,
                label="Endpoint",
                info="Where the model is served. The operator of this board configures the list.",
                elem_id="endpoint",
            )
            endpoint_error = words("", "endpoint-error")
            only_model, offer, pinned = form.offer(first)
            about = words(offer, "offer")
            model = gr.Textbox(
                only_model,
                label="Model",
                info="Its name as the endpoint knows it, for example org/name.",
                placeholder="org/name",
                max_lines=1,
                elem_id="model",
            )
            model_error = words("", "model-error")
            revision = gr.Textbox(
                label="Revision",
                info="Branch, tag or commit on the Hub; empty for the newest commit. The record names the commit.",
                max_lines=1,
                visible=pinned["visible"],
                elem_id="revision",
            )
            revision_error = words("", "revision-error")
            benchmark = gr.Radio(
                form.benchmarks(), value=form.first_benchmark(), label="Benchmark", elem_id="benchmark"
            )
            with gr.Accordion("Persona", open=False, elem_id="somebody", elem_classes="vp-fold"):
                words(marked(render("persona_note.html", own=site.wording.version != WORDING.version)))
                personas = gr.CheckboxGroup(
                    [(capitalised(WHO[name]), name) for name in PERSONAS],
                    label="Ask the model to answer as",
                    show_select_all=True,
                    elem_id="personas",
                )
                queries = gr.Number(
                    label="Questions",
                    info="How many of the benchmark’s questions, drawn evenly from its sources. Empty: all.",
                    precision=0,
                    minimum=1,
                    placeholder="all",
                    elem_id="queries",
                )
            send = gr.Button("Submit", variant="primary", elem_id="send")
            form_error = words("", "form-error")
        with gr.Column(elem_classes="vp-follow"):
            told = words("", "life")
            with gr.Row(elem_classes="vp-actions"):
                cancel = gr.Button("Cancel this run", visible=False, elem_id="cancel")
                again = gr.Button("Try again", visible=False, elem_id="again")
                approve = gr.Button("Approve", visible=False, elem_id="approve")
    own = {"megabytes": f"{site.rules.upload_bytes / 1e6:g}", "approval": site.rules.approval}
    words(marked(render("own_answers.html", **own)), "own")
    followed = gr.Textbox("", visible="hidden", elem_id="followed")
    timer = gr.Timer(SECONDS)

    # private: what a visitor does with a form is no interface for programs
    quiet: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    shown = [told, cancel, again, approve]
    errors = [model_error, revision_error, endpoint_error, form_error]

    endpoint.change(form.offer, endpoint, [model, about, revision], **quiet)
    asked = [model, revision, endpoint, benchmark, personas, queries]
    sent = gr.on([send.click, model.submit, revision.submit], form.send, asked, [followed, *errors], **quiet)
    sent.then(None, followed, None, js=_KEEP_IN_ADDRESS, api_visibility="private").then(
        life.tell, followed, shown, **quiet
    )
    cancel.click(life.cancel, followed, form_error, **quiet).then(life.tell, followed, shown, **quiet)
    again.click(life.requeue, followed, form_error, **quiet).then(life.tell, followed, shown, **quiet)
    approve.click(life.approve, followed, form_error, **quiet).then(life.tell, followed, shown, **quiet)
    timer.tick(life.tell, followed, shown, **quiet)
    opened = gr.on(None, life.asked_for, None, followed, **quiet)
    opened.then(life.tell, followed, shown, **quiet)


class Form:
    """What the form offers and what becomes of it."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def offer(self, name: str | None) -> tuple[str, str, Any]:
        """The only model of an endpoint, if it has but one, what it may be asked for, and whether revisions count."""
        chosen = next((e for e in self.site.endpoints if e.name == name), None)
        if chosen is None:
            return "", "", gr.update(visible=False, value="")
        pinned = gr.update(visible=chosen.hub_models, value="")
        one = chosen.models[0] if len(chosen.models) == 1 else ""
        return "" if set("*?[") & set(one) else one, render("endpoint.html", endpoint=chosen), pinned

    def benchmarks(self) -> list[tuple[str, str]]:
        """Label and digest of what may be asked."""
        names = {True: "Practice, values mean nothing", False: "Value Portrait"}
        choices = self.site.choices.values()
        return [(f"{names[b.is_practice]} ({counted(b.n_prompts, 'prompt')})", b.digest) for b in choices]

    def first_benchmark(self) -> str:
        """The benchmark in use; practice where there is only the small model, whose values mean nothing anyway."""
        only_local = all(e.name == LOCAL_ENDPOINT.name for e in self.site.endpoints)
        return (self.site.practice if only_local else self.site.benchmark).digest

    def send(
        self,
        model: str,
        revision: str,
        endpoint: str | None,
        digest: str,
        profile: gr.OAuthProfile | None,
        personas: Sequence[str] = (),
        queries: float | None = None,
    ) -> tuple[Any, ...]:
        """Store a submission, or one a persona and one without; returns which one to follow, and a message a place."""
        messages = dict.fromkeys(_PLACES, "")
        follow: Any = gr.skip()
        try:
            submitter = visitor(self.site, profile).required()
            if personas or queries is not None:
                handed = self._stored_set(model, revision, endpoint, digest, submitter, personas, queries)
                follow = handed.waiting[0].id
                messages["form"] = render("accepted_set.html", **handed._asdict(), asked_as=asked_as, states=STATES)
            else:
                follow = self._stored(model, revision, endpoint, digest, submitter).id
        except Refused as refusal:
            messages[FIELDS.get(refusal.code, "form")] = _refusal(refusal, refusal.code, self._link(refusal))
            follow = refusal.existing or follow
        except (InputError, StoreUnavailable, WriteConflict) as error:
            messages["form"] = _refusal(error)
        return follow, *(messages[place] for place in _PLACES)

    def _stored_set(
        self,
        model: str,
        revision: str,
        endpoint: str | None,
        digest: str,
        submitter: str,
        personas: Sequence[str],
        queries: float | None,
    ) -> Accepted:
        benchmark, most = self._benchmark(digest), len(self._benchmark(digest).queries)
        if queries is not None and not (queries == int(queries) and 1 <= queries <= most):
            raise InputError(f"Questions: give a whole number from 1 to {most}, or leave the field empty for all.")
        if not personas:
            raise InputError("Fewer questions can be asked under a persona only: choose at least one.")
        return submit_set(
            self.site.queue,
            model,
            [self.site.wording.persona(name) for name in dict.fromkeys(personas)],
            endpoints=self.site.endpoints,
            benchmark=benchmark,
            submitter=submitter,
            quota=self.site.quota,
            queries=None if queries is None else int(queries),
            endpoint=endpoint,
            revision=revision,
            rules=self.site.rules,
        )

    def _benchmark(self, digest: str) -> Benchmark:
        chosen = self.site.choices.get(digest)
        if chosen is None:
            raise InputError("This benchmark is not offered here. Reload the page and choose again.")
        return chosen

    def _stored(self, model: str, revision: str, endpoint: str | None, digest: str, submitter: str) -> Submission:
        return submit(
            self.site.queue,
            model,
            endpoints=self.site.endpoints,
            benchmark=BenchmarkRef.of(self._benchmark(digest)),
            submitter=submitter,
            quota=self.site.quota,
            endpoint=endpoint,
            revision=revision,
            rules=self.site.rules,
        )

    def _link(self, refusal: Refused) -> str | None:
        """Where what a duplicate repeats can be seen: its row, or its submission while it has none."""
        if refusal.existing is None:
            return None
        try:
            same = self.site.queue.get(refusal.existing)
        except InputError:  # its record cannot be read
            return None
        return row_address(same) if same.state == "done" else f"submit?id={quote(same.id)}"


class Life:
    """What became of a submission, and what its submitter may do."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.queue = site.queue

    def asked_for(self, request: gr.Request) -> str:
        """The submission that the page's address names."""
        return str(request.query_params.get("id", ""))

    def tell(self, id_: str, profile: gr.OAuthProfile | None) -> tuple[Any, ...]:
        """A submission in words, and which of the three buttons fit: cancel, try again, approve."""
        if not id_:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        try:
            found = self.queue.get(id_)
        except (InputError, StoreUnavailable, WriteConflict) as error:
            hidden = gr.update(visible=False)
            return _refusal(error), hidden, hidden, hidden
        who = visitor(self.site, profile)
        mine = found.submitter == who.name or who.administrator
        shown = render(
            "submission.html",
            submission=found,
            position=self.queue.position(found.id),
            note=self.site.notes().get(found.id),
            row=row_address(found) if found.state == "done" else None,
            states=STATES,
            asked_as=asked_as(found),
        )
        cancel, again = found.state in ACTIVE, found.state in ("failed", "cancelled")
        approve = who.administrator and found.state == "proposed"
        visible = (mine and cancel, mine and again, approve)
        return shown, *(gr.update(visible=fits) for fits in visible)

    def cancel(self, id_: str, profile: gr.OAuthProfile | None) -> str:
        """Cancel the visitor's own submission; returns a message where that is not possible."""
        return self._turn(id_, profile, lambda who: self.queue.cancel(id_, by=who.required()))

    def requeue(self, id_: str, profile: gr.OAuthProfile | None) -> str:
        """Let the visitor's own submission wait again; returns a message where that is not possible."""
        site = self.site

        def change(who: Visitor) -> Submission:
            name = who.required()
            if who.administrator:
                return self.queue.requeue(id_, by=name)
            approval, per_week = site.rules.needs_approval(name), site.rules.per_week
            return self.queue.requeue(id_, by=name, quota=site.quota, per_week=per_week, approval=approval)

        return self._turn(id_, profile, change)

    def approve(self, id_: str, profile: gr.OAuthProfile | None) -> str:
        """Let a submission be evaluated; returns a message where that is not possible."""

        def change(who: Visitor) -> Submission:
            if not who.administrator:
                raise InputError("Only administrators may do this.")
            return self.queue.approve(id_, by=who.required())

        return self._turn(id_, profile, change)

    def _turn(self, id_: str, profile: gr.OAuthProfile | None, change: Callable[[Visitor], Submission]) -> str:
        who = visitor(self.site, profile)
        try:
            if self.queue.get(id_).submitter != who.name and not who.administrator:
                raise InputError("Only the person who submitted this, or an administrator, can change it.")
            change(who)
        except (InputError, StoreUnavailable, WriteConflict) as error:
            return _refusal(error)
        return ""


def _refusal(error: Exception, code: RefusalCode | None = None, link: str | None = None) -> str:
    if isinstance(error, StoreUnavailable | WriteConflict):
        # what a store says of its trouble is for the log
        _log.warning("nothing was stored: %s", error)
        message = "The store cannot be reached now. Nothing was stored; try again later."
        return render("refusal.html", message=message, code="store_unavailable", link=None)
    return render("refusal.html", message=str(error), code=code, link=link)
