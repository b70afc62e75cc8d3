"""TFDS data sets by name."""

from __future__ import annotations

import contextlib
import difflib
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import InputError
from common.sources.files import role_of
from common.sources.labelled import TEXT_NAMES, LabelledReader, find_column, label_of
from common.sources.parallel import PairReader
from common.sources.pictures import CAPTION_NAMES, Picture, PictureReader, Pictures, decoded
from common.sources.plain import Plain, PlainTexts, TextReader, normalised
from common.sources.records import Example, LabelledTexts, Pair, Pairs, Sentence, TaggedSentences
from common.sources.splits import ByRole, Parts, Splits
from common.sources.tagged import TaggedReader, other_column

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_datasets as tfds

INSTEAD = "use --data PATH with your own files, or leave --data out for the embedded data set"
TOGETHER = 1000
"""Number of examples read at a time."""


def labelled(name: str, reader: LabelledReader, data_dir: Path | None = None) -> Splits[LabelledTexts]:
    """Loads a TFDS data set of labelled texts; the first call downloads and prepares it.

    Args:
        name: As TFDS names it: `imdb_reviews`, `glue/sst2`, ...
        reader: Names the features of text and label.
        data_dir: Folder of TFDS data sets; TFDS's own default when None.

    Returns:
        The splits; one that is missing, or whose labels are withheld (-1), is cut from train.

    Raises:
        InputError: There is no such data set or feature, or it cannot be downloaded.
    """
    import tensorflow_datasets as tfds

    source = f"tfds:{name}"
    builder = _builder(name, data_dir)
    features = builder.info.features or {}
    text, label = columns = reader.columns(list(features), source)
    for column in columns:
        if features[column].shape:
            raise InputError(f"{source}: {column!r} is not one value per example; name another, or {INSTEAD}")
    label_name = _name_of(features[label])

    def example(values: dict[str, Any], split: str) -> Example | None:
        if values[label] == -1:
            return None
        return Example(str(_plain(values[text])), label_of(label_name(values[label])), f"{source} {split}")

    only = tfds.decode.PartialDecoding({text: True, label: True})
    return Parts(
        LabelledTexts, _records(builder, example, source, decoders=only), source, drop_seen=reader.drop_seen
    ).splits()


def plain(name: str, reader: TextReader, data_dir: Path | None = None) -> Splits[PlainTexts]:
    """Loads the texts of a TFDS data set; the first call downloads and prepares it.

    Args:
        name: As TFDS names it: `tiny_shakespeare`, `lm1b`, ...
        reader: Names the feature of the text.
        data_dir: Folder of TFDS data sets; TFDS's own default when None.

    Raises:
        InputError: There is no such data set or feature, or it cannot be downloaded.
    """
    import tensorflow_datasets as tfds

    source = f"tfds:{name}"
    builder = _builder(name, data_dir)
    features = builder.info.features or {}
    column = find_column(list(features), reader.text_column, usual=TEXT_NAMES, option="--text-column", place=source)
    if features[column].shape:
        raise InputError(f"{source}: {column!r} is not one value per example; name another, or {INSTEAD}")

    def text(values: dict[str, Any], split: str) -> Plain | None:
        found = normalised(str(_plain(values[column])))
        return Plain(found) if found.strip() else None

    only = tfds.decode.PartialDecoding({column: True})
    return Parts(
        PlainTexts, _records(builder, text, source, decoders=only), source, drop_seen=reader.drop_seen
    ).splits()


