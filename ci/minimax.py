"""Best approximations by polynomials, and quotients of them, whose coefficients are floats.

C. L. Lawson's algorithm (1961): weighted least squares on a grid, each weight multiplied by the
error there until all peaks of the error are as high.  A quotient P/Q is made linear by dividing
through by the last round's Q, as AAA-Lawson does (Y. Nakatsukasa and L. N. Trefethen, SIAM J. Sci.
Comput. 42 (2020), doi:10.1137/19M1281897).  Then the coefficients are rounded one after the other,
the lowest power first, and those that are left make up for it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from mpmath import mp, mpf

mp.dps = 70


def round_to(x: Any, dtype: type) -> Any:
    """Return `x` rounded to the nearest number of `dtype`, once."""
    with mp.workprec(np.finfo(dtype).nmant + 1):
        return +mpf(x)


def fit(
    f: Callable[[Any], Any],
    weight: Callable[[Any], Any],
    low: Any,
    high: Any,
    degrees: tuple[int, int],
    dtype: type,
    rounds: int,
) -> tuple[list[Any], list[Any], float]:
    """Return the coefficients of P and Q and the largest weighted error on the grid.

    Parameters
    ----------
    f, weight : callable
        Of a number with 70 digits: what is approximated, and what the error is multiplied by.
    low, high : number
        The ends of the interval.
    degrees : tuple of int
        Those of P and Q.
    dtype : type
        What each coefficient is rounded to.
    rounds : int
        The rounds of Lawson's algorithm for each coefficient that is rounded.

    Returns
    -------
    p, q : list
        The lowest power first; q[0] is 1.
    error : float
    """
    numerator, denominator = degrees
    count = numerator + 1 + denominator
    size = 10 * count
    middle, half = (mpf(low) + high) / 2, (mpf(high) - low) / 2
    x = [middle + half * mp.cos(mp.pi * (i + mpf(1) / 3) / size) for i in range(size)]
    scale = np.array([weight(t) for t in x])
    value = np.array([f(t) for t in x])
    powers = np.array([[t**k for k in range(max(degrees) + 1)] for t in x])
    # Columns by power, those of P and Q in turn, so that the lowest are rounded first.
    columns = [(k, powers[:, k]) for k in range(numerator + 1)]
    columns += [(k + 0.5, -value * powers[:, k]) for k in range(1, denominator + 1)]
    keys = sorted(key for key, _ in columns)
    basis = np.array([dict(columns)[key] for key in keys]).T
    lawson = np.array([mpf(1)] * size)
    c = np.array([mpf(0)] * count)

    def parts() -> tuple[list[Any], list[Any]]:
        by_key = dict(zip(keys, c, strict=True))
        p = [by_key[k] for k in range(numerator + 1)]
        return p, [mpf(1), *(by_key[k + 0.5] for k in range(1, denominator + 1))]

    for first in range(count):  # those before are rounded
        for _ in range(rounds * (1 if first else 4)):
            # minimise Σ lawson (scale (P - f Q) / q)², where q is the last Q
            _, q = parts()
            factor = scale / (powers[:, : denominator + 1] @ q)
            free = factor[:, None] * basis[:, first:]
            rest = factor * (value - basis[:, :first] @ c[:first])
            matrix = mp.matrix((free.T * lawson) @ free)
            right = mp.matrix((free.T * lawson) @ rest)
            c[first:] = list(mp.lu_solve(matrix, right))
            lawson = lawson * np.abs(free @ c[first:] - rest)
            lawson = lawson / max(lawson) + mpf(10) ** -12
        c[first] = round_to(c[first], dtype)
    p, q = parts()
    quotient = (powers[:, : numerator + 1] @ p) / (powers[:, : denominator + 1] @ q)
    return p, q, float(max(np.abs(scale * (quotient - value))))
