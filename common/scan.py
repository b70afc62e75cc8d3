"""The segmented recurrence: one loop over time for every cell, with a hand-derived backward pass.

The loop computes, for each step `t` of a window of packed streams,

    previous[t] = keep[t] * state[t - 1] + inject[t]
    state[t]    = step(inputs[t] @ kernel + bias, previous[t][0] @ recurrent, previous[t])

`keep[t] = 0` ends a sequence inside a window: nothing older reaches step `t`. `inject[t]` starts one from a
given state. The projection of the inputs is one product before the loop and the gradients of all weights are
products after it, so the loops hold only what is recurrent (Appleyard, Kocisky & Blunsom 2016, "Optimizing
Performance of Recurrent Neural Networks on GPUs", section 3). Each loop is one XLA computation where asked, and
the lanes are cut into blocks whose loops run beside each other, so that one computes while another hands its
work from core to core.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import joblib
import tensorflow as tf

State = tuple[tf.Tensor, ...]

LANES_OF_A_BLOCK = 8
"""The fewest lanes that are worth a core of their own."""


class Activation(NamedTuple):
    """An elementwise function and its derivative, written in terms of the function's own output."""

    function: Callable[[tf.Tensor], tf.Tensor]
    derivative: Callable[[tf.Tensor], tf.Tensor]


ACTIVATIONS = {
    "tanh": Activation(tf.tanh, lambda y: 1 - y * y),
    "relu": Activation(tf.nn.relu, lambda y: tf.cast(y > 0, y.dtype)),
    "sigmoid": Activation(tf.sigmoid, lambda y: y * (1 - y)),
}


def _no_more(d_projected: tf.Tensor, previous: State, state: State) -> tuple[tf.Tensor, ...]:
    return ()


class Step(NamedTuple):
    """One cell's step, forward and backward.

    Attributes:
        forward: `(projected, product, previous, activation, more) -> (state, saved)`. `projected` is the inputs
            times the kernel plus bias and `product` the masked previous hidden state times the recurrent kernel
            plus its own bias, both `[lanes, gates * units]`; `more` are the weights beside those, and `saved`
            what the step backward wants beside the states, a tuple of `[lanes, any]`; apart from each other what it
            reads apart, for XLA does not vectorise a loop that slices one saved tensor at several places.
        backward: `(d_state, previous, state, saved, activation, more) -> (d_projected, d_product, d_previous)`,
            the gradients that do not pass through the recurrent product.
        saves: How many tensors the step forward saves.
        more_gradients: `(d_projected, previous, state) -> gradients of more`, from all steps at once,
            `[time, lanes, any]`.
    """

    forward: Callable[..., tuple[State, tuple[tf.Tensor, ...]]]
    backward: Callable[..., tuple[tf.Tensor, tf.Tensor, State]]
    saves: int = 0
    more_gradients: Callable[..., tuple[tf.Tensor, ...]] = _no_more


class Weights(NamedTuple):
    """A cell's weights.

    Attributes:
        kernel: Of the inputs, `[features, gates * units]`.
        recurrent: Of the previous hidden state, `[units, gates * units]`.
        bias: `[gates * units]`.
        recurrent_bias: Of the recurrent product, one `[gates * units]`, where the step keeps that product apart.
        more: What the step reads beside these.
    """

    kernel: tf.Tensor
    recurrent: tf.Tensor
    bias: tf.Tensor
    recurrent_bias: tuple[tf.Tensor, ...] = ()
    more: tuple[tf.Tensor, ...] = ()


def _simple_rnn_forward(projected, product, previous, activation, more):
    return (activation.function(projected + product),), ()


def _simple_rnn_backward(d_state, previous, state, saved, activation, more):
    d = d_state[0] * activation.derivative(state[0])
    return d, d, (tf.zeros_like(d),)


SIMPLE_RNN = Step(_simple_rnn_forward, _simple_rnn_backward)
"""Elman (1990), as in `keras.layers.SimpleRNNCell`."""


