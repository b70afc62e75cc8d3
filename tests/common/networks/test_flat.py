"""States as one array a row."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from common.networks.flat import flattened, restored


def test_a_state_comes_back_and_none_is_zeros() -> None:
    state = ((tf.random.normal((3, 4)), tf.random.normal((3, 2, 5))), tf.constant([[7], [8], [9]]))
    flat = flattened(state)
    assert flat.shape == (3, 15)
    tf.nest.map_structure(np.testing.assert_array_equal, restored(flat, state), state)
    for part in tf.nest.flatten(restored(tf.zeros((3, 0)), state)):
        assert not part.numpy().any()
