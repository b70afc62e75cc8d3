"""Where sequences lie on lanes."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from common.streams.packing import pack


@given(
    lengths=st.lists(st.integers(1, 25), min_size=1, max_size=30),
    lanes=st.integers(1, 5),
    window=st.integers(1, 12),
    whole=st.booleans(),
    seed=st.none() | st.integers(0, 99),
)
def test_no_two_sequences_share_a_step_and_lanes_are_whole_windows(
    lengths: list[int], lanes: int, window: int, whole: bool, seed: int | None
) -> None:
    rng = None if seed is None else np.random.default_rng(seed)
    found = pack(np.array(lengths), lanes, window, whole=whole, rng=rng)
    taken = np.zeros((lanes, found.length), int)
    for lane, start, length in zip(found.lane, found.start, lengths):
        taken[lane, start : start + length] += 1
    assert taken.max() == 1 and taken.sum() == sum(lengths)
    assert found.length % window == 0


def test_sequences_lie_without_gaps_on_the_lane_that_is_free_first() -> None:
    found = pack(np.array([5, 2, 2, 1]), 2, 4)
    # The longest of the last goes first: 5 | 2, then 2, then 1 where both lanes are still free first.
    assert found.lane.tolist() == [0, 1, 1, 1] and found.start.tolist() == [0, 0, 2, 4]
    assert found.length == 8


def test_windows_are_filled_with_the_sequences_that_fit_best() -> None:
    found = pack(np.array([5, 6, 2, 3]), 1, 8, whole=True)
    places = dict(zip([5, 6, 2, 3], (found.start // 8).tolist()))
    assert places[6] == places[2] and places[5] == places[3] and found.length == 16


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 5)), min_size=1, max_size=40),
    st.integers(1, 4),
    st.none() | st.integers(0, 9),
)
def test_groups_lie_together(sequences: list[tuple[int, int]], lanes: int, seed: int | None) -> None:
    lengths, together = np.array(sequences).T
    rng = None if seed is None else np.random.default_rng(seed)
    packing = pack(lengths, lanes, 4, together=together, rng=rng)
    used = np.zeros((lanes, packing.length), int)
    for lane, start, length in zip(packing.lane, packing.start, lengths):
        used[lane, start : start + length] += 1
    assert used.max() == 1 and used.sum() == lengths.sum()
    for group in set(together):
        own = together == group
        assert len(set(packing.lane[own])) == 1
        assert (packing.start[own] + lengths[own]).max() - packing.start[own].min() == lengths[own].sum()
