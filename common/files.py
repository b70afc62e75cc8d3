"""Files of predictions: refused before any work where they cannot be made, and never left half written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from common.errors import InputError


def check_writable(option: str, path: Path) -> None:
    """Refuses a file that cannot be made.

    Args:
        option: The option that names the file, for messages.
        path: The file.

    Raises:
        InputError: The path is a folder, or its folder is missing or cannot be written to.
    """
    with _refusing(option, path):
        folder = path.is_dir()
    if folder:
        raise InputError(f"{option} {path}: this is a folder; name a file")
    if not path.parent.is_dir():
        raise InputError(f"{option} {path}: there is no folder {path.parent}; make it, or name a file in another")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{option} {path}: its folder may not be written to; name a file in another")


@contextmanager
def drafted(option: str, path: Path) -> Iterator[Path]:
    """Gives the path of a draft next to a file; the draft replaces the file when everything is written.

    What a link points to is replaced, not the link. A device, such as `/dev/stdout`, has no draft.

    Args:
        option: The option that names the file, for messages.
        path: The file.

    Raises:
        InputError: The operating system refuses to write.
    """
    with _refusing(option, path):
        target = path.resolve()
        whole = not target.exists() or target.is_file()
    draft = target.with_name(f".{uuid4().hex}.draft") if whole else target
    try:
        with _refusing(option, path):
            yield draft
            if whole:
                draft.replace(target)
    finally:
        if whole:
            draft.unlink(missing_ok=True)


def write_json(option: str, path: Path, value: object) -> None:
    """Writes a value as JSON, see `drafted` for the arguments and what is raised."""
    with drafted(option, path) as draft:
        draft.write_text(json.dumps(value, indent=1) + "\n")


@contextmanager
def _refusing(option: str, path: Path) -> Iterator[None]:
    """Turns what the operating system refuses into an `InputError`."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{option} {path}: {error.strerror}; name a file that can be written") from error
