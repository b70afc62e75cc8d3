"""Steps that are not arrays in memory: those of sequences on disk, read by index, and those that follow from others."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from common.errors import InputError

if TYPE_CHECKING:
    from tensorflow_datasets.core import DatasetInfo

BLOCK = 4096
"""Steps of a record: few enough that reading one step is cheap, many enough that reading all is."""
HELD = 4096
"""Blocks that are kept in memory, those read last."""
SHARD = 1 << 14
"""Blocks of a file."""
TOGETHER = 256
"""Blocks that are written at a time."""
NAME, SPLIT, LENGTHS, SIZES = "steps", "train", "lengths.npy", "steps.json"


class Steps(ABC):
    """Values of steps that are read by index, as an array is: `[steps]`; -1 stands for no step, its value is any.

    Attributes:
        dtype: The type of the values.
        shape: `(steps,)`.
    """

    dtype: np.dtype
    shape: tuple[int]

    @abstractmethod
    def __getitem__(self, at: np.ndarray) -> np.ndarray:
        """The values of steps, of the shape of `at`."""

    def __len__(self) -> int:
        return self.shape[0]

    def sum(self, dtype: type) -> Any:
        """The sum of all values."""
        some = range(0, len(self), 1 << 20)
        return sum(self[np.arange(first, min(first + (1 << 20), len(self)))].sum(dtype=dtype) for first in some)


class Constant(Steps):
    """The same value at every step."""

    def __init__(self, value: Any, steps: int) -> None:
        self.value, self.dtype, self.shape = value, np.asarray(value).dtype, (steps,)

    def __getitem__(self, at: np.ndarray) -> np.ndarray:
        return np.full(np.shape(at), self.value)

    def sum(self, dtype: type) -> Any:
        return dtype(self.value) * len(self)


class Cut(Steps):
    """The steps of spans of other steps, end to end.

    Args:
        values: The other steps.
        firsts: The first step of each span, `[spans]`.
        lengths: Steps of each span, `[spans]`.
        zeros: Steps at the beginning of each span whose value is 0, `[spans]`.
    """

    def __init__(self, values: Steps, firsts: np.ndarray, lengths: np.ndarray, *, zeros: np.ndarray) -> None:
        self.values, self.firsts, self.zeros = values, firsts, zeros
        self.offsets = np.cumsum(lengths) - lengths
        self.dtype, self.shape = values.dtype, (int(lengths.sum()),)

    def __getitem__(self, at: np.ndarray) -> np.ndarray:
        span = np.searchsorted(self.offsets, at, "right") - 1
        within = at - self.offsets[span]
        found = self.values[np.where(at < 0, -1, self.firsts[span] + within)]
        return np.where(within < self.zeros[span], found.dtype.type(0), found)


class Run(NamedTuple):
    """Some steps of a sequence.

    Attributes:
        inputs: Their inputs by name, `[steps]` each.
        ends: Whether the sequence ends with them.
    """

    inputs: Mapping[str, np.ndarray]
    ends: bool


@dataclass(frozen=True)
class Store:
    """Sequences in a folder, in blocks of steps, written and read by TFDS in ArrayRecord files.

    TFDS's own builder would sort all examples first, in a gigabyte of memory; its `SequentialWriter` writes as they
    come.

    Args:
        folder: The folder.
    """

    folder: Path

    def write(self, runs: Iterable[Run], types: Mapping[str, Any]) -> None:
        """Writes sequences into the folder, which is empty, in memory that does not grow with their steps.

        Args:
            runs: The runs of all sequences.
            types: The type of each input on disk.
        """
        import tensorflow_datasets as tfds

        lengths = array("q", [0])
        writer = tfds.core.SequentialWriter(self._described(types), SHARD, file_format="array_record")
        writer.initialize_splits([SPLIT])
        blocks = _blocks(runs, types, lengths)
        while some := list(islice(blocks, TOGETHER)):
            with _told(self.folder):
                writer.add_examples({SPLIT: some})
        with _told(self.folder):
            writer.close_all()
        found = np.array(lengths[:-1], np.int64)  # After the last end begins no sequence.
        np.save(self.folder / LENGTHS, found)
        (self.folder / SIZES).write_text(json.dumps({"names": list(types), "steps": int(found.sum())}))

    def _described(self, types: Mapping[str, Any]) -> DatasetInfo:
        import tensorflow_datasets as tfds

        features = {
            name: tfds.features.Tensor(shape=(BLOCK,), dtype=kind, encoding="bytes") for name, kind in types.items()
        }
        identity = tfds.core.DatasetIdentity(
            name=NAME, version=tfds.core.Version("1.0.0"), data_dir=str(self.folder), module_name=__name__
        )
        return tfds.core.DatasetInfo(builder=identity, features=tfds.features.FeaturesDict(features))

    @cached_property
    def lengths(self) -> np.ndarray:
        """Steps of each sequence, int64 `[sequences]`."""
        return np.load(self.folder / LENGTHS)

    def inputs(self) -> dict[str, Steps]:
        """The inputs of all steps by name."""
        sizes = json.loads((self.folder / SIZES).read_text())
        reader = _Reader(self.folder)
        return {name: Stored(reader, name, sizes["steps"]) for name in sizes["names"]}


def _blocks(runs: Iterable[Run], types: Mapping[str, Any], lengths: array) -> Iterator[dict[str, np.ndarray]]:
    """The blocks of runs; meanwhile counts the steps of the sequences in `lengths`, which begins with one 0."""
    waiting: dict[str, list[np.ndarray]] = {name: [] for name in types}
    many = 0
    for run in runs:
        for name, values in run.inputs.items():
            waiting[name].append(values)
        size = len(next(iter(run.inputs.values())))
        many, lengths[-1] = many + size, lengths[-1] + size
        if run.ends:
            lengths.append(0)
        if many >= TOGETHER * BLOCK:
            whole = {name: np.concatenate(some).astype(types[name]) for name, some in waiting.items()}
            full = many // BLOCK * BLOCK
            for first in range(0, full, BLOCK):
                yield {name: values[first : first + BLOCK] for name, values in whole.items()}
            waiting = {name: [values[full:]] for name, values in whole.items()}
            many -= full
    whole = {name: np.concatenate(some).astype(types[name]) for name, some in waiting.items()}
    for first in range(0, many, BLOCK):
        block = {name: values[first : first + BLOCK] for name, values in whole.items()}
        yield {name: np.pad(values, (0, BLOCK - len(values))) for name, values in block.items()}


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Makes a line of what ArrayRecord says where files cannot be written or read.

    Raises:
        InputError: They cannot.
    """
    try:
        yield
    except RuntimeError as error:
        (said, *_) = str(error).split(";")
        raise InputError(
            f"{folder}: cannot be used ({said}); see that there is room, or name another folder in "
            "SEQUENCE_SUITE_CACHE; if it is damaged, remove it"
        ) from error


