r"""AdamW: Adam with a weight decay that is not part of the gradient.

.. math::
    p_t = p_{t-1} - \eta \left(
        \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \varepsilon}
        + \lambda p_{t-1} \right)

with Adam's running means m and v.  I. Loshchilov and F. Hutter, "Decoupled weight decay
regularization", arXiv:1711.05101, algorithm 2.
"""

from ..typing import Array, Namespace
from .means import corrected_root, update_means


def adamw(
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
    weight_decay: float,
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
        What is added to the root, positive.
    weight_decay : float
        The share λ of each parameter that is taken away, times η.
    step : int
        The number t of this step, from 1.
    """
    update_means(g, m, v, beta1=beta1, beta2=beta2)
    change = m / corrected_root(xp, v, beta2=beta2, eps=eps, step=step)
    change *= lr / (1.0 - beta1**step)
    if weight_decay:
        change += (lr * weight_decay) * p
    p -= change
