"""The command `export`: files for other runtimes, and what is refused."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import run
from common.formats import portable
from common.serving import structure
from common.serving.saved_model import SavedModel
from common.serving.versions import ASSETS
from tests.tiny import WORDS

TEXTS = ("A great film, it was!", "it's dull... and DULL", "")


@pytest.fixture
def export(capsys: pytest.CaptureFixture[str]):
    """Runs the command with a model; returns what it prints, or the error."""

    def command(task: str, model: Path, *words: object, code: int = 0) -> str:
        assert run.main([task, "export", "--model", str(model), *map(str, words)]) == code
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    return command


def example(folder: Path, *words: str) -> str:
    done = subprocess.run([sys.executable, folder / "example.py", *words], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_classifier_in_onnx_and_its_example(learned, export, tmp_path: Path) -> None:
    version = learned("sentiment")
    printed = export("sentiment", version, "--to", tmp_path / "there" / "onnx", "--verify")
    assert "onnx, inputs made up for it: texts in 48 of 48 answers are the same" in printed
    assert "texts in 60 of 60 answers are the same" in printed and "its test part" in printed
    assert "SavedModel" in printed and "next: python" in printed
    folder, model = tmp_path / "there" / "onnx", SavedModel(version)
    assert {path.name for path in folder.iterdir()} == {"model.onnx", "vocabulary.json", "example.py"}
    code = (folder / "example.py").read_text()
    assert "tensorflow" not in code and len(code.splitlines()) <= 50
    for text, answer in zip(TEXTS, model.ask([{"text": text} for text in TEXTS])):
        assert example(folder, text) == f"{answer['label']} {answer['probability'].max():.4f}\n"
    export("sentiment", version, "--to", folder)  # What is there is replaced.
    assert [path.name for path in folder.parent.iterdir()] == ["onnx"]


def test_a_classifier_that_starts_from_a_language_model_in_onnx_and_its_example(
    trained, export, tmp_path: Path
) -> None:
    version = trained("sentiment", "simple_rnn") / "sentiment" / "simple_rnn" / "1"
    printed = export("sentiment", version, "--to", tmp_path / "new", "--verify")
    assert "texts in 48 of 48 answers are the same" in printed and "its test part" in printed
    for text, answer in zip(TEXTS, SavedModel(version).ask([{"text": text} for text in TEXTS])):
        assert example(tmp_path / "new", text) == f"{answer['label']} {answer['probability'].max():.4f}\n"


def test_a_language_model_in_litert_with_weights_of_8_bits_and_its_example(
    learned, data_of, export, tmp_path: Path
) -> None:
    version = learned("language_model")
    shutil.copytree(version, tmp_path / "1")
    printed = export("language_model", tmp_path, "--format", "litert", "--int8", "--data", data_of("language_model"))
    assert (
        printed.count("its test part: texts in 2 of 2 answers are the same") == 2
    )  # With the weights as they are, and rounded.
    assert "litert-int8" in printed
    folder = tmp_path / "1" / "litert-int8"
    how = {"length": tf.constant(20), "temperature": tf.constant(0.0), "top_p": tf.constant(1.0)}
    written = (
        SavedModel(version)
        .signatures["serving_default"](prompt=tf.constant(["ba", ""]), seed=tf.constant(0), **how)["text"]
        .numpy()
    )
    assert example(folder, "ba", "1")
    export("language_model", tmp_path)  # With weights of 8 bits another token may be the most likely one.
    found = [example(folder.with_name("onnx"), prompt, "20") for prompt in ("ba", "")]
    assert found == [text.decode() + "\n" for text in written]


def test_a_tagger_in_onnx_and_its_example(variant, export, tmp_path: Path) -> None:
    version, words = variant("pos"), ["bdgka", "Nrb-7to", "x", "."]
    printed = export("pos", version, "--to", tmp_path / "new", "--verify")
    assert "its test part: texts in 60 of 60 answers are the same" in printed
    tags = SavedModel(version).ask([{"tokens": words}])[0]["tags"]
    assert example(tmp_path / "new", *words).split() == [f"{word}/{tag}" for word, tag in zip(words, tags)]


def test_a_classifier_of_signals_in_litert_and_its_example(learned, export, tmp_path: Path) -> None:
    version, table = learned("signals"), tmp_path / "some.csv"
    printed = export("signals", version, "--format", "litert", "--to", tmp_path / "new", "--verify")
    assert "its test part: texts in 48 of 48 answers are the same" in printed
    table.write_text("trial,noise,level\na,0.1,-1\na,0.2,0.5\nb,0,1\n")
    given = [np.array([[-1, 0.1], [0.5, 0.2]]), np.array([[1.0, 0.0]])]
    answers = [SavedModel(version).ask([{"values": values}])[0] for values in given]
    lines = [f"{name} {one['label']} {one['probability'].max():.4f}\n" for name, one in zip("ab", answers)]
    assert example(tmp_path / "new", str(table)) == "".join(lines)


def test_a_forecaster_in_onnx_and_its_example(learned, export, tmp_path: Path) -> None:
    version = learned("forecasting")
    printed = export("forecasting", version, "--to", tmp_path / "new", "--verify")
    assert "inputs made up for it" in printed and "its test part" in printed
    code = (tmp_path / "new" / "example.py").read_text()
    assert "tensorflow" not in code and len(code.splitlines()) <= 200
    assert_forecasts_of_the_example_are_right(version, tmp_path)


def assert_forecasts_of_the_example_are_right(version: Path, tmp_path: Path) -> None:
    """Those of the example in the folder `new` are those of `predict`."""
    table, written = version / ASSETS / "example.csv", tmp_path / "forecasts.csv"
    assert run.main(["forecasting", "predict", str(table), "--model", str(version), "--output-file", str(written)]) == 0
    rows = list(csv.DictReader(written.open()))
    found = [line.split() for line in example(tmp_path / "new", str(table)).splitlines()]
    assert [words[0] for words in found] == [row["unique_id"] for row in rows]
    numbers = [[float(row[name]) for name in ("mean", "q0.1", "q0.5", "q0.9")] for row in rows]
    np.testing.assert_allclose([[float(word) for word in words[2:]] for words in found], numbers, rtol=1e-5)


@pytest.mark.parametrize("panel", [True, False])
def test_forecasters_of_several_series_at_noon_and_of_numbers_alone_in_litert(
    panel: bool, export, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.forecasting.SMOOTHED_ORIGINS", 2)
    draw, table = np.random.default_rng(0), tmp_path / "own.csv"
    days = np.datetime64("2024-01-01T12:00") + np.arange(200) * np.timedelta64(1, "D")
    lines = [f"{name},{day},{1e8 + 5 * draw.normal():.3f}" for name in "ab" for day in days.astype(str)]
    table.write_text(
        "\n".join(["unique_id,ds,y", *lines] if panel else ["y", *(f"{x:.3f}" for x in draw.normal(size=300))])
    )
    words = ["--data", table, "--output", tmp_path / "saved", "--epochs", 1, "--units", 8, "--no-xla"]
    assert run.main(["forecasting", "train", *map(str, words)]) == 0
    version = tmp_path / "saved" / "forecasting" / "lstm" / "1"
    capsys.readouterr()
    assert "inputs made up for it" in export("forecasting", version, "--format", "litert", "--to", tmp_path / "new")
    assert_forecasts_of_the_example_are_right(version, tmp_path)


@pytest.mark.parametrize(("task", "words"), [("question_answering", ["What colour is it?"]), ("captioning", [])])
def test_what_looks_at_pictures_in_litert_and_its_example(
    task: str, words: list[str], learned, export, tmp_path: Path
) -> None:
    version = learned(task)
    printed = export(task, version, "--format", "litert", "--to", tmp_path / "new", "--verify")
    assert "its test part" in printed and "it needs numpy, pillow and ai-edge-litert" in printed
    picture = version / ASSETS / "example.png"
    asked = {"image": picture.read_bytes()} | ({"question": words[0]} if words else {})
    (answer,) = SavedModel(version).ask([asked])
    found = example(tmp_path / "new", str(picture), *words)
    assert found == (f"{answer['answer']} {answer['probability'].max():.4f}\n" if words else f"{answer['caption']}\n")


def test_a_translator_in_onnx_and_its_example(learned, export, tmp_path: Path) -> None:
    version = learned("translation")
    printed = export("translation", version, "--to", tmp_path / "new", "--verify")
    assert "its test part: texts in 80 of 80 answers are the same" in printed
    assert {path.name for path in (tmp_path / "new").glob("*.onnx")} == {"encoder.onnx", "decoder.onnx"}
    text = " ".join(WORDS)
    (answer,) = SavedModel(version).ask([{"text": text}], "beam", beam=1)
    assert example(tmp_path / "new", text) == f"{answer['translation']}\n" != "\n"
    assert example(tmp_path / "new", "  ") == "\n"


def test_what_is_not_the_saved_model_is_not_written(
    learned, export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portable, "ROUNDING", -1.0)
    error = export("sentiment", learned("sentiment"), "--to", tmp_path / "new", code=2)
    assert error.startswith("error: export: the file is not the saved model, nothing was written; onnx, inputs made up")
    assert not any(tmp_path.iterdir())


def test_what_cannot_be_exported_is_refused(learned, export, tmp_path: Path) -> None:
    version = learned("sentiment")
    assert "--int8: for --format litert" in export("sentiment", version, "--int8", code=2)
    assert "a model of sentiment" in export("pos", version, code=2)
    (tmp_path / "mine").write_text("")
    assert "is there already and holds mine, which is no exported model" in export(
        "sentiment", version, "--to", tmp_path, code=2
    )
    old = tmp_path / "old"
    shutil.copytree(version, old)
    (old / ASSETS / structure.FILE).write_bytes(b"no gzip")
    assert "structure.json.gz cannot be read" in export("sentiment", old, code=2)
    (old / ASSETS / structure.FILE).write_bytes(gzip.compress(b"[]"))
    assert "structure.json.gz is damaged" in export("sentiment", old, code=2)
    (old / ASSETS / structure.FILE).write_bytes((version / ASSETS / structure.FILE).read_bytes()[:10] + bytes(99))
    assert "structure.json.gz cannot be read" in export("sentiment", old, code=2)
    (old / ASSETS / structure.FILE).unlink()
    error = export("sentiment", old, code=2)
    assert "saved by an earlier version" in error and len(error.splitlines()) == 1


def test_structures_of_another_format_or_model_are_refused(learned, tmp_path: Path) -> None:
    version = tmp_path / "1"
    shutil.copytree(learned("sentiment"), version)
    path = version / ASSETS / structure.FILE
    read = json.loads(gzip.decompress(path.read_bytes()))
    for changed, said in (({"format": 99}, "has format 99"), ({}, "are not those of its structure")):
        network = json.loads(json.dumps(read["network"]))
        network["config"]["linear"]["config"]["sizes"][0] += 1
        path.write_bytes(gzip.compress(json.dumps(read | {"network": network} | changed).encode()))
        with pytest.raises(structure.InputError, match=said):
            structure.Structure(SavedModel(version)).network()
