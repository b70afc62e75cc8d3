"""Batches for PyTorch: every step once, about as many in each batch, padding where there is none."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.torch_data import NO_TARGET, Pairs, Series, Text, Texts

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=30)


@settings(max_examples=40, deadline=None)
@given(LENGTHS, st.integers(1, 40))
def test_batches_of_texts_have_each_step_once(lengths: list[int], steps: int) -> None:
    total = sum(lengths)
    texts = Texts(np.array(lengths), np.zeros((total, 2), int), np.zeros(total, int), (1, 1))
    found = list(texts.epoch(steps))
    assert sorted(n for _, (chosen, _, _) in found for n in chosen) == list(range(len(lengths)))
    assert sorted(n for _, (_, _, at) in found for n in at[at >= 0]) == list(range(total))
    assert all(real == (at >= 0).sum() == lengths.sum() for real, (_, lengths, at) in found)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=30), st.integers(4, 60))
def test_batches_of_pairs_have_each_token_once_and_like_targets(lengths: list[tuple[int, int]], steps: int) -> None:
    sources, targets = ([np.full(pair[side], 10 + n) for n, pair in enumerate(lengths)] for side in (0, 1))
    pairs = Pairs(sources, targets, start=1, end=2, vocabulary=50)
    found = [batch for _, batch in pairs.epoch(steps)]
    assert sum(real for real, _ in pairs.epoch(steps)) == sum(s + t + 2 for s, t in lengths)
    seen = []
    for source, source_lengths, read, references in found:
        seen += source[:, 0].tolist()
        for row, length in zip(source, source_lengths):
            assert row[length - 1] == 2 and (row[: length - 1] == row[0]).all()
        real = references != NO_TARGET
        assert (read[:, 0] == 1).all() and (read[:, 1:][real[:, 1:]] == references[:, :-1][real[:, 1:]]).all()
        assert (references[np.arange(len(real)), real.sum(1) - 1] == 2).all()
    assert sorted(seen) == list(range(10, 10 + len(lengths)))
    counts = [sum((batch[3] != NO_TARGET).ravel()) for batch in found]
    each = steps * sum(t + 1 for _, t in lengths) / sum(s + t + 2 for s, t in lengths)
    assert max(counts) < each + 10  # The longest target is 9 tokens and an end.


@settings(max_examples=40, deadline=None)
@given(LENGTHS, st.integers(1, 4), st.integers(1, 30))
def test_windows_of_series_have_each_step_once_in_order(lengths: list[int], lanes: int, steps: int) -> None:
    total = sum(lengths)
    series = Series(np.array(lengths), {"row": np.arange(total)}, np.arange(total)[:, None], lanes)
    found, last = [], None
    for real, (first, inputs, targets, inside) in series.epoch(steps):
        rows = inputs["row"]
        assert real == inside.sum() and (targets[..., 0] == rows).all() and len(rows) <= lanes
        if not first:  # Goes on where the window before ended.
            assert (rows[:, 0] == last[:, -1] + 1)[inside[:, 0]].all()
        found += rows[inside].tolist()
        last = rows
    assert sorted(found) == list(range(total))


def test_some_batches_are_spread_over_all_lengths() -> None:
    lengths = np.arange(1, 101)
    texts = Texts(lengths, np.zeros((lengths.sum(), 2), int), np.zeros(100, int), (1, 1))
    longest = sorted(int(lengths.max()) for _, (_, lengths, _) in texts.epoch(101, most=10))
    assert len(longest) == 10 and longest[0] < 20 and longest[-1] == 100


def test_windows_of_a_text_go_on_where_those_before_ended() -> None:
    text = Text(np.arange(50), np.arange(1, 51), 51, lanes=3, window=5)
    found = [batch for _, batch in text.epoch(0)]
    assert [first for first, *_ in found] == [True, False, False, False]
    read, reference = (np.concatenate([batch[n] for batch in found], 1) for n in (1, 2))
    assert (read == np.arange(48).reshape(3, 16)).all() and (reference == read + 1).all()
    assert [steps for steps, _ in text.epoch(0, most=2)] == [15, 15]
