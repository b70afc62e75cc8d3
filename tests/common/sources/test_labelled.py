"""Labelled texts from a user's own files, and the messages about wrong ones."""

import csv
import gzip
import io
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InputError
from common.sources.labelled import LabelledReader, label_of
from common.sources.records import LabelledTexts
from common.sources.splits import SPLITS, Splits
from tests.common.sources.data import SHARED, needs


def read(data: str | Path, **options: str) -> Splits[LabelledTexts]:
    return LabelledReader(**options).read(str(data))


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" and isinstance(content, str) else raw)
    return path


def table(rows, delimiter=",") -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows([("id", "text", "label"), *((7, *row) for row in rows)])
    return out.getvalue()


def json_lines(rows) -> str:
    return "".join(json.dumps({"label": label, "text": text, "more": None}) + "\n" for text, label in rows)


def json_array(rows) -> str:
    return json.dumps([{"text": text, "label": label} for text, label in rows], ensure_ascii=False, indent=1)


WRITERS = {
    ".csv": table,
    ".tsv": lambda rows: table(rows, "\t"),
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": json_array,
}


def rows(count: int, prefix: str = "text", classes: tuple[str, ...] = ("neg", "pos")) -> list[tuple]:
    return [(f"{prefix} {n}", classes[n % len(classes)]) for n in range(count)]


def pairs(splits: Splits) -> dict[str, list[tuple[str, str]]]:
    parts = ((split, getattr(splits, split)) for split in SPLITS)
    return {split: list(zip(part.texts, part.labels)) for split, part in parts}


def all_pairs(splits: Splits) -> list[tuple[str, str]]:
    return sorted(pair for part in pairs(splits).values() for pair in part)


def sizes(splits: Splits) -> list[int]:
    return [len(getattr(splits, split)) for split in SPLITS]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(str.strip)
LABELS = st.one_of(TEXTS, st.integers(-9, 9).map(str)).map(label_of)


@pytest.mark.parametrize("zipped", ["", ".gz"])
@pytest.mark.parametrize("suffix", WRITERS)
@settings(max_examples=60, deadline=None)
@given(examples=st.lists(st.tuples(TEXTS, LABELS), min_size=1, max_size=8))
def test_any_text_is_read_back(tmp_path_factory, suffix, zipped, examples):
    path = write(tmp_path_factory.mktemp("own") / f"data{suffix}{zipped}", WRITERS[suffix](examples))
    found = LabelledReader().parts(str(path)).records[None]
    assert [(example.text, example.label) for example in found] == examples


LINES = TEXTS.filter(lambda text: not set(text) & set("\r\n\0"))  # A file of zero bytes is taken for UTF-16.


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(LINES, min_size=1, max_size=8))
def test_any_line_is_read_back(tmp_path_factory, lines):
    path = write(tmp_path_factory.mktemp("own") / "pos.txt", "\n".join(lines) + "\n\n")
    found = LabelledReader().parts(str(path.parent)).records[None]
    assert [example.text for example in found] == lines


@pytest.mark.parametrize("suffix", [".csv", ".tsv.gz", ".jsonl", ".ndjson.gz", ".json"])
def test_given_splits_are_kept(tmp_path, suffix):
    for name, split in zip(("en-train", "en_dev", "test_2016"), SPLITS):
        write(tmp_path / f"{name}{suffix}", WRITERS[suffix.removesuffix(".gz")](rows(6, split)))
    write(tmp_path / "README.txt", "about")
    write(tmp_path / "LICENSE", "free")
    write(tmp_path / ".hidden" / "train.csv", "?")
    splits = read(str(tmp_path))
    assert pairs(splits) == {split: rows(6, split) for split in SPLITS}
    assert splits.source == str(tmp_path)


@pytest.mark.parametrize(
    "names", [("text", "label"), ("Review", "Sentiment"), ("SENTENCE", "class"), (" content", "polarity ")]
)
def test_usual_column_names(tmp_path, names):
    content = table(rows(30)).replace("id,text,label", f"id,{names[0]},{names[1]}")
    assert all_pairs(read(str(write(tmp_path / "a.csv", content)))) == sorted(rows(30))


