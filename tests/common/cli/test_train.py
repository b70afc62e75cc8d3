"""What the command `train` leaves."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from common.cli.train import json_ready, train
from common.errors import InputError, readable
from common.networks.network import Network
from common.serving.export import Export
from common.serving.saved_model import SavedModel
from common.serving.versions import ASSETS, UNREPORTED
from common.training.claim import Claim
from common.training.run import fit
from tasks.sentiment import Sentiment
from tests.tiny import OPTIONS


def test_a_version_has_its_options_scores_history_and_figure_and_no_unfinished_run(models: Path) -> None:
    folder = models / "sentiment" / "gru"
    assert [path.name for path in folder.iterdir()] == ["1"]
    assets = folder / "1" / ASSETS
    config, metrics = (json.loads((assets / f"{name}.json").read_text()) for name in ("config", "metrics"))
    assert (config["cell"], config["units"], config["epochs"]) == ("gru", 8, 1)
    assert {frozenset(scores) for scores in metrics["baselines"].values()} == {frozenset(metrics["metrics"])}
    with (assets / "history.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["val_loss"]) == metrics["validation"]["val_loss"]
    assert "<svg" in (assets / "figure.svg").read_text()


def test_a_version_has_a_card_with_its_scores_and_baselines(models: Path) -> None:
    folder = models / "sentiment" / "gru" / "1"
    card = (folder / "README.md").read_text()
    metrics = json.loads((folder / ASSETS / "metrics.json").read_text())
    assert card.startswith("# sentiment, gru") and "| units | 8 |" in card
    assert "`serving_default` takes:" in card and "| text | string | ? |" in card
    assert "`stream` gives:" in card and "| probability | float32 | texts x tokens x 2 |" in card
    for method, scores in (metrics["baselines"] | {"gru": metrics["metrics"]}).items():
        assert f"{scores['accuracy']:.4g}" in next(
            line for line in card.splitlines() if line.startswith(f"| {readable(method)} |")
        )


def test_what_is_no_number_is_null() -> None:
    given = {"a": math.nan, "b": {"c": math.inf, "d": 0.5}, "e": [1], "f": "nan"}
    assert json_ready(given) == {"a": None, "b": {"c": None, "d": 0.5}, "e": [1], "f": "nan"}


def test_an_output_that_cannot_be_made_is_refused_before_data_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"--output .*file: Not a directory; give a folder that can be written to"):
        train(Sentiment(Sentiment.Options(data="no/such/data", output=tmp_path / "file")))


@pytest.fixture(autouse=True)
def one_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one takes seconds to trace, and no test here asks it."""
    export = Sentiment.export

    def short(self: Sentiment, network: Network) -> Export:
        whole = export(self, network)
        return replace(whole, endpoints={"serving_default": whole.endpoints["serving_default"]})

    monkeypatch.setattr(Sentiment, "export", short)


