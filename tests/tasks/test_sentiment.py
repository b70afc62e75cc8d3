"""Tests of what is the sentiment task's own; the rest is in test_base.py."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from common.options import SavedOptions
from common.serving import saved_models
from common.sources.records import LabelledTexts
from common.sources.splits import Splits
from common.training import run as training
from tasks.sentiment import Sentiment, SentimentOptions, baselines, report, scores


def task_of(data: Path, **options: object) -> Sentiment:
    small = {"units": 8, "embedding": 8, "batch_size": 4, "window": 16, "epochs": 1}
    return Sentiment(SentimentOptions(data=str(data), **(small | options)))


@pytest.fixture(scope="module")
def served(data_of, tmp_path_factory: pytest.TempPathFactory):
    output = tmp_path_factory.mktemp("models")
    return saved_models.load(training.train(task_of(data_of("sentiment"), output=output, epochs=6, learning_rate=0.01)))


def ask(served, texts: list[str | bytes]) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in served(text=tf.constant(texts, tf.string)).items()}


def test_serves_any_number_of_texts_of_any_length(served) -> None:
    texts = ["", "great", "the film was dull " * 300, b"\xff\xfe", "Unknown wörds 日本"]
    answers = ask(served, texts)
    assert answers["label"].shape == (5,) and answers["probability"].shape == (5, 2)
    assert set(answers["label"].tolist()) <= {b"pos", b"neg"}
    np.testing.assert_allclose(answers["probability"].sum(1), 1, atol=1e-6)
    assert ask(served, [])["probability"].shape == (0, 2)


def test_an_answer_does_not_depend_on_the_other_texts_of_a_request(served) -> None:
    texts = ["a great film", "dull", "the story was moving and funny and " * 20]
    together = ask(served, texts)["probability"]
    alone = np.concatenate([ask(served, [text])["probability"] for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_answers_what_it_learned(served) -> None:
    assert ask(served, ["a great film", "a dull film"])["label"].tolist() == [b"pos", b"neg"]


@pytest.mark.parametrize("supervise", ["end", "rising"])
def test_weights_of_the_training_steps(supervise: str, data_of) -> None:
    task = task_of(data_of("sentiment"), supervise=supervise)
    task.load()
    sequences = task.sequences("train")
    first = slice(0, sequences.lengths[0])
    steps = np.arange(1, sequences.lengths[0] + 1)
    expected = steps / steps[-1] if supervise == "rising" else steps == steps[-1]
    np.testing.assert_allclose(sequences.weights[first], expected, rtol=1e-6)
    assert task.sequences("test").weights.sum() == len(task.splits.test)


def test_the_vocabulary_comes_from_the_training_split_alone(data_of, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"train": "seen seen", "validation": "peeked peeked", "test": "secret secret"}
    splits = Splits(**{k: LabelledTexts([t, t], ["a", "b"]) for k, t in texts.items()}, source="made")
    monkeypatch.setattr(SentimentOptions, "load", lambda self: splits)
    task = task_of(data_of("sentiment"), min_count=1)
    task.load()
    assert task.encoder.words.lookup.get_vocabulary()[2:] == ["seen", "<end>"]


def test_scores_and_report_are_those_of_the_answers() -> None:
    truth, said = ["a", "a", "a", "b"], ["a", "a", "b", "b"]
    found = scores(truth, said)
    assert found["accuracy"] == 0.75
    assert found["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    lines = [line.split() for line in report(truth, said).splitlines()]
    assert ["a", "2", "1"] in lines and ["b", "0", "1"] in lines


def test_baselines_learn_and_the_majority_does_not() -> None:
    texts, labels = ["good film", "bad film", "good plot", "bad plot"] * 3 + ["fine"], ["p", "n"] * 6 + ["p"]
    fitted = {name: method.fit(texts, labels) for name, method in baselines().items()}
    assert fitted["majority"].predict(["bad film"]) == ["p"]
    assert fitted["tfidf_logistic_regression"].predict(["bad film", "good film"]).tolist() == ["n", "p"]


def test_predict_shows_texts_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["a [red]fine[/b] film :heart:"]
    monkeypatch.setattr("tasks.sentiment.classified", lambda served, inputs: [("[pos]", 0.9)] * len(inputs))
    printed = StringIO()
    Console(file=printed, width=100).print(Sentiment.predict(None, texts, SavedOptions()))
    assert texts[0] in printed.getvalue() and "[pos]" in printed.getvalue()
