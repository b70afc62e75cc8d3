"""The likeliest sequences: greedy and beam search."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from common.decoding.loops import (
    _NEVER,
    Decoded,
    Next,
    _arrays,
    _extra,
    _like,
    _one_by_one,
    _only,
    _rows,
    _time_inside,
    _write,
)


def greedy(next: Next, state: Any, start: int | tf.Tensor, end: int, longest: int | tf.Tensor) -> Decoded:
    """The likeliest token, step by step.

    Args:
        next: The model, see above.
        state: Before the first step, a nest of `[batch, ...]`; at least one tensor.
        start: Token ahead of the first, one for all or int32 `[batch]`.
        end: Token that ends a sequence.
        longest: Most tokens, the end counted, one for all or int32 `[batch]`.

    Returns:
        One hypothesis a row.
    """

    def choose(log_probabilities: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
        return tf.argmax(log_probabilities, 1, tf.int32)

    return _one_by_one(next, choose, state, start, end, longest)


def beam(
    next: Next,
    state: Any,
    start: int | tf.Tensor,
    end: int,
    longest: int | tf.Tensor,
    width: int | tf.Tensor,
    alpha: float | tf.Tensor = 0.0,
    best: int | None = None,
) -> Decoded:
    """Beam search: at each step the best unfinished hypotheses are continued.

    A hypothesis is finished when its end is among the `width` best continuations of its row. Finished hypotheses are
    kept beside the unfinished ones and take no place from them. The search is over when no hypothesis can still come
    among the `best` finished ones of its row: a log probability only falls.

    Scores are log probabilities divided by `length ** alpha`, the end counted: 0 compares probabilities, which favours
    the short, 1 their means over the tokens. (This is plain length normalisation, not the penalty of Wu et al. 2016,
    `((5 + length) / 6) ** alpha`.) With a width of 1 and an alpha of 0 the search is greedy.

    Args:
        next, state, start, end, longest: As of `greedy`; the model is asked about `batch * width` rows.
        width: How many hypotheses of each row are continued.
        alpha: Length normalisation, at least 0.
        best: How many hypotheses of each row are kept; None is `width`. The fewer, the sooner the search is over.

    Returns:
        The `best` hypotheses of each row; those that were cut at the longest length follow those that ended.
    """
    best = best or width
    state, tokens, longest = _rows(state, start, longest)
    rows = tf.shape(longest)[0]
    state, tokens = tf.nest.map_structure(lambda x: tf.repeat(x, width, 0), (state, tokens))
    places = tf.tile(tf.range(width)[None], (rows, 1))

    def normalised(scores: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        return scores / tf.cast(tf.maximum(length, 1), tf.float32) ** alpha

    def undecided(t, tokens, live, finished, *_):
        still_possible = normalised(live[:, 0], longest) > finished[0][:, -1]
        return (t == 0) | tf.reduce_any(still_possible & (t < longest))

    def body(t, tokens, live, finished, state, history):
        log_probabilities, after, extra = next(tokens, state)
        vocabulary = tf.shape(log_probabilities)[1]
        totals = live[:, :, None] + tf.reshape(tf.cast(log_probabilities, tf.float32), (rows, width, vocabulary))
        # Each hypothesis has one end, so that at least half of these go on.
        scores, at = tf.math.top_k(tf.reshape(totals, (rows, width * vocabulary)), 2 * width)
        parents, chosen = at // vocabulary, at % vocabulary
        ends, inside = chosen == end, (t < longest)[:, None]

        ending = tf.where(ends & inside, normalised(scores, t + 1), _NEVER)[:, :width]
        everything = _beside(finished, (ending, tf.fill((rows, width), t), parents[:, :width]))
        finished_after = _take(everything, tf.math.top_k(everything[0], best).indices)

        going = tf.math.top_k(tf.where(ends, _NEVER, scores), width)
        live_after = tf.where(inside, going.values, live)
        parents, chosen = _take((parents, chosen), going.indices)
        parents = tf.where(inside, parents, places)
        of_rows = tf.reshape(parents + width * tf.range(rows)[:, None], (-1,))
        after = tf.nest.map_structure(lambda s: tf.gather(s, of_rows), after)
        history = _write(history, t, (parents, chosen, extra))
        before = (tokens, live, finished, state)
        return t + 1, *_like(before, (tf.reshape(chosen, (-1,)), live_after, finished_after, after)), history

    live = tf.tile(tf.where(tf.range(width) > 0, _NEVER, 0.0)[None], (rows, 1))
    nothing = tf.zeros((rows, best), tf.int32)
    finished = (tf.fill((rows, best), _NEVER), nothing, nothing)
    history = _arrays((places, places, _extra(next, tokens, state)))
    _, _, live, finished, _, (parents, chosen, extras) = tf.while_loop(
        undecided, body, (0, tokens, live, finished, state, history), parallel_iterations=1
    )
    cut = (normalised(live, longest[:, None]), tf.tile(longest[:, None], (1, width)), places)
    everything = _beside(finished, cut)
    missing = tf.cast(everything[0] == _NEVER, tf.int32)
    scores, lengths, place = _take(everything, tf.argsort(missing, 1, stable=True)[:, :best])
    lengths = tf.where(scores == _NEVER, 0, lengths)
    made = tf.where(scores == _NEVER, 0, tf.minimum(lengths + 1, longest[:, None]))

    def back(following: tuple, now: tuple) -> tuple[tf.Tensor, tf.Tensor]:
        """Where among the rows of a step a hypothesis was, and the token it wrote there."""
        t, parents, chosen = now
        parents, tokens = _take((parents, chosen), following[0])
        return tf.where(t < lengths, parents, following[0]), tf.where(t < lengths, tokens, end)

    parents, chosen = parents.stack(), chosen.stack()
    times = tf.range(tf.shape(parents)[0])
    places, tokens = tf.scan(back, (times, parents, chosen), (place, place), reverse=True, parallel_iterations=1)

    def along(array: tf.TensorArray) -> tf.Tensor:
        steps = array.stack()
        steps = tf.reshape(steps, tf.concat([[tf.shape(steps)[0], rows, width], tf.shape(steps)[2:]], 0))
        return _time_inside(_only(times[:, None, None] < made, tf.gather(steps, places, batch_dims=2)))

    return Decoded(_time_inside(tokens), lengths, scores, tf.nest.map_structure(along, extras))


def _beside(a: tuple, b: tuple) -> tuple:
    return tuple(tf.concat(pair, 1) for pair in zip(a, b, strict=True))


def _take(values: tuple, at: tf.Tensor) -> tuple:
    return tuple(tf.gather(value, at, batch_dims=1) for value in values)
