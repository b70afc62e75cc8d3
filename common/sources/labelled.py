"""Labelled texts: embedded ones, TFDS data sets by name, a user's own files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from common.errors import InputError
from common.sources.files import (
    ROLES,
    check_encoding,
    existing,
    format_of,
    names_under,
    plain_name,
    read_text,
    role_of,
    words_in,
)
from common.sources.tables import READABLE, TABLES

TEXT_NAMES = ("text", "review", "sentence", "content", "document")
LABEL_NAMES = ("label", "sentiment", "class", "category", "polarity")


UNLABELLED = ("unsup", "unsupervised")
SEED = 20050617


@dataclass(frozen=True)
class LabelledTexts:
    """Texts, and the label of each."""

    texts: list[str]
    labels: list[str]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Splits:
    """Labelled texts to learn from, to choose by and to be judged by.

    Attributes:
        source: For people: where the texts came from and how they were split.
    """

    train: LabelledTexts
    validation: LabelledTexts
    test: LabelledTexts
    source: str


class Example(NamedTuple):
    """A text, its label, and the place they were read from, for messages."""

    text: str
    label: str
    place: str


def load(
    data: str | None,
    text_column: str | None = None,
    label_column: str | None = None,
    encoding: str = "utf-8",
) -> Splits:
    """Loads labelled texts.

    Splits that are missing are cut from train, at random but always the same way.

    Args:
        data: None for the embedded critics' quotes; `tfds:NAME` for a TFDS data set; or a file or a folder.
        text_column: Name of the text column; found by its usual names when not given.
        label_column: Name of the label column; found by its usual names when not given.
        encoding: Of the files.

    Raises:
        InputError: Something in the data, or about it, is wrong.
    """
    if data is None:
        from common.sources.embedded import critics

        return critics.load()
    if data.startswith("tfds:"):
        from common.sources import tfds as datasets

        return datasets.load_dataset(data.removeprefix("tfds:"), text_column, label_column)
    return OwnFiles(Columns(text_column, label_column), encoding).load(data)


def load_test(
    data: str, text_column: str | None = None, label_column: str | None = None, encoding: str = "utf-8"
) -> LabelledTexts:
    """Loads texts to judge a trained model by: those named test, or all where nothing is named train.

    Args:
        data: As for `load`, but not None.
        text_column: As for `load`.
        label_column: As for `load`.
        encoding: As for `load`.

    Raises:
        InputError: Something in the data is wrong, or it has a train part and no test part.
    """
    if data.startswith("tfds:"):
        return load(data, text_column, label_column).test
    parts = OwnFiles(Columns(text_column, label_column), encoding).parts(data)
    if "test" not in parts and ("train" in parts or len(parts) > 1):
        raise InputError(f"--data {data}: has {' and '.join(map(str, parts))} and no test part; name one file test")
    return _columns(parts.get("test") or next(iter(parts.values())))


def complete(parts: dict[str, list[Example]], source: str) -> Splits:
    """Checks the labels and cuts what is missing of validation and test from train."""
    if "train" not in parts:
        found = " and ".join(parts) or "no examples"
        raise InputError(f"{source}: nothing to train on, only {found}; give a train part as well")
    missing = [split for split in ("test", "validation") if split not in parts]
    train = _distinct(parts["train"]) if missing else parts["train"]
    dropped = len(parts["train"]) - len(train)
    parts = parts | {"train": train}
    _check_labels(parts, source)
    if missing:
        duplicates = f", {dropped:,} duplicate texts dropped" if dropped else ""
        source = f"{source} ({' and '.join(missing)} cut from train at random{duplicates})"
        parts |= _cut(train, missing)
    return Splits(**{split: _columns(part) for split, part in parts.items()}, source=source)


def _columns(examples: list[Example]) -> LabelledTexts:
    return LabelledTexts([example.text for example in examples], [example.label for example in examples])


def _check_labels(parts: dict[str, list[Example]], source: str) -> None:
    classes = sorted({example.label for example in parts["train"]})
    if len(classes) < 2:
        raise InputError(f"{source}: only one class to learn, {classes[0]!r}; two or more are needed")
    known = set(classes)
    for example in (example for part in parts.values() for example in part):
        if example.label not in known:
            listed = ", ".join(classes[:10]) + (", ..." if len(classes) > 10 else "")
            raise InputError(f"{example.place}: label {example.label!r} is not in train, which has {listed}")


def _distinct(examples: list[Example]) -> list[Example]:
    """The examples without those whose text came before."""
    first: dict[str, Example] = {}
    for example in examples:
        first.setdefault(example.text.strip(), example)
    return list(first.values())


def _cut(train: list[Example], missing: Sequence[str]) -> dict[str, list[Example]]:
    """Cuts a tenth of the examples, with the classes in proportion, for each missing split."""
    from sklearn.model_selection import train_test_split

    counts = Counter(example.label for example in train)
    label, fewest = min(counts.items(), key=lambda item: item[1])
    if fewest <= len(missing):
        place = next(example.place for example in train if example.label == label)
        raise InputError(
            f"{place}: too few different texts of class {label!r}, {fewest}, to cut {' and '.join(missing)} "
            f"from train; give {len(missing) + 1} or more, or {' and '.join(missing)} as well"
        )
    parts, size = {}, max(len(counts), round(len(train) / 10))
    for split in missing:
        labels = [example.label for example in train]
        kept, cut = train_test_split(range(len(train)), test_size=size, random_state=SEED, stratify=labels)
        parts[split] = [train[n] for n in sorted(cut)]
        train = [train[n] for n in sorted(kept)]
    return parts | {"train": train}


@dataclass(frozen=True)
class Columns:
    """The columns of text and label: their names where the user gave them."""

    text: str | None = None
    label: str | None = None

    def find(self, present: Sequence[str], place: str) -> tuple[str, str]:
        """Picks the text and the label column among those present."""
        text = _find_column(present, self.text, TEXT_NAMES, "--text-column", place)
        return text, _find_column(present, self.label, LABEL_NAMES, "--label-column", place)


def _find_column(names: Sequence[str], given: str | None, usual: Sequence[str], option: str, at: str) -> str:
    folded = {name.strip().lower(): name for name in reversed(names)}
    for name in (given,) if given else usual:
        if name in names:
            return name
        if name.lower() in folded:
            return folded[name.lower()]
    wanted = repr(given) if given else f"named {' or '.join(usual)}"
    columns = ", ".join(map(repr, names))
    raise InputError(f"{at}: no column {wanted}; name one of {columns} with {option}")


def label_of(value: Any) -> str:
    """A label as a string, empty when the value is none: 1 and 1.0 become "1"."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _encodable(str(value)).strip() if isinstance(value, str | int | float) else ""


