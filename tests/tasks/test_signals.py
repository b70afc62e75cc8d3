"""Signals: sounds train, are evaluated and predicted, and the saved model takes them as they are."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from scipy.io import wavfile

from common.cli.train import train
from common.errors import InputError
from common.serving.page.frame import VIEWS
from common.serving.saved_model import SavedModel
from common.serving.versions import ASSETS
from run import main
from tasks.signals import Signals
from tasks.signals_options import SignalsData, SignalsOptions, SignalsSaved
from tests.common.serving.http.conftest import serve  # noqa: F401
from tests.common.serving.page.test_views import served

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
    assert main(["signals", "export", "--model", str(model.folder), "--verify", "--data", str(sounds)]) == 0
    (said,) = Signals.predict(model, asked[:1], SignalsSaved())
    done = subprocess.run([sys.executable, model.folder / "onnx" / "example.py", file], capture_output=True, text=True)
    assert done.stdout == f"{file} high {said['probability']:.4f}\n", done.stderr
    other = subprocess.run([sys.executable, model.folder / "onnx" / "example.py", fast], capture_output=True, text=True)
    assert (other.returncode, other.stderr) == (1, f"give a sound of {RATE} samples a second, of 16 bits\n")


def test_a_sound_is_heard_as_it_comes(sounds: Path, tmp_path: Path) -> None:
    options = {"bidirectional": False, "units": 8, "epochs": 2, "batch_size": 4, "learning_rate": 0.01}
    train(Signals(SignalsOptions(data=str(sounds), output=tmp_path, **options)))
    model, file = SavedModel(tmp_path / "signals" / "lstm" / "1"), sounds / "test" / "high" / "0.wav"
    content = file.read_bytes()
    (whole,) = Signals.predict(model, Signals.asked(model, [str(file)], SignalsSaved()), SignalsSaved())
    lines = list(Signals.streamed(model, io.BytesIO(content), SignalsSaved()))
    seconds = len(wavfile.read(file)[1]) / RATE
    assert [float(line[0]) for line in lines[:-2]] == pytest.approx(np.arange(1, len(lines) - 1) / 10)
    assert lines[-1][:2] == [f"{seconds:.2f}", whole["label"]]
    assert float(lines[-1][2]) == pytest.approx(whole["probability"], abs=2e-3)
    cut = list(Signals.streamed(model, io.BytesIO(content[:-301]), SignalsSaved()))
    assert cut[:1] == lines[:1] and float(cut[-1][0]) == pytest.approx(seconds - 151 / RATE, abs=0.006)
    for wrong, message in (
        (b"", "standard input: no WAV file"),
        (b"no sound, but text", "standard input: no WAV file"),
        (_wav(np.zeros(9, np.uint8), RATE), "standard input: a sound of 8 bits; give one of 16"),
        (_wav(np.zeros(9, np.int16), 2 * RATE), "8,000 samples a second; the model reads 4,000; resample it"),
    ):
        with pytest.raises(InputError, match=message):
            list(Signals.streamed(model, io.BytesIO(wrong), SignalsSaved()))
    one = served(model.folder)
    assert [view.title for view in VIEWS if view.fits(one)] == ["Sounds", "Training"]


def _wav(samples: np.ndarray, rate: int) -> bytes:
    file = io.BytesIO()
    wavfile.write(file, rate, samples)
    return file.getvalue()
