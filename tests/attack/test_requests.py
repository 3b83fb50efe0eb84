"""Addresses, fields, headers and listeners of the running app: what is there, and that nothing else is."""

from __future__ import annotations

import json
import re
import uuid

import httpx2
import pytest

from leaderboard.boards.results import PUBLISHED, load
from leaderboard.exports.routes import CHARTS, FIELDS
from leaderboard.server.guard import LONGEST_ADDRESS, LONGEST_BODY
from leaderboard.ui import READ
from leaderboard.vocabulary.downloads import DOWNLOADS
from tests.attack.conftest import SECRET, listeners, token, worked_out
from tools.live import RunningApp

pytestmark = pytest.mark.slow

PAGES = ("", "submit", "queue", *(page.ROUTE for page in READ))
FILES = ("download/board.csv", "download/results.parquet", "chart/map.svg", "vp/page.css", "logo.svg", "card.json")
CLOSED = (
    *("monitoring", "monitoring/summary", "monitoring/x", "gradio_api/file=/etc/passwd", "file=/etc/passwd"),
    *("gradio_api/proxy=http://127.0.0.1:9/", "gradio_api/upload_progress?upload_id=1", "gradio_api/user", "token"),
    *("gradio_api/stream/a/1/2/playlist.m3u8", "gradio_api/custom_component/a/b/c/d", "gradio_api/deep_link"),
    *("gradio_api/vibe-code", "gradio_api/profiling/traces", "gradio_api/runs", "gradio_api/queue/status"),
)


# --- addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "model", "download/board.csv", "chart/map.svg", "vp/page.css", "nothing"])
def test_an_address_that_is_too_long_is_refused(http: httpx2.Client, path: str) -> None:
    answer = http.get(f"/{path}?x={'a' * LONGEST_ADDRESS}")
    assert (answer.status_code, str(LONGEST_ADDRESS) in answer.text) == (414, True)
    assert http.get(f"/{path}?x={'a' * (LONGEST_ADDRESS - 100)}").status_code != 414


def test_a_field_that_a_page_does_not_have_makes_no_other_page(http: httpx2.Client) -> None:
    for page in READ:
        plain = worked_out(http, f"/{page.ROUTE}")
        for asked in ("x=1", f"{uuid.uuid4()}=1&x={'y' * 5000}", "__theme=dark"):
            assert http.get(f"/{page.ROUTE}?{asked}").headers["etag"] == plain.headers["etag"], page.ROUTE


def test_unknown_fields_do_not_make_the_app_grow(http: httpx2.Client, served: RunningApp) -> None:
    def resident() -> int:
        with open(f"/proc/{served.process.pid}/statm") as file:
            return int(file.read().split()[1]) * 4096

    paths = [*(page.ROUTE for page in READ), "download/board.json", "download/results.json", "chart/map.svg"]
    for path in paths:
        http.get(f"/{path}")
    before = resident()
    for n in range(150):
        path = paths[n % len(paths)]
        assert http.get(f"/{path}?x{n}={'y' * 7000}").status_code == (400 if "/" in path else 200)
    assert resident() < before + 50e6


def test_every_file_declares_its_fields(http: httpx2.Client) -> None:
    assert set(FIELDS) <= {*DOWNLOADS, *CHARTS, "card", "result"}
    row = re.search(r'model\?id=([^"&#]+)', http.get("/model").text)
    assert row
    for name in (*(f"chart/{n}.svg" for n in CHARTS), *(f"download/{n}.csv" for n in DOWNLOADS)):
        known = f"?id={row[1]}" if "id" in FIELDS.get(name.split("/")[1].split(".")[0], ()) else "?"
        first, second = http.get(f"/{name}{known}"), http.get(f"/{name}{known}&x=1")
        assert "no such field" not in first.text, name
        assert second.status_code == 400, name
        assert "x: this address has no such field" in second.json()["error"], name


@pytest.mark.parametrize("path", CLOSED)
def test_what_gradio_serves_and_no_page_needs_is_not_there(http: httpx2.Client, path: str) -> None:
    assert http.get(f"/{path}").status_code == 404


