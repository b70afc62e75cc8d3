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

import joblib
import tensorflow as tf

from common.cells.cell import ACTIVATIONS, Activation, State, Step, Weights

LANES_OF_A_BLOCK = 8
"""The fewest lanes that are worth a core of their own."""


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
