"""Every page, checked by axe-core in a real browser: no serious issue, light or dark, wide or narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from leaderboard.boards.results import PUBLISHED, load
from leaderboard.web.frame import NAVIGATION
from tests.browser.conftest import Tabs, resize
from tools.live import RunningApp

if TYPE_CHECKING:
    from playwright.sync_api import Page

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


ALL_SETTLED = (
    "() => Promise.all([document.fonts.ready, ...document.getAnimations().map(a => a.finished.catch(() => 0))])"
)


COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""Those of axe's rules for which colours count, in the levels that are tried."""


def serious(view: Page, rules: dict[str, Any] | None = None) -> dict[str, list[str]]:
    """The serious issues of the page as it is, each with where it is; `rules` selects some, else all are tried."""
    view.evaluate(ALL_SETTLED)
    options = {"resultTypes": ["violations"], **(rules or {})}
    found = Axe().run(view, context=OURS, options=options).response["violations"]
    return {
        issue["id"]: [node["html"][:160] for node in issue["nodes"][:3]]
        for issue in found
        if issue["impact"] in ("serious", "critical")
    }


# colours are the same at any width, and in the dark nothing but colours is another
@pytest.mark.parametrize(("scheme", "widths"), [("light", (1440, 390)), ("dark", (1440,))])
def test_no_page_has_a_serious_issue(tabs: Tabs, served: RunningApp, scheme: Any, widths: tuple[int, ...]) -> None:
    found: dict[str, list[str]] = {}
    with tabs.open(served.url) as (view, _):
        view.emulate_media(color_scheme=scheme)
        for address in ADDRESSES:
            view.set_viewport_size({"width": 1440, "height": 900})
            view.goto(f"{served.url}/{address}", wait_until="load")
            view.locator(".vp-footer").wait_for()
            for width in widths:
                resize(view, width)
                for issue, where in serious(view, COLOURS if scheme == "dark" else None).items():
                    found[f"{address or 'board'} at {width}: {issue}"] = where
        # the check itself can fail
        view.locator("p").first.evaluate(
            "p => { p.style.cssText = 'color: #999; background: #bbb'; p.textContent = 'hard to read'; }"
        )
        assert "color-contrast" in serious(view)
    assert found == {}
