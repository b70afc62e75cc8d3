"""Answers as files: tables with the columns of the inputs, or a line for each answer."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import repeat
from pathlib import Path
from typing import Any

from common.errors import InputError
from common.files import drafted
from common.serving.asking import Record
from common.sources.asked import Asked

Answered = list[tuple[Asked, Record]]
"""Inputs, each with a record that answers it."""
Write = Callable[[Answered], None]
Format = Callable[[Path, Sequence[str]], AbstractContextManager[Write]]
"""Begins a file, with the columns of the inputs; gives a function that writes answers to it."""
Told = Callable[[Record], list[Mapping[str, Any]]]
"""The rows that a table has for a record."""


def tables(told: Told) -> dict[str, Format]:
    """The formats of tables by suffix.

    Each row has the columns of the input and those of the answer. A column of the answer whose name the input has too
    is named `predicted_` and its name.

    Args:
        told: Gives the rows of a record, which all have the same names.
    """
    lines = _json_lines(told)
    return {".csv": _separated(told, ","), ".tsv": _separated(told, "\t"), ".jsonl": lines, ".ndjson": lines}


def texts(answer: Callable[[Record], str]) -> Format:
    """The format of a text file: the answer to each input on a line.

    Args:
        answer: Gives the answer of a record; several lines become one.
    """

    @contextmanager
    def begin(path: Path, columns: Sequence[str]) -> Iterator[Write]:
        with path.open("w", encoding="utf-8") as file:
            yield lambda answered: file.writelines(f"{' '.join(answer(r).splitlines())}\n" for _, r in answered)

    return begin


def format_for(option: str, path: Path, formats: Mapping[str, Format]) -> Format:
    """The format that the suffix of a file names.

    Args:
        option: The option that names the file, for messages.
        path: The file.
        formats: The formats by suffix; one by "" writes any file.

    Raises:
        InputError: There is no such format.
    """
    found = formats.get(path.suffix.lower(), formats.get(""))
    if found is None:
        raise InputError(f"{option} {path}: unknown type of file; name one that ends in {', '.join(formats)}")
    return found


def write_rows(
    rows: Iterable[Mapping[str, Any]], path: Path, begin: Format, *, columns: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Writes rows that are answers to the file of `--output-file`, completely or not at all.

    Args:
        rows: The rows.
        path: The file.
        begin: Begins it.
        columns: What the file keeps of the input of each row, by name; empty where inputs have no columns.
    """
    names = list(dict.fromkeys(name for one in columns for name in one))
    with drafted("--output-file", path) as draft, begin(draft, names) as write:
        for row, kept in zip(rows, columns or repeat({})):
            write([(Asked("", dict(kept)), row)])


def _merged(answered: Answered, columns: Sequence[str], told: Told) -> Iterator[dict[str, Any]]:
    """The rows of a table."""
    for asked, record in answered:
        for row in told(record):
            yield asked.columns | {_unlike(columns, name): value for name, value in row.items()}


def _unlike(columns: Sequence[str], name: str) -> str:
    while name in columns:
        name = f"predicted_{name}"
    return name


def _separated(told: Told, separator: str) -> Format:
    @contextmanager
    def begin(path: Path, columns: Sequence[str]) -> Iterator[Write]:
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            names: dict[str, None] = {}
            writer = csv.writer(file, delimiter=separator, lineterminator="\n")

            def write(answered: Answered) -> None:
                for row in _merged(answered, columns, told):
                    if not names:
                        names.update(dict.fromkeys([*columns, *row]))
                        writer.writerow(names)
                    writer.writerow(_cell(row.get(name)) for name in names)

            yield write

    return begin


def _json_lines(told: Told) -> Format:
    @contextmanager
    def begin(path: Path, columns: Sequence[str]) -> Iterator[Write]:
        # A half of a character, which JSON can spell, is spelled so again.
        with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
            yield lambda answered: file.writelines(f"{_json(row)}\n" for row in _merged(answered, columns, told))

    return begin


def _cell(value: Any) -> Any:
    """A value as a cell: texts and numbers as they are, nothing for None, and everything else as JSON."""
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=lambda array: array.tolist())