def _gates(x: tf.Tensor, activation: Activation) -> list[tf.Tensor]:
    """The sigmoid gates and the activated candidate, i, f, g, o, from their sums side by side, `[lanes, 4 * units]`."""
    if activation is not ACTIVATIONS["tanh"] or x.dtype not in (tf.float32, tf.float64):
        i, f, g, o = tf.split(x, 4, axis=1)
        return [tf.sigmoid(i), tf.sigmoid(f), activation.function(g), tf.sigmoid(o)]
    # sigmoid(x) = tanh(x / 2) / 2 + 1 / 2, so that all four are a single pass; in half precision a small one is lost.
    scale = tf.repeat(tf.constant([0.5, 0.5, 1, 0.5], x.dtype), x.shape[1] // 4)
    return tf.split(tf.tanh(x * scale) * scale + (1 - scale), 4, axis=1)


def _lstm_forward(projected, product, previous, activation, more):
    i, f, g, o = _gates(projected + product, activation)
    c = f * previous[1] + i * g
    return (o * activation.function(c), c), (i, f, g, o)


def _lstm_backward(d_state, previous, state, saved, activation, more):
    dh, dc = d_state
    i, f, g, o = saved
    a = activation.function(state[1])
    dc = dc + dh * o * activation.derivative(a)
    d = tf.concat(
        [dc * g * i * (1 - i), dc * previous[1] * f * (1 - f), dc * i * activation.derivative(g), dh * a * o * (1 - o)],
        axis=1,
    )
    return d, d, (tf.zeros_like(dh), dc * f)


LSTM = Step(_lstm_forward, _lstm_backward, saves=4)
"""Gers, Schmidhuber & Cummins (2000), gates in Keras order i, f, g, o, as in `keras.layers.LSTMCell`."""


def _peephole_lstm_forward(projected, product, previous, activation, more):
    (peepholes,) = more  # [3, units]
    i, f, g, o = tf.split(projected + product, 4, axis=1)
    i = tf.sigmoid(i + peepholes[0] * previous[1])
    f = tf.sigmoid(f + peepholes[1] * previous[1])
    g = activation.function(g)
    c = f * previous[1] + i * g
    o = tf.sigmoid(o + peepholes[2] * c)
    return (o * activation.function(c), c), (i, f, g, o)


def _peephole_lstm_backward(d_state, previous, state, saved, activation, more):
    (peepholes,) = more
    dh, dc = d_state
    i, f, g, o = saved
    a = activation.function(state[1])
    d_o = dh * a * o * (1 - o)
    dc = dc + dh * o * activation.derivative(a) + d_o * peepholes[2]
    d_i, d_f = dc * g * i * (1 - i), dc * previous[1] * f * (1 - f)
    d = tf.concat([d_i, d_f, dc * i * activation.derivative(g), d_o], 1)
    return d, d, (tf.zeros_like(dh), dc * f + d_i * peepholes[0] + d_f * peepholes[1])


def _peephole_gradients(d_projected, previous, state):
    d_i, d_f, _, d_o = tf.split(d_projected, 4, axis=2)
    seen = (d_i * previous[1], d_f * previous[1], d_o * state[1])
    return (tf.stack([tf.reduce_sum(d, (0, 1)) for d in seen]),)


PEEPHOLE_LSTM = Step(_peephole_lstm_forward, _peephole_lstm_backward, 4, _peephole_gradients)
"""Gers & Schmidhuber (2000), "Recurrent Nets that Time and Count": input and forget gate see the old cell state,
the output gate the new one, each unit its own."""


def _gru_forward(projected, product, previous, activation, more):
    units = previous[0].shape[1]
    gates = tf.sigmoid(projected[:, : 2 * units] + product[:, : 2 * units])
    z, r = tf.split(gates, 2, axis=1)
    candidate = product[:, 2 * units :]
    g = activation.function(projected[:, 2 * units :] + r * candidate)
    return (g + z * (previous[0] - g),), (z, r, g, candidate)


def _gru_backward(d_state, previous, state, saved, activation, more):
    dh = d_state[0]
    z, r, g, candidate = saved
    dg = dh * (1 - z) * activation.derivative(g)
    dz = dh * (previous[0] - g) * z * (1 - z)
    dr = dg * candidate * r * (1 - r)
    return tf.concat([dz, dr, dg], 1), tf.concat([dz, dr, dg * r], 1), (dh * z,)


GRU = Step(_gru_forward, _gru_backward, saves=4)
"""Cho et al. (2014) with the reset gate after the product (`reset_after=True`), as in `keras.layers.GRUCell`."""


def time_major(x: tf.Tensor) -> tf.Tensor:
    """Swaps the first two axes: `[lanes, time, units]` and `[time, lanes, units]`."""
    return tf.transpose(x, (1, 0, 2))


def scan(
    step: Step,
    inputs: tf.Tensor,
    weights: Weights,
    keep: tf.Tensor,
    initial: State,
    inject: State = (),
    mask: tf.Tensor | None = None,
    activation: str = "tanh",
    jit_compile: bool = True,
    blocks: int | None = None,
    beside: int = 1,
) -> tuple[tf.Tensor, State]:
    """Runs one cell over a window of streams.

    Args:
        step: The cell.
        inputs: `[lanes, time, features]`.
        weights: The cell's weights.
        keep: 1 where the state is carried into a step, 0 where a sequence starts, `[lanes, time]`. No gradient.
        initial: The state before the window, each `[lanes, units]`; hidden state first.
        inject: Added to the kept state before each step, each `[lanes, time, units]`, or empty.
        mask: Multiplies the hidden state ahead of the recurrent product, `[lanes, time, units]`, or None. No gradient.
        activation: A name in `ACTIVATIONS`.
        jit_compile: Whether the passes run under XLA, compiled for each length; lanes must be known then.
        blocks: How many blocks the lanes are cut into; None is one a core, as far as there are lanes.
        beside: Scans that run beside each other and share the cores, this one counted.

    Returns:
        The hidden states, `[lanes, time, units]`, and the state after the last step.
    """
    sizes = tuple(tuple(weight.shape) for weight in tf.nest.flatten(weights))
    run = _recurrence(step, ACTIVATIONS[activation], jit_compile, sizes)
    operands = (inputs, keep, initial, inject, () if mask is None else (mask,))
    lanes = inputs.shape[0]
    if blocks is None:
        blocks = blocks_of(lanes, beside) if jit_compile else 1
    if blocks == 1:
        return run(weights, *operands)
    shares = [lanes // blocks + (n < lanes % blocks) for n in range(blocks)]
    parts = zip(*(tf.split(operand, shares, 0) for operand in tf.nest.flatten(operands)))
    outputs = [run(weights, *tf.nest.pack_sequence_as(operands, part)) for part in parts]
    return tf.nest.map_structure(lambda *blocks: tf.concat(blocks, 0), *outputs)


def blocks_of(lanes: int, beside: int = 1) -> int:
    """How many blocks of lanes run beside each other on this machine, for each of so many scans."""
    if tf.config.list_physical_devices("GPU"):
        return 1
    return max(1, min(joblib.cpu_count() // beside, lanes // LANES_OF_A_BLOCK))


@functools.cache  # What was traced for some shapes serves every later call with them.
def _recurrence(
    step: Step, activation: Activation, jit_compile: bool, sizes: tuple[tuple[int, ...], ...]
) -> Callable[..., tuple[tf.Tensor, State]]:
    """The scan of one block of lanes, `(weights, inputs, keep, initial, inject, mask) -> (outputs, final state)`.

    One for weights of these sizes, so that only lanes and steps can vary in what is traced.

    The loops are XLA computations. The products of all steps at once stay outside, where TensorFlow's own are faster.
    """

    def compiled(python_function: Callable) -> Callable:
        # XLA compiles for each shape; otherwise shapes that vary share what was traced.
        return tf.function(python_function, jit_compile=jit_compile, autograph=False, reduce_retracing=not jit_compile)

    def masked(h: tf.Tensor, mask: tuple[tf.Tensor, ...]) -> tf.Tensor:
        return h * mask[0] if mask else h

    @compiled
    def forward_loop(projected, weights, keep, initial, inject, mask):
        time = tf.shape(projected)[0]

        def body(t, state, states, saves):
            previous = _previous(state, keep[t], _at(t, inject))
            product = tf.matmul(masked(previous[0], _at(t, mask)), weights.recurrent)
            for bias in weights.recurrent_bias:
                product += bias
            state, saved = step.forward(projected[t] + weights.bias, product, previous, activation, weights.more)
            return t + 1, state, _write(states, t, state), _write(saves, t, saved)

        states = tuple(tf.TensorArray(projected.dtype, time, element_shape=s.shape) for s in initial)
        saves = tuple(tf.TensorArray(projected.dtype, time) for _ in range(step.saves))
        _, final, states, saves = tf.while_loop(
            lambda t, *_: t < time, body, (0, initial, states, saves), parallel_iterations=1, maximum_iterations=time
        )
        return final, _stack(states), _stack(saves)

    @compiled
    def backward_loop(d_outputs, d_final, weights, transposed, keep, initial, inject, mask, states, saves):
        time = tf.shape(d_outputs)[0]
        before = tuple(tf.concat([first[None], later[:-1]], 0) for first, later in zip(initial, states))
        previous = _previous(before, keep, inject)

        def body(t, d_state, projections, products, injections):
            d_state = (d_state[0] + d_outputs[t], *d_state[1:])
            d_projected, d_product, d_previous = step.backward(
                d_state, _at(t, previous), _at(t, states), _at(t, saves), activation, weights.more
            )
            through = masked(tf.matmul(d_product, transposed), _at(t, mask))
            d_previous = (d_previous[0] + through, *d_previous[1:])
            return (
                t - 1,
                tuple(tf.math.multiply_no_nan(d, keep[t]) for d in d_previous),
                projections.write(t, d_projected),
                _write(products, t, (d_product,) if products else ()),
                _write(injections, t, d_previous if injections else ()),
            )

        def empty(number: int) -> tuple[tf.TensorArray, ...]:
            return tuple(tf.TensorArray(d_outputs.dtype, time) for _ in range(number))

        # Where the recurrent product is only ever added to the projection, the two gradients are one.
        apart = len(weights.recurrent_bias)
        _, d_initial, projections, products, injections = tf.while_loop(
            lambda t, *_: t >= 0,
            body,
            (time - 1, d_final, *empty(1), empty(apart), empty(len(inject))),
            parallel_iterations=1,
            maximum_iterations=time,
        )
        d_projected, d_product, d_inject = projections.stack(), _stack(products), _stack(injections)
        return (
            d_projected,
            d_product,
            masked(previous[0], mask),
            tf.reduce_sum(d_projected, (0, 1)),
            tuple(tf.reduce_sum(d, (0, 1)) for d in d_product),
            step.more_gradients(d_projected, previous, states),
            d_initial,
            d_inject,
        )

    def run(weights, inputs, keep, initial, inject, mask):
        def differentiable(*flat):
            weights, x, initial, inject = tf.nest.pack_sequence_as(structure, flat)
            projected = tf.tensordot(x, weights.kernel, 1)  # [time, lanes, gates * units]
            final, states, saves = forward_loop(projected, weights, keep, initial, inject, mask)

            def gradient(d_outputs, *d_final):
                seen = (weights, tf.transpose(weights.recurrent), keep, initial, inject, mask, states, saves)
                d_projected, d_product, h, d_bias, d_recurrent_bias, d_more, d_initial, d_inject = backward_loop(
                    d_outputs, d_final, *seen
                )
                d_weights = Weights(
                    _transposed_product(x, d_projected),
                    _transposed_product(h, *(d_product or (d_projected,))),
                    d_bias,
                    d_recurrent_bias,
                    d_more,
                )
                d_x = tf.tensordot(d_projected, tf.transpose(weights.kernel), 1)
                return tf.nest.flatten((d_weights, d_x, d_initial, d_inject))

            return (states[0], *final), gradient

        inputs, inject, mask = tf.nest.map_structure(time_major, (inputs, inject, mask))
        keep = tf.transpose(keep)[:, :, None]
        structure = (weights, inputs, initial, inject)
        outputs, *final = tf.custom_gradient(differentiable)(*tf.nest.flatten(structure))
        return time_major(outputs), tuple(final)

    return run


def _previous(state: State, keep: tf.Tensor, inject: State) -> State:
    kept = tuple(tf.math.multiply_no_nan(s, keep) for s in state)  # A start cuts off even NaN.
    return tuple(k + i for k, i in zip(kept, inject)) if inject else kept


def _transposed_product(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Sum over time and lanes of the outer products; `[time, lanes, m]`, `[time, lanes, n]` to `[m, n]`."""
    return tf.matmul(tf.reshape(a, (-1, a.shape[-1])), tf.reshape(b, (-1, b.shape[-1])), transpose_a=True)


def _at(t: tf.Tensor, values: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
    return tuple(value[t] for value in values)


def _write(arrays: tuple[tf.TensorArray, ...], t: tf.Tensor, values: tuple[tf.Tensor, ...]) -> tuple:
    return tuple(array.write(t, value) for array, value in zip(arrays, values, strict=True))


def _stack(arrays: tuple[tf.TensorArray, ...]) -> tuple[tf.Tensor, ...]:
    return tuple(array.stack() for array in arrays)
