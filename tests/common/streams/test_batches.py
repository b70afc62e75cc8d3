"""Batches of examples of like length."""

from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
from hypothesis import given

from common.streams.batches import batches


@given(lengths=st.lists(st.integers(0, 20), max_size=30), batch=st.integers(1, 8))
def test_every_example_is_in_one_batch_and_none_is_longer_than_those_of_the_next(lengths: list, batch: int) -> None:
    found = list(batches(lengths, batch=batch, what="testing"))
    assert sorted(n for chosen in found for n in chosen) == list(range(len(lengths)))
    assert all(len(chosen) == batch for chosen in found[:-1])
    for one, other in pairwise(found):
        assert max(lengths[n] for n in one) <= min(lengths[n] for n in other)


def test_examples_of_the_same_length_keep_their_order() -> None:
    assert list(batches([3, 1, 3, 1], batch=2, what="testing")) == [[1, 3], [0, 2]]
