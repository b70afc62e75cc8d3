"""The encoder of words and their letters."""

from __future__ import annotations

from collections import Counter

import tensorflow as tf

from common.text.vocabularies import WordEncoder


def test_word_encoder_knows_what_is_frequent_and_all_it_has_seen() -> None:
    encoder = WordEncoder.of(Counter({"The": 1, "the": 1, "cat": 1, "Ça": 2}), 2)
    requested = tf.constant([["THE", "cat"], ["ça", ""]])
    numbers = encoder.words(requested).numpy()
    assert numbers[0, 0] > 1 and numbers[0, 1] == 1 and numbers[1, 0] > 1 and numbers[1, 1] == 0
    assert encoder.seen(tf.constant(["The", "THE", "cat", ""])).numpy().tolist() == [True, False, True, False]
    assert encoder.letters(tf.constant(["the", "zzz"])).to_list()[1] == [1, 1, 1]


def test_an_affix_is_known_if_two_different_words_have_it() -> None:
    encoder = WordEncoder.of(Counter({"goes": 5, "does": 1, "Dot": 9}), 2)
    known = encoder.affixes(tf.constant(["does", "dot", ""])).numpy()
    assert (known[0] > 1).tolist() == [True, True, False, False, True, True, True, False, False, True]
    assert (known[1] > 1).tolist() == [True, True, False, False, False, False, False, False, False, True]
    assert (known[1] == 0).tolist() == [False] * 3 + [True] + [False] * 3 + [True, True, False]
    assert not known[2].any()
