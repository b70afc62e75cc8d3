"""Plain classifiers of texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from unicodedata import normalize

from common.errors import InputError
from common.sources.records import LabelledTexts
from common.text.scripts import LONGEST, Level

Split = Callable[[Sequence[str]], list[list[str]]]


def classifiers(level: Level) -> dict[str, Any]:
    """The majority class, and logistic regression over TF-IDF of n-grams of the level.

    At level word they take texts, of which scikit-learn takes words of two letters or more; else lists of tokens.
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    lists = {"tokenizer": list, "token_pattern": None, "lowercase": False} if level != "word" else {}
    features = TfidfVectorizer(ngram_range=(1, LONGEST[level]), min_df=2, sublinear_tf=True, **lists)
    return {
        "majority": DummyClassifier(strategy="most_frequent"),
        "tfidf_logistic_regression": make_pipeline(features, LogisticRegression(C=10, max_iter=1000)),
    }


def predictions(
    train: LabelledTexts, texts: Sequence[str], *, level: Level, split: Split
) -> dict[str, Callable[[], list[str]]]:
    """Functions that train each classifier on the training texts and give the class that it predicts for each text.

    They raise `InputError` if a classifier cannot be trained, because no two training texts have a word in common.

    Args:
        train: The training texts with their labels.
        texts: The texts to classify.
        level: The level of the network that the classifiers are compared with.
        split: From texts to their tokens, for levels other than word.
    """
    read: Callable[[Sequence[str]], list] = _composed if level == "word" else split

    def predicted(method: Any) -> list[str]:
        try:
            method.fit(read(train.texts), train.labels)
        except ValueError as error:
            reason = re.split("[.;] ", str(error))[0]
            raise InputError(f"it cannot be trained on these texts: {reason}") from error
        return method.predict(read(texts)).tolist()

    return {name: partial(predicted, method) for name, method in classifiers(level).items()}


def _composed(texts: Sequence[str]) -> list[str]:
    return [normalize("NFC", text) for text in texts]
