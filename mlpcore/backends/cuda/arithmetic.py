"""What plans on a GPU compute with: cuBLASLt, kernels of the library's own, and the reference."""

import functools
import logging
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, TypeGuard

import numpy as np

from mlpcore.backends.arithmetic import Reference
from mlpcore.backends.base import Run, Saved
from mlpcore.backends.cuda import norms, products
from mlpcore.backends.cuda.choices import Choices
from mlpcore.backends.cuda.table import DEFAULT, Table
from mlpcore.backends.fused_optimizer import FusedOptimizer, fused_optimizer
from mlpcore.kernels.cuda.activations import FORMULAS
from mlpcore.kernels.cuda.column_sums import column_sums
from mlpcore.kernels.cuda.dropout import dropout
from mlpcore.kernels.cuda.elementwise import activation_backward, activation_forward
from mlpcore.kernels.cuda.losses import NAMES, loss_and_gradient
from mlpcore.kernels.cuda.noise import add_noise
from mlpcore.kernels.cuda.optimizers import RULES
from mlpcore.kernels.cuda.optimizers.sweep import sweep
from mlpcore.kernels.cuda.rows import rows_backward, rows_forward
from mlpcore.kernels.reference.operation import Call, Operation
from mlpcore.kernels.reference.operations import Activation, Dropout, GaussianNoise
from mlpcore.nn import _loss_settings

_ROWS = ("softmax", "log_softmax")

_log = logging.getLogger("mlpcore")


class CUDAArithmetic(Reference):
    """Products, with the bias added in them, by what a table says; all else by one kernel each.

    Where cuBLASLt refuses, the tiled kernel multiplies; where numba-cuda is not installed, the
    reference computes what its kernels would.  Nothing here waits for the GPU or copies to the
    host, and what a kernel returns lies in the memory of CuPy's current pool.

    Parameters
    ----------
    xp : module
        CuPy.
    table : Table
        What computes which product on this device.
    """

    def __init__(self, xp: Any, table: Table = DEFAULT) -> None:
        self.xp = xp
        self.table = table
        self._settings: dict[tuple[Any, int, str], dict[str, Any]] = {}

    def affine(self, run: Run, weight: str, bias: str | None, x: Any) -> Any:
        """Return x Wᵀ + b: one launch."""
        W = run.parameters.views[weight]
        b = None if bias is None else run.parameters.views[bias]
        choice = self._choices(W).forward
        return products.affine(choice, self.xp.ascontiguousarray(x), W, b)

    def affine_gradient(
        self, xp: Any, run: Run, weight: str, bias: str | None, x: Any, dz: Any, *, need_dx: bool
    ) -> Any:
        """Write dW and db; return dx if it is needed."""
        x, dz = xp.ascontiguousarray(x), xp.ascontiguousarray(dz)
        W = run.parameters.views[weight]
        choices = self._choices(W)
        if bias is not None:
            self._sum_rows(xp, dz, run.gradients[bias])
        products.weight_gradient(choices.weight_gradient, dz, x, run.gradients[weight])
        return products.input_gradient(choices.input_gradient, dz, W) if need_dx else None

    def _choices(self, W: Any) -> Choices:
        outputs, inputs = W.shape
        return self.table.choices(W.dtype, inputs, outputs)

    def _sum_rows(self, xp: Any, dz: Any, db: Any) -> None:
        """Write the sum of `dz` over its rows, in the order in which the CPU adds."""
        if has_kernels():
            column_sums(dz, out=db)
        else:
            db[...] = xp.sum(dz, axis=0)

    def apply(self, operation: Operation, call: Call, x: Any) -> Any:
        """Return what the operation does."""
        if _drops(operation, call):
            return dropout(self.xp.ascontiguousarray(x), operation.rate, **call.drawing())
        if _is_noise(operation, call):
            return add_noise(self.xp.ascontiguousarray(x), operation.std, **call.drawing())
        if norms.normalises(operation) and has_kernels():
            return norms.forward(operation, call, self.xp.ascontiguousarray(x))
        activation = _with_kernel(operation)
        if activation is None:
            return super().apply(operation, call, x)
        z = self.xp.ascontiguousarray(x)
        if activation.name in _ROWS:
            a = rows_forward(activation.name, z)
        else:
            a = activation_forward(activation.name, z, setting=setting_of(activation))
        call.save(z=z, a=a)
        return a

    def saved(self, operation: Operation, rows: int, width: int, itemsize: int) -> Saved:
        """Return what the kernels leave, or else the operation."""
        if norms.normalises(operation) and has_kernels():
            return norms.saved(operation, rows, width, itemsize)
        return super().saved(operation, rows, width, itemsize)

    def differentiate(self, operation: Operation, call: Call, dy: Any) -> Any:
        """Return what the operation does."""
        if _drops(operation, call):
            return dropout(self.xp.ascontiguousarray(dy), operation.rate, **call.drawing())
        if norms.normalises(operation) and has_kernels():
            dy = self.xp.broadcast_to(dy, call.recall("x").shape)
            return norms.backward(operation, call, self.xp.ascontiguousarray(dy))
        activation = _with_kernel(operation)
        if activation is None:
            return super().differentiate(operation, call, dy)
        z, a = call.recall("z"), call.recall("a")
        da = self.xp.ascontiguousarray(self.xp.broadcast_to(dy, z.shape), dtype=z.dtype)
        if activation.name in _ROWS:
            return rows_backward(activation.name, a, da)
        kept = z if FORMULAS[activation.name].keeps == "z" else a
        return activation_backward(activation.name, kept, da, setting=setting_of(activation))

    def loss(self, xp: Any, loss: Any, z: Any, t: Any, sample_weight: Any) -> tuple[Any, Any]:
        """Return what the loss does: a 0-d array, for which nobody has waited, and dz."""
        by_row = sample_weight is None or sample_weight.ndim == 1
        if loss.custom is not None or loss.name not in NAMES or not by_row or not has_kernels():
            return super().loss(xp, loss, z, t, sample_weight)
        z = xp.ascontiguousarray(z)
        if not (loss.expects == "classes" and t.ndim == 1):
            t = xp.ascontiguousarray(t.reshape(z.shape), dtype=z.dtype)
        settings = self._settings_of(xp, loss, z)
        value, dz = loss_and_gradient(loss.name, z, t, sample_weight=sample_weight, **settings)
        return value, dz

    def _settings_of(self, xp: Any, loss: Any, z: Any) -> dict[str, Any]:
        """Return the settings of a loss, weights as arrays that crossed the bus once."""
        key = loss, z.shape[1], z.dtype.name
        found = self._settings.get(key)
        if found is None:
            found = _loss_settings.as_arrays(xp, dict(loss.settings), z)
            weight = found.get("pos_weight")
            if weight is not None and weight.ndim == 0:
                found["pos_weight"] = dict(loss.settings)["pos_weight"]
            self._settings[key] = found
        return found

    def update(
        self,
        xp: Any,
        optimizer: Any,
        p: Any,
        g: Any,
        moments: Mapping[str, Any],
        step: int,
        lr: float | None,
        *,
        decay: float = 0.0,
        decayed: Any = None,
    ) -> None:
        """Let the optimizer take a step, in one launch where there is a kernel.

        Where there is one, it may be told of an L2 penalty and of what decays, as `sweep` takes it.
        """
        rule = rule_of(optimizer)
        if rule is None:
            super().update(xp, optimizer, p, g, moments, step, lr)
            return
        if step < 1:
            raise ValueError(f"steps are counted from 1, got {step}")
        states = tuple(moments[name] for name in rule.state_names)
        numbers = rule.numbers(step, optimizer.lr if lr is None else float(lr))
        sweep(rule.kernel, p, g, states, numbers, decay=decay, decayed=decayed)


