"""Loads data: the embedded data set, a TFDS data set by name, or a user's own files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from common.errors import InputError
from common.options import TFDS
from common.sources import tfds
from common.sources.digests import note_records
from common.sources.embedded import catalogues, turkish, victoria
from common.sources.labelled import LabelledReader
from common.sources.parallel import PairReader
from common.sources.records import LabelledTexts
from common.sources.series import Panel, SeriesReader
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
        data: None for the embedded data set; `tfds:NAME` for a TFDS data set; otherwise a file or folder.
        reader: `LabelledReader`, `TaggedReader`, `PairReader` or `SeriesReader`.

    Returns:
        `Splits` of records, or a `Panel` of series. Missing splits are cut from train, always the same way.

    Raises:
        InputError: The data cannot be found, fetched or read, or something in it is wrong.
    """
    if data is not None and not data.startswith(TFDS):
        return reader.read(data)
    named = data is not None
    found = NAMED[type(reader)](data.removeprefix(TFDS), reader) if named else EMBEDDED[type(reader)](reader)
    note_records(data or "the embedded data", found)
    return found


def load_test(data: str, reader: FileReader[Part]) -> Part:
    """Loads the records for evaluating a trained model: those named test, or all if no name gives a split.

    Args:
        data: As for `load`, but not None.
        reader: `LabelledReader`, `TaggedReader` or `PairReader`.

    Raises:
        InputError: Something in the data is wrong, or it has a train part and no test part.
    """
    return load(data, reader).test if data.startswith(TFDS) else reader.parts(data).test()


def _critics(_: LabelledReader) -> Splits[LabelledTexts]:
    from common.sources.embedded import critics  # It imports TensorFlow.

    return critics.load()


def _no_series(name: str, _: SeriesReader) -> Panel:
    raise InputError(f"--data {TFDS}{name}: time series are read from files; give a CSV or Parquet file")


EMBEDDED: dict[type, Callable[[Any], Any]] = {
    LabelledReader: _critics,
    TaggedReader: turkish.load,
    PairReader: catalogues.load,
    SeriesReader: victoria.load,
}
NAMED: dict[type, Callable[[str, Any], Any]] = {
    LabelledReader: tfds.labelled,
    TaggedReader: tfds.tagged,
    PairReader: tfds.pairs,
    SeriesReader: _no_series,
}
