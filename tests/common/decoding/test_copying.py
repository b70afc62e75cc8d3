"""Copying: what attention weighs is copied as often as the source holds it, between words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from common.decoding.copying import copying
from common.decoding.search import beam

END = 0


def stubborn(weights: list[float]) -> Callable:
    """A model of tokens 0 (the end) to 5 that knows none of the copies 3 to 5, and always looks at the same steps."""

    def following(tokens: tf.Tensor, state: tf.Tensor) -> tuple:
        rows = tf.shape(tokens)[0]
        log_probabilities = tf.math.log(tf.constant([0.1, 0.7, 0.2, 1e-9, 1e-9, 1e-9]))
        return tf.tile(log_probabilities[None], (rows, 1)), state, tf.tile([weights], (rows, 1))

    return following


@pytest.mark.parametrize(
    ("source", "weights", "written"),
    [
        ([4, 1, 1], [0.9, 0.05, 0.05], [4, 1, 1]),
        ([4, 1, 4], [0.8, 0.1, 0.1], [4, 4, 1]),
        ([5, 1, 3], [0.55, 0.0, 0.45], [5, 3, 1]),
        ([4, 1, 1], [0.1, 0.4, 0.5], [1, 1, 1]),
        ([1, 1, 1], [1.0, 0.0, 0.0], [1, 1, 1]),
    ],
)
@pytest.mark.parametrize("width", [1, 3])
def test_what_is_looked_at_is_copied_as_often_as_it_is_there(
    source: list, weights: list, written: list, width: int
) -> None:
    model, state = copying_of(source, weights, width=width)
    found = beam(model, state, start=1, end=0, longest=3, width=width)
    if width == 1:  # Wider, what ends sooner is likelier.
        np.testing.assert_array_equal(found.tokens[:, 0], [written, [1, 1, 1]])
    wide = tf.nest.map_structure(lambda s: tf.repeat(s, width, 0), state)
    probabilities = tf.exp(model(tf.ones(2 * width, tf.int32), wide)[0])
    np.testing.assert_allclose(tf.reduce_sum(probabilities, 1), 1, rtol=1e-5)
    looks = [sum(weight for token, weight in zip(source, weights) if token == copy) for copy in (3, 4, 5)]
    np.testing.assert_allclose(probabilities[:width, 3:], [[0.9 * look for look in looks]] * width, atol=1e-6)
    np.testing.assert_allclose(probabilities[width:, 3:], np.zeros((width, 3)), atol=1e-6)


def test_what_was_copied_follows_its_hypothesis() -> None:
    """Of two hypotheses of a row, the one that wrote the copy may not write it again, the other may."""
    model, state = copying_of([4, 1, 1], [0.5, 0.25, 0.25], width=2)
    found = beam(model, state, start=1, end=0, longest=2, width=2, alpha=1.0)
    both = {tuple(tokens) for tokens in found.tokens[0].numpy().tolist()}
    assert both <= {(4, 1), (1, 4)} and len(both) == 2


def copying_of(source: list, weights: list, inside: tuple = (), width: int = 1) -> tuple:
    opens, goes_on = (tf.constant([token in which for token in range(6)]) for which in ((2,), inside))
    sources = tf.constant([source, [1, 1, 1]])
    words = {"opens": opens, "inside": goes_on}
    return copying(stubborn(weights), tf.zeros(2), source=sources, copies=range(3, 6), end=END, width=width, **words)


def test_a_copy_neither_breaks_a_word_nor_is_part_of_one_nor_takes_from_the_end() -> None:
    """Token 2 continues a word and may be continued: no copy takes of its probability after it."""
    model, state = copying_of([4, 1, 1], [1.0, 0.0, 0.0], inside=(2,))
    for last, expected in (
        (2, [0.1, 0, 0.2, 0, 0.7, 0]),
        (1, [0.1, 0, 0, 0, 0.9, 0]),
        (4, [0.125, 0.875, 0, 0, 0, 0]),
    ):
        probabilities = tf.exp(model(tf.constant([last, last]), state)[0])[0]
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)
