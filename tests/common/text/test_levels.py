"""Texts as words, subwords or characters, and their numbers."""

from __future__ import annotations

from functools import cache
from typing import get_args

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.text.levels import Encoder
from common.text.scripts import Level
from common.text.words import BLANK, END

EVERY_LEVEL = pytest.mark.parametrize("level", get_args(Level))
TRAINING = ["这部电影很好看", "这部电影太无聊了", "หนังเรื่องนี้ดีมาก", "A good film 👩‍👩‍👧", "a good plot"] * 3
HARD = [
    "",
    " ",
    "한국어 영화",
    "👍🏽👩‍👩‍👧🇩🇪❤️",
    "น้ำ ที่",
    "𠮷野家 𝔘𝔫𝔦",
    "e\u0301\u0301 \u0301",
    "\u200b\ufeff",
    "<b>x</b>",
    BLANK,
]


@cache
def encoder(level: Level) -> Encoder:
    return Encoder.of(TRAINING, level, sizes=[400, 100, 100], min_count=1, pieces=400)


@cache
def graph(level: Level) -> tf.types.experimental.GenericFunction:
    return tf.function(encoder(level).splitter.split, input_signature=[tf.TensorSpec([None], tf.string)])


def test_vocabularies_keep_the_frequent_in_order() -> None:
    encoder = Encoder.of(["b a a", "a b c"], "word", sizes=[3, 10], min_count=2)
    assert encoder.vocabularies[0].lookup.get_vocabulary() == ["", "[UNK]", "a", END, "b"]
    assert encoder.vocabularies[1].lookup.get_vocabulary() == ["", "[UNK]", " "]  # no pair occurs twice
    assert encoder(tf.constant(["a c", ""])).to_list() == [[[2, 1], [1, 1], [3, 1]], [[3, 1]]]


@EVERY_LEVEL
def test_encoding_in_batches_equals_encoding_at_once(level: Level) -> None:
    texts = [f"word{n % 7} and more" for n in range(2500)]
    encoder = Encoder.of(texts, level, sizes=[400, 100, 100], min_count=1, pieces=400)
    flat, lengths = encoder.encode(texts)
    at_once = encoder(tf.constant(texts))
    assert np.array_equal(flat, at_once.values) and np.array_equal(lengths, at_once.row_lengths())
    assert encoder.sizes[1] > 7


@EVERY_LEVEL
@settings(max_examples=10, deadline=None)
@given(st.lists(st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.sampled_from(HARD))))
@example(HARD)
def test_every_text_closes_with_the_end_once(level: Level, texts: list[str]) -> None:
    together = graph(level)(tf.constant(texts, tf.string)).to_list()
    for text, tokens in zip(texts, together, strict=True):
        assert tokens[-1] == END.encode() and tokens.count(END.encode()) == 1
        assert all(tokens) and tokens == graph(level)(tf.constant([text])).to_list()[0]


@EVERY_LEVEL
@pytest.mark.parametrize(("one", "other"), [("café", "cafe\u0301"), ("한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8")])
def test_canonically_equal_texts_have_equal_tokens(level: Level, one: str, other: str) -> None:
    first, second = encoder(level).split([one, other])
    assert first == second


def test_characters_are_what_readers_see() -> None:
    assert encoder("character").split(["น้ำ  Ok!"])[0] == ["น้", "ำ", BLANK, "o", "k", "!", END]
    assert encoder("character").split(["👍🏽👩‍👩‍👧🇩🇪🇫🇷❤️"])[0] == ["👍🏽", "👩‍👩‍👧", "🇩🇪", "🇫🇷", "❤️", END]


def test_a_word_is_the_same_subword_at_the_beginning_and_after_a_blank() -> None:
    first, second = encoder("subword").split(["good film", "a\tgood"])
    assert first == [f"{BLANK}good", f"{BLANK}film", END] and second == [f"{BLANK}a", f"{BLANK}good", END]


def test_subwords_spell_what_training_did_not_show() -> None:
    assert encoder("subword").split(["goods é"])[0] == [f"{BLANK}good", "s", BLANK, "<C3>", "<A9>", END]
