"""The twins of layers, from their weights and a graph's operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras

from common import program
from common.cells import is_recurrent, names
from common.errors import InputError
from common.formats.graph import Graph, Value, numbers, weights

if TYPE_CHECKING:
    from common.layers.attention import Attention
    from common.layers.embeddings import SpelledEmbedding, SumEmbedding
    from common.layers.linear import NgramClassifier
    from common.layers.readout import Readout
    from common.layers.stack import RecurrentStack

TINY = 1e-30
"""In place of a norm of 0, where what it divides is 0, too."""
UNKNOWN = 1
"""The number of an unknown token."""


def refuse_controls(stack: RecurrentStack) -> None:
    """Refuses what is no cell, since formats have recurrences of cells.

    Raises:
        InputError: The stack is of a control.
    """
    if not is_recurrent(stack.cell):
        train = program.command("TASK", "--cell", names()[-2])
        raise InputError(f"export: {stack.cell} is a control without recurrence; train a cell, such as {train}")


def state_sizes(stack: RecurrentStack) -> list[int]:
    """How many numbers each part of the state has."""
    return [stack.units] * sum(layer.kind.states for layer in stack.forwards)


def stacked(
    graph: Graph, stack: RecurrentStack, x: Value, *, state: Sequence[Value] | None = None
) -> tuple[Value, list[Value]]:
    """The twin of `RecurrentStack`: outputs, and the parts of the state after the window; None is the start."""
    after: list[Value] = []
    width = stack.forwards[0].keras_cell.kernel.shape[0]
    for n, layer in enumerate(stack.forwards):
        many = layer.kind.states
        outputs, final = graph.recurrence(layer, x, state[n * many : (n + 1) * many] if state else None)
        after += final
        if stack.bidirectional:
            backward, _ = graph.recurrence(stack.backwards[n], x, None, backward=True)
            outputs = graph.concat([outputs, backward], 2)
        x = outputs + x if stack.residual and width == stack.width else outputs
        width = stack.width
    return x, after


def dense(graph: Graph, layer: keras.layers.Dense | keras.Sequential, x: Value) -> Value:
    """The twin of a dense layer, or of several one after the other."""
    if isinstance(layer, keras.Sequential):
        for one in layer.layers:
            x = dense(graph, one, x)
        return x
    kernel, *bias = map(graph.constant, weights(layer))
    x = graph.matmul(x, kernel)
    x = x + bias[0] if bias else x
    name = layer.activation.__name__
    if name == "softmax":
        return graph.softmax(x)
    return x if name == "linear" else graph.unary(name, x)


def sum_embedding(graph: Graph, layer: SumEmbedding, columns: Sequence[Value]) -> Value:
    """The twin of `SumEmbedding`.

    Args:
        graph: The graph.
        layer: The layer.
        columns: The numbers of the n-grams of each length, int32 `[batch, time]`; there may be more than it reads.
    """
    found = [
        graph.gather(graph.constant(weights(table)[0]), graph.where(numbers < size, numbers, UNKNOWN))
        for table, numbers, size in zip(layer.embeddings, columns, layer.sizes)
    ]
    x = sum(found[1:], start=found[0])
    return x * layer.scale if layer.scale != 1 else x


def spelled_embedding(
    graph: Graph,
    layer: SpelledEmbedding,
    words: Value,
    *,
    affixes: Value | None = None,
    letters: Value | None = None,
    lengths: Value | None = None,
) -> Value:
    """The twin of `SpelledEmbedding`, `[batch, time, width]`; with letters for one row.

    Args:
        graph: The graph.
        layer: The layer.
        words: The numbers of words, int32 `[batch, time]`.
        affixes: Those of their affixes, int32 `[batch, time, affixes of a word]`, if the layer reads any.
        letters: Those of their letters, int32 `[time, letters]`, if the layer reads any, with padding behind each word.
        lengths: The letters of each word, int32 `[time]`, all positive.
    """
    x = graph.gather(graph.constant(weights(layer.word_vectors)[0]), words)
    if layer.affixes:
        x = x + graph.sum(graph.gather(graph.constant(weights(layer.affix_vectors)[0]), affixes), 2)
    if not layer.characters:
        return x
    spelled = graph.gather(graph.constant(weights(layer.character_vectors)[0]), letters)
    forward = graph.last(layer.reader.forwards[0], spelled, lengths)
    backward = graph.last(layer.reader.backwards[0], spelled, lengths, backward=True)
    return graph.concat([x, graph.expand(graph.concat([forward, backward], 1), 0)], 2)


def attention(
    graph: Graph, layer: Attention, query: Value, *, memory: Value, keys: Value | None = None
) -> tuple[Value, Value]:
    """The twin of an attention whose whole memory may be read: the means, and the weights.

    Args:
        graph: The graph.
        layer: The layer.
        query: `[batch, time, query width]`.
        memory: `[batch, steps, width]`.
        keys: Those of `AdditiveAttention`, `[batch, steps, units]`.
    """
    kernel = graph.constant(weights(layer.key_projection)[0])
    if keys is None:
        scores = graph.product(graph.matmul(query, kernel, transposed=True), memory, transposed=True)
    else:
        query = graph.expand(dense(graph, layer.query_projection, query), 2)  # [batch, time, 1, units]
        together = graph.unary("tanh", query + graph.expand(keys, 1))  # [batch, time, steps, units]
        scores = graph.sum(together * graph.constant(numbers(layer.scale)), 3)
    shares = graph.softmax(scores)
    return graph.product(shares, memory), shares


def readout_sizes(readout: Readout) -> list[int]:
    """How many numbers each part of the state has: those of the sum, of the maximum, and the number of steps."""
    parts = ("mean" in readout.kind) + ("max" in readout.kind)
    return [readout.units] * parts + [1] * bool(parts)


def summary(
    graph: Graph, readout: Readout, x: Value, *, state: Sequence[Value] | None = None
) -> tuple[Value, list[Value]]:
    """The twin of `Readout` at the last step: `[batch, width]`, and the parts of the state; zeros are the start."""
    if readout.kind == "last":
        return graph.pick(x, -1, 1), []
    steps = graph.sum(graph.sum(x, 2, keep=True) * 0.0 + 1.0, 1)  # [batch, 1]
    before, after = list(state or ()), []
    found = [graph.pick(x, -1, 1)] if "last" in readout.kind else []
    if "mean" in readout.kind:
        sums, many = graph.sum(x, 1), steps
        if state:
            sums, many = sums + before[0], many + before[-1]
        found.append(sums / many)
        after.append(sums)
    if "max" in readout.kind:
        highest = graph.max(x, 1)
        if state:
            highest = graph.where(before[-1] < 0.5, highest, graph.maximum(highest, before[-2]))
        found.append(highest)
        after.append(highest)
    return graph.concat(found, 1), [*after, steps + before[-1] if state else steps]


def linear_sizes(layer: NgramClassifier | None) -> list[int]:
    """How many numbers each part of the state has."""
    return [layer.classes + 1] if layer else []


def linear(
    graph: Graph, layer: NgramClassifier, columns: Sequence[Value], *, state: Sequence[Value] | None = None
) -> tuple[Value, list[Value]]:
    """The twin of `NgramClassifier` at the last step: log-probabilities `[batch, classes]`, and the parts of the state.

    Args:
        graph: The graph.
        layer: The layer.
        columns: The numbers of the n-grams of each length, int32 `[batch, time]`.
        state: The parts of the state before; None is the start, as are zeros.
    """
    *tables, bias = weights(layer)
    found = [graph.gather(graph.constant(table), numbers) for table, numbers in zip(tables, columns)]
    sums = graph.sum(sum(found[1:], start=found[0]), 1)
    sums = sums + state[0] if state else sums
    scores, norm = graph.split(sums, [layer.classes, 1], 1)
    scores = scores / graph.unary("sqrt", graph.maximum(norm, TINY)) + graph.constant(bias)
    return graph.log_softmax(softplus(graph, scores * -1.0) * -1.0), [sums]


def softplus(graph: Graph, x: Value) -> Value:
    """log(1 + exp(x)), as max(x, 0) + log(1 + exp(-|x|)), which holds large numbers."""
    above, below = graph.unary("relu", x), graph.unary("relu", x * -1.0)
    return above + graph.unary("log", graph.unary("exp", (above + below) * -1.0) + 1.0)


def grouped(state: Sequence[Value] | None, groups: Sequence[Sequence[int]]) -> list[Sequence[Value] | None]:
    """The parts of a state for each of several layers, by the sizes of the parts of each."""
    if state is None:
        return [None] * len(groups)
    ends = [sum(map(len, groups[: n + 1])) for n in range(len(groups))]
    return [state[end - len(group) : end] for end, group in zip(ends, groups)]
