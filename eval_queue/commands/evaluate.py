"""`python -m eval_queue evaluate`: ask a model, with a bar to watch, and print its profile.

With one persona the model is asked to be that person. With several, or `all`, it is asked once under each and once
without any, each run in a folder of its own inside the given one, one after the other; the same command goes on where
it was.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from data.commands.shared import SourceOption, cell
from data.errors import InputError, first_problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from eval_queue.asking.evaluation import Job, Progress
    from eval_queue.asking.outcome import Outcome
    from eval_queue.personas import Persona
    from eval_queue.records import Result
    from eval_queue.settings import Endpoint

KNOWN_HOSTS: Final = {
    "api.openai.com": "openai",
    "openrouter.ai": "openrouter",
    "router.huggingface.co": "huggingface",
}
"""Names for records of endpoints that everybody can reach; every other address is called `self-hosted`."""

ALL: Final = "all"
"""What stands for every persona."""
NOBODY: Final = "none"
"""Folder of the run without a persona, beside those of personas."""

STOPPED: Final = 130
"""Exit status after Ctrl-C."""


ApiKeyOption = Annotated[
    str | None, typer.Option(help="The environment variable that holds the key.", show_default=False)
]
ConstrainedOption = Annotated[
    bool, typer.Option("--constrained", help="Allow only the six phrases (endpoints with GBNF grammars).")
]
MaxTokensOption = Annotated[
    int | None, typer.Option(min=8, help="Longest answer; raise it for reasoning models.", show_default=False)
]
WordingOption = Annotated[
    Path | None,
    typer.Option(
        help="JSON file with a system message for each persona, in place of our words. "
        "Default: VALUE_PORTRAIT_PERSONAS.",
        show_default=False,
    ),
]
QueriesOption = Annotated[
    int | None, typer.Option(min=1, help="Ask only so many queries, chosen evenly over sources.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command()
    def evaluate(
        model: Annotated[str, typer.Option(help="The model's name, as the endpoint knows it.", show_default=False)],
        endpoint: Annotated[
            str,
            typer.Option(
                help="Address of an OpenAI-compatible endpoint, up to and with /v1; or the name of a configured one; "
                "`local` is the small model on this machine.",
                show_default=False,
            ),
        ],
        source: SourceOption = None,
        limit: Annotated[
            int | None, typer.Option(min=1, help="Ask only the first so many prompts.", show_default=False)
        ] = None,
        concurrency: Annotated[
            int | None, typer.Option(min=1, max=512, help="Most requests in flight at once.", show_default=False)
        ] = None,
        out: Annotated[
            Path | None,
            typer.Option(
                help="Folder of the run; the same one again resumes it. Default: runs/<id>.", show_default=False
            ),
        ] = None,
        constrained: ConstrainedOption = False,
        api_key_env: ApiKeyOption = None,
        max_tokens: MaxTokensOption = None,
        reasoning_effort: Annotated[
            str | None,
            typer.Option(help="How much a reasoning model thinks, as the endpoint names it.", show_default=False),
        ] = None,
        timeout: Annotated[float | None, typer.Option(help="Seconds one request may take.", show_default=False)] = None,
        persona: Annotated[
            list[str] | None,
            typer.Option(
                help="Ask the model as a persona, e.g. political/left; again for more of them, `all` for all eight. "
                "More than one: also without a persona, each run in its own folder inside --out.",
                show_default=False,
            ),
        ] = None,
        personas: WordingOption = None,
        queries: QueriesOption = None,
        retest: Annotated[
            float,
            typer.Option(min=0, max=1, help="Ask this share of the prompts again at the end: would it say the same?"),
        ] = 0.0,
    ) -> None:
        """Ask a model all prompts of the benchmark and score its answers. Stop and resume as you like."""
        from dataclasses import replace

        from data.sources.loading import load_benchmark
        from eval_queue.asking.evaluation import EvaluationFailed, EvaluationStopped, Job

        asked = choose_endpoint(
            endpoint,
            answer_mode="constrained" if constrained else None,
            concurrency=concurrency,
            api_key_env=api_key_env,
            max_tokens=max_tokens,
            reasoning_effort=reasoning_effort,
            timeout=timeout,
        )
        benchmark = load_benchmark(source, progress=True)
        job = Job(model, asked, benchmark, limit=limit, queries=queries, retest=retest)
        chosen = choose_personas(persona or [], personas)
        folder = out or default_folder(job, chosen)
        try:
            if len(chosen) < 2:
                job = replace(job, persona=next(iter(chosen), None))
                _show(_run(job, folder), job)
            else:
                for who in (None, *chosen):
                    outcome = _run(replace(job, persona=who), folder / subfolder(who))
                    coverage, name = outcome.result.coverage, "no persona" if who is None else who.name
                    typer.echo(f"{name}: {coverage.rated} of {coverage.prompts} readable; {outcome.result_file}")
                typer.echo(f"Compare them: python -m leaderboard bias {folder}")
        except EvaluationFailed as error:
            typer.echo(f"Failed ({error.code}): {error.message}", err=True)
            if error.detail:
                typer.echo(error.detail, err=True)
            typer.echo(f"What arrived is kept in {folder}; the same command goes on from there.", err=True)
            raise typer.Exit(1) from None
        except EvaluationStopped:
            typer.echo(f"Stopped. What arrived is kept in {folder}; the same command goes on from there.", err=True)
            raise typer.Exit(STOPPED) from None


def choose_personas(names: Sequence[str], wording: Path | None) -> tuple[Persona, ...]:
    """The personas that are meant by names or `all`, each once, in the words of a file; None for the setting's.

    Raises:
        InputError: there is no such persona, or the file is not as it must be.
    """
    if not names:
        return ()
    from eval_queue.personas import PERSONAS, load_wording
    from eval_queue.settings import Settings

    words = load_wording(wording or Settings().personas)
    return tuple(words.persona(name) for name in dict.fromkeys(PERSONAS if ALL in names else names))


def subfolder(persona: Persona | None) -> str:
    """The folder of one of several runs, e.g. `political-left`."""
    return NOBODY if persona is None else persona.name.replace("/", "-")


def choose_endpoint(endpoint: str, **overrides: object) -> Endpoint:
    """The endpoint that is meant by an address or by a configured name, with the settings that are not None changed.

    Raises:
        InputError: no such name, or a setting that cannot be.
    """
    from pydantic import ValidationError

    from eval_queue.queue.intake import configured_endpoints
    from eval_queue.settings import Endpoint, Settings

    if "://" in endpoint:
        name = KNOWN_HOSTS.get(urlsplit(endpoint).hostname or "", "self-hosted")
        fields: dict[str, Any] = {"name": name, "base_url": endpoint}
    else:
        known = {e.name: e for e in configured_endpoints(Settings())}
        if endpoint not in known:
            message = f"no endpoint of this name is configured; expected an address or one of: {', '.join(known)}"
            raise InputError(message, field="--endpoint")
        fields = known[endpoint].model_dump(mode="json")
    try:
        return Endpoint.model_validate(fields | {k: v for k, v in overrides.items() if v is not None})
    except ValidationError as error:
        message, field = first_problem(error)
        raise InputError(message, field=field) from None


def default_folder(job: Job, personas: Sequence[Persona] = ()) -> Path:
    """Where a run goes that was given no folder: the same question always goes to the same one.

    Several personas share a folder with all other personas in the same words.
    """
    from dataclasses import replace

    from eval_queue.submission import identity

    first = next(iter(personas), None)
    name = None if first is None else first.name
    return Path("runs") / identity(
        model=job.model,
        revision=job.revision,
        endpoint=job.endpoint.name,
        benchmark_digest=job.benchmark.digest,
        protocol=replace(job, persona=first).protocol,
        answer_mode=job.endpoint.answer_mode,
        persona=ALL if len(personas) > 1 else name,
        reasoning_effort=job.endpoint.reasoning_effort,
    )


def _run(job: Job, folder: Path) -> Outcome:
    import asyncio

    from eval_queue.asking.evaluation import evaluate

    with _stop_on_signal() as stop, _bar(job) as show:
        return asyncio.run(evaluate(job, folder, on_progress=show, stop=stop))


@contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C or SIGTERM; a second one ends the program at once."""
    stop = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)

    def on_signal(*_: object) -> None:
        stop.set()
        for number in signals:
            signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, on_signal) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _bar(job: Job) -> Iterator[Callable[[Progress], None]]:
    """A progress bar on stderr: done, rate, time left, share of readable answers."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} · {task.fields[left]} · {task.fields[valid]}"),
    )
    bar = Bar(*columns, console=Console(stderr=True))
    name = job.model.rpartition("/")[2] + (f" as {job.persona.name}" if job.persona else "")
    task = bar.add_task(Text(name).markup, total=None, rate="", left="", valid="")

    def show(progress: Progress) -> None:
        bar.start()
        valid = progress.valid_share
        bar.update(
            task,
            total=progress.total,
            completed=progress.done,
            rate="-/s" if progress.rate is None else f"{progress.rate:.1f}/s",
            left="- left" if progress.eta_seconds is None else f"{_duration(progress.eta_seconds)} left",
            valid="- readable" if valid is None else f"{valid:.1%} readable",
        )

    try:
        yield show
    finally:
        bar.stop()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _show(outcome: Outcome, job: Job) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from data.values import VALUES

    result = outcome.result
    profile = result.scales["pvq"]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Value")
    for heading in ("Score", "95 % interval", "Mean rating", "Items"):
        table.add_column(heading, justify="right")
    for value in VALUES:
        score = profile.dimensions[value.name]
        interval = "-" if score.low is None else f"{cell(score.low, '+.2f')} to {cell(score.high, '+.2f')}"
        table.add_row(value.name, cell(score.score, "+.2f"), interval, cell(score.raw, ".2f"), str(score.n))
    console = Console()
    persona = f" as {result.persona}" if result.persona else ""
    title = f"{result.model}{persona} on {result.benchmark.name} {result.benchmark.version}"
    console.print(Text(title), soft_wrap=True)
    console.print(table)
    coverage = result.coverage
    lines = [
        f"Score: rating points above or below the mean rating of {cell(profile.mean, '.2f')}.",
        f"Readable answers: {coverage.rated} of {coverage.prompts} prompts ({coverage.share:.1%})"
        + "".join(f", {n} {kind}" for kind, n in coverage.unscored.items()),
        *_notes(result),
        *([f"Incomplete: {result.incomplete_reason}"] if result.incomplete_reason else []),
        *([result.note] if result.note else []),
        *([job.benchmark.origin] if result.benchmark.name == "practice" else []),
        f"Result: {outcome.result_file}",
        f"Answers: {outcome.table_file}, {outcome.answers_file}",
    ]
    for line in lines:
        console.print(Text(line), soft_wrap=True)


def _notes(result: Result) -> list[str]:
    """What was not as the protocol has it, and how stable the answers were."""
    info = result.run
    if info is None:
        return []
    notes = [
        f"Not accepted by the endpoint: {name}" + (f" (sent as {became})." if became != "dropped" else " (left out).")
        for name, became in (info.changed or {}).items()
    ]
    if info.filtered:
        notes.append(f"Refused by the endpoint's own filter: {info.filtered} prompts.")
    return notes
