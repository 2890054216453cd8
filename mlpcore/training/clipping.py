r"""Bounds on the gradient: for each element, and for its norm as one vector of all parameters.

.. math::
    g_i \leftarrow \min(\max(g_i, -c), c), \qquad
    g \leftarrow g \min\left(1, \frac{c}{\lVert g \rVert}\right)

(R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks",
arXiv:1211.5063, algorithm 1.)  Nothing here looks at a value: nobody waits for a GPU.
"""

from typing import Any

import numpy as np

_SUMS = 8192
"""How many sums of squares run side by side: a power of two, small enough for the cache."""


def clip_values(xp: Any, g: Any, limit: float) -> None:
    """Bring each element of the flat gradient `g` into [-limit, limit], in place; NaN stays."""
    xp.clip(g, -limit, limit, out=g)


def clip_norm(xp: Any, g: Any, limit: float) -> Any:
    """Scale the flat gradient `g`, in place, to the norm `limit` if its own is larger.

    Parameters
    ----------
    xp : module
        The array namespace.
    g : array, shape (n,)
        float32 or float64.
    limit : float
        The largest norm, positive.

    Returns
    -------
    array, shape ()
        The norm that it had, float64, on its device.

    Notes
    -----
    A gradient within the limit keeps its bits, since it is multiplied by 1.  One that holds NaN or
    an infinity holds NaN afterwards.
    """
    norm = gradient_norm(xp, g)
    factor = limit / xp.maximum(norm, limit)
    g *= factor.astype(g.dtype)
    return norm


def gradient_norm(xp: Any, g: Any) -> Any:
    """Return the Euclidean norm of a flat vector, as a float64 array of shape () on its device.

    Squares and their sum are float64, where those of float32 numbers neither overflow nor vanish;
    float64 numbers are scaled by a power of two for it, which rounds nothing.  On the CPU element i
    is added to sum i mod 8192, in the order of i, and these are added by halves; so the bits depend
    neither on threads nor on the width of vectors.
    """
    if g.size == 0:
        return xp.zeros((), dtype=xp.float64)
    if g.dtype != xp.float64:
        return xp.sqrt(_sum_of_squares(xp, g))
    largest = xp.max(xp.abs(g))
    exponent = xp.where(xp.isfinite(largest), xp.frexp(largest)[1], 0)
    return xp.ldexp(xp.sqrt(_sum_of_squares(xp, xp.ldexp(g, -exponent))), exponent)


def _sum_of_squares(xp: Any, g: Any) -> Any:
    if xp is not np:
        return xp.sum(xp.square(g.astype(xp.float64)))
    sums, squares = np.zeros(_SUMS), np.empty(_SUMS)
    for start in range(0, g.size, _SUMS):
        part = g[start : start + _SUMS]
        found, into = squares[: part.size], sums[: part.size]
        found[...] = part
        found *= found
        into += found
    while sums.size > 1:
        half = sums.size // 2
        sums = sums[:half] + sums[half:]
    return sums[0]
