"""A network that reads a source and says a target of another length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from common import cells
from common.layers.base import register, shape_of
from common.layers.dropout import VariationalDropout
from common.layers.embeddings import Embedding
from common.layers.masks import number_of, uniform_of
from common.layers.stack import RecurrentStack

NO_SEQUENCE = -2


class Memory(NamedTuple):
    """What a decoder looks at.

    Attributes:
        encoded: `[batch, steps, width]`.
        keys: What attention compares with, `[batch, steps, ...]`; empty without attention.
        mask: 1 where a decoder may look, `[batch, steps]`.
    """

    encoded: tf.Tensor
    keys: tf.Tensor
    mask: tf.Tensor


@register
class PairNetwork(keras.layers.Layer):
    """Encoder, attention and decoder over windows of packed pairs.

    The decoder's first layer starts from what the encoder says at the source's two ends; attention looks, from its
    hidden states, at what the encoder says of the pair's own source; the layers above read both, and so does the
    readout, whose weights are the embedding's (Sutskever, Vinyals & Le 2014, "Sequence to Sequence Learning with Neural
    Networks"; Bahdanau, Cho & Bengio 2015, "Neural Machine Translation by Jointly Learning to Align and Translate";
    Wu et al. 2016, "Google's Neural Machine Translation System", section 3; Press & Wolf 2017, "Using the Output
    Embedding to Improve Language Models").

    Args:
        vocabulary: Tokens there are, of both languages.
        embedding: Width of their vectors.
        encoder: Reads sources.
        decoder: Reads targets; a stack of one layer.
        upper: The decoder's layers above attention; None for none.
        attention: Looks at the source; None for the plain network, which has but the encoder's last word.
        memory: Encoded steps that are carried from window to window: those of the longest source.
        dropout: Share dropped of embeddings and of what the layers above and the readout read, variational.
        smoothing: Share of a target's probability that is spread over all tokens in training.
        sampling: Share of the tokens the decoder reads in training that are its own guesses (Mihaylova & Martins 2019,
            "Scheduled Sampling for Transformers", two passes).
        seed: Fixes initial weights and masks.

    Call arguments:
        window: What `common.pairs.PairWindows.expand` makes of a window, one or two parts. Of each part: tokens of its
            sources and targets, apart, at the right of `[batch, source steps]` and `[batch, target steps]`; where they
            go on, in the part or from the one before (`keep`, `carry`); and where things lie.
        state: Of encoder and decoder, and the memory; None is zeros.
        training: Whether to drop and smooth.
        carry_after: Not None where there are two parts: the state is then taken after the first.

    Returns:
        For every step of the window the loss of its target and whether it was the likeliest token, `[batch, time, 2]`,
        0 where nothing is asked; and the state.
    """

    def __init__(
        self,
        vocabulary: int,
        embedding: int,
        encoder: RecurrentStack,
        decoder: RecurrentStack,
        upper: RecurrentStack | None,
        attention: keras.layers.Layer | None,
        memory: int,
        dropout: float = 0.0,
        smoothing: float = 0.0,
        sampling: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary = vocabulary
        self.embedding = embedding
        self.encoder = encoder
        self.decoder = decoder
        self.upper = upper
        self.attention = attention
        self.memory = memory
        self.dropout = dropout
        self.smoothing = smoothing
        self.sampling = sampling
        self.seed = seed

        def dense(n: int, units: int, activation: str | None) -> keras.layers.Dense:
            return keras.layers.Dense(units, activation, kernel_initializer=keras.initializers.GlorotUniform(seed + n))

        self.vectors = Embedding(vocabulary, embedding, keras.initializers.RandomNormal(0, 0.05, seed))
        self.states = cells.get(decoder.cell).states
        self.bridge = dense(1, (self.states * (1 + (upper.layers if upper else 0))) * decoder.units, "tanh")
        self.out = dense(2, embedding, "tanh")
        self.read_dropout = VariationalDropout(dropout, 1000 * seed + 501, decoder.jit_compile)
        self.say_dropout = VariationalDropout(dropout, 1000 * seed + 502, decoder.jit_compile)
        self.upper_dropout = VariationalDropout(dropout, 1000 * seed + 504, decoder.jit_compile)

    def build(self, window_shape: Any = None) -> None:
        if self.built:
            return
        looked = self.encoder.width if self.attention else 0
        self.vectors.build((None, None))
        layers = [(self.encoder, self.embedding), (self.decoder, self.embedding)]
        if self.upper:
            layers.append((self.upper, self.decoder.units + looked))
        for stack, width in layers:
            if not stack.built:  # One made from a saved configuration is.
                stack.build((None, None, width))
        if self.attention and not self.attention.built:
            self.attention.build((None, None, self.decoder.units), (None, None, self.encoder.width))
        self.bridge.build((None, None, self.encoder.width))
        self.out.build((None, None, self.decoder.units + looked))
        self.bias = self.add_weight(name="bias", shape=(self.vocabulary,), initializer="zeros")
        self.built = True

    def initial_state(self, batch_size: int | tf.Tensor) -> tuple:
        stacks = (self.encoder, self.decoder, *([self.upper] if self.upper else []))
        return (
            *(stack.initial_state(batch_size) for stack in stacks),
            tf.zeros((batch_size, self.memory, self.encoder.width)),
            tf.fill((batch_size, self.memory), NO_SEQUENCE),
        )

    def call(
        self,
        window: dict[str, tf.Tensor],
        state: tuple | None = None,
        training: bool = False,
        carry_after: int | None = None,
    ) -> tuple:
        state = state or self.initial_state(tf.shape(window["keep"])[0])
        outputs, carried = self._part(window, 0, state, training)
        if carry_after is None:
            return outputs, carried
        rest, _ = self._part(window, 1, carried, training)
        return tf.concat([outputs, rest], 1), carried

    def _part(self, window: dict[str, tf.Tensor], n: int, state: tuple, training: bool) -> tuple:
        part = {name.removesuffix(f"_{n}"): x for name, x in window.items() if name.endswith(f"_{n}")}
        before, *decoder_states, memory, numbers = state
        source, target = part["source_sequence"], part["target_sequence"]
        x = self.read_dropout(self.vectors(part["source"]), sequence=source, training=training)
        step = {"keep": part["source_keep"], "sequence": source, "training": training}
        encoded, encoder_state = _carried_on(self.encoder, x, part["source_carry"], before, **step)
        memory, numbers = tf.concat([memory, encoded], 1), tf.concat([numbers, source], 1)
        own = tf.equal(numbers[:, None], target[..., None])  # [batch, target steps, source steps]
        own &= tf.range(shape_of(memory)[1]) >= part["first_at"][..., None]  # Another pass gave the same numbers.
        mask = tf.cast(own, memory.dtype)
        seen = Memory(memory, self._keys(memory), mask)
        inject = self._at_starts(memory, part["first_at"], part["last_at"], part["target_starts"])

        def said_of(tokens: tf.Tensor, training: bool) -> tuple[tf.Tensor, tuple]:
            after = []

            def run(level: int, stack: RecurrentStack, x: tf.Tensor) -> tf.Tensor:
                step = {"keep": part["target_keep"], "sequence": target, "training": training}
                x, state = _carried_on(
                    stack, x, part["target_carry"], decoder_states[level], inject=inject[level], **step
                )
                after.append(state)
                return x

            features, _ = self._decoded(tokens, run, seen, target, training)
            return features, tuple(after)

        tokens = part["target"]
        if training and self.sampling:
            guesses = tf.argmax(self._logits(said_of(tokens, False)[0]), 2, tf.int32)
            tokens = self._mixed(tokens, guesses, part["target_keep"], target, part["target_place"])
        features, decoder_states = said_of(tokens, training)
        each = self._scored(features, part["truth"], training)  # [batch, target steps, 2]
        outputs = tf.gather(each, part["said_at"], batch_dims=1) * part["said"][..., None]  # [batch, steps, 2]
        kept = [tf.gather(x, part["memory_at"], batch_dims=1) for x in (memory, numbers)]
        return outputs, (encoder_state, *decoder_states, *kept)

    def _decoded(
        self,
        tokens: tf.Tensor,
        run: Callable[[int, RecurrentStack, tf.Tensor], tf.Tensor],
        seen: Memory,
        sequence: tf.Tensor | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """What the readout says before it compares with tokens, and the weights of attention."""
        x = self.read_dropout(self.vectors(tokens), sequence=sequence, training=training)
        x = run(0, self.decoder, x)
        if self.attention:
            context, weights = self.attention(x, seen.encoded, keys=seen.keys, visible=seen.mask)
        else:
            context, weights = x[..., :0], tf.zeros((*shape_of(x)[:2], 0))
        if self.upper:
            x = tf.concat([x, context], 2)
            x = run(1, self.upper, self.upper_dropout(x, sequence=sequence, training=training))
        x = self.out(tf.concat([x, context], 2))
        return self.say_dropout(x, sequence=sequence, training=training), weights

    def _logits(self, features: tf.Tensor) -> tf.Tensor:
        return tf.matmul(features, self.vectors.embeddings, transpose_b=True) + self.bias

    def _scored(self, features: tf.Tensor, truth: tf.Tensor, training: bool) -> tf.Tensor:
        logits = self._logits(features)
        total = tf.reduce_logsumexp(logits, 2)
        loss = total - tf.gather(logits, truth, batch_dims=2)
        if training and self.smoothing:
            loss += self.smoothing * (total - tf.reduce_mean(logits, 2) - loss)
        right = tf.cast(tf.equal(tf.argmax(logits, 2, tf.int32), truth), loss.dtype)
        return tf.stack([loss, right], 2)

    def _mixed(
        self, tokens: tf.Tensor, guesses: tf.Tensor, keep: tf.Tensor, sequence: tf.Tensor, place: tf.Tensor
    ) -> tf.Tensor:
        """The decoder's own guess of a token, in the place of some; the same ones however often a step is read."""
        before = tf.pad(guesses[:, :-1], [[0, 0], [1, 0]])
        drawn = uniform_of(number_of(sequence, place), seed=1000 * self.seed + 503)
        return tf.where((drawn < self.sampling) & (keep > 0), before, tokens)

    def _keys(self, memory: tf.Tensor) -> tf.Tensor:
        return self.attention.keys(memory) if self.attention else memory[..., :0]

    def _at_starts(self, memory: tf.Tensor, first: tf.Tensor, last: tf.Tensor, starts: tf.Tensor) -> list[tuple]:
        """The states decoders start from, where they start, a tuple of states a layer, for each of the stacks."""
        at = tf.where(starts > 0)  # [starts, 2]
        ends = [
            tf.gather_nd(memory, tf.stack([at[:, 0], tf.cast(tf.gather_nd(x, at), tf.int64)], 1)) for x in (last, first)
        ]
        states = self._first_states(*ends)
        shape = tf.shape(starts, tf.int64)

        def put(values: tf.Tensor) -> tf.Tensor:
            return tf.scatter_nd(at, values, tf.concat([shape, [self.decoder.units]], 0))

        return tf.nest.map_structure(put, states)

    def _first_states(self, last: tf.Tensor, first: tf.Tensor) -> list[tuple]:
        """From what the encoder says at sources' last and first steps, `[rows, width]`."""
        units = self.encoder.units
        read = tf.concat([last[:, :units], first[:, units:]], 1)
        parts = iter(tf.split(self.bridge(read), self.bridge.units // self.decoder.units, 1))
        levels = [1, self.upper.layers] if self.upper else [1]
        return [tuple(tuple(next(parts) for _ in range(self.states)) for _ in range(layers)) for layers in levels]

    def read(self, tokens: tf.Tensor, lengths: tf.Tensor) -> tuple[Memory, list]:
        """Reads whole sources, `[rows, steps]`; returns what to look at and the state to decode from."""
        steps = tf.shape(tokens)[1]
        there = tf.sequence_mask(lengths, steps, self.compute_dtype)
        keep = there * tf.cast(tf.range(steps) > 0, there.dtype)
        encoded, _ = self.encoder(self.vectors(tokens), keep=keep)
        last = tf.gather(encoded, tf.maximum(lengths - 1, 0), batch_dims=1)
        return Memory(encoded, self._keys(encoded), there), self._first_states(last, encoded[:, 0])

    def next(self, tokens: tf.Tensor, state: tuple, memory: Memory) -> tuple[tf.Tensor, tuple, tf.Tensor]:
        """One step of the decoder.

        Args:
            tokens: The last ones, int32 `[rows]`.
            state: From `read`, or the last step.
            memory: From `read`, a row for each of these.

        Returns:
            Log-probabilities `[rows, vocabulary]`, the state, and the weights of attention, `[rows, source steps]`.
        """
        after = []

        def run(level: int, stack: RecurrentStack, x: tf.Tensor) -> tf.Tensor:
            x, stack_state = stack(x, state=state[level])
            after.append(stack_state)
            return x

        features, weights = self._decoded(tokens[:, None], run, memory)
        return tf.nn.log_softmax(self._logits(features)[:, 0]), after, weights[:, 0]

    def losses_of(self, tokens: tf.Tensor, truth: tf.Tensor, memory: Memory, state: list) -> tf.Tensor:
        """The loss of each target of whole sentences, from `read`; `[rows, steps]`."""

        def run(level: int, stack: RecurrentStack, x: tf.Tensor) -> tf.Tensor:
            return stack(x, state=state[level])[0]

        features, _ = self._decoded(tokens, run, memory)
        return self._scored(features, truth, False)[..., 0]

    def get_config(self) -> dict[str, Any]:
        layers = {name: getattr(self, name) for name in LAYERS}
        return (
            super().get_config()
            | {name: layer and keras.saving.serialize_keras_object(layer) for name, layer in layers.items()}
            | {
                "vocabulary": self.vocabulary,
                "embedding": self.embedding,
                "memory": self.memory,
                "dropout": self.dropout,
                "smoothing": self.smoothing,
                "sampling": self.sampling,
                "seed": self.seed,
            }
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> PairNetwork:
        for name in LAYERS:
            config[name] = config[name] and keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


class PairLoss(keras.losses.Loss):
    """The losses that a `PairNetwork` says, `y_pred[..., 0]`: it alone knows where the targets lie."""

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        return y_pred[..., 0]


LAYERS = ("encoder", "decoder", "upper", "attention")


def _carried_on(
    stack: RecurrentStack,
    x: tf.Tensor,
    carry: tf.Tensor,
    state: tuple,
    inject: tuple | None = None,
    **step: Any,
) -> tuple[tf.Tensor, tuple]:
    """Runs a stack over steps that lie at the right, after blanks.

    Args:
        stack: The recurrences.
        x: `[batch, time, features]`.
        carry: 1 at the first step that is not blank, where it goes on from the state, `[batch, time]`.
        state: Before the window; of a lane that is all blank after it, too.
        inject: What else steps start from.
        step: `keep`, `sequence`, `training`.
    """
    entering = tf.nest.map_structure(lambda s: carry[..., None] * s[:, None], state)
    if inject is not None:
        entering = tf.nest.map_structure(tf.add, entering, inject)
    outputs, after = stack(x, inject=entering, **step)
    read = tf.reduce_any(step["sequence"] >= 0, 1)[:, None]
    return outputs, tf.nest.map_structure(lambda new, old: tf.where(read, new, old), after, state)
