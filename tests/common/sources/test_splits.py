"""Splits that are missing, and the test part of a model's other data."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import InputError
from common.sources.records import Example, LabelledTexts, Pair, Pairs, Sentence, TaggedSentences
from common.sources.splits import Parts, Records, read_by_role

KINDS: dict[type[Records], list] = {
    LabelledTexts: [Example(f"text {n}", "ab"[n % 2], "here:1") for n in range(500)],
    TaggedSentences: [Sentence((f"w{n}", "v"), ("X", "Y")) for n in range(500)],
    Pairs: [Pair("the " + chr(97 + n // 26) + chr(97 + n % 26), f"das {n}") for n in range(500)],
}
KIND = pytest.mark.parametrize("kind", KINDS)


@KIND
def test_nothing_to_train_on(kind: type[Records]) -> None:
    records = KINDS[kind]
    with pytest.raises(InputError, match=r"^here: nothing to train on, only test; give a train part as well$"):
        Parts(kind, {"test": records}, "here").splits()
    with pytest.raises(InputError, match=f"^here: nothing to train on, only no {kind.noun}; give a train part"):
        Parts(kind, {}, "here").splits()


@KIND
def test_records_of_no_split_are_train_and_given_splits_stay(kind: type[Records]) -> None:
    records = KINDS[kind]
    splits = Parts(kind, {None: records}, "here").splits()
    assert len(splits.train) + len(splits.validation) + len(splits.test) == len(records)
    assert splits == Parts(kind, {"train": records}, "here").splits()
    cut = " and ".join(kind.cut_first)
    assert splits.source == f"here ({cut} cut from train {kind.way})"
    whole = Parts(kind, {"train": records, "validation": records[:3], "test": records[:5]}, "here").splits()
    assert (whole.train, len(whole.validation), len(whole.test), whole.source) == (kind.of(records), 3, 5, "here")


@KIND
def test_duplicates_are_dropped_where_train_is_cut(kind: type[Records]) -> None:
    records = KINDS[kind]
    splits = Parts(kind, {"train": records + records[:7], "validation": records[:3]}, "here").splits()
    assert f"(test cut from train {kind.way}, 7 {kind.repeated} dropped)" in splits.source
    assert len(splits.train) + len(splits.test) == len(records)


@KIND
def test_the_test_part(kind: type[Records]) -> None:
    records = KINDS[kind]
    for parts in ({None: records}, {"validation": records}, {"train": records[:3], "test": records}):
        assert Parts(kind, parts, "here").test() == kind.of(records)
    with pytest.raises(InputError, match=r"^--data here: has train and no test part; name one file test$"):
        Parts(kind, {"train": records}, "here").test()
    with pytest.raises(InputError, match="has validation and train and no test part"):
        Parts(kind, {"validation": records, "train": records}, "here").test()


def test_names_give_splits_everywhere_or_nowhere() -> None:
    def read(path: Path) -> list[Pair]:
        return [Pair(path.name, "x")]

    roles = {Path("a"): "train", Path("b"): "test", Path("c"): "train"}
    assert read_by_role(roles, read) == {"train": [Pair("a", "x"), Pair("c", "x")], "test": [Pair("b", "x")]}
    assert read_by_role({Path("a"): None, Path("b"): None}, read) == {None: [Pair("a", "x"), Pair("b", "x")]}
    with pytest.raises(InputError, match=r"^b: not named train, dev or test as others are; rename it$"):
        read_by_role(roles | {Path("b"): None}, read)
