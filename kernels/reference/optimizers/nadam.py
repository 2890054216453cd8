r"""NAdam: Adam that looks ahead along its running mean, as Nesterov's momentum does.

.. math::
    \mu_t = \beta_1 \left(1 - \tfrac{1}{2} \, 0.96^{\psi t}\right), \qquad
    \Pi_t = \prod_{i=1}^{t} \mu_i

.. math::
    p_t = p_{t-1} - \eta \left(
        \frac{\frac{1 - \mu_t}{1 - \Pi_t} g_t + \frac{\mu_{t+1}}{1 - \Pi_{t+1}} m_t}
             {\sqrt{v_t / (1 - \beta_2^t)} + \varepsilon}
        + \lambda p_{t-1} \right)

with Adam's running means m and v.  T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016
workshop, algorithm 2 with the schedule of μ of its section 3.1 (ψ = 0.004), m taken with the
constant β₁, as in PyTorch.  The decay λ is that of AdamW.
"""

from functools import lru_cache

from ..typing import Array, Namespace
from .means import corrected_root, update_means

_NO_MORE = 2.0**-60
"""1 minus less than this is 1 in double precision."""

_MOST = 100_000
"""Of so many factors μ, either the product is no more, or 0.96^ψt is, and the rest are β₁."""


def momentum(step: int, *, beta1: float, momentum_decay: float) -> float:
    """Return μ of step number `step`."""
    return float(beta1 * (1.0 - 0.5 * 0.96 ** (momentum_decay * step)))


def momentum_product(step: int, *, beta1: float, momentum_decay: float) -> float:
    """Return the product Π of the μ of steps 1 to `step`, 0 where 1 - Π is 1."""
    table = _products(beta1, momentum_decay)
    if step <= len(table):
        return table[step - 1]
    rest: float = table[-1] * beta1 ** (step - len(table))
    return rest if rest >= _NO_MORE else 0.0


@lru_cache(maxsize=16)
def _products(beta1: float, momentum_decay: float) -> tuple[float, ...]:
    found: list[float] = []
    product = 1.0
    while product >= _NO_MORE and len(found) < _MOST:
        factor = momentum(len(found) + 1, beta1=beta1, momentum_decay=momentum_decay)
        product *= factor
        found.append(product)
    return tuple(found)


def momentum_shares(step: int, *, beta1: float, momentum_decay: float) -> tuple[float, float]:
    """Return (1 - μₜ)/(1 - Πₜ) and μₜ₊₁/(1 - Πₜ₊₁), with which a step counts g and m.

    Parameters
    ----------
    step : int
        The number t of the step, from 1.
    beta1 : float
        The share of the running mean that stays, in [0, 1).
    momentum_decay : float
        ψ: how fast μ grows from about β₁/2 to β₁, at least 0.
    """
    now, ahead = (momentum(t, beta1=beta1, momentum_decay=momentum_decay) for t in (step, step + 1))
    product, next_product = (
        momentum_product(t, beta1=beta1, momentum_decay=momentum_decay) for t in (step, step + 1)
    )
    return (1.0 - now) / (1.0 - product), ahead / (1.0 - next_product)


def nadam(
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
    momentum_decay: float,
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
    momentum_decay : float
        ψ of the schedule of μ, at least 0.
    weight_decay : float
        The share λ of each parameter that is taken away, times η.
    step : int
        The number t of this step, from 1.
    """
    update_means(g, m, v, beta1=beta1, beta2=beta2)
    of_g, of_m = momentum_shares(step, beta1=beta1, momentum_decay=momentum_decay)
    change = of_m * m
    change += of_g * g
    change /= corrected_root(xp, v, beta2=beta2, eps=eps, step=step)
    if weight_decay:
        change += weight_decay * p
    change *= lr
    p -= change
