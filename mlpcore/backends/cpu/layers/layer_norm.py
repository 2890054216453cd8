"""Layer normalisation: the bits of a row do not depend on the others."""

from typing import Any

import numpy as np

from mlpcore.backends.base import Saved
from mlpcore.backends.cpu.layers.kernels import LayerKernels, addresses
from mlpcore.kernels.reference.operation import Call


class LayerNormKernels(LayerKernels):
    """One ε."""

    def __init__(self, operation: Any, dtype: np.dtype[Any], kernels: Any) -> None:
        super().__init__(operation, dtype, kernels)
        self._forward, self._backward, self._parameters = (
            kernels.function(f"layer_norm_{part}") for part in ("forward", "backward", "parameters")
        )

    def forward(self, call: Call, x: Any) -> Any:
        """Return y; save x, and mean and 1 / √(σ² + ε) of each row."""
        scale, shift = call.parameters["norm_scale"], call.parameters["norm_shift"]
        x = self.rows(x, len(scale))
        y = np.empty_like(x)
        mean, inverse = np.empty(len(x), x.dtype), np.empty(len(x), x.dtype)
        places = addresses(x, y, scale, shift, mean, inverse)
        self._forward(*places, *x.shape, x.shape[1], self._operation.eps)
        call.save(x=x, mean=mean, inverse=inverse)
        return y

    @staticmethod
    def saved(operation: Any, rows: int, width: int, itemsize: int) -> Saved:  # noqa: ARG004
        """Return x, and mean and 1 / √(σ² + ε) of each row."""
        return Saved(2 * rows * itemsize, own_input=True)

    def backward(self, call: Call, dy: Any) -> Any:
        """Write dscale and dshift and return dx."""
        x, mean, inverse = call.recall("x"), call.recall("mean"), call.recall("inverse")
        dy = self.gradient(dy, x.shape)
        dx = np.empty_like(dy)
        scale, own = call.parameters["norm_scale"], call.gradients
        gradients = own["norm_scale"], own["norm_shift"]
        self._parameters(*addresses(x, dy, mean, inverse, *gradients), *dy.shape)
        self._backward(*addresses(x, dy, dx, scale, mean, inverse), *dy.shape, dy.shape[1])
        return dx
