"""The network of language models."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from common import cells
from common.layers.stack import RecurrentStack
from common.networks.language import LanguageNetwork

VOCABULARY = 11


def network_of(cell: str = "lstm", **options: float) -> LanguageNetwork:
    network = LanguageNetwork(VOCABULARY, 6, RecurrentStack(cell, 5, layers=2, seed=1), seed=1, **options)
    network.build()
    return network


def window_of(steps: int = 8) -> dict[str, tf.Tensor]:
    draw = np.random.default_rng(0)
    tokens = draw.integers(1, VOCABULARY, (3, steps + 1)).astype(np.int32)
    keep = np.ones((3, steps), np.float32)
    keep[:, 0] = keep[1, 4] = 0
    sequence = np.cumsum(keep == 0, 1).astype(np.int32) + 10 * np.arange(3, dtype=np.int32)[:, None]
    given = {"tokens": tokens[:, :-1], "reference": tokens[:, 1:], "keep": keep, "sequence": sequence}
    return {name: tf.constant(value) for name, value in given.items()}


@pytest.mark.parametrize("cell", cells.names())
def test_losses_are_those_of_its_steps(cell: str) -> None:
    network, window = network_of(cell), window_of()
    outputs, _ = network(window)
    for lane in range(3):
        state = network.initial_state(1)
        for t in range(8):
            if window["keep"][lane, t] == 0:
                state = network.initial_state(1)
            log_probabilities, state, _ = network.next(window["tokens"][lane, t][None], state)
            reference = int(window["reference"][lane, t])
            assert float(outputs[lane, t, 0]) == pytest.approx(-float(log_probabilities[0, reference]), rel=1e-4)
            assert float(outputs[lane, t, 1]) == (int(tf.argmax(log_probabilities[0])) == reference)


def test_windows_with_a_carried_state_give_what_one_gives() -> None:
    network, window = network_of(), window_of()
    whole, last = network(window)
    first, state = network({name: value[:, :3] for name, value in window.items()})
    rest, end = network({name: value[:, 3:] for name, value in window.items()}, state=state)
    np.testing.assert_allclose(tf.concat([first, rest], 1), whole, rtol=1e-4)
    tf.nest.map_structure(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4), end, last)


def test_penalties_count_in_training_alone() -> None:
    window = window_of()
    plain, penal = network_of(), network_of(activation_penalty=2.0, change_penalty=1.0)
    np.testing.assert_array_equal(plain(window)[0], penal(window)[0])
    x, _ = plain.stack(plain.features(window), keep=window["keep"])
    change = (x[:, 1:] - x[:, :-1]) * window["keep"][:, 1:, None]
    expected = 2 * tf.reduce_mean(x**2, 2) + tf.pad(tf.reduce_mean(change**2, 2), [[0, 0], [1, 0]])
    found = penal(window, training=True)[0] - plain(window, training=True)[0]
    np.testing.assert_allclose(found[..., 0], expected, atol=1e-5)
    assert not found[..., 1].numpy().any()


def test_dropped_vectors_are_those_of_a_sequences_tokens() -> None:
    network, window = network_of(token_dropout=0.5), window_of(60)
    dropped = np.all(network.features(window, training=True) == 0, 2)
    pairs = list(zip(window["sequence"].numpy().ravel(), window["tokens"].numpy().ravel(), dropped.ravel()))
    assert 0.2 < dropped.mean() < 0.8
    assert len({pair[:2] for pair in pairs}) == len(set(pairs))


def test_a_sample_of_the_tokens_counts_in_training_alone() -> None:
    window = window_of() | {"position": tf.constant(3)}
    plain, sampled = network_of(), network_of(sampled=5)
    np.testing.assert_array_equal(plain(window)[0], sampled(window)[0])
    losses, exact = (network(window, training=True)[0][..., 0] for network in (sampled, plain))
    assert not np.allclose(losses, exact, atol=1e-3) and np.allclose(losses, exact, atol=2)
    for wrong in ({"sampled": VOCABULARY}, {"sampled": 3, "smoothing": 0.1}):
        with pytest.raises(ValueError, match="sample none"):
            network_of(**wrong)


def test_made_again_from_its_configuration_it_gives_the_same_losses() -> None:
    network, window = network_of(dropout=0.2, smoothing=0.1), window_of()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(network))
    again.build()
    again.set_weights(network.get_weights())
    np.testing.assert_array_equal(again(window, training=True)[0], network(window, training=True)[0])
