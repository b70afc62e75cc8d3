"""Classifiers of texts for other runtimes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from common.formats import layers
from common.formats.graph import Graph, Value
from common.formats.portable import Portable
from common.formats.twin import BATCH, MODEL, STEPS, Input, Runs, Twin
from common.networks.joined import LEAST, JoinedNetwork
from common.networks.stream import StreamNetwork
from common.serving.saved_model import Record
from common.serving.structure import Structure
from common.text.levels import Encoder
from common.text.scripts import Level
from common.text.words import BLANK

TRIALS, LONGEST = 24, 40
"""Texts with which a file is tried, and the tokens of the longest."""
SPLITS = {
    "word": """\
# Words as the model reads most texts; some rare signs, such as markup, it reads in its own way.
text = re.sub(r"([^\\W\\d_])['’]([^\\W\\d_])", r"\\1 ʼ\\2", " ".join(words).lower())
tokens = [*re.findall(r"[^\\W_]+|\\S", text), "<end>"]
""",
    "character": """\
# Characters as the model reads most texts; some rare signs, such as joined emoji, it reads in its own way.
tokens = [*re.sub(r"\\s+", "▁", " ".join(words).strip().lower()), "<end>"]
""",
    "subword": """\
# The longest subword first, as the model reads most texts; it never joins a sign with the word beside it.
text, tokens, pieces = "▁" + re.sub(r"\\s+", "▁", " ".join(words).strip().lower()), [], set(vocabulary["pieces"])
while text:
    tokens.append(next((text[:n] for n in range(len(text), 1, -1) if text[:n] in pieces), text[0]))
    text = text[len(tokens[-1]) :]
tokens.append("<end>")
""",
}
"""How an example makes tokens of the `words` of a text, by level."""
PIECES = """\
# The longest piece first, as the language model reads most texts; what has no piece is read byte by byte.
pieces = [*[b""] * 19, *(bytes([n]) for n in range(256)), *(piece.encode() for piece in vocabulary["pieces"])]
numbers_of = {text: number for number, text in enumerate(pieces) if text}
rest, tokens = " ".join(words).strip().encode(), ["<start>"]
while rest:
    piece = next(rest[:n] for n in range(max(map(len, numbers_of)), 0, -1) if rest[:n] in numbers_of)
    tokens, rest = [*tokens, vocabulary["ngrams"][0][numbers_of[piece]]], rest[len(piece) :]
tokens.append("<end>")
"""
"""The same of a model that starts from a language model."""
EXAMPLE = """\
numbers = [{name: number for number, name in enumerate(names)} for names in vocabulary["ngrams"]]
longest, before = len(numbers), ["<start>"] * (len(numbers) - 1) + tokens
steps = [
    [known.get(" ".join(before[n - length : n]), 1) for length, known in enumerate(numbers, 1)]
    for n in range(longest, longest + len(tokens))
]
inputs = {"tokens": np.array([steps], np.int32)}
if vocabulary["state"]:  # Zeros are the start of a text; `next_state` of a call goes on with it.
    inputs["state"] = np.zeros((1, vocabulary["state"]), np.float32)
probability = model(**inputs)["probability"][0]
print(f"{vocabulary['labels'][probability.argmax()]} {probability.max():.4f}")
"""


def twin_of(network: StreamNetwork | JoinedNetwork, lengths: int, classes: int) -> Twin:
    """The network, with its linear part if it has one: from n-grams of a text to class probabilities after the last.

    Args:
        network: The network.
        lengths: How many n-grams end at each token.
        classes: Number of classes.
    """
    layers.refuse_controls(network.stack)
    (reader,) = network.readers()
    stack, readout = reader.stack, reader.head.readout
    linear = network.linear if isinstance(network, JoinedNetwork) else None
    a, b = map(float, network.weighting.numpy()) if linear else (1.0, 0.0)
    groups = [layers.state_sizes(stack), layers.readout_sizes(readout), layers.linear_sizes(linear)]

    def function(graph: Graph, state: Sequence[Value] | None, tokens: Value) -> tuple[dict[str, Value], list[Value]]:
        columns = [graph.pick(tokens, n, 2) for n in range(lengths)]
        of_stack, of_readout, of_linear = layers.grouped(state, groups)
        x, after_stack = layers.stacked(
            graph, stack, layers.sum_embedding(graph, reader.embed, columns), state=of_stack
        )
        x, after_readout = layers.summary(graph, readout, x, state=of_readout)
        probability, after_linear = layers.dense(graph, reader.head.outputs, x), []
        if linear:
            log_linear, after_linear = layers.linear(graph, linear, columns, state=of_linear)
            log_network = graph.unary("log", graph.maximum(probability, LEAST))
            probability = graph.softmax(log_network * a + log_linear * b)
        return {"probability": probability}, [*after_stack, *after_readout, *after_linear]

    inputs, outputs = [Input("tokens", (BATCH, STEPS, lengths), "int32")], {"probability": (BATCH, classes)}
    if stack.bidirectional:  # It reads from the end of a text, too.
        return Twin(inputs, outputs, lambda graph, tokens: function(graph, None, tokens)[0])
    return Twin.stateful(inputs, outputs, sizes=[*chain(*groups)], function=function)


def portable(structure: Structure, config: Mapping[str, Any]) -> Portable:
    """A classifier of texts, of which `structure` is saved; `config` is its configuration."""
    labels = config["labels"]
    encoder = Encoder.restored(structure.vocabulary)
    twin = twin_of(structure.network(), encoder.longest, len(labels))
    level: Level = encoder.splitter.level

    def answer(runs: Runs, record: Record) -> Record:
        tokens, _ = encoder.encode([record["text"]])
        start = {"state": np.zeros((1, twin.state), np.float32)} if twin.state else {}
        (probability,) = runs[MODEL](tokens=tokens[None], **start)["probability"]
        inside = tokens[encoder.opening : -1, 0]  # The last is the end mark.
        known = (inside > 1).sum() / max(len(inside), 1)
        return {"label": labels[probability.argmax()], "probability": probability, "known": float(known)}

    pieces = [name if encoder.opening else name.replace(" ", BLANK) for name in encoder.splitter.pieces]
    return Portable(
        {MODEL: twin},
        {"labels": list(labels), "state": twin.state} | structure.vocabulary | {"pieces": pieces},
        "Classifies a text",
        ["A warm, funny film."],
        "words = [sys.argv[1]]\n" + (PIECES if encoder.opening else SPLITS[level]) + EXAMPLE,
        {"serving_default": answer},
        {"serving_default": _trials(encoder, level)},
    )


def _trials(encoder: Encoder, level: Level) -> list[Record]:
    """Texts of known tokens, and of some that are not known; the first is empty."""
    names = encoder.splitter.pieces if encoder.opening else encoder.vocabularies[0].names[2:]
    draw, between = random.Random(0), " " if level == "word" and not encoder.opening else ""
    drawn = ([*draw.choices([*names, "q"], k=draw.randint(1, LONGEST)), "q"] for _ in range(TRIALS - 1))
    return [{"text": between.join(tokens).replace(BLANK, " ")} for tokens in ([], *drawn)]
