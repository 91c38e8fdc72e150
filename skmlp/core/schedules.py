"""Turn the progress of training, from 0 to 1, into a multiplier of the base learning rate."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import final


class Schedule(ABC):
    """A function of progress, without state: it can be asked about any moment in any order."""

    @abstractmethod
    def __call__(self, progress: float) -> float:
        """Return the multiplier at this progress: 0 at the start of training, 1 at its end."""


def _require(holds: bool, setting: str, value: object, expected: str) -> None:
    if not holds:
        raise ValueError(f"Got {setting}={value!r}, but expected {expected}.")


def _half_cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * part))


@final
@dataclass(frozen=True)
class Constant(Schedule):
    """1 throughout."""

    def __call__(self, progress: float) -> float:
        """Return 1."""
        return 1.0


@final
@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from 1 down to ``final`` (Loshchilov & Hutter 2017, equation 5, no restarts).

    Parameters
    ----------
    final : float, default=0.0
        Multiplier at the end.

    Examples
    --------
    >>> [round(Cosine()(p), 3) for p in (0, 0.25, 0.5, 1)]
    [1.0, 0.854, 0.5, 0.0]
    """

    final: float = 0.0

    def __post_init__(self) -> None:
        """Refuse an end that is not a number from 0 up."""
        _require(0 <= self.final < math.inf, "final", self.final, "0 <= final")

    def __call__(self, progress: float) -> float:
        """Return final + (1 - final) (1 + cos(π p)) / 2."""
        return _half_cosine(1.0, self.final, progress)


@final
@dataclass(frozen=True)
class CosLog(Schedule):
    """Waves between 0 and 1, each twice as long as the one before: (1 - cos(2π c)) / 2.

    The clock c = log2(1 + (2^cycles - 1) p) runs from 0 to ``cycles``, so that the multiplier is 0
    at the start, at the end, and between two waves. After Holzmüller, Grinsztajn & Steinwart 2024,
    "Better by default: strong pre-tuned MLPs and boosted trees on tabular data".

    Parameters
    ----------
    cycles : int, default=4
        Number of waves.

    Examples
    --------
    >>> [round(CosLog()(p), 3) for p in (0, 1 / 15, 0.1, 7 / 15, 0.7, 1)]
    [0.0, 0.0, 0.718, 0.0, 0.995, 0.0]
    """

    cycles: int = 4

    def __post_init__(self) -> None:
        """Refuse fewer waves than one, which would never come down."""
        _require(self.cycles >= 1, "cycles", self.cycles, "cycles >= 1")

    def __call__(self, progress: float) -> float:
        """Return (1 - cos(2π log2(1 + (2^cycles - 1) p))) / 2."""
        clock = math.log2(1.0 + (2.0**self.cycles - 1.0) * progress)
        return 0.5 * (1.0 - math.cos(2.0 * math.pi * clock))


@final
@dataclass(frozen=True)
class FlatCosine(Schedule):
    """1 for the first half, then half a cosine down to 0.

    After Holzmüller, Grinsztajn & Steinwart 2024, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", who let dropout and weight decay follow it.

    Examples
    --------
    >>> [round(FlatCosine()(p), 3) for p in (0, 0.5, 0.75, 1)]
    [1.0, 1.0, 0.5, 0.0]
    """

    def __call__(self, progress: float) -> float:
        """Return 1 for p < 1/2, else (1 + cos(π (2p - 1))) / 2."""
        return _half_cosine(1.0, 0.0, max(0.0, 2.0 * progress - 1.0))


@final
@dataclass(frozen=True)
class OneCycle(Schedule):
    """Half a cosine up from ``start`` to 1, then half a cosine down to ``final``.

    After Smith & Topin 2018, "Super-convergence", with cosines for their straight lines.

    Parameters
    ----------
    peak : float, default=0.3
        Progress at which the multiplier is 1; strictly between 0 and 1.
    start : float, default=0.04
        Multiplier at the start.
    final : float, default=1e-4
        Multiplier at the end.

    Examples
    --------
    >>> [round(OneCycle()(p), 4) for p in (0, 0.15, 0.3, 0.65, 1)]
    [0.04, 0.52, 1.0, 0.5, 0.0001]
    """

    peak: float = 0.3
    start: float = 0.04
    final: float = 1e-4

    def __post_init__(self) -> None:
        """Refuse a peak at the border, and negative multipliers."""
        _require(0 < self.peak < 1, "peak", self.peak, "0 < peak < 1")
        _require(0 <= self.start < math.inf, "start", self.start, "0 <= start")
        _require(0 <= self.final < math.inf, "final", self.final, "0 <= final")

    def __call__(self, progress: float) -> float:
        """Return the multiplier on the way up or down."""
        if progress < self.peak:
            return _half_cosine(self.start, 1.0, progress / self.peak)
        return _half_cosine(1.0, self.final, (progress - self.peak) / (1.0 - self.peak))


