"""What `serve` says of wrong input."""

from __future__ import annotations

from typer.testing import CliRunner

from leaderboard.__main__ import app


def test_a_port_that_cannot_be_is_refused_before_anything_is_opened() -> None:
    done = CliRunner().invoke(app, ["serve", "--port", "99999"])
    assert done.exit_code == 2
    assert "--port" in done.output
