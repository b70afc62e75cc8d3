"""Taggers of words for other runtimes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.special import logsumexp

from common.formats import layers
from common.formats.graph import Graph, Value
from common.formats.portable import Portable
from common.formats.twin import BATCH, MODEL, STEPS, Input, Runs, Twin
from common.layers.crf import CRFHead
from common.networks.stream import StreamNetwork
from common.serving.saved_model import Record
from common.serving.structure import Structure
from common.text.canonical import composed
from common.text.vocabularies import WordEncoder
from common.text.words import AFFIXES

TRIALS, LONGEST = 16, 20
"""Sentences with which a file is tried, and the words of the longest."""
LETTERS = "letters"
"""The name of the axis of a word's letters."""
EXAMPLE = """\
words = sys.argv[1:]
numbers = {kind: {name: n for n, name in enumerate(names)} for kind, names in vocabulary["numbers"].items()}
inputs = {"words": [[numbers["words"].get(word.lower(), 1) for word in words]]}
"""
AFFIXES_EXAMPLE = """

def affixes(word):  # Its prefixes, its suffixes and its shape, such as AaA-0 for GmbH-42.
    small = word.lower()
    found = [small[:n] + " " if n <= len(small) else "" for n in range(1, 5)]
    found += [" " + small[-n:] if n <= len(small) else "" for n in range(1, 6)]
    signs = ("A" if c.isupper() else "a" if c.isalpha() else "0" if c.isnumeric() else c for c in word)
    return [*found, " " + re.sub(r"([Aa0])\\1+", r"\\1", "".join(signs)) + " "]


inputs["affixes"] = [[[numbers["affixes"].get(affix, 1) for affix in affixes(word)] for word in words]]
"""
LETTERS_EXAMPLE = """\
spelled = [word[:16] + word[16:][-16:] for word in words]
longest, letters = max(map(len, spelled)), numbers["letters"]
inputs["letters"] = [[letters.get(c, 1) for c in word] + [0] * (longest - len(word)) for word in spelled]
inputs["lengths"] = [len(word) for word in spelled]
"""
STATE_EXAMPLE = """\
state = np.zeros((1, vocabulary["state"]), np.float32)  # Zeros are the start; `next_state` of a call goes on with it.
found = model(state=state, **{name: np.array(value, np.int32) for name, value in inputs.items()})
"""
WHOLE_EXAMPLE = """\
found = model(**{name: np.array(value, np.int32) for name, value in inputs.items()})
"""
PLAIN_EXAMPLE = """\
best = found["probability"][0].argmax(1)
"""
CRF_EXAMPLE = """\
scores, transition = found["scores"][0], np.array(vocabulary["transition"])
total, back = scores[0] + vocabulary["start"], []
for score in scores[1:]:  # Viterbi: the best tags up to each word, by its tag.
    back.append((total[:, None] + transition).argmax(0))
    total = (total[:, None] + transition).max(0) + score
best = [int(total.argmax())]
for came_from in reversed(back):
    best.insert(0, int(came_from[best[0]]))
"""
END_EXAMPLE = """\
print(*(f"{word}/{vocabulary['tags'][number]}" for word, number in zip(words, best)))
"""


def twin_of(network: StreamNetwork, tags: int) -> Twin:
    """The network: from numbers of words to the probabilities of tags, or to their scores where a CRF follows."""
    layers.refuse_controls(network.stack)
    embed, stack, head = network.embed, network.stack, network.head
    crf = isinstance(head, CRFHead)
    batch = 1 if embed.characters else BATCH  # Words of one sentence are rows where their letters are read.

    def function(graph: Graph, state: Sequence[Value] | None, **given: Value) -> tuple[dict[str, Value], list[Value]]:
        x, after = layers.stacked(graph, stack, layers.spelled_embedding(graph, embed, **given), state=state)
        name, layer = ("scores", head.emission) if crf else ("probability", head.outputs)
        return {name: layers.dense(graph, layer, x)}, after

    inputs = [Input("words", (batch, STEPS), "int32")]
    if embed.affixes:
        inputs.append(Input("affixes", (batch, STEPS, AFFIXES), "int32"))
    if embed.characters:
        inputs += [Input("letters", (STEPS, LETTERS), "int32"), Input("lengths", (STEPS,), "int32")]
    outputs = {"scores" if crf else "probability": (batch, STEPS, tags)}
    if stack.bidirectional:
        return Twin(inputs, outputs, lambda graph, **given: function(graph, None, **given)[0])
    return Twin.stateful(inputs, outputs, sizes=layers.state_sizes(stack), function=function)


