"""What is prepared once and kept in the cache: one process writes it, others wait for it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from common.errors import InputError
from common.files import Lock
from common.reports import say
from common.sources.wheels import cache_directory

FILES = "files.json"
"""The file that tells sizes and checksums of the others, by which a damaged folder is known."""
RECORDS = "*.array_record*"
"""The files that have checksums of their own, for each of their parts."""


def prepared(made_of: Sequence[Any], write: Callable[[Path], None]) -> Path:
    """The folder of what follows from `made_of`, which is written where no earlier run has done so.

    Args:
        made_of: What its content follows from, as JSON has it.
        write: Fills a draft of it, which gets its name when it is complete.

    Raises:
        InputError: It cannot be written.
    """
    name = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:32]
    folder = cache_directory() / "prepared" / name
    try:
        if not _is_whole(folder):
            _write(folder, write)
    except OSError as error:
        hint = "name a folder that can be written to, and has room, in SEQUENCE_SUITE_CACHE"
        raise InputError(f"{folder.parent}: cannot be used ({error.strerror}); {hint}") from error
    return folder


def _write(folder: Path, write: Callable[[Path], None]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock, draft = Lock(folder.with_suffix(".lock")), folder.with_suffix(f".{uuid4().hex}.draft")
    while not lock.take():
        time.sleep(1)
    try:
        if _is_whole(folder):
            return
        if folder.is_dir():
            say(f"{folder} is damaged, and prepared again")
            shutil.rmtree(folder)
        for left in folder.parent.glob(f"{folder.name}.*.draft") if lock.kept else ():
            shutil.rmtree(left, ignore_errors=True)  # Of a process that was killed.
        draft.mkdir()
        try:
            write(draft)
            (draft / FILES).write_text(json.dumps(_files(draft)))
            _flush(draft)
            if not folder.is_dir():  # As it may be where files cannot be locked.
                draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    finally:
        lock.release()


def _files(folder: Path) -> dict[str, list]:
    """The bytes of each file, and its checksum unless it has some of its own."""
    return {path.name: _told(path) for path in sorted(folder.iterdir()) if path.name != FILES}


def _told(path: Path) -> list:
    if path.match(RECORDS):
        return [path.stat().st_size]
    with path.open("rb") as file:
        return [path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()]


def _is_whole(folder: Path) -> bool:
    try:
        return json.loads((folder / FILES).read_text()) == _files(folder)
    except (OSError, ValueError):
        return False


def _flush(folder: Path) -> None:
    """Sees to it that files are on the disk, not on their way to it, before their folder gets its name."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
