"""A translator with random weights: what it writes alone and in a batch, greedily, by copying, and for nothing."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pytest
import tensorflow as tf

from common.decoding import greedy
from common.decoding.translator import TAUGHT, Translator, copied_by_attention
from common.layers.attention import MultiplicativeAttention
from common.layers.stack import RecurrentStack
from common.networks.pairs.network import PairNetwork
from common.text.subwords import COPIES, END, START, Subwords
from tests.helpers import randomise

TEXTS = ["red cat", "the old house and %s", "a longer sentence than the rest of them", "big dog %(n)d"]
UNITS = 8


@cache
def parts() -> tuple[PairNetwork, Subwords]:
    subwords = Subwords.of(TEXTS * 5, 300)
    network = PairNetwork(
        len(subwords),
        UNITS,
        encoder=RecurrentStack("gru", UNITS // 2, bidirectional=True),
        decoder=RecurrentStack("gru", UNITS),
        upper=RecurrentStack("gru", UNITS),
        attention=MultiplicativeAttention(UNITS),
        memory=8,
    )
    network.build()
    randomise(network)
    return network, subwords


@cache
def translator(copies: range = range(0), length_power: float = 1.0) -> Translator:
    """Each traces its search once for all tests."""
    network, subwords = parts()
    return Translator(network, subwords=subwords, copies=copies, beam=2, length_power=length_power)


def ask(name: str, texts: list[str], of: Translator | None = None, **others: object) -> dict[str, np.ndarray]:
    function = (of or translator(COPIES)).functions[name]
    return {k: v.numpy() for k, v in function(tf.constant(texts, tf.string), **others).items()}


def test_a_text_is_translated_alike_alone_and_in_a_batch_and_what_it_copies_it_holds() -> None:
    texts = ["red 日本 cat", "red cat", "日本 and Łukasz see the old house, the red cat and 日本"]
    for beam in (tf.constant(1), tf.constant(3)):
        together = ask("beam", texts, beam=beam)
        copied = 0
        for n, text in enumerate(texts):
            alone = ask("beam", [text], beam=beam)
            assert alone["translation"][0] == together["translation"][n]
            np.testing.assert_allclose(alone["score"][0], together["score"][n], rtol=1e-4)
            written = alone["translation"][0].decode(errors="replace")
            assert all(written.count(word) <= text.count(word) for word in ("日本", "Łukasz"))
            copied += sum(written.count(word) for word in ("日本", "Łukasz"))
        assert copied  # Attention with random weights copies something.


def test_a_beam_of_one_is_greedy() -> None:
    network, subwords = parts()
    of = translator(length_power=4.0)  # A search that compares would prefer the long.
    ids, copies = subwords.encode(tf.constant(TEXTS))
    ids = tf.concat([ids, tf.fill((len(TEXTS), 1), END)], 1)
    lengths = tf.cast(ids.row_lengths(), tf.int32)
    memory, state = network.read(ids.to_tensor(), lengths)
    following = partial(network.next, memory=memory)
    likeliest = greedy(following, state, start=START, end=END, longest=2 * lengths + 20)
    expected = subwords.decode(likeliest.tokens[:, 0], copies).numpy()
    assert ask("beam", TEXTS, of, beam=tf.constant(1))["translation"].tolist() == expected.tolist()


def test_without_a_width_the_beam_is_that_of_training() -> None:
    by_default, wide = ask("serving_default", TEXTS), ask("beam", TEXTS, beam=tf.constant(2))
    assert by_default["translation"].tolist() == wide["translation"].tolist()
    np.testing.assert_array_equal(by_default["score"], wide["score"])


def test_likelihood_is_that_of_the_steps() -> None:
    network, subwords = parts()
    texts, translations = TEXTS[:2], [TEXTS[1], "%s red"]
    found = ask("likelihood", texts, translation=tf.constant(translations))
    for n, (text, translation) in enumerate(zip(texts, translations)):
        ids, copies = subwords.encode(tf.constant([text]))
        reference = [*subwords.encode_with(tf.constant([translation]), copies).values.numpy(), END]
        memory, state = network.read(tf.concat([ids.to_tensor(), [[END]]], 1), tf.constant([len(ids[0]) + 1]))
        total = 0.0
        for last, token in zip([START, *reference], reference):
            log_probabilities, state, _ = network.next(tf.constant([last]), state, memory)
            total += float(log_probabilities[0, token])
        assert found["tokens"][n] == len(reference)
        np.testing.assert_allclose(found["log_probability"][n], total, rtol=1e-4)


def test_no_texts_have_no_translations() -> None:
    assert ask("serving_default", [])["translation"].shape == (0,)
    assert ask("likelihood", [], translation=tf.constant([], tf.string))["log_probability"].shape == (0,)


def test_attention_has_a_row_for_each_subword_of_the_translation() -> None:
    text = "red cat %(n1)s 日本"
    found = ask("attention", [text, "red"], beam=tf.constant(2))
    assert b"".join(found["source"][0]).decode() == f"{text}<end>"
    written = found["translation"][0] != b""
    np.testing.assert_allclose(found["weights"][0][written].sum(1), 1, rtol=1e-5)
    source_steps = (found["source"][1] != b"").sum()
    assert written.any() and not found["weights"][1][:, source_steps:].any()
    assert (found["translation"][:, -1] != b"").any() and found["weights"].shape[1] == found["translation"].shape[1]


def test_blanks_alone_are_nothing_to_translate() -> None:
    texts = ["", " \t\n", "red cat"]
    found = ask("attention", texts, beam=tf.constant(2))
    assert ask("serving_default", texts)["translation"][:2].tolist() == [b"", b""]
    assert not (found["translation"][:2] != b"").any() and not found["weights"][:2].any()
    assert found["weights"][2].any()
    assert ask("attention", texts[:2], beam=tf.constant(2))["translation"].shape == (2, 0)


@pytest.mark.parametrize("beam", [0, 51])
def test_a_beam_of_nothing_and_a_very_wide_one_are_refused(beam: int) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="beam: the width of the search must be 1 to 50"):
        ask("beam", ["red cat"], beam=tf.constant(beam))


@pytest.mark.parametrize(("times", "expected"), [((TAUGHT, TAUGHT), 2), ((TAUGHT - 1, TAUGHT), 0), ((0, 0), 0)])
def test_placeholders_seen_too_rarely_and_all_after_them_are_copied(times: tuple[int, int], expected: int) -> None:
    counts = np.bincount([*np.repeat(COPIES[:2], times), START, END], minlength=COPIES.stop)
    assert copied_by_attention(counts) == COPIES[expected:]


def test_a_translation_has_a_bound_however_long_the_source_is() -> None:
    network, subwords = parts()
    bounded = Translator(network, subwords=subwords, copies=range(0), beam=2, length_power=1.0, most=30)
    texts = ["b" * 60, "red cat " * 10, "red"]
    free, short = (ask("attention", texts, of, beam=tf.constant(2))["translation"] for of in (translator(), bounded))
    assert free.shape[1] > 30  # With random weights hardly anything ends by itself.
    assert short.shape[1] == 30 and (short[2] != b"").any()
