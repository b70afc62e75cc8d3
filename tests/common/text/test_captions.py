"""Captions as words."""

from __future__ import annotations

from common.text.captions import UNKNOWN, CaptionWords, joined, words_of


def test_words_have_no_case_and_no_marks() -> None:
    assert words_of("A man's T-shirt, half-red.") == ["a", "man's", "t-shirt", "half-red"]
    assert words_of("...") == []


def test_characters_where_words_have_no_blanks() -> None:
    assert words_of("一只猫。") == ["一", "只", "猫"]
    assert joined(["一", "只", "猫"]) == "一只猫" and joined(["a", "cat"]) == "a cat"


def test_the_most_frequent_words_have_tokens() -> None:
    words = CaptionWords.of([["a", "cat"], ["a", "dog"], ["a", "dog"]], 2)
    assert words.names[4:] == ["a", "dog"] and words.numbers(["dog", "cat"]) == [5, UNKNOWN] and words.between == " "
    assert CaptionWords(["一", "只"]).between == ""
    assert CaptionWords(["purple", "mushrooms", "butterflies", "umbrellas", "yellow", "octopuses"]).between == " "
