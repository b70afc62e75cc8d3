"""A linear classifier over n-grams as a layer with carried sums."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import tensorflow as tf
from hypothesis import given, settings

from common.layers.linear import NgramClassifier

SIZES, CLASSES = (7, 5), 3


def layer_of(seed: int = 0) -> NgramClassifier:
    layer, draw = NgramClassifier(SIZES, CLASSES), np.random.default_rng(seed)
    layer.build()
    tables = [draw.normal(size=(size, CLASSES + 1)) for size in SIZES]
    for table in tables:
        table[:, -1] **= 2
        table[:2] = 0
    layer.set_weights([*tables, draw.normal(size=CLASSES)])
    return layer


def by_hand(layer: NgramClassifier, tokens: np.ndarray) -> np.ndarray:
    """The probabilities of the classes of n-grams `[steps, lengths]`."""
    *tables, bias = layer.get_weights()
    sums = sum(table[tokens[:, n]] for n, table in enumerate(tables)).sum(0)
    scores = bias + (sums[:-1] / np.sqrt(sums[-1]) if sums[-1] else 0)
    logistic = 1 / (1 + np.exp(-scores))
    return logistic / logistic.sum()


def tokens_of(lengths: list[int]) -> np.ndarray:
    draw = np.random.default_rng(sum(lengths))
    return np.stack([draw.integers(0, size, sum(lengths)) for size in SIZES], 1).astype(np.int32)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.integers(1, 7))
@settings(max_examples=8, deadline=None)
def test_sums_carried_from_window_to_window_give_each_sequence_its_classes(lengths: list[int], window: int) -> None:
    layer, tokens = layer_of(), tokens_of(lengths)
    ends, found, state = np.cumsum(lengths), [], layer.initial_state(1)
    keep = 1 - np.isin(np.arange(len(tokens)), ends - lengths).astype(np.float32)
    for start in range(0, len(tokens), window):
        steps = slice(start, start + window)
        outputs, state = layer({"tokens": tokens[None, steps], "keep": keep[None, steps]}, state=state)
        found.append(tf.exp(outputs[0]))
    expected = [by_hand(layer, tokens[end - length : end]) for length, end in zip(lengths, ends)]
    np.testing.assert_allclose(np.concatenate(found)[ends - 1], expected, rtol=1e-4)


def test_outputs_are_those_of_the_steps_asked_for() -> None:
    layer, tokens = layer_of(), tokens_of([4])[None]
    window = {"tokens": tokens, "keep": np.array([[0, 1, 1, 1]], np.float32)}
    whole, _ = layer(window, state=layer.initial_state(1))
    some, _ = layer(window | {"output_steps": np.array([[3, 1]], np.int32)}, state=layer.initial_state(1))
    np.testing.assert_allclose(some, whole.numpy()[:, [3, 1]], rtol=1e-6)


def test_a_layer_comes_back_from_its_configuration_and_is_not_trained() -> None:
    layer = layer_of()
    again = NgramClassifier.from_config(layer.get_config())
    again.build()
    assert [w.shape for w in again.weights] == [w.shape for w in layer.weights]
    assert not again.trainable_weights
