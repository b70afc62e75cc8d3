"""Writing and scoring by the graph of a saved model."""

from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from common.decoding.writer import MOST, Writer
from common.layers.stack import RecurrentStack
from common.networks.language import LanguageNetwork
from common.text.pieces import encoded, pieces_of
from common.text.subwords import END, START

TEXTS = ["the old house and the cat \n", "the é cat: old\n"]


@pytest.fixture(scope="module", params=[True, False])
def writer(request: pytest.FixtureRequest) -> Writer:
    pieces = pieces_of("word", TEXTS * 3, size=400)
    network = LanguageNetwork(len(pieces), 8, RecurrentStack("lstm", 8, layers=2, seed=3), seed=3)
    network.build()
    seen = np.unique(np.concatenate(encoded(pieces, TEXTS)))
    return Writer(network, pieces, ends=request.param, seen=seen)


def write(writer: Writer, prompts: list[str], *, state: object = None, length: int = 20, **how: float) -> dict:
    seeds = how.pop("seeds", range(len(prompts)))
    given = (how.get("temperature", 1.0), how.get("top_k", 0), how.get("top_p", 1.0))
    state = tf.zeros((len(prompts), 0)) if state is None else state
    return writer.functions["continue"](
        tf.constant(prompts, tf.string),
        state,
        tf.constant(list(seeds), tf.int32),
        tf.constant(length),
        *map(tf.constant, given),
    )


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4))
@settings(max_examples=8, deadline=None)
def test_written_in_parts_a_text_is_that_written_at_once(writer: Writer, lengths: list[int]) -> None:
    prompts, state, parts = ["the old", "", "é"], None, []
    whole = write(writer, prompts, length=sum(lengths))
    for number, length in enumerate(lengths):
        found = write(writer, prompts if number == 0 else [""] * 3, state=state, length=length)
        state = found["state"]
        parts.append(found["text"].numpy())
    assert [b"".join(row) for row in zip(*parts)] == whole["text"].numpy().tolist()
    going = ~whole["ended"].numpy()
    np.testing.assert_allclose(state.numpy()[going], whole["state"].numpy()[going], atol=1e-5)


def test_a_row_depends_on_no_other(writer: Writer) -> None:
    together = write(writer, ["the", "", "the old house and the cat"], seeds=[5, 6, 7])["text"].numpy().tolist()
    alone = [write(writer, [prompt], seeds=[seed])["text"].numpy()[0] for prompt, seed in (("the", 5), ("", 6))]
    assert together[:2] == alone


def test_the_most_likely_text_is_that_of_no_temperature_and_of_one_token(writer: Writer) -> None:
    cold, one, narrow = (write(writer, ["the"], **how) for how in ({"temperature": 0.0}, {"top_k": 1}, {"top_p": 1e-6}))
    assert cold["text"].numpy() == one["text"].numpy() == narrow["text"].numpy()


def test_it_writes_what_training_had_and_no_end_that_it_has_not_learned(writer: Writer) -> None:
    found = write(writer, [""] * 40, length=30, temperature=1.5)
    assert found["ended"].numpy().any() == writer.ends
    assert set(b"".join(found["text"].numpy()).decode()) <= set("".join(TEXTS))


def test_an_ended_text_stays_ended(writer: Writer) -> None:
    if not writer.ends:
        return
    first = write(writer, [""] * 40, length=30, temperature=1.5)
    more = write(writer, [""] * 40, state=first["state"], length=5)
    ended = first["ended"].numpy()
    assert not any(text for text, end in zip(more["text"].numpy(), ended) if end) and more["ended"].numpy()[ended].all()


def test_scores_are_the_losses_of_the_network(writer: Writer) -> None:
    found = writer.functions["score"](tf.constant(["the old cat", ""]))
    tokens = [START, *encoded(writer.pieces, ["the old cat"])[0].tolist(), END][: None if writer.ends else -1]
    read, reference = (tf.constant([side], tf.int32) for side in (tokens[:-1], tokens[1:]))
    keep = tf.cast(tf.range(len(tokens) - 1) > 0, tf.float32)[None]
    outputs, _ = writer.network({"tokens": read, "reference": reference, "keep": keep, "sequence": 0 * read})
    np.testing.assert_allclose(found["log_probability"][0], -outputs[0, :, 0], rtol=1e-4)
    names = [name for name in found["tokens"].numpy()[0].tolist() if name]
    assert b"".join(names) == b"the old cat" + (b"<end>" if writer.ends else b"")
    assert found["tokens"].numpy()[1].tolist()[0] == (b"<end>" if writer.ends else b"")


