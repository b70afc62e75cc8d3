"""Rows of CSV, TSV and JSON lines files, each with its place for messages."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from common.errors import InputError

Rows = Iterable[tuple[str, dict[str, Any]]]


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
        if len(row) > 1 or "".join(row).strip():
            yield place, row


def _named(rows: Iterator[tuple[str, list[str]]]) -> Rows:
    _, header = next(rows)
    for place, row in rows:
        if len(row) != len(header):
            raise InputError(
                f"{place}: {len(row)} columns where the first line has {len(header)}; "
                "put a text that holds the separator in double quotes"
            )
        yield place, dict(zip(header, row))


def _comma_separated(path: Path, content: str) -> Rows:
    return _named(_cells(path, content))


def _tab_separated(path: Path, content: str) -> Rows:
    """Rows separated by tabs. Quotes count as in CSV if that reads the whole file; otherwise they are characters."""
    try:
        return list(_named(_cells(path, content, delimiter="\t")))
    except InputError:
        return _named(_cells(path, content, delimiter="\t", quoting=csv.QUOTE_NONE))


def _json(path: Path, content: str) -> Rows:
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
        raise InputError(f"{path}:{line}: not JSON ({wrong}); give one object per line") from error


TABLES: dict[str, Callable[[Path, str], Rows]] = {
    ".csv": _comma_separated,
    ".tsv": _tab_separated,
    ".jsonl": _json,
    ".ndjson": _json,
    ".json": _json,
}
READABLE = f"{', '.join(TABLES)} files, each also as .gz"
