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


score.register(app)
publish.register(app)
evaluate.register(app)
batch.register(app)
import_log.register(app)
local_model.register(app)
queue.register(app)
doctor.register(app)
settings.register(app)
package.register(app)
plan.register(app)
backup.register(app)

if __name__ == "__main__":
    run(app)
