"""Persona bias: known truths, noise, the published figure, and the whole way from a server's answers to the command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest, spearmanr

from data.errors import InputError
from data.people.reference import CONTRASTS, Reference, load_persona_example, load_reference
from data.sources.practice import practice_benchmark
from data.sources.published_templates import templates_of
from data.values import SCALE_COLUMNS, VALUES
from eval_queue.asking.checkpoint import ANSWERS_FILE, RUN_FILE
from eval_queue.asking.endpoint import RetryPolicy
from eval_queue.asking.evaluation import Job, evaluate
from eval_queue.personas import PERSONAS, WORDING
from eval_queue.protocol import plan
from eval_queue.scoring.formulas import Floats
from eval_queue.settings import Endpoint
from leaderboard.groups.bias import Bias, Gaps, perceived_gaps, persona_bias, sign_p
from leaderboard.groups.persona_report import BiasReport, ModelBias, find_runs, report
from leaderboard.groups.proximity import SLOPES
from tests.support.chat_server import PHRASES, Asked, ChatServer, Response, say
from tests.support.commands import Done, run_command

B = SLOPES[0]
DRAWS = 400
GENDER = CONTRASTS[0]
REFERENCE = load_reference()


def centred(x: Floats) -> Floats:
    return np.asarray(x - x.mean(axis=-1, keepdims=True))


def still(profile: Floats) -> Floats:
    """A profile without any noise: shape (1, 10, 1 + draws)."""
    return np.repeat(np.asarray(profile)[None, :, None], 1 + DRAWS, axis=2)


def noisy(profile: Floats, noise: float, rng: np.random.Generator) -> Floats:
    """A profile seen with noise, and bootstrap draws that know how noisy it is: shape (1, 10, 1 + draws)."""
    seen = profile + centred(rng.normal(0, noise, len(VALUES)))
    draws = seen + centred(rng.normal(0, noise, (DRAWS, len(VALUES))))
    return np.vstack([seen, draws]).T[None]


def gaps(perceived: Floats, real: Floats) -> Gaps:
    zero = np.zeros_like(perceived)
    return perceived_gaps(perceived, zero, real, np.zeros_like(real))


# --- the published figure -------------------------------------------------------------------------------------------


def test_the_published_figure_gives_the_published_numbers() -> None:
    """Tolerances: what numbers read off with an error of .02 allow; the stated ones come from finer readings."""
    example = load_persona_example()
    female, male = (REFERENCE.groups[g].mean_centred10 for g in GENDER[1:])
    found = perceived_gaps(*(still(example.under[g]) for g in GENDER[1:]), still(female), still(male))
    assert example.model == "GPT-4o"
    assert found.cosine.value[0] == pytest.approx(-0.33, abs=0.01)
    assert found.spearman.value[0] == pytest.approx(-0.45, abs=0.01)
    assert spearmanr(found.perceived.value[0], found.real[0]).pvalue == pytest.approx(0.19, abs=0.01)
    assert found.same_sign[0] == 4
    assert found.norm_ratio_raw[0] == pytest.approx(2.2, abs=0.1)
    assert found.norm_ratio.value[0] == pytest.approx(4.3, abs=0.1)
    assert found.amplification.value[0] * B == pytest.approx(-0.74, abs=0.02)
    assert found.stereotype_share.value[0] == pytest.approx(0.33**2, abs=0.01)
    perceived = dict(zip((v.short for v in VALUES), found.perceived.value[0], strict=True))
    for value, expected in {"SD": 0.43, "CO": -0.46, "TR": -0.52, "ST": 0.25}.items():
        assert perceived[value] == pytest.approx(expected, abs=0.01)
    for group, r, mae in (("gender/male", 0.83, 0.30), ("gender/female", 0.44, 0.45)):
        x, h = example.under[group], REFERENCE.groups[group].mean_centred10
        assert np.corrcoef(x, h)[0, 1] == pytest.approx(r, abs=0.01)
        assert np.abs(x - h).mean() == pytest.approx(mae, abs=0.01)


def test_the_stated_numbers_lie_within_the_reading_error() -> None:
    example, rng = load_persona_example(), np.random.default_rng(1)
    read = [x + centred(rng.uniform(-1, 1, (DRAWS, 10))) * example.reading_error for x in example.under.values()]
    under = dict(zip(example.under, read, strict=True))
    p = (under[GENDER.toward] - under[GENDER.against]).T[None]
    h = still(REFERENCE.gap(GENDER))[..., :DRAWS]
    found = {
        "cosine": gaps(p, h).cosine,
        "amplification": gaps(p, h).amplification,
    }
    for name, stated in (("cosine", -0.33), ("amplification", -0.74 / B)):
        assert found[name].low[0] < stated < found[name].high[0]


def test_the_figures_people_are_the_shipped_groups() -> None:
    example = load_persona_example()
    assert set(example.people) == set(example.under) == set(GENDER[1:])
    for group, profile in example.people.items():
        assert profile.sum() == pytest.approx(0)
        assert np.abs(profile - REFERENCE.groups[group].mean_centred10).max() < 0.03


# --- known truths ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("contrast", CONTRASTS, ids=lambda c: c.name)
@pytest.mark.parametrize("a", [-1.0, 0.3, 1.0, 4.0])
def test_a_gap_made_a_times_as_large_is_found_so(contrast: tuple[str, str, str], a: float) -> None:
    h = REFERENCE.gap(next(c for c in CONTRASTS if c == contrast))
    found = gaps(still(a * B * h), still(h))
    assert found.amplification.value[0] == pytest.approx(a)
    assert found.norm_ratio.value[0] == pytest.approx(abs(a))
    assert found.norm_ratio_raw[0] == pytest.approx(abs(a) * B)
    assert found.cosine.value[0] == pytest.approx(np.sign(a))
    assert found.spearman.value[0] == pytest.approx(np.sign(a))
    assert found.stereotype_share.value[0] == pytest.approx(1)
    assert found.same_sign[0] == (10 if a > 0 else 0)


def test_a_gap_across_the_real_one_is_large_and_no_stereotype() -> None:
    h = REFERENCE.gap(GENDER)
    across = centred(np.random.default_rng(2).normal(size=10))
    across -= across @ h / (h @ h) * h
    found = gaps(still(across), still(h))
    for estimate in (found.amplification, found.cosine, found.stereotype_share):
        assert estimate.value[0] == pytest.approx(0, abs=1e-9)
    assert found.norm_ratio.value[0] == pytest.approx(np.linalg.norm(across) / np.linalg.norm(h) / B)


def test_no_gap_has_no_direction() -> None:
    found = gaps(still(np.zeros(10)), still(REFERENCE.gap(GENDER)))
    for estimate in (found.cosine, found.spearman, found.stereotype_share):
        assert np.isnan([estimate.value[0], estimate.low[0], estimate.high[0]]).all()
    assert (found.amplification.value[0], found.norm_ratio.value[0], found.same_sign[0]) == (0, 0, 0)


def test_turning_a_contrast_round_changes_no_measure() -> None:
    rng = np.random.default_rng(3)
    x_a, x_b = (noisy(centred(rng.normal(size=10)), 0.1, rng) for _ in range(2))
    h_a, h_b = (still(REFERENCE.groups[g].mean_centred10) for g in GENDER[1:])
    one, other = perceived_gaps(x_a, x_b, h_a, h_b), perceived_gaps(x_b, x_a, h_b, h_a)
    for name in ("cosine", "spearman", "amplification", "norm_ratio", "stereotype_share"):
        a, b = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose([a.value, a.low, a.high], [b.value, b.low, b.high])
    assert (one.same_sign == other.same_sign).all()


def test_the_formulas_one_draw_at_a_time() -> None:
    """The same numbers from plain code over one contrast and one draw."""
    rng = np.random.default_rng(4)
    p = np.concatenate([noisy(centred(rng.normal(size=10)), 0.2, rng) for _ in range(3)])
    h = np.concatenate([noisy(centred(rng.normal(size=10)), 0.02, rng) for _ in range(3)])
    found = gaps(p, h)
    for c in range(3):
        trace = p[c, :, 1:].var(axis=1, ddof=1).sum()
        cosines = [u @ v / np.sqrt(u @ u * (v @ v)) for u, v in zip(p[c].T, h[c].T, strict=True)]
        assert found.cosine.value[c] == pytest.approx(cosines[0])
        np.testing.assert_allclose(
            [found.cosine.low[c], found.cosine.high[c]], np.quantile(cosines[1:], [0.025, 0.975])
        )
        u, v = p[c, :, 0], h[c, :, 0]
        assert found.spearman.value[c] == pytest.approx(spearmanr(u, v).statistic)
        assert found.amplification.value[c] == pytest.approx(u @ v / (v @ v) / B)
        assert found.norm_ratio.value[c] == pytest.approx(np.sqrt(max(0, u @ u - trace) / (v @ v)) / B)
        drawn = [
            np.sqrt(max(0, x @ x - 2 * trace) / (y @ y)) / B for x, y in zip(p[c, :, 1:].T, h[c, :, 1:].T, strict=True)
        ]
        np.testing.assert_allclose(
            [found.norm_ratio.low[c], found.norm_ratio.high[c]], np.quantile(drawn, [0.025, 0.975]), atol=1e-12
        )
        np.testing.assert_allclose(found.perceived_se[c], p[c, :, 1:].std(axis=1, ddof=1))
        assert found.same_sign[c] == sum(a * b > 0 for a, b in zip(u, v, strict=True))


@pytest.mark.parametrize("same", range(11))
def test_the_binomial_p_value(same: int) -> None:
    assert sign_p(np.array([same])) == pytest.approx(binomtest(same, 10).pvalue)


def shifted(shift: Floats, x_0: Floats, noise: float, rng: np.random.Generator) -> Bias:
    h_0 = REFERENCE.people.mean_centred10
    h = REFERENCE.groups["political/left"].mean_centred10
    return persona_bias(noisy(x_0 + shift, noise, rng), noisy(x_0, noise, rng), still(h), still(h_0)[0])


def test_a_persona_that_moves_the_model_as_the_group_differs_has_no_bias() -> None:
    """Whatever the model is without it: what sets model and people apart is no bias of the persona."""
    rng = np.random.default_rng(5)
    real = REFERENCE.groups["political/left"].mean_centred10 - REFERENCE.people.mean_centred10
    found = shifted(B * real, centred(rng.normal(size=10)), 0.0, rng)
    np.testing.assert_allclose(found.bias.value, 0, atol=1e-12)
    np.testing.assert_allclose(found.shift.value[0], B * real, atol=1e-12)
    np.testing.assert_allclose([found.mae[0], found.rmse[0], found.rmse_debiased[0]], 0, atol=1e-12)
    # at another slope the same shift is one
    np.testing.assert_allclose(found.rmse[2], (1 - B) * np.sqrt(np.square(real).mean()))


def test_bias_is_the_distance_of_the_two_shifts() -> None:
    rng = np.random.default_rng(6)
    shift = centred(rng.normal(size=10))
    real = REFERENCE.groups["political/left"].mean_centred10 - REFERENCE.people.mean_centred10
    found = shifted(shift, centred(rng.normal(size=10)), 0.0, rng)
    for s, slope in enumerate(SLOPES):
        bias = shift - slope * real
        assert found.mae[s, 0] == pytest.approx(np.abs(bias).mean())
        assert found.rmse[s, 0] == found.rmse_debiased[s, 0] == pytest.approx(np.sqrt(np.square(bias).mean()))
    np.testing.assert_allclose(found.bias.value[0], shift - B * real)


# --- noise ----------------------------------------------------------------------------------------------------------


def test_noise_alone_makes_errors_and_gaps_that_debiasing_takes_away() -> None:
    """200 models whose personas do just what the groups do, or nothing, seen with much noise."""
    rng = np.random.default_rng(7)
    real = REFERENCE.groups["political/left"].mean_centred10 - REFERENCE.people.mean_centred10
    found = [shifted(B * real, np.zeros(10), 0.15, rng) for _ in range(200)]
    raw = np.mean([f.rmse[0, 0] ** 2 for f in found])
    left = np.mean([f.rmse[0, 0] ** 2 - np.square(f.bias_se[0]).mean() for f in found])
    assert raw > 0.03
    assert abs(left) < 0.1 * raw
    assert np.mean([f.rmse_debiased[0, 0] == 0 for f in found]) > 0.4
    nothing = [gaps(noisy(np.zeros(10), 0.2, rng), still(REFERENCE.gap(GENDER))) for _ in range(200)]
    assert np.median([g.norm_ratio_raw[0] / B for g in nothing]) > 2
    assert np.mean([g.norm_ratio.value[0] == 0 for g in nothing]) > 0.4
    assert np.mean([g.norm_ratio.low[0] for g in nothing]) < 0.2


def test_intervals_of_a_value_and_of_amplification_cover_the_truth() -> None:
    rng = np.random.default_rng(8)
    h = REFERENCE.gap(CONTRASTS[1])
    truth = 2.0
    hits, of = 0, 300
    values = 0
    for _ in range(of):
        found = gaps(noisy(truth * B * h, 0.2, rng), still(h))
        hits += bool(found.amplification.low[0] < truth < found.amplification.high[0])
        values += int(((found.perceived.low[0] < truth * B * h) & (truth * B * h < found.perceived.high[0])).sum())
    assert 0.90 < hits / of < 0.99
    assert 0.92 < values / of / 10 < 0.98


def test_the_people_asked_are_part_of_the_uncertainty() -> None:
    from leaderboard.groups.proximity import group_draws

    left, everybody = REFERENCE.groups["political/left"], REFERENCE.people
    h, h_0 = (group_draws(group, DRAWS) for group in (left, everybody))
    found = persona_bias(still(np.zeros(10)), still(np.zeros(10)), h[None], h_0)
    expected = B * np.hypot(left.sampling_se, everybody.sampling_se)
    np.testing.assert_allclose(found.bias_se[0], expected, rtol=0.25)


# --- from answers to the command ------------------------------------------------------------------------------------

BENCHMARK = practice_benchmark()
QUICK = RetryPolicy(attempts=2, seconds=20.0, first_wait=0.001, longest_wait=0.01)
WHO = {WORDING.messages[name]: name for name in PERSONAS}
VARIANTS = list(BENCHMARK.templates)
AT = {p.text: (VARIANTS.index(p.variant), BENCHMARK.item_index[p.portrait_id, p.option_id]) for p in plan(BENCHMARK)}
BASE = centred(np.array([0.9, -0.2, -0.5, -0.7, -1.3, 0.5, 0.2, -0.4, 0.9, 0.6]))
"""Values of the model that the server plays."""


def played(true: Mapping[str | None, Floats]) -> Callable[[Asked], Response]:
    """A model with known values: an item's rating is 3.5 plus the mean of the values that it counts for.

    The six variants of an item round at six places, so that their mean is exact to a sixth.
    """
    selected = BENCHMARK.key.selected[:, SCALE_COLUMNS["pvq"]].astype(float)
    weight = selected / np.maximum(selected.sum(axis=1, keepdims=True), 1)
    means = {who: 3.5 + weight @ values for who, values in true.items()}

    def behave(asked: Asked) -> Response:
        first = asked.body["messages"][0]
        variant, item = AT[asked.prompt]
        rating = int(np.clip(np.floor(means[WHO.get(first["content"])][item] + (variant + 0.5) / 6), 1, 6))
        return say(PHRASES[6 - rating])

    return behave


def truth(a: float) -> dict[str | None, Floats]:
    """Personas that move the model `a` times as far as their groups differ from all people."""
    h_0 = REFERENCE.people.mean_centred10
    return {None: BASE} | {g: BASE + a * B * (REFERENCE.groups[g].mean_centred10 - h_0) for g in PERSONAS}


def ask(server: ChatServer, out: Path, names: tuple[str | None, ...], queries: int | None = None) -> None:
    endpoint = Endpoint.model_validate({"name": "test", "base_url": server.address, "concurrency": 8})
    for name in names:
        persona = None if name is None else WORDING.persona(name)
        job = Job("org/model", endpoint, BENCHMARK, persona=persona, queries=queries)
        asyncio.run(evaluate(job, out / (name or "none").replace("/", "-"), retry=QUICK))


def measured(*folders: Path, reference: Reference = REFERENCE) -> ModelBias:
    (model,) = report(find_runs(folders), BENCHMARK, reference).models
    return model


@pytest.fixture(scope="module")
def exaggerating(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that makes each group three times as special as it is, asked under all personas and none."""
    folder = tmp_path_factory.mktemp("runs")
    with ChatServer(played(truth(3.0))) as server:
        ask(server, folder, (None, *PERSONAS))
    return folder


