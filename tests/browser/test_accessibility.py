"""Every page, checked by axe-core in a real browser: no serious issue, light or dark, wide or narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe

from leaderboard.boards.results import PUBLISHED, load
from leaderboard.web.frame import NAVIGATION
from tools.live import RunningApp

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

FIRST = load(PUBLISHED).results[0].id
ADDRESSES = (
    *(route for _, route in NAVIGATION),
    f"?model={FIRST}&show=ranks,wording",
    f"model?id={FIRST}",
    "model?id=practised",
    "compare?id=o1-mini-2024-09-12&id=gpt-4o-2024-05-13&id=qwq-32b&id=deepseek-r1&id=qwen-turbo",
    "compare?series=gpt-4o",
    "map?view=plane&developer=OpenAI",
    "glossary",
    "methodology",
    "value",
    "value?name=Benevolence",
    "value?name=Openness&sort=size",
    "dates?along=size",
    "no-such-page",
)
OURS = {"exclude": [["footer.gradio"], [".toast-wrap"]]}
"""All of a page but what only Gradio draws."""


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light")])
def test_no_page_has_a_serious_issue(browser: Browser, served: RunningApp, width: int, scheme: str) -> None:
    view = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    found: dict[str, list[str]] = {}
    axe = Axe()
    try:
        for address in ADDRESSES:
            view.goto(f"{served.url}/{address}", wait_until="load")
            view.locator(".vp-footer").wait_for()
            view.wait_for_timeout(400)
            for issue in axe.run(view, context=OURS).response["violations"]:
                if issue["impact"] in ("serious", "critical"):
                    where = [node["html"][:160] for node in issue["nodes"][:3]]
                    found[f"{address or 'board'}: {issue['id']}"] = where
        # the check itself can fail
        view.locator("p").first.evaluate(
            "p => { p.style.cssText = 'color: #999; background: #bbb'; p.textContent = 'hard to read'; }"
        )
        assert "color-contrast" in {issue["id"] for issue in axe.run(view, context=OURS).response["violations"]}
    finally:
        view.close()
    assert found == {}
