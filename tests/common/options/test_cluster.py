"""What `TF_CONFIG` says."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InputError
from common.options.cluster import Cluster, cluster, cluster_for

TWO = {"worker": ["a:1", "b:2"]}
THREE = TWO | {"chief": ["c:3"]}
FIRST = {"type": "worker", "index": 0}


def given_config(monkeypatch: pytest.MonkeyPatch, config: object) -> None:
    monkeypatch.setenv("TF_CONFIG", config if isinstance(config, str) else json.dumps(config))


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ("", None),
        ({}, None),
        ({"cluster": TWO, "task": FIRST}, Cluster(("a:1", "b:2"), 0)),
        ({"cluster": TWO, "task": {"type": "worker", "index": 1}}, Cluster(("a:1", "b:2"), 1)),
        ({"cluster": TWO, "task": {"type": "worker", "index": "1"}}, Cluster(("a:1", "b:2"), 1)),
        ({"cluster": THREE, "task": FIRST}, Cluster(("c:3", "a:1", "b:2"), 1)),
        (
            {"cluster": THREE, "task": {"type": "chief", "index": 0}},
            Cluster(("c:3", "a:1", "b:2"), 0),
        ),
        ({"cluster": {"worker": ["[::1]:1"]}, "task": FIRST}, Cluster(("[::1]:1",), 0)),
    ],
)
def test_workers_are_numbered_from_the_chief_on(config, found, monkeypatch: pytest.MonkeyPatch) -> None:
    given_config(monkeypatch, config)
    assert cluster() == found


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "is not the JSON of a cluster"),
        ("[]", "is not the JSON of a cluster"),
        ({"cluster": {"worker": 3}}, "is not the JSON of a cluster"),
        ({"cluster": {"worker": "a:1"}, "task": FIRST}, "is not the JSON of a cluster"),
        ({"cluster": {"worker": ["http://a:1"]}, "task": FIRST}, "'http://a:1' is no address"),
        ({"cluster": {"worker": [" a:1"]}, "task": FIRST}, "' a:1' is no address"),
        ({"cluster": {"ps": ["a:1"]}}, "a cluster of ps"),
        ({"cluster": {"worker": ["a"]}, "task": FIRST}, "'a' is no address"),
        ({"cluster": {"worker": [1]}, "task": FIRST}, "1 is no address"),
        ({"cluster": {"worker": ["a:99999"]}, "task": FIRST}, "'a:99999' is no address"),
        ({"cluster": TWO, "task": {"type": "worker", "index": "x"}}, "is none of the cluster's"),
        ({"cluster": TWO, "task": {"type": "worker", "index": -1}}, "is none of the cluster's"),
        ({"cluster": {"worker": ["a:1", "a:1"]}, "task": FIRST}, "two workers with one address"),
        ({"cluster": {"chief": ["a:1", "b:1"]}, "task": FIRST}, "two chiefs"),
        ({"cluster": TWO}, "task {} is none"),
        (
            {"cluster": TWO, "task": {"type": "worker", "index": 2}},
            "is none of the cluster's, which are worker 0 to 1; see",
        ),
        ({"cluster": TWO, "task": {"type": "chief", "index": 0}}, "is none of the cluster's"),
        ({"cluster": TWO, "task": 3}, "is none of the cluster's"),
    ],
)
def test_others_are_refused(config, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given_config(monkeypatch, config)
    with pytest.raises(InputError, match="TF_CONFIG: ") as caught:
        cluster()
    assert message in str(caught.value) and "\n" not in str(caught.value)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(string.printable, max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["cluster", "task", "worker", "chief", "type", "index"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(plain)
def test_anything_else_is_read_or_refused(config) -> None:
    with pytest.MonkeyPatch.context() as patch:
        given_config(patch, config)
        try:
            found = cluster()
        except InputError:
            return
        assert found is None or 0 <= found.index < len(found.addresses)


def test_a_strategy_of_one_machine_asks_for_no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    given_config(monkeypatch, "{")
    assert cluster_for("one") is None and cluster_for("mirrored") is None
    given_config(monkeypatch, {"cluster": TWO, "task": FIRST})
    assert cluster_for(None) == cluster_for("multiworker") == cluster()
    given_config(monkeypatch, "")
    with pytest.raises(InputError, match="--strategy multiworker: TF_CONFIG names no workers"):
        cluster_for("multiworker")
