"""What a saved captioner is asked, of pictures or of their features, and what it writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common.errors import InputError, shortened
from common.figures.captions import heat_maps
from common.scoring.captions import asked, written
from common.serving.export import FILES, Endpoint
from common.sources.features import Features, on_grid
from common.sources.pictures import read_picture

if TYPE_CHECKING:
    from PIL.Image import Image

    from common.decoding.captioner import Captioner
    from common.serving.saved_model import Record, SavedModel

GRID = "grid"
"""In the configuration of a model that takes features: rows, columns and width; None where it takes pictures."""
SEEDS = 2**31
"""Larger seeds than a saved model takes start anew."""


def endpoints(captioner: Captioner, *, of_features: bool) -> dict[str, Endpoint]:
    """The endpoints of a captioner of pictures, or of features that were computed elsewhere."""
    from common.decoding.captioner import AXES, SAMPLING
    from common.layers.pictures import IMAGE, PIXELS

    if of_features:
        spec = captioner.features
        axes = {"features": ("pictures", "regions", "width")} if len(spec.shape) == 3 else {}
        serve = Endpoint(captioner.of_features, [spec], axes | AXES)
        return {
            "serving_default": serve,
            "features": serve,
            "sample": Endpoint(captioner.sampled_of_features, [spec, *SAMPLING], axes | AXES),
        }
    pixels = {"pixels": ("pictures", "height", "width", "colours")}
    return {
        "serving_default": Endpoint(captioner.of_files, [IMAGE], {"image": (FILES,)} | AXES),
        "pixels": Endpoint(captioner.of_pixels, [PIXELS], pixels | AXES),
        "sample": Endpoint(captioner.sampled, [PIXELS, *SAMPLING], pixels | AXES),
    }


def views(model: SavedModel, path: Path) -> list[tuple[str, np.ndarray]]:
    """What a model sees of a picture file, or of each picture of a file of features; with their names.

    Raises:
        InputError: The model cannot read it.
    """
    if path.is_dir():
        raise InputError(f"predict {path}: a folder; give files")
    if model.config.get(GRID) is None:
        return [(str(path), read_picture(path, model.config["size"]))]
    features = Features.read(path, "predict")
    return [(name, fitted(one, model, f"{path}: {shortened(name)!r}")) for name, one in features.arrays.items()]


def fitted(features: np.ndarray, model: SavedModel, place: str) -> np.ndarray:
    """The features of a picture, of any of their shapes, on the grid of a model.

    Raises:
        InputError: They are of another shape than those that it learned from.
    """
    rows, columns, width = grid = model.config[GRID]
    shape = features.shape if features.ndim != 1 else (1, *features.shape)
    if columns > 1:
        fits, wanted = list(shape) == grid, f"[{rows}, {columns}, {width}]"
    else:
        cells = shape if len(shape) == 2 else (shape[0], shape[2]) if shape[1] == 1 else (0, 0)
        fits = 0 < cells[0] <= rows and cells[1] == width
        wanted = f"[{width}]" if rows == 1 else f"[up to {rows} regions, {width}]"
    if not fits:
        raise InputError(f"{place} has features {list(features.shape)}; {model.folder} takes {wanted}")
    return on_grid(features, tuple(grid))


def records(
    model: SavedModel, named: Sequence[tuple[str, np.ndarray]], *, samples: int, seed: int, how: dict[str, float]
) -> list[Record]:
    """The captions of what `views` returned.

    Args:
        model: The model.
        named: The pictures.
        samples: Captions of each.
        seed: Fixes what is drawn.
        how: How they are drawn, `temperature` and `top_p`; nothing for the likeliest caption.

    Returns:
        For each `image`, its name; `caption`, `log_probability`, `words`, and the `attention` of each word.
    """
    questions, signature = asked([view for _, view in named for _ in range(samples)])
    if how:
        if "sample" not in model.signatures:
            raise InputError(f"--temperature: {model.folder} was saved before captions could be drawn; train it again")
        questions = [one | {"seed": (seed + n % samples) % SEEDS} for n, one in enumerate(questions)]
        answers = model.ask(questions, "sample", what="captioning", **how)
    else:
        answers = model.ask(questions, signature, what="captioning")
    return [_record(named[n // samples][0], answer) for n, answer in enumerate(answers)]


def _record(name: str, answer: Record) -> dict[str, Any]:
    one = written(answer)
    weights = one.attention.astype(float).round(4).tolist()
    found = {"image": name, "caption": one.caption, "log_probability": answer["log_probability"]}
    return found | {"words": list(one.words), "attention": weights}


def drawn(record: Record) -> Image:
    """A picture, white where it has no file, with its caption, and once for each word, lit where attention lay."""
    from PIL import Image

    path, attention = Path(record["image"]), np.array(record["attention"])
    with Image.open(path) if path.is_file() else Image.new("RGB", (1, 1), "white") as picture:
        return heat_maps(picture, record["caption"], record["words"], attention=attention)
