"""Requests that are computed together get what each would get alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.serving.http.catalogue import Version
from common.serving.http.joining import NotRows
from common.serving.http.model import Model
from common.serving.http.refusals import Refused


@pytest.fixture(scope="module")
def model(tiny: Path) -> Model:
    return Model(Version("tiny_model", 1, tiny / "tiny" / "model" / "1"))


def texts(*values: str) -> dict[str, np.ndarray]:
    return {"text": np.array([value.encode() for value in values], object)}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.text("ab ", max_size=9), min_size=1, max_size=3), min_size=2, max_size=4))
def test_padding_because_of_another_request_is_cut(model: Model, groups: list[list[str]]) -> None:
    joining, requests = model.signatures["words"], [texts(*group) for group in groups]
    assert joining.possible

    def run(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return model.run(joining.signature, inputs, seconds=60)

    together = run(joining.joined(requests))
    for request, part in zip(requests, joining.parts(together, [len(request["text"]) for request in requests])):
        alone = run(request)
        assert part.keys() == alone.keys()
        for name in ("words", "lengths"):
            np.testing.assert_array_equal(part[name], alone[name])
        assert part["of_all"].shape == alone["of_all"].shape


def test_only_like_requests_are_joined(model: Model) -> None:
    plain, beam, sums = (model.signatures[name] for name in ("serving_default", "beam", "sums"))
    assert plain.key(texts("a"), 1) == plain.key(texts("b", "c"), 1) != plain.key(texts("a" * 99), 99)
    three, five = ({**texts("a"), "beam": np.array(n)} for n in (3, 5))
    assert beam.key(three, 1) != beam.key(five, 1) == beam.key({**texts("b"), "beam": np.array(5)}, 1)
    short, long, two = ({"history": np.zeros(shape, np.float32)} for shape in ((1, 3), (1, 4), (2, 3)))
    assert sums.key(short, 0) == sums.key(two, 0) != sums.key(long, 0)
    assert plain.key(texts(), 0) is None


@pytest.mark.parametrize(("name", "possible"), [("sums", True), ("count", False), ("pieces", False)])
def test_rows_and_axes_that_the_signature_does_not_tell_are_not_joined(model: Model, name: str, possible: bool) -> None:
    joining = model.signatures[name]
    assert joining.possible is possible
    assert (joining.key({"text": texts("a")["text"], "history": np.zeros((1, 1))}, 1) is not None) is possible


def test_outputs_that_have_other_rows_are_not_divided(model: Model) -> None:
    with pytest.raises(NotRows):
        model.signatures["sums"].parts({"sum": np.zeros(3)}, [1, 1])


def test_shapes_are_checked(model: Model) -> None:
    beam = model.signatures["beam"]
    assert beam.check({**texts("a", "b"), "beam": np.array(3)}) == 2
    with pytest.raises(Refused, match=r"input beam has shape \[2\], the signature takes \[\]; give it under 'inputs'"):
        beam.check({**texts("a", "b"), "beam": np.array([3, 3])})
    with pytest.raises(Refused, match=r"input history has shape \[2\], the signature takes \[\?,\?\]"):
        model.signatures["sums"].check({"history": np.zeros(2)})
