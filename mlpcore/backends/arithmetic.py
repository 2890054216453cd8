"""What a plan computes with wherever no engine has fused: whole arrays, one step after the other.

A backend hands an `Arithmetic` to the plans that it composes.  `Reference` is the one that runs on
any array namespace; a backend with kernels has its own, with the same results but for roundings.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from mlpcore.backends.base import Run, Saved
from mlpcore.kernels.reference.operation import Call, Operation
from mlpcore.kernels.reference.product import (
    product,
    product_input_gradient,
    product_weight_gradient,
)


class Arithmetic(Protocol):
    """The products and operations of a stage, the loss, and the update, each on whole arrays.

    Weights and biases go by their names in `Run.parameters` and `Run.gradients`, so that whoever
    keeps copies of them in another order knows which they are.
    """

    def affine(self, run: Run, weight: str, bias: str | None, x: Any) -> Any:
        """Return x Wᵀ + b, shape (rows, out), for `x`, shape (rows, in)."""

    def affine_gradient(
        self, xp: Any, run: Run, weight: str, bias: str | None, x: Any, dz: Any, *, need_dx: bool
    ) -> Any:
        """Write dW = dzᵀ x and db = Σ dz into ``run.gradients``; return dx = dz W if it is needed.

        `dz`, shape (rows, out), is the gradient of what `affine` returned for `x`.
        """

    def apply(self, operation: Operation, call: Call, x: Any) -> Any:
        """Return what ``operation.forward`` does; leave what `differentiate` needs."""

    def saved(self, operation: Operation, rows: int, width: int, itemsize: int) -> Saved:
        """Return what `apply` leaves in training for x of shape (rows, width)."""

    def differentiate(self, operation: Operation, call: Call, dy: Any) -> Any:
        """Return what ``operation.backward`` does; write and add what it does."""

    def loss(self, xp: Any, loss: Any, z: Any, t: Any, sample_weight: Any) -> tuple[Any, Any]:
        """Return the value of a validated `mlpcore.nn.losses.Loss`, and its gradient dz."""

    def update(
        self,
        xp: Any,
        optimizer: Any,
        p: Any,
        g: Any,
        moments: Mapping[str, Any],
        step: int,
        lr: float | None,
    ) -> None:
        """Let an `mlpcore.optim.Optimizer` take a step on the flat vector `p`, in place."""


class Reference:
    """The mathematics of the reference, on the namespace that the arrays belong to."""

    def affine(self, run: Run, weight: str, bias: str | None, x: Any) -> Any:
        """Return x Wᵀ + b."""
        z = product(x, run.parameters.views[weight])
        return z if bias is None else z + run.parameters.views[bias]

    def affine_gradient(
        self, xp: Any, run: Run, weight: str, bias: str | None, x: Any, dz: Any, *, need_dx: bool
    ) -> Any:
        """Write dW and db; return dx if it is needed."""
        if bias is not None:
            run.gradients[bias][...] = xp.sum(dz, axis=0)
        product_weight_gradient(xp, dz, x, run.gradients[weight])
        return product_input_gradient(dz, run.parameters.views[weight]) if need_dx else None

    def apply(self, operation: Operation, call: Call, x: Any) -> Any:
        """Return what the operation does."""
        return operation.forward(call, x)

    def saved(self, operation: Operation, rows: int, width: int, itemsize: int) -> Saved:
        """Return as many numbers as the operation says."""
        return Saved(operation.kept(rows, width, training=True) * itemsize)

    def differentiate(self, operation: Operation, call: Call, dy: Any) -> Any:
        """Return what the operation does."""
        return operation.backward(call, dy)

    def loss(self, xp: Any, loss: Any, z: Any, t: Any, sample_weight: Any) -> tuple[Any, Any]:
        """Return what the loss does."""
        value, dz = loss(xp, z, t, sample_weight)
        return value, dz

    def update(
        self,
        xp: Any,
        optimizer: Any,
        p: Any,
        g: Any,
        moments: Mapping[str, Any],
        step: int,
        lr: float | None,
    ) -> None:
        """Do what the optimizer does."""
        optimizer.update(xp, p, g, moments, step, lr)


REFERENCE = Reference()
"""Where a backend has nothing better."""
