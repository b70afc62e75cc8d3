"""The pages about serving name options, defaults, files and requests as they are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from common.options.serving import ServeOptions

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "serving.md").read_text()
KUBERNETES = (ROOT / "docs" / "kubernetes.md").read_text()
OPTIONS = {f"--{name.replace('_', '-')}": value for name, value in vars(ServeOptions()).items()}


def test_the_limits_have_the_defaults_of_the_page() -> None:
    rows = re.findall(r"^\| `(--[a-z-]+)` \| (\d+) \|", PAGE, re.MULTILINE)
    assert len(rows) == 8 and {name: OPTIONS[name] for name, _ in rows} == {name: float(value) for name, value in rows}


def test_the_pages_name_options_that_there_are() -> None:
    own = set(re.findall(r"`(--[a-z-]+)", PAGE.split("## With TensorFlow")[0] + KUBERNETES)) - {
        "--no-access-log",
        "--no-page",
    }
    assert own and own <= OPTIONS.keys()


def test_the_requests_of_the_page_are_json() -> None:
    lines = [
        re.split(r"\s{4,}", line)[0] for line in PAGE.splitlines() if line.startswith(('{"instances', '{"signature'))
    ]
    assert [("instances" in (found := json.loads(line))) != ("inputs" in found) for line in lines] == [True] * 3


def test_the_manifests_are_yaml_with_options_that_there_are() -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", KUBERNETES, re.MULTILINE | re.DOTALL)
    deployment, service = yaml.safe_load_all(block)
    pod = deployment["spec"]["template"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    (server,) = pod["spec"]["containers"]
    given = dict(zip(server["args"][::2], server["args"][1::2]))
    assert given.keys() <= OPTIONS.keys()
    waits = int(given["--drain"]) + int(server["lifecycle"]["preStop"]["exec"]["command"][1])
    assert waits < pod["spec"]["terminationGracePeriodSeconds"]
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    assert {mount["name"] for mount in server["volumeMounts"]} == volumes


def test_the_image_has_what_the_command_needs_and_no_rights() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = {line.split()[1] for line in lines if line.startswith("COPY")}
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == allowed and all((ROOT / name).exists() for name in copied)
    (user,) = (line.split()[1] for line in lines if line.startswith("USER"))
    assert int(user) > 0 and f"runAsUser: {user}" in KUBERNETES
    (command,) = (json.loads(line.removeprefix("ENTRYPOINT ")) for line in lines if line.startswith("ENTRYPOINT"))
    assert command[:3] == ["python", "run.py", "serve"] and set(command[3::2]) <= OPTIONS.keys()
