"""Tests of what is the sentiment task's own; the rest is in test_base.py."""

from __future__ import annotations

import csv
from io import StringIO
from itertools import product
from pathlib import Path
from typing import get_args

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from rich.console import Console

from common.cli.train import train
from common.reports import Parts
from common.scoring.classification import Classified
from common.serving.saved_model import SavedModel
from common.sources.records import LabelledTexts
from common.sources.splits import Splits
from common.streams import Sequences, Stream
from common.text.scripts import Level
from common.training import run
from run import main
from tasks.sentiment import Sentiment, SentimentOptions
from tests.language_models import language_model
from tests.tiny import OPTIONS


def task_of(data: Path, **options: object) -> Sentiment:
    return Sentiment(SentimentOptions(data=str(data), **(OPTIONS["sentiment"] | options)))


@pytest.fixture(scope="module")
def model(learned) -> SavedModel:
    return SavedModel(learned("sentiment"))


@pytest.fixture(scope="module", params=get_args(Level))
def loaded(data_of, request: pytest.FixtureRequest) -> Sentiment:
    task = task_of(data_of("sentiment"), level=request.param)
    task.load()
    return task


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts without blanks, whose class is that of the opinion in them."""
    path = tmp_path_factory.mktemp("chinese") / "reviews.csv"
    things, degrees, others = ("这部电影", "音乐", "演员", "剧情"), ("真的", "非常", "还是"), ("我觉得", "昨天看了", "")
    opinions = {"好": ("喜欢", "精彩", "值得看"), "差": ("失望", "无聊", "难看")}
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "label"))
        for label, words in opinions.items():
            rows.writerows(("".join(parts), label) for parts in product(others, things, degrees, words))
    return path


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


@pytest.mark.parametrize(("window", "supervise"), [(4, "rising"), (16, "end")])
def test_weights_of_the_training_steps_suit_the_length_of_texts(window: int, supervise: str, data_of) -> None:
    task = task_of(data_of("sentiment"), window=window)
    assert ("at every token" if supervise == "rising" else "at the ends of texts") in task.load()
    assert task.config()["supervise"] == supervise
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
    assert task.encoder.vocabularies[0].lookup.get_vocabulary()[2:] == ["seen", "<end>"]


WORDS = ["a", "great", "dull", "film", "isn't", "é", "<br/>", "unknown", "", "!"]


@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), min_size=1, max_size=6))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


def test_steps_are_the_tokens_of_the_level(loaded: Sentiment) -> None:
    steps = loaded.steps("test", 0)
    assert len(steps) == loaded.sequences("test").lengths[0]
    joined = "".join(steps[:-1]) if loaded.level != "word" else " ".join(steps[:-1])
    assert joined.replace("▁", " ").strip() == loaded.splits.test.texts[0]


def test_texts_without_blanks_are_learned_by_their_characters(chinese: Path, tmp_path: Path, capsys) -> None:
    model = SavedModel(train(task_of(chinese, output=tmp_path, epochs=8, dropout=0.1)))
    assert "level character: 0% of the texts have blanks between words" in " ".join(capsys.readouterr().out.split())
    assert model.config["level"] == "character"
    assert (
        model.metrics["metrics"]["accuracy"] > 0.9 < model.metrics["baselines"]["tfidf_logistic_regression"]["accuracy"]
    )
    records = Sentiment.predict(model, ["这部电影非常喜欢", "音乐太无聊了", "👍🏽 한국어 ที่ 𠮷"], Sentiment.Saved())
    assert [record["label"] for record in records[:2]] == ["好", "差"]
    assert [record["known"] for record in records] == pytest.approx([1, 5 / 6, 0])


def test_a_baseline_that_cannot_be_trained_costs_its_row_alone(chinese: Path, capsys) -> None:
    task = task_of(chinese, level="word")
    task.load()
    labels, parts = task.splits.test.labels, Parts()
    found, scores = run.baselines_of(task, Classified(labels, labels), parts)
    assert found.keys() == scores.keys() == {"majority"} and parts.failed
    said = capsys.readouterr().out
    assert "baseline tfidf_logistic_regression left out" in said
    assert "linear part left out, it cannot be trained on these texts: no word is in some of them" in said
    assert task.linear is None  # The network alone is trained and saved.


def test_what_each_part_is_worth_is_kept(model: SavedModel) -> None:
    parts, validation = model.metrics["parts"], model.metrics["validation"]
    assert parts.keys() == {"network", "linear"} and parts["linear"]["accuracy"] > 0.9
    assert validation["val_joined_loss"] < max(validation["val_loss"], validation["val_linear_loss"])
    assert model.config["linear"]


def test_the_linear_part_changes_no_training(data_of, tmp_path: Path) -> None:
    weights = []
    for linear in (True, False):
        task = task_of(data_of("sentiment"), linear=linear, vocabulary=12, bigrams=5)
        fitted = run.fit(task, tmp_path / str(linear))
        weights.append([weight.numpy() for weight in fitted.model.network.trainable_weights])
        metrics, export = run.ready(task, fitted)
        answers, scores = run.tested(task, fitted, export)
        assert bool(answers.parts) == ("parts" in scores) == ("val_joined_loss" in metrics["validation"]) == linear
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_canonically_equal_texts_have_one_answer(model: SavedModel) -> None:
    answers = ask(model, ["the f\u00eete was great", "the fe\u0302te was great"])
    np.testing.assert_array_equal(answers["probability"][0], answers["probability"][1])


def test_the_share_of_known_words_is_served(model: SavedModel) -> None:
    np.testing.assert_allclose(ask(model, ["a great film", "a great 日本", "", "日本"])["known"], [1, 2 / 3, 0, 0])


def test_texts_are_shown_as_they_are() -> None:
    records = [{"text": "a [red]fine[/b] film :heart:", "label": "[pos]", "probability": 0.9}]
    printed = StringIO()
    Console(file=printed, width=100).print(Sentiment.show(records))
    assert records[0]["text"] in printed.getvalue() and "[pos]" in printed.getvalue()


def evaluated(version: Path, data: Path) -> int:
    return main(["sentiment", "evaluate", "--data", str(data), "--output", str(version.parents[2])])


def test_evaluate_names_labels_that_the_model_does_not_know(learned, tmp_path: Path, capsys) -> None:
    (tmp_path / "a.csv").write_text("text,label\na great film,1\na dull film,0\na fine film,pos\n")
    assert evaluated(learned("sentiment"), tmp_path / "a.csv") == 2
    error = capsys.readouterr().err
    assert "2 of 3 labels are unknown to this model: 1, 0; it knows neg, pos" in error and error.count("\n") == 1


def test_evaluate_refuses_texts_without_labels(learned, tmp_path: Path, capsys) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1,a great film\n")
    assert evaluated(learned("sentiment"), tmp_path / "a.csv") == 2
    error = capsys.readouterr().err
    assert "predict classifies texts without labels" in error and error.count("\n") == 1


def test_a_test_of_unknown_tokens_is_said(tmp_path: Path, capsys) -> None:
    for split, texts in (("train", ("a great film", "a dull film")), ("dev", ("a film",)), ("test", ("le navet",))):
        rows = [f"{text},{label}" for text in texts for label in ("pos", "neg")]
        (tmp_path / f"{split}.csv").write_text("\n".join(["text,label", *rows, ""]))
    task_of(tmp_path).load()
    assert "warning: 0% of the test words are known from training" in capsys.readouterr().out


CHUNKS = st.lists(
    st.sampled_from(("a", "great", "film", ", but", "dull", "was", "it", "(unknown)", "isn't")), max_size=3
)


@given(texts=st.lists(st.lists(CHUNKS, min_size=3, max_size=3), min_size=1, max_size=3))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_read_in_chunks_a_text_has_the_classes_of_one_pass(model: SavedModel, texts: list) -> None:
    stream, state, parts = model.signatures["stream"], tf.zeros((len(texts), 0)), []
    chunks = [[" ".join(["", *words]) if words else "" for words in text] for text in texts]
    for part in zip(*chunks):
        found = {name: value.numpy() for name, value in stream(text=tf.constant(part), state=state).items()}
        state = tf.constant(found["state"])
        parts.append(found)
    whole = stream(text=tf.constant(["".join(text) for text in chunks]), state=tf.zeros((len(texts), 0)))
    for row in range(len(texts)):
        tokens, probability = (
            np.concatenate([part[name][row][part["tokens"][row] != b""] for part in parts])
            for name in ("tokens", "probability")
        )
        np.testing.assert_array_equal(tokens, whole["tokens"].numpy()[row][: len(tokens)])
        np.testing.assert_allclose(probability, whole["probability"].numpy()[row][: len(tokens)], atol=1e-5)
    np.testing.assert_allclose(state, whole["state"], atol=1e-5)


def test_after_the_last_word_the_class_is_that_of_the_text(model: SavedModel) -> None:
    texts = ["a great film", "dull", "the story was moving and funny"]
    found = model.signatures["stream"](text=tf.constant(texts), state=tf.zeros((3, 0)))
    lengths = (found["tokens"].numpy() != b"").sum(1)
    last = found["probability"].numpy()[np.arange(3), lengths - 1]
    np.testing.assert_allclose(last, ask(model, texts)["probability"], atol=1e-5)


@pytest.fixture(scope="module")
def two_ways(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Language models that read forward and backward."""
    folder, texts = tmp_path_factory.mktemp("taught_by"), ["the film was warm and funny", "a tedious plot"]
    return tuple(str(language_model(folder / str(backward), texts, backward=backward)) for backward in (False, True))


