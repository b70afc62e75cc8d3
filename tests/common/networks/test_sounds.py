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
from common.networks.signals import Scale, SignalClassifier
from common.networks.sounds import BANDS, LogMel, SoundClassifier
from common.networks.stream import StreamNetwork

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
    network = StreamNetwork(Numbers(BANDS), RecurrentStack("gru", 5, seed=1), head)
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
