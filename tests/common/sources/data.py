"""Benchmark data that some tests of sources read where it is there."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"


def needs(folder: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not (SHARED / folder).exists(), reason=f"no benchmark data: {SHARED / folder}")
