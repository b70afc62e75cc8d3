"""Rows of tables, each with its place, and the messages about wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import InputError
from common.sources.files import Content
from common.sources.tables import TABLES


def rows_of(name: str, content: str) -> list[tuple[str, dict]]:
    path = Path(name)
    return list(TABLES[path.suffix](Content(path, content)))


def test_each_row_has_its_first_line_as_its_place() -> None:
    content = 'text,label\n"one\ntwo",pos\n\nthree,neg\n'
    expected = [("a.csv:2", {"text": "one\ntwo", "label": "pos"}), ("a.csv:5", {"text": "three", "label": "neg"})]
    assert rows_of("a.csv", content) == expected


def test_columns_without_names_are_different_columns() -> None:
    assert rows_of("a.csv", ",text,  ,\n1,x,2,3\n") == [("a.csv:2", {"": "1", "text": "x", " ": "2", "  ": "3"})]


def test_objects_stand_on_lines_or_in_an_array() -> None:
    assert rows_of("a.ndjson", '{"text": "x"}\n\n{"text": 1}\n') == [
        ("a.ndjson:1", {"text": "x"}),
        ("a.ndjson:3", {"text": 1}),
    ]
    assert rows_of("a.json", ' [{"text": "x"},\n{}]') == [("a.json: item 1", {"text": "x"}), ("a.json: item 2", {})]


@pytest.mark.parametrize("quoted", [False, True])
def test_quotes_of_tab_separated_rows_are_characters_unless_the_whole_file_can_be_read_with_them(quoted: bool) -> None:
    lines = ['"a ""b"""\t1', '"c\td"\t0' if quoted else '"unbalanced\t0']
    found = [row["text"] for _, row in rows_of("a.tsv", "\n".join(["text\tlabel", *lines]))]
    assert found == (['a "b"', "c\td"] if quoted else ['"a ""b"""', '"unbalanced'])


BAD = {
    "too few columns": ("a.csv", "text,label\nx,pos\n\ny\n", r"a\.csv:4: 1 columns where .* has 2"),
    "too many columns": ("a.csv", 'text,label\n"x\ny",pos\na, b,neg\n', r"a\.csv:4: 3 columns"),
    "open quote": ("a.csv", 'text,label\n"x,pos\n', r"a\.csv:2: unexpected end of data"),
    "broken JSON": ("a.jsonl", '{"text": "x", "label": 1}\n{"text": \n', r"a\.jsonl:2: not JSON"),
    "broken array": ("a.json", '[{"text": "x",\n "label": }]', r"a\.json:2: not JSON"),
    "no object": ("a.json", '[{"text": "x", "label": 1}, 3]', r"a\.json: item 2: no JSON object"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_row_is_named(case: str) -> None:
    name, content, message = BAD[case]
    with pytest.raises(InputError, match=message) as caught:
        rows_of(name, content)
    assert "\n" not in str(caught.value)


def test_a_first_line_that_tells_excel_the_separator_is_no_row(tmp_path: Path) -> None:
    for content in ("sep=;\r\ntext;label\r\na, b;1\r\n", '"sep=|"\ntext|label\na, b|1\n'):
        rows = list(TABLES[".csv"](Content(tmp_path / "a.csv", content)))
        assert rows == [(f"{tmp_path / 'a.csv'}:3", {"text": "a, b", "label": "1"})]
