"""Windows of whole sequences: what is served is what a stream gives, for every task's keep flags."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import tensorflow as tf
from hypothesis import given, settings

from common.networks.pairs.windows import PairWindows
from common.networks.whole import keep_of_whole, whole_window
from common.streams import Sequences, Stream

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=6)


def one_on_each_lane(sequences: Sequences) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The single window of a stream that has a lane for each sequence, with its rows in the sequences' order."""
    stream = Stream(sequences, len(sequences), int(sequences.lengths.max()), shuffle=False)
    assert stream.windows() == 1 and sorted(stream.packing().lane) == list(range(len(sequences)))
    inputs, _, weights = stream.window_at(0, 0)
    lanes = stream.packing().lane
    return {name: values[lanes] for name, values in inputs.items()}, weights[lanes]


@given(LENGTHS, st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_served_window_is_that_of_a_stream(lengths: list[int], sparse: bool) -> None:
    steps = sum(lengths)
    tokens = np.arange(1, steps + 1, dtype=np.int32)
    weights = np.zeros(steps, np.float32)
    weights[np.cumsum(lengths) - 1] = 1
    inputs = {"tokens": tokens}
    sequences = Sequences(np.array(lengths), inputs, targets=np.zeros(steps), weights=weights, sparse_outputs=sparse)
    found, slot_weights = one_on_each_lane(sequences)
    rows = tf.RaggedTensor.from_row_lengths(tokens, lengths).to_tensor()
    served = whole_window({"tokens": rows}, tf.constant(lengths), outputs_at_end=sparse)
    assert found.keys() == served.keys()
    np.testing.assert_array_equal(served["tokens"], found["tokens"])
    np.testing.assert_array_equal(served["keep"], found["keep"])
    if sparse:
        np.testing.assert_array_equal(served["output_steps"][:, 0], found["output_steps"][slot_weights > 0])


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5))
@settings(max_examples=15, deadline=None)
def test_a_served_source_has_the_keep_flags_of_a_window_of_pairs(lengths: list[tuple[int, int]]) -> None:
    sides = [[np.full(pair[n], 5) for pair in lengths] for n in (0, 1)]
    found, _ = one_on_each_lane(PairWindows(1, 2, 10).sequences(*sides))
    served = keep_of_whole(tf.constant([source + 1 for source, _ in lengths]), found["source"].shape[1])
    for row, (source, _) in enumerate(lengths):  # In a window, steps are at the right, so that blank ones come first.
        np.testing.assert_array_equal(found["source_keep"][row, -(source + 1) :], served[row, : source + 1])
        assert not found["source_keep"][row, : -(source + 1)].any()
