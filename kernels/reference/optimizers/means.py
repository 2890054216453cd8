"""Running means of a gradient and of its square, which several optimizers divide by each other."""

from math import sqrt

from ..typing import Array, Namespace
from .memory import forget


def update_means(g: Array, m: Array, v: Array, *, beta1: float, beta2: float) -> None:
    """Write β₁ m + (1 - β₁) g into `m` and β₂ v + (1 - β₂) g² into `v`.

    Parameters
    ----------
    g : Array, shape (n,)
        The gradient.
    m, v : Array, shape (n,)
        The means, zero before the first step.
    beta1, beta2 : float
        The shares of the means that stay, in [0, 1).
    """
    update_mean(g, m, beta1=beta1)
    update_square(g, v, beta2=beta2)


def update_mean(g: Array, m: Array, *, beta1: float) -> None:
    """Write β₁ m + (1 - β₁) g into `m`."""
    m *= beta1
    m += (1.0 - beta1) * g
    forget(m)


def update_square(g: Array, v: Array, *, beta2: float) -> None:
    """Write β₂ v + (1 - β₂) g² into `v`."""
    v *= beta2
    square = g * g
    square *= 1.0 - beta2
    v += square
    forget(v)


def corrected_root(xp: Namespace, v: Array, *, beta2: float, eps: float, step: int) -> Array:
    """Return √v̂ + ε, where v̂ = v / (1 - β₂ᵗ) is the mean without the zero that it began with."""
    root: Array = xp.sqrt(v)
    root /= sqrt(1.0 - beta2**step)
    root += eps
    return root
