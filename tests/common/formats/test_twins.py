"""Twins give the answers of their networks in every format."""

from __future__ import annotations

import keras
import numpy as np
import onnxruntime
import pytest

from common import cells
from common.errors import InputError
from common.formats import classifier, language
from common.formats.graph import Graph, Value
from common.formats.layers import state_sizes
from common.formats.runtimes import LITERT, ONNX
from common.formats.twin import BATCH, STEPS, Input, Run, Twin
from common.layers.embeddings import SumEmbedding
from common.layers.heads import ReadoutHead
from common.layers.linear import NgramClassifier
from common.layers.readout import Readout
from common.layers.recurrent import Recurrent
from common.layers.stack import RecurrentStack
from common.networks.joined import JoinedNetwork
from common.networks.language import LanguageNetwork
from common.networks.stream import StreamNetwork
from common.networks.whole import whole_window

SIZES, CLASSES, UNITS = (20, 30), 3, 6
READOUTS = ("last", "mean", "max", "mean_max")
ACTIVATIONS = ("tanh", "relu", "sigmoid")


def with_weights(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Other weights than the initial ones, of which many are 0; squared norms stay positive."""
    draw = np.random.default_rng(0)
    layer.set_weights([np.abs(0.5 * draw.normal(size=w.shape) + 0.2) for w in layer.get_weights()])
    return layer


def classifier_of(stack: RecurrentStack, readout: str, *, joined: bool) -> StreamNetwork:
    parts = SumEmbedding(SIZES, UNITS), stack, ReadoutHead(Readout(readout), keras.layers.Dense(CLASSES, "softmax"))
    network = JoinedNetwork(*parts, linear=NgramClassifier(SIZES, CLASSES)) if joined else StreamNetwork(*parts)
    network.build()
    return with_weights(network)


def halves(twin: Twin, run: Run, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    """What a file gives for inputs from the start, read at once and in two parts, which must agree."""
    inputs |= {"state": np.zeros((len(inputs["tokens"]), twin.state), np.float32)} if twin.state else {}
    found = run(**inputs)
    for name, values in twin.halved(run)(**inputs).items():
        np.testing.assert_allclose(values, found[name], rtol=1e-5, atol=1e-6)
    return found


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_classifier_in_onnx(number: int, bidirectional: bool) -> None:
    """Each cell with each readout, with and without a linear part, one way and both ways."""
    draw, joined = np.random.default_rng(1), number % 2 == bidirectional
    more = {"layers": 2, "residual": number > 1, "activation": ACTIVATIONS[number % 3], "bidirectional": bidirectional}
    stack, readout = RecurrentStack(cells.names()[number], UNITS, **more), READOUTS[number - 2 * bidirectional]
    network, tokens = classifier_of(stack, readout, joined=joined), draw.integers(0, min(SIZES), (2, 4, 2))
    if not joined:
        tokens[0, 2] = SIZES[0] + 5, 1  # The linear part may know more tokens than the embedding.
    tokens = tokens.astype(np.int32)
    window = whole_window({"tokens": tokens}, np.full(2, 4), outputs_at_end=True)
    expected, _ = (network.joined if joined else network)(window)
    twin = classifier.twin_of(network, 2, CLASSES)
    found = halves(twin, ONNX.load(ONNX.convert(twin)), tokens=tokens)
    np.testing.assert_allclose(found["probability"], expected[:, 0], rtol=1e-4, atol=1e-6)
    assert ("next_state" in found) == (not bidirectional)


@pytest.mark.parametrize(("cell", "embedding"), [("gru", UNITS), ("peephole_lstm", 4)])
def test_a_language_model_in_onnx(cell: str, embedding: int) -> None:
    network = LanguageNetwork(20, embedding, RecurrentStack(cell, UNITS, layers=2, residual=True))
    network.build()
    twin, tokens = language.twin_of(with_weights(network)), np.array([[1, 5, 7, 2], [1, 3, 3, 19]], np.int32)
    found = halves(twin, ONNX.load(ONNX.convert(twin)), tokens=tokens)["log_probabilities"]
    state = network.initial_state(2)
    for step in range(4):
        expected, state, _ = network.next(tokens[:, step], state)
        np.testing.assert_allclose(found[:, step], expected, rtol=1e-4, atol=1e-5)


def test_every_cell_in_litert() -> None:
    """All cells beside each other, both ways, so that there is one conversion."""
    layers = [Recurrent(cell, UNITS, activation=ACTIVATIONS[n % 3]) for n, cell in enumerate(cells.names())]
    for layer in layers:
        layer.build((None, None, 4))
        with_weights(layer)

    def function(graph: Graph, state: list[Value], x: Value) -> tuple[dict[str, Value], list[Value]]:
        outputs, after = [], []
        for layer in layers:
            many = len(after)
            forward, final = graph.recurrence(layer, x, state[many : many + layer.kind.states])
            backward, _ = graph.recurrence(layer, x, None, backward=True)
            outputs += [forward, backward]
            after += final
        return {"y": graph.concat(outputs, 2)}, after

    sizes = [size for layer in layers for size in [UNITS] * layer.kind.states]
    twin = Twin.stateful(
        [Input("x", (BATCH, STEPS, 4))], {"y": (BATCH, STEPS, 2 * UNITS * len(layers))}, sizes=sizes, function=function
    )
    draw = np.random.default_rng(2)
    runs = [runtime.load(runtime.convert(twin)) for runtime in (LITERT, ONNX)]
    for steps in (5, 1):
        x, state = (draw.normal(size=shape).astype(np.float32) for shape in ((1, steps, 4), (1, sum(sizes))))
        expected, after, at = [], [], 0
        for layer in layers:
            own = [state[:, at + n * UNITS : at + (n + 1) * UNITS] for n in range(layer.kind.states)]
            outputs, final = layer(x, state=tuple(own))
            backward, _ = layer(x[:, ::-1])
            expected += [outputs, backward[:, ::-1]]
            after += final
            at += UNITS * layer.kind.states
        for run in runs:
            found = run(x=x, state=state)
            np.testing.assert_allclose(found["y"], np.concatenate(expected, 2), rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(found["next_state"], np.concatenate(after, 1), rtol=1e-4, atol=1e-5)


def test_onnx_has_recurrences_of_its_own_and_any_batch() -> None:
    network = classifier_of(RecurrentStack("lstm", UNITS), "mean", joined=True)
    content = ONNX.convert(classifier.twin_of(network, 2, CLASSES))
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    shapes = {one.name: one.shape for one in session.get_inputs()}
    assert shapes == {"tokens": ["batch", "steps", 2], "state": ["batch", 2 * UNITS + UNITS + 1 + CLASSES + 1]}
    assert b"LSTM" in content and sum(state_sizes(network.stack)) == 2 * UNITS


def test_controls_are_refused() -> None:
    network = classifier_of(RecurrentStack("mlp", UNITS), "last", joined=False)
    with pytest.raises(InputError, match="export: mlp is a control without recurrence"):
        classifier.twin_of(network, 2, CLASSES)
