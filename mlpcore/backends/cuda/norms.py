"""The layers that normalise, computed by the kernels of `mlpcore.kernels.cuda.norms`.

Like the compiled layers of the CPU they keep x, μ and 1 / √(σ² + ε) for the way back: n would be an
array to write and to read again, and is made of those by two operations.
"""

from typing import Any, TypeGuard

from mlpcore.backends.base import Saved
from mlpcore.kernels.cuda.norms import (
    batch_norm_backward,
    batch_norm_forward,
    layer_norm_backward,
    layer_norm_forward,
)
from mlpcore.kernels.reference.operation import Call, Operation
from mlpcore.kernels.reference.operations import BatchNorm, LayerNorm


def normalises(operation: Operation) -> TypeGuard[BatchNorm | LayerNorm]:
    """Return whether it is a layer that `forward` and `backward` know."""
    return type(operation) in (BatchNorm, LayerNorm)


def forward(operation: BatchNorm | LayerNorm, call: Call, x: Any) -> Any:
    """Return y for C-contiguous `x`; leave what `backward` needs.

    Raises
    ------
    ValueError
        If a batch norm in training gets fewer than two rows.
    """
    given = x, call.parameters["norm_scale"], call.parameters["norm_shift"]
    if isinstance(operation, LayerNorm):
        y, mean, inverse = layer_norm_forward(*given, eps=operation.eps)
    elif call.training and len(x) < 2:
        return operation.forward(call, x)  # which says what is wrong
    else:
        y, mean, inverse = batch_norm_forward(
            *given,
            call.state["running_mean"],
            call.state["running_variance"],
            eps=operation.eps,
            momentum=operation.momentum if call.training else None,
        )
    call.save(x=x, mean=mean, inverse=inverse)
    return y


def saved(operation: BatchNorm | LayerNorm, rows: int, width: int, itemsize: int) -> Saved:
    """Return what `forward` leaves for x of shape (rows, width): x, a mean, and 1 / √(σ² + ε)."""
    each = rows if isinstance(operation, LayerNorm) else width
    return Saved(2 * each * itemsize, own_input=True)


def backward(operation: BatchNorm | LayerNorm, call: Call, dy: Any) -> Any:
    """Write dscale and dshift and return dx for C-contiguous `dy`."""
    x, scale = call.recall("x"), call.parameters["norm_scale"]
    given = x, dy, scale, call.recall("mean"), call.recall("inverse")
    dscale, dshift = call.gradients["norm_scale"], call.gradients["norm_shift"]
    if isinstance(operation, LayerNorm):
        return layer_norm_backward(*given, dscale=dscale, dshift=dshift)
    return batch_norm_backward(*given, dscale=dscale, dshift=dshift, training=call.training)
