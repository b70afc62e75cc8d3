"""Any bytes give a result or an `InputError`, see `tests/fuzz.py`."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

from tests.fuzz import TARGETS, WORDS, words


def inputs(name: str) -> st.SearchStrategy[bytes]:
    """Bytes that hold what inputs of a target often hold, a first byte to choose a kind, and anything else."""
    part = st.sampled_from(words(name)) | st.text(max_size=5).map(lambda text: text.encode()) | st.binary(max_size=3)
    return st.tuples(st.integers(0, 255), st.lists(part, max_size=40)).map(
        lambda made: bytes([made[0]]) + b"".join(made[1])
    )


FOUND = {"labelled": (b'\x00""', b"\x01''", b'\x00"",""\n,')}
"""Inputs that were findings of `benchmarks/fuzz.py`."""


@pytest.mark.parametrize("name", FOUND)
def test_findings_stay_mended(name: str) -> None:
    for content in FOUND[name]:
        TARGETS[name](content)


def test_every_target_has_its_words() -> None:
    assert WORDS.keys() == TARGETS.keys()


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_give_a_result_or_an_input_error(name: str) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(inputs(name))
    @example(b"")
    @example(b"\x00" * 5)
    def tried(content: bytes) -> None:
        TARGETS[name](content)

    tried()
