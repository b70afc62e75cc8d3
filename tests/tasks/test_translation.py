"""What is the translator's own: what `predict` gives, shows and writes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from rich.table import Table

from common.cli.train import train
from common.errors import InputError
from common.serving.export import Export
from common.serving.saved_model import SavedModel
from common.serving.versions import ASSETS
from common.sources.asked import Asked
from common.sources.records import Pairs
from common.sources.splits import Splits
from common.training import run as training
from common.training.preparing import prepared
from tasks.translation import Translation, TranslationOptions, TranslationSaved
from tests.tiny import OPTIONS


def task_of(data: Path, **options: object) -> Translation:
    return Translation(TranslationOptions(data=str(data), **(OPTIONS["translation"] | {"cell": "gru"} | options)))


@pytest.fixture(scope="module")
def model(trained) -> SavedModel:
    return SavedModel(trained("translation", "gru") / "translation" / "gru" / "1")


def columns(table: Table) -> list[list[str]]:
    return [[str(cell) for cell in column.cells] for column in table.columns]


def written(model: SavedModel, path: Path, records: list[dict]) -> None:
    """Writes records as the suffix of a file says."""
    with Translation.formats(model)["--output-file"][path.suffix](path, ("text",)) as write:
        write([(Asked(record["text"], {"text": record["text"]}), record) for record in records])


def test_predict_gives_shows_and_writes_the_translation_of_each_text(model: SavedModel, tmp_path: Path) -> None:
    texts = ["old house and a longer sentence than the rest of them", "", "red cat"]
    for beam in (1, 3):
        options = TranslationSaved(beam=beam, output_file=tmp_path / f"{beam}.fr")
        assert options.files() == {"--output-file": options.output_file}
        records = Translation.predict(model, texts, options)
        written(model, options.output_file, records)
        shown, predicted, _ = columns(Translation.show(records))
        assert shown == texts and options.output_file.read_text().split("\n") == [*predicted, ""]
        assert predicted[1] == "" and [record["translation"] for record in records] == predicted
        for text, record in zip(texts, records):
            alone = model.signatures["beam"](text=tf.constant([text]), beam=tf.constant(beam))
            assert alone["translation"].numpy()[0].decode() == record["translation"]
    assert TranslationSaved().files() == {}


def test_translations_of_several_lines_are_written_on_one(model: SavedModel, tmp_path: Path) -> None:
    written(model, tmp_path / "out.txt", [{"text": "a", "translation": "b\nc"}, {"text": "", "translation": ""}])
    assert (tmp_path / "out.txt").read_text() == "b c\n\n"


def test_predict_shows_what_the_decoder_attended_to(model: SavedModel) -> None:
    texts = ["red cat %(n1)s 日本", "red"]
    records = Translation.predict(model, texts, TranslationSaved(beam=2, show_attention=True))
    json.dumps(records)
    for text, record in zip(texts, records):
        found = model.signatures["attention"](text=tf.constant([text]), beam=tf.constant(2))
        pieces = [piece.decode(errors="replace") for piece in found["translation"].numpy()[0] if piece]
        assert [row["subword"] for row in record["attention"]] == pieces and pieces
        for row, weights in zip(record["attention"], found["weights"].numpy()[0]):
            assert row["source"] == found["source"].numpy()[0][weights.argmax()].decode(errors="replace")
            assert row["weight"] == pytest.approx(weights.max(), rel=1e-4)
    lines = columns(Translation.show(records))[1][1].splitlines()
    assert len(lines) == len(records[0]["attention"]) and " <- " in lines[0]


def test_a_model_without_attention_has_nothing_to_show(tmp_path: Path) -> None:
    (tmp_path / ASSETS).mkdir()
    (tmp_path / ASSETS / "config.json").write_text(json.dumps({"attention": "none", "beam": 2}))
    with pytest.raises(InputError, match="--show-attention: this model was trained with --attention none"):
        Translation.asked(SavedModel(tmp_path), ["red cat"], TranslationSaved(show_attention=True))


def test_the_test_split_is_kept_with_the_predictions(model: SavedModel) -> None:
    assets = model.folder / ASSETS
    assert [line.split()[0] for line in (assets / "signatures.txt").read_text().splitlines()] == ["BLEU", "chrF2"]
    header, *rows = [line.split("\t") for line in (assets / "test.tsv").read_text().splitlines()]
    assert header == ["source", "reference", "translation"] and len(rows) == 40


def test_the_model_that_was_tested_is_the_one_that_is_saved(data_of, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracing the search takes seconds. (`tested` returns the export that it gives to `answers`.)"""
    answer = {"translation": "", "score": 0.0, "log_probability": -1.0, "tokens": 1}
    monkeypatch.setattr(Export, "ask", lambda self, records, *of, **rest: [answer for _ in records])
    task = task_of(data_of("translation"))
    task.load()
    export = Export({}, [])
    assert task.answers(None, None, None, export=export).model is export


