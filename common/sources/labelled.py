"""Labelled texts from a user's files: tables, one file per class with a text per line, or one sub-folder per class."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from unicodedata import normalize

from common.errors import InputError, shortened
from common.options.kinds import check_encoding
from common.sources.files import (
    ROLES,
    Content,
    Lines,
    existing,
    format_of,
    names_under,
    plain_name,
    read_text,
    role_of,
    roles_of,
    words_in,
)
from common.sources.records import Example, LabelledTexts, listed
from common.sources.splits import ByRole, FileReader, Parts, of_one_split, read_by_role
from common.sources.tables import READABLE, TABLES, IsData, ReadTable

TEXT_NAMES = ("text", "review", "sentence", "content", "document", "phrase", "tweet", "comment", "message")
LABEL_NAMES = ("label", "sentiment", "class", "category", "polarity", "labels", "target", "stars", "rating")
WHOLE = re.compile(r"[+-]?[0-9]+\.0+|\+[0-9]+")
UNLABELLED = ("unsup", "unsupervised", "unlabelled", "unlabeled")
SPLIT_NAMES = ("split", "subset", "partition")

Named = list[tuple[str, dict[str, Any]]]
"""Rows by the names of their columns, each after its place."""
ReadFile = Callable[[Path], Iterable[Example]]


@dataclass(frozen=True, kw_only=True)
class LabelledReader(FileReader[LabelledTexts]):
    """Reads labelled texts.

    Attributes:
        text_column: Name of the text column; found by its usual names when None.
        label_column: Name of the label column; found by its usual names when None.
    """

    text_column: str | None = None
    label_column: str | None = None

    def parts(self, data: str) -> Parts[LabelledTexts]:
        check_encoding(self.encoding)
        path = existing(data)
        notes: list[str] = []
        records = self._folder(path, notes) if path.is_dir() else self._table(path, notes)
        return Parts(LabelledTexts, records, data, drop_seen=self.drop_seen, notes=list(dict.fromkeys(notes)))

    def columns(self, present: Sequence[str], place: str) -> tuple[str, str]:
        """Finds the text column and the label column among those present.

        Args:
            present: Names of columns, or of the features of a TFDS data set.
            place: The file or data set that has them, for messages.

        Raises:
            InputError: There is no such column.
        """
        text = find_column(present, self.text_column, usual=TEXT_NAMES, option="--text-column", place=place)
        label = find_column(present, self.label_column, usual=LABEL_NAMES, option="--label-column", place=place)
        if text == label:
            raise InputError(
                f"{place}: {shortened(text)!r} cannot hold both texts and labels; name another --label-column"
            )
        return text, label

    def _folder(self, folder: Path, notes: list[str]) -> ByRole[Example]:
        names = names_under(folder)
        if not names:
            raise InputError(f"{folder}: a folder without examples; give {READABLE}, or files named by class")
        unlabelled = [name for name in names if _is_unlabelled(name)]
        notes += [f"{name} has no labels and is left out" for name in unlabelled]
        names = [name for name in names if name not in unlabelled]
        if any(format_of(name) in TABLES for name in names):
            return self._tables(folder, names, notes)
        read, roles = self._layout(names)
        if not roles:
            raise InputError(f"{folder}: no labels; predict classifies texts without labels")
        return read_by_role({folder / name: role for name, role in roles.items()}, read)

    def _layout(self, names: list[Path]) -> tuple[ReadFile, dict[Path, str | None]]:
        """How to read the files (as one text each, or as one text per line) and the split of each."""
        in_class_folders = [name for name in names if name.parent.name and role_of(name.parent.name) is None]
        if in_class_folders:
            labelled = [name for name in in_class_folders if name.parent.name.lower() not in UNLABELLED]
            return self._whole, {name: role_of(*reversed(name.parent.parts)) for name in labelled}
        return self._lines, roles_of(names)

    def _tables(self, folder: Path, names: list[Path], notes: list[str]) -> ByRole[Example]:
        """The tables of a folder; test files without labels, and others without texts, are left out."""
        roles = roles_of(names)

        if wrong := next((folder / name for name in names if format_of(name) not in TABLES), None):
            raise InputError(f"{wrong}: not one of {READABLE}, as others in its folder are; move it elsewhere")

        def read(path: Path) -> list[Example]:
            role = roles[path.relative_to(folder)]
            may_lack = "labels" if role == "test" else "texts" if role is None and "train" in roles.values() else None
            return of_one_split(path, self._table(path, notes, may_lack=may_lack), role)

        if len(names) == 1 and not roles[names[0]]:
            return self._table(folder / names[0], notes)
        parts = {
            role: part for role, part in read_by_role({folder / n: r for n, r in roles.items()}, read).items() if part
        }
        if not parts:
            raise InputError(f"{folder}: no labels; predict classifies texts without labels")
        return parts

    def _table(
        self, path: Path, notes: list[str], *, may_lack: Literal["labels", "texts"] | None = None
    ) -> ByRole[Example]:
        """The examples of a table by the split that its `split` column gives, else under None."""
        found: list[bool] = []
        rows = list(_table_of(path)(Content(path, read_text(path, self.encoding)), self._noting_data(found)))
        if not rows:
            raise InputError(f"{path}: a first line of column names and no examples; add some")
        names = list(rows[0][1])
        if any(found):
            columns = self._columns_without_names(rows)
            notes.append(f"{path.name} has no column names; texts are in column {columns[0]}, labels in {columns[1]}")
        elif (may_lack == "labels" and self._lacks_labels(rows)) or (may_lack == "texts" and self._lacks_texts(rows)):
            notes.append(f"{path.name} has no {may_lack} and is left out")
            return {}
        else:
            columns = self.columns(names, f"{path}:1")
        parts, others = parts_of(rows, columns)
        if others:
            notes.append(f"columns left out: {listed(others)}")
        return {role: [_example(row, columns, place) for place, row in part] for role, part in parts.items()}

    def _noting_data(self, found: list[bool]) -> IsData:
        """Whether the first row of a table is data, as `is_data` says; noted in `found`."""
        usual = {*TEXT_NAMES, *LABEL_NAMES} | {
            name.lower() for name in (self.text_column, self.label_column) if name and not name.isdecimal()
        }

        def noted(rows: list[list[str]]) -> bool:
            found.append(not usual & {*_folded(rows[0])} and bool(_label_numbers(rows)))
            return found[-1]

        return noted

    def _columns_without_names(self, rows: Named) -> tuple[str, str]:
        """The columns of texts and labels of a table whose columns have numbers for names, where its cells show them.

        Raises:
            InputError: They show none, or several.
        """
        place, names = rows[0][0], list(rows[0][1])
        cells = [list(row.values()) for _, row in rows]
        labels = [self.label_column] if self.label_column else [names[n] for n in _label_numbers(cells)]
        worded = {name: sum(str(row[name]).count(" ") for _, row in rows) / len(rows) for name in names}
        if self.text_column:
            texts = [self.text_column]
        elif len(names) == 2 and len(labels) == 1:
            texts = [name for name in names if name not in labels]
        else:
            texts = sorted((name for name in names if worded[name] >= 1), key=worded.__getitem__, reverse=True)
            if len(texts) > 1 and worded[texts[0]] >= 2 * worded[texts[1]]:
                texts = texts[:1]
            texts.sort(key=names.index)
        labels = [name for name in labels if name not in texts or name == self.label_column]
        wrong = [name for name in (*texts, *labels) if name not in names]
        if wrong or len(texts) != 1 or len(labels) != 1:
            asked = f"--text-column {' or '.join(texts or names)} --label-column {' or '.join(labels or names)}"
            raise InputError(f"{place}: no column names; give the numbers of the columns: {asked}, of {len(names)}")
        return texts[0], labels[0]

    def _lacks_labels(self, rows: Named) -> bool:
        """Whether a table has no label column, or -1 for each label, as GLUE's and Kaggle's test files."""
        folded = _folded(rows[0][1])
        found = [folded[name] for name in _wanted(self.label_column, LABEL_NAMES) if name in folded]
        return not found or all(label_of(row.get(found[0])) == "-1" for _, row in rows)

    def _lacks_texts(self, rows: Named) -> bool:
        """Whether a table has no text column, as the samples of what competitions ask for."""
        return not {*_wanted(self.text_column, TEXT_NAMES)} & {*_folded(rows[0][1])}

    def _whole(self, path: Path) -> list[Example]:
        return [Example(read_text(path, self.encoding), path.parent.name, str(path))]

    def _lines(self, path: Path) -> Iterator[Example]:
        label = _class_named_by(path)
        lines = read_text(path, self.encoding).split("\n")
        while not lines[-1].strip():
            lines.pop()
        for number, line in enumerate(lines, 1):
            if not line.strip():
                raise InputError(f"{path}:{number}: an empty line where each is a text; remove it")
            yield Example(line.rstrip("\r"), label, f"{path}:{number}")


def _table_of(path: Path) -> ReadTable:
    """How to read a file that is given alone; one of no known type is a table if there are tabs in it."""
    if (kind := format_of(path)) in TABLES:
        return TABLES[kind]
    if kind in ("", ".txt") and "\t" in next(Lines(path, "latin-1").lines(), ""):
        return TABLES[".tsv"]
    hint = "; for a file or sub-folder per class give their folder" if kind == ".txt" else ""
    raise InputError(f"{path}: a file of unknown type; {READABLE}, or .txt with tabs between cells, can be read{hint}")


def _label_numbers(rows: list[list[str]]) -> list[int]:
    """The numbers of the columns that may hold labels: those whose first cell comes again, among few others."""
    found = []
    for number, first in enumerate(rows[0]):
        values = Counter(row[number] if number < len(row) else "" for row in rows[1:])
        few = len(values) == 2 or (len(values) > 2 and 2 * len(values) < len(rows))
        if first.strip() and values[first] and not values[""] and few:
            found.append(number)
    return found


def find_column(
    names: Sequence[str], given: str | None, *, usual: Sequence[str], option: str, place: str, hint: str = ""
) -> str:
    """The given column, or the first with a usual name; case counts only between names that differ in case alone."""
    folded = _folded(names)
    for name in (given,) if given else usual:
        if name in names:
            return name
        if name.lower() in folded:
            return folded[name.lower()]
    wanted = repr(given) if given else f"named {' or '.join(usual)}"
    having = ", ".join(repr(shortened(name)) for name in names[:20])
    instead = "; predict classifies texts without labels" if option == "--label-column" else ""
    raise InputError(f"{place}: no column {wanted}; name one of {having} with {option}{instead}{hint}")


def _folded(names: Iterable[str]) -> dict[str, str]:
    """Names by their form without case and blanks; of equal ones the first."""
    return {name.strip().lower(): name for name in reversed(list(names))}


def _wanted(given: str | None, usual: Sequence[str]) -> Sequence[str]:
    return (given.strip().lower(),) if given else usual


def parts_of(rows: Named, columns: Sequence[str]) -> tuple[dict[str | None, Named], list[str]]:
    """Rows by the split that their column named split, subset or partition gives, if each of its values gives one.

    Args:
        rows: The rows.
        columns: The columns that are read.

    Returns:
        The rows of each split, or all of them under None; and the names of the columns that are left out.
    """
    folded = _folded(rows[0][1])
    splits = next((folded[usual] for usual in SPLIT_NAMES if usual in folded), None)
    if splits in columns or not all(splits in row and role_of(str(row[splits])) for _, row in rows):
        splits = None
    parts: dict[str | None, Named] = {}
    for place, row in rows:
        parts.setdefault(None if splits is None else role_of(str(row[splits])), []).append((place, row))
    return parts, [name for name in rows[0][1] if name.strip() and name not in (*columns, splits)]


def _is_unlabelled(name: Path) -> bool:
    """Whether a file is named as one without labels; one in a folder named after a class has that label."""
    in_class_folder = bool(name.parent.name) and role_of(name.parent.name) is None
    return not in_class_folder and any(word in UNLABELLED for word in words_in(name.name.lower()))


def _class_named_by(path: Path) -> str:
    """The class of `neg.txt`, `train_neg.txt` or `rt-polarity.neg`."""
    name = plain_name(path)
    if name.suffix.lower() in ("", ".txt"):
        label = "_".join(word for word in words_in(name.stem) if word.lower() not in ROLES)
        if not label:
            raise InputError(f"{path}: named after no class; name it as in train_pos.txt, or give {READABLE}")
        return label
    siblings = (plain_name(other) for other in path.parent.iterdir())
    if not any(other.stem == name.stem and other.suffix != name.suffix for other in siblings):
        raise InputError(f"{path}: a file of unknown type; {READABLE}, or a file per class, can be read")
    return name.suffix[1:]


def _example(row: dict[str, Any], columns: tuple[str, str], place: str) -> Example:
    text_column, label_column = columns
    for column in columns:
        if column not in row:
            raise InputError(
                f"{place}: no {shortened(column)!r}, which the examples before have; it has {listed(list(row))}"
            )
    text, label = row[text_column], label_of(row[label_column])
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{place}: no text in {text_column!r}; fill it in or remove the example")
    if not label:
        raise InputError(f"{place}: no label in {label_column!r}; give a word or a number")
    return Example(encodable(text), label, place, row)


def label_of(value: Any) -> str:
    """A label as a string, in composed form: 1, 1.0 and "1.0" are "1"; true, "True" and "TRUE" are "true".

    What is neither text nor number becomes the empty string.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if not isinstance(value, bool | str | int | float):
        return ""
    text = normalize("NFC", encodable(str(value)).strip())
    if WHOLE.fullmatch(text):
        return text.split(".")[0].removeprefix("+")
    return text.lower() if text.lower() in ("true", "false") else text


def encodable(text: str) -> str:
    """Replaces lone surrogates, which JSON can spell as escapes and UTF-8 cannot encode."""
    return text.encode(errors="replace").decode()
