"""Agreement of answers."""

from __future__ import annotations

import numpy as np
import pytest

from common.formats.portable import Agreement


def noted(*pairs: tuple[dict, dict]) -> Agreement:
    agreement = Agreement()
    for found, expected in pairs:
        agreement.note(found, expected)
    return agreement


def test_texts_and_numbers_are_compared_without_padding_and_states() -> None:
    found = {"tags": ["a", "b"], "share": np.array([0.5, 0.25]), "state": np.ones(3), "only": 1}
    expected = {"tags": ["a", "b", "", ""], "share": np.array([0.5, 0.25, 0.0]), "state": np.zeros(9)}
    assert noted((found, expected)) == Agreement(1, 1, 0.0)
    assert noted((found, expected | {"tags": ["a", "c"]})) == Agreement(1, 0, 0.0)
    assert noted((found, expected | {"share": np.array([0.5])})).difference == pytest.approx(0.25)
    assert noted(({"p": 9.0}, {"p": -1.0})).difference == pytest.approx(5.0)


def test_what_is_no_number_agrees_with_nothing_but_itself() -> None:
    assert noted(({"p": np.nan}, {"p": np.nan})).but_for_rounding
    assert noted(({"p": np.inf}, {"p": np.inf})).but_for_rounding
    for found, expected in ((np.nan, 1.0), (1.0, np.nan), (np.inf, 1.0), (1.0, np.inf)):
        assert not noted(({"p": found}, {"p": expected})).but_for_rounding


def test_rounding_decides_few_classes() -> None:
    equal, other = ({"label": "a"}, {"label": "a"}), ({"label": "a"}, {"label": "b"})
    assert noted(equal, other).but_for_rounding
    assert not noted(equal, other, other).but_for_rounding
    assert not noted(({"p": 0.51}, {"p": 0.5})).but_for_rounding
    assert noted(({"p": 0.500001}, {"p": 0.5})).but_for_rounding