def rule_of(optimizer: Any) -> FusedOptimizer | None:
    """Return the kernel that takes the steps of an optimizer, or None if there is none."""
    rule = fused_optimizer(optimizer)
    return rule if rule is not None and rule.kernel in RULES and has_kernels() else None


@functools.cache
def has_kernels() -> bool:
    """Return whether numba-cuda is installed, which compiles the kernels; if not, say so once."""
    found = find_spec("numba_cuda") is not None
    if not found:
        _log.warning(
            "numba-cuda is not installed, so CuPy computes activations, losses and updates in "
            "several passes; pip install 'mlpcore[cuda13]' or 'mlpcore[cuda12]' installs it"
        )
    return found


def _drops(operation: Operation, call: Call) -> TypeGuard[Dropout]:
    """Return whether it is a dropout that drops something, and there is a kernel for it."""
    drops = type(operation) is Dropout and call.training and operation.rate > 0
    return drops and has_kernels()


def _is_noise(operation: Operation, call: Call) -> TypeGuard[GaussianNoise]:
    """Return whether it is noise that changes something, and there is a kernel for it."""
    noisy = type(operation) is GaussianNoise and call.training and operation.std > 0
    return noisy and has_kernels()


def _with_kernel(operation: Operation) -> Activation | None:
    """Return an activation for which there is a kernel, and which computes something."""
    if type(operation) is not Activation or operation.custom is not None:
        return None
    known = operation.name in _ROWS or operation.name in FORMULAS
    return operation if known and operation.name != "identity" and has_kernels() else None


@functools.lru_cache(maxsize=256)
def setting_of(activation: Activation) -> float:
    """Return the one setting of an activation that has one, else 0."""
    values = dict(activation.function.defaults) | dict(activation.settings)
    return float(np.float64(next(iter(values.values()), 0.0)))
