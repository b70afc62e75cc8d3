"""Probes, against gradients and gates taken the long way."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from common import cells
from common.layers.embeddings import Numbers
from common.layers.heads import ReadoutHead
from common.layers.readout import Readout
from common.layers.stack import RecurrentStack
from common.networks.stream import StreamNetwork
from common.streams.sequences import Sequences
from common.streams.stream import Stream
from common.studies.probes import gate_values, gradient_by_distance, has_gate

TIME, FEATURES, UNITS = 6, 3, 4
EVERY_CELL = pytest.mark.parametrize("cell", cells.names())


def network_of(cell: str, head_class: type[ReadoutHead] = ReadoutHead) -> StreamNetwork:
    head = head_class(Readout("last"), keras.layers.Dense(2, activation="softmax"))
    network = StreamNetwork(Numbers(FEATURES), RecurrentStack(cell, UNITS, seed=2), head)
    network.build()
    draw = np.random.default_rng(5)
    network.set_weights([0.5 * draw.normal(size=w.shape) for w in network.get_weights()])
    return network


def stream_of(lengths: tuple[int, ...], window: int = TIME, **sequences: bool) -> Stream:
    """One lane whose windows reach over `TIME` steps; the end of each sequence has a target."""
    values = np.random.default_rng(1).normal(size=(sum(lengths), FEATURES)).astype(np.float32)
    targets = np.ones(sum(lengths), np.int32)
    weights = np.zeros(sum(lengths), np.float32)
    weights[np.cumsum(lengths) - 1] = 1
    packed = Sequences(np.array(lengths), {"values": values}, targets=targets, weights=weights, **sequences)
    return Stream(packed, 1, window, reach=TIME, shuffle=False)


@EVERY_CELL
def test_gradients_by_distance_are_those_of_steps_taken_one_by_one(cell: str) -> None:
    network, stream = network_of(cell), stream_of((TIME,))
    found = gradient_by_distance(network, stream, "sparse_categorical_crossentropy")
    assert len(found["hidden"]) == TIME  # No state is carried into the first step.

    inputs, _, _ = stream.window_at(0, 0)
    state = network.stack.initial_state(1)
    with tf.GradientTape() as tape:
        states = []
        for t in range(TIME):
            x, state = network.stack(tf.constant(inputs["values"][:, t : t + 1]), state=state)
            tape.watch((x, state))
            states.append(state[0])
            outputs, last = network.head(x, keep=tf.zeros((1, 1))), x
        loss = -tf.math.log(outputs[0][0, 0, 1])
    direct, *back = tape.gradient(loss, [last, *states[-2::-1]])
    norms = [np.linalg.norm(direct), *(np.linalg.norm(one[0]) for one in back)]
    np.testing.assert_allclose(found["hidden"], norms, rtol=1e-4)
    if cells.get(cell).states == 2:
        np.testing.assert_allclose(found["cell"][1:], [np.linalg.norm(one[1]) for one in back], rtol=1e-4)
        assert np.isnan(found["cell"][0])


def test_no_gradient_crosses_the_start_of_a_sequence() -> None:
    stream = stream_of((4, 2))
    assert stream.window_at(0, 0)[0]["keep"].tolist() == [[0, 1, 1, 1, 0, 1]]
    found = gradient_by_distance(network_of("gru"), stream, "sparse_categorical_crossentropy")
    assert len(found["hidden"]) == 2


def test_windows_with_a_history_are_probed_over_their_whole_reach() -> None:
    network = network_of("gru")
    stream = stream_of((TIME,), window=2)
    assert isinstance(stream.window_at(0, 0)[0], tuple)
    found = gradient_by_distance(network, stream, "sparse_categorical_crossentropy")
    assert found == gradient_by_distance(network, stream_of((TIME,)), "sparse_categorical_crossentropy")


def test_sparse_outputs_are_probed_at_the_steps_they_are_of() -> None:
    expected = gradient_by_distance(network_of("lstm"), stream_of((4, 2)), "sparse_categorical_crossentropy")
    stream = stream_of((4, 2), sparse_outputs=True)
    assert stream.window_at(0, 0)[1].shape == (1, 4)
    found = gradient_by_distance(network_of("lstm"), stream, "sparse_categorical_crossentropy")
    np.testing.assert_allclose(found["hidden"], expected["hidden"], rtol=1e-5)


@pytest.mark.parametrize("name", cells.control_names())
def test_a_control_has_no_state_to_look_at(name: str) -> None:
    network = network_of(name)
    assert gradient_by_distance(network, stream_of((TIME,)), "sparse_categorical_crossentropy") == {}
    assert not has_gate(network)


@EVERY_CELL
def test_gates_are_those_of_the_equations(cell: str) -> None:
    network = network_of(cell)
    window, _, _ = stream_of((TIME,)).window_at(0, 0)
    assert has_gate(network) == bool(cells.get(cell).gates)
    if not has_gate(network):
        return
    found = gate_values(network, window, lane=0, steps=TIME)
    layer = network.stack.forwards[0]
    kernel, recurrent, bias, *more = (w.numpy() for w in layer.keras_cell.weights)
    which = slice(0, UNITS) if cell == "gru" else slice(UNITS, 2 * UNITS)
    bias = bias.sum(0) if cell == "gru" else bias
    state, medians = layer.initial_state(1), []
    for t in range(TIME):
        x = window["values"][:, t]
        total = (x @ kernel + state[0].numpy() @ recurrent + bias)[:, which]
        if more:
            total = total + more[0][1] * state[1].numpy()
        medians.append(np.median(1 / (1 + np.exp(-total))))
        _, state = layer(tf.constant(x[:, None]), state=state)
    assert found.name == ("update gate" if cell == "gru" else "forget gate")
    np.testing.assert_allclose(found.quantiles[1], medians, atol=1e-4)
