"""What `tools/audit.py` makes of the reports of `pip-audit`."""

from __future__ import annotations

import json

from tools.audit import Audit, read


def test_what_was_audited_is_told_from_what_is_not_known() -> None:
    report = {
        "dependencies": [
            {"name": "a", "version": "1.0", "vulns": []},
            {"name": "b", "version": "2.0", "vulns": [{"id": "GHSA-1", "fix_versions": ["2.1"], "aliases": []}]},
            {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (1.0)"},
        ],
        "fixes": [],
    }
    assert read(json.dumps(report)) == Audit(2, ["c"], ["b 2.0: GHSA-1, mended in 2.1"])


def test_nothing_is_audited_where_no_database_answers() -> None:
    assert read("") == Audit(0, [], [])
    assert read("Traceback") == Audit(0, [], [])
    unknown = {"dependencies": [{"name": "a", "skip_reason": "not found"}], "fixes": []}
    assert read(json.dumps(unknown)).audited == 0
