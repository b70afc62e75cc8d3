"""What lies where on lanes, compared with an index of every place."""

from __future__ import annotations

import tracemalloc

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from common.streams.packing import Packing, pack
from common.streams.plan import Plan


def index_of(packings: list[Packing], lengths: np.ndarray, *, lanes: int, history: int) -> np.ndarray:
    """The step at each place of the lanes, `[lanes, history + steps]`; -1 is blank."""
    index = np.full((lanes, history + sum(packing.length for packing in packings)), -1)
    offsets, at = np.cumsum(lengths) - lengths, history
    for packing in packings:
        for lane, start, offset, length in zip(packing.lane, packing.start, offsets, lengths, strict=True):
            index[lane, at + start : at + start + length] = np.arange(offset, offset + length)
        at += packing.length
    return index


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=25).map(np.array),
    lanes=st.integers(1, 5),
    window=st.integers(1, 12),
    history=st.integers(0, 20),
    passes=st.integers(1, 3),
    whole=st.booleans(),
)
@settings(deadline=None)
def test_places_are_those_of_an_index_of_every_place(
    lengths: np.ndarray, lanes: int, window: int, history: int, passes: int, whole: bool
) -> None:
    rng, offsets = np.random.default_rng(0), np.cumsum(lengths) - lengths
    packings = [pack(lengths, lanes, window, whole=whole, rng=rng) for _ in range(passes)]
    index = index_of(packings, lengths, lanes=lanes, history=history)
    rows, columns = np.arange(lanes)[:, None], np.arange(index.shape[1])
    found = Plan.of(packings, history).places(rows, columns, lengths=lengths, offsets=offsets)
    np.testing.assert_array_equal(found.steps, index)
    np.testing.assert_array_equal(found.blank, index < 0)
    of_step, within = (
        np.repeat(np.arange(len(lengths)), lengths),
        np.arange(lengths.sum()) - np.repeat(offsets, lengths),
    )
    np.testing.assert_array_equal(found.sequences, of_step[index])
    np.testing.assert_array_equal(found.within, np.where(index < 0, -1, within[index]))
    some = found.between(1, 3)
    np.testing.assert_array_equal(some.steps, index[:, 1:3])


def test_memory_grows_with_the_sequences_and_not_with_their_steps() -> None:
    lengths = np.full(1000, 1_000_000)
    tracemalloc.start()
    plan = Plan.of([pack(lengths, 8, 64, rng=np.random.default_rng(0))], history=64)
    found = plan.places(
        np.arange(8)[:, None], 10**7 + np.arange(64), lengths=lengths, offsets=np.cumsum(lengths) - lengths
    )
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not found.blank.any() and used < 1_000_000
