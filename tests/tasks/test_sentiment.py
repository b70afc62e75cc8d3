"""Tests of what is the sentiment task's own; the rest is in test_base.py."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from rich.console import Console

from common.serving.saved_model import SavedModel
from common.sources.records import LabelledTexts
from common.sources.splits import Splits
from common.streams import Sequences, Stream
from tasks.sentiment import Sentiment, SentimentOptions
from tests.tiny import OPTIONS


def task_of(data: Path, **options: object) -> Sentiment:
    return Sentiment(SentimentOptions(data=str(data), **(OPTIONS["sentiment"] | options)))


@pytest.fixture(scope="module")
def model(learned) -> SavedModel:
    return learned("sentiment")


@pytest.fixture(scope="module")
def loaded(data_of) -> Sentiment:
    task = task_of(data_of("sentiment"))
    task.load()
    return task


def ask(model: SavedModel, texts: list[str | bytes]) -> dict[str, np.ndarray]:
    answer = model.signatures["serving_default"](text=tf.constant(texts, tf.string))
    return {name: value.numpy() for name, value in answer.items()}


def test_serves_any_number_of_texts_of_any_length(model: SavedModel) -> None:
    texts = ["", "great", "the film was dull " * 300, b"\xff\xfe", "Unknown wörds 日本"]
    answers = ask(model, texts)
    assert answers["label"].shape == (5,) and answers["probability"].shape == (5, 2)
    assert set(answers["label"].tolist()) <= {b"pos", b"neg"}
    np.testing.assert_allclose(answers["probability"].sum(1), 1, atol=1e-6)
    assert ask(model, [])["probability"].shape == (0, 2)


def test_an_answer_does_not_depend_on_the_other_texts_of_a_request(model: SavedModel) -> None:
    texts = ["a great film", "dull", "the story was moving and funny and " * 20]
    together = ask(model, texts)["probability"]
    alone = np.concatenate([ask(model, [text])["probability"] for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_answers_what_it_learned(model: SavedModel) -> None:
    assert ask(model, ["a great film", "a dull film"])["label"].tolist() == [b"pos", b"neg"]


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


WORDS = ["a", "great", "dull", "film", "isn't", "é", "<br/>", "unknown", "", "!"]


@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_served_window_is_that_of_a_stream(loaded: Sentiment, texts: list[str]) -> None:
    tokens, lengths = loaded.encoder.encode(texts)
    ends = np.isin(np.arange(len(tokens)), np.cumsum(lengths) - 1).astype(np.float32)
    sequences = Sequences(lengths, {"tokens": tokens}, targets=np.zeros(len(tokens)), weights=ends, sparse_outputs=True)
    stream = Stream(sequences, len(texts), int(lengths.max()), shuffle=False)
    found, _, weights = stream.window_at(0, 0)
    served, lanes = loaded.served_window(tf.constant(texts)), stream.packing().lane
    assert found.keys() == served.keys()
    for name in ("tokens", "keep"):
        np.testing.assert_array_equal(served[name], found[name][lanes])
    np.testing.assert_array_equal(served["output_steps"][:, 0], found["output_steps"][lanes][weights[lanes] > 0])


def test_texts_are_shown_as_they_are() -> None:
    records = [{"text": "a [red]fine[/b] film :heart:", "label": "[pos]", "probability": 0.9}]
    printed = StringIO()
    Console(file=printed, width=100).print(Sentiment.show(records))
    assert records[0]["text"] in printed.getvalue() and "[pos]" in printed.getvalue()
