"""``mlpcore tune``: which kernels are fastest on this GPU, measured and written down for later."""

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpcore.cli.errors import UsageError
from mlpcore.cli.options import (
    add_device,
    names,
    require_known,
    require_output,
    whole_number,
    widths,
)

if TYPE_CHECKING:
    from mlpcore.backends.cuda.choices import Choice
    from mlpcore.backends.cuda.table import Entry
    from mlpcore.backends.cuda.tuning import Measured, Plan
    from mlpcore.device import Device

NAME = "tune"
HELP = "measure on this GPU which kernels compute which layers, and use those from then on"

_DTYPES = ("float32", "float64")
_SIZES = (16, 64, 256, 1024, 4096)
_BATCHES = (16, 256, 4096)
_DISTRIBUTIONS = ("cupy", "cupy-cuda12x", "cupy-cuda13x", "numba-cuda", "nvidia-cublas")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``tune``."""
    add = parser.add_argument
    add(
        "--dtype",
        type=names,
        default=list(_DTYPES[:1]),
        metavar="NAME,...",
        help="float32, float64 or both (default: float32)",
    )
    add(
        "--sizes",
        type=widths,
        default=list(_SIZES),
        metavar="N,...",
        help="inputs and outputs of the layers, every pair of them; a layer takes the choice of "
        f"the nearest up to twice or half as wide (default: {','.join(map(str, _SIZES))})",
    )
    add(
        "--batch",
        type=widths,
        default=list(_BATCHES),
        metavar="N,...",
        help="batches that count, each the same: a choice does not depend on the batch "
        f"(default: {','.join(map(str, _BATCHES))})",
    )
    add(
        "--choices",
        type=names,
        metavar="NAME,...",
        help="what may be chosen: cublaslt, tiled, narrow, and cupy, with which the bits of a row "
        "may depend on its batch (default: the first three)",
    )
    add(
        "--rounds",
        type=whole_number(1),
        default=7,
        metavar="N",
        help="turns of each candidate, of which the median counts (default: %(default)s)",
    )
    add(
        "--output",
        metavar="FILE",
        help="where it goes; other GPUs in that file stay (default: MLPCORE_CUDA_TABLE, else "
        "cuda-table.json in the cache folder, where it is found again)",
    )
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Print a line for each product of a layer and write the file; return 1 if one was wrong.

    Raises
    ------
    UsageError, ValueError, OSError
        If an option is wrong or the file cannot be read or written; nothing has been measured then.
    DeviceUnavailableError
        If there is no GPU that can be used; the message says why.
    """
    plan = _plan(args)
    device = _gpu(args.device)
    path = _output(args.output)

    from mlpcore.backends.cuda import table_file
    from mlpcore.backends.cuda.tuning import entries

    gpu = _GPU(device)
    table_file.updated(path, gpu.model, {}, ())  # what is there can be kept
    print(f"mlpcore tune on {device}, {gpu.model.name}; microseconds, geometric mean over batches")
    print(_line("product", "dtype", "layer", [str(c) for c in plan.choices], "chosen"), flush=True)
    found = []
    for each in gpu.tune(plan):
        found.append(each)
        print(_row(each, plan.choices), flush=True)
    rows = [table_file.row(entry) | _times(entry, found) for entry in entries(found)]
    _write(path, table_file.updated(path, gpu.model, gpu.circumstances(plan), rows))
    print(f"written: {path}")
    if not table_file.is_read(path):
        print(f"models use it with {table_file.VARIABLE}={path}")
    return 1 if any(each.wrong for each in found) else 0


def _gpu(requested: str | None) -> "Device":
    """Return the GPU that is asked for; by default that of ``MLPCORE_DEVICE``, else the first."""
    from mlpcore.device import resolve

    request = requested or os.environ.get("MLPCORE_DEVICE") or "auto"
    if request == "auto" or (request == "cpu" and requested is None):
        request = "cuda"
    device = resolve(request)
    if device.kind != "cuda":
        raise UsageError(f"it measures a GPU, got --device {requested}")
    return device


