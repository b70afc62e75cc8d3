"""Networks that answer questions about pictures, for other runtimes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from common.formats import layers, pictures
from common.formats.classifier import SPLITS
from common.formats.graph import Graph, Value
from common.formats.portable import Portable
from common.formats.twin import BATCH, MODEL, STEPS, Input, Runs, Twin
from common.networks.questions import AnsweringNetwork
from common.serving.saved_model import Record
from common.serving.structure import Structure
from common.serving.versions import ASSETS
from common.text.levels import Encoder

TRIALS, LONGEST = 8, 12
"""Questions with which a file is tried, and the tokens of the longest."""
ASKED = """\
words = sys.argv[2:]
"""
EXAMPLE = """\
numbers = {name: number for number, name in enumerate(vocabulary["ngrams"][0])}
tokens = np.array([[numbers.get(token, 1) for token in tokens]], np.int32)
probability = model(picture=picture, tokens=tokens)["probability"][0]
print(f"{vocabulary['answers'][probability.argmax()]} {probability.max():.4f}")
"""


def twin_of(network: AnsweringNetwork) -> Twin:
    """The network: from a picture and the tokens of a question to the probabilities of answers, and where it looked.

    Raises:
        InputError: The network is of a control.
    """
    layers.refuse_controls(network.stack)
    encoder, stack = network.encoder, network.stack
    cells = encoder.rows * encoder.columns

    def function(graph: Graph, picture: Value, tokens: Value) -> dict[str, Value]:
        memory = pictures.grid(graph, encoder, picture)
        x, _ = layers.stacked(graph, stack, layers.sum_embedding(graph, network.embed, [tokens]))
        query = question = layers.dense(graph, network.question, graph.pick(x, -1, 1))
        looks = []
        for attention in network.attentions:
            keys = layers.dense(graph, attention.key_projection, memory)
            seen, weights = layers.attention(graph, attention, graph.expand(query, 1), memory=memory, keys=keys)
            seen = graph.pick(seen, 0, 1)
            query = query + seen
            looks.append(weights)
        x = layers.dense(graph, network.between, graph.concat([query, question * seen], 1))
        return {"probability": layers.dense(graph, network.outputs, x), "attention": graph.concat(looks, 1)}

    inputs = [pictures.picture_of(encoder), Input("tokens", (BATCH, STEPS), "int32")]
    shapes = {"probability": (BATCH, network.answers), "attention": (BATCH, network.looks, cells)}
    return Twin(inputs, shapes, function)


def portable(structure: Structure, config: Mapping[str, Any]) -> Portable:
    """A network that answers questions, of which `structure` is saved; `config` is its configuration."""
    network, answers = cast(AnsweringNetwork, structure.network()), config["answers"]
    encoder, size = Encoder.restored(structure.vocabulary), network.encoder.size
    grid = network.encoder.rows, network.encoder.columns

    def answer(runs: Runs, record: Record) -> Record:
        tokens, _ = encoder.encode([record["question"].lower()])
        found = runs[MODEL](picture=np.asarray(record["pixels"], np.float32)[None], tokens=tokens[None, :, 0])
        probability = found["probability"][0]
        attention = found["attention"][0].reshape(-1, *grid)
        return {"answer": answers[probability.argmax()], "probability": probability, "attention": attention}

    level = encoder.splitter.level
    asked = [str(structure.model.folder / ASSETS / "example.png"), structure.vocabulary["example"]]
    return Portable(
        {MODEL: twin_of(network)},
        {"answers": answers, "size": size} | structure.vocabulary,
        "Answers a question about a picture",
        asked,
        pictures.READ + ASKED + SPLITS[level] + EXAMPLE,
        {"pixels": answer},
        {"pixels": _trials(encoder.vocabularies[0].names[2:], size, between=" " if level == "word" else "")},
        most=2,
        needs=[pictures.NEEDS],
    )


def _trials(names: Sequence[str], size: int, *, between: str) -> list[Record]:
    """Questions of known tokens, and one that is not known, about pictures."""
    draw = random.Random(0)
    return [
        {"pixels": picture, "question": between.join([*draw.choices(names, k=draw.randint(1, LONGEST)), "q"])}
        for picture in pictures.trials(size, TRIALS)
    ]
