"""From arrays to the JSON of an answer, as TensorFlow Serving writes it (`json_tensor.cc`)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from common.serving.http.refusals import Refused

AT_ONCE = 1 << 14
"""Decimals that are spelled at a time."""


def answer(outputs: Mapping[str, np.ndarray], *, in_rows: bool) -> bytes:
    """The JSON of an answer.

    Decimals have the fewest digits that give the same float32 or float64 again; NaN and infinity are written as such.

    Args:
        outputs: The outputs by name.
        in_rows: Whether the request had its inputs in rows, `instances`.

    Raises:
        Refused: The outputs have no JSON: they have other types, or no rows where there should be.
    """
    if not outputs:
        raise Refused("Cannot convert empty tensor map to JSON")
    if in_rows:
        _check_rows(outputs)
    values = lists(outputs)
    only = next(iter(values.values())) if len(values) == 1 else None
    if not in_rows:
        found = {"outputs": values if only is None else only}
    elif only is None:
        found = {"predictions": [dict(zip(values, row)) for row in zip(*values.values())]}
    else:
        found = {"predictions": only}
    return json.dumps(found, ensure_ascii=False).encode()


def lists(outputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The outputs as lists that have JSON."""
    return {name: _listed(name, np.asarray(value)) for name, value in outputs.items()}


def _check_rows(outputs: Mapping[str, np.ndarray]) -> None:
    """Refuses outputs without rows, or with different numbers of rows."""
    expected = None
    for name, value in outputs.items():
        if not np.ndim(value):
            raise Refused(f"Tensor name: {name} has no shape information ")
        if expected not in (None, len(value)):
            raise Refused(f"Tensor name: {name} has inconsistent batch size: {len(value)} expecting: {expected}")
        expected = len(value)


def _listed(name: str, values: np.ndarray) -> Any:
    """The values as lists, or as a single value if there are no axes."""
    if values.dtype == np.float32:
        return shortest(values).tolist()
    if values.dtype.kind in "OSU":
        encode = _in_base64 if name.endswith("_bytes") else _text
        flat = [encode(value) for value in values.ravel().tolist()]
        listed = np.empty(len(flat), object)
        listed[:] = flat
        return listed.reshape(values.shape).tolist()
    if values.dtype.kind in "iub" or values.dtype == np.float64:
        return values.tolist()
    name = {"float16": "half"}.get(values.dtype.name, values.dtype.name)
    raise Refused(f"Failed to write JSON value for tensor type: {name}")


def shortest(values: np.ndarray) -> np.ndarray:
    """The float64 values whose shortest decimals are those of float32 values."""
    flat, found = values.ravel(), np.empty(values.size)
    for first in range(0, values.size, AT_ONCE):
        found[first : first + AT_ONCE] = flat[first : first + AT_ONCE].astype(str)  # 128 bytes a value.
    return found.reshape(values.shape)


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _in_base64(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode()}
