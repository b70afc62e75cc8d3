"""Twins give the answers of their networks in every format."""

from __future__ import annotations

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

from common import cells
from common.errors import InputError
from common.formats import captioner, classifier, language, signals, tagger, translator
from common.formats.graph import Graph, Value
from common.formats.layers import state_sizes
from common.formats.onnx_graph import KINDS
from common.formats.pictures import trials
from common.formats.runtimes import LITERT, ONNX, Runtime
from common.formats.twin import BATCH, STEPS, Input, Run, Twin
from common.layers.attention import AdditiveAttention, Attention, CountingAttention, MultiplicativeAttention
from common.layers.crf import CRFHead
from common.layers.embeddings import Numbers, SpelledEmbedding, SumEmbedding
from common.layers.hard_attention import HardAttention
from common.layers.heads import ReadoutHead
from common.layers.linear import NgramClassifier
from common.layers.pictures import PictureEncoder
from common.layers.readout import Readout
from common.layers.recurrent import Recurrent
from common.layers.stack import RecurrentStack
from common.networks.captions import CaptionNetwork
from common.networks.joined import JoinedNetwork
from common.networks.language import LanguageNetwork
from common.networks.pairs.network import PairNetwork
from common.networks.signals import SignalNetwork
from common.networks.spelling import spelled
from common.networks.stream import StreamNetwork
from common.networks.whole import whole_window
from common.text.words import AFFIXES
from tests.helpers import randomise

SIZES, CLASSES, UNITS = (20, 30), 3, 6
READOUTS = ("last", "mean", "max", "mean_max")
ACTIVATIONS = ("tanh", "relu", "sigmoid")


