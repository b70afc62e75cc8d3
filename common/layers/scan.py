"""The segmented recurrence: one loop over time for every cell, with a hand-derived backward pass.

The loop computes, for each step `t` of a window of packed streams,

    previous[t] = keep[t] * state[t - 1] + inject[t]
    state[t]    = step(inputs[t] @ kernel + bias, previous[t][0] @ recurrent, previous[t])

`keep[t] = 0` starts a sequence inside a window: nothing older reaches step `t`. `inject[t]` starts it from a given
state. The projection of the inputs is one product before the loop, and the gradients of all weights are products after
it. So the loops hold only what is recurrent (Appleyard, Kocisky & Blunsom 2016, "Optimizing Performance of Recurrent
Neural Networks on GPUs", section 3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from common.cells.cell import ACTIVATIONS, Activation, State, Step, Weights
from common.layers.base import shape_of
from common.layers.products import Product


def scanned(function: Callable, elements: Any, initial: Any, *, reverse: bool = False) -> Any:
    """`tf.scan`, without its loop where there is one step."""
    if tf.nest.flatten(elements)[0].shape[0] == 1:
        found = function(initial, tf.nest.map_structure(lambda x: x[0], elements))
        return tf.nest.map_structure(lambda x: x[None], found)
    return tf.scan(function, elements, initial, reverse=reverse, parallel_iterations=1)


def time_major(x: tf.Tensor) -> tf.Tensor:
    """Swaps the first two axes: `[lanes, time, units]` and `[time, lanes, units]`."""
    return tf.transpose(x, (1, 0, 2))


class _Window(NamedTuple):
    """What a scan reads in addition to inputs and weights.

    Attributes:
        keep: `[time, lanes, 1]`.
        initial: Each `[lanes, units]`.
        inject: Each `[time, lanes, units]`, or empty.
        mask: One `[time, lanes, units]`, or empty.
    """

    keep: tf.Tensor
    initial: State
    inject: State
    mask: tuple[tf.Tensor, ...]


def scan(
    step: Step,
    inputs: tf.Tensor,
    weights: Weights,
    *,
    keep: tf.Tensor,
    initial: State,
    inject: State = (),
    mask: tf.Tensor | None = None,
    activation: str = "tanh",
    precision: str | None = None,
) -> tuple[tf.Tensor, State]:
    """Runs one cell over a window of streams.

    Args:
        step: The step of the cell.
        inputs: `[lanes, time, features]`.
        weights: The cell's weights.
        keep: 1 where the state is carried into a step, 0 where a sequence starts, `[lanes, time]`. No gradient.
        initial: The state before the window, the hidden state first, `[lanes, units]` each.
        inject: Added to the kept state before each step, `[lanes, time, units]` each, or empty.
        mask: Multiplies the hidden state before the recurrent product, `[lanes, time, units]`, or None. No gradient.
        activation: A name in `ACTIVATIONS`.
        precision: That of the products with the weights, and of those of the gradients, see `Product`; None is that
            of the inputs.

    Returns:
        The hidden states, `[lanes, time, units]`, and the state after the last step.
    """
    inputs, inject, mask = tf.nest.map_structure(time_major, (inputs, inject, () if mask is None else (mask,)))
    window = _Window(tf.transpose(keep)[:, :, None], initial, inject, mask)
    product = Product(precision)
    loops = (make(step, ACTIVATIONS[activation], product) for make in (_forward_loop, _backward_loop))
    outputs, *final = _differentiable(*loops, product, weights=weights, inputs=inputs, window=window)
    return time_major(outputs), tuple(final)


def watched(
    step: Step, inputs: tf.Tensor, weights: Weights, *, keep: tf.Tensor, initial: State, activation: str = "tanh"
) -> tuple[State, State]:
    """Runs one cell over a window of streams, and shows what is inside; arguments as of `scan`. No gradient.

    Returns:
        All states, and all that the step forward saves, after each step, `[lanes, time, any]` each.
    """
    window = _Window(tf.transpose(keep)[:, :, None], initial, (), ())
    projected = _each(Product(), time_major(inputs), weights.kernel)
    _, states, saves = _forward_loop(step, ACTIVATIONS[activation], Product())(projected, weights, window)
    return tf.nest.map_structure(time_major, (states, saves))


def _forward_loop(step: Step, activation: Activation, multiplied: Product) -> Callable:
    """`(projected, weights, window) -> (final state, states, saved)`; `states` and `saved` hold all steps."""

    def loop(projected: tf.Tensor, weights: Weights, window: _Window) -> tuple[State, State, State]:
        keep, initial, inject, mask = window
        time, recurrent = tf.shape(projected)[0], multiplied.rounded(weights.recurrent)

        def stepped(t: tf.Tensor | int, state: State) -> tuple[State, State]:
            previous = _previous(state, keep[t], _at(t, inject))
            product = multiplied(_masked(previous[0], _at(t, mask)), recurrent)
            for bias in weights.recurrent_bias:
                product += bias
            of_weights = {"activation": activation, "more": weights.more}
            return step.forward(projected[t] + weights.bias, product, previous, **of_weights)

        def body(t: tf.Tensor, carried: tuple) -> tuple:
            state, states, saves = carried
            state, saved = stepped(t, state)
            return t + 1, (state, _write(states, t, state), _write(saves, t, saved))

        if projected.shape[0] == 1:  # A stream is read step by step, and a loop takes longer than its step.
            final, saved = stepped(0, initial)
            return final, *tf.nest.map_structure(lambda x: x[None], (final, saved))
        states = tuple(tf.TensorArray(projected.dtype, time, element_shape=s.shape) for s in initial)
        saves = _arrays(step.saves, projected.dtype, time)
        _, (final, states, saves) = tf.while_loop(
            lambda t, _: t < time, body, (0, (initial, states, saves)), parallel_iterations=1, maximum_iterations=time
        )
        return final, _stack(states), _stack(saves)

    return loop


def _backward_loop(step: Step, activation: Activation, multiplied: Product) -> Callable:
    """From the gradients of hidden states and final state to all other gradients; see the call for their order."""

    def loop(
        d_outputs: tf.Tensor,
        d_final: State,
        weights: Weights,
        *,
        transposed: tf.Tensor,
        window: _Window,
        states: State,
        saves: State,
    ) -> tuple:
        keep, initial, inject, mask = window
        time = tf.shape(d_outputs)[0]
        before = tuple(tf.concat([first[None], later[:-1]], 0) for first, later in zip(initial, states))
        previous = _previous(before, keep, inject)

        def body(t: tf.Tensor, carried: tuple) -> tuple:
            d_state, projections, products, injections = carried
            d_state = (d_state[0] + d_outputs[t], *d_state[1:])
            seen = {"saved": _at(t, saves), "activation": activation, "more": weights.more}
            d_projected, d_product, d_previous = step.backward(d_state, _at(t, previous), _at(t, states), **seen)
            through = _masked(multiplied(d_product, transposed), _at(t, mask))
            d_previous = (d_previous[0] + through, *d_previous[1:])
            projections = _write(projections, t, (d_projected,))
            products = _write(products, t, (d_product,) if products else ())
            injections = _write(injections, t, d_previous if injections else ())
            d_state = tuple(tf.math.multiply_no_nan(d, keep[t]) for d in d_previous)
            return t - 1, (d_state, projections, products, injections)

        # Where the recurrent product is only ever added to the projection, the two gradients are the same.
        numbers = (1, len(weights.recurrent_bias), len(inject))
        arrays = (_arrays(number, d_outputs.dtype, time) for number in numbers)
        start = (time - 1, (d_final, *arrays))
        _, (d_initial, *arrays) = tf.while_loop(
            lambda t, _: t >= 0, body, start, parallel_iterations=1, maximum_iterations=time
        )
        (d_projected,), d_product, d_inject = map(_stack, arrays)
        return (
            d_projected,
            d_product,
            _masked(previous[0], mask),
            tf.reduce_sum(d_projected, (0, 1)),
            tuple(tf.reduce_sum(d, (0, 1)) for d in d_product),
            step.more_gradients(d_projected, previous, states, saved=saves),
            d_initial,
            d_inject,
        )

    return loop


def _differentiable(
    forward_loop: Callable,
    backward_loop: Callable,
    multiplied: Product,
    *,
    weights: Weights,
    inputs: tf.Tensor,
    window: _Window,
) -> tuple[tf.Tensor, ...]:
    """The hidden states and the final state, with the backward loop as their gradient; all time-major."""
    structure = (weights, inputs, window.initial, window.inject)

    def differentiable(*flat: tf.Tensor) -> tuple:
        weights, x, initial, inject = tf.nest.pack_sequence_as(structure, flat)
        given = window._replace(initial=initial, inject=inject)
        projected = _each(multiplied, x, weights.kernel)  # [time, lanes, gates * units]
        final, states, saves = forward_loop(projected, weights, given)

        def gradient(d_outputs: tf.Tensor, *d_final: tf.Tensor) -> list[tf.Tensor]:
            seen = {
                "transposed": tf.transpose(multiplied.rounded(weights.recurrent)),
                "window": given,
                "states": states,
                "saves": saves,
            }
            d_projected, d_product, h, d_bias, d_recurrent_bias, d_more, d_initial, d_inject = backward_loop(
                d_outputs, d_final, weights, **seen
            )
            d_weights = Weights(
                _transposed_product(multiplied, x, d_projected),
                _transposed_product(multiplied, h, *(d_product or (d_projected,))),
                d_bias,
                d_recurrent_bias,
                d_more,
            )
            d_x = _each(multiplied, d_projected, tf.transpose(weights.kernel))
            return tf.nest.flatten((d_weights, d_x, d_initial, d_inject))

        return (states[0], *final), gradient

    return tf.custom_gradient(differentiable)(*tf.nest.flatten(structure))


def _masked(h: tf.Tensor, mask: tuple[tf.Tensor, ...]) -> tf.Tensor:
    return h * mask[0] if mask else h


def _previous(state: State, keep: tf.Tensor, inject: State) -> State:
    kept = tuple(tf.math.multiply_no_nan(s, keep) for s in state)  # A start cuts off even NaN.
    return tuple(k + i for k, i in zip(kept, inject)) if inject else kept


def _each(multiplied: Product, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """The products of all steps of all lanes, `[time, lanes, m]`, with a kernel: `[time, lanes, n]`."""
    flat = multiplied(tf.reshape(x, (-1, kernel.shape[0])), kernel)
    return tf.reshape(flat, (*shape_of(x)[:2], kernel.shape[1]))


def _transposed_product(multiplied: Product, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Sum over time and lanes of the outer products; `[time, lanes, m]`, `[time, lanes, n]` to `[m, n]`."""
    return multiplied(tf.reshape(a, (-1, a.shape[-1])), tf.reshape(b, (-1, b.shape[-1])), transpose_a=True)


def _at(t: tf.Tensor | int, values: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
    return tuple(value[t] for value in values)


def _arrays(number: int, dtype: tf.DType, size: tf.Tensor) -> tuple[tf.TensorArray, ...]:
    return tuple(tf.TensorArray(dtype, size) for _ in range(number))


def _write(arrays: tuple[tf.TensorArray, ...], t: tf.Tensor, values: tuple[tf.Tensor, ...]) -> tuple:
    return tuple(array.write(t, value) for array, value in zip(arrays, values, strict=True))


def _stack(arrays: tuple[tf.TensorArray, ...]) -> tuple[tf.Tensor, ...]:
    return tuple(array.stack() for array in arrays)
