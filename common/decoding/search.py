"""The most likely sequences: greedy and beam search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

from common.decoding.loops import (
    NEVER,
    Decoded,
    Next,
    arrays,
    extra_of,
    like,
    one_by_one,
    only,
    rows_of,
    time_inside,
    write,
)


def greedy(next: Next, state: Any, *, start: int | tf.Tensor, end: int, longest: int | tf.Tensor) -> Decoded:
    """Takes the most likely token, step by step.

    Args:
        next: The model, see `common.decoding`.
        state: The state before the first step, a nest of `[batch, ...]` with at least one tensor.
        start: The token before the first one, the same for all rows or int32 `[batch]`.
        end: The token that ends a sequence.
        longest: Maximum number of tokens, including the end, the same for all rows or int32 `[batch]`.

    Returns:
        One hypothesis per row.
    """

    def choose(log_probabilities: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
        return tf.argmax(log_probabilities, 1, tf.int32)

    return one_by_one(next, state, choose, start=start, end=end, longest=longest)


def beam(
    next: Next,
    state: Any,
    *,
    start: int | tf.Tensor,
    end: int,
    longest: int | tf.Tensor,
    width: int | tf.Tensor,
    alpha: float | tf.Tensor = 0.0,
    best: int | None = None,
) -> Decoded:
    """Beam search: continues the best unfinished hypotheses at each step.

    A hypothesis is finished when its end is among the `width` best continuations of its row. Finished hypotheses are
    kept separately and take no place from unfinished ones. Log-probabilities only fall, so the search is over when no
    unfinished hypothesis can still be among the `best` finished ones of its row.

    Scores are log-probabilities divided by `length ** alpha`; the length includes the end. An alpha of 0 compares
    probabilities, which favours short sequences; 1 compares means over the tokens. (This is plain length normalisation,
    not the penalty of Wu et al. 2016, `((5 + length) / 6) ** alpha`.) With a width of 1 and an alpha of 0 the search is
    greedy.

    Args:
        next: As in `greedy`; it is called with `batch * width` rows.
        state: As in `greedy`.
        start: As in `greedy`.
        end: As in `greedy`.
        longest: As in `greedy`.
        width: Number of hypotheses of each row that are continued.
        alpha: Length normalisation, at least 0.
        best: Number of hypotheses of each row that are kept; None is `width`. With fewer the search is over sooner.

    Returns:
        The `best` hypotheses of each row; those cut at the longest length follow those that ended.
    """
    best = width if best is None else best
    state, tokens, longest = rows_of(state, start, longest)
    state, tokens = tf.nest.map_structure(lambda x: tf.repeat(x, width, 0), (state, tokens))
    search = _Beam(next, longest, end=end, width=width, alpha=alpha, best=best)
    history = arrays((search.places, search.places, extra_of(next, tokens, state)))
    first = _Loop(tf.constant(0), tokens, search.first_scores(), search.none_finished(), state, history)
    (last,) = tf.while_loop(search.is_undecided, search.step, (first,), parallel_iterations=1)
    return search.traced(search.ranked(last.live, last.finished), last.history)


class _Finished(NamedTuple):
    """Hypotheses that are over, each `[batch, hypotheses]`.

    Attributes:
        scores: Normalised scores; -inf where there is no hypothesis.
        lengths: Tokens before the end.
        places: The number of each among the row's live hypotheses at its last step.
    """

    scores: tf.Tensor
    lengths: tf.Tensor
    places: tf.Tensor


class _Loop(NamedTuple):
    """What a step of the search changes.

    Attributes:
        t: Steps made.
        tokens: The last tokens of the live hypotheses, int32 `[batch * width]`.
        live: Scores of the unfinished hypotheses, the best first, `[batch, width]`.
        finished: The best finished hypotheses.
        state: The state of the model.
        history: Arrays over time: the live hypothesis that each one continues, its token, and the model's extras.
    """

    t: tf.Tensor
    tokens: tf.Tensor
    live: tf.Tensor
    finished: _Finished
    state: Any
    history: tuple


@dataclass(frozen=True)
class _Beam:
    """The steps of a beam search. The attributes are the arguments of `beam`; `longest` has one value per row."""

    next: Next
    longest: tf.Tensor
    end: int
    width: int | tf.Tensor
    alpha: float | tf.Tensor
    best: int | tf.Tensor

    @property
    def rows(self) -> tf.Tensor:
        return tf.shape(self.longest)[0]

    @property
    def places(self) -> tf.Tensor:
        """The number of each live hypothesis in its row, `[batch, width]`."""
        return tf.tile(tf.range(self.width)[None], (self.rows, 1))

    def first_scores(self) -> tf.Tensor:
        """The scores of one live hypothesis per row, the empty one, `[batch, width]`."""
        return tf.tile(tf.where(tf.range(self.width) > 0, NEVER, 0.0)[None], (self.rows, 1))

    def none_finished(self) -> _Finished:
        nothing = tf.zeros((self.rows, self.best), tf.int32)
        return _Finished(tf.fill((self.rows, self.best), NEVER), nothing, nothing)

    def normalised(self, scores: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        return scores / tf.cast(tf.maximum(length, 1), tf.float32) ** self.alpha

    def is_undecided(self, loop: _Loop) -> tf.Tensor:
        """Whether a live hypothesis of any row can still be among its best finished ones."""
        still_possible = self.normalised(loop.live[:, 0], self.longest) > loop.finished.scores[:, -1]
        return (loop.t == 0) | tf.reduce_any(still_possible & (loop.t < self.longest))

    def step(self, loop: _Loop) -> tuple[_Loop]:
        """Continues each live hypothesis by every token, and takes the best."""
        rows, width, t, live = self.rows, self.width, loop.t, loop.live
        log_probabilities, after, extra = self.next(loop.tokens, loop.state)
        vocabulary = tf.shape(log_probabilities)[1]
        totals = live[:, :, None] + tf.reshape(tf.cast(log_probabilities, tf.float32), (rows, width, vocabulary))
        # Each hypothesis has one end, so at least half of these are unfinished.
        scores, at = tf.math.top_k(tf.reshape(totals, (rows, width * vocabulary)), 2 * width)
        parents, chosen = at // vocabulary, at % vocabulary
        ends, inside = chosen == self.end, (t < self.longest)[:, None]

        ending = tf.where(ends & inside, self.normalised(scores, t + 1), NEVER)[:, :width]
        everything = _joined(loop.finished, _Finished(ending, tf.fill((rows, width), t), parents[:, :width]))
        finished_after = _Finished(*_taken(everything, tf.math.top_k(everything.scores, self.best).indices))

        going = tf.math.top_k(tf.where(ends, NEVER, scores), width)
        live_after = tf.where(inside, going.values, live)
        parents, chosen = _taken((parents, chosen), going.indices)
        parents = tf.where(inside, parents, self.places)
        of_rows = tf.reshape(parents + width * tf.range(rows)[:, None], (-1,))
        after = tf.nest.map_structure(lambda s: tf.gather(s, of_rows), after)
        history = write(loop.history, t, (parents, chosen, extra))
        changed = like(loop[1:5], (tf.reshape(chosen, (-1,)), live_after, finished_after, after))
        return (_Loop(t + 1, *changed, history),)

    def ranked(self, live: tf.Tensor, finished: _Finished) -> _Finished:
        """The best hypotheses: those that ended, then those cut at the longest length."""
        longest = self.longest[:, None]
        cut = _Finished(self.normalised(live, longest), tf.tile(longest, (1, self.width)), self.places)
        everything = _joined(finished, cut)
        missing = tf.cast(everything.scores == NEVER, tf.int32)
        ranked = _Finished(*_taken(everything, tf.argsort(missing, 1, stable=True)[:, : self.best]))
        return ranked._replace(lengths=tf.where(ranked.scores == NEVER, 0, ranked.lengths))

    def traced(self, ranked: _Finished, history: tuple) -> Decoded:
        """The hypotheses traced back from their last step to their first."""
        scores, lengths, place = ranked
        parents, chosen, extras = history

        def back(following: tuple, now: tuple) -> tuple[tf.Tensor, tf.Tensor]:
            """The live hypothesis of a step that each one continued, and the token that it wrote there."""
            t, parents, chosen = now
            parents, tokens = _taken((parents, chosen), following[0])
            return tf.where(t < lengths, parents, following[0]), tf.where(t < lengths, tokens, self.end)

        parents, chosen = parents.stack(), chosen.stack()
        times = tf.range(tf.shape(parents)[0])
        places, tokens = tf.scan(back, (times, parents, chosen), (place, place), reverse=True, parallel_iterations=1)
        made = tf.where(scores == NEVER, 0, tf.minimum(lengths + 1, self.longest[:, None]))

        def along(array: tf.TensorArray) -> tf.Tensor:
            steps = array.stack()
            steps = tf.reshape(steps, tf.concat([[tf.shape(steps)[0], self.rows, self.width], tf.shape(steps)[2:]], 0))
            return time_inside(only(times[:, None, None] < made, tf.gather(steps, places, batch_dims=2)))

        return Decoded(time_inside(tokens), lengths, scores, tf.nest.map_structure(along, extras))


def _joined(a: _Finished, b: _Finished) -> _Finished:
    return _Finished(*(tf.concat(pair, 1) for pair in zip(a, b, strict=True)))


def _taken(values: tuple, at: tf.Tensor) -> tuple:
    return tuple(tf.gather(value, at, batch_dims=1) for value in values)
