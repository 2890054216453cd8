r"""The error function and the normal distribution in array operations.

The standard has no ``erf``, CuPy keeps its own outside the main namespace, and SciPy is no
dependency.

.. math::
    \operatorname{erf}(x) = \frac{2}{\sqrt\pi} \int_0^x e^{-t^2} dt, \quad
    \operatorname{erfc}(x) = 1 - \operatorname{erf}(x), \quad
    \operatorname{erfcx}(x) = e^{x^2} \operatorname{erfc}(x), \quad
    \Phi(z) = \tfrac12 \operatorname{erfc}\!\left(-z / \sqrt2\right)

Near zero, erf is its Maclaurin series.  Elsewhere all follow from erfcx, and that from one
polynomial in the manner of M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 +
2x) exp(x²) erfc x in 0 <= x < ∞", Math. Comp. 36 (1981) 249-253: the map of [0, ∞) to [-1, 1) makes
the function so flat that rounding in Horner's rule hardly shows.

Errors against 60-digit values stay below these bounds in both float32 and float64, as
``tests/kernels/reference/test_erf.py`` holds; the measured maxima are those of 8000 random
arguments to each of a dozen intervals, in units in the last place (ulp).

============ ===== ================= =========================
function     bound measured f64, f32 where
============ ===== ================= =========================
`erf`        3     2.1, 2.9          everywhere
`erfcx`      3     2.0, 2.4          x >= 1/2 (5.2 below)
`erfc`       5     3.5, 4.4          where the result is normal
`normal_cdf` 5     4.0, 3.9          where the result is normal
`normal_pdf` 4     2.8, 2.8          where the result is normal
============ ===== ================= =========================
"""

from collections.abc import Sequence
from math import factorial, pi, sqrt

from .typing import Array, Namespace

# erf(x) = x P(x²) for |x| <= 1/2: the Maclaurin series 2/√π Σ (-1)ⁿ x²ⁿ / (n! (2n + 1)), the
# highest power first here and below; the first term left out is below 1e-18
_SMALL = 0.5
_SMALL_P = tuple(
    2.0 / sqrt(pi) * (-1.0) ** n / (factorial(n) * (2 * n + 1)) for n in range(12, -1, -1)
)

# (1 + 2x) erfcx(x) = P(t) with t = (x - 3.5) / (x + 3.5): the Chebyshev series at 64 nodes in 60
# digits, cut where its terms fall below 1e-17 and written out in powers of t
_CENTRE = 3.5
_SCALED_P = (
    -1.1656687889203665e-09,
    6.040390099342991e-11,
    1.3624442778701048e-08,
    6.651894382376532e-10,
    -9.64004253144383e-08,
    -8.611571571113718e-09,
    6.014823849950426e-07,
    -4.309237398316666e-08,
    -3.814012584490695e-06,
    2.3273309537791425e-06,
    2.4260300984917994e-05,
    -4.2781739959539994e-05,
    -0.00012151212091980101,
    0.0005643842668705102,
    -0.0003022679534333239,
    -0.004215019879774186,
    0.019099330953271165,
    -0.04882332583088402,
    0.08798315382403678,
    -0.11508959816003075,
    0.09751909515328706,
    -0.010555596332221669,
    -0.1400091801376197,
    1.2423492448711544,
)

# Both exp(-x²) and exp(-z²/2) are zero in double precision beyond these.
_X_UNDERFLOWS = 30.0
_Z_UNDERFLOWS = 40.0


def _polynomial(x: Array, coefficients: Sequence[float]) -> Array:
    """Return the polynomial with these coefficients, the highest power first, by Horner's rule."""
    result = coefficients[0] * x
    for c in coefficients[1:-1]:
        result = (result + c) * x
    return result + coefficients[-1]


def _gaussian(xp: Namespace, x: Array, scale: float) -> Array:
    """Return exp(-scale x²) for 0 <= x <= 40, with scale 1 or 1/2.

    Rounding x² would cost a relative error of scale x² half-ulps.  With h the leading bits of x,
    few enough that h² is exact in single precision, x² = h² + (x - h)(x + h), and only the small
    second term is rounded.
    """
    h = xp.trunc(x * 128.0) / 128.0
    leading = xp.exp(-scale * h * h)
    return leading + leading * xp.expm1(-scale * (x - h) * (x + h))


def _erf_small(xp: Namespace, x: Array) -> Array:
    """Return erf(x) for |x| <= 1/2, and that at the nearer end for x beyond."""
    x = xp.minimum(xp.maximum(x, -_SMALL), _SMALL)
    y = x * x
    return x * _polynomial(y, _SMALL_P)


def erfcx(xp: Namespace, x: Array) -> Array:  # noqa: ARG001
    """Return exp(x²) erfc(x) for x >= 0, in the shape and dtype of `x`."""
    t = 1.0 - 2.0 * _CENTRE / (x + _CENTRE)  # (x - 3.5) / (x + 3.5) is NaN at ∞
    return _polynomial(t, _SCALED_P) / (1.0 + 2.0 * x)


def erf(xp: Namespace, x: Array) -> Array:
    """Return erf(x) in the shape and dtype of `x`."""
    magnitude = xp.minimum(xp.abs(x), _X_UNDERFLOWS)
    tail = erfcx(xp, magnitude) * _gaussian(xp, magnitude, 1.0)
    return xp.where(magnitude > _SMALL, xp.copysign(1.0 - tail, x), _erf_small(xp, x))


def erfc(xp: Namespace, x: Array) -> Array:
    """Return 1 - erf(x) in the shape and dtype of `x`, without cancellation in the upper tail."""
    magnitude = xp.minimum(xp.abs(x), _X_UNDERFLOWS)
    tail = erfcx(xp, magnitude) * _gaussian(xp, magnitude, 1.0)
    return xp.where(magnitude > _SMALL, xp.where(x < 0, 2.0 - tail, tail), 1.0 - _erf_small(xp, x))


def normal_cdf(xp: Namespace, z: Array) -> Array:
    """Return Φ(z), the probability that a standard normal variable is at most `z`.

    It is not `erfc` at -z/√2: rounding that quotient would cost a relative error of z² half-ulps in
    the lower tail, whereas erfcx hardly varies and the exponential is taken of `z` itself.
    """
    magnitude = xp.minimum(xp.abs(z), _Z_UNDERFLOWS)
    x = magnitude * sqrt(0.5)
    tail = 0.5 * erfcx(xp, x) * _gaussian(xp, magnitude, 0.5)
    centre = 0.5 + 0.5 * _erf_small(xp, z * sqrt(0.5))
    return xp.where(x > _SMALL, xp.where(z < 0, tail, 1.0 - tail), centre)


def normal_pdf(xp: Namespace, z: Array) -> Array:
    """Return φ(z) = exp(-z²/2) / √(2π), the density of a standard normal variable."""
    return _gaussian(xp, xp.minimum(xp.abs(z), _Z_UNDERFLOWS), 0.5) / sqrt(2.0 * pi)