def _plan(args: argparse.Namespace) -> "Plan":
    from mlpcore.backends.cuda.choices import Choice
    from mlpcore.backends.cuda.tuning import Plan

    require_known("--dtype", args.dtype, _DTYPES)
    for option, values in (("--sizes", args.sizes), ("--batch", args.batch)):
        if not values:
            raise UsageError(f"{option} takes numbers from 1 up, got nothing")
    given: dict[str, Any] = {}
    if args.choices is not None:
        require_known("--choices", args.choices, list(Choice))
        if set(args.choices) == {Choice.NARROW}:
            raise UsageError("--choices needs one besides narrow, which computes few layers")
        given["choices"] = [choice for choice in Choice if choice in args.choices]
    dtypes = [np.dtype(name) for name in dict.fromkeys(args.dtype)]
    sizes, batches = sorted(set(args.sizes)), sorted(set(args.batch))
    return Plan(dtypes, sizes, batches, rounds=args.rounds, **given)


def _output(requested: str | None) -> Path:
    """Return the file, in a folder that is there, after seeing that it can be written."""
    from mlpcore.backends.cuda.table_file import default_path

    if requested is not None:
        path = Path(requested)
    else:
        found = default_path()
        if found is None:
            raise UsageError("there is no home folder: --output says where the table goes")
        path = found
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_output(str(path))
    return path


class _GPU:
    """The GPU that is measured."""

    def __init__(self, device: "Device") -> None:
        from mlpcore.backends.cuda.gpu_model import model_of
        from mlpcore.backends.registry import backend

        self._backend = backend(device)  # CUDA starts here, and where it cannot it says why
        self._xp = self._backend.xp
        self.model = model_of(self._xp, device)

    def tune(self, plan: "Plan") -> Iterator["Measured"]:
        from mlpcore.backends.cuda.arithmetic import CUDAArithmetic
        from mlpcore.backends.cuda.timing import gpu_clock
        from mlpcore.backends.cuda.tuning import Tuner

        with self._backend.active():
            yield from Tuner(CUDAArithmetic(self._xp), plan, gpu_clock(self._xp)).run()

    def circumstances(self, plan: "Plan") -> dict[str, Any]:
        """Return what the times depend on besides the GPU."""
        from mlpcore.bench.machine import describe

        machine, runtime = describe(_DISTRIBUTIONS), self._xp.cuda.runtime
        versions = {name: found for name, found in machine["versions"].items() if found is not None}
        return {
            "date": machine["date"],
            "driver": int(runtime.driverGetVersion()),
            "runtime": int(runtime.runtimeGetVersion()),
            "versions": versions,
            "batches": list(plan.batches),
            "rounds": plan.rounds,
        }


def _row(measured: "Measured", choices: Sequence["Choice"]) -> str:
    from mlpcore.backends.cuda.timing import mean

    layer, times = measured.layer, measured.times
    cells = [
        f"{mean(times[choice]) * 1e6:.1f}"
        if choice in times
        else "wrong"
        if choice in measured.wrong
        else "refused"
        if choice in measured.refused
        else "-"
        for choice in choices
    ]
    size = f"{layer.inputs} -> {layer.outputs}"
    line = _line(measured.product, layer.dtype.name, size, cells, measured.chosen)
    reasons = {**measured.refused, **measured.wrong}
    return "\n".join([line, *(f"    {choice}: {reason}" for choice, reason in reasons.items())])


def _line(product: str, dtype: str, layer: str, cells: Sequence[str], chosen: str) -> str:
    columns = "".join(f"{cell:>11}" for cell in cells)
    return f"{product:<17}{dtype:<9}{layer:<14}{columns}  {chosen}"


def _times(entry: "Entry", measured: Sequence["Measured"]) -> dict[str, Any]:
    """Return the times that an entry comes from, in microseconds by product, choice and batch."""
    shape = entry.dtype, entry.inputs, entry.outputs
    return {
        "microseconds": {
            each.product.value: {
                choice.value: {str(n): round(t * 1e6, 3) for n, t in times.items()}
                for choice, times in each.times.items()
            }
            for each in measured
            if (each.layer.dtype.name, each.layer.inputs, each.layer.outputs) == shape
        }
    }


def _write(path: Path, content: str) -> None:
    from mlpcore.io.atomic import replacing

    with replacing(path) as file:
        file.write(content.encode())
