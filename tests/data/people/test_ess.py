"""Group profiles from European Social Survey files: made-up people with known answers, every format and every rule.

The survey's microdata are not here, so the published aggregates cannot be reproduced by a test; whoever has the file of
round 11, edition 2.0, compares with `--complete-cases --unweighted`.
"""

from __future__ import annotations

import csv
import itertools
import math
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from data.__main__ import app
from data.errors import InputError
from data.people.ess import ITEMS, KEY, Design, Profiles, profiles, score, taylor_se
from data.people.reference import COLUMNS, DESIGN_BASED, MIN_CELL, Group, load_reference
from data.people.survey_files import read_people
from data.values import VALUES
from tests.support.commands import Done, run_command
from tests.support.ess_files import (
    ITEM_VALUES,
    KEEPING,
    OPEN,
    VALUE_NAMES,
    as_round_11,
    people,
    profile,
    random_survey,
    survey,
    write,
)

ALL_NAMES = [
    "overall/all",
    *("gender/male", "gender/female"),
    *("age_paper/20-39", "age_paper/80+"),
    *("political/right", "political/left"),
    *("education_paper/below_university", "education_paper/university"),
    *("age_band/15-19", "age_band/20-39", "age_band/40-59", "age_band/60-79", "age_band/80+"),
]
FORMATS = ["csv", "sav", "dta"]


@pytest.fixture
def profiles_of(tmp_path: Path) -> Callable[..., Profiles]:
    """The profiles of a table that was written to a file and read back."""

    def run(table: pd.DataFrame, *, complete_cases: bool = False, unweighted: bool = False) -> Profiles:
        read = read_people(write(table, tmp_path / "survey.csv"))
        found = profiles(read.people, complete_cases=complete_cases, unweighted=unweighted)
        return Profiles(found.groups, found.n_people, found.left_out, (*read.warnings, *found.warnings))

    return run


def by_name(result: Profiles) -> dict[str, Group]:
    return {group.name: group for group in result.groups}


def mixed() -> pd.DataFrame:
    """600 people of two kinds over all groups."""
    return survey(
        people(100, OPEN, agea=19, gndr=2, lrscale=0, eisced=6),
        people(150, OPEN, agea=20, gndr=2, lrscale=4, eisced=7),
        people(100, KEEPING, agea=39, gndr=1, lrscale=6, eisced=1),
        people(100, KEEPING, agea=60, gndr=1, lrscale=10, eisced=5),
        people(150, KEEPING, agea=80, gndr=1, lrscale=10, eisced=5),
    )


# ---- scoring


def test_items_and_key_are_the_surveys() -> None:
    assert list(ITEM_VALUES) == list(ITEMS)
    assert list(KEY) == [v.name for v in VALUES] == list(VALUE_NAMES)
    assert {item: [v for v, at in KEY.items() if i in at] for i, item in enumerate(ITEMS, 1)} == {
        item: [value] for item, value in ITEM_VALUES.items()
    }


def test_an_answer_of_one_is_the_most_important() -> None:
    """Items are reversed, averaged, and centred on ten values or on 21 items; Universalism alone has three."""
    answers = np.full((1, 21), 4.0)
    for item in KEY["Benevolence"]:
        answers[0, item - 1] = 1
    for item in KEY["Universalism"]:
        answers[0, item - 1] = 6
    scores = score(answers)
    raw = dict.fromkeys(VALUE_NAMES, 3.0) | {"Benevolence": 6.0, "Universalism": 1.0}
    np.testing.assert_allclose(scores.centred10[0], np.array(list(raw.values())) - 3.1)
    np.testing.assert_allclose(scores.centred[0], np.array(list(raw.values())) - (16 * 3 + 2 * 6 + 3 * 1) / 21)


def test_a_value_is_the_mean_of_the_items_answered() -> None:
    answers = np.full((1, 21), 3.0)
    first, second, third = (item - 1 for item in KEY["Universalism"])
    answers[0, [first, second, third]] = 1, 2, np.nan
    scores = score(answers)
    assert scores.centred10[0, -1] == pytest.approx(5.5 - (9 * 4 + 5.5) / 10)
    assert scores.centred[0, -1] == pytest.approx(5.5 - (18 * 4 + 6 + 5) / 20)


# ---- groups


