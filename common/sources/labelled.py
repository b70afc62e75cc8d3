"""Labelled texts from a user's files: tables, one file per class with a text per line, or one sub-folder per class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import InputError
from common.sources.files import (
    ROLES,
    check_encoding,
    existing,
    format_of,
    names_under,
    plain_name,
    read_text,
    role_of,
    roles_of,
    words_in,
)
from common.sources.records import Example, LabelledTexts
from common.sources.splits import ByRole, FileReader, Parts, read_by_role
from common.sources.tables import READABLE, TABLES

TEXT_NAMES = ("text", "review", "sentence", "content", "document")
LABEL_NAMES = ("label", "sentiment", "class", "category", "polarity")
UNLABELLED = ("unsup", "unsupervised")

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
        if path.is_dir():
            return Parts(LabelledTexts, self._folder(path), data)
        if format_of(path) not in TABLES:
            hint = "; for a file or sub-folder per class give their folder" if format_of(path) == ".txt" else ""
            raise InputError(f"{path}: a file of unknown type; {READABLE} can be read{hint}")
        return Parts(LabelledTexts, {None: self._table(path)}, data)

    def columns(self, present: Sequence[str], place: str) -> tuple[str, str]:
        """Finds the text column and the label column among those present.

        Args:
            present: Names of columns, or of the features of a TFDS data set.
            place: The file or data set that has them, for messages.

        Raises:
            InputError: There is no such column.
        """
        text = _find(present, self.text_column, usual=TEXT_NAMES, option="--text-column", place=place)
        return text, _find(present, self.label_column, usual=LABEL_NAMES, option="--label-column", place=place)

    def _folder(self, folder: Path) -> ByRole[Example]:
        names = names_under(folder)
        if not names:
            raise InputError(f"{folder}: a folder without examples; give {READABLE}, or files named by class")
        read, roles = self._layout(names)
        return read_by_role({folder / name: role for name, role in roles.items()}, read)

    def _layout(self, names: list[Path]) -> tuple[ReadFile, dict[Path, str | None]]:
        """How to read the files (as tables, as one text each, or as one text per line) and the split of each."""
        roles = roles_of(names)
        if any(format_of(name) in TABLES for name in names):
            return self._table, roles
        in_class_folders = [name for name in names if name.parent.name and role_of(name.parent.name) is None]
        if in_class_folders:
            labelled = [name for name in in_class_folders if name.parent.name.lower() not in UNLABELLED]
            return self._whole, {name: role_of(*reversed(name.parent.parts)) for name in labelled}
        return self._lines, roles

    def _table(self, path: Path) -> list[Example]:
        if format_of(path) not in TABLES:
            raise InputError(f"{path}: not one of {READABLE}, as others in its folder are; move it elsewhere")
        examples, columns = [], None
        for place, row in TABLES[format_of(path)](path, read_text(path, self.encoding)):
            columns = columns or self.columns(list(row), f"{path}:1")
            examples.append(_example(row, columns, place))
        if not examples:
            raise InputError(f"{path}: a first line of column names and no examples; add some")
        return examples

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


def _find(names: Sequence[str], given: str | None, *, usual: Sequence[str], option: str, place: str) -> str:
    """The given column, or the first with a usual name; case counts only between names that differ in case alone."""
    folded = {name.strip().lower(): name for name in reversed(names)}
    for name in (given,) if given else usual:
        if name in names:
            return name
        if name.lower() in folded:
            return folded[name.lower()]
    wanted = repr(given) if given else f"named {' or '.join(usual)}"
    listed = ", ".join(map(repr, names))
    raise InputError(f"{place}: no column {wanted}; name one of {listed} with {option}")


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
            raise InputError(f"{place}: no {column!r}, which the examples before have; it has {', '.join(row)}")
    text, label = row[text_column], label_of(row[label_column])
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{place}: no text in {text_column!r}; fill it in or remove the example")
    if not label:
        raise InputError(f"{place}: no label in {label_column!r}; give a word or a number")
    return Example(_encodable(text), label, place)


def label_of(value: Any) -> str:
    """A label as a string: 1 and 1.0 become "1"; what is neither text nor number becomes the empty string."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _encodable(str(value)).strip() if isinstance(value, str | int | float) else ""


def _encodable(text: str) -> str:
    """Replaces lone surrogates, which JSON can spell as escapes and UTF-8 cannot encode."""
    return text.encode(errors="replace").decode()
