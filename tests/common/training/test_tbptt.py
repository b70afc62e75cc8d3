"""State that never leaks, and a full citizen of Keras: evaluate, predict, fit and its callbacks."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from common.networks.stream import StreamNetwork
from common.streams.sequences import Sequences
from common.streams.stream import Stream
from common.training.carried import CarriedState
from tests.common.training.models import (
    LANES,
    TOKENS,
    WINDOW,
    Models,
    assert_same_weights,
    in_order,
    model_of,
    outputs_alone,
    sequences_of,
    shuffled,
)
from tests.helpers import EVERY_CELL, assert_all_close

# State


@cache
def compiled_network(cell: str, training: bool, **options: object):
    network = model_of(cell, dropout=0.3, **options).network
    return network, tf.function(lambda window, state: network(window, state=state, training=training))


def outputs_in_windows(cell: str, sequences: Sequences, training: bool, whole: bool, **options: object) -> np.ndarray:
    network, call = compiled_network(cell, training, **options)
    stream = Stream(sequences, LANES, WINDOW, whole=whole, shuffle=False)
    outputs, state = [], network.initial_state(LANES)
    for window, _, _ in stream.iterate():
        out, state = call(window, state)
        outputs.append(out)
    return stream.at_steps(np.concatenate(outputs))


@EVERY_CELL
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@given(lengths=st.lists(st.integers(1, WINDOW), min_size=2, max_size=8), data=st.data())
@settings(max_examples=6, deadline=None)
def test_no_sequence_changes_the_outputs_of_another(
    cell: str, bidirectional: bool, training: bool, lengths: list[int], data: st.DataObject
) -> None:
    if not bidirectional:  # A bidirectional network needs sequences that fit into a window.
        lengths = [3 * length for length in lengths]
    options = {"kind": "mean_max", "layers": 2, "bidirectional": bidirectional}
    sequences = sequences_of(lengths)
    before = outputs_in_windows(cell, sequences, training, bidirectional, **options)
    victim = data.draw(st.integers(0, len(lengths) - 1))
    own = np.repeat(np.arange(len(lengths)), lengths) == victim
    tokens = sequences.inputs["tokens"]
    tokens[own] = (tokens[own] + 1) % TOKENS
    after = outputs_in_windows(cell, sequences, training, bidirectional, **options)
    np.testing.assert_array_equal(before[~own], after[~own])
    # Where dropout has not made its tokens one and the same.
    assert training or not np.array_equal(before[own], after[own])


@EVERY_CELL
def test_infinite_state_of_one_sequence_ends_with_it(cell: str, models: Models) -> None:
    model = models(cell, kind="mean_max")
    expected = model.predict(in_order(), verbose=0)
    for variable in (*model.eval_state.values, *model.train_state.values):
        variable.assign(tf.fill(variable.shape, np.inf))
    np.testing.assert_array_equal(model.predict(in_order(), verbose=0), expected)
    model.fit(shuffled(), verbose=0)
    assert all(np.all(np.isfinite(w)) for w in model.get_weights())


def test_carried_state_reads_what_it_was_given_and_passes_no_gradient() -> None:
    carried = CarriedState((((tf.zeros((2, 3)), tf.zeros((2, 3))),), ()))
    x = tf.Variable(tf.ones((2, 3)))
    with tf.GradientTape() as tape:
        carried.carry([(((2 * x, 3 * x),), ())], [slice(0, 2)])
        ((first, second),), nothing = carried.read([slice(0, 2)])[0]
        total = tf.reduce_sum(first * second)
    assert np.all(first == 2) and np.all(second == 3) and nothing == ()
    assert tape.gradient(total, x) is None


def test_evaluation_and_prediction_leave_training_as_it_was(models: Models) -> None:
    windows = list(shuffled().iterate())
    undisturbed = models("lstm", kind="mean")
    for window in windows:
        models.step(undisturbed, window)
    expected = undisturbed.get_weights()
    model = models("lstm", kind="mean")
    for window in windows:
        models.step(model, window)
        before = [v.numpy() for v in model.train_state.values], model.position.numpy().tolist()
        model.evaluate(in_order(), verbose=0)
        model.predict(in_order(), verbose=0)
        after = [v.numpy() for v in model.train_state.values], model.position.numpy().tolist()
        assert_all_close(before, after)
        assert before[1] == after[1]
    assert any(np.any(v != 0) for v in model.train_state.values)
    assert_same_weights(model, expected)


def test_training_leaves_evaluation_as_it_was(models: Models) -> None:
    model = models()
    model.optimizer.learning_rate = 0.0
    expected = model.evaluate(in_order(), verbose=0)
    model.predict_on_batch(in_order().window_at(0, 0)[0])
    model.fit(shuffled(), verbose=0)
    state = [v.numpy() for v in model.eval_state.values]
    assert any(np.any(s != 0) for s in state)
    assert model.evaluate(in_order(), verbose=0) == pytest.approx(expected)
    assert model.evaluate(in_order(), verbose=0) == pytest.approx(expected)


def test_dropout_and_recurrent_dropout_change_training_and_not_evaluation(models: Models) -> None:
    plain, dropped = models(), models(dropout=0.3)
    assert plain.evaluate(in_order(), verbose=0) == dropped.evaluate(in_order(), verbose=0)
    plain.fit(shuffled(), verbose=0)
    dropped.fit(shuffled(), verbose=0)
    assert any(not np.allclose(a, b, atol=1e-4) for a, b in zip(plain.get_weights(), dropped.get_weights()))


# Evaluation


@EVERY_CELL
@pytest.mark.parametrize("readout", ["last", "mean", "max", "mean_max"])
def test_prediction_gives_each_sequence_what_it_gives_alone_to_the_last(
    cell: str, readout: str, models: Models
) -> None:
    model = models(cell, kind=readout)
    sequences = sequences_of([3, 11, 1, 6, 2, 9, 4])
    stream = Stream.in_order(sequences, LANES, WINDOW)
    alone = outputs_alone(model.network, sequences)
    outputs = model.predict(stream, verbose=0)
    np.testing.assert_allclose(stream.at_steps(outputs), np.concatenate(alone), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        stream.at_steps(outputs)[stream.sequences.ends], [one[-1] for one in alone], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("lengths", [[3, 11, 1, 6, 2, 9, 4], [1], [7, 7, 7]])
def test_evaluation_counts_every_step_by_its_weight_and_blank_ones_not_at_all(
    lengths: list[int], models: Models
) -> None:
    model = models()
    sequences = sequences_of(lengths)
    outputs, weights = np.concatenate(outputs_alone(model.network, sequences)), sequences.weights
    loss = -np.log(outputs[np.arange(len(outputs)), sequences.targets])
    right = outputs.argmax(1) == sequences.targets
    found = model.evaluate(Stream.in_order(sequences, LANES, WINDOW), verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(np.average(loss, weights=weights), rel=1e-5)
    assert found["accuracy"] == pytest.approx(np.average(right, weights=weights), rel=1e-5)
    assert "gradient_norm" not in found


# fit


@pytest.mark.parametrize("reach", [WINDOW, 8])
def test_fit_reads_every_window_of_every_epoch(reach: int, models: Models) -> None:
    """Keras takes the number of batches of the first epoch for that of all."""
    stream = shuffled(reach=reach)
    counts = [stream.windows(epoch) for epoch in range(3)]
    assert counts == [8, 9, 9]
    model, batches, sizes = models(reach=reach), [], []
    count = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: sizes.append(progress.params["steps"]),
        on_train_batch_end=lambda batch, logs: batches.append(batch),
        on_epoch_end=lambda epoch, logs: positions.append(model.position.numpy().tolist()),
    )
    progress, positions = count, []
    model.fit(stream, epochs=3, callbacks=[count], verbose=0, validation_data=in_order())
    assert batches == [batch for windows in counts for batch in range(windows)]
    assert sizes == counts
    assert positions == [[epoch, windows] for epoch, windows in enumerate(counts)]
    fitted = model.get_weights()
    assert_same_weights(fitted, models.by_hand(models(reach=reach), stream, 3), 1e-6)


def test_fit_reports_the_mean_loss_and_the_gradient_norm_of_each_epoch(models: Models) -> None:
    model = models()
    model.optimizer.learning_rate = 0.0
    history = model.fit(shuffled(), epochs=2, verbose=0, validation_data=shuffled(shuffle=False)).history
    assert set(history) == {"loss", "accuracy", "gradient_norm", "clipped_steps", "val_loss", "val_accuracy"}
    assert history["loss"] == pytest.approx(history["val_loss"], rel=1e-5)
    assert all(norm > 0 for norm in history["gradient_norm"])


def test_fit_again_trains_again(models: Models) -> None:
    stream, model = shuffled(), models()
    for _ in range(2):
        before = model.get_weights()
        history = model.fit(stream, epochs=1, verbose=0)
        assert history.history["loss"][0] > 0
        assert any(np.any(a != b) for a, b in zip(before, model.get_weights()))
    fitted = model.get_weights()
    # Each call reads the first epoch, as no other is named.
    same = models.by_hand(models(), stream, 1)
    assert_same_weights(fitted, models.by_hand(same, stream, 1), 1e-6)


def test_an_epoch_at_a_time_is_all_epochs_at_once(models: Models) -> None:
    stream, model = shuffled(), models()
    for epoch in range(3):
        model.fit(stream, initial_epoch=epoch, epochs=epoch + 1, verbose=0)
    one_by_one = model.get_weights()
    at_once = models()
    at_once.fit(stream, epochs=3, verbose=0)
    assert_same_weights(one_by_one, at_once)


def test_fit_takes_a_plain_dataset_of_windows(models: Models) -> None:
    stream, by_stream = shuffled(), models()
    expected = by_stream.fit(stream, validation_data=in_order(), verbose=0).history
    once = by_stream.get_weights()
    by_stream.fit(stream, verbose=0)
    twice = by_stream.get_weights()
    model = models()
    history = model.fit(stream.dataset(0), validation_data=in_order().dataset(), verbose=0).history
    assert_same_weights(model, once)
    assert history.keys() == expected.keys()
    assert all(history[name] == pytest.approx(values) for name, values in expected.items())
    # A stream after it is read from its first window.
    model.fit(stream, verbose=0)
    assert_same_weights(model, twice)


def test_stock_callbacks_see_one_training(models: Models, tmp_path: Path) -> None:
    seen: list[object] = []
    spy = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: seen.append("begin"),
        on_epoch_begin=lambda epoch, logs: seen.append(epoch),
        on_epoch_end=lambda epoch, logs: seen.append("val_loss" in logs),
        on_train_end=lambda logs: seen.append("end"),
    )
    checkpoint = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.weights.h5"), save_weights_only=True)
    board = keras.callbacks.TensorBoard(str(tmp_path / "logs"), write_graph=False)
    csv = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    model = models()
    history = model.fit(
        shuffled(), epochs=3, verbose=0, validation_data=in_order(), callbacks=[spy, checkpoint, board, csv]
    )
    assert seen == ["begin", 0, True, 1, True, 2, True, "end"]
    assert history.epoch == [0, 1, 2] and len(history.history["val_loss"]) == 3
    assert sorted(path.name for path in tmp_path.glob("*.h5")) == [f"{n}.weights.h5" for n in (1, 2, 3)]
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 4
    events = [
        event
        for path in (tmp_path / "logs" / "train").glob("events*")
        for event in tf.compat.v1.train.summary_iterator(str(path))
    ]
    tags = [(v.tag, event.step) for event in events for v in event.summary.value]
    assert [step for tag, step in tags if tag == "epoch_gradient_norm"] == [0, 1, 2]

    restored = model_of(seed=2)
    restored.load_weights(tmp_path / "3.weights.h5")
    assert_same_weights(restored, model)


def test_early_stopping_stops_and_restores_the_best_weights(models: Models) -> None:
    """Where a high loss counts as good, the first epoch is the best."""
    train, first = shuffled(), models()
    first.fit(train, epochs=1, verbose=0)
    best = first.get_weights()
    model = models()
    stop = keras.callbacks.EarlyStopping("val_loss", mode="max", patience=1, restore_best_weights=True)
    history = model.fit(train, epochs=9, verbose=0, validation_data=train, callbacks=[stop])
    assert history.epoch == [0, 1]
    assert_same_weights(model, best)


@pytest.mark.parametrize("reach", [WINDOW, 8])
def test_a_step_costs_the_same_whatever_the_length_of_the_sequences(
    reach: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One graph of window-sized shapes, traced once, trains on sequences of 3 steps and of 300."""
    model, shapes = model_of(reach=reach), []
    call = type(model.network).call

    def spy(self: StreamNetwork, window: dict, *args: object, **options: object) -> tuple:
        shapes.append(tuple(window["tokens"].shape))
        return call(self, window, *args, **options)

    monkeypatch.setattr(StreamNetwork, "call", spy)
    model.fit(Stream(sequences_of([3] * 10), LANES, WINDOW, reach=reach), epochs=1, verbose=0)
    traced = len(shapes)
    assert set(shapes) <= {(LANES, WINDOW), (LANES, reach - WINDOW)}
    model.fit(Stream(sequences_of([300, 250]), LANES, WINDOW, reach=reach), epochs=2, verbose=0)
    assert len(shapes) == traced
