"""Which requests can be computed together, and how their answers are taken apart again."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from common.serving.http.refusals import Refused
from common.serving.http.signatures import Signature

Arrays = Mapping[str, np.ndarray]


class NotRows(Exception):
    """Outputs whose first axis is not that of the rows of the inputs."""


class Joining:
    """How requests for a signature are joined.

    Inputs whose first axis may have any size are taken to have a row per example, as batching in TensorFlow Serving
    does, and all outputs to have a row for each of these. Requests are joined if the rows of their inputs have equal
    shapes, all other inputs equal values, and the strings of their rows like lengths: so no request waits for one that
    is much longer.

    A row may be padded because another one is longer. A signature tells by the names of its axes what is padding, see
    `common.serving.export.Endpoint`. Without names an axis of unknown size could depend on the other rows in any way,
    so requests are then not joined.

    Args:
        signature: The signature.

    Attributes:
        possible: Whether requests can be joined at all.
    """

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        inputs, outputs = signature.inputs.values(), signature.outputs.values()
        self._of_rows = [tensor.name for tensor in inputs if tensor.has_rows]
        known = all(
            size is not None or axis
            for tensor in outputs
            for size, axis in zip((tensor.shape or ())[1:], tensor.axes[1:])
        )
        self.possible = (
            bool(self._of_rows)
            and all(tensor.shape is not None for tensor in inputs)
            and all(tensor.has_rows for tensor in outputs)
            and known
        )
        given = {axis for tensor in inputs for axis in tensor.axes}
        self._padded: dict[str, list[tuple[str, int]]] = {}
        for tensor in outputs:
            for number, axis in enumerate(tensor.axes[1:], 1):
                if tensor.dtype.name == "string" and axis and axis not in given:
                    self._padded.setdefault(axis, []).append((tensor.name, number))

    def check(self, inputs: Arrays) -> int:
        """The number of rows of a request.

        Raises:
            Refused: An input has another shape than the signature takes, or another number of rows than others.
        """
        rows = None
        for name, tensor in self.signature.inputs.items():
            shape = inputs[name].shape
            if not tensor.fits(shape):
                had, takes = (",".join("?" if n is None else str(n) for n in of) for of in (shape, tensor.shape))
                hint = "; give it under 'inputs', once for all rows" if not tensor.shape else ""
                raise Refused(f"input {name} has shape [{had}], the signature takes [{takes}]{hint}")
            if tensor.has_rows:
                if rows not in (None, shape[0]):
                    raise Refused(f"input {name} has {shape[0]} rows, another input has {rows}")
                rows = shape[0]
        return 1 if rows is None else rows

    def key(self, inputs: Arrays, longest: int) -> Hashable:
        """What is equal for requests that can be joined; None if this one cannot be.

        Args:
            inputs: The inputs of the request.
            longest: Maximum number of characters in a row.
        """
        if not self.possible or not all(len(inputs[name]) for name in self._of_rows):
            return None
        parts = [math.ceil(longest.bit_length() / 2)]  # Lengths within a factor of four.
        for name, value in inputs.items():
            parts.append(value.shape[1:] if name in self._of_rows else (value.shape, *value.ravel().tolist()))
        return tuple(parts)

    def joined(self, requests: Sequence[Arrays]) -> Arrays:
        """The inputs of requests with equal keys, one after another."""
        if len(requests) == 1:
            return requests[0]
        return {
            name: np.concatenate([inputs[name] for inputs in requests]) if name in self._of_rows else value
            for name, value in requests[0].items()
        }

    def parts(self, outputs: Arrays, rows: Sequence[int]) -> list[Arrays]:
        """The outputs of each of several joined requests, without the padding that is due to the others.

        Args:
            outputs: The outputs of all.
            rows: The number of rows of each request.

        Raises:
            NotRows: The outputs have no row for each row of the inputs.
        """
        if any(len(value) != sum(rows) for value in outputs.values()):
            raise NotRows
        ends = np.cumsum(rows)
        return [
            self._cut({name: value[end - many : end] for name, value in outputs.items()})
            for many, end in zip(rows, ends)
        ]

    def _cut(self, outputs: Arrays) -> Arrays:
        """The outputs of a request without empty strings at the end of its longest row."""
        sizes = {
            axis: max(_used(outputs[name], along) for name, along in where) for axis, where in self._padded.items()
        }
        return {
            name: value[tuple(slice(sizes.get(axis)) for axis in self.signature.outputs[name].axes)]
            for name, value in outputs.items()
        }


def _used(strings: np.ndarray, axis: int) -> int:
    """The size of an axis without the end at which all strings are empty."""
    others = tuple(number for number in range(strings.ndim) if number != axis)
    used = np.flatnonzero((strings != b"").any(others))
    return int(used[-1]) + 1 if len(used) else 0
