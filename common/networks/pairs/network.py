"""A network that reads a source and writes a target of another length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from common import cells
from common.cells.seeds import seed_for
from common.layers.attention import Attention
from common.layers.base import dense, register, shape_of
from common.layers.dropout import VariationalDropout
from common.layers.embeddings import Embedding
from common.layers.stack import RecurrentStack
from common.layers.token_losses import token_losses
from common.networks.network import Network, Part
from common.networks.pairs.memory import NO_PAIR, Memory, PairState, own_source, run_side
from common.networks.pairs.part import PairPart
from common.networks.pairs.sampling import scheduled
from common.networks.whole import keep_of_whole

Run = Callable[[int, RecurrentStack, tf.Tensor], tf.Tensor]
"""How a stack of the decoder runs over its inputs: `(number, stack, inputs) -> outputs`."""


@register
class PairNetwork(Network):
    """Encoder, attention and decoder over windows of packed pairs.

    The decoder's first layer starts from the encoder's outputs at the two ends of the source. Attention compares the
    hidden states of that layer with the encoder's outputs for the pair's own source. The layers above read both, and so
    does the readout, whose weights are those of the embedding (Sutskever, Vinyals & Le 2014, "Sequence to Sequence
    Learning with Neural Networks"; Bahdanau, Cho & Bengio 2015, "Neural Machine Translation by Jointly Learning to
    Align and Translate"; Wu et al. 2016, "Google's Neural Machine Translation System", section 3; Press & Wolf 2017,
    "Using the Output Embedding to Improve Language Models").

    In training and evaluation the network is called with windows. To decode, `read` encodes whole sources and `next`
    makes one step of the decoder; `losses_of` gives the losses of whole targets.

    Args:
        vocabulary: Number of tokens, which both languages share.
        embedding: Width of the vectors of tokens.
        encoder: The stack that reads sources.
        decoder: The stack of one layer that reads targets.
        upper: The decoder's layers above attention; None if there are none.
        attention: Reads the encoded source; None for the plain network, whose decoder only starts from it.
        memory: Number of encoded steps that are carried from window to window: the steps of the longest source.
        dropout: Share of units dropped in embeddings and in the inputs of upper layers and readout, variational.
        smoothing: Share of a target's probability that is spread over all tokens in training.
        sampling: Share of the tokens read by the decoder in training that are its own predictions (Mihaylova & Martins
            2019, "Scheduled Sampling for Transformers", two passes).
        seed: Fixes initial weights and masks.

    Call arguments:
        window: The fields of a `PairPart`, by name.
        state: A `PairState`; None is zeros.
        training: Whether to drop, smooth and sample.

    Returns:
        The loss of each step's target and whether the target was the most likely token, `[batch, time, 2]`, 0 at steps
        without a target; and the state.
    """

    def __init__(
        self,
        vocabulary: int,
        embedding: int,
        *,
        encoder: RecurrentStack,
        decoder: RecurrentStack,
        upper: RecurrentStack | None,
        attention: Attention | None,
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

        def dropout_of(what: str) -> VariationalDropout:
            return VariationalDropout(dropout, seed=seed_for(seed, f"{what} dropout"))

        self.vectors = Embedding(
            vocabulary, embedding, keras.initializers.RandomNormal(0, 0.05, seed_for(seed, "vectors"))
        )
        self.states = cells.get(decoder.cell).states
        first_states = self.states * sum(self._layers_of_decoder())
        self.bridge = dense(first_states * decoder.units, seed=seed_for(seed, "bridge"), activation="tanh")
        self.out = dense(embedding, seed=seed_for(seed, "out"), activation="tanh")
        self.input_dropout = dropout_of("input")
        self.readout_dropout = dropout_of("readout")
        self.upper_dropout = dropout_of("upper")

    def _layers_of_decoder(self) -> list[int]:
        """The number of layers of each stack of the decoder."""
        return [1, self.upper.layers] if self.upper else [1]

    def build(self, window_shape: Any = None) -> None:
        if self.built:
            return
        attended = self.encoder.width if self.attention else 0
        self.vectors.build((None, None))
        stacks = [(self.encoder, self.embedding), (self.decoder, self.embedding)]
        if self.upper:
            stacks.append((self.upper, self.decoder.units + attended))
        for stack, width in stacks:
            if not stack.built:  # One made from a saved configuration is.
                stack.build((None, None, width))
        if self.attention and not self.attention.built:
            self.attention.build((None, None, self.decoder.units), (None, None, self.encoder.width))
        self.bridge.build((None, None, self.encoder.width))
        self.out.build((None, None, self.decoder.units + attended))
        self.bias = self.add_weight(name="bias", shape=(self.vocabulary,), initializer="zeros")
        self.built = True

    def initial_state(self, batch_size: int | tf.Tensor) -> PairState:
        decoders = (self.decoder, self.upper) if self.upper else (self.decoder,)
        return PairState(
            self.encoder.initial_state(batch_size),
            tuple(stack.initial_state(batch_size) for stack in decoders),
            tf.zeros((batch_size, self.memory, self.encoder.width)),
            tf.fill((batch_size, self.memory), NO_PAIR),
        )

    def call(self, window: Part, state: PairState | None = None, training: bool = False) -> tuple[tf.Tensor, PairState]:
        part = PairPart.of(window)
        state = PairState(*state) if state else self.initial_state(tf.shape(part.has_loss)[0])
        encoded, encoder_state = self._encoded(part, state.encoder, training)
        encoded = tf.concat([state.encoded, encoded], 1)  # [batch, memory + source steps, width]
        pairs = tf.concat([state.pairs, part.source_sequence], 1)
        memory = Memory(encoded, self._keys(encoded), tf.cast(own_source(pairs, part), encoded.dtype))
        inject = self._states_at_starts(encoded, part)
        tokens = part.target
        if training and self.sampling:
            features, _ = self._decoded_part(tokens, part, memory, state=state.decoder, inject=inject)
            tokens = scheduled(
                tokens,
                tf.reshape(tf.argmax(self._logits(_flat(features)), 1, tf.int32), tf.shape(tokens)),
                keep=part.target_keep,
                sequence=part.target_sequence,
                place=part.target_place,
                share=self.sampling,
                seed=seed_for(self.seed, "scheduled sampling"),
            )
        features, decoder_states = self._decoded_part(
            tokens, part, memory, state=state.decoder, inject=inject, training=training
        )
        losses = self._losses_of_rows(
            tf.gather(_flat(features), tf.reshape(part.rows, [-1])),
            tf.gather(tf.reshape(part.reference, [-1]), tf.reshape(part.rows, [-1])),
            self.smoothing if training else 0.0,
        )
        outputs = tf.gather(losses, part.loss_at) * part.has_loss[..., None]  # [batch, time, 2]
        carried = (tf.gather(x, part.memory_at, batch_dims=1) for x in (encoded, pairs))
        return outputs, PairState(encoder_state, decoder_states, *carried)

    def _encoded(self, part: PairPart, state: tuple, training: bool) -> tuple[tf.Tensor, tuple]:
        """The encoder's outputs at the source steps of a part, and its state after them."""
        step = {"sequence": part.source_sequence, "training": training}
        x = self.input_dropout(self.vectors(part.source), **step)
        return run_side(self.encoder, x, state, carry=part.source_carry, keep=part.source_keep, **step)

    def _decoded_part(
        self, tokens: tf.Tensor, part: PairPart, memory: Memory, *, state: tuple, inject: list, training: bool = False
    ) -> tuple[tf.Tensor, tuple]:
        """The readout's features at the target steps of a part, and the states of the decoder after them."""
        after = []
        step = {"sequence": part.target_sequence, "training": training}

        def run(n: int, stack: RecurrentStack, x: tf.Tensor) -> tf.Tensor:
            own = {"carry": part.target_carry, "inject": inject[n], "keep": part.target_keep}
            x, stack_state = run_side(stack, x, state[n], **own, **step)
            after.append(stack_state)
            return x

        features, _ = self._decoded(tokens, run, memory, **step)
        return features, tuple(after)

    def _decoded(
        self, tokens: tf.Tensor, run: Run, memory: Memory, *, sequence: tf.Tensor | None = None, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The features that the readout compares with the tokens' vectors, and the weights of attention."""
        x = self.input_dropout(self.vectors(tokens), sequence=sequence, training=training)
        x = run(0, self.decoder, x)
        if self.attention:
            context, weights = self.attention(x, memory.encoded, keys=memory.keys, visible=memory.mask)
        else:
            context, weights = x[..., :0], tf.zeros((*shape_of(x)[:2], 0))
        if self.upper:
            x = tf.concat([x, context], 2)
            x = run(1, self.upper, self.upper_dropout(x, sequence=sequence, training=training))
        x = self.out(tf.concat([x, context], 2))  # [batch, target steps, embedding]
        return self.readout_dropout(x, sequence=sequence, training=training), weights

    def _logits(self, features: tf.Tensor) -> tf.Tensor:
        """`[rows, vocabulary]` of `[rows, width]`. (TensorFlow multiplies each batch of three axes by itself.)"""
        return tf.matmul(features, self.vectors.embeddings, transpose_b=True) + self.bias

    def _losses_of_rows(self, features: tf.Tensor, reference: tf.Tensor, smoothing: float = 0.0) -> tf.Tensor:
        """The loss and the accuracy of rows, `[rows, 2]`."""
        weights = (tf.convert_to_tensor(w) for w in (self.vectors.embeddings, self.bias))
        return token_losses(features, *weights, reference=reference, smoothing=smoothing)

    def _keys(self, encoded: tf.Tensor) -> tf.Tensor:
        return self.attention.keys(encoded) if self.attention else encoded[..., :0]

    def _states_at_starts(self, encoded: tf.Tensor, part: PairPart) -> list[tuple]:
        """The states that targets start from, at their first steps: for each decoder stack, one tuple per layer."""
        last, first = (tf.gather(encoded, at, batch_dims=1) for at in (part.starts_last_at, part.starts_first_at))
        states = self._first_states(last, first)  # [batch, starts, units] each
        places = tf.one_hot(part.starts, shape_of(part.target)[1], dtype=encoded.dtype)
        return tf.nest.map_structure(lambda values: tf.matmul(places, values, transpose_a=True), states)

    def _first_states(self, last: tf.Tensor, first: tf.Tensor) -> list[tuple]:
        """The decoder's first states from the encoder's outputs at the sources' last and first steps, `[..., width]`.

        The forward half is taken at the last step and the backward half at the first: each has then read the source.
        """
        units = self.encoder.units
        ends = tf.concat([last[..., :units], first[..., units:]], -1)
        states = iter(tf.split(self.bridge(ends), self.bridge.units // self.decoder.units, -1))
        return [
            tuple(tuple(next(states) for _ in range(self.states)) for _ in range(layers))
            for layers in self._layers_of_decoder()
        ]

    def read(self, tokens: tf.Tensor, lengths: tf.Tensor) -> tuple[Memory, list[tuple]]:
        """Encodes whole sources.

        Args:
            tokens: The tokens of each source and its end, int32 `[rows, steps]`.
            lengths: The lengths of the sources, int32 `[rows]`.

        Returns:
            The memory that attention reads, and the state to decode from.
        """
        steps = tf.shape(tokens)[1]
        mask = tf.sequence_mask(lengths, steps, self.compute_dtype)
        encoded, _ = self.encoder(self.vectors(tokens), keep=keep_of_whole(lengths, steps, self.compute_dtype))
        last = tf.gather(encoded, tf.maximum(lengths - 1, 0), batch_dims=1)
        return Memory(encoded, self._keys(encoded), mask), self._first_states(last, encoded[:, 0])

    def next(self, tokens: tf.Tensor, state: list, memory: Memory) -> tuple[tf.Tensor, list, tf.Tensor]:
        """One step of the decoder. With a fixed memory it is a `Next` of `common.decoding`.

        Args:
            tokens: The last tokens, int32 `[rows]`.
            state: The state from `read` or from the last step.
            memory: The memory from `read`, one row for each token.

        Returns:
            Log-probabilities `[rows, vocabulary]`, the state, and the weights of attention, `[rows, source steps]`.
        """
        after = []

        def run(n: int, stack: RecurrentStack, x: tf.Tensor) -> tf.Tensor:
            x, stack_state = stack(x, state=state[n])
            after.append(stack_state)
            return x

        features, weights = self._decoded(tokens[:, None], run, memory)
        return tf.nn.log_softmax(self._logits(features[:, 0])), after, weights[:, 0]

    def losses_of(self, tokens: tf.Tensor, reference: tf.Tensor, *, memory: Memory, state: list) -> tf.Tensor:
        """The losses of whole targets.

        Args:
            tokens: The tokens that the decoder reads, the start first, int32 `[rows, steps]`.
            reference: The token to predict at each step, int32 `[rows, steps]`.
            memory: The memory from `read`.
            state: The state from `read`.

        Returns:
            The loss of each step, `[rows, steps]`.
        """

        def run(n: int, stack: RecurrentStack, x: tf.Tensor) -> tf.Tensor:
            return stack(x, state=state[n])[0]

        features, _ = self._decoded(tokens, run, memory)
        losses = self._losses_of_rows(_flat(features), tf.reshape(reference, [-1]))
        return tf.reshape(losses[:, 0], tf.shape(reference))


def _flat(x: tf.Tensor) -> tf.Tensor:
    """`[batch, time, width]` to `[batch * time, width]`."""
    return tf.reshape(x, (-1, x.shape[-1]))
