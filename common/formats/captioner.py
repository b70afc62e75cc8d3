"""Networks that write captions, for other runtimes: two files, one that reads a picture, and one that writes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import tensorflow as tf

from common.decoding.captioner import Captioner
from common.formats import layers, pictures
from common.formats.files import DECODER, ENCODER, FileNetwork, decoded, sizes_of
from common.formats.graph import Graph, Value, numbers, weights
from common.formats.portable import Portable
from common.formats.twin import BATCH, STEPS, Input, Runs, Shape, Twin
from common.layers.attention import CountingAttention
from common.layers.hard_attention import HardAttention
from common.networks.captions import CaptionNetwork
from common.networks.writing import Memory
from common.serving.saved_model import Record
from common.serving.structure import Structure
from common.serving.versions import ASSETS
from common.text.captions import END, SPECIALS, START

TRIALS = 6
"""Pictures with which the files are tried."""
EXAMPLE = """\
given = encoder(picture=picture)
last, written = vocabulary["start"], []
for _ in range(vocabulary["longest"]):  # Greedy: the most likely word, step by step.
    found = decoder(**given, tokens=np.array([[last]], np.int32))
    given["state"], scores = found["next_state"], found["log_probabilities"][0, -1]
    scores[[n for n in range(vocabulary["specials"]) if n != vocabulary["end"]]] = -np.inf
    last = int(scores.argmax())
    if last == vocabulary["end"]:
        break
    written.append(vocabulary["words"][last])
print(vocabulary["between"].join(written))
"""


def twins_of(network: CaptionNetwork) -> dict[str, Twin]:
    """The network in two parts.

    The encoder takes a `picture`. It gives the `state` to start from, and with attention `encoded`, the grid that the
    decoder reads. The decoder takes these and the tokens before those to write, of which the first is the start. It
    gives `log_probabilities` of the token after each, and with attention its `weights`.
    """
    encoder, attention = network.encoder, network.attention
    sizes = sizes_of(network)

    def read(graph: Graph, picture: Value) -> dict[str, Value]:
        cells = pictures.grid(graph, encoder, picture)
        start = pictures.summarised(graph, network.summary, cells, cells=network.cells)
        return {"state": layers.dense(graph, network.bridge, start)} | ({"encoded": cells} if attention else {})

    def write(
        graph: Graph, state: Sequence[Value], tokens: Value, encoded: Value = None
    ) -> tuple[dict[str, Value], list[Value]]:
        attend = partial(_looked, graph, network, memory=encoded)
        return decoded(graph, network, tokens, state=state, attend=attend)

    known: dict[str, Shape] = {"encoded": (BATCH, network.cells, encoder.width)} if attention else {}
    written: dict[str, Shape] = {"log_probabilities": (BATCH, STEPS, network.vocabulary)}
    written |= {"weights": (BATCH, STEPS, network.cells)} if attention else {}
    inputs = [Input("tokens", (BATCH, STEPS), "int32"), *(Input(name, shape) for name, shape in known.items())]
    return {
        ENCODER: Twin([pictures.picture_of(encoder)], {"state": (BATCH, sum(sizes))} | known, read),
        DECODER: Twin.stateful(inputs, written, sizes=sizes, function=write),
    }


def _looked(graph: Graph, network: CaptionNetwork, x: Value, *, memory: Value) -> tuple[Value, Value]:
    """What attention reads of a grid for hidden states, and its weights."""
    attention, width = network.attention, network.encoder.width
    # Keys are smaller by this factor, see `CaptionNetwork.keys`.
    query = graph.matmul(x, graph.constant(weights(attention.key_projection)[0]), transposed=True) * width**-0.5
    scores = graph.product(query, memory, transposed=True)  # [batch, steps, cells]
    shares = graph.softmax(scores)
    if isinstance(attention, HardAttention):
        highest = graph.expand(graph.max(shares, 2), 2)
        return graph.product(graph.where(shares < highest, shares * 0.0, 1.0), memory), shares
    mean = graph.product(shares, memory)
    if not isinstance(attention, CountingAttention):
        return mean, shares
    gates = graph.unary("sigmoid", scores + float(numbers(attention.offset)))
    return graph.concat([mean, graph.product(gates, memory) * network.cells**-0.5], 2), shares


class FileCaptioner(FileNetwork):
    """The files in place of a `CaptionNetwork`.

    Args:
        runs: The files.
        twins: The networks in them.
        network: The network, for its sizes.
    """

    def __init__(self, runs: Runs, twins: Mapping[str, Twin], network: CaptionNetwork) -> None:
        super().__init__(runs, twins)
        self.encoder, self.attention, self.cells = network.encoder, network.attention, network.cells

    def read(self, picture: tf.Tensor) -> tuple[Memory, tf.Tensor]:
        """What the encoder gives for pictures."""
        found = self.run(ENCODER, {"picture": tf.cast(picture, tf.float32)})
        state = found.pop("state")
        return Memory(found.get("encoded", state[:, None, :0]), state[:, None, :0]), state

    def given(self, memory: Memory) -> dict[str, tf.Tensor]:
        return {"encoded": memory.encoded} if self.attention else {}


def portable(structure: Structure, config: Mapping[str, Any]) -> Portable:
    """A captioner, of which `structure` is saved; `config` is its configuration."""
    network, words = cast(CaptionNetwork, structure.network()), structure.vocabulary["words"]
    twins, longest = twins_of(network), config["longest"] + 1
    search = {"longest": longest, "between": structure.vocabulary["between"]}
    made: dict[int, Captioner] = {}

    def answer(runs: Runs, record: Record) -> Record:
        if id(runs) not in made:
            files = cast(CaptionNetwork, FileCaptioner(runs, twins, network))
            how = {name: config[name] for name in ("beam", "length_power")}
            made[id(runs)] = Captioner(files, words, **search, **how)
        found = made[id(runs)].of_pixels(tf.constant(record["pixels"])[None])
        told = {name: one[0].numpy() for name, one in found.items()}
        texts = {"caption": told["caption"].decode(), "words": [word.decode() for word in told["words"]]}
        return told | texts

    special = {"start": START, "end": END, "specials": SPECIALS}
    return Portable(
        twins,
        {"words": words, "size": network.encoder.size} | search | special,
        "Describes a picture",
        [str(structure.model.folder / ASSETS / "example.png")],
        pictures.READ + EXAMPLE,
        {"pixels": answer},
        {"pixels": [{"pixels": one} for one in pictures.trials(network.encoder.size, TRIALS)]},
        needs=[pictures.NEEDS],
    )
