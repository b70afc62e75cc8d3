"""Tagged sentences from files of all kinds, and the messages about wrong ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from common.errors import InputError
from common.sources.records import Sentence, TaggedSentences
from common.sources.splits import Splits
from common.sources.tagged import FORMATS, Column, TaggedReader, of_conllu

CONLLU = """# sent_id = 1
# text = Vámonos al mar
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\tV\t_\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\tP\t_\t1\tobj\t_\t_
3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\ta\tADP\tA\t_\t5\tcase\t_\t_
4\tel\tel\tDET\tD\t_\t5\tdet\t_\t_
5\tmar\tmar\tNOUN\tN\t_\t1\tobl\t_\t_
5.1\tfue\tir\tVERB\tV\t_\t_\t_\t1:conj\t_

# sent_id = 2
1\t#\t#\tSYM\tS\t_\t0\troot\t_\t_
2\tdos palabras\tx\tX\tF\t_\t0\troot\t_\t_
"""


def read(data: str | Path, column: Column = "upos") -> Splits[TaggedSentences]:
    return TaggedReader(column=column).read(str(data))


def read_test(data: str | Path) -> TaggedSentences:
    return TaggedReader().parts(str(data)).test()


def rows(*sentences: str) -> str:
    """`a/X b/Y` as two columns."""
    return "\n\n".join("\n".join(pair.replace("/", "\t") for pair in s.split()) for s in sentences) + "\n"


def test_syntactic_words_without_multiword_tokens_and_empty_nodes() -> None:
    first, second = of_conllu(CONLLU, "x", "upos")
    assert first == Sentence(("Vamos", "nos", "a", "el", "mar"), ("VERB", "PRON", "ADP", "DET", "NOUN"))
    assert second == Sentence(("#", "dos palabras"), ("SYM", "X"))
    assert next(of_conllu(CONLLU, "x", "xpos")).tags == ("V", "P", "A", "D", "N")
    assert list(of_conllu(CONLLU.replace("\n", "\r\n"), "x", "upos")) == [first, second]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("3\ta\ta\tADP", "3\ta\ta\t_", 7, "no UPOS tag; .*--column xpos"),
        ("4\tel\tel", "four el el", 8, ".*not CoNLL-U"),
        ("2\tdos palabras\tx\tX\tF\t_\t0\troot\t_\t_", "2\tdos", 14, ".*nine columns"),
        ("3-4\tal", "  # an indented comment\n3-4\tal", 6, ".*an indented comment.* is not CoNLL-U"),
        ("3\ta\t", "3\t\t", 7, ".*not CoNLL-U"),
        ("3\ta\ta\tADP", "3\ta\ta\t ", 7, ".*not CoNLL-U"),
        ("3\ta\ta\t", "_\ta\ta\t", 7, ".*not CoNLL-U"),
        ("3\ta\ta\tADP", "3  a  a  ADP", 7, ".*not CoNLL-U"),
        ("5\tcase\t_\t_", "5\tcase\t_\t_\t_", 7, ".*not CoNLL-U"),
        ("dos palabras", "dos  palabras", 14, "two blanks in a row"),
        ("2\tdos palabras", "1\tdos palabras", 14, "word 1 where word 2 should be; put a blank line before it"),
        ("5\tmar", "6\tmar", 9, "word 6 where word 5 should be$"),
        ("3\ta\ta\tADP", "3\ta\ta\tADP ", 7, "'ADP ': a tag has no blanks"),
    ],
)
def test_a_wrong_line_is_named(old: str, new: str, line: int, message: str, tmp_path: Path) -> None:
    file = tmp_path / "train.conllu"
    file.write_text(CONLLU.replace(old, new))
    assert old in CONLLU
    with pytest.raises(InputError, match=rf"train\.conllu:{line}: {message}") as caught:
        read(str(file))
    assert "\n" not in str(caught.value)


WORD = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=6)


@given(st.lists(st.lists(st.tuples(WORD, st.sampled_from("NVA")), min_size=1, max_size=5), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_any_two_columns_are_read_back(sentences: list) -> None:
    written = "\n\n\n".join("\n".join(f"{w}\t{t}" for w, t in sentence) for sentence in sentences)
    found = list(FORMATS[".tsv"](written, "x", "upos"))
    assert found == [Sentence(*(tuple(c) for c in zip(*sentence))) for sentence in sentences]


def test_a_single_column_of_tags_has_no_other(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text(rows(*(f"a{n}/X b/Y" for n in range(20))))
    for path in (tmp_path, tmp_path / "train.tsv"):
        with pytest.raises(InputError, match=r"--column xpos: .* has a single column of tags; leave it out"):
            read(str(path), "xpos")


@pytest.mark.parametrize("line", ["word", "word\tN\tmore", "\tN", "word\t"])
def test_a_line_that_is_not_two_columns_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "all.tsv").write_text(rows("a/X b/Y") + line + "\n")
    with pytest.raises(InputError, match=r"all\.tsv:3: .*a word, a tab and a tag"):
        read(str(tmp_path / "all.tsv"))


def test_a_folder_of_named_parts_gzip_as_it_is(tmp_path: Path) -> None:
    for part, text in (("train", rows("a/X b/Y", "c/X")), ("dev", rows("d/X")), ("test", rows("e/Y"))):
        (tmp_path / f"xx-ud-{part}.tsv.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "README.txt").write_text("about")
    splits = read(str(tmp_path))
    assert splits.train == TaggedSentences([("a", "b"), ("c",)], [("X", "Y"), ("X",)])
    assert (splits.validation.words, splits.test.words) == ([("d",)], [("e",)])
    assert read_test(str(tmp_path)) == splits.test


def test_raw_texts_next_to_a_treebank_are_left_alone(tmp_path: Path) -> None:
    for part in ("train", "dev", "test"):
        (tmp_path / f"{part}.conllu").write_text(CONLLU)
        (tmp_path / f"{part}.txt").write_text("Vámonos al mar")
    assert len(read(str(tmp_path)).train) == 2


def test_missing_parts_are_cut_from_train_without_repeated_sentences(tmp_path: Path) -> None:
    sentences = [f"w{n}/X v{n}/Y" for n in range(30)]
    (tmp_path / "all.txt").write_text(rows(*sentences, *sentences[:7]))
    splits = read(str(tmp_path / "all.txt"))
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [24, 3, 3]
    assert len({*splits.train.words, *splits.validation.words, *splits.test.words}) == 30
    assert "7 repeated sentences dropped" in splits.source
    assert read(str(tmp_path / "all.txt")) == splits
    assert len(read_test(str(tmp_path / "all.txt"))) == 37


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "a folder without tagged sentences"),
        ({"train.tsv": "a\tX\n", "more.tsv": "b\tY\n"}, r"more\.tsv: not named train, dev or test"),
        ({"train.tsv": "a\tX\n\nb\tY\n"}, "too few different sentences, 2, to cut"),
        ({"dev.tsv": "a\tX\n", "test.tsv": "a\tX\n"}, "nothing to train on, only validation and test"),
        (
            {"train.conllu": CONLLU, "dev.tsv": "a\tX\n", "train.txt": "Vámonos"},
            r"dev\.tsv: next to \.conllu files only those are read",
        ),
        ({"train.tsv": "\n \n"}, r"train\.tsv: an empty file"),
        ({"train.conllu": "# only a comment\n\n"}, r"train\.conllu: holds no tagged words"),
    ],
)
def test_a_wrong_folder_is_refused(files: dict[str, str], message: str, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read(str(tmp_path))


def test_paths_and_types_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        read(str(tmp_path / "none"))
    (tmp_path / "x.csv").write_text("a,b")
    with pytest.raises(InputError, match=r"x\.csv: a file of unknown type; \.conllu, or"):
        read(str(tmp_path / "x.csv"))
    with pytest.raises(InputError, match="train and no test part"):
        (tmp_path / "train.tsv").write_text("a\tX\n")
        read_test(str(tmp_path))


def test_column_names_after_blank_lines_and_windows_line_ends_are_no_tagged_word(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes(b"\r\nword\ttag\r\na\tDET\r\n")
    assert read_test(tmp_path / "a.tsv").words == [("a",)]


def test_borders_of_documents_in_conllu_are_no_sentences(tmp_path: Path) -> None:
    border = "1\t-DOCSTART-\t_\t-X-\t_\t_\t_\t_\t_\t_\n\n"
    (tmp_path / "a.conllu").write_text(border + CONLLU + "\n" + border)
    found = TaggedReader().parts(str(tmp_path / "a.conllu"))
    assert len(found.records[None]) == 2
    assert found.notes == ["a.conllu: 2 -DOCSTART- lines, borders of documents, left out"]
