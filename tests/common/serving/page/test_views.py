"""Which view shows a model: each task's saved models fit one, by their signatures and configuration alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from common.serving.http.catalogue import Version
from common.serving.http.signatures import Signature
from common.serving.page.forecast import _panels
from common.serving.page.frame import VIEWS
from common.serving.page.inside import SIGNATURE
from common.serving.page.served import Served, _config
from common.serving.page.training import Training
from common.serving.versions import ASSETS
from common.sources.series import Panel
from tests.tiny import OPTIONS

TITLES = {
    **{"sentiment": "Sentiment", "pos": "Tags", "translation": "Translation", "forecasting": "Forecast"},
    **{"language_model": "Writing", "signals": "Signals", "captioning": "Captions"},
    "question_answering": "Questions",
}


def served(folder: Path) -> Served:
    """A version, from its files."""
    saved = SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    definitions = saved.meta_graphs[0].signature_def
    signatures = {name: Signature.of(name, definition) for name, definition in definitions.items()}
    return Served("name", 1, folder, signatures, _config(Version("name", 1, folder)))


@pytest.mark.parametrize("task", OPTIONS)
def test_the_models_of_a_task_fit_its_view_and_show_what_is_inside(task: str, trained) -> None:
    one = served(trained(task, "lstm") / task / "lstm" / "1")
    assert [view.title for view in VIEWS if view.fits(one)] == [TITLES[task], Training.title]
    inside = "hidden_state", "cell_state", "forget_gate", "input_gate", "output_gate"
    assert one.has(SIGNATURE, *inside) == (task != "captioning")  # A decoder starts from a picture, not from nothing.
    assert (one.cell, one.subtitle) == ("LSTM", "name, version 1, 8 units")


def test_a_forecaster_reads_its_own_sample(trained) -> None:
    one = served(trained("forecasting", "lstm") / "forecasting" / "lstm" / "1")
    (panel,) = _panels([one], one.folder / ASSETS / "example.csv", "example.csv").values()
    assert isinstance(panel, Panel) and panel.columns == one.config["target"]
