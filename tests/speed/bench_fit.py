"""Print how fast fits are beside other libraries: `python -m tests.speed.bench_fit`."""

import argparse

from tests.speed.measure import (
    Times,
    fit_times,
    geometric_mean,
    memory_of_each,
    one_row_latency,
    ratio,
    threading_cost,
)
from tests.speed.peers import JOBS, PEERS, PRODUCTS, Job


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="timings of each fit; the median")
    parser.add_argument(
        "--threads",
        choices=["1", "default"],
        default="1",
        help="threads of every library: one, or as many as each takes by itself",
    )
    parser.add_argument("--tiny", action="store_true", help="only see that everything runs")
    return parser.parse_args(arguments)


def print_job(job: Job, times: Times) -> None:
    print(f"\n{job}; {job.epochs} epochs")
    for name, seconds in times.items():
        print(f"  {name:24} {1e3 * seconds:10.1f} ms  {ratio(times, name):6.2f}")


def print_means(results: dict[Job, Times]) -> None:
    groups = {
        "all": list(results.values()),
        "small": [times for job, times in results.items() if not job.wide],
    }
    print("\ngeometric means of peer / skmlp")
    for group, timings in groups.items():
        for name in PEERS:
            if name != "skmlp":
                mean = geometric_mean(ratio(times, name) for times in timings)
                print(f"  {group:6} {name:24} {mean:6.2f}")
    for job, times in results.items():
        if job.wide:
            print(f"  skmlp / {PRODUCTS}: {1 / ratio(times, PRODUCTS):.2f}  ({job})")


def main(arguments: list[str] | None = None) -> None:
    chosen = parse(arguments)
    n_threads = None if chosen.threads == "default" else 1
    jobs = [job.tiny() if chosen.tiny else job for job in JOBS]
    results = {}
    for job in jobs:
        results[job] = fit_times(job, chosen.repeats, n_threads)
        print_job(job, results[job])
    print_means(results)

    print("\ntime with default threads / with one")
    for job in jobs:
        print(f"  {threading_cost(job, chosen.repeats):.2f}  ({job})")

    print("\npredict on one row")
    for name, seconds in one_row_latency(20 if chosen.tiny else 2000).items():
        print(f"  {name:24} {1e6 * seconds:10.1f} µs")

    shape = {"n_rows": 50, "n_features": 500} if chosen.tiny else {}
    print("\nmemory as multiples of the weights, 500x50000, 100 units")
    for name, sizes in memory_of_each(**shape).items():
        print(f"  {name:24} peak {sizes['peak']:6.2f}  pickle {sizes['pickle']:6.2f}")


if __name__ == "__main__":
    main()