@final
@dataclass(frozen=True)
class Exponential(Schedule):
    """Exponential decay, ``final ** progress``.

    Parameters
    ----------
    final : float, default=0.01
        Multiplier at the end; positive.
    """

    final: float = 0.01

    def __post_init__(self) -> None:
        """Refuse an end that no exponential reaches."""
        _require(0 < self.final < math.inf, "final", self.final, "a positive number")

    def __call__(self, progress: float) -> float:
        """Return final ** p."""
        return float(self.final**progress)


@final
@dataclass(frozen=True)
class InverseScaling(Schedule):
    """(1 + e per_epoch) ** -power in the epoch e = 0, 1, ..., constant within an epoch.

    Parameters
    ----------
    power : float
        Exponent; not negative.
    epochs : int
        Number of epochs from progress 0 to 1.
    per_epoch : float, default=1.0
        Steps of the formula's clock per epoch. The number of training rows makes it scikit-learn's
        ``learning_rate="invscaling"``, which counts rows and has all but stopped after one epoch.

    Examples
    --------
    >>> schedule = InverseScaling(power=0.5, epochs=10)
    >>> [round(schedule(p), 4) for p in (0, 0.05, 0.1, 0.3)]
    [1.0, 1.0, 0.7071, 0.5]
    """

    power: float
    epochs: int
    per_epoch: float = 1.0

    def __post_init__(self) -> None:
        """Refuse negative settings."""
        _require(0 <= self.power < math.inf, "power", self.power, "0 <= power")
        _require(self.epochs >= 1, "epochs", self.epochs, "epochs >= 1")
        _require(0 <= self.per_epoch < math.inf, "per_epoch", self.per_epoch, "0 <= per_epoch")

    def __call__(self, progress: float) -> float:
        """Return the multiplier of the epoch to which p belongs."""
        epoch = math.floor(progress * self.epochs + 1e-9)  # 3 / 10 * 10 must not be epoch 2
        return float((1.0 + epoch * self.per_epoch) ** -self.power)


@final
@dataclass(frozen=True)
class Warmup(Schedule):
    """Another schedule, multiplied by a straight line from 0 to 1 over the first part of training.

    ``then`` runs on its own clock from the start, it is not delayed: the value is
    ``min(1, progress / fraction) * then(progress)``, which at progress 0 is 0.

    Parameters
    ----------
    fraction : float
        Part of training spent warming up; 0 < fraction <= 1.
    then : Schedule
        The schedule to warm up.

    Examples
    --------
    >>> warm = Warmup(0.1, Cosine())
    >>> [round(warm(p), 3) for p in (0, 0.05, 0.1, 0.5)]
    [0.0, 0.497, 0.976, 0.5]
    """

    fraction: float
    then: Schedule

    def __post_init__(self) -> None:
        """Refuse a fraction outside (0, 1]."""
        _require(0 < self.fraction <= 1, "fraction", self.fraction, "0 < fraction <= 1")

    def __call__(self, progress: float) -> float:
        """Return min(1, p / fraction) then(p)."""
        return min(1.0, progress / self.fraction) * self.then(progress)


@final
@dataclass(frozen=True)
class FunctionSchedule(Schedule):
    """Any function of progress.

    Parameters
    ----------
    function : callable
        Takes progress, returns a multiplier that is finite and not negative.

    Examples
    --------
    >>> FunctionSchedule(lambda p: 1 - p)(0.25)
    0.75
    >>> FunctionSchedule(lambda p: 1 - 2 * p)(1)
    Traceback (most recent call last):
    ...
    ValueError: The schedule's function returned -1.0 at progress 1, but expected a finite ...
    """

    function: Callable[[float], float]

    def __call__(self, progress: float) -> float:
        """Return the function's value, checked."""
        factor = float(self.function(progress))
        if not 0.0 <= factor < math.inf:
            raise ValueError(
                f"The schedule's function returned {factor} at progress {progress}, but expected a "
                "finite multiplier of the learning rate, 0 or above, for every progress in [0, 1]."
            )
        return factor


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "cosine": Cosine,
    "coslog4": CosLog,
    "flat_cos": FlatCosine,
    "one_cycle": OneCycle,
    "exponential": Exponential,
}
