"""Which prompts are asked, in which order, in which words."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from data.benchmark import RATING_PHRASES, VARIANTS
from data.sources.practice import practice_benchmark
from eval_queue.protocol import GRAMMAR, PROTOCOL_VERSION, plan, protocol_id

BENCHMARK = practice_benchmark()


def test_every_prompt_is_asked_exactly_once() -> None:
    prompts = plan(BENCHMARK)
    expected = {(variant, *item.id) for variant in VARIANTS for item in BENCHMARK.items}
    assert len(prompts) == BENCHMARK.n_prompts
    assert {p.id for p in prompts} == expected


def test_a_prompt_is_the_benchmark_s_text_with_its_digest() -> None:
    for prompt in plan(BENCHMARK)[::37]:
        item = BENCHMARK.items[BENCHMARK.item_index[prompt.portrait_id, prompt.option_id]]
        assert prompt.text == BENCHMARK.prompt(item, prompt.variant)
        assert prompt.digest == hashlib.sha256(prompt.text.encode()).hexdigest()


def test_prompts_are_grouped_by_query_then_wording_then_response_then_order() -> None:
    prompts = plan(BENCHMARK)
    query_ids = [q.id for q in BENCHMARK.queries]
    ranks = [
        (query_ids.index(p.portrait_id), p.variant.removesuffix("_reversed"), p.option_id, p.variant) for p in prompts
    ]
    assert ranks == sorted(ranks)


def test_the_order_shares_more_beginnings_than_asking_variant_by_variant() -> None:
    def new_characters(texts: list[str]) -> int:
        """Characters a cache of the previous prompt cannot supply."""
        total = 0
        for before, text in zip(["", *texts], texts, strict=False):
            shared = next((i for i, (a, b) in enumerate(zip(before, text, strict=False)) if a != b), 0)
            total += len(text) - shared
        return total

    ours = plan(BENCHMARK)
    by_variant = sorted(ours, key=lambda p: (VARIANTS.index(p.variant), p.portrait_id, p.option_id))
    assert new_characters([p.text for p in ours]) < new_characters([p.text for p in by_variant])


def test_a_limit_takes_the_first_prompts() -> None:
    assert plan(BENCHMARK, 7) == plan(BENCHMARK)[:7]
    assert plan(BENCHMARK, 10**6) == plan(BENCHMARK)


def test_the_order_of_items_and_variants_in_the_benchmark_decides_nothing() -> None:
    turned = replace(
        BENCHMARK, items=BENCHMARK.items[::-1], templates=dict(reversed(list(BENCHMARK.templates.items())))
    )
    assert {p.id: p.digest for p in plan(turned)} == {p.id: p.digest for p in plan(BENCHMARK)}


def test_only_the_user_speaks() -> None:
    prompt = plan(BENCHMARK, 1)[0]
    assert prompt.messages == [{"role": "user", "content": prompt.text}]


def test_the_grammar_allows_the_six_phrases_and_nothing_else() -> None:
    rule, _, alternatives = GRAMMAR.partition(" ::= ")
    assert rule == "root"
    assert [re.fullmatch(r'"([^"\\]+)"', part)[1] for part in alternatives.split(" | ")] == list(
        RATING_PHRASES.values()
    )


def test_the_answer_mode_is_part_of_the_protocol_s_name() -> None:
    assert protocol_id("free-text") != protocol_id("constrained")
    assert all(PROTOCOL_VERSION in protocol_id(mode) for mode in ("free-text", "constrained"))
