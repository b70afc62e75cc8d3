"""Scores of captions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from common.scoring.captions import Captions, Written, cells_of_things, looking, right, things_named
from common.sources.embedded.scene_words import claimed
from common.sources.pictures import Pictures

TRUTH = {
    "things": [
        {"noun": "apple", "colour": "red", "count": 1, "boxes": [[0.0, 0.0, 0.3, 0.3]]},
        {"noun": "fish", "colour": "blue", "count": 2, "boxes": [[0.6, 0.6, 0.9, 0.9], [0.6, 0.1, 0.9, 0.4]]},
    ],
    "relation": "left",
    "ground": "sand",
}
TRUE = "two blue fish are right of a red apple"


def captions(*said: str, truths: list | None = None) -> Captions:
    references = [(TRUE, "a red apple left of two blue fish"), ("a brown dog in the snow",)]
    pictures = Pictures(np.zeros((2, 4, 4, 3), np.uint8), references, ["a", "b"], truths or [])
    return Captions([Written.of(one) for one in said], pictures)


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (TRUE, ()),
        ("two blue fish are left of a red apple", ("relations",)),
        ("two blue fish and a red apple", ("relations",)),
        ("a blue fish on the right and a red apple on the left", ("counts", "relations")),
        ("two red fish right of a red apple", ("colours",)),
        ("two blue fish", ("objects", "counts", "colours", "relations")),
    ],
)
def test_what_is_right(said: str, wrong: tuple[str, ...]) -> None:
    found = right(claimed(said), TRUTH)
    if said.startswith("a blue fish"):
        wrong = ("counts",)  # Both sides are said, in the middle only one.
    assert {name for name, value in found.items() if not value} - {"exact"} == set(wrong)
    assert found["exact"] == (not wrong)


def test_looking_at_what_is_named() -> None:
    weights = np.zeros((9, 10, 10))
    weights[2, 7, 7] = weights[8, 9, 0] = 1  # At "fish" on one; at "apple" elsewhere.
    assert looking(Written(TRUE, TRUE.split(), weights), TRUTH) == [True, False]
    assert looking(Written.of(TRUE), TRUTH) == []


def test_perfect_captions_score_as_such_and_others_less() -> None:
    perfect = captions(TRUE, "a brown dog in the snow").scores()
    assert perfect["bleu_4"] == pytest.approx(100) and perfect["bleu_1"] == pytest.approx(100)
    other = captions(TRUE, "a cat").scores()
    assert other["cider"] < perfect["cider"] and other["bleu_1"] < 100
    assert other.keys() == {"bleu_1", "bleu_2", "bleu_3", "bleu_4", "cider", "exact"}
    assert (perfect["exact"], other["exact"]) == (1, 0.5)


def test_truths_add_scores() -> None:
    found = captions(TRUE, TRUE, truths=[TRUTH, TRUTH]).scores()
    assert found["exact"] == found["relations"] == 1 and math.isnan(found["attention"])


def test_captions_that_follow_the_ground_are_counted() -> None:
    tempted = TRUTH | {"tempts": "boat"}
    found = captions("a red boat left of two blue fish", TRUE, truths=[tempted, tempted]).scores()
    assert found["follows_ground"] == 0.5
    assert "follows_ground" not in captions(TRUE, TRUE, truths=[TRUTH, TRUTH]).scores()


def test_words_name_things_and_things_lie_on_cells() -> None:
    named = things_named(["two", "blue", "fish", "left", "of", "a", "red", "apple", "and", "a", "dog"], TRUTH)
    assert named.tolist() == [0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0]
    cells = cells_of_things([TRUTH], 10).reshape(2, 10, 10)
    assert cells[0].sum() == 9 and cells[0, :3, :3].all()
    assert cells[1].sum() == 18 and cells[1, 6:9, 6:9].all() and cells[1, 1:4, 6:9].all()


def test_case_and_marks_do_not_count_and_items_have_the_score_as_their_mean() -> None:
    marked = captions("Two blue fish are right of a red apple!", "A brown dog, in the snow.")
    assert marked.scores() == pytest.approx(captions(TRUE, "a brown dog in the snow").scores())
    assert marked.items().sums[:, 0].mean() == pytest.approx(marked.scores()["cider"])
