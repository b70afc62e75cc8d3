"""A disk that is full indeed: a small file system in memory, where the machine lets one be made."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from common.cli.train import refusing_to_write
from common.errors import InputError
from common.files import write_json
from common.serving import versions
from common.serving.answer_files import format_for, tables, write_rows
from common.serving.export import Endpoint, Export, save
from common.training.checkpoints import Checkpoints

SIZE = 262_144
"""Bytes."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", tmp_path], capture_output=True)
    if made.returncode:
        pytest.skip("file systems cannot be mounted here")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_checkpoint_that_does_not_fit_leaves_the_one_before(disk: Path) -> None:
    weights = tf.Variable(tf.random.normal([SIZE // 4 // 3]))  # A third of the disk.
    checkpoints = Checkpoints(disk / "run", weights=weights)
    for step in range(2):
        checkpoints.save(step)
    before = weights.numpy()
    weights.assign(tf.zeros_like(weights))
    there = files_in(disk)
    with pytest.raises(InputError, match=r"a checkpoint cannot be written \(No space left on device\); the one before"):
        checkpoints.save(2)
    assert files_in(disk) == there
    assert checkpoints.restore() == (1, [])
    assert (weights.numpy() == before).all()


class Large(keras.layers.Layer):
    """A layer whose weights are four times as large as the disk."""

    def build(self, shape: tuple) -> None:
        self.large = self.add_weight(shape=(SIZE,), initializer="ones")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs * tf.reduce_sum(self.large)


def test_an_export_that_does_not_fit_leaves_no_version(disk: Path) -> None:
    layer = Large()
    layer.build((None,))
    signature = [tf.TensorSpec([None], tf.float32, name="x")]
    export = Export({"serving_default": Endpoint(lambda x: {"y": layer(x)}, signature)}, [layer])
    with (
        pytest.raises(InputError, match=r"the model cannot be written \(No space left on device\); make room"),
        refusing_to_write(disk),
    ):
        versions.publish(disk, lambda folder: save(export, folder))
    assert files_in(disk) == []


@pytest.mark.parametrize("name", ["answers.csv", "answers.jsonl"])
def test_answers_that_do_not_fit_leave_the_file_that_is_there(name: str, disk: Path) -> None:
    path = disk / name
    path.write_text("before")
    rows = ({"text": f"row {n}" * 100} for n in range(SIZE))
    with pytest.raises(InputError, match=r"^--output-file .*: No space left on device; name a file"):
        write_rows(rows, path, format_for("--output-file", path, tables(lambda row: [row])))
    assert files_in(disk) == [name] and path.read_text() == "before"


def test_json_that_does_not_fit_leaves_the_file_that_is_there(disk: Path) -> None:
    path = disk / "run.json"
    write_json("--output", path, "before")
    with pytest.raises(InputError, match="No space left on device"):
        write_json("--output", path, ["row"] * SIZE)
    assert files_in(disk) == ["run.json"] and path.read_text() == '"before"\n'
