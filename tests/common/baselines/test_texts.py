"""Plain classifiers of texts."""

from __future__ import annotations

import pytest

from common.baselines.texts import predictions
from common.errors import InputError
from common.sources.records import LabelledTexts
from common.text.scripts import Level

TEXTS, LABELS = ["good film", "bad film", "good plot", "bad plot"] * 3 + ["fine"], ["p", "n"] * 6 + ["p"]


def found(texts: list[str], labels: list[str], asked: list[str], level: Level = "word") -> dict[str, list[str]]:
    train = LabelledTexts(texts, labels)
    methods = predictions(train, asked, level=level, split=lambda texts: list(map(list, texts)))
    return {name: method() for name, method in methods.items()}


def test_they_learn_and_the_majority_does_not() -> None:
    expected = {"majority": ["p", "p"], "tfidf_logistic_regression": ["n", "p"]}
    assert found(TEXTS, LABELS, ["bad film", "good film"]) == expected


def test_the_tokens_of_a_level_are_what_they_learn_from() -> None:
    texts, labels = ["电影好看", "剧情好看", "电影难看", "剧情难看"] * 2, ["p", "p", "n", "n"] * 2
    assert found(texts, labels, ["演员难看", "好看"], "character")["tfidf_logistic_regression"] == ["n", "p"]


def test_canonically_equal_texts_get_one_class() -> None:
    one, other = found(["été chaud", "hiver froid"] * 3, ["p", "n"] * 3, ["e\u0301te\u0301", "été"])[
        "tfidf_logistic_regression"
    ]
    assert one == other == "p"


@pytest.mark.parametrize(
    "texts", [["amazing", "dull", "superb", "boring"], ["👍", "👎", "!", "?"], ["很好", "很差", "好看", "难看"]]
)
def test_one_that_cannot_be_trained_says_why(texts: list[str]) -> None:
    methods = predictions(LabelledTexts(texts, ["p", "n", "p", "n"]), ["dull"], level="word", split=lambda texts: [])
    assert methods["majority"]() == ["n"]
    with pytest.raises(InputError, match="it cannot be trained on these texts: "):
        methods["tfidf_logistic_regression"]()
