"""Dropout of units and of tokens, fixed within a sequence."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from common.layers.dropout import TokenDropout, VariationalDropout
from common.layers.masks import variational_mask
from tests.helpers import check_configuration


@pytest.mark.parametrize("layer", [VariationalDropout(0.3, 4), TokenDropout(0.3, 4)], ids=["units", "tokens"])
def test_configuration_makes_the_same_layer(layer: keras.layers.Layer) -> None:
    check_configuration(layer)


def test_dropout_acts_only_in_training() -> None:
    layer, x = VariationalDropout(0.5, 1), tf.ones((2, 6, 16))
    numbers = tf.constant([[0] * 6, [1, 1, 1, 2, 2, 2]])
    np.testing.assert_array_equal(layer(x, sequence=numbers, training=False), x)
    dropped = layer(x, sequence=numbers, training=True)
    np.testing.assert_array_equal(dropped, variational_mask(numbers, 16, rate=0.5, seed=1))
    assert np.any(dropped != x)


def test_masks_drawn_under_xla_are_the_same() -> None:
    layer, x, numbers = VariationalDropout(0.3, 4), tf.ones((3, 5, 16)), tf.reshape(tf.range(15), (3, 5))
    draw = tf.function(lambda: layer(x, sequence=numbers, training=True), jit_compile=True)
    np.testing.assert_array_equal(draw(), layer(x, sequence=numbers, training=True))


@pytest.mark.parametrize("kinds", [None, 3])
def test_token_dropout_replaces_all_occurrences_of_a_number_in_a_sequence_or_none(kinds: int | None) -> None:
    draw = np.random.default_rng(0)
    shape = (40, 60) if kinds is None else (40, 60, kinds)
    tokens = draw.integers(0, 12, shape).astype(np.int32)
    numbers = np.repeat(np.arange(80, dtype=np.int32).reshape(40, 2), 30, 1)
    layer = TokenDropout(0.3, seed=2)
    np.testing.assert_array_equal(layer(tokens, sequence=numbers, training=False), tokens)
    dropped = layer(tokens, sequence=numbers, training=True).numpy()
    assert np.all((dropped == tokens) | (dropped == 1))
    assert np.all(dropped[tokens == 0] == 0)
    np.testing.assert_array_equal(layer(tokens[:, 7:], sequence=numbers[:, 7:], training=True), dropped[:, 7:])
    fates = {}
    each = np.broadcast_to(np.arange(kinds or 1), (40, 60, kinds or 1)).reshape(shape)
    numbers = np.broadcast_to(numbers.reshape(40, 60, 1), (40, 60, kinds or 1)).reshape(shape)
    for key in zip(numbers.ravel(), each.ravel(), tokens.ravel(), dropped.ravel(), strict=True):
        if key[2] > 1:
            fates.setdefault(key[:3], set()).add(key[3] == 1)
    assert all(len(fate) == 1 for fate in fates.values())
    share = np.mean([fate.pop() for fate in fates.values()])
    assert abs(share - 0.3) < 5 * np.sqrt(0.3 * 0.7 / len(fates))


def test_token_dropout_differs_between_sequences_kinds_and_seeds() -> None:
    tokens = np.broadcast_to(np.arange(2, 202, dtype=np.int32)[None, :, None], (2, 200, 2))
    numbers = np.repeat(np.array([[3], [4]], np.int32), 200, 1)
    dropped = TokenDropout(0.5, 1)(tokens, sequence=numbers, training=True).numpy() == 1
    other_seed = TokenDropout(0.5, 2)(tokens, sequence=numbers, training=True).numpy() == 1
    pairs = [(dropped[0], dropped[1]), (dropped[..., 0], dropped[..., 1]), (dropped, other_seed)]
    for a, b in pairs:
        assert abs(np.mean(a == b) - 0.5) < 5 * 0.5 / np.sqrt(a.size)
