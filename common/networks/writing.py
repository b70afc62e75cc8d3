"""Networks that write: a decoder that starts from what an encoder made of an input, and attends to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from common import cells
from common.cells.seeds import seed_for
from common.layers.attention import Attention
from common.layers.base import dense, shape_of
from common.layers.dropout import VariationalDropout
from common.layers.embeddings import Embedding
from common.layers.stack import RecurrentStack
from common.layers.token_losses import token_losses
from common.networks.network import Network

Run = Callable[[int, RecurrentStack, tf.Tensor], tf.Tensor]
"""How a stack of the decoder runs over its inputs: `(number, stack, inputs) -> outputs`."""
Attend = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""How hidden states `[batch, time, units]` attend: gives what they read, `[batch, time, width]`, and the weights."""


class Memory(NamedTuple):
    """What a decoder attends to.

    Attributes:
        encoded: What the encoder made of the input, `[batch, steps, width]`.
        keys: The keys of attention, `[batch, steps, ...]`; empty without attention.
        mask: 1 where a decoder may attend, `[batch, steps]`, or for each of its steps `[batch, target steps, steps]`;
            None is everywhere.
    """

    encoded: tf.Tensor
    keys: tf.Tensor
    mask: tf.Tensor | None = None


class WritingNetwork(Network):
    """The base of networks that write tokens: vectors, a stack below attention, one above, and a readout.

    The hidden states of the lower stack query attention. The stack above reads both, and so does the readout, whose
    weights are those of the vectors. A subclass has the attributes `vocabulary`, `embedding`, `decoder`, `upper`,
    `attention`, `dropout` and `seed`, as `PairNetwork` describes them, before it calls `make_writer`.
    """

    vocabulary: int
    embedding: int
    decoder: RecurrentStack
    upper: RecurrentStack | None
    attention: Attention | None
    dropout: float
    seed: int

    def make_writer(self) -> None:
        """Makes the layers that are not arguments."""
        seed = self.seed

        def dropout_of(what: str) -> VariationalDropout:
            return VariationalDropout(self.dropout, seed=seed_for(seed, f"{what} dropout"))

        self.vectors = Embedding(
            self.vocabulary, self.embedding, keras.initializers.RandomNormal(0, 0.05, seed_for(seed, "vectors"))
        )
        self.states = cells.get(self.decoder.cell).states
        first_states = self.states * sum(self._layers_of_decoder())
        self.bridge = dense(first_states * self.decoder.units, seed=seed_for(seed, "bridge"), activation="tanh")
        self.out = dense(self.embedding, seed=seed_for(seed, "out"), activation="tanh")
        self.input_dropout = dropout_of("input")
        self.readout_dropout = dropout_of("readout")
        self.upper_dropout = dropout_of("upper")

    def _layers_of_decoder(self) -> list[int]:
        """The number of layers of each stack of the decoder."""
        return [1, self.upper.layers] if self.upper else [1]

    def build_writer(self, start: int, memory: int) -> None:
        """Builds the decoder.

        Args:
            start: Width of what the decoder starts from.
            memory: Width of what it attends to.
        """
        attended = self.attention.width(memory) if self.attention else 0
        self.vectors.build((None, None))
        stacks = [(self.decoder, self.embedding)]
        if self.upper:
            stacks.append((self.upper, self.decoder.units + attended))
        for stack, width in stacks:
            if not stack.built:  # One made from a saved configuration is.
                stack.build((None, None, width))
        if self.attention and not self.attention.built:
            self.attention.build((None, None, self.decoder.units), (None, None, memory))
        self.bridge.build((None, None, start))
        self.out.build((None, None, self.decoder.units + attended))
        self.bias = self.add_weight(name="bias", shape=(self.vocabulary,), initializer="zeros")

    def keys(self, encoded: tf.Tensor) -> tf.Tensor:
        """The keys of attention."""
        return self.attention.keys(encoded) if self.attention else encoded[..., :0]

    def first_states(self, start: tf.Tensor) -> list[tuple]:
        """The states to start from, for each stack of the decoder one tuple per layer; of `start [..., width]`."""
        states = iter(tf.split(self.bridge(start), self.bridge.units // self.decoder.units, -1))
        return [
            tuple(tuple(next(states) for _ in range(self.states)) for _ in range(layers))
            for layers in self._layers_of_decoder()
        ]

    def attended(self, x: tf.Tensor, memory: Memory) -> tuple[tf.Tensor, tf.Tensor]:
        """What attention reads for the hidden states `[batch, steps, units]`, and its weights."""
        if not self.attention:
            return x[..., :0], tf.zeros((*shape_of(x)[:2], 0))
        return self.attention(x, memory.encoded, keys=memory.keys, visible=memory.mask)

    def decoded(
        self,
        tokens: tf.Tensor,
        run: Run,
        attend: Attend,
        *,
        sequence: tf.Tensor | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The features that the readout compares with the tokens' vectors, and the weights of attention."""
        x = self.input_dropout(self.vectors(tokens), sequence=sequence, training=training)
        x = run(0, self.decoder, x)
        context, weights = attend(x)
        if self.upper:
            x = tf.concat([x, context], 2)
            x = run(1, self.upper, self.upper_dropout(x, sequence=sequence, training=training))
        x = self.out(tf.concat([x, context], 2))  # [batch, target steps, embedding]
        return self.readout_dropout(x, sequence=sequence, training=training), weights

    def logits(self, features: tf.Tensor) -> tf.Tensor:
        """`[rows, vocabulary]` of `[rows, width]`. (TensorFlow multiplies each batch of three axes by itself.)"""
        return tf.matmul(features, self.vectors.embeddings, transpose_b=True) + self.bias

    def losses_of_rows(self, features: tf.Tensor, reference: tf.Tensor, smoothing: float = 0.0) -> tf.Tensor:
        """The loss and the accuracy of rows, `[rows, 2]`."""
        weights = (tf.convert_to_tensor(w) for w in (self.vectors.embeddings, self.bias))
        how = {"smoothing": smoothing, "precision": self.precision}
        return token_losses(features, *weights, reference=reference, **how)

    def next(self, tokens: tf.Tensor, state: list, memory: Memory) -> tuple[tf.Tensor, list, tf.Tensor]:
        """One step of the decoder. With a fixed memory it is a `Next` of `common.decoding`.

        Args:
            tokens: The last tokens, int32 `[rows]`.
            state: The state to start from, or from the last step.
            memory: The memory, one row for each token.

        Returns:
            Log-probabilities `[rows, vocabulary]`, the state, and the weights of attention, `[rows, steps]`.
        """
        after = []

        def run(n: int, stack: RecurrentStack, x: tf.Tensor) -> tf.Tensor:
            x, stack_state = stack(x, state=state[n])
            after.append(stack_state)
            return x

        features, weights = self.decoded(tokens[:, None], run, lambda x: self.attended(x, memory))
        return tf.nn.log_softmax(self.logits(features[:, 0])), after, weights[:, 0]

    def losses_of(self, tokens: tf.Tensor, reference: tf.Tensor, *, memory: Memory, state: list) -> tf.Tensor:
        """The losses of whole targets.

        Args:
            tokens: The tokens that the decoder reads, the start first, int32 `[rows, steps]`.
            reference: The token to predict at each step, int32 `[rows, steps]`.
            memory: The memory.
            state: The state to start from.

        Returns:
            The loss of each step, `[rows, steps]`.
        """

        def run(n: int, stack: RecurrentStack, x: tf.Tensor) -> tf.Tensor:
            return stack(x, state=state[n])[0]

        features, _ = self.decoded(tokens, run, lambda x: self.attended(x, memory))
        losses = self.losses_of_rows(flat(features), tf.reshape(reference, [-1]))
        return tf.reshape(losses[:, 0], tf.shape(reference))


def flat(x: tf.Tensor) -> tf.Tensor:
    """`[batch, time, width]` to `[batch * time, width]`."""
    return tf.reshape(x, (-1, x.shape[-1]))
