"""Dirty files of labelled texts, tagged sentences and pairs: read right with a note, or refused in a line."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from common.errors import InputError
from common.sources.labelled import LabelledReader, label_of
from common.sources.parallel import PairReader
from common.sources.splits import FileReader, Parts
from common.sources.tagged import TaggedReader

ROWS = [(f"a text of number {n}", "neg" if n % 2 else "pos") for n in range(40)]


def parts(tmp_path: Path, files: dict[str, str], reader: FileReader) -> Parts:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    return reader.parts(str(tmp_path / next(iter(files)) if len(files) == 1 else tmp_path))


def table(rows, header=("text", "label"), separator: str = ",") -> str:
    return "".join(separator.join(row) + "\n" for row in ([header] if header else []) + list(rows))


def labelled(tmp_path: Path, content: str, name: str = "a.csv", **options) -> Parts:
    return parts(tmp_path, {name: content}, LabelledReader(**options))


LONE = {
    "openings": ['"a text', "b", '"c'],
    "an opening and a later end": ['"a text', "b", 'c 5"'],
    "inside": ['a "text" b', 'say "hello"', "c"],
    "around some, who speak": ['"a text"', "b", "c"],
}


@pytest.mark.parametrize("case", LONE)
def test_lone_quotation_marks_of_tab_separated_texts_are_characters(tmp_path: Path, case: str) -> None:
    rows = [(text, str(n % 2)) for n, text in enumerate(LONE[case])]
    found = labelled(tmp_path, table(rows, separator="\t"), "a.tsv").records[None]
    assert [(example.text, example.label) for example in found] == rows


def test_a_lone_quotation_mark_never_merges_rows_of_comma_separated_texts(tmp_path: Path) -> None:
    rows = [('"wide', "1"), ("b", "0"), ('19"', "1")]
    assert [e.text for e in labelled(tmp_path, table(rows)).records[None]] == ['"wide', "b", '19"']


def test_quoted_cells_with_line_ends_and_separators_are_whole(tmp_path: Path) -> None:
    content = 'text,label\n"one,\ntwo ""2""",pos\n"three",neg\n'
    assert [e.text for e in labelled(tmp_path, content).records[None]] == ['one,\ntwo "2"', "three"]


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ";"), ("a.csv", "\t"), ("a.tsv", ","), ("a.csv", "|")])
def test_the_first_line_tells_another_separator(tmp_path: Path, name: str, separator: str) -> None:
    found = labelled(tmp_path, table(ROWS, separator=separator), name).records[None]
    assert [(e.text, e.label) for e in found] == ROWS


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ((1, 1.0, "1", "1.0", "+1", " 1.00 "), "1"),
        ((-1, -1.0, "-1.0"), "-1"),
        ((True, "True", "TRUE", "true"), "true"),
        (("1.5", 1.5), "1.5"),
        (("é", unicodedata.normalize("NFD", "é")), "é"),
        ((None, [], float("nan"), float("inf")), ""),
        (("1.0.0",), "1.0.0"),
    ],
)
def test_one_label_has_one_form(values: tuple, label: str) -> None:
    assert {label_of(value) for value in values} == {label}


def test_other_columns_are_named(tmp_path: Path) -> None:
    rows = [("7", *row, "x") for row in ROWS]
    splits = labelled(tmp_path, table(rows, ("id", "text", "label", "title"))).splits()
    assert splits.notes == ["columns left out: id, title"]


def test_a_split_column_gives_the_splits(tmp_path: Path) -> None:
    rows = [(("train", "dev", "test")[n % 3], *row) for n, row in enumerate(ROWS)]
    splits = labelled(tmp_path, table(rows, ("Split", "text", "label"))).splits()
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [14, 13, 13]
    assert splits.test.texts == [text for n, (text, _) in enumerate(ROWS) if n % 3 == 2]


