"""`value-portrait`: the commands of all three packages as one program, for an installation with pip.

The commands of `python -m eval_queue` and `python -m leaderboard` keep their names; those of `python -m data` are
`value-portrait benchmark ...`, as two packages have something to publish.
"""

from __future__ import annotations

import typer

from data.cli import one_thread, run


def main() -> None:
    """Run the command line."""
    one_thread()
    run(application())


def application() -> typer.Typer:
    """All commands."""
    from data.__main__ import app as benchmark
    from eval_queue.__main__ import app as queue
    from leaderboard.__main__ import app as board
    from leaderboard.site.citation import version

    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        help="Evaluate language models with Value Portrait, compare their profiles, and serve the leaderboard.",
    )

    @app.callback(invoke_without_command=True)
    def _version(
        show: bool = typer.Option(False, "--version", help="Print the version and stop."),
    ) -> None:
        if show:
            typer.echo(version())
            raise typer.Exit

    app.add_typer(queue)
    app.add_typer(board)
    app.add_typer(benchmark, name="benchmark", help="Look at a benchmark, check what its key can carry, publish it.")
    return app


if __name__ == "__main__":
    main()