def tagged(name: str, reader: TaggedReader, data_dir: Path | None = None) -> Splits[TaggedSentences]:
    """Loads a TFDS data set of tagged sentences; the first call downloads and prepares it.

    TFDS lists multiword tokens and empty nodes among the tokens. Only their head, "None", tells them from words.

    Args:
        name: As TFDS names it: `universal_dependencies/en_ewt`, ...
        reader: Names the feature of the tags; the features of words and heads are `tokens` and `head`.
        data_dir: Folder of TFDS data sets; TFDS's own default when None.

    Raises:
        InputError: There is no such data set or feature, it cannot be downloaded, or a word has no tag.
    """
    import tensorflow_datasets as tfds

    source, column = f"tfds:{name}", reader.column
    builder = _builder(name, data_dir)
    if "/" not in name and len(builder.BUILDER_CONFIGS) > 1:
        raise InputError(f"{source}: holds several treebanks; name one, as in {source}/{builder.builder_config.name}")
    features = builder.info.features or {}
    for needed in ("tokens", "head", column):
        if needed not in features:
            raise InputError(f"{source}: no {needed!r}; it has {', '.join(features)}; {INSTEAD}")
    tag_name = _name_of(getattr(features[column], "feature", None))
    only = tfds.decode.PartialDecoding(dict.fromkeys(("tokens", "head", column), True))

    def sentence(values: dict[str, Any], split: str) -> Sentence | None:
        rows = zip(map(_plain, values["tokens"]), map(tag_name, values[column]), map(_plain, values["head"]))
        words = [(word, tag) for word, tag, head in rows if head != "None"]
        for word, tag in words:
            if tag in ("_", "None"):
                other = other_column(column)
                raise InputError(f"{source} {split}: no {column.upper()} tag for {word!r}; try --column {other}")
        return Sentence(*map(tuple, zip(*words))) if words else None

    return Parts(
        TaggedSentences, _records(builder, sentence, source, decoders=only), source, drop_seen=reader.drop_seen
    ).splits()


def pairs(name: str, reader: PairReader, data_dir: Path | None = None) -> Splits[Pairs]:
    """Loads a TFDS data set of translations; the first call downloads and prepares it.

    Args:
        name: As TFDS names it: `ted_hrlr_translate/pt_to_en`, ...
        reader: Names the languages; if it names none, the direction is that of the data set.
        data_dir: Folder of TFDS data sets; TFDS's own default when None.

    Raises:
        InputError: There is no such data set or language, or it cannot be downloaded.
    """
    import tensorflow_datasets as tfds

    source = f"tfds:{name}"
    builder = _builder(name, data_dir)
    features = builder.info.features or {}
    if not isinstance(features, tfds.features.Translation):
        raise InputError(f"{source}: no sentences and their translations; it has {', '.join(features)}; {INSTEAD}")
    if reader.source_language is None and reader.target_language is None and builder.info.supervised_keys:
        from_language, into_language = builder.info.supervised_keys
        reader = replace(reader, source_language=from_language, target_language=into_language)
    languages = reader.direction(list(features), source)

    def pair(values: dict[str, Any], _: str) -> Pair | None:
        sides = Pair(*(_plain(values[language]).strip() for language in languages))
        return sides if all(sides) else None

    return Parts(
        Pairs, _records(builder, pair, source), source, languages=languages, drop_seen=reader.drop_seen
    ).splits()


def pictures(name: str, reader: PictureReader, data_dir: Path | None = None) -> Splits[Pictures]:
    """Loads a TFDS data set of pictures with captions; the first call downloads and prepares it.

    Args:
        name: As TFDS names it: `coco_captions`, ...
        reader: Names the features of picture and captions, and says how large pictures become. Captions are texts, or
            dictionaries with one, as those of COCO.
        data_dir: Folder of TFDS data sets; TFDS's own default when None.

    Raises:
        InputError: There is no such data set or feature, or it cannot be downloaded.
    """
    import tensorflow_datasets as tfds

    source = f"tfds:{name}"
    builder = _builder(name, data_dir)
    features = builder.info.features or {}
    image, caption = reader.columns(list(features), source)
    inner = features[caption].feature if isinstance(features[caption], tfds.features.Sequence) else features[caption]
    said_in, kept = caption, True
    if isinstance(inner, tfds.features.FeaturesDict):
        text = find_column(list(inner), None, usual=CAPTION_NAMES, option="--caption-column", place=source)
        said_in, kept = f"{caption}/{text}", {text}

    def picture(values: dict[str, Any], split: str) -> Picture | None:
        said = values[said_in]
        said = [str(_plain(one)).strip() for one in ([said] if isinstance(said, bytes) else said)]
        place = f"{source} {split}"
        captions = tuple(one for one in said if one)
        return Picture(decoded(values[image], reader.size, place), captions, place) if captions else None

    only = tfds.decode.PartialDecoding({image: True, caption: kept}, decoders={image: tfds.decode.SkipDecoding()})
    return Parts(
        Pictures, _records(builder, picture, source, decoders=only), source, drop_seen=reader.drop_seen
    ).splits()


