"""Callbacks over epochs that are separate `fit` calls."""

from __future__ import annotations

import keras


class OneTraining(keras.callbacks.CallbackList):
    """Callbacks that see the separate `fit` calls as one training."""

    def begin(self) -> None:
        super().on_train_begin()

    def end(self) -> None:
        super().on_train_end()

    def on_train_begin(self, logs: dict | None = None) -> None:
        pass

    def on_train_end(self, logs: dict | None = None) -> None:
        pass
