"""States as one array a row, and steps one at a time."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from common.networks.stepping import flattened, restored, walked


def test_a_state_comes_back_and_none_is_zeros() -> None:
    state = ((tf.random.normal((3, 4)), tf.random.normal((3, 2, 5))), tf.constant([[7], [8], [9]]))
    flat = flattened(state)
    assert flat.shape == (3, 15)
    tf.nest.map_structure(np.testing.assert_array_equal, restored(flat, state), state)
    for part in tf.nest.flatten(restored(tf.zeros((3, 0)), state)):
        assert not part.numpy().any()
    with pytest.raises(tf.errors.InvalidArgumentError, match="give the state of the step before, or none"):
        restored(flat[:, :3], state)


def test_a_row_that_ends_keeps_its_state() -> None:
    numbers = tf.constant([[1, 2, 4, 8], [1, 2, 4, 8], [1, 2, 4, 8]])

    def step(t: tf.Tensor, total: tf.Tensor) -> tuple:
        return {"sum": total + numbers[:, t]}, total + numbers[:, t]

    start = tf.constant([0, 100, 0])
    found, after = walked(step, start, tf.constant([4, 2, 0]), like={"sum": start})
    np.testing.assert_array_equal(found["sum"][:2, :2], [[1, 3], [101, 103]])
    assert found["sum"].shape == (3, 4) and after.numpy().tolist() == [15, 103, 0]
    nothing, _ = walked(lambda t, total: (total, total), start[:0], tf.constant([], tf.int32), like=start[:0])
    assert nothing.shape == (0, 1)
