"""A network that predicts the next token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from common.cells.seeds import seed_for
from common.layers.base import dense, register
from common.layers.dropout import VariationalDropout, VectorDropout
from common.layers.embeddings import Embedding
from common.layers.many_tokens import losses_in_blocks, sample_of, sampled_losses
from common.layers.stack import RecurrentStack
from common.layers.token_losses import token_losses
from common.networks.network import Network, Part


@register
class LanguageNetwork(Network):
    """Vectors of tokens, a recurrent stack, and a readout whose weights are the vectors again.

    (Press & Wolf 2017, "Using the Output Embedding to Improve Language Models"; Merity, Keskar & Socher 2018,
    "Regularizing and Optimizing LSTM Language Models", for the dropout and the two penalties.)

    Args:
        vocabulary: Number of tokens.
        embedding: Width of their vectors.
        stack: The recurrences.
        dropout: Share of units dropped before, between and after the recurrences, variational.
        token_dropout: Share of a sequence's different tokens whose vectors are dropped in training.
        smoothing: Share of a token's probability that is spread over all tokens in training.
        sampled: Number of tokens against which the loss of training is computed, see `sampled_losses`; 0 is all. Tokens
            are then numbered from the frequent to the rare ones.
        activation_penalty: Factor of the mean square of the dropped outputs in the training loss (Merity, alpha).
        change_penalty: Factor of the mean square of the outputs' changes from step to step (Merity, beta).
        seed: Fixes initial weights and masks.

    Call arguments: those of `Network`; the window holds `tokens` and `reference`, the token to predict, int32
    `[batch, time]` each. The state is the stack's.
        probes: Further arguments of the stack, `inject` or `nudge`.

    Returns:
        The loss of each step, and whether its reference is the most likely token (of the sample), `[batch, time, 2]`;
        and the state.

    Raises:
        ValueError: The sample is not smaller than the vocabulary, or there is label smoothing as well.
    """

    def __init__(
        self,
        vocabulary: int,
        embedding: int,
        stack: RecurrentStack,
        *,
        dropout: float = 0.0,
        token_dropout: float = 0.0,
        smoothing: float = 0.0,
        sampled: int = 0,
        activation_penalty: float = 0.0,
        change_penalty: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # The state keeps its type.
        if sampled and (sampled >= vocabulary or smoothing):
            raise ValueError(f"{sampled} of {vocabulary} tokens are to be sampled, smoothing {smoothing}; sample none")
        self.vocabulary = vocabulary
        self.embedding = embedding
        self.stack = stack
        self.dropout = dropout
        self.token_dropout = token_dropout
        self.smoothing = smoothing
        self.sampled = sampled
        self.activation_penalty = activation_penalty
        self.change_penalty = change_penalty
        self.seed = seed
        self.vectors = Embedding(
            vocabulary, embedding, keras.initializers.RandomNormal(0, embedding**-0.5, seed_for(seed, "vectors"))
        )
        self.vector_dropout = VectorDropout(token_dropout, seed_for(seed, "token dropout"))
        self.input_dropout = VariationalDropout(dropout, seed_for(seed, "input dropout"))
        self.output_dropout = VariationalDropout(dropout, seed_for(seed, "output dropout"))
        self.out = None if stack.width == embedding else dense(embedding, seed=seed_for(seed, "out"))

    def build(self, window_shape: Any = None) -> None:
        if self.built:
            return
        self.vectors.build((None, None))
        if not self.stack.built:  # One made from a saved configuration is.
            self.stack.build((None, None, self.embedding))
        if self.out is not None:
            self.out.build((None, None, self.stack.width))
        self.bias = self.add_weight(name="bias", shape=(self.vocabulary,), initializer="zeros")
        self.built = True

    def initial_state(self, batch_size: int | tf.Tensor) -> tuple:
        return self.stack.initial_state(batch_size)

    def features(self, window: Part, training: bool = False) -> tf.Tensor:
        tokens = window["tokens"]
        return self.vector_dropout(
            self._embedded(tokens), tokens=tokens, sequence=window["sequence"], training=training
        )

    def _embedded(self, tokens: tf.Tensor) -> tf.Tensor:
        """What the stack reads of tokens: their vectors, scaled up, since a readout has smaller weights.

        (Vaswani et al. 2017, "Attention Is All You Need", section 3.4.)
        """
        return self.vectors(tokens) * self.embedding**0.5

    def call(self, window: Part, state: tuple | None = None, training: bool = False, **probes: Any) -> tuple:
        keep, step = window["keep"], {"sequence": window["sequence"], "training": training}
        x = self.input_dropout(self.features(window, training), **step)
        state, position = state or self.initial_state(tf.shape(keep)[0]), window.get("position")
        x, state = self.stack(x, keep=keep, state=state, position=position, **step, **probes)
        dropped = self.output_dropout(x, **step)
        reference = window["reference"]
        outputs = self._trained_losses(dropped, reference, position) if training else self.losses(dropped, reference)
        if training and (self.activation_penalty or self.change_penalty):
            penalty = self._penalty(x, dropped, keep)  # [batch, time]
            outputs += tf.stack([penalty, tf.zeros_like(penalty)], 2)
        return outputs, state

    def losses(self, x: tf.Tensor, reference: tf.Tensor) -> tf.Tensor:
        """The exact loss and the accuracy of outputs of the stack, `[batch, time, width]`: `[batch, time, 2]`."""
        return self._of_steps(losses_in_blocks, x, reference, weights=self._readout)

    def _trained_losses(self, x: tf.Tensor, reference: tf.Tensor, position: tf.Tensor | None) -> tf.Tensor:
        """As `losses`, smoothed or of a sample of the tokens."""
        if not self.sampled:
            return self._of_steps(token_losses, x, reference, weights=self._readout, smoothing=self.smoothing)
        sample = sample_of(position, self.vocabulary, self.sampled, seed=seed_for(self.seed, "sample"))
        weights = self.vectors.embeddings.value, self.bias.value  # Of these only the rows are read.
        return self._of_steps(sampled_losses, x, reference, weights=weights, sample=sample)

    def _of_steps(
        self, losses: Callable, x: tf.Tensor, reference: tf.Tensor, *, weights: tuple, **how: Any
    ) -> tf.Tensor:
        """Losses that are those of rows, such as `token_losses`, of all steps."""
        features = self._projected(tf.reshape(x, (-1, self.stack.width)))  # [batch * time, embedding]
        how |= {"reference": tf.reshape(reference, [-1]), "precision": self.precision}
        return tf.reshape(losses(features, *weights, **how), (*tf.unstack(tf.shape(reference)), 2))

    @property
    def _readout(self) -> tuple[tf.Tensor, tf.Tensor]:
        """The vectors and the biases of all tokens."""
        return tf.convert_to_tensor(self.vectors.embeddings), tf.convert_to_tensor(self.bias)

    def _projected(self, x: tf.Tensor) -> tf.Tensor:
        return x if self.out is None else self.out(x)

    def _penalty(self, x: tf.Tensor, dropped: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        """The penalties of activation and of change at each step, `[batch, time]`."""
        change = tf.pad(x[:, 1:] - x[:, :-1], [[0, 0], [1, 0], [0, 0]]) * keep[..., None]
        return self.activation_penalty * tf.reduce_mean(dropped**2, 2) + self.change_penalty * tf.reduce_mean(
            change**2, 2
        )

    def next(self, tokens: tf.Tensor, state: tuple) -> tuple[tf.Tensor, tuple, tuple]:
        """One step: a `Next` of `common.decoding`.

        Args:
            tokens: The last tokens, int32 `[rows]`.
            state: The state before them.

        Returns:
            Log-probabilities of the next token, `[rows, vocabulary]`, the state, and no extras.
        """
        x, state = self.step(tokens, state)
        return self.distribution(x), state, ()

    def step(self, tokens: tf.Tensor, state: tuple) -> tuple[tf.Tensor, tuple]:
        """The outputs of the stack for tokens, int32 `[rows]`: `[rows, width]`; and the state after them."""
        x, state = self.stack(self._embedded(tokens[:, None]), state=state)
        return x[:, 0], state

    def read(self, tokens: tf.Tensor) -> tf.Tensor:
        """The outputs of the stack after each token of whole texts, int32 `[N, steps]`: `[N, steps, width]`."""
        return self.stack(self._embedded(tokens))[0]

    def distribution(self, x: tf.Tensor) -> tf.Tensor:
        """Log-probabilities of the next token `[rows, vocabulary]` after outputs of the stack, `[rows, width]`."""
        vectors, bias = self._readout
        return tf.nn.log_softmax(tf.matmul(self._projected(x), vectors, transpose_b=True) + bias)
