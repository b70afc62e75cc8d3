"""An audit passes where all was audited and nothing was found, and never where nothing could be audited."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest

from benchmarks import audit

GOOD = {"name": "numpy", "version": "2", "vulns": []}
BAD = {"name": "keras", "version": "3", "vulns": [{"id": "CVE-1", "fix_versions": ["4"]}]}
SKIPPED = {"name": "ours", "skip_reason": "not on PyPI"}


@pytest.mark.parametrize(
    ("found", "passes", "last"),
    [
        ([GOOD, GOOD], True, "2 packages audited, 0 not audited, 0 vulnerabilities"),
        ([GOOD, BAD], False, "2 packages audited, 0 not audited, 1 vulnerabilities"),
        ([GOOD, SKIPPED], False, "1 packages audited, 1 not audited, 0 vulnerabilities"),
        ([], False, "0 packages audited, 0 not audited, 0 vulnerabilities"),
    ],
)
def test_only_an_audit_of_everything_passes(found: list[dict], passes: bool, last: str) -> None:
    passed, lines = audit.verdict({"dependencies": found})
    assert (passed, lines[-1]) == (passes, last)


@pytest.mark.parametrize(("printed", "code"), [("", 2), ('{"dependencies": []}', 1)])
def test_without_a_network_nothing_passes(printed: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = SimpleNamespace(stdout=printed, stderr="ConnectionError", returncode=0)
    monkeypatch.setattr(subprocess, "run", lambda *given, **named: made)
    assert audit.main("here") == code
