"""Pairs through windows: the same losses however they lie and as when served, and gradients as far as they may go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from common.layers.attention import AdditiveAttention, MultiplicativeAttention
from common.layers.stack import RecurrentStack
from common.networks.pairs.network import PairNetwork
from common.networks.pairs.windows import PairWindows
from common.streams import Stream
from common.training.tbptt import TBPTT
from tests.helpers import assert_all_close, randomise

START, END, VOCABULARY, UNITS = 1, 2, 11, 4
WINDOWS = PairWindows(START, END, 8)
ATTENTION = {"none": None, "multiplicative": MultiplicativeAttention, "additive": AdditiveAttention}
EVERY_ATTENTION = pytest.mark.parametrize("attention", ATTENTION)

Pairs = tuple[list[np.ndarray], list[np.ndarray]]


def pairs_of(count: int = 7, longest: int = 5, seed: int = 0) -> Pairs:
    draw = np.random.default_rng(seed)
    return tuple(
        [draw.integers(3, VOCABULARY, size=draw.integers(1, longest + 1)) for _ in range(count)] for _ in range(2)
    )


def network_of(
    cell: str = "lstm", *, upper: int = 1, bidirectional: bool = False, attention: str = "none", **options: object
) -> PairNetwork:
    kind = ATTENTION[attention]
    network = PairNetwork(
        VOCABULARY,
        6,
        encoder=RecurrentStack(cell, UNITS, bidirectional=bidirectional),
        decoder=RecurrentStack(cell, UNITS),
        upper=RecurrentStack(cell, UNITS, layers=upper) if upper else None,
        attention=kind and kind(UNITS),
        memory=8,
        **options,
    )
    network.build()
    randomise(network)
    return network


class Model(NamedTuple):
    """A network, and two functions of windows and of whole pairs."""

    network: PairNetwork
    read_window: Callable
    served: Callable


@cache
def model_of(cell: str = "lstm", **options: object) -> Model:
    """One for all tests; whoever changes its weights gives them back. It runs eagerly: tracing takes longer."""
    network = network_of(cell, **options)

    def read_window(window: dict, state: tuple) -> tuple:
        return network(window, state=state)

    def served(source: tf.Tensor, lengths: tf.Tensor, tokens: tf.Tensor, reference: tf.Tensor) -> tf.Tensor:
        memory, state = network.read(source, lengths)
        return network.losses_of(tokens, reference, memory=memory, state=state)

    return Model(network, read_window, served)


@cache
def traced_model() -> Model:
    """One that is traced for windows and pairs of any size."""
    network, read_window, served = model_of("gru", upper=1, attention="multiplicative")
    inputs = next(Stream(WINDOWS.sequences(*pairs_of(2)), 1, 4, shuffle=False).iterate())[0]
    window = {name: tf.TensorSpec([None, None], values.dtype) for name, values in inputs.items()}
    state = tf.nest.map_structure(lambda x: tf.TensorSpec([None, *x.shape[1:]], x.dtype), network.initial_state(1))
    ids, lengths = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)
    return Model(
        network,
        tf.function(read_window, input_signature=[window, state], autograph=False),
        tf.function(served, input_signature=[ids, lengths, ids, ids], autograph=False),
    )


def losses_of_windows(model: Model, stream: Stream, state: tuple | None = None) -> tuple[np.ndarray, tuple]:
    """The loss at each step of a pass over a stream, in the sequences' order; and the state after it."""
    state, outputs = state or model.network.initial_state(stream.lanes), []
    for inputs, _, _ in stream.iterate():
        found, state = model.read_window(inputs, state)
        outputs.append(found.numpy())
    return stream.at_steps(np.concatenate(outputs))[:, 0], state


def padded(rows: list[list[int]]) -> np.ndarray:
    longest = max(map(len, rows))
    return np.array([[*row, *[0] * (longest - len(row))] for row in rows], np.int32)


def losses_served(model: Model, pairs: Pairs) -> np.ndarray:
    """The loss of each target token of whole pairs, one after the other, as a saved model computes it."""
    sources, targets = ([side.tolist() for side in sides] for sides in pairs)
    lengths = np.array([len(source) + 1 for source in sources], np.int32)
    reading, reference = padded([[START, *t] for t in targets]), padded([[*t, END] for t in targets])
    found = model.served(padded([[*s, END] for s in sources]), lengths, reading, reference).numpy()
    return np.concatenate([row[: len(target) + 1] for row, target in zip(found, targets)])


