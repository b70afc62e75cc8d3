"""Sentence pairs from a user's files: line-aligned files, or a sentence, a tab and its translation on a line."""

from __future__ import annotations

import glob
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from common.errors import InputError
from common.options.kinds import check_encoding
from common.sources.digests import note_file
from common.sources.files import (
    Content,
    Lines,
    check_size,
    existing,
    format_of,
    largest,
    names_under,
    plain_name,
    read_text,
    roles_of,
    too_large,
    words_in,
)
from common.sources.records import Pair, Pairs
from common.sources.splits import FileReader, Parts, read_by_role
from common.sources.tables import SAID, cells, separator_of

LANGUAGE = re.compile(r"[a-z]{2,3}([_-][A-Za-z]{4})?([_-]([A-Za-z]{2,3}|[0-9]{3}))?")
NO_LANGUAGES = ("tsv", "txt", "csv", "md")
CODES = {"en", "de", "fr", "es", "it", "pt", "nl", "ru", "pl", "cs", "tr", "zh", "ja", "ko", "ar", "hi", "fi", "sv"}
"""Languages that a column may be named after; two of them are no sentence and its translation."""
NAMES = {
    *("english", "german", "french", "spanish", "italian", "portuguese", "dutch", "russian", "polish", "czech"),
    *("turkish", "chinese", "japanese", "korean", "arabic", "hindi", "finnish", "swedish", "danish", "norwegian"),
    *("greek", "hebrew", "hungarian", "romanian", "ukrainian", "vietnamese", "thai", "indonesian", "persian", "latin"),
}
"""English names of languages; a sentence that is one of these is not translated by another."""
BESIDE = {"word", "words", "sentence", "sentences", "text", "texts"}
"""Words that the name of a column has beside that of its language."""
HEADERS = {"source", "src", "text", "input"}, {"target", "tgt", "trg", "translation", "output"}
READABLE = "line-aligned files as train.en and train.de, or .tsv or .csv with a sentence and its translation on a line"


class Layout(NamedTuple):
    """Where sentence pairs lie.

    Attributes:
        languages: The source language and the target language.
        sides: The source file and the target file, or one file of two columns, by their common name.
        roles: The split of each common name, or None.
    """

    languages: tuple[str, str]
    sides: dict[Path, tuple[Path, ...]]
    roles: dict[Path, str | None]


