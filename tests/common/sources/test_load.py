"""The dispatcher: which data is read by which reader, and what no reader reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import InputError
from common.sources.labelled import LabelledReader
from common.sources.load import DATA_SETS, NAMED, load, load_test
from common.sources.parallel import PairReader
from common.sources.series import SeriesReader
from common.sources.tagged import TaggedReader

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("labelled, tagged, parallel, tfds, wheels", {"tensorflow", "tensorflow_datasets", "sklearn", "numpy"}),
        ("load, series", {"tensorflow", "tensorflow_datasets", "sklearn", "pandas"}),
    ],
)
def test_import_needs_no_tensorflow(modules: str, absent: set[str]) -> None:
    code = f"import sys; from common.sources import {modules}; sys.exit(bool({absent} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.parametrize("reader", [LabelledReader(), TaggedReader(), PairReader(), SeriesReader()])
def test_every_kind_has_embedded_data_and_an_answer_to_names(reader: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATA_SETS, type(reader), {"any": lambda given: ("embedded", given)})
    monkeypatch.setitem(NAMED, type(reader), lambda name, given: (name, given))
    assert load(None, reader) == ("embedded", reader)
    assert load("tfds:some/name", reader) == ("some/name", reader)


def test_own_files_are_read_by_the_reader(tmp_path: Path) -> None:
    for name in ("train", "test"):
        (tmp_path / f"{name}.csv").write_text("".join(["text,label\n", *(f"{name} {n},{n % 2}\n" for n in range(30))]))
    splits = load(str(tmp_path), LabelledReader())
    assert splits == LabelledReader().read(str(tmp_path))
    assert load_test(str(tmp_path), LabelledReader()) == splits.test


def test_the_test_part_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Found:
        test = "the test part"

    monkeypatch.setitem(NAMED, TaggedReader, lambda name, reader: Found)
    assert load_test("tfds:some", TaggedReader()) == "the test part"


def test_time_series_have_no_names() -> None:
    with pytest.raises(
        InputError, match="--data tfds:x: series of numbers are read from files; give a CSV or Parquet file"
    ):
        load("tfds:x", SeriesReader())
