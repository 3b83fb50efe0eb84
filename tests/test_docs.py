"""The documents: examples run, commands and files that they name exist, drawings agree with the code, the site builds.

A block of code after the comment `<!-- runs -->` is run, those of a page one after the other in one empty folder, with
an OpenAI-compatible server where they speak of one. `<!-- runs: folder -->` also puts a benchmark into `my-benchmark`.
All other commands are parsed by the program or package that they name, so that an option that does not exist is found.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final, NamedTuple
from xml.etree import ElementTree

import click
import pytest
import typer.main
import yaml

from data.__main__ import app as of_data
from eval_queue.__main__ import app as of_queue
from eval_queue.submission import TRANSITIONS
from leaderboard.__main__ import app as of_board
from leaderboard.console import application
from leaderboard.web.document import ReadingPage
from tests.support import ROOT
from tests.support.chat_server import ChatServer, Response
from tests.support.folders import write_folder
from tests.support.hub import HubProcess

DOCS: Final = ROOT / "docs"
GITHUB: Final = ROOT / ".github"
PAGES: Final = sorted([*DOCS.rglob("*.md"), *(ROOT / f"{n}.md" for n in ("README", "CONTRIBUTING", "SECURITY"))])
SERVER: Final = "http://127.0.0.1:8000/v1"
BLOCK: Final = re.compile(r"^( *)(?:<!-- (runs[^>]*?) -->\n\1)?```(\w+)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
PATH: Final = re.compile(r"`((?:data|eval_queue|leaderboard|tests|docs|tools|\.github)/[\w./-]+)`")
SVG: Final = "{http://www.w3.org/2000/svg}"


class Block(NamedTuple):
    """A piece of code in a document."""

    language: str
    code: str
    runs: str | None
    """`runs` or `runs: folder`, where it is to be run."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [
        Block(language, re.sub(f"^{indent}", "", code, flags=re.M), runs or None)
        for indent, runs, language, code in found
    ]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command in a document, in its words."""
    for page in PAGES:
        for block in blocks(page):
            if block.language in ("bash", "sh"):
                for line in block.code.replace("\\\n", " ").splitlines():
                    said = line.removeprefix("exec ")
                    if said.startswith(("value-portrait ", "python -m ")):
                        yield name(page), shlex.split(said, comments=True)


PROGRAMS: Final = {
    ("value-portrait",): application,
    ("python", "-m", "data"): lambda: of_data,
    ("python", "-m", "eval_queue"): lambda: of_queue,
    ("python", "-m", "leaderboard"): lambda: of_board,
}
COMMANDS: Final = [
    (page, words, start) for page, words in commands() for start in PROGRAMS if tuple(words[: len(start)]) == start
]
RUN: Final = [page for page in PAGES if any(block.runs for block in blocks(page))]


def test_there_are_examples() -> None:
    assert len(RUN) >= 3
    assert len(COMMANDS) >= 10
    assert {start for _, _, start in COMMANDS} >= {("value-portrait",), ("python", "-m", "eval_queue")}


@pytest.mark.parametrize(
    ("page", "words", "start"), COMMANDS, ids=[f"{page}: {' '.join(words)}" for page, words, _ in COMMANDS]
)
def test_a_command_is_understood(page: str, words: list[str], start: tuple[str, ...]) -> None:
    """Parsed by the program itself, without being run."""
    command: click.Command = typer.main.get_command(PROGRAMS[start]())
    rest = words[len(start) : next((i for i, word in enumerate(words) if word in (">", "|")), None)]
    context = None
    while True:
        is_group = hasattr(command, "commands")
        if rest[:1] == ["--help"]:
            return
        if not is_group:
            command.make_context(words[0], rest, parent=context)
            return
        assert rest, f"{page}: {' '.join(words)} names no command"
        assert rest[0] in command.commands, f"{page}: there is no command {rest[0]}"
        context, command, rest = None, command.commands[rest[0]], rest[1:]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=name)
def test_examples_run(page: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "value-portrait"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m leaderboard.console "$@"\n')
    program.chmod(0o755)
    folder = tmp_path / "folder"
    folder.mkdir()
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    with ChatServer() as server:
        for block in blocks(page):
            if block.runs == "runs: folder" and not (folder / "my-benchmark").exists():
                write_folder(folder / "my-benchmark")
            if block.runs:
                code = block.code.replace(SERVER, server.address)
                shell = {"bash": ["bash", "-eu", "-c", code], "python": [sys.executable, "-c", code]}[block.language]
                done = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, check=False)
                assert done.returncode == 0, f"{block.code}\n{done.stdout}\n{done.stderr}"
                assert done.stdout or block.language == "python"


@pytest.mark.slow
def test_the_steps_to_a_space_lead_to_rows_on_the_hub(store_hub: HubProcess, tmp_path: Path) -> None:
    """As written, but for names, a benchmark that is at hand here, and a worker that ends."""
    page = DOCS / "how-to" / "run-a-space.md"
    code = {b.code.strip().splitlines()[0]: b.code for b in blocks(page)}
    publish = next(c for c in code if "benchmark publish" in c)
    variables = code[next(c for c in code if c.startswith("VALUE_PORTRAIT_"))]
    settings = dict(line.split("=", 1) for line in variables.splitlines() if line)
    (tmp_path / "models.txt").write_text("org/one\norg/two  # the second\n")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VALUE_PORTRAIT_")}
    environment |= {**store_hub.environment(tmp_path / "home", token=store_hub.token), "PYTHONPATH": str(ROOT)}

    def run(line: str, status: int = 0) -> str:
        words = shlex.split(line)
        assert words[0] == "value-portrait"
        command = [sys.executable, "-m", "leaderboard.console", *words[1:]]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == status, f"{line}\n{done.stdout}\n{done.stderr}"
        assert store_hub.token not in done.stdout + done.stderr
        return done.stdout

    pinned = run(publish.replace("--source upstream", "--source practice").replace("org/", "lab/space-"))
    with ChatServer() as server:
        server.pages["/v1/models"] = Response(b'{"object": "list", "data": [{"id": "org/one"}, {"id": "org/two"}]}')
        example = '"name": "...", "base_url": "https://.../v1"'
        assert example in settings["VALUE_PORTRAIT_ENDPOINTS"]
        settings["VALUE_PORTRAIT_ENDPOINTS"] = settings["VALUE_PORTRAIT_ENDPOINTS"].replace(
            example, f'"name": "served", "base_url": "{server.address}"'
        )
        found = re.search(r"lab/space-benchmark@[0-9a-f]{40}", pinned)
        assert found is not None, pinned
        settings["VALUE_PORTRAIT_SOURCE"] = found[0]
        environment |= {k: v.replace("org/re", "lab/space-re") for k, v in settings.items()}
        environment |= {"VALUE_PORTRAIT_STORE": str(tmp_path / "store"), "MY_KEY": "a-key"}
        environment["VALUE_PORTRAIT_LOCAL_MODEL"] = "false"
        doctor = next(c for c in code if c == "value-portrait doctor")
        run(doctor)
        submitted = run(next(c for c in code if "--file models.txt" in c))
        assert submitted.count("pending") == 2
        run(f"{next(c for c in code if c == 'value-portrait work')} --once")
    records = [p for p in store_hub.files("lab/space-results") if re.fullmatch(r"results/org-(one|two)-.*\.json", p)]
    assert len(records) == 2


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    # of a benchmark in a folder of one's own, and of the page that an example adds
    others = (
        "data/query-response-tagged/",
        "data/correlation_results/",
        "data/prolific/",
        "leaderboard/pages/coverage/",
    )
    missing = [path for path in PATH.findall(text) if not path.startswith(others) and not (ROOT / path).exists()]
    assert missing == []
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_drawing_of_a_submission_has_all_changes_of_state() -> None:
    drawing = ElementTree.parse(DOCS / "drawings" / "submission.svg").getroot()
    drawn = {
        (e.attrib["data-from"], e.attrib["data-to"]) for e in drawing.iter(f"{SVG}path") if "data-from" in e.attrib
    }
    assert drawn == {(a, b) for a, following in TRANSITIONS.items() for b in following}


def test_the_drawing_of_rooms_has_all_rooms() -> None:
    drawing = ElementTree.parse(DOCS / "drawings" / "rooms.svg").getroot()
    drawn = {word.strip() for e in drawing.iter(f"{SVG}tspan") for word in (e.text or "").split(",")}
    for package in ("data", "eval_queue", "leaderboard"):
        rooms = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        assert rooms <= drawn, package


def test_the_drawing_of_an_answer_names_files_that_exist() -> None:
    drawing = ElementTree.parse(DOCS / "drawings" / "answer.svg").getroot()
    files = [e.text for e in drawing.iter(f"{SVG}text") if e.text and e.text.endswith(".py")]
    assert len(files) >= 8
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_contributing_names_the_files_of_the_usual_changes_in_three_rooms_at_most() -> None:
    text = (
        (ROOT / "CONTRIBUTING.md")
        .read_text(encoding="utf-8")
        .partition("## The usual changes")[2]
        .partition("\n## ")[0]
    )
    changes = dict(part.split("\n", 1) for part in text.split("\n### ")[1:])
    assert len(changes) >= 6
    for title, steps in changes.items():
        listed = "\n".join(line for line in steps.splitlines() if re.match(r"\d\.|   ", line))
        rooms = {
            "/".join(path.rstrip("/").split("/")[:2])
            for path in PATH.findall(listed)
            if path.startswith(("data/", "eval_queue/", "leaderboard/")) and "/" in path.rstrip("/")
        }
        assert 1 <= len(rooms) <= 3, (title, rooms)


@pytest.mark.slow
def test_workflows_and_forms_can_be_read() -> None:
    forms = [yaml.safe_load(path.read_text()) for path in (GITHUB / "ISSUE_TEMPLATE").glob("[!c]*.yml")]
    assert len(forms) == 3
    for form in forms:
        ids = [field["id"] for field in form["body"] if "id" in field]
        assert {"name", "description", "body"} <= form.keys()
        assert len(ids) == len(set(ids)) > 0
    workflows = [yaml.safe_load(path.read_text()) for path in (GITHUB / "workflows").glob("*.yml")]
    assert len(workflows) >= 3
    scripts = [s["run"] for w in workflows for job in w["jobs"].values() for s in job["steps"] if "run" in s]
    assert ".ci/run" in scripts
    for script in scripts:
        subprocess.run(["bash", "-n", "-c", script], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("well", [True, False])
def test_the_health_check_knows_a_space_that_is_well(well: bool, tmp_path: Path) -> None:
    """The workflow's own script against a server over HTTP; it does not wait for a Space to wake here."""

    class Space(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response((200 if well else 503) if self.path == "/health" else 404)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    steps = yaml.safe_load((GITHUB / "workflows" / "health.yml").read_text())["jobs"]["health"]["steps"]
    script = next(step["run"] for step in steps if step.get("id") == "ask")
    assert "--retry 8" in script
    with ThreadingHTTPServer(("127.0.0.1", 0), Space) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        environment = os.environ | {
            "SPACE_URL": f"http://127.0.0.1:{server.server_port}/",
            "GITHUB_OUTPUT": str(tmp_path / "output"),
        }
        patient = script.replace("--retry 8", "--retry 0")
        subprocess.run(["bash", "-e", "-c", patient], cwd=tmp_path, env=environment, check=True)
        server.shutdown()
    assert (tmp_path / "output").read_text() == f"well={str(well).lower()}\n"


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_needs_nobody_elses_server(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="needs requirements-docs.txt, not installed")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(build, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {
        path.relative_to(tmp_path / "site").as_posix(): path.read_text() for path in (tmp_path / "site").rglob("*.html")
    }
    loaded = re.compile(
        r"<(?:script|img|source|iframe)[^>]+src=\"https?://|<link[^>]+rel=\"(?:stylesheet|icon|preconnect)\"[^>]+https?://"
    )
    assert [name for name, text in pages.items() if loaded.search(text) or "fonts.googleapis" in text] == []
    assert "value-portrait evaluate" in pages["reference/commands/index.html"]
    assert "eval_queue.reading.reader.read_answer" in pages["reference/eval_queue/index.html"]


def test_each_threat_names_tests_that_there_are() -> None:
    rows = [line for line in (ROOT / "SECURITY.md").read_text().splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 15
    for row in rows:
        named = re.findall(r"`((?:tests/)?[\w/]*test_\w+\.py|tests/[\w/]+(?:\.py)?)`", row.rsplit("|", 2)[1])
        assert named, row
        for name in named:
            assert (ROOT / name if name.startswith("tests/") else ROOT / "tests" / "attack" / name).exists(), name


def test_each_fault_names_tests_that_there_are() -> None:
    named = set(re.findall(r"[\w/]+\.py", (ROOT / "tests" / "faults" / "__init__.py").read_text()))
    assert len(named) > 8
    assert [name for name in named if not (ROOT / "tests" / name).exists()] == []


def test_the_example_page_has_what_a_page_needs() -> None:
    (example,) = [b.code for b in blocks(DOCS / "how-to" / "add-a-page.md") if b.language == "python"]
    made: dict[str, object] = {}
    exec(example, made)
    needed = {*ReadingPage.__annotations__, *(n for n in vars(ReadingPage) if not n.startswith("_"))}
    assert {"FIELDS", "content"} <= needed <= made.keys()
