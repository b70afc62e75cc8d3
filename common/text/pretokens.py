"""Texts cut into pretokens, which no piece of a subword vocabulary crosses, by TensorFlow operations."""

from __future__ import annotations

import tensorflow as tf

from common.text.placeholders import PLACEHOLDER

# Repeats are unbounded, as bounded ones would make the automaton too large to be fast.
# A word or a run of marks includes the space before it; no run holds a mark that may begin a placeholder.
_PRETOKEN = rf"(?:{PLACEHOLDER}| ?[\pL\pM][\pL\pM'’]*| ?\pN| ?[^\s\pL\pM\pN%{{$<&\\]+|(?s:.)|\C)"

LONGEST = 100
"""Characters of a word at most. A text without blanks would otherwise be one, and be spelled piece after piece."""
BREAK = b"\xff\xfe"
"""Neither byte occurs in UTF-8. Where a text holds one all the same, `\\C` makes it a pretoken of its own."""


def pretokens(text: tf.Tensor) -> tf.RaggedTensor:
    """Splits texts into placeholders, words, digits, runs of marks, and remaining spaces.

    Args:
        text: string, `[N]`; any bytes.

    Returns:
        string, `[N, (pretokens)]`; joined they are the text. Longer ones than `LONGEST` are cut, but placeholders.
    """
    found = tf.strings.split(tf.strings.regex_replace(text, _PRETOKEN, rb"\0" + BREAK), BREAK)[:, :-1]
    long = tf.strings.length(found.values) > LONGEST
    return tf.cond(tf.reduce_any(long), lambda: _cut(found, tf.where(long)[:, 0]), lambda: found)


def _cut(found: tf.RaggedTensor, at: tf.Tensor) -> tf.RaggedTensor:
    """Cuts some pretokens of more than `LONGEST` bytes after as many characters."""
    some = tf.gather(found.values, at)
    parts = tf.strings.regex_replace(some, rf"(?s).{{{LONGEST}}}", rb"\0" + BREAK)
    parts = tf.where(is_placeholder(some), some, parts)
    cut = tf.strings.split(tf.tensor_scatter_nd_update(found.values, at[:, None], parts), BREAK)
    cut = tf.ragged.boolean_mask(cut, cut != "")  # What stands behind a last break.
    return found.with_values(cut).merge_dims(1, 2)


def is_placeholder(pretokens: tf.Tensor) -> tf.Tensor:
    """Which pretokens are placeholders."""
    return tf.strings.regex_full_match(pretokens, PLACEHOLDER)


def placeholders(text: tf.Tensor) -> tf.RaggedTensor:
    """What a translation of texts `[N]` must keep, in order, repeats included: string `[N, (placeholders)]`."""
    found = pretokens(text)
    return tf.ragged.boolean_mask(found, tf.ragged.map_flat_values(is_placeholder, found))
