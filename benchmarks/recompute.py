"""What training with `checkpoint_segments` takes of memory and time.

    python benchmarks/recompute.py
    python benchmarks/recompute.py --depths 16,64,256 --width 128 --rows 1024

Deep networks of equal widths; a step that keeps every layer's values and one that keeps those of
about √L of L layers take turns.  Memory is the most that a step allocates through NumPy beyond what
was there before it; the ratios of times are those of neighbours in time.
"""

import argparse
import time
import tracemalloc
from statistics import median, quantiles

import numpy as np

from mlpcore import MLP, threads

ROUNDS = 5


def trainer(depth, width, segments):
    """Return a trainer of a network of `depth` layers."""
    model = MLP([width] * depth + [10], activation="tanh", output="softmax", seed=0)
    # Neither takes its steps at once, so that they differ in one thing.
    return model.trainer(optimizer="sgd", lr=1e-3, checkpoint_segments=segments, on_nan="raise")


def peak(step):
    """Return the bytes that a step needs beyond those there were."""
    tracemalloc.start()
    try:
        step()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def measure(depth, width, rows):
    """Return the bytes of both ways, the seconds of the plain one, and the ratios of times."""
    x = np.random.default_rng(0).standard_normal((rows, width), dtype=np.float32)
    t = np.random.default_rng(1).integers(0, 10, rows)
    trainers = [trainer(depth, width, segments) for segments in (None, "auto")]
    steps = [lambda trainer=trainer: trainer.step(x, t) for trainer in trainers]
    for step in steps:
        step()
    times = [[_seconds(step) for step in steps] for _ in range(ROUNDS)]
    plain = median(first for first, _ in times)
    return [peak(step) for step in steps], plain, [second / first for first, second in times]


def _seconds(step):
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def main():
    """Print one row a depth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depths", default="16,64,256")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--rows", type=int, default=1024)
    given = parser.parse_args()
    print('| layers | kept whole, MB | checkpoint_segments="auto", MB | part | step, ms | time |')
    print("|---:|---:|---:|---:|---:|---:|")
    with threads(1):
        for depth in map(int, given.depths.split(",")):
            (whole, few), seconds, ratios = measure(depth, given.width, given.rows)
            low, _, high = quantiles(ratios, n=4)
            print(
                f"| {depth} | {whole / 1e6:,.1f} | {few / 1e6:,.1f} | {whole / few:.1f} | "
                f"{1e3 * seconds:,.1f} | {median(ratios):.2f} ({low:.2f}-{high:.2f}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
