"""A user's files: their text, and the splits and formats that their names give."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

from common.errors import InputError
from common.sources.digests import note_file

VALIDATION = ("dev", "val", "valid", "validation")
ROLES = {"train": "train", "test": "test"} | dict.fromkeys(VALIDATION, "validation")
IGNORED = re.compile(r"\.|readme|licen[cs]e", re.IGNORECASE)


def role_of(*names: str) -> str | None:
    """The split that a word in the names gives, None if there is none; the first name that gives one counts."""
    return next((ROLES[word] for name in names for word in words_in(name.lower()) if word in ROLES), None)


def roles_of(names: Iterable[Path]) -> dict[Path, str | None]:
    """The split of each file, by its name first, then by the folders above it, from the innermost outwards."""
    return {name: role_of(*reversed(name.parts)) for name in names}


def words_in(name: str) -> list[str]:
    """The words of a name: its runs of letters and digits."""
    return re.findall(r"[^\W_]+", name)


def existing(data: str) -> Path:
    """The file or folder that `--data` names; a file is noted, see `common.sources.digests`.

    Raises:
        InputError: There is none, or it is neither: a device or a pipe may never end.
    """
    path = Path(data).expanduser()
    try:
        there = bool(data.strip()) and path.exists()
    except (OSError, ValueError) as error:  # Such as a name that is too long.
        raise InputError(
            f"--data {data}: {getattr(error, 'strerror', None) or error}; give a file or folder"
        ) from error
    if not there:
        raise InputError(f"--data {data}: no such file or folder; give one, or tfds:NAME for TFDS")
    if not (path.is_file() or path.is_dir()):
        raise InputError(f"--data {data}: a device or a pipe; give a file or folder")
    if path.is_file():
        note_file(path)
    return path


def names_under(folder: Path) -> list[Path]:
    """The files in a folder and its sub-folders, relative to it; hidden files, read-mes and licences are left out."""
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return [name for name in names if not any(map(IGNORED.match, name.parts))]


def check_encoding(encoding: str) -> None:
    """Refuses an encoding that Python does not know.

    Raises:
        InputError: Python does not know it.
    """
    try:
        "".encode(encoding)
    except (LookupError, UnicodeError, ValueError) as error:
        raise InputError(f"--encoding {encoding}: {error}; try utf-8, latin-1 or cp1252") from error


def plain_name(path: Path) -> Path:
    """The path without a `.gz`."""
    return path.with_suffix("") if path.suffix.lower() == ".gz" else path


def format_of(path: Path) -> str:
    """The suffix that names the format, in lower case, without `.gz`."""
    return plain_name(path).suffix.lower()


def read_text(path: Path, encoding: str) -> str:
    """The text of a file, which may be gzip; the file is noted, see `common.sources.digests`.

    Raises:
        InputError: The file cannot be read, has another encoding, or is empty.
    """
    note_file(path)
    raw = _bytes(path)
    try:
        content = raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}:{line}: byte 0x{raw[error.start]:02x} is not {encoding}; "
            "name the file's encoding, for example --encoding latin-1"
        ) from error
    if not content.strip():
        raise InputError(f"{path}: an empty file; fill or remove it")
    return content


def _bytes(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix.lower() == ".gz" else raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: not a whole gzip file ({error}); compress or fetch it again") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
