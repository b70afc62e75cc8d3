"""A SavedModel made on the spot that fits every view of the page, and says nothing without markup in it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy.io import wavfile

from common.serving.export import FILES, name_axes
from common.serving.versions import ASSETS, FIGURE

EVIL, GOOD = "<img src=x onerror=alert(1)>", "<script>alert(2)</script>"
TEXT = tf.TensorSpec([None], tf.string, "text")
STATE = tf.TensorSpec([None, None], tf.float32, "state")
BEAM = tf.TensorSpec([], tf.int32, "beam")
HORIZON, UNITS = 3, 30
RATE, HOP = 1000, 10
WRITTEN = b"<b>bold</b> "
REFUSED = "This text is refused"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Said(tf.Module):
    """Functions with the names, inputs and outputs of those that tasks export."""

    def _words(self, text: tf.Tensor) -> tf.RaggedTensor:
        refused = tf.strings.regex_full_match(text, "refuse.*")
        with tf.control_dependencies([tf.debugging.assert_equal(tf.reduce_any(refused), False, REFUSED)]):
            return tf.strings.split(text)

    @tf.function(input_signature=[TEXT])
    def classify(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        score = self._scores(self._words(text))[:, -1]
        return {"label": tf.gather([EVIL, GOOD], tf.argmax(score, 1)), "probability": score}

    @tf.function(input_signature=[TEXT, STATE])
    def stream(self, text: tf.Tensor, state: tf.Tensor) -> dict[str, tf.Tensor]:
        words = self._words(text)
        return {"tokens": words.to_tensor(""), "probability": self._scores(words)[:, 1:], "state": state}

    def _scores(self, words: tf.RaggedTensor) -> tf.Tensor:
        """Scores of both classes before the first word and after each: good ones raise the score of the second."""
        change = tf.where(words.to_tensor("") == "good", 0.3, 0.0) - tf.where(words.to_tensor("") == "bad", 0.3, 0.0)
        score = tf.clip_by_value(0.5 + tf.cumsum(tf.pad(change, [[0, 0], [1, 0]]), 1), 0.0, 1.0)
        return tf.stack([1 - score, score], 2)

    @tf.function(input_signature=[TEXT])
    def inside(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        tokens = self._words(text).to_tensor("")
        values = tf.sin(
            tf.cast(tf.range(UNITS), tf.float32) * tf.cast(tf.strings.length(tokens), tf.float32)[..., None]
        )
        return {"tokens": tokens, "hidden_state": values, "forget_gate": tf.abs(values)}

    @tf.function(input_signature=[TEXT])
    def tag(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        tokens = self._words(text).to_tensor("")
        shape = tf.shape(tokens)
        return {
            **{"tokens": tokens, "tags": tf.fill(shape, EVIL)},
            **{"probability": tf.fill(shape, 0.75), "seen": tf.zeros(shape, tf.bool)},
        }

    @tf.function(input_signature=[TEXT, BEAM])
    def translate(self, text: tf.Tensor, beam: tf.Tensor) -> dict[str, tf.Tensor]:
        self._words(text)
        return {"translation": tf.strings.join([text, tf.strings.as_string(beam), GOOD], " ")}

    @tf.function(input_signature=[TEXT, BEAM])
    def attention(self, text: tf.Tensor, beam: tf.Tensor) -> dict[str, tf.Tensor]:
        tokens = self._words(text).to_tensor("")
        weights = tf.one_hot(tf.range(tf.shape(tokens)[1])[None], tf.shape(tokens)[1])
        return {"source": tokens, "translation": tokens, "weights": weights}

    @tf.function(
        input_signature=[
            *(tf.TensorSpec([None], tf.string, "prompt"), STATE, tf.TensorSpec([None], tf.int32, "seed")),
            *(tf.TensorSpec([], tf.int32, "length"), tf.TensorSpec([], tf.float32, "temperature")),
            *(tf.TensorSpec([], tf.int32, "top_k"), tf.TensorSpec([], tf.float32, "top_p")),
        ]
    )
    def write(self, prompt, state, seed, length, temperature, top_k, top_p) -> dict[str, tf.Tensor]:
        self._words(prompt)
        made = tf.pad(state, [[0, 0], [0, 1 - tf.shape(state)[1]]]) + 1
        drawn = tf.strings.join([WRITTEN, tf.strings.as_string(seed), " "])
        return {"text": drawn, "ended": made[:, 0] >= 3, "state": made}

    @tf.function(input_signature=[tf.TensorSpec([None, None, None], tf.float64, "history")])
    def forecast(self, history: tf.Tensor) -> dict[str, tf.Tensor]:
        mean = tf.repeat(history[:, -1:], HORIZON, 1)
        return {"mean": mean, "quantiles": tf.stack([mean - 1, mean, mean + 2], 3)}

    @tf.function(input_signature=[tf.TensorSpec([None, None, 2], tf.float64, "values")])
    def recognise(self, values: tf.Tensor) -> dict[str, tf.Tensor]:
        score = tf.sigmoid(tf.reduce_mean(values[..., 0], 1))
        return {"label": tf.gather([EVIL, GOOD], tf.cast(score > 0.5, tf.int32)), "probability": _both(score)}

    @tf.function(input_signature=[tf.TensorSpec([None, None, 2], tf.float64, "values"), STATE])
    def recognise_steps(self, values: tf.Tensor, state: tf.Tensor) -> dict[str, tf.Tensor]:
        score = tf.sigmoid(values[..., 0])
        label = tf.gather([EVIL, GOOD], tf.cast(score > 0.5, tf.int32))
        return {"label": label, "probability": _both(score), "state": state}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "wav")])
    def recognise_files(self, wav: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"label": tf.fill(tf.shape(wav), EVIL)}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "samples")])
    def recognise_sounds(self, samples: tf.Tensor) -> dict[str, tf.Tensor]:
        score = tf.reduce_max(tf.abs(samples), 1)
        return {"label": tf.gather([EVIL, GOOD], tf.cast(score > 0.5, tf.int32)), "probability": _both(score)}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "samples"), STATE])
    def hear(self, samples: tf.Tensor, state: tf.Tensor) -> dict[str, tf.Tensor]:
        hops = tf.shape(samples)[1] // HOP
        score = tf.reduce_max(tf.abs(tf.reshape(samples, [-1, hops, HOP])), 2)
        label = tf.gather([EVIL, GOOD], tf.cast(score > 0.5, tf.int32))
        return {"label": label, "probability": _both(score), "state": state}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image")])
    def caption(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = tf.shape(image)[0]
        words = tf.tile(tf.constant([["a", EVIL]]), [rows, 1])
        weights = tf.tile(tf.one_hot([[0, 3]], 4), [rows, 1, 1])
        said = {"caption": tf.strings.reduce_join(words, 1, separator=" "), "words": words}
        return said | {"log_probability": tf.fill([rows], -1.5), "attention": tf.reshape(weights, [rows, 2, 2, 2])}

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, "image"), tf.TensorSpec([None], tf.string, "question")]
    )
    def reply(self, image: tf.Tensor, question: tf.Tensor) -> dict[str, tf.Tensor]:
        score = tf.cast(tf.strings.length(question) > 3, tf.float32)
        answer = tf.gather([EVIL, GOOD], tf.cast(score, tf.int32))
        return {"answer": answer, "probability": _both(score), "attention": self.caption(image)["attention"]}


def _both(score: tf.Tensor) -> tf.Tensor:
    return tf.stack([1 - score, score], -1)


def write_texts(folder: Path) -> None:
    """A version that reads texts."""
    said = Said()
    signatures = {
        **{"serving_default": said.classify, "stream": said.stream, "inside": said.inside, "text": said.tag},
        **{"beam": said.translate, "attention": said.attention, "continue": said.write},
    }
    tf.saved_model.save(said, str(folder), signatures)
    _describe(folder, {"task": "sentiment", "cell": "lstm", "units": UNITS, "labels": [EVIL, GOOD]})


def write_series(folder: Path) -> None:
    """A version that reads series."""
    said = Said()
    tf.saved_model.save(said, str(folder), {"serving_default": said.forecast})
    names = {"target": [EVIL], "known": [], "unique_ids": ["x"], "series_column": [], "spacing": 3600}
    sizes = {"horizon": HORIZON, "segment": 2, "quantiles": [0.1, 0.5, 0.9], "missing": "refuse"}
    more = {"time_column": None, "day_first": None, "encoding": "utf-8", "cell": "gru", "task": GOOD}
    _describe(folder, names | sizes | more)
    rows = [f"2024-01-01T{hour:02}:00,{hour % 5}" for hour in range(20)]
    (folder / ASSETS / "example.csv").write_text("\n".join([f"time,{EVIL}", *rows]) + "\n")


def write_signals(folder: Path, *, forward: bool) -> None:
    """A version that reads signals, with answers after each step if it reads forward."""
    said = Said()
    streams = {"stream": said.recognise_steps} if forward else {}
    tf.saved_model.save(said, str(folder), {"serving_default": said.recognise} | streams)
    config = {
        "columns": [EVIL, "level"],
        "labels": [EVIL, GOOD],
        "by_step": False,
        "cell": "gru" if forward else "lstm",
    }
    _describe(folder, config | {"task": GOOD, "sequence_column": None, "encoding": "utf-8"})
    rows = [f"{name},{step - 2},{step}" for name in ("first", "second") for step in range(6)]
    (folder / ASSETS / "example.csv").write_text("\n".join([f"sequence_id,{EVIL},level", *rows]) + "\n")


def write_sounds(folder: Path, *, forward: bool) -> None:
    """A version that reads sounds, with answers after each hop if it reads forward."""
    said = Said()
    streams = {"stream": said.hear} if forward else {}
    signatures = {"serving_default": said.recognise_files, "samples": said.recognise_sounds} | streams
    tf.saved_model.save(said, str(folder), signatures)
    named = {"columns": ["sample"], "labels": [EVIL, GOOD], "by_step": False, "cell": "gru" if forward else "lstm"}
    _describe(folder, named | {"task": GOOD, "rate": RATE, "hop": HOP, "before": 2})
    wavfile.write(folder / ASSETS / "example.wav", RATE, np.int16(20_000 * np.sin(np.arange(95))))


def write_pictures(folder: Path) -> None:
    """A version that reads pictures."""
    said = Said()
    tf.saved_model.save(said, str(folder), {"serving_default": said.caption})
    name_axes(folder, {"serving_default": {"image": (FILES,)}})
    _describe(folder, {"task": GOOD, "cell": "gru", "size": 8})
    (folder / ASSETS / "example.png").write_bytes(PIXEL)


def write_questions(folder: Path) -> None:
    """A version that answers questions about pictures."""
    said = Said()
    tf.saved_model.save(said, str(folder), {"serving_default": said.reply})
    name_axes(folder, {"serving_default": {"image": (FILES,)}})
    _describe(folder, {"task": GOOD, "cell": "gru", "size": 8, "answers": [EVIL, GOOD]})
    (folder / ASSETS / "example.png").write_bytes(PIXEL)


def _describe(folder: Path, config: dict) -> None:
    assets = folder / ASSETS
    assets.mkdir()
    (assets / "config.json").write_text(json.dumps(config))
    scores = {"metrics": {"accuracy": 0.75}, "baselines": {EVIL: {"accuracy": 0.5}}}
    (assets / "metrics.json").write_text(json.dumps({"task": config["task"], "data": GOOD} | scores))
    (assets / "history.csv").write_text("epoch,loss,val_loss\n1,0.9,0.8\n2,0.5,0.6\n")
    (assets / FIGURE).write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
