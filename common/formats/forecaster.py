"""Forecasters for other runtimes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import keras
import numpy as np

from common import cells
from common.formats import history, layers
from common.formats.graph import Graph, Value, numbers, weights
from common.formats.history import forecasts
from common.formats.portable import Answer, Portable
from common.formats.twin import BATCH, MODEL, STEPS, Input, Runs, Twin
from common.networks.forecast.calibration import LEAST_WIDTH, sides_of
from common.networks.forecast.network import ForecastNetwork
from common.serving.saved_model import Record
from common.serving.structure import Structure
from common.serving.versions import ASSETS
from common.sources.series.spacing import DAY, MONTH

TRIALS, LONGEST, HOLES = 4, 1_000, 0.05
"""Histories with which a file is tried, about their most rows, and the share of values that are missing."""
PREPARATION = inspect.getsource(history).partition("import numpy as np\n")[2].strip()
"""Lines of an example, before which `Callable` is imported."""
EXAMPLE = """


with open(sys.argv[1], newline="", encoding="utf-8-sig") as file:
    rows = list(csv.DictReader(file))
series = {}
for row in rows:
    series.setdefault("/".join(row[name] for name in vocabulary["series_columns"]), []).append(row)
for name, rows in series.items():
    several = len(vocabulary["unique_ids"]) > 1
    if several and name not in vocabulary["unique_ids"]:
        print(f"series {name} was not learned from, left out", file=sys.stderr)
        continue
    values = np.array([[float(row[column] or "nan") for column in vocabulary["columns"]] for row in rows])
    read = int(np.flatnonzero(~np.isnan(values).all(1)).max(initial=-1)) + 1
    ahead = vocabulary["horizon"] if vocabulary["known"] else 0
    if not vocabulary["missing"] and np.isnan(values[:read]).any():
        sys.exit(f"series {name}: a value is missing; this model learned from series without such")
    if read < vocabulary["segment"] or len(rows) < read + ahead:
        sys.exit(f"series {name}: give {vocabulary['segment']} rows with values or more, and {ahead} after the last")
    known = np.array([[float(row[column]) for column in vocabulary["known"]] for row in rows])
    known = known if vocabulary["known"] else np.zeros((read + vocabulary["horizon"], 0))
    start = start_of(vocabulary, [row[vocabulary["time"]] for row in rows]) if vocabulary["time"] else 0
    group = vocabulary["unique_ids"].index(name) if several else 0
    found = forecasts(vocabulary, model, values[:read], known=known, start=start, group=group)
    for step, columns in enumerate(found[0], 1):
        for column, numbers in zip(vocabulary["columns"], columns):
            column = "" if vocabulary["series_columns"] and len(columns) == 1 else column
            print(*filter(None, (name, column)), f"+{step}", *(f"{number:.10g}" for number in numbers))
