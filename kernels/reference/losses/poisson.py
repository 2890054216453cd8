r"""The Poisson loss: minus the log-likelihood of a count t whose mean is e^z.

.. math::
    l = e^z - t z, \qquad dz = e^z - t

without log t!, which does not depend on z (P. McCullagh and J. A. Nelder, "Generalized Linear
Models" (1989), section 6.2, whose deviance is twice l - (t - t log t)).  z is the logarithm of the
mean, so that every z is one of a mean above 0.
"""

from ..typing import Array, Namespace
from .function import LossFunction


def poisson(xp: Namespace, z: Array, t: Array) -> tuple[Array, Array]:
    """Return l and dz for logarithms of means `z` and targets `t` >= 0, all in the shape of `z`."""
    mean = xp.exp(z)
    # What was not counted costs nothing by z, also by -∞; an infinite mean costs what it is.
    by_mean_alone = (t == 0) | xp.isinf(mean)
    return xp.where(by_mean_alone, mean, mean - t * z), mean - t


POISSON = LossFunction(poisson, expects="counts")
