"""What a saved model is asked: words, lines, and rows of files."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from common.errors import InputError
from common.options import PredictTexts
from common.sources.asked import Asked, Inputs, inputs_of, texts_of


def given(inputs: Inputs) -> list[str]:
    return [one.given for one in inputs.read()]


def of_file(path: Path, **options: str) -> Inputs:
    return texts_of((), io.BytesIO(), PredictTexts(input_file=path, **options))


def test_inputs_are_words_or_the_lines_of_standard_input() -> None:
    assert given(inputs_of(["a", "b"], io.BytesIO(b"not read\n"))) == ["a", "b"]
    assert given(inputs_of([], io.BytesIO("\ufeff\nçok\r\n\nb".encode()))) == ["", "çok", "", "b"]


@pytest.mark.parametrize(
    ("words", "lines", "message"),
    [
        ([], b"", "nothing to predict: give inputs on the command line, as lines of standard input, or with"),
        ([" "], b"", "nothing to predict"),
        ([], b" \n\n", "nothing to predict"),
        ([], b"fine\n\xe7ok\n", "standard input, line 2: not UTF-8"),
        (["fine", b"\xe7ok".decode(errors="surrogateescape")], b"", "input 2: not UTF-8; convert it"),
    ],
)
def test_inputs_that_cannot_be_read_are_refused(words: list[str], lines: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        given(inputs_of(words, io.BytesIO(lines)))


TABLE = [{"id": "1", "Text": "a film, ça"}, {"id": "2", "Text": ""}, {"id": "", "Text": 'says "no"\nand more'}]
FILES = {
    "a.csv": 'id,Text\n1,"a film, ça"\n\n2,\n,"says ""no""\nand more"\n',
    "a.tsv": 'id\tText\n1\ta film, ça\n2\t\n\t"says ""no""\nand more"\n',
    "a.jsonl": '{"id": "1", "Text": "a film, ça"}\n{"id": "2", "Text": ""}\n\n'
    '{"id": "", "Text": "says \\"no\\"\\nand more"}',
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("packed", [False, True])
def test_rows_of_a_table_come_with_their_columns_as_often_as_they_are_read(
    name: str, packed: bool, tmp_path: Path
) -> None:
    path = tmp_path / (name + ".gz" * packed)
    content = FILES[name].encode("utf-16")  # Its mark is believed.
    path.write_bytes(gzip.compress(content) if packed else content)
    inputs = of_file(path)
    assert (inputs.columns, inputs.count) == (("id", "Text"), 3)
    for _ in range(2):
        assert list(inputs.read()) == [Asked(row["Text"], row) for row in TABLE]


def test_lines_of_a_text_file_are_texts(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a\r\n\n\xe7 \x85x\nb")
    inputs = of_file(tmp_path / "a.txt", encoding="latin-1")
    assert given(inputs) == ["a", "", "ç \x85x", "b"] and inputs.columns == ("text",)


def test_rows_of_json_may_differ_in_their_columns(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": 1, "q": "x"}\n{"q": "y\\ud800", "b": [true]}\n')
    inputs = of_file(tmp_path / "a.jsonl", text_column="q")
    assert inputs.columns == ("a", "q", "b") and given(inputs) == ["x", "y?"]


BAD = {
    "no column": (
        "a.csv",
        b"id,words\n1,x\n",
        {},
        r"a\.csv:1: no column named text or .*-column; .* add one",
    ),
    "wrong column": ("a.csv", b"id,text\n1,x\n", {"text_column": "txt"}, r"a\.csv:1: no column 'txt'; name one of"),
    "uneven": ("a.csv", b"id,text\n1,x\n2\n", {}, r"a\.csv:3: 1 columns where the first line has 2"),
    "no text": ("a.jsonl", b'{"text": "x"}\n{"text": 1}\n', {}, r"a\.jsonl:2: no text in 'text'; give a string"),
    "lacks it": ("a.jsonl", b'{"text": "x"}\n{"a": 1}\n', {}, r"a\.jsonl:2: no 'text', which the rows before have"),
    "encoding": ("a.txt", b"x\n" * 40000 + b"\xe7\n", {}, r"a\.txt:40001: byte 0xe7 is not utf-8; name the file's"),
    "no encoding": ("a.txt", b"x", {"encoding": "none"}, "--encoding none: unknown encoding"),
    "blank": ("a.csv", b"text\n \n", {}, r"a\.csv: nothing to predict"),
    "nothing": ("a.txt", b"", {}, r"a\.txt: nothing to predict"),
    "type": ("a.xlsx", b"x", {}, r"a\.xlsx: a file of unknown type; \.csv, .*or \.txt with a text on each line"),
    "no columns": ("a.txt", b"x", {"text_column": "text"}, r"--text-column text: .*a\.txt has a text on each line"),
    "gzip": ("a.txt.gz", b"x", {}, r"a\.txt\.gz: not a whole gzip file"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_with_a_file_is_said_before_it_is_used(case: str, tmp_path: Path) -> None:
    name, content, options, message = BAD[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        of_file(tmp_path / name, **options)
    assert "\n" not in str(caught.value)


def test_inputs_have_one_origin(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x\n")
    for path, message in ((tmp_path / "a.txt", "inputs on the command line too"), (Path("/dev/null"), "device")):
        with pytest.raises(InputError, match=message):
            texts_of(("x",) if path.is_file() else (), io.BytesIO(), PredictTexts(input_file=path))
    for path, message in ((tmp_path, "a folder; give a file"), (tmp_path / "b.txt", "--input-file .*no such file")):
        with pytest.raises(InputError, match=message):
            of_file(path)
    for options in ({"text_column": "a"}, {"encoding": "latin-1"}):
        with pytest.raises(InputError, match="only an --input-file has"):
            texts_of(("x",), io.BytesIO(), PredictTexts(**options))
