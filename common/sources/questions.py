"""Pictures with questions and answers, from a user's tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from common.errors import InputError
from common.options.kinds import check_encoding
from common.sources.asked import Asked
from common.sources.files import Content, Lines, existing, format_of, names_under, read_text, roles_of
from common.sources.labelled import find_column, parts_of
from common.sources.pictures import IMAGE_NAMES, Captioned, OfPictures, cells_of, finder, read_picture, rows_of
from common.sources.splits import ByRole, FileReader, Parts, of_one_split, read_by_role
from common.sources.tables import TABLES

QUESTION_NAMES, ANSWER_NAMES = ("question", "text", "query"), ("answer", "label", "target")
READABLE = "a table (.csv, .tsv, .jsonl) with the columns image, question and answer, beside the pictures"


class Questioned(NamedTuple):
    """A picture with what is asked of it.

    Attributes:
        view: Its pixels, uint8 `[size, size, 3]`.
        questions: The questions.
        answers: The answer to each.
        name: Its file.
    """

    view: np.ndarray
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class Questions(OfPictures):
    """Questions about pictures.

    Attributes:
        views: The pixels of the pictures, uint8 `[pictures, size, size, 3]`.
        names: The file of each.
        pictures: The number of the picture of each question.
        questions: The questions.
        answers: The answer to each.
    """

    views: np.ndarray
    names: list[str]
    pictures: list[int]
    questions: list[str]
    answers: list[str]

    def __len__(self) -> int:
        return len(self.questions)

    @classmethod
    def of(cls, records: Iterable[Questioned]) -> Questions:
        records = list(records)
        pictures = [number for number, one in enumerate(records) for _ in one.questions]
        questions = [question for one in records for question in one.questions]
        answers = [answer for one in records for answer in one.answers]
        return cls(np.stack([one.view for one in records]), [one.name for one in records], pictures, questions, answers)

    @classmethod
    def classes(cls, record: Questioned) -> Iterable[str]:
        return set(record.answers)

    @classmethod
    def joined(cls, one: Questioned, other: Questioned) -> Questioned:
        return one._replace(questions=one.questions + other.questions, answers=one.answers + other.answers)

    @classmethod
    def check(cls, parts: Mapping[str, Sequence[Questioned]], source: str) -> None:
        """Refuses a single answer, and validation of which train has no answer."""
        known, asked = (
            {answer for one in parts.get(split, ()) for answer in one.answers} for split in ("train", "validation")
        )
        if len(known) < 2:
            raise InputError(f"{source}: only one answer to learn, {next(iter(known))!r}; two or more are needed")
        if asked and not known & asked:
            raise InputError(f"{source}: train has none of the answers of validation; give parts that are alike")


class Row(NamedTuple):
    """A question of a table, and where it is asked."""

    asked: Captioned
    answer: str


@dataclass(frozen=True, kw_only=True)
class QuestionReader(FileReader[Questions]):
    """Reads tables with a row for each question.

    Attributes:
        size: Pictures become squares of so many pixels a side.
        image_column: Name of the column of picture files; found by its usual names when None.
        question_column: Name of the column of questions; found by its usual names when None.
        answer_column: Name of the column of answers; found by its usual names when None.
    """

    size: int = 64
    image_column: str | None = None
    question_column: str | None = None
    answer_column: str | None = None

    def parts(self, data: str) -> Parts[Questions]:
        check_encoding(self.encoding)
        path = existing(data)
        if path.is_dir():
            roles = roles_of(name for name in names_under(path) if format_of(name) in (*TABLES, ".txt"))
            tables = {path / name: role for name, role in roles.items()}
            if not tables:
                raise InputError(f"{path}: a folder without questions; give {READABLE}")
            rows = read_by_role(tables, lambda one: of_one_split(one, self._rows(one), tables[one]))
        else:
            rows = self._rows(path)
        find = finder(path if path.is_dir() else path.parent)
        records = {role: self._pictures(part, find) for role, part in rows.items() if part}
        return Parts(Questions, records, data, drop_seen=self.drop_seen)

    def _rows(self, path: Path) -> ByRole[Row]:
        """The questions of a file by the split that its `split` column gives, else under None."""
        rows = list(rows_of(Content(path, read_text(path, self.encoding)), READABLE))
        if not rows:
            raise InputError(f"{path}: a first line of column names and no questions; add some")
        columns = self.columns(list(rows[0][1]), f"{path}:1")
        parts, _ = parts_of(rows, columns)
        return {role: [_row(row, columns, place=at) for at, row in part] for role, part in parts.items()}

    def asked(self, path: Path) -> Iterator[Asked]:
        """The questions of a table, of which no answers are known; pictures are named by their full paths."""
        find, columns = finder(path.parent), None
        for place, row in rows_of(Lines(path, self.encoding), READABLE):
            columns = columns or self._of_questions(list(row), f"{path}:1")
            one = Captioned.of(*cells_of(row, columns, place=place), place=place)
            yield Asked((str(find(one)), one.caption), dict(row))

    def _of_questions(self, present: Sequence[str], place: str) -> tuple[str, str]:
        return (
            find_column(present, self.image_column, usual=IMAGE_NAMES, option="--image-column", place=place),
            find_column(present, self.question_column, usual=QUESTION_NAMES, option="--question-column", place=place),
        )

    def columns(self, present: Sequence[str], place: str) -> tuple[str, str, str]:
        """Finds the columns of picture files, questions and answers among those present, see `find_column`."""
        return (
            *self._of_questions(present, place),
            find_column(present, self.answer_column, usual=ANSWER_NAMES, option="--answer-column", place=place),
        )

    def _pictures(self, rows: Sequence[Row], find: Any) -> list[Questioned]:
        """The pictures, each once, in the order in which they are named first."""
        asked: dict[Path, list[Row]] = {}
        for row in rows:
            asked.setdefault(find(row.asked), []).append(row)
        return [
            Questioned(
                read_picture(path, self.size, own[0].asked.place),
                tuple(row.asked.caption for row in own),
                tuple(row.answer for row in own),
                str(path),
            )
            for path, own in asked.items()
        ]


def _row(row: Mapping[str, Any], columns: Sequence[str], *, place: str) -> Row:
    image, question, answer = cells_of(row, columns, place=place)
    return Row(Captioned.of(image, question, place=place), answer)
