"""The two files of what writes, an encoder and a decoder, in place of its network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from common.formats import layers
from common.formats.graph import Graph, Value, numbers, weights
from common.formats.twin import Runs, Twin
from common.networks.writing import WritingNetwork

ENCODER, DECODER = "encoder", "decoder"
"""The names of the files."""


def sizes_of(network: WritingNetwork) -> list[int]:
    """How many numbers each part of the decoder's state has."""
    return [size for group in _groups(network) for size in group]


def _groups(network: WritingNetwork) -> list[list[int]]:
    return [layers.state_sizes(stack) for stack in (network.decoder, network.upper) if stack]


def decoded(
    graph: Graph,
    network: WritingNetwork,
    tokens: Value,
    *,
    state: Sequence[Value],
    attend: Callable[[Value], tuple[Value, Value]],
) -> tuple[dict[str, Value], list[Value]]:
    """The twin of a decoder: `log_probabilities` of the token after each, and the parts of the state.

    Args:
        graph: The graph.
        network: The network.
        tokens: int32 `[batch, time]`.
        state: The parts of the state before.
        attend: From hidden states to what attention reads and its `weights`, which are outputs too; not called where
            the network has no attention.
    """
    vectors = graph.constant(weights(network.vectors)[0])
    of_lower, *of_upper = layers.grouped(state, _groups(network))
    x, after = layers.stacked(graph, network.decoder, graph.gather(vectors, tokens), state=of_lower)
    seen, found = [], {}
    if network.attention:
        context, found["weights"] = attend(x)
        seen = [context]
    if network.upper:
        x, more = layers.stacked(graph, network.upper, graph.concat([x, *seen], 2), state=of_upper[0])
        after += more
    x = layers.dense(graph, network.out, graph.concat([x, *seen], 2))
    scores = graph.matmul(x, vectors, transposed=True) + graph.constant(numbers(network.bias))
    return {"log_probabilities": graph.log_softmax(scores)} | found, after


class FileNetwork:
    """The files in place of a `WritingNetwork`, asked row by row, as LiteRT takes one at a time.

    Args:
        runs: The files.
        twins: The networks in them.
    """

    def __init__(self, runs: Runs, twins: Mapping[str, Twin]) -> None:
        self.runs, self.twins = runs, twins

    def next(self, tokens: tf.Tensor, state: tf.Tensor, memory: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """One step, see `WritingNetwork.next`."""
        found = self.run(DECODER, self.given(memory) | {"tokens": tokens[:, None], "state": state})
        weights = found.get("weights", tf.zeros((tf.shape(tokens)[0], 1, 0)))
        return found["log_probabilities"][:, 0], found["next_state"], weights[:, 0]

    def given(self, memory: Any) -> dict[str, tf.Tensor]:
        """What the decoder reads of what `read` gave."""
        return memory

    def run(self, name: str, given: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """What a file gives, inside a graph."""
        names, twin = list(given), self.twins[name]

        def run(*values: np.ndarray) -> list[np.ndarray]:
            each = [self.runs[name](**dict(zip(names, row))) for row in zip(*map(_rows, values))]
            return [np.concatenate([one[output] for one in each]) for output in twin.outputs]

        found = tf.numpy_function(run, list(given.values()), [tf.float32] * len(twin.outputs), stateful=False)
        for one, shape in zip(found, twin.outputs.values()):
            one.set_shape([None if isinstance(size, str) else size for size in shape])
        return dict(zip(twin.outputs, found))


def _rows(values: np.ndarray) -> list[np.ndarray]:
    """The rows of a batch, each as a batch of its own."""
    return np.split(values, len(values))
