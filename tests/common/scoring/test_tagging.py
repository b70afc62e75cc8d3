"""Scores of tags."""

from __future__ import annotations

import math

import pytest

from common.scoring.tagging import Tagged


def test_scores_are_those_of_the_predictions() -> None:
    answers = Tagged([["A", "A"], ["A"]], [["A", "B"], ["A"]], [[True, False], [False]])
    assert answers.scores() == {
        "accuracy": pytest.approx(2 / 3),
        "accuracy_unseen": 0.5,
        "sentence_accuracy": 0.5,
    }
    assert "0.6667" in answers.report()


def test_there_is_no_score_of_unseen_words_where_all_were_seen() -> None:
    assert math.isnan(Tagged([["A"]], [["A"]], [[True]]).scores()["accuracy_unseen"])
