"""Plain methods of captioning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import chain

import numpy as np

from common.scoring.captions import Captions, written_by
from common.sources.pictures import Pictures
from common.text.captions import joined, words_of


def methods(train: Pictures, answers: Captions) -> dict[str, Callable[[], Captions]]:
    """Functions that make the captions of each method for the test pictures of a model's answers."""

    def frequent() -> Captions:
        counts = Counter(joined(words_of(caption)) for caption in chain.from_iterable(train.captions))
        return answers.others([counts.most_common(1)[0][0]] * len(answers.written))

    def nearest() -> Captions:
        known, asked = (_unit(answers.encode(pictures.views)) for pictures in (train, answers.pictures))
        best = np.concatenate([(part @ known.T).argmax(1) for part in np.array_split(asked, -(-len(asked) // 256))])
        return answers.others([joined(words_of(train.captions[n][0])) for n in best])

    def blind() -> Captions:
        mean = train.views.mean(0, dtype=np.float64)
        mean = (mean.round() if train.views.dtype == np.uint8 else mean).astype(train.views.dtype)
        (one,) = written_by(answers.model, mean[None])
        return answers.others([one.caption] * len(answers.written))

    return {"most_frequent": frequent, "nearest_picture": nearest, "blind": blind}


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1, `[N, width]`."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
