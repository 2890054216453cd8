"""The grid on a GPU, beside PyTorch and JAX on the same GPU.

    python benchmarks/gpu_grid.py                                  # a table, and gpu-grid.json
    python benchmarks/gpu_grid.py --networks 1,5 --batch-sizes 1,2048 --seconds 0.2

Arrays lie on the GPU before anything is timed and results stay there.  Contenders take turns in an
order drawn anew for each round.  A turn queues calls and then waits for all of them: `wall` is the
time of the host from the first call to the end of the wait, over the calls, and `device` the time
between two CUDA events that were recorded before and after them on the library's own stream, over
the calls.  JAX has no events, so everybody is compared by `wall`.  Figures are medians of rounds.
Before it is timed, what a contender computes is compared with float64.  Nobody uses TF32.
"""

import argparse
import json
import random
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import gpu_contenders
import numpy as np
from grid_plan import BATCH_SIZES, NETWORKS, WORK

from mlpcore.bench import Spec
from mlpcore.bench.check import InferenceCheck, TrainingCheck, WrongResultError
from mlpcore.bench.spec import STEADY_RATE, draw_batch, draw_parameters
from mlpcore.device import DeviceUnavailableError, resolve

ROUNDS = 11


@dataclass(frozen=True)
class Work:
    """What every contender does in a cell."""

    layers: tuple[int, ...]
    kind: str
    activation: str
    dtype: str
    rate: float = STEADY_RATE

    @property
    def optimizer(self):
        return "sgd" if self.kind == "inference" else self.kind

    def spec(self):
        mode = "inference" if self.kind == "inference" else "training"
        return Spec(self.layers, self.activation, mode, self.dtype, optimizer=self.optimizer)

    def parameters(self):
        return draw_parameters(self.spec())


@dataclass(frozen=True)
class Cell:
    """The times of one contender, in seconds; `device` is None where there are no events."""

    network: str
    work: str
    batch_size: int
    contender: str
    wall: float
    device: float | None


def prepared(contender, work, x, t):
    """Return the call to time, or raise WrongResultError if it computes something else."""
    spec = work.spec()
    if work.kind == "inference":
        call = contender.inference(work, x)
        InferenceCheck(spec, work.parameters(), x)(lambda _: contender.host(call()))
        return call
    learning = Work(work.layers, work.kind, work.activation, work.dtype, spec.learning_rate)
    step = contender.training(learning, x, t)
    TrainingCheck(spec, work.parameters(), x, t)(lambda *_: float(contender.host(step())))
    return contender.training(work, x, t)


def take_turn(contender, call, count):
    """Return the seconds of a call by the host's clock, and by events or None."""
    events = contender.events()
    contender.wait()
    start = time.perf_counter()
    first = events and events[0]()
    for _ in range(count):
        call()
    last = events and events[0]()
    contender.wait()
    wall = (time.perf_counter() - start) / count
    return wall, events[1](first, last) / count if events else None


def measure(contenders, calls, seconds, seed=0):
    """Return the median times of each of `calls`, by the name of the contender."""
    counts = {}
    for name, call in calls.items():
        for _ in range(3):
            wall, _ = take_turn(contenders[name], call, 1)
        counts[name] = max(1, min(1000, int(seconds / ROUNDS / wall)))
    turns = {name: [] for name in calls}
    order, rng = list(calls), random.Random(seed)
    for _ in range(ROUNDS):
        rng.shuffle(order)
        for name in order:
            turns[name].append(take_turn(contenders[name], calls[name], counts[name]))
    return {
        name: (median(w for w, _ in found), _median([d for _, d in found]))
        for name, found in turns.items()
    }


def _median(times):
    return None if None in times else median(times)


