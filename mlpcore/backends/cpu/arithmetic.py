"""What plans on the CPU compute with outside the stages that the engine fuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpcore.backends.arithmetic import Reference
from mlpcore.backends.base import Run, Saved
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.backends.cpu.elementwise import Elementwise, elementwise
from mlpcore.backends.cpu.products import affine_layer
from mlpcore.kernels.reference.operation import Call, Operation
from mlpcore.kernels.reference.operations import Activation
from mlpcore.lazy_imports import lazy_module

if TYPE_CHECKING:
    from mlpcore.backends.cpu import flat_update, fused_loss, layers, loss_of_rows
    from mlpcore.backends.cpu.fused_loss import FusedLoss
    from mlpcore.backends.cpu.library import Library
else:  # what a prediction by the engine alone does not need
    flat_update = lazy_module("mlpcore.backends.cpu.flat_update")
    fused_loss = lazy_module("mlpcore.backends.cpu.fused_loss")
    layers = lazy_module("mlpcore.backends.cpu.layers")
    loss_of_rows = lazy_module("mlpcore.backends.cpu.loss_of_rows")


class CompiledArithmetic(Reference):
    """The compiled kernels, and the reference for what they do not compute.

    Parameters
    ----------
    dtype : dtype
        float32 or float64, that of the model.
    """

    def __init__(self, dtype: Any) -> None:
        self._dtype = np.dtype(dtype)
        self._losses: dict[tuple[Any, int, bool], FusedLoss | None] = {}
        self._libraries: dict[tuple[str, ...], Library] = {}

    def affine(self, run: Run, weight: str, bias: str | None, x: Any) -> Any:
        """Return x Wᵀ + b, with the canonical sum over the features."""
        return affine_layer(run, weight, bias).forward(run, x)

    def affine_gradient(
        self,
        xp: Any,  # noqa: ARG002
        run: Run,
        weight: str,
        bias: str | None,
        x: Any,
        dz: Any,
        *,
        need_dx: bool,
    ) -> Any:
        """Write dW and db, sums over blocks of 64 rows; return dx if it is needed."""
        return affine_layer(run, weight, bias).backward(run, x, dz, need_dx=need_dx)

    def apply(self, operation: Operation, call: Call, x: Any) -> Any:
        """Return what the operation does."""
        layer = layers.layer_kernels(operation, self._dtype)
        if layer is not None:
            return layer.forward(call, x)
        kernels = self._kernels(operation)
        if kernels is None:
            return super().apply(operation, call, x)
        z, a = kernels.forward(x)
        call.save(z=z, a=a)
        return a

    def saved(self, operation: Operation, rows: int, width: int, itemsize: int) -> Saved:
        """Return what the kernels leave, or else the operation."""
        found = layers.saved_by(operation, rows, width, itemsize)
        return super().saved(operation, rows, width, itemsize) if found is None else found

    def differentiate(self, operation: Operation, call: Call, dy: Any) -> Any:
        """Return what the operation does."""
        layer = layers.layer_kernels(operation, self._dtype)
        if layer is not None:
            return layer.backward(call, dy)
        kernels = self._kernels(operation)
        if kernels is None:
            return super().differentiate(operation, call, dy)
        return kernels.backward(call.recall("z"), call.recall("a"), dy)

    def _kernels(self, operation: Operation) -> Elementwise | None:
        if type(operation) is not Activation or operation.custom is not None:
            return None
        return elementwise(operation, self._dtype)

    def loss(self, xp: Any, loss: Any, z: Any, t: Any, sample_weight: Any) -> tuple[Any, Any]:
        """Return what the loss does, in the sums of a fused training step."""
        if loss.custom is None and z.dtype == self._dtype and len(z) > 0:
            fused = self._fused_loss(loss, z.shape[1], labels=t.ndim == 1)
            inputs = None if fused is None else fused.inputs(t, sample_weight)
            if inputs is not None:
                library = self._library("many", f"loss.{inputs.kernel}")
                if library is not None:
                    return loss_of_rows.loss_of_rows(library, inputs, z)
        return super().loss(xp, loss, z, t, sample_weight)

    def _library(self, *units: str) -> Library | None:
        """Return the kernels with these units loaded, asked for once."""
        found = self._libraries.get(units)
        if found is None:
            found = compiled(self._dtype, *units)
            if found is not None:
                self._libraries[units] = found
        return found

    def _fused_loss(self, loss: Any, features: int, *, labels: bool) -> FusedLoss | None:
        key = loss, features, labels
        if key not in self._losses:
            self._losses[key] = fused_loss.fused_loss(loss, features, self._dtype, labels=labels)
        return self._losses[key]

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
        """Let the optimizer take a step, in one sweep where there is a kernel."""
        fits = p.dtype == self._dtype
        taken = fits and flat_update.flat_update(optimizer, p, g, moments, step, lr, self._library)
        if not taken:
            super().update(xp, optimizer, p, g, moments, step, lr)
