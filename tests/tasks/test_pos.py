"""Tests of what is the tagging task's own; the rest is in test_base.py."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from conllu import parse
from rich.console import Console

import run
from common.cli.train import train
from common.serving.saved_model import SavedModel
from common.serving.versions import ASSETS
from common.sources.asked import Asked
from common.sources.conllu import conllu_writer
from common.sources.records import TaggedSentences
from common.sources.splits import Splits
from common.sources.tagged import of_conllu
from common.text.words import tokens
from tasks.pos import Pos, PosOptions, PosSaved, split_endings
from tests.tiny import OPTIONS


def task_of(data: Path, **options: object) -> Pos:
    return Pos(PosOptions(data=str(data), **(OPTIONS["pos"] | {"epochs": 1} | options)))


@pytest.fixture(scope="module", params=["softmax", "crf"])
def output(request, learned, variant) -> Path:
    """The folder of a model that has learned its tiny data."""
    version = learned("pos") if request.param == "softmax" else variant("pos")
    return version.parents[2]


@pytest.fixture(scope="module")
def model(output: Path) -> SavedModel:
    return SavedModel(output / "pos" / "lstm" / "1")


def ask(model: SavedModel, sentences: list[list[str]]) -> dict[str, np.ndarray]:
    longest = max(map(len, sentences), default=0)
    padded = np.array([s + [""] * (longest - len(s)) for s in sentences], object).reshape(len(sentences), longest)
    return {
        name: value.numpy()
        for name, value in model.signatures["serving_default"](tokens=tf.constant(padded, tf.string)).items()
    }


def test_canonically_equal_words_have_one_answer(model: SavedModel) -> None:
    composed = ["mmtó", "bbtó", "ggbgká", "."]
    one = ask(model, [composed])
    other = ask(model, [[unicodedata.normalize("NFD", word) for word in composed]])
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name])
    texts = [" ".join(composed), unicodedata.normalize("NFD", " ".join(composed))]
    first, second = model.ask([{"text": text} for text in texts], "text")
    assert first["tokens"] == second["tokens"]
    assert first["tags"] == second["tags"]


def test_tags_unseen_words_by_their_spelling(model: SavedModel) -> None:
    answer = ask(model, [["ggbgka", "bbto", "rrrrrli", "."], ["mmto"]])
    assert answer["tags"].tolist() == [[b"NOUN", b"VERB", b"ADJ", b"PUNCT"], [b"VERB", b"", b"", b""]]
    assert not answer["seen"][0, :3].any() and answer["seen"][0, 3]
    assert (answer["probability"][0] > 0.5).all() and not answer["probability"][1, 1:].any()


def test_an_answer_does_not_depend_on_the_other_sentences_of_a_request(model: SavedModel) -> None:
    sentences = [["bdgka", "nnnto"], ["."], ["mmmli", "x" * 200, "日本", "bdgto"] * 9]
    together = ask(model, sentences)
    for row, sentence in enumerate(sentences):
        alone = ask(model, [sentence])
        assert alone["tags"][0].tolist() == together["tags"][row, : len(sentence)].tolist()
        np.testing.assert_allclose(alone["probability"][0], together["probability"][row, : len(sentence)], atol=1e-5)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (2, 0), (2, 3)])
def test_serves_nothing_with_nothing(model: SavedModel, shape: tuple[int, int]) -> None:
    answer = model.signatures["serving_default"](tokens=tf.fill(shape, ""))
    assert answer["tags"].shape == shape and all(tag == b"" for tag in answer["tags"].numpy().ravel())


def test_text_is_split_inside_the_graph(model: SavedModel) -> None:
    answer = model.signatures["text"](text=tf.constant(["bdgka nnnto.", "", b"\xff"]))
    assert answer["tokens"].numpy()[:2].tolist() == [[b"bdgka", b"nnnto", b"."], [b"", b"", b""]]
    assert answer["tags"].numpy()[0].tolist() == [b"NOUN", b"VERB", b"PUNCT"]
    assert {value.shape for value in model.signatures["text"](text=tf.constant([""])).values()} == {(1, 0)}


def test_predict_prints_and_writes_conllu(output: Path, tmp_path: Path, capsys) -> None:
    file = tmp_path / "out.conllu"
    command = ["pos", "predict", "bdgka nnnto.", "mmmli", "--output", str(output), "--output-file", str(file)]
    assert run.main(command) == 0
    assert "nnnto" in capsys.readouterr().out
    first, second = parse(file.read_text())
    assert first.metadata["text"] == "bdgka nnnto." and [token["form"] for token in first] == ["bdgka", "nnnto", "."]
    assert [token["upos"] for token in [*first, *second]] == ["NOUN", "VERB", "PUNCT", "ADJ"]
    assert [token["misc"] for token in first] == [None, {"SpaceAfter": "No"}, None]


def test_what_is_written_can_be_read_again(tmp_path: Path) -> None:
    texts = ["a,\u00a0b  (c)\x00d\u200be", "(f"]
    split = [[word.decode() for word in row] for row in tokens(tf.constant(texts)).to_list()]
    records = [{"text": text, "tokens": row, "tags": ["X"] * len(row)} for text, row in zip(texts, split)]
    with conllu_writer(tmp_path / "out.conllu", "upos") as write:
        write([(Asked(record["text"], {}), record) for record in records])
    content = (tmp_path / "out.conllu").read_text()
    assert [sentence.metadata["text"] for sentence in parse(content)] == ["a, b (c) d e", "(f"]
    assert [sentence.words for sentence in of_conllu(content, "out", "upos")] == [
        ("a", ",", "b", "(", "c", ")", "d", "e"),
        ("(", "f"),
    ]


def test_words_of_a_treebank_are_tagged_as_they_are(model: SavedModel, output: Path, tmp_path: Path) -> None:
    rows = [["1", "bdgka nnnto", "l", "_", "_", "_", "0", "root", "_", "_"], ["2", ".", *["_"] * 8]]
    content = "# text = x\n" + "".join("\t".join(row) + "\n" for row in rows) + "\n"
    (tmp_path / "in.conllu").write_text(content)
    for kind in ("conllu", "csv", "jsonl", "txt"):
        files = ["--input-file", str(tmp_path / "in.conllu"), "--output-file", str(tmp_path / f"out.{kind}")]
        assert run.main(["pos", "predict", "--model", str(model.folder), *files]) == 0
    (record,) = Pos.predict(model, [("bdgka nnnto", ".")], PosSaved())
    for row, tag in zip(rows, record["tags"], strict=True):
        content = content.replace("\t".join(row), "\t".join([*row[:3], tag, *row[4:]]))
    assert (tmp_path / "out.conllu").read_text() == content
    found = json.loads((tmp_path / "out.jsonl").read_text())
    assert found["tokens"] == ["bdgka nnnto", "."] and found["tags"] == record["tags"] and found["text"] == "x"
    assert (tmp_path / "out.csv").read_text().startswith('text,tokens,tags,probability,seen\nx,"[""bdgka nnnto')
    assert (tmp_path / "out.txt").read_text() == " ".join(record["tags"]) + "\n"


def test_nothing_to_tag_leaves_the_file_alone(output: Path, tmp_path: Path, capsys) -> None:
    file = tmp_path / "out.conllu"
    file.write_text("kept")
    assert run.main(["pos", "predict", " ", "", "--output", str(output), "--output-file", str(file)]) == 2
    assert "nothing to predict" in capsys.readouterr().err and file.read_text() == "kept"
    assert run.main(["pos", "predict", "a", "b\udcff", "--output", str(output)]) == 2
    assert "input 2: not UTF-8" in capsys.readouterr().err


def test_evaluate_refuses_the_other_column_and_knows_its_data_by_any_path(output: Path, data_of, capsys) -> None:
    assert run.main(["pos", "evaluate", "--column", "xpos", "--output", str(output)]) == 2
    assert "--column xpos: this model learned upos tags" in capsys.readouterr().err
    printed = []
    for path in (data_of("pos"), data_of("pos").parent / "." / ".." / data_of("pos").parent.name / data_of("pos").name):
        assert run.main(["pos", "evaluate", "--data", str(path), "--output", str(output)]) == 0
        printed.append(capsys.readouterr().out.replace(str(path), "PATH"))
    assert printed[0] == printed[1] and "PATH, its test part" in printed[0]


def test_words_are_shown_as_they_are(model: SavedModel) -> None:
    texts = ["http://a.b/[/b]c http://[red]:heart:s", *["mmmli ."] * 99, "."]
    table = Pos.show(Pos.predict(model, texts, PosSaved()))
    assert [str(word) for word in table.columns[0].cells] == [word for text in texts for word in text.split()]
    printed = StringIO()
    Console(file=printed, width=150).print(table)
    assert "http://a.b/[/b]c" in printed.getvalue() and "http://[red]:heart:s" in printed.getvalue()


def test_predict_writes_the_column_that_the_model_learned(trained, tmp_path: Path) -> None:
    version, file = trained("pos", "simple_rnn") / "pos" / "simple_rnn" / "1", tmp_path / "out.conllu"
    assert run.main(["pos", "predict", "mmmli.", "--model", str(version), "--output-file", str(file)]) == 0
    assert {(token["upos"], token["xpos"][0]) for token in parse(file.read_text())[0]} == {("_", "X")}


def test_predict_refuses_a_file_that_cannot_be_written(output: Path, tmp_path: Path, capsys) -> None:
    missing = tmp_path / "none" / "out.conllu"
    assert run.main(["pos", "predict", "a", "--output", str(output), "--output-file", str(missing)]) == 2
    assert f"--output-file {missing}" in capsys.readouterr().err


def test_english_endings_stand_apart_where_they_are_common() -> None:
    assert split_endings(Counter({"do": 900, "n't": 99, "'s": 1}))
    assert not split_endings(Counter({"en": 1000, "'s": 1}))


def test_scores_of_no_words_are_null_and_tags_that_training_never_saw_are_drawn(
    data_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = TaggedSentences([("a", "b")] * 8, [("X", "Y")] * 8)
    splits = Splits(learned, learned, TaggedSentences([("a", "b")], [("V", "W")]), source="made")
    monkeypatch.setattr(PosOptions, "load", lambda self: splits)
    small = {"bidirectional": False, "characters": 0, "affixes": False}
    version = train(task_of(data_of("pos"), output=tmp_path, **small))
    saved = json.loads((version / ASSETS / "metrics.json").read_text(), parse_constant=pytest.fail)
    assert saved["metrics"] == {"accuracy": 0, "accuracy_unseen": None, "sentence_accuracy": 0}


def test_a_tag_that_training_never_saw_counts_as_missed(data_of, monkeypatch: pytest.MonkeyPatch) -> None:
    learned = TaggedSentences([("a", "b")] * 8, [("X", "Y")] * 8)
    splits = Splits(learned, learned, TaggedSentences([("a", "c")], [("X", "Z")]), source="made")
    monkeypatch.setattr(PosOptions, "load", lambda self: splits)
    task = task_of(data_of("pos"))
    task.load()
    assert task.tags == ["X", "Y"]
    assert task.sequences("test").weights.tolist() == [1, 0]
    assert task.tagged([["X", "Y"]]).scores()["accuracy"] == 0.5


def test_evaluate_names_tags_that_the_model_does_not_know(output: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "a.tsv").write_text("a\tNN\nb\tNOUN\n")
    assert run.main(["pos", "evaluate", "--data", str(tmp_path / "a.tsv"), "--output", str(output)]) == 2
    error = capsys.readouterr().err
    assert "1 of 2 tags are unknown to this model: NN; it knows" in error and error.count("\n") == 1
