"""Figures of captions: a heat map for each word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from common.figures.plain import plain
from common.figures.training import learning_curves

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE, LINE, IN_ROW = 160, 22, 8
"""Pixels of a picture's side and of a line of text, and pictures in a row."""
DARKEST = 0.25
"""What is left of the light where there is no weight."""
TEXT = "#0f172a"


def lit(picture: Image, weights: np.ndarray, side: int = SIDE) -> Image:
    """A picture that is dark where there is little weight.

    Args:
        picture: Any picture.
        weights: `[rows, columns]`; all zeros leave the picture as it is.
        side: Pixels of a side of the result.
    """
    from PIL import Image

    square = picture.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
    if not weights.any():
        return square
    share = Image.fromarray(np.float32(weights / weights.max())).resize((side, side), Image.Resampling.BICUBIC)
    light = DARKEST + (1 - DARKEST) * np.asarray(share).clip(0, 1)[..., None]
    return Image.fromarray((np.asarray(square) * light).astype(np.uint8))


def heat_maps(picture: Image, caption: str, words: Sequence[str], *, attention: np.ndarray) -> Image:
    """A picture with its caption, and once more for each word, lit where the captioner looked.

    Args:
        picture: The picture.
        caption: Its caption.
        words: Its words.
        attention: `[words, rows, columns]`.
    """
    from PIL import Image, ImageDraw, ImageFont

    shown = [("", picture.convert("RGB").resize((SIDE, SIDE)))]
    if attention.any():
        shown += [(word, lit(picture, weights)) for word, weights in zip(words, attention)]
    rows = -(-len(shown) // IN_ROW)
    width = max(min(len(shown), IN_ROW), 4)
    sheet = Image.new("RGB", (width * (SIDE + 6) + 6, rows * (SIDE + LINE + 6) + LINE + 10), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    draw.text((6, 4), caption, TEXT, font)
    for n, (word, one) in enumerate(shown):
        left, top = 6 + n % IN_ROW * (SIDE + 6), LINE + 6 + n // IN_ROW * (SIDE + LINE + 6)
        sheet.paste(one, (left, top))
        draw.text((left, top + SIDE + 2), word, TEXT, font)
    return sheet


def stacked(sheets: Sequence[Image]) -> Image:
    """Pictures below each other."""
    from PIL import Image

    whole = Image.new("RGB", (max(one.width for one in sheets), sum(one.height for one in sheets)), "white")
    top = 0
    for one in sheets:
        whole.paste(one, (0, top))
        top += one.height
    return whole


def caption_figure(results: Any, *, title: str, most: int = 4) -> Any:
    """The loss over the epochs, and some test pictures with a heat map for each word, as a matplotlib figure."""
    from matplotlib.figure import Figure

    answers = results.answers
    chosen = range(0, len(answers.written), max(len(answers.written) // most, 1))[:most]
    sheets = [
        heat_maps(
            _shown(answers.pictures.views[n]),
            plain(answers.written[n].caption),
            answers.written[n].words,
            attention=answers.written[n].attention,
        )
        for n in chosen
    ]
    figure = Figure(figsize=(13, 15), layout="constrained", dpi=110)
    curves, maps = figure.subplots(2, 1, height_ratios=(1, 4))
    learning_curves([curves], results.history, ["loss"])
    curves.set(title="loss a word; in training with dropout and the penalty of attention")
    maps.imshow(np.asarray(stacked(sheets)))
    maps.set_axis_off()
    figure.suptitle(plain(title))
    return figure


def _shown(view: np.ndarray) -> Image:
    """The pixels of a picture; white where only its features are known."""
    from PIL import Image

    return Image.fromarray(view) if view.dtype == np.uint8 else Image.new("RGB", (1, 1), "white")
