"""A linear-chain conditional random field over packed windows, as a head."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from common.cells.cell import State
from common.cells.seeds import seed_for
from common.layers.base import Configured, dense, register
from common.layers.dropout import VariationalDropout
from common.layers.scan import scanned


@register
class CRFHead(Configured, keras.layers.Layer):
    """Tag scores for each step, with scores of neighbouring tags (Lafferty, McCallum & Pereira 2001, "Conditional
    Random Fields: Probabilistic Models for Segmenting and Labeling Sequence Data").

    The forward algorithm is itself a recurrence, in its scaled form (Rabiner 1989, "A Tutorial on Hidden Markov
    Models", section V.A). Its state is the distribution of the tag given the steps so far, and is carried from window
    to window. The log normalisers of a sequence's steps add up to its log partition function.

    Args:
        tags: Number of tags.
        dropout: Share of the inputs dropped while training, variational.
        seed: Fixes initial weights and masks.

    Call arguments:
        inputs: `[batch, time, units]`.
        keep: `[batch, time]`.
        sequence: int32 `[batch, time]`; needed for dropout while training.
        state: The distribution of the tag before the window, one tensor `[batch, tags]`.

    Returns:
        The tag scores and the log normaliser of each step, `[batch, time, tags + 1]`, and the state after the window.
    """

    def __init__(self, tags: int, *, dropout: float = 0.0, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tags = tags
        self.dropout = dropout
        self.seed = seed
        self.masking = VariationalDropout(dropout, seed_for(seed, "readout dropout"))
        self.emission = dense(tags, seed=seed_for(seed, "emission"))

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        self.emission.build(inputs_shape)
        self.transition = self.add_weight(name="transition", shape=(self.tags, self.tags), initializer="zeros")
        self.start = self.add_weight(name="start", shape=(self.tags,), initializer="zeros")

    def initial_state(self, batch_size: int | tf.Tensor) -> State:
        return (tf.zeros((batch_size, self.tags), self.compute_dtype),)

    def call(
        self,
        inputs: tf.Tensor,
        *,
        keep: tf.Tensor,
        sequence: tf.Tensor | None = None,
        state: State = (),
        training: bool = False,
    ) -> tuple[tf.Tensor, State]:
        scores = self.emission(self.masking(inputs, sequence=sequence, training=training))
        filtered, normalisers = self.forward(scores, keep, *state)
        return tf.concat([scores, normalisers[..., None]], 2), (filtered[:, -1],)

    def forward(self, scores: tf.Tensor, keep: tf.Tensor, before: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The scaled forward algorithm.

        Args:
            scores: `[batch, time, tags]`.
            keep: `[batch, time]`.
            before: The distribution of the tag before the first step, `[batch, tags]`.

        Returns:
            The distribution of each step's tag given the steps so far, `[batch, time, tags]`; and the log
            normalisers, `[batch, time]`.
        """
        highest, most, first = tf.reduce_max(scores, 2), tf.reduce_max(self.transition), tf.reduce_max(self.start)
        # The maxima are subtracted, so that no exponential overflows; the normalisers get them back.
        weights, across = tf.exp(scores - highest[..., None]), tf.exp(self.transition - most)
        start = tf.exp(self.start - first)

        def step(last: tuple[tf.Tensor, tf.Tensor], now: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            weight, kept = now
            joint = weight * tf.where(kept[:, None] > 0, last[0] @ across, start)
            total = tf.reduce_sum(joint, 1)
            return joint / total[:, None], total

        over_time = (tf.transpose(weights, (1, 0, 2)), tf.transpose(keep))
        filtered, totals = scanned(step, over_time, (before, tf.zeros_like(before[:, 0])))
        normalisers = tf.math.log(tf.transpose(totals)) + highest + tf.where(keep > 0, most, first)
        return tf.transpose(filtered, (1, 0, 2)), normalisers

    def best(self, scores: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        """The best sequence of tags (Viterbi 1967), int32 `[batch, time]`; arguments are those of `decode`."""
        u, kept = tf.transpose(scores, (1, 0, 2)), tf.transpose(keep)[:, :, None] > 0

        def reach(last: tuple, now: tuple) -> tuple[tf.Tensor, tf.Tensor]:
            score, k = now
            reached = last[0][:, :, None] + self.transition  # [batch, from, to]
            from_best = tf.where(k, tf.reduce_max(reached, 1), tf.broadcast_to(self.start, tf.shape(score)))
            return score + from_best, tf.argmax(reached, 1, tf.int32)

        nothing = tf.zeros_like(u[0])
        totals, froms = scanned(reach, (u, kept), (nothing, tf.zeros_like(nothing, tf.int32)))

        def back(following: tuple, now: tuple) -> tuple[tf.Tensor, tf.Tensor]:
            total, source, end = now
            tag = tf.where(end[:, 0], tf.argmax(total, 1, tf.int32), following[1])
            return tag, tf.gather(source, tag, batch_dims=1)

        none = tf.zeros_like(totals[0, :, 0], tf.int32)
        tags, _ = scanned(back, (totals, froms, _ends(kept)), (none, none), reverse=True)
        return tf.transpose(tags)

    def decode(self, scores: tf.Tensor, keep: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The best sequence of tags (Viterbi 1967) and each tag's marginal probability (forward-backward).

        Args:
            scores: `[batch, time, tags]`.
            keep: 0 at each sequence's first step and at blank steps, `[batch, time]`.

        Returns:
            Tags, int32 `[batch, time]`, and their probabilities, `[batch, time]`.
        """
        tags = self.best(scores, keep)
        filtered, _ = self.forward(scores, keep, tf.zeros_like(scores[:, 0]))
        u, ends = tf.transpose(scores, (1, 0, 2)), _ends(tf.transpose(keep)[:, :, None] > 0)
        weights = tf.exp(u - tf.reduce_max(u, 2, keepdims=True))
        across = tf.exp(self.transition - tf.reduce_max(self.transition))

        def smooth(later: tf.Tensor, now: tuple) -> tf.Tensor:
            """How much better the later steps fit a tag here, up to a factor."""
            weight, end = now
            ahead = tf.where(end, tf.ones_like(weight), tf.matmul(later, across, transpose_b=True))
            return weight * ahead / tf.reduce_sum(weight * ahead, 1, keepdims=True)

        # At step t + 1: its own weight times the weights of the steps after it.
        carried = scanned(smooth, (weights, ends), tf.ones_like(u[0]), reverse=True)
        carried = tf.concat([carried[1:], tf.ones_like(carried[:1])], 0)
        ahead = tf.where(ends, 1.0, tf.einsum("tbj,ij->tbi", carried, across))
        marginal = tf.transpose(filtered, (1, 0, 2)) * ahead
        marginal /= tf.reduce_sum(marginal, 2, keepdims=True)
        return tags, tf.transpose(tf.gather(marginal, tf.transpose(tags), batch_dims=2))


def _ends(kept: tf.Tensor) -> tf.Tensor:
    """Where a sequence ends: the next step starts another, or there is no next step; time-major."""
    return tf.concat([~kept[1:], tf.ones_like(kept[:1])], 0)


class CRFAccuracy(keras.metrics.Mean):
    """Share of correct tags, decoded window by window: a sequence longer than a window is decoded in pieces.

    Args:
        head: The head that decodes.
    """

    def __init__(self, head: CRFHead, name: str = "accuracy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.head = head

    def update_state(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor) -> None:
        previous, tag = tf.unstack(tf.cast(y_true, tf.int32), axis=-1)
        keep = tf.cast((previous >= 0) & (sample_weight > 0), y_pred.dtype)  # Blank steps weigh nothing.
        super().update_state(tf.cast(self.head.best(y_pred[..., :-1], keep) == tag, self.dtype), sample_weight)


class CRFLoss(keras.losses.Loss):
    """The negative log-likelihood of a sequence, as one share for each of its steps.

    Args:
        head: The head whose transition scores count.

    Call arguments:
        y_true: The tag before each step, -1 at a sequence's start, and the tag of the step, int32 `[batch, time, 2]`.
        y_pred: The outputs of the head, `[batch, time, tags + 1]`.
    """

    def __init__(self, head: CRFHead, name: str = "crf", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.head = head

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        previous, tag = tf.unstack(tf.cast(y_true, tf.int32), axis=-1)
        scores, normalisers = y_pred[..., :-1], y_pred[..., -1]
        # Row 0 is for a start, row 1 + i for a step after tag i.
        rows = tf.concat([self.head.start[None], self.head.transition], 0)
        reached = tf.gather_nd(rows, tf.stack([previous + 1, tag], -1))
        return normalisers - reached - tf.gather(scores, tag, batch_dims=2)
