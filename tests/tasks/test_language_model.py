"""Tests of what the language model's task alone has; the rest is in test_base.py."""

from __future__ import annotations

import csv
import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from common.errors import InputError
from common.serving.language import losses, scored_long
from common.serving.saved_model import SavedModel
from common.serving.versions import ASSETS
from common.text.pieces import encoded
from common.training.preparing import prepared
from common.training.run import fit
from run import main
from tasks.language_model import LanguageModel, LanguageOptions
from tasks.language_model_options import LanguageData, LanguageEvaluate
from tests.tasks.trained import (
    CHECKPOINT,
    First,
    Kill,
    assert_remembered,
    carried,
    make,
    remember,
)
from tests.tiny import OPTIONS


def task_of(data: Path, **options: object) -> LanguageModel:
    return LanguageModel(LanguageOptions(data=str(data), **(OPTIONS["language_model"] | options)))


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One long text."""
    draw = random.Random(0)
    path = tmp_path_factory.mktemp("book") / "book.txt"
    path.write_text("".join(f"{draw.choice('abc')}{draw.choice('de')} {n % 7}.\n" for n in range(1500)))
    return path


@pytest.mark.parametrize(
    ("level", "tokens", "epochs"),
    [
        ("subword", 1, 20),
        ("subword", 1_000_000, 15),
        ("subword", 3_000_000, 5),
        ("subword", 7_200_000, 5),
        ("word", 12_000_000, 3),
        ("word", 90_000_000, 1),
        ("character", 1_000_000, 8),
        ("character", 30_000_000, 1),
    ],
)
def test_few_tokens_are_read_often_and_many_a_few_times(level: str, tokens: int, epochs: int) -> None:
    assert LanguageOptions().epochs_for(level, tokens) == epochs
    assert LanguageOptions(epochs=2).epochs_for(level, tokens) == 2


def test_a_long_text_is_trained_on_all_lanes_and_its_scores_are_of_validation(
    book: Path, tmp_path: Path, capsys
) -> None:
    words = ["language_model", "--data", str(book), "--output", str(tmp_path), "--epochs", "1", "--units", "8"]
    assert main([*words, "--embedding", "8", "--layers", "1", "--batch-size", "4", "--window", "16"]) == 0
    printed = capsys.readouterr().out
    assert "there is no test part" in printed and "kneser ney 7 gram" in printed
    version = tmp_path / "language_model" / "lstm" / "1"
    metrics = json.loads((version / ASSETS / "metrics.json").read_text())
    assert metrics["tested"] == "validation" and metrics["training"]["packing_efficiency"] > 0.95
    assert "no test part" in (version / "README.md").read_text()
    assert main(["language_model", "evaluate", "--output", str(tmp_path)]) == 0
    assert f"{metrics['metrics']['nats_per_token']:.4f}" in capsys.readouterr().out


def test_every_token_of_a_long_text_is_scored_once_after_its_context(book: Path, learned, monkeypatch) -> None:
    monkeypatch.setattr("common.serving.language.CONTEXT", 200)
    model, text = SavedModel(learned("language_model")), book.read_text()
    pieces = task_of(book)
    pieces.load()
    found = losses(scored_long(model, [text]))
    assert len(found) == len(encoded(pieces.pieces, [text])[0])
    whole = -model.ask([{"text": text, "state": np.zeros(0, np.float32)}], "stream")[0]["log_probability"]
    assert found.mean() == pytest.approx(whole.mean(), abs=0.02)


def test_the_level_is_said_and_small_texts_are_read_by_characters(data_of, book: Path) -> None:
    assert "level character by their size" in task_of(book).load()
    task = task_of(book, level="word", vocabulary=300)
    assert "level word; " in task.load()
    assert any(" 3" in name for name in task.pieces.known)


def test_texts_have_ends_and_a_long_one_has_none(data_of, book: Path) -> None:
    task = task_of(data_of("language_model"), documents="line")
    task.load()
    sequences = task.sequences("train")
    assert task.ends and len(sequences) == 200
    reference = sequences.inputs["reference"]
    assert (reference[sequences.ends] == 2).all() and (sequences.inputs["tokens"][sequences.offsets] == 1).all()
    task = task_of(book)
    task.load()
    sequences = task.sequences("train").filling(4)
    assert not task.ends and len(sequences) == 4 and 2 not in sequences.inputs["reference"]
    assert sequences.masks > 100


def test_predict_writes_on_and_samples_differ(learned, tmp_path: Path, capsys) -> None:
    version = learned("language_model")
    model, file = ["--model", str(version)], tmp_path / "written.csv"
    assert main(["language_model", "predict", "bka b", "--length", "20", *model]) == 0
    first = capsys.readouterr().out
    assert first.startswith("bka b") and len(first) > 20
    assert main(["language_model", "predict", "bka b", "--length", "20", *model]) == 0
    assert capsys.readouterr().out == first
    several = ["--samples", "3", "--temperature", "1", "--output-file", str(file)]
    assert main(["language_model", "predict", "bka b", "dto d", "--length", "20", *several, *model]) == 0
    with file.open() as rows:
        found = [row["continuation"] for row in csv.DictReader(rows)]
    assert len(found) == len(set(found)) == 6


def test_what_training_knows_is_likelier(learned, tmp_path: Path, capsys) -> None:
    lines, file = tmp_path / "lines.txt", tmp_path / "scores.csv"
    lines.write_text("bka bka.\nxqz 7!\n")
    words = ["language_model", "predict", "--score", str(lines), "--model", str(learned("language_model"))]
    assert main([*words, "--output-file", str(file)]) == 0
    with file.open() as rows:
        known, strange = [float(row["nats_per_token"]) for row in csv.DictReader(rows)]
    assert known < 0.5 * strange
    assert main([*words, "--tokens", "--output-file", str(file)]) == 0
    with file.open() as rows:
        assert [row["token"] for row in csv.DictReader(rows) if row["text"] == "bka bka."] == list("bka bka.")
    capsys.readouterr()
    assert main([*words[:3], str(tmp_path / "no.txt"), *words[4:]]) == 2
    assert "error: --score " in capsys.readouterr().err
    assert main(["language_model", "predict", "--tokens", "a"]) == 2
    assert "--tokens: needs --score" in capsys.readouterr().err


def test_adapted_to_a_text_the_model_of_a_saved_version_finds_it_likelier(
    learned, tmp_path: Path, capsys, monkeypatch
) -> None:
    version, other = learned("language_model"), tmp_path / "other.txt"
    other.write_text("mli dka.\n" * 40)
    monkeypatch.setattr("common.training.dynamic.RATE", 0.001)
    model, dynamic = SavedModel(version), LanguageEvaluate(dynamic_evaluation=True)
    test = LanguageModel.test(model, LanguageData(data=str(other)), other=True)
    assert LanguageModel.scored_otherwise(model, test, LanguageEvaluate()) == {}
    ((name, adapted),) = LanguageModel.scored_otherwise(model, test, dynamic).items()
    plain = LanguageModel.evaluate(model, test).scores
    assert name == f"{version}, dynamic" and set(adapted) == set(plain)
    assert adapted["nats_per_token"] < 0.8 * plain["nats_per_token"]

    def refused(data: Path) -> str:
        copy = tmp_path / "copy" / "1"
        shutil.copytree(version, copy, dirs_exist_ok=True)
        config = SavedModel(version).config | {"data": str(data)}
        (copy / ASSETS / "config.json").write_text(json.dumps(config))
        words = ["language_model", "evaluate", "--dynamic-evaluation", "--data", str(other), "--model", str(copy)]
        assert main(words) == 2
        return capsys.readouterr().err

    assert "--dynamic-evaluation: needs the texts that the model learned from" in refused(tmp_path / "gone")
    changed = tmp_path / "changed.txt"
    changed.write_text("élé élé.\n" * 40)  # Letters that the model has no tokens for.
    assert f"is not what {tmp_path / 'copy' / '1'} learned from" in refused(changed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bidirectional": True}, "--bidirectional: reading backwards"),
        ({"sampled": 9, "smoothing": 0.1}, "--sampled 9: --smoothing spreads"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        LanguageOptions(**options)


def test_a_large_vocabulary_is_sampled_by_itself() -> None:
    assert [
        LanguageOptions(**given).sampled_of(tokens)
        for given, tokens in (
            ({}, 50_000),
            ({}, 50_001),
            ({"smoothing": 0.1}, 10**5),
            ({"sampled": 0}, 10**5),
            ({"sampled": 99}, 100),
            ({"sampled": 99}, 99),
        )
    ] == [0, 8192, 0, 0, 99, 0]


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of lines and paragraphs, some of them twice, that is read in small parts."""
    monkeypatch.setenv("SEQUENCE_SUITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("common.sources.files.PART", 100)
    draw = random.Random(0)
    lines = (f"{''.join(draw.choices('abcdeé', k=3))} {n % 37}.\n{n % 3 // 2 * chr(10)}" for n in range(900))
    data = tmp_path / "texts.txt"
    data.write_text("".join(lines))
    return data


def test_training_on_disk_equals_training_in_memory(texts: Path, tmp_path: Path, capsys) -> None:
    words = ["language_model", "--data", str(texts), "--epochs", "2", "--units", "8"]
    words += ["--embedding", "8", "--layers", "1", "--batch-size", "4", "--window", "16", "--reach", "20"]
    found = []
    for how in ("--in-memory", "--on-disk"):
        assert main([*words, how, "--output", str(tmp_path / how)]) == 0
        version = tmp_path / how / "language_model" / "lstm" / "1"
        metrics = json.loads((version / ASSETS / "metrics.json").read_text())
        weights = [one.tolist() for one in SavedModel(version).variables]
        found.append((metrics["metrics"], metrics["validation"], metrics["training"]["gradient_norm"], weights))
    assert found[0] == found[1] and weights
    assert "unigrams are the only baseline" in capsys.readouterr().out
    assert main([*words, "--on-disk", "--backward"]) == 2
    assert "--backward: " in capsys.readouterr().err


def test_a_training_on_disk_resumes_exactly(texts: Path, tmp_path: Path) -> None:
    root, killed, first = tmp_path / "whole", tmp_path / "killed", First()
    options = {"on_disk": True} | carried("language_model", "lstm", tmp_path)
    task = make("language_model", texts, root, **options)
    remember(fit(task, root, callbacks=(Kill(root / "unfinished", killed / "unfinished"),)), tmp_path / "weights.npz")
    task = make("language_model", texts, killed, resume=True, **options)
    assert_remembered(fit(task, killed, callbacks=(first,)), tmp_path / "weights.npz")
    assert first.position == CHECKPOINT


@pytest.mark.parametrize("documents", ["file", "line", "blank-line"])
def test_windows_of_texts_on_disk_are_those_in_memory_and_are_prepared_once(
    documents: str, texts: Path, tmp_path: Path, capsys
) -> None:
    cache = tmp_path / "cache" / "prepared"
    streams = []
    for on_disk in (False, True, True):
        task = task_of(texts, documents=documents, on_disk=on_disk, level="subword", vocabulary=330)
        described = task.load()
        streams.append((prepared(task), described, task.splits.test, task.counts.tolist()))
        printed = capsys.readouterr().out
        assert ("preparing" in printed) == (on_disk and len(streams) == 2)
        assert on_disk is False or str(cache) in printed.replace("\n", "")
    assert [one.suffix for one in cache.iterdir()] == [""]
    (memory, *of_memory), (first, *_), (disk, *of_disk) = streams
    assert of_memory == of_disk
    for split in memory:
        for one in (first, disk):
            for a, b in zip(memory[split].iterate(1), one[split].iterate(1), strict=True):
                for x, y in zip(tf.nest.flatten(a), tf.nest.flatten(b), strict=True):
                    np.testing.assert_array_equal(x, y)


def test_a_kill_while_texts_are_prepared_leaves_nothing_that_counts(texts: Path, tmp_path: Path, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("common.networks.corpora.np.save", fail)
        with pytest.raises(KeyboardInterrupt):
            task_of(texts, on_disk=True).load()
    assert list((tmp_path / "cache" / "prepared").iterdir()) == []
    task_of(texts, on_disk=True).load()
