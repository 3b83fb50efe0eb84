"""Whether a pinned package has a known weakness: `python tools/audit.py requirements*.txt`, with `pip-audit` installed.

Exit status 1 where one has. Where no database of advisories can be reached, or it knows none of the packages (a mirror
of the index may know no advisories, and `pip-audit` calls that "no known vulnerabilities"), it says that nothing was
audited, as a warning of GitHub's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, NamedTuple


class Audit(NamedTuple):
    """What came of one file of requirements."""

    audited: int
    skipped: list[str]
    """Packages of which the database says nothing."""
    weak: list[str]
    """A line each."""


def read(report: str) -> Audit:
    """What `pip-audit --format json` says; an empty report is of a database that could not be reached."""
    try:
        found: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Audit(0, [], [])
    skipped = [d["name"] for d in found if "skip_reason" in d]
    weak = [
        f"{d['name']} {d['version']}: {v['id']}, mended in {', '.join(v['fix_versions']) or 'no version yet'}"
        for d in found
        for v in d.get("vulns", ())
    ]
    return Audit(len(found) - len(skipped), skipped, weak)


def main(files: list[str]) -> int:
    """Audit files of requirements and say what came of it."""
    weak = False
    options = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    for file in files:
        command = [sys.executable, "-m", "pip_audit", "--requirement", file, *options]
        audit = read(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
        if not audit.audited:
            print(f"::warning::{file}: nothing was audited, no database of advisories knows these packages or answers.")
        elif audit.skipped:
            print(f"::warning::{file}: {audit.audited} packages audited, not {', '.join(audit.skipped)}.")
        else:
            print(f"{file}: {audit.audited} packages audited.")
        for line in audit.weak:
            weak = True
            print(f"::error::{file}: {line}")
    return int(weak)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