def test_a_split_column_of_other_values_is_left_out(tmp_path: Path) -> None:
    rows = [(str(n % 10), *row) for n, row in enumerate(ROWS)]
    splits = labelled(tmp_path, table(rows, ("split", "text", "label"))).splits()
    assert splits.notes == ["columns left out: split"]


@pytest.mark.parametrize("label_first", [False, True])
def test_two_columns_without_names_are_read(tmp_path: Path, label_first: bool) -> None:
    rows = [row[::-1] if label_first else row for row in ROWS]
    found = labelled(tmp_path, table(rows, None, "\t"), "a.tsv")
    assert [(e.text, e.label) for e in found.records[None]] == ROWS
    columns = (2, 1) if label_first else (1, 2)
    assert found.notes == ["a.tsv has no column names; texts are in column {}, labels in {}".format(*columns)]


def cola(source: bool) -> str:
    """Rows as CoLA has them: a source that comes again, a label, a star or nothing, a text."""
    rows = [
        (f"s{n // 10 if source else n}", "10"[n % 3 == 0], "*" * (n % 3 == 0), text) for n, (text, _) in enumerate(ROWS)
    ]
    return table(rows, None, "\t")


def test_more_columns_without_names_are_read_where_their_cells_say_which_is_which(tmp_path: Path) -> None:
    found = labelled(tmp_path, cola(source=False), "a.tsv")
    assert [e.text for e in found.records[None]] == [text for text, _ in ROWS]
    assert {e.label for e in found.records[None]} == {"0", "1"}
    assert found.notes[0] == "a.tsv has no column names; texts are in column 4, labels in 2"


def test_the_longest_of_several_texts_without_names_is_read(tmp_path: Path) -> None:
    rows = [(f'"{n % 4 + 1}"', f'"Title {n}"', "constant", f'"A longer description, of item {n}"') for n in range(40)]
    found = labelled(tmp_path, table(rows, None))
    assert found.records[None][1][:2] == ("A longer description, of item 1", "2")
    assert found.notes == ["a.csv has no column names; texts are in column 4, labels in 1", "columns left out: 2, 3"]


