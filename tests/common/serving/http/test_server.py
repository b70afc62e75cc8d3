"""The server as a process: it starts, answers, and answers what was asked before it stops."""

from __future__ import annotations

import json
import re
import signal
import threading
import urllib.error
import urllib.request
from pathlib import Path

from tests.common.serving.http.conftest import started, until


def test_it_serves_until_sigterm_and_answers_what_was_asked(tiny: Path) -> None:
    with started("--output", str(tiny), "--timeout", "2") as (process, lines):
        (address,) = until(lambda: re.findall(r"http://127.0.0.1:\d+", "".join(lines)))
        url = f"{address}/v1/models/tiny_model:predict"
        assert json.load(urllib.request.urlopen(url, b'{"signature_name": "sums", "instances": [[1, 2]]}')) == {
            "predictions": [3.0]
        }
        found: list[int] = []

        def ask() -> None:
            try:
                urllib.request.urlopen(url, b'{"signature_name": "endless", "instances": ["a"]}')
            except urllib.error.HTTPError as error:
                found.append(error.code)

        waiting = threading.Thread(target=ask)
        waiting.start()
        computed = 'serving_batch_rows_count{model="tiny_model"} 2.0'
        until(lambda: computed in urllib.request.urlopen(f"{address}/metrics").read().decode())
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        waiting.join()
        assert found == [504]
        statuses = [json.loads(line)["status"] for line in process.stdout]
        assert statuses.count(200) >= 1 and statuses[-1] == 504


def test_models_that_cannot_be_loaded_end_it_with_a_line(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_text("no model")
    with started("--output", str(tmp_path), "--model", f"broken={tmp_path}") as (process, lines):
        assert process.wait(60) == 2
    assert "broken: version 1 cannot be loaded: " in lines[-2]
    assert lines[-1] == "error: no model could be loaded; the lines above say why\n"
