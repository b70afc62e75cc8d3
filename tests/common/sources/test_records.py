"""How each kind of records is split where splits are missing."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InputError
from common.sources.records import (
    Example,
    LabelledTexts,
    Pair,
    Pairs,
    Sentence,
    TaggedSentences,
    normalised,
    split_by_hash,
)
from common.sources.splits import SPLITS, Parts, Splits


def completed(parts: dict[str, list[Example]]) -> Splits[LabelledTexts]:
    return Parts(LabelledTexts, parts, "here").splits()


def rows(count: int, prefix: str, classes: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(f"{prefix} {n}", classes[n % len(classes)]) for n in range(count)]


def pairs(splits: Splits[LabelledTexts]) -> dict[str, list[tuple[str, str]]]:
    parts = ((split, getattr(splits, split)) for split in SPLITS)
    return {split: list(zip(part.texts, part.labels)) for split, part in parts}


def all_pairs(splits: Splits[LabelledTexts]) -> list[tuple[str, str]]:
    return sorted(pair for part in pairs(splits).values() for pair in part)


def sizes(splits: Splits) -> list[int]:
    return [len(getattr(splits, split)) for split in SPLITS]


def examples(count: int, prefix: str) -> list[Example]:
    return [Example(text, label, "here:1") for text, label in rows(count, prefix, ("a", "b", "b", "b"))]


@pytest.mark.parametrize(
    ("given_parts", "expected"),
    [
        ({"train": 100}, [80, 10, 10]),
        ({"train": 100, "test": 7}, [90, 10, 7]),
        ({"train": 100, "validation": 7}, [90, 7, 10]),
        ({"train": 100, "validation": 7, "test": 8}, [100, 7, 8]),
        ({"train": 12}, [8, 2, 2]),
    ],
)
def test_missing_splits_are_cut_from_train_alone(given_parts, expected):
    parts = {split: examples(count, split) for split, count in given_parts.items()}
    splits = completed(parts)
    assert sizes(splits) == expected
    for split in SPLITS:
        origin = split if split in parts else "train"
        assert all(text.startswith(origin) for text in getattr(splits, split).texts)
    assert all_pairs(splits) == sorted(example[:2] for part in parts.values() for example in part)


@settings(max_examples=100, deadline=None)
@given(counts=st.lists(st.integers(3, 40), min_size=2, max_size=12))
def test_three_texts_a_class_are_enough(counts):
    labels = [str(label) for label, count in enumerate(counts) for _ in range(count)]
    train = [Example(f"text {n}", label, "here:1") for n, label in enumerate(labels)]
    splits = completed({"train": train})
    assert sum(sizes(splits)) == len(train)
    assert set(splits.train.labels) == set(labels)


def test_a_label_lost_with_its_duplicates_is_not_in_train():
    train = [*examples(40, "x"), Example("x 0", "c", "here:1")]
    with pytest.raises(InputError, match="here:2: label 'c' is not in train"):
        completed({"train": train, "test": [Example("y", "c", "here:2")]})


def test_cut_is_stratified_and_always_the_same():
    splits = completed({"train": examples(400, "x")})
    assert Counter(splits.test.labels) == Counter(splits.validation.labels) == {"a": 10, "b": 30}
    assert completed({"train": examples(400, "x")}) == splits


def test_duplicates_stand_on_one_side():
    doubled = examples(60, "x") + [Example(f" {e.text}\n", e.label, e.place) for e in examples(60, "x")]
    splits = completed({"train": doubled})
    texts = [{text.strip() for text, _ in part} for part in pairs(splits).values()]
    assert not any(one & other for one, other in combinations(texts, 2))
    assert sum(sizes(splits)) == 60
    assert "60 duplicate texts dropped" in splits.source


def test_duplicates_in_given_splits_are_left_alone():
    splits = completed({split: examples(8, "x") * 2 for split in SPLITS})
    assert len(splits.train) == 16


def test_one_tag_is_nothing_to_learn() -> None:
    part = [Sentence(("a",), ("X",))]
    with pytest.raises(InputError, match="only one tag"):
        Parts(TaggedSentences, dict.fromkeys(SPLITS, part), "made").splits()


def test_a_repeated_sentence_keeps_its_first_tags_and_its_last_place() -> None:
    one, other, again = (Sentence((word,), (tag,)) for word, tag in (("a", "X"), ("b", "Y"), ("a", "Z")))
    assert TaggedSentences.distinct([one, other, again]) == [other, one]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Delete %(count)d files?", "delete files"),
        ("Page 7 of 12", "page 1 of 3."),
        ("Hello, {name}!", "hello <b>{user.name}</b>"),
        ("100 % sure", "100% SURE"),
        ("Salt &amp; Pepper", "salt, pepper"),
        ("STRASSE", "Straße"),
    ],
)
def test_near_duplicates_go_together(one: str, other: str) -> None:
    assert normalised(one) == normalised(other) != ""
    assert split_by_hash(one) == split_by_hash(other)


def test_of_a_hundred_about_ninety_five_and_five() -> None:
    words = (chr(97 + n // 676) + chr(97 + n // 26 % 26) + chr(97 + n % 26) for n in range(17_576))
    counts = Counter(map(split_by_hash, words))
    assert [counts[split] / 17_576 for split in SPLITS] == pytest.approx([0.9, 0.05, 0.05], abs=0.005)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz")), max_size=30))
@settings(max_examples=50, deadline=None)
def test_the_most_frequent_translation_then_the_first(rows: list[tuple[str, str]]) -> None:
    pairs = [Pair(*row) for row in rows]
    kept = Pairs.distinct(pairs)
    assert [pair.source for pair in kept] == list(dict.fromkeys(pair.source for pair in pairs))
    for source, target in kept:
        counts = Counter(pair.target for pair in pairs if pair.source == source)
        assert counts.most_common(1)[0][0] == target


def test_parts_that_are_given_stay_as_they_are() -> None:
    part = [Pair("a", "b"), Pair("a", "c")]
    splits = Parts(Pairs, dict.fromkeys(SPLITS, part), "made", languages=("en", "de")).splits()
    assert splits.train == splits.test == Pairs(["a", "a"], ["b", "c"])
    assert (splits.source, splits.languages) == ("made", ("en", "de"))


def test_splits_stay_the_same() -> None:
    """Scores of different versions can be compared on the same splits only."""
    examples = [Example(f"text {n}", "ab"[n % 2], "here") for n in range(40)]
    labelled = Parts(LabelledTexts, {None: examples}, "here").splits()
    assert labelled.test.texts == ["text 4", "text 17", "text 19", "text 20"]
    assert labelled.validation.texts == ["text 1", "text 6", "text 21", "text 24"]
    sentences = [Sentence((f"w{n}",), ("XY"[n % 2],)) for n in range(30)]
    tagged = Parts(TaggedSentences, {None: sentences}, "here").splits()
    assert tagged.test.words == [("w18",), ("w23",), ("w27",)]
    assert tagged.validation.words == [("w13",), ("w22",), ("w25",)]
