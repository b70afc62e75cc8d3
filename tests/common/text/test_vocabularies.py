"""Vocabularies of words, and encoders of texts and words."""

from __future__ import annotations

from collections import Counter

import numpy as np
import tensorflow as tf

from common.text.vocabularies import Encoder, WordEncoder
from common.text.words import END


def test_vocabularies_keep_the_frequent_in_order() -> None:
    encoder = Encoder.of(["b a a", "a b c"], size=3, min_count=2, bigram_size=10)
    assert encoder.words.lookup.get_vocabulary() == ["", "[UNK]", "a", END, "b"]
    assert encoder.bigrams.lookup.get_vocabulary() == ["", "[UNK]", " "]  # no pair occurs twice
    assert encoder(tf.constant(["a c", ""])).to_list() == [[[2, 1], [1, 1], [3, 1]], [[3, 1]]]


def test_encoding_in_batches_equals_encoding_at_once() -> None:
    texts = [f"word{n % 7} and more" for n in range(2500)]
    encoder = Encoder.of(texts, size=100, min_count=1, bigram_size=100)
    flat, lengths = encoder.encode(texts)
    at_once = encoder(tf.constant(texts))
    assert np.array_equal(flat, at_once.values) and np.array_equal(lengths, at_once.row_lengths())
    assert len(encoder.bigrams) > 7


def test_word_encoder_knows_what_is_frequent_and_all_it_has_seen() -> None:
    encoder = WordEncoder.of(Counter({"The": 1, "the": 1, "cat": 1, "Ça": 2}), 2)
    requested = tf.constant([["THE", "cat"], ["ça", ""]])
    numbers = encoder.words(requested).numpy()
    assert numbers[0, 0] > 1 and numbers[0, 1] == 1 and numbers[1, 0] > 1 and numbers[1, 1] == 0
    assert encoder.seen(tf.constant(["The", "THE", "cat", ""])).numpy().tolist() == [True, False, True, False]
    assert encoder.letters(tf.constant(["the", "zzz"])).to_list()[1] == [1, 1, 1]
