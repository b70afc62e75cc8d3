"""Features from a window's inputs."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from common.layers.embeddings import Embedding, Numbers, SpelledEmbedding, SumEmbedding
from tests.helpers import assert_all_close, check_configuration, randomise

LAYERS = [
    Embedding(7, 4),
    Numbers(3),
    SumEmbedding((7, 5), 4, token_dropout=0.1, seed=2),
    SpelledEmbedding(9, 4, characters=6, character_units=3, affixes=5, cell="gru", token_dropout=0.1, seed=2),
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


def test_a_word_has_its_own_vector_plus_those_of_its_affixes() -> None:
    layer = SpelledEmbedding(9, 4, affixes=6, token_dropout=0.9)
    layer.build()
    window = {"words": tf.constant([[2, 1]]), "affixes": tf.constant([[[3, 4, 0], [5, 1, 4]]])}
    window["sequence"] = tf.zeros_like(window["words"])
    words, affixes = layer.get_weights()
    assert np.any(words) and not np.any(affixes)
    randomise(layer)
    words, affixes = layer.get_weights()
    assert_all_close(layer(window), words[window["words"]] + affixes[window["affixes"]].sum(2))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(window, training=True))
    rows = tape.gradient(loss, layer.affix_vectors.embeddings.value).indices
    assert 1 in rows.numpy() and len(set(rows.numpy())) < 5  # Some are unknown, the blank one is not.
