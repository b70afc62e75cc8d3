"""What several tests of layers need."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf

from common import cells

EVERY_CELL = pytest.mark.parametrize("cell", cells.names())


def normal(*shape: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def randomise(layer: keras.layers.Layer, seed: int = 1) -> None:
    """Random weights everywhere, so that no bias hides at zero."""
    draw = np.random.default_rng(seed)
    layer.set_weights([0.5 * draw.normal(size=w.shape) for w in layer.get_weights()])


def stock_layer(cell: str, units: int, activation: str = "tanh", **options: object) -> keras.layers.Layer:
    """The Keras layer of a cell, such as `keras.layers.LSTM`; `keras.layers.RNN` around a cell that has no layer."""
    layer = getattr(keras.layers, cells.get(cell).keras_cell.__name__.removesuffix("Cell"), None)
    if layer is None:
        return keras.layers.RNN(cells.keras_cell(cell, units, activation=activation), **options)
    return layer(units, activation=activation, **options)


def packed(lengths: list[int], width: int) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor, tf.Tensor]:
    """Sequences one by one, and laid end to end on one lane with their `keep` and numbers."""
    alone = [normal(1, length, width, seed=n + 10) for n, length in enumerate(lengths)]
    keep = np.ones((1, sum(lengths)), np.float32)
    keep[0, np.cumsum([0, *lengths[:-1]])] = 0
    numbers = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)[None]
    return alone, tf.concat(alone, 1), tf.constant(keep), tf.constant(numbers)


@cache
def layer_in_a_graph(kind: type[keras.layers.Layer], cell: str, sizes: tuple[int, int], **options: object) -> Callable:
    """A layer of `(features, units)` with random weights, as one graph for every length."""
    layer = kind(cell, sizes[1], **options)
    layer.build((None, None, sizes[0]))
    randomise(layer)
    return tf.function(layer, reduce_retracing=True)


def assert_all_close(ours: object, theirs: object) -> None:
    for a, b in zip(tf.nest.flatten(ours), tf.nest.flatten(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def results_and_gradients(
    call: Callable[[], list], layers: list[keras.layers.Layer], *tensors: object
) -> tuple[list, list]:
    """What `call` gives, and the gradients of a weighted sum of it."""
    sources = tf.nest.flatten(tensors) + [v.value for layer in layers for v in layer.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        results = tf.nest.flatten(call())
        total = tf.add_n([tf.reduce_sum(r * normal(*r.shape, seed=n)) for n, r in enumerate(results)])
    return results, tape.gradient(total, sources)


def check_configuration(layer: keras.layers.Layer) -> None:
    """A layer's configuration makes the same layer, and holds every argument of its constructor as an attribute."""
    config = layer.get_config()
    again = type(layer).from_config(config)
    assert again.get_config() == config
    through_keras = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(through_keras) is type(layer)
    assert through_keras.get_config() == config
    # Every constructor argument is in the configuration.
    names = set(type(layer).__init__.__annotations__) - {"return", "kwargs"}
    assert names <= set(config)
    assert all(getattr(layer, name) == getattr(again, name) for name in names)
