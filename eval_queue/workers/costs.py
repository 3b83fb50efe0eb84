"""What evaluating many models takes: prompts, tokens, hours and dollars, by machine and by batch interface.

An estimate for a decision, not a quotation. Hours come from arithmetic alone: a model of P parameters needs 2 P
operations a token, a machine gives a share of its nominal speed (`READING_SHARE` for the prompts, which are read
together, `WRITING_SHARE` for the answers, which are written token by token), and each model has to be fetched and
loaded once. Prices change: each has the month for which it was read, `SOURCES` says where, and `UNVERIFIED` what nobody
has checked against a bill or a run.
"""

from __future__ import annotations

from typing import Final, NamedTuple

PROMPT_TOKENS: Final = 262
"""Mean tokens of a prompt over all 3,120, counted with one small model's tokeniser."""
ANSWER_TOKENS: Final = 6
"""Tokens of an answer that keeps to the scale."""
READING_SHARE: Final = 0.3
WRITING_SHARE: Final = 0.02
BYTES: Final = 2
"""Bytes of a parameter, as bf16 or fp16."""
FREE_SHARE: Final = 0.8
"""Share of a machine's memory that weights may take; the rest is for the requests in flight."""
FETCH_BYTES: Final = 200e6
"""Bytes a second at which weights arrive."""
START_SECONDS: Final = 180.0
"""Until a server answers, once the weights are there."""
BATCH_SHARE: Final = 0.5
"""What a batch interface costs of the ordinary price."""


class Flavour(NamedTuple):
    """A machine of Hugging Face Jobs."""

    name: str
    dollars: float
    """An hour."""
    teraflops: float
    """Nominal, dense, bf16."""
    gigabytes: float
    """Memory of its accelerator."""
    looked_up: str


class Interface(NamedTuple):
    """A model that is asked by a batch interface."""

    name: str
    prompt: float
    """Dollars for a million tokens read, without the rebate for batches."""
    completion: float
    """... and written."""
    looked_up: str


SOURCES: Final = {
    "Hugging Face Jobs": "huggingface.co/docs/hub/jobs-pricing, from hub-docs; `hf jobs hardware` prints today's",
    "Batch": "OpenAI's price list as others reported it; developers.openai.com/api/docs/pricing has today's",
}
"""Where prices come from."""
UNVERIFIED: Final = (
    "OpenAI's prices were read second-hand; its list no longer names the gpt-4.1 models.",
    "Speeds are the makers' nominal ones; the shares of them that are reached were not measured on these machines.",
    "Models that reason write hundreds or thousands of tokens an answer: give --answer-tokens.",
)
"""What is taken on trust."""

FLAVOURS: Final = (
    Flavour("l4x1", 0.80, 121, 24, "2026-11"),
    Flavour("l40sx1", 1.80, 362, 48, "2026-11"),
    Flavour("a100-large", 2.50, 312, 80, "2026-11"),
    Flavour("h200", 5.00, 989, 141, "2026-11"),
)
INTERFACES: Final = (
    Interface("OpenAI gpt-4.1-nano", 0.10, 0.40, "2026-05"),
    Interface("OpenAI gpt-4.1-mini", 0.40, 1.60, "2026-05"),
    Interface("OpenAI gpt-4.1", 2.00, 8.00, "2026-05"),
    Interface("OpenAI gpt-5.4-nano", 0.20, 1.25, "2026-06"),
    Interface("OpenAI gpt-5.4-mini", 0.75, 4.50, "2026-06"),
    Interface("OpenAI gpt-5.4", 2.50, 15.00, "2026-06"),
)


class Work(NamedTuple):
    """What is to be asked."""

    models: int
    prompts: int
    """Of all models together."""
    prompt_tokens: int
    """Likewise."""
    answer_tokens: int
    """Likewise."""


class Cost(NamedTuple):
    """What it takes somewhere."""

    where: str
    hours: float | None
    """On one machine; None where nobody promises it."""
    dollars: float | None
    """None where the model does not fit."""
    note: str


def work_of(models: int, prompts: int, *, prompt_tokens: float, answer_tokens: float, retest: float = 0.0) -> Work:
    """What is to be asked of so many models: prompts of one evaluation, and mean tokens of a prompt and an answer.

    A share of the prompts, `retest`, is asked a second time.
    """
    asked = models * (prompts + round(retest * prompts))
    return Work(models, asked, round(asked * prompt_tokens), round(asked * answer_tokens))


def on_machines(work: Work, parameters: float) -> list[Cost]:
    """Each flavour's hours and dollars for models of so many parameters."""
    costs = []
    for flavour in FLAVOURS:
        where = f"Hugging Face Jobs {flavour.name}, {flavour.dollars:.2f} USD/h ({flavour.looked_up})"
        if BYTES * parameters > FREE_SHARE * flavour.gigabytes * 1e9:
            costs.append(Cost(where, None, None, f"does not fit into {flavour.gigabytes:g} GB"))
            continue
        speed = flavour.teraflops * 1e12 / (2 * parameters)
        asking = work.prompt_tokens / (READING_SHARE * speed) + work.answer_tokens / (WRITING_SHARE * speed)
        starting = work.models * (BYTES * parameters / FETCH_BYTES + START_SECONDS)
        hours = (asking + starting) / 3600
        share = f"{starting / (asking + starting):.0%} of it fetching and loading"
        costs.append(Cost(where, hours, hours * flavour.dollars, share))
    return costs


def by_batch(work: Work) -> list[Cost]:
    """Each batch interface's dollars for as many evaluations of its model."""
    return [
        Cost(
            f"Batch, {i.name} ({i.looked_up})",
            None,
            BATCH_SHARE * (work.prompt_tokens * i.prompt + work.answer_tokens * i.completion) / 1e6,
            "within 24 hours, half the ordinary price",
        )
        for i in INTERFACES
    ]
