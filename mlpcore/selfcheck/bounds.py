r"""How far a computed number may be from the exact one.

With the unit roundoff u of a dtype, n roundings in a row change a result by a relative error of at
most

.. math::
    \gamma_n = \frac{n u}{1 - n u}

(N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, lemma 3.1).  So a sum of
n products is within :math:`\gamma_n \sum |x_i| |w_i|` of the exact one, in whatever order it is
added, with fused multiply-adds or without (section 3.1).  Products in TF32 are not within it.

The float64 of NumPy that results are compared with rounds too.  For float32 that is nothing; for
float64 it is as much again, so `Bounds` doubles u there.
"""

from typing import Any

import numpy as np

from mlpcore.selfcheck.place import wide

FUNCTION_ROUNDINGS = 32
"""The roundings that an elementwise function, a derivative or an exponential is allowed.

The least exact function whose argument is not at fault, Φ of the CPU's kernels, has 7 ulp, up to 14
units of roundoff, and is multiplied (docs/accuracy.md).
"""


class Bounds:
    """The bounds of one dtype.

    Parameters
    ----------
    dtype : str
        ``"float32"`` or ``"float64"``.

    Attributes
    ----------
    u : float
        Half the spacing of numbers at one; for float64 twice that, see above.
    tiny : float
        The smallest normal number: what is smaller may be flushed to zero, as CuPy's own kernels
        do in float32.
    """

    def __init__(self, dtype: str) -> None:
        self.u = float(np.finfo(dtype).eps) / 2 * (2 if dtype == "float64" else 1)
        self.tiny = float(np.finfo(dtype).tiny)

    def gamma(self, n: float) -> float:
        """Return γ_n."""
        return n * self.u / (1 - n * self.u)

    def product(self, A: Any, B: Any, added: Any = None) -> tuple[Any, Any]:
        """Return A B + added in float64, and the bound of what a device computes of it.

        Parameters
        ----------
        A : array, shape (m, k)
            In any dtype.
        B : array, shape (k, n)
            Likewise.
        added : array, optional
            A vector that is added to each row, which rounds once more.
        """
        A, B = wide(A), wide(B)
        exact, size = A @ B, np.abs(A) @ np.abs(B)
        if added is not None:
            exact, size = exact + wide(added), size + np.abs(wide(added))
        return exact, self.gamma(A.shape[1] + 1) * size + (A.shape[1] + 1) * self.tiny

    def rows_sum(self, dz: Any) -> tuple[Any, Any]:
        """Return the sums of `dz` over its rows in float64, and their bound."""
        dz = wide(dz)
        return dz.sum(axis=0), self.gamma(len(dz)) * np.abs(dz).sum(axis=0) + self.tiny

    def function(self, value: Any, z: Any, derivative: Any) -> Any:
        """Return the bound of f(z): roundings of the result, and of the argument on the way.

        A relative change of z by u changes f(z) by |z f'(z)| u.
        """
        g = self.gamma(FUNCTION_ROUNDINGS)
        return g * (np.abs(value) + np.abs(z * derivative)) + FUNCTION_ROUNDINGS * self.tiny

    def derivative(self, da: Any) -> Any:
        """Return the bound of da f'(z): roundings of terms of f', which are of the size of one."""
        return (self.gamma(FUNCTION_ROUNDINGS) + FUNCTION_ROUNDINGS * self.tiny) * np.abs(da)

    def exponentials(self, z: Any) -> float:
        """Return the bound of the relative error of a row's sum of exponentials, or share of it.

        The exponent z - max z is at most twice the largest |z|, and is rounded by u of that; the
        sum has as many roundings as the row is long.
        """
        largest = float(np.abs(z).max(initial=0.0))
        return self.gamma(z.shape[-1] + FUNCTION_ROUNDINGS + 4 * largest)
