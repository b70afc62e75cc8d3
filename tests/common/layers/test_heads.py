"""The readout head: all outputs, and those of some steps alone."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from common.cells.seeds import seed_for
from common.layers.base import dense
from common.layers.heads import ReadoutHead
from common.layers.masks import variational_mask
from common.layers.readout import Readout
from tests.helpers import assert_all_close, normal, randomise, results_and_gradients

EVERY_READOUT = pytest.mark.parametrize("kind", ["last", "mean", "max", "mean_max"])
BATCH, TIME, UNITS = 3, 7, 5
KEEP = tf.constant([[0.0, 1, 1, 1, 0, 1, 1], [1, 1, 0, 0, 1, 1, 1], [1, 1, 1, 1, 1, 1, 0]])
SEQUENCE = tf.constant([[0, 0, 0, 0, 1, 1, 1], [2, 2, 3, 4, 4, 4, 4], [5, 5, 5, 5, 5, 5, 6]])
OUTPUT_STEPS = tf.constant([[3, 6], [0, 0], [6, 2]])


def built(kind: str, *, dropout: float = 0.0) -> ReadoutHead:
    head = ReadoutHead(Readout(kind), dense(4, seed=3, activation="tanh"), dropout=dropout, seed=2)
    head.build((None, None, UNITS))
    randomise(head)
    return head


@EVERY_READOUT
def test_configuration_makes_the_same_head(kind: str) -> None:
    head = built(kind, dropout=0.3)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(head))
    assert again.get_config() == head.get_config()
    assert set(head.get_config()) >= {"readout", "outputs", "dropout", "seed"}
    again.build((None, None, UNITS))
    again.set_weights(head.get_weights())
    step = {"keep": KEEP, "sequence": SEQUENCE, "training": True}
    x = normal(BATCH, TIME, UNITS)
    assert_all_close(
        again(x, state=again.initial_state(BATCH), **step), head(x, state=head.initial_state(BATCH), **step)
    )


@EVERY_READOUT
def test_outputs_are_those_of_the_layer_over_the_readout_with_dropout_between(kind: str) -> None:
    head, x = built(kind, dropout=0.4), normal(BATCH, TIME, UNITS)
    state = head.initial_state(BATCH)
    read, after = head.readout(x, keep=KEEP, state=state)
    assert_all_close(head(x, keep=KEEP, state=state), (head.outputs(read), after))
    mask = variational_mask(SEQUENCE, head.readout.width, rate=0.4, seed=seed_for(2, "readout dropout"))
    dropped, _ = head(x, keep=KEEP, sequence=SEQUENCE, state=state, training=True)
    assert_all_close(dropped, head.outputs(read * mask))
    assert not np.allclose(dropped, head.outputs(read))


@EVERY_READOUT
@pytest.mark.parametrize("training", [False, True])
def test_outputs_at_some_steps_are_those_of_all_steps_with_their_gradients(kind: str, training: bool) -> None:
    head, x = built(kind, dropout=0.4), normal(BATCH, TIME, UNITS)
    state = tuple(tf.ones_like(s) for s in head.initial_state(BATCH))
    step = {"keep": KEEP, "sequence": SEQUENCE, "state": state, "training": training}

    def some() -> list:
        return list(head(x, output_steps=OUTPUT_STEPS, **step))

    def every() -> list:
        outputs, after = head(x, **step)
        return [tf.gather(outputs, OUTPUT_STEPS, batch_dims=1), after]

    results, gradients = results_and_gradients(some, [head], x)
    assert results[0].shape == (BATCH, 2, 4)
    assert_all_close((results, gradients), results_and_gradients(every, [head], x))


def test_outputs_at_some_steps_without_numbers_of_sequences() -> None:
    head, x = built("mean"), normal(BATCH, TIME, UNITS)
    some, _ = head(x, keep=KEEP, state=head.initial_state(BATCH), output_steps=OUTPUT_STEPS)
    every, _ = head(x, keep=KEEP, state=head.initial_state(BATCH))
    assert_all_close(some, tf.gather(every, OUTPUT_STEPS, batch_dims=1))


def test_no_tensor_of_all_outputs_is_made_where_some_are_requested() -> None:
    head = built("last", dropout=0.4)

    @tf.function
    def run(x: tf.Tensor, output_steps: tf.Tensor) -> tf.Tensor:
        return head(x, keep=KEEP, sequence=SEQUENCE, training=True, output_steps=output_steps)[0]

    graph = run.get_concrete_function(normal(BATCH, TIME, UNITS), OUTPUT_STEPS).graph
    shapes = [tuple(out.shape) for op in graph.get_operations() for out in op.outputs if out.shape.rank == 3]
    assert (BATCH, 2, 4) in shapes and (BATCH, TIME, 4) not in shapes
