"""Rows and characters are counted."""

from __future__ import annotations

import numpy as np
import pytest

from common.serving.http.limits import Limits
from common.serving.http.refusals import Refused


def strings(*values: str) -> np.ndarray:
    return np.array([value.encode() for value in values], object)


def test_the_longest_row_counts() -> None:
    limits = Limits(rows=3, characters=7)
    assert limits.check({"text": strings("abc", "abcdefg"), "x": np.zeros((2, 99))}, 2) == 7
    assert limits.check({"tokens": strings("ab", "cd", "e", "f").reshape(2, 2)}, 2) == 5
    assert limits.check({"tokens": strings().reshape(2, 0)}, 2) == 0
    assert limits.check({"text": strings("äöüßéèê")}, 1) == 7
    assert limits.check({"text": np.array(b"abc", object)}, 1) == 3


@pytest.mark.parametrize("row", [["abcdefgh"], ["abc", "efgh"], ["äöüßéèêñ"]])
def test_too_many_characters_are_refused(row: list[str]) -> None:
    with pytest.raises(Refused, match="input text has a row of 8 characters; this server takes 7"):
        Limits(characters=7).check({"text": strings(*row)[None]}, 1)


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(Refused, match="4 rows; this server takes 3"):
        Limits(rows=3).check({"text": strings(*"abcd")}, 4)


def test_a_long_row_makes_every_row_count_as_long() -> None:
    limits = Limits(padded=20)
    assert limits.check({"text": strings("a" * 10, "b")}, 2) == 10
    with pytest.raises(Refused, match="3 rows, the longest of 10 characters; this server takes 20 in all"):
        limits.check({"text": strings("a" * 10, "b", "c")}, 3)
