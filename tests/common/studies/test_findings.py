"""Findings of studies whose results are made up, so that what they show is known."""

from __future__ import annotations

import pandas as pd
import pytest

from common.studies.arms import Arm
from common.studies.findings import Findings


def test_verdicts_say_what_is_shown_and_what_is_not(made_up) -> None:
    found = Findings(made_up())
    by_arm = dict(zip((arm.name for arm in found.differences), map(str, found.verdicts())))
    assert found.advice() == "In short: no cell is shown to be better than lstm; gru is not shown to be worse."
    assert set(by_arm) == {"gru", "simple_rnn", "mlp"}
    assert by_arm["gru"].startswith("gru against lstm: no difference shown; accuracy differs by ")
    assert by_arm["simple_rnn"].startswith("simple_rnn against lstm: worse; ")
    assert by_arm["mlp"].startswith("mlp against lstm: better; ")
    assert by_arm["mlp"].endswith("corrected for 3 comparisons).")


def test_of_errors_the_lower_is_better(made_up) -> None:
    found = Findings(made_up("forecasting"))
    assert any(str(line).startswith("simple_rnn against lstm: better") for line in found.verdicts())
    assert found.advice() == "In short: simple_rnn shown to be better than lstm."


def test_one_seed_or_none_tells_nothing(made_up) -> None:
    found = Findings(made_up(scores={"lstm": (0.8, 0.81), "gru": (0.9,)}))
    (line,) = map(str, found.verdicts())
    assert line == "gru against lstm: too few seeds to tell; it is +0.1000."


def test_a_study_of_one_cell_has_nothing_to_compare_with(made_up) -> None:
    found = Findings(made_up(scores={"lstm": (0.8, 0.81)}))
    assert found.verdicts() == []
    assert found.advice() == "Nothing to compare with: no finished run but those of lstm."


def test_equal_differences_are_not_tested(made_up) -> None:
    (line,) = Findings(made_up(scores={"lstm": (0.7, 0.8), "gru": (0.8, 0.9)})).verdicts()
    assert "the same difference with every seed, which a t-test cannot judge; it is +0.1000" in str(line)


@pytest.mark.parametrize("scores", [(0.8, 0.9), (0.9, 0.8)])
def test_no_number_of_seeds_is_named_where_there_is_no_difference(scores: tuple[float, ...], made_up) -> None:
    (line,) = map(str, Findings(made_up(scores={"lstm": (0.8, 0.9), "gru": scores})).verdicts())
    assert "no difference shown" in line and "differs by +0.0000" in line.replace("-0.0000", "+0.0000")
    assert "equal within" in line and "more seed" not in line and "number of seeds" not in line


def test_settings_are_compared_with_the_first_of_the_reference_and_cells_within_them(made_up) -> None:
    found = Findings(made_up(cells=("lstm", "gru"), controls=False, vary=("window=16,64",)))
    pairs = {arm.name: found.compared_with(arm) and found.compared_with(arm).name for arm in found.arms}
    assert pairs == {
        "lstm, window 16": None,
        "gru, window 16": "lstm, window 16",
        "lstm, window 64": "lstm, window 16",
        "gru, window 64": "lstm, window 64",
    }


def test_runs_of_earlier_calls_count(made_up, study_of) -> None:
    made_up()
    later = Findings(made_up(scores={"none": ()}, cells=("lstm",), controls=False, seeds=1))
    assert {arm.cell for arm in later.arms} == {"lstm", "gru", "simple_rnn", "mlp"}
    assert later.arms[0] == Arm("lstm")


def test_tables_have_all_metrics_and_costs(made_up) -> None:
    found = Findings(made_up())
    header, first, *_, last = found.metric_rows()
    assert header == ["arm", "perplexity"]
    assert first[0] == "simple_rnn" and float(first[1]) == pytest.approx(70.5)
    assert last == ["majority", "0.6000"]
    costs = dict(zip(*found.cost_rows()[:2]))
    assert (costs["epochs"], costs["s of training"], costs["parameters"]) == ("3", "5", "1,234")

    rows = found.frame()
    assert isinstance(rows, pd.DataFrame) and len(rows) == 20
    assert set(rows.columns) >= {*("task", "cell", "seed", "units", "accuracy", "parameters", "latency_ms", "resumed")}
