"""The tagger as functions of raw input."""

from __future__ import annotations

from collections import Counter

import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from common.layers.crf import CRFHead
from common.layers.embeddings import SpelledEmbedding
from common.layers.heads import ReadoutHead
from common.layers.readout import Readout
from common.layers.stack import RecurrentStack
from common.networks.network import Part
from common.networks.spelling import Spellings
from common.networks.stream import StreamNetwork
from common.networks.tagger import Tagger, best_tags
from common.streams import Sequences, Stream
from common.text.vocabularies import WordEncoder
from tests.helpers import randomise

SENTENCES = [["a", "bc", "."], ["bc"], ["dd", "a", "a", "bc", "."], ["zz", "."]]


def sequences_of(encoder: WordEncoder, sentences: list[list[str]] = SENTENCES) -> Sequences:
    flat = np.array([word for words in sentences for word in words], object)
    distinct, spelling = np.unique(flat, return_inverse=True)
    letters = encoder.letters(tf.constant(distinct.tolist()))
    spellings = Spellings(letters.row_lengths().numpy(), letters.flat_values.numpy(), words_of_a_lane=3)
    words, affixes = (of(tf.constant(flat.tolist())).numpy() for of in (encoder.words, encoder.affixes))
    return Sequences(
        np.array([len(words) for words in sentences]),
        {"words": words, "affixes": affixes, "spelling": spelling.astype(np.int32)},
        targets=np.zeros(len(flat), np.int32),
        weights=np.ones(len(flat), np.float32),
        expand=lambda inputs, targets: (inputs | spellings(inputs), targets),
    )


def embedding_of(encoder: WordEncoder) -> SpelledEmbedding:
    sizes = {"characters": len(encoder.known_letters), "affixes": len(encoder.known_affixes)}
    return SpelledEmbedding(len(encoder.known), 4, character_units=3, **sizes)


@pytest.mark.parametrize("crf", [False, True])
def test_the_window_of_whole_sentences_gives_what_the_stream_gives(crf: bool) -> None:
    encoder = WordEncoder.of(Counter(["a", "bc", ".", "dd", "a", "bc"]), 1)
    embed = embedding_of(encoder)
    head = CRFHead(3) if crf else ReadoutHead(Readout(), keras.layers.Dense(3, "softmax"))
    network = StreamNetwork(embed, RecurrentStack("gru", 5, bidirectional=True), head)
    network.build()
    randomise(network)
    sequences = sequences_of(encoder)
    stream = Stream.in_order(sequences, 2, 6, whole=True)
    state, outputs = network.initial_state(2), []
    for inputs, _, _ in stream.iterate():
        part: Part = tf.nest.map_structure(tf.constant, inputs)
        out, state = network(part, state=state)
        outputs.append(out)
    steps = stream.at_steps(np.concatenate(outputs))

    tagger = Tagger(network, encoder, ["X", "Y", "Z"], split_endings=False)
    longest = max(map(len, SENTENCES))
    answer = tagger.tag(tf.constant([words + [""] * (longest - len(words)) for words in SENTENCES]))
    numbers = best_tags(head, steps, sequences) if crf else steps.argmax(1)
    expected = np.array([b"X", b"Y", b"Z"])[numbers]
    found = [tag for row, words in zip(answer["tags"].numpy(), SENTENCES) for tag in row[: len(words)]]
    assert found == expected.tolist()
    if not crf:
        served = np.concatenate([row[: len(w)] for row, w in zip(answer["probability"].numpy(), SENTENCES)])
        np.testing.assert_allclose(served, steps.max(1), rtol=1e-5)


@given(
    st.lists(st.lists(st.sampled_from(["a", "bc", "dd", ".", "zzz"]), min_size=1, max_size=7), min_size=1, max_size=5)
)
@settings(max_examples=10, deadline=None)
def test_a_served_window_is_that_of_a_stream(sentences: list[list[str]]) -> None:
    encoder = WordEncoder.of(Counter(["a", "bc", ".", "dd", "a", "bc"]), 1)
    embed = embedding_of(encoder)
    network = StreamNetwork(embed, RecurrentStack("gru", 5), ReadoutHead(Readout(), keras.layers.Dense(3)))
    sequences = sequences_of(encoder, sentences)
    stream = Stream(sequences, len(sentences), int(sequences.lengths.max()), shuffle=False)
    found, _, _ = stream.window_at(0, 0)
    lanes, longest = stream.packing().lane, max(map(len, sentences))
    tokens = tf.constant([words + [""] * (longest - len(words)) for words in sentences])
    served = Tagger(network, encoder, ["X"], split_endings=False).window(tokens, tf.constant(sequences.lengths))
    assert found.keys() - {"spelling"} == served.keys()
    for name in ("words", "affixes", "keep"):
        np.testing.assert_array_equal(served[name], found[name][lanes])
    for row, words in enumerate(sentences):
        for at in range(len(words)):
            spelled = [
                letters[start : end + 1].tolist()
                for letters, start, end in (
                    (w["characters"].ravel(), int(w["starts"][r, at]), int(w["ends"][r, at]))
                    for w, r in (({k: np.asarray(v) for k, v in served.items()}, row), (found, lanes[row]))
                )
            ]
            assert spelled[0] == spelled[1]
