"""Tagged sentences as CoNLL-U."""

from __future__ import annotations

from pathlib import Path

import pytest
from conllu import parse

from common.errors import InputError
from common.sources.asked import Asked
from common.sources.conllu import conllu_inputs, conllu_writer

RECORDS = [
    {"text": "don't go.", "tokens": ["do", "n't", "go", "."], "tags": ["A", "B", "C", "D"]},
    {"text": "", "tokens": [], "tags": []},
    {"text": "ab a", "tokens": ["a", "b", "a"], "tags": ["X", "Y", "Z"]},
]


def write_conllu(path: Path, records: list[dict], column: str) -> None:
    with conllu_writer(path, column) as write:
        for record in records:  # Each in a chunk of its own.
            write([(Asked(record["text"], {}), record)])


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


TREE = """# newdoc
# sent_id = s1
# text = del mar a
1-2\tdel\t_\t_\t_\t_\t_\t_\t_\t_
1\tde\tde\tX\tIN\tA=1|B=2\t0\troot\t0:root\t_
2\tel\tel\t_\t_\t_\t1\tdet\t_\tGloss=the|x
2.1\tmar\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\t_\tX\t_\t_\t1\tdep\t_\tSpaceAfter=No

1\tb\t_\t_\t_\t_\t_\t_\t_\t_

"""


def test_a_sentence_that_was_conllu_keeps_everything_but_its_tags(tmp_path: Path) -> None:
    (tmp_path / "in.conllu").write_text(TREE)
    inputs = conllu_inputs(tmp_path / "in.conllu", "utf-8")
    asked = list(inputs.read())
    assert [one.given for one in asked] == [("de", "el", "a"), ("b",)] and inputs.count == 2
    assert [one.columns for one in asked] == [{"text": "del mar a", "sent_id": "s1"}, {"text": "b"}]
    with conllu_writer(tmp_path / "out.conllu", "xpos") as write:
        write([(one, {"tags": [f"T{n}" for n, _ in enumerate(one.given)]}) for one in asked])
    expected = TREE.replace("\tX\tIN\t", "\tX\tT0\t").replace("el\tel\t_\t_", "el\tel\t_\tT1")
    expected = expected.replace("\ta\t_\tX\t_", "\ta\t_\tX\tT2").replace("\tb\t_\t_\t_", "\tb\t_\t_\tT0")
    assert (tmp_path / "out.conllu").read_text() == expected


def test_a_line_that_is_not_conllu_is_named(tmp_path: Path) -> None:
    (tmp_path / "in.conllu").write_text(TREE + "1\tb\n")
    with pytest.raises(InputError, match=r"in\.conllu:12: '1\\tb' is not CoNLL-U"):
        conllu_inputs(tmp_path / "in.conllu", "utf-8")
