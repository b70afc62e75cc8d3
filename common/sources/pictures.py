"""Pictures with captions, from a user's tables or in COCO's layout."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from common.errors import InputError, shortened
from common.options.kinds import check_encoding
from common.sources.digests import note_file
from common.sources.files import Content, Text, existing, format_of, names_under, read_text, role_of
from common.sources.labelled import encodable, find_column, parts_of
from common.sources.splits import ByRole, FileReader, Parts, Records, cut_at_random, of_one_split, read_by_role
from common.sources.tables import TABLES, Rows

if TYPE_CHECKING:
    import numpy as np

IMAGE_NAMES = ("image", "picture", "photo", "file", "filename", "file_name", "image_name", "image_path", "path", "img")
CAPTION_NAMES = ("caption", "captions", "text", "sentence", "description", "comment")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
FORMATS = ("PNG", "JPEG", "BMP", "GIF")
"""What a saved model can decode, too."""
READABLE = "a table (.csv, .tsv, .jsonl) with the columns image and caption, or COCO's .json, beside the pictures"
YEAR = re.compile(r"\d+")
"""What stands behind a split in names of COCO's files, as in `captions_val2017.json`."""
FEW = 500
"""Pictures of which a tenth would say too little."""


class Picture(NamedTuple):
    """A picture with its captions.

    Attributes:
        view: What a network sees of it: pixels, uint8 `[size, size, 3]`, or `Features`, float32.
        captions: What people say of it.
        name: Its file.
        truth: What is in it, as JSON, where that is known.
    """

    view: np.ndarray
    captions: tuple[str, ...]
    name: str
    truth: Mapping[str, Any] | None = None


class OfPictures(Records):
    """Records of which each has a picture, `view`, with all that is said or asked of it."""

    noun = "pictures"
    repeated = "repeated pictures"

    @classmethod
    def key(cls, record: Any) -> bytes:
        return hashlib.sha256(record.view.tobytes()).digest()

    @classmethod
    def distinct(cls, train: Sequence[Any]) -> list[Any]:
        """Each picture once, with what all its copies have."""
        found: dict[bytes, Any] = {}
        for one in train:
            key = cls.key(one)
            found[key] = cls.joined(found[key], one) if key in found else one
        return list(found.values())

    @classmethod
    def joined(cls, one: Any, other: Any) -> Any:
        """Two records of one picture as one."""
        raise NotImplementedError

    @classmethod
    def cut(cls, train: list[Any], missing: Sequence[str], source: str) -> dict[str, list[Any]]:
        """Cuts a tenth of the pictures, with all that belongs to each, for each missing split, of few a fifth."""
        size = round(len(train) / (10 if len(train) >= FEW else 5))
        if not size:
            raise InputError(
                f"{source}: too few different pictures, {len(train)}, to cut {' and '.join(missing)} from train; give "
                "10 or more, or those parts as well"
            )
        return cut_at_random(train, missing, size=size)


@dataclass(frozen=True)
class Pictures(OfPictures):
    """Pictures with captions.

    Attributes:
        views: What a network sees of each: pixels, uint8 `[pictures, size, size, 3]`, or features that were computed
            elsewhere, float32 `[pictures, rows, columns, width]`.
        captions: The captions of each.
        names: The file of each.
        truths: What is in each, where that is known.
    """

    views: np.ndarray
    captions: list[tuple[str, ...]]
    names: list[str]
    truths: list[Mapping[str, Any]]

    def __len__(self) -> int:
        return len(self.captions)

    @classmethod
    def of(cls, records: Iterable[Picture]) -> Pictures:
        import numpy as np

        records = list(records)
        truths = [one.truth for one in records if one.truth is not None]
        views = np.stack([one.view for one in records])
        return cls(views, [one.captions for one in records], [one.name for one in records], truths)

    @classmethod
    def joined(cls, one: Picture, other: Picture) -> Picture:
        return one._replace(captions=one.captions + other.captions)

    @classmethod
    def check(cls, parts: Mapping[str, Sequence[Picture]], source: str) -> None:
        """There is nothing that a captioner could not learn from."""


