"""Dropout: the mask is drawn going forward and kept for the way back."""

from typing import Any

import numpy as np

from mlpcore.backends.base import Saved
from mlpcore.backends.cpu.layers.kernels import LayerKernels, addresses, place_in_stream
from mlpcore.kernels.cpu.layers.masks import PADDED
from mlpcore.kernels.reference.operation import Call
from mlpcore.kernels.reference.philox import WORD, threshold


class DropoutKernels(LayerKernels):
    """The bits of `kernels.reference.philox.dropout`, for one rate."""

    def __init__(self, operation: Any, dtype: np.dtype[Any], kernels: Any) -> None:
        super().__init__(operation, dtype, kernels)
        self._forward = kernels.function("dropout_forward")
        self._backward = kernels.function("dropout_backward")
        self._threshold = threshold(operation.rate)
        self._scale = 1.0 / (1.0 - operation.rate)

    def forward(self, call: Call, x: Any) -> Any:
        """Return y; save ``kept``, a byte for each element, its rows padded."""
        if not self._draws(call):
            return self._operation.forward(call, x)
        rows, columns = x.shape
        x = self.rows(x, columns)
        y = np.empty_like(x)
        kept = np.empty((rows, _padded(columns)), np.uint8)
        self._forward(
            *addresses(x, y, kept),
            *(rows, columns, *place_in_stream(call)),
            *(self._threshold, self._scale),
        )
        call.save(kept=kept[:, :columns])
        return y

    @staticmethod
    def saved(operation: Any, rows: int, width: int, itemsize: int) -> Saved:  # noqa: ARG004
        """Return the mask."""
        return Saved(rows * _padded(width) if _draws(operation) else 0)

    def backward(self, call: Call, dy: Any) -> Any:
        """Return dx."""
        if not self._draws(call):
            return self._operation.backward(call, dy)
        kept = call.recall("kept")
        dy = self.gradient(dy, kept.shape)
        dx = np.empty_like(dy)
        self._backward(*addresses(dy, dx, kept), *dy.shape, self._scale)
        return dx

    def _draws(self, call: Call) -> bool:
        return call.training and _draws(self._operation)


def _draws(operation: Any) -> bool:
    """Return whether it depends on a word: no word is as large as the threshold may be."""
    return operation.rate != 0 and threshold(operation.rate) <= WORD


def _padded(columns: int) -> int:
    return -(-columns // PADDED) * PADDED
