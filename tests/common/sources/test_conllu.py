"""Tagged sentences as CoNLL-U."""

from __future__ import annotations

from pathlib import Path

import pytest
from conllu import parse

from common.sources.conllu import write_conllu

RECORDS = [
    {"text": "don't go.", "tokens": ["do", "n't", "go", "."], "tags": ["A", "B", "C", "D"]},
    {"text": "", "tokens": [], "tags": []},
    {"text": "ab a", "tokens": ["a", "b", "a"], "tags": ["X", "Y", "Z"]},
]


@pytest.mark.parametrize(("column", "other"), [("upos", "xpos"), ("xpos", "upos")])
def test_words_with_their_tags_in_one_column_and_nothing_in_the_others(column, other, tmp_path: Path) -> None:
    write_conllu(tmp_path / "x.conllu", RECORDS, column)
    found = parse((tmp_path / "x.conllu").read_text("utf-8"))
    assert [sentence.metadata["sent_id"] for sentence in found] == ["1", "3"]  # One without words has a number too.
    assert [sentence.metadata["text"] for sentence in found] == ["don't go.", "ab a"]
    assert [[(token["id"], token["form"], token[column]) for token in sentence] for sentence in found] == [
        [(1, "do", "A"), (2, "n't", "B"), (3, "go", "C"), (4, ".", "D")],
        [(1, "a", "X"), (2, "b", "Y"), (3, "a", "Z")],
    ]
    assert {token[name] for sentence in found for token in sentence for name in (other, "lemma")} <= {None, "_"}


def test_words_without_a_blank_between_them_are_marked(tmp_path: Path) -> None:
    write_conllu(tmp_path / "x.conllu", RECORDS, "upos")
    first, second = parse((tmp_path / "x.conllu").read_text("utf-8"))
    no_blank = {"SpaceAfter": "No"}
    assert [token["misc"] for token in first] == [no_blank, None, no_blank, None]
    assert [token["misc"] for token in second] == [no_blank, None, None]
