"""One step of each optimizer, in place on flat vectors, as the reference's functions take it."""

from __future__ import annotations

from math import sqrt
from typing import Any

from .sweep import sweep


def sgd(p: Any, g: Any, *, lr: float, decay: float = 0.0, decayed: Any = None) -> None:
    """Write p - η g into `p`.

    Parameters
    ----------
    p, g : cupy.ndarray, shape (n,)
        Parameters and their gradient.
    lr : float
        The learning rate η.
    decay, decayed
        An L2 penalty, as `sweep` takes it.
    """
    sweep("sgd", p, g, (), (lr,), decay=decay, decayed=decayed)


def sgd_momentum(
    p: Any,
    g: Any,
    v: Any,
    *,
    lr: float,
    momentum: float,
    nesterov: bool = False,
    decay: float = 0.0,
    decayed: Any = None,
) -> None:
    """Write the next velocity into `v` and the next parameters into `p`.

    Parameters
    ----------
    p, g, v : cupy.ndarray, shape (n,)
        Parameters, their gradient, and the velocity, zero before the first step.
    lr : float
        The learning rate η.
    momentum : float
        The share μ of the velocity that stays, in [0, 1).
    nesterov : bool
        Whether to step along g + μ v rather than v.
    decay, decayed
        An L2 penalty, as `sweep` takes it.
    """
    numbers = (lr, momentum, lr * momentum) if nesterov else (lr, momentum)
    name = "sgd_nesterov" if nesterov else "sgd_momentum"
    sweep(name, p, g, (v,), numbers, decay=decay, decayed=decayed)


def adam(
    p: Any,
    g: Any,
    m: Any,
    v: Any,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    step: int,
    decay: float = 0.0,
    decayed: Any = None,
) -> None:
    """Write the next running means into `m` and `v` and the next parameters into `p`.

    Parameters
    ----------
    p, g, m, v : cupy.ndarray, shape (n,)
        Parameters, their gradient, and the running means of it and of its square.
    lr : float
        The learning rate η.
    beta1, beta2 : float
        The shares of the running means that stay, in [0, 1).
    eps : float
        What is added to the root, positive.
    step : int
        The number t of this step, from 1.
    decay, decayed
        An L2 penalty, as `sweep` takes it.

    Raises
    ------
    ValueError
        If `step` is not positive.
    """
    if step < 1:
        raise ValueError(f"steps are counted from 1, got {step}")
    root_scale = 1.0 / sqrt(1.0 - beta2**step)
    change = lr / (1.0 - beta1**step)
    numbers = (beta1, 1.0 - beta1, beta2, 1.0 - beta2, root_scale, eps, change)
    sweep("adam", p, g, (m, v), numbers, decay=decay, decayed=decayed)