def test_groups_and_their_bounds(profiles_of: Callable[..., Profiles]) -> None:
    groups = by_name(profiles_of(mixed()))
    assert {name: group.n for name, group in groups.items()} == {
        "overall/all": 600,
        "gender/male": 350,
        "gender/female": 250,
        "age_paper/20-39": 250,
        "age_paper/80+": 150,
        "political/right": 350,
        "political/left": 250,
        "education_paper/below_university": 350,
        "education_paper/university": 250,
        "age_band/15-19": 100,
        "age_band/20-39": 250,
        "age_band/60-79": 100,
        "age_band/80+": 150,
    }
    for name in ("gender/female", "political/left", "education_paper/university", "age_band/15-19"):
        np.testing.assert_allclose(groups[name].mean_centred10, profile(OPEN), atol=1e-12)
        np.testing.assert_allclose(groups[name].sd, 0, atol=1e-7)
    for name in ("gender/male", "political/right", "age_paper/80+", "age_band/60-79"):
        np.testing.assert_allclose(groups[name].mean_centred10, profile(KEEPING), atol=1e-12)
    half = (150 * profile(OPEN) + 100 * profile(KEEPING)) / 250
    np.testing.assert_allclose(groups["age_paper/20-39"].mean_centred10, half, atol=1e-12)


@pytest.mark.parametrize(
    ("column", "codes", "absent"),
    [
        ("gndr", [9, 0, 3, 1.5, None], ("gender/",)),
        ("agea", [999, 0, -1, None, 130], ("age_paper/", "age_band/")),
        ("lrscale", [77, 88, 99, 5, -1, 11, None], ("political/",)),
        ("eisced", [0, 55, 77, 88, 99, None, 8], ("education_paper/",)),
    ],
)
def test_codes_out_of_range_put_people_in_no_group(
    profiles_of: Callable[..., Profiles], column: str, codes: list[float | None], absent: tuple[str, ...]
) -> None:
    table = survey(people(700, OPEN, agea=85, gndr=2, lrscale=1, eisced=6))
    table[column] = (codes * 700)[:700]
    groups = by_name(profiles_of(table))
    assert groups["overall/all"].n == 700
    assert not [name for name in groups if name.startswith(absent)]
    assert len({name.partition("/")[0] for name in groups}) == 6 - len(absent)


def test_profiles_sum_to_zero_and_the_centrings_are_linked(profiles_of: Callable[..., Profiles]) -> None:
    table = random_survey(1)
    for complete_cases in (False, True):
        for group in profiles_of(table, complete_cases=complete_cases).groups:
            assert abs(group.mean_centred10.sum()) < 1e-12
            if complete_cases:  # with items missing the mean of all items is that of those answered
                linked = group.mean_centred10 - group.mean_centred10[-1] / 21
                np.testing.assert_allclose(group.mean_centred, linked, atol=1e-12)


def test_no_cell_under_a_hundred(profiles_of: Callable[..., Profiles]) -> None:
    table = survey(
        people(MIN_CELL, OPEN, gndr=1, agea=30), people(MIN_CELL - 1, KEEPING, gndr=2, agea=85), people(1, OPEN, gndr=9)
    )
    result = profiles_of(table)
    groups = by_name(result)
    assert groups["gender/male"].n == MIN_CELL
    assert "gender/female" not in groups
    assert "age_paper/80+" not in groups
    assert all(group.n >= MIN_CELL for group in result.groups)
    small = next(w for w in result.warnings if "fewer than 100 people" in w)
    assert "gender/female" in small
    assert "gender/male" not in small
    assert "99" not in small
    with pytest.raises(InputError, match="fewer than 100 people with usable answers"):
        profiles_of(survey(people(MIN_CELL - 1, OPEN)))


# ---- who is left out


def test_who_is_left_out(profiles_of: Callable[..., Profiles]) -> None:
    def answering(n: int, missing: list[str]) -> pd.DataFrame:
        return people(n, KEEPING, **dict.fromkeys(missing, 9))

    one_each = ["ipcrtiv", "imprich", "ipeqopt", "ipshabt", "impsafe", "impdiff"]
    same = people(4, KEEPING).assign(
        **dict.fromkeys(list(ITEM_VALUES)[:17], 2), **dict.fromkeys(list(ITEM_VALUES)[17:], 3)
    )
    nearly = people(5, KEEPING).assign(
        **dict.fromkeys(list(ITEM_VALUES)[:16], 2), **dict.fromkeys(list(ITEM_VALUES)[16:], 3)
    )
    table = survey(
        people(200, KEEPING),
        answering(7, one_each[:5]),
        answering(3, one_each),
        same,
        nearly,
        answering(2, ["ipgdtim", "impfun"]),
        # would fall under two rules, counts once
        people(1, KEEPING).assign(**dict.fromkeys(list(ITEM_VALUES)[:6], 8), **dict.fromkeys(list(ITEM_VALUES)[6:], 1)),
    )
    result = profiles_of(table)
    assert by_name(result)["overall/all"].n == 212
    assert result.n_people == 222
    assert result.left_out == {
        "more than 5 items not answered": 4,
        "the same answer to more than 16 items": 4,
        "a value without any answer": 2,
    }


