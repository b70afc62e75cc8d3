"""What a task is. The rest - training, comparing, exporting, the command line - is shared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from common.errors import InputError
from common.options import DataOptions, EvaluateOptions, PredictOptions, PredictTexts, TrainOptions
from common.scoring.answers import Answers as Answers
from common.scoring.answers import Evaluated as Evaluated
from common.sources.digests import noting
from common.training.memory import check_memory

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from rich.table import Table

    from common.formats.portable import Portable
    from common.networks.network import Learner, Network
    from common.scoring import Scores
    from common.scoring.items import Items
    from common.serving.answer_files import Answered, Format
    from common.serving.export import Export
    from common.serving.saved_model import Record, SavedModel
    from common.sources.asked import Asked, Inputs
    from common.streams import Sequences, Stream
    from common.training.lesson import Lesson
    from common.training.run import Results
    from common.training.tbptt import TBPTT


class Task(ABC):
    """A task with its data, for one set of options.

    Attributes:
        name: The word of the command line.
        summary: One line of help.
        takes: What a saved model takes, in a few words.
        Data: The options that say where examples come from.
        Options: The options of training.
        Evaluate: The options of scoring a saved model.
        Saved: The options of predicting with a saved model.
        monitor: The validation metric, or its loss, that decides which epoch is best.
        higher_is_better: Whether higher values of `monitor` are better.
        score: The test metric by which the arms of a study are compared.
        higher_score_is_better: Whether higher values of `score` are better.
        controls: Whether controls without recurrence can do the task.
        streams: Whether saved models answer before their input ends, by the signature `stream`.
        twin: The module of `common.formats` that has its network for other runtimes; empty if there is none.
        digests: The digests of the data that was read.
        embedded: How many vectors the network learns, and their width, after `load`: the memory that they take is
            checked.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    takes: ClassVar[str] = "texts of your own"
    Data: ClassVar[type[DataOptions]] = DataOptions
    Options: ClassVar[type[TrainOptions]] = TrainOptions
    Evaluate: ClassVar[type[EvaluateOptions]] = EvaluateOptions
    Saved: ClassVar[type[PredictOptions]] = PredictTexts
    monitor: ClassVar[str] = "val_loss"
    higher_is_better: ClassVar[bool] = False
    score: ClassVar[str] = "accuracy"
    higher_score_is_better: ClassVar[bool] = True
    controls: ClassVar[bool] = True
    streams: ClassVar[bool] = False
    twin: ClassVar[str] = ""
    embedded: tuple[int, int] = (0, 0)

    def __init__(self, options: TrainOptions) -> None:
        self.options = options
        self.digests: dict[str, str] = {}

    # Before training

    def check(self) -> None:
        """Refuses options and data, as far as that needs no TensorFlow, before it is imported."""
        self.check_options()
        check_memory(self.options, gates=1)  # As much as can be said without Keras.
        if self.options.at_hand:
            _ = self.records

    def check_options(self) -> None:
        """Refuses options that no data can suit."""

    def read(self) -> Any:
        """Reads the data, without TensorFlow if it is at hand, and refuses what cannot be learned from."""
        return self.options.load()

    @cached_property
    def records(self) -> Any:
        """What `read` returns: the data is read once, by `check` or by `load`."""
        self.check_options()
        with noting(self.digests.update):
            return self.read()

    @abstractmethod
    def load(self) -> str:
        """Learns vocabularies from the training split of `records`, and describes them in a line."""

    @abstractmethod
    def sequences(self, split: str) -> Sequences:
        """The sequences of a split, `"train"`, `"validation"` or `"test"`, with the weights of their outputs."""

    def steps(self, split: str, number: int) -> list[str]:
        """The text of each step of a sequence of the split, for people to read; by default the step's number."""
        return [str(step) for step in range(1, self.sequences(split).lengths[number] + 1)]

    def lessons(self) -> Sequence[Lesson]:
        """Trainings that come before the task's own and teach its network."""
        return ()

    @abstractmethod
    def learner(self) -> Learner:
        """A fresh network, its loss and its metrics."""

    # After training

    def calibrate(self, model: TBPTT, stream: Stream) -> Scores | None:
        """Adjusts a trained model to the validation stream; may return figures of it for `metrics.json`."""

    @abstractmethod
    def answers(self, network: Network, stream: Stream, outputs: np.ndarray, *, export: Export) -> Answers:
        """What the network predicts for each example of an unshuffled stream.

        Args:
            network: The trained network.
            stream: The stream of the test split.
            outputs: The outputs of `TBPTT.predict` for the stream.
            export: The export of the network, for a task whose answers come from more than its outputs.

        Returns:
            An object whose type the task chooses: predictions, references, and everything else that `scores`,
            `report`, `figure` and `extras` need.
        """

    def parts(self, answers: Answers) -> dict[str, Answers]:
        """The answers of each part by name, where the network's answers are those of several parts together."""
        return {}

    def scores(self, answers: Answers) -> Scores:
        """The test metrics of answers; by default their own `scores()`."""
        return answers.scores()

    @property
    def units(self) -> dict[str, str]:
        """The units of test metrics that have one, by name; by default none has."""
        return {}

    @abstractmethod
    def baselines(self, answers: Answers) -> dict[str, Callable[[], Answers]]:
        """Functions that make the answers of plain methods, by name: one that fails costs no other.

        The methods learn from the training split only.

        Args:
            answers: The answers of the network; a method answers the same examples, or some of them.
        """

    def items(self, answers: Answers) -> Items | None:
        """What each test item contributes to `score`; by default their own `items()`, or None if they have none."""
        return answers.items() if hasattr(answers, "items") else None

    def report(self, answers: Answers) -> str:
        """Details of the answers to the test split, as text; by default their own `report()`."""
        return answers.report()

    def figure(self, results: Results) -> Figure:
        """Draws how training went and what the answers to the test split look like; by default the loss alone."""
        from common.figures.training import loss_figure

        return loss_figure(results.history, self.title)

    @property
    def tested(self) -> str:
        """The split that `answers` answers; validation, where the data of a task has no test part."""
        return "test"

    @property
    def title(self) -> str:
        """The title of figures."""
        return f"{self.name}, {self.options.cell}, seed {self.options.seed}"

    def extras(self, results: Results, folder: Path) -> None:
        """Writes further files into the folder `assets.extra` of a version."""

    # The saved model

    def keep(self, folder: Path) -> None:
        """Writes what further trainings need of this one into the folder `assets.extra` of a version."""

    def config(self) -> dict[str, Any]:
        """What is saved next to the model: the name of the task, and the options."""
        return {"task": self.name} | self.options.as_json()

    @abstractmethod
    def export(self, network: Network) -> Export:
        """The network as functions from raw inputs to answers, with what they need inside the graph."""

    @abstractmethod
    def example(self, version: Path) -> str | tuple[str, ...]:
        """An input to try the saved model with, a word of the command line or several.

        Args:
            version: The folder of the saved model.
        """

    @classmethod
    def inputs(cls, words: Sequence[str], stream: BinaryIO, options: PredictOptions) -> Inputs:
        """The inputs of `predict`: words of the command line, lines of a stream, or a file that the options name."""
        from common.sources.asked import texts_of

        return texts_of(words, stream, options)

    @classmethod
    def asked(cls, model: SavedModel, inputs: Sequence[Any], options: PredictOptions) -> Any:
        """What `predict` is to answer of some inputs, read without TensorFlow; refuses what the model cannot answer."""
        return inputs

    @classmethod
    @abstractmethod
    def predict(cls, model: SavedModel, asked: Any, options: PredictOptions) -> list[Record]:
        """Predicts for what `asked` returned, by default raw inputs; returns one record per input or series."""

    @classmethod
    def portable(cls, model: SavedModel) -> Portable:
        """A saved model for other runtimes; refuses what they cannot have."""
        if not cls.twin:
            raise InputError(f"export: models of {cls.name} run in TensorFlow alone, so far; see docs/formats.md")
        from common.serving.structure import Structure

        module = import_module(f"common.formats.{cls.twin}")
        return module.portable(Structure(model), model.config)

    @classmethod
    def streamed(cls, model: SavedModel, source: BinaryIO, options: PredictOptions) -> Iterator[list[str]]:
        """The cells of a line for each answer to standard input, as it comes; by default after each token of texts."""
        from common.serving.text_stream import answers

        return answers(model, source)

    @classmethod
    def live(cls, model: SavedModel, asked: Any, options: PredictOptions) -> bool:
        """Shows answers in the terminal while they are made; False where a table of all of them is shown instead."""
        return False

    @classmethod
    def answered(cls, inputs: Sequence[Asked], records: Sequence[Record]) -> Answered:
        """The records of `predict`, each with its input."""
        each = len(records) // max(len(inputs), 1)  # More than one where a task draws several answers.
        return list(zip([one for one in inputs for _ in range(each)], records, strict=True))

    @classmethod
    def show(cls, records: Sequence[Record]) -> Table:
        """The records of `predict` as a table for the terminal; by default one row per record, one column per key."""
        from common.reports import records_table

        return records_table(cls.name, records)

    @classmethod
    def told(cls, record: Record) -> list[dict[str, Any]]:
        """The rows that a file has for a record, beside the columns of its input; by default one, without the text."""
        return [{name: value for name, value in record.items() if name != "text"}]

    @classmethod
    def formats(cls, model: SavedModel) -> dict[str, dict[str, Format]]:
        """How the files of answers are written: formats by suffix, by the option that names the file."""
        from common.serving.answer_files import tables

        return {"--output-file": tables(cls.told)}

    @classmethod
    def test(cls, model: SavedModel, data: DataOptions, *, other: bool = False) -> Any:
        """The test split of the data, without TensorFlow if it is at hand; refuses what the model cannot be scored on.

        Args:
            model: The model.
            data: Where the data comes from.
            other: Whether the model learned from other data. If no part of the data is then named train or test, all
                of it is for testing.
        """
        return data.load_test() if other and data.data else data.load().test

    @classmethod
    @abstractmethod
    def evaluate(cls, model: SavedModel, test: Any) -> Evaluated:
        """Scores a saved model on what `test` returned."""

    @classmethod
    def scored_otherwise(cls, model: SavedModel, test: Any, options: EvaluateOptions) -> dict[str, Scores]:
        """The scores of other ways to use the model on what `test` returned, by name; by default there are none."""
        return {}