@dataclass(frozen=True, kw_only=True)
class PairReader(FileReader[Pairs]):
    """Reads sentence pairs.

    The data is a folder, or the beginning of a path (`corpus/train`), of line-aligned files named by split and language
    as in `train.en`; or a `.tsv`, `.csv` or tab-separated `.txt` file, or a folder of the first two.

    Attributes:
        source_language: Language to translate from, as in the names of files or features; None if the data implies it.
        target_language: Language to translate into.
    """

    source_language: str | None = None
    target_language: str | None = None

    def layout(self, data: str) -> Layout:
        """Where the sides of pairs lie.

        Raises:
            InputError: There are none, or it is not clear which to translate.
        """
        check_encoding(self.encoding)
        folder, names = _files(data)
        if tables := _tables(folder, names):
            languages = self.source_language or "source", self.target_language or "target"
            files = {name: (name,) for name in tables}
        else:
            stems = _aligned(names)
            if not stems:
                raise InputError(f"{data}: no sentence pairs; give {READABLE}")
            languages = self.direction({language for sides in stems.values() for language in sides}, data)
            files = _sides(stems, languages, folder)
        roles = dict.fromkeys(files) if Path(data).expanduser().is_file() else roles_of(files)
        sides = {folder / name: tuple(folder / side for side in of_name) for name, of_name in files.items()}
        return Layout(languages, sides, {folder / name: role for name, role in roles.items()})

    def parts(self, data: str) -> Parts[Pairs]:
        found, notes = self.layout(data), list[str]()

        def read(path: Path) -> list[Pair]:
            sides = found.sides[path]
            if len(sides) == 1:
                return self._two_columns(*sides, notes)
            for side in sides:
                check_size(side)
                note_file(side)
            return list(line_by_line(sides, self.encoding, most=largest()))

        records = read_by_role(found.roles, read)
        return Parts(Pairs, records, data, languages=found.languages, drop_seen=self.drop_seen, notes=notes)

    def _two_columns(self, path: Path, notes: list[str]) -> list[Pair]:
        """The pairs of a file; a first line that names the columns is left out, with a note."""
        content = read_text(path, self.encoding).rstrip()
        separator = separator_of(content, ",") if format_of(path) == ".csv" else "\t"
        rows = list(cells(Content(path, content), separator, minimal=separator == "\t"))
        rows = [one for one in rows if one[1]] if SAID.match(content) else rows
        columns, pairs = _columns_of_sentences([row for _, row in rows]), []
        if left_out := [str(n + 1) for n in range(len(rows[0][1])) if columns and n not in columns]:
            said = " and ".join(str(n + 1) for n in columns)
            notes.append(f"{path.name}: sentences are in columns {said}; {', '.join(left_out)} left out")
        for number, (place, row) in enumerate(rows):
            sides = [row[n].strip() for n in columns] if columns else [cell.strip() for cell in row]
            if len(sides) != 2 or not all(sides):
                line, between = separator.join(row)[:40], "a tab" if separator == "\t" else repr(separator)
                raise InputError(f"{place}: {line!r} is not a sentence, {between} and its translation; mend it")
            if number == 0 and len(rows) > 1 and self._names_columns(sides):
                notes.append(f"{path.name}: column names in the first line left out")
                continue
            pairs.append(Pair(*(" ".join(side.splitlines()) for side in sides)))
        return pairs

    def _names_columns(self, sides: Sequence[str]) -> bool:
        """Whether the first cells of a file name its columns or its languages."""
        found = [side.lower() for side in sides]
        if all(side in names for side, names in zip(found, HEADERS)):
            return True
        if len({_language_named(side) for side in found} - {None}) == 2:
            return True
        given = (self.source_language, self.target_language)
        return found == [language and language.lower() for language in given] or all(side in CODES for side in found)

    def direction(self, present: Collection[str], place: str) -> tuple[str, str]:
        """The source language and the target language; if two are present, either implies the other.

        Args:
            present: Languages of files, or of the features of a TFDS data set.
            place: The folder or data set that has them, for messages.

        Raises:
            InputError: A given language is not present, or more languages must be given.
        """
        source_language, target_language = self.source_language, self.target_language
        listed = ", ".join(sorted(present))
        if len(present) < 2:
            raise InputError(f"{place}: only one language, {listed}; give its translations as well")
        given = {"--source-language": source_language, "--target-language": target_language}
        for option, language in given.items():
            if language is not None and language not in present:
                raise InputError(f"{option} {language}: {place} has {listed}; name one of them")
        if source_language is not None and source_language == target_language:
            raise InputError(f"--target-language {target_language}: the source language too; name another of {listed}")
        missing = [option for option, language in given.items() if language is None]
        if len(missing) == 2 or (missing and len(present) > 2):
            raise InputError(f"{place}: has {listed}; say which to translate with {' and '.join(missing)}")
        other = next((language for language in present if language not in given.values()), None)
        return source_language or other, target_language or other


def _language_named(side: str) -> str | None:
    """The language in a name such as `english` or `english words/sentences`."""
    words = set(words_in(side)) - BESIDE
    return next(iter(words)) if len(words) == 1 and words <= NAMES else None


def _columns_of_sentences(rows: Sequence[Sequence[str]]) -> list[int]:
    """The first two columns that are not numbers alone, where all rows have equally many cells; otherwise none.

    The first row may name the columns, as `id` or not at all.
    """
    many = {len(row) for row in rows}
    if len(many) != 1 or min(many) < 2:
        return []
    below = rows[1:] or rows
    worded = [n for n in range(min(many)) if min(many) == 2 or not all(row[n].strip().isdecimal() for row in below)]
    return worded[:2] if len(worded) > 1 else []


