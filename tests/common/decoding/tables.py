"""Models of the next token that are tables, and all sequences of tokens that they can give."""

from __future__ import annotations

from itertools import product

import numpy as np
import tensorflow as tf

from common.decoding.loops import Decoded
from tests.helpers import assert_all_close

END, START = 0, 1
VOCABULARY, ROWS = 4, 3
BOUNDS = {"start": START, "end": END}


def tables(seed: int = 0, rows: int = ROWS, size: float = 1.5) -> np.ndarray:
    """Log probabilities of the next token by row, of the last two tokens, `[rows, before, last, next]`."""
    scores = size * np.random.default_rng(seed).normal(size=(rows, *[VOCABULARY] * 3)).astype(np.float32)
    return tf.nn.log_softmax(scores).numpy()


def following(tokens: tf.Tensor, state: tuple) -> tuple:
    """A model whose state is its table, the token before the last, and the number of steps made."""
    table, before, steps = state
    log_probabilities = tf.gather(tf.gather(table, before, batch_dims=1), tokens, batch_dims=1)
    return log_probabilities, [table, tokens, steps + 1], {"seen": tf.stack([before, tokens], 1), "steps": steps}


def state_of(table: np.ndarray) -> tuple:
    nothing = tf.zeros_like(table[:, 0, 0, 0], tf.int32)
    return (tf.convert_to_tensor(table), nothing, nothing)


def every(longest: int) -> list[tuple[int, ...]]:
    """All sequences that end within the longest length."""
    others = range(1, VOCABULARY)
    return [(*tokens, END) for length in range(longest) for tokens in product(others, repeat=length)]


def score(table: np.ndarray, tokens: tuple[int, ...], alpha: float = 0.0) -> float:
    written = (END, START, *tokens)
    return sum(table[written[n : n + 3]] for n in range(len(tokens))) / len(tokens) ** alpha


def assert_same(a: Decoded, b: Decoded) -> None:
    """The same results, whatever was filled up behind them."""
    np.testing.assert_array_equal(a.lengths, b.lengths)
    np.testing.assert_allclose(a.scores, b.scores, rtol=1e-5)
    time = min(a.tokens.shape[2], b.tokens.shape[2])
    assert time >= tf.reduce_max(a.lengths)
    assert_all_close(*(tf.nest.map_structure(lambda x: x[:, :, :time], (r.tokens, r.extras)) for r in (a, b)))
