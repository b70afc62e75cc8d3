"""A network joined with a linear part."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.special import log_softmax

from common.layers.embeddings import SumEmbedding
from common.layers.heads import ReadoutHead
from common.layers.linear import NgramClassifier
from common.layers.readout import Readout
from common.layers.stack import RecurrentStack
from common.networks.joined import USUAL, JoinedNetwork, fitted
from common.networks.stream import StreamNetwork

CLASSES, SIZES = 3, (9, 6)


@pytest.fixture(scope="module")
def network() -> JoinedNetwork:
    keras.utils.set_random_seed(0)
    head = ReadoutHead(Readout("mean_max"), keras.layers.Dense(CLASSES, "softmax"))
    reader = StreamNetwork(SumEmbedding((5, 6), 4), RecurrentStack("gru", 4), head)
    network = JoinedNetwork(reader, NgramClassifier(SIZES, CLASSES))
    network.build()
    draw = np.random.default_rng(1)
    network.linear.set_weights([np.abs(draw.normal(size=weight.shape)) for weight in network.linear.weights])
    return network


def window_of(lengths: list[int]) -> dict[str, np.ndarray]:
    draw, steps = np.random.default_rng(2), sum(lengths)
    tokens = np.stack([draw.integers(2, size, steps) for size in SIZES], 1).astype(np.int32)
    keep = 1 - np.isin(np.arange(steps), np.cumsum(lengths) - lengths).astype(np.float32)
    return {"tokens": tokens[None], "keep": keep[None], "sequence": np.zeros((1, steps), np.int32)}


def test_both_are_carried_from_window_to_window(network: JoinedNetwork) -> None:
    window, found, state = window_of([4, 5]), [], None
    whole, _ = network.joined(window)
    for start in range(0, 9, 2):
        part, state = network.joined({name: values[:, start : start + 2] for name, values in window.items()}, state)
        found.append(part)
    np.testing.assert_allclose(np.concatenate(found, 1), whole, rtol=1e-4)
    np.testing.assert_allclose(whole.numpy().sum(2), 1, rtol=1e-5)


def test_built_again_it_has_the_same_weights(network: JoinedNetwork) -> None:
    before = network.weights
    network.build()
    assert [id(weight) for weight in network.weights] == [id(weight) for weight in before]


def test_the_join_is_a_product_of_powers(network: JoinedNetwork) -> None:
    window = window_of([4])
    alone, _ = network(window)
    linear, _ = network.linear(window, state=network.linear.initial_state(1))
    network.weighting.assign([0.5, 2.0])
    powers = np.sqrt(alone) * np.exp(linear) ** 2
    np.testing.assert_allclose(network.joined(window)[0], powers / powers.sum(2, keepdims=True), rtol=1e-4)
    assert not any(weight is network.weighting for weight in network.trainable_weights)


def parts_of(examples: int, *, good: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log-probabilities of two parts, of which one is right more often, and the labels."""
    draw = np.random.default_rng(3)
    labels = draw.integers(0, CLASSES, examples)
    right = np.eye(CLASSES)[labels]
    parts = [log_softmax((2 if n == good else 0.3) * right + draw.normal(size=right.shape), 1) for n in range(2)]
    return *parts, labels


@pytest.mark.parametrize("good", [0, 1])
def test_the_better_part_gets_the_weight_and_few_examples_give_little(good: int) -> None:
    network, linear, labels = parts_of(2000, good=good)
    many = fitted(network, linear, labels=labels)
    assert many[good] > 0.8 > 0.4 > many[1 - good] >= 0
    few = fitted(network[:4], linear[:4], labels=labels[:4])
    assert np.abs(few - USUAL).max() < 0.1


def test_no_part_counts_negatively() -> None:
    _, linear, labels = parts_of(500, good=1)
    assert fitted(log_softmax(-10 * linear, 1), linear, labels=labels).min() >= 0


def test_calibration_says_what_both_are_worth(network: JoinedNetwork) -> None:
    log_network, log_linear, labels = parts_of(400, good=1)
    found = network.calibrate(np.exp(log_network), log_linear, labels=labels)
    joined = np.log(network.join(np.exp(log_network).astype("float32"), log_linear.astype("float32")))
    assert found["val_joined_loss"] == pytest.approx(-joined[np.arange(400), labels].mean(), rel=1e-4)
    assert found["val_joined_loss"] < found["val_linear_loss"]
    np.testing.assert_allclose(network.weighting, [found["weight_network"], found["weight_linear"]], rtol=1e-5)
