"""From a model of the next token to whole sequences: greedy, beam and sampled decoding, inside a graph.

A model is a function `next(tokens, state) -> (log_probabilities, state, extra)`: of the tokens just written, int32
`[rows]`, and its state, a nest of tensors whose first axis is the row, it makes the log probabilities of what comes
next, `[rows, vocabulary]`, its state, and what else is to be known of the step, a nest of tensors `[rows, ...]` such
as attention weights, or `()`. A state keeps its shapes.

What is the same at every step - the memory that an attention reads - need not be in the state, where a beam would copy
it at each step. The rows of a beam are the hypotheses of a sequence side by side, so the function may close over it and
read its rows as `[batch, width]`.
"""

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


def sample(
    next: Next,
    state: Any,
    start: int | tf.Tensor,
    end: int,
    longest: int | tf.Tensor,
    seed: int | tf.Tensor,
    temperature: float | tf.Tensor = 1.0,
    top_k: int | None = None,
) -> Decoded:
    """Tokens drawn at random, step by step.

    Args:
        next, state, start, end, longest: As of `greedy`.
        seed: What is drawn is a function of it, the step and the row.
        temperature: Divides the log probabilities, above 0: the nearer to 0 the greedier. Scores are without it.
        top_k: How many of the likeliest tokens may be drawn (Fan, Lewis & Dauphin 2018, "Hierarchical Neural Story
            Generation"); None is all.

    Returns:
        One hypothesis a row.
    """

    def choose(log_probabilities: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
        likeliest, tokens = tf.math.top_k(log_probabilities, top_k or tf.shape(log_probabilities)[1])
        drawn = tf.random.stateless_categorical(likeliest / temperature, 1, (seed, t), tf.int32)
        return tf.gather(tokens, drawn, batch_dims=1)[:, 0]

    return _one_by_one(next, choose, state, start, end, longest)


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


def copying(
    next: Next,
    state: Any,
    source: tf.Tensor,
    copies: range,
    end: int,
    opens: tf.Tensor,
    inside: tf.Tensor,
    width: int | tf.Tensor = 1,
) -> tuple[Next, tuple[Any, tf.Tensor]]:
    """A model that also says what it looks at, for tokens of which training taught it nothing.

    Of the probability of what neither ends the sequence nor goes on with a word, a copy gets the share that the weight
    of attention on it says: the mixture of See, Liu & Manning 2017, "Get To The Point", equation 9, between words,
    whose gate is here all that looks at copies. A copy is said so at most as many times as the source holds it, and no
    word goes on after one.

    Args:
        next: The model; what it gives beside is the weights of attention, `[rows, steps]`.
        state: What it starts with.
        source: Tokens it looks at, int `[batch, steps]`.
        copies: Those of them that can be copied; one is the same token in source and target.
        end: The token that ends a sequence.
        opens: After which tokens a word may go on, bool `[vocabulary]`.
        inside: Which tokens may go on with one, bool `[vocabulary]`.
        width: Rows of the model for each of the batch, side by side.

    Returns:
        The model, and the state that it starts with.
    """
    copy_of = tf.one_hot(source - copies.start, len(copies))  # [batch, steps, copies]
    looked_at = tf.repeat(copy_of, width, 0)
    is_end = tf.range(tf.size(inside)) == end

    def following(
        tokens: tf.Tensor, state: tuple[Any, tf.Tensor]
    ) -> tuple[tf.Tensor, tuple[Any, tf.Tensor], tf.Tensor]:
        state, left = state
        log_probabilities, state, weights = next(tokens, state)
        said = tf.one_hot(tokens - copies.start, len(copies))
        left -= said
        after_copy = tf.reduce_any(said > 0, 1, keepdims=True)
        log_probabilities = tf.where(after_copy & inside, _NEVER, tf.cast(log_probabilities, tf.float32))
        log_probabilities = tf.nn.log_softmax(log_probabilities)
        stays = (tf.gather(opens, tokens)[:, None] & inside) | is_end  # [rows, vocabulary]
        free = tf.reduce_sum(tf.where(stays, 0.0, tf.exp(log_probabilities)), 1, keepdims=True)
        looks = tf.linalg.matvec(looked_at, tf.cast(weights, tf.float32), transpose_a=True)  # [rows, copies]
        looks = tf.where(left > 0, looks, 0)
        rest = tf.math.log1p(-tf.minimum(tf.reduce_sum(looks, 1, keepdims=True), 1 - 1e-6))
        log_probabilities += tf.where(stays, 0.0, rest)
        sizes = [copies.start, len(copies), tf.shape(log_probabilities)[1] - copies.stop]
        before, own, after = tf.split(log_probabilities, sizes, 1)
        own = tf.math.log(tf.exp(own) + looks * free)
        return tf.concat([before, own, after], 1), (state, left), weights

    return following, (state, tf.reduce_sum(copy_of, 1))


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


def _beside(a: tuple, b: tuple) -> tuple:
    return tuple(tf.concat(pair, 1) for pair in zip(a, b, strict=True))


def _take(values: tuple, at: tf.Tensor) -> tuple:
    return tuple(tf.gather(value, at, batch_dims=1) for value in values)
