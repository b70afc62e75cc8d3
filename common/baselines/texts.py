"""Plain classifiers of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def classifiers() -> dict[str, Any]:
    """The majority class, and logistic regression over TF-IDF of words and bigrams."""
    from sklearn.dummy import DummyClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    features = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    return {
        "majority": DummyClassifier(strategy="most_frequent"),
        "tfidf_logistic_regression": make_pipeline(features, LogisticRegression(C=10, max_iter=1000)),
    }


def predictions(train_texts: Sequence[str], train_labels: Sequence[str], texts: Sequence[str]) -> dict[str, list[str]]:
    """The class that each classifier, trained on the training texts, predicts for each text."""
    return {
        name: method.fit(train_texts, train_labels).predict(texts).tolist() for name, method in classifiers().items()
    }