class Captioned(NamedTuple):
    """A caption of a picture file, and its file and line, for messages."""

    path: Path
    caption: str
    place: str

    @classmethod
    def of(cls, image: str, caption: str, *, place: str) -> Captioned:
        """That of two cells."""
        return cls(Path(image), caption, place)


View = Callable[[Captioned], "tuple[str, Callable[[], np.ndarray]]"]
"""From a caption to the name of its picture, and to what reads what a network sees of it."""


@dataclass(frozen=True, kw_only=True)
class PictureReader(FileReader[Pictures]):
    """Reads pictures with captions: a table with a row for each caption, or COCO's JSON.

    Pictures are named relative to the folder of the table, or by a name that only one file below that folder has.

    Attributes:
        size: Pictures become squares of so many pixels a side.
        image_column: Name of the column of picture files; found by its usual names when None.
        caption_column: Name of the column of captions; found by its usual names when None.
        features: A file of what was computed elsewhere of each picture; the pictures themselves are not read then.
        bias: What nearly always stands on one ground in the embedded scenes, such as "boat=water:0.9".
    """

    size: int = 96
    image_column: str | None = None
    caption_column: str | None = None
    features: Path | None = None
    bias: str | None = None

    def parts(self, data: str) -> Parts[Pictures]:
        check_encoding(self.encoding)
        path = existing(data)
        if path.is_dir():
            roles = {path / name: role_of(YEAR.sub(" ", name.name)) for name in self._lists(path)}
            captions = read_by_role(roles, lambda one: of_one_split(one, self._captions(one), roles[one]))
        else:
            captions = self._captions(path)
        view = self._viewer(path if path.is_dir() else path.parent)
        records = {role: list(_pictures(part, view)) for role, part in captions.items() if part}
        return Parts(Pictures, records, data, drop_seen=self.drop_seen)

    def columns(self, present: Sequence[str], place: str) -> tuple[str, str]:
        """Finds the column of picture files and that of captions among those present, see `find_column`."""
        return (
            find_column(present, self.image_column, usual=IMAGE_NAMES, option="--image-column", place=place),
            find_column(present, self.caption_column, usual=CAPTION_NAMES, option="--caption-column", place=place),
        )

    def _lists(self, folder: Path) -> list[Path]:
        """The tables and JSON files of a folder; of COCO's, those of captions."""
        names = [name for name in names_under(folder) if format_of(name) in (*TABLES, ".json", ".txt")]
        names = [name for name in names if "caption" in name.name.lower()] or names
        if not names:
            raise InputError(f"{folder}: a folder without captions; give {READABLE}")
        return names

    def _captions(self, path: Path) -> ByRole[Captioned]:
        """The captions of a file by the split that its `split` column gives, else under None."""
        if format_of(path) == ".json":
            return {None: list(of_coco(read_text(path, self.encoding), path))}
        rows = list(rows_of(Content(path, read_text(path, self.encoding)), READABLE))
        if not rows:
            raise InputError(f"{path}: a first line of column names and no captions; add some")
        image, caption = self.columns(list(rows[0][1]), f"{path}:1")
        parts, _ = parts_of(rows, (image, caption))
        return {
            role: [Captioned.of(*cells_of(row, (image, caption), place=at), place=at) for at, row in part]
            for role, part in parts.items()
        }

    def _viewer(self, folder: Path) -> View:
        """What finds what a network sees of the picture that a caption names."""
        if self.features is None:
            find = finder(folder)

            def view(one: Captioned) -> tuple[str, Callable[[], np.ndarray]]:
                path = find(one)
                return str(path), lambda: read_picture(path, self.size, one.place)

            return view
        from common.sources.features import Features

        features = Features.read(self.features)
        return lambda one: (one.path.as_posix(), lambda: features.of(one.path, one.place))


def _pictures(captions: Sequence[Captioned], view: View) -> Iterator[Picture]:
    """The pictures, each once, in the order in which they are named first."""
    found: dict[str, tuple[Callable[[], np.ndarray], list[str]]] = {}
    for one in captions:
        name, read = view(one)
        found.setdefault(name, (read, []))[1].append(one.caption)
    for name, (read, said) in found.items():
        yield Picture(read(), tuple(said), name)


