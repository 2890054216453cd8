r"""Lion: steps of one length, along the signs of a running mean of the gradient.

.. math::
    p_t = p_{t-1} - \eta \left(
        \operatorname{sign}(\beta_1 m_{t-1} + (1 - \beta_1) g_t) + \lambda p_{t-1} \right), \qquad
    m_t = \beta_2 m_{t-1} + (1 - \beta_2) g_t

X. Chen et al., "Symbolic discovery of optimization algorithms", arXiv:2302.06675, algorithm 2.
"""

from ..typing import Array, Namespace
from .means import update_mean


def lion(
    xp: Namespace,
    p: Array,
    g: Array,
    m: Array,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    weight_decay: float,
) -> None:
    """Write the next running mean into `m` and the next parameters into `p`.

    Parameters
    ----------
    xp : Namespace
        The array namespace.
    p, g : Array, shape (n,)
        Parameters and their gradient.
    m : Array, shape (n,)
        The running mean of the gradient, zero before the first step.
    lr : float
        The learning rate η.
    beta1 : float
        The share of the mean in what gives the signs, in [0, 1).
    beta2 : float
        The share of the mean that stays, in [0, 1).
    weight_decay : float
        The share λ of each parameter that is taken away, times η.
    """
    change = xp.sign(beta1 * m + (1.0 - beta1) * g)
    if weight_decay:
        change += weight_decay * p
    change *= lr
    p -= change
    update_mean(g, m, beta1=beta2)
