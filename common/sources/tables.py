"""Rows of CSV, TSV and JSON lines files, each with its place for messages."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from common.errors import InputError
from common.sources.files import Text

Rows = Iterator[tuple[str, dict[str, Any]]]
Cells = Iterator[tuple[str, list[str]]]
"""The cells of each row, after the row's place."""
ReadTable = Callable[..., Rows]
"""Reads the rows of a table: its text, and which first row is data."""
SEPARATORS = ",;\t|"
SAMPLE = 20_000
"""Characters of a file by which its separator is chosen."""
SAID = re.compile(r"\ufeff?\"?sep=([,;|\t])\"?\r?\n?", re.IGNORECASE)
"""A first line that is for Excel alone: which character is between cells."""
ENCLOSED = re.compile(r'"(?:[^"]|"")*"')


def _cells(text: Text, **dialect: Any) -> Cells:
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(text.lines(), strict=True, **dialect)
    while True:
        place, first = f"{text.path}:{reader.line_num + 1}", not reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(
                f"{place}: {error}; put a text that holds quotes in double quotes, and double its own"
            ) from error
        yield place, [] if first and SAID.fullmatch(dialect["delimiter"].join(row)) else row


def _is_blank(row: Sequence[str]) -> bool:
    return len(row) <= 1 and not "".join(row).strip()


def separator_of(content: str, usual: str) -> str:
    """The character between cells.

    Of those that all of the first lines have equally often, outside of quotation marks, it is the most frequent, in a
    tie the usual one. If there are none, it is the usual one where the first line has it, or else the most frequent
    there. A first line such as `sep=;`, which Excel reads, says it.
    """
    if said := SAID.match(content):
        return said[1]
    start = re.sub(r'"[^"]*"', "", content[:SAMPLE]).strip()
    lines = [line for line in start.split("\n") if line.strip()]
    lines = lines[: max(1, len(lines) - (len(content) > SAMPLE))]  # The last may be cut.
    able = (usual, *(separator for separator in SEPARATORS if separator != usual))
    counts = {separator: {line.count(separator) for line in lines} for separator in able}
    if even := [
        separator for separator in able if len(counts[separator]) == 1 and len(lines) > 1 and min(counts[separator])
    ]:
        return max(even, key=lambda separator: min(counts[separator]))
    first = lines[0] if lines else ""
    return usual if usual in first else max(able, key=first.count)


def cells(text: Text, separator: str, *, minimal: bool) -> Cells:
    """The cells of each row, none for a blank line.

    Whether quotes enclose cells or are characters is decided by the content, which is read up to three times.

    Quotes are characters if the lines have equally many cells without regard to quotes, and with regard to them rows
    become fewer, and none is doubled.

    Args:
        text: The text.
        separator: The character between cells.
        minimal: Quotes are characters, too, if rows cannot be read with them; if a cell has some without being
            enclosed by them; or if none is enclosed that has to be, and no column whose cells are all enclosed. No
            program writes such files, people's texts do.

    Raises:
        InputError: The file cannot be read.
    """
    quoting = {"quoting": csv.QUOTE_NONE} if _quotes_are_characters(text, separator, minimal=minimal) else {}
    return _cells(text, delimiter=separator, **quoting)


def _quotes_are_characters(text: Text, separator: str, *, minimal: bool) -> bool:
    plain = _Look()
    for _, row in _cells(text, delimiter=separator, quoting=csv.QUOTE_NONE):
        plain.add(row)
    if not plain.quoted:
        return True
    enclosed = _Look()
    try:
        for _, row in _cells(text, delimiter=separator):
            enclosed.add(row)
    except InputError:
        if not minimal:
            raise
        return True
    fewer = enclosed.rows < plain.rows and not plain.doubled  # Only enclosed cells have doubled quotes.
    if plain.even and (fewer or (minimal and plain.has_characters)):
        return True
    return minimal and not plain.even and not enclosed.even


