"""Reports of studies whose results are made up."""

from __future__ import annotations

import html
import re

import pandas as pd

from common.studies import report
from common.studies.findings import Findings


def test_the_report_is_one_file_with_everything_in_it(made_up) -> None:
    study = made_up()
    found = Findings(study, ["gru_seed=5: exit code 1: it broke"])
    page = report.write(found).read_text()
    assert page.count("data:image/svg+xml;base64,") == 3
    assert "figures/" not in page
    assert 'name="viewport"' in page
    text = (study.folder / "report.md").read_text()
    assert "| majority |" in text
    assert "- simple_rnn against lstm: **worse**; " in text
    assert "- In short: no cell is shown to be better than lstm" in text
    assert "gru_seed=5: exit code 1: it broke" in text
    assert study.command in text
    assert "one run at a time, each on 2 cores" in text
    assert "python run.py sentiment compare" in study.command
    assert "## Other metrics\n\n| arm | perplexity |" in text
    assert len(report.table(found).rows) == 5

    rows = pd.read_csv(study.folder / "results.csv")
    assert len(rows) == 20
    mean = rows.groupby("cell")["accuracy"].mean()
    assert f"| simple_rnn | 5 | 64 | {mean['simple_rnn']:.4f} |" in text


def test_runs_of_dask_workers_have_no_timings(made_up) -> None:
    study = made_up(cells=("lstm", "gru"), more={"conditions": {"jobs": None, "cores": None, "resumed": False}})
    report.write(Findings(study))
    assert "timings are not comparable" in (study.folder / "report.md").read_text()


def test_varied_numbers_have_a_figure(made_up) -> None:
    study = made_up(cells=("lstm", "gru"), controls=False, vary=("window=16,64",))
    assert report.write(Findings(study)).is_file()
    assert (study.folder / "figures" / "axis.svg").is_file()


def test_text_of_the_user_is_shown_as_it_is(made_up) -> None:
    values = "text_column=a|*b*,<script>$x$"
    study = made_up(
        more={"data": "<img src=x> | *mine*: 5 texts"},
        **{"cells": ("lstm",), "controls": False, "vary": (values,), "name": "<b>&"},
    )
    page = report.write(Findings(study)).read_text()
    assert "<script>" not in page and "<img src=x>" not in page and "<em>" not in page
    assert "&lt;img src=x&gt; | *mine*: 5 texts" in page
    assert (
        "<td" in page and "lstm, text_column a|*b*</td>" in page and "lstm, text_column &lt;script&gt;$x$</td>" in page
    )
    assert "&lt;b&gt;&amp;</title>" in page


def test_nothing_of_the_user_becomes_a_link_an_image_or_a_script(made_up) -> None:
    hostile = (
        "[click](javascript:alert(1)) ![p](http://evil.invalid/p.png) <script>x</script> `<img src=y>` \u202e\x1b[2J"
    )
    study = made_up(
        more={"data": hostile, "failed": {f"figure {hostile}": hostile}, "baselines": {hostile: {"accuracy": 0.5}}},
        **{"cells": ("lstm",), "controls": False, "vary": (f"text_column={hostile},b",), "name": "a\u202eb"},
    )
    page = report.write(Findings(study, [f"run: {hostile}"])).read_text()
    known = "html|head|meta|title|style|body|h1|h2|p|ul|li|strong|table|thead|tbody|tr|th|td|img|pre|code"
    assert {tag for tag in re.findall(r"<([a-z0-9]+)", page) if not re.fullmatch(known, tag)} == set()
    assert set(re.findall(r'<img[^>]* src="([^":]*:[^;]*)', page)) == {"data:image/svg+xml"}
    assert "href" not in page and not set("\u202e\x1b") & set(page + (study.folder / "report.md").read_text())
    assert "[click](javascript:alert(1))" in html.unescape(page)
