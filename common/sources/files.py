"""A user's files: their text, and the splits and formats that their names give."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Protocol, TextIO

from common import memory
from common.errors import InputError
from common.sources.digests import note_file

VALIDATION = ("dev", "val", "valid", "validation")
ROLES = {"train": "train", "test": "test"} | dict.fromkeys(VALIDATION, "validation")
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # It begins as UTF-16's does.
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte-order marks, and the encodings that they tell."""
PACKED = "a compressed file; unpack it, or for gzip let its name end in .gz"
PICTURE = "a picture; move it elsewhere"
NO_TEXT = {
    b"PK\x03\x04": "an Excel workbook or another ZIP archive; save it as CSV, or unpack it",
    b"\xd0\xcf\x11\xe0": "an Excel workbook or a Word document; save it as CSV or as text",
    b"\x1f\x8b": PACKED,
    b"BZh": PACKED,
    b"\xfd7zXZ": PACKED,
    b"\x28\xb5\x2f\xfd": PACKED,
    b"PAR1": "Parquet; write it as CSV, or for time series let its name end in .parquet",
    b"%PDF": "a PDF; save its text",
    b"\x89PNG": PICTURE,
    b"\xff\xd8\xff": PICTURE,
}
"""How files begin that are no texts; what they are, and what to do with them."""
START = 4096
"""Bytes of a file by which it is seen whether it is a text."""
GUESSED = 1 << 16
"""Bytes from which the encoding of a text is guessed."""
OTHER_SCRIPTS = {
    "gb18030",
    "big5",
    "cp932",
    "euc_jp",
    "cp949",
    "johab",
    "cp1251",
    "koi8_r",
    "cp1253",
    "cp1255",
    "cp1256",
}
"""Encodings that are guessed well; those of Latin letters look like each other."""
PART = 1 << 20
"""Characters of a file that are read at a time."""
SHARE = 0.25
"""Of the free memory a text may take at most."""
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


def existing(data: str, option: str = "--data", *, whole: bool = True) -> Path:
    """The file or folder that an option names; a file is noted, see `common.sources.digests`.

    Args:
        data: Its path.
        option: The option.
        whole: Whether a file is read as a whole, so that it must fit into memory.

    Raises:
        InputError: There is none, it may not be read, or it is a device or a pipe, which may never end.
    """
    try:
        path = Path(data).expanduser()
        mode = path.stat().st_mode if data.strip() else 0
    except (FileNotFoundError, NotADirectoryError, ValueError, RuntimeError):
        mode = 0
    except OSError as error:
        raise InputError(f"{option} {data[:200]}: {error.strerror}; give a file or folder that can be read") from error
    if not mode:
        named = ", or tfds:NAME for TFDS" if option == "--data" else ""
        raise InputError(f"{option} {data}: no such file or folder; give one{named}")
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(f"{option} {data}: a device or a pipe; give a file or folder")
    if stat.S_ISREG(mode):
        if option == "--data" and whole:  # Other files are read a line at a time.
            check_size(path)
        note_file(path)
    return path


def check_size(path: Path) -> None:
    """Refuses a file that cannot be read as a whole, before it is read.

    Raises:
        InputError: It cannot be looked at; it is empty, as are those of the system that never end; or it is too large.
    """
    try:
        size, most = path.stat().st_size, largest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    if not size:
        raise InputError(f"{path}: an empty file; fill or remove it")
    if most is not None and size > most:
        raise too_large(path, most)


def largest() -> int | None:
    """The most bytes of a text: `SHARE` of the memory that is free, since its records need more; None if unknown."""
    there = memory.available()
    return None if there is None else int(SHARE * there)


def too_large(path: Path, most: int) -> InputError:
    """The error of a text that does not fit into memory."""
    return InputError(f"{path}: a text of more than {most / 1e9:,.1f} GB does not fit into memory; give a part of it")


