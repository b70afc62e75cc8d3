"""Scheduled sampling."""

from __future__ import annotations

import tensorflow as tf

from common.layers.masks import number_of, uniform_of


def scheduled(
    tokens: tf.Tensor,
    guesses: tf.Tensor,
    *,
    keep: tf.Tensor,
    sequence: tf.Tensor,
    place: tf.Tensor,
    share: float,
    seed: int,
) -> tf.Tensor:
    """Scheduled sampling: replaces some tokens by the decoder's own predictions, but never the first of a target.

    Pair and place determine which tokens are replaced, so a step that is computed again reads the same token.

    Args:
        tokens: The tokens that the decoder reads, int32 `[batch, steps]`; the next four have this shape, too.
        guesses: The most likely token after each step.
        keep: 0 where a target starts.
        sequence: Number of the pair.
        place: Place in the pair.
        share: Share of tokens that are replaced.
        seed: Fixes which tokens are replaced.
    """
    before = tf.pad(guesses[:, :-1], [[0, 0], [1, 0]])
    drawn = uniform_of(number_of(sequence, place), seed=seed)
    return tf.where((drawn < share) & (keep > 0), before, tokens)
