"""The reference groups and the raters: complete, consistent, equal to their sources, and broken files refused."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from data.benchmark import Benchmark
from data.errors import InputError
from data.people.reference import (
    COLUMNS,
    CONTRASTS,
    FOLDER,
    LABELS,
    MIN_CELL,
    OVERALL,
    Reference,
    load_reference,
    write_groups,
)
from data.ratings import Study
from data.sources import layout
from data.sources.loading import load_benchmark, load_study
from data.values import VALUES
from tests.conftest import ROOT

SHIPPED = FOLDER / "ess_group_profiles.csv"
UN = [v.name for v in VALUES].index("Universalism")

COUNTS = {
    "overall/all": 37398,
    "gender/male": 17537,
    "gender/female": 19861,
    "age_paper/20-39": 9283,
    "age_paper/80+": 2225,
    "political/right": 11537,
    "political/left": 11152,
    "education_paper/below_university": 27054,
    "education_paper/university": 10164,
}

# differences between groups as published, two digits, order of VALUES; the first minus the second
GAPS = {
    "gender": [-0.02, -0.17, -0.10, -0.12, -0.14, 0.18, -0.01, 0.11, 0.14, 0.13],
    "age": [-0.20, -0.82, -0.62, -0.45, -0.17, 0.49, 0.78, 0.75, 0.09, 0.16],
    "political": [-0.13, -0.06, -0.04, 0.04, 0.16, 0.06, 0.23, 0.19, -0.15, -0.30],
    "education": [0.24, 0.18, 0.07, 0.09, -0.05, -0.23, -0.23, -0.30, 0.05, 0.18],
}


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load_reference()


def test_the_nine_groups_and_how_many_people_each_rests_on(reference: Reference) -> None:
    assert {name: group.n for name, group in reference.groups.items()} == COUNTS
    assert set(COUNTS) <= set(LABELS)
    assert reference.people.n == COUNTS[OVERALL]


def test_profiles_sum_to_zero_and_both_centrings_are_linked(reference: Reference) -> None:
    for group in reference.groups.values():
        assert group.mean_centred10.shape == (10,)
        assert abs(group.mean_centred10.sum()) < 5e-4, group.name
        linked = group.mean_centred10 - group.mean_centred10[UN] / 21
        np.testing.assert_allclose(group.mean_centred, linked, atol=1.1e-4, err_msg=group.name)
        np.testing.assert_allclose(group.se, group.sd / np.sqrt(group.n_eff), atol=5.1e-5, err_msg=group.name)
    assert abs(reference.raters.vp_human_centred10.sum()) < 5e-4
    assert abs(reference.raters.pvq_human_centred10.sum()) < 5e-4
    offset = reference.raters.vp_human_centred - reference.raters.vp_human_centred10
    assert np.ptp(offset) < 2e-4  # one profile, two centres


def test_groups_of_a_kind_average_to_all_people(reference: Reference) -> None:
    """Everyone is a man or a woman there, so the two profiles weighted by their counts are the whole one."""
    groups = [reference.groups[name] for name in ("gender/male", "gender/female")]
    together = sum(g.n * g.mean_centred10 for g in groups) / sum(g.n for g in groups)
    np.testing.assert_allclose(together, reference.people.mean_centred10, atol=1.1e-4)


def test_the_bridge_between_the_scales(reference: Reference) -> None:
    p, q = reference.raters.vp_human_centred10, reference.raters.pvq_human_centred10
    assert reference.raters.n == 559
    assert reference.raters.slope == pytest.approx(0.52, abs=0.005)
    assert reference.raters.slope == pytest.approx(stats.linregress(q, p).slope)
    assert p.std() / q.std() == pytest.approx(0.59, abs=0.005)
    assert stats.spearmanr(p, q).statistic == pytest.approx(0.806, abs=5e-4)
    assert stats.pearsonr(p, q).statistic == pytest.approx(0.877, abs=5e-4)


def test_gaps_between_groups_as_published(reference: Reference) -> None:
    assert [c.name for c in reference.contrasts] == list(GAPS)
    for contrast in reference.contrasts:
        # two rounded figures: half a step of the second digit each, and that of the shipped four
        np.testing.assert_allclose(reference.gap(contrast), GAPS[contrast.name], atol=0.0052, err_msg=contrast.name)


def test_a_contrast_is_positive_towards_its_first_group(reference: Reference) -> None:
    first = {c.name: (c.toward.partition("/")[2], c.against.partition("/")[2]) for c in CONTRASTS}
    assert first == {
        "gender": ("female", "male"),
        "age": ("80+", "20-39"),
        "political": ("right", "left"),
        "education": ("university", "below_university"),
    }
    assert [g.name for g in reference.compared] == [name for c in CONTRASTS for name in (c.toward, c.against)]


def test_standard_errors_allow_for_clustering_only_where_they_lack_it(reference: Reference, tmp_path: Path) -> None:
    np.testing.assert_allclose(reference.people.sampling_se, 1.3 * reference.people.se)
    known = load_reference(
        edited(tmp_path, lambda rows: [{**r, "weighting": "anweight; design-based SE"} for r in rows])
    )
    np.testing.assert_array_equal(known.people.sampling_se, known.people.se)


def test_figures_say_where_they_come_from(reference: Reference) -> None:
    with (FOLDER / "sources.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["source"]: row for row in csv.DictReader(stream)}
    sources = {g.source.name: (g.source, reference.people.n) for g in reference.groups.values()}
    sources[reference.raters.source.name] = (reference.raters.source, reference.raters.n)
    assert set(sources) == set(rows)
    for source, n in sources.values():
        row = rows[source.name]
        assert (source.commit, source.licence) == (row["commit"], row["licence"])
        assert int(row["n"]) == n
        assert source.about
    assert {s.commit for s, _ in sources.values()} == {"ba3fdfd", "08e1fb7"}
    assert {s.licence for s, _ in sources.values()} == {"CC BY 4.0", "MIT"}
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(part in readme for source, _ in sources.values() for part in (source.commit, source.licence))


def test_equal_to_the_published_figures(reference: Reference, reference_dir: Path) -> None:
    at = {v.name: i for i, v in enumerate(VALUES)}
    with (reference_dir / "ess_group_profiles.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 10 * len(reference.groups)
    for row in rows:
        group = reference.groups[f"{row['dimension']}/{row['group']}"]
        for column in ("mean_centred10", "mean_centred", "sd", "se"):
            assert getattr(group, column)[at[row["value"]]] == float(row[column])
        assert (group.n, group.n_eff, group.weighting) == (int(row["n"]), float(row["n_eff"]), row["weighting"])
        assert group.source.name == row["source"]
    with (reference_dir / "participant_bridge.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 10
    for row in rows:
        for column in ("vp_human_centred10", "vp_se", "vp_human_centred", "pvq_human_centred10", "pvq_se"):
            assert getattr(reference.raters, column)[at[row["value"]]] == float(row[column])
        assert reference.raters.n == int(row["n_people"])


@pytest.mark.upstream
def test_the_raters_profiles_follow_from_their_answers(reference: Reference, upstream_dir: Path) -> None:
    benchmark, study = load_benchmark(upstream_dir), load_study(upstream_dir)
    selected = benchmark.key.selected[:, :10]
    rating = mean_ratings(benchmark, study)
    by_value = np.array([rating[selected[:, v]].mean() for v in range(10)])
    np.testing.assert_allclose(by_value - by_value.mean(), reference.raters.vp_human_centred10, atol=6e-5)
    as_scored = by_value - rating[selected.any(axis=1)].mean()
    np.testing.assert_allclose(as_scored, reference.raters.vp_human_centred, atol=6e-5)

    files = layout.read_folder(upstream_dir)
    groups = layout.read_groups(files, benchmark.items)
    values = layout.read_values(files, groups)
    people = {person for group in groups for person in group.people}  # one took part twice
    own = np.array([values[person][:10] for person in people])
    assert len(own) == reference.raters.n
    own_mean = own.mean(axis=0)
    np.testing.assert_allclose(own_mean - own_mean.mean(), reference.raters.pvq_human_centred10, atol=1.1e-4)


def mean_ratings(benchmark: Benchmark, study: Study) -> np.ndarray:
    """Mean rating of each item over the people who saw it, shape (items,)."""
    total, count = np.zeros(len(benchmark.items)), np.zeros(len(benchmark.items))
    for group in study.groups:
        at = [benchmark.item_index[item] for item in group.items]
        total[at] += np.nansum(group.ratings, axis=0)
        count[at] += np.isfinite(group.ratings).sum(axis=0)
    return total / count


@pytest.mark.slow
def test_loading_needs_no_table_library() -> None:
    program = (
        "import sys; from data.people.reference import load_reference; load_reference(); print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_arrays_cannot_be_changed_by_accident(reference: Reference) -> None:
    for array in (reference.people.mean_centred10, reference.people.se, reference.raters.vp_human_centred10):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


Rows = list[dict[str, str]]


def edited(tmp_path: Path, edit: Callable[[Rows], Rows], columns: tuple[str, ...] = COLUMNS) -> Path:
    """A copy of the shipped groups after `edit`."""
    with SHIPPED.open(encoding="utf-8", newline="") as stream:
        rows = edit(list(csv.DictReader(stream)))
    path = tmp_path / "groups.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def replaced(line: int, **cells: str) -> Callable[[Rows], Rows]:
    """Replace cells of the row on this line of the file."""
    return lambda rows: [{**row, **cells} if i == line - 2 else row for i, row in enumerate(rows)]


def test_groups_of_ones_own_replace_the_shipped_ones(tmp_path: Path, reference: Reference) -> None:
    def edit(rows: Rows) -> Rows:
        chosen = [row for row in rows if row["dimension"] in ("overall", "political") or row["group"] == "female"]
        return [{**row, "source": "mine"} for row in reversed(chosen)]

    mine = load_reference(edited(tmp_path, edit))
    assert list(mine.groups) == ["political/left", "political/right", "gender/female", "overall/all"]
    assert [c.name for c in mine.contrasts] == ["political"]
    assert [g.name for g in mine.compared] == ["political/right", "political/left"]
    assert (mine.people.source.title, mine.people.source.licence) == ("mine", "")
    for name, group in mine.groups.items():
        np.testing.assert_array_equal(group.mean_centred10, reference.groups[name].mean_centred10)
    np.testing.assert_array_equal(mine.raters.pvq_human_centred10, reference.raters.pvq_human_centred10)


def test_what_is_written_reads_the_same(tmp_path: Path, reference: Reference) -> None:
    path = tmp_path / "written.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        write_groups(reference.groups.values(), stream)
    again = load_reference(path)
    assert list(again.groups) == list(reference.groups)
    for name, group in again.groups.items():
        old = reference.groups[name]
        for column in ("mean_centred10", "mean_centred", "sd", "se"):
            np.testing.assert_array_equal(getattr(group, column), getattr(old, column))
        assert (group.n, group.n_eff, group.weighting) == (old.n, old.n_eff, old.weighting)
        assert group.source == old.source


@pytest.mark.parametrize(
    ("edit", "field", "message"),
    [
        (replaced(3, value="Courage"), "value", "line 3: 'Courage' is none of the ten values"),
        (replaced(3, value="Power"), "value", "line 6: Power stands there twice"),
        (replaced(4, mean_centred10="high"), "mean_centred10", "line 4: expected a number, found 'high'"),
        (replaced(4, mean_centred10="nan"), "mean_centred10", "line 4: expected a number, found 'nan'"),
        (replaced(4, se="-0.1"), "se", "line 4: expected a number of at least 0"),
        (replaced(4, se=""), "se", "line 4: is empty"),
        (replaced(4, n="37398.5"), "n", "line 4: expected a whole number"),
        (replaced(4, n="30000"), "n", "differs between the rows of one group"),
        (replaced(4, mean_centred10="0.2"), "mean_centred10", "sum to 0.33"),
        (lambda rows: [{**row, "n": "99"} for row in rows], "n", f"99 people; a group needs at least {MIN_CELL}"),
        (lambda rows: rows[:12], "gender/male", "values missing: Hedonism, Achievement, Power"),
        (lambda rows: rows[10:], None, "the group of all people is missing"),
        (lambda rows: [], None, "the group of all people is missing"),
    ],
)
def test_broken_files_are_refused(
    tmp_path: Path, edit: Callable[[Rows], Rows], field: str | None, message: str
) -> None:
    path = edited(tmp_path, edit)
    with pytest.raises(InputError) as caught:
        load_reference(path)
    assert message in str(caught.value)
    assert (caught.value.file, caught.value.field) == (str(path), field)


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    path = edited(tmp_path, lambda rows: rows, tuple(c for c in COLUMNS if c not in ("se", "n_eff")))
    with pytest.raises(InputError, match="columns missing: se, n_eff"):
        load_reference(path)
    path.write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(InputError, match="not a CSV file in UTF-8"):
        load_reference(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="columns missing: source, dimension"):
        load_reference(path)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        load_reference(tmp_path / "absent.csv")
