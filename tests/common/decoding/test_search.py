"""Search against all sequences of tokens, one by one; the model is a table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from common.decoding.sampling import sample
from common.decoding.search import beam, greedy
from tests.common.decoding.tables import (
    BOUNDS,
    END,
    ROWS,
    START,
    VOCABULARY,
    assert_same,
    every,
    following,
    score,
    state_of,
    tables,
)
from tests.helpers import assert_all_close


def by_hand(table: np.ndarray, longest: int) -> tuple[list[int], float]:
    """Tokens ahead of the end, and their log probability."""
    tokens, total = [], 0.0
    while len(tokens) < longest:
        chances = table[(END, START, *tokens)[-2:]]
        total += chances.max()
        if chances.argmax() == END:
            break
        tokens.append(int(chances.argmax()))
    return tokens, total


@pytest.mark.parametrize("seed", range(4))
def test_greedy_takes_the_likeliest_token_at_each_step_within_each_rows_bound(seed: int) -> None:
    table, longest = tables(seed), [2, 6, 4]
    result = greedy(following, state_of(table), **BOUNDS, longest=longest)
    for row in range(ROWS):
        tokens, total = by_hand(table[row], longest[row])
        length = int(result.lengths[row, 0])
        assert result.tokens[row, 0, :length].numpy().tolist() == tokens
        assert (result.tokens[row, 0, length:] == END).numpy().all()
        np.testing.assert_allclose(result.scores[row, 0], total, rtol=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_beam_of_full_width_finds_the_best_of_all_sequences_in_order(seed: int, alpha: float) -> None:
    table, longest, width = tables(seed), 4, VOCABULARY**4
    result = beam(following, state_of(table), **BOUNDS, longest=longest, width=width, alpha=alpha)
    for row in range(ROWS):
        ranked = sorted(every(longest), key=lambda tokens: score(table[row], tokens, alpha), reverse=True)
        kept, cut = len(ranked), (VOCABULARY - 1) ** longest
        np.testing.assert_allclose(
            result.scores[row, :kept], [score(table[row], tokens, alpha) for tokens in ranked], rtol=1e-5
        )
        assert result.lengths[row, :kept].numpy().tolist() == [len(tokens) - 1 for tokens in ranked]
        for place, tokens in enumerate(ranked[:5]):
            written = result.tokens[row, place].numpy().tolist()
            assert written == [*tokens, *[END] * (longest - len(tokens))]
        assert (result.lengths[row, kept : kept + cut] == longest).numpy().all()
        assert np.isneginf(result.scores[row, kept + cut :]).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("longest", [1, 7, [0, 3, 12]])
def test_a_beam_of_one_is_greedy(seed: int, longest: int | list[int]) -> None:
    state = state_of(tables(seed))
    assert_same(
        beam(following, state, **BOUNDS, longest=longest, width=1), greedy(following, state, **BOUNDS, longest=longest)
    )


def chain(*chances: dict[int, float], rows: int = 1) -> Callable:
    """A model whose probabilities depend on the step alone; its state is the step."""
    table = np.full((len(chances), VOCABULARY), -np.inf, np.float32)
    for step, given in enumerate(chances):
        table[step, list(given)] = np.log(list(given.values()))

    def next(tokens: tf.Tensor, step: tf.Tensor) -> tuple:
        return tf.gather(table, tf.minimum(step, len(chances) - 1)), step + 1, ()

    return next


def test_length_normalisation_changes_the_winner() -> None:
    # Short: log 0.5 for one token; long: 3 log 0.75 + log 0.5 for three, better on average.
    next = chain({END: 0.5, 2: 0.5}, {2: 0.75, 3: 0.25}, {END: 0.75, 3: 0.25})
    winner = {
        alpha: beam(next, tf.zeros(1, tf.int32), **BOUNDS, longest=3, width=2, alpha=alpha) for alpha in (0.0, 1.0)
    }
    assert winner[0.0].lengths.numpy()[0, 0] == 0
    np.testing.assert_allclose(winner[0.0].scores[0, 0], np.log(0.5), rtol=1e-6)
    assert winner[1.0].tokens.numpy()[0, 0].tolist() == [2, 2, END]
    np.testing.assert_allclose(winner[1.0].scores[0, 0], np.log(0.5 * 0.75**2) / 3, rtol=1e-6)


def counted(next: Callable) -> tuple[Callable, tf.Variable]:
    calls = tf.Variable(0)

    def counting(tokens: tf.Tensor, state: object) -> tuple:
        calls.assign_add(1)
        return next(tokens, state)

    return counting, calls


def test_decoding_ends_early() -> None:
    surely = {2: 0.96, 3: 0.04}
    next, calls = counted(chain(surely, surely, {END: 0.9, 2: 0.1}))
    state = tf.zeros(2, tf.int32)

    def steps(decode: Callable, longest: object = 50, **more: object) -> int:
        calls.assign(0)
        result = decode(next, state, **BOUNDS, longest=longest, **more)
        assert result.tokens.shape[2] == int(calls)
        return int(calls)

    assert steps(greedy) == 3
    assert steps(beam, width=1) == 3
    assert steps(beam, width=4, best=1) == 3  # What is unfinished is less likely than what has ended.
    assert 3 < steps(beam, width=4) < 50  # Until no other can come among the best four.
    # A mean over fifty tokens, all sure from here on, might still be better than one over three; over twenty, not.
    assert steps(beam, width=4, alpha=1.0, best=1) == 4
    assert steps(beam, width=4, alpha=1.0, best=1, longest=20) == 3
    assert steps(sample, seed=7) <= 50
    assert steps(greedy, longest=[1, 2]) == 2


@pytest.mark.parametrize("decode", [greedy, partial(beam, width=3), partial(sample, seed=5)])
def test_the_bound_holds_where_the_end_never_comes(decode: Callable) -> None:
    result = decode(chain({2: 0.6, 3: 0.4}), tf.zeros(3, tf.int32), **BOUNDS, longest=[4, 0, 7])
    width = result.tokens.shape[1]
    assert np.isfinite(result.scores.numpy()[[0, 2]]).all()
    np.testing.assert_array_equal(result.lengths, np.repeat([[4], [0], [7]], width, 1))
    assert result.tokens.shape == (3, width, 7)
    np.testing.assert_array_equal(result.tokens != END, np.arange(7) < result.lengths.numpy()[..., None])
    assert (np.diff(result.scores.numpy()[[0, 2]], axis=1) <= 0).all()


@pytest.mark.parametrize("decode", [greedy, partial(beam, width=5, alpha=0.5), partial(beam, width=5, best=2)])
def test_state_and_extras_follow_their_hypotheses(decode: Callable) -> None:
    table, longest = tables(5), np.array([6, 3, 5])
    result = decode(following, state_of(table), **BOUNDS, longest=longest)
    compared = 0
    for row, places in enumerate(result.scores.numpy()):
        for place in np.flatnonzero(np.isfinite(places)):
            length = int(result.lengths[row, place])
            made = min(length + 1, longest[row])
            tokens = result.tokens[row, place, :made].numpy().tolist()
            alpha = 0.5 if len(places) == 5 else 0.0
            np.testing.assert_allclose(places[place], score(table[row], tuple(tokens), alpha), rtol=1e-5)
            written = [END, START, *tokens]
            expected = [written[n : n + 2] for n in range(made)]
            seen, steps = (result.extras[name][row, place].numpy() for name in ("seen", "steps"))
            assert seen[:made].tolist() == expected and not seen[made:].any()
            assert steps[:made].tolist() == list(range(made)) and not steps[made:].any()
            compared += 1
    assert compared >= ROWS


def test_what_was_cut_comes_after_what_ended_and_what_there_is_not_comes_last() -> None:
    # With a bound of two there are: the end at once, and three that are cut.
    next = chain({END: 0.1, 2: 0.9}, {2: 0.7, 3: 0.3})
    result = beam(next, tf.zeros(1, tf.int32), **BOUNDS, longest=2, width=3)
    np.testing.assert_allclose(result.scores[0], np.log([0.1, 0.63, 0.27]), rtol=1e-5)
    assert result.lengths.numpy().tolist() == [[0, 2, 2]]

    def nothing(tokens: tf.Tensor, state: tf.Tensor) -> tuple:
        return tf.fill((3, VOCABULARY), -np.inf), state, ()

    impossible = beam(nothing, tf.zeros(1), **BOUNDS, longest=2, width=3)
    assert np.isneginf(impossible.scores).all() and not impossible.lengths.numpy().any()


DECODERS = {
    "greedy": greedy,
    "beam": partial(beam, width=3, alpha=0.7),
    "beam_best": partial(beam, width=3, best=1),
    "sample": partial(sample, seed=3, top_k=3),
}


@pytest.mark.parametrize("name", DECODERS)
def test_the_same_in_a_graph_of_unknown_shapes_and_in_a_saved_model(name: str, tmp_path: Path) -> None:
    def decode(table: tf.Tensor, longest: tf.Tensor, start: tf.Tensor) -> dict:
        return DECODERS[name](following, state_of(table), start=start, end=END, longest=longest)._asdict()

    some, of_rows = tf.TensorSpec([None, None, None, None]), tf.TensorSpec([None], tf.int32)
    module = tf.Module()
    module.decode = tf.function(decode, input_signature=[some, of_rows, of_rows], autograph=False)
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    for rows, seed in ((1, 0), (5, 1)):
        arguments = (tf.constant(tables(seed, rows)), tf.range(rows) + 3, tf.range(rows) % 3 + 1)
        eager = decode(*arguments)
        known = tf.function(decode, autograph=False)(*arguments)
        for other in (known, module.decode(*arguments), loaded.decode(*arguments)):
            assert_all_close(other, eager)
    nothing = loaded.decode(tf.zeros((0, *[VOCABULARY] * 3)), tf.zeros(0, tf.int32), tf.zeros(0, tf.int32))
    assert nothing["tokens"].shape[0] == 0


def test_rows_do_not_depend_on_their_neighbours() -> None:
    table, longest = tables(8, 6), np.array([1, 9, 4, 2, 7, 3])
    for alpha in (0.0, 1.0):
        together = beam(following, state_of(table), **BOUNDS, longest=longest, width=3, alpha=alpha)
        for row in range(6):
            now = slice(row, row + 1)
            alone = beam(following, state_of(table[now]), **BOUNDS, longest=longest[now], width=3, alpha=alpha)
            assert_same(alone, tf.nest.map_structure(lambda x, now=now: x[now], together))
