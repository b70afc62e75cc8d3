"""Sequences stored end to end, and cut into pieces."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from common.streams.sequences import Sequences


def sequences_of(lengths: list[int]) -> Sequences:
    steps = np.arange(sum(lengths))
    owners = {"picture": 10 * np.arange(len(lengths))}
    weights = np.full(len(steps), 2, np.float32)
    return Sequences(np.array(lengths), {"step": steps}, targets=-steps, weights=weights, per_sequence=owners)


def test_offsets_ends_and_numbers() -> None:
    found = sequences_of([3, 1, 2])
    assert (len(found), found.steps) == (3, 6)
    assert found.offsets.tolist() == [0, 3, 4] and found.ends.tolist() == [2, 3, 5]
    assert found.mask_numbers(np.array([0, 2]), np.array([2, 1])).tolist() == [0, 2]


def test_pieces_read_their_context_again_without_weight() -> None:
    found = sequences_of([10, 3]).in_pieces(4, least=2, context=2)
    assert found.lengths.tolist() == [4, 6, 4, 3]
    assert found.inputs["step"][:10].tolist() == [0, 1, 2, 3, 2, 3, 4, 5, 6, 7]
    assert found.weights[:10].tolist() == [2, 2, 2, 2, 0, 0, 2, 2, 2, 2]
    assert found.per_sequence["picture"].tolist() == [0, 0, 0, 10]


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    pieces=st.integers(1, 6),
    least=st.integers(1, 12),
    context=st.integers(0, 9),
)
def test_every_step_counts_once_in_order(lengths: list[int], pieces: int, least: int, context: int) -> None:
    whole = sequences_of(lengths)
    found = whole.in_pieces(pieces, least=least, context=context)
    counts = found.weights > 0
    assert found.inputs["step"][counts].tolist() == list(range(whole.steps))
    np.testing.assert_array_equal(found.targets, -found.inputs["step"])
    owners = found.per_sequence["picture"] // 10
    assert np.bincount(owners).max() <= pieces
    of_step = np.repeat(np.arange(len(lengths)), lengths)
    np.testing.assert_array_equal(np.repeat(owners, found.lengths), of_step[found.inputs["step"]])
    # Only the last piece of a sequence may be shorter.
    short = np.add.reduceat(counts, found.offsets) < least
    assert not (short[:-1] & (owners[:-1] == owners[1:])).any()
