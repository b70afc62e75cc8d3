"""A network that reads sequences from both ends."""

from __future__ import annotations

import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given

from common.layers.embeddings import SumEmbedding
from common.layers.heads import ReadoutHead, classifier
from common.layers.readout import Readout
from common.layers.stack import RecurrentStack
from common.networks.both_ways import BACKWARD, BothWays, LossOfBoth, accuracy_of_both, turned, turned_rows
from common.networks.stream import StreamNetwork
from common.networks.whole import whole_window
from common.streams import Sequences, Stream
from common.training.tbptt import TBPTT

CLASSES, TOKENS = 3, 12


def reader(seed: int) -> StreamNetwork:
    keras.utils.set_random_seed(seed)
    head = ReadoutHead(Readout("last"), classifier(CLASSES))
    return StreamNetwork(SumEmbedding([TOKENS], 4, seed=seed), RecurrentStack("lstm", 4, seed=seed), head)


@pytest.fixture
def network() -> BothWays:
    network = BothWays(reader(0), reader(1))
    network.build()
    return network


def texts(lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Tokens of texts end to end, `[steps, 1]`, and the steps of each."""
    return np.random.default_rng(0).integers(3, TOKENS, (sum(lengths), 1)).astype(np.int32), np.array(lengths)


@given(st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_texts_are_turned_between_their_marks(lengths: list[int]) -> None:
    tokens = np.arange(sum(lengths))[:, None]
    expected, starts = [], np.cumsum(lengths) - lengths
    for text in np.split(tokens, starts[1:]):
        expected += [*text[:1], *text[1:-1][::-1], *(text[-1:] if len(text) > 1 else [])]
    found = turned(tokens, np.array(lengths))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(turned(found, np.array(lengths)), tokens)
    rows = tf.RaggedTensor.from_row_lengths(tokens, lengths)
    in_rows = turned_rows(rows.to_tensor(shape=[None, None, 1]), rows.row_lengths())
    together = np.concatenate([row[:length] for row, length in zip(in_rows, lengths)])
    np.testing.assert_array_equal(together, expected)


def test_the_answer_is_the_mean_and_each_has_a_loss_of_its_own(network: BothWays) -> None:
    tokens, lengths = texts([5])
    window = whole_window({"tokens": tokens[None], BACKWARD: turned(tokens, lengths)[None]}, tf.constant([5]))
    first, second = network.forward(window)[0], network.backward(window | {"tokens": window[BACKWARD]})[0]
    np.testing.assert_allclose(network(window)[0], (first + second) / 2, rtol=1e-6)
    both, _ = network(window, training=True)
    np.testing.assert_allclose(both, np.stack([first, second], 2), rtol=1e-6)

    labels = tf.constant([[0, 1, 2, 1, 0]])
    chosen = np.take_along_axis(np.array(both), labels.numpy()[..., None, None], 3)[..., 0]  # [1, 5, networks]
    loss = LossOfBoth(reduction=None)
    np.testing.assert_allclose(loss(labels, both), -np.log(chosen).mean(2), rtol=1e-5)
    mean = (first + second) / 2
    right = np.take_along_axis(mean.numpy(), labels.numpy()[..., None], 2)[..., 0]
    np.testing.assert_allclose(loss(labels, mean), -np.log(right), rtol=1e-5)
    expected = (mean.numpy().argmax(2) == labels.numpy()).astype(float)
    np.testing.assert_array_equal(accuracy_of_both(labels, both), expected)
    np.testing.assert_array_equal(accuracy_of_both(labels, mean), expected)


def test_it_trains_by_windows_as_each_network_alone(network: BothWays) -> None:
    """Losses of their own, and no clipping: neither network changes what the other learns."""
    tokens, lengths = texts([6, 9, 4, 7])
    ends = np.isin(np.arange(len(tokens)), np.cumsum(lengths) - 1).astype(np.float32)
    targets = np.repeat(np.array([0, 1, 2, 1], np.int32), lengths)

    def train(model: keras.layers.Layer, loss: keras.losses.Loss | str, rate: float, **inputs: np.ndarray) -> None:
        sequences = Sequences(lengths, inputs, targets=targets, weights=ends, sparse_outputs=True)
        stream = Stream(sequences, 2, 4, shuffle=False)
        tbptt = TBPTT(model, 2, 4)
        tbptt.compile(keras.optimizers.SGD(rate), loss=loss, jit_compile=False)
        tbptt.fit(stream, epochs=2, verbose=0)

    alone, other = reader(0), reader(1)
    for one in (alone, other):
        one.build()
    back, before = turned(tokens, lengths), other.get_weights()[0]
    train(network, LossOfBoth(), 1.0, tokens=tokens, backward=back)  # Its loss is the mean of two.
    train(alone, "sparse_categorical_crossentropy", 0.5, tokens=tokens)
    train(other, "sparse_categorical_crossentropy", 0.5, tokens=back)
    for ours, theirs in ((network.forward, alone), (network.backward, other)):
        for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert not np.allclose(network.backward.get_weights()[0], before)


def test_it_is_made_again_from_its_configuration(network: BothWays) -> None:
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(network))
    again.build()
    assert [weight.shape for weight in again.weights] == [weight.shape for weight in network.weights]
    assert again.stack is again.forward.stack and again.readers() == (again.forward, again.backward)
