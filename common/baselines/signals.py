"""Plain classifiers of sequences of vectors, and of their steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain

import numpy as np

from common.reports import counting
from common.sources.signals import Signals

Predicted = Callable[[], list]
BAND = 0.2
"""How far steps are moved to match others, as a share of the longer sequence (Sakoe & Chiba 1978)."""
NEIGHBOURS = (-4, -2, -1, 0, 1, 2, 4)
"""The steps, from a step's own, whose values a classifier of single steps reads."""


def of_sequences(train: Signals, test: Signals) -> dict[str, Predicted]:
    """Functions that give the class of each test sequence: the most frequent one, that of the nearest training sequence
    by dynamic time warping, and that of a logistic regression over means and deviations.
    """
    labels = [own[0] for own in train.labels]
    return {
        "majority": lambda: [Counter(labels).most_common(1)[0][0]] * len(test),
        "nearest_by_dtw": partial(_nearest, train.values, labels, test.values),
        "logistic_regression_of_moments": partial(
            _regression, list(map(_moments, train.values)), labels, list(map(_moments, test.values))
        ),
    }


def of_steps(train: Signals, test: Signals) -> dict[str, Predicted]:
    """Functions that give the classes of the steps of each test sequence: the most frequent one, and that of a logistic
    regression over the values of the step and of those around it.
    """
    labels = list(chain.from_iterable(train.labels))
    usual = Counter(labels).most_common(1)[0][0]

    def regression() -> list[list[str]]:
        found = _regression(_around(train.values), labels, _around(test.values))
        return [part.tolist() for part in np.split(np.array(found), np.cumsum([len(one) for one in test.values])[:-1])]

    return {
        "majority": lambda: [[usual] * len(one) for one in test.values],
        "logistic_regression_of_steps": regression,
    }


def _nearest(train: Sequence[np.ndarray], labels: Sequence[str], test: Sequence[np.ndarray]) -> list[str]:
    from dtaidistance import dtw_ndim

    whole = np.concatenate(train)
    mean, scale = whole.mean(0), whole.std(0) + 1e-12
    known, asked = ([np.ascontiguousarray((one - mean) / scale) for one in part] for part in (train, test))
    found = []
    with counting("nearest by dynamic time warping", len(asked)) as done:
        for one in asked:
            best, nearest = np.inf, 0
            for number, other in enumerate(known):
                band = max(abs(len(one) - len(other)), round(BAND * max(len(one), len(other)))) + 1
                distance = dtw_ndim.distance_fast(one, other, window=band, max_dist=best if best < np.inf else None)
                if distance < best:
                    best, nearest = distance, number
            found.append(labels[nearest])
            done(1)
    return found


def _moments(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values.mean(0), values.std(0)])


def _around(sequences: Sequence[np.ndarray]) -> np.ndarray:
    """The values of each step and of its neighbours, of all sequences end to end."""
    rows = [
        np.concatenate([one[np.clip(np.arange(len(one)) + n, 0, len(one) - 1)] for n in NEIGHBOURS], 1)
        for one in sequences
    ]
    return np.concatenate(rows)


def _regression(train: Sequence[np.ndarray], labels: Sequence[str], test: Sequence[np.ndarray]) -> list[str]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    method = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return method.fit(np.stack(train), labels).predict(np.stack(test)).tolist()
