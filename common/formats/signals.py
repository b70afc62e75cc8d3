"""Classifiers of sequences of vectors, and of sounds, for other runtimes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from common.errors import InputError
from common.formats import layers
from common.formats.graph import Graph, Value
from common.formats.portable import Answer, Portable
from common.formats.twin import BATCH, MODEL, STEPS, Input, Runs, Twin
from common.networks.signals import Scale, SignalNetwork
from common.networks.sounds import QUIET, LogMel
from common.serving.saved_model import Record
from common.serving.signals import SAMPLES, example_of
from common.serving.structure import Structure
from common.sources.signals.reader import SEQUENCE_NAMES

TRIALS, LONGEST = 16, 40
"""Sequences with which a file is tried, and the steps of the longest."""
SECONDS = 0.6
"""How long the longest sound is with which a file is tried."""
TABLE = """\
with open(sys.argv[1], newline="", encoding="utf-8-sig") as file:
    rows = list(csv.DictReader(file))
names = [name for name in vocabulary["sequence_columns"] if rows and name in rows[0]]
if not names:
    sys.exit(f"give rows, with a column that names the sequence: {' or '.join(vocabulary['sequence_columns'])}")
sequences = {}
for row in rows:
    values = [float(row[name]) for name in vocabulary["columns"]]
    sequences.setdefault(row[names[0]], []).append(values)
"""
SOUND = """\
with wave.open(sys.argv[1]) as file:
    if (file.getframerate(), file.getsampwidth()) != (vocabulary["rate"], 2):
        sys.exit(f"give a sound of {vocabulary['rate']} samples a second, of 16 bits")
    read = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    samples = read.reshape(-1, file.getnchannels()).mean(1) / 32768
# The logarithm of the power in bands of frequency, frame by frame.
window, hop = np.array(vocabulary["window"]), vocabulary["hop"]
padded = np.pad(samples, (0, len(window)))
frames = [padded[n : n + len(window)] * window for n in range(0, len(samples), hop)]
power = np.abs(np.fft.rfft(frames, vocabulary["points"])) ** 2 / len(window) @ np.array(vocabulary["to_bands"])
sequences = {sys.argv[1]: np.log(power + vocabulary["quiet"])}
"""
EXAMPLE = """\
for name, values in sequences.items():
    values = (np.array(values) - vocabulary["mean"]) / vocabulary["deviation"]
    inputs = {"values": values[None].astype(np.float32)}
    if vocabulary["state"]:  # Zeros are the start of a sequence; `next_state` of a call goes on with it.
        inputs["state"] = np.zeros((1, vocabulary["state"]), np.float32)
    for shares in model(**inputs)["probability"].reshape(-1, len(vocabulary["labels"])):
        print(f"{name} {vocabulary['labels'][shares.argmax()]} {shares.max():.4f}")
