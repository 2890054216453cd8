"""How long until scikit-learn's own score on data not seen, with the same network and batches.

    python benchmarks/time_to_score.py
    python benchmarks/time_to_score.py --only digits,diabetes --threads 2 --seeds 5

The target is the median score of scikit-learn's networks after a number of epochs that each
problem has; how many epochs a contender needs to reach it, in the median over seeds, is found
first, untimed.  Then `fit` is timed with so many epochs: everything that a user waits for, but
nothing that compiles or loads at first use.  The contenders take turns, seed by seed, and the
median time is shown, with the mean score of the networks that were timed.
"""

import argparse
import gc
import math
import os
import sys
import time
import warnings
from statistics import fmean, geometric_mean, median, median_high

from mlpcore.cli.bench import THREAD_VARIABLES

KNOWN = ("digits", "mnist-5k", "shuttle", "diabetes")
OURS, THEIRS = "mlpcore", "scikit-learn"


def arguments():
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(KNOWN), help="problems, with commas between")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=5)
    return parser.parse_args()


def with_threads(count):
    """Start anew with so many threads: libraries read the variables when they are imported."""
    wanted = dict.fromkeys(THREAD_VARIABLES, str(count))
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | wanted)


def epochs_needed(contender, target, seed, most):
    """Return after how many epochs the target is reached, or infinity."""
    for epoch, score in enumerate(contender.scores(seed, most), 1):
        if score >= target:
            return epoch
    return math.inf


def measure(problem, found, seeds):
    """Return the target, and (epochs, seconds, score) of each, None where it was not reached.

    Parameters
    ----------
    problem : Problem
        What to learn.
    found : dict
        The contenders by name.
    seeds : range
        One network of each contender for each.
    """
    finals = [list(found[THEIRS].scores(seed, problem.epochs))[-1] for seed in seeds]
    target = median(finals)
    most = 2 * problem.epochs
    needed = {}
    for name, contender in found.items():
        counts = [epochs_needed(contender, target, seed, most) for seed in seeds]
        needed[name] = median_high(counts)
        contender.fit(0, 1)
    times = {name: [] for name in found}
    scores = {name: [] for name in found}
    for seed in seeds:
        for name, contender in found.items():
            if needed[name] == math.inf:
                continue
            gc.collect()
            started = time.perf_counter()
            fitted = contender.fit(seed, needed[name])
            times[name].append(time.perf_counter() - started)
            scores[name].append(contender.score(fitted))
    rows = {
        name: (needed[name], median(times[name]), fmean(scores[name])) if times[name] else None
        for name in found
    }
    return target, rows


def show(problem, target, rows):
    """Print the lines of one problem, and return how much faster ours is than the best peer."""
    ours = rows[OURS]
    for name, row in rows.items():
        if row is None:
            print(f"| {problem.title} | {target:.4f} | {name} | not reached | | | |")
            continue
        epochs, seconds, score = row
        ratio = f"{seconds / ours[1]:.2f}" if ours else ""
        print(
            f"| {problem.title} | {target:.4f} | {name} | {epochs} | {1e3 * seconds:.0f} | "
            f"{score:.4f} | {ratio} |"
        )
    peers = [row[1] for name, row in rows.items() if name != OURS and row]
    return min(peers) / ours[1] if ours and peers else None


def main():
    """Measure, and print a Markdown table."""
    given = arguments()
    with_threads(given.threads)
    from time_to_score_contenders import contenders
    from time_to_score_data import problems

    warnings.simplefilter("ignore")  # of epochs that end before convergence, on purpose
    print("| problem | score to reach | who | epochs | ms | score | time over ours |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    ratios = []
    for problem in problems(given.only.split(",")):
        target, rows = measure(problem, contenders(problem), range(given.seeds))
        ratios.append(show(problem, target, rows))
        sys.stdout.flush()
    there = [ratio for ratio in ratios if ratio is not None]
    if there:
        mean = geometric_mean(there)
        print(
            f"\nThe fastest peer takes {mean:.2f} times as long (geometric mean of {len(there)})."
        )


if __name__ == "__main__":
    main()