def test_one_column_cannot_hold_texts_and_labels(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.csv:1: 'text' cannot hold both texts and labels"):
        labelled(tmp_path, table(ROWS), label_column="text")


def test_columns_without_names_that_could_be_labels_are_asked_for_by_number(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.tsv:1: no column names; .* --text-column 4 --label-column 1 or 2, of 4"):
        labelled(tmp_path, cola(source=True), "a.tsv")
    found = parts(tmp_path, {"a.tsv": cola(source=True)}, LabelledReader(label_column="2"))
    assert len(found.records[None]) == len(ROWS) and {e.label for e in found.records[None]} == {"0", "1"}
    with pytest.raises(InputError, match=r"no column names; .* --label-column 5, of 4"):
        parts(tmp_path, {"a.tsv": cola(source=True)}, LabelledReader(label_column="5"))


def test_a_separator_is_the_one_that_makes_rows_even(tmp_path: Path) -> None:
    rows = [(text.replace(" ", ", "), label) for text, label in ROWS]
    content = table(rows, ("text, all of it", "label"), ";")
    found = labelled(tmp_path, content, text_column="text, all of it")
    assert [example.text for example in found.records[None]] == [text for text, _ in rows]


@pytest.mark.parametrize(
    "test", ["index\tsentence\n0\tone\n1\ttwo\n", "sentence\tlabel\none\t-1\ntwo\t-1\n"], ids=["no column", "-1"]
)
def test_a_test_file_without_labels_is_left_out(tmp_path: Path, test: str) -> None:
    train = table(ROWS, ("sentence", "label"), "\t")
    splits = parts(tmp_path, {"train.tsv": train, "test.tsv": test}, LabelledReader()).splits()
    assert len(splits.test) == 4
    assert "test.tsv has no labels and is left out" in splits.notes
    assert not {"one", "two"} & {*splits.train.texts, *splits.test.texts}


def test_texts_without_labels_are_not_evaluated(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no column named label .* predict classifies texts without labels"):
        labelled(tmp_path, "index,sentence\n0,one\n")
    with pytest.raises(InputError, match="no labels; predict"):
        files = {f"{name}/test.tsv": "i\ttext\n0\ta\n" for name in "ab"}
        parts(tmp_path / "folder", files, LabelledReader())


def test_kaggles_columns_are_found(tmp_path: Path) -> None:
    rows = [(str(n), "1", *row) for n, row in enumerate(ROWS)]
    content = table(rows, ("PhraseId", "SentenceId", "Phrase", "Sentiment"), "\t")
    assert [(e.text, e.label) for e in labelled(tmp_path, content, "train.tsv").records[None]] == ROWS


def test_of_several_raters_the_majority_decides(tmp_path: Path) -> None:
    one = [(text, "pos" if n == 1 else "neg") for text, _ in ROWS[:20] for n in (1, 2, 3)]  # One of three disagrees.
    two = [(text, label) for text, label in ROWS[20:]]
    splits = labelled(tmp_path, table([*one, *two])).splits()
    found = dict(zip([t for s in (splits.train, splits.validation, splits.test) for t in s.texts],
                     [t for s in (splits.train, splits.validation, splits.test) for t in s.labels]))  # fmt: skip
    assert {found[text] for text, _ in ROWS[:20]} == {"neg"}
    assert any(note.startswith("20 duplicate texts disagree") for note in splits.notes)


LEAKS = {
    "sentiment": (LabelledReader, ".csv", table(ROWS[:30]), table(ROWS[28:34]), "examples"),
    "pos": (
        TaggedReader,
        ".tsv",
        "".join(f"w{n}\tA\nx\tB\n\n" for n in range(30)),
        "".join(f"w{n}\tA\nx\tB\n\n" for n in range(28, 34)),
        "tagged sentences",
    ),
    "translation": (
        PairReader,
        ".tsv",
        "".join(f"s {n}\tt {n}\n" for n in range(30)),
        "".join(f"s {n}\tu {n}\n" for n in range(28, 34)),
        "sentence pairs",
    ),
}


@pytest.mark.parametrize("task", LEAKS)
def test_what_given_splits_share_is_counted_and_may_be_left_out_of_train(tmp_path: Path, task: str) -> None:
    kind, suffix, train, test, noun = LEAKS[task]
    files = {f"train{suffix}": train, f"test{suffix}": test, f"dev{suffix}": test}
    kept = parts(tmp_path, files, kind()).splits()
    assert len(kept.train) == 30
    assert f"2 of 6 {noun} of test are in train as well (--drop-seen leaves them out of it)" in kept.notes
    assert f"6 of 6 {noun} of test are in validation as well" in kept.notes
    dropped = parts(tmp_path, files, kind(drop_seen=True)).splits()
    assert len(dropped.train) == 28
    assert f"2 of 6 {noun} of test are in train as well and were left out of it" in dropped.notes


def test_composed_and_decomposed_texts_are_the_same(tmp_path: Path) -> None:
    content = table([(f"gêné {n}", label) for n, (_, label) in enumerate(ROWS)])
    files = {"train.csv": content, "test.csv": unicodedata.normalize("NFD", content)}
    notes = parts(tmp_path, files, LabelledReader()).splits().notes
    assert any(note.startswith("40 of 40 examples of test are in train") for note in notes)


def test_words_and_pairs_come_in_composed_form(tmp_path: Path) -> None:
    word = unicodedata.normalize("NFD", "gêné")
    tagged = parts(tmp_path, {"a.tsv": f"{word}\tA\n"}, TaggedReader()).test()
    assert tagged.words == [("gêné",)]
    pairs = parts(tmp_path, {"b.tsv": f"{word}\t{word}\n"}, PairReader()).test()
    assert (pairs.sources, pairs.targets) == (["gêné"], ["gêné"])


@pytest.mark.parametrize(
    ("row", "columns"), [("{}\t{}\tCC-BY 2.0 (France)", "1 and 2; 3"), ("12\t{}\t34\t{}", "2 and 4; 1, 3")]
)
def test_pairs_lose_the_columns_of_numbers_and_those_after_the_translation(
    tmp_path: Path, row: str, columns: str
) -> None:
    content = "".join(row.format(f"the {n}", f"le {n}") + "\n" for n in ("cat", "dog"))
    found = parts(tmp_path, {"a.tsv": content}, PairReader())
    assert found.records[None] == [("the cat", "le cat"), ("the dog", "le dog")]
    assert found.notes == [f"a.tsv: sentences are in columns {columns} left out"]


@pytest.mark.parametrize("header", [",en,fr", "id,en,fr", "Unnamed: 0,English,French"])
def test_pairs_lose_the_index_of_a_table(tmp_path: Path, header: str) -> None:
    found = parts(tmp_path, {"a.csv": f"{header}\n0,the cat,le chat\n1,the dog,le chien\n"}, PairReader())
    assert found.records[None] == [("the cat", "le chat"), ("the dog", "le chien")]
    assert found.notes == [
        "a.csv: sentences are in columns 2 and 3; 1 left out",
        "a.csv: column names in the first line left out",
    ]


def test_sentences_without_their_words_are_left_out(tmp_path: Path) -> None:
    row = "1\t{}\t_\tNOUN\t_\t_\t0\troot\t_\t_\n\n"
    found = parts(tmp_path, {"a.conllu": row.format("cat") + row.format("_") + row.format("dog")}, TaggedReader())
    assert [sentence.words for sentence in found.records[None]] == [("cat",), ("dog",)]
    assert found.notes == ["a.conllu: 1 sentence left out, whose words are all '_'"]


@pytest.mark.parametrize("header", ["word\ttag\n", "Token\tPOS\n\n", "FORM\tUPOS\n"])
def test_column_names_are_no_tagged_word(tmp_path: Path, header: str) -> None:
    found = parts(tmp_path, {"a.tsv": f"{header}a\tDET\ncat\tNOUN\n"}, TaggedReader())
    assert found.records[None] == [(("a", "cat"), ("DET", "NOUN"))]
    assert found.notes == ["a.tsv: column names in the first line left out"]


def test_a_word_that_is_tagged_like_others_is_no_header(tmp_path: Path) -> None:
    found = parts(tmp_path, {"a.tsv": "word\tlabel\ncat\tlabel\n"}, TaggedReader())
    assert found.records[None] == [(("word", "cat"), ("label", "label"))]


def test_borders_of_documents_are_no_words(tmp_path: Path) -> None:
    content = "-DOCSTART-\t-X-\n\na\tDET\n\n-DOCSTART- -X- O O\na\tDET\ncat\tNOUN\n"
    found = parts(tmp_path, {"a.tsv": content}, TaggedReader())
    assert [words for words, _ in found.records[None]] == [("a",), ("a", "cat")]
    assert found.notes == ["a.tsv: 2 -DOCSTART- lines, borders of documents, left out"]


CONLL = {
    "2 columns": "EU NNP\nrejects VBZ\n\nPeter NNP\n",
    "CoNLL-2000": "EU NNP B-NP\nrejects VBZ B-VP\n\nPeter NNP B-NP\n",
    "CoNLL-2003": "-DOCSTART- -X- O O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\nPeter NNP B-NP B-PER\n",
    "tabs": "word\tpos\tchunk\nEU\tNNP\tB-NP\nrejects\tVBZ\tB-VP\n\nPeter\tNNP\tB-NP\n",
    "runs of blanks": "EU       NNP\nrejects  VBZ \n \nPeter    NNP\n",
}


@pytest.mark.parametrize("content", CONLL.values(), ids=CONLL)
@pytest.mark.parametrize("name", ["a.txt", "a.conll"])
def test_columns_between_blanks_are_read(tmp_path: Path, name: str, content: str) -> None:
    found = parts(tmp_path, {name: content}, TaggedReader())
    assert found.records[None] == [(("EU", "rejects"), ("NNP", "VBZ")), (("Peter",), ("NNP",))]
    left_out = [note for note in found.notes if "left out" in note and "column 1" in note]
    assert bool(left_out) == ("B-NP" in content)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("EU NNP B-NP\nrejects VBZ\n", r"a\.txt:2: 'rejects VBZ' is not a word, .* and 1 cell more, as in the first"),
        ("1 EU NNP\n2 rejects VBZ\n", r"a\.txt:1: words are numbers that count; put words first"),
        ("a b c d e\n", r"a\.txt:1: 'a b c d e' is not a word"),
        ("the/DT cat/NN\na/DT dog/NN\n", r"a\.txt:1: words joined with their tags"),
        ("a\n", r"a\.txt:1: 'a' is not a word, blanks and a tag"),
    ],
)
def test_wrong_columns_are_refused(tmp_path: Path, content: str, error: str) -> None:
    with pytest.raises(InputError, match=error):
        parts(tmp_path, {"a.txt": content}, TaggedReader())


def conllu(*rows: tuple[str, str, str]) -> str:
    return "".join(f"{n}\t{form}\t_\t{tag}{chr(9)}_\t_\t_\t_\t_\t_\n" for n, form, tag in rows) + "\n"


WRONG_CONLLU = {
    "3-2": (conllu(("1", "a", "X"), ("3-2", "b", "_"), ("2", "b", "X"), ("3", "c", "X")), r":2: 3-2: a range"),
    "no words": (conllu(("1", "_", "X"), ("2", "_", "Y")), "most words are '_'"),
    "full width": (conllu(("１", "a", "X")), r":1: .* is not CoNLL-U"),
    "giant": (conllu(("9" * 5000, "a", "X")), r":1: .* is not CoNLL-U"),
}


@pytest.mark.parametrize("case", WRONG_CONLLU)
def test_wrong_conllu_is_refused_in_a_line(tmp_path: Path, case: str) -> None:
    content, message = WRONG_CONLLU[case]
    with pytest.raises(InputError, match=message) as caught:
        parts(tmp_path, {"a.conllu": content}, TaggedReader())
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a", "label": ' + "1" * 5000 + "}", "thousands of digits"),
        ('{"text": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"text": "a", "label": NaN}', "no label"),
    ],
    ids=["giant integer", "deep", "NaN"],
)
def test_hostile_json_is_refused_in_a_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError, match=rf":1: .*{message}"):
        labelled(tmp_path, content, "a.jsonl")


