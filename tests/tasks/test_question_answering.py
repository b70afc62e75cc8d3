"""Question answering: what train cannot answer, and large pictures over HTTP."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from tests.common.serving.http.conftest import serve  # noqa: F401
from tests.tasks.trained import make


def test_answers_that_train_does_not_have_count_only_in_the_test(data_of, tmp_path: Path, capsys) -> None:
    for table in data_of("question_answering").glob("*.csv"):
        rows = table.read_text()
        (tmp_path / table.name).write_text(rows if table.stem == "train" else rows.replace(",left", ",west"))
    for picture in data_of("question_answering").glob("*.png"):
        (tmp_path / picture.name).symlink_to(picture)
    task = make("question_answering", tmp_path, tmp_path / "saved")
    task.load()
    unknown = {split: getattr(task.splits, split).answers.count("west") for split in ("validation", "test")}
    assert all(unknown.values()) and f"{unknown['test']} test questions with an answer" in capsys.readouterr().out
    for split, left_out in (("train", 0), ("validation", unknown["validation"]), ("test", 0)):
        asked = len(getattr(task.splits, split))
        assert task.sequences(split).weights.sum() == asked - left_out


def test_a_large_file_is_answered_over_http(trained, serve) -> None:  # noqa: F811
    client, content = serve(trained("question_answering", "lstm")), BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 70, 3), np.uint8)).save(content, "PNG")
    assert len(content.getvalue()) > 15_000  # More than a text may have characters.
    image = {"b64": base64.b64encode(content.getvalue()).decode()}
    body = {"instances": [{"image": image, "question": "Where is it?"}]}
    answer = client.post("/v1/models/question_answering_lstm:predict", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"][0]["answer"] in ("left", "right", "red", "green", "yes", "no")
