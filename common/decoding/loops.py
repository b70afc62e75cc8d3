"""What every way of decoding shares: the model of the next token, its loop over steps, and what comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

Next = Callable[[tf.Tensor, Any], tuple[tf.Tensor, Any, Any]]
_NEVER = float("-inf")


class Decoded(NamedTuple):
    """Hypotheses, the best first.

    Attributes:
        tokens: int32 `[batch, width, time]`, filled up with the end token; `time` is the number of steps made.
        lengths: Tokens ahead of the end, int32 `[batch, width]`; as many as were allowed if the end never came.
        scores: Log probability of the tokens, the end with them, normalised where the search was told to,
            `[batch, width]`; of a hypothesis that there is not, -inf.
        extras: What the model gave beside, step by step, that of the end with it, zeros afterwards; a nest of
            `[batch, width, time, ...]`.
    """

    tokens: tf.Tensor
    lengths: tf.Tensor
    scores: tf.Tensor
    extras: Any


def _one_by_one(
    next: Next, choose: Callable, state: Any, start: int | tf.Tensor, end: int, longest: int | tf.Tensor
) -> Decoded:
    """Decodes with `choose(log_probabilities [batch, vocabulary], t) -> tokens [batch]`."""
    state, tokens, longest = _rows(state, start, longest)

    def body(t, tokens, going, lengths, scores, state, history):
        log_probabilities, after, extra = next(tokens, state)
        log_probabilities = tf.cast(log_probabilities, tf.float32)
        tokens = tf.where(going, choose(log_probabilities, t), end)
        scores += tf.where(going, tf.gather(log_probabilities, tokens, batch_dims=1), 0)
        history = _write(history, t, (tokens, _only(going, extra)))
        going &= tokens != end
        lengths += tf.cast(going, tf.int32)
        return t + 1, tokens, going & (t + 1 < longest), lengths, scores, _like(state, after), history

    none = tf.zeros_like(longest)
    history = _arrays((tokens, _extra(next, tokens, state)))
    *_, lengths, scores, _, history = tf.while_loop(
        lambda t, tokens, going, *_: (t == 0) | tf.reduce_any(going),
        body,
        (0, tokens, longest > 0, none, tf.cast(none, tf.float32), state, history),
        parallel_iterations=1,
    )
    tokens, extras = tf.nest.map_structure(lambda array: _time_inside(array.stack()[:, :, None]), history)
    return Decoded(tokens, lengths[:, None], scores[:, None], extras)


def _rows(state: Any, start: int | tf.Tensor, longest: int | tf.Tensor) -> tuple[Any, tf.Tensor, tf.Tensor]:
    """The state as tensors, the first tokens and the longest lengths of all rows, int32 `[batch]`."""
    state = tf.nest.map_structure(tf.convert_to_tensor, state)
    rows = tf.shape(tf.nest.flatten(state)[0])[:1]
    return state, *(tf.broadcast_to(tf.cast(value, tf.int32), rows) for value in (start, longest))


def _like(before: Any, after: Any) -> Any:
    """What goes round a loop in the structure and with the static shapes of what came in."""
    flat = [tf.ensure_shape(new, old.shape) for new, old in zip(tf.nest.flatten(after), tf.nest.flatten(before))]
    return tf.nest.pack_sequence_as(before, flat)


def _extra(next: Next, tokens: tf.Tensor, state: Any) -> Any:
    """What the model gives beside, as a pattern: traced, not computed."""
    return tf.function(next, autograph=False).get_concrete_function(tokens, state).structured_outputs[2]


def _arrays(pattern: Any) -> Any:
    """Arrays over time of tensors like these."""
    return tf.nest.map_structure(
        lambda p: tf.TensorArray(p.dtype, 0, dynamic_size=True, element_shape=p.shape), pattern
    )


def _write(arrays: Any, t: tf.Tensor, values: Any) -> Any:
    return tf.nest.map_structure(lambda array, value: array.write(t, value), arrays, values)


def _only(which: tf.Tensor, values: Any) -> Any:
    """Zeros but where `which [...]`; of a nest of `[..., any]`."""

    def one(value: tf.Tensor) -> tf.Tensor:
        return tf.where(which[(..., *[None] * (value.shape.rank - which.shape.rank))], value, tf.zeros_like(value))

    return tf.nest.map_structure(one, values)


def _time_inside(x: tf.Tensor) -> tf.Tensor:
    """`[time, batch, width, ...]` to `[batch, width, time, ...]`."""
    return tf.transpose(x, (1, 2, 0, *range(3, x.shape.rank)))