def _records(
    builder: tfds.core.DatasetBuilder,
    record_of: Callable[[dict[str, Any], str], Any | None],
    source: str,
    *,
    decoders: tfds.decode.PartialDecoding | None = None,
) -> ByRole:
    """Prepares a data set and reads the records of its splits; `record_of` returns None to leave out an example."""
    _prepare(builder, source)
    parts: ByRole = {}
    for split in builder.info.splits:
        if role := role_of(split):
            for values in examples(builder.as_dataset(split=split, decoders=decoders)):
                if record := record_of(values, split):
                    parts.setdefault(role, []).append(record)
    return parts


def examples(dataset: tf.data.Dataset) -> Iterator[dict[str, Any]]:
    """The examples of a dataset of numbers and strings by name, and sequences of these, as NumPy values.

    What is inside of a feature is named by both, as in `captions/text`.

    Many are read at a time: a call of TensorFlow for each would cost several times as much as the reading itself.
    """
    for batch in dataset.ragged_batch(TOGETHER):
        batch = {name: column for outer in batch.items() for name, column in _inside(*outer)}
        for values in zip(*(column.numpy() for column in batch.values())):
            yield dict(zip(batch, values))


def _inside(name: str, column: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(column, dict):
        yield name, column
    else:
        for inner, one in column.items():
            yield from _inside(f"{name}/{inner}", one)


def _name_of(feature: tfds.features.FeatureConnector | None) -> Callable[[Any], Any]:
    """A function from a value to the name of its class, or to the plain value if the feature has no classes."""
    import tensorflow_datasets as tfds

    return feature.int2str if isinstance(feature, tfds.features.ClassLabel) else _plain


def _builder(name: str, data_dir: Path | None) -> tfds.core.DatasetBuilder:
    import tensorflow_datasets as tfds

    try:
        return tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except tfds.core.DatasetNotFoundError as error:
        near = difflib.get_close_matches(name.split("/")[0], tfds.list_builders(with_community_datasets=False), n=3)
        meant = f"; did you mean {' or '.join(near)}?" if near else ""
        raise InputError(f"--data tfds:{name}: TFDS has no such data set{meant}; {INSTEAD}") from error
    except Exception as error:
        raise InputError(f"--data tfds:{name}: {_summary(error)}; {INSTEAD}") from error


def _prepare(builder: tfds.core.DatasetBuilder, source: str) -> None:
    import tensorflow_datasets as tfds

    config = tfds.download.DownloadConfig(try_download_gcs=False)
    try:
        with _few_retries(), contextlib.redirect_stdout(sys.stderr):
            builder.download_and_prepare(download_config=config)
    except Exception as error:
        url = getattr(getattr(error, "request", None), "url", None)
        wrong = f"could not reach {url}" if url else f"could not be prepared ({_summary(error)})"
        raise InputError(f"--data {source}: {wrong}; {INSTEAD}") from error


@contextlib.contextmanager
def _few_retries() -> Iterator[None]:
    """Without a network, TFDS would retry for more than three minutes, with a warning each time."""
    from tensorflow_datasets.core.download import downloader

    logger = logging.getLogger("urllib3.connectionpool")
    before = downloader.MAX_RETRIES, logger.level
    downloader.MAX_RETRIES = 3
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        downloader.MAX_RETRIES = before[0]
        logger.setLevel(before[1])


def _plain(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value.item()


def _summary(error: Exception, longest: int = 200) -> str:
    message = " ".join(str(error).split()) or type(error).__name__
    return message if len(message) <= longest else f"{message[:longest]}..."