def rows_of(text: Text, readable: str) -> Rows:
    """The rows of a table whose first line names its columns; `readable` says what can be read.

    Raises:
        InputError: It is no table.
    """
    kind = format_of(text.path)
    if kind not in (*TABLES, ".txt"):
        raise InputError(f"{text.path}: a file of unknown type; give {readable}")
    return TABLES[".csv" if kind == ".txt" else kind](text)


def cells_of(row: Mapping[str, Any], columns: Sequence[str], *, place: str) -> list[str]:
    """The cells of columns.

    Raises:
        InputError: One is empty.
    """
    for column in columns:
        if not str("" if row.get(column) is None else row[column]).strip():
            raise InputError(f"{place}: no {shortened(column)!r}; fill it in or remove the row")
    return [encodable(str(row[column])).strip() for column in columns]


def of_coco(text: str, path: Path) -> Iterator[Captioned]:
    """The captions of a file in COCO's layout: `images` with `id` and `file_name`, `annotations` with `image_id`.

    Raises:
        InputError: It is not of that layout, or a caption is empty.
    """
    try:
        content = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); give COCO's file of captions") from error
    lists = [content.get(name) if isinstance(content, dict) else None for name in ("images", "annotations")]
    if not all(isinstance(one, list) and one for one in lists):
        raise InputError(f"{path}: no lists images and annotations; give COCO's file of captions")
    files = {}
    for number, one in enumerate(lists[0], 1):
        if not isinstance(one, dict) or "id" not in one or not isinstance(one.get("file_name"), str):
            raise InputError(f"{path}: image {number}: no id or no file_name; give both")
        files[one["id"]] = one["file_name"]
    for number, one in enumerate(lists[1], 1):
        place = f"{path}: annotation {number}"
        caption = one.get("caption") if isinstance(one, dict) else None
        if not isinstance(caption, str) or not caption.strip():
            raise InputError(f"{place}: no caption; give COCO's file of captions, and none empty")
        if one.get("image_id") not in files:
            raise InputError(f"{place}: no image has its image_id, {one.get('image_id')!r}; add it to images")
        yield Captioned(Path(files[one["image_id"]]), encodable(caption).strip(), place)


def finder(folder: Path) -> Callable[[Captioned], Path]:
    """Finds the pictures that captions name, in a folder or below it."""
    by_name: dict[str, list[Path]] = {}
    for name in names_under(folder):
        if name.suffix.lower() in SUFFIXES:
            by_name.setdefault(name.name, []).append(folder / name)

    def find(one: Captioned) -> Path:
        if (path := folder / one.path).is_file():
            return path
        found = by_name.get(one.path.name, [])
        if len(found) > 1:
            raise InputError(f"{one.place}: several pictures {one.path.name}, as {found[0]}; name its folder as well")
        if not found:
            raise InputError(f"{one.place}: no picture {one.path} in {folder}; put it there or remove the caption")
        return found[0]

    return find


def read_picture(path: Path, size: int, place: str | None = None) -> np.ndarray:
    """A picture of a file as uint8 `[size, size, 3]`; the file is noted, see `common.sources.digests`.

    Args:
        path: The file.
        size: Pixels of a side; other proportions are stretched.
        place: Where it is named, for messages.

    Raises:
        InputError: It cannot be read.
    """
    note_file(path)
    return decoded(path.read_bytes(), size, f"{place}: {path}" if place else str(path))


def decoded(content: bytes, size: int, place: str) -> np.ndarray:
    """A picture as uint8 `[size, size, 3]`, of the bytes of a file.

    Raises:
        InputError: They are no picture.
    """
    import numpy as np
    from PIL import Image

    try:
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            return np.asarray(picture.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        why = "of another kind or damaged" if "BytesIO" in str(error) else shortened(str(error))
        raise InputError(f"{place}: no picture that can be read ({why}); give a whole PNG or JPEG") from error
