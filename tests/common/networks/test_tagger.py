"""The tagger as functions of raw input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import pairwise, product

import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import Phase, given, settings

from common.layers.crf import CRFHead
from common.layers.embeddings import SpelledEmbedding
from common.layers.heads import ReadoutHead
from common.layers.readout import Readout
from common.layers.stack import RecurrentStack
from common.networks.network import Part
from common.networks.spelling import Spellings
from common.networks.stepping import STATE
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


WORDS = st.lists(st.sampled_from(["a", "bc", "dd.", "(zzz)", ", a"]), max_size=3)


@cache
def forward_tagger(crf: bool) -> tuple[Tagger, Callable, Callable]:
    encoder = WordEncoder.of(Counter(["a", "bc", ".", "dd", "a", "bc"]), 1)
    head = CRFHead(3) if crf else ReadoutHead(Readout("max"), keras.layers.Dense(3, "softmax"))
    network = StreamNetwork(embedding_of(encoder), RecurrentStack("lstm", 5, layers=2), head)
    network.build()
    randomise(network)
    tagger = Tagger(network, encoder, ["X", "Y", "Z"], split_endings=True)
    text = tf.TensorSpec([None], tf.string)
    return (
        tagger,
        tf.function(tagger.stream, input_signature=[text, STATE], autograph=False),
        tf.function(tagger.tag_text, input_signature=[text], autograph=False),
    )


@pytest.mark.parametrize("crf", [False, True])
@given(texts=st.lists(st.lists(WORDS, min_size=3, max_size=3), min_size=1, max_size=3))
@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_read_in_chunks_words_have_the_tags_of_one_pass(crf: bool, texts: list) -> None:
    _, stream, tag = forward_tagger(crf)
    chunks = [["".join(f" {word}" for word in words) for words in text] for text in texts]
    state, parts = tf.zeros((len(texts), 0)), []
    for part in zip(*chunks):
        found = {name: value.numpy() for name, value in stream(tf.constant(part), state).items()}
        state = tf.constant(found["state"])
        parts.append(found)
    joined = tf.constant(["".join(text) for text in chunks])
    whole, plain = stream(joined, tf.zeros((len(texts), 0))), tag(joined)
    for row in range(len(texts)):
        tokens, tags, probability, seen = (
            np.concatenate([part[name][row][part["tokens"][row] != b""] for part in parts])
            for name in ("tokens", "tags", "probability", "seen")
        )
        many = len(tokens)
        for names, found in (("tokens", tokens), ("tags", tags), ("seen", seen)):
            np.testing.assert_array_equal(found, whole[names].numpy()[row][:many])
        np.testing.assert_allclose(probability, whole["probability"].numpy()[row][:many], atol=1e-5)
        np.testing.assert_array_equal(tokens, plain["tokens"].numpy()[row][:many])
        if not crf:  # A reading from the left has nothing to add at the end.
            np.testing.assert_array_equal(tags, plain["tags"].numpy()[row][:many])
            np.testing.assert_allclose(probability, plain["probability"].numpy()[row][:many], atol=1e-5)
    np.testing.assert_allclose(state, whole["state"], atol=1e-5)


def test_with_a_crf_the_tag_of_the_last_word_has_its_marginal_probability() -> None:
    """At the end the filtered distribution is the marginal one."""
    tagger, stream, _ = forward_tagger(True)
    words = tf.constant([["a", "bc", "dd", ".", "bc"]])
    found = stream(tf.strings.reduce_join(words, 1, separator=" "), tf.zeros((1, 0)))
    window = tagger.window(words, tf.constant([5]))
    outputs, _ = tagger.network(window)
    scores = outputs[..., :-1].numpy()[0].astype(float)
    start, across = (w.numpy().astype(float) for w in (tagger.network.head.start, tagger.network.head.transition))
    totals = {}
    for tags in product(range(3), repeat=5):
        total = start[tags[0]] + sum(scores[n, tag] for n, tag in enumerate(tags))
        totals[tags] = total + sum(across[pair] for pair in pairwise(tags))
    weights = np.exp(np.array(list(totals.values())) - max(totals.values()))
    share = [weights[[tags[-1] == n for tags in totals]].sum() / weights.sum() for n in range(3)]
    assert found["tags"].numpy()[0, -1].decode() == "XYZ"[int(np.argmax(share))]
    assert found["probability"].numpy()[0, -1] == pytest.approx(max(share), abs=1e-5)
