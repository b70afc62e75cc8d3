"""A network that reads a source and writes a target of another length."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from common.cells.seeds import seed_for
from common.layers.attention import Attention
from common.layers.base import register, shape_of
from common.layers.stack import RecurrentStack
from common.networks.network import Part
from common.networks.pairs.memory import NO_PAIR, PairState, own_source, run_side
from common.networks.pairs.part import PairPart
from common.networks.pairs.sampling import scheduled
from common.networks.whole import keep_of_whole
from common.networks.writing import Memory, WritingNetwork, flat


@register
class PairNetwork(WritingNetwork):
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

        self.make_writer()

    def build(self, window_shape: Any = None) -> None:
        if self.built:
            return
        if not self.encoder.built:  # One made from a saved configuration is.
            self.encoder.build((None, None, self.embedding))
        self.build_writer(self.encoder.width, self.encoder.width)
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
        memory = Memory(encoded, self.keys(encoded), tf.cast(own_source(pairs, part), encoded.dtype))
        inject = self._states_at_starts(encoded, part)
        tokens = part.target
        if training and self.sampling:
            features, _ = self._decoded_part(tokens, part, memory, state=state.decoder, inject=inject)
            tokens = scheduled(
                tokens,
                tf.reshape(tf.argmax(self.logits(flat(features)), 1, tf.int32), tf.shape(tokens)),
                keep=part.target_keep,
                sequence=part.target_sequence,
                place=part.target_place,
                share=self.sampling,
                seed=seed_for(self.seed, "scheduled sampling"),
            )
        features, decoder_states = self._decoded_part(
            tokens, part, memory, state=state.decoder, inject=inject, training=training
        )
        losses = self.losses_of_rows(
            tf.gather(flat(features), tf.reshape(part.rows, [-1])),
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

        features, _ = self.decoded(tokens, run, lambda x: self.attended(x, memory), **step)
        return features, tuple(after)

    def _states_at_starts(self, encoded: tf.Tensor, part: PairPart) -> list[tuple]:
        """The states that targets start from, at their first steps: for each decoder stack, one tuple per layer."""
        last, first = (tf.gather(encoded, at, batch_dims=1) for at in (part.starts_last_at, part.starts_first_at))
        states = self._states_from(last, first)  # [batch, starts, units] each
        places = tf.one_hot(part.starts, shape_of(part.target)[1], dtype=encoded.dtype)
        return tf.nest.map_structure(lambda values: tf.matmul(places, values, transpose_a=True), states)

    def _states_from(self, last: tf.Tensor, first: tf.Tensor) -> list[tuple]:
        """The decoder's first states from the encoder's outputs at the sources' last and first steps, `[..., width]`.

        The forward half is taken at the last step and the backward half at the first: each has then read the source.
        """
        units = self.encoder.units
        return self.first_states(tf.concat([last[..., :units], first[..., units:]], -1))

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
        return Memory(encoded, self.keys(encoded), mask), self._states_from(last, encoded[:, 0])
