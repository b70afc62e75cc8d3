"""Answers are written as TensorFlow Serving writes them; the cases are those of its `json_tensor_test.cc`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.serving.http import writing
from common.serving.http.refusals import Refused


def written(in_rows: bool = True, **outputs: Any) -> str:
    return writing.answer(outputs, in_rows=in_rows).decode()


def test_a_single_output_has_no_name() -> None:
    values = np.arange(12, dtype=np.int32).reshape(2, 3, 2)
    assert json.loads(written(x=values)) == {"predictions": values.tolist()}
    assert json.loads(written(in_rows=False, x=values)) == {"outputs": values.tolist()}
    assert json.loads(written(in_rows=False, x=np.float32(0.5))) == {"outputs": 0.5}


def test_several_outputs_are_objects() -> None:
    outputs = {
        "double": np.array([8.0, 9.0]),
        "texts": np.array([[b"foo", b"bar"], [b"baz", "bät".encode()]], object),
        "texts_bytes": np.array([b"hello", b"\xff"], object),
        "flags": np.array([True, False]),
    }
    assert json.loads(written(**outputs)) == {
        "predictions": [
            {"double": 8.0, "texts": ["foo", "bar"], "texts_bytes": {"b64": "aGVsbG8="}, "flags": True},
            {"double": 9.0, "texts": ["baz", "bät"], "texts_bytes": {"b64": "/w=="}, "flags": False},
        ]
    }
    assert json.loads(written(in_rows=False, **outputs))["outputs"] == {
        "double": [8.0, 9.0],
        "texts": [["foo", "bar"], ["baz", "bät"]],
        "texts_bytes": [{"b64": "aGVsbG8="}, {"b64": "/w=="}],
        "flags": [True, False],
    }


def test_decimals_have_the_fewest_digits() -> None:
    values = np.array([9000000, 999999, 0.5, 0.0003, 0.00003, 555557.5, 0.2, 1 / 3, 16777216], np.float32)
    found = json.loads(written(x=values), parse_float=str)["predictions"]
    assert found == ["9000000.0", "999999.0", "0.5", "0.0003", "3e-05", "555557.5", "0.2", "0.33333334", "16777216.0"]
    assert written(x=np.array([0.1, 1.0])) == '{"predictions": [0.1, 1.0]}'


def test_what_is_not_finite_is_written_by_name() -> None:
    for dtype in (np.float32, np.float64):
        values = np.array([[np.nan, np.inf], [3, -np.inf]], dtype)
        assert written(x=values) == '{"predictions": [[NaN, Infinity], [3.0, -Infinity]]}'


@given(st.lists(st.floats(width=32)))
def test_the_shortest_decimal_is_the_float32_again(values: list[float]) -> None:
    array = np.array(values, np.float32)
    text = written(in_rows=False, x=array)
    np.testing.assert_array_equal(np.array(json.loads(text)["outputs"], np.float32), array)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({}, "Cannot convert empty tensor map to JSON"),
        ({"x": np.array([1j])}, "Failed to write JSON value for tensor type: complex128"),
        ({"x": np.array([1], np.float16)}, "Failed to write JSON value for tensor type: half"),
        ({"x": np.int32(1)}, "Tensor name: x has no shape information"),
        ({"x": np.ones((2, 3)), "y": np.ones((1, 3))}, "Tensor name: y has inconsistent batch size: 1 expecting: 2"),
        ({"x": np.ones((0, 2)), "y": np.ones(1)}, "inconsistent batch size"),
    ],
)
def test_outputs_without_json_are_refused(outputs: dict, message: str) -> None:
    with pytest.raises(Refused, match=message):
        written(**outputs)


def test_no_rows_are_an_empty_list() -> None:
    assert json.loads(written(x=np.ones((0, 2)), y=np.empty((0, 1), object))) == {"predictions": []}
