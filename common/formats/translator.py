"""Translators for other runtimes: two files, one that reads a text, and one that writes on."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, cast

import tensorflow as tf

from common.decoding.translator import Translator
from common.formats import layers
from common.formats.files import DECODER, ENCODER, FileNetwork, decoded, sizes_of
from common.formats.graph import Graph, Value
from common.formats.portable import Answer, Portable
from common.formats.twin import BATCH, STEPS, Input, Runs, Shape, Twin
from common.layers.attention import AdditiveAttention
from common.networks.pairs.network import PairNetwork
from common.serving.saved_model import Record
from common.serving.structure import Structure
from common.text.subwords import Subwords

SOURCE = "source"
"""The name of the axis of the steps of a source, where another axis has those of its translation."""
TRIALS, LONGEST = 8, 12
"""Texts with which the files are tried, and the pieces of the longest."""
EXAMPLE = """\
bytes_of = [*[b""] * 19, *(bytes([n]) for n in range(256)), *(piece.encode() for piece in vocabulary["pieces"])]
numbers = {text: number for number, text in enumerate(bytes_of) if text}
longest = max(map(len, numbers))
# The longest piece first, as the model reads most texts. It does not number words of unknown letters, to copy them.
rest, tokens = sys.argv[1].encode(), []
while rest:
    piece = next(rest[:n] for n in range(longest, 0, -1) if rest[:n] in numbers)
    tokens, rest = [*tokens, numbers[piece]], rest[len(piece) :]
given = encoder(tokens=np.array([[*tokens, 2]], np.int32))  # 2 is the end of a text, 1 its start.
last, written = 1, b""
steps = 2 * len(tokens) + 22 if sys.argv[1].strip() else 0  # Of nothing there is no translation.
for _ in range(steps):  # Greedy: the most likely piece, step by step.
    found = decoder(**given, tokens=np.array([[last]], np.int32))
    given["state"], last = found["next_state"], int(found["log_probabilities"][0, -1].argmax())
    if last == 2:
        break
    written += bytes_of[last]
print(written.decode(errors="replace"))
"""


def twins_of(network: PairNetwork) -> dict[str, Twin]:
    """The network in two parts.

    The encoder takes the tokens of a source with its end. It gives the `state` to start from; with attention `encoded`,
    which the decoder reads, and `keys`, if attention compares with others. The decoder takes these and the tokens
    before those to write, of which the first is the start. It gives `log_probabilities` of the token after each, and
    with attention its `weights`.
    """
    attention, width, units = network.attention, network.encoder.width, network.decoder.units
    additive = isinstance(attention, AdditiveAttention)
    vectors, sizes = network.vectors.get_weights()[0], sizes_of(network)

    def read(graph: Graph, tokens: Value) -> dict[str, Value]:
        x, _ = layers.stacked(graph, network.encoder, graph.gather(graph.constant(vectors), tokens))
        start = graph.pick(x, -1, 1)
        if network.encoder.bidirectional:  # Each half has read the whole source: at its last step, and at its first.
            halves = [width // 2] * 2
            start = graph.concat([graph.split(start, halves, 1)[0], graph.split(graph.pick(x, 0, 1), halves, 1)[1]], 1)
        found = {"state": layers.dense(graph, network.bridge, start)}
        if attention:
            found["encoded"] = x
        return found | ({"keys": layers.dense(graph, attention.key_projection, x)} if additive else {})

    def write(
        graph: Graph, state: Sequence[Value], tokens: Value, encoded: Value = None, keys: Value = None
    ) -> tuple[dict[str, Value], list[Value]]:
        def attend(x: Value) -> tuple[Value, Value]:
            return layers.attention(graph, attention, x, memory=encoded, keys=keys)

        return decoded(graph, network, tokens, state=state, attend=attend)

    tokens = Input("tokens", (BATCH, STEPS), "int32")
    known: dict[str, int] = ({"encoded": width} if attention else {}) | ({"keys": units} if additive else {})
    state: dict[str, Shape] = {"state": (BATCH, sum(sizes))}
    written: dict[str, Shape] = {"log_probabilities": (BATCH, STEPS, network.vocabulary)}
    written |= {"weights": (BATCH, STEPS, SOURCE)} if attention else {}
    inputs = [tokens, *(Input(name, (BATCH, SOURCE, size)) for name, size in known.items())]
    return {
        ENCODER: Twin([tokens], state | {name: (BATCH, STEPS, size) for name, size in known.items()}, read),
        DECODER: Twin.stateful(inputs, written, sizes=sizes, function=write),
    }


class FileTranslator(FileNetwork):
    """The files in place of a `PairNetwork`."""

    def read(self, tokens: tf.Tensor, lengths: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """What the encoder gives for one source."""
        found = self.run(ENCODER, {"tokens": tokens})
        return found, found.pop("state")

    def losses_of(self, tokens: tf.Tensor, reference: tf.Tensor, *, memory: dict, state: tf.Tensor) -> tf.Tensor:
        """See `WritingNetwork.losses_of`."""
        found = self.run(DECODER, memory | {"tokens": tokens, "state": state})["log_probabilities"]
        return -tf.gather(found, reference, batch_dims=2)


def portable(structure: Structure, config: Mapping[str, Any]) -> Portable:
    """A translator, of which `structure` is saved; `config` is its configuration."""
    vocabulary = structure.vocabulary
    subwords, twins = Subwords(vocabulary["pieces"]), twins_of(cast(PairNetwork, structure.network()))
    search = {"copies": range(*vocabulary["copies"]), "most": vocabulary["most"]}
    search |= {name: config[name] for name in ("beam", "length_power")}
    made: dict[int, Translator] = {}

    def translator(runs: Runs) -> Translator:
        if id(runs) not in made:
            made[id(runs)] = Translator(cast(PairNetwork, FileTranslator(runs, twins)), subwords=subwords, **search)
        return made[id(runs)]

    def answering(signature: str) -> Answer:
        def answer(runs: Runs, record: Record) -> Record:
            texts = {name: tf.constant([value]) for name, value in record.items() if isinstance(value, str)}
            numbers = {name: tf.constant(value, tf.int32) for name, value in record.items() if name not in texts}
            found = translator(runs).functions[signature](**texts, **numbers)
            return {name: _told(value[0].numpy()) for name, value in found.items()}

        return answer

    return Portable(
        twins,
        {"pieces": vocabulary["pieces"]},
        "Translates a text",
        [vocabulary["example"]],
        EXAMPLE,
        {signature: answering(signature) for signature in ("serving_default", "beam", "likelihood")},
        _trials(subwords.known),
    )


def _told(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _trials(known: Sequence[str]) -> dict[str, list[Record]]:
    """Texts of known pieces, of some that are not known, and an empty one."""
    draw = random.Random(0)

    def text() -> str:
        return "".join([*draw.choices(known, k=draw.randint(1, LONGEST)), draw.choice(("", " {name}", " Ω"))])

    likelihood = [{"text": text(), "translation": text()} for _ in range(TRIALS)]
    return {"likelihood": likelihood, "serving_default": [{"text": one} for one in ("", text(), text())]}
