"""Records to batches and answers back to records, by functions that need no saved model."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from common.serving.asking import answered

TEXTS = {"text": tf.TensorSpec([None], tf.string)}
WORDS = {"tokens": tf.TensorSpec([None, None], tf.string), "times": tf.TensorSpec([], tf.int32)}


def lengths(text: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"upper": tf.strings.upper(text), "length": tf.strings.length(text), "rows": tf.size(text)}


def words(tokens: tf.Tensor, times: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"tokens": tf.strings.join([tokens, "!"]), "times": tf.tile(tf.strings.length(tokens), [1, times])}


def test_answers_come_in_the_order_of_the_records_whatever_the_batches() -> None:
    texts = ["x" * (n * 37 % 11) for n in range(23)]
    answers = answered(lengths, TEXTS, [{"text": text} for text in texts], batch=4)
    assert [answer["upper"] for answer in answers] == [text.upper() for text in texts]
    assert [answer["length"] for answer in answers] == [len(text) for text in texts]
    assert {answer["rows"] for answer in answers} == {4, 3}  # An output of the whole batch.
    assert type(answers[0]["length"]) is int and type(answers[0]["upper"]) is str


def test_texts_of_like_length_share_a_batch() -> None:
    batches = []

    def spied(text: tf.Tensor) -> dict[str, tf.Tensor]:
        batches.append(sorted(text.numpy().tolist()))
        return {"text": text}

    answered(spied, TEXTS, [{"text": text} for text in ("a", "bbbb", "c", "dddd")], batch=2)
    assert batches == [[b"a", b"c"], [b"bbbb", b"dddd"]]


def test_lists_of_words_are_padded_and_scalars_shared() -> None:
    answers = answered(words, WORDS, [{"tokens": ["a", "bc"]}, {"tokens": []}], times=2)
    assert answers[0]["tokens"] == ["a!", "bc!"] and answers[1]["tokens"] == ["!", "!"]
    assert answers[0]["times"].tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize("kind", [np.float32, np.int64])
def test_arrays_are_stacked_and_take_the_type_of_the_input(kind: type) -> None:
    inputs = {"history": tf.TensorSpec([None, None], tf.float32)}
    records = [{"history": np.arange(3, dtype=kind)}, {"history": np.ones(3, kind)}]
    answers = answered(lambda history: {"sum": tf.reduce_sum(history, 1)}, inputs, records)
    assert [answer["sum"] for answer in answers] == [3.0, 3.0]


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    (answer,) = answered(lambda text: {"same": text, "rows": text[:, None]}, TEXTS, [{"text": b"a\xff"}])
    assert answer == {"same": "a\ufffd", "rows": ["a\ufffd"]}


def test_no_records_have_no_answers() -> None:
    assert answered(lengths, TEXTS, []) == []