def test_a_long_text_is_scored_in_chunks_with_the_scores_of_one_pass(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if writer.ends:  # Ends make no difference here.
        return
    texts, losses, seen = ["the old house and the cat é: old house", "", "the old", "the é"], writer.network.losses, []

    def counting(x: tf.Tensor, reference: tf.Tensor) -> tf.Tensor:
        tf.numpy_function(lambda steps: seen.append(int(steps)), [tf.shape(x)[1]], [])
        return losses(x, reference)

    monkeypatch.setattr("common.decoding.writer.CHUNK", 3)
    monkeypatch.setattr(writer.network, "losses", counting)
    short = Writer(writer.network, writer.pieces, ends=writer.ends, seen=np.arange(2))
    asked = tf.constant(texts), tf.zeros((len(texts), 0))
    found, whole = (each.functions["stream"](*asked) for each in (short, writer))
    np.testing.assert_array_equal(found["tokens"], whole["tokens"])
    np.testing.assert_allclose(found["log_probability"], whole["log_probability"], rtol=1e-4)
    np.testing.assert_allclose(found["state"], whole["state"], atol=1e-5)
    assert max(seen) == 3 and len(seen) > 4


@given(cuts=st.sets(st.integers(0, 4), max_size=3))
@settings(max_examples=8, deadline=None)
def test_read_in_chunks_a_text_has_the_scores_of_one_pass(writer: Writer, cuts: set[int]) -> None:
    lines = ["the old\n", "cat\n", "é: house\n", "and the\n", "old cat\n"]
    borders = [0, *sorted(cuts), 5]
    state, found = tf.zeros((1, 0)), []
    for first, end in pairwise(borders):
        answer = writer.functions["stream"](tf.constant(["".join(lines[first:end])]), state)
        state = answer["state"]
        found += [x for x, name in zip(answer["log_probability"].numpy()[0], answer["tokens"].numpy()[0]) if name]
    whole = writer.functions["stream"](tf.constant(["".join(lines)]), tf.zeros((1, 0)))
    np.testing.assert_allclose(found, whole["log_probability"][0], rtol=1e-4)


def test_the_next_token_has_a_distribution(writer: Writer) -> None:
    found = writer.functions["next"](tf.constant([START, START]), tf.zeros((2, 0)))
    np.testing.assert_allclose(tf.reduce_sum(tf.exp(found["log_probabilities"]), 1), 1, rtol=1e-5)
    first = writer.functions["score"](tf.constant(["the"]))["log_probability"][0, 0]
    token = encoded(writer.pieces, ["the"])[0][0]
    np.testing.assert_allclose(found["log_probabilities"][0, token], first, rtol=1e-4)


def test_the_default_signature_writes_text_and_has_a_bound(writer: Writer) -> None:
    more = (tf.constant(0.8), tf.constant(0.9), tf.constant(1))
    found = writer.functions["serving_default"](tf.constant(["the", "the"]), tf.constant(6), *more)["text"].numpy()
    assert found[0] == found[1] and isinstance(found[0].decode(), str)
    with pytest.raises(tf.errors.InvalidArgumentError, match="length"):
        writer.functions["serving_default"](tf.constant(["the"]), tf.constant(MOST + 1), *more)


@pytest.fixture(scope="module")
def backward(writer: Writer) -> Writer:
    return Writer(writer.network, writer.pieces, ends=writer.ends, seen=np.arange(len(writer.pieces)), backward=True)


def test_read_from_its_end_a_text_is_scored_last_piece_first(writer: Writer, backward: Writer) -> None:
    texts = ["the old house", "é"]
    found = backward.functions["score"](tf.constant(texts))
    for row, text in enumerate(texts):
        ids = [*writer.pieces(tf.constant([text]))[0].numpy()[::-1], *([END] if writer.ends else [])]
        losses = writer.network.losses(writer.network.read(tf.constant([[START, *ids[:-1]]])), tf.constant([ids]))
        many = len(ids)
        np.testing.assert_allclose(found["log_probability"][row, :many], -losses[0, :, 0], atol=1e-5)
        names = [writer.pieces.names[n].encode() for n in ids]
        assert found["tokens"][row].numpy().tolist()[:many] == names
        assert not found["log_probability"][row, many:].numpy().any()


def test_read_from_its_end_a_text_is_written_before_what_is_there(backward: Writer) -> None:
    prompts = ["house and the cat"] * 12
    whole = write(backward, prompts, length=6, temperature=2.0)["text"].numpy()
    first = write(backward, prompts, length=2, temperature=2.0)
    then = write(backward, [""] * 12, state=first["state"], length=4, temperature=2.0)["text"].numpy()
    assert (whole == then + first["text"].numpy()).all()
    assert (first["text"].numpy() != b"").any() and (then != b"").any()