@pytest.mark.parametrize(
    "path", ["upload", "run/send", "run/predict", "api/send", "component_server", "process_recording", "call/send"]
)
def test_what_gradio_takes_and_no_page_sends_is_refused(http: httpx2.Client, path: str) -> None:
    for body in ({"data": []}, {"data": ["x"], "fn_index": 1, "session_hash": "a"}):
        assert http.post(f"/gradio_api/{path}", json=body).status_code in (400, 403, 404)


def test_a_body_that_is_too_large_is_refused(http: httpx2.Client) -> None:
    body = b'{"data": ["' + b"a" * LONGEST_BODY + b'"]}'
    assert http.post("/gradio_api/queue/join", content=body).status_code == 413
    assert http.post("/gradio_api/queue/join", content=iter([body])).status_code == 413  # without its length
    assert http.post("/gradio_api/call/board", content=body).status_code == 413


# --- headers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, *FILES])
def test_what_has_not_changed_keeps_its_policy(http: httpx2.Client, path: str) -> None:
    """A browser takes the headers of a 304 for those of the page that it has kept."""
    first = http.get(f"/{path}")
    if "etag" not in first.headers:
        return
    again = http.get(f"/{path}", headers={"If-None-Match": first.headers["etag"]})
    policy = "content-security-policy"
    assert again.status_code == 304
    assert again.headers.get(policy, first.headers[policy]) == first.headers[policy]


@pytest.mark.parametrize("path", [*PAGES, *FILES, "nothing", "model?id=nothing", "download/answers.csv"])
def test_all_pages_and_files_have_the_headers_that_protect_them(http: httpx2.Client, path: str) -> None:
    headers = http.get(f"/{path}").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "referrer-policy" in headers
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'self' https://huggingface.co https://*.hf.space" in policy
    assert "default-src" in policy
    if path.split("?")[0] not in ("submit", "queue"):
        assert "unsafe-eval" not in policy
        assert "script-src 'self' 'unsafe-inline'" not in policy
    assert http.get(f"/{path}").headers.get_list("content-security-policy") == [policy]


def test_any_site_may_frame_the_small_page_of_a_row_and_nothing_else(http: httpx2.Client) -> None:
    row = load(PUBLISHED).results[0]
    for path in (f"embed?id={row.id}", "embed?id=nobody", "embed"):
        policies = http.get(f"/{path}").headers.get_list("content-security-policy")
        assert len(policies) == 1
        assert "frame-ancestors *" in policies[0]
        assert "default-src 'none'" in policies[0]
    assert "frame-ancestors *" not in http.get(f"/chart/badge.svg?id={row.id}").headers["content-security-policy"]
    assert "x-frame-options" not in http.get(f"/embed?id={row.id}").headers


# --- listeners ------------------------------------------------------------------------------------------------------


def join(
    http: httpx2.Client,
    number: int,
    data: object,
    session: object = "abc",
    page: str | None = None,
    to: str = "queue/join",
) -> int:
    headers = {} if page is None else {"X-Page-Token": page}
    body = {"fn_index": number, "data": data, "session_hash": session}
    return http.post(f"/gradio_api/{to}", json=body, headers=headers).status_code


def test_a_listener_answers_an_open_page_alone(http: httpx2.Client) -> None:
    number = min(listeners(http, "submit"))
    first = token(http)
    assert join(http, number, ["vllm"], "mine") == 403
    assert join(http, number, ["vllm"], "mine", "forged") == 403
    assert join(http, number, ["vllm"], "mine", first[:-1] + ("0" if first[-1] != "0" else "1")) == 403
    assert join(http, number, ["vllm"], "mine", first) == 200
    assert join(http, number, ["vllm"], "mine", first) == 200
    assert join(http, number, ["vllm"], "another", first) == 403  # it belongs to one session
    assert join(http, number, ["vllm"], "mine", to="run/predict") == 403
    assert join(http, number, ["vllm"], "mine", first, to="run/predict") == 200


