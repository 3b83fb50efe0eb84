"""Scripts are put together from the modules they import; the modules themselves are tested in `tests/js`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from leaderboard.web import assets
from tests.support import ROOT

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="Node is not installed")


def run(script: str) -> str:
    assert NODE
    return subprocess.run([NODE, "-"], input=script, capture_output=True, text=True, check=True, timeout=240).stdout


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(assets, "_LEADERBOARD", tmp_path)
    return tmp_path


@pytest.mark.slow
@needs_node
def test_the_modules_do_what_they_should() -> None:
    assert NODE
    tests = sorted((ROOT / "tests" / "js").glob("*.test.js"))
    done = subprocess.run([NODE, "--test", *tests], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@needs_node
def test_every_script_can_be_read_as_a_plain_one(tmp_path: Path) -> None:
    assert NODE
    scripts = [assets.text(name) for name in assets.FILES if name.endswith(".js")]
    assert len(scripts) >= 5
    for script in scripts:
        assert "@param" not in script
        (tmp_path / "script.cjs").write_text(script, encoding="utf-8")
        subprocess.run([NODE, "--check", tmp_path / "script.cjs"], check=True, timeout=240)


@pytest.mark.slow
@needs_node
def test_a_module_runs_once_and_after_those_it_imports(folder: Path) -> None:
    (folder / "base.js").write_text('/** @type {number} */\nexport const x = 1;\nconsole.log("base");\n')
    (folder / "a.js").write_text('import { x } from "./base.js";\nexport function up() { return x + 1; }\n')
    (folder / "b.js").write_text('import { x as y } from "./base.js";\nconst x = 5;\nexport const z = x + y;\n')
    (folder / "main.js").write_text(
        'import { z } from "./b.js";\nimport { up } from "./a.js";\nexport const sum = up() + z;\n'
    )
    assert run(f"console.log({assets.bundle(folder / 'main.js')}.sum);") == "base\n8\n"


@pytest.mark.parametrize(
    "line",
    [
        'import all from "./base.js";',
        'import * as b from "./base.js";',
        "export default 1;",
        "export { x };",
        "export let x = 1;",
    ],
)
def test_what_cannot_be_put_together_is_refused(folder: Path, line: str) -> None:
    (folder / "base.js").write_text("export const x = 1;\n")
    (folder / "main.js").write_text(f"{line}\n")
    with pytest.raises(ValueError, match=r"main\.js: '(import|export)"):
        assets.bundle(folder / "main.js")


def test_modules_that_import_each_other_are_refused(folder: Path) -> None:
    (folder / "a.js").write_text('import { b } from "./b.js";\nexport const a = 1;\n')
    (folder / "b.js").write_text('import { a } from "./a.js";\nexport const b = 1;\n')
    with pytest.raises(ValueError, match="by way of others"):
        assets.bundle(folder / "a.js")


def test_a_file_may_be_kept_for_good_at_the_address_that_pages_name() -> None:
    client = TestClient(Starlette(routes=[assets.route()]))
    named = client.get(assets.address("map.js").removeprefix("."))
    assert named.text == assets.text("map.js")
    assert named.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in named.headers["cache-control"]
    bare = client.get("/vp/map.js")
    assert bare.headers["cache-control"] == "no-cache"
    again = client.get("/vp/map.js", headers={"If-None-Match": bare.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_sheet_is_served_behind_those_it_imports_and_compressed_where_asked() -> None:
    client = TestClient(Starlette(routes=[assets.route()]))
    sheet = client.get("/vp/model.css", headers={"Accept-Encoding": "gzip"})
    assert sheet.headers["content-encoding"] == "gzip"
    assert sheet.text == client.get("/vp/model.css", headers={"Accept-Encoding": "identity"}).text
    own = assets.FILES["model.css"].read_text(encoding="utf-8")
    assert own.count('@import "row.css";') == 1
    assert sheet.text == own.replace('@import "row.css";\n', assets.text("row.css"))
    assert not [name for name in assets.FILES if name.endswith(".css") and "@import" in assets.text(name)]


def test_modules_and_other_files_are_not_served() -> None:
    client = TestClient(Starlette(routes=[assets.route()]))
    for name in ("numbers.js", "board.js", "page.py", "../assets.py"):
        assert client.get(f"/vp/{name}").status_code == 404
