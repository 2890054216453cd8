"""The error function and the normal distribution against values computed in exact decimals."""

from decimal import Decimal, localcontext
from functools import lru_cache

import array_api_strict
import numpy as np
import pytest

from mlpcore.kernels.reference import erf as module

DIGITS = 400  # erfc(26) is about 1e-296, found as 1 - erf(26): 100 digits of it are left
PI = Decimal("3.141592653589793238462643383279502884197169399375105820974944592307816406286209")


def exact_erf(x: Decimal) -> Decimal:
    """erf(x) = 2/√π exp(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n + 1)!!, in which every term has the sign of x."""
    term = total = x
    n = 0
    while abs(term) > abs(total) * Decimal(10) ** -DIGITS:
        n += 1
        term *= 2 * x * x / (2 * n + 1)
        total += term
    return 2 * (-x * x).exp() * total / pi(DIGITS).sqrt()


@lru_cache
def pi(digits: int) -> Decimal:
    """Machin's formula, 16 arctan(1/5) - 4 arctan(1/239)."""

    def arctan_inverse(q: int) -> Decimal:
        term = total = Decimal(1) / q
        n = 1
        while abs(term) > Decimal(10) ** -(digits + 5):
            term /= -q * q
            n += 2
            total += term / n
        return total

    return 16 * arctan_inverse(5) - 4 * arctan_inverse(239)


EXACT = {
    "erf": exact_erf,
    "erfc": lambda x: 1 - exact_erf(x),
    "erfcx": lambda x: (x * x).exp() * (1 - exact_erf(x)),
    "normal_cdf": lambda z: (1 + exact_erf(z / Decimal(2).sqrt())) / 2,
    "normal_pdf": lambda z: (-z * z / 2).exp() / (2 * pi(DIGITS)).sqrt(),
}


def errors_in_ulp(name, x):
    """The distance of each result from the exact one, in units in the last place of the latter."""
    got = getattr(module, name)(np, x)
    assert got.dtype == x.dtype
    assert got.shape == x.shape
    with localcontext() as context:
        context.prec = DIGITS
        exact = [EXACT[name](Decimal(float(v))) for v in x]
        ulp = [np.spacing(np.abs(x.dtype.type(float(e)))) for e in exact]
        return np.array(
            [
                float(abs(Decimal(float(g)) - e) / Decimal(float(u)))
                for g, e, u in zip(got, exact, ulp, strict=True)
            ]
        )


def test_exact_erf_is_what_the_tables_say():
    with localcontext() as context:
        context.prec = DIGITS
        assert abs(pi(DIGITS) - PI) < Decimal(10) ** -77
        # Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), table 7.1
        assert round(exact_erf(Decimal("0.5")), 10) == Decimal("0.5204998778")
        assert round(exact_erf(Decimal(1)), 10) == Decimal("0.8427007929")
        assert round(exact_erf(Decimal(2)), 10) == Decimal("0.9953222650")


# The bounds that the docstring of the module states, over the arguments whose result is normal.
BOUNDS = [
    ("erf", 3, [(-6, 6), (0.49, 0.7), (-1e-3, 1e-3)], [(-6, 6), (0.49, 0.7), (-1e-3, 1e-3)]),
    ("erfc", 5, [(-6, 0.5), (0.5, 2), (2, 26)], [(-6, 0.5), (0.5, 2), (2, 9)]),
    ("erfcx", 3, [(0.5, 2), (2, 20)], [(0.5, 2), (2, 20)]),
    ("normal_cdf", 5, [(-37, -2), (-2, 2), (2, 9)], [(-12.9, -2), (-2, 2), (2, 6)]),
    ("normal_pdf", 4, [(-37, 37)], [(-12.9, 12.9)]),
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "bound", "wide", "single"), BOUNDS, ids=[b[0] for b in BOUNDS])
def test_error_stays_below_the_stated_bound(name, bound, wide, single, dtype):
    rng = np.random.default_rng(1)
    intervals = wide if dtype is np.float64 else single
    x = np.concatenate([rng.uniform(lo, hi, 30) for lo, hi in intervals]).astype(dtype)
    assert errors_in_ulp(name, x).max() < bound


def test_agrees_with_scipy_on_a_fine_grid():
    special = pytest.importorskip("scipy.special", reason="SciPy is the second reference here")
    x = np.linspace(-30.0, 30.0, 20001)
    tail = np.abs(special.erfc(x)) > np.finfo(np.float64).tiny
    np.testing.assert_allclose(module.erf(np, x), special.erf(x), rtol=2e-15, atol=0)
    # SciPy rounds x² in erfc, and z/√2 in ndtr, and is off by as many half-ulps in the tails
    np.testing.assert_allclose(module.erfc(np, x)[tail], special.erfc(x)[tail], rtol=3e-13, atol=0)
    positive = x[x >= 0]
    np.testing.assert_allclose(
        module.erfcx(np, positive), special.erfcx(positive), rtol=3e-15, atol=0
    )
    np.testing.assert_allclose(
        module.normal_cdf(np, x), special.ndtr(x), rtol=3e-13, atol=np.finfo(np.float64).tiny
    )


def test_erf_is_odd_and_erfc_complements_it():
    x = np.random.default_rng(2).normal(size=1000) * 2
    np.testing.assert_array_equal(module.erf(np, -x), -module.erf(np, x))
    np.testing.assert_allclose(module.erf(np, x) + module.erfc(np, x), 1.0, rtol=0, atol=4e-16)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_limits(dtype):
    largest = np.finfo(dtype).max
    x = np.array([-np.inf, -largest, largest, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(module.erf(np, x), np.array([-1, -1, 1, 1, np.nan], dtype))
    np.testing.assert_array_equal(module.erfc(np, x), np.array([2, 2, 0, 0, np.nan], dtype))
    np.testing.assert_array_equal(module.normal_cdf(np, x), np.array([0, 0, 1, 1, np.nan], dtype))
    np.testing.assert_array_equal(module.normal_pdf(np, x), np.array([0, 0, 0, 0, np.nan], dtype))
    np.testing.assert_array_equal(module.erfcx(np, x[3:]), np.array([0, np.nan], dtype))


def test_signed_zero_and_subnormals():
    x = np.array([0.0, -0.0, 5e-324, -5e-324])
    result = module.erf(np, x)
    np.testing.assert_array_equal(np.signbit(result), np.signbit(x))
    np.testing.assert_array_equal(np.abs(result), np.abs(x))  # 2/√π = 1.13 rounds to one step
    np.testing.assert_array_equal(module.normal_cdf(np, x), 0.5)


@pytest.mark.parametrize("name", list(EXACT))
def test_runs_on_any_namespace_of_the_standard(name):
    x = np.linspace(0.01, 5, 7, dtype=np.float32)
    got = getattr(module, name)(array_api_strict, array_api_strict.asarray(x))
    assert got.dtype == array_api_strict.float32
    np.testing.assert_array_equal(np.from_dlpack(got), getattr(module, name)(np, x))
