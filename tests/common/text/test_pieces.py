"""Pieces of any level: every text comes back."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from common.text.blocks import Block
from common.text.pieces import chunked, chunks, encoded, pieces_of, with_context
from common.text.scripts import Level
from common.text.subwords import Subwords

TEXTS = ["The old house, the old cat.\nDas Haus: über 30 %!", "한국어 말뭉치 한국어 \U0001f600", "the old house"]


@pytest.fixture(scope="module", params=get_args(Level))
def pieces(request: pytest.FixtureRequest) -> Subwords:
    return pieces_of(request.param, TEXTS, size=300)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
@settings(max_examples=6, deadline=None)
def test_every_text_comes_back(pieces: Subwords, texts: list[str]) -> None:
    texts = [text.encode(errors="ignore").decode() for text in texts]
    numbers = encoded(pieces, texts)
    written = [pieces.decode(tf.constant(one[None])).numpy()[0].decode() for one in numbers]
    assert written == texts


def test_tokens_are_those_of_the_level() -> None:
    found = {}
    for level in get_args(Level):
        pieces = pieces_of(level, TEXTS * 2, size=300)
        found[level] = pieces.spelled(encoded(pieces, ["the old dog"])[0])
    assert found["character"] == list("the old dog")
    assert found["word"] == ["the", " old", *" dog"]
    assert "".join(found["subword"]) == "the old dog"


@given(st.text("ab\n", max_size=60), st.integers(1, 12))
@settings(max_examples=50)
def test_chunks_are_the_text_and_end_with_lines(text: str, most: int) -> None:
    found = list(chunks(text, most))
    assert "".join(found) == text
    assert all(len(chunk) <= 2 * most for chunk in found)
    assert all(chunk.endswith("\n") or len(chunk) == most for chunk in found[:-1])


def test_pieces_follow_their_contexts() -> None:
    text = "".join(f"line {n}\n" for n in range(200))
    cut = list(with_context(text, pieces=8, context=50))
    assert "".join(piece.text for piece in cut) == text and 6 <= len(cut) <= 9
    for before, piece in zip(np.cumsum([0, *(len(one.text) for one in cut)]), cut):
        assert text[:before].endswith(piece.context) and (50 <= len(piece.context) <= 100 or not before)


@given(
    texts=st.lists(st.text("ab\n", max_size=60), max_size=3),
    most=st.integers(1, 12),
    cuts=st.lists(st.integers(0, 60), max_size=8),
)
def test_texts_in_blocks_have_the_chunks_of_whole_texts(texts: list[str], most: int, cuts: list[int]) -> None:
    blocks = []
    for text in texts:
        borders = [0, *sorted(cuts), len(text)]
        blocks += [Block(text[first:end], False) for first, end in pairwise(borders)]
        blocks[-1] = blocks[-1]._replace(ends=True)
    found: list[list[str]] = [[]]
    for chunk in chunked(blocks, most):
        found[-1].append(chunk.text)
        if chunk.ends:
            found.append([])
    assert found[:-1] == [list(chunks(text, most)) for text in texts]


def test_a_long_text_is_encoded_as_its_chunks_are() -> None:
    pieces, text = pieces_of("character", TEXTS, size=300), "ab\n" * 40_000
    assert len(encoded(pieces, [text])[0]) == len(text)


@given(text=st.text(alphabet="ab \n", max_size=400))
def test_read_from_its_end_pieces_come_last_first_and_contexts_stand_after_them(text: str) -> None:
    cut = list(with_context(text, pieces=8, context=50, backward=True))
    assert "".join(piece.text for piece in reversed(cut)) == text
    at = len(text)
    for piece in cut:
        assert text[at:].startswith(piece.context)
        at -= len(piece.text)
    assert not cut[0].context
