"""The options of part-of-speech tagging."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from cyclopts import Parameter

from common.options import (
    Choice,
    Count,
    DataOptions,
    Encoding,
    Linear,
    Log,
    Models,
    NotNegative,
    Positive,
    PredictTexts,
    Share,
    TrainOptions,
    Whole,
    option,
)
from common.serving.pretrained import Pretrained
from common.sources.load import load, load_test
from common.sources.records import TaggedSentences
from common.sources.splits import Splits
from common.sources.tagged import Column, TaggedReader


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PosData(DataOptions):
    """Where tagged sentences come from.

    Attributes:
        data: "tfds:universal_dependencies/en_ewt" or another TFDS treebank; or a file or folder: CoNLL-U, or text with
            a word and its tag on each line, a tab or blanks between, and a blank line between sentences; files may be
            gzip. Not given: the embedded Turkish Web Treebank.
        column: The CoNLL-U column that holds the tags.
        encoding: Text encoding of the files.
        drop_seen: Leave out of train what another given split has as well.
    """

    column: Column = "upos"
    encoding: Encoding = "utf-8"
    drop_seen: bool = False

    def load(self) -> Splits[TaggedSentences]:
        """Reads the three splits."""
        return load(self.data, TaggedReader(column=self.column, encoding=self.encoding, drop_seen=self.drop_seen))

    def load_test(self) -> TaggedSentences:
        """Reads the sentences for evaluating a model that was trained on other data."""
        return load_test(self.data, TaggedReader(column=self.column, encoding=self.encoding, drop_seen=self.drop_seen))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PosOptions(PosData, TrainOptions):
    """What training a tagger needs to know.

    Attributes:
        units: Width of the hidden state of each direction.
        embedding: Width of the word vectors.
        min_count: Minimum training occurrences of a word, in lower case; minimum number of different training words
            with a character or an affix.
        word_dropout: Share of a sentence's different words, and of their affixes, that are made unknown in training.
        affixes: Also read each word's prefixes of up to 4 letters, its suffixes of up to 5, and its shape.
        characters: Width of each of the two recurrences over a word's spelling; 0 leaves spellings out.
        crf: Also score neighbouring tags, and predict the best sequence of tags (Viterbi).
        pretrained: Saved language models whose hidden states are read beside the word vectors; best one that reads
            forward and one that reads backward. Each is a version, or a folder of which the newest is taken; none is
            none.
    """

    lanes: ClassVar[int] = 16

    units: Count = option(200, tune=Log(32, 400))
    bidirectional: bool = option(True, tune=Choice((False, True), asked=True))
    embedding: Count = option(100, tune=Log(25, 300))
    min_count: Count = option(2, tune=Linear(1, 5, asked=True))
    word_dropout: Share = option(0.2, tune=Linear(0.0, 0.5))
    affixes: bool = option(True, tune=Choice((False, True), asked=True))
    characters: Whole = option(64, tune=Log(16, 128))
    learning_rate: Positive = 2e-3
    decay: NotNegative = 0.1
    epochs: Count = 50
    crf: bool = option(False, tune=Choice((False, True), asked=True))
    pretrained: Models = ()

    def models(self) -> list[Pretrained]:
        """The language models that are named.

        Raises:
            InputError: There is no such language model.
        """
        return [Pretrained.found(path, None) for path in self.pretrained]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PosSaved(PredictTexts):
    """Which saved tagger to use, what sentences it is asked, and where its tags are written.

    Attributes:
        input_file: File of sentences: CoNLL-U, whose words are taken as they are; CSV, TSV or JSON lines with a text
            column; or .txt with a sentence on each line; also as .gz. It is read in constant memory.
        output_file: File to write the tags to: .conllu, with everything that a CoNLL-U input has but its tags; .csv,
            .tsv or .jsonl, with the columns of the input; or .txt with the tags of a sentence on each line.
    """

    input_file: Path | None = None
    output_file: Path | None = None
