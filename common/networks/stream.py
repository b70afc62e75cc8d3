"""The network of most tasks: inputs to features, a recurrent stack, a head."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from common.cells.seeds import seed_for
from common.layers.base import register
from common.layers.dropout import VariationalDropout
from common.layers.stack import RecurrentStack
from common.networks.network import Network, Part


@register
class StreamNetwork(Network):
    """Inputs to features, a recurrent stack and a head, over windows of packed streams.

    Args:
        embed: Layer from the window to features, `(window, training) -> [batch, time, width]`; has a `width`.
        stack: The recurrences.
        head: Layer from the stack's outputs to the network's, with a state, such as `common.layers.heads.ReadoutHead`.
        dropout: Share of the features that is dropped in training, variational.
        seed: Fixes the masks.

    Call arguments: those of `Network`; the state is a pair, the stack's and the head's.
        probes: Further arguments of the stack, `inject` or `nudge`.
    """

    def __init__(
        self,
        embed: keras.layers.Layer,
        stack: RecurrentStack,
        head: keras.layers.Layer,
        *,
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # The state keeps its type.
        self.embed = embed
        self.stack = stack
        self.head = head
        self.dropout = dropout
        self.seed = seed
        self.masking = VariationalDropout(dropout, seed_for(seed, "feature dropout"))

    def build(self, window_shape: Any = None) -> None:
        for layer, width in ((self.embed, None), (self.stack, self.embed.width), (self.head, self.head_width)):
            if not layer.built:  # A layer made from a saved configuration is.
                layer.build((None, None, width))

    @property
    def head_width(self) -> int:
        """Features that the head reads."""
        return self.stack.width

    def for_head(self, outputs: tf.Tensor, features: tf.Tensor) -> tf.Tensor:
        """What the head reads, `[batch, time, head_width]`, of the outputs of the stack and of its inputs."""
        return outputs

    def initial_state(self, batch_size: int | tf.Tensor) -> tuple:
        return self.stack.initial_state(batch_size), self.head.initial_state(batch_size)

    def call(self, window: Part, state: tuple | None = None, training: bool = False, **probes: Any) -> tuple:
        x = self.masking(self.features(window, training), sequence=window["sequence"], training=training)
        return self.after_features(x, window, state, training=training, **probes)

    def after_features(
        self, x: tf.Tensor, window: Part, state: tuple | None = None, *, training: bool = False, **probes: Any
    ) -> tuple:
        """What a call returns, from the features of a window; of this only the steps are read."""
        step = {"keep": window["keep"], "sequence": window["sequence"], "training": training}
        stack_state, head_state = state or self.initial_state(tf.shape(window["keep"])[0])
        outputs, stack_state = self.stack(x, state=stack_state, **step, **probes)
        x = self.for_head(outputs, x)
        places = {"output_steps": window["output_steps"]} if "output_steps" in window else {}
        outputs, head_state = self.head(x, state=head_state, **step, **places)
        return outputs, (stack_state, head_state)

    def features(self, window: Part, training: bool = False) -> tf.Tensor:
        return self.embed(window, training=training)
