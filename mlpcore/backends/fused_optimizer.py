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

from mlpcore.kernels.reference.optimizers.nadam import momentum_shares
from mlpcore.kernels.reference.optimizers.radam import rectification

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
    decoupled : bool, default False
        Whether the last of the numbers is a decay of the optimizer's own, for weights alone: biases
        and parameters of normalisation are stepped with 0 in its place.
    """

    kernel: str
    state_names: tuple[str, ...]
    numbers: Callable[[int, float], Numbers]
    decoupled: bool = False

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

    def exempt(self, settings: Any) -> Any:
        """Return settings for biases beside those of weights; the same where nothing decays."""
        if settings[0] == 0 and not self.decoupled:
            return settings
        plain = settings.copy()
        plain[0] = 0
        if self.decoupled:
            plain[-1] = 0
        return plain


def fused_optimizer(optimizer: Any) -> FusedOptimizer | None:
    """Return the kernel for an `mlpcore.optim.Optimizer`, or None if there is none.

    Parameters
    ----------
    optimizer : Optimizer
        One of the library's, or of a user's own.

    Returns
    -------
    FusedOptimizer or None
        None for any class but those of the library itself, and for settings without a kernel.
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
    beta1, beta2, eps = _means(optimizer)
    return FusedOptimizer("adam", ("m", "v"), _adam_numbers(beta1, beta2, eps))


def _adamw(optimizer: Any) -> FusedOptimizer:
    beta1, beta2, eps = _means(optimizer)
    adam, decay = _adam_numbers(beta1, beta2, eps), float(optimizer.weight_decay)

    def numbers(step: int, lr: float) -> Numbers:
        return (*adam(step, lr), decay * (1.0 - beta1**step))

    return FusedOptimizer("adamw", ("m", "v"), numbers, decoupled=True)


def _nadam(optimizer: Any) -> FusedOptimizer:
    beta1, beta2, eps = _means(optimizer)
    growth, decay = float(optimizer.momentum_decay), float(optimizer.weight_decay)
    same = (beta1, 1.0 - beta1, beta2, 1.0 - beta2)

    def numbers(step: int, lr: float) -> Numbers:
        shares = momentum_shares(step, beta1=beta1, momentum_decay=growth)
        return (*same, _root_scale(beta2, step), eps, *shares, lr, decay)

    return FusedOptimizer("nadam", ("m", "v"), numbers, decoupled=True)


def _radam(optimizer: Any) -> FusedOptimizer:
    beta1, beta2, eps = _means(optimizer)
    decay = float(optimizer.weight_decay)
    same = (beta1, 1.0 - beta1, beta2, 1.0 - beta2, eps)

    def numbers(step: int, lr: float) -> Numbers:
        rectified = rectification(step, beta2=beta2)
        return (*same, rectified, (rectified or 1.0) / (1.0 - beta1**step), lr, decay)

    return FusedOptimizer("radam", ("m", "v"), numbers, decoupled=True)


def _means(optimizer: Any) -> tuple[float, float, float]:
    return float(optimizer.beta1), float(optimizer.beta2), float(optimizer.eps)


def _adam_numbers(beta1: float, beta2: float, eps: float) -> Callable[[int, float], Numbers]:
    same = (beta1, 1.0 - beta1, beta2, 1.0 - beta2)

    def numbers(step: int, lr: float) -> Numbers:
        return (*same, _root_scale(beta2, step), eps, lr / (1.0 - beta1**step))

    return numbers


def _root_scale(beta2: float, step: int) -> float:
    return 1.0 / sqrt(1.0 - beta2**step)


def _rmsprop(optimizer: Any) -> FusedOptimizer | None:
    alpha, eps, momentum = (float(getattr(optimizer, n)) for n in ("alpha", "eps", "momentum"))
    same, centered = (alpha, 1.0 - alpha, eps), optimizer.centered
    if momentum == 0:
        kernel, states = ("rmsprop_centered", ("v", "m")) if centered else ("rmsprop", ("v",))
        return FusedOptimizer(kernel, states, lambda step, lr: (*same, lr))  # noqa: ARG005
    if centered:
        return None  # a kernel remembers two vectors at most
    return FusedOptimizer(
        "rmsprop_momentum",
        ("v", "b"),
        lambda step, lr: (*same, momentum, lr),  # noqa: ARG005
    )


def _adagrad(optimizer: Any) -> FusedOptimizer:
    initial, eps = float(optimizer.initial), float(optimizer.eps)
    return FusedOptimizer("adagrad", ("v",), lambda step, lr: (initial, eps, lr))  # noqa: ARG005


def _adadelta(optimizer: Any) -> FusedOptimizer:
    rho, eps = float(optimizer.rho), float(optimizer.eps)
    return FusedOptimizer(
        "adadelta",
        ("v", "u"),
        lambda step, lr: (rho, 1.0 - rho, eps, lr),  # noqa: ARG005
    )


def _lion(optimizer: Any) -> FusedOptimizer:
    beta1, beta2, decay = (float(getattr(optimizer, n)) for n in ("beta1", "beta2", "weight_decay"))
    same = (beta1, 1.0 - beta1, beta2, 1.0 - beta2)
    return FusedOptimizer(
        "lion",
        ("m",),
        lambda step, lr: (*same, lr, decay),  # noqa: ARG005
        decoupled=True,
    )


_KNOWN: Mapping[str, Callable[[Any], FusedOptimizer | None]] = {
    "mlpcore.optim.sgd.SGD": _sgd,
    "mlpcore.optim.adam.Adam": _adam,
    "mlpcore.optim.adamw.AdamW": _adamw,
    "mlpcore.optim.nadam.NAdam": _nadam,
    "mlpcore.optim.radam.RAdam": _radam,
    "mlpcore.optim.rmsprop.RMSprop": _rmsprop,
    "mlpcore.optim.adagrad.Adagrad": _adagrad,
    "mlpcore.optim.adadelta.Adadelta": _adadelta,
    "mlpcore.optim.lion.Lion": _lion,
}
