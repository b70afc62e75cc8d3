"""Rows, characters and pixels are counted."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

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


def png(width: int, height: int) -> bytes:
    content = BytesIO()
    Image.new("1", (width, height)).save(content, "PNG")
    return content.getvalue()


def test_small_files_with_huge_pictures_are_refused() -> None:
    limits = Limits(pixels=5_000)
    limits.check_files({"image": np.array([png(70, 70), b"RIFF of a sound", b""], object)})
    with pytest.raises(Refused, match="input image has pictures of 9,800 pixels; this server takes 5,000 in a request"):
        limits.check_files({"image": np.array([png(70, 70)] * 2, object)})
    bomb = png(20_000, 10_000)  # Pillow itself refuses to open it.
    with pytest.raises(Refused, match="make them smaller"):
        Limits().check_files({"image": np.array([bomb], object)})
    assert len(bomb) < 100_000
