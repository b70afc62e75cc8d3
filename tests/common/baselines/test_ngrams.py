"""Language models of counts."""

from __future__ import annotations

import numpy as np
import pytest

from common.baselines.ngrams import NGrams, unigram_losses

VOCABULARY = 7


def drawn(seed: int, size: int) -> np.ndarray:
    """A sequence in which a token is often the one before it, plus one; the first is only a context."""
    draw = np.random.default_rng(seed)
    steps = np.where(draw.random(size) < 0.8, 1, draw.integers(0, VOCABULARY - 1, size))
    return np.append(0, 1 + np.cumsum(steps) % (VOCABULARY - 1))


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_of_all_next_tokens_add_up_to_one(order: int) -> None:
    model = NGrams([drawn(0, 50), drawn(1, 30)], VOCABULARY, order)
    for context in ([0], [0, 3], [0, 1, 2, 3, 4, 5], [0, 5, 5, 5]):
        chances = [np.exp(-model.losses([np.array([*context, token])])[-1]) for token in range(VOCABULARY)]
        assert sum(chances) == pytest.approx(1) and min(chances) > 0


def test_bigrams_are_those_of_the_definition() -> None:
    train = np.array([0, 1, 2, 1, 2, 3, 1, 2, 2])
    model = NGrams([train], 4, 2)
    pairs = {(0, 1): 1, (1, 2): 3, (2, 1): 1, (2, 3): 1, (3, 1): 1, (2, 2): 1}
    before = {token: sum(pair[1] == token for pair in pairs) for token in range(4)}  # 1: 3, 2: 2, 3: 1.
    ones = sum(count == 1 for count in before.values())
    twos = sum(count == 2 for count in before.values())
    share = ones / (ones + 2 * twos)
    discounts = {1: 1 - 2 * share * twos / ones, 2: 2 - 3 * share * 1 / twos, 3: 1.5, 0: 0}
    left = sum(discounts[count] for count in before.values()) / 6
    shorter = {token: (before[token] - discounts[before[token]]) / 6 + left / 4 for token in before}
    expected = (3 - 1.5) / 3 + 1.5 / 3 * shorter[2]  # No bigram comes four times: the usual discount of three.
    assert np.exp(-model.losses([np.array([0, 1, 2])])[-1]) == pytest.approx(expected)


def test_longer_contexts_help_and_sequences_do_not_see_each_other() -> None:
    train, test = [drawn(n, 300) for n in range(4)], [drawn(9, 200), drawn(10, 100)]
    losses = [NGrams(train, VOCABULARY, order).losses(test).mean() for order in (1, 2)]
    assert (
        losses[1]
        < losses[0]
        < unigram_losses(np.bincount(np.concatenate([one[1:] for one in train]), minlength=VOCABULARY), test).mean()
        + 0.01
    )
    model = NGrams(train, VOCABULARY, 3)
    np.testing.assert_allclose(model.losses(test), np.concatenate([model.losses([one]) for one in test]))


def test_unigrams_are_frequencies() -> None:
    found = unigram_losses(np.array([0, 2, 1, 0]), [np.array([0, 1, 3])])
    np.testing.assert_allclose(np.exp(-found), [3 / 7, 1 / 7])
