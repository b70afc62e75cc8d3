"""Pretokens: joined they are the text, and placeholders stay whole."""

from __future__ import annotations

import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from common.text.pretokens import LONGEST, placeholders, pretokens


def strings(texts: list[str]) -> tf.Tensor:
    return tf.constant(texts, tf.string)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=20), max_size=4))
def test_joined_they_are_the_text(texts: list[str]) -> None:
    assert [b"".join(row).decode() for row in pretokens(strings(texts)).to_list()] == texts


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(["a" * 99, "字" * 250, "=" * 200, "é", " ", "{" + "n" * 150 + "}", "\0"]), max_size=6))
def test_long_ones_are_cut_but_placeholders(parts: list[str]) -> None:
    text = "".join(parts)
    found = [piece.decode() for piece in pretokens(strings([text, "b"])).to_list()[0]]
    assert "".join(found) == text and "" not in found
    assert all(len(piece) <= LONGEST or piece.startswith("{") for piece in found)


def test_words_include_the_space_before_them() -> None:
    found = pretokens(strings(["the cat's  12 %s,"])).to_list()[0]
    assert [piece.decode() for piece in found] == ["the", " cat's", " ", " 1", "2", " ", "%s", ","]


def test_placeholders_are_listed_in_order_with_repeats() -> None:
    found = placeholders(
        strings(['<a href="x y">{n}</a> %s &amp; %s', "", "50% off {", "%d%%, %ds {{ x }} %-5.2lf \\u00e9"])
    )
    assert [[sign.decode() for sign in row] for row in found.to_list()] == [
        ['<a href="x y">', "{n}", "</a>", "%s", "&amp;", "%s"],
        [],
        [],
        ["%d", "%%", "%d", "{{ x }}", "%-5.2lf", "\\u00e9"],
    ]
