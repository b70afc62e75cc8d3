"""What a training logs for TensorBoard."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams.metadata import (
    PLUGIN_NAME,
    SESSION_START_INFO_TAG,
    parse_session_start_info_plugin_data,
)

import tasks
from common.training.logs import shown_options
from common.training.run import fit
from tests.tasks.trained import make


def summaries_of(folder: Path) -> dict[str, Any]:
    """The summaries of the event files in a folder, by tag."""
    events = [
        event
        for path in folder.glob("events.*")
        for event in tf.compat.v1.train.summary_iterator(str(path))  # There is no other reader in TensorFlow.
    ]
    return {value.tag: value for event in events for value in event.summary.value}


def test_a_training_logs_its_curves_its_options_and_its_best_value(data_of, tmp_path: Path) -> None:
    fitted = fit(make("sentiment", data_of("sentiment"), tmp_path, epochs=1), tmp_path, logs=tmp_path / "logs")
    fitted.claim.release()
    assert "epoch_loss" in summaries_of(tmp_path / "logs" / "validation")
    found = summaries_of(tmp_path / "logs")
    best = tf.make_ndarray(found["best_val_accuracy"].tensor)
    assert best == np.float32(fitted.run.history[0]["val_accuracy"])
    plugin = found[SESSION_START_INFO_TAG].metadata.plugin_data
    assert plugin.plugin_name == PLUGIN_NAME
    options = parse_session_start_info_plugin_data(plugin.content).hparams
    assert (options["units"].number_value, options["cell"].string_value) == (8, "lstm")
    assert options["linear"].bool_value and "resume" not in options


def test_options_are_shown_as_numbers_words_and_whether_or_not() -> None:
    options = tasks.get("forecasting").Options(seasons=(24, 168), clip_norm=math.inf)
    found = shown_options(options)
    assert (found["seasons"], found["clip_norm"], found["units"], found["calendar"]) == ("24 168", "inf", 128, True)
    assert not {"data", "known", "batch_size", "output", "tensorboard", "resume"} & found.keys()
