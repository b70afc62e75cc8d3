"""Texts cut into pretokens, which no piece of a subword vocabulary crosses, by TensorFlow operations."""

from __future__ import annotations

import tensorflow as tf

from common.text.placeholders import PLACEHOLDER

# Repeats are unbounded, as bounded ones would make the automaton too large to be fast.
# A word or a run of marks includes the space before it; no run holds a mark that may begin a placeholder.
_PRETOKEN = rf"(?:{PLACEHOLDER}| ?[\pL\pM][\pL\pM'’]*| ?\pN| ?[^\s\pL\pM\pN%{{$<&\\]+|(?s:.)|\C)"

BREAK = b"\xff\xfe"
"""Neither byte occurs in UTF-8. Where a text holds one all the same, `\\C` makes it a pretoken of its own."""


def pretokens(text: tf.Tensor) -> tf.RaggedTensor:
    """Splits texts into placeholders, words, digits, runs of marks, and remaining spaces.

    Args:
        text: string, `[N]`; any bytes.

    Returns:
        string, `[N, (pretokens)]`; joined they are the text.
    """
    return tf.strings.split(tf.strings.regex_replace(text, _PRETOKEN, rb"\0" + BREAK), BREAK)[:, :-1]


def is_placeholder(pretokens: tf.Tensor) -> tf.Tensor:
    """Which pretokens are placeholders."""
    return tf.strings.regex_full_match(pretokens, PLACEHOLDER)


def placeholders(text: tf.Tensor) -> tf.RaggedTensor:
    """What a translation of texts `[N]` must keep, in order, repeats included: string `[N, (placeholders)]`."""
    found = pretokens(text)
    return tf.ragged.boolean_mask(found, tf.ragged.map_flat_values(is_placeholder, found))
