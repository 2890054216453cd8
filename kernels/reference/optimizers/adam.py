r"""Adam: steps scaled by running means of the gradient and of its square.

.. math::
    m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2

.. math::
    p_t = p_{t-1} - \eta \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \varepsilon}

D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", arXiv:1412.6980, algorithm 1.
"""

from ..typing import Array, Namespace
from .means import corrected_root, update_means


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
    update_means(g, m, v, beta1=beta1, beta2=beta2)
    change = m / corrected_root(xp, v, beta2=beta2, eps=eps, step=step)
    change *= lr / (1.0 - beta1**step)
    p -= change
