"""Plain classifiers of texts."""

from __future__ import annotations

from common.baselines.texts import predictions


def test_they_learn_and_the_majority_does_not() -> None:
    texts, labels = ["good film", "bad film", "good plot", "bad plot"] * 3 + ["fine"], ["p", "n"] * 6 + ["p"]
    found = predictions(texts, labels, ["bad film", "good film"])
    assert found == {"majority": ["p", "p"], "tfidf_logistic_regression": ["n", "p"]}