"""


@dataclass(frozen=True)
class _Step:
    """A cell by itself, as `Graph.recurrence` takes a layer."""

    cell: str
    keras_cell: keras.layers.Layer
    units: int
    activation: str = "tanh"

    @property
    def kind(self) -> Any:
        return cells.get(self.cell)


def twin_of(network: ForecastNetwork) -> Twin:
    """The network alone: from what is read of segments to scaled outputs less the last value.

    Its inputs are `segments`, `ForecastNetwork.features` before the dense layer, `[batch, steps, features]`; `series`,
    int32 `[batch, 1]`; and for the row after the last segment `ahead`, covariates and the last seasons less the last
    value, `[batch, segments ahead, segment * (covariates + seasons)]`. Its outputs cover whole segments ahead.

    Raises:
        InputError: The network is of a control.
    """
    layers.refuse_controls(network.stack)
    stack, width = network.stack, network.covariates + network.seasons
    steps, outputs = network.ahead * network.segment, 1 + len(network.quantiles)

    def function(
        graph: Graph, state: Sequence[Value], segments: Value, series: Value, ahead: Value
    ) -> tuple[dict[str, Value], list[Value]]:
        vector = graph.gather(graph.constant(numbers(network.of_series)), series)  # [batch, 1, embedding]
        x, after = layers.stacked(graph, stack, layers.dense(graph, network.read, segments) + vector, state=state)
        h = graph.pick(x, -1, 1)
        h = layers.dense(graph, network.bridge, h) if network.bridge else h
        places = layers.dense(graph, network.place, ahead) + graph.constant(numbers(network.of_place)) + vector
        projected = layers.dense(graph, network.project, _decoded(graph, network, h, places=places))
        found = graph.reshape(projected, (-1, steps, outputs))
        mean, *quantiles = graph.split(found, [1] * outputs, 2)
        for n in range(1, len(quantiles)):
            quantiles[n] = quantiles[n - 1] + layers.softplus(graph, quantiles[n])
        found = graph.concat([mean, *quantiles], 2)
        if network.seasons:
            read = graph.reshape(ahead, (-1, steps, width))
            *_, naive = graph.split(read, [size for size in (network.covariates, network.seasons) if size], 2)
            found = found + layers.dense(graph, network.repeat, naive)
        return {"outputs": found}, after

    features = weights(network.read)[0].shape[0]
    inputs = [
        Input("segments", (BATCH, STEPS, features)),
        Input("series", (BATCH, 1), "int32"),
        Input("ahead", (BATCH, network.ahead, network.segment * width)),
    ]
    shapes = {"outputs": (BATCH, steps, outputs)}
    return Twin.stateful(inputs, shapes, sizes=layers.state_sizes(stack), function=function)


def _decoded(graph: Graph, network: ForecastNetwork, h: Value, *, places: Value) -> Value:
    """The hidden state of each future segment, `[batch, ahead, units]`, from the first, `[batch, units]`."""
    units, ahead = network.stack.units, network.ahead
    if network.dense:
        return graph.unary("relu", layers.dense(graph, network.decoder, places) + graph.expand(h, 1))
    step = _Step(network.stack.cell, network.decoder, units)
    if network.head == "segment":
        wide = graph.expand(h, 1) + graph.constant(np.zeros((1, ahead, units), np.float32))
        first = [graph.reshape(wide, (-1, units))] * step.kind.states
        decoded, _ = graph.recurrence(step, graph.reshape(places, (-1, 1, network.embedding)), first)
        return graph.reshape(decoded, (-1, ahead, units))
    state, fed, found = [h] * step.kind.states, 0.0, []
    for n in range(ahead):
        decoded, state = graph.recurrence(step, graph.expand(graph.pick(places, n, 1) + fed, 1), state)
        found.append(decoded)
        projected = layers.dense(graph, network.project, decoded)
        means = graph.pick(graph.reshape(projected, (-1, network.segment, 1 + len(network.quantiles))), 0, 2)
        fed = layers.dense(graph, network.fed, means)
    return graph.concat(found, 1)


def portable(structure: Structure, config: Mapping[str, Any]) -> Portable:
    """A forecaster, of which `structure` is saved; `config` is its configuration."""
    network = cast(ForecastNetwork, structure.network())
    twin = twin_of(network)
    vocabulary = structure.vocabulary | vocabulary_of(network) | _names(config)
    vocabulary["state"] = twin.state
    groups, columns = config["unique_ids"], len(config["target"])
    mean, scale = (np.reshape(vocabulary[name], (-1, columns)) for name in ("mean", "scale"))

    def number(record: Record) -> int:
        return groups.index(record["unique_id"]) if len(groups) > 1 else 0

    def answering(every: bool) -> Answer:
        def answer(runs: Runs, record: Record) -> Record:
            given = {"known": np.asarray(record["known"], float), "start": int(record["start"])}
            history = np.asarray(record["history"], float)
            found = forecasts(vocabulary, runs[MODEL], history, **given, group=number(record), every=every)
            found = found if every else found[0]
            return {"mean": found[..., 0], "quantiles": found[..., 1:]}

        return answer

    def scaled(record: Record, answer: Record) -> Record:
        m, s = mean[number(record)], scale[number(record)]
        return {
            "mean": (np.asarray(answer["mean"]) - m) / s,
            "quantiles": (np.asarray(answer["quantiles"]) - m[:, None]) / s[:, None],
        }

    trials = _trials(vocabulary, config)
    return Portable(
        {MODEL: twin},
        vocabulary,
        "Forecasts the series of a table",
        [str(structure.model.folder / ASSETS / "example.csv")],
        PREPARATION + EXAMPLE,
        {"serving_default": answering(every=False), "backtest": answering(every=True)},
        {"serving_default": trials, "backtest": trials[:1]},
        compared=scaled,
    )


def vocabulary_of(network: ForecastNetwork) -> dict[str, Any]:
    """What was found after the training of the weights: the share of the network, and how wide intervals are."""
    return {
        "quantiles": list(network.quantiles),
        "sides": sides_of(network.quantiles).tolist(),
        "least_width": LEAST_WIDTH,
        **{name: float(numbers(getattr(network, name))) for name in ("share", "swing_power")},
        **{name: numbers(getattr(network, name)).tolist() for name in ("widening", "equal_widths")},
    }


def _names(config: Mapping[str, Any]) -> dict[str, Any]:
    """The names in a table, and the unit in which its times are counted."""
    spacing = config["spacing"]
    return {
        "columns": config["target"],
        "known": config["known"],
        "unique_ids": config["unique_ids"],
        "missing": config["missing"] == "allow",
        "unit": "months" if spacing % MONTH == 0 else "days" if spacing % DAY == 0 else "seconds",
        "month": MONTH,
    }


def _trials(vocabulary: Mapping[str, Any], config: Mapping[str, Any]) -> list[Record]:
    """Histories about the mean, of all columns of some groups, with holes where the model takes them."""
    draw, columns = np.random.default_rng(0), len(config["target"])
    rows = 1 + 3 * config["segment"] + min(LONGEST, 2 * max([*config["seasons"], config["horizon"]]))
    records = []
    for n in range(TRIALS):
        group = n % len(config["unique_ids"])
        at = slice(group * columns, (group + 1) * columns)
        mean, scale = (np.array(vocabulary[name])[at] for name in ("mean", "scale"))
        history = mean + scale * draw.normal(size=(rows, columns))
        if config["missing"] == "allow":
            history[draw.random(history.shape) < HOLES] = np.nan
        known = vocabulary["known_mean"] + draw.normal(size=(rows + config["horizon"], len(config["known"])))
        start = config["spacing"] * int(draw.integers(1_000))
        records.append({"history": history, "known": known, "start": start, "unique_id": config["unique_ids"][group]})
    return records