def test_a_known_exaggeration_is_measured_as_one(exaggerating: Path) -> None:
    model = measured(exaggerating)
    assert list(model.personas) == list(PERSONAS)
    assert {p.reported for p in model.personas.values()} == {True}
    assert set(model.contrasts) == {c.name for c in CONTRASTS}
    age = model.contrasts["age"]
    assert age.cosine.value is not None
    assert age.cosine.value > 0.8
    assert age.amplification.value is not None
    assert age.amplification.low is not None
    # items speak for several values at once, which draws the values together: less than 3 is left, more than 1
    assert 1 < age.amplification.low < age.amplification.value < 3.3
    assert (age.toward, age.against) == ("age_paper/80+", "age_paper/20-39")
    young = model.personas["age_paper/20-39"]
    assert young.validity.valid_rate == 1
    assert young.errors == young.errors_by_slope["0.52"]
    assert list(young.values) == [v.name for v in VALUES]


def test_a_model_that_ignores_its_persona_has_no_gap(tmp_path: Path) -> None:
    names = (None, "age_paper/20-39", "age_paper/80+")
    with ChatServer(played(dict.fromkeys((None, *PERSONAS), BASE))) as server:
        ask(server, tmp_path, names)
    model = measured(tmp_path)
    gap = model.contrasts["age"]
    assert gap.reported
    assert (gap.amplification.value, gap.norm_ratio.value, gap.same_sign) == (0, 0, 0)
    assert (gap.cosine.value, gap.stereotype_share.value) == (None, None)
    for persona in model.personas.values():
        for value in persona.values.values():
            assert value.shift == 0
            assert value.bias == pytest.approx(-B * (value.real_shift or 0))


