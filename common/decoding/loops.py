"""What every way of decoding shares: the model of the next token, the loop over steps, and the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

Next = Callable[[tf.Tensor, Any], tuple[tf.Tensor, Any, Any]]
"""A model: `next(tokens, state) -> (log_probabilities, state, extra)`, see `common.decoding`."""
NEVER = float("-inf")


class Decoded(NamedTuple):
    """Hypotheses, the best first.

    Attributes:
        tokens: int32 `[batch, width, time]`, padded with the end token; `time` is the number of steps made.
        lengths: Tokens before the end, int32 `[batch, width]`; the maximum length for a hypothesis without an end.
        scores: Log-probability of the tokens and the end, normalised if the search does that, `[batch, width]`; -inf
            where there is no hypothesis.
        extras: The model's extras of each step up to the end, zeros after it; a nest of `[batch, width, time, ...]`.
        state: The model's state after the last step, which has not read the last token; empty after a beam search.
    """

    tokens: tf.Tensor
    lengths: tf.Tensor
    scores: tf.Tensor
    extras: Any
    state: Any = ()


def one_by_one(
    next: Next,
    state: Any,
    choose: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    *,
    start: int | tf.Tensor,
    end: int,
    longest: int | tf.Tensor,
) -> Decoded:
    """Decodes one hypothesis per row.

    Args:
        next: The model.
        state: The state before the first step.
        choose: `choose(log_probabilities [batch, vocabulary], step) -> tokens [batch]`.
        start: As in `common.decoding.greedy`.
        end: As in `common.decoding.greedy`.
        longest: As in `common.decoding.greedy`.
    """
    state, tokens, longest = rows_of(state, start, longest)

    def body(t, tokens, going, lengths, scores, state, history):
        log_probabilities, after, extra = next(tokens, state)
        log_probabilities = tf.cast(log_probabilities, tf.float32)
        tokens = tf.where(going, choose(log_probabilities, t), end)
        scores += tf.where(going, tf.gather(log_probabilities, tokens, batch_dims=1), 0)
        history = write(history, t, (tokens, only(going, extra)))
        going &= tokens != end
        lengths += tf.cast(going, tf.int32)
        return t + 1, tokens, going & (t + 1 < longest), lengths, scores, like(state, after), history

    none = tf.zeros_like(longest)
    history = arrays((tokens, extra_of(next, tokens, state)))
    *_, lengths, scores, state, history = tf.while_loop(
        lambda t, tokens, going, *_: (t == 0) | tf.reduce_any(going),
        body,
        (0, tokens, longest > 0, none, tf.cast(none, tf.float32), state, history),
        parallel_iterations=1,
    )
    tokens, extras = tf.nest.map_structure(lambda array: time_inside(array.stack()[:, :, None]), history)
    return Decoded(tokens, lengths[:, None], scores[:, None], extras, state)


def rows_of(state: Any, start: int | tf.Tensor, longest: int | tf.Tensor) -> tuple[Any, tf.Tensor, tf.Tensor]:
    """The state as tensors, and the start token and the longest length of each row, int32 `[batch]`."""
    state = tf.nest.map_structure(tf.convert_to_tensor, state)
    rows = tf.shape(tf.nest.flatten(state)[0])[:1]
    return state, *(tf.broadcast_to(tf.cast(value, tf.int32), rows) for value in (start, longest))


def like(before: Any, after: Any) -> Any:
    """Loop variables after a step, in the structure and with the static shapes that they had before it."""
    flat = [tf.ensure_shape(new, old.shape) for new, old in zip(tf.nest.flatten(after), tf.nest.flatten(before))]
    return tf.nest.pack_sequence_as(before, flat)


def extra_of(next: Next, tokens: tf.Tensor, state: Any) -> Any:
    """The structure and shapes of a model's extras: traced, not computed."""
    return tf.function(next, autograph=False).get_concrete_function(tokens, state).structured_outputs[2]


def arrays(pattern: Any) -> Any:
    """Empty arrays over time for tensors with these shapes."""
    return tf.nest.map_structure(
        lambda p: tf.TensorArray(p.dtype, 0, dynamic_size=True, element_shape=p.shape), pattern
    )


def write(arrays: Any, t: tf.Tensor, values: Any) -> Any:
    """The arrays with the values of step `t`."""
    return tf.nest.map_structure(lambda array, value: array.write(t, value), arrays, values)


def only(which: tf.Tensor, values: Any) -> Any:
    """The values of a nest, `[..., any]` each, where `which [...]` is true, and zeros elsewhere."""

    def one(value: tf.Tensor) -> tf.Tensor:
        return tf.where(which[(..., *[None] * (value.shape.rank - which.shape.rank))], value, tf.zeros_like(value))

    return tf.nest.map_structure(one, values)


def time_inside(x: tf.Tensor) -> tf.Tensor:
    """`[time, batch, width, ...]` to `[batch, width, time, ...]`."""
    return tf.transpose(x, (1, 2, 0, *range(3, x.shape.rank)))
