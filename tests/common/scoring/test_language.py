"""Scores of language models."""

from __future__ import annotations

import math

import numpy as np
import pytest

from common.scoring.language import Length, Likelihoods, by_place


def test_lengths_count_ends_where_they_are_predicted() -> None:
    texts = ["one two\nthree", "é"]
    assert Length.of(texts, ends=False) == (14, 4)
    assert Length.of(texts, ends=True) == (16, 6)


def test_scores_are_those_of_the_same_text_in_other_units() -> None:
    found = Likelihoods(np.full(10, math.log(2)), Length(20, 5)).scores()
    assert found["nats_per_token"] == pytest.approx(math.log(2))
    assert found["bits_per_character"] == pytest.approx(0.5)
    assert found["perplexity_per_word"] == pytest.approx(4)


def test_texts_whose_words_have_no_blanks_between_them_have_no_perplexity_a_word() -> None:
    texts = ["我们今天去看电影。天气很好，\n我很高兴。" * 20]
    found = Likelihoods(np.full(len(texts[0]), 4.0), Length.of(texts, ends=False)).scores()
    assert math.isnan(found["perplexity_per_word"]) and found["bits_per_character"] == pytest.approx(4 / math.log(2))
    assert not math.isnan(Likelihoods(np.ones(3), Length.of(["one two"], ends=True)).scores()["perplexity_per_word"])


def test_places_are_those_in_each_sequence() -> None:
    found = by_place(np.array([1.0, 2, 3, 10, 20]), np.array([3, 2]))
    np.testing.assert_allclose(found, [[5.5, 2], [11, 2], [3, 1]])
    report = Likelihoods(np.ones(5), Length(5, 1), places=found, sample="abc").report()
    assert "0 to 2" in report and f"{36 / 5:.4f}" in report and report.endswith("sample:\nabc\n")