class _Reader:
    """Reads blocks, and keeps those read last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._held: OrderedDict[int, dict[str, np.ndarray]] = OrderedDict()

    @cached_property
    def _source(self) -> Any:
        import tensorflow_datasets as tfds

        return tfds.builder_from_directory(self.folder).as_data_source(SPLIT)

    def blocks(self, numbers: Sequence[int], name: str) -> np.ndarray:
        """An input's values in blocks, `[blocks, BLOCK]`."""
        with self._lock:
            if missing := [number for number in numbers if number not in self._held]:
                with _told(self.folder):
                    some = self._source.__getitems__(missing)
                self._held.update(zip(missing, some, strict=True))
            found = []
            for number in numbers:
                self._held.move_to_end(number)
                found.append(self._held[number][name])
            while len(self._held) > HELD:
                self._held.popitem(last=False)
        return np.stack(found)


class Stored(Steps):
    """An input of steps on disk, int32."""

    dtype = np.dtype(np.int32)

    def __init__(self, reader: _Reader, name: str, steps: int) -> None:
        self._reader, self.name, self.shape = reader, name, (steps,)

    def __getitem__(self, at: np.ndarray) -> np.ndarray:
        found, real = np.zeros(np.shape(at), np.int32), at >= 0
        places = at[real]
        if len(places):
            numbers, of_step = np.unique(places // BLOCK, return_inverse=True)
            found[real] = self._reader.blocks(numbers.tolist(), self.name)[of_step, places % BLOCK]
        return found
