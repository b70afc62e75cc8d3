"""The losses of a readout over a vocabulary: product, softmax and cross-entropy in one."""

from __future__ import annotations

import tensorflow as tf

from common.layers.products import Product


def token_losses(
    features: tf.Tensor,
    vectors: tf.Tensor,
    bias: tf.Tensor,
    *,
    reference: tf.Tensor,
    smoothing: float = 0.0,
    precision: str | None = None,
) -> tf.Tensor:
    """Cross-entropy with label smoothing, and accuracy (Szegedy et al. 2016, "Rethinking the Inception Architecture for
    Computer Vision", section 7).

    The logits are `features . vectors + bias`. One tensor of their size is kept for the gradient, which is two products
    with it: the terms of the reference and of the smoothing are added to the results of these products.

    Args:
        features: `[rows, width]`.
        vectors: One for each token, `[vocabulary, width]`.
        bias: `[vocabulary]`.
        reference: The token to predict, int32 `[rows]`.
        smoothing: Share of the token's probability that is spread over all tokens.
        precision: That of the three products, see `Product`.

    Returns:
        The loss of each row, and 1 where its token is the most likely one, which has no gradient, `[rows, 2]`.
    """
    own, product = 1 - smoothing, Product(precision)

    @tf.custom_gradient
    def losses(features: tf.Tensor, vectors: tf.Tensor, bias: tf.Tensor) -> tuple:
        logits = product(features, vectors, transpose_b=True) + bias  # [rows, vocabulary]
        highest = tf.reduce_max(logits, 1)
        exponentials = tf.exp(logits - highest[:, None])
        sums = tf.reduce_sum(exponentials, 1)
        of_reference = tf.gather(logits, reference, batch_dims=1)
        mean_vector = tf.reduce_mean(vectors, 0)
        mean = tf.linalg.matvec(features, mean_vector) + tf.reduce_mean(bias)  # Of a row's logits.
        found = tf.math.log(sums) + highest - own * of_reference - smoothing * mean

        def backward(d_losses: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            scale = d_losses / sums  # [rows]
            spread = smoothing / bias.shape[0] * d_losses
            d_features = scale[:, None] * product(exponentials, vectors)
            d_features -= d_losses[:, None] * (own * tf.gather(vectors, reference) + smoothing * mean_vector)
            d_vectors = product(exponentials, scale[:, None] * features, transpose_a=True)
            d_vectors -= tf.reduce_sum(spread[:, None] * features, 0)
            d_bias = tf.linalg.matvec(exponentials, scale, transpose_a=True) - tf.reduce_sum(spread)
            at, less = reference[:, None], -own * d_losses
            d_vectors = tf.tensor_scatter_nd_add(d_vectors, at, less[:, None] * features)
            return d_features, d_vectors, tf.tensor_scatter_nd_add(d_bias, at, less)

        best = of_reference >= highest
        if precision is not None:  # Of rounded logits several may be the highest.
            best &= tf.argmax(logits, 1, tf.int32) == tf.cast(reference, tf.int32)
        return (found, tf.cast(best, found.dtype)), backward

    return tf.stack(losses(features, vectors, bias), 1)
