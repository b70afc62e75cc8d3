"""The model: gradients by the definition, state that never leaks, and a full citizen of Keras."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from common import cells
from common.layers.embeddings import SumEmbedding
from common.layers.heads import ReadoutHead
from common.layers.readout import Readout
from common.layers.stack import RecurrentStack
from common.networks.stream import StreamNetwork
from common.streams.sequences import Sequences
from common.streams.stream import Stream, Window
from common.training.tbptt import TBPTT, CarriedState

EVERY_CELL = pytest.mark.parametrize("cell", cells.names())
TOKENS, CLASSES, FEATURES, UNITS = 9, 3, 4, 4
LANES, WINDOW = 2, 5
# Packed onto two lanes in windows of five with seed 1, epochs 0, 1 and 2 have 8, 9 and 9 windows.
LENGTHS = [2, 2, 3, 12, 12, 2, 2, 2, 2, 2, 12, 2, 3, 2, 3, 9, 1, 3, 2, 2]


class Recording(keras.optimizers.SGD):
    """Keeps the gradients it is given, and leaves the weights as they are."""

    def apply(self, gradients: list, variables: list | None = None) -> None:
        self.seen = [*getattr(self, "seen", []), [tf.convert_to_tensor(g).numpy() for g in gradients]]


def sequences_of(lengths: list[int], seed: int = 0) -> Sequences:
    draw, steps = np.random.default_rng(seed), sum(lengths)
    return Sequences(
        np.array(lengths),
        {"tokens": draw.integers(0, TOKENS, steps).astype(np.int32)},
        targets=draw.integers(0, CLASSES, steps).astype(np.int32),
        weights=draw.integers(1, 4, steps).astype(np.float32),
    )


def network_of(cell: str, kind: str = "last", dropout: float = 0.0, seed: int = 1, **stack: object) -> StreamNetwork:
    return StreamNetwork(
        SumEmbedding((TOKENS,), FEATURES, token_dropout=dropout, seed=seed),
        RecurrentStack(cell, UNITS, recurrent_dropout=dropout, seed=seed, **stack),
        ReadoutHead(Readout(kind), keras.layers.Dense(CLASSES, "softmax"), dropout=dropout, seed=seed),
        dropout=dropout,
        seed=seed,
    )


def model_of(
    cell: str = "gru",
    window: int = WINDOW,
    reach: int | None = None,
    optimizer: keras.optimizers.Optimizer | None = None,
    **network: object,
) -> TBPTT:
    """A compiled model whose weights are the same at each call."""
    keras.utils.set_random_seed(3)
    model = TBPTT(network_of(cell, **network), LANES, window, reach=reach)
    draw = np.random.default_rng(4)
    model.set_weights([0.6 * draw.normal(size=w.shape) for w in model.get_weights()])
    model.compile(
        optimizer or keras.optimizers.Adam(0.02),
        "sparse_categorical_crossentropy",
        weighted_metrics=["accuracy"],
        run_eagerly=isinstance(optimizer, Recording),
        jit_compile=False,
    )
    return model


def shuffled(**options: object) -> Stream:
    return Stream(sequences_of(LENGTHS), LANES, WINDOW, seed=1, **options)


def in_order() -> Stream:
    return Stream.in_order(sequences_of([4, 6, 1, 9, 3], seed=7), LANES, WINDOW)


def assert_same_weights(one: keras.Model, other: keras.Model, tolerance: float = 0.0) -> None:
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def assert_all_close(ours: list, theirs: list) -> None:
    for a, b in zip(tf.nest.flatten(ours), tf.nest.flatten(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def embedded(embed: SumEmbedding, tokens: np.ndarray) -> tf.Tensor:
    return embed.embeddings[0](tokens)


def outputs_alone(network: StreamNetwork, sequences: Sequences) -> list[np.ndarray]:
    """What each sequence gives by itself, in one piece."""
    found = []
    for number, (offset, length) in enumerate(zip(sequences.offsets, sequences.lengths)):
        keep = np.ones((1, length), np.float32)
        keep[0, 0] = 0
        tokens = sequences.inputs["tokens"][None, offset : offset + length]
        window = {"tokens": tokens, "keep": keep, "sequence": np.full((1, length), number, np.int32)}
        found.append(network(window)[0][0].numpy())
    return found


# Gradients. The definition for one layer and every k1 and k2 is in test_tbptt_gradients.py.


def gradients_by_window(model: TBPTT, stream: Stream) -> list[list[np.ndarray]]:
    """What the optimiser is given at each window of an epoch."""
    for window in stream.iterate():
        model.train_step(tf.nest.map_structure(tf.convert_to_tensor, window))
    return model.optimizer.seen


@EVERY_CELL
@pytest.mark.parametrize("readout", ["last", "mean_max"])
def test_a_window_as_long_as_the_sequences_has_the_gradient_of_full_bptt(cell: str, readout: str) -> None:
    """The sum of what each sequence gives alone with stock Keras layers."""
    sequences = sequences_of([12, 7, 5])
    model = model_of(cell, window=12, optimizer=Recording(), kind=readout)
    stream = Stream(sequences, LANES, 12, shuffle=False)
    (found,) = gradients_by_window(model, stream)

    recurrent = keras.layers.RNN(cells.keras_cell(cell, UNITS), return_sequences=True)
    recurrent.build((None, None, FEATURES))
    recurrent.set_weights(model.network.stack.get_weights())
    embed, head = model.network.embed, model.network.head
    with tf.GradientTape() as tape:
        total = 0.0
        for offset, length in zip(sequences.offsets, sequences.lengths):
            steps = slice(offset, offset + length)
            x = recurrent(embedded(embed, sequences.inputs["tokens"][None, steps]))[0]
            if readout == "mean_max":
                seen = [x[: t + 1] for t in range(length)]
                x = tf.stack([tf.concat([tf.reduce_mean(s, 0), tf.reduce_max(s, 0)], 0) for s in seen])
            loss = keras.losses.sparse_categorical_crossentropy(sequences.targets[steps], head.outputs(x))
            total += tf.reduce_sum(loss * sequences.weights[steps])
        total /= sequences.weights.sum()
    variables = [*embed.trainable_variables, *recurrent.trainable_variables, *head.trainable_variables]
    expected = tape.gradient(total, [v.value for v in variables])
    assert_all_close(found, [tf.convert_to_tensor(g) for g in expected])


def naive_gradients(model: TBPTT, windows: list[Window], reach: int) -> Iterator[list[tf.Tensor]]:
    """The definition for two residual layers under a running mean and maximum.

    All steps up to a window's end one by one through the stock cells, whatever is carried cut `reach` steps before
    it, the loss on the window's own steps.
    """
    network, size = model.network, model.window
    names = ("tokens", "keep")
    parts = [w[0] if isinstance(w[0], tuple) else (w[0],) for w in windows]
    whole = [{name: np.concatenate([part[name] for part in some], 1) for name in names} for some in parts]
    tokens, keep = (np.concatenate([w[name][:, -size:] for w in whole], 1) for name in names)
    targets, weights = (np.concatenate([w[part] for w in windows], 1) for part in (1, 2))
    for end in range(size, tokens.shape[1] + 1, size):
        with tf.GradientTape() as tape:
            zeros, losses = tf.zeros((LANES, UNITS)), []
            carried = [[zeros] * cells.get(network.stack.cell).states for _ in range(2)]
            carried += [zeros, zeros[:, :1], zeros]  # Sum, count and maximum.
            for t in range(end):
                if t == end - reach:
                    carried = tf.nest.map_structure(tf.stop_gradient, carried)
                kept = keep[:, t, None]
                *states, total, count, highest = tf.nest.map_structure(lambda s, kept=kept: kept * s, carried)
                x, after = embedded(network.embed, tokens[:, t]), []
                for layer, state in zip(network.stack.forwards, states):
                    h, state = layer.keras_cell(x, list(state))
                    x = x + h
                    after.append(state)
                total, count = total + x, count + 1
                highest = tf.where(kept > 0, tf.maximum(highest, x), x)
                carried = [*after, total, count, highest]
                if t >= end - size:
                    y = network.head.outputs(tf.concat([total / count, highest], 1))
                    loss = keras.losses.sparse_categorical_crossentropy(targets[:, t], y)
                    losses.append(loss * weights[:, t])
            mean = tf.reduce_mean(tf.stack(losses))
        gradients = tape.gradient(mean, [v.value for v in model.trainable_variables])
        yield [tf.convert_to_tensor(g) for g in gradients]


@EVERY_CELL
@pytest.mark.parametrize(("window", "reach"), [(4, 4), (4, 6), (2, 5)])
def test_every_window_of_a_deep_network_has_the_gradient_of_the_definition(cell: str, window: int, reach: int) -> None:
    model = model_of(cell, window, reach, optimizer=Recording(), kind="mean_max", layers=2, residual=True)
    stream = Stream(sequences_of([8, 5, 2, 1]), LANES, window, reach=reach, shuffle=False)
    found = gradients_by_window(model, stream)
    assert len(found) == stream.windows() == 8 // window
    assert_all_close(found, list(naive_gradients(model, list(stream.iterate()), reach)))


def test_rows_of_an_embedding_read_more_than_once_are_trained_as_if_their_gradient_were_dense() -> None:
    """Keras clips and squares the slices of a sparse gradient one by one unless those of a row are summed."""
    model, dense = (model_of(optimizer=keras.optimizers.Adam(0.02, global_clipnorm=0.1)) for _ in range(2))
    model.fit(shuffled(), verbose=0)
    dense.optimizer.build(dense.trainable_variables)
    for inputs, targets, weights in shuffled().iterate():
        with tf.GradientTape() as tape:
            outputs, carried = dense.unroll(inputs, dense.train_state.read())
            loss = dense.compute_loss(inputs, targets, outputs, weights, training=True)
        gradients = tape.gradient(loss, [v.value for v in dense.trainable_variables])
        dense.optimizer.apply([tf.convert_to_tensor(g) for g in gradients], dense.trainable_variables)
        dense.train_state.carry(carried)
    assert_same_weights(model, dense, 1e-5)


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
@settings(max_examples=10, deadline=None)
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
def test_infinite_state_of_one_sequence_ends_with_it(cell: str) -> None:
    model = model_of(cell, kind="mean_max")
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
        carried.carry((((2 * x, 3 * x),), ()))
        ((first, second),), nothing = carried.read()
        total = tf.reduce_sum(first * second)
    assert np.all(first == 2) and np.all(second == 3) and nothing == ()
    assert tape.gradient(total, x) is None


def test_evaluation_and_prediction_leave_training_as_it_was() -> None:
    model, undisturbed = model_of("lstm", kind="mean"), model_of("lstm", kind="mean")
    windows = list(shuffled().iterate())
    for window in windows:
        model.train_on_batch(*window)
        before = [v.numpy() for v in model.train_state.values], model.position.numpy().tolist()
        model.evaluate(in_order(), verbose=0)
        model.predict(in_order(), verbose=0)
        after = [v.numpy() for v in model.train_state.values], model.position.numpy().tolist()
        assert_all_close(before, after)
        assert before[1] == after[1]
        undisturbed.train_on_batch(*window)
    assert any(np.any(v != 0) for v in model.train_state.values)
    assert_same_weights(model, undisturbed)


def test_training_leaves_evaluation_as_it_was() -> None:
    model = model_of(optimizer=keras.optimizers.SGD(0.0))
    expected = model.evaluate(in_order(), verbose=0)
    model.predict_on_batch(in_order().window_at(0, 0)[0])
    model.fit(shuffled(), verbose=0)
    state = [v.numpy() for v in model.eval_state.values]
    assert any(np.any(s != 0) for s in state)
    assert model.evaluate(in_order(), verbose=0) == pytest.approx(expected)
    assert model.evaluate(in_order(), verbose=0) == pytest.approx(expected)


# Evaluation


@EVERY_CELL
@pytest.mark.parametrize("readout", ["last", "mean", "max", "mean_max"])
def test_prediction_gives_each_sequence_what_it_gives_alone_to_the_last(cell: str, readout: str) -> None:
    model = model_of(cell, kind=readout)
    sequences = sequences_of([3, 11, 1, 6, 2, 9, 4])
    stream = Stream.in_order(sequences, LANES, WINDOW)
    alone = outputs_alone(model.network, sequences)
    outputs = model.predict(stream, verbose=0)
    np.testing.assert_allclose(stream.at_steps(outputs), np.concatenate(alone), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        stream.at_steps(outputs)[stream.sequences.ends], [one[-1] for one in alone], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("lengths", [[3, 11, 1, 6, 2, 9, 4], [1], [7, 7, 7]])
def test_evaluation_counts_every_step_by_its_weight_and_blank_ones_not_at_all(lengths: list[int]) -> None:
    model = model_of()
    sequences = sequences_of(lengths)
    outputs, weights = np.concatenate(outputs_alone(model.network, sequences)), sequences.weights
    loss = -np.log(outputs[np.arange(len(outputs)), sequences.targets])
    right = outputs.argmax(1) == sequences.targets
    found = model.evaluate(Stream.in_order(sequences, LANES, WINDOW), verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(np.average(loss, weights=weights), rel=1e-5)
    assert found["accuracy"] == pytest.approx(np.average(right, weights=weights), rel=1e-5)
    assert "gradient_norm" not in found


# fit


def trained_by_hand(epochs: int, stream: Stream, **options: object) -> TBPTT:
    model = model_of(**options)
    model.optimizer.build(model.trainable_variables)
    step = tf.function(model.train_step)
    for epoch in range(epochs):
        for window in stream.iterate(epoch):
            step(tf.nest.map_structure(tf.convert_to_tensor, window))
    return model


@pytest.mark.parametrize("reach", [WINDOW, 8])
def test_fit_reads_every_window_of_every_epoch(reach: int) -> None:
    """Keras takes the number of batches of the first epoch for that of all."""
    stream = shuffled(reach=reach)
    counts = [stream.windows(epoch) for epoch in range(3)]
    assert counts == [8, 9, 9]
    model, batches, sizes = model_of(reach=reach), [], []
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
    assert_same_weights(model, trained_by_hand(3, stream, reach=reach), 1e-6)


def test_fit_reports_the_mean_loss_and_the_gradient_norm_of_each_epoch() -> None:
    frozen = {"optimizer": keras.optimizers.SGD(0.0)}
    model, recording = model_of(**frozen), model_of(optimizer=Recording())
    history = model.fit(shuffled(), epochs=2, verbose=0, validation_data=shuffled(shuffle=False)).history
    assert set(history) == {"loss", "accuracy", "gradient_norm", "clipped_steps", "val_loss", "val_accuracy"}
    assert history["loss"] == pytest.approx(history["val_loss"], rel=1e-5)
    gradients = gradients_by_window(recording, shuffled())
    norms = [np.sqrt(sum(np.sum(g.astype(np.float64) ** 2) for g in window)) for window in gradients]
    assert history["gradient_norm"][0] == pytest.approx(np.mean(norms), rel=1e-5)


def test_fit_again_trains_again() -> None:
    model, at_once = model_of(), model_of()
    stream = shuffled()
    for _ in range(2):
        before = model.get_weights()
        history = model.fit(stream, epochs=1, verbose=0)
        assert history.history["loss"][0] > 0
        assert any(np.any(a != b) for a, b in zip(before, model.get_weights()))
    same = trained_by_hand(1, stream)
    same_again = tf.function(same.train_step)
    for window in stream.iterate(0):
        same_again(tf.nest.map_structure(tf.convert_to_tensor, window))
    assert_same_weights(model, same, 1e-6)
    # An epoch at a time is all epochs at once.
    model = model_of()
    for epoch in range(3):
        model.fit(stream, initial_epoch=epoch, epochs=epoch + 1, verbose=0)
    at_once.fit(stream, epochs=3, verbose=0)
    assert_same_weights(model, at_once)


def test_fit_takes_a_plain_dataset_of_windows() -> None:
    stream = shuffled()
    model, by_stream = model_of(), model_of()
    history = model.fit(stream.dataset(0), validation_data=in_order().dataset(), verbose=0)
    expected = by_stream.fit(stream, validation_data=in_order(), verbose=0)
    assert_same_weights(model, by_stream)
    assert history.history.keys() == expected.history.keys()
    assert all(history.history[name] == pytest.approx(values) for name, values in expected.history.items())
    # A stream after it is read from its first window.
    model.fit(stream, verbose=0)
    by_stream.fit(stream, verbose=0)
    assert_same_weights(model, by_stream)


def test_stock_callbacks_see_one_training(tmp_path: Path) -> None:
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
    model = model_of()
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


def test_early_stopping_stops_and_restores_the_best_weights() -> None:
    """With mode='max' the first epoch is the best."""
    model, first = model_of(), model_of()
    stop = keras.callbacks.EarlyStopping("val_loss", mode="max", patience=1, restore_best_weights=True)
    train = shuffled()
    history = model.fit(train, epochs=9, verbose=0, validation_data=train, callbacks=[stop])
    assert history.epoch == [0, 1]
    first.fit(train, epochs=1, verbose=0)
    assert_same_weights(model, first)


@pytest.mark.parametrize("reach", [WINDOW, 8])
def test_a_step_costs_the_same_whatever_the_length_of_the_sequences(
    reach: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One graph of window-sized shapes, traced once, trains on sequences of 3 steps and of 3000."""
    model, shapes = model_of(reach=reach), []
    call = type(model.network).call

    def spy(self: StreamNetwork, window: dict, *args: object, **options: object) -> tuple:
        shapes.append(tuple(window["tokens"].shape))
        return call(self, window, *args, **options)

    monkeypatch.setattr(StreamNetwork, "call", spy)
    model.fit(Stream(sequences_of([3] * 10), LANES, WINDOW, reach=reach), epochs=1, verbose=0)
    traced = len(shapes)
    assert set(shapes) <= {(LANES, WINDOW), (LANES, reach - WINDOW)}
    model.fit(Stream(sequences_of([3000, 2500]), LANES, WINDOW, reach=reach), epochs=2, verbose=0)
    assert len(shapes) == traced


