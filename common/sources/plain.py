"""Texts without labels, from a user's files: what a language model learns from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple
from unicodedata import normalize

from common.errors import InputError, counted, shortened
from common.options.kinds import check_encoding
from common.sources.files import Content, existing, format_of, names_under, read_text, roles_of
from common.sources.labelled import TEXT_NAMES, encodable, find_column, parts_of
from common.sources.records import MOST_CUT, listed, one_in_for, split_by_hash
from common.sources.splits import ByRole, FileReader, Parts, Records, Splits, of_one_split, read_by_role
from common.sources.tables import SEPARATED, TABLES

Documents = Literal["line", "file", "blank-line"]
FEW = 50
"""Fewer texts than this are not divided between the splits: the last tenth of each is for validation."""
TENTH = 0.9
"""The share of a text, in characters, before its last tenth."""
LEAST = 100
"""Characters of the shortest text that is cut."""


class Plain(NamedTuple):
    """A text."""

    text: str


@dataclass(frozen=True)
class PlainTexts(Records):
    """Texts.

    Attributes:
        texts: The texts, in composed form, with `\\n` at the ends of lines.
        are_cut: Whether they were cut out of longer texts, so that a text's end is no end to be learned.
    """

    texts: list[str]
    are_cut: bool = False

    noun = "texts"
    repeated = "duplicate texts"
    way = "by a hash of the text"

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def characters(self) -> int:
        """Characters of all texts together."""
        return sum(map(len, self.texts))

    @classmethod
    def of(cls, records: Iterable[Plain]) -> PlainTexts:
        return cls([record.text for record in records])

    @classmethod
    def key(cls, record: Plain) -> str:
        """The text without blanks at its ends."""
        return record.text.strip()

    @classmethod
    def distinct(cls, train: Sequence[Plain]) -> list[Plain]:
        """The first of equal texts."""
        first: dict[str, Plain] = {}
        for record in train:
            first.setdefault(cls.key(record), record)
        return list(first.values())

    @classmethod
    def cut(cls, train: list[Plain], missing: Sequence[str], source: str) -> dict[str, list[Plain]]:
        """Cuts about a twentieth of the texts for each missing split, by a hash of the text; of many texts less."""
        parts: dict[str, list[Plain]] = {split: [] for split in ("train", *missing)}
        one_in = one_in_for(sum(len(record.text) for record in train))
        for record in train:
            split = split_by_hash(record.text, one_in)
            parts[split if split in missing else "train"].append(record)
        refuse_empty({split: len(part) for split, part in parts.items()}, source)
        return parts

    @classmethod
    def check(cls, parts: Mapping[str, Sequence[Plain]], source: str) -> None:
        """Refuses nothing: there is something to learn from any text."""


@dataclass(frozen=True, kw_only=True)
class TextReader(FileReader[PlainTexts]):
    """Reads texts.

    Attributes:
        text_column: Name of the text column of a table; found by its usual names when None.
        documents: What a text is in a file that is no table: a line, the file, or what stands between blank lines.
    """

    text_column: str | None = None
    documents: Documents = "file"

    def parts(self, data: str) -> Parts[PlainTexts]:
        check_encoding(self.encoding)
        path, notes = existing(data), list[str]()
        roles = {path / name: role for name, role in roles_of(names_under(path)).items()} if path.is_dir() else {}
        if path.is_dir() and not roles:
            raise InputError(f"{path}: a folder without texts; give text files, or tables with a text column")

        def read(one: Path) -> list[Plain]:
            return of_one_split(one, self._texts(one, notes), roles[one])

        only = path if not roles else next(iter(roles))
        alone = len(roles) < 2 and not roles.get(only)
        records = self._texts(only, notes) if alone else read_by_role(roles, read)
        return Parts(PlainTexts, records, data, drop_seen=self.drop_seen, notes=list(dict.fromkeys(notes)))

    def read(self, data: str) -> Splits[PlainTexts]:
        """Reads texts and cuts the splits that are missing.

        A few long texts are cut themselves. There is no test part then: `test` is empty.

        Raises:
            InputError: Something in the data is wrong.
        """
        parts = self.parts(data)
        found = parts.records.get(None) or parts.records.get("train") or []
        if set(parts.records) <= {None, "train"} and len(found) < FEW:
            return cut_by_place(parts, found)
        return parts.splits()

    def _texts(self, path: Path, notes: list[str]) -> ByRole[Plain]:
        """The texts of a file by the split that a table's `split` column gives, else under None."""
        content = read_text(path, self.encoding)
        if format_of(path) in TABLES:
            return self._table(Content(path, content), notes)
        if "\0" in content:
            raise InputError(f"{path}: holds a NUL character, so it is no text; move it elsewhere")
        content = normalised(content)
        if self.documents == "file":
            return {None: [Plain(content)]}
        between = "\n" if self.documents == "line" else r"\n\s*\n"
        return {None: [Plain(text.strip("\n")) for text in re.split(between, content) if text.strip()]}

    def _table(self, content: Content, notes: list[str]) -> ByRole[Plain]:
        path = content.path
        rows = list(TABLES[format_of(path)](content))
        if not rows:
            raise InputError(f"{path}: a first line of column names and no texts; add some")
        names = list(rows[0][1])
        if len(names) == 1 and not self.text_column:
            column = names[0]
            if format_of(path) in SEPARATED:
                notes.append(f"{path.name}: the first line, {shortened(column)!r}, is taken for the name of the column")
        else:
            column = find_column(names, self.text_column, usual=TEXT_NAMES, option="--text-column", place=f"{path}:1")
        parts, others = parts_of(rows, (column,))
        if others:
            notes.append(f"columns left out: {listed(others)}")
        return {
            role: [self._plain(place, row.get(column), column) for place, row in part] for role, part in parts.items()
        }

    @staticmethod
    def _plain(place: str, text: Any, column: str) -> Plain:
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"{place}: no text in {column!r}; fill it in or remove the row")
        return Plain(normalised(encodable(text)))


