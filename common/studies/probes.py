"""Probes of a network: how far back gradients reach, and how far its gates are open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from common import cells
from common.networks.network import Network, Part
from common.streams import Stream

STATES = ("hidden", "cell")
WINDOWS = 4


def gradient_by_distance(network: Network, stream: Stream, loss: keras.losses.Loss | str) -> dict[str, list[float]]:
    """The norm of d loss_t / d state_{t-k} by the distance k, in the forward half of the last recurrent layer.

    The loss of a step t is followed back through the hidden state h_t alone, even if a readout pools other steps. t is
    the last step of each lane with a weight. The mean at k is over the lanes whose sequence reaches back k steps within
    the window. The windows are the first ones of a new stream over the same sequences, with the reach of the given
    stream as window. So each window is one part, all its steps have targets, and its state starts from zero. There is
    no dropout. (Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", section 2.)

    Args:
        network: A network that is built.
        stream: The stream that gives sequences, lanes and reach.
        loss: A Keras loss, or its name.

    Returns:
        `hidden` and, for a cell state, `cell`: norms for k = 0, 1, ... They are NaN where no lane reaches back so far,
        and for the cell state at k = 0, which the loss does not see. Empty for a control, which has no state that
        learns, and for a network with several stacks.
    """
    stack = network.stack
    if stack is None or not cells.is_recurrent(stack.cell):
        return {}
    states = cells.get(stack.cell).states
    sums = np.zeros((states, stream.reach + 1))
    lanes = np.zeros(stream.reach + 1)
    for inputs, targets, weights in islice(_one_part(stream).iterate(), WINDOWS):
        last, at = _last_counted(inputs, weights)
        direct, injected = _gradients(network, inputs, targets, loss=_by_step(loss), last=last, at=at)
        nudged = np.linalg.norm(direct, axis=2)
        for lane in np.flatnonzero(last >= 0):
            t = at[lane]
            starts = np.flatnonzero(inputs["keep"][lane, : t + 1] == 0)
            first = starts[-1] + 1 if len(starts) else 0  # The first step that carries a state on in this sequence.
            back = slice(1, t - first + 2)
            sums[0, 0] += nudged[lane, t]
            lanes[0] += 1
            lanes[back] += 1
            for n in range(states):
                sums[n, back] += np.linalg.norm(injected[n], axis=2)[lane, first : t + 1][::-1]
    with np.errstate(invalid="ignore"):
        norms = sums / lanes
    norms[1:, 0] = np.nan
    reached = lanes.nonzero()[0].max(initial=0) + 1
    return {name: row[:reached].tolist() for name, row in zip(STATES, norms)}


def _one_part(stream: Stream) -> Stream:
    """A stream over the same sequences, whose windows have no history."""
    return Stream(
        stream.sequences,
        lanes=stream.lanes,
        window=stream.reach,
        whole=stream.whole,
        shuffle=stream.shuffle,
        seed=stream.seed,
    )


def _last_counted(inputs: Part, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last output with a weight in each lane, -1 where there is none, and the step of that output, `[lanes]`."""
    counted = weights > 0  # [lanes, time or slots]
    last = np.where(counted.any(1), counted.shape[1] - 1 - counted[:, ::-1].argmax(1), -1)
    if "output_steps" not in inputs:
        return last, last
    return last, np.where(last < 0, -1, np.take_along_axis(inputs["output_steps"], last[:, None], 1)[:, 0])


def _by_step(loss: keras.losses.Loss | str) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """The loss of each step, `[lanes, time]`."""
    loss = keras.losses.get(loss)
    return loss.call if isinstance(loss, keras.losses.Loss) else loss


def _gradients(
    network: Network,
    inputs: Part,
    targets: np.ndarray,
    *,
    loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    last: np.ndarray,
    at: np.ndarray,
) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
    """Gradients of the loss of one output of each lane: the output `last`, at step `at`.

    Returns:
        The gradient with respect to the hidden state of that step, `[lanes, time, units]`, zeros at other steps; and
        through it, the gradients with respect to the states before each step.
    """
    stack = network.stack
    given = tf.nest.map_structure(tf.convert_to_tensor, inputs)
    chosen = (np.arange(targets.shape[1]) == last[:, None]).astype(np.float32)
    step = (np.arange(inputs["keep"].shape[1]) == at[:, None]).astype(np.float32)
    shape = (*step.shape, stack.units)
    nudge = tf.zeros(shape)
    with tf.GradientTape() as tape:
        tape.watch(nudge)
        outputs, _ = network(given, nudge=nudge)
        total = tf.reduce_sum(loss(tf.convert_to_tensor(targets), outputs) * chosen)
    direct = tape.gradient(total, nudge) * step[..., None]

    inject = tuple(tf.zeros(shape) for _ in range(cells.get(stack.cell).states))
    with tf.GradientTape() as tape:
        tape.watch(inject)
        below = ((),) * (stack.layers - 1)
        hidden, _ = stack(network.features(given), keep=given["keep"], inject=(*below, inject))
        through = tf.reduce_sum(hidden[..., : stack.units] * direct)
    return direct, tape.gradient(through, inject)


class Gate(NamedTuple):
    """How much of its old state a cell keeps at each step.

    Attributes:
        name: The name of the gate.
        quantiles: The 0.1, 0.5 and 0.9 quantiles over the units, `[3, steps]`.
    """

    name: str
    quantiles: Sequence[Sequence[float]]


def has_gate(network: Network) -> bool:
    """Whether the network's cell has a gate that decides how much of the old state is kept."""
    stack = network.stack
    return stack is not None and cells.is_recurrent(stack.cell) and bool(cells.get(stack.cell).gates)


def gate_values(network: Network, window: Part, *, lane: int, steps: int) -> Gate:
    """The forget or update gate of the first layer over the first steps of a lane.

    Args:
        network: A network that has a gate.
        window: The first window of a stream, as one part.
        lane: The number of a lane, which begins with the start of a sequence.
        steps: Number of steps of that sequence.
    """
    stack = network.stack
    x = network.features(tf.nest.map_structure(tf.convert_to_tensor, window))[lane : lane + 1, :steps]
    name = cells.get(stack.cell).gates[0].name
    found = stack.forwards[0].watched(x)[name][0]  # [steps, units]
    return Gate(name, np.quantile(found, (0.1, 0.5, 0.9), axis=1).round(4).tolist())