def _files(data: str) -> tuple[Path, list[Path]]:
    """A folder, and the files in it that `--data` names: all, one, or those whose paths begin with it."""
    path = Path(data).expanduser()
    if data.strip() and not path.exists():
        alike = sorted(file for file in path.parent.glob(f"{glob.escape(path.name)}*.*") if file.is_file())
        if alike:
            return path.parent, [Path(file.name) for file in alike]
    path = existing(data)
    if path.is_dir():
        return path, names_under(path)
    if not _tables(path.parent, [Path(path.name)]):
        raise InputError(f"{path}: a file of unknown type or of one side only; give {READABLE}")
    return path.parent, [Path(path.name)]


def _tables(folder: Path, names: Sequence[Path]) -> list[Path]:
    """The files of two columns: `.tsv`, or where no files are aligned `.csv`, or a single `.txt` with a tab in it."""
    if found := [name for name in names if format_of(name) == ".tsv"]:
        return found
    if _aligned(names):
        return []
    if len(names) == 1 and format_of(names[0]) == ".txt":
        return [names[0]] if "\t" in next(Lines(folder / names[0], "latin-1").lines(), "") else []
    return [name for name in names if format_of(name) == ".csv"]


def _aligned(names: list[Path]) -> dict[Path, dict[str, list[Path]]]:
    """Groups files that differ only in language by their common name: `train.en.gz` and `train.de.gz` by `train`."""
    stems: dict[Path, dict[str, list[Path]]] = {}
    for name in names:
        language = plain_name(name).suffix[1:]
        if LANGUAGE.fullmatch(language) and language not in NO_LANGUAGES:
            stems.setdefault(plain_name(name).with_suffix(""), {}).setdefault(language, []).append(name)
    return stems


def _sides(
    stems: dict[Path, dict[str, list[Path]]], languages: tuple[str, str], folder: Path
) -> dict[Path, tuple[Path, Path]]:
    """The source file and the target file of each common name that has one of them."""
    found = {}
    for stem, sides in stems.items():
        has = [language for language in languages if language in sides]
        if len(has) == 1:
            lacking = next(language for language in languages if language not in sides)
            raise InputError(f"{folder / sides[has[0]][0]}: no {stem.name}.{lacking} next to it; add or remove a side")
        if twice := next((sides[language] for language in has if len(sides[language]) > 1), None):
            raise InputError(f"{folder / twice[0]}: {twice[1].name} is the same side; remove one of them")
        if has:
            found[stem] = (sides[languages[0]][0], sides[languages[1]][0])
    return found


def line_by_line(sides: Sequence[Path], encoding: str, *, most: int | None = None) -> Iterator[Pair]:
    """The pairs of line-aligned files, which are read a line at a time.

    Args:
        sides: The source file and the target file.
        encoding: Their encoding.
        most: Characters of the largest file that can be held in memory; None where it is not.

    Raises:
        InputError: One has more lines than the other, an empty line, or cannot be read.
    """
    columns = [_lines(path, encoding, most) for path in sides]
    for number, pair in enumerate(zip_longest(*columns), 1):
        if None in pair:
            (short, _), (long, rest) = sorted(
                zip(sides, columns), key=lambda one: pair[sides.index(one[0])] is not None
            )
            lines = number + sum(1 for _ in rest)
            raise InputError(f"{short}:{number}: ends where {long.name} has {lines:,} lines; mend the shorter side")
        for path, line in zip(sides, pair):
            if not line:
                raise InputError(f"{path}:{number}: an empty line; write the sentence, or remove it on both sides")
        yield Pair(*pair)


def _lines(path: Path, encoding: str, most: int | None) -> Iterator[str]:
    """The lines of a file without the blank ones at its end."""
    blank, read, filled = 0, 0, False
    for line in Lines(path, encoding).lines("\n"):
        read += len(line)
        if most is not None and read > most:
            raise too_large(path, most)
        text = line.removeprefix("\ufeff").strip()
        if not text:
            blank += 1
            continue
        yield from [""] * blank
        blank, filled = 0, True
        yield text
    if not filled:
        raise InputError(f"{path}: an empty file; fill or remove it")
