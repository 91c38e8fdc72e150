"""What the project promises about speed and memory: `pytest -m speed` on a quiet machine."""

import pytest

from tests.speed import bench_fit
from tests.speed.measure import (
    fit_times,
    geometric_mean,
    memory_of_each,
    one_row_latency,
    ratio,
    threading_cost,
)
from tests.speed.peers import JOBS, PEERS, PRODUCTS

TIMES_AS_FAST = {
    "scikit-learn float32": 3.0,
    "scikit-learn float64": 4.0,
    "PyTorch, fused Adam": 3.0,
}
TIMES_AS_FAST_WHEN_SMALL = 4.0


@pytest.fixture(scope="module")
def results():
    return {job: fit_times(job) for job in JOBS}


def mean_ratio(results, peer, jobs):
    if peer not in PEERS:
        pytest.skip(f"{peer}: not installed")
    return geometric_mean(ratio(results[job], peer) for job in jobs)


@pytest.mark.speed
@pytest.mark.parametrize("peer", TIMES_AS_FAST)
def test_fits_are_faster(results, peer):
    assert mean_ratio(results, peer, JOBS) >= TIMES_AS_FAST[peer]


@pytest.mark.speed
@pytest.mark.parametrize("peer", TIMES_AS_FAST)
def test_small_fits_are_faster_still(results, peer):
    small = [job for job in JOBS if not job.wide]
    assert len(small) == 3
    assert mean_ratio(results, peer, small) >= TIMES_AS_FAST_WHEN_SMALL


@pytest.mark.speed
@pytest.mark.parametrize("job", [job for job in JOBS if job.wide], ids=str)
def test_wide_fits_are_near_their_matrix_products(results, job):
    assert 1 / ratio(results[job], PRODUCTS) <= 1.3


@pytest.mark.speed
@pytest.mark.parametrize("job", JOBS, ids=str)
def test_default_threads_do_not_hurt(job):
    assert threading_cost(job) <= 1.1


@pytest.mark.speed
def test_one_row_is_predicted_as_fast_as_by_scikit_learn():
    seconds = one_row_latency()
    assert seconds["skmlp"] <= seconds["scikit-learn"]


@pytest.mark.speed
def test_memory_of_a_wide_table():
    ours = memory_of_each()["skmlp"]
    assert ours["peak"] <= 4.5
    assert ours["pickle"] <= 1.1


def test_the_benchmark_runs(capsys):
    bench_fit.main(["--tiny", "--repeats", "1"])
    printed = capsys.readouterr().out
    assert all(peer in printed for peer in [*PEERS, PRODUCTS])
