"""Pieces of words by byte-pair encoding, on words whose pairs can be counted by hand."""

from __future__ import annotations

from collections import Counter

from common.text.byte_pairs import learned_pieces, pieces_of_words


def test_the_most_frequent_pair_is_merged_first() -> None:
    # lo: 7, ow: 7, then low; er: 2.
    assert pieces_of_words(Counter({"low": 5, "lower": 2}), 9)[:3] == ["lo", "low", "er"]


def test_pieces_seen_once_are_none_and_the_size_bounds_them() -> None:
    assert pieces_of_words(Counter({"once": 1}), 9) == []
    assert pieces_of_words(Counter({"low": 5, "lower": 2}), 2) == ["lo", "low"]


def test_a_character_beyond_ascii_is_a_piece_where_it_comes_again() -> None:
    found = pieces_of_words(Counter({"né": 3, "ça": 1}), 9)
    assert "é" in found and "né" in found and "ç" not in found
    assert not any(len(piece.encode()) == 1 for piece in found)  # These are among the bytes.


def test_frequent_placeholders_come_first_and_are_an_eighth_at_most() -> None:
    texts = ["open %s"] * 10 + ["open {name}"] * 12 + ["open %d"] * 9
    assert learned_pieces(texts, 16)[:2] == ["{name}", "%s"]
    assert learned_pieces(texts, 8)[0] == "{name}" and "%s" not in learned_pieces(texts, 8)
    assert "%d" in learned_pieces(texts, 80, often=9) and "%d" not in learned_pieces(texts, 80)
