"""Tokenisers made of TensorFlow operations."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from common.text.words import AFFIXES, BLANKS, END, affixes, letters, ngrams, tokens, words


def split(text: str) -> list[str]:
    return [word.decode() for word in words(tf.constant([text]))[0].numpy()]


def test_words_marks_and_endings_stand_apart() -> None:
    assert split("It's GREAT, isn't it?") == ["it", "ʼs", "great", ",", "isn", "ʼt", "it", "?", END]


def test_markup_is_dropped_and_comparisons_are_kept() -> None:
    assert split("one<br />two 3 < 4 <end>") == ["one", "two", "3", "<", "4", END]


def test_an_empty_text_still_has_a_step() -> None:
    assert split("") == split(" \n ") == [END]


def test_letters_of_every_script_make_words() -> None:
    assert split("Élan vital — 日本語") == ["élan", "vital", "—", "日本語", END]


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    assert words(tf.constant([b"ab \xff"]))[0].numpy().tolist() == [b"ab", "\ufffd".encode(), END.encode()]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30), min_size=1))
def test_every_text_closes_with_the_end_once(texts: list[str]) -> None:
    for found in words(tf.constant(texts)).to_list():
        assert found[-1] == END.encode() and found.count(END.encode()) == 1
        assert all(word and not word.isspace() for word in found)


def test_each_word_stands_with_the_one_before_it_in_its_own_text() -> None:
    found = ngrams(words(tf.constant(["a b", "", "c"])), 2).to_list()
    assert found == [[b"<start> a", b"a b", b"b <end>"], [b"<start> <end>"], [b"<start> c", b"c <end>"]]


@pytest.mark.parametrize(
    ("text", "apart", "whole"),
    [
        ("I don't know, it's 3.5%!", "I do n't know , it 's 3.5 % !", "I don't know , it's 3.5 % !"),
        ("Ankara'da (2014) bitti...", "Ankara'da ( 2014 ) bitti ...", "Ankara'da ( 2014 ) bitti ..."),
        ("see www.x.org/a or a@b.com.", "see www.x.org/a or a@b.com .", "see www.x.org/a or a@b.com ."),
        (
            "(at http://x.org/a.) http://y.org/.",
            "( at http://x.org/a . ) http://y.org/ .",
            "( at http://x.org/a . ) http://y.org/ .",
        ),
        ("a\u00a0b\u3000c\u2028d\u200be", "a b c d e", "a b c d e"),
        ("", "", ""),
    ],
)
def test_text_is_split_as_treebanks_do(text: str, apart: str, whole: str) -> None:
    for split_endings, expected in ((True, apart), (False, whole)):
        (found,) = tokens(tf.constant([text]), split_endings).to_list()
        assert " ".join(token.decode() for token in found) == expected


@given(st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_splitting_loses_no_letter(text: str) -> None:
    usable = text.encode(errors="replace").decode()
    for split_endings in (False, True):
        (found,) = tokens(tf.constant([usable]), split_endings).to_list()
        kept = tf.strings.regex_replace(usable, BLANKS, "").numpy().decode()
        assert "".join(token.decode() for token in found) == kept


def test_letters_of_long_words_are_the_first_and_the_last() -> None:
    word = "".join(chr(0x4E00 + n) for n in range(40))
    short, long, none = letters(tf.constant(["añb", word, ""])).to_list()
    assert [letter.decode() for letter in short] == ["a", "ñ", "b"] and none == []
    assert "".join(letter.decode() for letter in long) == word[:16] + word[-16:]
    for length in (31, 32, 33):
        (found,) = letters(tf.constant([word[:length]])).to_list()
        assert len(found) == min(length, 32)


def test_affixes_are_told_apart_and_end_where_the_word_does() -> None:
    found = [[part.decode() for part in row] for row in affixes(tf.constant(["GmbH-42", "Ça", ""])).numpy().tolist()]
    assert found[0] == ["g ", "gm ", "gmb ", "gmbh ", " 2", " 42", " -42", " h-42", " bh-42", " AaA-0 "]
    assert found[1] == ["ç ", "ça ", "", "", " a", " ça", "", "", "", " Aa "]
    assert found[2] == [""] * AFFIXES


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=40)))
def test_affixes_are_those_of_the_word_in_lower_case(given: list[str]) -> None:
    small = [word.decode() for word in tf.strings.lower(tf.constant(given, tf.string), "utf-8").numpy()]
    parts = affixes(tf.constant(given, tf.string)).numpy().reshape(-1, AFFIXES)
    for word, row in zip(small, parts):
        prefixes = [f"{word[:n]} " if len(word) >= n else "" for n in range(1, 5)]
        suffixes = [f" {word[-n:]}" if len(word) >= n else "" for n in range(1, 6)]
        assert [part.decode() for part in row[:-1]] == [*prefixes, *suffixes]
        assert len(set(filter(None, row.tolist()))) == np.count_nonzero(row)
