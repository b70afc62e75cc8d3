"""Texts without labels: what a document is, and how they are split."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.errors import InputError
from common.sources.plain import TextReader

LINES = "One.\r\n\r\nTwo,\ntwo.\n\n\nThree e\u0301.\n"


@pytest.mark.parametrize(
    ("documents", "texts"),
    [
        ("file", ["One.\n\nTwo,\ntwo.\n\n\nThree é.\n"]),
        ("line", ["One.", "Two,", "two.", "Three é."]),
        ("blank-line", ["One.", "Two,\ntwo.", "Three é."]),
    ],
)
def test_a_document_is_a_file_a_line_or_what_blank_lines_part(documents: str, texts: list[str], tmp_path: Path) -> None:
    (tmp_path / "any.txt").write_bytes(LINES.encode())
    assert TextReader(documents=documents).parts(str(tmp_path / "any.txt")).test().texts == texts


def test_a_long_text_is_cut_by_its_place_and_has_no_test_part(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("".join(chr(97 + n % 26) for n in range(1005)))
    splits = TextReader().read(str(path))
    assert [len(part.texts[0]) for part in (splits.train, splits.validation)] == [904, 101]
    assert splits.train.texts[0] + splits.validation.texts[0] == path.read_text()
    assert len(splits.test) == 0 and splits.train.are_cut
    assert "no test part" in splits.notes[-1]


def test_many_texts_are_split_by_their_hash_each_once(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        "".join(json.dumps({"id": n, "text": f"Text {chr(97 + n % 20) * (n % 50 + 1)}."}) + "\n" for n in range(900))
    )
    splits = TextReader().read(str(path))
    found = [set(part.texts) for part in (splits.train, splits.validation, splits.test)]
    assert sum(map(len, found)) == len(set.union(*found)) == 100  # 900 rows hold 100 different texts.
    assert len(found[0]) > 80 and not splits.train.are_cut
    assert TextReader().read(str(path)) == splits


def test_names_of_files_give_the_splits(tmp_path: Path) -> None:
    for name in ("train.txt", "dev.txt", "test.txt"):
        (tmp_path / name).write_text(f"This is {name}.")
    splits = TextReader().read(str(tmp_path))
    assert splits.test.texts == ["This is test.txt."]


def test_the_only_column_of_a_table_is_the_text(tmp_path: Path) -> None:
    (tmp_path / "any.csv").write_text("poem\nOne\nTwo\n")
    parts = TextReader().parts(str(tmp_path / "any.csv"))
    assert parts.test().texts == ["One", "Two"]
    assert parts.notes == ["any.csv: the first line, 'poem', is taken for the name of the column"]


@pytest.mark.parametrize("at", ["", "poems.csv"])
def test_a_split_column_gives_the_splits_and_other_columns_are_named(at: str, tmp_path: Path) -> None:
    path = tmp_path / "poems.csv"
    path.write_text("title,text,split\na,One,train\nb,Two,test\nc,Three,dev\n")
    splits = TextReader().read(str(tmp_path / at))
    assert [part.texts for part in (splits.train, splits.validation, splits.test)] == [["One"], ["Three"], ["Two"]]
    assert splits.notes == ["columns left out: title"]


def test_a_split_column_that_gainsays_the_names_of_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,split\nOne,train\nTwo,test\n")
    (tmp_path / "test.txt").write_text("Three")
    with pytest.raises(InputError, match=r"train\.csv: named train, and its split column says test"):
        TextReader().read(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "ab\0cd", "NUL"),
        ("a.txt", "ab", "too short"),
        ("a.csv", "id,name\n1,x\n", "no column named text"),
        ("a.csv", "id,text\n1,\n", "a.csv:2: no text in 'text'"),
        ("a.txt", " \n", "empty file"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(name: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        TextReader().read(str(tmp_path / name))
