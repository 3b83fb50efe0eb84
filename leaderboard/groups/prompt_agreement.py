"""Does it survive another prompt: nearest group, lean and a persona's direction from each of the six prompts alone.

A statement about groups rests on the mean of six prompts. Here each prompt is taken as if it were the only one, and
what it says is counted where it agrees with the whole: "holds in 5 of 6 prompts". No test, and no reason to name a
group that `leaderboard.groups.proximity` does not name; a warning where a name rests on a few prompts only.

Pure functions over arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.people.reference import Reference
from eval_queue.scoring.formulas import Floats, item_means
from eval_queue.scoring.stability import centred_on_ten
from leaderboard.groups.proximity import NO_GROUP, placed


@dataclass(frozen=True)
class PromptAgreement:
    """In how many prompts a statement holds; arrays over models first.

    Attributes:
        prompts: prompts that give a profile at all, shape (models,).
        nearest: group nearest to the mean over all prompts, its position in the reference; `NO_GROUP` for none.
        nearest_holds: prompts that have the same nearest group, shape (models,).
        lean: towards a contrast's first group (1) or its second (-1), 0 for neither, shape (models, contrasts).
        lean_holds: prompts that lean the same way, shape (models, contrasts).
    """

    prompts: NDArray[np.int64]
    nearest: NDArray[np.int64]
    nearest_holds: NDArray[np.int64]
    lean: NDArray[np.int64]
    lean_holds: NDArray[np.int64]


def groups_by_prompt(
    ratings: Floats, read: Callable[[Floats], Floats], raters: Floats, reference: Reference
) -> PromptAgreement:
    """Nearest group and leans, prompt by prompt.

    Args:
        ratings: shape (models, 6 variants, items), NaN where there is no rating.
        read: from the models' mean rating of each item, shape (models, items), to what is set beside groups, shape
            (models, 10) or (models, 19): the score by the key, or the match.
        raters: the same of the benchmark's own raters' means, shape (10,) or (19,).
        reference: groups, raters and contrasts.
    """
    nearest, leans = placed(read(item_means(ratings)), raters, reference)
    lean = _sign(leans)
    prompts = np.zeros(len(ratings), dtype=np.int64)
    same = np.zeros(len(ratings), dtype=np.int64)
    holds = np.zeros(lean.shape, dtype=np.int64)
    for v in range(ratings.shape[1]):
        alone, leaning = placed(read(ratings[:, v]), raters, reference)
        prompts += alone != NO_GROUP
        same += (alone == nearest) & (nearest != NO_GROUP)
        holds += (_sign(leaning) == lean) & (lean != 0)
    return PromptAgreement(prompts, nearest, same, lean, holds)


def directions_by_prompt(
    first: Floats, second: Floats, read: Callable[[Floats], Floats], gap: Floats
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Whether a model imagines two groups to differ along people's real gap, prompt by prompt.

    Args:
        first: ratings under the persona of a contrast's first group, shape (models, 6 variants, items).
        second: the same under its second.
        read: as for `groups_by_prompt`.
        gap: people's first group minus second, centred on the ten values, shape (10,).

    Returns:
        Cosine of the imagined and the real gap over all prompts, shape (models,), NaN where there is none; in how many
        prompts it has the same sign; how many prompts have one.
    """
    whole = _cosine(item_means(first), item_means(second), read, gap)
    holds, prompts = np.zeros(len(first), dtype=np.int64), np.zeros(len(first), dtype=np.int64)
    for v in range(first.shape[1]):
        alone = _cosine(first[:, v], second[:, v], read, gap)
        holds += _sign(alone) * _sign(whole) > 0
        prompts += np.isfinite(alone)
    return whole, holds, prompts


def _cosine(first: Floats, second: Floats, read: Callable[[Floats], Floats], gap: Floats) -> Floats:
    one, other = (centred_on_ten(read(means)) for means in (first, second))
    imagined = one - other
    length = np.linalg.norm(imagined, axis=1) * np.linalg.norm(gap)
    return np.where(length > 0, imagined @ gap / np.where(length > 0, length, 1.0), np.nan)


def _sign(x: Floats) -> NDArray[np.int64]:
    return np.nan_to_num(np.sign(x)).astype(np.int64)
