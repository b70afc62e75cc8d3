"""Canonical composition by TensorFlow operations: equal texts get equal strings, also inside the exported graph."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np
import tensorflow as tf


class _Tables(NamedTuple):
    """What Unicode says of characters, as arrays sorted by code points.

    Attributes:
        decomposed: Code points with a decomposition, `[d]`.
        parts: Their full decompositions, `[d, 4]`, and
        counts: how many code points these have, `[d]`.
        marks: Code points with a combining class other than 0, `[m]`, and
        classes: these classes, `[m]`.
        pairs: Pairs of code points that compose, each as one number, `[p]`, and
        wholes: what they compose to, `[p]`.
        seconds: The distinct second code points of the pairs.
        unstable: The characters that texts in composed form have not, or not everywhere, as regular expression.
    """

    decomposed: np.ndarray
    parts: np.ndarray
    counts: np.ndarray
    marks: np.ndarray
    classes: np.ndarray
    pairs: np.ndarray
    wholes: np.ndarray
    seconds: np.ndarray
    unstable: str


_END = 0x30000  # No character from here on decomposes, composes or is reordered.
_SHIFT = 1 << 21


@cache
def _tables() -> _Tables:
    characters = [chr(code) for code in range(_END) if not 0xD800 <= code < 0xE000]
    full = {c: d for c in characters if (d := unicodedata.normalize("NFD", c)) != c}
    classes = {ord(c): found for c in characters if (found := unicodedata.combining(c))}
    pairs = {}
    for whole in full:
        if unicodedata.normalize("NFC", whole) == whole:
            # The first part of a composition may itself be composed.
            first, second = unicodedata.normalize("NFC", full[whole][:-1]), full[whole][-1]
            pairs[ord(first) * _SHIFT + ord(second)] = ord(whole)
    seconds = sorted({pair % _SHIFT for pair in pairs})
    excluded = {ord(c) for c in full if unicodedata.normalize("NFC", c) != c}
    ordered = sorted(pairs)
    return _Tables(
        np.array(list(map(ord, full)), np.int32),
        np.array([[*map(ord, d), 0, 0, 0][:4] for d in full.values()], np.int32),
        np.array(list(map(len, full.values())), np.int32),
        np.array(list(classes), np.int32),
        np.array(list(classes.values()), np.int32),
        np.array(ordered, np.int64),
        np.array([pairs[pair] for pair in ordered], np.int32),
        np.array(seconds, np.int32),
        _ranges(sorted(excluded.union(seconds, classes))),
    )


def _ranges(codes: list[int]) -> str:
    """Code points as ranges of a character class of RE2."""
    starts = [code for code in codes if code - 1 not in set(codes)]
    ends = [code for code in codes if code + 1 not in set(codes)]
    return "".join(rf"\x{{{start:X}}}-\x{{{end:X}}}" for start, end in zip(starts, ends))


def composed(text: tf.Tensor) -> tf.Tensor:
    """Texts in Normalization Form C, in which canonically equal texts are the same string.

    Unicode Standard Annex 15, "Unicode Normalization Forms": characters are decomposed, marks are ordered, and both
    are composed again.

    Args:
        text: string, `[N]`, in UTF-8.

    Returns:
        string, `[N]`.
    """
    unstable = tf.strings.regex_full_match(text, rf"(?s:.*[{_tables().unstable}].*)")  # Most texts are none.
    return tf.tensor_scatter_nd_update(text, tf.where(unstable), _composing()(tf.boolean_mask(text, unstable)))


@cache
def _composing() -> tf.types.experimental.PolymorphicFunction:
    """The composition as one function: its many operations are traced once, and a saved model has them once."""
    return tf.function(_composed, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)


def _composed(text: tf.Tensor) -> tf.Tensor:
    decoded = tf.strings.unicode_decode(text, "UTF-8")
    codes, rows = _decomposed(decoded.values, decoded.value_rowids())
    classes = _looked_up(codes, _tables().marks, _tables().classes, default=0)
    first_of_row = rows != tf.concat([[-1], rows[:-1]], 0)
    starts = (classes == 0) | first_of_row
    order = tf.argsort(tf.cumsum(tf.cast(starts, tf.int64)) * 256 + tf.cast(classes, tf.int64), stable=True)
    codes, classes = tf.gather(codes, order), tf.gather(classes, order)
    is_second = _looked_up(codes, _tables().seconds, _tables().seconds, default=-1) == codes
    chains = tf.where(((classes == 0) & ~is_second) | first_of_row)[:, 0]
    codes, kept = _joined(codes, classes, chains)
    whole = tf.RaggedTensor.from_value_rowids(
        tf.boolean_mask(codes, kept), tf.boolean_mask(rows, kept), decoded.nrows()
    )
    return tf.strings.unicode_encode(whole, "UTF-8")


def _decomposed(codes: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    tables = _tables()
    at = _looked_up(codes, tables.decomposed, np.arange(len(tables.decomposed), dtype=np.int32), default=-1)
    own = tf.pad(codes[:, None], [[0, 0], [0, 3]])
    parts = tf.where(at[:, None] < 0, own, tf.gather(tables.parts, tf.maximum(at, 0)))  # [codes, 4]
    counts = tf.where(at < 0, 1, tf.gather(tables.counts, tf.maximum(at, 0)))
    return tf.boolean_mask(parts, tf.sequence_mask(counts, 4)), tf.repeat(rows, counts)


def _joined(codes: tf.Tensor, classes: tf.Tensor, chains: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Composes what composes, all chains at the same time.

    Args:
        codes: Decomposed code points in canonical order, `[codes]`.
        classes: Their combining classes, `[codes]`.
        chains: Where chains begin, `[chains]`; nothing composes across the beginning of a chain.

    Returns:
        The code points, and which of them remain.
    """
    lengths = tf.concat([chains[1:], [tf.size(codes, tf.int64)]], 0) - chains
    longest = tf.reduce_max(tf.concat([lengths, [0]], 0))

    def step(
        n: tf.Tensor, codes: tf.Tensor, kept: tf.Tensor, starters: tf.Tensor, last: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        active = lengths > n
        here = tf.where(active, chains + n, 0)
        code, own, starter = tf.gather(codes, here), tf.gather(classes, here), tf.gather(codes, starters)
        pair = tf.cast(starter, tf.int64) * _SHIFT + tf.cast(code, tf.int64)
        found = _looked_up(pair, _tables().pairs, _tables().wholes, default=-1)
        blocked = (last > 0) & (last >= own)
        joins = active & ~blocked & (found >= 0) & (tf.gather(classes, starters) == 0)
        codes = tf.tensor_scatter_nd_update(codes, starters[joins][:, None], found[joins])
        kept = tf.tensor_scatter_nd_update(kept, here[joins][:, None], tf.zeros_like(here[joins], tf.bool))
        starters = tf.where(active & ~joins & (own == 0), here, starters)
        last = tf.where(active & ~joins, own, last)
        return n + 1, codes, kept, starters, last

    begin = tf.ones([], tf.int64), codes, tf.ones_like(codes, tf.bool), chains, tf.gather(classes, chains)
    _, codes, kept, _, _ = tf.while_loop(lambda n, *_: n < longest, step, begin)
    return codes, kept


def _looked_up(codes: tf.Tensor, keys: np.ndarray, values: np.ndarray, *, default: int) -> tf.Tensor:
    """The value of each code point among sorted keys."""
    at = tf.minimum(tf.searchsorted(keys, codes), len(keys) - 1)
    return tf.where(tf.gather(keys, at) == codes, tf.gather(values, at), default)