def test_given_columns_win(tmp_path):
    content = "\n".join(["text,label,Body,stars"] + [f"x,y,body {n},{n % 3}" for n in range(30)])
    splits = read(str(write(tmp_path / "a.csv", content)), text_column="body", label_column="stars")
    assert set(splits.train.labels) == {"0", "1", "2"}
    assert all(text.startswith("body") for text in splits.train.texts)


def test_json_labels_become_strings(tmp_path):
    labels = [0, 1, 1.0, 2.5, True, " so-so "] * 5
    content = json_lines((f"text {n}", label) for n, label in enumerate(labels))
    splits = read(str(write(tmp_path / "a.jsonl", content)))
    assert set(splits.train.labels) == {"0", "1", "2.5", "true", "so-so"}


def test_byte_order_mark_windows_line_ends_and_blank_ends(tmp_path):
    content = "\ufeff" + table(rows(30)) + "\r\n\r\n"
    assert len(read(str(write(tmp_path / "a.csv", content))).train) == 24


def test_file_per_class_with_a_text_a_line(tmp_path):
    for label in ("pos", "neg"):
        lines = "".join(f"{label} {n} naïve\x85 \r\n" for n in range(20))
        write(tmp_path / f"rt-polarity.{label}", lines.encode("latin-1"))
    splits = read(str(tmp_path), encoding="latin-1")
    assert sizes(splits) == [32, 4, 4]
    expected = [(f"{label} {n} naïve\x85 ", label) for label in ("pos", "neg") for n in range(20)]
    assert all_pairs(splits) == sorted(expected)


@pytest.mark.parametrize("form", ["{split}/{label}.txt", "{split}_{label}.txt.gz", "{split}.{label}"])
def test_file_per_class_and_split(tmp_path, form):
    for split, name in zip(SPLITS, ("train", "valid", "test")):
        for label in ("pos", "neg"):
            write(tmp_path / form.format(split=name, label=label), f"{split} {label} 1\n{split} {label} 2\n")
    splits = read(str(tmp_path))
    for split, found in pairs(splits).items():
        assert sorted(found) == [(f"{split} {c} {n}", c) for c in ("neg", "pos") for n in (1, 2)]


def test_sub_folder_per_class(tmp_path):
    for split in ("train", "test"):
        for label in ("pos", "neg", "unsup"):
            for n in range(10):
                write(tmp_path / split / label / f"test_{n}.txt", f"{split} {label} {n}\nsecond line\n")
        write(tmp_path / split / "urls_pos.txt", "not an example\n")
    write(tmp_path / "imdb.vocab", "the\n")
    splits = read(str(tmp_path))
    assert sizes(splits) == [18, 2, 20]
    found = [(text.removesuffix("\nsecond line\n"), label) for text, label in all_pairs(splits)]
    classes = [(split, label) for split in ("test", "train") for label in ("neg", "pos")]
    assert found == [(f"{split} {label} {n}", label) for split, label in classes for n in range(10)]


