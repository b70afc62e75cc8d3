"""Loads data: the embedded data set, a TFDS data set by name, or a user's own files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from common.errors import InputError
from common.options import EMBEDDED, TFDS
from common.sources import tfds
from common.sources.digests import note_records
from common.sources.embedded import catalogues, emoji, numbers, recordings, reviews, scenes, shapes, turkish, victoria
from common.sources.labelled import LabelledReader
from common.sources.parallel import PairReader
from common.sources.pictures import PictureReader
from common.sources.plain import TextReader
from common.sources.questions import QuestionReader, Questions
from common.sources.records import LabelledTexts
from common.sources.series import Panel, SeriesReader
from common.sources.signals import SignalReader
from common.sources.splits import FileReader, Part, Splits
from common.sources.tagged import TaggedReader

Result = TypeVar("Result", covariant=True)


class Reader(Protocol[Result]):
    """Reads a user's files. Its class is the kind of data; its attributes are the options."""

    def read(self, data: str) -> Result:
        """Reads a file or a folder."""


def load(data: str | None, reader: Reader[Result]) -> Result:
    """Loads data of the reader's kind.

    Args:
        data: None for the first embedded data set of the kind, `embedded:NAME` for another; `tfds:NAME` for a TFDS data
            set; otherwise a file or folder.
        reader: `LabelledReader`, `TaggedReader`, `PairReader`, `SeriesReader`, `TextReader`, `SignalReader` or
            `PictureReader`.

    Returns:
        `Splits` of records, or a `Panel` of series. Missing splits are cut from train, always the same way.

    Raises:
        InputError: The data cannot be found, fetched or read, or something in it is wrong.
    """
    if data is None or data.startswith(EMBEDDED):
        found = _embedded(data, DATA_SETS[type(reader)])(reader)
    elif data.startswith(TFDS):
        found = NAMED[type(reader)](data.removeprefix(TFDS), reader)
    else:
        return reader.read(data)
    note_records(data or "the embedded data", found)
    return found


def _embedded(data: str | None, known: dict[str, Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """The loader of an embedded data set; of the first if none is named."""
    name = data.removeprefix(EMBEDDED) if data else next(iter(known))
    if name not in known:
        *names, last = (EMBEDDED + name for name in known)
        there = f"{', '.join(names)} and {last}" if names else last
        raise InputError(f"--data {data}: no such embedded data; there is {there}")
    return known[name]


def load_test(data: str, reader: FileReader[Part]) -> Part:
    """Loads the records for evaluating a trained model: those named test, or all if no name gives a split.

    Args:
        data: As for `load`, but not None.
        reader: `LabelledReader`, `TaggedReader`, `PairReader`, `TextReader`, `SignalReader` or `PictureReader`.

    Raises:
        InputError: Something in the data is wrong, or it has a train part and no test part.
    """
    if data.startswith((TFDS, EMBEDDED)):
        return load(data, reader).test
    return reader.parts(data).test()


def _critics(_: LabelledReader) -> Splits[LabelledTexts]:
    from common.sources.embedded import critics  # It imports TensorFlow.

    return critics.load()


def _no_series(name: str, _: SeriesReader | SignalReader) -> Panel:
    raise InputError(f"--data {TFDS}{name}: series of numbers are read from files; give a CSV or Parquet file")


def _no_questions(name: str, _: QuestionReader) -> Splits[Questions]:
    raise InputError(f"--data {TFDS}{name}: questions about pictures are read from files; give a table of them")


DATA_SETS: dict[type, dict[str, Callable[[Any], Any]]] = {
    LabelledReader: {"critics-quotes": _critics, "movie-reviews": lambda _: reviews.labelled()},
    TaggedReader: {"turkish-web-treebank": turkish.load},
    PairReader: {"free-software": catalogues.load},
    SeriesReader: {"victoria-demand": victoria.load},
    TextReader: {"movie-reviews": reviews.plain},
    SignalReader: {
        "spoken-digits": recordings.digits,
        "japanese-vowels": recordings.of_archive("JapaneseVowels"),
        "basic-motions": recordings.of_archive("BasicMotions"),
        "pickup-gestures": recordings.of_archive("PickupGestureWiimoteZ"),
    },
    PictureReader: {
        "scenes": scenes.load,
        "house-numbers": numbers.load,
        **{f"emoji-names-{language}": emoji.of_language(language) for language in emoji.LANGUAGES},
    },
    QuestionReader: {"shapes": shapes.load},
}
"""The embedded data sets of each kind by name; the first is the default."""
NAMED: dict[type, Callable[[str, Any], Any]] = {
    LabelledReader: tfds.labelled,
    TaggedReader: tfds.tagged,
    PairReader: tfds.pairs,
    SeriesReader: _no_series,
    TextReader: tfds.plain,
    SignalReader: _no_series,
    PictureReader: tfds.pictures,
    QuestionReader: _no_questions,
}