@pytest.fixture(scope="module")
def stopped(data_of, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a training that was killed when it had ended."""
    output = tmp_path_factory.mktemp("stopped")
    task = Sentiment(Sentiment.Options(data=str(data_of("sentiment")), output=output, **OPTIONS["sentiment"]))
    fit(task, output / "sentiment" / "lstm").claim.release()
    return output


@pytest.fixture
def resumed(stopped: Path, data_of, tmp_path: Path) -> Iterator[Sentiment]:
    """A task that goes on with it."""
    shutil.copytree(stopped, tmp_path / "models")
    given = OPTIONS["sentiment"] | {"data": str(data_of("sentiment")), "output": tmp_path / "models", "resume": True}
    yield Sentiment(Sentiment.Options(**given))


def broken(error: Exception) -> Callable:
    def fail(*given: object, **named: object) -> None:
        raise error

    return fail


def metrics_of(version: Path) -> dict:
    """All of `metrics.json` but what this process used."""
    metrics = json.loads((version / ASSETS / "metrics.json").read_text())
    del metrics["training"]["peak_memory_mb"]
    return metrics


def unfinished(task: Sentiment) -> list[Path]:
    return list((task.options.output / "sentiment" / "lstm").glob("unfinished/*/[0-9]*"))


@pytest.mark.parametrize(
    ("parts", "there", "missing"),
    [
        ({"answers": "test"}, (), ("metrics", "baselines")),
        (
            {"baselines": "baselines", "report": "report", "figure": "figure", "extras": "further files"},
            ("metrics",),
            ("figure.svg",),
        ),
    ],
)
def test_parts_of_the_report_that_fail_cost_themselves(
    parts: dict[str, str], there: tuple, missing: tuple, resumed: Sentiment, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    for method in parts:
        monkeypatch.setattr(Sentiment, method, broken(ValueError(f"{method}\nbroke")))
    version = train(resumed)
    lines = [line.partition(" left out: ") for line in capsys.readouterr().out.splitlines() if " left out: " in line]
    assert sorted(part for part, *_ in lines) == sorted(parts.values())
    for method, part in parts.items():
        (why,) = [why for name, _, why in lines if name == part]
        assert why.startswith(f"ValueError: {method} broke (test_train.py:")
    metrics = metrics_of(version)
    assert metrics["failed"] == {part: why for part, _, why in lines}
    found = {*metrics, *(path.name for path in (version / ASSETS).iterdir())}
    assert found >= {"training", "config.json", "history.csv", *there} and not found & {*missing, UNREPORTED}
    assert SavedModel(version).ask([{"text": "a great film"}])[0]["label"] in ("pos", "neg")
    assert not unfinished(resumed)


def test_a_baseline_that_fails_costs_itself(resumed: Sentiment, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr("sklearn.dummy.DummyClassifier.fit", broken(ValueError("nothing to learn; try more")))
    metrics = metrics_of(train(resumed))
    assert list(metrics["baselines"]) == ["tfidf_logistic_regression"]
    why = "it cannot be trained on these texts: nothing to learn"
    assert metrics["failed"] == {"baseline majority": why}
    assert f"baseline majority left out: {why}\n" in capsys.readouterr().out


def test_a_full_disk_costs_a_part_that_a_resume_makes(
    resumed: Sentiment, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("matplotlib.figure.Figure.savefig", broken(OSError(28, "No space left on device")))
        version = train(resumed)
    assert "No space left on device" in metrics_of(version)["failed"]["figure"]
    assert "what is left out can be made later: the same command with --resume" in capsys.readouterr().out
    assert unfinished(resumed) and not list((version / ASSETS).glob("*.png"))
    before = metrics_of(version)
    assert train(Sentiment(resumed.options)) == version
    assert metrics_of(version) == {name: value for name, value in before.items() if name != "failed"}
    assert (version / ASSETS / "figure.svg").is_file() and not (version / ASSETS / UNREPORTED).exists()
    assert not unfinished(resumed)


def test_a_full_disk_in_the_export_keeps_the_training(resumed: Sentiment, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("common.cli.train.save", broken(OSError(28, "No space left on device")))
        with pytest.raises(
            InputError, match=r"the model cannot be written \(No space left on device\); make room, .*--resume"
        ):
            train(resumed)
    assert unfinished(resumed)
    assert train(Sentiment(resumed.options)).name == "1"


def test_the_version_is_there_before_the_test(resumed: Sentiment, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a run that is killed in the test goes on with the same version; one that is killed at its end is done."""
    with monkeypatch.context() as patch:
        patch.setattr(Sentiment, "baselines", broken(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            train(resumed)
    root = resumed.options.output / "sentiment" / "lstm"
    assert SavedModel(root / "1").ask([{"text": "a great film"}])
    metrics = metrics_of(root / "1")
    assert "metrics" in metrics and "baselines" not in metrics
    for folder in (root / "1", root / "1" / ASSETS):
        (folder / ".0123.draft").touch()  # What a kill leaves of a file that is being written.
    close = Claim.close
    with monkeypatch.context() as patch:
        patch.setattr(Claim, "close", lambda claim: (close(claim), broken(KeyboardInterrupt())()))
        with pytest.raises(KeyboardInterrupt):
            train(Sentiment(resumed.options))
    whole = metrics_of(root / "1")
    assert {name: whole[name] for name in metrics} == metrics and set(whole) - set(metrics) == {"baselines"}
    with pytest.raises(InputError, match="--resume: no unfinished run"):
        train(Sentiment(resumed.options))
    assert [path.name for path in root.iterdir()] == ["1"] and not list(root.rglob(".*"))
