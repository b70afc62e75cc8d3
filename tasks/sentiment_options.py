"""The options of sentiment."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import ClassVar, Literal, get_args

from cyclopts import Parameter

from common.errors import InputError
from common.options import (
    Choice,
    Count,
    DataOptions,
    Encoding,
    Linear,
    Log,
    Models,
    Positive,
    Share,
    TrainOptions,
    Whole,
    option,
)
from common.serving.teachers import Teachers
from common.sources.labelled import LabelledReader
from common.sources.load import load, load_test
from common.sources.records import LabelledTexts
from common.sources.splits import Splits
from common.text.scripts import Level


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SentimentData(DataOptions):
    """Where labelled texts come from.

    Attributes:
        data: "tfds:NAME" for a TFDS data set; or a file or folder: CSV, TSV or JSON lines with a text and a label
            column, or one file or sub-folder per class; files may be gzip. Not given: the embedded critics' quotes,
            "embedded:critics-quotes"; "embedded:movie-reviews" are users' film reviews.
        text_column: Name of the text column; found by its usual names when not given.
        label_column: Name of the label column; found by its usual names when not given.
        encoding: Text encoding of the files.
        drop_seen: Leave out of train what another given split has as well.
    """

    text_column: str | None = None
    label_column: str | None = None
    encoding: Encoding = "utf-8"
    drop_seen: bool = False

    def load(self) -> Splits[LabelledTexts]:
        """Reads the three splits."""
        return load(self.data, self._reader())

    def load_test(self) -> LabelledTexts:
        """Reads the texts for evaluating a model that was trained on other data."""
        return load_test(self.data, self._reader())

    def _reader(self) -> LabelledReader:
        return LabelledReader(
            text_column=self.text_column,
            label_column=self.label_column,
            encoding=self.encoding,
            drop_seen=self.drop_seen,
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SentimentOptions(SentimentData, TrainOptions):
    """What training a sentiment model needs to know.

    Attributes:
        level: What a token is: a word, a subword or a character. By default a word; a character where most training
            texts have no blanks between words, as in Chinese, and a subword where some have none.
        units: Width of the hidden state.
        residual: Add each layer's input to its output where the widths agree, so that the readout sees the tokens too.
        embedding: Width of the token vectors.
        vocabulary: Maximum number of tokens with a vector, the most frequent in training. By default 30000, 4000 of
            subwords.
        bigrams: Maximum number of bigrams with a vector, the most frequent pairs of neighbouring training tokens.
        min_count: Minimum training occurrences of a known token, bigram or longer n-gram.
        word_dropout: Share of a text's different tokens and bigrams that are made unknown in training. Not given: 0.3,
            or 0 with --pretrained.
        readout: Which summary of the hidden states predicts the class. Not given: mean_max, or last_mean_max with
            --pretrained.
        supervise: Where the label is predicted in training: at a text's end, or at every token with a weight that
            rises to the end (linear gain of Dai & Le 2015), which also trains the early windows of long texts. By
            default the latter where training texts are longer than a window in the mean.
        linear: Join the network with a linear part, logistic regression over the n-grams of the training texts; the
            weights of both come from the validation texts.
        pretrained: A saved language model whose tokens, vectors and recurrences the network starts from: a version, or
            a folder of which the newest of the cell is taken; or the word none. It first learns to continue the
            training texts, then their classes, its highest layer first. Beside one that reads forward a second may
            read backward (language_model --backward); the answer is then the mean of both.
        epochs: Maximum number of epochs. Not given: 20, or 6 with --pretrained.
        learning_rate: Step size of the Adam optimiser, of the highest layer. Not given: 0.001, or 0.002 with
            --pretrained.
        schedule: How the step size falls: inverse, as --decay says; or linear, to zero at the end of --epochs. Not
            given: inverse, or linear with --pretrained.
        dropout: Share of units dropped before, between and after the recurrent layers, fixed within a text. Not given:
            0.5, or 0.4 with --pretrained.
    """

    usual_patience: ClassVar[int] = 3

    level: Level | None = option(None, tune=Choice(get_args(Level), asked=True))
    units: Count = option(64, tune=Log(16, 256))
    bidirectional: bool = option(False, tune=Choice((False, True), asked=True))
    residual: bool = True
    embedding: Count = option(64, tune=Log(16, 256))
    vocabulary: Count | None = option(None, tune=Log(1000, 50_000, asked=True))
    bigrams: Whole = option(30000, tune=Choice((0, 10_000, 30_000, 100_000), asked=True))
    min_count: Count = option(2, tune=Linear(1, 5, asked=True))
    word_dropout: Share | None = option(None, tune=Linear(0.0, 0.6))
    readout: Literal["last", "mean", "max", "mean_max", "last_mean_max"] | None = option(
        None, tune=Choice(("last", "mean", "max", "mean_max", "last_mean_max"), asked=True)
    )
    supervise: Literal["end", "rising"] | None = option(None, tune=Choice(("end", "rising"), asked=True))
    linear: bool = True
    pretrained: Models = ()
    epochs: Count | None = option(None, trains=False)
    learning_rate: Positive | None = None
    schedule: Literal["inverse", "linear"] | None = None
    dropout: Share | None = None

    @property
    def lanes(self) -> int:
        """Those of data of common size, where no batch size is given."""
        return 16 if self.pretrained else 32

    def teachers(self) -> Teachers | None:
        """The language models that are named."""
        return Teachers.found(self.pretrained, self.cell)

    def settled(self) -> SentimentOptions:
        """The options, with a value for each that is not given, and the network of the language model that is named.

        Raises:
            InputError: There is no such language model, or another network is asked for.
        """
        teachers = self.teachers()
        values = FINE_TUNED if teachers else FROM_SCRATCH
        options = replace(self, **{n: value for n, value in values.items() if getattr(self, n) is None})
        return options._as_taught(teachers) if teachers else options

    def _as_taught(self, teachers: Teachers) -> SentimentOptions:
        if self.bidirectional:
            raise InputError("--pretrained: a language model reads one way; give --no-bidirectional")
        known = {name: teachers.config(name) for name in OF_LANGUAGE_MODEL}
        for name, value in known.items():
            usual = next(one.default for one in fields(self) if one.name == name)
            if getattr(self, name) not in (usual, value):
                folder = teachers.models[0].folder
                raise InputError(
                    f"--{name}: {getattr(self, name)}, but that of --pretrained {folder} is {value}; leave it out"
                )
        return replace(self, **known, bigrams=0)


FROM_SCRATCH = {
    **{"word_dropout": 0.3, "readout": "mean_max", "dropout": 0.5},
    **{"epochs": 20, "learning_rate": 1e-3, "schedule": "inverse"},
}
FINE_TUNED = {
    **{"word_dropout": 0.0, "readout": "last_mean_max", "dropout": 0.4},
    **{"epochs": 6, "learning_rate": 2e-3, "schedule": "linear"},
}
"""Values of options that are not given, after Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text
Classification"."""
OF_LANGUAGE_MODEL = ("level", "units", "embedding", "layers", "residual", "activation")
"""Options that the language model has the values of."""
