"""The practice benchmark: written here, complete, and the same on every machine."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from data.benchmark import MAX_P, MIN_RHO, RATING_PHRASES, VARIANTS
from data.people.psychometrics import spearman_key
from data.ratings import MIN_GROUP
from data.sources import practice
from data.sources.practice import KEY_DIGITS, practice_benchmark, practice_study
from data.values import DIMENSIONS

DIGEST = "598c8265a560c8bd148ac8f586cfb402db9aee78b2010832e2312c6ece434fb6"
"""Changes only with a new version of the practice benchmark: results name it."""


def test_shape() -> None:
    benchmark = practice_benchmark()
    assert benchmark.is_practice
    assert (len(benchmark.queries), len(benchmark.items), benchmark.n_prompts) == (12, 60, 360)
    assert [q.id for q in benchmark.queries] == sorted(q.id for q in benchmark.queries)
    assert [i.id for i in benchmark.items] == [(q.id, option) for q in benchmark.queries for option in range(1, 6)]
    assert tuple(benchmark.templates) == VARIANTS
    assert len({q.source for q in benchmark.queries}) == 4
    assert {q.source for q in benchmark.queries if q.title} & {
        q.source for q in benchmark.queries if not q.title
    } == set()


def test_texts_are_short_and_distinct() -> None:
    benchmark = practice_benchmark()
    words = [len(item.text.split()) for item in benchmark.items]
    assert min(words) >= 15
    assert max(words) <= 40
    assert len({item.text for item in benchmark.items}) == 60
    assert max(len(benchmark.prompt(item, v)) for item in benchmark.items for v in VARIANTS) < 1000


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_prompt_shows_the_item_and_the_six_phrases_in_order(variant: str) -> None:
    benchmark = practice_benchmark()
    down = [RATING_PHRASES[rating] for rating in (6, 5, 4, 3, 2, 1)]
    expected = down[::-1] if variant.endswith("_reversed") else down
    for item in benchmark.items:
        query, prompt = benchmark.query_by_id[item.query_id], benchmark.prompt(item, variant)
        assert prompt.splitlines()[-6:] == expected
        assert query.text in prompt
        assert item.text in prompt
        assert query.title is None or query.title in prompt
        assert "{" not in prompt


def test_a_reversed_variant_differs_in_nothing_but_the_order_of_the_options() -> None:
    for version in ("v1", "v2", "v3"):
        plain, back = (practice_benchmark().templates[v] for v in (version, f"{version}_reversed"))
        for one, other in ((plain.titled, back.titled), (plain.untitled, back.untitled)):
            assert one.splitlines()[:-6] == other.splitlines()[:-6]
            assert one.splitlines()[-6:] == other.splitlines()[-6:][::-1]


def test_every_dimension_can_be_scored_in_every_group() -> None:
    benchmark, study = practice_benchmark(), practice_study()
    assert min(benchmark.items_per_dimension().values()) >= 2
    values = benchmark.key.selected[:, :10]
    for group in study.groups:
        rows = [benchmark.item_index[item] for item in group.items]
        assert (values[rows].sum(axis=0) >= 2).all()


def test_most_responses_count_for_the_value_they_were_written_for() -> None:
    benchmark = practice_benchmark()
    column = {d.name: i for i, d in enumerate(DIMENSIONS)}
    responses = [r for q in practice._texts()["queries"] for r in q["responses"]]
    main = [column[max(r["leanings"], key=r["leanings"].get)] for r in responses]
    assert np.mean(benchmark.key.selected[np.arange(60), main]) > 0.85


def test_raters_answer_like_the_questionnaire_says() -> None:
    study = practice_study()
    assert study.n_people == sum(g.n_people for g in study.groups)
    assert len(study.groups) >= 3
    assert {item for g in study.groups for item in g.items} == {item.id for item in practice_benchmark().items}
    for group in study.groups:
        assert group.n_people >= max(40, MIN_GROUP)
        assert set(np.unique(group.ratings)) == {1, 2, 3, 4, 5, 6}
        weights = np.array([2, 2, 2, 2, 2, 2, 2, 2, 2, 3])
        np.testing.assert_allclose(group.values[:, :10] @ weights, 0, atol=1e-12)
        conservation = group.values[:, [5, 6, 7]].mean(axis=1)
        np.testing.assert_allclose(group.values[:, 12], conservation, atol=1e-12)
        transcendence = (2 * group.values[:, 8] + 3 * group.values[:, 9]) / 5
        np.testing.assert_allclose(group.values[:, 13], transcendence, atol=1e-12)
        assert set(np.unique(group.values[:, 14:] * 2)) <= set(range(2, 11))


def test_raters_values_form_a_circle() -> None:
    people = np.concatenate([g.values[:, :10] for g in practice_study().groups])
    r = np.corrcoef(people.T)
    by_distance = [np.mean([r[i, (i + d) % 10] for i in range(10)]) for d in (1, 3, 5)]
    assert by_distance[0] > 0.2 > by_distance[1] > by_distance[2]


def test_the_key_is_computed_from_the_ratings() -> None:
    benchmark = practice_benchmark()
    exact = spearman_key(practice_study(), tuple(item.id for item in benchmark.items))
    assert not np.isnan(benchmark.key.rho).any()
    assert np.abs(exact.rho - benchmark.key.rho).max() <= 0.51 * 10**-KEY_DIGITS
    assert np.abs(exact.p - benchmark.key.p).max() <= 0.51 * 10**-KEY_DIGITS


def test_no_number_stands_on_a_border() -> None:
    exact = spearman_key(practice_study(), tuple(item.id for item in practice_benchmark().items))
    numbers = np.concatenate([exact.rho.ravel(), exact.p.ravel()]) * 10**KEY_DIGITS
    assert (np.abs(numbers - np.floor(numbers) - 0.5) * 10**-KEY_DIGITS).min() > 1e-12
    assert np.abs(exact.rho - MIN_RHO).min() > 5e-4
    assert np.abs(exact.p - MAX_P)[exact.rho > 0.2].min() > 5e-4


def test_the_digest_does_not_depend_on_the_last_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    cosine, sine = np.cos, np.sin
    monkeypatch.setattr(np, "cos", lambda x: cosine(x) + 1e-12)
    monkeypatch.setattr(np, "sin", lambda x: sine(x) - 1e-12)
    perturbed = practice_study.__wrapped__()
    for mine, theirs in zip(practice_study().groups, perturbed.groups, strict=True):
        np.testing.assert_array_equal(mine.ratings, theirs.ratings)
        np.testing.assert_array_equal(mine.values, theirs.values)


def test_the_digest_is_pinned() -> None:
    assert practice_benchmark().digest == DIGEST


@pytest.mark.slow
def test_loading_leaves_the_slow_libraries_alone() -> None:
    code = (
        "import sys; from data.sources.practice import practice_benchmark; practice_benchmark();"
        "print([m for m in ('scipy.stats', 'pandas', 'pydantic', 'gradio') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
