"""``mlpcore bench``: samples a second by batch size, beside other ways to compute the same."""

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpcore.backends.cpu.threads import affinity_count, cgroup_quota, default_num_threads
from mlpcore.cli.errors import UsageError
from mlpcore.cli.options import (
    add_device,
    names,
    real_number,
    whole_number,
    widths,
)

if TYPE_CHECKING:
    from mlpcore.bench import Contender, Report, Spec

NAME = "bench"
HELP = "measure the throughput by batch size, beside NumPy and others"

THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "MLPCORE_NUM_THREADS",
)
"""What libraries read when they are loaded, and never again."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``bench``; what argparse cannot judge, `run` does."""
    add = parser.add_argument
    add(
        "--layers",
        type=widths,
        default="784,512,256,128,64,10",
        help="widths, input first (%(default)s)",
    )
    add(
        "--batch-sizes",
        type=_batch_sizes,
        default="1,8,32,128,512,2048,10000",
        help="rows of a call (%(default)s)",
    )
    add("--mode", default="inference", help="inference or training (%(default)s)")
    add("--activation", default="relu", help="of the hidden layers (%(default)s)")
    add("--dtype", default="float32", help="float32 or float64 (%(default)s)")
    add_device(parser)
    add("--threads", type=whole_number(1), help="of every contender (as many as can run at once)")
    add(
        "--against",
        type=names,
        default="numpy",
        help="peers, or all: numpy, torch, torch-compile, onnxruntime, openvino, jax, sklearn, "
        "python_loop, mlpcore-frozen (%(default)s)",
    )
    add("--optimizer", default="sgd", help="of a training step: sgd or adam (%(default)s)")
    add(
        "--pin",
        default="auto",
        help="CPUs to stay on such as 0,2, or none; auto is the last one for one thread, and all "
        "of them for more (%(default)s)",
    )
    add(
        "--seconds",
        type=real_number(0, excluded=True),
        default="1",
        help="how long each contender is timed at each batch size (%(default)s)",
    )
    add("--json", metavar="FILE", help="write the rows there; - for standard output, alone")
    add("--plot", metavar="FILE", help="draw them there: .png, .svg or .pdf")


def run(args: argparse.Namespace) -> int:
    """Measure, print, write; return 1 if a contender computed something wrong, else 0.

    Raises
    ------
    UsageError
        If an option makes no sense, or a file cannot be written; nothing has been measured then.
    """
    from mlpcore.bench.affinity import available, pinned

    work = _check(args)
    if not _process_has(work.spec.threads) or work.cpus not in (None, available()):
        with pinned(work.cpus):
            return _run_in_child(args, work.spec.threads)

    from dataclasses import replace

    from mlpcore.bench import benchmark
    from mlpcore.bench.table import table
    from mlpcore.device import resolve

    report = benchmark(
        replace(work.spec, device=str(resolve(args.device))),
        args.batch_sizes,
        work.contenders,
        seconds=args.seconds,
        progress=_progress,
    )
    print(report.to_json() if args.json == "-" else table(report))
    _write(args, report)
    refused = [omission for omission in report.omitted if omission.refused]
    for omission in refused:
        print(
            f"mlpcore bench: {omission.contender} at batch {omission.batch_size} computed "
            f"something else or failed: {omission.reason}",
            file=sys.stderr,
        )
    return 1 if refused else 0


@dataclass(frozen=True)
class _Work:
    spec: "Spec"
    contenders: "list[Contender]"
    cpus: frozenset[int] | None


def _check(args: argparse.Namespace) -> _Work:
    """Return what the options ask for; raise UsageError if one of them makes no sense."""
    from mlpcore.bench import Spec, find_contenders
    from mlpcore.bench.affinity import choose
    from mlpcore.bench.plot import format_of, require_matplotlib
    from mlpcore.io.atomic import require_writable
    from mlpcore.kernels.reference.activations import ACTIVATIONS

    try:
        if args.activation not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise UsageError(f"unknown activation {args.activation!r}; known are {known}")
        threads = _threads(args.threads)
        cpus = choose(args.pin, threads)
        if cpus is not None and len(cpus) < threads:
            raise UsageError(f"--pin {args.pin}: not enough CPUs for {threads} threads")
        spec = Spec(
            tuple(args.layers),
            args.activation,
            args.mode,
            args.dtype,
            threads=threads,
            optimizer=args.optimizer,
        )
        contenders = find_contenders(["mlpcore", *args.against])
        if args.plot is not None:
            format_of(args.plot)
            require_matplotlib()
    except (ValueError, ImportError) as error:
        raise UsageError(str(error)) from error
    for option, path in (("--json", args.json), ("--plot", args.plot)):
        if path not in (None, "-"):
            try:
                require_writable(path)
            except OSError as error:
                raise UsageError(f"{option}: {path}: {error.strerror}") from error
    return _Work(spec, contenders, cpus)


def _batch_sizes(text: str) -> list[int]:
    """Return the batch sizes that `text` lists."""
    try:
        return [whole_number(1)(entry) for entry in text.split(",")]
    except argparse.ArgumentTypeError:
        message = f"takes whole numbers from 1 up such as 1,32,1024, got {text!r}"
        raise argparse.ArgumentTypeError(message) from None


def _threads(asked: int | None) -> int:
    if asked is None:
        return default_num_threads()
    available = min(affinity_count(), cgroup_quota() or affinity_count())
    if asked > available:
        raise UsageError(f"--threads {asked}: at most {available} can run at once here")
    return asked


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        print(f"measuring {line} ...", file=sys.stderr)


def _write(args: argparse.Namespace, report: "Report") -> None:
    from mlpcore.bench.plot import draw, format_of
    from mlpcore.io.atomic import replacing

    if args.json not in (None, "-"):
        with replacing(args.json) as file:
            file.write(report.to_json().encode())
    if args.plot is not None:
        with replacing(args.plot) as file:
            file.write(draw(report, format_of(args.plot)))


def _process_has(threads: int) -> bool:
    """Return whether the libraries of this process were loaded with so many threads each.

    A variable that is not set means every CPU in the affinity mask to the libraries that read it.
    """
    default = str(affinity_count())
    values = [os.environ.get(name, "").strip() or default for name in THREAD_VARIABLES]
    return all(value == str(threads) for value in values)


def _run_in_child(args: argparse.Namespace, threads: int) -> int:
    """Run the same command where libraries find the number of threads when they load."""
    options = {
        "layers": ",".join(map(str, args.layers)),
        "batch-sizes": ",".join(map(str, args.batch_sizes)),
        "mode": args.mode,
        "optimizer": args.optimizer,
        "activation": args.activation,
        "dtype": args.dtype,
        "device": args.device,
        "threads": threads,
        "pin": args.pin,
        "against": ",".join(args.against),
        "seconds": args.seconds,
        "json": args.json,
        "plot": args.plot,
    }
    command = [sys.executable, "-m", "mlpcore", NAME]
    command += [f"--{name}={value}" for name, value in options.items() if value is not None]
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads))
    return subprocess.run(command, env=environment, check=False).returncode