PAIRS = {
    "quotes of speech stay": ('"Hi," he said\tSalut\n"Yes"\t"Oui"\n', [('"Hi," he said', "Salut"), ('"Yes"', '"Oui"')]),
    "quoted cells are opened": ('"a ""b"""\tc\nd\t"e\tf"\n', [('a "b"', "c"), ("d", "e\tf")]),
    "all cells quoted": ('"a"\t"b"\n"c"\t"d"\n', [("a", "b"), ("c", "d")]),
    "names": ("source\ttarget\na\tb\n", [("a", "b")]),
    "languages": ("en\tfr\na\tb\n", [("a", "b")]),
}  # fmt: skip


@pytest.mark.parametrize("case", PAIRS)
def test_pairs_keep_their_quotes_and_lose_their_header(tmp_path: Path, case: str) -> None:
    content, expected = PAIRS[case]
    assert parts(tmp_path, {"a.tsv": content}, PairReader()).records[None] == expected


@pytest.mark.parametrize("languages", [("eng", "jpn"), ("zh_Hans_CN", "pt-BR"), ("es-419", "sr-Latn")])
def test_languages_have_any_form_of_code(tmp_path: Path, languages: tuple[str, str]) -> None:
    found = parts(
        tmp_path, {f"train.{language}": "a\n" for language in languages}, PairReader(source_language=languages[0])
    )
    assert found.languages == languages


