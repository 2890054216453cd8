"""Which GPU it is, as far as the choice of kernels is concerned."""

from dataclasses import dataclass
from typing import Any

from mlpcore.device import Device


@dataclass(frozen=True)
class GPUModel:
    """A kind of GPU.

    Attributes
    ----------
    name : str
        What the driver calls it, such as ``"NVIDIA H100 80GB HBM3"``.
    compute_capability : str
        Such as ``"9.0"``.
    """

    name: str
    compute_capability: str


def model_of(xp: Any, device: Device) -> GPUModel:
    """Return the model of a GPU, `xp` being CuPy."""
    found = xp.cuda.runtime.getDeviceProperties(device.index)
    name = found["name"]
    text = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    return GPUModel(text, f"{found['major']}.{found['minor']}")
