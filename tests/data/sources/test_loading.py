"""Where a benchmark comes from: folders, the download, the choice between them, and everything that can be wrong."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

from data.benchmark import VARIANTS
from data.errors import InputError
from data.ratings import Study
from data.sources import upstream
from data.sources.layout import CORRELATIONS, FILES, SURVEY, TAGGED, TEMPLATES, VALUES
from data.sources.loading import load_benchmark, load_study
from data.sources.practice import practice_benchmark
from data.values import DIMENSIONS
from tests.support.folders import QUERIES, copy_folder, edit_json, write_folder
from tests.support.odd_server import nobody_listens

PVQ = CORRELATIONS["pvq"]
TITLED, UNTITLED = TEMPLATES["v2_reversed"]
SMALLEST = min(FILES, key=lambda name: upstream.pins()[name].bytes)


# --- the real data ---------------------------------------------------------------------------------------------------


@pytest.mark.upstream
def test_upstream_counts(upstream_dir: Path) -> None:
    b = load_benchmark(upstream_dir)
    assert (b.name, b.version) == ("value-portrait", "08e1fb7")
    assert (len(b.queries), len(b.items), b.n_prompts) == (104, 520, 3120)
    assert Counter(q.source for q in b.queries) == {"Reddit": 26, "Dear Abby": 26, "ShareGPT": 26, "LMSYS": 26}
    assert np.isfinite(b.key.rho).sum() == np.isfinite(b.key.p).sum() == 9880
    assert (b.raters, b.groups) == (559, 12)
    counts = b.items_per_dimension()
    assert list(counts.values())[:10] == [11, 43, 33, 56, 64, 14, 23, 12, 13, 15]
    assert b.items_per_scale() == {"pvq": 221, "higher_pvq": 113, "bfi": 174}
    assert [q.id for q in b.queries] == sorted(q.id for q in b.queries)
    assert [i.id for i in b.items] == sorted(i.id for i in b.items)
    assert all((q.title is None) == (q.source in {"ShareGPT", "LMSYS"}) for q in b.queries)
    assert "the same as upstream's commit 08e1fb7" in b.origin


@pytest.mark.upstream
def test_upstream_prompts_have_the_known_sizes(upstream_dir: Path) -> None:
    b = load_benchmark(upstream_dir)
    sizes = {v: sum(len(b.prompt(item, v)) for item in b.items) for v in VARIANTS}
    assert sum(sizes.values()) == 3_579_710
    assert (sizes["v1"], sizes["v1_reversed"]) == (642_075, 642_075)
    assert (sizes["v2"], sizes["v2_reversed"]) == (577_335, 580_195)
    assert (sizes["v3"], sizes["v3_reversed"]) == (569_015, 569_015)


def largest_difference(study: Study, source: Path) -> float:
    """Largest distance of the key from Spearman correlations computed from the study."""
    b = load_benchmark(source)
    differences = []
    for group in study.groups:
        x, y = (rankdata(a, axis=0) for a in (group.ratings, group.values))
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        rho = (x.T @ y) / np.sqrt(np.outer((x**2).sum(axis=0), (y**2).sum(axis=0)))
        differences.append(np.abs(rho - b.key.rho[[b.item_index[item] for item in group.items]]).max())
    return float(max(differences))


@pytest.mark.upstream
def test_upstream_study_reproduces_every_published_correlation(upstream_dir: Path) -> None:
    study = load_study(upstream_dir)
    assert [g.n_people for g in study.groups] == [46, 48, 47, 41, 47, 48, 48, 46, 48, 48, 46, 47]
    assert [len(g.items) for g in study.groups] == [40] * 8 + [80] + [40] * 3
    assert study.n_people == 559
    assert all(g.values.shape == (g.n_people, len(DIMENSIONS)) for g in study.groups)
    assert largest_difference(study, upstream_dir) < 1e-12


@pytest.mark.upstream
def test_first_session_is_put_back_only_over_the_known_later_one(upstream_dir: Path, tmp_path: Path) -> None:
    folder = copy_folder(upstream_dir, tmp_path / "b")

    def change(values: Any) -> None:
        values["P186"]["bfi"]["Openness"] = 3.5

    edit_json(folder / VALUES, change)
    # 0.125 is how far upstream's published figures are from its own value file
    assert largest_difference(load_study(folder), folder) == pytest.approx(0.125, abs=1e-3)
    assert load_benchmark(folder).version == "modified"


@pytest.mark.upstream
def test_first_session_is_put_back_when_something_else_was_changed(upstream_dir: Path, tmp_path: Path) -> None:
    folder = copy_folder(upstream_dir, tmp_path / "b")
    edit_json(folder / SURVEY, lambda groups: groups[0]["1021"][0]["data"][0].__setitem__(0, 1))
    whole, edited = load_study(upstream_dir), load_study(folder)
    assert (whole.groups[0].ratings != edited.groups[0].ratings).sum() == 1
    assert np.array_equal(whole.groups[0].values, edited.groups[0].values)


# --- a folder --------------------------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """An invented benchmark in upstream's layout."""
    return write_folder(tmp_path / "own")


