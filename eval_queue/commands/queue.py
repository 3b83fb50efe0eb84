"""`python -m eval_queue work|list|show|submit|cancel|requeue|approve|priority|set-aside`: the queue from a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from data.commands.shared import JsonOption, SourceOption, console, echo_json
from data.errors import InputError
from eval_queue.commands.evaluate import ALL, QueriesOption, choose_personas

if TYPE_CHECKING:
    from eval_queue.queue.intake import Accepted, Refusal
    from eval_queue.queue.queue import Queue
    from eval_queue.settings import Settings
    from eval_queue.submission import Submission

WIDTH: Final = 150
"""Columns of the table where the output is no terminal."""

LONGEST_LIST: Final = 1_000_000
"""The largest file of models, in bytes."""

WORKER: Final = r"[a-z0-9][a-z0-9-]{0,39}"
"""What a worker's name looks like."""

OPERATOR: Final = "local"
"""Who acts from a terminal, as records name it."""

StoreOption = Annotated[
    Path | None,
    typer.Option("--store", help="Folder of the store. Default: VALUE_PORTRAIT_STORE or `store`.", show_default=False),
]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The submission's id, see `list`.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @app.command()
    def work(
        once: Annotated[bool, typer.Option("--once", help="Evaluate what waits now, then end.")] = False,
        submission: Annotated[
            list[str] | None,
            typer.Option(metavar="ID", help="Evaluate only this one, then end; again for more.", show_default=False),
        ] = None,
        executor: Annotated[
            str | None,
            typer.Option(
                metavar="here|ray|jobs",
                help="Where evaluations run. Default: VALUE_PORTRAIT_EXECUTOR or `here`.",
                show_default=False,
            ),
        ] = None,
        address: Annotated[
            str, typer.Option(help="With `--executor ray`: the cluster's address; `auto`: this machine's.")
        ] = "auto",
        worker: Annotated[
            str | None,
            typer.Option(
                metavar="NAME",
                help="With `--executor here`: the name under which it claims. Default: one that is made up.",
                show_default=False,
            ),
        ] = None,
        store: StoreOption = None,
    ) -> None:
        """Evaluate what waits in the queue, until stopped: the app's evaluator as a process of its own."""
        import threading

        from eval_queue.executors.chosen import EXECUTORS, evaluate_what_waits
        from eval_queue.logs import set_up_logging
        from eval_queue.workers.scheduler import stop_on_signals

        if executor not in (None, *EXECUTORS):
            raise InputError(f"expected one of {', '.join(EXECUTORS)}", field="--executor")
        if worker is not None and not re.fullmatch(WORKER, worker):
            raise InputError("expected up to 40 small letters, digits and dashes", field="--worker")
        stop = threading.Event()
        stop_on_signals(stop)
        with opened(store, waits=True) as (settings, queue):
            if executor is not None:
                settings = settings.model_copy(update={"executor": executor})
            set_up_logging(as_json=settings.log_json)
            for id_ in submission or ():
                if (found := queue.get(id_)).state not in ("pending", "running"):
                    raise InputError(f"{id_} is {found.state}: it does not wait. See `show`, `approve` and `requeue`.")
            evaluate_what_waits(settings, queue, stop, once=once, only=submission or None, address=address, name=worker)

    @app.command()
    def complete(store: StoreOption = None) -> None:
        """Give older results what newer ones have, the match on all items, from their stored answers."""
        with opened(store) as (settings, queue):
            typer.echo(_complete(settings, queue))

    @app.command("list")
    def list_(
        state: Annotated[
            str | None,
            typer.Option(help="Only these: proposed, pending, running, done, failed or cancelled.", show_default=False),
        ] = None,
        store: StoreOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """List submissions, the oldest first."""
        from eval_queue.submission import TRANSITIONS

        if state not in (None, *TRANSITIONS):
            raise InputError(f"there is no state {state!r}; expected one of: {', '.join(TRANSITIONS)}", field="--state")
        with opened(store) as (_, queue):
            chosen = [s for s in queue.submissions() if state in (None, s.state)]
            if as_json:
                problems = [{"path": p.path, "message": p.message} for p in queue.problems()]
                echo_json({"submissions": [_as_json(s, queue) for s in chosen], "problems": problems})
                return
            if chosen:
                _print_table(chosen, queue)
            else:
                typer.echo("No submissions." if state is None else f"No submissions are {state}.")
            for problem in queue.problems():
                typer.echo(f"Set aside: {problem.path}: {problem.message}", err=True)

    @app.command()
    def show(id_: IdArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
        """Show a submission and its status history."""
        with opened(store) as (_, queue):
            submission = queue.get(id_)
            if as_json:
                echo_json(_as_json(submission, queue))
            else:
                _print_life(submission, queue)

    @app.command()
    def submit(
        model: Annotated[
            str | None, typer.Argument(help="org/name, or an API's name for the model.", show_default=False)
        ] = None,
        file: Annotated[
            Path | None,
            typer.Option(help="Text file with a model a line, in place of MODEL; # begins a comment."),
        ] = None,
        endpoint: Annotated[
            str | None,
            typer.Option(help="Name of a configured endpoint. Default: the first that serves it.", show_default=False),
        ] = None,
        revision: Annotated[
            str | None,
            typer.Option(
                help="Branch, tag or commit of a model of the Hub. Default: the newest commit.", show_default=False
            ),
        ] = None,
        source: SourceOption = None,
        persona: Annotated[
            list[str] | None,
            typer.Option(
                help="Ask the model as a persona, e.g. political/left; again for more of them. One submission each, "
                "and one without a persona where that was not asked: all or none.",
                show_default=False,
            ),
        ] = None,
        personas: Annotated[
            str | None, typer.Option(metavar="all", help="`all`: under all eight personas.", show_default=False)
        ] = None,
        queries: QueriesOption = None,
        store: StoreOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Submit a model to the queue, optionally under personas."""
        from data.sources.loading import load_benchmark
        from eval_queue.queue.intake import Rules, configured_endpoints
        from eval_queue.queue.intake import submit as put
        from eval_queue.queue.intake import submit_many as put_many
        from eval_queue.queue.intake import submit_set as put_set
        from eval_queue.records import BenchmarkRef

        if personas not in (None, ALL):
            raise InputError(f"expected `{ALL}`; name single ones with --persona", field="--personas")
        if (model is None) == (file is None):
            raise InputError("give either one model, or a file of them with --file", field="MODEL")
        if file is not None and revision is not None:
            raise InputError("is for one model; submit it by itself", field="--revision")
        models = None if file is None else _read_models(file)
        names = [*(persona or []), *([ALL] if personas else [])]
        with opened(store) as (settings, queue):
            benchmark = load_benchmark(source or settings.source, progress=True)
            whom: dict[str, Any] = {
                "endpoints": configured_endpoints(settings),
                "submitter": OPERATOR,
                "endpoint": endpoint,
                # whoever has this terminal approves what comes from it, and no quota binds it
                "rules": Rules(max_billions=settings.max_billion_parameters),
            }
            if file is not None and models is not None:
                who = choose_personas(names, settings.personas)
                accepted, refused = put_many(queue, models, who, benchmark=benchmark, queries=queries, **whom)
                _print_set(accepted, queue, as_json=as_json, refused=refused)
                if refused:
                    raise InputError(f"{len(refused)} of {len(models)} models were not accepted, see above", file=file)
                return
            assert model is not None
            whom |= {"revision": revision, "quota": None}
            if not names and queries is None:
                _print_change(put(queue, model, benchmark=BenchmarkRef.of(benchmark), **whom), queue, as_json=as_json)
                return
            who = choose_personas(names, settings.personas)
            handed = put_set(queue, model, who, benchmark=benchmark, queries=queries, **whom)
            _print_set(handed, queue, as_json=as_json)

    @app.command()
    def cancel(id_: IdArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
        """Cancel a submission that waits or runs."""
        with opened(store) as (_, queue):
            _print_change(queue.cancel(id_, by=OPERATOR), queue, as_json=as_json)

    @app.command()
    def requeue(id_: IdArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
        """Let a failed or cancelled submission wait again."""
        with opened(store) as (_, queue):
            _print_change(queue.requeue(id_, by=OPERATOR), queue, as_json=as_json)

    @app.command()
    def approve(id_: IdArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
        """Let a submission that waits for approval be evaluated."""
        with opened(store) as (_, queue):
            _print_change(queue.approve(id_, by=OPERATOR), queue, as_json=as_json)

    @app.command("set-aside")
    def set_aside(
        path: Annotated[
            str, typer.Argument(help="A file that `list` or `doctor` says cannot be read.", show_default=False)
        ],
        store: StoreOption = None,
    ) -> None:
        """Move a damaged record out of the way, to `set-aside/` in the store; its model can be submitted again then."""
        with opened(store) as (_, queue):
            typer.echo(f"{path} is now {queue.set_aside(path)}")

    @app.command(context_settings={"ignore_unknown_options": True})  # so that -5 is a number
    def priority(
        id_: IdArgument,
        value: Annotated[int, typer.Argument(help="-100 to 100; higher is evaluated first, 0 is usual.")],
        store: StoreOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Have a waiting submission evaluated sooner or later."""
        with opened(store) as (_, queue):
            _print_change(queue.prioritise(id_, value, by=OPERATOR), queue, as_json=as_json)


def _complete(settings: Settings, queue: Queue) -> str:
    from eval_queue.scoring.profiles import completed
    from eval_queue.scoring.stored import read_ratings
    from eval_queue.workers.worker import Benchmarks

    benchmarks, made, left = Benchmarks(settings.source), [], 0
    for result in queue.results():
        benchmark = benchmarks.get(result.benchmark)
        try:
            if benchmark is None:
                raise InputError("its benchmark is not at hand")
            new = completed(result, read_ratings(queue.answers(result.id), benchmark), benchmark)
        except InputError as error:
            left += result.match is None
            typer.echo(f"{result.id}: left as it is, {error}", err=True)
            continue
        if new is not result:
            made.append(new)
    return f"{queue.rewrite(made)} results completed, {left} left as they are"


@contextmanager
def opened(store: Path | None, *, waits: bool = False) -> Iterator[tuple[Settings, Queue]]:
    """Settings and queue, whose store may be in another folder. One that cannot be had now a person can mend.

    A command that `waits` can be begun while a store on the Hub cannot be reached.
    """
    from eval_queue.queue.queue import open_queue
    from eval_queue.settings import load_settings
    from eval_queue.store.local import StoreUnavailable, WriteConflict

    settings = load_settings(store=store)
    try:
        queue = open_queue(settings)
        if settings.on_hub:
            queue.submissions()
            _tell_outage(queue, waits=waits)
        yield settings, queue
    except (StoreUnavailable, WriteConflict) as error:
        where = None if settings.on_hub else settings.store
        raise InputError(f"{error}. Nothing was changed; try again.", file=where) from None


def _tell_outage(queue: Queue, *, waits: bool) -> None:
    outage = queue.outage()
    if outage is None:
        return
    if outage.since is not None:
        typer.echo(f"{outage.reason}. This is its state of {_time(outage.since)}.", err=True)
    elif not waits:
        raise InputError(f"{outage.reason}. Nothing of it is known here yet.")


def _read_models(file: Path) -> dict[int, str]:
    """The models that a file names, by line."""
    try:
        with file.open("rb") as opened_file:
            content = opened_file.read(LONGEST_LIST + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=file) from None
    except UnicodeDecodeError:
        raise InputError("is not text in UTF-8; expected a model a line", file=file) from None
    if len(content) > LONGEST_LIST:
        raise InputError(f"is larger than {LONGEST_LIST:,} bytes; split it", file=file)
    lines = enumerate(text.splitlines(), 1)
    models = {number: model for number, line in lines if (model := line.partition("#")[0].strip())}
    if not models:
        raise InputError("names no model; expected one a line", file=file)
    return models


def _print_set(accepted: Accepted, queue: Queue, *, as_json: bool, refused: Sequence[Refusal] = ()) -> None:
    if as_json:
        document: dict[str, Any] = {name: [_as_json(s, queue) for s in of] for name, of in accepted._asdict().items()}
        if refused:
            document["refused"] = [{"line": r.line, "model": r.model, "why": str(r.why)} for r in refused]
        echo_json(document)
        return
    for s in (*accepted.waiting, *accepted.before):
        before = " (asked before)" if s in accepted.before else ""
        typer.echo(f"{s.id}: {s.persona or 'no persona'}, {_state(s, queue)}{before}")
    for r in refused:
        typer.echo(f"line {r.line}, {r.model}: {r.why}", err=True)


def _as_json(submission: Submission, queue: Queue) -> dict[str, Any]:
    """The record, and its place in the queue."""
    return {**submission.model_dump(mode="json"), "position": queue.position(submission.id)}


def _print_change(submission: Submission, queue: Queue, *, as_json: bool) -> None:
    if as_json:
        echo_json(_as_json(submission, queue))
    else:
        typer.echo(f"{submission.id}: {_state(submission, queue)}")


def _state(submission: Submission, queue: Queue) -> str:
    """State in a few words: with the place in the queue, the progress or the reason."""
    progress = submission.progress
    if submission.state == "proposed":
        return "proposed, awaits approval"
    if submission.state == "pending":
        return f"pending, place {queue.position(submission.id)}"
    if submission.state == "running" and progress is not None:
        left = "" if progress.eta_seconds is None else f", {_duration(progress.eta_seconds)} left"
        return f"running, {progress.done} of {progress.total}{left}"
    if submission.failure is not None:
        return f"failed, {submission.failure.code}"
    return submission.state


def _print_table(submissions: list[Submission], queue: Queue) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Id", no_wrap=True, overflow="ignore")  # made to be copied
    for heading in ("State", "Model", "Endpoint", "Benchmark", "By", "Submitted"):
        table.add_column(heading)
    for s in submissions:
        model = s.model if s.persona is None else f"{s.model} as {s.persona}"
        cells = (s.id, _state(s, queue), model, s.endpoint, s.benchmark.name, s.submitter, _time(s.created))
        table.add_row(*map(Text, cells))
    console(WIDTH).print(table)


def _print_life(submission: Submission, queue: Queue) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    benchmark = submission.benchmark
    rows = {
        "Id": submission.id,
        "State": _state(submission, queue),
        "Reason": submission.failure.message if submission.failure else "",
        "Model": submission.model,
        "Revision": submission.revision or "",
        "Licence": submission.licence or "",
        "Parameters": f"{submission.parameters:,}" if submission.parameters else "",
        "Endpoint": submission.endpoint,
        "Benchmark": f"{benchmark.name} {benchmark.version} ({benchmark.digest[:12]})",
        "Persona": submission.persona or "",
        "Protocol": submission.protocol,
        "Submitted by": submission.submitter,
        "Priority": str(submission.priority) if submission.priority else "",
        "Attempts": str(submission.attempts),
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, Text(value))
    table.add_row("", "")
    for step in submission.history:
        table.add_row(_time(step.at), Text(f"{step.state}: {step.why}"))
    console(WIDTH).print(table)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _duration(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else "under a minute"
