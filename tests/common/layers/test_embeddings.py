"""Features from a window's inputs."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from common.layers.dropout import TokenDropout
from common.layers.embeddings import Embedding, Numbers, SpelledEmbedding, SumEmbedding
from tests.helpers import assert_all_close, check_configuration, randomise

LAYERS = [
    Embedding(7, 4),
    TokenDropout(0.3, 4),
    Numbers(3),
    SumEmbedding((7, 5), 4, 0.1, 2),
    SpelledEmbedding(9, 4, 6, 3, "gru", 0.1, 2, True, 5),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_configuration_makes_the_same_layer(layer: keras.layers.Layer) -> None:
    check_configuration(layer)


def test_embedding_looks_up_as_the_stock_layer_and_only_what_is_read_has_a_gradient() -> None:
    ours, stock, numbers = Embedding(7, 3), keras.layers.Embedding(7, 3), tf.constant([[6, 0], [3, 3]])
    for layer in (ours, stock):
        layer.build((None, None))
    stock.set_weights(ours.get_weights())
    assert_all_close(ours(numbers), stock(numbers))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(ours(numbers))
    gradient = tape.gradient(loss, ours.embeddings.value)
    assert isinstance(gradient, tf.IndexedSlices) and gradient.values.shape == (4, 3)
    read = tf.function(ours).get_concrete_function(numbers).graph
    assert {"ResourceGather"} == {
        op.type for op in read.get_operations() if op.type in ("ResourceGather", "ReadVariableOp")
    }
    half = Embedding(7, 3, dtype="mixed_bfloat16")
    half.build((None, None))
    assert half(numbers).dtype == tf.bfloat16


def test_sum_embedding_is_the_sum_of_its_tables_and_only_the_first_starts_at_random() -> None:
    layer = SumEmbedding((7, 5), 3)
    numbers = tf.constant([[[6, 4], [0, 1]], [[3, 0], [6, 4]]])
    layer.build()
    first, second = layer.get_weights()
    assert np.any(first) and not np.any(second)
    randomise(layer)
    first, second = layer.get_weights()
    assert_all_close(
        layer({"tokens": numbers, "sequence": numbers[..., 0]}), first[numbers[..., 0]] + second[numbers[..., 1]]
    )
    assert layer.width == 3


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
