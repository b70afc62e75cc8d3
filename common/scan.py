"""The segmented recurrence: one loop over time for every cell, with a hand-derived backward pass.

The loop computes, for each step `t` of time-major streams,

    previous[t] = keep[t] * state[t - 1] + inject[t]
    state[t]    = step(projected[t], previous[t])

`keep[t] = 0` ends a sequence inside a window: nothing older reaches step `t`. `inject[t]` starts one from a
given state. The projection of the inputs is one product before the loop and the gradients of all weights are
products after it, so the loops hold only what is recurrent; both run under XLA where asked
(Appleyard, Kocisky & Blunsom 2016, "Optimizing Performance of Recurrent Neural Networks on GPUs", section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

State = tuple[tf.Tensor, ...]


class Step(NamedTuple):
    """One cell's step, forward and backward.

    Attributes:
        forward: `(projected, product, previous, activation) -> (state, saved)`, where `product` is the masked
            previous hidden state times the recurrent kernel plus its bias, `[lanes, gates * units]`, and
            `saved` is one tensor `[lanes, any]` for the backward step.
        backward: `(d_state, previous, saved, derivative) -> (d_projected, d_product, d_previous)`, the
            gradients that do not pass through the recurrent product.
    """

    forward: Callable[..., tuple[State, tf.Tensor]]
    backward: Callable[..., tuple[tf.Tensor, tf.Tensor, State]]


# Each activation with its derivative written in terms of its own output.
ACTIVATIONS: dict[str, tuple[Callable, Callable]] = {
    "tanh": (tf.tanh, lambda y: 1 - y * y),
    "relu": (tf.nn.relu, lambda y: tf.cast(y > 0, y.dtype)),
    "sigmoid": (tf.sigmoid, lambda y: y * (1 - y)),
}


def _simple_rnn_forward(projected, product, previous, activation):
    h = activation(projected + product)
    return (h,), h


def _simple_rnn_backward(d_state, previous, saved, derivative):
    d = d_state[0] * derivative(saved)
    return d, d, (tf.zeros_like(d),)


SIMPLE_RNN = Step(_simple_rnn_forward, _simple_rnn_backward)
"""Elman (1990), as in `keras.layers.SimpleRNNCell`."""


def _lstm_forward(projected, product, previous, activation):
    i, f, g, o = tf.split(projected + product, 4, axis=1)
    i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), activation(g), tf.sigmoid(o)
    c = f * previous[1] + i * g
    a = activation(c)
    return (o * a, c), tf.concat([i, f, g, o, a], 1)


def _lstm_backward(d_state, previous, saved, derivative):
    dh, dc = d_state
    i, f, g, o, a = tf.split(saved, 5, axis=1)
    dc = dc + dh * o * derivative(a)
    d = tf.concat(
        [dc * g * i * (1 - i), dc * previous[1] * f * (1 - f), dc * i * derivative(g), dh * a * o * (1 - o)], 1
    )
    return d, d, (tf.zeros_like(dh), dc * f)


LSTM = Step(_lstm_forward, _lstm_backward)
"""Gers, Schmidhuber & Cummins (2000), gates in Keras order i, f, g, o, as in `keras.layers.LSTMCell`."""


def _gru_forward(projected, product, previous, activation):
    h = previous[0]
    from_input, from_state = tf.split(projected, 3, axis=1), tf.split(product, 3, axis=1)
    z = tf.sigmoid(from_input[0] + from_state[0])
    r = tf.sigmoid(from_input[1] + from_state[1])
    g = activation(from_input[2] + r * from_state[2])
    return (z * h + (1 - z) * g,), tf.concat([z, r, g, from_state[2]], 1)


def _gru_backward(d_state, previous, saved, derivative):
    dh = d_state[0]
    z, r, g, candidate = tf.split(saved, 4, axis=1)
    dg = dh * (1 - z) * derivative(g)
    dz = dh * (previous[0] - g) * z * (1 - z)
    dr = dg * candidate * r * (1 - r)
    return tf.concat([dz, dr, dg], 1), tf.concat([dz, dr, dg * r], 1), (dh * z,)


GRU = Step(_gru_forward, _gru_backward)
"""Cho et al. (2014) with the reset gate after the product (`reset_after=True`), as in `keras.layers.GRUCell`."""


def scan(
    step: Step,
    projected: tf.Tensor,
    recurrent: tf.Tensor,
    recurrent_bias: tf.Tensor | None,
    keep: tf.Tensor,
    initial: State,
    inject: State | None = None,
    mask: tf.Tensor | None = None,
    activation: str = "tanh",
    jit_compile: bool = True,
) -> tuple[tf.Tensor, State]:
    """Runs one cell over a window of time-major streams.

    Args:
        step: The cell.
        projected: Inputs times the input kernel plus bias, `[time, lanes, gates * units]`.
        recurrent: Recurrent kernel, `[units, gates * units]`.
        recurrent_bias: Bias of the recurrent product, `[gates * units]`, or None.
        keep: 1 where the state is carried into a step, 0 where a sequence starts, `[time, lanes]`. No gradient.
        initial: The state before the window, each `[lanes, units]`; hidden state first.
        inject: Added to the kept state before each step, each `[time, lanes, units]`, or None.
        mask: Multiplies the hidden state ahead of the recurrent product, `[time, lanes, units]`, or None. No gradient.
        activation: A name in `ACTIVATIONS`.
        jit_compile: Whether the two loops run under XLA.

    Returns:
        The hidden states, `[time, lanes, units]`, and the state after the last step.
    """
    activate, derivative = ACTIVATIONS[activation]
    states = len(initial)
    if recurrent_bias is None:
        recurrent_bias = tf.zeros(recurrent.shape[-1:], recurrent.dtype)
    keep = keep[:, :, None]

    def previous_at(t: tf.Tensor, state: State, keep: tf.Tensor, inject: Sequence[tf.Tensor]) -> State:
        kept = tuple(tf.math.multiply_no_nan(s, keep[t]) for s in state)  # A start cuts off even NaN.
        return tuple(k + i[t] for k, i in zip(kept, inject)) if inject else kept

    def masked(t: tf.Tensor, h: tf.Tensor, mask: Sequence[tf.Tensor]) -> tf.Tensor:
        return h * mask[0][t] if mask else h

    @tf.function(jit_compile=jit_compile, autograph=False)
    def forward_loop(projected, recurrent, bias, keep, initial, inject, mask):
        time = tf.shape(projected)[0]

        def body(t, state, outputs, saves):
            previous = previous_at(t, state, keep, inject)
            product = tf.matmul(masked(t, previous[0], mask), recurrent) + bias
            state, saved = step.forward(projected[t], product, previous, activate)
            return t + 1, state, tuple(o.write(t, s) for o, s in zip(outputs, state)), saves.write(t, saved)

        arrays = tuple(tf.TensorArray(projected.dtype, time, element_shape=s.shape) for s in initial)
        saves = tf.TensorArray(projected.dtype, time)
        _, state, arrays, saves = tf.while_loop(
            lambda t, *_: t < time, body, (0, initial, arrays, saves), parallel_iterations=1, maximum_iterations=time
        )
        return tuple(a.stack() for a in arrays), saves.stack(), state

    @tf.function(jit_compile=jit_compile, autograph=False)
    def backward_loop(d_outputs, d_final, recurrent, keep, outputs, initial, inject, saved, mask):
        time = tf.shape(d_outputs)[0]
        transposed = tf.transpose(recurrent)
        before = tuple(tf.concat([i[None], o[:-1]], 0) for i, o in zip(initial, outputs))
        previous = tuple(tf.math.multiply_no_nan(b, keep) for b in before)
        if inject:
            previous = tuple(p + i for p, i in zip(previous, inject))

        def body(t, d_state, projections, products, injections):
            d_state = (d_state[0] + d_outputs[t], *d_state[1:])
            d_projected, d_product, d_previous = step.backward(
                d_state, tuple(p[t] for p in previous), saved[t], derivative
            )
            through = masked(t, tf.matmul(d_product, transposed), mask)
            d_previous = (d_previous[0] + through, *d_previous[1:])
            return (
                t - 1,
                tuple(keep[t] * d for d in d_previous),
                projections.write(t, d_projected),
                products.write(t, d_product),
                tuple(i.write(t, d) for i, d in zip(injections, d_previous)),
            )

        def empty():
            return tf.TensorArray(d_outputs.dtype, time)

        _, d_initial, projections, products, injections = tf.while_loop(
            lambda t, *_: t >= 0,
            body,
            (time - 1, d_final, empty(), empty(), tuple(empty() for _ in inject)),
            parallel_iterations=1,
            maximum_iterations=time,
        )
        d_projected, d_product = projections.stack(), products.stack()
        h = previous[0] * mask[0] if mask else previous[0]
        width = d_product.shape[-1]
        d_recurrent = tf.matmul(tf.reshape(h, (-1, h.shape[-1])), tf.reshape(d_product, (-1, width)), transpose_a=True)
        d_bias = tf.reduce_sum(d_product, (0, 1))
        return d_projected, d_recurrent, d_bias, d_initial, tuple(i.stack() for i in injections)

    masks = () if mask is None else (mask,)

    @tf.custom_gradient
    def run(projected, recurrent, bias, *states_and_injections):
        initial = states_and_injections[:states]
        inject = states_and_injections[states:]
        outputs, saved, final = forward_loop(projected, recurrent, bias, keep, initial, inject, masks)

        def backward(d_hidden, *d_final):
            d_projected, d_recurrent, d_bias, d_initial, d_inject = backward_loop(
                d_hidden, d_final, recurrent, keep, outputs, initial, inject, saved, masks
            )
            return (d_projected, d_recurrent, d_bias, *d_initial, *d_inject)

        return (outputs[0], *final), backward

    hidden, *final = run(projected, recurrent, recurrent_bias, *initial, *(inject or ()))
    return hidden, tuple(final)
