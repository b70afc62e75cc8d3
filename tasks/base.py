"""What a task must provide. The rest - training, comparing, exporting, the command line - is shared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from common.options import DataOptions, SavedOptions, TrainOptions

if TYPE_CHECKING:
    import keras
    import numpy as np
    from rich.table import Table

    from common.serving.export import Export
    from common.streams.sequences import Sequences
    from common.streams.stream import Stream
    from common.training.tbptt import TBPTT


Scores = dict[str, float]
SPLITS = ("train", "validation", "test")


class Task(ABC):
    """A task with its data, for one set of options.

    Attributes:
        name: The word of the command line.
        summary: One line of help.
        asked: What a saved model takes, in a few words.
        example: An input to try the saved model with; `{version}` stands for its folder.
        Data: The options that say where examples come from.
        Options: The options of training.
        Saved: The options of asking a saved model.
        loss: A Keras loss, or its name; of the network made last.
        metrics: Keras metrics shown during training, or their names; of the network made last.
        monitor: The validation metric, or its loss, that names the best epoch.
        higher_is_better: Of `monitor`.
        score: The test metric that tasks are compared by.
        higher_score_is_better: Of `score`.
        controls: Whether controls without recurrence can do the task.
        fixed_shapes: Whether windows have one shape, or a few: XLA compiles anew for each.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    asked: ClassVar[str] = "texts of your own"
    example: str
    Data: ClassVar[type[DataOptions]] = DataOptions
    Options: ClassVar[type[TrainOptions]] = TrainOptions
    Saved: ClassVar[type[SavedOptions]] = SavedOptions
    loss: Any
    metrics: tuple[Any, ...] = ()
    monitor: str = "val_loss"
    higher_is_better: bool = False
    score: ClassVar[str] = "accuracy"
    higher_score_is_better: ClassVar[bool] = True
    controls: ClassVar[bool] = True
    fixed_shapes: ClassVar[bool] = True

    def __init__(self, options: TrainOptions) -> None:
        self.options = options

    @abstractmethod
    def load(self) -> str:
        """Reads the data, learns vocabularies from its training split, and describes it in a line."""

    def config(self) -> dict[str, Any]:
        """What is saved beside the model: the options."""
        return self.options.as_json()

    @abstractmethod
    def sequences(self, split: str) -> Sequences:
        """The sequences of a split, `"train"`, `"validation"` or `"test"`, with the weights that split is to have."""

    @abstractmethod
    def steps(self, split: str, number: int) -> list[str]:
        """What stands at each step of a sequence of the split, for people to read."""

    @abstractmethod
    def network(self) -> keras.layers.Layer:
        """A fresh network; see `common.tbptt.TBPTT`."""

    def calibrate(self, model: TBPTT, stream: Stream) -> None:  # noqa: B027 - most tasks have nothing to adjust.
        """Adjusts a trained model to the validation stream."""

    @abstractmethod
    def answers(self, network: keras.layers.Layer, stream: Stream, outputs: np.ndarray) -> Any:
        """What the network answers for each example of an unshuffled stream, from what `predict` gave for it."""

    @abstractmethod
    def scores(self, answers: Any) -> Scores:
        """The test metrics of the answers to the test split."""

    @abstractmethod
    def baselines(self, answers: Any) -> dict[str, Scores]:
        """Plain methods trained on the training split alone, with the same test metrics.

        Args:
            answers: The network's, for a slow method that is scored on some examples only to be set beside.
        """

    @abstractmethod
    def report(self, answers: Any) -> str:
        """More about the answers to the test split than a number, as text."""

    @abstractmethod
    def figure(self, history: list[dict[str, float]], answers: Any, path: Path) -> None:
        """Draws how training went and how the answers to the test split look."""

    def extras(self, folder: Path) -> None:  # noqa: B027 - most tasks have none.
        """Writes further files for the folder `assets.extra` of a version."""

    @abstractmethod
    def export(self, network: keras.layers.Layer) -> Export:
        """The network as functions from raw inputs to answers, with what they need inside the graph."""

    @classmethod
    @abstractmethod
    def predict(cls, served: Any, inputs: Sequence[str], saved: SavedOptions) -> Table:
        """Asks a loaded SavedModel about raw inputs, as the options of `predict` want it."""

    @classmethod
    @abstractmethod
    def evaluate(cls, served: Any, data: DataOptions, other: bool = False) -> tuple[Scores, str]:
        """Scores a loaded SavedModel on the test split of the data, and reports more, as text.

        Args:
            served: The model, see `common.saved_models.load`.
            data: Where the data comes from.
            other: Whether it is other data than the model learned from; where nothing of it is named train or test,
                all of it is for testing.
        """
