"""Spellings packed onto lanes: each is there once, whole, and found again."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from common import cells
from common.layers.embeddings import SpelledEmbedding
from common.networks.spelling import Spellings, spelled
from tests.helpers import assert_all_close, randomise


def spellings_of(words: list[list[int]], words_of_a_lane: int, multiple: int = 1) -> Spellings:
    lengths, characters = np.array([len(word) for word in words]), np.concatenate(words).astype(np.int32)
    return Spellings(lengths, characters, words_of_a_lane=words_of_a_lane, multiple=multiple)


WORDS = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=9), min_size=1, max_size=12)


@given(WORDS, st.sampled_from([1, 2, 3, 5, 10, 16]), st.sampled_from([1, 4]), st.randoms())
@settings(max_examples=25, deadline=None)
def test_each_word_is_read_from_its_first_to_its_last_letter(words, of_a_lane, multiple, random) -> None:
    named = np.array([[random.randrange(len(words)) for _ in range(5)] for _ in range(2)])
    found = spellings_of(words, of_a_lane, multiple)({"spelling": named})
    lanes = max(1, 10 // of_a_lane)
    letters, keep = found["characters"].ravel(), found["characters_keep"].ravel()
    assert found["characters"].shape[0] == lanes and found["characters"].shape[1] % multiple == 0
    for word, start, end in zip(named.ravel(), found["starts"].ravel(), found["ends"].ravel()):
        assert letters[start : end + 1].tolist() == words[word]
        assert keep[start : end + 1].tolist() == [0, *[1] * (len(words[word]) - 1)]
    assert np.count_nonzero(letters) == sum(len(words[word]) for word in set(named.ravel().tolist()))


@given(WORDS, st.integers(1, 12), st.randoms())
@settings(max_examples=10, deadline=None)
def test_both_forms_of_a_window_spell_the_same_words(words, of_a_lane, random) -> None:
    spelling = np.array([[random.randrange(len(words)) for _ in range(5)] for _ in range(2)])
    packed = spellings_of(words, of_a_lane)({"spelling": spelling})
    served = tf.nest.map_structure(
        np.asarray, spelled(tf.ragged.constant(words, tf.int32), tf.constant(spelling, tf.int32))
    )

    def read(window: dict[str, np.ndarray]) -> list[tuple[list[int], list[float]]]:
        letters, keep = window["characters"].ravel(), window["characters_keep"].ravel()
        places = zip(window["starts"].ravel(), window["ends"].ravel())
        return [(letters[a : b + 1].tolist(), keep[a : b + 1].tolist()) for a, b in places]

    assert packed.keys() == served.keys()
    assert read(packed) == read(served)


@pytest.mark.parametrize("cell", cells.names())
def test_a_word_is_the_same_wherever_it_is_packed(cell: str) -> None:
    words = [[1, 2, 3], [4], [5, 5, 1, 2], [2, 1]]
    layer = SpelledEmbedding(9, 4, characters=7, character_units=3, cell=cell)
    layer.build()
    randomise(layer)
    spelling = np.array([[0, 2, 1], [3, 0, 0]])

    def read(spelling: np.ndarray, words_of_a_lane: int) -> np.ndarray:
        window = {"words": spelling + 2, "sequence": np.zeros_like(spelling)}
        window |= spellings_of(words, words_of_a_lane)({"spelling": spelling})
        return layer(tf.nest.map_structure(tf.constant, window))

    together = read(spelling, 3)
    assert together.shape == (2, 3, layer.width)
    for place in np.ndindex(spelling.shape):
        np.testing.assert_allclose(together[place], read(spelling[place].reshape(1, 1), 1)[0, 0], atol=1e-6)


@pytest.mark.parametrize("cell", cells.names())
def test_lanes_of_any_length_are_read_the_same_under_xla(cell: str) -> None:
    words = [[1, 2, 3], [4], [5, 5, 1, 2], [2, 1]]
    layer = SpelledEmbedding(9, 4, characters=7, character_units=3, cell=cell)
    layer.build()
    randomise(layer)
    spec = {n: tf.TensorSpec((1, 3), tf.int32) for n in ("words", "sequence", "starts", "ends")}
    spec |= {"characters": tf.TensorSpec((None, None), tf.int32), "characters_keep": tf.TensorSpec((None, None))}

    @tf.function(input_signature=[spec], jit_compile=True)
    def compiled(window: dict[str, tf.Tensor]) -> tuple:
        with tf.GradientTape() as tape:
            outputs = layer(window, training=True)
        return outputs, tape.gradient(outputs, layer.reader.trainable_weights)

    for spelling in (np.array([[0, 2, 1]], np.int32), np.array([[1, 3, 1]], np.int32)):
        window = {"words": spelling + 2, "sequence": np.zeros_like(spelling)}
        window = tf.nest.map_structure(tf.constant, window | spellings_of(words, 2)({"spelling": spelling}))
        with tf.GradientTape() as tape:
            expected = layer(window, training=True)
        assert_all_close(compiled(window), (expected, tape.gradient(expected, layer.reader.trainable_weights)))
