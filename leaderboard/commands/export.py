"""`python -m leaderboard export`: a row for a model repository, for Every Eval Ever, for a model card."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from eval_queue.records import Result
    from leaderboard.site.site import Site

PLACE: Final = ".eval_results/value-portrait.yaml"
"""Where a model repository keeps the document."""

Id = Annotated[str, typer.Argument(help="Id of the row, as its page's address names it, or its model's name.")]
Out = Annotated[Path | None, typer.Option(help="File to write; otherwise it is printed.", show_default=False)]


app = typer.Typer(no_args_is_help=True, help="Export a row for use elsewhere.")


@app.command("eval-results")
def eval_results(
    id_: Id,
    out: Out = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Dataset on the Hub whose tasks the values are, `org/name` or `org/name@commit`. "
            "Default: the benchmark in use, where it comes from the Hub.",
            show_default=False,
        ),
    ] = None,
    open_pull_request: Annotated[
        bool,
        typer.Option("--open-pull-request", help="Also propose it to the model's repository, after asking."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the pull request is opened.")] = False,
) -> None:
    """Write a row as the YAML that a model repository keeps in `.eval_results/`, one entry a value."""
    from data.errors import InputError
    from data.sources.identifiers import hub_name
    from leaderboard.exports.ecosystem import eval_results as document
    from leaderboard.site.permanent import row_url

    site, result = _row(id_)
    named = hub_name(dataset or site.source or "")
    if named is None:
        raise InputError("--dataset: name the benchmark's dataset on the Hub as `org/name` or `org/name@commit`")
    text = document(result, dataset=named.repo, dataset_revision=named.revision, source_url=row_url(site, result))
    _give(text, out)
    if open_pull_request:
        _propose(result, text, ask=not yes)


@app.command()
def eee(
    id_: Id,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a collection: the record is written where Every Eval Ever looks for it, "
            "data/BENCHMARK/DEVELOPER/MODEL/UUID.json. A name that ends in .json is the file itself. "
            "Otherwise it is printed.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a row as a record of Every Eval Ever."""
    import orjson

    from leaderboard.exports.ecosystem import every_eval_ever, sample_path

    site, result = _row(id_)
    record = every_eval_ever(site, result)
    if out is not None and (out.is_dir() or out.suffix != ".json"):
        out = out / sample_path(record, result)
        out.parent.mkdir(parents=True, exist_ok=True)
    _give(orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode(), out)


@app.command()
def card(
    id_: Id,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the section and its picture; otherwise it is printed.", show_default=False),
    ] = None,
) -> None:
    """Write a section for a model card: a portrait, the ten values with intervals, how to cite."""
    from leaderboard.exports.ecosystem import PORTRAIT, model_card
    from leaderboard.files.row_drawings import portrait_svg

    site, result = _row(id_)
    if out is None:
        return _give(model_card(site, result), None)
    out.mkdir(parents=True, exist_ok=True)
    _give(model_card(site, result), out / "value-portrait.md")
    _give(portrait_svg(result), out / PORTRAIT)


def _row(id_: str) -> tuple[Site, Result]:
    from data.errors import InputError
    from leaderboard.exports.tables import result_of
    from leaderboard.site.opening import open_site

    site = open_site()
    named = [r.id for r in site.results() if r.model == id_]
    if len(named) > 1:
        raise InputError(f"{len(named)} rows are of {id_}; give the id of one: {', '.join(named[:10])}")
    return site, result_of(site, named[0] if named else id_)


def _give(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8")
    typer.echo(f"written: {out}", err=True)


def _propose(result: Result, text: str, *, ask: bool) -> None:
    """Open a pull request at the model's repository."""
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError

    from data.errors import InputError
    from eval_queue.settings import load_settings

    if result.model.count("/") != 1:
        raise InputError(f"{result.model} is no repository on the Hub: nothing can be proposed to it")
    typer.echo(f"This proposes {PLACE} to the repository {result.model} on the Hub, in your name, for all to see.")
    if ask and not typer.confirm("Open the pull request?", default=False):
        typer.echo("Nothing was sent.")
        return
    token = os.environ.get(load_settings().hub_token_env) or None
    try:
        made = HfApi(token=token).create_commit(
            result.model,
            [CommitOperationAdd(PLACE, text.encode())],
            commit_message="Value profile measured with Value Portrait",
            commit_description="Ten values, each with its interval in the notes. Values have no direction.",
            repo_type="model",
            create_pr=True,
        )
    except HfHubHTTPError as error:
        said = error.server_message or str(error).splitlines()[0]
        raise InputError(f"the pull request could not be opened: {said}") from None
    typer.echo(f"opened: {made.pr_url}")
