"""TFDS data sets by name."""

from __future__ import annotations

import contextlib
import difflib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import InputError
from common.sources import parallel as parallel_text
from common.sources import tagged as tagged_text
from common.sources.files import role_of
from common.sources.labelled import Columns, Example, Splits, complete, label_of

if TYPE_CHECKING:
    import tensorflow_datasets as tfds


INSTEAD = "use --data PATH with your own files, or leave --data out for the embedded data set"


def load_dataset(
    name: str,
    text_column: str | None = None,
    label_column: str | None = None,
    data_dir: Path | None = None,
) -> Splits:
    """Loads a TFDS data set of labelled texts, downloading and preparing it the first time.

    Args:
        name: As TFDS knows it: `imdb_reviews`, `glue/sst2`, ...
        text_column: Name of the text feature; found by its usual names when not given.
        label_column: Name of the label feature; found by its usual names when not given.
        data_dir: Of TFDS; its own default when not given.

    Returns:
        The splits; one that is missing, or whose labels are withheld, is cut from train.

    Raises:
        InputError: No such data set or feature, or it cannot be reached.
    """
    source = f"tfds:{name}"
    builder = _builder(name, data_dir)
    columns = _columns(builder, Columns(text_column, label_column), source)
    _prepare(builder, source)
    parts: dict[str, list[Example]] = {}
    for split in builder.info.splits:
        if role := role_of(split):
            parts.setdefault(role, []).extend(_examples(builder, split, columns, source))
    return complete({role: part for role, part in parts.items() if part}, source)


def load_tagged(name: str, column: tagged_text.Column, data_dir: Path | None = None) -> tagged_text.TaggedSplits:
    """Loads a TFDS data set of tagged sentences, downloading and preparing it the first time.

    Args:
        name: As TFDS knows it: `universal_dependencies/en_ewt`, ...
        column: The feature that holds the tags, beside `tokens` and `head`: TFDS lists the lines of multiword tokens
            and of empty nodes among the tokens, and only their head, "None", tells them from the words.
        data_dir: Of TFDS; its own default when not given.

    Raises:
        InputError: No such data set or feature, it cannot be reached, or a word has no tag.
    """
    import tensorflow_datasets as tfds

    source = f"tfds:{name}"
    builder = _builder(name, data_dir)
    if "/" not in name and len(builder.BUILDER_CONFIGS) > 1:
        raise InputError(f"{source}: holds several treebanks; name one, as in {source}/{builder.builder_config.name}")
    features = builder.info.features or {}
    for needed in ("tokens", "head", column):
        if needed not in features:
            raise InputError(f"{source}: no {needed!r}; it has {', '.join(features)}; {INSTEAD}")
    _prepare(builder, source)
    feature = getattr(features[column], "feature", None)
    name_of = feature.int2str if isinstance(feature, tfds.features.ClassLabel) else _plain
    parts: dict[str, list[tagged_text.Sentence]] = {}
    for split in builder.info.splits:
        for record in tfds.as_numpy(builder.as_dataset(split=split)):
            rows = zip(map(_plain, record["tokens"]), map(name_of, record[column]), map(_plain, record["head"]))
            pairs = [(word, tag) for word, tag, head in rows if head != "None"]
            for word, tag in pairs:
                if tag in ("_", "None"):
                    other = tagged_text.other_than(column)
                    raise InputError(f"{source} {split}: no {column.upper()} tag for {word!r}; try --column {other}")
            if role_of(split) and pairs:
                parts.setdefault(role_of(split), []).append(tagged_text.Sentence(*map(tuple, zip(*pairs))))
    return tagged_text.complete(parts, source)


def load_pairs(
    name: str,
    source_language: str | None = None,
    target_language: str | None = None,
    data_dir: Path | None = None,
) -> parallel_text.Splits:
    """Loads a TFDS data set of translations, downloading and preparing it the first time.

    Args:
        name: As TFDS knows it: `ted_hrlr_translate/pt_to_en`, ...
        source_language: The one to translate from; with no language given the data set's own direction counts.
        target_language: The one to translate into.
        data_dir: Of TFDS; its own default when not given.

    Raises:
        InputError: No such data set or language, or it cannot be reached.
    """
    import tensorflow_datasets as tfds

    source = f"tfds:{name}"
    builder = _builder(name, data_dir)
    features = builder.info.features or {}
    if not isinstance(features, tfds.features.Translation):
        raise InputError(f"{source}: no sentences and their translations; it has {', '.join(features)}; {INSTEAD}")
    if source_language is None and target_language is None and builder.info.supervised_keys:
        source_language, target_language = builder.info.supervised_keys
    languages = parallel_text.direction(list(features), source_language, target_language, source)
    _prepare(builder, source)
    parts: dict[str, list[parallel_text.Pair]] = {}
    for split in builder.info.splits:
        for record in tfds.as_numpy(builder.as_dataset(split=split)):
            pair = parallel_text.Pair(*(_plain(record[language]).strip() for language in languages))
            if role_of(split) and all(pair):
                parts.setdefault(role_of(split), []).append(pair)
    return parallel_text.complete(parts, source, languages)


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


def _columns(builder: tfds.core.DatasetBuilder, columns: Columns, source: str) -> tuple[str, str]:
    features = builder.info.features or {}
    found = columns.find(list(features), source)
    for column in found:
        if features[column].shape:
            raise InputError(f"{source}: {column!r} is not one value an example; name another, or {INSTEAD}")
    return found


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


def _examples(
    builder: tfds.core.DatasetBuilder, split: str, columns: tuple[str, str], source: str
) -> Iterator[Example]:
    """The examples of a split, without those whose label is withheld (-1)."""
    import tensorflow_datasets as tfds

    text, label = columns
    feature = builder.info.features[label]
    name_of = feature.int2str if isinstance(feature, tfds.features.ClassLabel) else _plain
    decoders = tfds.decode.PartialDecoding({text: True, label: True})
    for record in tfds.as_numpy(builder.as_dataset(split=split, decoders=decoders)):
        if record[label] != -1:
            yield Example(str(_plain(record[text])), label_of(name_of(record[label])), f"{source} {split}")


def _plain(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value.item()


def _summary(error: Exception, longest: int = 200) -> str:
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= longest else f"{said[:longest]}..."