class _Look:
    """What the rows of a table look like, one after the other: how wide they are, and where they have quotes."""

    def __init__(self) -> None:
        self.rows, self.widths = 0, set[int]()
        self.quoted = self.doubled = self.inside = False
        self.enclosed = True  # All cells that have quotes.
        self.columns: list[bool] = []  # Whether all cells of the column are enclosed, those of the first row aside.
        self.below = 0  # Rows that `columns` tells of.

    def add(self, row: Sequence[str]) -> None:
        self.rows += 1
        if _is_blank(row):
            return
        first, found = not self.widths, [ENCLOSED.fullmatch(cell) is not None for cell in row]
        self.widths.add(len(row))
        for cell, whole in zip(row, found):
            if '"' in cell:
                self.quoted, self.enclosed = True, self.enclosed and whole
                self.doubled |= '""' in cell
                self.inside |= '""' in cell[1:-1]
        self.below += not first
        self.columns = found if self.below <= 1 else [a and b for a, b in zip(self.columns, found)]

    @property
    def even(self) -> bool:
        """Whether all rows have equally many cells."""
        return len(self.widths) == 1

    @property
    def has_characters(self) -> bool:
        """Whether quotes in the cells of even rows are characters, see `cells`."""
        return not self.enclosed or (not self.inside and not any(self.columns))


IsData = Callable[[list[list[str]]], bool]
"""Whether the first of the rows of a table is one of data, so that its columns have no names."""


def named(rows: Cells, is_data: IsData | None = None) -> Rows:
    """Rows by the names in the first; where that is data, by the numbers of the columns from 1 on.

    Blank names become blanks of different lengths. Without `is_data` the first row has names, and rows are read one at
    a time.

    Raises:
        InputError: A row has more or fewer cells than the first, or two columns have one name.
    """
    filled = (one for one in rows if not _is_blank(one[1]))
    if is_data is not None and (found := list(filled)):
        if is_data([row for _, row in found]):
            found.insert(0, (found[0][0], [str(number) for number in range(1, len(found[0][1]) + 1)]))
        filled = iter(found)
    place, header = next(filled, ("", []))
    if twice := [name for name in header if name.strip() and header.count(name) > 1]:
        raise InputError(f"{place}: two columns named {twice[0][:60]!r}; rename or remove one")
    blank = count()
    header = [name if name.strip() else " " * next(blank) for name in header]
    for place, row in filled:
        if len(row) != len(header):
            raise InputError(
                f"{place}: {len(row)} columns where the first line has {len(header)}; "
                "put a text that holds the separator in double quotes"
            )
        yield place, dict(zip(header, row))


def _separated(usual: str) -> ReadTable:
    def read(text: Text, is_data: IsData | None = None) -> Rows:
        separator = separator_of(_start(text), usual)
        return named(cells(text, separator, minimal=separator == "\t"), is_data)

    return read


def _start(text: Text) -> str:
    """The first lines of a text, a little longer than what `separator_of` looks at."""
    lines, size = [], 0
    for line in text.lines():
        lines.append(line)
        size += len(line)
        if size > SAMPLE:
            break
    return "".join(lines)


def _json(text: Text, is_data: IsData | None = None) -> Rows:
    """Rows from one object per line, or from an array of objects, which is read all at once."""
    path, first = text.path, next((line for line in text.lines("\n") if line.strip()), "")
    if first.lstrip().startswith("["):
        array = _parsed(path, 1, "".join(text.lines("\n")))
        values = ((f"{path}: item {n}", value) for n, value in enumerate(array, 1))
    else:
        lines = ((n, line.rstrip("\n")) for n, line in enumerate(text.lines("\n"), 1) if line.strip())
        values = ((f"{path}:{n}", _parsed(path, n, line)) for n, line in lines)
    for place, value in values:
        if not isinstance(value, dict):
            raise InputError(f"{place}: no JSON object; give one with a text and a label")
        yield place, value


def _parsed(path: Path, line: int, content: str) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        wrong = f"{error.msg}, column {error.colno}"
        line += error.lineno - 1
    except ValueError:
        wrong = "a number of thousands of digits"
    except RecursionError:
        wrong = "nested too deeply"
    raise InputError(f"{path}:{line}: not JSON that can be read ({wrong}); give one object per line")


TABLES: dict[str, ReadTable] = {
    ".csv": _separated(","),
    ".tsv": _separated("\t"),
    ".jsonl": _json,
    ".ndjson": _json,
    ".json": _json,
}
SEPARATED = (".csv", ".tsv")
READABLE = f"{', '.join(TABLES)} files, each also as .gz"
