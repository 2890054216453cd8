r"""Mish, z tanh(softplus(z)) (D. Misra, arXiv:1908.08681).

With :math:`u = 1 + e^z`, tanh(log u) is :math:`(u^2 - 1)/(u^2 + 1)`; expanded, so that nothing
cancels, and for z > 0 divided through by :math:`e^{2z}`, so that nothing overflows:

.. math::
    t = \tanh(\operatorname{softplus}(z)) = \frac{n}{n + 2},\quad n = e^z (e^z + 2)
    \qquad\text{or}\qquad
    t = \frac{1 + 2 w}{1 + 2 w + 2 w^2},\quad w = e^{-z}

.. math::
    t' = \frac{4 e^z (1 + e^z)}{(n + 2)^2} = \frac{4 w^2 (1 + w)}{(1 + 2 w + 2 w^2)^2},
    \qquad \operatorname{mish}'(z) = t + z t'
"""

from ..typing import Array, Namespace
from .function import ActivationFunction

_SATURATED = 1000.0  # exp(-1000) is zero in double precision: beyond, t and t' have their limits


def _gate(xp: Namespace, z: Array) -> tuple[Array, Array]:
    """Return t and t'."""
    e = xp.exp(-xp.abs(z))  # e^z where z <= 0, and w where z > 0
    n = e * (e + 2.0)
    odd, even = 1.0 + 2.0 * e, 1.0 + 2.0 * e + 2.0 * e * e
    t = xp.where(z > 0, odd / even, n / (n + 2.0))
    slope_above = 4.0 * e * e * (1.0 + e) / (even * even)
    slope_below = 4.0 * e * (1.0 + e) / ((n + 2.0) * (n + 2.0))
    return t, xp.where(z > 0, slope_above, slope_below)


def _mish(xp: Namespace, z: Array) -> Array:
    return xp.maximum(z, -_SATURATED) * _gate(xp, z)[0]  # not -inf * 0, which is NaN


def _mish_derivative(xp: Namespace, z: Array, a: Array) -> Array:  # noqa: ARG001
    z = xp.minimum(xp.maximum(z, -_SATURATED), _SATURATED)
    t, slope = _gate(xp, z)
    return t + z * slope


MISH = ActivationFunction("mish", _mish, _mish_derivative)
