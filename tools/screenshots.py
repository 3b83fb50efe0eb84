"""Pictures of every page: `python tools/screenshots.py FOLDER`, wide and narrow, light and dark.

`--readme` also renews the pictures that are kept: the board as the README shows it, and the logo, which is the mean
portrait of the published models. Needs a Chromium (`CHROMIUM` names another one than the first on the path).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from leaderboard.boards.results import PUBLISHED, load, mean_profile  # noqa: E402
from leaderboard.charts.portrait import portrait  # noqa: E402 - the project is found from here
from leaderboard.web.frame import LOGO  # noqa: E402
from tools.live import app, chromium, find_chromium  # noqa: E402

ASSETS = ROOT / "assets"
SIZES = {1440: 900, 390: 844}
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


class Shot(NamedTuple):
    """One view of a page."""

    name: str
    address: str
    ready: str
    """What must be there before the picture is taken."""


PEOPLE = "like_raters,gender,age,political,education,nearest"
"""The board's columns of people."""

SHOTS = (
    Shot("board", "", ".vp-row, .vp-card"),
    Shot("board-row", "?model={model}", ".vp-detail dl"),
    Shot("board-places", "?show=ranks,wording,order", ".vp-row, .vp-card"),
    Shot("board-higher", "?scale=higher_pvq&sort=Conservation&order=down", ".vp-row, .vp-card"),
    Shot("board-traits", "?scale=bfi", ".vp-row, .vp-card"),
    Shot("board-people", f"?show={PEOPLE}", ".vp-row, .vp-card"),
    Shot("board-all", f"?show=ranks,wording,order,{PEOPLE}&pin={{model}}", ".vp-row, .vp-card"),
    Shot("board-grouped", "?group=developer&reliable=yes&sort=Power&pin={model}", ".vp-row, .vp-card"),
    Shot("board-raw", "?numbers=raw&developer=OpenAI&developer=Google", ".vp-row, .vp-card"),
    Shot("board-without-intervals", "?intervals=off&weights=open", ".vp-row, .vp-card"),
    Shot("board-nothing-found", "?q=no+such+model", ".vp-empty"),
    Shot("board-practice", "?table=practice", ".vp-empty, .vp-row, .vp-card"),
    Shot("model", "model?id={model}", ".vp-item"),
    Shot("compare", "compare?id=claude-3-opus-20240229&id=gpt-4o-2024-05-13", ".vp-gaps"),
    Shot(
        "compare-five",
        "compare?id=o1-mini-2024-09-12&id=gpt-4o-2024-05-13&id=qwq-32b&id=deepseek-r1&id=qwen-turbo",
        ".vp-gaps",
    ),
    Shot("compare-series", "compare?series=gpt-4o", ".vp-panels"),
    Shot("compare-nothing", "compare", ".vp-none"),
    Shot("map", "map", ".vp-map-list"),
    Shot("map-family", "map?family=gpt-4o", ".vp-map-list"),
    Shot("map-plane", "map?view=plane&developer=Anthropic", ".vp-map-list"),
    Shot("value", "value?name=Benevolence", ".vp-value-rows"),
    Shot("values", "value", "main h1"),
    Shot("alike", "alike", "main h1"),
    Shot("dates", "dates", "main h1"),
    Shot("take", "take", "#take-go"),
    Shot("groups", "groups?contrast=age", ".vp-circle"),
    Shot("submit", "submit", "#send"),
    Shot("queue", "queue", ".vp-queue"),
    Shot("benchmark", "benchmark", ".vp-hill"),
    Shot("news", "news", "main h1"),
    Shot("methodology", "methodology", "main h1"),
    Shot("not-found", "no-such-page", "main h1"),
    Shot("about", "about", ".vp-terms"),
    Shot("glossary", "glossary", ".vp-terms"),
)


@contextmanager
def page(browser: Browser, width: int, scheme: Scheme) -> Iterator[Page]:
    """A page of a size, light or dark."""
    opened = browser.new_page(viewport={"width": width, "height": SIZES[width]}, color_scheme=scheme)
    try:
        yield opened
    finally:
        opened.close()


def take(view: Page, url: str, shot: Shot, model: str, file: Path, *, whole: bool) -> None:
    """Open an address and write its picture."""
    view.goto(f"{url}/{shot.address.format(model=model)}", wait_until="domcontentloaded")
    view.locator(shot.ready).first.wait_for()
    view.evaluate("document.fonts.ready")
    view.wait_for_timeout(300)
    view.screenshot(path=file, full_page=whole)
    typer.echo(file)


def slim(file: Path) -> None:
    """Write a picture again as small as it gets without changing it."""
    from PIL import Image

    with Image.open(file) as picture:
        same = picture.convert("RGB")
    same.save(file, optimize=True)


def main(
    folder: Annotated[Path, typer.Argument(help="Where the pictures go.")],
    source: Annotated[str, typer.Option(help="Benchmark to show as the one in use.")] = "practice",
    readme: Annotated[bool, typer.Option("--readme", help="Also renew the README's picture and the logo.")] = False,
) -> None:
    """Start the app and take pictures of all its pages."""
    path = find_chromium()
    if path is None:
        typer.echo("No Chromium is here. Install one, or name one in CHROMIUM.", err=True)
        raise typer.Exit(2)
    folder.mkdir(parents=True, exist_ok=True)
    published = load(PUBLISHED).results
    if readme:
        ASSETS.mkdir(exist_ok=True)
        logo = portrait(mean_profile(published), name=f"the mean of {len(published)} models", kind="logo")
        LOGO.write_text(logo + "\n", encoding="utf-8")
    with (
        tempfile.TemporaryDirectory() as place,
        app(Path(place) / "store", source=source) as running,
        chromium(path) as browser,
    ):
        for width in SIZES:
            for scheme in SCHEMES:
                with page(browser, width, scheme) as view:
                    for shot in SHOTS:
                        file = folder / f"{shot.name}-{width}-{scheme}.png"
                        take(view, running.url, shot, published[0].id, file, whole=width == 390)
        if readme:
            with page(browser, 1440, "light") as view:
                chosen = next(r.id for r in published if r.model.startswith("claude-3-opus"))
                view.add_init_script("localStorage.setItem('vp-first-visit', 'closed')")
                view.set_viewport_size({"width": 1440, "height": 820})
                take(view, running.url, SHOTS[1], chosen, ASSETS / "board.png", whole=False)
            slim(ASSETS / "board.png")


if __name__ == "__main__":
    typer.run(main)
