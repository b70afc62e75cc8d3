"""Plain taggers."""

from __future__ import annotations

from common.baselines.tags import logistic_regression, most_frequent_tag
from common.sources.records import TaggedSentences


def test_they_know_words_and_their_neighbours() -> None:
    train = TaggedSentences(
        [("the", "run"), ("to", "run"), ("to", "run")] * 5, [("D", "N"), ("P", "V"), ("P", "V")] * 5
    )
    sentences = [("the", "run"), ("to", "run"), ("new",)]
    assert most_frequent_tag(train, sentences) == [["D", "V"], ["P", "V"], ["P"]]
    assert logistic_regression(train, sentences)[:2] == [["D", "N"], ["P", "V"]]
