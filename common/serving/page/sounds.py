"""Classes of sounds: of the whole, and as they are heard where the model reads forward."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError
from common.serving.http.joining import Arrays
from common.serving.http.refusals import Refused
from common.serving.page import charts
from common.serving.page.file import tried
from common.serving.page.served import Served
from common.serving.page.signals import DEFAULT, NEEDED, STREAM, Signals, means
from common.serving.signals import SAMPLES
from common.sources.signals import Signal
from common.sources.signals.recordings import at_rate, sound

LONGEST = 500_000
"""Samples of a sound, so that no visitor's page keeps the server busy."""


class Sounds(Signals):
    title = "Sounds"
    icon = "graphic_eq"
    thing = "sound"
    suffixes = (".wav", ".wave")
    example = "example.wav"
    told = "What the models hear: the loudness of the sound."
    step = "frame"
    most = LONGEST
    about = "Take the sample or a WAV file of your own: each model hears it and says what it is."

    @classmethod
    def fits(cls, served: Served) -> bool:
        known = all(name in served.config for name in (*NEEDED, "rate", "hop", "before"))
        return known and served.has(DEFAULT, "wav", "label") and served.has(SAMPLES, "samples", "label", "probability")

    def read(self, path: Path, source: str) -> dict[str, list[Signal] | InputError]:
        def heard(served: Served) -> list[Signal]:
            one = at_rate(sound(path), served.config["rate"])
            return [one._replace(name=source, values=np.clip(one.values, -1, 1))]

        return {one.name: tried(lambda one=one: heard(one)) for one in self.served}

    async def answered(self, served: Served) -> Arrays | Refused:
        chosen = self.chosen(served)
        if isinstance(chosen, InputError):
            return Refused(str(chosen))
        samples = chosen.values[:, 0].astype(np.float32)
        if not served.has(STREAM, "samples", "state", "label", "probability"):
            return await self.ask(served, SAMPLES, {"samples": [samples]})
        hop, before = served.config["hop"], served.config["before"]
        silence = -len(samples) % hop + before * hop
        given = {"samples": [np.pad(samples, (0, silence))], "state": np.zeros((1, 0))}
        answer = await self.ask(served, STREAM, given)
        if isinstance(answer, Refused):
            return answer
        return {name: answer[name][:, before:] for name in ("label", "probability")}  # A frame is longer than a hop.

    def inputs(self, served: Served) -> Mapping[str, Any] | None:
        from scipy.io import wavfile

        chosen = self.chosen(served)
        if not isinstance(chosen, Signal):
            return None
        file = io.BytesIO()
        wavfile.write(file, served.config["rate"], np.round(chosen.values * np.iinfo(np.int16).max).astype(np.int16))
        return {"wav": [file.getvalue()]}

    def picture(self, one: Signal) -> dict[str, Any]:
        starts, loudness = means(np.abs(one.values))
        seconds = [f"{(int(start) - 1) / one.rate:.2f}" for start in starts]
        drawn = {"loudness": charts.digits(loudness[:, 0])}
        return charts.lines(seconds, drawn, colours={"loudness": "#1d4ed8"}, x="second", y="loudness")
