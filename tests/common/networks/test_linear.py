"""The fit of the linear part, compared with scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression

from common.networks.linear import COST, MOST_NGRAMS, MOST_WEIGHTS, NothingToLearn, fit, most_ngrams
from common.networks.whole import whole_window
from common.text.levels import Encoder

OPINIONS = {"good": ("warm", "moving"), "bad": ("dull", "awful"), "so so": ("plain", "decent")}


def texts_of(classes: int) -> tuple[list[str], np.ndarray]:
    """Texts whose class is that of a word in them, with words that say nothing."""
    draw, texts, labels = np.random.default_rng(0), [], []
    for number in range(90):
        labels.append(number % classes)
        words = draw.choice(["the", "film", "was", "a", "story", "plot"], draw.integers(2, 6)).tolist()
        texts.append(" ".join([*words, draw.choice(list(OPINIONS.values())[number % classes]), *words[:2]]))
    return texts, np.array(labels)


def encoder_of(texts: list[str]) -> Encoder:
    return Encoder.of(texts, "word", sizes=[99, 99], min_count=1)


@pytest.mark.parametrize("classes", [2, 3])
def test_learns_and_its_layer_gives_the_same(classes: int) -> None:
    texts, labels = texts_of(classes)
    encoder = encoder_of(texts)
    part = fit(*encoder.encode(texts), labels=labels, sizes=encoder.sizes, classes=classes)
    asked = ["a warm film", "dull", "unheard of", ""] * 400
    found = part.log_probabilities(*encoder.encode(asked))
    assert found.shape == (1600, classes) and found[:2].argmax(1).tolist() == [0, 1]
    np.testing.assert_allclose(np.exp(found).sum(1), 1, rtol=1e-5)
    numbers = encoder(tf.constant(asked[:4]))
    window = whole_window({"tokens": numbers.to_tensor()}, numbers.row_lengths(), outputs_at_end=True)
    layer = part.layer()
    np.testing.assert_allclose(layer(window, state=layer.initial_state(4))[0][:, 0], found[:4], atol=1e-5)


def test_is_logistic_regression_over_the_features_it_says() -> None:
    texts, labels = texts_of(2)
    encoder = encoder_of(texts)
    part = fit(*encoder.encode(texts), labels=labels, sizes=encoder.sizes, classes=2)

    def analyzer(text: str) -> list[str]:
        words = [*text.split(), "<end>"]
        return words + [" ".join(pair) for pair in zip(["<start>", *words], words)]

    counter = CountVectorizer(analyzer=analyzer, min_df=2)
    counts = counter.fit_transform(texts).toarray().astype(float)
    idf = TfidfTransformer().fit(counts).idf_
    present = counts > 0
    ours, theirs = (1 + present[labels == n].sum(0) for n in (1, 0))
    weights = idf * np.sqrt(np.abs(np.log(ours / ours.sum() / (theirs / theirs.sum()))))

    def features(counts: np.ndarray) -> np.ndarray:
        return counts * weights / np.sqrt(counts @ idf**2)[:, None]

    expected = LogisticRegression(C=COST, solver="liblinear", tol=1e-8).fit(features(counts), labels)
    asked = ["a warm film", "dull", "the plot was moving"]
    reference = expected.predict_log_proba(features(counter.transform(asked).toarray().astype(float)))
    np.testing.assert_allclose(part.log_probabilities(*encoder.encode(asked)), reference, atol=0.02)


@pytest.mark.parametrize(
    ("texts", "classes", "why"), [(["a", "b"], 2, "no word is in some"), (["a b", "a b", "a"], 1, "one class")]
)
def test_nothing_to_learn_is_said(texts: list[str], classes: int, why: str) -> None:
    encoder = encoder_of(texts)
    with pytest.raises(NothingToLearn, match=why):
        fit(*encoder.encode(texts), labels=np.arange(len(texts)) % classes, sizes=encoder.sizes, classes=classes)


def test_many_classes_have_fewer_ngrams_each() -> None:
    assert most_ngrams(2, 2) == [MOST_NGRAMS] * 2
    many = most_ngrams(4, 1000)
    assert len(many) == 4 and sum(many) * 1000 == MOST_WEIGHTS
