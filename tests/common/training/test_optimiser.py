from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from common.training.optimiser import LazyAdam

ROWS, WIDTH = 6, 3


def steps(optimizer: keras.optimizers.Optimizer, gradients: list) -> np.ndarray:
    variable = keras.Variable(np.arange(ROWS * WIDTH, dtype="float32").reshape(ROWS, WIDTH) / 10)
    other = keras.Variable(np.ones(2, "float32"))
    apply = tf.function(lambda g: optimizer.apply([g, tf.constant([0.5, -2.0])], [variable, other]))
    for gradient in gradients:
        apply(gradient)
    return np.concatenate([variable.numpy().ravel(), other.numpy()])


def slices(rows: list[int], values: np.ndarray) -> tf.IndexedSlices:
    return tf.IndexedSlices(tf.constant(values, tf.float32), tf.constant(rows), tf.constant([ROWS, WIDTH]))


@pytest.mark.parametrize("clip", [{}, {"global_clipnorm": 0.7}])
def test_where_every_row_is_read_it_is_adam(clip: dict) -> None:
    draw = np.random.default_rng(0)
    dense = [draw.normal(size=(ROWS, WIDTH)).astype("float32") for _ in range(4)]
    order = list(draw.permutation(ROWS))
    stock = steps(keras.optimizers.Adam(0.1, **clip), [tf.constant(g) for g in dense])
    lazy = steps(LazyAdam(0.1, **clip), [slices(order, g[order]) for g in dense])
    np.testing.assert_allclose(lazy[:-2], stock[:-2], atol=1e-6)
    # The dense variable: TensorFlow's kernel takes 1 - beta_2 in float32, which is 2e-5 off, its root 1e-5.
    np.testing.assert_allclose(lazy[-2:] - 1, stock[-2:] - 1, rtol=1e-5)
    assert not np.allclose(lazy, steps(LazyAdam(0.1), [slices([0], g[:1]) for g in dense]))


def test_a_row_that_is_not_read_stays_as_it_was() -> None:
    before = np.arange(ROWS * WIDTH, dtype="float32").reshape(ROWS, WIDTH) / 10
    once = steps(LazyAdam(0.1), [slices([1], np.ones((1, WIDTH)))])[:-2].reshape(ROWS, WIDTH)
    later = [slices([1], np.ones((1, WIDTH)))] + [slices([4], np.ones((1, WIDTH)))] * 3
    after = steps(LazyAdam(0.1), later)[:-2].reshape(ROWS, WIDTH)
    np.testing.assert_array_equal(after[[0, 2, 3, 5]], before[[0, 2, 3, 5]])
    np.testing.assert_array_equal(after[1], once[1])
    assert (after[4] < before[4]).all()


def test_each_variable_has_its_step_size_and_its_first_step() -> None:
    gradients = [tf.ones((ROWS, WIDTH))] * 3
    plain = steps(LazyAdam(0.1), gradients)
    several = steps(LazyAdam(0.1, factors=[1.0, 0.25], starts=[0, 1]), gradients)
    np.testing.assert_array_equal(several[:-2], plain[:-2])
    one = steps(LazyAdam(0.1, factors=[1.0, 0.25], starts=[0, 3]), gradients)
    np.testing.assert_array_equal(one[-2:], [1, 1])
    # A gradient that stays the same moves a weight by the step size.
    np.testing.assert_allclose(several[-2:] - 1, (plain[-2:] - 1) * 0.25 * 2 / 3, rtol=1e-5)
    decayed = steps(LazyAdam(0.1, factors=[1.0, 0.25], starts=[0, 3], weight_decay=0.5), gradients)
    np.testing.assert_array_equal(decayed[-2:], [1, 1])
    assert not np.array_equal(decayed[:-2], one[:-2])


def test_amsgrad_is_refused_and_the_configuration_makes_the_same_optimizer() -> None:
    with pytest.raises(ValueError, match="no amsgrad"):
        LazyAdam(amsgrad=True)
    config = LazyAdam(0.1, global_clipnorm=2.0).get_config()
    assert LazyAdam.from_config(config).get_config() == config


def test_weights_decay_as_those_of_adamw() -> None:
    draw = np.random.default_rng(2)
    dense = [tf.constant(draw.normal(size=(ROWS, WIDTH)), tf.float32) for _ in range(3)]
    ours = steps(LazyAdam(0.1, weight_decay=0.3), dense)
    np.testing.assert_allclose(ours, steps(keras.optimizers.AdamW(0.1, weight_decay=0.3), dense), atol=1e-5)
    assert not np.allclose(ours, steps(LazyAdam(0.1), dense))
