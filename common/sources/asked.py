"""What a saved model is asked: texts of the command line, lines of standard input, rows of a file, one at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from common.errors import InputError, shortened
from common.options import PredictOptions, PredictTexts
from common.options.kinds import check_encoding
from common.reports import counting
from common.sources.files import Lines, existing, format_of
from common.sources.labelled import TEXT_NAMES, encodable, find_column
from common.sources.records import listed
from common.sources.tables import READABLE, TABLES, Rows

PLAIN = re.compile(r"|\.txt")
"""Suffixes of files that have a text on each line."""
NAMES_FIRST = "; the first line is taken for column names: add one if it holds an input"
TEXT = "text"
EVERY = 1000
"""Number of inputs after which their count on the terminal grows."""


class Asked(NamedTuple):
    """An input of a saved model.

    Attributes:
        given: A text, the words of a sentence, or the name of a file.
        columns: What a file of answers keeps of the input, by name.
        origin: What the input was read from, for answers in the same format.
    """

    given: str | tuple[str, ...]
    columns: dict[str, Any]
    origin: Any = None


@dataclass(frozen=True)
class Inputs:
    """Inputs that are read one at a time.

    Attributes:
        read: Reads them, from the first on; once only where there is no `count`.
        columns: The names of the columns that they have.
        count: How many there are; None while nobody knows.
    """

    read: Callable[[], Iterator[Asked]]
    columns: Sequence[str] = (TEXT,)
    count: int | None = field(default=None, kw_only=True)


def inputs_of(words: Sequence[str], stream: BinaryIO) -> Inputs:
    """Inputs from words of the command line or, without any, the lines of a stream, which is read while they are used.

    Raises:
        InputError: A word is not UTF-8, or all are blank; or the stream's lines are, once they are read.
    """
    for number, word in enumerate(words, 1):
        if any("\udc80" <= character <= "\udcff" for character in word):  # Surrogates for invalid bytes.
            raise InputError(f"input {number}: not UTF-8; convert it")
    if words and not any(map(str.strip, words)):
        raise _nothing()
    texts = words or _filled(lines_of(stream))
    return Inputs(lambda: (Asked(text, {TEXT: text}) for text in texts), count=len(words) or None)


def lines_of(stream: BinaryIO) -> Iterator[str]:
    """The lines of a stream of UTF-8.

    Raises:
        InputError: A line is not UTF-8.
    """
    for number, line in enumerate(stream, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"standard input, line {number}: not UTF-8 ({error.reason}); convert it") from error
        yield text.rstrip("\r\n")


def _filled(texts: Iterable[str]) -> Iterator[str]:
    """Texts of which one is not blank; those before it wait for it."""
    blank: list[str] | None = []
    for text in texts:
        if blank is None:
            yield text
            continue
        blank.append(text)
        if text.strip():
            yield from blank
            blank = None
    if blank is not None:
        raise _nothing()


def _nothing() -> InputError:
    return InputError(
        "nothing to predict: give inputs on the command line, as lines of standard input, or with --input-file"
    )


def files_of(words: Sequence[str], stream: BinaryIO, options: PredictOptions, *, columns: Sequence[str] = ()) -> Inputs:
    """The files that are asked, named by words, by lines of a stream or by the option; `columns` hold their names."""
    path = input_file(words, options)
    named = inputs_of([str(path)] if path else words, stream).read()
    files = [Asked(one.given, dict.fromkeys(columns, one.given)) for one in named]
    return Inputs(lambda: iter(files), columns, count=len(files))


def input_file(words: Sequence[str], options: PredictOptions, option: str = "--input-file") -> Path | None:
    """The file of the inputs, if one is named, by the option of this name.

    Raises:
        InputError: There are inputs on the command line as well, or there is no such file.
    """
    if options.input_file is None:
        return None
    if words:
        raise InputError(f"{option} {options.input_file}: there are inputs on the command line too; leave out one")
    path = existing(str(options.input_file), option)
    if path.is_dir():
        raise InputError(f"{option} {path}: a folder; give a file")
    return path


def texts_of(
    words: Sequence[str],
    stream: BinaryIO,
    options: PredictTexts,
    *,
    usual: Sequence[str] = TEXT_NAMES,
    plain: re.Pattern[str] = PLAIN,
    option: str = "--input-file",
) -> Inputs:
    """The texts that a saved model is asked. A file is read once to find what is wrong with it before it is used.

    Args:
        words: Those of the command line.
        stream: Standard input, read where there are no words and no file.
        options: Those of `predict`.
        usual: Usual names of the text column.
        plain: The suffixes of files that have a text on each line.
        option: The option that names the file, for messages.

    Raises:
        InputError: There is nothing to predict, or something in it cannot be read.
    """
    path = input_file(words, options, option)
    if path is None:
        if options.text_column is not None:
            raise InputError(f"--text-column {options.text_column}: only an --input-file has columns; leave it out")
        if options.encoding != "utf-8":
            raise InputError(f"--encoding {options.encoding}: only an --input-file has one; other inputs are UTF-8")
        return inputs_of(words, stream)
    check_encoding(options.encoding)
    text = Lines(path, options.encoding)
    if read := TABLES.get(format_of(path)):
        return checked(lambda: _of_rows(read(text), path, column=options.text_column, usual=usual), path)
    if not plain.fullmatch(format_of(path)):
        raise InputError(f"{path}: a file of unknown type; {READABLE}, or .txt with a text on each line, can be read")
    if options.text_column is not None:
        raise InputError(f"--text-column {options.text_column}: {path} has a text on each line and no columns")
    return checked(lambda: _of_lines(text), path)


def _of_lines(text: Lines) -> Iterator[Asked]:
    for line in text.lines("\n"):
        one = line.rstrip("\r\n")
        yield Asked(one, {TEXT: one})


def _of_rows(rows: Rows, path: Path, *, column: str | None, usual: Sequence[str]) -> Iterator[Asked]:
    name = None
    hint = NAMES_FIRST if format_of(path) in (".csv", ".tsv") and column is None else ""
    for place, row in rows:
        if name is None:
            name = find_column(list(row), column, usual=usual, option="--text-column", place=f"{path}:1", hint=hint)
        if name not in row:
            raise InputError(f"{place}: no {shortened(name)!r}, which the rows before have; it has {listed(list(row))}")
        if not isinstance(row[name], str):
            raise InputError(f"{place}: no text in {shortened(name)!r}; give a string")
        yield Asked(encodable(row[name]), row)


def checked(read: Callable[[], Iterator[Asked]], path: Path) -> Inputs:
    """The inputs of a file, of which all can be read.

    Args:
        read: Reads them.
        path: The file, for messages.

    Raises:
        InputError: One cannot be read, or all are blank.
    """
    count, filled, columns = 0, False, dict[str, None]()
    with counting("reading", None) as done:
        for count, asked in enumerate(read(), 1):
            filled = filled or any(map(str.strip, [asked.given] if isinstance(asked.given, str) else asked.given))
            columns |= dict.fromkeys(asked.columns)
            if count % EVERY == 0:
                done(EVERY)
    if not filled:
        raise InputError(f"{path}: nothing to predict, all inputs are blank; fill it, or give another file")
    return Inputs(read, tuple(columns), count=count)
