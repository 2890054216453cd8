"""``mlpcore info``: what this installation finds on this machine."""

import argparse
import json
import os
from importlib import import_module
from typing import Any

from mlpcore.backends.cache_folder import cache_folder
from mlpcore.cli.options import add_device

NAME = "info"
HELP = "show versions, devices and why not, threads, instruction sets and the cache folder"

_DISTRIBUTIONS = (
    "llvmlite",
    "safetensors",
    "cupy",
    "cupy-cuda11x",
    "cupy-cuda12x",
    "cupy-cuda13x",
    "numba-cuda",
    "scikit-learn",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``info``."""
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Print what there is.

    Raises
    ------
    DeviceUnavailableError
        If the device that was asked for cannot be used; all the rest has been printed then.
    ValueError
        If a variable that limits the threads holds no number.
    """
    from mlpcore.device import DeviceUnavailableError, resolve

    try:
        chosen: str | DeviceUnavailableError = str(resolve(args.device))
    except DeviceUnavailableError as error:
        chosen = error
    report = _report(chosen)
    print(json.dumps(report, indent=1) if args.json else _text(report))
    if isinstance(chosen, DeviceUnavailableError):
        raise chosen
    return 0


def _report(chosen: Any) -> dict[str, Any]:
    from mlpcore.bench.machine import describe
    from mlpcore.device import devices

    machine, known = describe(_DISTRIBUTIONS), devices()
    versions = {name: found for name, found in machine["versions"].items() if found is not None}
    found = isinstance(chosen, str)
    return {
        "versions": versions | {"mlpcore": import_module("mlpcore").__version__},
        "system": machine["system"],
        "device": chosen if found else None,
        "device_problem": None if found else chosen.headline,
        "devices": [
            {
                "device": str(info.device),
                "available": info.available,
                "name": info.name,
                "reason": info.reason,
            }
            for info in known
        ],
        "kernel_table": _kernel_table(
            [info.name for info in known if info.available and info.device.kind == "cuda"]
        ),
        "threads": _threads(machine),
        "processor": machine["processor"],
        "instruction_sets": machine["instruction_sets"],
        "cache": _cache(),
    }


def _threads(machine: dict[str, Any]) -> dict[str, Any]:
    """Return the default number of threads, what limits it, and what binds."""
    from mlpcore.backends.cpu.threads import VARIABLES, default_num_threads, threads_from_variable

    limits = {"affinity": machine["affinity"], "cgroup_quota": machine["quota"]}
    limits |= {name: threads_from_variable(name, os.environ) for name in VARIABLES}
    default = default_num_threads()
    binding = [name for name, limit in limits.items() if limit == default]
    return {"default": default, "bound_by": binding, "limits": limits}


def _kernel_table(gpus: list[str]) -> dict[str, Any]:
    """Return what tells GPUs of these names which kernel computes which layer.

    ``file`` is None where the table that is built in does, and ``reason`` says why; ``layers`` has
    how many were measured on each; ``problem`` is why the file cannot be used, which is an error.
    """
    from mlpcore.backends.cuda.json_field import TableError
    from mlpcore.backends.cuda.table_file import default_path, in_use

    layers = dict.fromkeys(gpus, 0)
    try:
        path, reason, entries = in_use()
    except TableError as error:
        file = str(default_path())
        return {"file": file, "layers": layers, "problem": str(error), "reason": None}
    if path is None:
        return {"file": None, "layers": {}, "problem": None, "reason": reason}
    for model, known in entries.items():
        if model.name in layers:
            layers[model.name] += len(known)
    return {"file": str(path), "layers": layers, "problem": None, "reason": None}


def _cache() -> dict[str, Any]:
    folder = cache_folder()
    if folder is None:
        return {"folder": None, "exists": False}
    return {"folder": str(folder), "exists": folder.is_dir()}


def _text(report: dict[str, Any]) -> str:
    threads, cache = report["threads"], report["cache"]
    lines = [("versions", [f"{name} {version}" for name, version in report["versions"].items()])]
    lines.append(("system", [report["system"]]))
    lines.append(("processor", [report["processor"]]))
    lines.append(("instruction sets", [" ".join(report["instruction_sets"])]))
    lines.append(
        (
            "threads",
            [f"{threads['default']}, bound by {' and '.join(threads['bound_by'])}"]
            + [
                f"{name}: {'no limit' if limit is None else limit}"
                for name, limit in threads["limits"].items()
            ],
        )
    )
    lines.append(("devices", [_device_line(info) for info in report["devices"]]))
    lines.append(("default device", [report["device"] or f"none: {report['device_problem']}"]))
    lines.append(("kernels of a GPU", _table_lines(report["kernel_table"])))
    folder = cache["folder"] or "none, because there is no home folder"
    lines.append(
        ("cache folder", [folder if cache["exists"] else f"{folder} (nothing is cached yet)"])
    )
    return "\n".join(
        f"{heading if i == 0 else '':<18}{line}"
        for heading, entries in lines
        for i, line in enumerate(entries)
    )


def _table_lines(table: dict[str, Any]) -> list[str]:
    if table["file"] is None:
        return [f"by the table that is built in ({table['reason']})"]
    if table["problem"] is not None:
        return [f"no model can be made on a GPU: {table['problem']}"]
    return [f"by {table['file']}"] + [
        f"{name}: layers measured: {count}"
        if count
        else f"{name}: not measured, so by the table that is built in"
        for name, count in table["layers"].items()
    ]


def _device_line(info: dict[str, Any]) -> str:
    line = f"{info['device']}: {info['name']}"
    return line if info["available"] else f"{line}, not available: {info['reason']}"
