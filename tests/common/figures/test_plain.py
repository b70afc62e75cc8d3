"""Users' texts in figures."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from common.figures.plain import LONGEST, plain


@pytest.mark.parametrize("text", [r"$5 and $\frac{", r"price ($\foo$)", "$", r"\$", r"a\$b$", "^_{}"])
def test_dollars_in_a_figure_are_no_mathematics(text: str) -> None:
    figure = Figure()
    title = figure.subplots().set_title(plain(text))
    figure.canvas.draw()  # Would raise on broken mathematics.
    assert title._preprocess_math(title.get_text()) == (text, False)


def test_a_text_is_one_line_and_leaves_room() -> None:
    assert plain("a\n b\tc") == "a b c"
    assert plain("x" * LONGEST) == "x" * LONGEST
    assert plain("x" * 300) == "x" * (LONGEST - 1) + "…"
