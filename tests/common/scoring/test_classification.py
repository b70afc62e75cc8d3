"""Scores of classes."""

from __future__ import annotations

import pytest

from common.scoring.classification import Classified


def test_scores_and_report_are_those_of_the_predictions() -> None:
    answers = Classified(["a", "a", "b", "b"], ["a", "a", "a", "b"])
    found = answers.scores()
    assert found["accuracy"] == 0.75
    assert found["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    lines = [line.split() for line in answers.report().splitlines()]
    assert ["a", "2", "1"] in lines and ["b", "0", "1"] in lines


def test_a_class_that_is_only_predicted_counts_in_no_mean() -> None:
    assert Classified(["a", "c"], ["a", "b"]).scores() == {"accuracy": 0.5, "macro_f1": 0.5}