def test_a_page_of_another_site_gets_no_token(http: httpx2.Client) -> None:
    assert http.post("/vp/page-token", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert http.get("/vp/page-token").status_code == 404


def test_null_and_forged_arguments_are_clear_refusals(http: httpx2.Client, served: RunningApp) -> None:
    held = token(http)
    before = served.log.read_text()
    for page in ("submit", "queue"):
        for number, listener in listeners(http, page).items():
            inputs = len(listener["inputs"])
            for value in (None, [], [None], 1e308, True, "", "\x00", "../..", [1], -1):
                assert join(http, number, [value] * inputs, "mine", held) == 200
                assert join(http, number, [value] * inputs, "mine", held, "run/predict") in (200, 422)
            for data in ([{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}], [{}], [[[]]], {}, None, "x"):
                assert join(http, number, data, "mine", held) == 400
            assert join(http, number, [None] * (inputs + 3), "mine", held) in (200, 400)
    with http.stream("GET", "/gradio_api/queue/data?session_hash=mine") as stream:
        said = "".join(stream.iter_text())
    assert "process_completed" in said
    assert SECRET not in said
    for number in (10_000, -1, 2**70):
        assert join(http, number, [], "mine", held) in (400, 404)
    assert join(http, 0, [], None, held) == 400
    log = served.log.read_text()[len(before) :]
    assert "Traceback" not in log
    assert len(log) < 20_000


def test_programs_reach_their_endpoints_without_a_page(http: httpx2.Client) -> None:
    asked = http.post("/gradio_api/call/queue", json={"data": [1, 10]})
    event = asked.raise_for_status().json()["event_id"]
    assert "complete" in http.get(f"/gradio_api/call/queue/{event}").text
    for wrong in ({"data": [{"path": "/etc/passwd", "meta": {}}]}, {"data": None, "x": {}}, []):
        assert http.post("/gradio_api/call/queue", json=wrong).status_code in (400, 422)


@pytest.mark.parametrize(
    "path", ["/", "/about", "/news.atom", "/sitemap.xml", "/robots.txt", "/queue", "/gradio_api/info"]
)
@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "Forwarded", "X-Gradio-Server", "X-Forwarded-Prefix"])
def test_who_asks_first_does_not_decide_what_others_see(http: httpx2.Client, path: str, header: str) -> None:
    said = "host=evil.example" if header == "Forwarded" else "/evil.example" if "Prefix" in header else "evil.example"
    http.get(path, headers={header: said})
    assert "evil.example" not in http.get(path).text


@pytest.mark.parametrize("place", ["/assets/", "/static/", "/m/", "/chart/", "/download/", "/vp/", "/"])
def test_a_name_that_no_file_can_have_is_not_there(http: httpx2.Client, place: str) -> None:
    assert http.get(f"{place}{'x' * 300}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[" * 5000 + b"]" * 5000, b'{"a":' * 900 + b"1" + b"}" * 900, b"[" * 101 + b"]" * 101],
    ids=["empty", "cut", "no text", "5000 lists", "900 objects", "101 lists"],
)
def test_a_tool_is_called_with_json_that_is_not_too_deep(http: httpx2.Client, served: RunningApp, body: bytes) -> None:
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    for address in ("/mcp", "/gradio_api/mcp/"):
        assert http.post(address, content=body, headers=headers).status_code == 400
    assert "Traceback" not in served.log.read_text()


def test_odd_arguments_of_a_tool_are_errors_that_name_them(http: httpx2.Client, served: RunningApp) -> None:
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    odd: list[tuple[object, object]] = [
        ("board", {"page": 10**30}),
        ("board", {"limit": 1e308}),
        ("board", {"part": "rows." + "9" * 5000}),
        ("board", {"part": ["a"]}),
        ("board", {"developer": ["x"] * 5000}),
        ("board", {"nope": 1}),
        ("../../etc/passwd", {}),
        ("x" * 10_000, {}),
    ]
    for name, arguments in odd:
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        answer = http.post("/mcp", content=json.dumps(call), headers=headers)
        assert answer.status_code == 200, name
        assert len(answer.content) < 10_000
    assert "Traceback" not in served.log.read_text()
