"""Which optimizers have a kernel, and the numbers that the kernel needs for a step.

They are recognised by the name of their class, exactly: what they are stands in a layer above the
backends, and a subclass may step otherwise than its parent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, TypeAlias

import numpy as np

Numbers: TypeAlias = tuple[float, ...]


@dataclass(frozen=True)
class FusedOptimizer:
    """The kernel that takes the steps of an optimizer.

    Attributes
    ----------
    kernel : str
        The name of the rule in ``kernels/cpu/optimizers`` and ``kernels/cuda/optimizers``.
    state_names : tuple of str
        What the optimizer calls the vectors of states, in the order of the kernel's arguments.
    numbers : callable
        ``numbers(step, lr)`` gives the settings behind the decay, as floats.
    """

    kernel: str
    state_names: tuple[str, ...]
    numbers: Callable[[int, float], Numbers]

    def settings(self, step: int, lr: float, dtype: Any, *, decay: float = 0.0) -> Any:
        """Return the settings of one step.

        Parameters
        ----------
        step : int
            The number of the step, from 1.
        lr : float
            The learning rate of this step.
        dtype : dtype
            float32 or float64, that of the parameters.
        decay : float, default 0
            The λ of an L2 penalty λ/2 ΣW² whose gradient λW the kernel adds; 0 adds nothing.

        Returns
        -------
        ndarray, shape (len(rule.settings),)
            What ``UpdateRule.settings`` lists, each computed in double precision and rounded once.

        Raises
        ------
        ValueError
            If `step` is not positive.
        """
        if step < 1:
            raise ValueError(f"steps are counted from 1, got {step}")
        with np.errstate(all="ignore"):  # a float may be too large or too small for float32
            return np.array((decay, *self.numbers(step, lr)), dtype=dtype)


def fused_optimizer(optimizer: Any) -> FusedOptimizer | None:
    """Return the kernel for an `mlpcore.optim.Optimizer`, or None if there is none.

    Parameters
    ----------
    optimizer : Optimizer
        One of the library's, or of a user's own.

    Returns
    -------
    FusedOptimizer or None
        None for any class but those of the library itself.
    """
    kind = type(optimizer)
    describe = _KNOWN.get(f"{kind.__module__}.{kind.__qualname__}")
    return None if describe is None else describe(optimizer)


def _sgd(optimizer: Any) -> FusedOptimizer:
    momentum = float(optimizer.momentum)
    if momentum == 0:
        return FusedOptimizer("sgd", (), lambda step, lr: (lr,))  # noqa: ARG005
    if optimizer.nesterov:
        return FusedOptimizer(
            "sgd_nesterov",
            ("v",),
            lambda step, lr: (lr, momentum, lr * momentum),  # noqa: ARG005
        )
    return FusedOptimizer("sgd_momentum", ("v",), lambda step, lr: (lr, momentum))  # noqa: ARG005


def _adam(optimizer: Any) -> FusedOptimizer:
    beta1, beta2, eps = (float(getattr(optimizer, name)) for name in ("beta1", "beta2", "eps"))

    def numbers(step: int, lr: float) -> Numbers:
        root_scale = 1.0 / sqrt(1.0 - beta2**step)
        change = lr / (1.0 - beta1**step)
        return (beta1, 1.0 - beta1, beta2, 1.0 - beta2, root_scale, eps, change)

    return FusedOptimizer("adam", ("m", "v"), numbers)


_KNOWN: Mapping[str, Callable[[Any], FusedOptimizer]] = {
    "mlpcore.optim.sgd.SGD": _sgd,
    "mlpcore.optim.adam.Adam": _adam,
}
