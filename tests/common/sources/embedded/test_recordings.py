"""The embedded signals."""

from __future__ import annotations

import numpy as np
import pytest

from common.sources.load import load
from common.sources.signals import SignalReader

pytestmark = pytest.mark.usefixtures("embedded_cache")


@pytest.mark.parametrize(
    ("name", "sizes", "columns", "classes", "longest"),
    [
        ("spoken-digits", (2400, 300, 300), 13, 10, 92),
        ("japanese-vowels", (216, 54, 370), 12, 9, 29),
        ("basic-motions", (32, 8, 40), 6, 4, 100),
        ("pickup-gestures", (40, 10, 50), 1, 10, 361),
    ],
)
def test_they_have_their_sizes_and_every_class_in_every_split(
    name: str, sizes: tuple[int, ...], columns: int, classes: int, longest: int
) -> None:
    splits = load(f"embedded:{name}", SignalReader())
    parts = (splits.train, splits.validation, splits.test)
    assert tuple(map(len, parts)) == sizes
    assert all(len({label for (label,) in part.labels}) == classes for part in parts)
    every = [values for part in parts for values in part.values]
    assert {values.shape[1] for values in every} == {columns} and max(map(len, every)) == longest
    assert all(np.isfinite(values).all() for values in every) and not splits.train.by_step


def test_the_first_digit_is_as_shipped() -> None:
    splits = load(None, SignalReader())
    assert "speakers are not marked" in splits.source
    assert splits.train.columns[0] == "mfcc_1"
