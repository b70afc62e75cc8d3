"""Embeddings: from the inputs of a window to the features that recurrences read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from common.cells.seeds import seed_for
from common.layers.base import Configured, register
from common.layers.dropout import UNKNOWN, TokenDropout
from common.layers.stack import RecurrentStack


@register
class Embedding(keras.layers.Embedding):
    """`keras.layers.Embedding` that reads only the requested rows.

    The stock layer reads the whole table, and TensorFlow then copies it before an optimiser writes to single rows. (In
    half precision this layer casts the whole table as well.)
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.gather(self.embeddings.value, inputs), self.compute_dtype)


@register
class Numbers(Configured, keras.layers.Layer):
    """The numbers of a window, unchanged.

    Args:
        width: How many numbers a step has.

    Call arguments:
        window: Dictionary with `values`, `[batch, time, width]`.

    Returns:
        `[batch, time, width]`.
    """

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width

    def call(self, window: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        return window["values"]


@register
class SumEmbedding(Configured, keras.layers.Layer):
    """The sum of several embeddings of a step, such as those of its word and of its bigram.

    The initial weights of the first are random, those of the others zero.

    Args:
        sizes: How many tokens each embedding has a vector for; a token with a higher number is unknown to it.
        units: Width of the vectors.
        token_dropout: Share of a sequence's tokens replaced by the unknown token, see `TokenDropout`.
        scale: Factor of the sum, for vectors that are the weights of a readout as well.
        spread: Vectors of tokens start uniformly between minus and plus this.
        seed: Fixes the initial weights and which tokens are replaced.

    Call arguments:
        window: Dictionary with `tokens`, int32 `[batch, time, len(sizes)]` or wider, or `[batch, time]` for a single
            embedding, and `sequence`, int32 `[batch, time]`.
        training: Whether to replace tokens.

    Returns:
        `[batch, time, units]`.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        units: int,
        *,
        token_dropout: float = 0.0,
        scale: float = 1.0,
        spread: float = 0.05,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sizes = tuple(sizes)
        self.units = units
        self.token_dropout = token_dropout
        self.scale = scale
        self.spread = spread
        self.seed = seed
        self.dropout = TokenDropout(token_dropout, seed_for(seed, "token dropout"))
        random = keras.initializers.RandomUniform(-spread, spread, seed=seed_for(seed, "vectors"))
        self.embeddings = [
            Embedding(size, units, "zeros" if n else random, dtype=self.dtype_policy)
            for n, size in enumerate(self.sizes)
        ]

    @property
    def width(self) -> int:
        """Features of the outputs."""
        return self.units

    def build(self, window_shape: Any = None) -> None:
        for embedding in self.embeddings:
            embedding.build((None, None))

    def call(self, window: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        tokens = window["tokens"]
        tokens = tokens[..., None] if len(tokens.shape) == 2 else tokens[..., : len(self.sizes)]
        tokens = tf.where(tokens < self.sizes, tokens, UNKNOWN)
        tokens = self.dropout(tokens, sequence=window["sequence"], training=training)
        return self.scale * tf.add_n([embedding(tokens[..., n]) for n, embedding in enumerate(self.embeddings)])


@register
class SpelledEmbedding(Configured, keras.layers.Layer):
    """A word's vector, concatenated with the last outputs of two recurrences over its spelling, one each way.

    A word's vector is its own plus, with affixes, those of its prefixes and suffixes and of its shape, which start at
    zero (as the vectors of character n-grams in Bojanowski et al. 2017, "Enriching Word Vectors with Subword
    Information"). So a word that is rare or unknown has the vector of what it shares with others.

    Each spelling in a window is read once, however often it occurs there; see `common.networks.spelling`. (Plank,
    Søgaard & Goldberg 2016, "Multilingual Part-of-Speech Tagging with Bidirectional Long Short-Term Memory Models".)

    Args:
        words: How many words have a vector.
        units: Width of a word's vector.
        characters: How many characters have a vector; 0 leaves spellings out.
        character_units: Width of a character's vector and of each recurrence over them.
        affixes: How many affixes and shapes have a vector; 0 leaves them out.
        cell: The cell of those recurrences.
        context: Width of a word's vector in its context, see `common.networks.contextual`; 0 is none.
        token_dropout: Share of a sequence's words, and of its affixes, made unknown, see `TokenDropout`.
        seed: Fixes the initial weights and which words and affixes are made unknown.

    Call arguments:
        window: Dictionary with `words` and `sequence`, int32 `[batch, time]` each. With affixes also `affixes`, int32
            `[batch, time, affixes of a word]`, 0 where a word has fewer. With spellings also `characters`, int32, and
            `characters_keep`, `[lanes, letters]` each; and `ends` and `starts`, int32 `[batch, time]`: the places of
            each word's last and first character in the flattened `characters`. With a context also `context`, `[batch,
            time, context]`.
        training: Whether to make words and affixes unknown.

    Returns:
        `[batch, time, units + 2 * character_units + context]`.
    """

    def __init__(
        self,
        words: int,
        units: int,
        *,
        characters: int = 0,
        character_units: int = 64,
        affixes: int = 0,
        cell: str = "lstm",
        context: int = 0,
        token_dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.words = words
        self.units = units
        self.characters = characters
        self.character_units = character_units
        self.affixes = affixes
        self.cell = cell
        self.context = context
        self.token_dropout = token_dropout
        self.seed = seed
        self.dropout = TokenDropout(token_dropout, seed_for(seed, "token dropout"))
        self.word_vectors = Embedding(
            words, units, keras.initializers.RandomUniform(seed=seed_for(seed, "words")), dtype=self.dtype_policy
        )
        if affixes:
            self.affix_dropout = TokenDropout(token_dropout, seed_for(seed, "affix dropout"))
            self.affix_vectors = Embedding(affixes, units, "zeros", dtype=self.dtype_policy)
        if characters:
            self.character_vectors = Embedding(
                characters,
                character_units,
                keras.initializers.RandomUniform(seed=seed_for(seed, "characters")),
                dtype=self.dtype_policy,
            )
            self.reader = RecurrentStack(
                cell,
                character_units,
                bidirectional=True,
                seed=seed_for(seed, "reader"),
                name="reader",
            )

    @property
    def width(self) -> int:
        """Features of the outputs."""
        return self.units + (2 * self.character_units if self.characters else 0) + self.context

    def build(self, window_shape: Any = None) -> None:
        self.word_vectors.build((None, None))
        if self.affixes:
            self.affix_vectors.build((None, None))
        if self.characters:
            self.character_vectors.build((None, None))
            self.reader.build((None, None, self.character_units))

    def call(self, window: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        words = self.dropout(window["words"], sequence=window["sequence"], training=training)
        x = self.word_vectors(words)
        if self.affixes:
            affixes = self.affix_dropout(window["affixes"], sequence=window["sequence"], training=training)
            x += tf.reduce_sum(self.affix_vectors(affixes), 2)
        if self.context:
            x = tf.concat([x, tf.cast(window["context"], x.dtype)], 2)
        if not self.characters:
            return x
        characters, keep = window["characters"], window["characters_keep"]
        read, _ = self.reader(self.character_vectors(characters), keep=keep)
        forward, backward = tf.split(tf.reshape(read, (-1, self.reader.width)), 2, axis=1)
        spelled = tf.concat([tf.gather(forward, window["ends"]), tf.gather(backward, window["starts"])], -1)
        return tf.concat([x, tf.ensure_shape(spelled, (*x.shape[:2], self.reader.width))], 2)
