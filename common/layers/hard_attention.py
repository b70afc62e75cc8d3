"""Hard attention: a decoder looks at one step of a memory, and learns by REINFORCE where to look.

(Xu et al. 2015, "Show, Attend and Tell: Neural Image Caption Generation with Visual Attention", section 4.1; Williams
1992, "Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning".)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from common.layers.attention import MultiplicativeAttention
from common.layers.base import register
from common.layers.masks import uniform_of

SHARPEST = 8.0
"""By how much scores are multiplied once means are as sharp as they get."""
LEAST = 1e-8
"""The least probability whose logarithm is taken."""


class Draws(NamedTuple):
    """What the steps of sequences draw by in training.

    Attributes:
        number: A number in [0, 1).
        looks: 1 where one step of the memory is read, 0 where the mean by weights is.
        sharpness: The factor of the scores.
    """

    number: tf.Tensor
    looks: tf.Tensor
    sharpness: tf.Tensor


@register
class HardAttention(MultiplicativeAttention):
    """Attention that reads the step of the largest weight; in training one that is drawn by the weights.

    A draw has no gradient, so the weights learn from a reward: `penalty` is a loss whose gradient is that of the
    expected reward. Some sequences read the mean by weights instead, as half of those of Xu et al. do: the steps that
    are read learn from it, and it lowers the variance. But a mean may look at two places at once, and what looks at one
    place must not learn that. So all sequences read a mean at first, which becomes ever sharper; then ever fewer
    do.

    Args:
        units: Width of the query.
        seed: Fixes the initial weights, and what is drawn.
        until: The number of the sequence from which on none reads a mean; means are sharpest from half of it on.
        reward: Factor of the reward.
        entropy: Factor of the entropy of the weights, which keeps them from settling too early.

    Call arguments and returns: those of `Attention`; the weights are those before the choice.
    """

    def __init__(
        self,
        units: int,
        seed: int = 0,
        *,
        until: int = 0,
        reward: float = 1.0,
        entropy: float = 0.002,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, seed, **kwargs)
        self.until = until
        self.reward = reward
        self.entropy = entropy

    def call(
        self, query: tf.Tensor, memory: tf.Tensor, *, keys: tf.Tensor, visible: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        _, weights = super().call(query, memory, keys=keys, visible=visible)
        return tf.gather(memory, tf.argmax(weights, 2), batch_dims=1), weights

    def drawn(self, sequence: tf.Tensor, place: tf.Tensor) -> Draws:
        """What each step draws by, `[batch, time]` each.

        Args:
            sequence: The number of the sequence of each step, int32 `[batch, time]`.
            place: The number of the step in its sequence, int32 `[batch, time]`.
        """
        halves = 2 * tf.cast(sequence, self.compute_dtype) / max(self.until, 1)
        return Draws(
            uniform_of(sequence, place, seed=self.seed),
            tf.cast(uniform_of(sequence, seed=self.seed + 1) >= 2 - halves, self.compute_dtype),
            1 + (SHARPEST - 1) * tf.clip_by_value(halves, 0, 1),
        )

    def sample(
        self,
        query: tf.Tensor,
        memory: tf.Tensor,
        *,
        keys: tf.Tensor,
        visible: tf.Tensor | None = None,
        draws: Draws,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """What is read in training.

        Args:
            query: `[batch, time, query width]`.
            memory: `[batch, steps, width]`.
            keys: Those of the memory.
            visible: See `Attention`.
            draws: What each step of the query draws by, `[batch, time]` each.

        Returns:
            What is read, `[batch, time, width]`; the weights, `[batch, time, steps]`; and the logarithm of the weight
            of the step that was drawn, `[batch, time]`.
        """
        if visible is not None and len(visible.shape) == 2:
            visible = visible[:, None]
        mean, weights = self.read(self.scores(query, keys) * draws.sharpness[..., None], memory, visible)
        upto = tf.cumsum(weights, 2)
        chosen = tf.reduce_sum(tf.cast(upto <= (draws.number * upto[..., -1])[..., None], tf.int32), 2)
        chosen = tf.minimum(chosen, tf.shape(memory)[1] - 1)
        one = tf.gather(memory, chosen, batch_dims=1)
        likely = tf.gather(weights, chosen, batch_dims=2)
        return tf.where(draws.looks[..., None] > 0, one, mean), weights, tf.math.log(tf.maximum(likely, LEAST))

    def penalty(self, advantage: tf.Tensor, *, chosen: tf.Tensor, weights: tf.Tensor, looks: tf.Tensor) -> tf.Tensor:
        """The loss of where each step looked, `[batch, time]`; its gradient estimates that of the expected reward.

        Args:
            advantage: By how much the reward is larger than usual, `[batch, time]`.
            chosen: The logarithm of the weight of what was drawn, `[batch, time]`.
            weights: `[batch, time, steps]`.
            looks: 1 where the drawn step was read, `[batch, time]`.
        """
        disorder = -tf.reduce_sum(weights * tf.math.log(tf.maximum(weights, LEAST)), 2)
        return -looks * self.reward * tf.stop_gradient(advantage) * chosen - self.entropy * disorder
