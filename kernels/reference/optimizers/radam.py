r"""RAdam: Adam that divides by its second mean only once that is known well enough.

.. math::
    \rho_\infty = \frac{2}{1 - \beta_2} - 1, \qquad
    \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t}, \qquad
    r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \rho_\infty}
                     {(\rho_\infty - 4)(\rho_\infty - 2) \rho_t}}

.. math::
    p_t = p_{t-1} - \eta \left( \frac{1}{1 - \beta_1^t} \begin{cases}
        r_t \sqrt{1 - \beta_2^t} \, m_t / (\sqrt{v_t} + \varepsilon) & \rho_t > 5 \\
        m_t & \text{otherwise} \end{cases} + \lambda p_{t-1} \right)

with Adam's running means m and v.  L. Liu et al., "On the variance of the adaptive learning rate
and beyond", arXiv:1908.03265, algorithm 2, which has no ε and begins at ρ > 4; 5 is what its
authors' own code and PyTorch have, and PyTorch puts ε here.  The decay λ is that of AdamW.
"""

from math import sqrt

from ..typing import Array, Namespace
from .means import update_means


def rectification(step: int, *, beta2: float) -> float:
    """Return rₜ √(1 - β₂ᵗ), or 0 where the second mean is not used yet.

    Parameters
    ----------
    step : int
        The number t of the step, from 1.
    beta2 : float
        The share of the second mean that stays, in [0, 1).
    """
    most, kept = 2.0 / (1.0 - beta2) - 1.0, beta2**step
    length = most - 2.0 * step * kept / (1.0 - kept)
    if not length > 5.0:
        return 0.0
    variance = (length - 4.0) * (length - 2.0) * most
    variance /= (most - 4.0) * (most - 2.0) * length
    return sqrt(variance) * sqrt(1.0 - kept)


def radam(
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
    correction = 1.0 / (1.0 - beta1**step)
    rectified = rectification(step, beta2=beta2)
    if rectified:
        root = xp.sqrt(v)
        root += eps
        change = m / root
        change *= rectified * correction
    else:
        change = m * correction
    if weight_decay:
        change += weight_decay * p
    change *= lr
    p -= change
