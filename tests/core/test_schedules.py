"""Schedules: end points, monotony, agreement with scikit-learn's definition."""

import copy
import math

import pytest

from skmlp.core.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    CosLog,
    Exponential,
    FlatCosine,
    FunctionSchedule,
    InverseScaling,
    OneCycle,
    Warmup,
)

INSTANCES = [
    *(schedule() for schedule in SCHEDULES.values()),
    Cosine(0.1),
    CosLog(2),
    InverseScaling(0.5, epochs=10),
    Warmup(0.1, Cosine()),
    FunctionSchedule(math.sqrt),
]
GRID = [i / 200 for i in range(201)]


@pytest.mark.parametrize("schedule", INSTANCES, ids=repr)
def test_factors_lie_between_0_and_1(schedule):
    assert all(isinstance(schedule(p), float) for p in GRID)
    assert all(0 <= schedule(p) <= 1 + 1e-12 for p in GRID)


@pytest.mark.parametrize("schedule", INSTANCES, ids=repr)
def test_copies_give_the_same_factors(schedule):
    assert [copy.deepcopy(schedule)(p) for p in GRID] == [schedule(p) for p in GRID]


@pytest.mark.parametrize(
    ("schedule", "start", "end"),
    [
        (Constant(), 1, 1),
        (Cosine(), 1, 0),
        (Cosine(0.2), 1, 0.2),
        (CosLog(), 0, 0),
        (CosLog(1), 0, 0),
        (FlatCosine(), 1, 0),
        (OneCycle(), 0.04, 1e-4),
        (OneCycle(0.5, 0.1, 0), 0.1, 0),
        (Exponential(), 1, 0.01),
        (Exponential(2.0), 1, 2.0),
        (InverseScaling(0.5, epochs=3), 1, 0.5),
        (Warmup(0.1, Exponential()), 0, 0.01),
        (Warmup(1.0, Constant()), 0, 1),
    ],
)
def test_ends(schedule, start, end):
    assert schedule(0) == pytest.approx(start)
    assert schedule(1) == pytest.approx(end)


@pytest.mark.parametrize(
    "schedule", [Cosine(), FlatCosine(), Exponential(), InverseScaling(0.5, 20)]
)
def test_decays_never_rise(schedule):
    factors = [schedule(p) for p in GRID]
    assert factors == sorted(factors, reverse=True)


def test_one_cycle_rises_to_its_peak_and_falls():
    schedule = OneCycle(peak=0.25)
    factors = [schedule(p) for p in GRID]
    assert factors[50] == pytest.approx(1)
    assert factors[:51] == sorted(factors[:51])
    assert factors[50:] == sorted(factors[50:], reverse=True)


@pytest.mark.parametrize("cycles", [1, 2, 4])
def test_each_wave_of_coslog_is_twice_as_long(cycles):
    schedule = CosLog(cycles)
    pauses = [(2**c - 1) / (2**cycles - 1) for c in range(cycles + 1)]
    assert [schedule(p) for p in pauses] == pytest.approx([0] * (cycles + 1))
    peaks = [(2 ** (c + 0.5) - 1) / (2**cycles - 1) for c in range(cycles)]
    assert [schedule(p) for p in peaks] == pytest.approx([1] * cycles)


def test_flat_cosine_is_flat_for_half_of_training():
    schedule = FlatCosine()
    assert [schedule(p) for p in (0, 0.3, 0.5)] == [1, 1, 1]
    assert schedule(0.501) < 1
    assert schedule(0.875) == pytest.approx((1 + math.cos(0.75 * math.pi)) / 2)


def test_inverse_scaling_counts_rows_as_scikit_learn_does():
    rows, epochs, power = 150, 7, 0.5
    schedule = InverseScaling(power, epochs, per_epoch=rows)
    for epoch in range(epochs):
        for part in (0, 0.4, 0.99):
            expected = 1 / (epoch * rows + 1) ** power
            assert schedule((epoch + part) / epochs) == pytest.approx(expected)


def test_inverse_scaling_is_not_an_epoch_late_by_rounding():
    for epochs in range(1, 300):
        schedule = InverseScaling(1.0, epochs)
        assert all(schedule(e / epochs) == pytest.approx(1 / (1 + e)) for e in range(epochs))


def test_warmup_multiplies_its_schedule():
    then = Cosine()
    warm = Warmup(0.2, then)
    assert warm(0.1) == pytest.approx(0.5 * then(0.1))
    assert warm(0.6) == then(0.6)


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_function_must_give_finite_factors(value):
    with pytest.raises(ValueError, match="returned .* at progress 0.5"):
        FunctionSchedule(lambda p: value)(0.5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Cosine(-1),
        lambda: CosLog(0),
        lambda: OneCycle(peak=0),
        lambda: OneCycle(peak=1),
        lambda: OneCycle(start=-1),
        lambda: OneCycle(final=math.nan),
        lambda: Exponential(0),
        lambda: InverseScaling(-1, 10),
        lambda: InverseScaling(0.5, 0),
        lambda: InverseScaling(0.5, 10, per_epoch=-1),
        lambda: Warmup(0, Constant()),
        lambda: Warmup(1.1, Constant()),
    ],
)
def test_bad_settings_are_refused(make):
    with pytest.raises(ValueError, match="but expected"):
        make()