def portable(structure: Structure, config: Mapping[str, Any]) -> Portable:
    """A tagger of words, of which `structure` is saved; `config` is its configuration."""
    tags = config["tags"]
    encoder, network = WordEncoder.restored(structure.vocabulary), structure.network()
    twin = twin_of(network, len(tags))
    names = {one.name for one in twin.inputs} - {"state"}
    crf = network.head if isinstance(network.head, CRFHead) else None

    def answer(runs: Runs, record: Record) -> Record:
        if not record["tokens"]:
            return {"tags": [], "probability": np.zeros(0), "seen": np.zeros(0)}
        tokens = composed(tf.constant(record["tokens"]))
        letters = encoder.letters(tokens)
        given = {"words": encoder.words(tokens)[None], "affixes": encoder.affixes(tokens)[None]}
        given |= {"letters": letters.to_tensor(), "lengths": tf.cast(letters.row_lengths(), tf.int32)}
        start = {"state": np.zeros((1, twin.state), np.float32)} if twin.state else {}
        found = runs[MODEL](**{name: given[name].numpy() for name in names}, **start)
        if crf:
            best, shares = decoded(found["scores"][0], crf.start.numpy(), crf.transition.numpy())
        else:
            best, shares = found["probability"][0].argmax(1), found["probability"][0].max(1)
        return {"tags": [tags[n] for n in best], "probability": shares, "seen": encoder.seen(tokens).numpy()}

    vocabulary: dict[str, Any] = {"tags": list(tags), "state": twin.state}
    vocabulary["numbers"] = {
        name: structure.vocabulary[name] for name in ("words", "affixes", "letters") if name in names
    }
    if crf:
        vocabulary |= {"start": crf.start.numpy().tolist(), "transition": crf.transition.numpy().tolist()}
    parts = [EXAMPLE, AFFIXES_EXAMPLE * ("affixes" in names), LETTERS_EXAMPLE * ("letters" in names)]
    parts += [STATE_EXAMPLE if twin.state else WHOLE_EXAMPLE, CRF_EXAMPLE if crf else PLAIN_EXAMPLE, END_EXAMPLE]
    return Portable(
        {MODEL: twin},
        vocabulary,
        "Tags the words of a sentence",
        encoder.all_seen.names[2:5],
        "".join(parts),
        {"serving_default": answer},
        {"serving_default": _trials(encoder.all_seen.names[2:])},
        most=None,
    )


def decoded(scores: np.ndarray, start: np.ndarray, transition: np.ndarray) -> tuple[list[int], np.ndarray]:
    """What `CRFHead.decode` gives for one sentence: the best tags, and the marginal probability of each.

    Args:
        scores: `[words, tags]`.
        start: The scores of the first tag, `[tags]`.
        transition: Those of neighbouring tags, `[tags, tags]`.
    """
    best, back, forward = scores[0] + start, [], [scores[0] + start]
    for score in scores[1:]:
        back.append((best[:, None] + transition).argmax(0))
        best = (best[:, None] + transition).max(0) + score
        forward.append(logsumexp(forward[-1][:, None] + transition, axis=0) + score)
    tags, backward = [int(best.argmax())], [np.zeros(len(start))]
    for came_from, score in zip(reversed(back), scores[:0:-1]):
        tags.insert(0, int(came_from[tags[0]]))
        backward.insert(0, logsumexp(transition + score + backward[0], axis=1))
    marginal = np.array(forward) + np.array(backward)
    marginal = np.exp(marginal - logsumexp(marginal, axis=1, keepdims=True))
    return tags, marginal[np.arange(len(tags)), tags]


def _trials(words: Sequence[str]) -> list[Record]:
    """Sentences of known words, of some words that are not known, and an empty one."""
    draw = random.Random(0)
    drawn = ([*draw.choices(words, k=draw.randint(1, LONGEST)), "Q-17xyz"] for _ in range(TRIALS - 1))
    return [{"tokens": tokens} for tokens in ([], *drawn)]