def test_own_folder(own: Path) -> None:
    b = load_benchmark(own)
    assert (b.name, b.version) == ("value-portrait", "modified")
    assert [q.id for q in b.queries] == sorted(QUERIES)
    assert (len(b.items), b.raters, b.groups) == (24, 48, 2)
    assert "not upstream's commit 08e1fb7: 18 of 18 files differ" in b.origin
    assert largest_difference(load_study(own), own) < 1e-12


def test_template_follows_the_title(own: Path) -> None:
    b = load_benchmark(own)
    titled, untitled = (next(i for i in b.items if i.query_id == q) for q in (1001, 3002))
    assert b.prompt(titled, "v2").startswith("Heading: Bike or bus?\nQuestion: My bike")
    # braces in a query are text, not a placeholder
    assert b.prompt(untitled, "v2").startswith("Question: is {title} a good name for a cat?\n[v2]")


def test_folder_from_the_environment(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALUE_PORTRAIT_SOURCE", str(own))
    b = load_benchmark()
    assert "as VALUE_PORTRAIT_SOURCE says" in b.origin
    assert b.digest == load_benchmark(own).digest


def test_digest_changes_with_content_and_only_with_content(own: Path, tmp_path: Path) -> None:
    before = load_benchmark(own).digest
    assert load_benchmark(copy_folder(own, tmp_path / "copy")).digest == before
    edit_json(own / PVQ, lambda rows: rows[0].update(spearman_corr=0.123456789))
    assert load_benchmark(own).digest != before


def test_order_of_people_may_differ_between_items(own: Path) -> None:
    before = load_study(own).groups[0]
    edit_json(own / SURVEY, lambda groups: groups[0]["2001"][1]["data"].reverse())
    after = load_study(own).groups[0]
    assert np.array_equal(before.ratings, after.ratings)


def test_byte_order_mark_is_named(own: Path) -> None:
    (own / VALUES).write_bytes(b"\xef\xbb\xbf" + (own / VALUES).read_bytes())
    with pytest.raises(InputError, match="expected JSON, but line 1, column 1"):
        load_benchmark(own)


# --- what can be wrong in a folder ----------------------------------------------------------------------------------


def edit(name: str, change: Callable[[Any], object]) -> Callable[[Path], None]:
    return lambda folder: edit_json(folder / name, change)


def replace_text(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def first(group: dict[str, Any]) -> Any:
    """The first response of the first query of a survey group."""
    return next(iter(group.values()))[0]


def rating(value: object) -> Callable[[Path], None]:
    return edit(SURVEY, lambda groups: first(groups[0])["data"][3].__setitem__(0, value))


def correlation(**fields: object) -> Callable[[Path], None]:
    return edit(PVQ, lambda rows: rows[2].update(fields))


def person(values: dict[str, Any]) -> Any:
    """The scores of the last person."""
    return values[list(values)[-1]]


def repeat_key(name: str) -> Callable[[Path], None]:
    """Let the first key of the first object of a file stand twice."""

    def change(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        start = text.index('"')
        end = text.index('"', start + 1)
        (folder / name).write_text(text[:start] + text[start : end + 1] + ": [], " + text[start:], encoding="utf-8")

    return change


BROKEN: dict[str, tuple[Callable[[Path], None], str, str | None, str]] = {
    # what is done to the folder, the file that is named, the field that is named, what the message says
    "broken JSON": (
        lambda folder: (folder / TAGGED).write_text('[\n{"portrait_id": 1,]') and None,
        TAGGED,
        None,
        "expected JSON, but line 2, column",
    ),
    "empty file": (lambda folder: (folder / VALUES).write_text("") and None, VALUES, None, "line 1, column 1"),
    "nested without end": (lambda folder: (folder / VALUES).write_text("[" * 200_000) and None, VALUES, None, "JSON"),
    "not UTF-8": (
        lambda f: (f / PVQ).write_bytes(b'["\xff"]') and None,
        PVQ,
        None,
        "UTF-8 text, found another byte at",
    ),
    "key twice in an object": (repeat_key(SURVEY), SURVEY, "*", "same key stands twice"),
    "person twice": (repeat_key(VALUES), VALUES, "*", "same key stands twice"),
    "other shape": (lambda folder: (folder / TAGGED).write_text("{}") and None, TAGGED, None, "valid list"),
    "no queries": (lambda folder: (folder / TAGGED).write_text("[]") and None, TAGGED, None, "at least 1 item"),
    "rating 7": (rating(7), SURVEY, "data[3][0]", "less than or equal to 6, found 7"),
    "rating 0": (rating(0), SURVEY, "data[3][0]", "greater than or equal to 1, found 0"),
    "rating 4.5": (rating(4.5), SURVEY, "data[3][0]", "valid integer, found 4.5"),
    "rating as text": (rating("4"), SURVEY, "data[3][0]", "valid integer, found '4'"),
    "rating true": (rating(True), SURVEY, "data[3][0]", "valid integer, found True"),
    "rating null": (rating(None), SURVEY, "data[3][0]", "valid integer, found None"),
    "query twice": (edit(TAGGED, lambda rows: rows.append(rows[0])), TAGGED, "].portrait_id", "duplicate query"),
    "item twice": (
        edit(TAGGED, lambda rows: rows[1]["outputs"].append(rows[1]["outputs"][0])),
        TAGGED,
        "[1].outputs[",
        "duplicate item",
    ),
    "query of no known source": (
        edit(TAGGED, lambda rows: rows[0].update(portrait_id=9001)),
        TAGGED,
        "[0].portrait_id",
        "9001",
    ),
    "portrait_id as text": (
        edit(TAGGED, lambda rows: rows[0].update(portrait_id="1")),
        TAGGED,
        "[0].portrait_id",
        "integer",
    ),
    "empty title": (
        edit(TAGGED, lambda rows: rows[0]["content"].update(title="")),
        TAGGED,
        "[0].content.title",
        "pattern",
    ),
    "no text": (edit(TAGGED, lambda rows: rows[0]["content"].pop("text")), TAGGED, "[0].content.text", "required"),
    "blank response": (
        edit(TAGGED, lambda rows: rows[0]["outputs"][0].update(content=" ")),
        TAGGED,
        "outputs[0]",
        "pattern",
    ),
    "key for an unknown query": (correlation(portrait_id="1999"), PVQ, "[2].portrait_id", "unknown item 1999/"),
    "key for an unknown option": (correlation(option_id=9), PVQ, "[2].portrait_id", "unknown item"),
    "key twice": (edit(PVQ, lambda rows: rows.append(rows[0])), PVQ, "[", "a second correlation for item"),
    "key missing": (edit(PVQ, lambda rows: rows.pop(5)), PVQ, None, "1 correlations are missing, e.g. of"),
    "key empty": (edit(PVQ, lambda rows: rows.clear()), PVQ, None, "correlations are missing"),
    "unknown dimension": (
        correlation(pvq_dimension="Curiosity"),
        PVQ,
        "[2].pvq_dimension",
        "'Curiosity'; expected one of",
    ),
    "dimension of another scale": (
        correlation(pvq_dimension="Openness"),
        PVQ,
        "[2].pvq_dimension",
        "unknown dimension",
    ),
    "dimension missing": (edit(PVQ, lambda rows: rows[2].pop("pvq_dimension")), PVQ, "[2].pvq_dimension", "required"),
    "portrait_id as number": (correlation(portrait_id=1001), PVQ, "[2].portrait_id", "valid string, found 1001"),
    "rho NaN": (correlation(spearman_corr=float("nan")), PVQ, "[2].spearman_corr", "found nan"),
    "rho infinite": (correlation(spearman_corr=float("inf")), PVQ, "[2].spearman_corr", "found inf"),
    "rho above 1": (correlation(spearman_corr=1.5), PVQ, "[2].spearman_corr", "less than or equal to 1, found 1.5"),
    "rho below -1": (correlation(spearman_corr=-1.1), PVQ, "[2].spearman_corr", "greater than or equal to -1"),
    "rho null": (correlation(spearman_corr=None), PVQ, "[2].spearman_corr", "valid number, found None"),
    "p below 0": (correlation(spearman_p_value=-0.1), PVQ, "[2].spearman_p_value", "greater than or equal to 0"),
    "p NaN": (correlation(spearman_p_value=float("nan")), PVQ, "[2].spearman_p_value", "found nan"),
    "placeholder missing": (replace_text(TITLED, "{title}", "title"), TITLED, None, "missing or out of place: {title}"),
    "placeholder misspelt": (
        replace_text(UNTITLED, "{content}", "{Content}"),
        UNTITLED,
        None,
        "out of place: {content}",
    ),
    "placeholder out of place": (replace_text(UNTITLED, "{text}", "{title} {text}"), UNTITLED, None, "{title}"),
    "template not UTF-8": (lambda f: (f / TITLED).write_bytes(b"\xe9{title}") and None, TITLED, None, "UTF-8"),
    "rater without scores": (
        edit(VALUES, lambda values: values.pop(next(iter(values)))),
        VALUES,
        "P",
        "1 people who rated have no scores of their own",
    ),
    "score missing": (
        edit(VALUES, lambda v: person(v)["pvq"].pop("Power")),
        VALUES,
        ".pvq",
        "unknown or missing: Power",
    ),
    "score unknown": (
        edit(VALUES, lambda v: person(v)["bfi"].update(Zest=1)),
        VALUES,
        ".bfi",
        "unknown or missing: Zest",
    ),
    "scale missing": (edit(VALUES, lambda v: person(v).pop("bfi")), VALUES, ".bfi", "required"),
    "score infinite": (
        edit(VALUES, lambda v: person(v)["pvq"].update(Power=float("inf"))),
        VALUES,
        ".pvq.Power",
        "finite",
    ),
    "score as text": (edit(VALUES, lambda v: person(v)["pvq"].update(Power="1")), VALUES, ".pvq.Power", "valid number"),
    "ratings of an unknown item": (
        edit(SURVEY, lambda groups: first(groups[1]).update(option_id=77)),
        SURVEY,
        "[1].",
        "ratings of the unknown item",
    ),
    "item without ratings": (
        edit(SURVEY, lambda groups: next(iter(groups[1].values())).pop()),
        SURVEY,
        None,
        "no ratings of 1 items, e.g.",
    ),
    "item in two groups": (
        edit(SURVEY, lambda groups: groups[1].update(dict([next(iter(groups[0].items()))]))),
        SURVEY,
        "[1].",
        "rated in entry [0] too",
    ),
    "person without a rating": (
        edit(SURVEY, lambda g: list(g[0].values())[1][0]["data"].pop()),
        SURVEY,
        ".data",
        "one rating of",
    ),
    "person rating twice": (
        edit(SURVEY, lambda groups: first(groups[0])["data"].append(first(groups[0])["data"][0])),
        SURVEY,
        ".data",
        "one rating of each",
    ),
}


@pytest.fixture(scope="module")
def whole_copy(upstream_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of upstream's files that is read without complaint."""
    folder = copy_folder(upstream_dir, tmp_path_factory.mktemp("whole"))
    load_benchmark(folder)
    return folder


@pytest.fixture(params=["own", pytest.param("upstream", marks=pytest.mark.slow)])
def breakable(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder to break something in: an invented one, and the real one."""
    if request.param == "own":
        folder = write_folder(tmp_path / "broken")
        load_benchmark(folder)
        return folder
    return copy_folder(request.getfixturevalue("whole_copy"), tmp_path / "broken")


@pytest.mark.parametrize("case", BROKEN)
def test_bad_input_is_named(case: str, breakable: Path) -> None:
    damage, file, field, says = BROKEN[case]
    damage(breakable)
    with pytest.raises(InputError) as caught:
        load_benchmark(breakable)
    assert caught.value.file == str(breakable / file)
    if field is None:
        assert caught.value.field is None
    elif field != "*":
        assert field in str(caught.value.field)
    assert says in str(caught.value)
    if file in (SURVEY, VALUES):
        with pytest.raises(InputError):
            load_study(breakable)


def test_all_missing_files_are_named_at_once(own: Path) -> None:
    (own / PVQ).unlink()
    shutil.rmtree(own / "lm_evaluation" / "prompts" / "v3")
    with pytest.raises(InputError, match="3 of 18 files") as caught:
        load_benchmark(own)
    for name in (PVQ, *TEMPLATES["v3"]):
        assert name in str(caught.value)


@pytest.mark.parametrize("load", [load_benchmark, load_study])
def test_a_folder_that_is_not_there(load: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder; expected `practice`, `upstream` or a folder"):
        load(tmp_path / "nowhere")


# --- upstream: download and cache -----------------------------------------------------------------------------------


class Mirror:
    """A real HTTP server on this machine with files of the layout, and faults on demand."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.faults: dict[str, Callable[[bytes], bytes] | int] = {}
        mirror = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.lstrip("/")
                mirror.asked.append(name)
                fault = mirror.faults.get(name)
                if isinstance(fault, int):
                    self.send_error(fault)
                    return
                content = (folder / name).read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(fault(content) if fault else content)

            def log_message(self, *args: object) -> None:
                """Stay quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def serve(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    mirror = Mirror(folder)
    monkeypatch.setenv("VALUE_PORTRAIT_UPSTREAM_URL", mirror.url)
    yield mirror
    mirror.close()


@pytest.fixture
def mirror(upstream_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """The real files over HTTP."""
    yield from serve(upstream_dir, monkeypatch)


@pytest.fixture
def other_mirror(own: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """Files with the right names and other content over HTTP: no checksum fits."""
    yield from serve(own, monkeypatch)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An address where nothing listens."""
    with nobody_listens() as address:
        monkeypatch.setenv("VALUE_PORTRAIT_UPSTREAM_URL", f"http://{address}")
        yield


@pytest.fixture
def cache() -> Path:
    """The cache folder, where conftest put it."""
    return Path(os.environ["VALUE_PORTRAIT_CACHE"])


def cached_files(cache: Path) -> list[str]:
    """Everything in the cache but the lock, as paths below it."""
    return sorted(p.relative_to(cache).as_posix() for p in cache.rglob("*") if p.is_file() and p.suffix != ".lock")


COMPLETE = sorted(f"08e1fb7/{name}" for name in FILES)


def test_every_needed_file_has_a_pinned_checksum() -> None:
    assert len(FILES) == 18
    assert set(upstream.pins()) == set(FILES)
    assert all(len(bytes.fromhex(pin.sha256)) == 32 for pin in upstream.pins().values())


@pytest.mark.upstream
def test_upstream_is_downloaded_once_and_then_read_from_the_cache(
    mirror: Mirror, upstream_dir: Path, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    b = load_benchmark("upstream", progress=True)
    assert "Value Portrait data" in capfd.readouterr().err
    assert (b.version, b.digest) == ("08e1fb7", load_benchmark(upstream_dir).digest)
    assert "downloaded just now" in b.origin
    assert cached_files(cache) == COMPLETE
    assert set(mirror.asked) == set(FILES)
    mirror.asked.clear()
    again = load_benchmark("upstream")
    study = load_study("upstream")
    assert mirror.asked == []
    assert again.digest == b.digest
    assert study.n_people == 559
    assert "from this machine's cache" in again.origin


@pytest.mark.upstream
def test_without_a_setting_upstream_is_taken_where_it_can_be_had(mirror: Mirror) -> None:
    b = load_benchmark()
    assert b.version == "08e1fb7"
    assert b.origin.endswith("as no source is set.")


@pytest.mark.upstream
def test_without_a_setting_and_network_a_complete_cache_is_enough(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_benchmark("upstream")
    mirror.close()
    assert load_benchmark().version == "08e1fb7"


@pytest.mark.upstream
def test_progress_is_silent_unless_asked_for(mirror: Mirror, capfd: pytest.CaptureFixture[str]) -> None:
    load_benchmark("upstream")
    assert capfd.readouterr() == ("", "")


@pytest.mark.upstream
@pytest.mark.parametrize("file", [TAGGED, TITLED, SMALLEST])
def test_wrong_checksum_is_named_and_nothing_is_cached(
    mirror: Mirror, cache: Path, file: str, upstream_dir: Path
) -> None:
    mirror.faults[file] = lambda content: content[:-1] + b" "
    expected = hashlib.sha256((upstream_dir / file).read_bytes()).hexdigest()
    found = hashlib.sha256((upstream_dir / file).read_bytes()[:-1] + b" ").hexdigest()
    with pytest.raises(InputError) as caught:
        load_benchmark("upstream")
    assert (caught.value.file, caught.value.field) == (file, "sha256")
    assert f"expected {expected} but got {found}" in str(caught.value)
    assert "VALUE_PORTRAIT_SOURCE" in str(caught.value)
    assert cached_files(cache) == []
    mirror.faults.clear()
    assert load_benchmark("upstream").version == "08e1fb7"
    assert cached_files(cache) == COMPLETE


@pytest.mark.upstream
def test_one_file_that_fails_leaves_nothing_behind(mirror: Mirror, cache: Path) -> None:
    mirror.faults[SURVEY] = 503
    with pytest.raises(InputError, match=r"survey.json: could not be downloaded \(HTTP status 503\)"):
        load_benchmark("upstream")
    assert cached_files(cache) == []
    b = load_benchmark()
    assert b.is_practice
    assert "HTTP status 503" in b.origin


@pytest.mark.upstream
def test_a_download_cut_short_is_noticed(mirror: Mirror, cache: Path) -> None:
    mirror.faults[VALUES] = lambda content: content[:1000]
    with pytest.raises(InputError, match=r"value\.json"):
        load_benchmark("upstream")
    assert cached_files(cache) == []


@pytest.mark.upstream
def test_a_damaged_cached_file_is_fetched_again(mirror: Mirror, cache: Path, upstream_dir: Path) -> None:
    load_benchmark("upstream")
    damaged, lost = cache / "08e1fb7" / PVQ, cache / "08e1fb7" / TITLED
    damaged.write_bytes(damaged.read_bytes()[:5000])
    lost.unlink()
    mirror.asked.clear()
    assert load_benchmark("upstream").version == "08e1fb7"
    assert sorted(mirror.asked[1:]) == sorted([PVQ, TITLED])  # the first asks whether upstream answers at all
    assert damaged.read_bytes() == (upstream_dir / PVQ).read_bytes()


@pytest.mark.upstream
def test_a_damaged_cached_file_without_a_network_is_no_benchmark(mirror: Mirror, cache: Path) -> None:
    load_benchmark("upstream")
    (cache / "08e1fb7" / PVQ).write_text("[]")
    mirror.close()
    with pytest.raises(InputError, match="could not be reached"):
        load_benchmark("upstream")
    assert load_benchmark().is_practice


@pytest.mark.upstream
def test_what_a_killed_download_left_is_cleared_away(mirror: Mirror, cache: Path) -> None:
    left = cache / "08e1fb7.partial" / TAGGED
    left.parent.mkdir(parents=True)
    left.write_text("[{")
    load_benchmark("upstream")
    assert cached_files(cache) == COMPLETE


@pytest.mark.upstream
def test_two_loads_at_once_download_once(mirror: Mirror) -> None:
    digests: list[str] = []
    threads = [threading.Thread(target=lambda: digests.append(load_benchmark("upstream").digest)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(digests)) == 1
    assert len(digests) == 3
    assert mirror.asked.count(TAGGED) == 1


def test_other_content_under_the_right_names_is_refused(other_mirror: Mirror, cache: Path) -> None:
    with pytest.raises(InputError, match=f"expected {upstream.pins()[SMALLEST].sha256} but got "):
        load_benchmark("upstream")
    assert cached_files(cache) == []
    b = load_benchmark()
    assert b.is_practice
    assert "another than expected" in b.origin
    assert other_mirror.asked == [SMALLEST, SMALLEST]


def test_a_server_without_the_files_is_asked_once(other_mirror: Mirror, cache: Path) -> None:
    other_mirror.faults |= dict.fromkeys(FILES, 404)
    with pytest.raises(InputError, match=r"could not be reached \(HTTP status 404\)"):
        load_benchmark("upstream")
    assert len(other_mirror.asked) == 1
    assert not cache.exists()


@pytest.mark.usefixtures("no_network")
def test_upstream_asked_for_and_not_to_be_had_says_what_to_do(cache: Path) -> None:
    for load in (load_benchmark, load_study):
        with pytest.raises(InputError) as caught:
            load("upstream")
        assert "not cached and could not be reached (no connection)" in str(caught.value)
        assert "set VALUE_PORTRAIT_SOURCE (or --source) to a folder" in str(caught.value)
        assert "127.0.0.1" not in str(caught.value)  # an address may be the operator's own
    assert not cache.exists()


@pytest.mark.usefixtures("no_network")
def test_without_a_setting_and_network_practice_is_in_use_and_says_why() -> None:
    b = load_benchmark()
    assert b.is_practice
    assert b.digest == practice_benchmark().digest
    assert b.origin.startswith("Practice benchmark, as no source is set and upstream cannot be had: ")
    assert "not cached and could not be reached (no connection)" in b.origin
    assert "VALUE_PORTRAIT_SOURCE" in b.origin
    assert load_study().n_people == b.raters


def test_a_silent_server_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "DECIDE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("VALUE_PORTRAIT_UPSTREAM_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(InputError, match=r"no answer (in time|within)"):
            load_benchmark("upstream")
        assert load_benchmark().is_practice


@pytest.mark.parametrize("url", ["mirror", "ftp://example.org/", "https://"])
def test_an_address_that_is_none_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALUE_PORTRAIT_UPSTREAM_URL", url)
    with pytest.raises(InputError) as caught:
        load_benchmark("upstream")
    assert caught.value.field == "VALUE_PORTRAIT_UPSTREAM_URL"


@pytest.mark.upstream
def test_a_cache_that_cannot_be_written_is_named(mirror: Mirror, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    with pytest.raises(InputError, match="Set VALUE_PORTRAIT_CACHE") as caught:
        load_benchmark("upstream")
    assert caught.value.file == str(cache / "08e1fb7")
    assert load_benchmark().is_practice


# --- practice --------------------------------------------------------------------------------------------------------


def test_practice_asks_no_network(other_mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_benchmark("practice").origin == "Practice benchmark, written for this project."
    monkeypatch.setenv("VALUE_PORTRAIT_SOURCE", "practice")
    b = load_benchmark()
    assert b.origin == "Practice benchmark, written for this project, as VALUE_PORTRAIT_SOURCE says."
    assert load_study().n_people == b.raters
    assert other_mirror.asked == []


def test_where_a_folder_lies_is_nobodys_business_on_a_page(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "mine")
    said = load_benchmark(folder).origin
    assert said.startswith("Folder mine")
    assert str(tmp_path) not in said
