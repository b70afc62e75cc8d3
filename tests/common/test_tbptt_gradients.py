"""The gradient of a training step is that of the definition of TBPTT(k1, k2), computed naively."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from common import cells
from common.layers import Readout, RecurrentStack
from common.streams import Sequences, Stream
from common.tbptt import TBPTT, StreamNetwork

EVERY_CELL = pytest.mark.parametrize("cell", cells.names())
LENGTH, LANES, WORDS = 24, 2, 7


def model_of(cell: str, window: int, reach: int) -> TBPTT:
    network = StreamNetwork(
        keras.layers.Embedding(WORDS, 4),
        RecurrentStack(cell, 5, seed=1),
        Readout("last"),
        keras.layers.Dense(3),
    )
    model = TBPTT(network, LANES, window, reach)
    model.compile(
        keras.optimizers.SGD(0.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False
    )
    return model


def sequences_of(lengths: list[int]) -> Sequences:
    draw = np.random.default_rng(0)
    steps = sum(lengths)
    return Sequences(
        np.array(lengths),
        {"tokens": draw.integers(0, WORDS, steps).astype(np.int32)},
        draw.integers(0, 3, steps).astype(np.int32),
        np.ones(steps, np.float32),
    )


def gradients_by_window(model: TBPTT, stream: Stream) -> list[list[np.ndarray]]:
    """What the model's own training step computes, window by window."""
    variables = model.trainable_variables

    @tf.function(autograph=False)
    def step(inputs: dict, targets: tf.Tensor, weights: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            outputs, carried = model.unroll(inputs, model.train_state.read())
            loss = model.compute_loss(inputs, targets, outputs, weights, training=True)
        model.train_state.carry(carried)
        return [tf.convert_to_tensor(g) for g in tape.gradient(loss, [v.value for v in variables])]

    windows = tf.nest.map_structure(tf.constant, list(stream.iterate(0)))
    return [[g.numpy() for g in step(*window)] for window in windows]


def naive_gradients(model: TBPTT, stream: Stream, window: int, reach: int) -> list[list[np.ndarray]]:
    """The definition: all steps one by one with the stock cell, cut `reach` steps before a window's end."""
    network = model.network
    cell, embedding, dense = network.stack.forwards[0].keras_cell, network.embed, network.head
    windows = list(stream.iterate(0))
    history = stream.reach - stream.window
    tokens = np.concatenate([w[0]["tokens"][:, history:] for w in windows], 1)
    keep = np.concatenate([w[0]["keep"][:, history:] for w in windows], 1)
    targets = np.concatenate([w[1] for w in windows], 1)
    weights = np.concatenate([w[2] for w in windows], 1)
    found = []
    for end in range(window, tokens.shape[1] + 1, window):
        with tf.GradientTape() as tape:
            state, losses = [tf.zeros((LANES, 5)) for _ in range(cells.get(model.network.stack.cell).states)], []
            for t in range(end):
                if t == end - reach:
                    state = [tf.stop_gradient(s) for s in state]
                state = [s * keep[:, t, None] for s in state]
                hidden, state = cell(embedding(tokens[:, t]), state)
                if t >= end - window:
                    logits = dense(hidden)
                    loss = keras.losses.sparse_categorical_crossentropy(targets[:, t], logits, from_logits=True)
                    losses.append(loss * weights[:, t])
            loss = tf.reduce_mean(tf.stack(losses))
        gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
        found.append([tf.convert_to_tensor(g).numpy() for g in gradients])
    return found


@EVERY_CELL
@pytest.mark.parametrize(("window", "reach"), [(LENGTH, LENGTH), (8, 8), (6, 12), (8, 11), (6, 20)])
@pytest.mark.parametrize("lengths", [[LENGTH, LENGTH], [5, 7, 12, 1, 23]])
def test_each_step_has_the_gradient_of_the_definition(cell: str, window: int, reach: int, lengths: list[int]) -> None:
    model = model_of(cell, window, reach)
    stream = Stream(sequences_of(lengths), LANES, window, reach, shuffle=False)
    ours, naive = gradients_by_window(model, stream), naive_gradients(model, stream, window, reach)
    assert len(ours) == LENGTH // window
    for one, other in zip(ours, naive, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@EVERY_CELL
def test_truncation_changes_the_gradient(cell: str) -> None:
    """The tests above would be empty if it did not."""
    stream = {k: Stream(sequences_of([LENGTH, LENGTH]), LANES, 8, k, shuffle=False) for k in (8, 16, 24)}
    last = {k: gradients_by_window(model_of(cell, 8, k), s)[-1][0] for k, s in stream.items()}
    assert not np.allclose(last[8], last[16], rtol=1e-4, atol=1e-8)
    assert not np.allclose(last[16], last[24], rtol=1e-4, atol=1e-8)
