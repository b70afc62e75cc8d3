"""Checkpoints with checksums: written completely or not at all, and the one before is kept."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import tensorflow as tf

from common.errors import InputError
from common.files import reason
from common.training.folders import numbers

KEPT = 2
STATE, PROGRESS, SUMS = "state", "progress.json", "sums.json"
"""Files of a checkpoint: TensorFlow's, what else there is to know, and the SHA-256 of each of these."""


class Damaged(Exception):
    """A checkpoint is not what was written; the message says in a few words why."""


class Checkpoints:
    """Numbered checkpoints in a folder.

    A checkpoint appears under its number when it is complete, and the older of three is removed after that. So a kill
    at any moment leaves whole ones. What the operating system had not yet written when a machine fails, or what changed
    later, is found by the checksums.

    Args:
        folder: The folder.
        saved: What TensorFlow saves, by name.
    """

    def __init__(self, folder: Path, **saved: Any) -> None:
        self.folder = folder
        self.checkpoint = tf.train.Checkpoint(**saved)

    def numbers(self) -> list[int]:
        """The numbers of the checkpoints that are there, ascending."""
        return numbers(self.folder)

    def save(self, progress: Any) -> None:
        """Writes a checkpoint.

        Args:
            progress: What else is to be kept, JSON-ready.

        Raises:
            InputError: It cannot be written; those that are there stay.
        """
        before = self.numbers()
        draft = self.folder / ".draft"
        try:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            self.checkpoint.write(str(draft / STATE))
            (draft / PROGRESS).write_text(json.dumps(progress))
            sums = {path.name: _sha256(path) for path in sorted(draft.iterdir())}
            (draft / SUMS).write_text(json.dumps(sums))
            draft.rename(self.folder / str(max(before, default=0) + 1))
        except (OSError, tf.errors.OpError) as error:
            kept = "the one before is kept: --resume continues with it" if before else "there is none before it"
            raise InputError(
                f"{self.folder}: a checkpoint cannot be written ({reason(error)}); {kept}; make room, or give another "
                "--output"
            ) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        for number in before[: 1 - KEPT]:
            shutil.rmtree(self.folder / str(number), ignore_errors=True)

    def restore(self) -> tuple[Any, list[str]]:
        """Restores the newest checkpoint that is whole.

        Returns:
            Its progress, and a line for each newer one that is damaged.

        Raises:
            InputError: None is whole.
        """
        damaged: list[str] = []
        for number in reversed(self.numbers()):
            folder = self.folder / str(number)
            try:
                _check(folder)
                progress = json.loads((folder / PROGRESS).read_text())
                self.checkpoint.read(str(folder / STATE)).assert_consumed()
            except (Damaged, OSError, ValueError, AssertionError, tf.errors.OpError) as error:
                damaged.append(f"checkpoint {folder} is damaged ({reason(error)})")
            else:
                return progress, damaged
        raise InputError(f"--resume: {'; '.join(damaged)}; no other is left: leave --resume out to begin anew")


def _check(folder: Path) -> None:
    """Compares the files of a checkpoint with their checksums.

    Raises:
        Damaged: A file is missing or is not what was written.
    """
    try:
        sums = json.loads((folder / SUMS).read_text())
        expected = dict(sums.items())
    except (OSError, ValueError, AttributeError) as error:
        raise Damaged(f"{SUMS} cannot be read") from error
    for name in {PROGRESS, f"{STATE}.index", *(path.name for path in folder.glob(f"{STATE}.*"))} - expected.keys():
        raise Damaged(f"{SUMS} does not list {name}")
    for name, expected_sum in expected.items():
        if not (folder / name).is_file():
            raise Damaged(f"{name} is missing")
        if _sha256(folder / name) != expected_sum:
            raise Damaged(f"{name} is not what was written")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
