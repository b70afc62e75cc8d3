"""Canonical composition: in the graph it is that of Python."""

from __future__ import annotations

import sys
import unicodedata

import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.text.canonical import composed

CHARACTERS = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
LIVELY = [c for c in CHARACTERS if unicodedata.combining(c) or unicodedata.normalize("NFD", c) != c]
"""Characters that decompose, or whose order is canonical."""
in_graph = tf.function(composed, input_signature=[tf.TensorSpec([None], tf.string)])


def assert_composed(texts: list[str]) -> None:
    found = [text.decode() for text in in_graph(tf.constant(texts, tf.string)).numpy()]
    assert found == [unicodedata.normalize("NFC", text) for text in texts]


def test_every_character_and_its_decomposition() -> None:
    assert_composed(CHARACTERS)
    assert_composed([unicodedata.normalize("NFD", character) for character in LIVELY])


texts_of = st.text(
    st.one_of(st.sampled_from(LIVELY), st.sampled_from("aeoAEO \u1100\u1161\u11a8\u09c7\u09be\u0cd5")), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(st.lists(texts_of, max_size=8))
@example(
    ["", "e\u0301", "a\u0323\u0302", "a\u0302\u0323", "\u0301a", "가\u11a8", "\u1100\u1161", "a\u0301\u0301", "\0"]
)
def test_texts_of_what_composes_and_moves(texts: list[str]) -> None:
    assert_composed(texts)
