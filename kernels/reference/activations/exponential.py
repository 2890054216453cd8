r"""Rectifiers with an exponential on the negative side.

.. math::
    \operatorname{elu}(z) &= \max(z, 0) + \alpha (e^{\min(z, 0)} - 1) \\
    \operatorname{selu}(z) &= \lambda \operatorname{elu}(z; \alpha_{01}) \\
    \operatorname{celu}(z) &= \max(z, 0) + \alpha (e^{\min(z, 0) / \alpha} - 1)

elu: D.-A. Clevert, T. Unterthiner and S. Hochreiter, arXiv:1511.07289.  selu: G. Klambauer et al.,
"Self-normalizing neural networks", arXiv:1706.02515; its constants solve the fixed-point equations
there for mean 0 and variance 1.  celu: J. T. Barron, arXiv:1704.07483.

``expm1`` keeps the digits near zero, and the derivative is taken from `z` rather than from a + α,
which has none left where a is near -α.
"""

from ..typing import Array, Namespace
from .function import ActivationFunction

_SELU_ALPHA = 1.6732632423543772
_SELU_LAMBDA = 1.0507009873554805


def _below(xp: Namespace, z: Array) -> Array:
    """Return min(z, 0), so that the exponential of a large positive `z` is never formed."""
    return xp.minimum(z, 0.0)


def _elu(xp: Namespace, z: Array, alpha: float = 1.0) -> Array:
    return xp.where(z > 0, z, alpha * xp.expm1(_below(xp, z)))


def _elu_derivative(xp: Namespace, z: Array, a: Array, alpha: float = 1.0) -> Array:  # noqa: ARG001
    return xp.where(z > 0, 1.0, alpha * xp.exp(_below(xp, z)))


def _selu(xp: Namespace, z: Array) -> Array:
    return xp.where(z > 0, _SELU_LAMBDA * z, (_SELU_LAMBDA * _SELU_ALPHA) * xp.expm1(_below(xp, z)))


def _selu_derivative(xp: Namespace, z: Array, a: Array) -> Array:  # noqa: ARG001
    return xp.where(z > 0, _SELU_LAMBDA, (_SELU_LAMBDA * _SELU_ALPHA) * xp.exp(_below(xp, z)))


def _celu(xp: Namespace, z: Array, alpha: float = 1.0) -> Array:
    return xp.where(z > 0, z, alpha * xp.expm1(_below(xp, z) / alpha))


def _celu_derivative(xp: Namespace, z: Array, a: Array, alpha: float = 1.0) -> Array:  # noqa: ARG001
    return xp.where(z > 0, 1.0, xp.exp(_below(xp, z) / alpha))


ELU = ActivationFunction("elu", _elu, _elu_derivative, defaults={"alpha": 1.0})
SELU = ActivationFunction("selu", _selu, _selu_derivative)
CELU = ActivationFunction(
    "celu", _celu, _celu_derivative, defaults={"alpha": 1.0}, positive=("alpha",)
)
