"""The protocol: which prompts an evaluation asks, in which order, in which words and how a model may answer.

Pure. Whatever changes an answer and is the same for every model stands here, so that one version names it all: raise
`PROTOCOL_VERSION` when anything here changes. The words of a prompt are the benchmark's own. A run under a persona puts
a system message before them (`eval_queue.personas`), a run over a subsample asks some of the queries only; both stand
in the protocol's name, and without them there is no system message and everything is asked.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Final, NamedTuple, cast

import numpy as np

from data.benchmark import RATING_PHRASES, Benchmark, Item, Key
from data.errors import InputError
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
_NAME: Final = re.compile(
    r"(?P<version>[^-]+)(?:-personas(?P<wording>[^-]+))?(?:-queries(?P<queries>[0-9]+))?-(?P<mode>free-text|constrained)"
)


@dataclass(frozen=True)
class Prompt:
    """One question of an evaluation: an item under a variant."""

    variant: str
    """One of `data.benchmark.VARIANTS`."""
    portrait_id: int
    option_id: int
    text: str
    """What the user says."""
    system: str | None = None
    """The system message; None for none."""

    @property
    def id(self) -> tuple[str, int, int]:
        """(variant, `portrait_id`, `option_id`): unique within a benchmark."""
        return self.variant, self.portrait_id, self.option_id

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the model reads: shows later that it was asked these words.

        Of the text alone where there is no system message, else of system message, NUL and text.
        """
        read = self.text if self.system is None else f"{self.system}\0{self.text}"
        return hashlib.sha256(read.encode()).hexdigest()

    @property
    def messages(self) -> list[dict[str, str]]:
        """The chat to send: one message of the user, after the system message if there is one."""
        user = {"role": "user", "content": self.text}
        return [user] if self.system is None else [{"role": "system", "content": self.system}, user]


class Protocol(NamedTuple):
    """What a protocol's name says."""

    version: str
    mode: AnswerMode
    wording: str | None = None
    """Version of the personas' wording; None for a run without a persona."""
    queries: int | None = None
    """How many queries are asked, see `subsample`; None for all."""

    @property
    def name(self) -> str:
        """As it stands in records, e.g. `1-free-text` or `1-personas1-queries20-free-text`."""
        wording = "" if self.wording is None else f"-personas{self.wording}"
        queries = "" if self.queries is None else f"-queries{self.queries}"
        return f"{self.version}{wording}{queries}-{self.mode}"

    @classmethod
    def of(cls, name: str) -> Protocol:
        """From a name in a record.

        Raises:
            InputError: this is not a name of a protocol.
        """
        found = _NAME.fullmatch(name)
        if found is None:
            raise InputError(f"{name!r} is not the name of a protocol", field="protocol")
        queries = found["queries"]
        return cls(
            found["version"], cast("AnswerMode", found["mode"]), found["wording"], int(queries) if queries else None
        )


def protocol_id(mode: AnswerMode, *, wording: str | None = None, queries: int | None = None) -> str:
    """The protocol's name in records: version, what is not as usual, and answer mode, e.g. `1-free-text`.

    A free-text and a constrained answer to the same prompt differ, so the mode is part of the name. See `Protocol`.
    """
    return Protocol(PROTOCOL_VERSION, mode, wording, queries).name


def subsample(benchmark: Benchmark, queries: int | None) -> Benchmark:
    """The benchmark with some of its queries, all of whose items and variants are kept.

    Sources are represented as in the whole, as nearly as whole numbers allow; within a source chance decides, seeded by
    the benchmark's digest. The same number always means the same queries, and a larger one includes those of a smaller.

    Args:
        benchmark: the whole.
        queries: how many; None for all.

    Raises:
        InputError: it has fewer, or none are asked for.
    """
    if queries is None:
        return benchmark
    most = len(benchmark.queries)
    if not 1 <= queries <= most:
        raise InputError(f"expected 1 to {most} queries, found {queries}", field="queries")
    of_source: dict[str, list[tuple[str, int]]] = {}
    for query in benchmark.queries:
        lot = hashlib.sha256(f"{benchmark.digest}/{query.id}".encode()).hexdigest()
        of_source.setdefault(query.source, []).append((lot, query.id))
    turns = [
        ((place + 0.5) / len(lots), lot, id_)
        for lots in of_source.values()
        for place, (lot, id_) in enumerate(sorted(lots))
    ]
    chosen = {id_ for _, _, id_ in sorted(turns)[:queries]}
    keep = np.array([item.query_id in chosen for item in benchmark.items], dtype=np.bool_)
    return replace(
        benchmark,
        queries=tuple(q for q in benchmark.queries if q.id in chosen),
        items=tuple(item for item in benchmark.items if item.query_id in chosen),
        key=Key(benchmark.key.rho[keep], benchmark.key.p[keep]),
    )


def plan(benchmark: Benchmark, limit: int | None = None, *, system: str | None = None) -> tuple[Prompt, ...]:
    """All prompts of an evaluation in the order of asking.

    Neighbours share the longest possible beginning, so that an endpoint with a prefix cache reads about a third of the
    text: query, then wording (v1, v2, v3), then response, then the two orders of the answer options.

    Args:
        benchmark: what to ask.
        limit: only the first so many prompts; None for all.
        system: system message before each; None for none.
    """
    wordings: dict[str, list[str]] = {}
    for variant in benchmark.templates:
        wordings.setdefault(variant.removesuffix(_REVERSED), []).append(variant)
    responses: dict[int, list[Item]] = {query.id: [] for query in benchmark.queries}
    for item in benchmark.items:
        responses[item.query_id].append(item)
    order = (
        Prompt(variant, item.query_id, item.option_id, benchmark.prompt(item, variant), system)
        for items in responses.values()
        for variants in wordings.values()
        for item in items
        for variant in variants
    )
    return tuple(islice(order, limit))