def test_labels_that_differ_in_case_alone_are_said(tmp_path: Path) -> None:
    rows = [(text, "Pos" if label == "pos" and n % 4 == 0 else label) for n, (text, label) in enumerate(ROWS)]
    (note,) = labelled(tmp_path, table(rows)).splits().notes
    assert note == "classes that differ in case alone are different ones: Pos and pos"
    assert not labelled(tmp_path, table(ROWS)).splits().notes


@pytest.mark.parametrize("name", ["SMSSpamCollection", "sms.txt"])
def test_a_file_alone_with_tabs_between_cells_is_a_table(tmp_path: Path, name: str) -> None:
    rows = [(label, text) for text, label in ROWS]
    found = labelled(tmp_path, table(rows, (), "\t"), name).records[None]
    assert [(example.text, example.label) for example in found] == ROWS
    with pytest.raises(InputError, match=r"\.txt with tabs between cells, can be read"):
        labelled(tmp_path, "a text\n", "words.txt")


def test_a_table_without_texts_beside_train_is_left_out(tmp_path: Path) -> None:
    files = {"train.csv": table(ROWS), "sample_submission.csv": "id,label\n1,0\n"}
    found = parts(tmp_path, files, LabelledReader())
    assert found.notes == ["sample_submission.csv has no texts and is left out"] and len(found.records["train"]) == 40