def test_the_folders_order_and_company_change_nothing(exaggerating: Path) -> None:
    folders = sorted(p.parent for p in exaggerating.glob(f"*/{RUN_FILE}"))
    whole = measured(exaggerating)
    assert measured(*reversed(folders)) == whole
    few = measured(*(exaggerating / name for name in ("none", "political-left", "political-right")))
    assert few.personas["political/left"] == whole.personas["political/left"]
    assert few.contrasts == {"political": whole.contrasts["political"]}


def test_prompts_without_a_rating_in_one_run_count_in_neither(exaggerating: Path, tmp_path: Path) -> None:
    """A tenth of one run's answers is lost: its shift is still that of the same prompts."""
    names = ("none", "political-left")
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / RUN_FILE).write_bytes((exaggerating / name / RUN_FILE).read_bytes())
    lines = {name: (exaggerating / name / ANSWERS_FILE).read_bytes().splitlines() for name in names}
    key = lambda line: tuple(json.loads(line)[f] for f in ("prompt_variant", "portrait_id", "option_id"))  # noqa: E731
    lost = {key(line) for line in lines["political-left"][::11]}

    def write(name: str, *, without: bool) -> None:
        kept = [line for line in lines[name] if not (without and key(line) in lost)]
        (tmp_path / name / ANSWERS_FILE).write_bytes(b"\n".join(kept) + b"\n")

    write("none", without=False)
    write("political-left", without=True)
    one = measured(tmp_path).personas["political/left"]
    assert one.validity.valid_rate == pytest.approx(1 - len(lost) / 360)
    write("none", without=True)
    both = measured(tmp_path).personas["political/left"]
    assert one.reported
    assert one.values == both.values
    assert one.values != measured(exaggerating).personas["political/left"].values


