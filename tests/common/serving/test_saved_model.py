"""A saved model as an object, tried on functions that need no training."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from common.errors import InputError
from common.serving.export import Endpoint, Export, save
from common.serving.saved_model import SavedModel
from common.serving.versions import ASSETS, publish


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    layer = keras.layers.Rescaling(1.0)
    layer.build((None,))

    def lengths(text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"upper": tf.strings.upper(text), "length": tf.strings.length(text), "rows": tf.size(text)}

    def words(tokens: tf.Tensor, times: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"tokens": tf.strings.join([tokens, "!"]), "times": tf.tile(tf.strings.length(tokens), [1, times])}

    def sums(history: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"sum": layer(tf.reduce_sum(history, 1))}

    texts = tf.TensorSpec([None], tf.string, "text")
    endpoints = {
        "serving_default": Endpoint(lengths, [texts]),
        "words": Endpoint(
            words, [tf.TensorSpec([None, None], tf.string, "tokens"), tf.TensorSpec([], tf.int32, "times")]
        ),
        "sums": Endpoint(sums, [tf.TensorSpec([None, None], tf.float32, "history")]),
    }

    def write(folder: Path) -> None:
        save(Export(endpoints, [layer]), folder)
        (folder / ASSETS).mkdir()
        (folder / ASSETS / "config.json").write_text('{"units": 8}')

    return SavedModel(publish(tmp_path_factory.mktemp("models"), write))


def test_each_signature_answers_records(model: SavedModel) -> None:
    answers = model.ask([{"text": text} for text in ("a", "bbbb", "cc")], batch=2)
    assert [(answer["upper"], answer["length"]) for answer in answers] == [("A", 1), ("BBBB", 4), ("CC", 2)]
    answers = model.ask([{"tokens": ["a", "bc"]}, {"tokens": []}], "words", times=2)
    assert answers[0]["tokens"] == ["a!", "bc!"] and answers[0]["times"].tolist() == [1, 2, 1, 2]
    answers = model.ask([{"history": np.arange(3.0)}, {"history": np.ones(3)}], "sums")
    assert [answer["sum"] for answer in answers] == [3.0, 3.0]


def test_no_records_have_no_answers(model: SavedModel) -> None:
    assert model.ask([]) == []


def test_configuration_and_signatures_are_those_of_the_folder(model: SavedModel) -> None:
    assert model.config == {"units": 8}
    assert set(model.signatures) == {"serving_default", "words", "sums"}
    assert {name: spec.dtype for name, spec in model.inputs("words").items()} == {
        "tokens": tf.string,
        "times": tf.int32,
    }


def test_what_is_broken_is_named(tmp_path: Path) -> None:
    broken = SavedModel(publish(tmp_path, lambda folder: (folder / "saved_model.pb").write_text("model")))
    with pytest.raises(InputError, match=r"config.json cannot be read"):
        _ = broken.config
    with pytest.raises(InputError, match=r"metrics.json cannot be read"):
        _ = broken.metrics
    with pytest.raises(InputError, match=r"cannot be loaded"):
        _ = broken.signatures


def test_a_batch_of_empty_lists_is_answered_and_a_missing_input_named(model: SavedModel) -> None:
    assert [answer["tokens"] for answer in model.ask([{"tokens": []}, {"tokens": []}], "words", times=1)] == [[], []]
    with pytest.raises(ValueError, match="record 2 lacks text; the inputs are text"):
        model.ask(iter([{"text": "a"}, {"words": "b"}]))