def losses_one_by_one(network: PairNetwork, source: np.ndarray, target: np.ndarray) -> list[float]:
    """The loss of each target token, decoded step by step."""
    tokens = tf.constant(np.append(source, END)[None], tf.int32)
    (memory, state), found = network.read(tokens, tf.constant([tokens.shape[1]])), []
    for last, reference in zip([START, *target], [*target, END]):
        log_probabilities, state, _ = network.next(tf.constant([last], tf.int32), state, memory)
        found.append(-float(log_probabilities[0, reference]))
    return found


def assert_windows_are_as_served(model: Model, pairs: Pairs, stream: Stream) -> None:
    found, has_loss = losses_of_windows(model, stream)[0], stream.sequences.weights > 0
    assert (found[~has_loss] == 0).all()
    np.testing.assert_allclose(found[has_loss], losses_served(model, pairs), rtol=1e-4, atol=1e-5)


@EVERY_ATTENTION
@pytest.mark.parametrize(
    ("cell", "upper", "lanes", "window"),
    [("simple_rnn", 0, 1, 100), ("lstm", 2, 3, 4), ("gru", 1, 2, 7), ("peephole_lstm", 0, 3, 4)],
)
def test_windows_give_the_losses_that_are_served(
    attention: str, cell: str, upper: int, lanes: int, window: int
) -> None:
    model, pairs = model_of(cell, upper=upper, attention=attention), pairs_of()
    assert_windows_are_as_served(model, pairs, Stream(WINDOWS.sequences(*pairs), lanes, window, shuffle=False))
    first = losses_one_by_one(model.network, pairs[0][0], pairs[1][0])
    np.testing.assert_allclose(losses_served(model, pairs)[: len(first)], first, rtol=1e-4, atol=1e-5)


@settings(max_examples=8, deadline=None)
@given(
    count=st.integers(1, 9),
    longest=st.integers(1, 7),
    lanes=st.integers(1, 4),
    window=st.integers(1, 20),
    seed=st.integers(0, 1000),
    whole=st.booleans(),
    few_shapes=st.booleans(),
)
def test_however_pairs_lie_in_windows_their_losses_are_those_served(
    count: int, longest: int, *, lanes: int, window: int, seed: int, whole: bool, few_shapes: bool
) -> None:
    model, pairs = traced_model(), pairs_of(count, longest, seed)
    windows = replace(WINDOWS, few_shapes=few_shapes)
    stream = Stream(windows.sequences(*pairs), lanes, window, whole=whole, shuffle=False)
    assert_windows_are_as_served(model, pairs, stream)


@EVERY_ATTENTION
def test_both_ways_where_pairs_lie_whole(attention: str) -> None:
    model, pairs = model_of(bidirectional=True, attention=attention), pairs_of()
    assert_windows_are_as_served(model, pairs, Stream(WINDOWS.sequences(*pairs), 2, 14, whole=True, shuffle=False))


@pytest.mark.parametrize("attention", ["multiplicative", "additive"])
def test_attention_sees_nothing_of_the_pass_before(attention: str) -> None:
    model, pairs = model_of("lstm", upper=2, attention=attention), pairs_of(count=2, longest=2)
    stream = Stream(WINDOWS.sequences(*pairs), 1, 4, shuffle=False)
    randomise(model.network, seed=2)
    _, state = losses_of_windows(model, stream)  # With other weights, and with the same numbers of pairs.
    randomise(model.network)
    again, _ = losses_of_windows(model, stream, state)
    np.testing.assert_allclose(again, losses_of_windows(model, stream)[0], rtol=1e-5, atol=1e-6)


def training_step(network: PairNetwork, inputs: dict, state: tuple) -> list[tf.Tensor]:
    """The outputs of a part, the state after it, and the gradient of the mean loss, in training."""
    variables = [variable.value for variable in network.trainable_variables]
    with tf.GradientTape() as tape:
        outputs, state = network(inputs, state=state, training=True)
        loss = tf.reduce_sum(outputs[..., 0]) / tf.reduce_sum(inputs["has_loss"])
    gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
    return tf.nest.flatten((outputs, state, gradients))


def test_windows_of_few_shapes_train_as_others_do() -> None:
    network = network_of("gru", attention="multiplicative", dropout=0.3, smoothing=0.1)
    found = {}
    for few_shapes in (False, True):
        stream = Stream(replace(WINDOWS, few_shapes=few_shapes).sequences(*pairs_of(30, 7)), 4, 16, shuffle=False)
        first, second = (stream.window_at(0, window)[0] for window in (0, 1))
        found[few_shapes] = training_step(network, second, network(first)[1])
        assert not few_shapes or second["source"].shape[1] % 4 == second["target"].shape[1] % 4 == 0
    assert_all_close(found[True], found[False])


