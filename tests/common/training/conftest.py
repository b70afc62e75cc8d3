"""Models that the tests of a file share."""

from __future__ import annotations

import pytest

from tests.common.training.models import Models


@pytest.fixture(scope="module")
def models() -> Models:
    return Models()
