"""Calls that wait where networks are to be trained.

To wait, a call needs a stack of Python's own to stand on: that of a thread, or that of the call
before it in the same thread, which waits beneath it.
"""

from __future__ import annotations

import contextvars
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import joblib
import sklearn

from skmlp.estimators._jobs import End, Job, Stand
from skmlp.estimators._running import trainer
from skmlp.model_selection._stacks import is_alone

#: Makes the context in which a function is called.
Inside = Callable[[], AbstractContextManager[Any]]

#: Which call this is part of.
present: contextvars.ContextVar[Call | None] = contextvars.ContextVar("present", default=None)


class Abandoned(BaseException):
    """Raised where a call waits, if no one will train its network any more."""


class Call:
    """A function that waits where networks are to be trained.

    Parameters
    ----------
    function : callable
        Without arguments.
    inside : callable
        Returns the context in which it is called.
    stands : dict of str to Stand, default=None
        Where earlier trainings ended, which are gone on with, by their marks; None to note none.

    Attributes
    ----------
    left : dict of str to Stand
        Where those of this call ended.
    jobs : list of Job
        What it waits for.
    waited : float
        Seconds that it stood still, but for its share of the training.
    """

    chain: Chain

    def __init__(
        self,
        function: Callable[[], Any],
        inside: Inside,
        stands: dict[str, Stand] | None = None,
    ) -> None:
        self.function, self.inside, self.stands = function, inside, stands
        self.left: dict[str, Stand] = {}
        self.result: Any = None
        self.error: BaseException | None = None
        self.jobs: list[Job] = []
        self.waited = 0.0
        self._context = contextvars.copy_context()
        self._warnings = Warnings()

    def run(self) -> None:
        """Call the function, in the settings that were there when this was made."""
        around = Warnings()
        self._warnings.restore()
        self._context.run(self._run)
        around.restore()

    def _run(self) -> None:
        present.set(self)
        trainer.set(self._wait_for_one)
        try:
            with self.inside():
                self.result = self.function()
        except BaseException as error:
            self.error = error
        del self.function  # and what it fitted

    def _wait_for_one(self, job: Job) -> None:
        mark = None if self.stands is None else job.mark()
        if mark is not None and self.stands is not None:
            job.end = End()
            if mark in self.stands:
                job.resume(self.stands[mark])
        self.wait_for([job])
        if job.error is not None:
            raise job.error
        if mark is not None:
            self.left[mark] = job.stand()

    def wait_for(self, jobs: list[Job]) -> None:
        """Stand still until the jobs are done."""
        self.jobs, stopped = jobs, time.perf_counter()
        self.chain.see_to(self)
        self.waited += time.perf_counter() - stopped - sum(job.seconds for job in jobs)


class Chain:
    """Calls in a thread of their own: each begins where the one before it waits.

    It ends before that one goes on. So a call that waits again does so without those before it;
    it had better be alone in its thread. Others had better not be: to hand on to another thread
    takes longer than what they do before and after a training.

    Parameters
    ----------
    calls : sequence of Call
        Not yet begun.

    Attributes
    ----------
    jobs : list of Job
        What it waits for.
    error : BaseException or None
        The first that a call raised.
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls, self._left = calls, iter(calls)
        for call in calls:
            call.chain = self
        self.jobs: list[Job] = []
        self.error: BaseException | None = None
        self._abandoned = False
        self._turn, self._pause = threading.Semaphore(0), threading.Semaphore(0)
        self._warnings = Warnings()
        self._thread = threading.Thread(target=self._run, daemon=True, name="skmlp-fit")

    def go_on(self) -> None:
        """Let it run until it waits again, or has ended."""
        self.jobs, outside = [], Warnings()
        self._warnings.restore()
        if self._thread.ident:
            self._turn.release()
        else:
            self._thread.start()
        self._pause.acquire()
        self._warnings = Warnings()
        outside.restore()

    def give_up(self) -> None:
        """Let it end where it waits, now or as soon as it does."""
        self._abandoned = True
        if self._thread.is_alive():
            self._turn.release()
            self._thread.join()

    def see_to(self, call: Call) -> None:
        """Have the jobs done that a call waits for; called where it waits."""
        waiting: Sequence[Call] = self.calls
        if all(map(is_alone, call.jobs)):
            waiting = [call]
        else:
            self._begin_others()
        if call.jobs and not self._is_over:
            self.jobs = [job for each in waiting for job in each.jobs]
            self._pause.release()
            self._turn.acquire()
            for each in waiting:
                each.jobs = []
        if self._is_over:
            raise Abandoned

    @property
    def _is_over(self) -> bool:
        return self._abandoned or self.error is not None

    def _begin_others(self) -> None:
        for call in self._left:
            call.run()
            if self.error is None:
                self.error = call.error
            if self._is_over:
                break

    def _run(self) -> None:
        self._begin_others()
        self._pause.release()


class Warnings:
    """The filters of warnings, and who shows them: one for all threads, so each takes its own."""

    def __init__(self) -> None:
        self.filters = warnings.filters
        self.ways = {name: getattr(warnings, name) for name in ("showwarning", *_HOOKS)}

    def restore(self) -> None:
        """Put them back."""
        warnings.filters = self.filters
        for name, way in self.ways.items():
            setattr(warnings, name, way)
        getattr(warnings, "_filters_mutated", lambda: None)()


_HOOKS = [name for name in ("_showwarnmsg_impl",) if hasattr(warnings, name)]


def present_settings() -> Inside:
    """Return a way to have the settings of this thread in another: scikit-learn's and joblib's."""
    config, (backend, n_jobs) = sklearn.get_config(), joblib.parallel.get_active_backend()

    @contextmanager
    def inside() -> Iterator[None]:
        with sklearn.config_context(**config), joblib.parallel_config(backend, n_jobs=n_jobs):
            yield

    return inside


class Clock:
    """`time`, with the time of the calls that stand still taken off."""

    @staticmethod
    def time() -> float:
        """Return seconds."""
        call = present.get()
        return time.time() - (call.waited if call else 0.0)
