"""The options of the language model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from cyclopts import Parameter
from cyclopts.validators import Number

from common.errors import InputError
from common.options import (
    Count,
    DataOptions,
    Encoding,
    EvaluateOptions,
    Linear,
    Log,
    NotNegative,
    Positive,
    PredictTexts,
    Seed,
    Share,
    TopP,
    TrainOptions,
    Whole,
    option,
)
from common.serving.language import How
from common.sources import large
from common.sources.load import load, load_test
from common.sources.plain import Documents, PlainTexts, TextReader
from common.sources.splits import Splits
from common.text.scripts import Level

MANY_TOKENS, SAMPLED = 50_000, 8_192
"""A vocabulary of more tokens is sampled in training where nothing else is asked for, and the size of the sample."""

MOST_TOKENS: dict[Level, int] = {"word": 30000, "subword": 8000, "character": 4000}
ORDERS: dict[Level, int] = {"word": 4, "subword": 4, "character": 7}
"""The longest n-grams of the baseline."""


class Reading(NamedTuple):
    """How much a training reads where no number of epochs is given.

    Attributes:
        few: So many tokens, in at most `MOST_EPOCHS`.
        many: So many tokens, in at most `MANY_EPOCHS`, where that is more.
    """

    few: int
    many: int


READING: dict[Level, Reading] = {
    "word": Reading(15_000_000, 40_000_000),
    "subword": Reading(15_000_000, 40_000_000),
    "character": Reading(8_000_000, 8_000_000),
}
MOST_EPOCHS, MANY_EPOCHS = 20, 5
CHARACTERS_OF_SUBWORDS = 10_000_000
"""The size of the training texts from which subwords are the default."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LanguageData(DataOptions):
    """Where texts come from.

    Attributes:
        data: "tfds:NAME" for a TFDS data set; or a file or folder: text files, or CSV, TSV or JSON lines with a text
            column; files may be gzip. Of fewer than 50 texts the last tenth of each is for validation, and there is no
            test part. Not given: 25,000 film reviews.
        text_column: Name of the text column of a table; found by its usual names when not given.
        documents: What a text is in a text file: a line, the file, or what stands between blank lines.
        encoding: Text encoding of the files.
        drop_seen: Leave out of train what another given split has as well.
        on_disk: Read the training texts a part at a time and keep them encoded in the cache folder, so that memory does
            not grow with them; or hold them in memory. Not given: on disk where text files have more than 256 MB.
    """

    text_column: str | None = None
    documents: Documents = "file"
    encoding: Encoding = "utf-8"
    drop_seen: bool = False
    on_disk: Annotated[bool | None, Parameter(negative="--in-memory")] = option(None, trains=False)

    def load(self) -> Splits[Any]:
        """Reads the splits; `test` is empty where a few texts were cut; `train` may be `LargeTexts`."""
        if self.at_hand:
            return large.read(self.data, self._reader(), on_disk=self.on_disk)
        if self.on_disk:
            raise InputError("--on-disk: for text files of your own; give --data PATH, or leave it out")
        return load(self.data, self._reader())

    def load_test(self) -> PlainTexts:
        """Reads the texts for evaluating a model that was trained on other data."""
        return load_test(self.data, self._reader())

    def _reader(self) -> TextReader:
        return TextReader(
            text_column=self.text_column,
            documents=self.documents,
            encoding=self.encoding,
            drop_seen=self.drop_seen,
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LanguageOptions(LanguageData, TrainOptions):
    """What training a language model needs to know.

    Attributes:
        level: What a token is: a character, a subword or a word. By default a subword; a character where the training
            texts have fewer than 10 million characters.
        vocabulary: Maximum number of tokens; by default 8,000 subwords, 30,000 words or 4,000 characters. What is none
            of them is spelled by shorter ones, in the end by bytes.
        min_count: Minimum occurrences of a word or character that is a token.
        epochs: Maximum number of epochs. Not given: as many as read 15 million subwords or words, or 8 million
            characters, 1 to 20; or, where that is more, as many as read 40 million subwords or words, at most 5.
        backward: Read texts from their end: the model says what stands before a text.
        embedding: Width of the vectors of tokens, which are the weights of the readout as well.
        token_dropout: Share of a text's different tokens whose vectors are dropped in training.
        weight_dropout: Share of the recurrent weights dropped, anew in each training step.
        smoothing: Share of a token's probability that is spread over all tokens in training.
        sampled: Number of tokens, drawn anew in each training step, that stand for all in the loss of training; 0 is
            all. Not given: 8,192 of more than 50,000 tokens.
        activation_penalty: Factor of the mean square of the outputs in the training loss.
        change_penalty: Factor of the mean square of the outputs' changes from step to step in the training loss.
    """

    level: Level | None = None
    vocabulary: Count | None = None
    min_count: Count = 2
    units: Count = option(512, tune=Log(128, 1024))
    backward: bool = False
    embedding: Count = option(256, tune=Log(64, 512))
    token_dropout: Share = option(0.0, tune=Linear(0.0, 0.3, asked=True))
    weight_dropout: Share = option(0.0, tune=Linear(0.0, 0.6, asked=True))
    smoothing: Share = option(0.0, tune=Linear(0.0, 0.2, asked=True))
    sampled: Whole | None = None
    activation_penalty: NotNegative = option(0.0, tune=Log(0.01, 10.0, asked=True))
    change_penalty: NotNegative = option(0.0, tune=Log(0.01, 10.0, asked=True))
    window: Count = 64
    dropout: Share = 0.1
    learning_rate: Positive = 3e-3
    schedule: Literal["inverse", "linear"] = "linear"
    weight_decay: NotNegative = option(0.1, tune=Log(1e-3, 1.0))
    epochs: Count | None = option(None, trains=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bidirectional:
            raise InputError("--bidirectional: reading backwards would see the tokens to be predicted; leave it out")
        if self.sampled and self.smoothing:
            raise InputError(
                f"--sampled {self.sampled}: --smoothing spreads probability over all tokens; give --sampled 0, or no "
                "--smoothing"
            )

    def level_for(self, characters: int) -> Level:
        """What a token of training texts of so many characters is."""
        return self.level or ("character" if characters < CHARACTERS_OF_SUBWORDS else "subword")

    def tokens_of(self, level: Level) -> int:
        """The most tokens of a level."""
        return self.vocabulary or MOST_TOKENS[level]

    def epochs_for(self, level: Level, tokens: int) -> int:
        """The most epochs of so many training tokens."""
        reading, tokens = READING[level], max(tokens, 1)
        few, many = min(round(reading.few / tokens), MOST_EPOCHS), min(reading.many // tokens, MANY_EPOCHS)
        return self.epochs or max(few, many, 1)

    def sampled_of(self, tokens: int) -> int:
        """The size of the sample of a vocabulary; 0 where all of it is used."""
        by_itself = SAMPLED if tokens > MANY_TOKENS and not self.smoothing else 0
        size = by_itself if self.sampled is None else self.sampled
        return size if size < tokens else 0


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LanguageEvaluate(EvaluateOptions):
    """Which saved model to score, and how.

    Attributes:
        dynamic_evaluation: Also score the texts with weights that are adapted to them as they are read. It needs the
            texts that the model learned from.
    """

    dynamic_evaluation: bool = False


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LanguageSaved(PredictTexts):
    """Which saved model to use, and how it writes.

    Attributes:
        input_file: File of beginnings of texts: CSV, TSV or JSON lines with a text column, or .txt with one on each
            line; also as .gz.
        output_file: File to write the answers to: .csv, .tsv or .jsonl, with the columns of the input, or .txt.
        length: Maximum number of tokens to write.
        temperature: Below 1 likely tokens become likelier; 0 takes the most likely one.
        top_k: Number of the most likely tokens that may be drawn; 0 is all.
        top_p: Only the most likely tokens may be drawn that together have this probability; 1 is all.
        seed: Fixes what is drawn.
        samples: Number of texts for each prompt.
        score: File of texts, as --input-file: instead of writing on, say how likely each text is.
        tokens: With --score, also say how likely each token is.
    """

    length: Annotated[int, Parameter(validator=Number(gte=1, lte=1_000_000))] = 300
    temperature: NotNegative = 0.8
    top_k: Whole = 0
    top_p: TopP = 1.0
    seed: Seed = 0
    samples: Count = 1
    score: Path | None = None
    tokens: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.score is None and self.tokens:
            raise InputError("--tokens: needs --score FILE, the texts whose tokens are scored")
        if self.score is not None and self.input_file is not None:
            raise InputError(f"--score {self.score}: names the input file; leave out --input-file")

    def drawn(self, prompts: Sequence[str]) -> Iterator[tuple[str, How]]:
        """Each prompt with how each of its samples is written; all have different seeds."""
        every = (prompt for prompt in prompts for _ in range(self.samples))
        for number, prompt in enumerate(every):
            yield prompt, How(self.length, self.temperature, self.top_k, self.top_p, self.seed + number)
