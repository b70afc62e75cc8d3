"""Users' texts in figures."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from common.figures.plain import LONGEST, plain
from common.figures.saving import save_svg


@pytest.mark.parametrize("text", [r"$5 and $\frac{", r"price ($\foo$)", "$", r"\$", r"a\$b$", "^_{}"])
def test_dollars_in_a_figure_are_no_mathematics(text: str) -> None:
    figure = Figure()
    title = figure.subplots().set_title(plain(text))
    figure.canvas.draw()  # Would raise on broken mathematics.
    assert title._preprocess_math(title.get_text()) == (text, False)


@given(st.text())
@settings(max_examples=30, deadline=None)
@example("a\x1b[2J\x00\ud800-->\u202e")
def test_a_file_of_any_text_can_be_read(text: str) -> None:
    figure, file = Figure(), io.BytesIO()
    figure.text(0, 0, plain(text))
    save_svg(figure, file)
    assert plain(text).replace(r"\$", "$").strip() in "".join(ElementTree.fromstring(file.getvalue()).itertext())


def test_a_text_is_one_line_and_leaves_room() -> None:
    assert plain("a\n b\tc") == "a b c"
    assert plain("x" * LONGEST) == "x" * LONGEST
    assert plain("x" * 300) == "x" * (LONGEST - 1) + "…"
