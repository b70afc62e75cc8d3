"""Questions about pictures in users' tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from common.sources.questions import Questioned, QuestionReader, Questions

ROWS = "image,question,answer\na.png,What is it?,cat\na.png,Is it red?,no\nb.png,What is it?,dog\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n, name in enumerate(("a.png", "b.png")):
        (tmp_path / "pictures").mkdir(exist_ok=True)
        Image.fromarray(np.full((5, 9, 3), 100 * n, np.uint8)).save(tmp_path / "pictures" / name)
    return tmp_path


def read(folder: Path, rows: str = ROWS, **options):
    (folder / "all.csv").write_text(rows)
    return QuestionReader(size=8, **options).parts(str(folder))


def test_a_picture_is_there_once_with_all_its_questions(folder: Path) -> None:
    one, other = read(folder).records[None]
    assert (one.questions, one.answers) == (("What is it?", "Is it red?"), ("cat", "no"))
    assert one.view.shape == (8, 8, 3) and (other.view == 100).all()
    found = Questions.of([one, other])
    assert (found.pictures, found.answers, len(found)) == ([0, 0, 1], ["cat", "no", "dog"], 3)


def test_other_names_of_columns_can_be_given(folder: Path) -> None:
    rows = ROWS.replace("image,question,answer", "where,what,so")
    named = {"image_column": "where", "question_column": "what", "answer_column": "so"}
    assert len(read(folder, rows, **named).records[None]) == 2
    with pytest.raises(InputError, match="--image-column"):
        read(folder, rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("image,question,answer\n", "no questions; add some"),
        ("image,question,answer\na.png,,cat\n", r"all\.csv:2: no 'question'; fill it in or remove the row"),
        ("image,question,answer\na.png,What?,\n", r"all\.csv:2: no 'answer'"),
        ("image,question,answer\nc.png,What?,cat\n", r"all\.csv:2: no picture c\.png"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(rows: str, message: str, folder: Path) -> None:
    with pytest.raises(InputError, match=message):
        read(folder, rows)


def test_a_split_is_cut_by_pictures() -> None:
    train = [Questioned(np.full((8, 8, 3), n, np.uint8), ("a?", "b?"), ("x", "y"), str(n)) for n in range(40)]
    parts = Questions.cut(train, ["validation"], "here")
    names = {split: {one.name for one in part} for split, part in parts.items()}
    assert len(names["validation"]) == 8 and not names["validation"] & names["train"]


def test_questions_without_answers_are_asked(folder: Path) -> None:
    (folder / "ask.csv").write_text("id,image,question\n7,pictures/a.png,What is it?\n")
    (asked,) = QuestionReader().asked(folder / "ask.csv")
    assert asked.given == (str(folder / "pictures/a.png"), "What is it?")
    assert asked.columns["id"] == "7"


def test_parts_from_which_nothing_can_be_learned_are_refused() -> None:
    one, other = (Questioned(np.zeros((8, 8, 3), np.uint8), ("a?", "b?"), answers, "") for answers in ("xy", "zz"))
    Questions.check({"train": [one]}, "here")
    with pytest.raises(InputError, match="only one answer to learn, 'z'"):
        Questions.check({"train": [other]}, "here")
    with pytest.raises(InputError, match="none of the answers of validation"):
        Questions.check({"train": [one], "validation": [other]}, "here")