def normalised(text: str) -> str:
    """A text in composed form, with `\\n` at the ends of lines."""
    return normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))


def cut_by_place(parts: Parts[PlainTexts], records: Sequence[Plain]) -> Splits[PlainTexts]:
    """Cuts each of a few texts: its last tenth is for validation, and nothing for testing.

    Raises:
        InputError: The texts are too short to be cut.
    """
    lengths = [len(record.text) for record in records]
    at = cuts(lengths, parts.source)
    train, validation = (
        PlainTexts([record.text[slice(*part(n))] for record, n in zip(records, at)], are_cut=True)
        for part in (lambda n: (None, n), lambda n: (n, None))
    )
    note = told_of_cuts(lengths)
    return Splits(train, validation, PlainTexts([]), source=parts.source, notes=[*parts.notes, note])


def cuts(lengths: Sequence[int], source: str) -> list[int]:
    """Where each of a few texts of so many characters is cut: before its last tenth, or less of long ones.

    Raises:
        InputError: One is too short to be cut.
    """
    if (shortest := next((length for length in lengths if length < LEAST), None)) is not None:
        raise InputError(
            f"{source}: a text of {counted(shortest, 'character')} is too short to be cut; give {LEAST} or more, "
            f"better some thousands, or {FEW} texts or more"
        )
    share = max(TENTH, 1 - MOST_CUT / sum(lengths))
    return [int(share * length) for length in lengths]


def told_of_cuts(lengths: Sequence[int]) -> str:
    """A note of how a few texts are cut."""
    many = "the text" if len(lengths) == 1 else f"each of the {len(lengths)} texts"
    share = MOST_CUT / sum(lengths)
    part = "tenth" if share >= 1 - TENTH else f"{share:.2%}"
    return f"the last {part} of {many} is for validation; there is no test part, so the scores are those of validation"


def refuse_empty(sizes: Mapping[str, int], source: str) -> None:
    """Refuses a cut that leaves a split without texts.

    Raises:
        InputError: It does.
    """
    if empty := [split for split, size in sizes.items() if not size]:
        raise InputError(
            f"{source}: too few texts that differ in more than digits, to cut {' and '.join(empty)} from train; "
            f"{sum(sizes.values()):,} were read; give more, or those parts as well"
        )
