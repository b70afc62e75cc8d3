"""Vocabularies made of TensorFlow operations, so that they travel inside the exported graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain

import keras
import tensorflow as tf

from common.text.words import affixes, letters


class Vocabulary:
    """Strings to numbers: 0 is blank, 1 is any string not known.

    Args:
        known: The strings, most frequent first.

    Attributes:
        names: The string of each number; those of 0 and 1 stand for none and for any that is not known.
    """

    def __init__(self, known: Sequence[str]) -> None:
        # Keras refuses an empty vocabulary; a space alone is never a word.
        self.lookup = keras.layers.StringLookup(vocabulary=list(known) or [" "], mask_token="")
        self.lookup(tf.constant([" "]))  # An export tracks only what was called.
        self.names = list(self.lookup.get_vocabulary())

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


class WordEncoder:
    """Words to their numbers, and to the numbers of their letters and affixes.

    Args:
        words: Vocabulary of words in lower case.
        letters: Vocabulary of characters.
        affixes: Vocabulary of prefixes, suffixes and shapes, see `common.text.words.affixes`.
        seen: Every word of the training texts, as it is written.
    """

    def __init__(self, words: Vocabulary, letters: Vocabulary, *, affixes: Vocabulary, seen: Vocabulary) -> None:
        self.known = words
        self.known_letters = letters
        self.known_affixes = affixes
        self.all_seen = seen

    @classmethod
    def of(cls, counts: Counter[str], min_count: int) -> WordEncoder:
        """Learns the vocabularies.

        Args:
            counts: The training words and how often each occurs.
            min_count: Minimum occurrences of a known word; minimum number of words with a known character or affix.
        """
        distinct = tf.constant(sorted(counts))
        lower: Counter[bytes] = Counter()
        for word, small in zip(sorted(counts), tf.strings.lower(distinct, "utf-8").numpy().tolist()):
            lower[small] += counts[word]
        spelled = Counter(chain.from_iterable(map(set, letters(distinct).numpy().tolist())))
        inside = Counter(affixes(distinct).numpy().ravel().tolist())
        del inside[b""]
        return cls(
            Vocabulary.of(lower, size=len(lower), min_count=min_count),
            Vocabulary.of(spelled, size=len(spelled), min_count=min_count),
            affixes=Vocabulary.of(inside, size=len(inside), min_count=min_count),
            seen=Vocabulary(sorted(counts)),
        )

    @property
    def described(self) -> dict[str, list[str]]:
        """The names of all numbers, of which `restored` makes an equal encoder, as JSON."""
        kinds = {
            "words": self.known,
            "letters": self.known_letters,
            "affixes": self.known_affixes,
            "seen": self.all_seen,
        }
        return {name: vocabulary.names for name, vocabulary in kinds.items()}

    @classmethod
    def restored(cls, described: Mapping[str, Sequence[str]]) -> WordEncoder:
        """The encoder that was described."""
        return cls(**{name: Vocabulary(names[2:]) for name, names in described.items()})

    def words(self, tokens: tf.Tensor) -> tf.Tensor:
        """Numbers of words, int32, of any shape; 0 for an empty string."""
        return self.known.numbers(tf.strings.lower(tokens, "utf-8"))

    def letters(self, tokens: tf.Tensor) -> tf.RaggedTensor:
        """Numbers of the letters of words `[n]`, int32 `[n, (letters)]`."""
        return self.known_letters(letters(tokens))

    def affixes(self, tokens: tf.Tensor) -> tf.Tensor:
        """Numbers of the affixes of words `[n]`, int32 `[n, AFFIXES]`."""
        return self.known_affixes.numbers(affixes(tokens))

    def seen(self, tokens: tf.Tensor) -> tf.Tensor:
        """Whether words, of any shape, occur in the training texts as they are."""
        return self.all_seen.numbers(tokens) > 1

    @property
    def lookups(self) -> list[keras.layers.Layer]:
        """The tables, for an export to track."""
        return [v.lookup for v in (self.known, self.known_letters, self.known_affixes, self.all_seen)]
