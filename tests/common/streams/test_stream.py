"""Packing and windows, over random lengths, lanes, windows, reaches and seeds."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from common.streams.sequences import Inputs, Sequences
from common.streams.stream import WINDOWS_AT_ONCE, Stream, Window, shares_of

MANY = settings(max_examples=60, deadline=None)
BOTH_MODES = pytest.mark.parametrize("whole", [False, True])


def sequences_of(lengths: list[int] | np.ndarray, seed: int = 0) -> Sequences:
    """Sequences whose tokens are the numbers of their steps, from 1, so that a token tells where it is from."""
    lengths = np.asarray(lengths)
    steps = int(lengths.sum())
    tokens = np.arange(1, steps + 1, dtype=np.int32)
    weights = np.random.default_rng(seed).integers(0, 3, steps).astype(np.float32)
    weights[0] = 1
    inputs = {"tokens": tokens, "pair": np.stack([tokens, -tokens], 1)}
    return Sequences(lengths, inputs, targets=10 * tokens, weights=weights)


def joined(inputs: Inputs | tuple[Inputs, Inputs]) -> Inputs:
    """The parts of a window side by side, `[lanes, reach, ...]`."""
    parts = inputs if isinstance(inputs, tuple) else (inputs,)
    return {name: np.concatenate([part[name] for part in parts], 1) for name in parts[0]}


def whole_epoch(stream: Stream, epoch: int = 0, first: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """The new steps of all windows, end to end, `[lanes, steps, ...]`."""
    windows = [(joined(inputs), *rest) for inputs, *rest in stream.iterate(epoch, first)]
    new = slice(stream.reach - stream.window, None)
    inputs = {name: np.concatenate([w[0][name][:, new] for w in windows], 1) for name in windows[0][0]}
    return inputs, *(np.concatenate([w[part] for w in windows], 1) for part in (1, 2))


def assert_same(one: list[Window], other: list[Window]) -> None:
    assert len(one) == len(other)
    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
        np.testing.assert_array_equal(a, b)


@st.composite
def streams(draw: st.DrawFn, **fixed: object) -> Stream:
    lengths = draw(st.lists(st.integers(1, 30), min_size=1, max_size=25))
    window = draw(st.integers(1, 12))
    options = {
        "lanes": draw(st.integers(1, 5)),
        "window": window,
        "reach": window + draw(st.integers(0, 2 * window)),
        "whole": draw(st.booleans()),
        "shuffle": draw(st.booleans()),
        "seed": draw(st.integers(0, 100)),
    }
    return Stream(sequences_of(lengths), **(options | fixed))


@given(stream=streams(), epoch=st.integers(0, 3))
@MANY
def test_every_step_of_every_sequence_is_read_once_and_in_order_on_one_lane(stream: Stream, epoch: int) -> None:
    inputs, targets, _ = whole_epoch(stream, epoch)
    tokens, sequences = inputs["tokens"], stream.sequences
    assert sorted(tokens[tokens > 0]) == list(range(1, sequences.steps + 1))
    for offset, length in zip(sequences.offsets, sequences.lengths, strict=True):
        lane, start = np.argwhere(tokens == offset + 1)[0]
        assert tokens[lane, start : start + length].tolist() == list(range(offset + 1, offset + length + 1))
    np.testing.assert_array_equal(inputs["pair"], np.stack([tokens, -tokens], -1))
    np.testing.assert_array_equal(targets, 10 * tokens)


@given(stream=streams(), epoch=st.integers(0, 3))
@MANY
def test_blank_steps_are_zero_without_weight_and_belong_to_sequence_minus_one(stream: Stream, epoch: int) -> None:
    for inputs, targets, weights in stream.iterate(epoch):
        inputs = joined(inputs)
        blank = inputs["tokens"] == 0
        assert np.all((inputs["sequence"] == -1) == blank)
        assert np.all(inputs["keep"][blank] == 0)
        new = blank[:, stream.reach - stream.window :]
        assert not np.any(weights[new]) and not np.any(targets[new])


@given(stream=streams(), epoch=st.integers(0, 3))
@MANY
def test_keep_is_zero_exactly_where_a_sequence_starts_and_at_blank_steps(stream: Stream, epoch: int) -> None:
    starts = stream.sequences.offsets + 1
    for inputs, _, _ in stream.iterate(epoch):
        inputs = joined(inputs)
        tokens = inputs["tokens"]
        expected = np.where(np.isin(tokens, starts) | (tokens == 0), 0, 1)
        np.testing.assert_array_equal(inputs["keep"], expected)


@given(stream=streams(), epoch=st.integers(0, 3))
@MANY
def test_sequence_numbers_the_sequence_of_each_step_and_never_repeats_in_another_epoch(
    stream: Stream, epoch: int
) -> None:
    inputs, _, _ = whole_epoch(stream, epoch)
    real = inputs["tokens"] > 0
    of_step = np.repeat(np.arange(len(stream.sequences)), stream.sequences.lengths)
    expected = of_step[inputs["tokens"][real] - 1] + epoch * len(stream.sequences)
    np.testing.assert_array_equal(inputs["sequence"][real], expected)


@given(stream=streams(whole=True), epoch=st.integers(0, 3))
@MANY
def test_whole_sequences_cross_no_border_and_longer_ones_start_at_one(stream: Stream, epoch: int) -> None:
    tokens = whole_epoch(stream, epoch)[0]["tokens"]
    for offset, length in zip(stream.sequences.offsets, stream.sequences.lengths, strict=True):
        start = int(np.argwhere(tokens == offset + 1)[0, 1])
        if length <= stream.window:
            assert start // stream.window == (start + length - 1) // stream.window
        else:
            assert start % stream.window == 0


@given(stream=streams(), epoch=st.integers(0, 2))
@MANY
def test_history_of_a_window_is_the_steps_before_it(stream: Stream, epoch: int) -> None:
    inputs, _, _ = whole_epoch(stream, epoch)
    history = stream.reach - stream.window
    for n, (window, targets, weights) in enumerate(stream.iterate(epoch)):
        assert targets.shape == weights.shape == (stream.lanes, stream.window)
        for name, blank in (("tokens", 0), ("keep", 0), ("sequence", -1)):
            steps = np.pad(inputs[name], ((0, 0), (history, 0)), constant_values=blank)
            expected = steps[:, n * stream.window : n * stream.window + stream.reach]
            np.testing.assert_array_equal(joined(window)[name], expected)


@given(stream=streams(), epoch=st.integers(0, 3), data=st.data())
@MANY
def test_reading_resumes_at_any_window(stream: Stream, epoch: int, data: st.DataObject) -> None:
    windows = list(stream.iterate(epoch))
    assert len(windows) == stream.windows(epoch)
    first = data.draw(st.integers(0, len(windows)))
    same = {name: getattr(stream, name) for name in ("reach", "whole", "shuffle", "seed")}
    fresh = Stream(stream.sequences, stream.lanes, stream.window, **same)
    assert_same(list(fresh.iterate(epoch, first)), windows[first:])


@BOTH_MODES
def test_same_seed_and_epoch_give_the_same_windows_and_others_another_order(whole: bool) -> None:
    sequences = sequences_of(np.random.default_rng(0).integers(1, 12, 60))

    def tokens(epoch: int, **options: object) -> np.ndarray:
        return whole_epoch(Stream(sequences, 3, 8, whole=whole, **options), epoch)[0]["tokens"]

    np.testing.assert_array_equal(tokens(2, seed=1), tokens(2, seed=1))
    assert not np.array_equal(tokens(2, seed=1), tokens(3, seed=1))
    assert not np.array_equal(tokens(2, seed=1), tokens(2, seed=2))
    np.testing.assert_array_equal(tokens(0, shuffle=False), tokens(5, shuffle=False))


@BOTH_MODES
def test_shuffling_puts_a_sequence_anywhere(whole: bool) -> None:
    """No sequence is tied to a lane, to an end of the epoch or to its neighbour."""
    stream = Stream(sequences_of(np.random.default_rng(0).integers(2, 9, 80)), 4, 16, whole=whole)
    places, neighbours = [], set()
    for epoch in range(40):
        tokens = whole_epoch(stream, epoch)[0]["tokens"]
        lane, start = np.argwhere(tokens == 1)[0]
        places.append((lane, start / tokens.shape[1]))
        neighbours.add(tokens[lane, start - 1] if start else 0)
    assert {lane for lane, _ in places} == set(range(4))
    assert min(at for _, at in places) < 0.25 and max(at for _, at in places) > 0.6
    assert len(neighbours) > 10


@given(stream=streams(), epoch=st.integers(0, 3))
@MANY
def test_weights_average_one_over_the_computed_steps_and_each_step_keeps_its_share(stream: Stream, epoch: int) -> None:
    inputs, _, weights = whole_epoch(stream, epoch)
    assert weights.dtype == np.float32
    assert weights.mean(dtype=np.float64) == pytest.approx(1, rel=1e-5)
    real = inputs["tokens"] > 0
    given = stream.sequences.weights[inputs["tokens"][real] - 1]
    np.testing.assert_allclose(weights[real] / weights.sum(), given / given.sum(), rtol=1e-5)


@given(stream=streams())
@MANY
def test_outputs_go_back_into_the_order_of_the_sequences(stream: Stream) -> None:
    history = stream.reach - stream.window
    outputs = np.concatenate([joined(inputs)["tokens"][:, history:] for inputs, _, _ in stream.iterate()])
    np.testing.assert_array_equal(stream.at_steps(outputs), stream.sequences.inputs["tokens"])
    np.testing.assert_array_equal(stream.at_steps(outputs)[stream.sequences.ends], np.cumsum(stream.sequences.lengths))
    pairs = np.concatenate([joined(inputs)["pair"][:, history:] for inputs, _, _ in stream.iterate()])
    np.testing.assert_array_equal(stream.at_steps(pairs), stream.sequences.inputs["pair"])


def realistic(count: int, median: float, spread: float) -> Sequences:
    return sequences_of(np.ceil(median * np.random.default_rng(0).lognormal(0, spread, count)).astype(int))


TWEETS, QUOTES, SENTENCES, REVIEWS = (8000, 12, 0.5), (10000, 20, 0.5), (3900, 15, 0.7), (2500, 200, 0.6)


@pytest.mark.parametrize("lanes", [16, 32])
@pytest.mark.parametrize(
    ("lengths", "window", "whole"),
    [
        *((lengths, 64, whole) for lengths in (TWEETS, QUOTES, SENTENCES) for whole in (False, True)),
        (REVIEWS, 128, False),
    ],
)
def test_at_least_97_percent_of_the_steps_are_real(lengths: tuple, window: int, whole: bool, lanes: int) -> None:
    stream = Stream(realistic(*lengths), lanes, window, whole=whole)
    assert all(0.97 <= stream.efficiency(epoch) <= 1 for epoch in range(3))


@pytest.mark.parametrize("lanes", [16, 32])
@pytest.mark.parametrize(
    ("lengths", "whole"),
    [
        *((lengths, whole) for lengths in (TWEETS, QUOTES, SENTENCES) for whole in (False, True)),
        (REVIEWS, False),
    ],
)
def test_at_least_97_percent_of_the_steps_are_real_in_evaluation(lengths: tuple, lanes: int, whole: bool) -> None:
    count, median, spread = lengths
    for size in (count, count // 8):
        stream = Stream.in_order(realistic(size, median, spread), lanes, 64 if median < 100 else 128, whole=whole)
        assert 0.97 <= stream.efficiency() <= 1


@given(stream=streams(), epoch=st.integers(0, 2))
@MANY
def test_efficiency_is_the_share_of_real_steps(stream: Stream, epoch: int) -> None:
    tokens = whole_epoch(stream, epoch)[0]["tokens"]
    assert stream.efficiency(epoch) == pytest.approx(np.mean(tokens > 0))


def test_stream_in_order_keeps_the_order_given_but_for_the_last_sequences_of_each_lane() -> None:
    lengths = np.random.default_rng(0).integers(1, 30, 200)
    stream = Stream.in_order(sequences_of(lengths), 4, 16)
    assert not stream.shuffle and stream.reach == stream.window
    assert 16 <= stream.window <= 32
    start = stream.packing().start
    assert np.all(np.diff(start[: 200 - 8 * 4]) >= 0)


@BOTH_MODES
def test_memory_grows_with_the_steps_and_no_faster(whole: bool) -> None:
    def peak(count: int) -> int:
        sequences = sequences_of(np.random.default_rng(0).integers(5, 40, count))
        stream = Stream(sequences, 8, 64, reach=128, whole=whole)
        tracemalloc.start()
        for epoch in range(3):
            stream.window_at(epoch, 0)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    small, large = peak(1000), peak(4000)
    assert large < 5 * small
    assert large < 100 * 4000 * 22.5


@given(stream=streams(), epoch=st.integers(0, 2))
@settings(max_examples=8, deadline=None)
def test_dataset_is_the_windows_and_knows_its_size(stream: Stream, epoch: int) -> None:
    first = stream.windows(epoch) // 2
    dataset = stream.dataset(epoch, first)
    assert int(dataset.cardinality()) == stream.windows(epoch) - first
    assert dataset.options().autotune.enabled is False  # An epoch would wait for its thread.
    ((inputs, *_),) = dataset.element_spec
    specs = inputs if isinstance(inputs, tuple) else (inputs,)
    for spec, steps in zip(specs, (stream.window, stream.reach - stream.window)):
        static = {name: (stream.lanes, steps if stream.shuffle else None) for name in ("tokens", "keep", "sequence")}
        assert {name: tuple(spec[name].shape) for name in static} == static
    assert_same(list(dataset.as_numpy_iterator()), [(window,) for window in stream.iterate(epoch, first)])


@pytest.mark.parametrize("by_lane", [False, True])
def test_a_dataset_has_the_window_of_each_share_of_the_lanes(by_lane: bool) -> None:
    def expand(inputs: Inputs, targets: np.ndarray) -> tuple[Inputs, np.ndarray]:
        return inputs | {"double": 2 * inputs["tokens"], "nothing": np.zeros((*targets.shape, 0))}, targets

    sequences = replace(sequences_of([3, 9, 2, 6, 1] * 40), expand=expand, expand_by_lane=by_lane)
    stream = Stream(sequences, 5, 4, reach=6, passes=2)
    cut = shares_of(5, 2)
    assert [lanes.stop - lanes.start for lanes in cut] == [2, 3]
    windows = list(stream.dataset(1, 3, lanes=cut).as_numpy_iterator())
    assert len(windows) == stream.windows(1) - 3 > 2 * WINDOWS_AT_ONCE
    for number, shares in enumerate(windows, 3):
        assert_same(list(shares), [stream.window_at(1, number, lanes=lanes) for lanes in cut])


def test_an_epoch_of_several_passes_is_as_many_epochs_of_one() -> None:
    sequences = sequences_of([3, 9, 2, 6, 1, 7])
    several, one = Stream(sequences, 2, 4, reach=6, passes=3, seed=5), Stream(sequences, 2, 4, reach=6, seed=5)
    found, expected = list(several.iterate(1)), [window for epoch in (3, 4, 5) for window in one.iterate(epoch)]
    assert several.windows(1) == len(found) == len(expected)
    for (inputs, targets, _), (same, same_targets, _) in zip(found, expected):
        assert_same([inputs[1], targets], [same[1], same_targets])
    assert np.mean([weights for _, _, weights in found]) == pytest.approx(1, rel=1e-5)


def test_two_epochs_may_be_read_in_parallel() -> None:
    """Keras reads a stream ahead in threads of its own."""
    stream = Stream(sequences_of(np.random.default_rng(0).integers(1, 9, 30)), 2, 4)
    expected = [list(stream.iterate(epoch)) for epoch in range(2)]
    with ThreadPoolExecutor(2) as threads:
        for _ in range(20):
            found = threads.map(lambda epoch: list(stream.iterate(epoch)), range(2))
            for one, other in zip(found, expected, strict=True):
                assert_same(one, other)


def test_reach_below_the_window_is_an_error() -> None:
    with pytest.raises(ValueError, match="reach 3 is less than window 4"):
        Stream(sequences_of([5]), 1, 4, reach=3)


# Sparse outputs, inputs per sequence, pieces


def asking_for_some(stream: Stream) -> Stream:
    """The same stream with outputs at the steps that have a weight alone."""
    sequences = replace(stream.sequences, sparse_outputs=True)
    same = {name: getattr(stream, name) for name in ("reach", "whole", "shuffle", "seed")}
    return Stream(sequences, stream.lanes, stream.window, **same)


@given(stream=streams(), epoch=st.integers(0, 3))
@MANY
def test_slots_hold_every_step_with_a_weight_and_the_mean_loss_stays(stream: Stream, epoch: int) -> None:
    some = asking_for_some(stream)
    for (_, targets, weights), (inputs, slot_targets, slot_weights) in zip(stream.iterate(epoch), some.iterate(epoch)):
        parts = inputs if isinstance(inputs, tuple) else (inputs,)
        tokens = np.concatenate([np.take_along_axis(part["tokens"], part["output_steps"], 1) for part in parts], 1)
        filled = slot_weights > 0
        np.testing.assert_array_equal(slot_targets[filled], 10 * tokens[filled])
        assert sorted(slot_targets[filled]) == sorted(targets[weights > 0])
        error = np.where(weights > 0, targets, 0)
        slot_error = np.where(filled, slot_targets, 0)
        np.testing.assert_allclose(np.mean(slot_error * slot_weights), np.mean(error * weights), rtol=1e-4)
    shapes = {window[1].shape for window in some.iterate(epoch)}
    assert len(shapes) == 1  # One graph for all windows of an epoch.


@given(stream=streams(shuffle=False, reach=None))
@MANY
def test_sparse_outputs_come_back_in_the_order_of_the_sequences(stream: Stream) -> None:
    some = asking_for_some(stream)
    dense = np.concatenate([inputs["tokens"] for inputs, _, _ in stream.iterate()])
    slots = np.concatenate(
        [np.take_along_axis(inputs["tokens"], inputs["output_steps"], 1) for inputs, _, _ in some.iterate()]
    )
    expected = stream.sequences.inputs["tokens"][stream.sequences.weights > 0]
    np.testing.assert_array_equal(stream.at_output_steps(dense), expected)
    np.testing.assert_array_equal(some.at_output_steps(slots), expected)


@given(stream=streams(), epoch=st.integers(0, 3))
@MANY
def test_inputs_of_a_sequence_reach_each_of_its_steps_and_are_held_once(stream: Stream, epoch: int) -> None:
    lengths = stream.sequences.lengths
    sequences = replace(stream.sequences, per_sequence={"picture": 7 * np.arange(len(lengths))[:, None] + np.arange(3)})
    of_token = np.repeat(np.arange(len(lengths)), lengths)
    same = {name: getattr(stream, name) for name in ("reach", "whole", "shuffle", "seed")}
    for inputs, _, _ in Stream(sequences, stream.lanes, stream.window, **same).iterate(epoch):
        for part in inputs if isinstance(inputs, tuple) else (inputs,):
            real = part["tokens"] > 0
            pictures = part["picture"][part["row_of_sequence"]]  # [lanes, steps, 3]
            np.testing.assert_array_equal(pictures[real][:, 0], 7 * of_token[part["tokens"][real] - 1])
            assert len(part["picture"]) <= len(np.unique(part["sequence"])) + 1


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    pieces=st.integers(1, 7),
    least=st.integers(1, 9),
    context=st.integers(0, 9),
)
@MANY
def test_pieces_hold_every_step_once_and_read_their_context_without_weight(
    lengths: list[int], pieces: int, least: int, context: int
) -> None:
    whole = replace(sequences_of(lengths), weights=np.ones(sum(lengths), np.float32))
    cut = whole.in_pieces(pieces, least=least, context=context)
    counted = cut.weights > 0
    assert cut.inputs["tokens"][counted].tolist() == whole.inputs["tokens"].tolist()
    np.testing.assert_array_equal(cut.targets, 10 * cut.inputs["tokens"])
    assert cut.steps == len(cut.targets) == len(cut.weights)
    assert len(cut) <= pieces * len(whole)
    for offset, length in zip(cut.offsets, cut.lengths):
        tokens, weights = cut.inputs["tokens"][offset : offset + length], counted[offset : offset + length]
        assert np.all(np.diff(tokens) == 1) and np.all(np.diff(weights.astype(int)) >= 0)
        assert (~weights).sum() <= context


def test_one_long_text_fills_every_lane() -> None:
    cut = sequences_of([100_000]).in_pieces(16, least=64)
    stream = Stream(cut, 8, 64)
    assert len(cut) == 16 and stream.efficiency() > 0.99


def test_a_dataset_for_training_knows_the_lanes_of_further_inputs_and_not_their_widths() -> None:
    def expand(inputs: Inputs, targets: np.ndarray) -> tuple[Inputs, np.ndarray]:
        width = int(inputs["tokens"].max())
        return inputs | {"more": np.ones((len(targets), width), np.float32)}, targets

    pictures = {"picture": np.zeros((5, 3), np.float32)}
    sequences = replace(sequences_of([3, 4, 2, 6, 1]), expand=expand, per_sequence=pictures)
    for shuffle, tokens, more in ((True, [2, 4], [2, None]), (False, [2, None], [None, None])):
        dataset = Stream(sequences, 2, 4, shuffle=shuffle).dataset()
        ((specs, *_),) = dataset.element_spec
        assert specs["tokens"].shape.as_list() == tokens and specs["picture"].shape.as_list() == [None, None]
        assert specs["more"].shape.as_list() == more
    assert len({inputs["more"].shape[1] for ((inputs, _, _),) in dataset}) > 1
