"""Boards, the table's data, pages as HTML, and what the form does with what is typed."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import gradio as gr
import pytest
import yaml
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from data.people.reference import CONTRASTS
from data.sources.practice import practice_benchmark
from data.values import SCALES, VALUES
from eval_queue.asking.local_model import MODEL
from eval_queue.protocol import PROTOCOL_VERSION
from eval_queue.queue.intake import Rules, submit
from eval_queue.queue.queue import Queue
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint
from eval_queue.store.local import LocalStore
from eval_queue.submission import Failure, Progress, new_submission
from leaderboard.api import ENDPOINTS as NAMED_ENDPOINTS
from leaderboard.boards.background import WORKING, BackgroundWork
from leaderboard.boards.group_similarity import Proximities, Table
from leaderboard.boards.results import PUBLISHED, boards, load
from leaderboard.groups import names
from leaderboard.pages.about import page as about
from leaderboard.pages.board import data as table
from leaderboard.pages.board import page as board_page
from leaderboard.pages.queue.page import SECTIONS, Administration, listing, row_address
from leaderboard.pages.submit.packages import Packages
from leaderboard.pages.submit.page import Form, Life
from leaderboard.site import citation
from leaderboard.site.site import Site
from leaderboard.site.visitor import LOCAL_USER
from leaderboard.ui import READ, WORKED_WITH, Ui
from leaderboard.vocabulary.badges import BADGES
from leaderboard.web.document import document, routes
from leaderboard.web.frame import LOGO, NAVIGATION
from leaderboard.web.markup import counted, duration, render
from leaderboard.web.refresh import PageValues, RefreshMiddleware
from tests.support import ROOT, sent
from tests.support.rows import ITEMS, result, stored
from tests.support.waiting import LIMIT, until

HOSTILE = "<img src=x onerror=alert(1)>"
ENDPOINTS = (
    Endpoint(name="local", models=[MODEL], answer_mode="constrained"),
    Endpoint(name="other", models=["org/*"]),
)


# --- boards ---------------------------------------------------------------------------------------------------------


def test_rows_of_different_questions_never_share_a_table() -> None:
    rows = [
        result("a"),
        result("b"),
        result("c", digest="b" * 64),
        result("d", answer_mode="constrained", protocol="1-constrained"),
        result("e", protocol="2-free-text"),
        result("f", answer_mode="constrained"),
    ]
    made = boards(rows)
    assert sorted(tuple(r.model for r in b.results) for b in made) == [("a", "b"), ("c",), ("d",), ("e",), ("f",)]
    for board in made:
        kinds = {(r.benchmark.digest, r.protocol, r.answer_mode) for r in board.results}
        assert kinds == {tuple(board.key)}
    assert len({b.key.slug for b in made}) == len(made)


def test_the_published_models_board_opens_and_practice_comes_last() -> None:
    practice = [result(f"p{i}", digest="c" * 64, name="practice", origin="space") for i in range(9)]
    others = [result(f"o{i}", digest="b" * 64, origin="space") for i in range(5)]
    published = [result("m")]
    made = boards([*practice, *others, *published], first=[r.id for r in published])
    assert [b.results[0].model for b in made] == ["m", "o0", "p0"]
    assert [b.practice for b in made] == [False, False, True]


def test_rows_stand_by_name() -> None:
    scores = [[s] * 10 for s in (0.1, 0.9, -0.5)]
    rows = [result(m, s) for m, s in zip(("beta", "Alpha", "gamma"), scores, strict=True)]
    assert [r.model for r in boards(rows)[0].results] == ["Alpha", "beta", "gamma"]


def test_a_later_record_of_the_same_question_counts() -> None:
    first, second = result("a", id="same", rated=1), result("a", id="same", rated=2)
    assert [r.coverage.rated for r in boards([first, second])[0].results] == [2]


def test_compat_results_are_on_no_board() -> None:
    assert boards([result("a", reader="compat")]) == ()


def test_one_bad_line_hides_no_other(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    good = result("a").model_dump_json()
    file.write_text(f'{good}\nnot json\n\n{{"model": "b"}}\n{result("c").model_dump_json()}\n')
    loaded = load(file)
    assert [r.model for r in loaded.results] == ["a", "c"]
    assert [p.split(",")[1].strip() for p in loaded.problems] == ["line 2", "line 4"]


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    loaded = load(tmp_path / "none.jsonl")
    assert loaded.results == ()
    assert "not there" in loaded.problems[0]


def test_the_published_models_are_one_board() -> None:
    loaded = load(PUBLISHED)
    assert loaded.problems == ()
    made = boards(loaded.results)
    assert [(len(b.results), b.key.answer_mode, b.practice) for b in made] == [(33, "free-text", False)]
    assert "gemini-flash-1.5" not in {r.model for r in loaded.results}


# --- the table's data -----------------------------------------------------------------------------------------------


def shown(*rows: Any) -> dict[str, Any]:
    """The only board of these rows as the page reads it."""
    (board,) = sent.boards(table.payload(boards(rows)))
    return board


def cells(row: dict[str, Any]) -> list[Any]:
    return cast("list[Any]", row["scores"][0])


def test_columns_are_in_circle_order() -> None:
    found = json.loads(table.payload(()))
    assert [[d["name"] for d in s["dimensions"]] for s in found["scales"]] == [
        [d.name for d in ds] for ds in SCALES.values()
    ]
    assert found["portrait"]["names"] == [d.name for d in VALUES]


def test_numbers_travel_as_numbers_and_missing_ones_as_null() -> None:
    scores = [None, 0.12344, *[0.0] * 8]
    (row,) = shown(result("a", scores))["rows"]
    assert cells(row)[0] is None
    assert cells(row)[1] == (0.1234, None, None, ITEMS["Stimulation"])


def test_an_interval_follows_its_score() -> None:
    (row,) = shown(result("a", [0.4] * 10, half=0.16))["rows"]
    assert cells(row)[0][:3] == (0.4, 0.24, 0.56)


def test_a_count_is_said_where_items_are_missing() -> None:
    fewer = {**ITEMS, "Power": 60}
    board = shown(result("a"), result("b", items=fewer))
    power = [d.name for d in VALUES].index("Power")
    assert board["items"]["Power"] == ITEMS["Power"]
    assert cells(board["rows"][0])[power] == (0.0, None, None, ITEMS["Power"])
    assert cells(board["rows"][1])[power] == (0.0, None, None, 60)


def words(row: dict[str, Any]) -> list[str]:
    return [word for word, _ in row["badges"]]


RUN = {"started": "2026-11-01T00:00:00+00:00", "finished": "2026-11-01T01:00:00+00:00", "seconds": 1.0}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"open_weights": True}, ["open weights"]),
        ({"open_weights": False}, []),
        ({"origin": "self-reported"}, ["self-reported"]),
        ({"answer_mode": "constrained"}, ["constrained"]),
        ({"run": {**RUN, "changed": {"temperature": "dropped"}}}, ["parameters changed"]),
        ({"run": {**RUN, "changed": {"max_tokens": "max_completion_tokens"}}}, []),
        ({"run": RUN}, []),
        ({"name": "practice"}, ["practice"]),
        ({"complete": False, "incomplete_reason": "1 of 2"}, ["incomplete"]),
        ({"complete": True, "flat": False}, []),
        ({"flat": True}, ["flat"]),
    ],
)
def test_badges(fields: dict[str, Any], expected: list[str]) -> None:
    (row,) = shown(result("a", **fields))["rows"]
    assert words(row) == expected


def test_an_incomplete_row_says_why() -> None:
    (row,) = shown(result("a", complete=False, incomplete_reason="Power 3 of 64"))["rows"]
    assert "Power 3 of 64" in row["badges"][0][1]


@pytest.mark.parametrize("fields", [{"flat": True}, {"complete": False}])
def test_a_flat_or_incomplete_row_is_drawn_in_grey(fields: dict[str, Any]) -> None:
    rows = shown(result("a", **fields), result("b"))["rows"]
    assert [row["muted"] for row in rows] == [True, False]


def test_nothing_that_is_zero_is_lost() -> None:
    sensitivity = {"prompt": 0.0, "version_difference": 0.0, "global_version_difference": 0.0, "spread": 0.0}
    (row,) = shown(
        result(
            "a",
            rated=0,
            reliability=0.0,
            sensitivity={**sensitivity, "order": {"average": 0.0}, "order_difference": {}},
        )
    )["rows"]
    assert (row["rated"], row["reliability"], row["wording"], row["order"]) == (0, 0.0, 0.0, 0.0)


def test_every_badge_is_explained_on_the_about_page(site: Site) -> None:
    page = about_page(site)
    assert all(badge.word in page and badge.hint in page for badge in BADGES)


@pytest.mark.parametrize(
    "values", [[], [None], ["a"], ["a", "a"], ["a", "b"], ["a", "b", "a", None, "a", "a"], [(), (("x", 1),), (), ()]]
)
def test_a_column_says_what_went_into_it(values: list[Any]) -> None:
    packed = json.loads(json.dumps(table._column(values)))
    assert sent.column(packed, len(values)) == json.loads(json.dumps(values))


def test_rows_say_what_filters_ask_for() -> None:
    rows = shown(
        result("org/gamma-7b", parameters=2_500_000_000, open_weights=True, flat=False),
        result("gamma-7b-2024-01-02", open_weights=False, flat=True),
        result("other"),
    )["rows"]
    by_model = {row["model"]: row for row in rows}
    assert [by_model[m]["size"] for m in ("org/gamma-7b", "gamma-7b-2024-01-02", "other")] == [2.5, 7.0, None]
    assert [by_model[m]["family"] for m in ("org/gamma-7b", "gamma-7b-2024-01-02", "other")] == [
        "gamma",
        "gamma",
        "other",
    ]
    assert [(row["open"], row["flat"]) for row in by_model.values()].count((None, None)) == 1


def published_people() -> tuple[dict[str, Any], Table]:
    """The published board with its columns of people as the page reads it, and where they come from."""
    (board,) = boards(load(PUBLISHED).results)
    table_ = Proximities({}, stored(lambda _: b""), lambda _: pytest.fail("nothing is worked out")).of(board)
    assert table_ is not None
    (found,) = sent.boards(table.payload([board], lambda _: table.Facts(people=table_, contrasts=CONTRASTS)))
    return found, table_


def test_people_travel_with_intervals_caveats_and_reasons() -> None:
    board, source = published_people()
    people, n = board["people"], board["n"]
    like, why = sent.numbers(people["like"]["value"], n, table.UNIT), sent.why(people, n)
    nearest = sent.column(people["nearest"], n)
    for i, row in enumerate(board["rows"]):
        known = source.rows[row["id"]]
        assert like[i] == pytest.approx(known.like_raters.spearman, abs=1e-4)
        assert why[i] == known.reason
        assert (nearest[i] is None) is (known.reason is not None)
        for contrast in CONTRASTS:
            lean = known.leans[contrast.name]
            packed = people["leans"][contrast.name]
            ends = [sent.numbers(packed[end], n, table.UNIT)[i] for end in ("value", "low", "high")]
            assert ends == [None if x is None else pytest.approx(x, abs=1e-4) for x in (lean.lean, lean.low, lean.high)]
    assert "not distinguishable" in nearest
    assert people["caveats"]["region"] == "Europe"
    assert (people["groups_from"]["n"], people["raters_from"]["n"]) == (37398, 559)


def test_what_is_still_being_worked_out_is_said() -> None:
    made = boards([result("a")])
    (board,) = sent.boards(table.payload(made, lambda _: table.Facts(WORKING, WORKING)))
    assert board["ranking"] == board["people"] == {"pending": True}


def test_what_takes_long_comes_after_the_table(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(site.queue)
    release = threading.Event()
    real = site.rankings.of

    def slow(board: Any) -> Any:
        release.wait(LIMIT)
        return real(board)

    monkeypatch.setattr(site.rankings, "of", slow)
    page = TestClient(Starlette(routes=[board_page.late_route(site)]))
    (published, practice) = site.boards()
    address = f"/{board_page.LATE}?table={published.key.slug}"
    monkeypatch.setattr("leaderboard.boards.background.PATIENCE", 0.01)
    first = page.get(address).json()  # it does not wait for the work
    assert first["ranking"] == {"pending": True}
    assert first["stamp"] == table.stamp(published)
    release.set()
    until(lambda: page.get(address).json()["ranking"] != {"pending": True})
    now = page.get(address).json()
    assert now["ranking"]["n"] == len(published.results)
    assert page.get(f"/{board_page.LATE}?table={practice.key.slug}").json()["ranking"] is None
    assert page.get(f"/{board_page.LATE}?table=nothing").status_code == 404


def test_work_that_fails_is_nothing_and_is_not_tried_again_for_the_same_key() -> None:
    tried = []

    def fail() -> int:
        tried.append(1)
        raise ValueError

    beside: BackgroundWork[int] = BackgroundWork(patience=LIMIT)
    assert [beside.get("a", 1, fail), beside.get("a", 1, fail)] == [None, None]
    assert len(tried) == 1
    assert beside.get("a", 2, lambda: 3) == 3
    assert beside.get("b", 1, lambda: 4) == 4
    assert beside.get("a", 2, fail) == 3


def test_every_group_and_contrast_has_words() -> None:
    for contrast in CONTRASTS:
        assert contrast.name in names.CONTRASTS
        for group in (contrast.toward, contrast.against):
            assert group in names.GROUPS
    assert names.called("round/age_65") == "age 65"


def test_names_reach_the_page_as_text() -> None:
    row = shown(result(HOSTILE, note=HOSTILE, developer=HOSTILE))["rows"][0]
    assert (row["model"], row["note"], row["developer"]) == (HOSTILE,) * 3


def test_the_script_builds_no_html_from_data() -> None:
    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "leaderboard").rglob("*.js"))
    assert "mountBoard" in scripts
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", scripts)


# --- site -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    store = LocalStore(tmp_path / "store")
    return Queue(store, store, lease=timedelta(minutes=2))


@pytest.fixture
def site(queue: Queue) -> Site:
    practice = practice_benchmark()
    return Site(practice, practice, queue, ENDPOINTS, quota=2, scheduler_seconds=15.0)


def finish(queue: Queue, model: str = MODEL) -> str:
    """Let a worker publish a row for `model`, as the real one does."""
    practice = practice_benchmark()
    submission = submit(
        queue, model, endpoints=ENDPOINTS, benchmark=BenchmarkRef.of(practice), submitter=LOCAL_USER, quota=9
    )
    claim = queue.claim("worker", runnable=lambda _: True)
    assert claim is not None
    fields = {name: getattr(submission, name) for name in ("id", "endpoint", "protocol", "answer_mode")}
    row = result(model, digest=practice.digest, name="practice", origin="space", **fields)
    queue.finish(claim, row, b"answers")
    return submission.id


def test_a_finished_row_is_on_the_practice_board_only(site: Site) -> None:
    before = site.revision()
    id_ = finish(site.queue)
    published, practice = site.boards()
    assert len(published.results) == 33
    assert [r.id for r in practice.results] == [id_]
    assert practice.practice
    assert site.revision() != before


def test_the_revision_names_the_rows_not_their_order(site: Site) -> None:
    assert site.revision() == site.revision()
    again = Site(site.benchmark, site.practice, site.queue, (), quota=1, scheduler_seconds=None)
    assert again.revision() == site.revision()


def test_a_done_submission_links_to_its_row(site: Site) -> None:
    id_ = finish(site.queue)
    address = row_address(site.queue.get(id_))
    slugs = [b["slug"] for b in json.loads(table.payload(site.boards()))["boards"]]
    assert f"table={slugs[1]}&" in address
    assert address.endswith(f"model={id_}")


# --- the form -------------------------------------------------------------------------------------------------------


def signed_in(user: str | None = None) -> gr.OAuthProfile | None:
    """A profile as Gradio gives it to a listener; None for nobody."""
    if user is None:
        return None
    return gr.OAuthProfile({"name": "x", "preferred_username": user, "profile": "", "picture": ""})


def send(site: Site, model: str, endpoint: str = "local", user: str | None = None) -> tuple[Any, dict[str, str]]:
    follow, *messages = Form(site).send(model, "", endpoint, site.practice.digest, signed_in(user))
    return follow, dict(zip(("model", "revision", "endpoint", "form"), messages, strict=True))


@pytest.mark.parametrize(
    ("model", "endpoint", "place", "code"),
    [
        ("", "local", "model", "bad_name"),
        ("http://10.0.0.1:80/v1", "local", "model", "bad_name"),
        (HOSTILE, "local", "model", "bad_name"),
        ("org/name", "local", "endpoint", "no_endpoint"),
        (MODEL, "http://10.0.0.1", "endpoint", "no_endpoint"),
    ],
)
def test_a_refusal_stands_beside_its_field(site: Site, model: str, endpoint: str, place: str, code: str) -> None:
    _, messages = send(site, model, endpoint)
    assert code in messages.pop(place)
    assert set(messages.values()) == {""}
    assert site.queue.submissions() == []


def test_what_was_typed_never_comes_back_as_html(site: Site) -> None:
    _, messages = send(site, MODEL, HOSTILE)
    assert "<img" not in "".join(messages.values())


def test_a_submission_is_stored_and_followed(site: Site) -> None:
    follow, messages = send(site, f"  {MODEL} ")
    assert set(messages.values()) == {""}
    (stored,) = site.queue.submissions()
    assert (stored.id, stored.model, stored.submitter) == (follow, MODEL, LOCAL_USER)
    assert stored.benchmark.digest == site.practice.digest


def test_a_duplicate_is_refused_and_the_first_one_followed(site: Site) -> None:
    first, _ = send(site, MODEL)
    again, messages = send(site, MODEL)
    assert "duplicate" in messages["form"]
    assert again == first
    assert len(site.queue.submissions()) == 1


def test_a_quota_is_one_persons(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site = replace(site, signs_in=True)
    monkeypatch.setattr("eval_queue.queue.intake.offered_models", lambda _: None)  # nobody answers at `other`
    for name in ("org/a", "org/b"):
        send(site, name, "other", user="ada")
    _, messages = send(site, "org/c", "other", user="ada")
    assert "quota" in messages["form"]
    follow, messages = send(site, "org/c", "other", user="ben")
    assert follow
    assert set(messages.values()) == {""}


def test_an_unknown_benchmark_is_refused(site: Site) -> None:
    _, *messages = Form(site).send(MODEL, "", "local", "f" * 64, signed_in())
    assert "not offered" in messages[3]
    assert site.queue.submissions() == []


def test_an_endpoint_with_one_model_fills_it_in(site: Site) -> None:
    assert Form(site).offer("local")[0] == MODEL
    name, offer, _ = Form(site).offer("other")
    assert name == ""
    assert "org/*" in offer
    anything = replace(site, endpoints=(Endpoint(name="any"),))
    assert "any model it offers" in Form(anything).offer("any")[1]


# --- the life of a submission ---------------------------------------------------------------------------------------


def told(site: Site, id_: str, user: str | None = None) -> tuple[str, bool, bool]:
    """Words, and whether the two buttons are there."""
    text, cancel, again, _ = Life(site).tell(id_, signed_in(user))
    return re.sub(r"\s+", " ", text), cancel["visible"], again["visible"]


def test_a_life_from_waiting_to_done(site: Site) -> None:
    id_, _ = send(site, MODEL)
    assert told(site, id_)[0].count("Next in the queue") == 1
    claim = site.queue.claim("worker", runnable=lambda _: True)
    assert claim is not None
    now = datetime.now(UTC)
    site.queue.renew(claim, Progress(done=90, total=360, rated=81, rate=1.5, eta_seconds=180, updated=now))
    text, cancel, again = told(site, id_)
    assert re.search(r"\b90 of 360\b.*\b90 %.*\b1\.5\b.*\b3 min 0 s\b", text), "done, readable, rate and time left"
    assert 'max="360" value="90"' in text
    assert (cancel, again) == (True, False)
    site.queue.fail(claim, Failure(code="endpoint_gone", message=f"Nobody answered {HOSTILE}."))
    text, cancel, again = told(site, id_)
    assert "endpoint_gone" in text
    assert "Nobody answered &lt;img" in text
    assert "<img" not in text
    assert (cancel, again) == (False, True)
    assert Life(site).requeue(id_, signed_in()) == ""
    assert Life(site).cancel(id_, signed_in()) == ""
    assert "cancelled by local" in told(site, id_)[0]


def test_positions_count_what_waits_before(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval_queue.queue.intake.offered_models", lambda _: None)
    send(site, MODEL)
    second, _ = send(site, "org/second", "other")
    assert re.search(r"\b2 in the queue", told(site, second)[0])


def test_a_submission_that_is_left_waiting_says_why(site: Site) -> None:
    id_, _ = send(site, MODEL)
    noted = replace(site, notes=lambda: {id_: "another benchmark is in use"})
    assert "another benchmark is in use" in told(noted, id_)[0]
    assert "another benchmark is in use" in listing(noted)


def test_only_the_submitter_may_change_a_submission(site: Site) -> None:
    site = replace(site, signs_in=True)
    id_, _ = send(site, MODEL, user="ada")
    assert told(site, id_, "ada")[1] is True
    assert told(site, id_, "ben")[1] is False
    assert "Only the person" in Life(site).cancel(id_, signed_in("ben"))
    assert site.queue.get(id_).state == "pending"


def test_a_submission_that_is_not_there_is_said(site: Site) -> None:
    text, cancel, again = told(site, HOSTILE)
    assert "There is no submission" in text
    assert "<img" not in text
    assert (cancel, again) == (False, False)


# --- pages ----------------------------------------------------------------------------------------------------------


def about_page(site: Site) -> str:
    return unescape(about.content(site, {}))


def test_the_queue_page_lists_every_state(site: Site) -> None:
    finish(site.queue)
    ref = BenchmarkRef.of(site.practice)
    for i in range(4):
        hostile = new_submission(
            f"{HOSTILE}{i}", endpoint=ENDPOINTS[1], benchmark=ref, submitter="x", at=datetime.now(UTC)
        )
        site.queue.submit(hostile, quota=9)
    ids = [s.id for s in site.queue.submissions() if s.state == "pending"]
    site.queue.cancel(ids[3], by="x")
    failing = site.queue.claim("worker", runnable=lambda _: True)
    assert failing is not None
    site.queue.fail(failing, Failure(code="internal", message="A fault."))
    assert site.queue.claim("worker", runnable=lambda _: True)
    proposed = new_submission(
        "org/proposed", endpoint=ENDPOINTS[1], benchmark=ref, submitter="x", at=datetime.now(UTC), approval=True
    )
    site.queue.submit(proposed, quota=9)
    page = listing(site)
    for _, title, _ in SECTIONS:
        assert re.search(rf'<h2>{title} <span class="vp-count">1</span>', page), title
    assert "<img" not in page
    assert "Row on the board" in page
    assert "A fault." in page


def test_a_damaged_record_is_named_and_stops_nothing(site: Site) -> None:
    send(site, MODEL)
    store = site.queue._submissions.store
    store.commit({"submissions/broken.json": b"{"}, store.head(), "damage")
    page = listing(site)
    assert "submissions/broken.json" in page
    assert re.search(r'class="vp-problems"[^>]*><summary>1\b', page)
    assert MODEL in page


def test_every_listener_is_private_but_the_named_endpoints(site: Site) -> None:
    ui = Ui(site)
    assert len(ui.blocks.fns) > 5
    public = [fn.api_name for fn in ui.blocks.fns.values() if fn.api_visibility != "private"]
    assert public == [method.__name__ for method in NAMED_ENDPOINTS]
    assert list(ui.blocks.get_api_info()["named_endpoints"]) == [f"/{name}" for name in public]


def test_every_page_has_the_masthead_and_says_which_one_it_is(site: Site) -> None:
    ui = Ui(site)
    config = ui.blocks.get_config_file()
    pages = {}
    for _, module in WORKED_WITH:
        ids = config["page"][module.ROUTE]["components"]
        pages[module.ROUTE] = "".join(str(c["props"].get("value", "")) for c in config["components"] if c["id"] in ids)
    for read in (board_page.Page(), *READ):
        pages[read.ROUTE] = document(site, read, {})
    for html in pages.values():
        assert html.count("vp-masthead") == 1
        assert site.benchmark.digest[:8] in html
    for name, route in NAVIGATION:
        assert re.search(rf'aria-current="page">{name}<', pages[route])


def test_without_an_endpoint_the_submit_page_says_so(queue: Queue) -> None:
    practice = practice_benchmark()
    page = render("submit.html", endpoints=(), quota=1, rules=Rules())
    assert "No endpoint is configured" in page
    Ui(Site(practice, practice, queue, (), quota=1, scheduler_seconds=None))


def test_the_board_is_renewed_before_it_is_sent(site: Site) -> None:
    app = TestClient(Starlette(routes=routes(site, [board_page.Page()])))

    def rows() -> list[int]:
        found = re.search(r'id="board-data">(.*?)</script>', app.get("/").text)
        assert found is not None
        return [b["n"] for b in json.loads(found[1])["boards"]]

    assert rows() == [33]
    finish(site.queue)
    assert rows() == [33, 1]


def test_a_page_is_compressed_once_and_not_sent_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = []
    real = gzip.compress
    monkeypatch.setattr(gzip, "compress", lambda *a, **k: packed.append(1) or real(*a, **k))
    words = ["first " * 1000]

    async def page(request: Request) -> Response:
        return HTMLResponse(words[0] + request.headers.get("x-user", ""))

    fresh = PageValues(values={"": []})
    routes = [Route("/", page), Route("/other", page)]
    app = TestClient(Starlette(routes=routes, middleware=[Middleware(RefreshMiddleware, fresh=fresh)]))
    plain = app.get("/", headers={"accept-encoding": "identity"})
    for _ in range(3):
        found = app.get("/")
        assert (found.text, found.headers["content-encoding"]) == (words[0], "gzip")
        assert int(found.headers["content-length"]) < len(words[0])
    assert len(packed) == 1
    assert (plain.text, "content-encoding" in plain.headers) == (words[0], False)
    again = app.get("/", headers={"if-none-match": found.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    # another visitor's page is never the first one's
    other = app.get("/", headers={"x-user": "somebody", "if-none-match": found.headers["etag"]})
    assert (other.status_code, other.text) == (200, words[0] + "somebody")
    words[0] = "second " * 1000
    assert app.get("/", headers={"if-none-match": found.headers["etag"]}).text == words[0]
    assert "etag" not in app.get("/other").headers


@pytest.mark.slow
def test_the_app_starts_without_what_only_an_evaluation_needs() -> None:
    code = (
        "import sys, app, leaderboard.ui, eval_queue.queue.queue; print([m for m in sys.argv[1:] if m in sys.modules])"
    )
    slow = ["openai", "datasets", "scipy", "apscheduler", "matplotlib", "plotly"]
    run = subprocess.run([sys.executable, "-c", code, *slow], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# --- citation and words ---------------------------------------------------------------------------------------------


def test_citations_say_what_citation_cff_says() -> None:
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    paper = citation.paper_bibtex()
    for fact in (said["references"][0]["doi"], said["references"][0]["title"], "Han, Jongwook and Choi, Dongmin"):
        assert fact in paper
    board = citation.board_bibtex(revision="abc123", benchmark="value-portrait 1a2b3c4d", retrieved=date(2026, 11, 24))
    for fact in (said["title"], said["version"], "Results abc123", "1a2b3c4d", "retrieved 2026-11-24"):
        assert fact in board
    for entry in (paper, board):
        assert entry.count("{") == entry.count("}")
        assert re.match(r"@\w+\{[a-z0-9]+,\n", entry)


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (0.4, "0 s"), (59.6, "1 min 0 s"), (140, "2 min 20 s"), (7260, "2 h 1 min")]
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_counts() -> None:
    assert (counted(1, "model"), counted(3120, "prompt"), counted(0, "reply", "replies")) == (
        "1 model",
        "3,120 prompts",
        "0 replies",
    )


def test_templates_escape() -> None:
    assert "<img" not in render("refusal.html", message=HOSTILE, code=HOSTILE)


def test_the_logo_is_the_mean_of_the_published_models() -> None:
    logo = ElementTree.fromstring(LOGO.read_text())
    rows = load(PUBLISHED).results
    mean = [sum(cast("float", r.scales["pvq"].dimensions[d.name].score) for r in rows) / len(rows) for d in VALUES]
    said = logo.findtext("{http://www.w3.org/2000/svg}desc") or ""
    assert all(f"{d.name} {'−' if m < 0 else '+'}{abs(m):.2f}" in said for d, m in zip(VALUES, mean, strict=True))


def test_protocol_is_named_in_addresses_once() -> None:
    key = boards([result("a", protocol=f"{PROTOCOL_VERSION}-free-text")])[0].key
    assert key.slug == f"{'a' * 8}-{PROTOCOL_VERSION}-free-text"


# --- who is asking --------------------------------------------------------------------------------------------------


def test_without_a_sign_in_nothing_is_stored(site: Site) -> None:
    space = replace(site, signs_in=True)
    _, messages = send(space, MODEL)
    assert "sign_in" in messages["form"]
    sent = TestClient(Starlette(routes=Packages(space).routes())).post("/submit/package", content=b"x")
    assert (sent.status_code, "sign_in" in sent.json()["code"]) == (200, True)
    assert space.queue.submissions() == []


def test_only_administrators_act_for_others(site: Site) -> None:
    space = replace(site, signs_in=True, rules=Rules(approval=True, administrators=frozenset({"root"})))
    id_, _ = send(space, MODEL, user="ada")
    panel = Administration(space)
    for nobody in (None, "ada", "Root"):
        assert panel.open(signed_in(nobody))[0]["visible"] is False
        for said, shown in (
            panel.approve(id_, signed_in(nobody)),
            panel.cancel(id_, signed_in(nobody)),
            panel.prioritise(id_, 9, signed_in(nobody)),
            panel.remove(id_, signed_in(nobody)),
        ):
            assert "Only administrators" in said
            assert shown["choices"] == []
    assert "Only administrators" in Life(space).approve(id_, signed_in("ada"))
    assert space.queue.get(id_).state == "proposed"
    panel.prioritise(id_, 9, signed_in("root"))
    assert Life(space).approve(id_, signed_in("root")) == ""
    assert (space.queue.get(id_).state, space.queue.get(id_).priority) == ("pending", 9)
    assert Life(space).cancel(id_, signed_in("ada")) == ""
    assert Life(space).requeue(id_, signed_in("ada")) == ""
    assert space.queue.get(id_).state == "proposed"


def test_trying_again_keeps_to_the_quota(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval_queue.queue.intake.offered_models", lambda _: None)
    ids = [send(site, f"org/{i}", "other")[0] for i in range(2)]
    site.queue.cancel(ids[0], by=LOCAL_USER)
    send(site, "org/third", "other")
    assert "waiting or running" in Life(site).requeue(ids[0], signed_in())
    assert site.queue.get(ids[0]).state == "cancelled"
