"""What all layers have in common."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from mlpcore.backends.base import Saved
from mlpcore.backends.cpu.array_cell import data_address
from mlpcore.backends.cpu.ready import ready
from mlpcore.kernels.reference.operation import Call


class LayerKernels(ABC):
    """The kernels of one operation.

    Parameters
    ----------
    operation : Operation
        What they compute.
    dtype : dtype
        float32 or float64.
    kernels : Kernels
        The unit of the operation's kind.
    """

    kernel_dtype: ClassVar[str | None] = None
    """The dtype in which the kernels compute, where it is not that of the model."""

    def __init__(self, operation: Any, dtype: np.dtype[Any], kernels: Any) -> None:  # noqa: ARG002
        self._operation = operation
        self._dtype = dtype

    @abstractmethod
    def forward(self, call: Call, x: Any) -> Any:
        """Return what the operation's forward does; leave what `backward` needs."""

    @staticmethod
    @abstractmethod
    def saved(operation: Any, rows: int, width: int, itemsize: int) -> Saved:
        """Return what `forward` leaves in training for x of shape (rows, width)."""

    @abstractmethod
    def backward(self, call: Call, dy: Any) -> Any:
        """Return dx for the gradient `dy`; write the parameters' gradients."""

    def rows(self, x: Any, features: int) -> Any:
        """Return `x`, shape (rows, features), as the kernels read it: rows without gaps.

        Raises
        ------
        ValueError
            If it has another shape; the kernels read what they are told to, unseen.
        """
        if x.ndim != 2 or x.shape[1] != features:
            raise ValueError(f"x has shape {x.shape}; expected (rows, {features})")
        return ready(x, self._dtype)

    def gradient(self, dy: Any, shape: tuple[int, ...]) -> Any:
        """Return `dy` likewise, which has the shape of what forward returned.

        Raises
        ------
        ValueError
            If it has not.
        """
        if dy.shape != shape:
            raise ValueError(f"dy has shape {dy.shape}; expected {shape}")
        return ready(dy, self._dtype)


def place_in_stream(call: Call) -> tuple[int, int, int, int]:
    """Return first row, seed, step and layer of what a call draws, as the kernels take them."""
    at = call.drawing()
    return at["first_row"], at["seed"], at["step"], at["layer"]


def addresses(*arrays: Any) -> list[int]:
    """Return where arrays lie."""
    return [data_address(array) for array in arrays]
