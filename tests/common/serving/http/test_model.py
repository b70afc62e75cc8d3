"""A version in memory: its signatures, its first runs, and its end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from common.serving.http.catalogue import Version
from common.serving.http.model import Model
from common.serving.http.refusals import Refused, refusal


@pytest.fixture
def model(tiny: Path) -> Model:
    return Model(Version("tiny_model", 1, tiny / "tiny" / "model" / "1"))


def upper(model: Model, *texts: bytes) -> list[bytes]:
    signature = model.signature("").signature
    return model.run(signature, {"text": np.array(texts, object)}, seconds=60)["upper"].tolist()


def test_a_signature_is_found_by_name(model: Model) -> None:
    assert model.signature("").signature.name == model.signature("serving_default").signature.name == "serving_default"
    with pytest.raises(Refused, match='Serving signature name: "x" not found in signature def'):
        model.signature("x")


def test_warming_runs_every_signature_once(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    ran, plain = [], model.run

    def run(signature, inputs, **limit):
        ran.append(signature.name)
        return plain(signature, inputs, **limit)

    monkeypatch.setattr(model, "run", run)
    model.warm()
    assert sorted(ran) == sorted(name for name, joining in model.signatures.items() if joining.signature.inputs)
    assert {"serving_default", "beam", "sums", "words"} <= set(ran)


def test_a_retired_model_answers_its_last_request(model: Model) -> None:
    with model:
        with model:
            model.retire()
        assert upper(model, b"a") == [b"A"]
    with pytest.raises(RuntimeError, match="closed"):
        upper(model, b"a")


def test_a_refusal_has_the_message_without_the_graph(model: Model) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        upper(model, b"bad")
    found = refusal(error.value)
    assert found.status == 400 and found.message == "text: not this one"
    assert "node" not in found.message and "\n" not in found.message


def test_statuses_are_those_of_tensorflow_serving() -> None:
    errors = tf.errors
    for kind, status in (
        *((errors.InvalidArgumentError, 400), (errors.OutOfRangeError, 400), (errors.FailedPreconditionError, 400)),
        *((errors.NotFoundError, 404), (errors.ResourceExhaustedError, 429), (errors.UnimplementedError, 501)),
        *((errors.UnavailableError, 503), (errors.DeadlineExceededError, 504), (errors.InternalError, 500)),
    ):
        assert refusal(kind(None, None, "why")).status == status
