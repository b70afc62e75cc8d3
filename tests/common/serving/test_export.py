"""Tests of versions: numbered, whole or absent, and found again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.errors import InputError
from common.serving import export, saved_models


def fill(folder: Path) -> None:
    (folder / "saved_model.pb").write_text("model")


def test_versions_count_up(tmp_path: Path) -> None:
    assert [export.publish(tmp_path, fill).name for _ in range(11)] == [str(n) for n in range(1, 12)]
    assert saved_models.versions(tmp_path) == list(range(1, 12))


def test_a_write_that_fails_leaves_no_version(tmp_path: Path) -> None:
    export.publish(tmp_path, fill)

    def fail(folder: Path) -> None:
        fill(folder)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        export.publish(tmp_path, fail)
    assert saved_models.versions(tmp_path) == [1]
    assert export.publish(tmp_path, fill).name == "2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]


def test_what_a_killed_run_left_is_no_version(tmp_path: Path) -> None:
    draft = tmp_path / "sentiment" / "lstm" / ".draft-0"
    draft.mkdir(parents=True)
    fill(draft)
    with pytest.raises(InputError):
        saved_models.find(tmp_path, "sentiment")


def test_runs_that_end_together_get_numbers_of_their_own(tmp_path: Path) -> None:
    def overtaken(folder: Path) -> None:
        fill(folder)
        if not (tmp_path / "1").exists():
            export.publish(tmp_path, fill)

    assert export.publish(tmp_path, overtaken).name == "2"


def test_the_number_of_a_broken_version_is_not_given_again(tmp_path: Path) -> None:
    for _ in range(3):
        export.publish(tmp_path, fill)
    (tmp_path / "2" / "saved_model.pb").unlink()
    assert export.publish(tmp_path, fill).name == "4"


def test_finds_the_version_trained_last_or_the_one_asked_for(tmp_path: Path) -> None:
    for moment, cell in enumerate(("lstm", "lstm", "gru")):
        version = export.publish(tmp_path / "sentiment" / cell, fill)
        os.utime(version / "saved_model.pb", (moment, moment))
    folder = tmp_path / "sentiment"
    assert saved_models.find(tmp_path, "sentiment") == folder / "gru" / "1"
    assert saved_models.find(tmp_path, "sentiment", "lstm") == folder / "lstm" / "2"
    assert saved_models.find(tmp_path, "sentiment", "lstm", 1) == folder / "lstm" / "1"


@pytest.mark.parametrize(("cell", "version"), [(None, None), ("lstm", None), ("lstm", 7)])
def test_a_missing_version_is_named_with_the_cure(tmp_path: Path, cell: str | None, version: int | None) -> None:
    with pytest.raises(InputError, match=r"no saved model at .*train one first: python run.py sentiment"):
        saved_models.find(tmp_path, "sentiment", cell, version)


def test_a_broken_config_is_named(tmp_path: Path) -> None:
    version = export.publish(tmp_path, fill)
    with pytest.raises(InputError, match=r"config.json cannot be read"):
        saved_models.config_of(version)
    with pytest.raises(InputError, match=r"cannot be loaded"):
        saved_models.load(version)