def test_each_share_of_the_lanes_can_be_read_alone() -> None:
    network = network_of("lstm", attention="multiplicative")
    pairs = pairs_of(30, 7)
    stream = Stream(WINDOWS.sequences(*pairs), 4, 16, shuffle=False)
    whole, *halves = (stream.window_at(0, 0, lanes=lanes)[0] for lanes in (slice(0, 4), slice(0, 2), slice(2, 4)))
    expected, _ = network(whole)
    assert_all_close(tf.concat([network(half)[0] for half in halves], 0), expected)


def test_a_training_step_is_one_program_of_xla() -> None:
    network = network_of("gru", attention="multiplicative", dropout=0.3, smoothing=0.1, sampling=0.5)
    stream = Stream(replace(WINDOWS, few_shapes=True).sequences(*pairs_of(30, 7)), 4, 16, shuffle=False)
    inputs = tf.nest.map_structure(tf.convert_to_tensor, stream.window_at(0, 0)[0])
    state = network.initial_state(4)
    compiled = tf.function(lambda *given: training_step(network, *given), jit_compile=True, autograph=False)
    assert_all_close(compiled(inputs, state), training_step(network, inputs, state))


class TwoTables:
    """Vectors read from one table and compared with another, so that the gradient tells what was read."""

    def __init__(self, vectors) -> None:
        self.embeddings = vectors.embeddings
        self.read = tf.Variable(vectors.embeddings)

    def __call__(self, tokens: tf.Tensor) -> tf.Tensor:
        return tf.gather(self.read, tokens)


@EVERY_ATTENTION
@pytest.mark.parametrize("reach", [4, 6, 8])
def test_gradients_reach_as_far_as_they_may_and_no_farther(attention: str, reach: int) -> None:
    window = 4
    network = network_of("gru", attention=attention)
    network.vectors = TwoTables(network.vectors)
    sequences = WINDOWS.sequences([np.array([8, 7, 6, 5, 4, 3, 9])], [np.array([10])])
    stream = Stream(sequences, 1, window, reach=reach, shuffle=False)
    model = TBPTT(network, 1, window, reach=reach)
    state, read = network.initial_state(1), []
    for inputs, _, _ in stream.iterate():
        given = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        with tf.GradientTape() as tape:
            outputs, state = model.unroll(given, state)
            total = tf.reduce_sum(outputs[..., 0])
        gradient = tape.gradient(total, network.vectors.read)
        rows = tf.convert_to_tensor(gradient).numpy() if gradient is not None else np.zeros((VOCABULARY, 1))
        read.append(set(np.flatnonzero(np.abs(rows).sum(1)).tolist()))
    # Steps: 8 7 6 5 | 4 3 9 end | start 10; the losses of the last two count in the third window.
    tokens = sequences.inputs["tokens"]
    end = 12  # Of the third window.
    assert read[:2] == [set(), set()]
    assert read[2] == set(tokens[end - reach :].tolist())


def test_smoothing_spreads_a_share_of_the_probability() -> None:
    sources, targets = pairs_of(count=1)
    window = next(Stream(WINDOWS.sequences(sources, targets), 1, 12, shuffle=False).iterate())[0]
    window = tf.nest.map_structure(tf.convert_to_tensor, window)
    none, all_of_it, some = (network_of(smoothing=share)(window, training=True)[0][..., 0] for share in (0, 1, 0.25))
    np.testing.assert_allclose(some, 0.75 * none + 0.25 * all_of_it, rtol=1e-5, atol=1e-5)
    network = network_of()
    memory, state = network.read(tf.constant([[*sources[0], END]], tf.int32), tf.constant([len(sources[0]) + 1]))
    logs, _, _ = network.next(tf.constant([START], tf.int32), state, memory)
    first = all_of_it[0][np.flatnonzero(window["has_loss"][0])[0]]
    np.testing.assert_allclose(first, -tf.reduce_mean(logs), rtol=1e-5)


def test_made_again_from_its_configuration_it_gives_the_same_losses() -> None:
    model = model_of("gru", upper=1, attention="additive")
    config = model.network.get_config()
    again = PairNetwork.from_config(config)
    assert again.get_config() == config
    again.build()
    again.set_weights(model.network.get_weights())
    source, target = (side[0] for side in pairs_of())
    assert losses_one_by_one(again, source, target) == losses_one_by_one(model.network, source, target)


def test_one_table_of_vectors_serves_inputs_and_readout() -> None:
    network = network_of(attention="multiplicative")
    assert sum(VOCABULARY in weight.shape for weight in network.weights) == 2  # The table, and the readout's bias.
    source, target = np.array([3, 4]), np.array([5, 6])
    before = losses_one_by_one(network, source, target)
    table = network.vectors.embeddings.numpy()
    table[7] += 1  # No input has it.
    network.vectors.embeddings.assign(table)
    assert not np.allclose(losses_one_by_one(network, source, target), before)
