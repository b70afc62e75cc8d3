"""Rows of CSV, TSV and JSON lines files, each with its place for messages."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from common.errors import InputError

Rows = Iterable[tuple[str, dict[str, Any]]]
Cells = list[tuple[str, list[str]]]
"""The cells of each row, after the row's place."""
ReadTable = Callable[..., Rows]
"""Reads the rows of a table: its path and content, and which first row is data."""
SEPARATORS = ",;\t|"
SAMPLE = 20_000
"""Characters of a file by which its separator is chosen."""
ENCLOSED = re.compile(r'"(?:[^"]|"")*"')


def _cells(path: Path, content: str, **dialect: Any) -> Iterator[tuple[str, list[str]]]:
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(content, newline=""), strict=True, **dialect)
    while True:
        place = f"{path}:{reader.line_num + 1}"
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(
                f"{place}: {error}; put a text that holds quotes in double quotes, and double its own"
            ) from error
        yield place, row


def _is_blank(row: Sequence[str]) -> bool:
    return len(row) <= 1 and not "".join(row).strip()


def separator_of(content: str, usual: str) -> str:
    """The character between cells.

    Of those that all of the first lines have equally often, outside of quotation marks, it is the most frequent, in a
    tie the usual one. If there are none, it is the usual one where the first line has it, or else the most frequent
    there.
    """
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


def cells(path: Path, content: str, separator: str, *, minimal: bool) -> Cells:
    """The cells of each row, none for a blank line.

    Whether quotes enclose cells or are characters is decided by the content.

    Quotes are characters if the lines have equally many cells without regard to quotes, and with regard to them rows
    become fewer, and none is doubled.

    Args:
        path: The file, for messages.
        content: Its text.
        separator: The character between cells.
        minimal: Quotes are characters, too, if rows cannot be read with them; if a cell has some without being
            enclosed by them; or if none is enclosed that has to be, and no column whose cells are all enclosed. No
            program writes such files, people's texts do.

    Raises:
        InputError: The file cannot be read.
    """
    plain = list(_cells(path, content, delimiter=separator, quoting=csv.QUOTE_NONE))
    if '"' not in content:
        return plain
    even = _is_even(plain)
    try:
        enclosed = list(_cells(path, content, delimiter=separator))
    except InputError:
        if not minimal:
            raise
        return plain
    fewer = len(enclosed) < len(plain) and '""' not in content  # Only enclosed cells have doubled quotes.
    if even and (fewer or (minimal and _are_characters(plain))):
        return plain
    if minimal and not even and not _is_even(enclosed):
        return plain
    return enclosed


def _is_even(rows: Cells) -> bool:
    """Whether all rows have equally many cells."""
    return len({len(row) for _, row in rows if not _is_blank(row)}) == 1


def _are_characters(found: Cells) -> bool:
    """Whether quotes in the cells of even rows are characters, see `cells`."""
    rows = [row for _, row in found if not _is_blank(row)]
    quoted = [cell for row in rows for cell in row if '"' in cell]
    if not all(map(ENCLOSED.fullmatch, quoted)):
        return True
    if any('""' in cell[1:-1] for cell in quoted):
        return False
    body = rows[1:] if len(rows) > 1 else rows
    return not any(all(ENCLOSED.fullmatch(cell) for cell in column) for column in zip(*body))


IsData = Callable[[list[list[str]]], bool]
"""Whether the first of the rows of a table is one of data, so that its columns have no names."""


def with_names(_: list[list[str]]) -> bool:
    """That of a table whose first row has the names of its columns."""
    return False


def named(rows: Cells, is_data: IsData = with_names) -> Rows:
    """Rows by the names in the first; where that is data, by the numbers of the columns from 1 on.

    Raises:
        InputError: A row has more or fewer cells than the first, or two columns have one name.
    """
    filled = [one for one in rows if not _is_blank(one[1])]
    if not filled:
        return
    if is_data([row for _, row in filled]):
        filled.insert(0, (filled[0][0], [str(number) for number in range(1, len(filled[0][1]) + 1)]))
    (place, header), *rest = filled
    if twice := [name for name in header if name.strip() and header.count(name) > 1]:
        raise InputError(f"{place}: two columns named {twice[0][:60]!r}; rename or remove one")
    for place, row in rest:
        if len(row) != len(header):
            raise InputError(
                f"{place}: {len(row)} columns where the first line has {len(header)}; "
                "put a text that holds the separator in double quotes"
            )
        yield place, dict(zip(header, row))


def _separated(usual: str) -> ReadTable:
    def read(path: Path, content: str, is_data: IsData = with_names) -> Rows:
        separator = separator_of(content, usual)
        return named(cells(path, content, separator, minimal=separator == "\t"), is_data)

    return read


def _json(path: Path, content: str, is_data: IsData = with_names) -> Rows:
    """Rows from one object per line, or from an array of objects."""
    if content.lstrip().startswith("["):
        values = ((f"{path}: item {n}", value) for n, value in enumerate(_parsed(path, 1, content), 1))
    else:
        lines = ((n, line) for n, line in enumerate(content.split("\n"), 1) if line.strip())
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
READABLE = f"{', '.join(TABLES)} files, each also as .gz"
