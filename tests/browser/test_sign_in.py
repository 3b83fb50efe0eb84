"""Signing in as on a Space: Gradio's own sign-in, which outside a Space takes the profile of the Hub's token."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from eval_queue.queue.queue import open_queue
from eval_queue.settings import Settings
from tests.browser.conftest import new_page
from tests.support.hub import hub_server
from tools.live import app

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def test_nobody_submits_unknown_and_an_administrator_is_known(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    endpoints = json.dumps([{"name": "vllm", "base_url": "http://127.0.0.1:9/v1", "hub_models": True}])
    with hub_server() as hub:
        head = hub.add_model("lab/model-7B", parameters={"BF16": 7_000_000_000})
        for name, value in hub.environment(tmp_path / "home", token=hub.token).items():
            monkeypatch.setenv(name, value)
        settings = {"oauth": "true", "administrators": json.dumps([hub.user]), "endpoints": endpoints}
        with app(store, source="practice", scheduler="false", **settings) as running:
            page = new_page(browser)
            # what an administrator sees comes with a request of its own
            page.goto(f"{running.url}/queue", wait_until="networkidle")
            page.locator(".vp-queue").wait_for()
            assert not page.locator("#administration").is_visible()
            page.goto(f"{running.url}/submit", wait_until="domcontentloaded")
            page.locator("#model textarea, #model input").first.fill("lab/model-7B")
            page.locator("#send").click()
            page.locator("#form-error .vp-code", has_text="sign_in").wait_for()
            assert open_queue(Settings(store=store)).submissions() == []

            page.locator("#sign-in").click()
            page.get_by_role("button", name=f"Sign out {hub.user}").wait_for()
            page.locator("#model textarea, #model input").first.fill("lab/model-7B")
            page.locator("#send").click()
            page.locator("#life h2", has_text="lab/model-7B").wait_for()
            (stored,) = open_queue(Settings(store=store)).submissions()
            assert (stored.submitter, stored.revision) == (hub.user, head)
            page.goto(f"{running.url}/queue", wait_until="domcontentloaded")
            page.locator("#administration").wait_for()
            page.close()