GOOD = table(rows(30))
BAD_FILES = {
    "no text column": (
        "a.csv",
        "id,body,label\n1,x,pos\n",
        r"a\.csv:1: no column named text or .*'id', 'body', 'label' with --text-column",
    ),
    "no label column": ("a.tsv", "text\tmark\nx\tpos\n", r"a\.tsv:1: .*'text', 'mark' with --label-column"),
    "empty label": ("a.csv", "text,label\nx,pos\ny, \n", r"a\.csv:3: no label in 'label'"),
    "empty text": ("a.tsv", "text\tlabel\nx\tpos\n \tneg\n", r"a\.tsv:3: no text in 'text'"),
    "no text": ("a.jsonl", '{"text": null, "label": 1}\n', r"a\.jsonl:1: no text"),
    "nested label": ("a.jsonl", '{"text": "x", "label": [1]}\n', r"a\.jsonl:1: no label"),
    "missing key": ("a.jsonl", '{"text": "x", "label": 1}\n\n{"text": "y"}\n', r"a\.jsonl:3: no 'label'"),
    "header alone": ("a.csv", "text,label\n", r"a\.csv: .*no examples"),
    "empty": ("a.csv", "\n \n", r"a\.csv: an empty file"),
    "empty gzip": ("a.csv.gz", "", r"a\.csv\.gz: an empty file"),
    "not gzip": ("a.csv.gz", GOOD.encode(), r"a\.csv\.gz: not a whole gzip file"),
    "cut gzip": ("a.csv.gz", gzip.compress(GOOD.encode())[:-20], r"a\.csv\.gz: not a whole gzip file"),
    "bad gzip": ("a.csv.gz", gzip.compress(b"")[:10] + b"\xff" * 40, r"a\.csv\.gz: not a whole gzip file"),
    "encoding": (
        "a.csv",
        "text,label\nx,pos\nna\xefve,neg\n".encode("latin-1"),
        r"a\.csv:3: byte 0xef is not utf-8; .*--encoding latin-1",
    ),
    "unknown type": ("a.xlsx", "PK", r"a\.xlsx: a file of unknown type; \.csv, "),
    "class alone": ("pos.txt", "x\n", r"pos\.txt: .*give their folder"),
    "one class": ("a.csv", table([("x", "pos"), ("y", "pos")]), "only one class to learn, 'pos'"),
    "single example": ("a.csv", table([*rows(30), ("z", "rare")]), r"a\.csv:32: too few .* class 'rare', 1"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_file(tmp_path, case):
    name, content, message = BAD_FILES[case]
    with pytest.raises(InputError, match=message) as caught:
        read(str(write(tmp_path / name, content)))
    assert "\n" not in str(caught.value)


BAD_FOLDERS = {
    "empty": ({"README.md": "x", ".git/a.csv": GOOD}, "a folder without examples"),
    "unknown type": ({"train.csv": GOOD, "notes.docx": "x"}, r"notes\.docx: not one of \.csv"),
    "unknown types": ({"a.parquet": "x", "b.xlsx": "y"}, r"a\.parquet: a file of unknown type"),
    "no split named": ({"train.csv": GOOD, "extra.csv": GOOD}, r"extra\.csv: not named train, dev or test"),
    "test alone": ({"test.csv": GOOD}, "nothing to train on, only test"),
    "unseen label": (
        {"train.csv": GOOD, "test.csv": table([("x", "good")])},
        r"test\.csv:2: label 'good' is not in train, which has neg, pos",
    ),
    "no class named": ({"train.txt": "x\n", "test.txt": "y\n"}, r"test\.txt: named after no class"),
    "line without text": ({"pos.txt": "x\n\ny\n", "neg.txt": "z\n"}, r"pos\.txt:2: an empty line"),
    "empty class file": ({"pos.txt": "x\n", "neg.txt": "\n"}, r"neg\.txt: an empty file"),
    "empty example": ({"pos/1.txt": "x", "neg/1.txt": " "}, r"neg/1\.txt: an empty file"),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_bad_folder(tmp_path, case):
    files, message = BAD_FOLDERS[case]
    for name, content in files.items():
        write(tmp_path / name, content)
    with pytest.raises(InputError, match=message) as caught:
        read(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", ["", "no/such/place"])
def test_missing_path(data):
    with pytest.raises(InputError, match=f"--data {data}: no such file or folder"):
        read(data)


@pytest.mark.parametrize("encoding", ["nope", "base64"])
def test_unknown_encoding(tmp_path, encoding):
    with pytest.raises(InputError, match=f"--encoding {encoding}: "):
        read(str(write(tmp_path / "a.csv", GOOD)), encoding=encoding)


def test_long_fields(tmp_path):
    long = "word " * 100_000
    content = table([*rows(30), (long, "pos"), (long + "x", "neg")])
    assert sum(sizes(read(str(write(tmp_path / "a.csv", content))))) == 32


@needs("imdb")
def test_imdb():
    splits = read(str(SHARED / "imdb"))
    assert sizes(splits) == [22_414, 2_490, 25_000]
    assert Counter(splits.test.labels) == {"0": 12_500, "1": 12_500}


@needs("movie_reviews_mr")
def test_movie_reviews():
    splits = read(str(SHARED / "movie_reviews_mr"), encoding="latin-1")
    assert sizes(splits) == [8_530, 1_066, 1_066]
    assert Counter(splits.test.labels) == {"pos": 533, "neg": 533}
    with pytest.raises(InputError, match=r"rt-polarity\.neg:32: .*--encoding latin-1"):
        read(str(SHARED / "movie_reviews_mr"))


@pytest.mark.parametrize("name", ["test.csv", "sample.csv"])
def test_all_of_a_file_is_the_test_part_of_other_data(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("text,label\none,a\ntwo,b\n")
    assert LabelledReader().parts(str(tmp_path / name)).test().texts == ["one", "two"]
    assert LabelledReader().parts(str(tmp_path)).test().texts == ["one", "two"]


def test_only_the_test_part_of_a_folder_with_train_is_evaluated(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\nlearned,a\n")
    with pytest.raises(InputError, match="no test part"):
        LabelledReader().parts(str(tmp_path)).test()
    (tmp_path / "test.csv").write_text("text,label\nevaluated,b\n")
    assert LabelledReader().parts(str(tmp_path)).test().texts == ["evaluated"]


@pytest.mark.parametrize("name", ["unsup.txt", "train_unlabelled.txt", "train/unlabeled.txt"])
def test_a_file_named_as_without_labels_is_no_class(tmp_path: Path, name: str) -> None:
    for label in ("pos", "neg"):
        write(tmp_path / f"train_{label}.txt", "".join(f"{label} {n}\n" for n in range(20)))
    write(tmp_path / name, "who knows\n")
    splits = read(tmp_path)
    assert set(splits.train.labels) == {"pos", "neg"}
    assert splits.notes == [f"{name} has no labels and is left out"]


@pytest.mark.parametrize("name", ["unlabelled.csv", "unsup.txt"])
def test_texts_without_labels_beside_tables_are_left_out(tmp_path: Path, name: str) -> None:
    write(tmp_path / "train.csv", GOOD)
    write(tmp_path / name, "text\nwho knows\n")
    splits = read(tmp_path)
    assert sum(sizes(splits)) == 30
    assert f"{name} has no labels and is left out" in splits.notes


@pytest.mark.parametrize("name", ["unsup.txt", "unsup/1.txt"])
def test_a_folder_without_any_label_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, "who knows\n")
    with pytest.raises(InputError, match="no labels; predict"):
        LabelledReader().parts(str(tmp_path))


def test_evaluating_beside_a_test_file_without_labels_says_why(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", table(rows(30), "\t"))
    write(tmp_path / "test.tsv", "index\tsentence\n0\tone\n")
    with pytest.raises(InputError, match=r"no test part \(.*test\.tsv has no labels and is left out"):
        LabelledReader().parts(str(tmp_path)).test()


def test_a_split_column_that_gainsays_the_name_of_its_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", "text,label,split\na,x,train\nb,y,test\n")
    write(tmp_path / "test.csv", "text,label,split\nc,x,test\n")
    with pytest.raises(InputError, match=r"train\.csv: named train, and its split column says test"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["split", "Subset", "partition"])
def test_a_file_alone_has_the_splits_of_its_column(tmp_path: Path, name: str) -> None:
    values = ["train", "validation", "test", "TRAIN"]
    content = f"{name},text,label\n" + "".join(f"{values[n % 4]},text {n},{n % 2}\n" for n in range(40))
    found = LabelledReader().parts(str(write(tmp_path / "train.csv", content)))
    assert {split: len(part) for split, part in found.records.items()} == {"train": 20, "validation": 10, "test": 10}
