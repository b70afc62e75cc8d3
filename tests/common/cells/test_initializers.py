"""Initial recurrent weights."""

from __future__ import annotations

import numpy as np

from common.cells.initializers import initializer


def test_orthogonal_weights_are_orthogonal_and_fixed_by_the_seed() -> None:
    weights = np.asarray(initializer("orthogonal", 3)((4, 8)))
    np.testing.assert_allclose(weights @ weights.T, np.eye(4), atol=1e-6)
    np.testing.assert_array_equal(weights, initializer("orthogonal", 3)((4, 8)))
    assert np.any(weights != np.asarray(initializer("orthogonal", 4)((4, 8))))


def test_the_identity_is_that_of_each_gate() -> None:
    np.testing.assert_array_equal(initializer("identity", 0)((3, 6)), np.tile(np.eye(3), (1, 2)))


def test_glorot_weights_keep_within_their_limits() -> None:
    weights = np.asarray(initializer("glorot_uniform", 1)((40, 80)))
    assert 0.9 * np.sqrt(6 / 120) < np.abs(weights).max() <= np.sqrt(6 / 120)
