"""An export answers as the model that is saved of it."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

from common.serving.export import Endpoint, Export, save
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
