r"""Adadelta: steps as large, in the parameter's own unit, as the steps before them.

.. math::
    v_t = \rho v_{t-1} + (1 - \rho) g_t^2, \qquad
    d_t = \frac{\sqrt{u_{t-1} + \varepsilon}}{\sqrt{v_t + \varepsilon}} g_t, \qquad
    u_t = \rho u_{t-1} + (1 - \rho) d_t^2, \qquad p_t = p_{t-1} - \eta d_t

M. D. Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701, algorithm 1, where η is
1.
"""

from ..typing import Array, Namespace
from .means import update_square


def adadelta(
    xp: Namespace, p: Array, g: Array, v: Array, u: Array, *, lr: float, rho: float, eps: float
) -> None:
    """Write the next running means into `v` and `u` and the next parameters into `p`.

    Parameters
    ----------
    xp : Namespace
        The array namespace.
    p, g : Array, shape (n,)
        Parameters and their gradient.
    v, u : Array, shape (n,)
        Running means of the squared gradient and of the squared step, zero before the first step.
    lr : float
        The factor η of each step.
    rho : float
        The share ρ of the running means that stays, in [0, 1).
    eps : float
        What is added below both roots, positive: with 0, nothing would ever move.
    """
    update_square(g, v, beta2=rho)
    change = xp.sqrt(u + eps)
    change /= xp.sqrt(v + eps)
    change *= g
    update_square(change, u, beta2=rho)
    p -= lr * change
