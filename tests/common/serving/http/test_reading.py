"""Requests are read as TensorFlow Serving reads them; the cases are those of its `json_tensor_test.cc`."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from common.serving.http import reading
from common.serving.http.refusals import Refused
from common.serving.http.signatures import Tensor


def inputs(**types: tf.DType) -> dict[str, Tensor]:
    return {name: Tensor(name, f"{name}:0", dtype, None) for name, dtype in types.items()}


def read(body: str, **types: tf.DType) -> dict[str, Any]:
    found, _ = reading.arrays_of(reading.parsed(body.encode()), inputs(**types))
    return {name: (value.shape, value.ravel().tolist()) for name, value in found.items()}


@pytest.mark.parametrize(
    ("body", "dtype", "expected"),
    [
        ('{"instances": [[1,2],[3,4],[5,6]]}', tf.int32, ((3, 2), [1, 2, 3, 4, 5, 6])),
        ('{"instances": [1, 2.0, 3, 5.003, 0.0]}', tf.float64, ((5,), [1, 2, 3, 5.003, 0])),
        ('{"instances": [1, 2.0, 3, 0.5]}', tf.float32, ((4,), [1, 2, 3, 0.5])),
        ('{"instances": [Infinity, -Infinity]}', tf.float32, ((2,), [math.inf, -math.inf])),
        ('{"instances": [{"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}]}', tf.string, ((2,), [b"hello", b"world"])),
        ('{"instances": [[{"b64": "aGVsbG8="}], [{"b64": "d29ybGQ"}]]}', tf.string, ((2, 1), [b"hello", b"world"])),
        ('{"instances": [{"x": [["a"], ["b"]]}]}', tf.string, ((1, 2, 1), [b"a", b"b"])),
        ('{"instances": [true, false]}', tf.bool, ((2,), [True, False])),
        ('{"instances": [18446744073709551615]}', tf.uint64, ((1,), [2**64 - 1])),
        ('{"inputs": {"x": [[[1,2],[3,4],[5,6]]]}}', tf.int32, ((1, 3, 2), [1, 2, 3, 4, 5, 6])),
        ('{"inputs": [[[1,2],[3,4],[5,6]]]}', tf.int64, ((1, 3, 2), [1, 2, 3, 4, 5, 6])),
        ('{"inputs": {"b64": "aGVsbG8="}}', tf.string, ((), [b"hello"])),
        ('{"inputs": 3}', tf.int32, ((), [3])),
        ('{"inputs": []}', tf.string, ((0,), [])),
        ('{"inputs": [[], []]}', tf.float32, ((2, 0), [])),
    ],
)
def test_values_of_a_single_input(body: str, dtype: tf.DType, expected: tuple) -> None:
    assert read(body, x=dtype) == {"x": expected}


def test_several_inputs_in_rows_and_in_columns() -> None:
    types = {"ints": tf.int32, "texts": tf.string, "floats": tf.float32}
    rows = [
        {"ints": [1, 2], "texts": ["foo", "bar"], "floats": 1.0},
        {"ints": [3, 4], "texts": ["baz", ""], "floats": 2},
    ]
    columns = {"ints": [[1, 2], [3, 4]], "texts": [["foo", "bar"], ["baz", ""]], "floats": [1.0, 2]}
    expected = {
        "ints": ((2, 2), [1, 2, 3, 4]),
        "texts": ((2, 2), [b"foo", b"bar", b"baz", b""]),
        "floats": ((2,), [1.0, 2.0]),
    }
    assert read(json.dumps({"instances": rows}), **types) == expected
    assert read(json.dumps({"inputs": columns}), **types) == expected


TWO = {"x": tf.int32, "text": tf.string}


@pytest.mark.parametrize(
    ("body", "types", "message"),
    [
        ("", {"x": tf.int32}, "JSON Parse error: The document is empty"),
        ("instances = [1, 2]", {"x": tf.int32}, "JSON Parse error: Invalid value"),
        ('{"instances": [1]} x', {"x": tf.int32}, "must not be followed by other values. at offset: 19"),
        ('{"instances": [1e999]}', {"x": tf.float64}, "Number too big"),
        (f'{{"instances": [1{"0" * 400}]}}', {"x": tf.float32}, "loss of precision"),
        ("[" * 100000, {"x": tf.int32}, "JSON Parse error"),
        ("[1]", {"x": tf.int32}, "Is not object"),
        ('{"instances": [1], "inputs": [1]}', {"x": tf.int32}, "Not formatted correctly"),
        ('{"instances": 1}', {"x": tf.int32}, "to be an list/array"),
        ('{"instances": []}', {"x": tf.int32}, "No values in 'instances' array"),
        ("{}", {"x": tf.int32}, "Missing 'inputs' or 'instances' key"),
        ('{"instances": [[1,2],[3,4],[5,6,7]]}', {"x": tf.int32}, "Expecting tensor size: 2 but got: 3"),
        ('{"instances": [[1,2],[3,4],[[5,6]]]}', {"x": tf.int32}, "Expecting shape [2] but got: [1,2]"),
        ('{"instances": [1, [1]]}', {"x": tf.int32}, "Expecting shape [] but got: [1]"),
        ('{"instances": [[1,2],["a","b"]]}', {"x": tf.int32}, "Type: String is not of expected type: int32"),
        ('{"instances": [1]}', {"x": tf.string}, "JSON Value: 1 Type: Number is not of expected type: string"),
        ('{"instances": [null]}', {"x": tf.float32}, "Type: Null is not of expected type: float"),
        ('{"instances": [true]}', {"x": tf.int32}, "is not of expected type: int32"),
        ('{"instances": [2147483648]}', {"x": tf.int32}, "is not of expected type: int32"),
        ('{"instances": [300]}', {"x": tf.uint8}, "is not of expected type: uint8"),
        ('{"instances": [1.0]}', {"x": tf.int64}, "is not of expected type: int64"),
        ('{"instances": [1.7976931348623157e308]}', {"x": tf.float32}, "loss of precision"),
        ('{"instances": [16777217]}', {"x": tf.float32}, "loss of precision"),
        ('{"instances": [9007199254740993]}', {"x": tf.float64}, "loss of precision"),
        ('{"instances": [{"b64": "a?b"}]}', {"x": tf.string}, "Unable to base64 decode"),
        ('{"instances": [{"b64": "aGVsbG8="}]}', {"x": tf.int32}, "is not of expected type: int32"),
        ('{"inputs": [{"c": 1}]}', {"x": tf.string}, "not formatted correctly for base64 data"),
        ('{"instances": ["\\ud800"]}', {"x": tf.string}, "surrogate pair in string is invalid"),
        (
            '{"inputs": [[1, 2], 3]}',
            {"x": tf.int32},
            "found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        ),
        ('{"inputs": [1, [2]]}', {"x": tf.int32}, "Encountered list at unexpected level: 1 expected < 1"),
        (
            '{"inputs": [[1, 2], [3]]}',
            {"x": tf.int32},
            "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
        ),
        ('{"instances": [1]}', {"x": tf.float16}, "Conversion of JSON Value: 1 to type: half"),
        ('{"instances": [1]}', TWO, "instances is a plain list, but expecting list of objects"),
        ('{"instances": [{"b64": "aGVsbG8="}]}', TWO, "not of expected type: int32"),
        ('{"instances": [{"x": 1, "text": "a"}, 2]}', TWO, "Expecting object but got list at item 1 of input list"),
        ('{"instances": ["a", {"text": "a"}]}', {"text": tf.string}, "Expecting value/list but got object at item 1"),
        ('{"instances": [{"x": 1}]}', TWO, "must only have keys: x,text"),
        ('{"instances": [{"x": 1, "y": 1}]}', TWO, "JSON object: does not have named input: y"),
        ('{"inputs": [1]}', TWO, "inputs is a plain value/list, but expecting an object"),
        ('{"inputs": {"x": 1}}', TWO, "Missing named input: text in 'inputs' object."),
    ],
)
def test_what_is_wrong_is_said_as_tensorflow_serving_says_it(body: str, types: dict, message: str) -> None:
    with pytest.raises(Refused) as refused:
        read(body, **types)
    assert message in refused.value.message and len(refused.value.message) < 600
    assert refused.value.status == (501 if tf.float16 in types.values() else 400)


def test_a_body_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(Refused, match="JSON Parse error"):
        reading.parsed(b'{"instances": ["\xff"]}')


def test_the_name_of_the_signature_is_a_string() -> None:
    assert reading.signature_name({}) == "" and reading.signature_name({"signature_name": "beam"}) == "beam"
    with pytest.raises(Refused, match="'signature_name' key must be a string value"):
        reading.signature_name({"signature_name": 5})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "key 'examples' is expected and was not found"),
        ({"examples": {}}, "value to be an list/array"),
        ({"examples": []}, "value is an empty array"),
        ({"examples": [[1]]}, "Example must be JSON object but got JSON Array"),
    ],
)
def test_examples_are_checked(document: dict, message: str) -> None:
    with pytest.raises(Refused, match=message):
        reading.check_examples(document)
    reading.check_examples({"examples": [{"x": 1}]})


@given(arrays.arrays(np.float64, arrays.array_shapes(max_dims=3, max_side=3), elements=st.floats(width=32)))
def test_an_array_comes_through_json_as_it_is(array: np.ndarray) -> None:
    found, in_rows = reading.arrays_of(
        reading.parsed(json.dumps({"instances": array.tolist()}).encode()), inputs(x=tf.float32)
    )
    assert in_rows and found["x"].dtype == np.float32
    np.testing.assert_array_equal(found["x"], array.astype(np.float32))


@given(st.lists(st.text(), min_size=1))
def test_texts_come_through_json_as_they_are(texts: list[str]) -> None:
    body = json.dumps({"inputs": texts}, ensure_ascii=False)
    try:
        encoded = body.encode()
    except UnicodeEncodeError:  # A lone surrogate has no UTF-8, so no client can send it.
        return
    found, in_rows = reading.arrays_of(reading.parsed(encoded), inputs(x=tf.string))
    assert not in_rows and [value.decode() for value in found["x"]] == texts


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3), st.lists, max_leaves=8)
)
def test_any_json_is_read_or_refused(value: Any) -> None:
    for dtype in (tf.string, tf.float32, tf.int32, tf.bool):
        for key in ("instances", "inputs"):
            try:
                found, _ = reading.arrays_of(reading.parsed(json.dumps({key: value}).encode()), inputs(x=dtype))
                assert found["x"].size >= 0
            except Refused as refused:
                assert refused.status == 400
