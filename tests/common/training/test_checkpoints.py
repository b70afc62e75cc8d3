"""Checkpoints: whole ones are found, damaged ones are passed over and said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

from common.errors import InputError
from common.training.checkpoints import PROGRESS, SUMS, Checkpoints


def data_of(folder: Path) -> Path:
    return next(folder.glob("state.data*"))


def truncate(folder: Path) -> None:
    data_of(folder).write_bytes(data_of(folder).read_bytes()[:-3])


def flip(folder: Path) -> None:
    content = bytearray(data_of(folder).read_bytes())
    content[len(content) // 2] ^= 1
    data_of(folder).write_bytes(content)


DAMAGES = {
    "truncated": truncate,
    "flipped": flip,
    "missing": lambda folder: data_of(folder).unlink(),
    "other progress": lambda folder: (folder / PROGRESS).write_text("[]"),
    "no sums": lambda folder: (folder / SUMS).unlink(),
    "emptied sums": lambda folder: (folder / SUMS).write_text("{}"),
    "broken sums": lambda folder: (folder / SUMS).write_text("{"),
    "empty": lambda folder: [path.unlink() for path in folder.iterdir()],
}


@pytest.fixture
def written(tmp_path: Path) -> tuple[Checkpoints, tf.Variable]:
    """Three checkpoints of a variable that counted up to 3."""
    variable = tf.Variable([0.0] * 1000)
    checkpoints = Checkpoints(tmp_path, count=variable)
    for number in (1, 2, 3):
        variable.assign([float(number)] * 1000)
        checkpoints.save({"at": number})
    variable.assign([9.0] * 1000)
    return checkpoints, variable


def test_the_newest_is_restored_and_the_one_before_is_kept(written) -> None:
    checkpoints, variable = written
    assert checkpoints.restore() == ({"at": 3}, []) and float(variable[0]) == 3
    assert checkpoints.numbers() == [2, 3]
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == ["2", "3"]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_one_is_passed_over_and_said(written, damage: Callable[[Path], None]) -> None:
    checkpoints, variable = written
    damage(checkpoints.folder / "3")
    progress, said = checkpoints.restore()
    assert progress == {"at": 2} and float(variable[0]) == 2
    assert len(said) == 1 and said[0].startswith(f"checkpoint {checkpoints.folder / '3'} is damaged (")
    damage(checkpoints.folder / "2")
    with pytest.raises(
        InputError, match=r"--resume: checkpoint .*3 is damaged .*2 is damaged .* no other is left"
    ) as e:
        checkpoints.restore()
    assert "\n" not in str(e.value)


def test_one_of_another_network_is_passed_over(written) -> None:
    checkpoints, _ = written
    other = Checkpoints(checkpoints.folder, count=tf.Variable([0.0] * 7))
    with pytest.raises(InputError, match="no other is left"):
        other.restore()


def test_a_full_disk_leaves_those_that_are_there(written, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints, _ = written

    def full(path: str) -> None:
        Path(f"{path}.index").write_text("half")
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(checkpoints.checkpoint, "write", full)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\); the one before is kept"):
        checkpoints.save({"at": 4})
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == ["2", "3"]
    assert checkpoints.restore()[0] == {"at": 3}


def test_a_draft_of_a_killed_one_is_no_checkpoint(written) -> None:
    checkpoints, _ = written
    shutil.copytree(checkpoints.folder / "3", checkpoints.folder / ".draft")
    (checkpoints.folder / ".draft" / SUMS).unlink()
    assert checkpoints.numbers() == [2, 3]
    checkpoints.save({"at": 4})
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == ["3", "4"]