def test_a_whole_run_without_persona_serves_a_subsample(tmp_path: Path) -> None:
    with ChatServer(played(truth(3.0))) as server:
        ask(server, tmp_path, ("age_paper/80+",), queries=10)
        ask(server, tmp_path / "same", (None,), queries=10)
        ask(server, tmp_path / "whole", (None,))
    persona = tmp_path / "age_paper-80+"
    same, whole = (measured(persona, tmp_path / which) for which in ("same", "whole"))
    assert (same.queries, same.of_queries) == (10, 12)
    assert same == whole
    assert same.nobody is not None
    assert same.nobody.valid_rate == 1


# --- what is not reported -------------------------------------------------------------------------------------------


def test_flat_incomplete_and_lonely_runs_give_null_with_the_reason(exaggerating: Path, tmp_path: Path) -> None:
    flat = truth(3.0) | {"political/left": np.zeros(10)}
    play = played(flat)

    def behave(asked: Asked) -> Response:
        refuses = "on the right" in asked.body["messages"][0]["content"] and len(asked.prompt) % 3 == 0
        return say("I do not feel comfortable providing a personal response.") if refuses else play(asked)

    with ChatServer(behave) as server:
        ask(server, tmp_path, ("political/left", "political/right"))
    model = measured(tmp_path, exaggerating / "none", exaggerating / "gender-male")
    left, right = model.personas["political/left"], model.personas["political/right"]
    assert (left.reason or "").startswith("flat: ")
    assert (right.reason or "").startswith("incomplete: ")
    assert right.validity.unscored["refusal"] > 50
    assert right.validity.valid_rate < 0.9
    assert not left.reported
    assert not right.reported
    assert {v.bias for v in (*left.values.values(), *right.values.values())} == {None}
    gap = model.contrasts["political"]
    assert not gap.reported
    assert all(part in (gap.reason or "") for part in ("political/left: flat", "political/right: incomplete"))
    assert {gap.cosine.value, gap.amplification.value, gap.norm_ratio_raw, gap.same_sign, gap.same_sign_p} == {None}
    assert model.personas["gender/male"].reported, "one bad run spoils no other"
    alone = measured(exaggerating / "gender-male", exaggerating / "gender-female")
    assert alone.nobody is None
    assert {p.reason for p in alone.personas.values()} == {"there is no run without a persona to compare with"}
    assert alone.contrasts["gender"].reported, "a gap needs no run without a persona"