@pytest.mark.parametrize("header", ["Token\tPOS-Tag", "WORD\tPart of speech", "form\tupos_tag"])
def test_column_names_of_several_words_are_no_tagged_word(tmp_path: Path, header: str) -> None:
    found = parts(tmp_path, {"a.tsv": header + "\nthe\tDET\ndog\tNOUN\n"}, TaggedReader())
    assert found.notes == ["a.tsv: column names in the first line left out"]


def test_tags_before_words_and_words_joined_with_tags_are_refused(tmp_path: Path) -> None:
    swapped = "".join(f"{'DET' if n % 2 else 'NOUN'}\tword{n}\n" for n in range(30))
    joined = "the_DET dog_NOUN\nthe_DET big_ADJ dog_NOUN barks_VERB\n"
    unnamed = "1\tIt\tit\tPRON\t_\t_\t0\t_\t_\t_\n"
    for content, said in (
        (swapped, "column 2 has 30 different tags, more than the 2 different words of column 1; write words first"),
        (joined, ":2: words joined with their tags"),
        (unnamed, "let the name end in .conllu if this is CoNLL-U"),
    ):
        with pytest.raises(InputError, match=said):
            parts(tmp_path, {"a.conll": content}, TaggedReader())


@pytest.mark.parametrize("header", ["English\tGerman", "English words/sentences\tFrench words/sentences"])
def test_names_of_languages_are_no_pair(tmp_path: Path, header: str) -> None:
    found = parts(tmp_path, {"a.tsv": header + "\nThe dog.\tDer Hund.\nEnglish\tEnglisch\n"}, PairReader())
    assert [pair.source for pair in found.records[None]] == ["The dog.", "English"]
    assert found.notes == ["a.tsv: column names in the first line left out"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("deu.txt", "The dog.\tDer Hund.\tCC-BY 2.0\nOh, no!\tOh nein!\tCC-BY 2.0\n"),
        ("a.csv", 'The dog.,Der Hund.\n"Oh, no!",Oh nein!\n'),
        ("b.csv", "sep=;\nThe dog.;Der Hund.\nOh, no!;Oh nein!\n"),
    ],
)
def test_pairs_are_read_from_text_with_tabs_and_from_csv(tmp_path: Path, name: str, content: str) -> None:
    found = parts(tmp_path, {name: content}, PairReader()).records[None]
    assert found == [("The dog.", "Der Hund."), ("Oh, no!", "Oh nein!")]
