"""Batch normalisation, with the batch's statistics and with running ones."""

from typing import Any

import numpy as np

from mlpcore.backends.base import Saved
from mlpcore.backends.cpu.layers.kernels import LayerKernels, addresses
from mlpcore.kernels.reference.operation import Call


def told(operation: Any, rows: int) -> tuple[float, ...]:
    """Return what kernels are told of a batch of `rows` rows, in the order of their `SETTINGS`."""
    momentum = operation.momentum
    return rows, operation.eps, 1 - momentum, momentum, rows / (rows - 1)


class BatchNormKernels(LayerKernels):
    """One momentum and ε."""

    def __init__(self, operation: Any, dtype: np.dtype[Any], kernels: Any) -> None:
        super().__init__(operation, dtype, kernels)
        self._told: tuple[int, Any] = 0, None
        names = ("forward", "backward", "fixed_forward", "fixed_backward")
        self._forward, self._backward, self._fixed_forward, self._fixed_backward = (
            kernels.function(f"batch_norm_{name}") for name in names
        )

    def forward(self, call: Call, x: Any) -> Any:
        """Return y; save x, and mean and 1 / √(σ² + ε) of each column."""
        if call.training and len(x) < 2:
            return self._operation.forward(call, x)  # which says what is wrong
        own, running = call.parameters, call.state
        scale, shift = own["norm_scale"], own["norm_shift"]
        x = self.rows(x, len(scale))
        y, inverse = np.empty_like(x), np.empty_like(scale)
        given = x, y, scale, shift
        follow = running["running_mean"], running["running_variance"]
        if call.training:
            mean = np.empty_like(inverse)
            settings = self._settings(len(x))
            self._forward(
                *addresses(*given, mean, inverse, *follow), *x.shape, *addresses(settings)
            )
        else:
            mean = follow[0].copy()
            self._fixed_forward(*addresses(*given, *follow, inverse), *x.shape, self._operation.eps)
        call.save(x=x, mean=mean, inverse=inverse)
        return y

    @staticmethod
    def saved(operation: Any, rows: int, width: int, itemsize: int) -> Saved:  # noqa: ARG004
        """Return x, and mean and 1 / √(σ² + ε) of each column."""
        return Saved(2 * width * itemsize, own_input=True)

    def _settings(self, rows: int) -> Any:
        """Return what the kernel is told, in the order of its `SETTINGS`."""
        known, settings = self._told
        if known != rows:  # hardly ever: batches are of one size but for the last
            settings = np.array(told(self._operation, rows), self._dtype)
            self._told = rows, settings
        return settings

    def backward(self, call: Call, dy: Any) -> Any:
        """Write dscale and dshift and return dx."""
        x, mean, inverse = call.recall("x"), call.recall("mean"), call.recall("inverse")
        dy = self.gradient(dy, x.shape)
        dx = np.empty_like(dy)
        scale, own = call.parameters["norm_scale"], call.gradients
        given = x, dy, dx, scale, mean, inverse, own["norm_scale"], own["norm_shift"]
        places = addresses(*given)
        if call.training:
            self._backward(*places, *dy.shape, len(dy))
        else:
            self._fixed_backward(*places, *dy.shape)
        return dx
