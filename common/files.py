"""Files: refused before any work where they cannot be made, never left half written; and locks."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from uuid import uuid4

from common.errors import InputError


def check_writable(option: str, path: Path) -> None:
    """Refuses a file that cannot be made.

    Args:
        option: The option that names the file, for messages.
        path: The file.

    Raises:
        InputError: The path is a folder, a device or a pipe, or its folder is missing or cannot be written to.
    """
    with _refusing(option, path):
        there, file, folder = path.exists(), path.is_file(), path.is_dir()
    if there and not file:
        raise InputError(f"{option} {path}: this is {'a folder' if folder else 'a device or a pipe'}; name a file")
    if not path.parent.is_dir():
        raise InputError(f"{option} {path}: there is no folder {path.parent}; make it, or name a file in another")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{option} {path}: its folder may not be written to; name a file in another")


def refuse_same(option: str, path: Path, read: Path) -> None:
    """Refuses a file to write that is also read, or lies in a folder that is.

    Raises:
        InputError: It does.
    """
    read, written = read.resolve(), path.resolve()
    if path.exists() and read.exists() and (written == read or read in written.parents):
        raise InputError(f"{option} {path}: this is read, and would be replaced; name another file")


@contextmanager
def drafted(option: str, path: Path) -> Iterator[Path]:
    """Gives the path of a draft next to a file; the draft replaces the file when everything is written.

    What a link points to is replaced, not the link. Nothing but a file is replaced.

    Args:
        option: The option that names the file, for messages.
        path: The file.

    Raises:
        InputError: What is there is no file, or the operating system refuses to write.
    """
    check_writable(option, path)
    with _refusing(option, path):
        target = path.resolve()
    draft = target.with_name(f".{uuid4().hex}.draft")
    try:
        with _refusing(option, path):
            yield draft
            draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def remove_drafts(folder: Path) -> None:
    """Removes what `drafted` left in a folder, and in those below it, when a process was killed."""
    for draft in folder.rglob(".*.draft"):
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


def numbered(folder: Path) -> dict[int, Path]:
    """What is in a folder under a number, ascending; a number in other digits, or after zeros, is none."""
    found = (path for path in folder.glob("*") if re.fullmatch("0|[1-9][0-9]*", path.name))
    return dict(sorted((int(path.name), path) for path in found))


def reason(error: Exception) -> str:
    """Why something failed, in a few words: what the operating system said, also where TensorFlow passes it on."""
    told = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error) or type(error).__name__
    return " ".join(re.sub(r" \[Op:\w+\]$", "", str(told).rpartition("; ")[2]).split())[:200]


class Lock:
    """A lock that one process holds. The operating system lets go of it when the process ends, however it ends.

    On network file systems it holds between machines where these pass `flock` on, as NFS does on Linux from version
    2.6.12 on; where a file system has no locks, `kept` is false after `take`, and nothing is held.

    Args:
        path: The file that is locked; it appears while the lock is held.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.holder = ""
        self._file: TextIOWrapper | None = None

    @property
    def kept(self) -> bool:
        """Whether the lock is held."""
        return self._file is not None

    def take(self) -> bool:
        """Takes the lock; returns whether no other process has it. `holder` is then its number."""
        while True:
            file = self.path.open("a+")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                self.holder = file.read().strip()
                file.close()
                return False
            except OSError as error:
                file.close()
                if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
                    raise
                self.path.unlink(missing_ok=True)
                return True
            if self._is_there(file):
                break
            file.close()  # Who held it has just removed the file.
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file
        return True

    def _is_there(self, file: TextIOWrapper) -> bool:
        try:
            return os.path.samestat(os.fstat(file.fileno()), self.path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Removes the file and lets go of the lock; does nothing where it is not held."""
        if self._file is not None:
            self.path.unlink(missing_ok=True)
            self._file.close()
            self._file = None
