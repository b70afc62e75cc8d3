"""The bands of sounds, and their classes from files as they are."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf
from scipy.io import wavfile

from common.layers.embeddings import Numbers
from common.layers.heads import ReadoutHead, classifier
from common.layers.readout import Readout
from common.layers.stack import RecurrentStack
from common.networks.signals import Scale, SignalClassifier, SignalNetwork
from common.networks.sounds import BANDS, LogMel, SoundClassifier

RATE = 8000
MEL = LogMel(RATE)


def tone(hertz: float, samples: int = 1000) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(samples) / RATE)


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    wavfile.write(file, rate, np.round(samples * 32767).astype(np.int16))
    return file.getvalue()


@pytest.fixture(scope="module")
def sounds() -> SoundClassifier:
    head = ReadoutHead(Readout("last_mean_max"), classifier(3))
    network = SignalNetwork(Numbers(BANDS), RecurrentStack("gru", 5, seed=1), head)
    network.build()
    return SoundClassifier(SignalClassifier(network, Scale.of(MEL.of(tone(500))), ["a", "b", "c"], by_step=False), MEL)


def test_a_higher_tone_is_in_a_higher_band() -> None:
    loudest = [int(MEL.of(tone(hertz)).mean(0).argmax()) for hertz in (200, 800, 3000)]
    assert loudest == sorted(set(loudest))


def test_padding_changes_no_frame() -> None:
    both = tf.constant(np.stack([np.pad(tone(300, 500), (0, 500), constant_values=np.nan), tone(300)]))
    first, second = MEL(both).numpy()
    frames = len(MEL.of(tone(300, 500)))
    np.testing.assert_allclose(first[:frames], MEL.of(tone(300, 500)), rtol=1e-4)
    np.testing.assert_allclose(second, MEL.of(tone(300)), rtol=1e-4)
    assert np.isnan(first[frames:]).all() and not np.isnan(second).any()


def test_a_file_has_the_class_of_its_samples(sounds: SoundClassifier) -> None:
    given = [tone(300), np.stack([tone(900, 700)] * 2, 1)]
    files = sounds.of_wav(tf.constant([wav(one) for one in given]))
    samples = np.stack([given[0], np.pad(given[1][:, 0], (0, 300), constant_values=np.nan)])
    np.testing.assert_allclose(files["probability"], sounds.of_samples(tf.constant(samples))["probability"], atol=1e-3)
    assert sounds.inside(tf.constant([wav(given[0])]))["hidden_state"].shape == (1, len(MEL.of(given[0])), 5)


def test_a_file_of_another_rate_or_kind_is_refused(sounds: SoundClassifier) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="give a sound of 8000 samples a second"):
        sounds.of_wav(tf.constant([wav(tone(300), 16_000)]))
    with pytest.raises(tf.errors.InvalidArgumentError):
        sounds.of_wav(tf.constant([b"no sound"]))


@pytest.mark.parametrize("cuts", [(), (1,), (0, 2, 2, 5), (3, 4, 11)])
def test_a_sound_that_comes_in_parts_is_heard_as_a_whole(sounds: SoundClassifier, cuts: tuple[int, ...]) -> None:
    samples = np.stack([tone(300, 960), tone(900, 960)]).astype(np.float32)
    bands = tf.stack([MEL.of(np.pad(one, (0, 200))) for one in samples])[:, :12]
    expected = sounds.classifier.stream(bands, tf.zeros((2, 0)))
    state, found = tf.zeros((2, 0)), []
    silence = np.zeros((2, MEL.before * MEL.hop), np.float32)
    for part in np.split(np.concatenate([samples, silence], 1), [MEL.hop * cut for cut in cuts], 1):
        found.append(sounds.stream(tf.constant(part), state))
        state = found[-1]["state"]
    labels, probability = (np.concatenate([one[name] for one in found], 1) for name in ("label", "probability"))
    assert (labels[:, : MEL.before] == b"").all() and not probability[:, : MEL.before].any()
    np.testing.assert_array_equal(labels[:, MEL.before :], expected["label"])
    np.testing.assert_allclose(probability[:, MEL.before :], expected["probability"], atol=1e-5)
    whole = sounds.of_samples(tf.constant(samples))["probability"]
    np.testing.assert_allclose(probability[:, -1], whole, atol=1e-5)


def test_samples_that_are_no_whole_hops_are_refused(sounds: SoundClassifier) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"give a multiple of {MEL.hop} samples"):
        sounds.stream(tf.zeros((1, MEL.hop + 1)), tf.zeros((1, 0)))
