"""What another activation than ReLU adds to a whole prediction.

    python benchmarks/activations.py
    python benchmarks/activations.py --layers 256,256,256,256 --rows 128

Networks that differ in their activation alone take turns; the ratios are those of neighbours in
time, so that a processor whose speed changes from second to second does no harm.
"""

import argparse
import time
from statistics import median, quantiles

import numpy as np

from mlpcore import MLP, threads

NETWORKS = ("256,256,256,256", "512,512,512", "784,512,256,10")
ACTIVATIONS = ("gelu", "gelu_tanh", "tanh", "sigmoid", "silu", "softplus", "mish", "elu")
ROUNDS, CALLS = 25, 5


def measure(sizes, rows):
    """Return the seconds of ReLU, and the ratios of each activation's time to it."""
    x = np.random.default_rng(0).standard_normal((rows, sizes[0]), dtype=np.float32)
    out = np.empty((rows, sizes[-1]), np.float32)
    frozen = {name: MLP(sizes, name, seed=0).freeze() for name in ("relu", *ACTIVATIONS)}
    times = {name: [] for name in frozen}
    with threads(1):
        for _ in range(ROUNDS):
            for name, predict in frozen.items():
                predict(x, out=out)
                times[name].append(median(_seconds(predict, x, out) for _ in range(CALLS)))
    ratios = {
        name: [a / b for a, b in zip(times[name], times["relu"], strict=True)]
        for name in ACTIVATIONS
    }
    return median(times["relu"]), ratios


def _seconds(predict, x, out):
    start = time.perf_counter()
    predict(x, out=out)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", action="append", help=f"default {' and '.join(NETWORKS)}")
    parser.add_argument("--rows", type=int, default=128)
    args = parser.parse_args()
    print("| network | relu, us | " + " | ".join(ACTIVATIONS) + " |")
    print("|---|" + "---:|" * (len(ACTIVATIONS) + 1))
    for layers in args.layers or NETWORKS:
        relu, ratios = measure([int(size) for size in layers.split(",")], args.rows)
        cells = []
        for name in ACTIVATIONS:
            q1, middle, q3 = quantiles(ratios[name], n=4)
            cells.append(f"{middle:.2f} ({q1:.2f}-{q3:.2f})")
        print(f"| {layers.replace(',', '-')} | {1e6 * relu:,.0f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
