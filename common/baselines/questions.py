"""Plain answers to questions about pictures, none of which looks at the picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from common.sources.questions import Questions


def methods(train: Questions, test: Questions) -> dict[str, Callable[[], list[str]]]:
    """Functions that answer the test questions.

    They give the most frequent answer, the most frequent one to the same words, and that of a logistic regression over
    the words, pairs and triples of words of the question alone.
    """
    usual = Counter(train.answers).most_common(1)[0][0]
    return {
        "majority": lambda: [usual] * len(test),
        "majority_of_question": lambda: _of_question(train, test.questions, usual),
        "question_alone": lambda: _question_alone(train, test.questions),
    }


def _of_question(train: Questions, asked: Sequence[str], usual: str) -> list[str]:
    counts: dict[str, Counter[str]] = {}
    for question, answer in zip(train.questions, train.answers):
        counts.setdefault(question.lower(), Counter())[answer] += 1
    return [counts[one.lower()].most_common(1)[0][0] if one.lower() in counts else usual for one in asked]


def _question_alone(train: Questions, asked: Sequence[str]) -> list[str]:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = CountVectorizer(ngram_range=(1, 3), token_pattern=r"(?u)\w+|[^\w\s]", binary=True)
    model = make_pipeline(words, LogisticRegression(max_iter=500))
    return model.fit(train.questions, train.answers).predict(asked).tolist()