def test_what_a_person_can_mend(exaggerating: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run here"):
        find_runs([tmp_path])
    with pytest.raises(InputError, match="no run under a persona"):
        report(find_runs([exaggerating / "none"]), BENCHMARK, REFERENCE)
    twice = tmp_path / "copy"
    twice.mkdir()
    for name in (RUN_FILE, ANSWERS_FILE):
        (twice / name).write_bytes((exaggerating / "gender-male" / name).read_bytes())
    with pytest.raises(InputError, match="the same question"):
        report(find_runs([exaggerating, twice]), BENCHMARK, REFERENCE)
    assert len(find_runs([exaggerating, exaggerating / "none"])) == 9, "the same folder twice is one run"
    other = replace(BENCHMARK, queries=(replace(BENCHMARK.queries[0], text="Another."), *BENCHMARK.queries[1:]))
    with pytest.raises(InputError, match="see --source"):
        report(find_runs([exaggerating]), other, REFERENCE)
    record = json.loads((twice / RUN_FILE).read_bytes())
    for change, says in (
        ({"persona": "a nurse"}, "a nurse"),
        ({"protocol": "old"}, "protocol"),
        ({"model": 3}, "model"),
    ):
        (twice / RUN_FILE).write_text(json.dumps(record | change), encoding="utf-8")
        with pytest.raises(InputError, match=says):
            find_runs([twice])


def test_other_words_are_another_series(exaggerating: Path, tmp_path: Path) -> None:
    place = tmp_path / "left"
    place.mkdir()
    (place / ANSWERS_FILE).write_bytes((exaggerating / "political-left" / ANSWERS_FILE).read_bytes())
    record = json.loads((exaggerating / "political-left" / RUN_FILE).read_bytes())
    record["protocol"] = "1-personasx0123456789ab-free-text"
    (place / RUN_FILE).write_text(json.dumps(record), encoding="utf-8")
    models = report(find_runs([exaggerating, place]), BENCHMARK, REFERENCE).models
    assert [(m.wording, len(m.personas)) for m in models] == [("1", 8), ("x0123456789ab", 1)]
    assert models[0].personas["political/left"] == models[1].personas["political/left"]


def test_by_matches_there_are_directions_and_no_sizes(exaggerating: Path) -> None:
    templates = templates_of(BENCHMARK)
    assert templates is not None
    found = report(find_runs([exaggerating]), BENCHMARK, REFERENCE, templates)
    (model,) = found.models
    assert (found.reading, model.reading) == ("match", "match")
    assert "no size" in (found.caveats.reading or "")
    gap, published = model.contrasts["gender"], measured(exaggerating).contrasts["gender"]
    assert gap.reported
    assert gap.cosine.low is not None
    assert gap.cosine.low > 0.4, "the direction that was played; below 1, as templates overlap"
    assert gap.direction_holds == gap.direction_prompts == 6
    assert {gap.amplification.value, gap.norm_ratio.low, gap.norm_ratio_raw, *gap.norm_ratio_by_slope.values()} == {
        None
    }
    for name, v in gap.values.items():
        assert v.low is not None
        assert v.perceived is not None
        assert v.high is not None
        assert v.low < v.perceived < v.high
        assert v.real == published.values[name].real
    persona = model.personas["gender/male"]
    assert persona.reported
    assert persona.values["Power"].shift is not None
    assert {x for v in persona.values.values() for x in (v.bias, v.low)} | {persona.errors.mae} == {None}
    assert persona.validity.reliability != measured(exaggerating).personas["gender/male"].validity.reliability
    subset = templates.items([3, 1])
    np.testing.assert_array_equal(subset.resampled, templates.resampled[:, [3, 1]])


def command(*arguments: object) -> Done:
    return run_command("leaderboard", "bias", *arguments, "--source", "practice")


def test_the_command_prints_the_report(exaggerating: Path) -> None:
    printed = command(exaggerating, "--json")
    assert printed.returncode == 0, printed.stderr
    found = BiasReport.model_validate_json(printed.stdout)
    assert found.models == [measured(exaggerating)]
    assert found.caveats.region == "Europe"
    by_match = command(exaggerating, "--json", "--all-items")
    assert BiasReport.model_validate_json(by_match.stdout).reading == "match"
    assert "simulated" in (found.caveats.benchmark or "")
    assert "12 queries" in (found.caveats.few_queries or "")
    table = command(exaggerating)
    assert table.returncode == 0
    assert all(name in table.stdout for name in PERSONAS)
    assert "80+ - 20-39" in table.stdout
    assert "Europe" in table.stdout
    wrong = command(exaggerating / "nowhere")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "no run here" in wrong.stderr
