"""Tokenizers and vocabularies made of TensorFlow operations, so that they travel inside the exported graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import keras
import numpy as np
import tensorflow as tf

END = "<end>"


def words(text: tf.Tensor) -> tf.RaggedTensor:
    """Splits texts into lower-case words, word endings after an apostrophe, and punctuation marks.

    Markup tags are dropped and every text closes with `END`, so that an empty one has a step as well.

    Args:
        text: string, `[N]`; bytes that are not UTF-8 become U+FFFD.

    Returns:
        string, `[N, (words)]`.
    """
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8")
    text = tf.strings.lower(text, "utf-8")
    text = tf.strings.regex_replace(text, r"<[a-z/][^<>]{0,200}>", " ")
    # "isn't" becomes "isn ʼt": U+02BC is a letter, so the ending stays one word when the marks are set apart.
    text = tf.strings.regex_replace(text, r"(\pL)['’](\pL)", "\\1 ʼ\\2")
    text = tf.strings.regex_replace(text, r"([^\pL\pM\pN\s])", r" \1 ")
    return tf.strings.split(tf.strings.join([text, END], " "))


class Vocabulary:
    """Words to numbers: 0 is blank, 1 is any word not known.

    Args:
        known: The words, most frequent first.
    """

    def __init__(self, known: Sequence[str]) -> None:
        self.lookup = keras.layers.StringLookup(vocabulary=list(known), mask_token="")

    @classmethod
    def of(cls, texts: Iterable[str], size: int, min_count: int = 1) -> Vocabulary:
        """The `size` most frequent words of `texts` that occur at least `min_count` times."""
        counts: Counter[bytes] = Counter()
        for batch in _batches(list(texts)):
            counts.update(words(tf.constant(batch)).flat_values.numpy().tolist())
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return cls([word.decode() for word, count in ranked[:size] if count >= min_count])

    def __len__(self) -> int:
        return self.lookup.vocabulary_size()

    def __call__(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Numbers of the words of `text`, string `[N]`: int32 `[N, (words)]`."""
        return tf.ragged.map_flat_values(lambda w: tf.cast(self.lookup(w), tf.int32), words(text))

    def encode(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of all texts end to end, `[steps]`, and the words of each text, `[N]`."""
        batches = [self(tf.constant(batch)) for batch in _batches(texts)]
        flat = np.concatenate([b.flat_values.numpy() for b in batches])
        return flat, np.concatenate([b.row_lengths().numpy() for b in batches])


def _batches(texts: Sequence[str], size: int = 1024) -> Iterable[Sequence[str]]:
    return (texts[n : n + size] for n in range(0, len(texts), size))
