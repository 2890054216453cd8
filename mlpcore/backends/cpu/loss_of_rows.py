"""A loss of logits that lie row after row, by the kernels of training steps.

The kernels read panels, so rows are turned into panels and back, a few hundred at a time.  A row is
computed as it is in a whole training step, and the rows' losses are summed as they are there: the
bits are the same.
"""

from typing import Any

import numpy as np

from mlpcore.backends.cpu.array_cell import data_address
from mlpcore.backends.cpu.fused_loss import LossInputs
from mlpcore.backends.cpu.library import Library
from mlpcore.backends.cpu.network_table import aligned
from mlpcore.backends.cpu.ready import contiguous_rows

_VECTORS = 17
"""Vectors of rows in a panel: odd, so that its features do not share few sets of the cache."""


def loss_of_rows(library: Library, inputs: LossInputs, z: Any) -> tuple[Any, Any]:
    """Return the loss of the logits `z`, and its gradient dz.

    Parameters
    ----------
    library : Library
        The kernels, of the dtype of `z`.
    inputs : LossInputs
        What the loss is given besides the logits.
    z : ndarray, shape (rows, features)
        The logits.
    """
    z = contiguous_rows(z)
    rows, features = z.shape
    lanes = library.isa.vector_bytes // z.itemsize
    width = lanes * min(_VECTORS, -(-rows // lanes))
    panel = aligned(features * width, z.dtype)
    losses, dz = np.empty(rows, z.dtype), np.empty((rows, features), z.dtype)
    turn, kernels = library.kernels("many"), library.kernels(f"loss.{inputs.kernel}")
    into, back = turn.function("into_panel"), turn.function("from_panel")
    kernel, total = kernels.function(inputs.kernel), kernels.function("sum_blocks")
    at, stride = data_address(panel), z.strides[0] // z.itemsize if rows > 1 else features
    targets, settings = data_address(inputs.targets), data_address(inputs.settings)
    for start in range(0, rows, width):
        there = min(width, rows - start)
        into(
            data_address(z) + start * stride * z.itemsize, stride, there, features, at, width, 0, 0
        )
        kernel(
            at,
            at,
            targets + start * inputs.targets.strides[0],
            inputs.target_stride,
            data_address(inputs.weights) + start * z.itemsize,
            data_address(losses) + start * z.itemsize,
            features,
            width,
            there,
            settings,
        )
        back(at, width, there, features, data_address(dz) + start * dz.strides[0], features)
    return z.dtype.type(total(data_address(losses), rows)), dz
