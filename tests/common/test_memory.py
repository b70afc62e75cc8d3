"""The memory that is free."""

from __future__ import annotations

from pathlib import Path

import pytest

from common import memory


def test_a_limit_of_the_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = memory.available()
    (tmp_path / "limit").write_text("1000000\n")
    monkeypatch.setattr(memory, "LIMITS", (tmp_path / "limit",))
    assert memory.available() == 1_000_000 < whole
    (tmp_path / "limit").write_text("max\n")
    assert memory.available() > 1_000_000
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "none")
    assert memory.available() is None
