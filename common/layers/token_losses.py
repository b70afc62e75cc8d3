"""The losses of a readout over a vocabulary: product, softmax and cross-entropy in one."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def exact(x: tf.Tensor) -> tf.Tensor:
    """In float32, if it has half precision."""
    return tf.cast(x, tf.float32) if x.dtype.size < tf.float32.size else x


def product_in(dtype: tf.DType) -> Callable:
    """`tf.matmul` that computes in a type, which may have half precision, with an `exact` result."""

    def product(a: tf.Tensor, b: tf.Tensor, **how: bool) -> tf.Tensor:
        return exact(tf.matmul(tf.cast(a, dtype), tf.cast(b, dtype), **how))

    return product


def token_losses(
    features: tf.Tensor, vectors: tf.Tensor, bias: tf.Tensor, *, reference: tf.Tensor, smoothing: float = 0.0
) -> tf.Tensor:
    """Cross-entropy with label smoothing, and accuracy (Szegedy et al. 2016, "Rethinking the Inception Architecture for
    Computer Vision", section 7).

    The logits are `features . vectors + bias`. Only products have the type of the features, which may have half
    precision. One tensor of their size is kept for the gradient, which is two products
    with it: the terms of the reference and of the smoothing are added to the results of these products.

    Args:
        features: `[rows, width]`.
        vectors: One for each token, `[vocabulary, width]`.
        bias: `[vocabulary]`.
        reference: The token to predict, int32 `[rows]`.
        smoothing: Share of the token's probability that is spread over all tokens.

    Returns:
        The loss of each row, and 1 where its token is the most likely one, which has no gradient, `[rows, 2]`.
    """
    own, product = 1 - smoothing, product_in(features.dtype)

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

        return (found, tf.cast(of_reference >= highest, found.dtype)), backward

    return tf.stack(losses(exact(features), exact(vectors), exact(bias)), 1)
