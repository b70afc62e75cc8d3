"""Tests of what tells whether texts were read."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from common.sources.seen import hashes, seen


def test_texts_and_their_lines_are_seen_whatever_their_case_blanks_and_marks() -> None:
    read = hashes(["One text.\nA second line of it!", "Another"])
    asked = ["one  text", "a second LINE of it", "One text. A second line of it!", "another?", "A second line", "", "…"]
    assert seen(asked, read) == [0, 1, 2, 3]
    assert read.dtype == np.uint64 and (np.diff(read) > 0).all()


@given(st.lists(st.text(), max_size=5), st.lists(st.text(), max_size=5))
def test_a_text_that_was_read_is_always_seen(read: list[str], others: list[str]) -> None:
    asked = [*read, *others]
    found = set(seen(asked, hashes(read)))
    with_letters = {n for n, text in enumerate(read) if any(one.isalnum() for one in text)}
    assert with_letters <= found
    assert all(any(one.isalnum() for one in asked[n]) for n in found)
