"""`python -m eval_queue`: score answers, evaluate a model, work the queue."""

from __future__ import annotations

import typer

from data.cli import run
from eval_queue.commands import (
    backup,
    batch,
    doctor,
    evaluate,
    import_log,
    local_model,
    package,
    plan,
    publish,
    queue,
    score,
    settings,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Score answers, evaluate a model, work the queue.")

for group in (score, publish, evaluate, batch, import_log, local_model, queue, doctor, settings, package, plan, backup):
    group.register(app)

if __name__ == "__main__":
    run(app)
