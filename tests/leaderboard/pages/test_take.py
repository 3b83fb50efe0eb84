"""Take the test, as it is sent: what the page is given to compute with, and what it is forbidden to do."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student
from starlette.applications import Starlette
from starlette.testclient import TestClient

from data.benchmark import RATING_PHRASES, Benchmark
from data.people.item_means import read_item_means
from data.people.rater_means import rater_means
from data.people.templates import STEP
from data.sources.loading import load_benchmark
from data.sources.practice import practice_benchmark, practice_study
from data.sources.published_templates import templates_of
from data.values import VALUES
from eval_queue.queue.queue import Queue
from eval_queue.store.local import LocalStore
from leaderboard.measurement.form_validity import read_short_forms
from leaderboard.measurement.short_form import PEOPLE, SIZES, Length, choose
from leaderboard.pages.take import page as take
from leaderboard.site.site import Site
from leaderboard.ui import READ
from leaderboard.web.document import routes

HOSTILE = "</script><img src=x onerror=alert(1)>"
LENGTHS: tuple[Length, ...] = ("short", "long")


def site_of(tmp_path: Path, benchmark: Benchmark, source: str | None = None) -> Site:
    store = LocalStore(tmp_path / "store")
    queue = Queue(store, store, lease=timedelta(minutes=2))
    return Site(benchmark, practice_benchmark(), queue, (), quota=2, scheduler_seconds=None, source=source)


def payload(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="take-data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    made: dict[str, Any] = json.loads(found[1])
    return made


@pytest.mark.parametrize("length", LENGTHS)
def test_the_page_carries_the_form_of_the_benchmark_in_use(tmp_path: Path, length: Length) -> None:
    benchmark = practice_benchmark()
    site = site_of(tmp_path, benchmark)
    made = payload(take.content(site, {"form": length}))
    form = choose(benchmark, SIZES[length])
    assert len(made["items"]) == len(form.rows)
    raters = rater_means(benchmark, practice_study())
    for row, item, rated in zip(form.rows, made["items"], made["raters"], strict=True):
        expected = benchmark.items[row]
        assert (item["query_id"], item["option_id"], item["text"]) == (*expected.id, expected.text)
        assert item["query"] == benchmark.query_by_id[expected.query_id].text
        assert item["values"] == np.flatnonzero(benchmark.key.selected[row, :10]).tolist()
        assert rated == pytest.approx(raters[row])
    assert made["phrases"] == {str(rating): phrase for rating, phrase in RATING_PHRASES.items()}
    assert made["t"] == pytest.approx(student.ppf(0.975, np.arange(1, len(form.rows))))
    assert [v["name"] for v in made["drawing"]["values"]] == [v.name for v in VALUES]


def test_with_the_practice_benchmark_the_page_says_that_nothing_is_meant(tmp_path: Path) -> None:
    html = take.content(site_of(tmp_path, practice_benchmark()), {})
    assert "Practice items mean nothing" in html
    assert "has not been measured" in html
    assert payload(html)["models"] == []  # no practice row is here


@pytest.mark.upstream
@pytest.mark.parametrize("length", LENGTHS)
def test_with_the_published_benchmark_models_and_measured_caution_are_there(
    tmp_path: Path, upstream_dir: Path, length: Length
) -> None:
    benchmark = load_benchmark(upstream_dir)
    site = site_of(tmp_path, benchmark, str(upstream_dir))
    html = take.content(site, {"form": length})
    made = payload(html)
    means = read_item_means(benchmark)
    shipped = read_short_forms()
    assert means is not None
    assert shipped is not None
    rows = list(choose(benchmark, SIZES[length]).rows)
    assert len(made["models"]) == len(means.models) == 33
    for model in made["models"]:
        expected = means.means[means.models.index(model["name"])][rows]
        assert [np.nan if x is None else x for x in model["ratings"]] == pytest.approx(expected, nan_ok=True)
    # nothing but means of the raters leaves `data`
    raters = rater_means(benchmark, site.study(benchmark))[rows]
    assert made["raters"] == pytest.approx(raters)
    report = shipped.forms[length]
    once = report.shown.once
    assert made["reading"] == report.reading
    assert ("By match" in html or "by match" in html) is True
    if report.reading == "match":
        templates = templates_of(benchmark)
        assert templates is not None
        steps = np.frombuffer(base64.b64decode(made["people"]), dtype=np.int8).reshape(PEOPLE, len(rows), 10)
        np.testing.assert_array_equal(steps, templates.steps[:PEOPLE, rows, :10])
        np.testing.assert_allclose([i["loadings"] for i in made["items"]], templates.loadings[rows, :10])
        assert made["step"] == STEP
        assert "Which reading, and why" in html
    else:
        assert made["people"] is None
        assert {i["loadings"] for i in made["items"]} == {None}
        assert "worse where it is worst" in html
    low, high = once.median_interval
    assert low is not None
    assert high is not None
    assert low < (once.correlation_median or 0) < high
    assert f"correlates {once.correlation_median:.2f} ({low:.2f} to {high:.2f}) with" in html
    least, most = (100 * (x or 0) for x in once.held_interval)
    assert f"{100 * (once.held or 0):.0f} ({least:.0f} to {most:.0f}) of 100 intervals" in html
    assert "Practice items" not in html


def test_texts_can_never_end_the_data_or_be_read_as_markup(tmp_path: Path) -> None:
    practice = practice_benchmark()
    queries = tuple(replace(q, text=HOSTILE, title=HOSTILE if q.title else None) for q in practice.queries)
    items = tuple(replace(i, text=HOSTILE) for i in practice.items)
    benchmark = replace(practice, name="hostile", queries=queries, items=items)
    html = take.content(site_of(tmp_path, benchmark, source="nowhere"), {})
    assert "<img" not in html
    assert payload(html)["items"][0]["text"] == HOSTILE
    assert payload(html)["raters"] is None  # no study is at hand


def test_the_page_may_send_nothing_anywhere(tmp_path: Path) -> None:
    client = TestClient(Starlette(routes=routes(site_of(tmp_path, practice_benchmark()), READ)))
    answer = client.get("/take")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'none'"
    assert policy["form-action"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert "http" not in answer.headers["content-security-policy"]
    assert "<form" not in answer.text
    assert not re.search(r"\son[a-z]+=", answer.text)
    assert "content-security-policy" not in client.get("/about").headers
    script = client.get("/vp/take.js").text
    for way_out in (
        "fetch(",
        "XMLHttp",
        "sendBeacon",
        "WebSocket",
        "localStorage",
        "sessionStorage",
        "cookie",
        "history.",
    ):
        assert way_out not in script
    assert "not stored and not sent" in answer.text


def test_the_twin_has_what_the_page_has(tmp_path: Path) -> None:
    site = site_of(tmp_path, practice_benchmark())
    twin = json.loads(take.data(site, {"form": "long"}).model_dump_json())
    made = payload(take.content(site, {"form": "long"}))
    del made["drawing"]
    assert twin == made
    assert twin["form"] == "long"
    assert take.data(site, {"form": "other"}).form == "short"
