"""Dynamic evaluation: scored first, adapted after; the step of the paper; where a step is nothing, the plain scores."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from common.layers.stack import RecurrentStack
from common.networks.language import LanguageNetwork
from common.streams import Sequences, Stream
from common.training import dynamic
from common.training.dynamic import DynamicEvaluation, parts_of

VOCABULARY, SEGMENT = 12, 5


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamic, "SEGMENT", SEGMENT)
    monkeypatch.setattr(dynamic, "WINDOWS", 3)
    monkeypatch.setattr(dynamic, "MOST", 0.3)


def network_of() -> LanguageNetwork:
    network = LanguageNetwork(VOCABULARY, 6, RecurrentStack("gru", 5, seed=1), dropout=0.5, seed=1)
    network.build()
    return network


def texts_of(lengths: list[int], seed: int = 0, tokens: int = VOCABULARY) -> Sequences:
    drawn = np.random.default_rng(seed).integers(0, tokens, sum(lengths) + 1).astype(np.int32)
    steps = {"tokens": drawn[:-1], "reference": drawn[1:]}
    nothing = np.zeros(len(drawn) - 1, np.float32)
    return Sequences(np.array(lengths), steps, targets=nothing, weights=nothing + 1)


def alone(network: LanguageNetwork, sequences: Sequences) -> np.ndarray:
    """The loss of each step where each sequence is read by itself."""
    found = []
    for first, length in zip(sequences.offsets, sequences.lengths):
        part = {name: values[None, first : first + length] for name, values in sequences.inputs.items()}
        given = {"keep": np.ones((1, length), np.float32), "sequence": np.zeros((1, length), np.int32)}
        found.append(network(part | given)[0][0, :, 0])
    return np.concatenate(found)


def test_without_steps_the_losses_are_those_of_each_text_read_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamic, "RATE", 0.0)
    network, texts = network_of(), texts_of([7, 13, 2, 11], seed=3)
    found = DynamicEvaluation(network, texts_of([30] * 8)).losses(texts)
    np.testing.assert_allclose(found, alone(network, texts), rtol=1e-4)


def test_a_segment_is_scored_and_then_a_step_of_the_paper_is_made() -> None:
    network, plain, texts, training = network_of(), network_of(), texts_of([2 * SEGMENT]), texts_of([40] * 4, seed=5)

    def gradients(part: dict, state: tuple) -> tuple:
        with tf.GradientTape() as tape:
            outputs, state = plain(part, state=state)
            mean = tf.reduce_mean(outputs[..., 0])
        found = tape.gradient(mean, [weight.value for weight in plain.trainable_weights])
        return outputs[0, :, 0].numpy(), state, [tf.convert_to_tensor(one).numpy() for one in found]

    def clipped(gradients: list) -> list:
        norm = np.sqrt(sum(np.sum(one**2) for one in gradients))
        assert norm > dynamic.MOST
        return [one * dynamic.MOST / norm for one in gradients]

    squares, state = [], plain.initial_state(4)
    for (part, _), _ in zip(parts_of(Stream(training, 4, SEGMENT)), range(3)):
        _, state, found = gradients(part, state)
        squares.append([one**2 for one in found])
    usual = [np.sqrt(np.mean(of_weight, 0)) for of_weight in zip(*squares)]
    mean = np.concatenate([one.ravel() for one in usual]).mean()

    (first, _), (second, _) = parts_of(Stream(texts, 1, SEGMENT, shuffle=False))
    expected, state, found = gradients(first, plain.initial_state(1))
    for weight, gradient, root in zip(plain.trainable_weights, clipped(found), usual, strict=True):
        weight.assign(weight - dynamic.RATE * gradient / (root + dynamic.LEAST * mean))
    trained = network.get_weights()
    then, _, found = gradients(second, state)
    for weight, gradient, root, before in zip(plain.trainable_weights, clipped(found), usual, trained, strict=True):
        back = np.minimum(dynamic.DECAY * root / mean, 1) * (before - weight)
        weight.assign(weight + back - dynamic.RATE * gradient / (root + dynamic.LEAST * mean))

    losses = DynamicEvaluation(network, training).losses(texts)
    np.testing.assert_allclose(losses, np.concatenate([expected, then]), rtol=1e-4)
    for ours, theirs, before in zip(network.get_weights(), plain.get_weights(), trained, strict=True):
        np.testing.assert_allclose(ours - before, theirs - before, rtol=1e-3, atol=1e-7)


def test_a_text_of_its_own_kind_becomes_likelier_as_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamic, "RATE", 0.003)
    network, texts = network_of(), texts_of([600], tokens=2)
    plain = alone(network, texts)
    found = DynamicEvaluation(network, texts_of([60] * 4)).losses(texts)
    assert found[:SEGMENT] == pytest.approx(plain[:SEGMENT], rel=1e-4)
    assert found[-100:].mean() < 0.8 * plain[-100:].mean()
