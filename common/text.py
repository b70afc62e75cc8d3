"""Tokenizers and vocabularies made of TensorFlow operations, so that they travel inside the exported graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import keras
import numpy as np
import tensorflow as tf

START, END = "<start>", "<end>"


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


def bigrams(words: tf.RaggedTensor) -> tf.RaggedTensor:
    """Each word with the one before it, string `[N, (words)]`; the first stands with `START`."""
    starts = tf.fill([words.nrows(), 1], START)
    return tf.strings.ngrams(tf.concat([starts, words], 1), 2)


class Vocabulary:
    """Strings to numbers: 0 is blank, 1 is any string not known.

    Args:
        known: The strings, most frequent first.
    """

    def __init__(self, known: Sequence[str]) -> None:
        # Keras refuses an empty vocabulary; a space alone is never a word.
        self.lookup = keras.layers.StringLookup(vocabulary=list(known) or [" "], mask_token="")

    @classmethod
    def of(cls, counts: Counter[bytes], size: int, min_count: int = 1) -> Vocabulary:
        """The `size` most frequent strings that were counted at least `min_count` times."""
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return cls([string.decode() for string, count in ranked[:size] if count >= min_count])

    def __len__(self) -> int:
        return self.lookup.vocabulary_size()

    def __call__(self, strings: tf.RaggedTensor) -> tf.RaggedTensor:
        """Numbers of strings, int32 `[N, (words)]`."""
        return tf.ragged.map_flat_values(lambda s: tf.cast(self.lookup(s), tf.int32), strings)


class Encoder:
    """Texts to the numbers of their words and of their bigrams.

    Args:
        words: Vocabulary of words.
        bigrams: Vocabulary of bigrams.
    """

    def __init__(self, words: Vocabulary, bigrams: Vocabulary) -> None:
        self.words = words
        self.bigrams = bigrams

    @classmethod
    def of(cls, texts: Sequence[str], size: int, min_count: int, bigram_size: int) -> Encoder:
        """Learns both vocabularies from texts.

        Args:
            texts: The training texts.
            size: Words known, at most.
            min_count: Times a word or bigram occurs to be known.
            bigram_size: Bigrams known, at most.
        """
        single: Counter[bytes] = Counter()
        double: Counter[bytes] = Counter()
        for batch in _batches(texts):
            found = words(tf.constant(batch))
            single.update(found.flat_values.numpy().tolist())
            double.update(bigrams(found).flat_values.numpy().tolist())
        return cls(Vocabulary.of(single, size, min_count), Vocabulary.of(double, bigram_size, min_count))

    def __call__(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Numbers of the word and the bigram at each step of `text`, string `[N]`: int32 `[N, (words), 2]`."""
        found = words(text)
        return tf.stack([self.words(found), self.bigrams(bigrams(found))], 2)

    def encode(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of all texts end to end, `[steps, 2]`, and the steps of each text, `[N]`."""
        encode = tf.function(self.__call__, input_signature=[tf.TensorSpec([None], tf.string)])
        batches = [encode(tf.constant(batch)) for batch in _batches(texts)]
        flat = np.concatenate([b.values.numpy() for b in batches])
        return flat, np.concatenate([b.row_lengths().numpy() for b in batches])


def _batches(texts: Sequence[str], size: int = 1024) -> Iterable[Sequence[str]]:
    return (texts[n : n + size] for n in range(0, len(texts), size))
