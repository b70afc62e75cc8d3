"""The network of most tasks: inputs to features, a recurrent stack, a head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from common.layers.base import register
from common.layers.dropout import VariationalDropout
from common.layers.stack import RecurrentStack


@register
class StreamNetwork(keras.layers.Layer):
    """Inputs to features, a recurrent stack and a head, over windows of packed streams.

    Args:
        embed: Layer from the window to features, `(window, training) -> [batch, time, width]`; has a `width`.
        stack: The recurrences.
        head: Layer from the stack's outputs to the network's, with a state: see `common.heads.ReadoutHead`.
        dropout: Share dropped of the features, variational.
        seed: Fixes the masks.

    Call arguments:
        window: Dictionary of what `embed` reads, and `keep` and `sequence`, each `[batch, time]`.
        state: Of the stack and the head; None is zeros.
        carry_after: Steps of the window after which the state is taken; None is all of them.
        probes: What else the stack takes, `nudge`; not with `carry_after`.

    Returns:
        Outputs, `[batch, time, ...]`, and the state after those steps.
    """

    def __init__(
        self,
        embed: keras.layers.Layer,
        stack: RecurrentStack,
        head: keras.layers.Layer,
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
        self.masking = VariationalDropout(dropout, 1000 * seed + 501, stack.jit_compile)

    def build(self, window_shape: Any = None) -> None:
        for layer, width in ((self.embed, None), (self.stack, self.embed.width), (self.head, self.stack.width)):
            if not layer.built:  # A layer made from a saved configuration is.
                layer.build((None, None, width))

    def initial_state(self, batch_size: int | tf.Tensor) -> tuple:
        return self.stack.initial_state(batch_size), self.head.initial_state(batch_size)

    def call(
        self,
        window: dict[str, tf.Tensor],
        state: tuple | None = None,
        training: bool = False,
        carry_after: int | None = None,
        **probes: Any,
    ) -> tuple:
        def run(x: tf.Tensor, keep: tf.Tensor, sequence: tf.Tensor, state: tuple) -> tuple:
            given = {"keep": keep, "sequence": sequence, "training": training}
            x, stack_state = self.stack(x, state=state[0], **given, **probes)
            outputs, head_state = self.head(x, state=state[1], **given)
            return outputs, (stack_state, head_state)

        keep, sequence = window["keep"], window["sequence"]
        state = state or self.initial_state(tf.shape(keep)[0])
        x = self.masking(self.features(window, training), sequence=sequence, training=training)
        return carried_after(run, (x, keep, sequence), state, carry_after)

    def features(self, window: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """What the stack reads, before dropout, `[batch, time, width]`."""
        return self.embed(window, training=training)

    def get_config(self) -> dict[str, Any]:
        layers = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in ("embed", "stack", "head")}
        return super().get_config() | layers | {"dropout": self.dropout, "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> StreamNetwork:
        for name in ("embed", "stack", "head"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def carried_after(
    run: Callable[..., tuple[tf.Tensor, tuple]], parts: tuple[tf.Tensor, ...], state: tuple, steps: int | None
) -> tuple[tf.Tensor, tuple]:
    """Runs over a window and takes the state that it has after so many steps.

    Args:
        run: `(*parts, state) -> (outputs, state)`.
        parts: What of the window it reads, each `[batch, time, ...]`.
        state: Before the window.
        steps: None is all.
    """
    if steps is None:
        return run(*parts, state)
    first, carried = run(*(part[:, :steps] for part in parts), state)
    second, _ = run(*(part[:, steps:] for part in parts), carried)
    return tf.concat([first, second], 1), carried
