"""Windows of whole sequences: what is served is what a stream gives."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import tensorflow as tf
from hypothesis import given, settings

from common.networks.whole import keep_of_whole
from common.streams import Sequences, Stream


@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(0, 5))
@settings(max_examples=50, deadline=None)
def test_keep_flags_are_those_of_a_stream(lengths: list[int], blank: int) -> None:
    steps = sum(lengths)
    tokens = {"tokens": np.ones(steps, np.int32)}
    sequences = Sequences(np.array(lengths), tokens, targets=np.zeros(steps), weights=np.ones(steps, np.float32))
    wide = max(lengths) + blank
    stream = Stream(sequences, len(lengths), wide, whole=True, shuffle=False)
    inputs, _, _ = stream.window_at(0, 0)
    order = stream.packing().lane
    found = keep_of_whole(tf.constant(lengths), wide)
    alone = len(set(order)) == len(order) and stream.windows() == 1  # Short ones may share a lane.
    for row, (lane, start) in enumerate(zip(order, stream.packing().start)):
        given = inputs["keep"][lane, start : start + lengths[row]] if start < wide else None
        if given is not None:
            np.testing.assert_array_equal(found[row, : lengths[row]], given)
    if alone:
        np.testing.assert_array_equal(found.numpy()[np.argsort(order)], inputs["keep"])
    assert not found.numpy()[:, max(lengths) :].any()
