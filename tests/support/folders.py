"""A small invented benchmark in upstream's folder layout, for tests that must pass without the real data.

Nothing here comes from upstream but the layout: the queries, responses and prompt wordings are made up, the raters are
drawn from a seeded generator, and the key is computed from their ratings.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from data.benchmark import RATING_PHRASES, VARIANTS
from data.sources.layout import CORRELATIONS, FILES, SURVEY, TAGGED, TEMPLATES, VALUES
from data.values import BIG_FIVE, DIMENSIONS, HIGHER, MEMBERS, SCALES
from data.values import VALUES as TEN_VALUES

OPTIONS = 3
QUERIES: dict[int, tuple[str | None, str]] = {
    1001: ("Bike or bus?", "My bike is slow and the bus is dear. Which should I take to work?"),
    1002: ("Loud upstairs", "The new tenant above me practises the drums at nine in the evening."),
    2001: ("A spare ticket", "Two friends both want my spare ticket and I can please only one."),
    2002: ("Garden fence", "My neighbour painted our shared fence orange while I was away."),
    3001: (None, "plan a cheap weekend trip"),
    3002: (None, "is {title} a good name for a cat?"),
    4001: (None, "how do I ask for more pay"),
    4002: (None, "best way to learn chess late in life"),
}
ANSWERS = (
    "Do what feels right to you and see where it leads.",
    "Ask the others first, then choose what troubles nobody.",
    "Take the chance that gets you ahead.",
)


def write_folder(
    folder: Path, *, people: int = 24, seed: int = 1, asked: Mapping[int, tuple[str | None, str]] = QUERIES
) -> Path:
    """Write an invented benchmark into `folder`: 8 queries x 3 responses, two groups of `people` raters.

    Args:
        folder: where to.
        people: in each group.
        seed: of their ratings and scores.
        asked: other queries, title and text by id.
    """
    rng = np.random.default_rng(seed)
    ids = list(asked)
    halves = (ids[0::2], ids[1::2])
    survey: list[dict[str, Any]] = []
    values: dict[str, Any] = {}
    rows: dict[str, list[dict[str, Any]]] = {scale: [] for scale in SCALES}
    for g, queries in enumerate(halves):
        names = [f"P{100 * (g + 1) + i}" for i in range(people)]
        scores = np.array([_own_scores(rng) for _ in names])
        for name, own in zip(names, scores, strict=True):
            at = dict(zip(DIMENSIONS, own.tolist(), strict=True))
            values[name] = {scale: {d.key: at[d] for d in members} for scale, members in SCALES.items()}
        group: dict[str, Any] = {}
        for query in queries:
            group[str(query)] = []
            for option in range(1, OPTIONS + 1):
                lean = scores @ (rng.normal(size=len(DIMENSIONS)) * (rng.random(len(DIMENSIONS)) < 0.2))
                ratings = np.clip(np.rint(3.5 + lean + rng.normal(size=people)), 1, 6).astype(int)
                data = [[int(r), name] for r, name in zip(ratings, names, strict=True)]
                group[str(query)].append({"option_id": option, "data": data})
                for column, d in enumerate(DIMENSIONS):
                    rho, p = spearmanr(ratings, scores[:, column])
                    where = {"portrait_id": str(query), "option_id": option, f"{d.scale}_dimension": d.key}
                    rows[d.scale].append(where | {"spearman_corr": float(rho), "spearman_p_value": float(p)})
        survey.append(group)
    tagged = [
        {
            "content": {"title": title, "text": text},
            "outputs": [{"id": o, "content": ANSWERS[o - 1]} for o in range(1, OPTIONS + 1)],
            "portrait_id": query,
        }
        # not in order of id, as in upstream's file
        for query, (title, text) in sorted(asked.items(), key=lambda q: q[0] % 1000)
    ]
    _write(folder / TAGGED, json.dumps(tagged))
    for scale, name in CORRELATIONS.items():
        _write(folder / name, json.dumps(rows[scale]))
    _write(folder / SURVEY, json.dumps(survey))
    _write(folder / VALUES, json.dumps(values))
    for variant in VARIANTS:
        phrases = sorted(RATING_PHRASES, reverse=not variant.endswith("reversed"))
        scale_text = " / ".join(RATING_PHRASES[r] for r in phrases)
        titled, untitled = TEMPLATES[variant]
        ask = f"[{variant}] How close is the reply to you?\nReply: {{content}}\nChoose one: {scale_text}"
        _write(folder / titled, f"Heading: {{title}}\nQuestion: {{text}}\n{ask}")
        _write(folder / untitled, f"Question: {{text}}\n{ask}")
    return folder


def copy_folder(source: Path, target: Path) -> Path:
    """Copy the files of the layout, writable, so that a test can break one."""
    for name in FILES:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)
    return target


def edit_json(path: Path, change: Callable[[Any], object]) -> None:
    """Load a JSON file, let `change` alter what it holds, write it back."""
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def _own_scores(rng: np.random.Generator) -> np.ndarray:
    """One person's own scores on the 19 dimensions: values centred, higher order as means of theirs, traits 1 to 5."""
    ten = rng.normal(size=len(TEN_VALUES))
    ten -= ten.mean()
    at = {d.name: v for d, v in zip(TEN_VALUES, ten, strict=True)}
    higher = [np.mean([at[m] for m in MEMBERS[d.name]]) for d in HIGHER]
    return np.array([*ten, *higher, *rng.integers(2, 11, size=len(BIG_FIVE)) / 2])


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