def test_the_example_is_a_text_as_it_stands(data_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["{count} files of {version}"]
    splits = Splits(*[Pairs(texts, texts)] * 3, source="made", languages=("en", "fr"))
    monkeypatch.setattr(TranslationOptions, "load", lambda self: splits)
    task = task_of(data_of("translation"), output=tmp_path)
    task.load()
    assert task.example(tmp_path) == texts[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "mlp"}, "--cell mlp: a decoder starts from a state"),
        ({"longest": 1, "vocabulary": 275}, "--longest 1: no pair of the train split is so short"),
        ({"longest": 1, "vocabulary": 275, "on_disk": True}, "--longest 1: no pair of the train split is so short"),
        ({"vocabulary": 100}, "--vocabulary 100: the bytes alone are 275"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict, message: str, data_of, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        training.fit(task_of(data_of("translation"), output=tmp_path, **options), tmp_path)


def test_a_test_of_unknown_words_is_said(tmp_path: Path, capsys) -> None:
    for split, rows in (
        ("train", ("a cat\tun chat",) * 3),
        ("dev", ("a cat\tun chat",)),
        ("test", ("la luna\tun chat",)),
    ):
        (tmp_path / f"{split}.tsv").write_text("\n".join([*rows, ""]))
    task_of(tmp_path).load()
    said = capsys.readouterr().out
    assert "warning: 0% of the test source words are known from training" in said and "target words" not in said


def test_windows_of_pairs_on_disk_are_those_in_memory_and_are_prepared_once(
    data_of, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("SEQUENCE_SUITE_CACHE", str(tmp_path / "cache"))
    found = []
    for on_disk in (False, True, True):
        task = task_of(data_of("translation"), on_disk=on_disk, longest=4)
        described = task.load()
        known = task.subwords.known, task.copies, described, task.splits.test, task.steps("train", 7)
        found.append((prepared(task), known))
        assert ("preparing" in capsys.readouterr().out) == (on_disk and len(found) == 2)
    (memory, of_memory), *others = found
    assert "subwords left out" in of_memory[2]
    for streams, known in others:
        assert known == of_memory
        for split, stream in streams.items():
            assert stream.sequences.weights.sum(dtype=float) == memory[split].sequences.weights.sum(dtype=float)
            for a, b in zip(stream.iterate(1), memory[split].iterate(1), strict=True):
                for x, y in zip(tf.nest.flatten(a), tf.nest.flatten(b), strict=True):
                    np.testing.assert_array_equal(x, y)


def test_a_translator_of_pairs_on_disk_is_trained_and_compared(data_of, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SEQUENCE_SUITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tasks.translation.SOME", 100)
    task = task_of(data_of("translation"), on_disk=True, output=tmp_path, epochs=1)
    metrics = SavedModel(train(task)).metrics
    assert "nearest_in_100_pairs" in metrics["baselines"] and metrics["training"]["steps"] > 0
    with pytest.raises(InputError, match="--on-disk: for line-aligned files of your own; give --data PATH"):
        TranslationOptions(on_disk=True).load()
