"""Tests of versions: numbered, whole or absent, and found again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.errors import InputError
from common.serving.versions import ASSETS, UNREPORTED, find, publish, unreported, versions


def fill(folder: Path) -> None:
    (folder / "saved_model.pb").write_text("model")


def test_versions_count_up(tmp_path: Path) -> None:
    assert [publish(tmp_path, fill).name for _ in range(11)] == [str(n) for n in range(1, 12)]
    assert versions(tmp_path) == list(range(1, 12))


def test_names_that_are_not_written_as_numbers_are_no_versions(tmp_path: Path) -> None:
    publish(tmp_path, fill)
    for name in ("\u00b2", "\uff12", "02", "2 "):
        (tmp_path / name).mkdir()
        fill(tmp_path / name)
    assert versions(tmp_path) == [1]
    assert publish(tmp_path, fill).name == "2"


def test_a_write_that_fails_leaves_no_version(tmp_path: Path) -> None:
    publish(tmp_path, fill)

    def fail(folder: Path) -> None:
        fill(folder)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        publish(tmp_path, fail)
    assert versions(tmp_path) == [1]
    assert publish(tmp_path, fill).name == "2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]


def test_what_a_killed_run_left_is_no_version(tmp_path: Path) -> None:
    draft = tmp_path / "sentiment" / "lstm" / ".draft-0"
    draft.mkdir(parents=True)
    fill(draft)
    with pytest.raises(InputError):
        find(tmp_path, "sentiment")


def test_runs_that_end_together_get_numbers_of_their_own(tmp_path: Path) -> None:
    def overtaken(folder: Path) -> None:
        fill(folder)
        if not (tmp_path / "1").exists():
            publish(tmp_path, fill)

    assert publish(tmp_path, overtaken).name == "2"


def test_the_number_of_a_broken_version_is_not_given_again(tmp_path: Path) -> None:
    for _ in range(3):
        publish(tmp_path, fill)
    (tmp_path / "2" / "saved_model.pb").unlink()
    assert publish(tmp_path, fill).name == "4"


def test_finds_the_version_trained_last_or_the_one_requested(tmp_path: Path) -> None:
    for moment, cell in enumerate(("lstm", "lstm", "gru")):
        version = publish(tmp_path / "sentiment" / cell, fill)
        os.utime(version / "saved_model.pb", (moment, moment))
    folder = tmp_path / "sentiment"
    assert find(tmp_path, "sentiment") == folder / "gru" / "1"
    assert find(tmp_path, "sentiment", cell="lstm") == folder / "lstm" / "2"
    assert find(tmp_path, "sentiment", cell="lstm", version=1) == folder / "lstm" / "1"


@pytest.mark.parametrize(("cell", "version"), [(None, None), ("lstm", None), ("lstm", 7)])
def test_a_missing_version_is_named_with_the_cure(tmp_path: Path, cell: str | None, version: int | None) -> None:
    with pytest.raises(InputError, match=r"no saved model at .*train one first: python run.py sentiment"):
        find(tmp_path, "sentiment", cell=cell, version=version)


def test_drafts_of_killed_runs_are_removed_but_none_of_a_living_one(tmp_path: Path) -> None:
    for name in (".draft-dead", ".draft-older"):
        (tmp_path / name).mkdir()
        fill(tmp_path / name)
    (tmp_path / ".draft-dead.lock").write_text("1")

    def meanwhile(folder: Path) -> None:
        fill(folder)
        assert publish(tmp_path, fill).name == "1"
        assert (folder / "saved_model.pb").is_file()

    assert publish(tmp_path, meanwhile).name == "2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]


def test_the_version_of_a_run_that_was_stopped_before_its_report_is_found(tmp_path: Path) -> None:
    def marked(folder: Path) -> None:
        fill(folder)
        (folder / ASSETS).mkdir()
        (folder / ASSETS / UNREPORTED).write_text("a")

    publish(tmp_path, fill)
    publish(tmp_path, marked)
    assert unreported(tmp_path, "a") == tmp_path / "2" and unreported(tmp_path, "b") is None