# Saving and resuming


def test_network_and_model_are_made_again_from_their_configuration() -> None:
    network = network_of("lstm", "mean_max", 0.2, layers=2, bidirectional=True, residual=True)
    config = network.get_config()
    assert set(StreamNetwork.__init__.__annotations__) - {"return", "kwargs"} <= set(config)
    assert StreamNetwork.from_config(network.get_config()).get_config() == config
    model = TBPTT(network, LANES, WINDOW, reach=8)
    again = TBPTT.from_config(model.get_config())
    assert (again.lanes, again.window, again.reach) == (LANES, WINDOW, 8)
    assert again.get_config() == model.get_config()
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


@EVERY_CELL
def test_saved_model_predicts_the_same(cell: str, tmp_path: Path) -> None:
    model = model_of(cell, reach=8, kind="mean", layers=2, dropout=0.2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(in_order(), verbose=0), model.predict(in_order(), verbose=0))
    assert loaded.evaluate(in_order(), verbose=0) == pytest.approx(model.evaluate(in_order(), verbose=0))


def test_saved_model_goes_on_training(tmp_path: Path) -> None:
    model = model_of(dropout=0.2)
    model.fit(shuffled(), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for trained in (model, loaded):
        trained.fit(shuffled(), initial_epoch=1, epochs=2, verbose=0)
    assert_same_weights(loaded, model, 1e-6)


class Killed(Exception):
    pass


@pytest.mark.parametrize(
    ("cell", "reach", "killed_at"),
    [(cell, *(((8, (0, 2)), (WINDOW, (1, 8)))[n % 2])) for n, cell in enumerate(cells.names())],
)
def test_resumed_training_ends_with_the_same_weights(
    cell: str, reach: int, killed_at: tuple[int, int], tmp_path: Path
) -> None:
    def fresh() -> TBPTT:
        return model_of(cell, reach=reach, kind="mean", dropout=0.3)

    def die(batch: int, logs: dict) -> None:
        if tuple(model.position.numpy()) == killed_at:
            saved.append(tf.train.Checkpoint(model=model).save(tmp_path / "checkpoint"))
        if saved and tuple(model.position.numpy()) != killed_at:
            raise Killed  # The step after the checkpoint is lost.

    uninterrupted, saved = fresh(), []
    uninterrupted.fit(shuffled(reach=reach), epochs=3, verbose=0, validation_data=in_order())

    model = fresh()
    killer = keras.callbacks.LambdaCallback(on_train_batch_end=die)
    with pytest.raises(Killed):
        model.fit(shuffled(reach=reach), epochs=3, verbose=0, callbacks=[killer])

    resumed = fresh()
    resumed.set_weights([np.zeros_like(w) for w in resumed.get_weights()])
    resumed.optimizer.build(resumed.trainable_variables)
    tf.train.Checkpoint(model=resumed).restore(saved[0]).assert_consumed()
    assert tuple(resumed.position.numpy()) == killed_at
    resumed.fit(shuffled(reach=reach), initial_epoch=killed_at[0], epochs=3, verbose=0)
    assert_same_weights(resumed, uninterrupted)


def test_resuming_from_the_end_of_an_epoch_goes_on_with_the_next(tmp_path: Path) -> None:
    uninterrupted = model_of()
    uninterrupted.fit(shuffled(), epochs=3, verbose=0)
    model, saved = model_of(), []
    save = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: saved.append(tf.train.Checkpoint(model=model).save(tmp_path / "checkpoint"))
    )
    model.fit(shuffled(), epochs=2, verbose=0, callbacks=[save])
    resumed = model_of()
    resumed.optimizer.build(resumed.trainable_variables)
    tf.train.Checkpoint(model=resumed).restore(saved[-1]).assert_consumed()
    resumed.fit(shuffled(), initial_epoch=2, epochs=3, verbose=0)
    assert_same_weights(resumed, uninterrupted)


def test_dropout_and_recurrent_dropout_change_training_and_not_evaluation() -> None:
    plain, dropped = model_of(), model_of(dropout=0.3)
    assert plain.evaluate(in_order(), verbose=0) == dropped.evaluate(in_order(), verbose=0)
    plain.fit(shuffled(), verbose=0)
    dropped.fit(shuffled(), verbose=0)
    assert any(not np.allclose(a, b, atol=1e-4) for a, b in zip(plain.get_weights(), dropped.get_weights()))
