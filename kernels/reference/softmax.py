r"""Softmax, log-softmax and log-sum-exp over one axis, right over the whole range of finite inputs.

.. math::
    \operatorname{logsumexp}(z) = m + \log \sum_j e^{z_j - m}, \qquad m = \max_j z_j

The shift by the maximum leaves the value unchanged and keeps every exponential in (0, 1]
(P. Blanchard, D. J. Higham and N. J. Higham, "Accurately computing the log-sum-exp and softmax
functions", IMA J. Numer. Anal. 41 (2021), doi:10.1093/imanum/draa038).
"""

from .typing import Array, Namespace


def _shift(xp: Namespace, z: Array, axis: int) -> Array:
    """Return the maximum along `axis`, or 0 where it is infinite or NaN.

    Subtracting an infinite maximum would turn ``logsumexp([-inf, -inf])``, which is -inf, into NaN.
    """
    m = xp.max(z, axis=axis, keepdims=True)
    return xp.where(xp.isfinite(m), m, xp.zeros_like(m))


def softmax(xp: Namespace, z: Array, *, axis: int = -1) -> Array:
    """Return exp(z) / sum(exp(z)) along `axis`, in the shape and dtype of `z`."""
    if z.size == 0:
        return xp.zeros_like(z)
    e = xp.exp(z - _shift(xp, z, axis))
    return e / xp.sum(e, axis=axis, keepdims=True)


def softmax_backward(xp: Namespace, a: Array, da: Array, *, axis: int = -1) -> Array:
    """Return dz = a * (da - sum(a * da)), the vector-Jacobian product at a = softmax(z)."""
    return a * (da - xp.sum(a * da, axis=axis, keepdims=True))


def log_softmax(xp: Namespace, z: Array, *, axis: int = -1) -> Array:
    """Return z - logsumexp(z) along `axis`, in the shape and dtype of `z`."""
    if z.size == 0:
        return xp.zeros_like(z)
    shifted = z - _shift(xp, z, axis)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))


def log_softmax_backward(xp: Namespace, a: Array, da: Array, *, axis: int = -1) -> Array:
    """Return dz = da - exp(a) * sum(da), the vector-Jacobian product at a = log_softmax(z)."""
    return da - xp.exp(a) * xp.sum(da, axis=axis, keepdims=True)


def logsumexp(xp: Namespace, z: Array, *, axis: int = -1, keepdims: bool = False) -> Array:
    """Return log(sum(exp(z))) along `axis`.

    The sum over an empty axis is 0 and its logarithm -inf.
    """
    if z.shape[axis] == 0:
        shape = list(z.shape)
        shape[axis] = 1
        result = xp.full(tuple(shape), -xp.inf, dtype=z.dtype)
    else:
        m = _shift(xp, z, axis)
        result = m + xp.log(xp.sum(xp.exp(z - m), axis=axis, keepdims=True))
    return result if keepdims else xp.squeeze(result, axis=axis)
