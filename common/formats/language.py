"""Language models for other runtimes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from common.decoding.writer import read_as
from common.formats import layers
from common.formats.graph import Graph, Value
from common.formats.portable import Portable
from common.formats.twin import BATCH, MODEL, STEPS, Input, Runs, Twin
from common.networks.language import LanguageNetwork
from common.serving.saved_model import Record
from common.serving.structure import Structure
from common.text.subwords import END, START, Subwords

TRIALS, LONGEST = 12, 30
"""Texts with which a file is tried, and the pieces of the longest."""
EXAMPLE = """\
bytes_of = [*[b""] * 19, *(bytes([n]) for n in range(256)), *(piece.encode() for piece in vocabulary["pieces"])]
numbers = {text: number for number, text in enumerate(bytes_of) if text}
longest = max(map(len, numbers))
# The longest piece first, as the model reads most texts; it never joins the end of a word with what follows.
rest, tokens, written = sys.argv[1].encode(), [1], b""  # 1 is the start of a text, 2 the end.
while rest:
    piece = next(rest[:n] for n in range(longest, 0, -1) if rest[:n] in numbers)
    tokens, rest = [*tokens, numbers[piece]], rest[len(piece) :]
state = np.zeros((1, vocabulary["state"]), np.float32)
for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 100):
    found = model(tokens=np.array([tokens], np.int32), state=state)
    state, tokens = found["next_state"], [int(found["log_probabilities"][0, -1].argmax())]  # The most likely one.
    if tokens == [2]:
        break
    written += bytes_of[tokens[0]]
print(written.decode(errors="replace"))
"""


def twin_of(network: LanguageNetwork) -> Twin:
    """The network: from tokens to the log-probabilities of the next token after each of them."""
    layers.refuse_controls(network.stack)
    vectors_of, biases = network.vectors.get_weights()[0], network.bias.numpy()

    def function(graph: Graph, state: Sequence[Value], tokens: Value) -> tuple[dict[str, Value], list[Value]]:
        vectors = graph.constant(vectors_of)
        x, after = layers.stacked(
            graph, network.stack, graph.gather(vectors, tokens) * network.embedding**0.5, state=state
        )
        x = x if network.out is None else layers.dense(graph, network.out, x)
        scores = graph.matmul(x, vectors, transposed=True) + graph.constant(biases)
        return {"log_probabilities": graph.log_softmax(scores)}, after

    return Twin.stateful(
        [Input("tokens", (BATCH, STEPS), "int32")],
        {"log_probabilities": (BATCH, STEPS, network.vocabulary)},
        sizes=layers.state_sizes(network.stack),
        function=function,
    )


def portable(structure: Structure, config: Mapping[str, Any]) -> Portable:
    """A language model, of which `structure` is saved; `config` is its configuration."""
    pieces = Subwords(structure.vocabulary["pieces"])
    names, twin = pieces.names, twin_of(structure.network())
    read = tf.function(partial(read_as, pieces), input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

    def scored(runs: Runs, record: Record, *, end: bool) -> Record:
        ids = [*read(tf.constant([record["text"]]))[0].numpy(), *([END] if end else [])]
        given = record.get("state", ())  # That of the network, and the last token, which it has not read yet.
        given = given if len(given) else np.append(np.zeros(twin.state, np.float32), np.float32(START))
        if not ids:
            return {"tokens": [], "log_probability": np.zeros(0, np.float32), "state": given}
        found = runs[MODEL](tokens=np.array([[given[-1], *ids[:-1]]], np.int32), state=given[None, :-1])
        return {
            "tokens": [names[number] for number in ids],
            "log_probability": found["log_probabilities"][0, np.arange(len(ids)), ids],
            "state": np.append(found["next_state"][0], np.float32(ids[-1])),
        }

    return Portable(
        {MODEL: twin},
        {"state": twin.state} | structure.vocabulary,
        "Writes on after a prompt, 100 tokens or as many as are said",
        ["The film", "20"],
        EXAMPLE,
        {"score": partial(scored, end=config["ends"]), "stream": partial(scored, end=False)},
        {"score": _trials(pieces.known)},
        most=2,
    )


def _trials(known: Sequence[str]) -> list[Record]:
    """Texts of known pieces and ASCII."""
    draw, signs = random.Random(0), [*known, *map(chr, range(32, 127))]
    return [{"text": "".join(draw.choices(signs, k=draw.randint(1, LONGEST)))} for _ in range(TRIALS)]