@pytest.fixture(scope="module")
def taught(data_of, two_ways, tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    """A model that starts from two language models."""
    options = {"output": tmp_path_factory.mktemp("taught"), "pretrained": two_ways, "embedding": 6, "epochs": 1}
    return SavedModel(train(task_of(data_of("sentiment"), **options)))


def test_from_two_language_models_the_answer_is_the_mean_of_both_ways(data_of, two_ways, tmp_path: Path) -> None:
    """What is served for a text is what both networks say of it on the lanes of a stream."""
    task = task_of(data_of("sentiment"), pretrained=two_ways, embedding=6, epochs=1, linear=False)
    fitted = run.fit(task, tmp_path)
    model = fitted.model
    stream = Stream(task.sequences("test"), model.lanes, model.window, shuffle=False)
    on_lanes = stream.at_output_steps(model.predict(stream, verbose=0))
    both, texts = model.network, tf.constant(task.splits.test.texts)
    served = task.export(both).endpoints["serving_default"].function(texts)["probability"]
    np.testing.assert_allclose(served, on_lanes, atol=1e-5)
    window = task.served_window(texts)
    backward, _ = both.backward(window | {"tokens": window["backward"]})
    forward, _ = both.forward(window)
    np.testing.assert_allclose(served, (forward + backward)[:, 0] / 2, atol=1e-6)
    assert np.abs(forward - backward).max() > 0.01
    fitted.claim.close()


def test_what_reads_from_both_ends_cannot_stream_and_an_answer_is_that_of_the_text(taught: SavedModel, capsys) -> None:
    assert "stream" not in taught.signatures and "inside" in taught.signatures
    texts = ["a great film", "", "the story was moving and funny"]
    alone = np.concatenate([ask(taught, [one])["probability"] for one in texts])
    np.testing.assert_allclose(ask(taught, texts)["probability"], alone, atol=1e-6)
    assert main(["sentiment", "predict", "--stream", "--output", str(taught.folder.parents[2])]) == 2
    assert "it reads from both ends, with two language models" in " ".join(capsys.readouterr().err.split())


def test_only_tensorflow_runs_what_reads_both_ways(taught: SavedModel, capsys) -> None:
    assert main(["sentiment", "export", "--output", str(taught.folder.parents[2]), "--format", "onnx"]) == 2
    assert "has no structure.json.gz" in capsys.readouterr().err


def test_texts_without_blanks_go_on_without_them(chinese: Path) -> None:
    begin = tf.constant([False])
    for level in ("character", "subword"):
        task = task_of(chinese, level=level, vocabulary=300)
        task.load()
        nothing = tf.zeros((1, task.encoder.longest - 1), tf.int32)
        whole = task.encoder.chunk(tf.constant(["我觉得这部电影 真的精彩"]), nothing, begin)
        first = task.encoder.chunk(tf.constant(["我觉得这部电影"]), nothing, begin)
        second = task.encoder.chunk(tf.constant([" 真的精彩"]), first.last, ~begin)
        for name in ("tokens", "numbers", "ends"):
            together = tf.concat([getattr(first, name), getattr(second, name)], 1)
            assert together.to_list() == getattr(whole, name).to_list()
        np.testing.assert_array_equal(second.last, whole.last)
