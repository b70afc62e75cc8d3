"""What the tests of tasks share, besides the models of `tests/conftest.py`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.shared import give_back, gradients
from tests.tasks import trained


@pytest.fixture(autouse=True, scope="session")
def few_origins() -> Iterator[None]:
    with trained.few_origins():
        yield


@pytest.fixture(autouse=True)
def graphs_are_given_back() -> Iterator[None]:
    """One of these modules can trace more than fits into memory."""
    yield
    if len(gradients()) > 60:
        give_back()
