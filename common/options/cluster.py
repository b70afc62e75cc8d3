"""The workers that `TF_CONFIG` names, as TensorFlow's users, Kubernetes and Slurm scripts set it."""

from __future__ import annotations

import json
import os
import re
from typing import Literal, NamedTuple

from common.errors import InputError

StrategyName = Literal["one", "mirrored", "multiworker"]
VARIABLE = "TF_CONFIG"
LARGEST_PORT = 65_535
EXAMPLE = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'


class Cluster(NamedTuple):
    """The workers of a training.

    Attributes:
        addresses: The address of each worker, `host:port`; the first is the chief's.
        index: The number of this worker.
    """

    addresses: tuple[str, ...]
    index: int


def cluster_for(strategy: StrategyName | None) -> Cluster | None:
    """The workers of a training with that strategy; None where it has one, whatever `TF_CONFIG` says.

    Raises:
        InputError: `TF_CONFIG` cannot be used, or names no workers and the strategy needs them.
    """
    if strategy in ("one", "mirrored"):
        return None
    found = cluster()
    if found is None and strategy == "multiworker":
        raise InputError(f"--strategy multiworker: {VARIABLE} names no workers; give such as {EXAMPLE}")
    return found


def cluster() -> Cluster | None:
    """The workers that `TF_CONFIG` names; None where it names none.

    Raises:
        InputError: It is not what TensorFlow reads, or names processes that are not workers.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if not given:
        return None
    try:
        config = json.loads(given)
        jobs, task = config.get("cluster", {}), config.get("task", {})
        addresses = {job: list(jobs.get(job, ())) for job in ("chief", "worker")}
        others = set(jobs) - set(addresses)
        if any(isinstance(jobs.get(job), str) for job in addresses):
            raise TypeError
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{VARIABLE}: {given[:60]!r} is not the JSON of a cluster; give such as {EXAMPLE}") from error
    if others:
        raise InputError(f"{VARIABLE}: a cluster of {', '.join(sorted(others))}; give workers alone, such as {EXAMPLE}")
    every = (*addresses["chief"], *addresses["worker"])
    if not every:
        return None
    for address in every:
        if not _is_address(address):
            raise InputError(f"{VARIABLE}: {address!r} is no address of a worker; give host:port, such as {EXAMPLE}")
    if len(set(every)) < len(every) or len(addresses["chief"]) > 1:
        raise InputError(f"{VARIABLE}: two workers with one address, or two chiefs; give each worker its own")
    own = addresses.get(task.get("type")) if isinstance(task, dict) else None
    index = str(task.get("index")) if own else ""  # Scripts often write it as a string.
    if not own or not index.isdecimal() or int(index) >= len(own):
        there = ", ".join(f"{job} 0 to {len(one) - 1}" for job, one in addresses.items() if one)
        raise InputError(f"{VARIABLE}: task {task!r} is none of the cluster's, which are {there}; see {EXAMPLE}")
    return Cluster(every, int(index) + (0 if task["type"] == "chief" else len(addresses["chief"])))


def _is_address(address: object) -> bool:
    if not isinstance(address, str):
        return False
    host, _, port = address.rpartition(":")
    return re.fullmatch(r"[^\s/]+", host) is not None and port.isdecimal() and 1 <= int(port) <= LARGEST_PORT
