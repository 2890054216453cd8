r"""RMSprop: steps divided by the root of a running mean of squared gradients.

.. math::
    v_t = \alpha v_{t-1} + (1 - \alpha) g_t^2, \qquad
    d_t = \frac{g_t}{\sqrt{v_t} + \varepsilon}

.. math::
    p_t = p_{t-1} - \eta \begin{cases} d_t \\
        b_t = \mu b_{t-1} + d_t & \text{with momentum} \end{cases}

G. Hinton, N. Srivastava and K. Swersky, "Neural networks for machine learning", lecture 6a (2012).
Centered, √(v - m²) stands in place of √v, where m = α m + (1 - α) g estimates the mean of the
gradient: A. Graves, "Generating sequences with recurrent neural networks", arXiv:1308.0850,
equations 38 to 41.  ε is added to the root, as in PyTorch; Graves and TensorFlow have it inside.

In exact arithmetic v ≥ m², since v - m² is a variance.  Computed as (√v - |m|)(√v + |m|), it does
not overflow where v does not, and what rounding makes negative is 0.
"""

from ..typing import Array, Namespace
from .means import update_mean, update_square
from .memory import forget


def rmsprop(
    xp: Namespace,
    p: Array,
    g: Array,
    v: Array,
    *,
    lr: float,
    alpha: float,
    eps: float,
    m: Array | None = None,
    b: Array | None = None,
    momentum: float = 0.0,
) -> None:
    """Write what is remembered next into `v`, `m` and `b` and the next parameters into `p`.

    Parameters
    ----------
    xp : Namespace
        The array namespace.
    p, g : Array, shape (n,)
        Parameters and their gradient.
    v : Array, shape (n,)
        The running mean of the squared gradient, zero before the first step.
    lr : float
        The learning rate η.
    alpha : float
        The share of the running means that stays, in [0, 1).
    eps : float
        What is added to the root, positive.
    m : Array, shape (n,), optional
        The running mean of the gradient, if the second moment is to be centered.
    b : Array, shape (n,), optional
        The velocity, if there is momentum.
    momentum : float
        The share μ of the velocity that stays, in [0, 1).
    """
    update_square(g, v, beta2=alpha)
    root = xp.sqrt(v)
    if m is not None:
        update_mean(g, m, beta1=alpha)
        size = abs(m)
        variance = (root - size) * (root + size)
        variance[variance < 0] = 0.0  # NaN stays
        root = xp.sqrt(variance)
    root += eps
    change = g / root
    if b is not None:
        b *= momentum
        b += change
        forget(b)
        change = b
    p -= lr * change
