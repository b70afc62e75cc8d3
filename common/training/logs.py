"""What a training logs for TensorBoard: its curves, and its options for the tab HParams."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from common.options import TrainOptions, meanings
from common.training.unfinished import UnfinishedRun


def tensorboard(folder: str | Path | None, options: TrainOptions, run: UnfinishedRun) -> list[keras.callbacks.Callback]:
    """The callbacks that log for TensorBoard, where a folder is given.

    Args:
        folder: The folder of this run's logs. TensorBoard tells runs apart by their folders.
        options: The options, with the lanes and passes that suit the data.
        run: What knows the best epoch.
    """
    if folder is None:
        return []
    return [keras.callbacks.TensorBoard(str(folder), write_graph=False), OptionsLog(folder, options, run)]


def shown_options(options: TrainOptions) -> dict[str, Any]:
    """The options that change training, as the tab HParams shows them: numbers, words, and whether or not.

    Options without a value are left out, as the data decides there.
    """
    meaning = meanings(type(options))
    given = {name: value for name, value in options.as_json().items() if meaning[name].trains or name == "epochs"}
    return {name: _plain(value) for name, value in given.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value  # JSON has no infinity.


class OptionsLog(keras.callbacks.Callback):
    """Logs the options when training begins, and when it ends the value of the best epoch, as `best_<monitor>`.

    The curves end with the last epoch, so their last value is not the one by which a run is judged.

    Args:
        folder: The folder of the run's logs.
        options: The options of the run.
        run: Its history.
    """

    def __init__(self, folder: str | Path, options: TrainOptions, run: UnfinishedRun) -> None:
        super().__init__()
        self.folder, self.options, self.run = str(folder), options, run

    def on_train_begin(self, logs: dict | None = None) -> None:
        from tensorboard.plugins.hparams import api

        self.writer = tf.summary.create_file_writer(self.folder)
        with self.writer.as_default():
            api.hparams(shown_options(self.options))
        self.writer.flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        history, monitor = self.run.history, self.run.monitor
        with self.writer.as_default():
            tf.summary.scalar(f"best_{monitor}", history[self.run.best_epoch][monitor], step=len(history))
        self.writer.close()
