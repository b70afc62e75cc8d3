"""Dynamic evaluation: a language model whose weights are adapted to the text that it reads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from common.networks.network import Network, Part
from common.reports import counting
from common.streams import Sequences, Stream

SEGMENT = 20
"""Steps that are scored before the weights are adapted to them."""
RATE, DECAY, LEAST = 2e-4, 0.005, 0.1
"""Size of a step; how much of the way back a weight goes at each, on average; and what is added to the usual size of a
gradient before it divides, as a share of the mean of all weights. They are those that suit characters of Shakespeare.
"""
MOST = 1.0
"""Maximum norm of a gradient, as in training: a text of another kind would otherwise make steps that diverge."""
LANES, WINDOWS = 16, 200
"""Training texts from which the usual size of gradients is found: segments at a time, and how often."""


class DynamicEvaluation:
    """Adapts a trained network to the texts that it is scored on, after it has scored them.

    After each segment, a step along its gradient is made: each weight's part is divided by the root mean square that it
    has on training texts, and each weight goes back towards its trained value, those with large gradients faster
    (Krause et al. 2018, "Dynamic Evaluation of Neural Sequence Models", section 4). Gradients are clipped.

    Args:
        network: A trained network that returns its losses, `[batch, time, 2]`. Its weights are changed.
        training: Sequences that it was trained on.
    """

    def __init__(self, network: Network, training: Sequences) -> None:
        self.network = network
        self._weights = [weight.value for weight in network.trainable_variables]
        self._trained = [tf.constant(weight) for weight in self._weights]
        self._state = [tf.Variable(x) for x in tf.nest.flatten(network.initial_state(1))]
        roots = self._usual_gradients(training)
        mean = sum(float(tf.reduce_sum(root)) for root in roots) / sum(tf.size(root).numpy() for root in roots)
        self._steps = [RATE / (root + LEAST * mean) for root in roots]
        self._back = [tf.minimum(DECAY / mean * root, 1.0) for root in roots]
        self._adapt = tf.function(self._adapted, autograph=False, reduce_retracing=True)

    def losses(self, sequences: Sequences) -> np.ndarray:
        """The loss of each step, `[steps]`; the sequences are read one after another."""
        stream = Stream(sequences, 1, SEGMENT, shuffle=False)
        with counting("adapting to the text", stream.windows()) as done:
            found = []
            for part, weights in parts_of(stream):
                found.append(self._adapt(part, weights).numpy())
                done(1)
        return stream.at_steps(np.concatenate(found)[..., None])[:, 0]

    def _usual_gradients(self, training: Sequences) -> list[tf.Tensor]:
        """The root mean square of the gradient of each weight over segments of training texts."""
        lanes = min(LANES, len(training.filling(LANES)))
        stream = Stream(training.filling(lanes), lanes, SEGMENT)
        gradients = tf.function(self._gradients, autograph=False, reduce_retracing=True)
        sums, state = (
            [tf.Variable(tf.zeros_like(weight)) for weight in self._weights],
            self.network.initial_state(lanes),
        )
        windows = min(WINDOWS, stream.windows())
        with counting("measuring gradients", windows) as done:
            for (part, weights), _ in zip(parts_of(stream), range(windows)):
                _, state, found = gradients(part, weights, state)
                for total, gradient in zip(sums, found, strict=True):
                    total.assign_add(gradient**2)
                done(1)
        return [tf.sqrt(total / windows) for total in sums]

    def _adapted(self, part: Part, weights: tf.Tensor) -> tf.Tensor:
        """The losses of a segment, `[1, time]`; then adapts to it."""
        state = tf.nest.pack_sequence_as(self.network.initial_state(1), [tf.identity(x) for x in self._state])
        losses, after, gradients = self._gradients(part, weights, state)
        for variable, value in zip(self._state, tf.nest.flatten(after), strict=True):
            variable.assign(value)
        clipped, _ = tf.clip_by_global_norm(gradients, MOST)
        changed = zip(self._weights, self._trained, clipped, self._steps, self._back, strict=True)
        for weight, trained, gradient, step, back in changed:
            weight.assign_add(back * (trained - weight) - step * gradient)
        return losses

    def _gradients(self, part: Part, weights: tf.Tensor, state: tuple) -> tuple[tf.Tensor, tuple, list[tf.Tensor]]:
        """The losses of a window, `[lanes, time]`, the state after it, and the gradients of their weighted mean."""
        with tf.GradientTape() as tape:
            outputs, after = self.network(part, state=state)
            mean = tf.reduce_mean(outputs[..., 0] * weights)
        return outputs[..., 0], after, list(map(tf.convert_to_tensor, tape.gradient(mean, self._weights)))


def parts_of(stream: Stream) -> Iterator[tuple[Part, tf.Tensor]]:
    """The inputs of each window, and 1 where a step counts, 0 where it does not."""
    for inputs, _, weights in stream.iterate():
        part = {name: tf.constant(value) for name, value in inputs.items()}
        yield part, tf.constant((weights > 0).astype(np.float32))
