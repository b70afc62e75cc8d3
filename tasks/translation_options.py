"""The options of translation."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from cyclopts import Parameter

from common.errors import InputError
from common.options import (
    Beam,
    Choice,
    Count,
    DataOptions,
    Encoding,
    Linear,
    Log,
    NotNegative,
    PredictTexts,
    Share,
    Steps,
    TrainOptions,
    option,
)
from common.sources import large_pairs
from common.sources.labelled import TEXT_NAMES
from common.sources.load import load, load_test
from common.sources.parallel import LANGUAGE, PairReader
from common.sources.records import Pairs
from common.sources.splits import Splits

PAIRS, FEWEST, MOST = 600_000, 5, 30
"""Pairs that a training reads where no number of epochs is given, and the fewest and most epochs for that."""
COLUMNS = ("source", "src", "input", *TEXT_NAMES)
"""Usual names of the column to translate."""
PLAIN = re.compile(rf"|\.txt|\.(?:{LANGUAGE.pattern})")
"""Suffixes of files that have a text on each line."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TranslationData(DataOptions):
    """Where pairs of sentences come from.

    Attributes:
        data: "tfds:NAME" for a TFDS data set; a folder, or the beginning of a path such as corpus/train, of
            line-aligned files such as train.en and train.de; or a TSV file or a folder of them, with a sentence, a tab
            and its translation on each line; files may be gzip. Not given: the embedded texts of free software.
        source_language: Language to translate from, needed where the data leaves it open; for TSV only a name for the
            first column.
        target_language: Language to translate into; for the embedded data fr when not given.
        encoding: Text encoding of the files.
        drop_seen: Leave out of train what another given split has as well.
        on_disk: Read the training pairs of line-aligned files a part at a time and keep them encoded in the cache
            folder, so that memory does not grow with them; or hold them in memory. Not given: on disk where the files
            have more than 256 MB.
    """

    source_language: str | None = None
    target_language: str | None = None
    encoding: Encoding = "utf-8"
    drop_seen: bool = False
    on_disk: Annotated[bool | None, Parameter(negative="--in-memory")] = option(None, trains=False)

    def load(self) -> Splits[Any]:
        """Reads the three splits; `train` may be `LargePairs`."""
        if self.at_hand:
            return large_pairs.read(self.data, self._reader(), on_disk=self.on_disk)
        if self.on_disk:
            raise InputError("--on-disk: for line-aligned files of your own; give --data PATH, or leave it out")
        return load(self.data, self._reader())

    def load_test(self) -> Pairs:
        """Reads the pairs for evaluating a model that was trained on other data."""
        return load_test(self.data, self._reader())

    def _reader(self) -> PairReader:
        return PairReader(
            source_language=self.source_language,
            target_language=self.target_language,
            encoding=self.encoding,
            drop_seen=self.drop_seen,
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TranslationOptions(TranslationData, TrainOptions):
    """What training a translator needs to know.

    Attributes:
        layers: Recurrent layers of the encoder, and of the decoder above its first layer, which queries attention.
        units: Width of the hidden state of the decoder; each direction of the encoder has half.
        bidirectional: Also read sources backwards; a pair that fits into a window then lies in a single window.
        embedding: Width of the vectors of subwords, which both languages and the readout share.
        vocabulary: Maximum number of subwords, which both languages share.
        attention: How the decoder scores the steps of the source; with none it only starts from the source.
        longest: Maximum number of subwords of a source or target. Longer pairs are left out of training and of the
            validation loss, not of the test.
        smoothing: Share of a target's probability that is spread over all subwords in training.
        scheduled_sampling: Share of the subwords read by the decoder in training that are its own predictions.
        epochs: Maximum number of epochs. Not given: as many as read about 600,000 pairs; 5 to 30.
        beam: Hypotheses that beam search keeps.
        length_power: Power of the length by which log-probabilities of hypotheses are divided.
    """

    units: Count = option(256, tune=Log(64, 512))
    bidirectional: bool = option(True, tune=Choice((False, True), asked=True))
    embedding: Count = option(256, tune=Log(64, 512))
    vocabulary: Count = 8000
    attention: Literal["multiplicative", "additive", "none"] = option(
        "multiplicative", tune=Choice(("multiplicative", "additive", "none"), asked=True)
    )
    longest: Count = 100
    smoothing: Share = option(0.1, tune=Linear(0.0, 0.3, asked=True))
    scheduled_sampling: Share = option(0.0, tune=Linear(0.0, 0.5, asked=True))
    beam: Beam = 5
    length_power: NotNegative = 1.0
    window: Steps = 64
    dropout: Share = 0.3
    schedule: Literal["inverse", "linear"] = "linear"
    epochs: Count | None = option(None, trains=False)

    def fitted(self, pairs: int) -> Self:
        """The options with as many epochs as suit so many training pairs, where they are not given."""
        return replace(self, epochs=self.epochs or min(max(round(PAIRS / max(pairs, 1)), FEWEST), MOST))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TranslationSaved(PredictTexts):
    """Which saved translator to use, what it translates, how, and where the translations are written.

    Attributes:
        input_file: File of texts: CSV, TSV or JSON lines with a text column, or .txt or a suffix that names a language,
            as train.en, with a text on each line; also as .gz. It is read in constant memory.
        output_file: File to write the translations to: .csv, .tsv or .jsonl, with the columns of the input, or .txt or
            a suffix that names a language, with a translation on each line.
        beam: Hypotheses that beam search keeps; as many as in training when not given.
        show_attention: Also show the source subword with the largest weight for each subword of the translation.
    """

    input_file: Path | None = None
    output_file: Path | None = None
    beam: Beam | None = None
    show_attention: bool = False
