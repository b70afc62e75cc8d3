"""Features of pictures that were computed elsewhere, as an `.npz` of NumPy."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from common.errors import InputError, shortened
from common.sources.digests import note_file
from common.sources.files import existing
from common.sources.records import listed
from common.sources.signals.records import LARGEST

NAMES, VALUES = ("names", "files", "images", "filenames"), ("features", "values", "x")
"""Usual names of the two arrays of a file that has one array for all pictures."""
RIGHT = "give numbers: [width], [regions, width] or [rows, columns, width] for each picture"


@dataclass(frozen=True)
class Features:
    """The features of pictures.

    Attributes:
        path: The file that they are from.
        arrays: The features of each picture by its name: `[width]`, `[regions, width]` or `[rows, columns, width]`,
            float32, all of one width, and of as many axes.
    """

    path: Path
    arrays: dict[str, np.ndarray]

    @classmethod
    def read(cls, path: Path, option: str = "--features") -> Features:
        """Reads a file: an array for each picture under its name, or `names [N]` and `features [N, ...]`.

        Args:
            path: The file.
            option: The option that names it, for messages.

        Raises:
            InputError: It cannot be read, or holds something else.
        """
        path = existing(str(path), option)
        note_file(path)
        try:
            file = np.load(path, allow_pickle=False)
            if not isinstance(file, NpzFile):
                raise ValueError("a single array")
            with file:
                arrays = {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: no arrays that can be read; write it with numpy.savez") from error
        lower = {name.lower(): name for name in arrays}
        names, values = (next((lower[n] for n in usual if n in lower), None) for usual in (NAMES, VALUES))
        if names and values:
            arrays = _by_name(arrays[names], arrays[values], path)
        if not arrays:
            raise InputError(f"{path}: no arrays; give one for each picture, under its name")
        return cls(path, dict(_checked(arrays, path)))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and width that hold every picture: regions are rows of one column."""
        shapes = [one.shape for one in self.arrays.values()]
        rows = max(shape[0] for shape in shapes) if len(shapes[0]) > 1 else 1
        return rows, shapes[0][1] if len(shapes[0]) == 3 else 1, shapes[0][-1]

    def of(self, name: Path, place: str) -> np.ndarray:
        """The features of a picture, `[rows, columns, width]`, zeros behind its last region.

        Args:
            name: The name of its file: as it is in the file of features, or without its folder or suffix there.
            place: Where the picture is named, for messages.

        Raises:
            InputError: There are none.
        """
        for key in (name.as_posix(), name.name, name.stem):
            if key in self.arrays:
                return on_grid(self.arrays[key], self.shape)
        known = listed(sorted(self.arrays)[:2])
        raise InputError(f"{place}: {self.path} has no features of {name}, only of such as {known}; add them")


def on_grid(features: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The features of a picture as `[rows, columns, width]`, with zeros where it has fewer regions."""
    cells = features.reshape((-1, *shape[1:]))
    return np.pad(cells, [(0, shape[0] - len(cells)), (0, 0), (0, 0)])


def as_given(view: np.ndarray) -> np.ndarray:
    """Features `[rows, columns, width]` as a saved model takes them: a vector, regions or a grid."""
    rows, columns, _ = view.shape
    return view if columns > 1 else view[:, 0] if rows > 1 else view[0, 0]


def _by_name(names: np.ndarray, values: np.ndarray, path: Path) -> dict[str, np.ndarray]:
    """The two arrays of a file as one array for each picture."""
    if names.ndim != 1 or names.dtype.kind not in "USiu" or values.ndim < 1 or len(names) != len(values):
        raise InputError(
            f"{path}: names {names.dtype} {list(names.shape)} and features {list(values.shape)}; give a name for each "
            "row of features"
        )
    texts = [name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names.tolist()]
    found = dict(zip(texts, values))
    if len(found) < len(texts):
        twice = next(name for n, name in enumerate(texts) if name in texts[:n])
        raise InputError(f"{path}: two rows of {shortened(twice)!r}; give each picture once")
    return found


def _checked(arrays: dict[str, np.ndarray], path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays as float32, all of shapes that fit each other.

    Raises:
        InputError: One is of another kind or shape, or has a value that is not finite.
    """
    first_name, first = next(iter(arrays.items()))
    for name, one in arrays.items():
        here = f"{path}: {shortened(name)!r}"
        if one.dtype.kind not in "fiub" or not 1 <= one.ndim <= 3 or not one.size:
            raise InputError(f"{here} is {one.dtype} {list(one.shape)}; {RIGHT}")
        fixed = slice(1, None) if one.ndim == 2 else slice(None)  # Pictures may have different numbers of regions.
        if one.ndim != first.ndim or one.shape[fixed] != first.shape[fixed]:
            raise InputError(
                f"{here} has features {list(one.shape)}, and {shortened(first_name)!r} {list(first.shape)}; give all "
                "pictures features of one shape; only the number of regions may differ"
            )
        if not (np.abs(one.astype(np.float64)) <= LARGEST).all():
            raise InputError(f"{here} has a value that is not finite or too large; give numbers of float32")
        yield name, one.astype(np.float32)
