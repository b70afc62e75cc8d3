"""Vocabularies made of TensorFlow operations, so that they travel inside the exported graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

import keras
import numpy as np
import tensorflow as tf

from common.text.words import bigrams, letters, words


class Vocabulary:
    """Strings to numbers: 0 is blank, 1 is any string not known.

    Args:
        known: The strings, most frequent first.
    """

    def __init__(self, known: Sequence[str]) -> None:
        # Keras refuses an empty vocabulary; a space alone is never a word.
        self.lookup = keras.layers.StringLookup(vocabulary=list(known) or [" "], mask_token="")
        self.lookup(tf.constant([" "]))  # An export tracks only what was called.

    @classmethod
    def of(cls, counts: Counter[bytes], *, size: int, min_count: int = 1) -> Vocabulary:
        """The `size` most frequent strings that were counted at least `min_count` times."""
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return cls([string.decode() for string, count in ranked[:size] if count >= min_count])

    def __len__(self) -> int:
        return self.lookup.vocabulary_size()

    def __call__(self, strings: tf.RaggedTensor) -> tf.RaggedTensor:
        """Numbers of strings, int32 `[N, (words)]`."""
        return tf.ragged.map_flat_values(self.numbers, strings)

    def numbers(self, strings: tf.Tensor) -> tf.Tensor:
        """Numbers of strings, int32, of any shape."""
        return tf.cast(self.lookup(strings), tf.int32)


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
    def of(cls, texts: Sequence[str], *, size: int, min_count: int, bigram_size: int) -> Encoder:
        """Learns both vocabularies from texts.

        Args:
            texts: The training texts.
            size: Maximum number of known words.
            min_count: Minimum occurrences of a known word or bigram.
            bigram_size: Maximum number of known bigrams.
        """
        single: Counter[bytes] = Counter()
        double: Counter[bytes] = Counter()
        for batch in _batches(texts):
            found = words(tf.constant(batch))
            single.update(found.flat_values.numpy().tolist())
            double.update(bigrams(found).flat_values.numpy().tolist())
        return cls(
            Vocabulary.of(single, size=size, min_count=min_count),
            Vocabulary.of(double, size=bigram_size, min_count=min_count),
        )

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


class WordEncoder:
    """Words to their numbers, and to the numbers of their letters.

    Args:
        words: Vocabulary of words in lower case.
        letters: Vocabulary of characters.
        seen: Every word of the training texts, as it is written.
    """

    def __init__(self, words: Vocabulary, letters: Vocabulary, seen: Vocabulary) -> None:
        self.known = words
        self.known_letters = letters
        self.all_seen = seen

    @classmethod
    def of(cls, counts: Counter[str], min_count: int) -> WordEncoder:
        """Learns the vocabularies.

        Args:
            counts: The training words and how often each occurs.
            min_count: Minimum occurrences of a known word; minimum number of words with a known character.
        """
        distinct = tf.constant(sorted(counts))
        lower: Counter[bytes] = Counter()
        for word, small in zip(sorted(counts), tf.strings.lower(distinct, "utf-8").numpy().tolist()):
            lower[small] += counts[word]
        spelled = Counter(chain.from_iterable(map(set, letters(distinct).numpy().tolist())))
        return cls(
            Vocabulary.of(lower, size=len(lower), min_count=min_count),
            Vocabulary.of(spelled, size=len(spelled), min_count=min_count),
            Vocabulary(sorted(counts)),
        )

    def words(self, tokens: tf.Tensor) -> tf.Tensor:
        """Numbers of words, int32, of any shape; 0 for an empty string."""
        return self.known.numbers(tf.strings.lower(tokens, "utf-8"))

    def letters(self, tokens: tf.Tensor) -> tf.RaggedTensor:
        """Numbers of the letters of words `[n]`, int32 `[n, (letters)]`."""
        return self.known_letters(letters(tokens))

    def seen(self, tokens: tf.Tensor) -> tf.Tensor:
        """Whether words, of any shape, occur in the training texts as they are."""
        return self.all_seen.numbers(tokens) > 1

    @property
    def lookups(self) -> list[keras.layers.Layer]:
        """The tables, for an export to track."""
        return [v.lookup for v in (self.known, self.known_letters, self.all_seen)]


def _batches(texts: Sequence[str], size: int = 1024) -> Iterable[Sequence[str]]:
    return (texts[n : n + size] for n in range(0, len(texts), size))
