"""The methods document holds the numbers of the files that are shipped."""

from __future__ import annotations

import re

import pytest

from data.errors import InputError
from leaderboard.exports.methodology import DOCUMENT, figures, fill
from tests.support.commands import run_command


def test_the_document_holds_the_present_numbers_and_none_is_unused() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    present = figures()
    assert fill(text, present) == text, "write it anew with `python -m leaderboard methodology`"
    used = set(re.findall(r"<!--([a-z][a-z0-9 _.-]*)-->", text))
    assert used <= present.keys()
    for name in ("columns", "people check", "variance", "needs", "match.pairs", "forms", "coverage", "match.leaning"):
        assert f"<!--{name}-->{present[name]}<!--/-->" in text


def test_a_figure_of_measurement_that_is_typed_by_hand_is_found() -> None:
    """Outside the places that are filled no share and no decimal stands, but for what the text itself defines."""
    text = re.sub(r"<!--[a-z][a-z0-9 _.-]*-->.*?<!--/-->", "", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"^    .*$", "", text, flags=re.MULTILINE)  # formulas
    defined = {"5 %", "10 to 90 %", "0.05", "1.96", ".8"}
    typed = set(re.findall(r"(?:\d+ to )?\d+(?:\.\d+)? %|(?<![\w.])\d*\.\d+", text))
    assert typed <= defined, typed - defined


def test_the_command_prints_the_design_s_table() -> None:
    done = run_command("leaderboard", "readings", "--table")
    assert done.returncode == 0, done.stderr
    lines = {line[:44].strip(): line[44:].split() for line in done.stdout.splitlines() if len(line) > 44}
    means = {name: float(cells[-1]) for name, cells in lines.items() if len(cells) == 11 and name}
    # measured independently in the design; splits at random leave some noise
    assert means["reliability, halves of queries, published"] == pytest.approx(0.28, abs=0.05)
    assert means["reliability, halves of queries, match"] == pytest.approx(0.70, abs=0.03)
    assert means["between 23 reliable models, published"] == pytest.approx(0.29, abs=0.05)
    assert means["between 23 reliable models, match"] == pytest.approx(0.48, abs=0.05)
    assert means["reliability, halves of people, published"] == pytest.approx(0.39, abs=0.05)
    assert means["reliability, halves of people, match"] == pytest.approx(0.75, abs=0.03)
    assert means["people predicted, person left out, published"] == pytest.approx(0.16, abs=0.01)
    assert means["people predicted, person left out, match"] == pytest.approx(0.27, abs=0.02)
    assert "pairs of models 35 -> 397 of 5,280" in done.stdout
    assert re.search(r"differ from 0 5\d -> 14\d of 330", done.stdout)


def test_a_number_that_there_is_not_is_named() -> None:
    with pytest.raises(InputError, match="no figure called nonsense"):
        fill("<!--nonsense-->1<!--/-->", {})
