"""Which networks are trained as one stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from skmlp.estimators._jobs import Job

#: Networks of one stack take so many bytes at most, with what they work on in a step: about what a
#: core's caches hold. More gain nothing.
_STACK_BYTES = 3 << 20
#: A stack of more networks gains nothing.
_MOST_NETWORKS = 64


def stacks(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Group the jobs that can be one stack, each group small enough for the cache."""
    groups: dict[Any, list[Job]] = {}
    for job in jobs:
        groups.setdefault(job.program, []).append(job)
    for group in groups.values():
        if len(group) == 1:
            yield group
            continue
        first = group[0]
        most = max(1, networks_in_cache(first) // first.network.k)
        n_stacks = -(-len(group) // most)
        for part in np.array_split(np.arange(len(group)), n_stacks):
            yield [group[i] for i in part]


def is_alone(job: Job) -> bool:
    """Say whether a job cannot, or had better not, share a stack."""
    return not job.can_share or networks_in_cache(job) < 2 * job.network.k


def networks_in_cache(job: Job) -> int:
    """Return how many networks like a job's make a stack that is worth its while."""
    network = job.network
    rows = min(job.size, len(job.rows.target))
    widths = network.n_in + 3 * sum(layer_width for layer_width in _widths(network))
    numbers = 4 * network.layout.size + rows * widths
    return int(np.clip(_STACK_BYTES // (numbers * network.dtype.itemsize), 1, _MOST_NETWORKS))


def _widths(network: Any) -> list[int]:
    """Return the number of outputs of each layer that has weights."""
    return [slot.shape[-1] for slot in network.layout.slots if slot.role == "weight"]