"""


def twin_of(network: SignalNetwork, classes: int, *, by_step: bool) -> Twin:
    """The network: from values on the scale of training to the probabilities of classes.

    Args:
        network: The network.
        classes: Number of classes.
        by_step: Whether each step has a class, or the whole sequence, which is told after its last step.

    Raises:
        InputError: The network is of a control; or steps have classes, of what was read up to them.
    """
    layers.refuse_controls(network.stack)
    stack, readout = network.stack, network.head.readout
    if by_step and readout.kind != "last":
        raise InputError(
            f"export: the class of a step is read off all steps before it (--readout {readout.kind}), and that runs in "
            "TensorFlow alone; train with --readout last"
        )
    groups = [layers.state_sizes(stack), layers.readout_sizes(readout)]

    def function(graph: Graph, state: Sequence[Value] | None, values: Value) -> tuple[dict[str, Value], list[Value]]:
        of_stack, of_readout = layers.grouped(state, groups)
        x, after = layers.stacked(graph, stack, values, state=of_stack)
        x = graph.concat([x, values, values * values], 2)
        if not by_step:
            x, after_readout = layers.summary(graph, readout, x, state=of_readout)
            after += after_readout
        return {"probability": layers.dense(graph, network.head.outputs, x)}, after

    shape = (BATCH, STEPS, classes) if by_step else (BATCH, classes)
    inputs, outputs = [Input("values", (BATCH, STEPS, network.embed.width))], {"probability": shape}
    if stack.bidirectional:
        return Twin(inputs, outputs, lambda graph, values: function(graph, None, values)[0])
    return Twin.stateful(inputs, outputs, sizes=[*chain(*groups)], function=function)


def portable(structure: Structure, config: Mapping[str, Any]) -> Portable:
    """A classifier of sequences, of which `structure` is saved."""
    labels, by_step = config["labels"], config["by_step"]
    scale = Scale(*(np.array(structure.vocabulary[name]) for name in ("mean", "deviation")))
    twin = twin_of(structure.network(), len(labels), by_step=by_step)
    mel = LogMel(config["rate"]) if config.get("rate") else None

    def of_values(runs: Runs, record: Record) -> Record:
        given = np.asarray(record["values"])
        real = np.flatnonzero(~np.isnan(given).all(1))
        steps = int(real[-1]) + 1 if len(real) else 0
        values = given[:steps] if steps else scale.mean[None]  # A recurrence has one step or more.
        start = {"state": np.zeros((1, twin.state), np.float32)} if twin.state else {}
        (probability,) = runs[MODEL](values=scale(values)[None].astype(np.float32), **start)["probability"]
        if not by_step:
            return {"label": labels[probability.argmax()], "probability": probability}
        probability = probability[:steps]
        return {"label": [labels[n] for n in probability.argmax(1)], "probability": probability}

    def of_samples(runs: Runs, record: Record) -> Record:
        return of_values(runs, {"values": mel.of(np.asarray(record["samples"]))})

    named = [config["sequence_column"]] if config["sequence_column"] else list(SEQUENCE_NAMES)
    signature, answer, trials = "serving_default", of_values, _of_tables(scale)
    if mel:
        signature, answer, trials = SAMPLES, of_samples, _of_sounds(mel)
    vocabulary = {"labels": labels, "state": twin.state} | structure.vocabulary
    answers: dict[str, Answer] = {signature: answer}
    return Portable(
        {MODEL: twin},
        vocabulary | (_of_mel(mel) if mel else {"columns": config["columns"], "sequence_columns": named}),
        "Classifies a sound in a WAV file" if mel else "Classifies the sequences of a table",
        [example_of(structure.model.folder, sounds=mel is not None)],
        (SOUND if mel else TABLE) + EXAMPLE,
        answers,
        {signature: trials},
    )


def _of_mel(mel: LogMel) -> dict[str, Any]:
    """What a program needs to find the bands of a sound."""
    given = {"rate": mel.rate, "hop": mel.hop, "points": mel.points, "quiet": QUIET}
    return given | {"window": mel.window.numpy().tolist(), "to_bands": mel.to_bands.numpy().tolist()}


def _of_tables(scale: Scale) -> list[Record]:
    """Sequences of several lengths about the mean, with padding behind them."""
    draw = np.random.default_rng(0)
    values = scale.mean + scale.deviation * draw.normal(size=(TRIALS, LONGEST, len(scale.mean)))
    for one, steps in zip(values, [0, 1, LONGEST, *draw.integers(2, LONGEST, TRIALS - 3)]):
        one[steps:] = np.nan
    return [{"values": one} for one in values]


def _of_sounds(mel: LogMel) -> list[Record]:
    """Noise of several lengths and loudnesses, with padding behind it."""
    draw, longest = np.random.default_rng(0), mel.size + int(SECONDS * mel.rate)
    samples = draw.normal(size=(TRIALS, longest)).astype(np.float32)
    for n, steps in enumerate([longest, *draw.integers(1, longest, TRIALS - 1)]):
        samples[n] *= 10.0 ** -(n % 4)
        samples[n, steps:] = np.nan
    return [{"samples": one} for one in samples]
