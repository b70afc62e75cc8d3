"""What was read: a digest of each file, or of the records of a data set that has none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from common.errors import InputError

Digests = Mapping[str, str]
"""The SHA-256 of each file by its path, or of a data set by its name."""
_take: ContextVar[Callable[[Digests], None] | None] = ContextVar("take", default=None)


@contextmanager
def noting(take: Callable[[Digests], None]) -> Iterator[None]:
    """Gives the digests of all data that is read meanwhile to `take`: files' before, records' after they are read.

    Inside of another `noting` both take them.
    """
    outer = _take.get()

    def both(digests: Digests) -> None:
        take(digests)
        if outer is not None:
            outer(digests)

    token = _take.set(both)
    try:
        yield
    finally:
        _take.reset(token)


def note_file(path: Path) -> None:
    """Notes a file that is about to be read.

    Raises:
        InputError: It cannot be read.
    """
    if take := _take.get():
        take(of_files([path]))


def note_records(name: str, records: Any) -> None:
    """Notes the records of a data set: splits, or a panel of series."""
    if take := _take.get():
        take({name: of_records(records)})


def of_files(paths: Iterable[Path]) -> Digests:
    """The digests of files.

    Raises:
        InputError: One cannot be read.
    """
    found = {}
    for path in paths:
        try:
            with path.open("rb") as file:
                found[str(path.resolve())] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    return found


def of_records(records: Any) -> str:
    """The digest of records: of dataclasses, less what does not count when two are compared, and of their parts."""
    import numpy as np  # Only data sets without files need it here.

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return [value.dtype.str, value.shape, hashlib.sha256(np.ascontiguousarray(value)).hexdigest()]
        apart = {one.name for one in fields(value) if not one.compare} if is_dataclass(value) else set()
        return {name: one for name, one in vars(value).items() if name not in apart}

    return hashlib.sha256(json.dumps(records, default=plain).encode()).hexdigest()


def difference(before: Digests, now: Digests) -> str | None:
    """What differs between the data of a run and that of its resume, in a few words; None if nothing does."""
    if changed := [name for name in before if name in now and before[name] != now[name]]:
        return f"{_listed(changed)} changed since"
    if gone := [name for name in before if name not in now]:
        return f"{_listed(gone)} {'is' if len(gone) == 1 else 'are'} no longer there"
    if new := [name for name in now if name not in before]:
        return f"{_listed(new)} {'was' if len(new) == 1 else 'were'} not there then"
    return None


def _listed(names: list[str], most: int = 3) -> str:
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
