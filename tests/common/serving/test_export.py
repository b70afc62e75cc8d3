"""An export answers as the model that is saved of it."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel as Definition

from common.serving.export import Endpoint, Export, name_axes, save
from common.serving.saved_model import SavedModel


def test_before_it_is_saved_it_answers_as_afterwards(tmp_path: Path) -> None:
    layer = keras.layers.Rescaling(1.0)
    layer.build((None,))

    def times(text: tf.Tensor, number: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"upper": tf.strings.upper(text), "score": layer(tf.cast(tf.strings.length(text) * number, tf.float32))}

    signature = [tf.TensorSpec([None], tf.string, "text"), tf.TensorSpec([], tf.int32, "number")]
    export = Export({"serving_default": Endpoint(times, signature)}, [layer])
    save(export, tmp_path)
    records = [{"text": "x" * (n * 37 % 11)} for n in range(150)]
    answers = export.ask(records, what="counting", number=3)
    assert answers == SavedModel(tmp_path).ask(records, number=3)
    assert [answer["score"] for answer in answers] == [3.0 * len(record["text"]) for record in records]


def test_axes_have_names_in_the_signature_and_the_model_is_the_same(tmp_path: Path) -> None:
    layer = keras.layers.Rescaling(2.0)
    layer.build((None,))

    def split(text: tf.Tensor) -> dict[str, tf.Tensor]:
        words = tf.strings.split(text).to_tensor("")
        return {"words": words, "lengths": layer(tf.cast(tf.strings.length(words), tf.float32))}

    axes = dict.fromkeys(("words", "lengths"), ("texts", "words"))
    endpoint = Endpoint(split, [tf.TensorSpec([None], tf.string, "text")], axes)
    save(Export({"serving_default": endpoint}, [layer]), tmp_path)
    model = Definition()
    model.ParseFromString((tmp_path / "saved_model.pb").read_bytes())
    outputs = model.meta_graphs[0].signature_def["serving_default"].outputs
    names = {name: [one.name for one in outputs[name].tensor_shape.dim] for name in outputs}
    assert names == {"words": ["texts", "words"], "lengths": ["texts", "words"]}
    answer = tf.saved_model.load(str(tmp_path)).signatures["serving_default"](tf.constant(["a bc"]))
    assert answer["words"].numpy().tolist() == [[b"a", b"bc"]] and answer["lengths"].numpy().tolist() == [[2, 4]]
    tf.saved_model.experimental.read_fingerprint(str(tmp_path))
    with pytest.raises(ValueError):
        name_axes(tmp_path, {"serving_default": {"words": ("texts",)}})