def with_weights(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Other weights than the initial ones, of which many are 0; squared norms stay positive."""
    draw = np.random.default_rng(0)
    layer.set_weights([np.abs(0.5 * draw.normal(size=w.shape) + 0.2) for w in layer.get_weights()])
    return layer


def classifier_of(stack: RecurrentStack, readout: str, *, joined: bool) -> StreamNetwork | JoinedNetwork:
    parts = SumEmbedding(SIZES, UNITS), stack, ReadoutHead(Readout(readout), keras.layers.Dense(CLASSES, "softmax"))
    network = StreamNetwork(*parts)
    network = JoinedNetwork(network, NgramClassifier(SIZES, CLASSES)) if joined else network
    network.build()
    return with_weights(network)


def halves(twin: Twin, run: Run, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    """What a file gives for inputs from the start, read at once and in two parts, which must agree."""
    inputs |= {"state": np.zeros((len(next(iter(inputs.values()))), twin.state), np.float32)} if twin.state else {}
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
    stack, readout = RecurrentStack(tuple(KINDS)[number], UNITS, **more), READOUTS[number - 2 * bidirectional]
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


def test_a_cell_that_onnx_has_not_is_refused() -> None:
    network = classifier_of(RecurrentStack("jordan", UNITS), READOUTS[0], joined=False)
    with pytest.raises(InputError, match="ONNX has no recurrence of jordan; give --format litert"):
        ONNX.convert(classifier.twin_of(network, 2, CLASSES))


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


@pytest.mark.parametrize(("runtime", "names"), [(LITERT, cells.names()), (ONNX, tuple(KINDS))])
def test_every_cell(runtime: Runtime, names: tuple[str, ...]) -> None:
    """All cells beside each other, both ways, and over rows of several lengths, so that there is one conversion."""
    layers = [Recurrent(cell, UNITS, activation=ACTIVATIONS[n % 3]) for n, cell in enumerate(names)]
    for layer in layers:
        layer.build((None, None, 4))
        with_weights(layer)
    sizes = [size for layer in layers for size in [UNITS] * layer.kind.states]

    def function(graph: Graph, state: list[Value], x: Value, rows: Value, lengths: Value) -> tuple:
        outputs, last, after = [], [], []
        for layer in layers:
            many = len(after)
            forward, final = graph.recurrence(layer, x, state[many : many + layer.kind.states])
            outputs += [forward, graph.recurrence(layer, x, None, backward=True)[0]]
            last += [graph.last(layer, rows, lengths, backward=backward) for backward in (False, True)]
            after += final
        return {"y": graph.concat(outputs, 2), "last": graph.concat(last, 1)}, after

    wide = 2 * UNITS * len(layers)
    inputs = [Input("x", (BATCH, STEPS, 4)), Input("rows", ("rows", "most", 4)), Input("lengths", ("rows",), "int32")]
    outputs = {"y": (BATCH, STEPS, wide), "last": ("rows", wide)}
    twin = Twin.stateful(inputs, outputs, sizes=sizes, function=function)
    run = runtime.load(runtime.convert(twin))
    draw = np.random.default_rng(2)
    for steps in (5, 1):
        shapes = (1, steps, 4), (3, 4, 4), (1, sum(sizes))
        x, rows, state = (draw.normal(size=shape).astype(np.float32) for shape in shapes)
        lengths = np.array([2, 4, 1], np.int32)
        expected = reference(layers, x, state, rows=rows, lengths=lengths)
        for name, found in run(x=x, rows=rows, lengths=lengths, state=state).items():
            np.testing.assert_allclose(found, expected[name], rtol=1e-4, atol=1e-5)


def reference(
    layers: list[Recurrent], x: np.ndarray, state: np.ndarray, *, rows: np.ndarray, lengths: np.ndarray
) -> dict[str, np.ndarray]:
    """What the layers themselves give."""
    y, last, after, at = [], [], [], 0
    for layer in layers:
        own = [state[:, at + n * UNITS : at + (n + 1) * UNITS] for n in range(layer.kind.states)]
        outputs, final = layer(x, state=tuple(own))
        y += [outputs, layer(x[:, ::-1])[0][:, ::-1]]
        each = [row[None, :length] for row, length in zip(rows, lengths)]
        last += [np.concatenate([layer(row[:, ::way])[0][:, -1] for row in each]) for way in (1, -1)]
        after += final
        at += UNITS * layer.kind.states
    return {"y": np.concatenate(y, 2), "last": np.concatenate(last, 1), "next_state": np.concatenate(after, 1)}


@pytest.mark.parametrize(("cell", "crf", "bidirectional"), [("lstm", False, True), ("gru", True, False)])
def test_a_tagger_in_onnx(cell: str, crf: bool, bidirectional: bool) -> None:
    embed = SpelledEmbedding(9, UNITS, characters=7, character_units=3, affixes=11, cell=cell)
    head = CRFHead(CLASSES) if crf else ReadoutHead(Readout(), keras.layers.Dense(CLASSES, "softmax"))
    network = StreamNetwork(embed, RecurrentStack(cell, UNITS, bidirectional=bidirectional), head)
    network.build()
    with_weights(network)
    draw = np.random.default_rng(3)
    words, affixes, letters = (
        draw.integers(0, most, shape).astype(np.int32)
        for most, shape in ((9, (1, 5)), (11, (1, 5, AFFIXES)), (7, (5, 4)))
    )
    lengths = np.array([1, 4, 2, 3, 4], np.int32)
    window = whole_window({"words": words, "affixes": affixes}, np.array([5]))
    window |= spelled(tf.RaggedTensor.from_tensor(letters, lengths), tf.range(5)[None])
    expected, _ = network(window)
    twin = tagger.twin_of(network, CLASSES)
    run = ONNX.load(ONNX.convert(twin))
    start = {"state": np.zeros((1, twin.state), np.float32)} if twin.state else {}
    found = run(words=words, affixes=affixes, letters=letters, lengths=lengths, **start)
    values = found["scores" if crf else "probability"]
    np.testing.assert_allclose(values, expected[..., :CLASSES], rtol=1e-4, atol=1e-5)
    if crf:
        best, shares = tagger.decoded(values[0], head.start.numpy(), head.transition.numpy())
        tags, probability = head.decode(expected[..., :-1], window["keep"])
        assert best == tags[0].numpy().tolist()
        np.testing.assert_allclose(shares, probability[0], rtol=1e-4)


@pytest.mark.parametrize(
    ("cell", "readout", "by_step", "bidirectional"),
    [("gru", "last_mean_max", False, False), ("lstm", "last", True, True), ("simple_rnn", "last", True, False)],
)
def test_a_classifier_of_signals_in_onnx(cell: str, readout: str, by_step: bool, bidirectional: bool) -> None:
    head = ReadoutHead(Readout(readout), keras.layers.Dense(CLASSES, "softmax"))
    network = SignalNetwork(Numbers(2), RecurrentStack(cell, UNITS, bidirectional=bidirectional), head)
    network.build()
    with_weights(network)
    values = np.random.default_rng(4).normal(size=(2, 5, 2)).astype(np.float32)
    expected, _ = network(whole_window({"values": values}, np.full(2, 5), outputs_at_end=not by_step))
    twin = signals.twin_of(network, CLASSES, by_step=by_step)
    found = halves(twin, ONNX.load(ONNX.convert(twin)), values=values)["probability"]
    np.testing.assert_allclose(found, expected if by_step else expected[:, 0], rtol=1e-4, atol=1e-6)


def test_classes_of_steps_that_are_read_off_many_are_refused() -> None:
    head = ReadoutHead(Readout("mean"), keras.layers.Dense(CLASSES, "softmax"))
    network = SignalNetwork(Numbers(2), RecurrentStack("gru", UNITS), head)
    with pytest.raises(InputError, match=r"--readout mean.* train with --readout last"):
        signals.twin_of(network, CLASSES, by_step=True)


@pytest.mark.parametrize(
    ("attention", "layers", "bidirectional"),
    [(MultiplicativeAttention, 2, True), (AdditiveAttention, 1, False), (None, 1, True)],
)
@pytest.mark.parametrize("runtime", [ONNX, LITERT])
def test_a_translator(runtime: Runtime, attention: type[Attention] | None, layers: int, bidirectional: bool) -> None:
    """What its two files give is what its network gives, from a source on."""
    if runtime is LITERT and attention is None:
        return  # One format is enough.
    upper = RecurrentStack("gru", UNITS, layers=layers - 1, residual=True) if layers > 1 else None
    network = PairNetwork(
        20,
        4,
        encoder=RecurrentStack("gru", UNITS, layers=layers, bidirectional=bidirectional),
        decoder=RecurrentStack("gru", UNITS),
        upper=upper,
        attention=attention and attention(UNITS),
        memory=5,
    )
    network.build()
    with_weights(network)
    source, tokens = np.array([[5, 9, 4, 2]], np.int32), np.array([[1, 7, 3]], np.int32)
    memory, state = network.read(tf.constant(source), tf.constant([4]))
    twins = translator.twins_of(network)
    runs = runtime.loaded(runtime.converted(twins))
    given = runs["encoder"](tokens=source)
    np.testing.assert_allclose(given["state"], np.concatenate([x for x in tf.nest.flatten(state)], 1), atol=1e-6)
    decoder, inputs = twins["decoder"], given | {"tokens": tokens}
    found, again = (run(**inputs) for run in (runs["decoder"], decoder.halved(runs["decoder"])))
    for step in range(3):
        expected, state, weights = network.next(tf.constant(tokens[:, step]), state, memory)
        np.testing.assert_allclose(found["log_probabilities"][:, step], expected, rtol=1e-4, atol=1e-5)
        if attention:
            np.testing.assert_allclose(found["weights"][:, step], weights, rtol=1e-4, atol=1e-6)
    assert set(found) == {"log_probabilities", "next_state", *(["weights"] if attention else [])}
    for name, values in again.items():
        np.testing.assert_allclose(values, found[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("attention", [CountingAttention, HardAttention, MultiplicativeAttention, None])
def test_a_captioner_in_onnx(attention: type[Attention] | None) -> None:
    """What its two files give is what its network gives, from a picture on."""
    network = CaptionNetwork(
        12,
        4,
        encoder=PictureEncoder(20, 8),
        decoder=RecurrentStack("lstm", UNITS),
        upper=RecurrentStack("lstm", UNITS),
        attention=attention and attention(UNITS),
        mentions=1.0,
    )
    network.build()
    randomise(network)
    pixels, tokens = trials(20, 2), np.array([[1, 7, 3], [1, 2, 5]], np.int32)
    memory, state = network.read(tf.constant(pixels))
    twins = captioner.twins_of(network)
    runs = ONNX.loaded(ONNX.converted(twins))
    given = runs["encoder"](picture=pixels.astype(np.float32))
    found = runs["decoder"](**given, tokens=tokens)
    again = twins["decoder"].halved(runs["decoder"])(**given, tokens=tokens)
    for step in range(3):
        expected, state, weights = network.next(tf.constant(tokens[:, step]), state, memory)
        np.testing.assert_allclose(found["log_probabilities"][:, step], expected, rtol=1e-4, atol=1e-5)
        if attention:
            np.testing.assert_allclose(found["weights"][:, step], weights, rtol=1e-4, atol=1e-6)
    for name, values in again.items():
        np.testing.assert_allclose(values, found[name], rtol=1e-4, atol=1e-6)


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
