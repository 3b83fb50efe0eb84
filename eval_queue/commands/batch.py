"""`python -m eval_queue batch`: prompts as batch files, results back into the run, and a service that takes both.

`write` makes the run's folder and says where it is; `read` needs nothing but that folder. What still has no answer can
be written again, or asked by `evaluate` with the same folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.commands.shared import SourceOption
from data.errors import InputError
from eval_queue.commands.evaluate import (
    ApiKeyOption,
    ConstrainedOption,
    MaxTokensOption,
    QueriesOption,
    WordingOption,
    choose_endpoint,
    choose_personas,
    default_folder,
    subfolder,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from data.benchmark import Benchmark
    from eval_queue.asking.checkpoint import RunRecord
    from eval_queue.asking.evaluation import Job
    from eval_queue.offline.batch import Report, Run
    from eval_queue.settings import Endpoint

SELF_HOSTED = "http://127.0.0.1/v1"
"""Stands for an endpoint of one's own: only its name, `self-hosted`, is recorded."""

Model = Annotated[str | None, typer.Option(help="The model's name, as the service knows it.", show_default=False)]
Whom = Annotated[
    str | None,
    typer.Option(
        help="Address or configured name of the service, for the record; an address of your own is `self-hosted`.",
        show_default=False,
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(help="Folder of the run, as for `evaluate`. Default: runs/<id>.", show_default=False),
]
PersonaOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Ask the model to answer as a persona, as for `evaluate`; `all` for all eight.", show_default=False
    ),
]
Service = Annotated[str, typer.Option(help="Address up to and with /v1, or a configured name.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    batch = typer.Typer(no_args_is_help=True, help="Ask by batch files, as OpenAI, vLLM and SGLang take them.")
    app.add_typer(batch, name="batch")

    @batch.command()
    def write(
        model: Annotated[str, typer.Option(help="The model's name, as the service knows it.", show_default=False)],
        out: Annotated[Path, typer.Option(help="File of the requests.", show_default=False)],
        source: SourceOption = None,
        endpoint: Whom = None,
        run: Folder = None,
        persona: PersonaOption = None,
        personas: WordingOption = None,
        queries: QueriesOption = None,
        constrained: ConstrainedOption = False,
        max_tokens: MaxTokensOption = None,
        without: Annotated[
            list[str] | None,
            typer.Option(help="A parameter that the service does not accept, e.g. seed; again for more."),
        ] = None,
        max_completion_tokens: Annotated[
            bool,
            typer.Option("--max-completion-tokens", help="Send the token limit under this name."),
        ] = False,
        most_lines: Annotated[int, typer.Option(min=1, help="Requests in one file.")] = 50_000,
        most_megabytes: Annotated[float, typer.Option(min=0.01, help="Size of one file.")] = 200.0,
    ) -> None:
        """Write a request for every prompt that has no answer yet."""
        from eval_queue.asking.endpoint import wanted_parameters
        from eval_queue.offline.batch import write_requests

        asked = _endpoint(endpoint, constrained=constrained, max_tokens=max_tokens)
        runs, folder = _new_runs(model, source, asked, run, persona or [], personas, queries)
        parameters = None
        if without or max_completion_tokens:
            parameters = {k: v for k, v in wanted_parameters(asked).items() if k not in (without or [])}
            if max_completion_tokens and "max_tokens" in parameters:
                parameters["max_completion_tokens"] = parameters.pop("max_tokens")
        most_bytes = round(most_megabytes * 1e6)
        files = write_requests(runs, out, parameters=parameters, most_lines=most_lines, most_bytes=most_bytes)
        for file in files:
            typer.echo(file)
        if not files:
            typer.echo("Every prompt has an answer; nothing was written.", err=True)
        typer.echo(f"Run: {folder}. Results: python -m eval_queue batch read RESULTS --out {folder}", err=True)

    @batch.command()
    def read(
        results: Annotated[list[Path], typer.Argument(help="Files of results, in any order.", show_default=False)],
        out: Folder = None,
        model: Model = None,
        source: SourceOption = None,
        endpoint: Whom = None,
        persona: PersonaOption = None,
        personas: WordingOption = None,
        queries: QueriesOption = None,
        constrained: ConstrainedOption = False,
        max_tokens: MaxTokensOption = None,
    ) -> None:
        """Take results back into the run that `write` began, and score it when it is finished."""
        from eval_queue.offline.batch import read_results

        runs = [] if out is None else _runs_in(out, source)
        if not runs:
            if model is None:
                message = (
                    "no run is here; name the folder that `batch write` printed, or the model and what it was told"
                )
                raise InputError(message, file=out)
            asked = _endpoint(endpoint, constrained=constrained, max_tokens=max_tokens)
            runs, _ = _new_runs(model, source, asked, out, persona or [], personas, queries)
        say(read_results(runs, results))

    @batch.command()
    def submit(
        requests: Annotated[list[Path], typer.Argument(help="Files that `write` wrote.", show_default=False)],
        out: Annotated[Path, typer.Option(help="Folder of the run; remembers what was submitted.", show_default=False)],
        endpoint: Service,
        api_key_env: ApiKeyOption = None,
    ) -> None:
        """Hand request files to a service that has `/files` and `/batches`. Run again, it hands in nothing twice."""
        from eval_queue.offline.batch_service import BatchService

        with BatchService.open(choose_endpoint(endpoint, api_key_env=api_key_env), out) as service:
            for file in requests:
                typer.echo(f"{file}: {service.submit(file)}")

    @batch.command()
    def poll(
        out: Annotated[Path, typer.Option(help="Folder of the run.", show_default=False)],
        endpoint: Service,
        api_key_env: ApiKeyOption = None,
        source: SourceOption = None,
        wait: Annotated[
            float | None, typer.Option(min=1, help="Look again every so many seconds until all are done.")
        ] = None,
    ) -> None:
        """Look how batches stand, and take the results of those that are done. Exit status 3: some are not done yet."""
        import time

        from eval_queue.offline.batch import read_results
        from eval_queue.offline.batch_service import BatchService

        runs = _runs_in(out, source)
        if not runs:
            raise InputError("no run is here; `batch write` makes one", file=out)
        with BatchService.open(choose_endpoint(endpoint, api_key_env=api_key_env), out) as service:
            while True:
                states = service.poll()
                for state in states:
                    typer.echo(f"{state.id}: {state.status}, {state.done} of {state.total} done", err=True)
                ended = all(state.ended for state in states)
                if ended or wait is None:
                    break
                time.sleep(wait)
            results = service.results()
        if results:
            report = read_results(runs, results)
            if ended:
                say(report)
            else:
                typer.echo(f"{report.answered} answers taken over; {report.missing} prompts have none yet.")
        if not ended:
            raise typer.Exit(3)


def _endpoint(endpoint: str | None, *, constrained: bool, max_tokens: int | None) -> Endpoint:
    mode = "constrained" if constrained else None
    return choose_endpoint(endpoint or SELF_HOSTED, answer_mode=mode, max_tokens=max_tokens)


def _new_runs(
    model: str,
    source: str | None,
    endpoint: Endpoint,
    folder: Path | None,
    persona: Sequence[str],
    wording: Path | None,
    queries: int | None,
) -> tuple[list[Run], Path]:
    """The runs that the options describe, and the folder that holds them."""
    from dataclasses import replace

    from data.sources.loading import load_benchmark
    from eval_queue.asking.evaluation import Job
    from eval_queue.offline.batch import Run

    if not endpoint.serves(model):
        message = f"the endpoint {endpoint.name} is for {', '.join(endpoint.models)}, not for {model}"
        raise InputError(message, field="model")
    job = Job(model, endpoint, load_benchmark(source, progress=True), queries=queries)
    chosen = choose_personas(persona, wording)
    folder = folder or default_folder(job, chosen)
    if len(chosen) < 2:
        return [Run(replace(job, persona=next(iter(chosen), None)), folder)], folder
    return [Run(replace(job, persona=who), folder / subfolder(who)) for who in (None, *chosen)], folder


def _runs_in(folder: Path, source: str | None) -> list[Run]:
    """The runs that a folder holds: its own, or those of several personas in folders inside it."""
    from data.sources.loading import load_benchmark
    from eval_queue.asking.checkpoint import RUN_FILE, read_run
    from eval_queue.offline.batch import Run

    places = [folder] if (folder / RUN_FILE).exists() else sorted(p.parent for p in folder.glob(f"*/{RUN_FILE}"))
    if not places:
        return []
    benchmark = load_benchmark(source, progress=True)
    runs = []
    for place in places:
        record = read_run(place)
        if record.benchmark.digest != benchmark.digest:
            message = (
                f"the run is on {record.benchmark.name} {record.benchmark.version} ({record.benchmark.digest[:12]}), "
                f"and the benchmark in use is {benchmark.name} {benchmark.version} ({benchmark.digest[:12]}); "
                "choose the other with --source"
            )
            raise InputError(message, file=place)
        runs.append(Run(_job(record, benchmark), place))
    return runs


def _job(record: RunRecord, benchmark: Benchmark) -> Job:
    """The job that a run's record is of."""
    from eval_queue.asking.evaluation import Job
    from eval_queue.personas import Persona
    from eval_queue.protocol import Protocol
    from eval_queue.queue.intake import configured_endpoints
    from eval_queue.settings import Endpoint, Settings

    protocol = Protocol.of(record.protocol)
    known = next((e for e in configured_endpoints(Settings()) if e.name == record.endpoint), None)
    fields = {
        **({"name": record.endpoint, "base_url": SELF_HOSTED} if known is None else known.model_dump(mode="json")),
        "answer_mode": record.answer_mode,
        "max_tokens": record.max_tokens,
        "reasoning_effort": record.reasoning_effort,
    }
    persona = None
    if record.persona is not None:
        persona = Persona(record.persona, record.system or "", protocol.wording or "")
    endpoint = Endpoint.model_validate(fields)
    return Job(record.model, endpoint, benchmark, revision=record.revision, persona=persona, queries=protocol.queries)


def runs_of(model: str, source: str | None, name: str, folder: Path | None) -> list[Run]:
    """The run of a model that another evaluator asked of an endpoint of this name, in `folder` or the usual one."""
    from eval_queue.settings import Endpoint

    try:
        endpoint = Endpoint.model_validate({"name": name, "base_url": SELF_HOSTED})
    except ValueError:
        message = f"{name[:80]!r} cannot be an endpoint's name: expected small letters, digits and hyphens"
        raise InputError(message, field="endpoint") from None
    return _new_runs(model, source, endpoint, folder, [], None, None)[0]


def say(report: Report) -> None:
    """Tell what came of reading results; ends with an error where the run is not finished."""
    typer.echo(f"{report.answered} answers taken over; {report.missing} prompts have none.")
    for counts, head in ((report.refused, "No answer"), (report.unused, "Not used")):
        for reason, n in counts.most_common(20):
            typer.echo(f"{head}: {n} x {reason}", err=True)
    for outcome in report.outcomes:
        coverage = outcome.result.coverage
        typer.echo(f"Finished: {coverage.rated} of {coverage.prompts} readable; {outcome.result_file}")
    if not report.outcomes:
        typer.echo("Not finished: write the rest again, or ask it with `evaluate` and the same folder.", err=True)
        raise typer.Exit(1)
