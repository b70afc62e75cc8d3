"""Sampling: what is drawn has the frequencies of the model."""

from __future__ import annotations

import numpy as np
import pytest

from common.decoding.sampling import sample
from common.decoding.search import greedy
from tests.common.decoding.tables import (
    BOUNDS,
    END,
    START,
    VOCABULARY,
    assert_same,
    every,
    following,
    score,
    state_of,
    tables,
)


def test_sampled_frequencies_are_the_probabilities() -> None:
    rows, table = 20_000, tables(3, rows=1)
    state = state_of(np.repeat(table, rows, 0))
    drawn = sample(following, state, **BOUNDS, longest=3, seed=np.arange(rows))
    texts, counts = np.unique(drawn.tokens[:, 0], axis=0, return_counts=True)
    by_text = dict(zip(map(tuple, texts.tolist()), counts / rows, strict=True))
    for tokens in every(3):
        expected = np.exp(score(table[0], tokens))
        found = by_text.get((*tokens, *[END] * (3 - len(tokens))), 0.0)
        assert abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / rows) + 1e-4
    again = sample(following, state, **BOUNDS, longest=3, seed=np.arange(rows))
    other = sample(following, state, **BOUNDS, longest=3, seed=np.arange(rows) + rows)
    np.testing.assert_array_equal(drawn.tokens, again.tokens)
    assert (drawn.tokens != other.tokens).numpy().any()


def test_temperature_and_top_k_narrow_what_is_drawn() -> None:
    rows, table = 5000, tables(3, rows=1)
    state = state_of(np.repeat(table, rows, 0))
    chances = table[0, END, START].astype(np.float64)
    for temperature, top_k in ((0.5, None), (2.0, None), (1.0, 2)):
        allowed = chances if top_k is None else np.where(chances >= np.sort(chances)[-top_k], chances, -np.inf)
        expected = np.exp(allowed / temperature)
        more = {"seed": np.arange(rows), "temperature": temperature, "top_k": top_k}
        drawn = sample(following, state, **BOUNDS, longest=1, **more)
        found = np.bincount(drawn.tokens.numpy().ravel(), minlength=VOCABULARY) / rows
        np.testing.assert_allclose(found, expected / expected.sum(), atol=0.03)
        assert not found[np.isneginf(allowed)].any()


@pytest.mark.parametrize("more", [{"temperature": 1e-6}, {"top_k": 1}])
def test_the_narrowest_sampling_is_greedy(more: dict) -> None:
    state = state_of(tables(1))
    likeliest = greedy(following, state, **BOUNDS, longest=6)
    assert_same(sample(following, state, **BOUNDS, longest=6, seed=0, **more), likeliest)


def test_at_the_highest_temperature_all_tokens_are_equally_likely_but_those_that_are_never_drawn() -> None:
    rows, table = 5000, tables(3, rows=1)
    table[0, END, START, 1] = -np.inf
    more = {"seed": np.arange(rows), "temperature": np.inf}
    drawn = sample(following, state_of(np.repeat(table, rows, 0)), **BOUNDS, longest=1, **more)
    found = np.bincount(drawn.tokens.numpy().ravel(), minlength=VOCABULARY) / rows
    allowed = ~np.isneginf(table[0, END, START])
    np.testing.assert_allclose(found, allowed / allowed.sum(), atol=0.03)
