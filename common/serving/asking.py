"""From records to batches of tensors, and from outputs back to records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from common.streams.batches import BATCH, batches

if TYPE_CHECKING:
    import tensorflow as tf

Record = dict[str, Any]


def answered(
    function: Callable[..., Mapping[str, tf.Tensor]],
    inputs: Mapping[str, tf.TensorSpec],
    records: Sequence[Record],
    *,
    batch: int = BATCH,
    what: str = "predicting",
    **shared: Any,
) -> list[Record]:
    """Answers records; those of like length share a batch.

    Args:
        function: The function, from tensors by name to a dictionary of tensors.
        inputs: The inputs of the function, by name.
        records: The inputs of each example by name: strings, numbers, lists of strings, arrays. Lists of strings are
            padded with empty strings to the longest of their batch; arrays of a batch must have one shape.
        batch: Maximum number of records per batch.
        what: The label of the progress bar, which shows if they take long.
        shared: Inputs that all records share, such as the width of a beam.

    Returns:
        The outputs for each record by name, in the records' order: bytes as str, other values as Python or NumPy
        values. An output with one row per record is divided between them; any other is the same for all records.
        Outputs for padding are still there.

    Raises:
        ValueError: A record lacks an input.
    """
    import tensorflow as tf

    records = list(records)
    given = {name: tf.constant(value, inputs[name].dtype) for name, value in shared.items()}
    for number, record in enumerate(records, 1):
        if missing := inputs.keys() - given.keys() - record.keys():
            raise ValueError(f"record {number} lacks {', '.join(sorted(missing))}; the inputs are {', '.join(inputs)}")
    found: list[Record] = [{} for _ in records]
    for chosen in batches([_length(record) for record in records], batch=batch, what=what):
        rows = [records[n] for n in chosen]
        columns = {
            name: tf.constant(_column([row[name] for row in rows]), inputs[name].dtype)
            for name in inputs
            if name not in given
        }
        for name, values in function(**columns, **given).items():
            values = values.numpy()
            divided = values.shape[:1] == (len(chosen),)
            for at, n in enumerate(chosen):
                found[n][name] = _plain(values[at] if divided else values[()])
    return found


def _length(record: Record) -> int:
    """The length of the longest input, in characters of a string or items of a list."""
    return max((len(value) for value in record.values() if hasattr(value, "__len__")), default=0)


def _column(values: list[Any]) -> Any:
    """The values of a batch; lists of strings are padded with empty strings to the longest."""
    if isinstance(values[0], list | tuple) and all(isinstance(item, str) for value in values for item in value):
        longest = max(map(len, values))
        padded = [[*value, *[""] * (longest - len(value))] for value in values]
        return np.array(padded, object).reshape(len(values), longest)
    return values if isinstance(values[0], str | bytes) else np.stack(values)


def _plain(value: Any) -> Any:
    """A value in which bytes have become str."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
