"""Fit many estimators side by side, so that their networks are trained as stacks.

Each call to fit and score an estimator goes its own way until a network is to be trained. There it
waits. Once all calls wait or have ended, the networks that can be in one stack are trained
together, and the calls go on, one after the other: what comes before and after the training, be it
a pipeline, a transformed target or a scorer, is scikit-learn's own and knows nothing of the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from skmlp.estimators._jobs import Job
from skmlp.estimators._running import train_together
from skmlp.model_selection._calls import Call, Chain, present
from skmlp.model_selection._stacks import is_alone, stacks


def run_together(
    chains: Sequence[Chain], report: Callable[[float], None] = lambda share: None
) -> None:
    """Run calls side by side, training the networks that they fit as stacks.

    Their results are in them afterwards. If one raises, the others are given up. Within a call,
    as where a search is itself cross-validated, the networks are handed up to who runs that.

    Parameters
    ----------
    chains : sequence of Chain
        The calls, not yet begun.
    report : callable
        Told now and then which share of them is done.
    """
    outer, waiting = present.get(), list(chains)
    n_calls = sum(len(chain.calls) for chain in chains)
    try:
        while waiting:
            for chain in waiting:
                chain.go_on()
                while chain.jobs and all(map(is_alone, chain.jobs)):
                    # at once: nothing is gained by waiting, but memory lost
                    _train(chain.jobs, outer)
                    chain.go_on()
                if chain.error is not None:
                    raise chain.error
            waiting = [chain for chain in waiting if chain.jobs]
            jobs = [job for chain in waiting for job in chain.jobs]
            n_left = len(jobs)
            if outer is not None and waiting:
                outer.wait_for(jobs)
                continue
            for stack in stacks(jobs):
                _train(stack, None)
                n_left -= len(stack)
                report(1 - n_left / n_calls)
    finally:
        for chain in chains:
            chain.give_up()


def _train(jobs: list[Job], outer: Call | None) -> None:
    """Train jobs as stacks; an error is each job's own, but for an interrupt."""
    if outer is not None:
        outer.wait_for(jobs)
        return
    for stack in stacks(jobs):
        started = time.perf_counter()
        try:
            train_together(stack)
        except Exception as error:
            for job in stack:
                job.error = error
        seconds = time.perf_counter() - started
        size = sum(job.network.k for job in stack)
        for job in stack:
            job.seconds = seconds * job.network.k / size
            if job.state is not None and job.state.interrupted:
                raise KeyboardInterrupt
