"""Where a check computes: a device, a dtype, and how many shapes it goes through."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlpcore.backends.base import Backend
from mlpcore.backends.registry import backend
from mlpcore.device import Device
from mlpcore.model import MLP


@dataclass(frozen=True)
class Place:
    """A device and a dtype.

    Attributes
    ----------
    device : Device
        Where models are made.
    dtype : str
        ``"float32"`` or ``"float64"``.
    quick : bool
        Whether to leave out what takes long.
    """

    device: Device
    dtype: str
    quick: bool = False

    @property
    def backend(self) -> Backend:
        """The backend of the device."""
        return backend(self.device)

    @property
    def on_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.kind == "cuda"

    def active(self) -> AbstractContextManager[Any]:
        """Return a context in which arrays are made on the device."""
        return self.backend.active()

    def model(self, sizes: Sequence[int], activation: Any = "relu", **options: Any) -> MLP:
        """Return a model here, with biases that are not zero."""
        made = MLP(list(sizes), activation, dtype=self.dtype, device=self.device, seed=0, **options)
        rng = np.random.default_rng(1)
        values = {
            name: rng.standard_normal(value.shape)
            for name, value in host_parameters(made).items()
            if name.endswith("bias")
        }
        if values:
            made.set_parameters(host_parameters(made) | values)
        return made

    def identity(self, width: int, **options: Any) -> MLP:
        """Return a model of one layer whose z is x, with every bit: W is the identity and b zero.

        Each product is with 0 or 1, and zeros are added to it: nothing is rounded.
        """
        made = MLP([width, width], dtype=self.dtype, device=self.device, seed=0, **options)
        values = {"layers.0.weight": np.eye(width), "layers.0.bias": np.zeros(width)}
        made.set_parameters(values)
        return made

    def random(self, *shape: int, seed: int = 2, scale: float = 1.0) -> Any:
        """Return normal numbers in host memory, in the dtype of the place."""
        numbers = np.random.default_rng((seed, *shape)).standard_normal(shape)
        return (numbers * scale).astype(self.dtype)

    def labels(self, rows: int, classes: int) -> Any:
        """Return random class labels in host memory."""
        return np.random.default_rng((3, rows, classes)).integers(0, classes, rows)


def host_parameters(model: MLP) -> dict[str, Any]:
    """Return copies of the parameters of `model` as NumPy arrays in its dtype, by name."""
    return {name: np.array(value) for name, value in model.to("cpu").parameters().items()}


def wide(array: Any) -> Any:
    """Return `array` in float64."""
    return np.asarray(array, np.float64)
