"""What XLA compiles is kept, for the machine that compiled it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.training import compile_cache
from common.training.compile_cache import keep_compiled, machine

ROOT = Path(__file__).resolve().parents[3]
COMPILES = """
from common.training.compile_cache import keep_compiled
keep_compiled()
from common.cli.imports import import_tensorflow
import_tensorflow()
import tensorflow as tf
print(tf.function(lambda x: tf.reduce_sum(tf.tanh(x @ x)), jit_compile=True)(tf.eye(40)).numpy())
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    monkeypatch.setenv("SEQUENCE_SUITE_CACHE", str(tmp_path / "a folder"))
    return tmp_path / "a folder"


@pytest.mark.skipif(not compile_cache.PROCESSOR.is_file(), reason="nothing is kept for a processor that is not known")
def test_a_second_process_takes_what_the_first_compiled(cache: Path) -> None:
    def answer() -> tuple[str, dict[Path, int]]:
        done = subprocess.run([sys.executable, "-c", COMPILES], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return done.stdout, {path: path.stat().st_mtime_ns for path in cache.rglob("*.pb")}

    first = answer()
    assert len(first[1]) == 1
    assert answer() == first  # Not written again, as what is compiled would be.


PROCESSOR = (
    "processor\t: 0\nmodel\t\t: 17\nmodel name\t: One\ncpu MHz\t\t: {mhz}\nflags\t\t: fma {more}\n\nprocessor\t: 1\n"
)


def test_the_name_of_a_machine_follows_what_decides_how_a_program_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    name = machine(PROCESSOR.format(mhz=2000, more="avx2"))
    assert machine(PROCESSOR.format(mhz=3000, more="avx2")) == name
    assert machine(PROCESSOR.format(mhz=2000, more="avx2 avx512f")) != name
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_max_isa=SSE4_2")
    assert machine(PROCESSOR.format(mhz=2000, more="avx2")) != name
    monkeypatch.delenv("XLA_FLAGS")
    monkeypatch.setattr(compile_cache, "version", lambda package: "0")
    assert machine(PROCESSOR.format(mhz=2000, more="avx2")) != name


def test_nothing_is_kept_where_nothing_can_be_written_or_the_processor_is_not_known(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("a file")
    keep_compiled()
    cache.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(compile_cache, "PROCESSOR", cache / "none")
        keep_compiled()
    assert "TF_XLA_FLAGS" not in os.environ and not cache.exists()


def test_flags_of_the_user_stay(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_persistent_cache_directory=mine")
    keep_compiled()
    assert os.environ["TF_XLA_FLAGS"] == "--tf_xla_persistent_cache_directory=mine"
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_clustering_debug")
    keep_compiled()
    assert os.environ["TF_XLA_FLAGS"].startswith("--tf_xla_clustering_debug ")
