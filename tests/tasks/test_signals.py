"""Signals: sounds train, are evaluated and predicted, and the saved model takes them as they are."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from scipy.io import wavfile

from common.cli.train import train
from common.serving.saved_model import SavedModel
from common.serving.versions import ASSETS
from tasks.signals import Signals
from tasks.signals_options import SignalsData, SignalsOptions, SignalsSaved
from tests.common.serving.http.conftest import serve  # noqa: F401

RATE = 4000


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, draw = tmp_path_factory.mktemp("sounds"), np.random.default_rng(0)
    for split, size in (("train", 24), ("dev", 6), ("test", 8)):
        for label, hertz in (("low", 300), ("high", 1200)):
            (folder / split / label).mkdir(parents=True)
            for number in range(size):
                samples = np.sin(2 * np.pi * hertz * np.arange(draw.integers(400, 800)) / RATE + draw.uniform(0, 6))
                wavfile.write(folder / split / label / f"{number}.wav", RATE, (samples * 20_000).astype(np.int16))
    return folder


def test_sounds_are_learned_and_saved_to_be_asked_as_they_are(sounds: Path, tmp_path: Path, serve) -> None:  # noqa: F811
    options = SignalsOptions(data=str(sounds), output=tmp_path, units=8, epochs=3, batch_size=4, learning_rate=0.01)
    train(Signals(options))
    model = SavedModel(tmp_path / "signals" / "lstm" / "1")
    assert model.metrics["metrics"]["accuracy"] == 1.0 and model.config["rate"] == RATE
    test = Signals.test(model, SignalsData(data=str(sounds)), other=True)
    assert Signals.evaluate(model, test).scores["accuracy"] == 1.0
    file = sounds / "test" / "high" / "0.wav"
    fast = tmp_path / "fast.wav"
    wavfile.write(fast, 2 * RATE, np.repeat(wavfile.read(file)[1], 2))
    asked = Signals.asked(model, [str(file), str(fast), str(model.folder / ASSETS / "example.wav")], SignalsSaved())
    assert [one["label"] for one in Signals.predict(model, asked, SignalsSaved())][:2] == ["high", "high"]
    answer = tf.saved_model.load(str(model.folder)).signatures["serving_default"](wav=tf.constant([file.read_bytes()]))
    assert answer["label"].numpy().tolist() == [b"high"]
    wavfile.write(tmp_path / "long.wav", RATE, np.tile(wavfile.read(file)[1], 20))
    content = base64.b64encode((tmp_path / "long.wav").read_bytes()).decode()
    assert len(content) > 15_000  # More than a text may have characters.
    body = {"instances": [{"wav": {"b64": content}}]}
    answered = serve(tmp_path).post("/v1/models/signals_lstm:predict", json=body)
    assert answered.status_code == 200 and answered.json()["predictions"][0]["label"] == "high", answered.text
