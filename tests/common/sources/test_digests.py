"""Digests of what was read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from common.sources import digests
from common.sources.files import existing, read_text
from common.sources.records import LabelledTexts
from common.sources.series import Group, Panel
from common.sources.splits import Splits

TEXTS = LabelledTexts(["a", "b"], ["p", "n"])
SPLITS = Splits(TEXTS, TEXTS, TEXTS, source="here")


def test_every_file_is_noted_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("x")
    (tmp_path / "README").write_text("not read")
    noted: list = []
    with digests.noting(noted.append):
        existing(str(tmp_path))
        existing(str(tmp_path / "train.csv"))
        read_text(tmp_path / "train.csv", "utf-8")
    read_text(tmp_path / "train.csv", "utf-8")  # Nobody notes.
    assert noted == [digests.of_files([tmp_path / "train.csv"])] * 2
    assert list(noted[0]) == [str((tmp_path / "train.csv").resolve())]


def test_records_differ_where_a_label_does() -> None:
    assert digests.of_records(SPLITS) == digests.of_records(replace(SPLITS))
    swapped = replace(SPLITS, train=LabelledTexts(["a", "b"], ["n", "p"]))
    moved = replace(SPLITS, train=LabelledTexts(["ab", ""], ["p", "n"]))
    assert len({digests.of_records(one) for one in (SPLITS, swapped, moved)}) == 3


def test_series_differ_where_a_value_does() -> None:
    def panel(values: list[float]) -> Panel:
        rows = np.array(values, np.float32)[:, None]
        group = Group(name="y", times=np.arange(len(values)), values=rows, known=rows[:, :0])
        names = {"columns": ["y"], "covariates": [], "time": "ds", "source": "here"}
        return Panel(groups=[group], seconds=1, **names)

    found = [digests.of_records(panel(values)) for values in ([1, 2, 3], [1, 2, 3], [1, 2, 4], [1, 2, float("nan")])]
    assert found[0] == found[1] and len(set(found)) == 3


def test_the_kind_of_a_difference_is_named() -> None:
    before = {"a": "1", "b": "2"}
    assert digests.difference(before, dict(before)) is None
    assert digests.difference(before, {"a": "1", "b": "3"}) == "b changed since"
    assert digests.difference(before, {"a": "1"}) == "b is no longer there"
    assert digests.difference(before, before | {"c": "3"}) == "c was not there then"
    many = {str(n): "x" for n in range(9)}
    assert digests.difference(many, {}) == "0, 1, 2 and 6 more are no longer there"
