"""The protocol: which prompts an evaluation asks, in which order, in which words and how a model may answer.

Pure. Whatever changes an answer and is the same for every model stands here, so that one version names it all: raise
`PROTOCOL_VERSION` when anything here changes. The words of a prompt are the benchmark's own; no system message is
added. Personas are not part of this version.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final

from data.benchmark import RATING_PHRASES, Benchmark, Item
from eval_queue.records import AnswerMode

PROTOCOL_VERSION: Final = "1"
"""Version of everything in this module. Part of a result's identity."""

TEMPERATURE: Final = 0.0
"""Greedy decoding. Not the same as reproducible: batching and prompt caches still flip a few answers in a hundred."""

SEED: Final = 0
"""Sent to endpoints that accept one."""

GRAMMAR: Final = "root ::= " + " | ".join(f'"{phrase}"' for phrase in RATING_PHRASES.values())
"""GBNF grammar of the constrained mode: exactly one of the six rating phrases, as written."""

_REVERSED: Final = "_reversed"


@dataclass(frozen=True)
class Prompt:
    """One question of an evaluation: an item under a variant."""

    variant: str
    """One of `data.benchmark.VARIANTS`."""
    portrait_id: int
    option_id: int
    text: str
    """What the model reads."""

    @property
    def id(self) -> tuple[str, int, int]:
        """(variant, `portrait_id`, `option_id`): unique within a benchmark."""
        return self.variant, self.portrait_id, self.option_id

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text: shows later that the model was asked these words."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def messages(self) -> list[dict[str, str]]:
        """The chat to send: one message of the user, no system message."""
        return [{"role": "user", "content": self.text}]


def protocol_id(mode: AnswerMode) -> str:
    """The protocol's name in records: version and answer mode, e.g. `1-free-text`.

    A free-text and a constrained answer to the same prompt differ, so the mode is part of the name.
    """
    return f"{PROTOCOL_VERSION}-{mode}"


def plan(benchmark: Benchmark, limit: int | None = None) -> tuple[Prompt, ...]:
    """All prompts of an evaluation in the order of asking.

    Neighbours share the longest possible beginning, so that an endpoint with a prefix cache reads about a third of the
    text: query, then wording (v1, v2, v3), then response, then the two orders of the answer options.

    Args:
        benchmark: what to ask.
        limit: only the first so many prompts; None for all.
    """
    wordings: dict[str, list[str]] = {}
    for variant in benchmark.templates:
        wordings.setdefault(variant.removesuffix(_REVERSED), []).append(variant)
    responses: dict[int, list[Item]] = {query.id: [] for query in benchmark.queries}
    for item in benchmark.items:
        responses[item.query_id].append(item)
    order = (
        Prompt(variant, item.query_id, item.option_id, benchmark.prompt(item, variant))
        for items in responses.values()
        for variants in wordings.values()
        for item in items
        for variant in variants
    )
    return tuple(islice(order, limit))
