"""Pictures with captions in users' files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from common.sources.pictures import PictureReader

ROWS = "image,caption\na.png,a cat\na.png,a grey cat\nin/b.jpg,a dog\n"
COCO = {
    "images": [{"id": 7, "file_name": "a.png"}, {"id": 9, "file_name": "b.jpg"}],
    "annotations": [{"image_id": 9, "caption": "a dog"}, {"image_id": 7, "caption": "a cat"}],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for n, name in enumerate(("a.png", "in/b.jpg")):
        Image.fromarray(np.full((10, 20 + n, 3), 100 + n, np.uint8)).save(tmp_path / name)
    return tmp_path


def read(folder: Path, content: str, name: str = "captions.csv"):
    (folder / name).write_text(content)
    return PictureReader(size=8).parts(str(folder / name))


def test_a_picture_has_all_its_captions_and_one_size(folder: Path) -> None:
    one, other = read(folder, ROWS).records[None]
    assert (one.captions, other.captions) == (("a cat", "a grey cat"), ("a dog",))
    assert one.view.shape == (8, 8, 3) and one.view.dtype == np.uint8 and (one.view == 100).all()


def test_pictures_are_found_by_name_below_the_folder(folder: Path) -> None:
    (one,) = read(folder, "file_name|text\nelsewhere/b.jpg|a dog\n").records[None]
    assert one.name == str(folder / "in" / "b.jpg")


def test_coco_s_layout(folder: Path) -> None:
    one, other = read(folder, json.dumps(COCO), "captions_val2017.json").records[None]
    assert [one.captions, other.captions] == [("a dog",), ("a cat",)]
    (folder / "captions_train2017.json").write_text(json.dumps(COCO))
    (folder / "instances_val2017.json").write_text("{}")
    parts = PictureReader(size=8).parts(str(folder)).records
    assert {role: len(part) for role, part in parts.items()} == {"train": 2, "validation": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ROWS + "c.png,a bird\n", "captions.csv:5: no picture c.png in"),
        (ROWS + "a.png,\n", "captions.csv:5: no 'caption'; fill it in or remove the row"),
        (ROWS + ",a bird\n", "captions.csv:5: no 'image'"),
        ("image,words\na.png,a cat\n", "captions.csv:1: no column named caption or"),
        ("image,caption\n", "captions.csv: a first line of column names and no captions"),
        (ROWS + "bad.png,a bird\n", "captions.csv:5: "),
    ],
)
def test_what_is_wrong_is_said_with_its_line(content: str, message: str, folder: Path) -> None:
    (folder / "bad.png").write_bytes((folder / "a.png").read_bytes()[:40])
    with pytest.raises(InputError) as caught:
        read(folder, content)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1", "not JSON"),
        ("[]", "no lists images and annotations"),
        (json.dumps(COCO | {"images": [{"id": 1}]}), "image 1: no id or no file_name"),
        (json.dumps(COCO | {"annotations": [{"image_id": 7, "caption": " "}]}), "annotation 1: no caption"),
        (json.dumps(COCO | {"annotations": [{"image_id": 1, "caption": "x"}]}), "annotation 1: no image has its"),
    ],
)
def test_other_json_is_refused(content: str, message: str, folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(folder, content, "captions.json")
    assert message in str(caught.value)
