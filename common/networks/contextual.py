"""Words in the context of their sentence, as language models read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from common.networks.language import LanguageNetwork
from common.streams.batches import batches
from common.text.subwords import START, Subwords


class ReadingModel(NamedTuple):
    """A language model that reads sentences.

    Attributes:
        network: Its network.
        pieces: Its tokens.
        backward: Whether it reads a sentence from its end.
    """

    network: LanguageNetwork
    pieces: Subwords
    backward: bool


class ContextReader:
    """Vectors of words in their context: the hidden states of language models where they have read the word.

    One that reads forward has then read the sentence up to the word's end, one that reads backward the sentence from
    its end to the word's beginning (Akbik, Blythe & Vollgraf 2018, "Contextual String Embeddings for Sequence
    Labeling"). The models read the words with a blank between them, and learn nothing more.

    Args:
        models: The language models.
    """

    def __init__(self, models: Sequence[ReadingModel]) -> None:
        self.models = tuple(models)

    @property
    def width(self) -> int:
        """Numbers of a word."""
        return sum(model.network.stack.width for model in self.models)

    @property
    def resources(self) -> list:
        """The networks and tables, for an export to track."""
        return [one for model in self.models for one in (model.network, *model.pieces.lookups)]

    def __call__(self, tokens: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """The vectors of the words of whole sentences.

        Args:
            tokens: string `[N, words]`, padded with empty strings.
            lengths: Words of each sentence, int32 `[N]`.

        Returns:
            `[N, words, width]`.
        """
        places = tf.range(tf.shape(tokens)[1])
        words = tf.where(places > 0, tf.strings.join([" ", tokens]), tokens)
        words = tf.where(places < lengths[:, None], words, "")
        return tf.concat([_states(model, words) for model in self.models], 2)

    def vectors(self, sentences: Sequence[Sequence[str]]) -> np.ndarray:
        """The vectors of all words of sentences end to end, float16 `[words, width]`."""
        read = tf.function(
            self.__call__,
            input_signature=[tf.TensorSpec([None, None], tf.string), tf.TensorSpec([None], tf.int32)],
            autograph=False,
        )
        lengths = np.array([len(words) for words in sentences], np.int32)
        starts = np.cumsum(lengths) - lengths
        found = np.zeros((int(lengths.sum()), self.width), np.float16)
        for chosen in batches([sum(map(len, words)) for words in sentences], what="reading sentences"):
            some = tf.ragged.constant([list(sentences[n]) for n in chosen], tf.string, ragged_rank=1)
            read_ones = read(some.to_tensor(""), tf.constant(lengths[chosen])).numpy()
            for n, vectors in zip(chosen, read_ones):
                found[starts[n] : starts[n] + lengths[n]] = vectors[: lengths[n]]
        return found


def _states(model: ReadingModel, words: tf.Tensor) -> tf.Tensor:
    """The states of a language model after each of the words, string `[N, words]`: `[N, words, units]`."""
    distinct, number = tf.unique(tf.reshape(words, [-1]))
    pieces = tf.gather(model.pieces(distinct), number)  # [N * words, (pieces)]
    sizes = tf.reshape(tf.cast(pieces.row_lengths(), tf.int32), tf.shape(words))
    read, sums = tf.cumsum(sizes, 1), tf.reduce_sum(sizes, 1)
    text = tf.RaggedTensor.from_row_lengths(pieces.values, sums).to_tensor()  # [N, pieces]
    if model.backward:
        text, read = tf.reverse_sequence(text, sums, seq_axis=1), sums[:, None] - read + sizes
    text = tf.pad(text, [[0, 0], [1, 0]], constant_values=START)
    return tf.gather(model.network.read(text), read, batch_dims=1)
