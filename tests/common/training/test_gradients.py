"""Gradients of a window, by the definition of truncated backpropagation through time."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf

from common import cells
from common.layers.embeddings import SumEmbedding
from common.streams.stream import Stream, Window
from common.training.tbptt import TBPTT
from tests.common.training.models import (
    FEATURES,
    LANES,
    UNITS,
    Models,
    assert_same_weights,
    model_of,
    sequences_of,
    shuffled,
)
from tests.helpers import assert_all_close


class Recording(keras.optimizers.SGD):
    """Keeps the gradients it is given, and leaves the weights as they are."""

    def apply(self, gradients: list, variables: list | None = None) -> None:
        self.seen = [*getattr(self, "seen", []), [tf.convert_to_tensor(g).numpy() for g in gradients]]


def recording(cell: str = "gru", **options: object) -> TBPTT:
    return model_of(cell, optimizer=Recording(), run_eagerly=True, **options)


def embedded(embed: SumEmbedding, tokens: np.ndarray) -> tf.Tensor:
    return embed.embeddings[0](tokens)


def gradients_by_window(model: TBPTT, stream: Stream) -> list[list[np.ndarray]]:
    """What the optimiser is given at each window of an epoch."""
    for window in stream.iterate():
        model.train_step(tf.nest.map_structure(tf.convert_to_tensor, window))
    return model.optimizer.seen


@pytest.mark.parametrize(("cell", "readout"), [*((cell, "mean_max") for cell in cells.names()), ("lstm", "last")])
def test_a_window_as_long_as_the_sequences_has_the_gradient_of_full_bptt(cell: str, readout: str) -> None:
    """The sum of what each sequence gives alone with stock Keras layers."""
    sequences = sequences_of([12, 7, 5])
    model = recording(cell, window=12, kind=readout)
    stream = Stream(sequences, LANES, 12, shuffle=False)
    (found,) = gradients_by_window(model, stream)

    recurrent = keras.layers.RNN(cells.keras_cell(cell, UNITS), return_sequences=True)
    recurrent.build((None, None, FEATURES))
    recurrent.set_weights(model.network.stack.get_weights())
    embed, head = model.network.embed, model.network.head
    with tf.GradientTape() as tape:
        total = 0.0
        for offset, length in zip(sequences.offsets, sequences.lengths):
            steps = slice(offset, offset + length)
            x = recurrent(embedded(embed, sequences.inputs["tokens"][None, steps]))[0]
            if readout == "mean_max":
                seen = [x[: t + 1] for t in range(length)]
                x = tf.stack([tf.concat([tf.reduce_mean(s, 0), tf.reduce_max(s, 0)], 0) for s in seen])
            loss = keras.losses.sparse_categorical_crossentropy(sequences.targets[steps], head.outputs(x))
            total += tf.reduce_sum(loss * sequences.weights[steps])
        total /= sequences.weights.sum()
    variables = [*embed.trainable_variables, *recurrent.trainable_variables, *head.trainable_variables]
    expected = tape.gradient(total, [v.value for v in variables])
    assert_all_close(found, [tf.convert_to_tensor(g) for g in expected])


def naive_gradients(model: TBPTT, windows: list[Window], reach: int) -> Iterator[list[tf.Tensor]]:
    """The definition for two residual layers under a running mean and maximum.

    All steps up to a window's end one by one through the stock cells, whatever is carried cut `reach` steps before
    it, the loss on the window's own steps.
    """
    network, size = model.network, model.window
    names = ("tokens", "keep")
    parts = [w[0] if isinstance(w[0], tuple) else (w[0],) for w in windows]
    whole = [{name: np.concatenate([part[name] for part in some], 1) for name in names} for some in parts]
    tokens, keep = (np.concatenate([w[name][:, -size:] for w in whole], 1) for name in names)
    targets, weights = (np.concatenate([w[part] for w in windows], 1) for part in (1, 2))
    for end in range(size, tokens.shape[1] + 1, size):
        with tf.GradientTape() as tape:
            zeros, losses = tf.zeros((LANES, UNITS)), []
            carried = [[zeros] * cells.get(network.stack.cell).states for _ in range(2)]
            carried += [zeros, zeros[:, :1], zeros]  # Sum, count and maximum.
            for t in range(end):
                if t == end - reach:
                    carried = tf.nest.map_structure(tf.stop_gradient, carried)
                kept = keep[:, t, None]
                *states, total, count, highest = tf.nest.map_structure(lambda s, kept=kept: kept * s, carried)
                x, after = embedded(network.embed, tokens[:, t]), []
                for layer, state in zip(network.stack.forwards, states):
                    h, state = layer.keras_cell(x, list(state))
                    x = x + h
                    after.append(state)
                total, count = total + x, count + 1
                highest = tf.where(kept > 0, tf.maximum(highest, x), x)
                carried = [*after, total, count, highest]
                if t >= end - size:
                    y = network.head.outputs(tf.concat([total / count, highest], 1))
                    loss = keras.losses.sparse_categorical_crossentropy(targets[:, t], y)
                    losses.append(loss * weights[:, t])
            mean = tf.reduce_mean(tf.stack(losses))
        gradients = tape.gradient(mean, [v.value for v in model.trainable_variables])
        yield [tf.convert_to_tensor(g) for g in gradients]


@pytest.mark.parametrize(("cell", "window", "reach"), [*((cell, 2, 5) for cell in cells.names()), ("lstm", 4, 4)])
def test_every_window_of_a_deep_network_has_the_gradient_of_the_definition(cell: str, window: int, reach: int) -> None:
    model = recording(cell, window=window, reach=reach, kind="mean_max", layers=2, residual=True)
    stream = Stream(sequences_of([8, 5, 2, 1]), LANES, window, reach=reach, shuffle=False)
    found = gradients_by_window(model, stream)
    assert len(found) == stream.windows() == 8 // window
    assert_all_close(found, list(naive_gradients(model, list(stream.iterate()), reach)))


def test_rows_of_an_embedding_read_more_than_once_are_trained_as_if_their_gradient_were_dense() -> None:
    """Keras clips and squares the slices of a sparse gradient one by one unless those of a row are summed."""
    model, dense = (model_of(optimizer=keras.optimizers.Adam(0.02, global_clipnorm=0.1)) for _ in range(2))
    model.fit(shuffled(), verbose=0)
    for inputs, targets, weights in shuffled().iterate():
        with tf.GradientTape() as tape:
            outputs, carried = dense.unroll(inputs, dense.train_state.read([slice(0, LANES)])[0])
            loss = dense.compute_loss(inputs, targets, outputs, weights, training=True)
        gradients = tape.gradient(loss, [v.value for v in dense.trainable_variables])
        dense.optimizer.apply([tf.convert_to_tensor(g) for g in gradients], dense.trainable_variables)
        dense.train_state.carry([carried], [slice(0, LANES)])
    assert_same_weights(model, dense, 1e-5)


def test_the_gradient_norm_of_an_epoch_is_the_mean_of_its_windows(models: Models) -> None:
    model = models()
    model.optimizer.learning_rate = 0.0
    history = model.fit(shuffled(), verbose=0).history
    gradients = gradients_by_window(recording(), shuffled())
    norms = [np.sqrt(sum(np.sum(g.astype(np.float64) ** 2) for g in window)) for window in gradients]
    assert history["gradient_norm"] == [pytest.approx(np.mean(norms), rel=1e-5)]
