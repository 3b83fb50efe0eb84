"""A few inputs for each target of the fuzzer; `python -m tests.faults.fuzz --inputs 100000` tries many."""

from __future__ import annotations

import pytest

from tests.faults.fuzz import Target, fuzz, mutated, targets

pytestmark = pytest.mark.slow


def test_a_few_inputs_end_as_they_must() -> None:
    figures, findings = fuzz(1500, seed=10**6)
    assert findings == []
    assert sum(count for count, _, _ in figures.values()) == 1500


def test_the_good_inputs_are_good() -> None:
    """Else only the first check of each target would be tried."""
    with targets() as found:
        for target in found.values():
            target.read(target.seeds[0])


def test_a_fault_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import nullcontext

    broken = Target(lambda data: data.decode(), (b"\xc3\xa4 text",), 1, 1.0, ())
    monkeypatch.setattr("tests.faults.fuzz.targets", lambda: nullcontext({"broken": broken}))
    _, findings = fuzz(50, seed=0)
    assert findings
    assert "UnicodeDecodeError" in findings[0].what


def test_the_same_seed_is_the_same_input() -> None:
    import random

    assert mutated(random.Random(3), (b"some text",)) == mutated(random.Random(3), (b"some text",))
