"""Pairs through windows: the same however they lie, the same as when served, and gradients as far as they may go."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from common.layers.attention import AdditiveAttention, MultiplicativeAttention
from common.layers.stack import RecurrentStack
from common.networks.pairs.network import PairNetwork
from common.networks.pairs.windows import PairWindows
from common.streams.stream import Stream
from common.training.tbptt import TBPTT
from tests.helpers import randomise

START, END, VOCABULARY, UNITS = 1, 2, 11, 4


def pairs_of(count: int = 7, longest: int = 5, seed: int = 0) -> tuple[list, list]:
    draw = np.random.default_rng(seed)
    return tuple(
        [draw.integers(3, VOCABULARY, size=draw.integers(1, longest + 1)) for _ in range(count)] for _ in range(2)
    )


def network_of(cell: str = "lstm", upper: int = 1, bidirectional: bool = False, **options: object) -> PairNetwork:
    network = PairNetwork(
        VOCABULARY,
        6,
        RecurrentStack(cell, UNITS, bidirectional=bidirectional),
        RecurrentStack(cell, UNITS),
        RecurrentStack(cell, UNITS, layers=upper) if upper else None,
        options.pop("attention", None),
        memory=8,
        **options,
    )
    network.build()
    randomise(network)
    return network


def losses(network: PairNetwork, stream: Stream) -> np.ndarray:
    model = TBPTT(network, stream.lanes, stream.window)
    model.compile()
    return stream.at_steps(model.predict(stream, verbose=0))


def one_by_one(network: PairNetwork, source: np.ndarray, target: np.ndarray) -> list[float]:
    """The loss of each target token, decoded step by step as the exported model does."""
    tokens = tf.constant(np.append(source, END)[None], tf.int32)
    (memory, state), found = network.read(tokens, tf.constant([tokens.shape[1]])), []
    for last, true in zip([START, *target], [*target, END]):
        said, state, _ = network.next(tf.constant([last], tf.int32), state, memory)
        found.append(-float(said[0, true]))
    return found


ATTENTION = [None, MultiplicativeAttention, AdditiveAttention]


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize(
    ("cell", "upper", "lanes", "window"),
    [("simple_rnn", 0, 1, 100), ("lstm", 2, 3, 4), ("gru", 1, 2, 7), ("peephole_lstm", 0, 3, 4)],
)
def test_windows_say_what_is_served(attention, cell: str, upper: int, lanes: int, window: int) -> None:
    network, (sources, targets) = network_of(cell, upper, attention=attention and attention(UNITS)), pairs_of()
    sequences = PairWindows(START, END, 8).sequences(sources, targets)
    found = losses(network, Stream(sequences, lanes, window, shuffle=False))[:, 0]
    asked = sequences.weights > 0
    assert (found[~asked] == 0).all()
    served = [loss for source, target in zip(sources, targets) for loss in one_by_one(network, source, target)]
    np.testing.assert_allclose(found[asked], served, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("attention", ATTENTION)
def test_both_ways_where_pairs_lie_whole(attention) -> None:
    network, (sources, targets) = network_of(bidirectional=True, attention=attention and attention(UNITS)), pairs_of()
    sequences = PairWindows(START, END, 8).sequences(sources, targets)
    found = losses(network, Stream(sequences, 2, 14, whole=True, shuffle=False))[:, 0]
    served = [loss for source, target in zip(sources, targets) for loss in one_by_one(network, source, target)]
    np.testing.assert_allclose(found[sequences.weights > 0], served, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("attention", ATTENTION[1:])
def test_attention_sees_nothing_of_the_pass_before(attention) -> None:
    network, (sources, targets) = network_of(attention=attention(UNITS)), pairs_of(count=2, longest=2)
    stream = Stream(PairWindows(START, END, 8).sequences(sources, targets), 1, 4, shuffle=False)
    model = TBPTT(network, stream.lanes, stream.window)
    model.compile()
    model.predict(stream, verbose=0)  # With other weights, and with the same numbers of pairs.
    randomise(network, seed=2)
    again = model.predict(stream, verbose=0)
    np.testing.assert_allclose(stream.at_steps(again), losses(network, stream), rtol=1e-5, atol=1e-6)


class Apart:
    """Vectors that are read from one table and compared with another, so that the gradient tells what was read."""

    def __init__(self, vectors) -> None:
        self.embeddings = vectors.embeddings
        self.read = tf.Variable(vectors.embeddings)

    def __call__(self, tokens: tf.Tensor) -> tf.Tensor:
        return tf.gather(self.read, tokens)


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("reach", [4, 6, 8])
def test_gradients_reach_as_far_as_they_may_and_no_farther(attention, reach: int) -> None:
    window = 4
    network = network_of("gru", attention=attention and attention(UNITS))
    network.vectors = Apart(network.vectors)
    sequences = PairWindows(START, END, 8).sequences([np.array([8, 7, 6, 5, 4, 3, 9])], [np.array([10])])
    stream = Stream(sequences, 1, window, reach, shuffle=False)
    model = TBPTT(network, 1, window, reach)
    state, read = network.initial_state(1), []
    for inputs, _, _ in stream.iterate():
        given = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        with tf.GradientTape() as tape:
            outputs, state = model.unroll(given, state)
            total = tf.reduce_sum(outputs[..., 0])
        gradient = tape.gradient(total, network.vectors.read)
        rows = tf.convert_to_tensor(gradient).numpy() if gradient is not None else np.zeros((VOCABULARY, 1))
        read.append(set(np.flatnonzero(np.abs(rows).sum(1)).tolist()))
    # Steps: 8 7 6 5 | 4 3 9 end | start 10; the losses of the last two are asked for in the third window.
    tokens = sequences.inputs["tokens"]
    asked = 12  # One past the third window.
    assert read[:2] == [set(), set()]
    assert read[2] == set(tokens[asked - reach :].tolist())


def test_smoothing_spreads_a_share_of_the_probability() -> None:
    sources, targets = pairs_of(count=1)
    window = next(Stream(PairWindows(START, END, 8).sequences(sources, targets), 1, 12, shuffle=False).iterate())[0]
    window = tf.nest.map_structure(tf.convert_to_tensor, window)
    none, all_of_it, some = (network_of(smoothing=share)(window, training=True)[0][..., 0] for share in (0, 1, 0.25))
    np.testing.assert_allclose(some, 0.75 * none + 0.25 * all_of_it, rtol=1e-5, atol=1e-5)
    network = network_of()
    memory, state = network.read(tf.constant([[*sources[0], END]], tf.int32), tf.constant([len(sources[0]) + 1]))
    logs, _, _ = network.next(tf.constant([START], tf.int32), state, memory)
    first = all_of_it[0][np.flatnonzero(window["said_0"][0])[0]]
    np.testing.assert_allclose(first, -tf.reduce_mean(logs), rtol=1e-5)


def test_made_again_from_its_configuration_it_says_the_same() -> None:
    network, (sources, targets) = network_of(attention=AdditiveAttention(UNITS)), pairs_of()
    again = PairNetwork.from_config(network.get_config())
    again.build()
    again.set_weights(network.get_weights())
    stream = Stream(PairWindows(START, END, 8).sequences(sources, targets), 2, 5, shuffle=False)
    np.testing.assert_array_equal(losses(again, stream), losses(network, stream))


def test_scheduled_sampling_reads_its_share_of_guesses_but_never_at_a_start() -> None:
    network = network_of(sampling=0.3)
    rows, steps = 50, 40
    tokens, guesses = tf.fill((rows, steps), 3), tf.fill((rows, steps), 4) + tf.range(steps)
    keep = tf.cast(tf.range(steps) % 10 > 0, tf.float32)[None] * tf.ones((rows, 1))
    sequence, place = tf.tile(tf.range(rows)[:, None], (1, steps)), tf.tile(tf.range(steps)[None], (rows, 1))
    mixed = network._mixed(tokens, guesses, keep, sequence, place).numpy()
    own = mixed != 3
    assert not own[keep.numpy() == 0].any()
    assert own[keep.numpy() > 0].mean() == pytest.approx(0.3, abs=0.04)
    np.testing.assert_array_equal(mixed[own], np.broadcast_to(3 + np.arange(steps), own.shape)[own])
    later = network._mixed(*(x[:, 5:] for x in (tokens, guesses, keep, sequence, place))).numpy()
    np.testing.assert_array_equal(later[:, 1:] != 3, own[:, 6:])


def test_one_table_of_vectors_reads_and_says() -> None:
    network = network_of(attention=MultiplicativeAttention(UNITS))
    assert sum(VOCABULARY in weight.shape for weight in network.weights) == 2  # The table, and the readout's bias.
    (sources, targets) = pairs_of(count=2)
    stream = Stream(PairWindows(START, END, 8).sequences(sources, targets), 1, 12, shuffle=False)
    before = losses(network, stream)
    unread = next(n for n in range(3, VOCABULARY) if all(n not in side for side in (*sources, *targets)))
    table = network.vectors.embeddings.numpy()
    table[unread] += 1
    network.vectors.embeddings.assign(table)
    assert not np.allclose(losses(network, stream), before)
