r"""Gradient descent, plain and with momentum.

.. math::
    v_t = \mu v_{t-1} + g_t, \qquad
    p_t = p_{t-1} - \eta \begin{cases} v_t & \text{heavy ball} \\ g_t + \mu v_t & \text{Nesterov}
    \end{cases}

Heavy ball: B. T. Polyak (1964), doi:10.1016/0041-5553(64)90137-5.  Nesterov's in the form of I.
Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and momentum in
deep learning", ICML 2013, after the change of variables that makes p the point where the gradient
is taken (Y. Bengio, N. Boulanger-Lewandowski and R. Pascanu, arXiv:1212.0901, equation 7), with the
learning rate outside v, as in PyTorch.
"""

from ..typing import Array
from .memory import forget


def sgd(p: Array, g: Array, *, lr: float) -> None:
    """Write p - η g into `p`.

    Parameters
    ----------
    p, g : Array, shape (n,)
        Parameters and their gradient.
    lr : float
        The learning rate η.
    """
    p -= lr * g


def sgd_momentum(
    p: Array, g: Array, v: Array, *, lr: float, momentum: float, nesterov: bool = False
) -> None:
    """Write the next velocity into `v` and the next parameters into `p`.

    Parameters
    ----------
    p, g : Array, shape (n,)
        Parameters and their gradient.
    v : Array, shape (n,)
        The velocity, zero before the first step.
    lr : float
        The learning rate η.
    momentum : float
        The share μ of the velocity that stays, in [0, 1).
    nesterov : bool
        Whether to step along g + μ v rather than v.
    """
    v *= momentum
    v += g
    forget(v)
    step = v * (lr * momentum) if nesterov else v * lr
    if nesterov:
        step += lr * g
    p -= step
