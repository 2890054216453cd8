r"""Adagrad: steps divided by the root of the sum of all squared gradients so far.

.. math::
    v_t = v_{t-1} + g_t^2, \qquad p_t = p_{t-1} - \eta \frac{g_t}{\sqrt{v_t + v_0} + \varepsilon}

J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and stochastic
optimization", JMLR 12 (2011), figure 1 with diagonal matrices; v₀ is what TensorFlow and PyTorch
call the initial value of the accumulator, kept apart so that every memory begins as zeros.
"""

from ..typing import Array, Namespace
from .memory import forget


def adagrad(
    xp: Namespace, p: Array, g: Array, v: Array, *, lr: float, eps: float, initial: float = 0.0
) -> None:
    """Write the next sum of squares into `v` and the next parameters into `p`.

    Parameters
    ----------
    xp : Namespace
        The array namespace.
    p, g : Array, shape (n,)
        Parameters and their gradient.
    v : Array, shape (n,)
        The sum of the squared gradients, zero before the first step.
    lr : float
        The learning rate η.
    eps : float
        What is added to the root, positive.
    initial : float
        v₀, what the sum of squares is thought to begin with, at least 0.
    """
    v += g * g
    forget(v)
    root = xp.sqrt(v + initial)
    root += eps
    p -= lr * (g / root)
