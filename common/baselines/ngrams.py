"""Language models of counts: the unigram model and interpolated n-gram models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class _Order(NamedTuple):
    """The n-grams of one length.

    Attributes:
        keys: Context and last token of each distinct n-gram as one number, sorted.
        counts: The count of each: how often it occurs, or after how many different tokens.
        totals: The sum of the counts of each context.
        left: The share of each context's probability that goes to shorter n-grams.
    """

    keys: np.ndarray
    counts: np.ndarray
    totals: np.ndarray
    left: np.ndarray
    discounts: np.ndarray


class NGrams:
    """An interpolated n-gram model with modified Kneser-Ney smoothing.

    Chen & Goodman 1998, "An Empirical Study of Smoothing Techniques for Language Modeling", equation 25: three
    discounts for each order; shorter n-grams count after how many different tokens they occur; the unigram model is
    interpolated with the uniform one.

    Args:
        sequences: The training sequences, int `[tokens]` each. The first token is only a context.
        vocabulary: Number of tokens.
        order: Length of the longest n-grams.
    """

    def __init__(self, sequences: Sequence[np.ndarray], vocabulary: int, order: int) -> None:
        self.vocabulary = vocabulary
        tokens, predicted = _padded(sequences, order)
        grams = np.zeros(len(tokens), np.int64)  # The number of the shorter n-gram that ends at each step.
        self.orders: list[_Order] = []
        raw, suffixes = [], []
        for _ in range(order):
            context = np.concatenate([[0], grams[:-1]])
            keys, numbers, counts = np.unique(context * vocabulary + tokens, return_inverse=True, return_counts=True)
            ends = np.zeros(len(keys), np.int64)
            ends[numbers] = grams
            raw.append((keys, np.bincount(numbers[predicted], minlength=len(keys))))
            suffixes.append(ends)
            grams = numbers
        for n, (keys, counts) in enumerate(raw):
            if n + 1 < order:  # The number of different tokens before each.
                counts = np.bincount(suffixes[n + 1][raw[n + 1][1] > 0], minlength=len(keys))
            self.orders.append(_order(keys, counts, vocabulary, contexts=len(raw[n - 1][0]) if n else 1))

    def losses(self, sequences: Sequence[np.ndarray]) -> np.ndarray:
        """The negative log-probability of each token but the first of each sequence, in nats, `[tokens]`."""
        tokens, predicted = _padded(sequences, len(self.orders))
        probability = np.full(len(tokens), 1 / self.vocabulary)
        grams = np.zeros(len(tokens), np.int64)
        for one in self.orders:
            context = np.concatenate([[0], grams[:-1]])  # -1 where training has not seen it.
            at, seen = _found(one.keys, np.where(context < 0, -1, context * self.vocabulary + tokens))
            counts = np.where(seen, one.counts[at], 0)
            usable = (context >= 0) & (one.totals[context] > 0)
            total = np.where(usable, one.totals[context], 1)
            kept = (counts - one.discounts[np.minimum(counts, 3)]) / total
            probability = np.where(usable, kept + one.left[context] * probability, probability)
            grams = np.where(seen, at, -1)
        return -np.log(probability[predicted])


def _padded(sequences: Sequence[np.ndarray], order: int) -> tuple[np.ndarray, np.ndarray]:
    """Sequences end to end, each after repeats of its first token, and which steps are predicted."""
    before = max(order - 2, 0)
    parts = [np.concatenate([np.repeat(one[:1], before), one]) for one in sequences]
    predicted = np.concatenate([np.arange(len(part)) > before for part in parts])
    return np.concatenate(parts).astype(np.int64), predicted


def _order(keys: np.ndarray, counts: np.ndarray, vocabulary: int, *, contexts: int) -> _Order:
    context = keys // vocabulary
    of_counts = np.bincount(np.minimum(counts, 4), minlength=5).astype(np.float64)
    share = of_counts[1] / max(of_counts[1] + 2 * of_counts[2], 1)
    discounts = np.array([0, 0.5, 1, 1.5])  # Where n-grams of few occurrences are too few to tell.
    for n in (1, 2, 3):
        if of_counts[n] and of_counts[n + 1]:
            wanted = n - (n + 1) * share * of_counts[n + 1] / of_counts[n]
            discounts[n] = wanted if wanted > 0 else discounts[n]
    totals = np.bincount(context, counts, minlength=contexts)
    discounted = np.bincount(context, discounts[np.minimum(counts, 3)], minlength=contexts)
    return _Order(keys, counts, totals, discounted / np.maximum(totals, 1), discounts)


def _found(keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where sorted keys have the wanted ones, and which they have."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return at, keys[at] == wanted


def unigram_losses(counts: np.ndarray, test: Sequence[np.ndarray]) -> np.ndarray:
    """The losses of a model of the tokens' frequencies, each counted once more than it occurs; see `NGrams.losses`.

    Args:
        counts: How often each token occurs in the training sequences, as one that is predicted.
        test: The sequences, of which the first token is only a context.
    """
    return -np.log((1 + counts) / (1 + counts).sum())[np.concatenate([one[1:] for one in test])]