def test_complete_cases_are_those_who_answered_all(profiles_of: Callable[..., Profiles]) -> None:
    """As the published aggregates do it: whoever answered everything stays, even with the same answer."""
    table = survey(
        people(200, KEEPING), people(30, KEEPING, impfun=7), people(10, KEEPING, **dict.fromkeys(ITEM_VALUES, 2))
    )
    result = profiles_of(table, complete_cases=True)
    assert by_name(result)["overall/all"].n == 210
    assert result.left_out == {"an item not answered": 30}
    assert "complete cases" in result.groups[0].weighting
    np.testing.assert_allclose(result.groups[0].mean_centred10, profile(KEEPING) * 200 / 210, atol=1e-12)


def test_a_file_without_the_items_is_refused(profiles_of: Callable[..., Profiles]) -> None:
    """Below 16 valid items a person on average something else was exported: labels, or a country without them."""
    full = people(300, KEEPING)
    with pytest.raises(InputError, match=r"15\.0 valid items of 21"):
        profiles_of(survey(full.assign(**dict.fromkeys(list(ITEM_VALUES)[:6], 66))))
    with pytest.raises(InputError, match=r"0\.0 valid items of 21"):
        profiles_of(survey(full.assign(**dict.fromkeys(ITEM_VALUES, "Like me"))))
    empty = full.assign(**dict.fromkeys(ITEM_VALUES, None))
    kept = profiles_of(survey(people(800, KEEPING), empty.head(200)))
    assert by_name(kept)["overall/all"].n == 800


def test_answers_coded_the_other_way_are_noticed(profiles_of: Callable[..., Profiles]) -> None:
    good, bad = people(150, OPEN, cntry="DE"), people(150, OPEN, cntry="FI")
    bad[list(ITEM_VALUES)] = 7 - bad[list(ITEM_VALUES)]
    noticed = [w for w in profiles_of(survey(good, bad)).warnings if "1 = very much like me" in w]
    assert len(noticed) == 1
    assert "FI" in noticed[0]
    assert "DE" not in noticed[0]
    assert not [w for w in profiles_of(survey(good)).warnings if "1 = very much like me" in w]


# ---- weights


def weighted(cntry: tuple[str, str], **weights: tuple[float, float]) -> pd.DataFrame:
    """200 people of one kind and 100 of the other, each with its own weights."""
    first = people(200, OPEN, cntry=cntry[0], **{name: w[0] for name, w in weights.items()})
    return survey(first, people(100, KEEPING, cntry=cntry[1], **{name: w[1] for name, w in weights.items()}))


def share(table: pd.DataFrame, run: Callable[..., Profiles], **options: bool) -> tuple[str, float]:
    """The weighting, and which share of the whole the first kind has by it."""
    group = run(table, **options).groups[0]
    a, b = profile(OPEN), profile(KEEPING)
    shares = (group.mean_centred10 - b)[a != b] / (a - b)[a != b]
    assert np.ptp(shares) < 1e-9
    return group.weighting.partition(";")[0], round(float(shares[0]), 9)


def test_one_country_is_weighted_to_itself_and_several_by_their_population(
    profiles_of: Callable[..., Profiles],
) -> None:
    here, both = ("DE", "DE"), ("DE", "FI")
    ps, pop, analysis = {"pspwght": (0.5, 2.0)}, {"pweight": (1.0, 4.0)}, {"anweight": (0.5, 8.0)}
    assert share(weighted(here, **ps, **pop, **analysis), profiles_of) == ("pspwght", round(100 / 300, 9))
    assert share(weighted(here, **analysis), profiles_of) == ("anweight", round(100 / 900, 9))
    assert share(weighted(both, **ps, **pop, **analysis), profiles_of) == ("anweight", round(100 / 900, 9))
    assert share(weighted(both, **ps, **pop), profiles_of) == ("anweight", round(100 / 900, 9))
    assert share(weighted(both, **ps), profiles_of) == ("pspwght", round(100 / 300, 9))
    assert share(weighted(both, **pop), profiles_of) == ("unweighted", round(200 / 300, 9))
    assert share(weighted(both, **ps, **pop, **analysis), profiles_of, unweighted=True) == (
        "unweighted",
        round(200 / 300, 9),
    )


