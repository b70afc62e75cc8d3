"""Tests of what is the tagging task's own; the rest is in test_base.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from conllu import parse

import run
from common import exporting, training
from common.errors import InputError
from common.sources.tagged_text import TaggedSentences, TaggedSplits
from tasks.pos import Pos, PosOptions, PosSaved, logistic_regression, most_frequent_tag, scores


def task_of(data: Path, **options: object) -> Pos:
    small = {"units": 8, "embedding": 8, "characters": 8, "batch_size": 4, "window": 16, "epochs": 1}
    return Pos(PosOptions(data=str(data), **(small | options)))


@pytest.fixture(scope="module", params=[False, True], ids=["softmax", "crf"])
def output(request, data_of, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    training.train(task_of(data_of("pos"), output=folder, epochs=6, learning_rate=0.02, crf=request.param))
    return folder


@pytest.fixture(scope="module")
def served(output: Path):
    return exporting.load(exporting.find(output, "pos"))


def ask(served, sentences: list[list[str]]) -> dict[str, np.ndarray]:
    longest = max(map(len, sentences), default=0)
    padded = np.array([s + [""] * (longest - len(s)) for s in sentences], object).reshape(len(sentences), longest)
    return {name: value.numpy() for name, value in served(tokens=tf.constant(padded, tf.string)).items()}


def test_tags_unseen_words_by_their_spelling(served) -> None:
    answer = ask(served, [["ggbgka", "bbto", "rrrrrli", "."], ["mmto"]])
    assert answer["tags"].tolist() == [[b"NOUN", b"VERB", b"ADJ", b"PUNCT"], [b"VERB", b"", b"", b""]]
    assert not answer["seen"][0, :3].any() and answer["seen"][0, 3]
    assert (answer["probability"][0] > 0.5).all() and not answer["probability"][1, 1:].any()


def test_an_answer_does_not_depend_on_the_other_sentences_of_a_request(served) -> None:
    sentences = [["bdgka", "nnnto"], ["."], ["mmmli", "x" * 200, "日本", "bdgto"] * 9]
    together = ask(served, sentences)
    for row, sentence in enumerate(sentences):
        alone = ask(served, [sentence])
        assert alone["tags"][0].tolist() == together["tags"][row, : len(sentence)].tolist()
        np.testing.assert_allclose(alone["probability"][0], together["probability"][row, : len(sentence)], atol=1e-5)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (2, 0), (2, 3)])
def test_serves_nothing_with_nothing(served, shape: tuple[int, int]) -> None:
    answer = served(tokens=tf.fill(shape, ""))
    assert answer["tags"].shape == shape and all(tag == b"" for tag in answer["tags"].numpy().ravel())


def test_text_is_split_inside_the_graph(served) -> None:
    answer = served.model.signatures["text"](text=tf.constant(["bdgka nnnto.", "", b"\xff"]))
    assert answer["tokens"].numpy()[:2].tolist() == [[b"bdgka", b"nnnto", b"."], [b"", b"", b""]]
    assert answer["tags"].numpy()[0].tolist() == [b"NOUN", b"VERB", b"PUNCT"]


def test_predict_prints_and_writes_conllu(output: Path, tmp_path: Path, capsys) -> None:
    file = tmp_path / "out.conllu"
    command = ["pos", "predict", "bdgka nnnto.", "mmmli", "--output", str(output), "--output-file", str(file)]
    assert run.main(command) == 0
    assert "nnnto" in capsys.readouterr().out
    first, second = parse(file.read_text())
    assert first.metadata["text"] == "bdgka nnnto." and [token["form"] for token in first] == ["bdgka", "nnnto", "."]
    assert [token["upos"] for token in [*first, *second]] == ["NOUN", "VERB", "PUNCT", "ADJ"]


def test_predict_refuses_a_file_that_cannot_be_written(output: Path, tmp_path: Path, capsys) -> None:
    missing = tmp_path / "none" / "out.conllu"
    assert run.main(["pos", "predict", "a", "--output", str(output), "--output-file", str(missing)]) == 2
    assert f"--output-file {missing}" in capsys.readouterr().err
    with pytest.raises(InputError):
        Pos.predict(None, ["a"], PosSaved(output_file=tmp_path))


def test_scores_are_those_of_the_answers() -> None:
    truth, said = [["A", "B"], ["A"]], [["A", "A"], ["A"]]
    assert scores(truth, said, [[True, False], [False]]) == {
        "accuracy": pytest.approx(2 / 3),
        "accuracy_unseen": 0.5,
        "sentence_accuracy": 0.5,
    }


def test_baselines_know_words_and_their_neighbours() -> None:
    train = TaggedSentences(
        [("the", "run"), ("to", "run"), ("to", "run")] * 5, [("D", "N"), ("P", "V"), ("P", "V")] * 5
    )
    asked = [("the", "run"), ("to", "run"), ("new",)]
    assert most_frequent_tag(train, asked) == [["D", "V"], ["P", "V"], ["P"]]
    assert logistic_regression(train, asked)[:2] == [["D", "N"], ["P", "V"]]


def test_a_tag_that_training_never_saw_counts_as_missed(data_of, monkeypatch: pytest.MonkeyPatch) -> None:
    train = TaggedSentences([("a", "b")] * 8, [("X", "Y")] * 8)
    splits = TaggedSplits(train, train, TaggedSentences([("a", "c")], [("X", "Z")]), "made")
    monkeypatch.setattr(PosOptions, "load", lambda self: splits)
    task = task_of(data_of("pos"))
    task.load()
    assert task.tags == ["X", "Y"]
    assert task.sequences("test").weights.tolist() == [1, 0]
    assert task.scores([["X", "Y"]])["accuracy"] == 0.5
