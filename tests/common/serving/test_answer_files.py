"""Answers as tables and as lines."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from common.errors import InputError
from common.serving.answer_files import format_for, tables, texts
from common.sources.asked import Asked

COLUMNS = ("n", "label", "predicted_label", "more")
ASKED = [
    Asked("x", {"n": 1, "label": "\u2028a\n", "predicted_label": None, "more": {"a": [True]}}),
    Asked("y", {"n": "\ud800", "label": False}),
]
RECORDS = [{"label": "pos", "share": 0.1}, {"label": "neg", "share": 1.0}]
FORMATS = tables(lambda record: [record]) | {".txt": texts(lambda record: record["label"])}


def written(path: Path) -> str:
    with format_for("--output-file", path, FORMATS)(path, COLUMNS) as write:
        for answered in zip(ASKED, RECORDS):
            write([answered])
    return path.read_text()


def test_json_lines_have_the_columns_of_the_input_as_they_were(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in written(tmp_path / "x.jsonl").split("\n")[:-1]]
    assert [row.pop("predicted_predicted_label") for row in rows] == ["pos", "neg"]
    assert [row.pop("share") for row in rows] == [0.1, 1.0]
    assert rows == [asked.columns for asked in ASKED]


@pytest.mark.parametrize(("suffix", "separator"), [(".CSV", ","), (".tsv", "\t")])
def test_tables_have_all_columns_of_the_input_and_values_as_json(suffix: str, separator: str, tmp_path: Path) -> None:
    written(tmp_path / f"x{suffix}")
    rows = list(csv.reader((tmp_path / f"x{suffix}").open(newline=""), delimiter=separator))
    assert rows == [
        [*COLUMNS, "predicted_predicted_label", "share"],
        ["1", "\u2028a\n", "", '{"a": [true]}', "pos", "0.1"],
        ["\\ud800", "false", "", "", "neg", "1.0"],
    ]


def test_a_text_file_has_an_answer_on_each_line(tmp_path: Path) -> None:
    assert written(tmp_path / "x.txt") == "pos\nneg\n"


@pytest.mark.parametrize("name", ["x", "x.txt.gz", "x.parquet"])
def test_a_suffix_without_a_format_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"unknown type of file; name one that ends in \.csv, \.tsv, \.jsonl"):
        format_for("--output-file", Path(name), FORMATS)
