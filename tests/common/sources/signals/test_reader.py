"""Sequences of vectors in users' files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InputError
from common.sources.signals import SignalReader, check_columns, of_ts

ROWS = "sequence_id,x,y,label\na,1,2,up\na,3,4,up\nb,5,6,down\n"
TS = "# words\n@problemName x\n@classLabel true 1 2\n@data\n1,2,3:4,5,6:1\n\n7,8:9,10:2\n"


def read(tmp_path: Path, content: str, name: str = "all.csv", **options):
    path = tmp_path / name
    path.write_text(content)
    return SignalReader(**options).parts(str(path))


def test_rows_of_a_sequence_are_its_steps(tmp_path: Path) -> None:
    one, other = read(tmp_path, ROWS).records[None]
    np.testing.assert_array_equal(one.values, [[1, 2], [3, 4]])
    assert (one.name, one.labels, one.columns, one.place) == ("a", ("up",), ("x", "y"), f"{tmp_path}/all.csv:2")
    assert (other.labels, len(other.values)) == (("down",), 1)


def test_labels_that_change_are_labels_of_steps_of_all_sequences(tmp_path: Path) -> None:
    one, other = read(tmp_path, ROWS.replace("4,up", "4,down")).records[None]
    assert (one.labels, other.labels) == (("up", "down"), ("down",))


def test_columns_have_any_order_and_names_and_words_are_left_out(tmp_path: Path) -> None:
    rows = "Class;who;Id;x\n1;ann;7;1,5\n1;ben;7;2,5\n0;ann;8;3,5\n"
    parts = read(tmp_path, rows)
    one, other = parts.records[None]
    np.testing.assert_array_equal(one.values, [[1.5], [2.5]])
    assert (one.labels, other.labels, one.columns) == (("1",), ("0",), ("x",))
    assert parts.notes == ["all.csv: columns without numbers are left out: who"]


def test_a_split_column_and_names_of_files_give_splits(tmp_path: Path) -> None:
    rows = ROWS.replace(",label", ",label,split").replace(",up", ",up,train").replace(",down", ",down,test")
    assert {role: len(part) for role, part in read(tmp_path, rows).records.items()} == {"train": 1, "test": 1}
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "X_TRAIN.ts").write_text(TS)
    (folder / "X_TEST.ts").write_text(TS)
    parts = SignalReader().parts(str(folder)).records
    assert {role: len(part) for role, part in parts.items()} == {"train": 2, "test": 2}


def test_ts_files_have_a_line_for_each_sequence() -> None:
    one, other = of_ts(TS, "x.ts")
    np.testing.assert_array_equal(one.values, [[1, 4], [2, 5], [3, 6]])
    assert (one.labels, other.labels, one.columns) == (("1",), ("2",), ("dimension_1", "dimension_2"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("sequence_id,label\na,up\n", "all.csv: no columns of numbers"),
        ("x,label\n1,up\n", "all.csv:1: no column named sequence_id or"),
        ("id,x\na,1\n", "all.csv:1: no column named label or"),
        (ROWS.replace("3,4", "3,"), "all.csv:3: the value of 'y' is missing"),
        (ROWS.replace("3,4", "3,1e39"), "all.csv:3: the value of 'y' is '1e39'; give a number of float32"),
        (ROWS.replace("b,5", ",5"), "all.csv:4: no 'sequence_id'; give each row one"),
        (ROWS.replace(",down", ","), "all.csv:4: no 'label'; give each row one"),
        ("sequence_id,x,label\n", "all.csv: a line of column names and no rows"),
        ("id,x,label,split\na,1,up,train\na,2,up,test\n", "all.csv:2: split test, train of sequence 'a'; give one"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,2:1\n", "x.ts:1: '1,2:1' before @data"),
        ("@problemName x\n", "x.ts: no @data"),
        ("@data\n1,2\n", "x.ts: no @classLabel"),
        ("@classLabel true 1\n@data\n1,2:3:1\n", "x.ts:3: not numbers, or dimensions of different lengths"),
        ("@classLabel true 1\n@data\n1,?:3,4:1\n", "x.ts:3: not numbers"),
        ("@classLabel true 1\n@data\n1,NaN:3,4:1\n", "x.ts:3: a missing or too large value"),
        ("@timeStamps true\n@classLabel true 1\n@data\n(1,2):1\n", "x.ts:3: values with time stamps"),
    ],
)
def test_other_ts_files_are_refused(content: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        list(of_ts(content, "x.ts"))
    assert message in str(caught.value)


@given(st.text("@dat\n,.:0123xclsL bel rue#-", max_size=80))
def test_any_ts_file_is_read_or_refused(content: str) -> None:
    try:
        list(of_ts("@classLabel true 1\n@data\n" + content, "x.ts"))
    except InputError as error:
        assert "\n" not in str(error)


def test_splits_are_cut_with_every_class_and_repeated_sequences_once(tmp_path: Path) -> None:
    rows = [f"{n},{n + step},{'ab'[n % 2]}" for n in range(40) for step in range(3)]
    rows += [f"again{n},{n + step},{'ab'[n % 2]}" for n in range(4) for step in range(3)]
    splits = read(tmp_path, "\n".join(["id,x,label", *rows])).splits()
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (24, 8, 8)
    assert "4 repeated sequences dropped" in splits.source
    assert all({label for (label,) in part.labels} == {"a", "b"} for part in (splits.validation, splits.test))


def test_parts_with_other_columns_or_labels_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "train.csv").write_text(ROWS)
    for content, message in (
        (ROWS.replace("y", "z"), "columns x, z, where train has x, y"),
        (ROWS.replace("up", "on"), "label 'on' is not"),
    ):
        (folder / "test.csv").write_text(content)
        with pytest.raises(InputError, match=message):
            SignalReader().parts(str(folder)).splits()


def test_a_model_s_columns_are_found_in_any_order(tmp_path: Path) -> None:
    signals = read(tmp_path, ROWS, labelled=False).records[None]
    assert check_columns(signals, ["y", "x"])[0].values.tolist() == [[2, 1], [4, 3]]
    with pytest.raises(InputError, match="no z among its columns, x, y; the model reads 1 column: z"):
        check_columns(signals, ["z"])