def test_missing_weights_are_said(profiles_of: Callable[..., Profiles]) -> None:
    def said(table: pd.DataFrame, **options: bool) -> str:
        return " ".join(profiles_of(table, **options).warnings)

    assert "No weights" in said(weighted(("DE", "FI")))
    assert "size of its sample" in said(weighted(("DE", "FI"), pspwght=(1.0, 2.0)))
    full = said(weighted(("DE", "FI"), pspwght=(1.0, 2.0), pweight=(1.0, 1.0)))
    assert "weight" not in full
    assert "No weights" not in said(weighted(("DE", "FI")), unweighted=True)


def test_people_without_a_valid_weight_are_left_out(profiles_of: Callable[..., Profiles]) -> None:
    table = weighted(("DE", "DE"), pspwght=(1.0, 2.0))
    table.loc[:9, "pspwght"] = [np.nan, 0, -1, np.inf, np.nan, 0, 0, 0, 0, 0]
    result = profiles_of(table)
    assert result.groups[0].n == 290
    assert result.left_out == {"no valid weight": 10}
    assert profiles_of(table, unweighted=True).groups[0].n == 300


def test_effective_number_of_people(profiles_of: Callable[..., Profiles]) -> None:
    table = weighted(("DE", "DE"), pspwght=(1.0, 4.0))
    assert profiles_of(table).groups[0].n_eff == pytest.approx((200 + 400) ** 2 / (200 + 1600))
    assert profiles_of(table, unweighted=True).groups[0].n_eff == pytest.approx(300)


# ---- against slow, independent arithmetic


def slowly(table: pd.DataFrame, belongs: Callable[[dict[str, float]], bool], weight: str | None) -> dict[str, object]:
    """One group's mean, spread and design-based error, person by person in plain Python."""
    kept, units = [], {}
    for row in table.to_dict("records"):
        place = row["cntry"], row["stratum"]
        units.setdefault(place, set()).add(row["psu"])
        answers = {item: row[item] for item in ITEM_VALUES if 1 <= row[item] <= 6}
        if len(answers) < 16 or max(list(answers.values()).count(code) for code in range(1, 7)) > 16:
            continue
        by_value = {v: [7 - a for item, a in answers.items() if ITEM_VALUES[item] == v] for v in VALUE_NAMES}
        if not all(by_value.values()) or not belongs(row):
            continue
        means = [sum(x) / len(x) for x in by_value.values()]
        whole = sum(7 - a for a in answers.values()) / len(answers)
        centre = sum(means) / 10
        w = 1.0 if weight is None else row[weight]
        kept.append((w, [m - centre for m in means], [m - whole for m in means], place, row["psu"]))
    total = sum(w for w, *_ in kept)
    mean10 = [sum(w * y[v] for w, y, *_ in kept) / total for v in range(10)]
    mean21 = [sum(w * y[v] for w, _, y, *_ in kept) / total for v in range(10)]
    n = len(kept)
    sd = [math.sqrt(sum(w * (y[v] - mean10[v]) ** 2 for w, y, *_ in kept) / total * n / (n - 1)) for v in range(10)]
    se = []
    for v in range(10):
        variance = 0.0
        for place, members in units.items():
            sums = dict.fromkeys(members, 0.0)
            for w, y, _, where, psu in kept:
                if where == place:
                    sums[psu] += w * (y[v] - mean10[v]) / total
            middle = sum(sums.values()) / len(sums)
            variance += len(sums) / (len(sums) - 1) * sum((s - middle) ** 2 for s in sums.values())
        se.append(math.sqrt(variance))
    return {"n": n, "mean_centred10": mean10, "mean_centred": mean21, "sd": sd, "se": se}


