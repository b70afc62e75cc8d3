"""Looks inside a network: how far back a gradient reaches, and what its gates do."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from common import cells
from common.cells.cell import ACTIVATIONS
from common.streams.stream import Stream

STATES = ("hidden", "cell")
WINDOWS = 4


def gradient_by_distance(network: keras.layers.Layer, stream: Stream, loss: Any) -> dict[str, list[float]]:
    """The norm of d loss_t / d state_{t-k} by the distance k, in the network's last recurrent layer, forwards.

    The loss of a step t is followed back through the hidden state h_t that it is read from, whatever else a readout
    pools. From the first windows of the stream, each read from zero; t is the last step of each lane that counts, and
    the mean is over the lanes whose sequence reaches back so far within the window. Nothing is dropped. (Pascanu,
    Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", section 2.)

    Args:
        network: See `common.tbptt.TBPTT`.
        stream: Windows to look at.
        loss: A Keras loss, or its name.

    Returns:
        `hidden` and, where there is one, `cell`: norms for k = 0, 1, ...; NaN where no lane reaches, or for the cell
        state at k = 0, which the loss does not see. Nothing of a control, which has no state that learns, nor of a
        network with several stacks.
    """
    stack, loss = getattr(network, "stack", None), keras.losses.get(loss)
    by_step = loss.call if isinstance(loss, keras.losses.Loss) else loss
    if stack is None or not cells.is_recurrent(stack.cell):
        return {}
    states = cells.get(stack.cell).states
    sums = np.zeros((states, stream.reach + 1))
    lanes = np.zeros(stream.reach + 1)
    shape = (stream.lanes, stream.reach, stack.units)
    history = stream.reach - stream.window
    for inputs, targets, weights in islice(stream.iterate(), WINDOWS):
        given = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        counted = weights > 0
        last = np.where(counted.any(1), stream.window - 1 - counted[:, ::-1].argmax(1), -1)  # [lanes]
        chosen = (np.arange(stream.window) == last[:, None]).astype(np.float32)
        nudge = tf.zeros(shape)
        with tf.GradientTape() as tape:
            tape.watch(nudge)
            outputs, _ = network(given, nudge=nudge)
            total = tf.reduce_sum(by_step(tf.convert_to_tensor(targets), outputs[:, history:]) * chosen)
        at = np.pad(chosen, [(0, 0), (history, 0)])[..., None]
        direct = tape.gradient(total, nudge) * at  # d loss_t / d h_t, [lanes, reach, units]

        inject = tuple(tf.zeros(shape) for _ in range(states))
        with tf.GradientTape() as tape:
            tape.watch(inject)
            nothing = ((),) * (stack.layers - 1)
            hidden, _ = stack(network.features(given), keep=given["keep"], inject=(*nothing, inject))
            through = tf.reduce_sum(hidden[..., : stack.units] * direct)
        injected = [np.linalg.norm(g, axis=2) for g in tape.gradient(through, inject)]
        nudged = np.linalg.norm(direct, axis=2)
        for lane in np.flatnonzero(last >= 0):
            t = last[lane] + history
            starts = np.flatnonzero(inputs["keep"][lane, : t + 1] == 0)
            first = starts[-1] + 1 if len(starts) else 0  # The first step that carries a state on in this sequence.
            back = slice(1, t - first + 2)
            sums[0, 0] += nudged[lane, t]
            lanes[0] += 1
            lanes[back] += 1
            for n in range(states):
                sums[n, back] += injected[n][lane, first : t + 1][::-1]
    with np.errstate(invalid="ignore"):
        norms = sums / lanes
    norms[1:, 0] = np.nan
    reached = lanes.nonzero()[0].max(initial=0) + 1
    return {name: row[:reached].tolist() for name, row in zip(STATES, norms)}


class Kept(NamedTuple):
    """How much of its old state a cell keeps, step by step.

    Attributes:
        name: Of the gate.
        quantiles: Over the units, the 0.1, 0.5 and 0.9 quantile, `[3, steps]`.
    """

    name: str
    quantiles: Sequence[Sequence[float]]


def kept(network: keras.layers.Layer, window: dict[str, np.ndarray], lane: int, steps: int) -> Kept | None:
    """What the forget or update gate of the first layer says over the first steps of a lane.

    Args:
        network: See `common.tbptt.TBPTT`.
        window: The first window of a stream.
        lane: One that starts with a sequence.
        steps: How many steps of that.

    Returns:
        None for a cell without such a gate.
    """
    stack = getattr(network, "stack", None)
    kind = None if stack is None or not cells.is_recurrent(stack.cell) else cells.get(stack.cell)
    if kind is None or kind.gate is None:
        return None
    layer = stack.forwards[0]
    x = network.features(tf.nest.map_structure(tf.convert_to_tensor, window))[lane : lane + 1, :steps]
    weights = kind.weights(*(tf.convert_to_tensor(w) for w in layer.keras_cell.weights))
    state, found = layer.initial_state(1), []
    for t in range(x.shape[1]):
        product = state[0] @ weights.recurrent + sum(weights.recurrent_bias)
        projected, given = x[:, t] @ weights.kernel + weights.bias, {"more": weights.more}
        state, saved = kind.step.forward(projected, product, state, activation=ACTIVATIONS[layer.activation], **given)
        found.append(saved[kind.gate.saved][0])
    return Kept(kind.gate.name, np.quantile(np.stack(found), (0.1, 0.5, 0.9), axis=1).round(4).tolist())
