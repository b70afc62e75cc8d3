"""The figure of a language model."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from common.figures.plain import plain
from common.figures.training import learning_curves


def language_figure(results: Any, *, title: str) -> Any:
    """The loss over the epochs, and the loss by the number of tokens read before, as a matplotlib figure.

    Args:
        results: The results of the training, with `Likelihoods` as answers.
        title: The title of the figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained", dpi=120)
    curve, context = figure.subplots(1, 2)
    learning_curves([curve], results.history, ["loss"])
    curve.set(title="loss, nats a token", ylabel="nats a token")
    losses, counts = results.answers.places.T
    edges = np.unique(np.round(np.geomspace(1, len(losses) + 1, 24)).astype(int)) - 1
    rows = [(first, end) for first, end in pairwise(edges) if counts[first:end].sum()]
    means = [np.average(losses[first:end], weights=counts[first:end]) for first, end in rows]
    context.plot([first + 1 for first, _ in rows], means, marker="o", markersize=3, label="this model")
    for name, found in results.baselines.items():
        context.axhline(found.losses.mean(), linestyle=":", color="grey")
        context.annotate(name.replace("_", " "), (1, found.losses.mean()), va="bottom", fontsize=8)
    context.set(xscale="log", xlabel="tokens read before, from 1", ylabel="nats a token", title="does context help?")
    figure.suptitle(plain(title))
    return figure
