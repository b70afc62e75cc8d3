"""The options of question answering."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from common.options import (
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
from common.sources.questions import QuestionReader, Questions
from common.sources.splits import Splits

Size = Annotated[int, Parameter(validator=Number(gte=16, lte=1024))]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class QuestionAnsweringData(DataOptions):
    """Where questions about pictures come from.

    Attributes:
        data: A table (CSV, TSV, JSON lines) with a row for each question, columns image, question and answer, with the
            pictures beside it or in folders below; or a folder of these. Not given: the embedded coloured shapes,
            "embedded:shapes".
        size: Pictures are stretched to squares of so many pixels a side.
        image_column: Name of the column of picture files; found by its usual names when not given.
        question_column: Name of the column of questions; found by its usual names when not given.
        answer_column: Name of the column of answers; found by its usual names when not given.
        encoding: Text encoding of the tables.
        drop_seen: Leave out of train what another given split has as well.
    """

    size: Size = 64
    image_column: str | None = None
    question_column: str | None = None
    answer_column: str | None = None
    encoding: Encoding = "utf-8"
    drop_seen: bool = False

    def load(self) -> Splits[Questions]:
        """Reads the three splits."""
        return load(self.data, self._reader())

    def load_test(self) -> Questions:
        """Reads the questions for evaluating a model that was trained on other data."""
        return load_test(self.data, self._reader())

    def sized(self, size: int) -> QuestionAnsweringData:
        """The same data in the size that a model reads."""
        return replace(self, size=size)

    def _reader(self) -> QuestionReader:
        return QuestionReader(
            size=self.size,
            image_column=self.image_column,
            question_column=self.question_column,
            answer_column=self.answer_column,
            encoding=self.encoding,
            drop_seen=self.drop_seen,
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class QuestionAnsweringOptions(QuestionAnsweringData, TrainOptions):
    """What training an answerer needs to know.

    Attributes:
        embedding: Width of the vectors of words.
        vocabulary: Maximum number of known words.
        width: Features of a cell of the picture's grid.
        looks: How many times attention looks at the picture.
        hidden: Width of the layer between the last query and the answers.
    """

    lanes: ClassVar[int] = 16

    embedding: Count = option(32, tune=Log(8, 256))
    vocabulary: Count = 10_000
    width: Count = option(64, tune=Log(16, 256, asked=True))
    looks: Count = 2
    hidden: Count = option(128, tune=Log(16, 512, asked=True))
    learning_rate: Positive = 2e-3
    schedule: Literal["inverse", "linear"] = "linear"
    dropout: Share = option(0.0, tune=Linear(0.0, 0.5))
    units: Count = option(64, tune=Log(16, 512))
    epochs: Count = 20


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class QuestionAnsweringSaved(PredictOptions):
    """Which saved model to use, what it is asked, and where its answers are written.

    Attributes:
        input_file: Table of questions (CSV, TSV, JSON lines) with columns image and question.
        output_file: File to write the answers to: .csv, .tsv or .jsonl.
        image_column: Name of the column of picture files; found by its usual names when not given.
        question_column: Name of the column of questions; found by its usual names when not given.
        encoding: Text encoding of the input file.
    """

    input_file: Path | None = None
    image_column: str | None = None
    question_column: str | None = None
    encoding: Encoding = "utf-8"
