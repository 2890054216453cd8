"""The file to attach to a bug report: versions, device, driver and every row."""

from collections.abc import Sequence
from typing import Any

from mlpcore import _driver
from mlpcore.bench.machine import describe
from mlpcore.device import devices
from mlpcore.selfcheck.outcome import Outcome
from mlpcore.selfcheck.place import Place

SCHEMA = "mlpcore.selfcheck/1"

_DISTRIBUTIONS = (
    "llvmlite",
    "safetensors",
    "cupy",
    "cupy-cuda12x",
    "cupy-cuda13x",
    "numba-cuda",
    "cuda-bindings",
    "nvidia-cublas",
    "nvidia-cublas-cu12",
    "nvidia-cuda-nvrtc",
    "nvidia-cuda-nvrtc-cu12",
)


def report(places: Sequence[Place], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return what is written as JSON.

    Parameters
    ----------
    places : sequence of Place
        Where the checks ran: one device, one dtype each.
    outcomes : sequence of Outcome
        What they found.

    Returns
    -------
    dict
        ``schema``, ``machine`` (with ``versions`` and ``date``), ``device``, ``devices``,
        ``driver``, ``gpu`` (None on the CPU), ``dtypes``, ``quick``, ``passed`` and ``rows``.
    """
    place = places[0]
    machine = describe(_DISTRIBUTIONS)
    versions = {name: found for name, found in machine["versions"].items() if found is not None}
    return {
        "schema": SCHEMA,
        "machine": machine | {"versions": versions},
        "device": str(place.device),
        "devices": [
            {"device": str(info.device), "name": info.name, "reason": info.reason}
            for info in devices()
        ],
        "driver": _driver_version(),
        "gpu": _gpu(place) if place.on_gpu else None,
        "dtypes": [each.dtype for each in places],
        "quick": place.quick,
        "passed": all(outcome.status != "failed" for outcome in outcomes),
        "rows": [outcome.as_dict() for outcome in outcomes],
    }


def _driver_version() -> str | None:
    """Return the CUDA version that the driver is for, or None without a driver."""
    try:
        return ".".join(map(str, _driver.probe().cuda))
    except _driver.DriverMissingError:
        return None


def _gpu(place: Place) -> dict[str, Any]:
    """Return what CUDA's runtime says of the GPU."""
    runtime = place.backend.xp.cuda.runtime
    found = runtime.getDeviceProperties(place.device.index)
    name = found["name"]
    return {
        "name": name.decode() if isinstance(name, bytes) else str(name),
        "compute_capability": f"{found['major']}.{found['minor']}",
        "multiprocessors": int(found["multiProcessorCount"]),
        "memory_bytes": int(found["totalGlobalMem"]),
        "runtime": int(runtime.runtimeGetVersion()),
        "driver": int(runtime.driverGetVersion()),
    }
