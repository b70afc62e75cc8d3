"""Numbered versions of saved models: written completely or not at all, and found again."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from common import program
from common.errors import InputError
from common.files import Lock, numbered

ASSETS = "assets.extra"
"""The folder of a version for files that are not part of the graph: options, scores, figures, examples."""
FIGURE = "figure.svg"
"""The file in `ASSETS` that shows how training went; earlier versions of the program wrote a PNG file."""
UNREPORTED = "unreported"
"""The file in `ASSETS` of a version whose test is not yet reported; it holds the name of the run that made it."""
DRAFT = ".draft-"
GRAPH = "saved_model.pb"
"""The file that makes a folder a SavedModel."""


def publish(root: Path, write: Callable[[Path], None]) -> Path:
    """Writes a new version under the next number. Drafts of runs that were killed are removed before.

    Args:
        root: Folder of the versions.
        write: Writes the version into a given folder, which appears under its number when complete.

    Returns:
        The version's folder.
    """
    root.mkdir(parents=True, exist_ok=True)
    sweep(root)
    draft = root / f"{DRAFT}{uuid4().hex}"
    lock = Lock(_lock_of(draft))
    while not lock.take():  # Another run looks whether it is held.
        time.sleep(0.01)
    try:
        draft.mkdir()
        write(draft)
        while True:
            number = max(numbered(root), default=0) + 1
            try:
                return draft.rename(root / str(number))
            except OSError as error:  # Another run took that number.
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        lock.release()


def sweep(root: Path) -> None:
    """Removes the drafts that killed runs left in `root`, but no draft of a run that is alive."""
    for draft in {path.with_suffix("") for path in root.glob(f"{DRAFT}*")}:
        lock = Lock(_lock_of(draft))
        if lock.take() and lock.kept:
            shutil.rmtree(draft, ignore_errors=True)
            lock.release()


def _lock_of(draft: Path) -> Path:
    return draft.with_suffix(".lock")


def unreported(root: Path, run: str) -> Path | None:
    """The version that a run published before it was stopped, if its test is not yet reported."""
    for number in versions(root):
        mark = root / str(number) / ASSETS / UNREPORTED
        if mark.is_file() and mark.read_text() == run:
            return root / str(number)
    return None


def versions(root: Path) -> list[int]:
    """The version numbers in `root`, ascending."""
    return [number for number, path in numbered(root).items() if (path / GRAPH).is_file()]


def newest(path: Path) -> Path:
    """The SavedModel that `--model` names: the folder itself, or the newest version in it.

    Raises:
        InputError: It is neither a SavedModel nor a folder of numbered versions of one.
    """
    try:
        if (path / GRAPH).is_file():
            return path
        numbers = versions(path)
    except OSError as error:  # Such as a name that is too long.
        raise InputError(f"--model {path}: {error.strerror}; name the folder of a saved model") from error
    if not numbers:
        raise InputError(
            f"--model {path}: neither a SavedModel, a folder with {GRAPH}, nor a folder of numbered versions of one"
        )
    return path / str(numbers[-1])


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
    try:
        roots = [output / task / cell] if cell else sorted(p for p in (output / task).glob("*") if p.is_dir())
        found = [root / str(n) for root in roots for n in versions(root) if version in (None, n)]
    except OSError as error:  # Such as a name that is too long.
        raise InputError(f"--output {output}: {error.strerror}; name the folder of the saved models") from error
    if not found:
        command = program.command(task, "train", "--output", str(output), *(["--cell", cell] if cell else []))
        wanted = f"{output / task / (cell or '*') / str(version or '*')}"
        if there := [str(root / str(n)) for root in roots for n in versions(root)]:
            raise InputError(f"no saved model at {wanted}; name one of these: {', '.join(there)}")
        raise InputError(f"no saved model at {wanted}; train one first: {command}")
    if version is None and cell:
        return found[-1]
    return max(found, key=lambda folder: (folder / GRAPH).stat().st_mtime_ns)
