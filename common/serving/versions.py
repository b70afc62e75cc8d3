"""Numbered versions of saved models: written completely or not at all, and found again."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from common.errors import InputError

ASSETS = "assets.extra"
"""The folder of a version for files that are not part of the graph: options, scores, figures, examples."""


def publish(root: Path, write: Callable[[Path], None]) -> Path:
    """Writes a new version under the next number.

    Args:
        root: Folder of the versions.
        write: Writes the version into a given folder, which appears under its number when complete.

    Returns:
        The version's folder.
    """
    draft = root / f".draft-{uuid4().hex}"
    draft.mkdir(parents=True)
    try:
        write(draft)
        while True:
            number = max((int(p.name) for p in root.glob("*") if p.name.isdigit()), default=0) + 1
            try:
                return draft.rename(root / str(number))
            except OSError as error:  # Another run took that number.
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def versions(root: Path) -> list[int]:
    """The version numbers in `root`, ascending."""
    return sorted(int(p.name) for p in root.glob("*") if p.name.isdigit() and (p / "saved_model.pb").is_file())


def find(output: Path, task: str, *, cell: str | None = None, version: int | None = None) -> Path:
    """The folder of a saved version.

    Args:
        output: Folder of the saved models.
        task: The task's name.
        cell: The cell's name; None is the cell trained last.
        version: The number of the version; None is the newest.

    Raises:
        InputError: There is none.
    """
    roots = [output / task / cell] if cell else sorted(p for p in (output / task).glob("*") if p.is_dir())
    found = [root / str(n) for root in roots for n in versions(root) if version in (None, n)]
    if not found:
        command = f"python run.py {task} train --output {output}" + (f" --cell {cell}" if cell else "")
        wanted = f"{output / task / (cell or '*') / str(version or '*')}"
        if there := [str(root / str(n)) for root in roots for n in versions(root)]:
            raise InputError(f"no saved model at {wanted}; name one of these: {', '.join(there)}")
        raise InputError(f"no saved model at {wanted}; train one first: {command}")
    if version is None and cell:
        return found[-1]
    return max(found, key=lambda folder: (folder / "saved_model.pb").stat().st_mtime_ns)
