"""The time between two rows, for people."""

from __future__ import annotations

import pytest

from common.sources.series.spacing import DAY, MONTH, STEP, WEEK, spaced


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3_600, "3,600 s"),
        (DAY, "day"),
        (WEEK, "7 days"),
        (DAY + 1, "86,401 s"),
        (MONTH, "month"),
        (3 * MONTH, "3 months"),
        (STEP, "step"),
    ],
)
def test_spaced(seconds: int, text: str) -> None:
    assert spaced(seconds) == text