@pytest.mark.parametrize("weight", ["anweight", None])
def test_figures_against_slow_arithmetic(profiles_of: Callable[..., Profiles], weight: str | None) -> None:
    table = random_survey(2)
    rules: dict[str, Callable[[dict[str, float]], bool]] = {
        "overall/all": lambda row: True,
        "gender/female": lambda row: row["gndr"] == 2,
        "age_paper/80+": lambda row: 80 <= row["agea"] < 120,
        "political/left": lambda row: row["lrscale"] <= 4,
        "education_paper/university": lambda row: row["eisced"] in (6, 7),
        "age_band/40-59": lambda row: 40 <= row["agea"] <= 59,
    }
    result = profiles_of(table, unweighted=weight is None)
    groups = by_name(result)
    assert set(groups) <= set(ALL_NAMES)
    assert result.left_out  # the file has people to leave out
    for name, belongs in rules.items():
        expected = slowly(table, belongs, weight)
        assert groups[name].n == expected["n"] >= MIN_CELL
        assert DESIGN_BASED in groups[name].weighting
        for figure in ("mean_centred10", "mean_centred", "sd", "se"):
            np.testing.assert_allclose(getattr(groups[name], figure), expected[figure], rtol=1e-9, err_msg=name)


def test_design_errors_agree_with_leaving_out_one_unit_at_a_time() -> None:
    """Another method (the delete-one jackknife) for the same thing."""
    rng = np.random.default_rng(3)
    stratum = np.repeat(np.arange(6), 20)
    psu = np.repeat(np.arange(120), 10)
    y = rng.normal(size=(1200, 2)) + rng.normal(0, 0.5, size=(120, 2))[psu]
    w = rng.uniform(0.5, 2, size=1200)
    member = rng.random(1200) < 0.6

    def mean(use: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return weights[use] @ y[use] / weights[use].sum()

    whole, variance = mean(member, w), np.zeros(2)
    for unit in range(120):
        n = 20
        scaled = np.where(stratum[psu] == stratum[unit], w * n / (n - 1), w)
        variance += (n - 1) / n * (mean(member & (psu != unit), scaled) - whole) ** 2
    se = taylor_se(y, w, member, Design(psu, stratum))
    np.testing.assert_allclose(se, np.sqrt(variance), rtol=0.03)
    alone = Design(np.arange(1200), np.zeros(1200, dtype=np.int64))
    assert (se > 1.3 * taylor_se(y, w, member, alone)).all()  # people of a unit are alike, which the design sees


def test_people_drawn_one_by_one_have_the_textbook_error() -> None:
    y = np.random.default_rng(4).normal(size=(250, 3))
    alone = Design(np.arange(250), np.zeros(250, dtype=np.int64))
    se = taylor_se(y, np.full(250, 7.0), np.ones(250, dtype=bool), alone)
    np.testing.assert_allclose(se, y.std(axis=0, ddof=1) / math.sqrt(250))


def test_a_stratum_with_one_unit_adds_its_own_square() -> None:
    y, psu = np.array([[1.0], [2.0], [6.0], [7.0], [4.0]]), np.array([0, 0, 1, 1, 2])
    se = taylor_se(y, np.ones(5), np.ones(5, dtype=bool), Design(psu, np.array([0, 0, 1])))
    # unit totals of (y - 4) / 5: -1, 1, 0; the first two share a stratum: 2 / 1 * (1 + 1); the last adds 0
    assert se[0] == pytest.approx(2.0)
    se = taylor_se(y, np.ones(5), np.ones(5, dtype=bool), Design(psu, np.array([0, 1, 2])))
    assert se[0] == pytest.approx(math.sqrt(2.0))


def test_without_strata_people_count_as_drawn_one_by_one(profiles_of: Callable[..., Profiles]) -> None:
    table = random_survey(5)
    for columns in (["stratum"], ["psu"], ["stratum", "psu"]):
        result = profiles_of(table.drop(columns=columns))
        for group in result.groups:
            np.testing.assert_allclose(group.se, group.sd / np.sqrt(group.n_eff))
            assert group.weighting == "anweight; SE without clustering"
            np.testing.assert_allclose(group.sampling_se, 1.3 * group.se)
        assert "No stratum and psu" in " ".join(result.warnings)
    assert "stratum" not in " ".join(profiles_of(table).warnings)


def test_a_country_without_units_is_named(profiles_of: Callable[..., Profiles]) -> None:
    table = random_survey(6)
    table.loc[table["cntry"] == "FI", ["stratum", "psu"]] = np.nan
    result = profiles_of(table)
    assert "drawn one by one in: FI." in " ".join(result.warnings)
    assert result.groups[0].weighting == "anweight; SE design-based in part"
    np.testing.assert_allclose(result.groups[0].sampling_se, 1.3 * result.groups[0].se)
    alone = table.copy()
    finns = alone["cntry"] == "FI"
    alone.loc[finns, "stratum"] = 1
    alone.loc[finns, "psu"] = range(finns.sum())
    np.testing.assert_allclose(result.groups[0].se, profiles_of(alone).groups[0].se)


def test_units_of_the_same_number_elsewhere_are_other_units(profiles_of: Callable[..., Profiles]) -> None:
    """Strata and units are numbered anew in each country and round, in some countries units in each stratum."""
    table = random_survey(7)
    renumbered = table.assign(
        stratum=table["cntry"] + table["stratum"].astype(str),
        psu=table["cntry"] + table["stratum"].astype(str) + "-" + table["psu"].astype(str),
    )
    for old, new in zip(profiles_of(table).groups, profiles_of(renumbered).groups, strict=True):
        np.testing.assert_allclose(old.se, new.se)


# ---- reading


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("essround", [9, 11])
def test_formats_and_names_say_the_same(tmp_path: Path, kind: str, essround: int) -> None:
    if kind == "sav":
        pytest.importorskip("pyreadstat", reason="reading SPSS files is an option")
    old = random_survey(8)
    expected = profiles(read_people(write(old, tmp_path / "expected.csv")).people)
    table = old if essround == 9 else as_round_11(old)
    read = read_people(write(table, tmp_path / f"survey.{kind}"))
    assert read.warnings == ()
    found = profiles(read.people)
    edition = {9: "ESS9 edition 3.1 (3 countries)", 11: "ESS11 edition 2.0 (3 countries)"}[essround]
    assert (found.left_out, found.warnings) == (expected.left_out, expected.warnings)
    assert len(found.groups) >= 9
    for one, other in zip(found.groups, expected.groups, strict=True):
        assert (one.name, one.n, one.weighting) == (other.name, other.n, other.weighting)
        assert one.source.name == edition
        for figure in ("mean_centred10", "mean_centred", "sd", "se"):
            np.testing.assert_allclose(getattr(one, figure), getattr(other, figure), rtol=1e-12)


@pytest.mark.parametrize(
    "dialect",
    [
        {"sep": ";"},
        {"sep": ";", "decimal": ",", "quoting": csv.QUOTE_ALL},
        {"sep": "\t"},
        {"sep": "|", "encoding": "utf-8-sig"},
        {"sep": ",", "quoting": csv.QUOTE_NONNUMERIC, "lineterminator": "\r\n"},
    ],
)
def test_copies_in_other_dialects_say_the_same(tmp_path: Path, dialect: dict[str, object]) -> None:
    table = random_survey(9)
    table.insert(0, "name", "a; name, with | marks")
    expected = profiles(read_people(write(table, tmp_path / "expected.csv")).people)
    found = profiles(read_people(write(table, tmp_path / "copy.csv", **dialect)).people)
    for one, other in zip(found.groups, expected.groups, strict=True):
        np.testing.assert_allclose(one.mean_centred10, other.mean_centred10, rtol=1e-12)
        np.testing.assert_allclose(one.se, other.se, rtol=1e-12)
        assert one.source == other.source


def test_letter_case_and_order_of_columns_do_not_matter(tmp_path: Path) -> None:
    table = random_survey(10)
    shuffled = table[sorted(table, reverse=True)].rename(columns=str.upper).assign(EDUYRS=12)
    one = profiles(read_people(write(table, tmp_path / "one.csv")).people).groups[0]
    other = profiles(read_people(write(shuffled, tmp_path / "other.csv")).people).groups[0]
    np.testing.assert_array_equal(one.mean_centred10, other.mean_centred10)


def test_two_rounds_in_one_file(tmp_path: Path) -> None:
    """The items stand under both names then, each round's under its own."""
    both = pd.concat([survey(people(200, OPEN)), as_round_11(survey(people(100, KEEPING)))], ignore_index=True)
    read = read_people(write(both, tmp_path / "both.csv"))
    assert read.warnings == ()  # the same numbers in another round are other people
    whole = profiles(read.people).groups[0]
    assert whole.n == 300
    assert whole.source.name == "ESS9 edition 3.1 + ESS11 edition 2.0 (DE)"
    np.testing.assert_allclose(whole.mean_centred10, (2 * profile(OPEN) + profile(KEEPING)) / 3)


def test_a_person_is_a_number_within_country_and_round(tmp_path: Path) -> None:
    table = survey(people(150, OPEN, cntry="DE"), people(150, KEEPING, cntry="FI"))
    assert table["idno"].duplicated().sum() == 150
    read = read_people(write(table, tmp_path / "countries.csv"))
    assert (read.people.n, read.warnings) == (300, ())
    twice = pd.concat([table, table.head(20)])
    read = read_people(write(twice, tmp_path / "twice.csv"))
    assert read.people.n == 300
    assert read.warnings == ("Left aside: 20 rows whose essround, cntry and idno stand in an earlier row.",)
    nobody = table.astype({"idno": object})
    nobody.loc[:4, "idno"] = None
    nobody.loc[5:6, "cntry"] = " "
    read = read_people(write(nobody, tmp_path / "nobody.csv"))
    assert read.people.n == 293
    assert read.warnings == ("Left aside: 7 rows without essround, cntry or idno.",)


def test_missing_columns_are_all_named(tmp_path: Path) -> None:
    table = random_survey(11).drop(columns=["lrscale", "idno", "impfun", "edition", "ipcrtiv"])
    path = write(table, tmp_path / "extract.csv")
    with pytest.raises(InputError) as caught:
        read_people(path)
    named = "columns missing: edition, idno, lrscale, ipcrtiv (or ipcrtiva), impfun (or impfuna)."
    assert named in str(caught.value)
    assert caught.value.file == str(path)


@pytest.mark.parametrize(
    "column", ["essround", "edition", "idno", "cntry", "gndr", "agea", "eisced", "lrscale", "imptrad"]
)
def test_each_needed_column_is_asked_for(tmp_path: Path, column: str) -> None:
    path = write(random_survey(12, 120).drop(columns=column), tmp_path / "extract.csv")
    with pytest.raises(InputError, match=f"columns missing: {column}"):
        read_people(path)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    def refused(name: str, content: bytes | None, message: str) -> None:
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            read_people(path)
        assert caught.value.file == str(path)

    refused("absent.csv", None, "cannot be read: No such file")
    refused("absent.dta", None, "cannot be read: No such file")
    refused("survey.zip", b"PK", "unpack the portal's archive")
    refused("survey", b"", "expected a file ending in .csv, .sav")
    refused("empty.csv", b"", "is damaged or not the kind of file")
    refused("other.csv", b"\x00\xff\xfe" * 50, "columns missing: essround, edition")
    refused("damaged.dta", b"<stata_dta><header>", "is damaged or not the kind of file")
    whole = write(random_survey(13, 150), tmp_path / "whole.dta").read_bytes()
    refused("half.dta", whole[: len(whole) // 2], "is damaged or not the kind of file")
    refused("ragged.csv", b"essround,idno\n9,1,secret\n9,2,secret,answers\n", "is damaged or not the kind of file")


def test_broken_lines_are_left_aside(tmp_path: Path) -> None:
    table = random_survey(18)
    path = write(table, tmp_path / "survey.csv")
    lines = path.read_text().splitlines()
    lines[5] += ",7"
    lines[6] = lines[6].partition(",")[2]
    path.write_text("\n".join([*lines, "", ""]))
    read = read_people(path)
    assert read.warnings == ("Left aside: 2 lines with too few or too many cells.",)
    whole = read_people(write(table.drop(index=[4, 5]), tmp_path / "whole.csv")).people
    np.testing.assert_array_equal(read.people.answers, whole.answers)


def test_copies_made_by_r_mark_missing_by_letters(tmp_path: Path) -> None:
    table = random_survey(19)
    clean = table.mask(table.isin([7, 8, 9, 77, 88, 99, 999]) & table.columns.isin([*ITEM_VALUES, "agea", "lrscale"]))
    clean.loc[clean["cntry"] == "XK", ["stratum", "psu"]] = None
    expected = profiles(read_people(write(clean, tmp_path / "expected.csv")).people)
    found = profiles(read_people(write(clean, tmp_path / "copy.csv", na_rep="NA", sep=";")).people)
    assert "one by one in: XK" in " ".join(found.warnings)
    assert found.warnings == expected.warnings
    for one, other in zip(found.groups, expected.groups, strict=True):
        np.testing.assert_array_equal(one.mean_centred10, other.mean_centred10)
        np.testing.assert_array_equal(one.se, other.se)


def test_damaged_spss_files_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyreadstat", reason="reading SPSS files is an option")
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_people(tmp_path / "absent.sav")
    path = tmp_path / "damaged.sav"
    path.write_bytes(b"$FL2 no such thing")
    with pytest.raises(InputError, match="is damaged or not the kind of file"):
        read_people(path)


def test_spss_without_its_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(InputError, match="pip install pyreadstat"):
        read_people(tmp_path / "survey.sav")


# ---- the command


def run(*arguments: str | Path) -> Done:
    return run_command("data", "ess", *arguments)


def test_the_command_writes_groups_that_can_replace_the_shipped_ones(tmp_path: Path) -> None:
    file = write(random_survey(14, 3000), tmp_path / "survey.csv")
    out = tmp_path / "groups.csv"
    done = run(file, "--out", out)
    assert (done.returncode, done.stdout) == (0, "")
    assert "Adapted from ESS Round 9, edition 3.1; CC BY-NC-SA 4.0" in done.stderr
    assert "Warning" not in done.stderr
    expected = by_name(profiles(read_people(file).people))
    reference = load_reference(out)
    assert list(reference.groups) == list(expected) == ALL_NAMES
    assert [c.name for c in reference.contrasts] == ["gender", "age", "political", "education"]
    for name, group in reference.groups.items():
        assert group.source.name == "ESS9 edition 3.1 (3 countries)"
        assert group.n == expected[name].n
        np.testing.assert_allclose(group.mean_centred10, expected[name].mean_centred10, atol=1e-8)
        np.testing.assert_allclose(group.sampling_se, expected[name].se, atol=1e-8)  # design-based: no factor
    assert run(file).stdout == out.read_text(encoding="utf-8")


def test_options_of_the_command(tmp_path: Path) -> None:
    file = write(random_survey(15, 1500), tmp_path / "survey.csv")
    done = run(file, "--complete-cases", "--unweighted")
    assert done.returncode == 0
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert {row["weighting"] for row in rows} == {"unweighted; complete cases; design-based SE"}
    expected = profiles(read_people(file).people, complete_cases=True, unweighted=True)
    assert int(rows[0]["n"]) == expected.groups[0].n
    assert float(rows[0]["n_eff"]) == expected.groups[0].n


def test_what_a_person_can_mend_is_said_without_a_trace(tmp_path: Path) -> None:
    file = write(random_survey(16, 300), tmp_path / "survey.csv")
    before = file.read_bytes()
    cases = [
        ((write(random_survey(16, 300).drop(columns="gndr"), tmp_path / "a.csv"),), "columns missing: gndr"),
        ((write(random_survey(16, 90), tmp_path / "b.csv"),), "fewer than 100 people"),
        ((file, "--out", file), "is the survey file itself"),
        ((file, "--out", tmp_path / "no" / "such" / "groups.csv"), "cannot be written: No such file"),
        ((file, "--out", file / "groups.csv"), "cannot be written: Not a directory"),
        ((file, "--out", tmp_path), "cannot be written: "),
    ]
    there = sorted(tmp_path.iterdir())
    for arguments, message in cases:
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert sorted(tmp_path.iterdir()) == there  # nothing half-written
    assert file.read_bytes() == before


def test_nothing_but_aggregates_leaves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection, no other file, no cell under 100, and no number of a person in what is written or said."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    table = random_survey(17, 1200)
    table["idno"] = [f"person{i}" for i in range(len(table))]
    file = write(table, tmp_path / "survey.csv")
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    out = tmp_path / "groups.csv"
    done = CliRunner().invoke(app, ["ess", str(file), "--out", str(out)], catch_exceptions=False)
    assert done.exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["groups.csv", "survey.csv"]
    text = out.read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert list(rows[0]) == list(COLUMNS)
    assert len(rows) == len({(r["dimension"], r["group"], r["value"]) for r in rows})
    for _, group in itertools.groupby(rows, key=lambda r: (r["dimension"], r["group"])):
        of_group = list(group)
        assert [row["value"] for row in of_group] == list(VALUE_NAMES)
        assert int(of_group[0]["n"]) >= MIN_CELL
    assert "person" not in text
    assert not [i for i in table["idno"] if i in done.output]
