"""A task's model on its training stream, made and trained as `python run.py TASK` does."""

from __future__ import annotations

from typing import Any


class Ours:
    """A task's model on its training stream.

    Args:
        task: A task that is not yet loaded.
        windows: Windows that `train` reads, always the first ones of the first epoch; None is a whole epoch, the next
            one each time.
        strategy: TensorFlow's strategy; None is one device.

    Attributes:
        windows: The windows that `train` reads; of a whole epoch, those of the first.
    """

    def __init__(self, task: Any, windows: int | None = None, *, strategy: Any = None) -> None:
        import keras

        from common.training.preparing import compiled, prepared

        task.load()
        self.stream = prepared(task)["train"]
        keras.utils.set_random_seed(task.options.seed)
        self.task = task
        _, self.model = compiled(task.learner, self.stream, task.options, strategy=strategy)
        self.whole = windows is None
        self.windows = min(windows or self.stream.windows(), self.stream.windows())
        self.epochs = 0

    @property
    def steps_of_a_window(self) -> float:
        """Real steps of a window, in the mean."""
        return self.stream.passes * self.stream.sequences.steps / self.stream.windows()

    def train(self) -> None:
        """Trains the windows."""
        if self.whole:
            self.model.fit(self.stream, initial_epoch=self.epochs, epochs=self.epochs + 1, verbose=0)
            self.epochs += 1
        else:
            windows = self.stream.dataset(lanes=self.model.replicas.own).take(self.windows)
            self.model.fit(windows, shuffle=False, verbose=0)
