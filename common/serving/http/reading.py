"""From the JSON of a request to arrays; messages are those of TensorFlow Serving (`json_tensor.cc`)."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from common.serving.http.refusals import UNIMPLEMENTED, Refused
from common.serving.http.signatures import Tensor

DEEPEST = 32
"""The most lists in each other that are read: more than any signature has axes."""
SHOWN = 200
"""Maximum number of characters of a value in a message."""
INTEGERS = {tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint16, tf.uint32, tf.uint64}
DIGITS = {tf.float32: 24, tf.float64: 53}
"""The binary digits of each decimal type: integers with more lose some."""
NAMES = {tf.float32: "float", tf.float64: "double", tf.float16: "half"}
"""The names that TensorFlow's C++ has for types, where Python has others."""
PARSE_ERRORS = {
    "Expecting value": "Invalid value.",
    "Extra data": "The document root must not be followed by other values.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Expecting ',' delimiter": "Missing a comma or a closing bracket.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
}

Json = Any


def parsed(body: bytes) -> dict[str, Json]:
    """The object that a body holds; NaN and Infinity are numbers.

    Raises:
        Refused: The body is empty, is not JSON, or holds no object.
    """
    if not body.strip():
        raise Refused("JSON Parse error: The document is empty")
    try:
        found = json.loads(body.decode(), parse_float=_decimal)
    except json.JSONDecodeError as error:
        reason = PARSE_ERRORS.get(error.msg, f"{error.msg}.")
        raise Refused(f"JSON Parse error: {reason} at offset: {error.pos}") from None
    except (ValueError, RecursionError) as error:  # Not UTF-8, numbers too large, lists too deep.
        raise Refused(f"JSON Parse error: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise Refused(f"JSON Value: {shown(found)} Is not object")
    return found


def _decimal(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError("Number too big to be stored in double.")
    return value


def signature_name(document: Mapping[str, Json]) -> str:
    """The name of the signature that a request asks for; an empty string if it names none.

    Raises:
        Refused: The name is not a string.
    """
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise Refused(
            f"JSON Value: {shown(document)} not formatted correctly. 'signature_name' key must be a string value."
        )
    return name


def arrays_of(document: Mapping[str, Json], inputs: Mapping[str, Tensor]) -> tuple[dict[str, np.ndarray], bool]:
    """The inputs of a request for predictions.

    Args:
        document: The request.
        inputs: The inputs of its signature.

    Returns:
        An array for each input by name, strings as bytes; and whether the request has them in rows (`instances`), as
        its answer then has the outputs.

    Raises:
        Refused: They are not what the signature takes.
    """
    if "instances" in document and "inputs" in document:
        raise Refused(
            f"JSON Value: {shown(document)} Not formatted correctly expecting only one of 'inputs' or 'instances' "
            "keys to exist "
        )
    if "instances" in document:
        given = document["instances"]
        if not isinstance(given, list):
            raise Refused(f"JSON Value: {shown(document)} Excepting 'instances' to be an list/array")
        if not given:
            raise Refused(f"JSON Value: {shown(document)} No values in 'instances' array")
        return _of_instances(given, inputs), True
    if "inputs" in document:
        return _of_inputs(document["inputs"], inputs), False
    raise Refused("Missing 'inputs' or 'instances' key")


def _of_instances(given: list[Json], inputs: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Arrays of the rows of a list, each one value, or an object with a value for every input."""
    objects = _is_object(given[0])
    if not isinstance(given[0], dict) and len(inputs) > 1:
        raise Refused(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    columns = {name: _Column(tensor.dtype) for name, tensor in inputs.items()}
    first = next(iter(inputs))
    for number, item in enumerate(given):
        if objects != _is_object(item):
            expected, found = ("object", "list") if objects else ("value/list", "object")
            raise Refused(f"Expecting {expected} but got {found} at item {number} of input list")
        for name, value in item.items() if objects else ((first, item),):
            try:
                if name not in columns:
                    raise Refused(f"JSON object: does not have named input: {name}")
                columns[name].add(value)
            except Refused as refused:
                key = f" key: {name}" if objects else ""
                raise Refused(
                    f"Failed to process element: {number}{key} of 'instances' list. Error: INVALID_ARGUMENT: "
                    f"{refused.message}",
                    refused.status,
                ) from None
        if objects and item.keys() != inputs.keys():
            raise Refused(
                f"Failed to process element: {number} of 'instances' list. JSON object: {shown(item)} must only have "
                f"keys: {','.join(inputs)}"
            )
    if missing := [name for name, column in columns.items() if column.shape is None]:
        raise Refused(f"input size does not match signature. Missing but required: {{{','.join(missing)}}}.")
    return {name: column.array(len(given)) for name, column in columns.items()}


def _of_inputs(given: Json, inputs: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Arrays of an object with all values of every input, or of the values of the only input."""
    if not _is_object(given):
        if len(inputs) > 1:
            raise Refused(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        given = {next(iter(inputs)): given}
    found = {}
    for name, tensor in inputs.items():
        if name not in given:
            raise Refused(f"Missing named input: {name} in 'inputs' object.")
        column = _Column(tensor.dtype)
        column.add(given[name])
        found[name] = column.array()
    return found


class _Column:
    """The values of an input, each of one shape.

    Args:
        dtype: The type of the values.

    Attributes:
        shape: The shape of each value, None before the first.
    """

    def __init__(self, dtype: tf.DType) -> None:
        self.dtype = dtype
        self.shape: tuple[int, ...] | None = None
        self._flat: list[Any] = []

    def add(self, value: Json) -> None:
        """Adds a value.

        Raises:
            Refused: It has another type, or another shape than those before it.
        """
        shape, before = _shape(value), len(self._flat)
        if len(shape) > DEEPEST:
            raise Refused(f"JSON Value: {len(shape)} lists in each other; at most {DEEPEST} are read")
        self._fill(value, shape, 0)
        if self.shape is None:
            self.shape = shape
        elif len(self._flat) - before != (size := math.prod(self.shape)):
            raise Refused(f"Expecting tensor size: {size} but got: {len(self._flat) - before}")
        elif shape != self.shape:
            raise Refused(f"Expecting shape {_in_brackets(self.shape)} but got: {_in_brackets(shape)}")

    def _fill(self, value: Json, shape: tuple[int, ...], level: int) -> None:
        rank = len(shape)
        if not isinstance(value, list):
            if level != rank:
                raise Refused(
                    f"JSON Value: {shown(value)} found at incorrect level: {level + 1} in the JSON DOM. Expected at "
                    f"level: {rank}"
                )
            self._flat.append(_leaf(value, self.dtype))
            return
        if level >= rank:
            raise Refused(f"Encountered list at unexpected level: {level} expected < {rank}")
        if len(value) != shape[level]:
            raise Refused(
                f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
            )
        if level == rank - 1 and set(map(type, value)) == {_PLAIN.get(self.dtype)}:
            self._flat += value  # The usual case, without a call for each value.
            return
        for item in value:
            self._fill(item, shape, level + 1)

    def array(self, *rows: int) -> np.ndarray:
        """The values in one array; `rows` is the axis before those of each value.

        Raises:
            Refused: A decimal is out of range, or a string cannot be encoded.
        """
        shape = (*rows, *self.shape)
        if self.dtype == tf.string:
            try:
                flat = [value.encode() if isinstance(value, str) else value for value in self._flat]
            except UnicodeEncodeError:
                raise Refused("JSON Parse error: The surrogate pair in string is invalid.") from None
            array = np.empty(len(flat), object)
            array[:] = flat
            return array.reshape(shape)
        with np.errstate(over="ignore"):
            array = np.array(self._flat, self.dtype.as_numpy_dtype)
        if self.dtype == tf.float32:
            for at in np.flatnonzero(np.isinf(array)):
                if not math.isinf(self._flat[at]):
                    raise _lossy(self._flat[at], self.dtype)
        return array.reshape(shape)


_PLAIN = {tf.string: str, tf.float32: float, tf.float64: float, tf.bool: bool}
"""The JSON values of each type that need no check."""


def _leaf(value: Json, dtype: tf.DType) -> Any:
    """A single value of a type."""
    if isinstance(value, dict):
        if dtype != tf.string:
            raise _wrong_type(value, dtype)
        return _bytes(value)
    if dtype == tf.string and isinstance(value, str):
        return value
    if dtype == tf.bool and isinstance(value, bool):
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if dtype in DIGITS and number:
        most = (1 << DIGITS[dtype]) - 1
        if isinstance(value, int) and abs(value) > most and -(1 << 63) <= value < 1 << 64:
            raise _lossy(value, dtype)
        try:
            return float(value)
        except OverflowError:
            raise _lossy(value, dtype) from None
    if dtype in INTEGERS and number and isinstance(value, int) and dtype.min <= value <= dtype.max:
        return value
    if dtype not in (tf.string, tf.bool, *DIGITS, *INTEGERS):
        raise Refused(f"Conversion of JSON Value: {shown(value)} to type: {type_name(dtype)}", UNIMPLEMENTED)
    raise _wrong_type(value, dtype)


def _bytes(value: dict[str, Json]) -> bytes:
    """The bytes of an object with the only key `b64`."""
    if not _is_base64(value):
        raise Refused(f"JSON Value: {shown(value)} not formatted correctly for base64 data")
    digits = "".join(value["b64"].split()).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("Unable to base64 decode") from None


def _shape(value: Json) -> tuple[int, ...]:
    """The shape of nested lists, by the first item of each."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return tuple(shape)


def _is_base64(value: Json) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def _is_object(value: Json) -> bool:
    return isinstance(value, dict) and not _is_base64(value)


def _in_brackets(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"


def shown(value: Json) -> str:
    """A value in a message."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def type_name(dtype: tf.DType) -> str:
    """The name of a type in a message."""
    return NAMES.get(dtype, dtype.name)


def _kind(value: Json) -> str:
    """The name of a JSON type in a message."""
    names = {dict: "Object", list: "Array", str: "String", bool: str(value), type(None): "Null"}
    return names.get(type(value), "Number")


def _wrong_type(value: Json, dtype: tf.DType) -> Refused:
    return Refused(f"JSON Value: {shown(value)} Type: {_kind(value)} is not of expected type: {type_name(dtype)}")


def _lossy(value: float, dtype: tf.DType) -> Refused:
    return Refused(f"Cannot convert JSON value: {shown(value)} to {type_name(dtype)} without loss of precision.")


def check_examples(document: Mapping[str, Json]) -> None:
    """Checks the examples of a request to classify or to regress.

    Raises:
        Refused: There are none.
    """
    given = document.get("examples")
    if "examples" not in document:
        problem = "When method is classify, key 'examples' is expected and was not found"
    elif not isinstance(given, list):
        problem = "Expecting 'examples' value to be an list/array"
    elif not given:
        problem = "'examples' value is an empty array"
    else:
        for example in given:
            if not isinstance(example, dict):
                raise Refused(f"Example must be JSON object but got JSON {_kind(example)}")
        return
    raise Refused(f"JSON Value: {shown(document)} {problem}")
