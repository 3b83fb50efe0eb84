"""What visitors read beside a row: its benchmark, its origin, and words that limit what it says."""

from __future__ import annotations

from typing import Final, NamedTuple

from eval_queue.records import Result

BENCHMARKS: Final = {"value-portrait": "Value Portrait", "practice": "Practice benchmark"}
"""What visitors read for a benchmark; others are called what they call themselves."""


class Badge(NamedTuple):
    """A word beside a model's name, and what it means."""

    word: str
    hint: str


OPEN_WEIGHTS = Badge("open weights", "The model's weights can be downloaded.")
SELF_REPORTED = Badge("self-reported", "The submitter ran this evaluation; this board did not repeat it.")
CONSTRAINED = Badge("constrained", "The model could only answer with one of the six phrases.")
CHANGED = Badge(
    "parameters changed",
    "The endpoint did not take every parameter of the protocol, such as temperature 0: its answers may vary more.",
)
PRACTICE = Badge("practice", "Run on the practice benchmark. The values mean nothing.")
INCOMPLETE = Badge("incomplete", "Too few of its answers could be read to compare it with others.")
FLAT = Badge("flat", "Most of the variance between its ten scores may be chance: too little stands out to compare.")

SAME_EVERYWHERE: Final = "It gives the same rating to everything: nothing stands out."
"""What `FLAT` says where there is no difference at all."""

BADGES: Final = (OPEN_WEIGHTS, SELF_REPORTED, CONSTRAINED, CHANGED, PRACTICE, INCOMPLETE, FLAT)
"""All badges, in the order of an explanation."""

ORIGINS: Final = {
    "published": "Scored here from the raw answers that the benchmark's authors released.",
    "space": "Asked and scored by this installation.",
    "self-reported": SELF_REPORTED.hint,
}
"""What an origin means, for visitors."""


def badges(result: Result, *, practice: bool) -> list[Badge]:
    """The words that stand beside a model's name."""
    found: list[Badge] = []
    if practice:
        found.append(PRACTICE)
    if result.open_weights is True:
        found.append(OPEN_WEIGHTS)
    if result.origin == "self-reported":
        found.append(SELF_REPORTED)
    if result.answer_mode == "constrained":
        found.append(CONSTRAINED)
    if changes := _changes(result):
        found.append(CHANGED._replace(hint=f"{CHANGED.hint} {changes}"))
    if result.complete is False:
        reason = f" {result.incomplete_reason}." if result.incomplete_reason else ""
        found.append(INCOMPLETE._replace(hint=INCOMPLETE.hint + reason))
    if result.flat is True:
        found.append(FLAT if result.reliability is not None else FLAT._replace(hint=SAME_EVERYWHERE))
    return found


def parameters_changed(result: Result) -> bool | None:
    """Whether a parameter of the protocol was not sent; None where it is not known what was."""
    if result.run is None or result.run.changed is None:
        return None
    return bool(_changes(result))


def _changes(result: Result) -> str:
    """What was not sent as the protocol has it; a token limit under another name is the same limit."""
    changed = (result.run.changed if result.run else None) or {}
    dropped = [name for name, how in changed.items() if how == "dropped"]
    return f"Not sent: {', '.join(dropped)}." if dropped else ""
