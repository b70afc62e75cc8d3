"""The folders of checkpoints in that of a run."""

from __future__ import annotations

from pathlib import Path

from common.files import numbered

LESSON = "lesson"
"""How the names of the folders of lessons' checkpoints in that of their run begin, see `common.training.lesson`."""


def numbers(folder: Path) -> list[int]:
    """The numbers of the checkpoints in a folder, ascending."""
    return [number for number, path in numbered(folder).items() if path.is_dir()]


def all_of(folder: Path) -> list[Path]:
    """The checkpoints in the folder of a run, ascending; those of its last lesson where it has no others."""
    folders = (folder, *sorted(folder.glob(f"{LESSON}*"), reverse=True))
    return next((found for one in folders if (found := [one / str(n) for n in numbers(one)])), [])


def lesson_folder(folder: Path, number: int) -> Path:
    """The folder of the checkpoints of a lesson in that of its run; lessons are counted from 1."""
    return folder / f"{LESSON}{number}"
