"""The options of signals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from cyclopts import Parameter

from common.options import (
    Choice,
    Count,
    DataOptions,
    Encoding,
    Linear,
    Log,
    Positive,
    PredictOptions,
    Share,
    TrainOptions,
    option,
)
from common.sources.load import load, load_test
from common.sources.signals import SignalReader, Signals
from common.sources.splits import Splits


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SignalsData(DataOptions):
    """Where sequences of vectors come from.

    Attributes:
        data: A file or folder: CSV, TSV or Parquet with a row for each step, a column that names the sequence, a label
            column and columns of numbers, .csv and .tsv also as .gz; or .ts files of the UEA and UCR archives. Not
            given: the embedded spoken digits, "embedded:spoken-digits"; there are "embedded:japanese-vowels",
            "embedded:basic-motions" and "embedded:pickup-gestures", too.
        sequence_column: Name of the column that names the sequence; found by its usual names when not given.
        label_column: Name of the label column; found by its usual names when not given. Where the rows of a sequence
            have different labels, each step has a label of its own.
        encoding: Text encoding of the files.
        drop_seen: Leave out of train what another given split has as well.
    """

    sequence_column: str | None = None
    label_column: str | None = None
    encoding: Encoding = "utf-8"
    drop_seen: bool = False

    def load(self) -> Splits[Signals]:
        """Reads the three splits."""
        return load(self.data, self.reader())

    def load_test(self) -> Signals:
        """Reads the sequences for evaluating a model that was trained on other data."""
        return load_test(self.data, self.reader())

    def reader(self) -> SignalReader:
        """What reads them."""
        names = {"sequence_column": self.sequence_column, "label_column": self.label_column}
        return SignalReader(**names, encoding=self.encoding, drop_seen=self.drop_seen)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SignalsOptions(SignalsData, TrainOptions):
    """What training a classifier of sequences of vectors needs to know.

    Attributes:
        readout: Which summary of the hidden states so far predicts the class. Not given: last_mean_max for a class of a
            sequence, last for classes of steps.
        supervise: Steps with a label in training where a sequence has one: its end, or all with a weight that rises to
            the end.
    """

    lanes: ClassVar[int] = 16
    usual_patience: ClassVar[int] = 15

    bidirectional: bool = option(True, tune=Choice((False, True), asked=True))
    readout: Literal["last", "mean", "max", "mean_max", "last_mean_max"] | None = option(
        None, tune=Choice(("last", "mean", "max", "mean_max", "last_mean_max"), asked=True)
    )
    supervise: Literal["end", "rising"] = option("rising", tune=Choice(("end", "rising"), asked=True))
    learning_rate: Positive = 1e-3
    dropout: Share = option(0.5, tune=Linear(0.0, 0.7))
    units: Count = option(64, tune=Log(16, 512))
    epochs: Count = 60


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SignalsSaved(PredictOptions):
    """Which saved model to use, what sequences it is asked, and where its answers are written.

    Attributes:
        input_file: File of sequences, as a word of the command line names it: CSV, TSV, Parquet or .ts.
        output_file: File to write the classes to: .csv, .tsv or .jsonl.
        sequence_column: Name of the column that names the sequence; found by its usual names when not given.
        encoding: Text encoding of the input files.
    """

    input_file: Path | None = None
    sequence_column: str | None = None
    encoding: Encoding = "utf-8"
