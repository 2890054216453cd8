"""Normal noise, drawn in float64 whatever the dtype of the model."""

from typing import Any

import numpy as np

from mlpcore.backends.base import Saved
from mlpcore.backends.cpu.layers.kernels import LayerKernels, addresses, place_in_stream
from mlpcore.kernels.reference.operation import Call


class GaussianNoiseKernels(LayerKernels):
    """One standard deviation."""

    kernel_dtype = "float64"

    def __init__(self, operation: Any, dtype: np.dtype[Any], kernels: Any) -> None:
        super().__init__(operation, dtype, kernels)
        self._draw = kernels.function("normal_numbers")

    def forward(self, call: Call, x: Any) -> Any:
        """Return x + std ξ."""
        std = self._operation.std
        if not call.training or std == 0:
            return x
        x = self.rows(x, x.shape[1])
        noise = np.empty(x.shape)
        self._draw(*addresses(noise), *x.shape, *place_in_stream(call), std)
        return x + noise.astype(x.dtype, copy=False)

    @staticmethod
    def saved(operation: Any, rows: int, width: int, itemsize: int) -> Saved:  # noqa: ARG004
        """Return nothing: dx = dy."""
        return Saved()

    def backward(self, call: Call, dy: Any) -> Any:  # noqa: ARG002
        """Return dx = dy."""
        return dy
