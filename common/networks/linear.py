"""The linear part of a text classifier: logistic regression over weighted n-grams of the training texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from common.layers.linear import NgramClassifier

LEAST_TEXTS = 2
"""An n-gram of fewer training texts has no weight."""
COST = 10.0
"""How much a wrong text costs compared with large weights (C of LIBLINEAR)."""
TEXTS_AT_ONCE = 1024
MOST_NGRAMS, MOST_WEIGHTS = 500_000, 50_000_000
"""Maximum number of n-grams of each length, and of the weights of all n-grams for all classes."""


class NothingToLearn(Exception):
    """The training texts give a linear part nothing to learn."""


def most_ngrams(longest: int, classes: int) -> list[int]:
    """Maximum number of n-grams of each length up to the longest."""
    return [min(MOST_NGRAMS, MOST_WEIGHTS // (longest * classes))] * longest


@dataclass(frozen=True)
class LinearPart:
    """The weights of `common.layers.linear.NgramClassifier`.

    Attributes:
        tables: For n-grams of each length, `[n-grams, classes + 1]`: what one adds to the score of each class, and its
            squared weight.
        bias: `[classes]`.
    """

    tables: tuple[np.ndarray, ...]
    bias: np.ndarray

    def layer(self) -> NgramClassifier:
        """The weights as a layer."""
        from common.layers.linear import NgramClassifier

        layer = NgramClassifier([len(table) for table in self.tables], len(self.bias))
        layer.build()
        layer.set_weights([*self.tables, self.bias])
        return layer

    def log_probabilities(self, tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The log-probabilities of the classes of whole texts, `[texts, classes]`.

        Args:
            tokens: The n-grams that end at each step of all texts, end to end, `[steps, n-gram lengths]`.
            lengths: Steps of each text, `[texts]`, all positive.
        """
        ends, found = np.cumsum(lengths), []
        for first in range(0, len(lengths), TEXTS_AT_ONCE):
            starts = (ends - lengths)[first : first + TEXTS_AT_ONCE]
            steps = slice(starts[0], ends[min(first + TEXTS_AT_ONCE, len(ends)) - 1])
            added = sum(table[tokens[steps, n]] for n, table in enumerate(self.tables))
            found.append(np.add.reduceat(added, starts - starts[0], axis=0))
        sums = np.concatenate(found)
        scores = sums[:, :-1] / np.sqrt(np.maximum(sums[:, -1:], np.finfo(sums.dtype).tiny)) + self.bias
        logistic = -np.logaddexp(0, -scores)
        return logistic - np.logaddexp.reduce(logistic, axis=1, keepdims=True)


def fit(
    tokens: np.ndarray, lengths: np.ndarray, *, labels: np.ndarray, sizes: Sequence[int], classes: int
) -> LinearPart:
    """Fits one logistic regression per class, against all other classes.

    An n-gram's feature is its count, times its inverse document frequency, times `sqrt(|r|)`, where r is its log-count
    ratio for the class (NB-SVM: Wang & Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and Topic
    Classification", who multiply by r itself; the root serves small training sets better). A text's features are
    divided by the root of the sum of squared inverse document frequencies over its n-grams. Counts are not damped and
    the norm is a sum over n-grams, so that sums over the steps of a text are all that a score needs.

    Args:
        tokens: The n-grams that end at each step of all training texts, end to end, `[steps, n-gram lengths]`; 0 and 1
            are none that is known.
        lengths: Steps of each text, `[texts]`.
        labels: The class of each text, `[texts]`.
        sizes: How many n-grams of each length there are.
        classes: Number of classes.

    Raises:
        NothingToLearn: Every n-gram is in one text or in all, or there is one class.
    """
    from sklearn.linear_model import LogisticRegression

    counts = _counts(tokens, lengths, sizes)
    in_texts = np.bincount(counts.indices, minlength=counts.shape[1])
    if not np.any((in_texts >= LEAST_TEXTS) & (in_texts < len(lengths))):
        raise NothingToLearn("no word is in some of them")
    if classes < 2:
        raise NothingToLearn("there is one class")
    rarity = np.where(in_texts >= LEAST_TEXTS, 1 + np.log((1 + len(lengths)) / (1 + in_texts)), 0)
    norms = np.sqrt(counts @ rarity**2)
    counts.data /= np.repeat(np.maximum(norms, np.finfo(float).tiny), np.diff(counts.indptr))
    coefficients, bias = np.zeros((classes, counts.shape[1])), np.zeros(classes)
    for number in range(classes if classes > 2 else 1):
        mine = labels == number
        weights = rarity * np.sqrt(np.abs(_log_count_ratio(counts, in_texts, mine)))
        features = counts.copy()
        features.data *= weights[features.indices]
        found = LogisticRegression(C=COST, solver="liblinear", dual=True, tol=0.1, max_iter=1000, random_state=0)
        found.fit(features, mine)
        coefficients[number], bias[number] = weights * found.coef_[0], found.intercept_[0]
    if classes == 2:
        coefficients[1], bias[1] = -coefficients[0], -bias[0]
    table = np.concatenate([coefficients, rarity[None] ** 2]).T.astype(np.float32)
    return LinearPart(tuple(np.split(table, np.cumsum(sizes)[:-1])), bias.astype(np.float32))


def _counts(tokens: np.ndarray, lengths: np.ndarray, sizes: Sequence[int]) -> csr_array:
    """How often each n-gram is in each text, `[texts, n-grams]`, those of one token first."""
    from scipy.sparse import csr_array

    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    known = tokens > 1
    rows = np.broadcast_to(np.repeat(np.arange(len(lengths)), lengths)[:, None], tokens.shape)[known]
    columns = (tokens + offsets)[known]
    places = rows.astype(np.int32), columns.astype(np.int32)  # LIBLINEAR takes no others.
    return csr_array((np.ones(len(rows)), places), (len(lengths), int(sum(sizes))))


def _log_count_ratio(counts: csr_array, in_texts: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """The logarithm of how much more frequent each n-gram is in the texts of a class than in others, `[n-grams]`.

    A text counts once for each n-gram in it, and each n-gram is in one more text of both sides.
    """
    ours = 1.0 + np.bincount(counts[np.flatnonzero(mine)].indices, minlength=len(in_texts))
    theirs = 2.0 + in_texts - ours
    return np.log(ours / ours.sum()) - np.log(theirs / theirs.sum())
