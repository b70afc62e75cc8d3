"""The losses of a readout over a large vocabulary: exact ones block by block, and those against a sample of it.

A step of training over 100,000 tokens is mostly products with all their vectors. Against a sample it is not, and the
gradient of the vectors is of the rows that were read.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from common.layers.base import shape_of
from common.layers.masks import uniform_of
from common.layers.products import Product
from common.layers.token_losses import token_losses

MOST_LOGITS = 1 << 24
"""Logits that are in memory at the same time where no gradient needs all of them."""


def losses_in_blocks(
    features: tf.Tensor,
    vectors: tf.Tensor,
    bias: tf.Tensor,
    *,
    reference: tf.Tensor,
    most: int = MOST_LOGITS,
    precision: str | None = None,
) -> tf.Tensor:
    """`token_losses`, some rows at a time.

    Args:
        features: `[rows, width]`.
        vectors: One for each token, `[vocabulary, width]`.
        bias: `[vocabulary]`.
        reference: The token to predict, int32 `[rows]`.
        most: Maximum number of logits in memory, if a row has no more.
        precision: As of `token_losses`.

    Returns:
        As `token_losses`, `[rows, 2]`.
    """

    def of_block(block: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        return token_losses(block[0], vectors, bias, reference=block[1], precision=precision)

    rows, fitting = shape_of(features)[0], max(most // vectors.shape[0], 1)
    if isinstance(rows, int):
        if rows <= fitting:
            return of_block((features, reference))
        blocks = -(-rows // fitting)
    else:
        blocks = tf.maximum(-(-rows // fitting), 1)
    size = -(-rows // blocks)
    more = [0, blocks * size - rows]
    cut = (
        tf.reshape(tf.pad(features, [more, [0, 0]]), (blocks, size, features.shape[1])),
        tf.reshape(tf.pad(reference, [more]), (blocks, size)),
    )
    found = tf.map_fn(of_block, cut, fn_output_signature=features.dtype, parallel_iterations=1)
    return tf.reshape(found, (-1, 2))[:rows]


class Sample(NamedTuple):
    """Tokens drawn from a vocabulary.

    Attributes:
        tokens: int32 `[sample]`.
        log_expected: The logarithm of how often each is expected in a sample, `[sample]`.
    """

    tokens: tf.Tensor
    log_expected: tf.Tensor


def sample_of(position: tf.Tensor, vocabulary: int, size: int, *, seed: int) -> Sample:
    """A sample of a vocabulary whose tokens are numbered from the frequent to the rare ones.

    The probability of a token falls with its number as that of words with their rank (log-uniform). The first tokens,
    of which more than one would be expected, are always in it, once; of the others, each draw is from a part of the
    distribution of its own, so there are few duplicates.

    Args:
        position: A number of the training step, int32.
        vocabulary: Number of tokens.
        size: That of the sample, less than `vocabulary`.
        seed: Makes the samples of different uses independent.
    """
    always = np.arange(size)
    first = int(np.argmax((size - always) * np.log1p(1 / (always + 1)) <= np.log((vocabulary + 1) / (always + 1))))
    drawn, spread = size - first, float(np.log((vocabulary + 1) / (first + 1)))
    number = tf.range(drawn, dtype=tf.int32)
    place = tf.cast(number, "float64") + tf.cast(uniform_of(position, number, seed=seed), "float64")
    drawn_tokens = tf.cast((first + 1) * tf.exp(spread / drawn * place), tf.int32) - 1
    drawn_tokens = tf.clip_by_value(drawn_tokens, first, vocabulary - 1)  # Rounded, it may be the next.
    expected = drawn / spread * tf.math.log1p(1 / tf.cast(drawn_tokens + 1, "float64"))
    return Sample(
        tf.concat([tf.range(first, dtype=tf.int32), drawn_tokens], 0),
        tf.concat([tf.zeros(first), tf.cast(tf.math.log(expected), "float32")], 0),
    )


def sampled_losses(
    features: tf.Tensor,
    vectors: tf.Variable,
    bias: tf.Variable,
    *,
    reference: tf.Tensor,
    sample: Sample,
    precision: str | None = None,
) -> tf.Tensor:
    """Cross-entropy of the softmax over each row's own token and a sample of the others, and accuracy among these.

    The exponential of a drawn token's logit counts as often as it stands for tokens that were not drawn: one divided by
    its expected count. So the sum over all tokens, of which the loss is the logarithm, is right on average (Bengio &
    Senécal 2008, "Adaptive Importance Sampling to Accelerate Training of a Neural Probabilistic Language Model"; Jean
    et al. 2015, "On Using Very Large Target Vocabulary for Neural Machine Translation", section 3).

    Args:
        features: `[rows, width]`.
        vectors: One for each token, `[vocabulary, width]`; its gradient is of the rows that are read.
        bias: `[vocabulary]`, likewise.
        reference: The token to predict, int32 `[rows]`.
        sample: The tokens that all rows share.
        precision: That of the products with the sample, see `Product`.

    Returns:
        The loss of each row, and 1 where its token is more likely than all of the sample, which has no gradient,
        `[rows, 2]`.
    """
    product = Product(precision)
    is_own = sample.tokens == reference[:, None]  # [rows, sample]
    lowest = features.dtype.min

    @tf.custom_gradient
    def losses(x: tf.Tensor, own: tf.Tensor, own_bias: tf.Tensor, others: tf.Tensor, others_bias: tf.Tensor) -> tuple:
        of_own = tf.reduce_sum(x * own, 1) + own_bias
        logits = tf.where(is_own, lowest, product(x, others, transpose_b=True) + others_bias)
        is_best = of_own >= tf.reduce_max(logits, 1)
        logits -= sample.log_expected
        highest = tf.maximum(tf.reduce_max(logits, 1), of_own)
        exponentials = tf.exp(logits - highest[:, None])
        exponential_of_own = tf.exp(of_own - highest)
        sums = tf.reduce_sum(exponentials, 1) + exponential_of_own

        def backward(d_losses: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, ...]:
            scale = (d_losses / sums)[:, None]
            d_own = scale * exponential_of_own[:, None] - d_losses[:, None]  # [rows, 1]
            d_others = product(exponentials, scale * x, transpose_a=True)
            d_others_bias = tf.matmul(exponentials, scale, transpose_a=True)[:, 0]
            return (
                scale * product(exponentials, others) + d_own * own,
                d_own * x,
                d_own[:, 0],
                d_others,
                d_others_bias,
            )

        return (tf.math.log(sums) + highest - of_own, tf.cast(is_best, x.dtype)), backward

    read = [tf.gather(weights, tokens) for tokens in (reference, sample.tokens) for weights in (vectors, bias)]
    return tf.stack(losses(features, *read), 1)
