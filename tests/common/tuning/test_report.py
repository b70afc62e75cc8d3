"""Reports of searches whose trials are made up, and the best options as a file."""

from __future__ import annotations

import html
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
import yaml
from matplotlib.figure import Figure

from common.cli import commands
from common.options import TrainOptions
from common.tuning.figures import draw_curves, draw_history, draw_options
from common.tuning.findings import Findings
from common.tuning.report import advice, following, report, summary, table, write
from common.tuning.running import run
from run import main
from tests.common.tuning.conftest import good


def ends(options: dict, number: int) -> dict | str:
    """Of sixteen trials one fails, one diverges, and two are pruned."""
    if number == 3:
        return "exit code 1: <script>alert(1)</script>"
    if number == 4:
        return {"state": "diverged", "why": "training diverged"}
    return good(options, number) | ({"state": "pruned"} if number in (5, 6) else {})


@pytest.fixture
def found(search_of, trials) -> Findings:
    trials(ends)
    search = search_of(trials=16, only=("units", "layers", "cell"), name="a&b")
    run(search)
    return Findings(search)


def test_the_report_is_one_file_with_everything_in_it(found: Findings) -> None:
    page = write(found).read_text()
    folder = found.search.folder
    assert page.count("data:image/svg+xml;base64,") == 2 and "figures/" not in page  # No trial reported an epoch.
    assert "<title>sentiment: a&amp;b</title>" in page and "<script>" not in page
    assert "exit code 1: <script>alert(1)</script>" in html.unescape(page)
    text = (folder / "report.md").read_text()
    assert "16 trials: 12 complete, 2 pruned, 1 diverged, 1 failed" in text
    assert f"Best: trial {found.best.number}, val_accuracy {found.best.value:.4g}; the options as they were" in text
    assert "The test split was not looked at." in text and "higher is better" in text
    assert "| units | " in text and "16..256, logarithmic |" in text and "| cell | " in text
    assert "trial 4 diverged: training diverged" in text
    assert following(found) in text and found.search.command in text
    rows = pd.read_csv(folder / "trials.csv")
    assert len(rows) == 16 and list(rows["state"][:12]) == ["complete"] * 12
    assert rows["value"][:12].is_monotonic_decreasing
    assert len(table(found).rows) == 10


def test_importance_is_that_of_the_option_that_decides(found: Findings) -> None:
    assert sum(found.importance.values()) == pytest.approx(1)
    assert next(iter(found.importance)) == "units" and set(found.importance) == {"units", "layers", "cell"}
    assert "PED-ANOVA" in report(found, {})


def test_of_few_trials_no_importance_is_shown(search_of, trials) -> None:
    trials()
    search = search_of(trials=2, only=("units", "layers"))
    run(search)
    few = Findings(search)
    assert few.importance == {} and "Not shown: it takes 10 complete trials" in report(few, {})
    assert summary(few) == "2 trials: 2 complete"


def test_where_the_options_as_given_are_best_it_says_so(search_of, trials) -> None:
    trials(lambda options, number: good(options | {"units": number}, number))
    search = search_of(trials=2, only=("units",))
    run(search)
    assert advice(Findings(search)) == "best: trial 0, val_accuracy 1, the options as they were given"


def test_the_best_options_are_a_file_for_train(found: Findings, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    write(found)
    given: list[TrainOptions] = []
    monkeypatch.setattr(commands, "_train", lambda kind, options: given.append(options))
    words = shlex.split(following(found))
    assert words[:6] == ["python", "run.py", "sentiment", "train", "--config", str(found.search.folder / "best.yaml")]
    assert main(words[2:]) == 0
    (options,) = given
    assert options == found.best_options and options.units == found.best.options["units"] != 64
    saved = yaml.safe_load((found.search.folder / "best.yaml").read_text())
    assert not {"resume", "output", "tensorboard"} & saved.keys()


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved, in place of files."""
    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **options: figures.append(self))
    return figures


def test_the_figures_have_every_trial_with_a_value(found: Findings, drawn: list[Figure]) -> None:
    assert draw_history(found, Path("x.png")) and draw_options(found, Path("x.png"))
    complete, pruned, best = drawn[0].axes[0].lines
    assert len(complete.get_ydata()) == 12 and set(pruned.get_xdata()) == {5, 6}
    assert list(best.get_ydata()) == sorted(best.get_ydata()) and best.get_ydata()[-1] == found.best.value
    axes = {ax.get_xlabel(): ax for ax in drawn[1].axes}
    assert set(axes) == {"layers", "units", "cell"} and axes["units"].get_xscale() == "log"
    assert {label.get_text() for label in axes["cell"].get_xticklabels()} == {
        *("simple_rnn", "jordan", "lstm", "gru", "peephole_lstm"),
    }
    assert axes["units"].lines[-1].get_xdata()[0] == found.best.options["units"]


def test_curves_are_drawn_of_trials_that_reported_epochs(found: Findings, drawn: list[Figure]) -> None:
    assert not draw_curves(found, Path("x.png"))
    found.best.values.update({1: 0.5, 2: 0.75})
    assert draw_curves(found, Path("x.png"))
    assert [list(line.get_ydata()) for line in drawn[0].axes[0].lines] == [[0.5, 0.75]] * 2


def test_nothing_of_the_user_becomes_a_link_an_image_or_a_script(search_of, trials) -> None:
    hostile = "[click](javascript:alert(1)) ![p](http://evil.invalid/p.png) <script>x</script> \u202e\x1b[2J"
    trials(lambda options, number: good(options, number) | {"data": hostile})
    search = search_of(trials=1, only=("units",), name="<b>\u202e")
    run(search)
    page = write(Findings(search)).read_text()
    assert "href" not in page and "<script>" not in page and "<b>" not in page and not set("\u202e\x1b") & set(page)
    assert set(re.findall(r'<img[^>]* src="([^":]*:[^;]*)', page)) == {"data:image/svg+xml"}