def _encodable(text: str) -> str:
    """Replaces the lone surrogates that JSON's escapes can spell."""
    return text.encode(errors="replace").decode()


Reader = Callable[[Path], Iterable[Example]]


@dataclass(frozen=True)
class OwnFiles:
    """Reads a user's files: tables, a file per class with a text a line, or a sub-folder per class.

    The names of files and folders say which split they are by the words train, dev (val, valid, validation)
    and test in them.
    """

    columns: Columns
    encoding: str

    def load(self, data: str) -> Splits:
        """Reads a file, which is one whole to be split, or a folder, and completes the splits."""
        parts = self.parts(data)
        return complete(parts | {"train": parts.pop(None)} if None in parts else parts, data)

    def parts(self, data: str) -> dict[str | None, list[Example]]:
        """The examples of each split; None is the split of names that say none."""
        check_encoding(self.encoding)
        path = existing(data)
        if path.is_dir():
            return self._folder(path)
        if format_of(path) not in TABLES:
            hint = "; for a file or sub-folder per class give their folder" if format_of(path) == ".txt" else ""
            raise InputError(f"{path}: a file of unknown type; {READABLE} can be read{hint}")
        return {None: self._table(path)}

    def _folder(self, folder: Path) -> dict[str | None, list[Example]]:
        names = names_under(folder)
        if not names:
            raise InputError(f"{folder}: a folder without examples; give {READABLE}, or files named by class")
        read, roles = self._layout(names)
        parts: dict[str | None, list[Example]] = {}
        for name, role in roles.items():
            examples = list(read(folder / name))
            if role is None and any(roles.values()):
                raise InputError(f"{folder / name}: not named train, dev or test as others are; rename it")
            parts.setdefault(role, []).extend(examples)
        return parts

    def _layout(self, names: list[Path]) -> tuple[Reader, dict[Path, str | None]]:
        """How to read the files - as tables, as one text each, as a text a line - and the split of each."""
        roles = {name: role_of(*reversed(name.parts)) for name in names}
        if any(format_of(name) in TABLES for name in names):
            return self._table, roles
        in_class_folders = [name for name in names if name.parent.name and role_of(name.parent.name) is None]
        if in_class_folders:
            labelled = [name for name in in_class_folders if name.parent.name.lower() not in UNLABELLED]
            return self._whole, {name: role_of(*reversed(name.parent.parts)) for name in labelled}
        return self._lines, roles

    def _table(self, path: Path) -> list[Example]:
        if format_of(path) not in TABLES:
            raise InputError(f"{path}: not one of {READABLE}, as others in its folder are; move it elsewhere")
        records = TABLES[format_of(path)](path, read_text(path, self.encoding))
        examples, names = [], None
        for place, record in records:
            names = names or self.columns.find(list(record), f"{path}:1")
            examples.append(_example(record, *names, place))
        if not examples:
            raise InputError(f"{path}: a first line of column names and no examples; add some")
        return examples

    def _whole(self, path: Path) -> list[Example]:
        return [Example(read_text(path, self.encoding), path.parent.name, str(path))]

    def _lines(self, path: Path) -> Iterator[Example]:
        label = _class_named_by(path)
        lines = read_text(path, self.encoding).split("\n")
        while not lines[-1].strip():
            lines.pop()
        for number, line in enumerate(lines, 1):
            if not line.strip():
                raise InputError(f"{path}:{number}: an empty line where each is a text; remove it")
            yield Example(line.rstrip("\r"), label, f"{path}:{number}")


def _class_named_by(path: Path) -> str:
    """The class of `neg.txt`, `train_neg.txt` or `rt-polarity.neg`."""
    name = plain_name(path)
    if name.suffix.lower() in ("", ".txt"):
        label = "_".join(word for word in words_in(name.stem) if word.lower() not in ROLES)
        if not label:
            raise InputError(f"{path}: named after no class; name it as in train_pos.txt, or give {READABLE}")
        return label
    siblings = (plain_name(other) for other in path.parent.iterdir())
    if not any(other.stem == name.stem and other.suffix != name.suffix for other in siblings):
        raise InputError(f"{path}: a file of unknown type; {READABLE}, or a file per class, can be read")
    return name.suffix[1:]


def _example(record: dict[str, Any], text_column: str, label_column: str, place: str) -> Example:
    for column in (text_column, label_column):
        if column not in record:
            raise InputError(f"{place}: no {column!r}, which those before had; it has {', '.join(record)}")
    text, label = record[text_column], label_of(record[label_column])
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{place}: no text in {text_column!r}; fill it in or remove the example")
    if not label:
        raise InputError(f"{place}: no label in {label_column!r}; give a word or a number")
    return Example(_encodable(text), label, place)