def run(contenders, networks, batch_sizes, kinds, options):
    """Yield cells, and a string for each contender that is left out of one, with its reason."""
    for network in networks:
        for kind in kinds:
            work = Work(NETWORKS[network], kind, options.activation, options.dtype)
            for batch_size in batch_sizes:
                x, t = draw_batch(work.spec(), batch_size)
                calls = {}
                for name, contender in contenders.items():
                    try:
                        calls[name] = prepared(contender, work, x, t)
                    except WrongResultError as error:
                        yield f"{name}, network {network}, {kind}, batch {batch_size}: {error}"
                    except Exception as error:  # whatever a library raises costs nobody else a row
                        what = f"{type(error).__name__}: {error}".splitlines()[0]
                        yield f"{name}, network {network}, {kind}, batch {batch_size}: {what}"
                for name, times in measure(contenders, calls, options.seconds).items():
                    yield Cell(network, kind, batch_size, name, *times)


def table(cells, names):
    """Yield the lines of a Markdown table: microseconds a call, and how often faster we are."""
    yield "| network | work | batch | " + " | ".join(names) + " | fastest peer / mlpcore |"
    yield "|---|---|---:|" + "---:|" * (len(names) + 1)
    rows = {}
    for cell in cells:
        rows.setdefault((cell.network, cell.work, cell.batch_size), {})[cell.contender] = cell
    for (network, work, batch_size), row in rows.items():
        walls = {name: row[name].wall for name in names if name in row}
        peers = [wall for name, wall in walls.items() if name != "mlpcore"]
        ratio = f"{min(peers) / walls['mlpcore']:.2f}" if peers and "mlpcore" in walls else ""
        shown = [_shown(row.get(name)) for name in names]
        layers = "-".join(map(str, NETWORKS[network]))
        yield f"| {layers} | {work} | {batch_size} | {' | '.join(shown)} | {ratio} |"


def _shown(cell):
    if cell is None:
        return ""
    device = "" if cell.device is None else f" ({cell.device * 1e6:.1f})"
    return f"{cell.wall * 1e6:.1f}{device}"


def main(argv=None):
    """Measure what the arguments ask for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--batch-sizes", default=",".join(map(str, BATCH_SIZES)))
    parser.add_argument("--work", default=",".join(WORK))
    parser.add_argument("--activation", default="relu", choices=gpu_contenders.ACTIVATIONS)
    parser.add_argument("--dtype", default="float32", choices=("float32", "float64"))
    parser.add_argument("--seconds", type=float, default=0.5, help="of a contender in a cell")
    parser.add_argument("--output", type=Path, default=Path("gpu-grid.json"))
    options = parser.parse_args(argv)
    try:
        resolve(options.device)
    except DeviceUnavailableError as error:
        print(f"gpu_grid: {error.headline}", file=sys.stderr)
        return 2
    contenders, omitted, cells = {}, [], []
    for kind in gpu_contenders.ALL:
        if not gpu_contenders.installed(kind):
            omitted.append(f"{kind.name}: not installed")
            continue
        try:
            contenders[kind.name] = kind(options.device)
        except Exception as error:  # a library without support for this GPU
            omitted.append(f"{kind.name}: {error}".splitlines()[0])
    sizes = [int(size) for size in options.batch_sizes.split(",")]
    plan = options.networks.split(","), sizes, options.work.split(",")
    for found in run(contenders, *plan, options):
        if isinstance(found, str):
            omitted.append(found)
        else:
            cells.append(found)
            print(found, file=sys.stderr)
    report = {
        "device": options.device,
        "activation": options.activation,
        "dtype": options.dtype,
        "seconds": options.seconds,
        "rounds": ROUNDS,
        "numpy": np.__version__,
        "versions": gpu_contenders.versions(gpu_contenders.ALL),
        "cells": [asdict(cell) for cell in cells],
        "omitted": omitted,
    }
    options.output.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print("Microseconds a call by the host's clock, and by CUDA events in brackets.\n")
    print("\n".join(table(cells, [*contenders])))
    print("\n".join(f"left out: {reason}" for reason in omitted))
    return 1 if any(reason.startswith("mlpcore") for reason in omitted) else 0


if __name__ == "__main__":
    sys.exit(main())
