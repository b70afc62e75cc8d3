"""Texts as the tokens of a level (words, subwords or characters), and tokens as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from common.text.scripts import Level
from common.text.subwords import Subwords
from common.text.vocabularies import Vocabulary
from common.text.words import BLANK, END, characters, ngrams, trimmed, words


class Splitter(NamedTuple):
    """How texts become tokens.

    Attributes:
        split: From texts, string `[N]`, to tokens, string `[N, (tokens)]`, of which the last of each text is `END`.
        lookups: The tables that it uses, for an export to track.
    """

    split: Callable[[tf.Tensor], tf.RaggedTensor]
    lookups: list[Any]


def splitter(level: Level, texts: Sequence[str], size: int) -> Splitter:
    """The splitter of a level.

    Args:
        level: The level.
        texts: The training texts, from which subwords are learned.
        size: Maximum number of subwords.

    Raises:
        InputError: There are too few subwords to spell every text.
    """
    if level == "subword":
        return _of_subwords(texts, size)
    return Splitter({"word": words, "character": characters}[level], [])


def _of_subwords(texts: Sequence[str], size: int) -> Splitter:
    ready = [text.decode() for batch in _batches(texts) for text in _opened(batch).numpy()]
    subwords = Subwords.of(ready, size)
    names = tf.constant([name.replace(" ", BLANK) for name in subwords.names])

    def split(text: tf.Tensor) -> tf.RaggedTensor:
        found = subwords(_opened(text))
        end = tf.fill([found.nrows(), 1], END)
        return tf.concat([found.with_values(tf.gather(names, found.values)), end], 1)

    return Splitter(split, subwords.lookups)


def _opened(text: tf.Tensor) -> tf.Tensor:
    """Texts that open with a space, as every word after a blank does, so that a word is the same at their beginning."""
    return tf.strings.regex_replace(trimmed(text), "^(.)", r" \1")


class Encoder:
    """Texts to the numbers of their n-grams.

    Args:
        splitter: How texts become tokens.
        vocabularies: Those of tokens, of bigrams, and so on; each has the most frequent n-grams first.
    """

    def __init__(self, splitter: Splitter, vocabularies: Sequence[Vocabulary]) -> None:
        self.splitter = splitter
        self.vocabularies = tuple(vocabularies)

    @classmethod
    def of(
        cls, texts: Sequence[str], level: Level, *, sizes: Sequence[int], min_count: int, pieces: int = 0
    ) -> Encoder:
        """Learns the vocabularies from texts.

        Args:
            texts: The training texts.
            level: What a token is.
            sizes: Maximum number of known n-grams of each length, those of one token first.
            min_count: Minimum occurrences of a known n-gram.
            pieces: Maximum number of subwords.

        Raises:
            InputError: There are too few subwords to spell every text.
        """
        counts: list[Counter[bytes]] = [Counter() for _ in sizes]
        chosen = splitter(level, texts, pieces)
        for batch in _batches(texts):
            found = chosen.split(batch)
            for length, count in enumerate(counts, 1):
                count.update(ngrams(found, length).flat_values.numpy().tolist())
        return cls(chosen, [Vocabulary.of(one, size=size, min_count=min_count) for one, size in zip(counts, sizes)])

    def __call__(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Numbers of the n-grams that end at each step of `text`, string `[N]`: int32 `[N, (tokens), lengths]`."""
        found = self.splitter.split(text)
        numbers = [known(ngrams(found, length)).values for length, known in enumerate(self.vocabularies, 1)]
        return found.with_values(tf.stack(numbers, 1))

    def encode(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of all texts end to end, `[steps, lengths]`, and the steps of each text, `[N]`."""
        batches = [self._in_graph(batch) for batch in _batches(texts)]
        flat = np.concatenate([b.values.numpy() for b in batches])
        return flat, np.concatenate([b.row_lengths().numpy() for b in batches])

    @cached_property
    def _in_graph(self) -> Callable[[tf.Tensor], tf.RaggedTensor]:
        return tf.function(self.__call__, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

    @property
    def sizes(self) -> list[int]:
        """How many numbers the n-grams of each length have."""
        return [len(known) for known in self.vocabularies]

    def split(self, texts: Sequence[str]) -> list[list[str]]:
        """The tokens of each text."""
        rows = (row for batch in _batches(texts) for row in self.splitter.split(batch).to_list())
        return [[token.decode() for token in row] for row in rows]

    @property
    def lookups(self) -> list[Any]:
        """The tables, for an export to track."""
        return [*(known.lookup for known in self.vocabularies), *self.splitter.lookups]


def _batches(texts: Sequence[str], size: int = 1024) -> Iterator[tf.Tensor]:
    return (tf.constant(texts[n : n + size], tf.string) for n in range(0, len(texts), size))
