"""`python -m data publish`: the benchmark as a dataset on the Hub."""

from __future__ import annotations

from typing import Annotated

import typer

from data.commands.shared import JsonOption, echo_json
from data.errors import InputError
from data.sources.loading import load_benchmark, load_study


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command()
    def publish(
        repo: Annotated[str, typer.Option(help="The dataset to write, as org/name; made if need be.")],
        source: Annotated[
            str | None,
            typer.Option(
                help="`practice`, `upstream`, a folder in upstream's layout or org/name@revision.", show_default=False
            ),
        ] = None,
        with_ratings: Annotated[
            bool, typer.Option("--with-ratings", help="Also publish every person's ratings and own scores, one by one.")
        ] = False,
        private: Annotated[bool, typer.Option("--private", help="Make the dataset private.")] = False,
        token_env: Annotated[
            str, typer.Option(help="Environment variable with a token of the Hub that may write.")
        ] = "HF_TOKEN",
        as_json: JsonOption = False,
    ) -> None:
        """Publish the benchmark as a dataset on the Hub, in one commit.

        No row about a person is in it unless --with-ratings is given. Repeating it changes nothing.
        """
        from data.people.reference import load_reference
        from data.sources import hub_dataset as hub
        from data.sources.published_templates import templates_of

        token = hub.token_from(token_env)
        benchmark = load_benchmark(source, progress=True)
        if source is None and benchmark.is_practice:
            raise InputError(
                "upstream's files cannot be had here, so this would publish the invented practice benchmark, whose "
                "values mean nothing. Name what to publish: a folder in upstream's layout, or `practice` to try it out",
                field="--source",
            )
        study = load_study(source) if with_ratings else None
        done = hub.publish(
            repo,
            benchmark,
            load_reference(),
            templates=templates_of(benchmark),
            study=study,
            private=private,
            token=token,
        )
        if as_json:
            echo_json(done._asdict())
            return
        typer.echo(f"{done.repo}@{done.commit}")
        typer.echo(f"Digest {done.digest}")
        if done.with_ratings:
            typer.echo("People's ratings and own scores are in it.", err=True)
        if done.dropped:
            message = f"The tables {', '.join(done.dropped)} of an earlier publication were taken out; "
            typer.echo(f"{message}the dataset's history still has them.", err=True)
