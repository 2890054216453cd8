r"""Adam: steps scaled by running means of the gradient and of its square.

.. math::
    m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2

.. math::
    p_t = p_{t-1} - \eta \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \varepsilon}

D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", arXiv:1412.6980, algorithm 1.
"""

from math import sqrt

from ..typing import Array, Namespace
from .memory import forget


def adam(
    xp: Namespace,
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    step: int,
) -> None:
    """Write the next running means into `m` and `v` and the next parameters into `p`.

    Parameters
    ----------
    xp : Namespace
        The array namespace.
    p, g : Array, shape (n,)
        Parameters and their gradient.
    m, v : Array, shape (n,)
        Running means of the gradient and of its square, zero before the first step.
    lr : float
        The learning rate η.
    beta1, beta2 : float
        The shares of the running means that stay, in [0, 1).
    eps : float
        What is added to the root; positive, since 0 / 0 would come of a gradient that is always
        zero.
    step : int
        The number t of this step, from 1.
    """
    m *= beta1
    m += (1.0 - beta1) * g
    v *= beta2
    square = g * g
    square *= 1.0 - beta2
    v += square
    forget(m)
    forget(v)
    denominator = xp.sqrt(v)
    denominator /= sqrt(1.0 - beta2**step)
    denominator += eps
    change = m / denominator
    change *= lr / (1.0 - beta1**step)
    p -= change