def names_under(folder: Path) -> list[Path]:
    """The files in a folder and its sub-folders, relative to it; hidden files, read-mes and licences are left out.

    Raises:
        InputError: A folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: {error.strerror}; make it readable, or move it away") from error

    names = []
    for root, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not IGNORED.match(name)]
        names += [Path(root, name).relative_to(folder) for name in files if not IGNORED.match(name)]
    return sorted(name for name in names if (folder / name).is_file())


def plain_name(path: Path) -> Path:
    """The path without a `.gz`."""
    return path.with_suffix("") if path.suffix.lower() == ".gz" else path


def format_of(path: Path) -> str:
    """The suffix that names the format, in lower case, without `.gz`."""
    return plain_name(path).suffix.lower()


class Text(Protocol):
    """A text that is read a line at a time, as often as needed.

    Attributes:
        path: The file, for messages.
    """

    path: Path

    def lines(self, ends: str = "") -> Iterator[str]:
        """The lines with their ends.

        Args:
            ends: What ends a line: `"\\n"`, or with "" also `"\\r"` and `"\\r\\n"`.
        """


@dataclass(frozen=True)
class Content:
    """The text of a file that has been read."""

    path: Path
    content: str

    def lines(self, ends: str = "") -> Iterator[str]:
        return iter(io.StringIO(self.content, newline=ends))


@dataclass(frozen=True)
class Lines:
    """The text of a file, read anew each time, in constant memory; it may be gzip.

    Its lines raise an `InputError` where the file cannot be read or has another encoding.
    """

    path: Path
    encoding: str

    def lines(self, ends: str = "") -> Iterator[str]:
        with _opened(self.path, self.encoding, ends) as file:
            yield from file


def read_parts(path: Path, encoding: str) -> Iterator[str]:
    """The text of a file in parts of about a million characters, with `\\n` at the ends of lines; it may be gzip.

    Raises:
        InputError: The file cannot be read or has another encoding.
    """
    with _opened(path, encoding, None) as file:
        part = file.read(PART).removeprefix("\ufeff")
        while part:
            yield part
            part = file.read(PART)


def read_text(path: Path, encoding: str) -> str:
    """The text of a file, which may be gzip; the file is noted, see `common.sources.digests`.

    A byte-order mark is believed before the encoding.

    Raises:
        InputError: The file cannot be read, has another encoding, is empty, or does not fit into memory.
    """
    check_size(path)
    note_file(path)
    packed, most = path.suffix.lower() == ".gz", largest()
    with _opened(path, encoding) as file:
        content = file.read(-1 if most is None or not packed else most + 1).removeprefix("\ufeff")
    if packed and most is not None and len(content) > most:
        raise too_large(path, most)
    if not content.strip():
        raise InputError(f"{path}: an empty file; fill or remove it")
    return content


def check_text(start: bytes, path: Path, encoding: str) -> None:
    """Refuses what is no text, or a text of two bytes a character that is read as one of single bytes.

    Args:
        start: The first bytes.
        path: The file, for messages.
        encoding: The encoding that it is read with, if it has no byte-order mark.

    Raises:
        InputError: It is one.
    """
    if found := next((said for mark, said in NO_TEXT.items() if start.startswith(mark)), None):
        raise InputError(f"{path}: holds no text, but {found}")
    if start.startswith(tuple(MARKS)) or codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
        return
    zeros = [start[n::2].count(0) / max(len(start[n::2]), 1) for n in (0, 1)]
    if max(zeros) > 0.4 and min(zeros) < 0.1:  # As of Latin letters and digits.
        order = "be" if zeros[0] > zeros[1] else "le"
        raise InputError(f"{path}: UTF-16 without a byte-order mark; give --encoding utf-16-{order}")


@contextmanager
def _opened(path: Path, encoding: str, ends: str | None = "") -> Iterator[TextIO]:
    """Opens a file to read its text, for the block; the block's errors of reading become an `InputError`."""
    try:
        with _binary(path) as file:
            start = file.read(START)
        check_text(start, path, encoding)
        encoding = next((marked for mark, marked in MARKS.items() if start.startswith(mark)), encoding)
        with io.TextIOWrapper(_binary(path), encoding, newline=ends) as file:
            yield file
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}:{_undecodable(path, encoding)} is not {encoding}; "
            f"name the file's encoding, for example --encoding {_likely(path)}"
        ) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: not a whole gzip file ({error}); compress or fetch it again") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def _likely(path: Path) -> str:
    """An encoding that a text may have: one of another script where it looks like that, otherwise Western."""
    from charset_normalizer import from_bytes

    with _binary(path) as file:
        found = from_bytes(file.read(GUESSED)).best()
    return found.encoding if found and found.encoding in OTHER_SCRIPTS else "latin-1"


def _binary(path: Path) -> BinaryIO:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _undecodable(path: Path, encoding: str) -> str:
    """The line and the byte at which a file cannot be decoded."""
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with _binary(path) as file:
        for chunk in chain(iter(lambda: file.read(1 << 16), b""), [b""]):
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:  # Its bytes begin with those that the last chunk left.
                line += error.object.count(b"\n", 0, error.start)
                return f"{line}: byte 0x{error.object[error.start]:02x}"
            line += chunk.count(b"\n")
    return " it changes while it is read, or"
