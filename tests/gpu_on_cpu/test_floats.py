"""Floating-point instructions against exact rational arithmetic."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

FINITE = [1.0, -1.0, 0.1, -0.3, 1 / 3, 3.0, 1e-3, 7e5, 16777217.0, 2.0**-20, -5.5, 123456.789]
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -2.0, 1e-45, -1e-40, 3e38]
DTYPES = {"f32": np.float32, "f64": np.float64}


def rounded(exact: Fraction, dtype: type, mode: str) -> float:
    """The floating-point number nearest to `exact`, or next to it in the direction of `mode`."""
    below = dtype(float(exact))
    while Fraction(float(below)) > exact:
        below = np.nextafter(below, dtype(-np.inf))
    while Fraction(float(np.nextafter(below, dtype(np.inf)))) <= exact:
        below = np.nextafter(below, dtype(np.inf))
    if Fraction(float(below)) == exact:
        return float(below)
    above = np.nextafter(below, dtype(np.inf))
    if mode == "rz":
        mode = "rm" if exact > 0 else "rp"
    if mode == "rm":
        return float(below)
    if mode == "rp":
        return float(above)
    to_below, to_above = exact - Fraction(float(below)), Fraction(float(above)) - exact
    if to_below == to_above:
        even = below.view(f"u{below.itemsize}") % 2 == 0
        return float(below if even else above)
    return float(below if to_below < to_above else above)


OPERATIONS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
}


@pytest.mark.parametrize("kind", ["f32", "f64"])
@pytest.mark.parametrize("mode", ["rn", "rz", "rm", "rp"])
@pytest.mark.parametrize("name", list(OPERATIONS))
def test_arithmetic_is_rounded_once(evaluate, name, mode, kind):
    dtype = DTYPES[kind]
    pairs = np.array(list(itertools.product(FINITE, FINITE)), dtype)
    a, b = pairs[:, 0].copy(), pairs[:, 1].copy()
    got = evaluate(f"{name}.{mode}.{kind} %d, %a, %b;", dtype, a, b)
    for x, y, d in zip(a, b, got, strict=True):
        exact = OPERATIONS[name](Fraction(float(x)), Fraction(float(y)))
        assert float(d) == rounded(exact, dtype, mode)


@pytest.mark.parametrize("kind", ["f32", "f64"])
@pytest.mark.parametrize("mode", ["rn", "rz"])
def test_a_fused_product_is_rounded_once(evaluate, mode, kind):
    dtype = DTYPES[kind]
    rows = np.array(list(itertools.product(FINITE[:6], FINITE[6:], FINITE[3:9])), dtype)
    columns = [rows[:, k].copy() for k in range(3)]
    got = evaluate(f"fma.{mode}.{kind} %d, %a, %b, %c;", dtype, *columns)
    for (a, b, c), d in zip(rows, got, strict=True):
        exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
        assert float(d) == rounded(exact, dtype, mode)


def test_a_product_and_a_sum_are_not_contracted(evaluate):
    a = np.float32([1 + 2**-12])
    c = np.float32([-(1 + 2**-11)])
    got = evaluate("mul.rn.f32 %d, %a, %a; add.rn.f32 %d, %d, %b;", np.float32, a, c)
    assert got[0] == 0
    assert evaluate("fma.rn.f32 %d, %a, %a, %b;", np.float32, a, c)[0] == 2.0**-24


@pytest.mark.parametrize("mode", ["rn", "rz", "rm", "rp"])
def test_square_roots(evaluate, mode):
    x = np.abs(np.array(FINITE, np.float32))
    got = evaluate(f"sqrt.{mode}.f32 %d, %a;", np.float32, x)
    for a, d in zip(x, got, strict=True):
        # 60 digits more than needed, so that the direction of rounding is beyond doubt.
        exact = Fraction(math.isqrt(int(Fraction(float(a)) * 4**100)), 2**100)
        if Fraction(float(d)) ** 2 != Fraction(float(a)):
            assert float(d) == rounded(exact, np.float32, mode)


@pytest.mark.parametrize(("name", "against"), [("min", np.fmin), ("max", np.fmax)])
def test_extremes_prefer_numbers_to_nan(evaluate, name, against):
    pairs = np.array(list(itertools.product(SPECIAL, SPECIAL)), np.float32)
    a, b = pairs[:, 0].copy(), pairs[:, 1].copy()
    got = evaluate(f"{name}.f32 %d, %a, %b;", np.float32, a, b)
    np.testing.assert_array_equal(got, against(a, b))
    got = evaluate(f"{name}.NaN.f32 %d, %a, %b;", np.float32, a, b)
    np.testing.assert_array_equal(got, {"min": np.minimum, "max": np.maximum}[name](a, b))


def test_negative_zero_is_less_than_zero(evaluate):
    zeros, negative = np.float32([0.0, -0.0]), np.float32([-0.0, 0.0])
    least = evaluate("min.f32 %d, %a, %b;", np.float32, zeros, negative)
    most = evaluate("max.f32 %d, %a, %b;", np.float32, zeros, negative)
    assert np.signbit(least).all()
    assert not np.signbit(most).any()


def test_flushing_makes_subnormals_zero_of_the_same_sign(evaluate):
    x = np.float32([1e-40, -1e-40, 1.2e-38, 1e-45])
    one = np.ones_like(x)
    kept = evaluate("mul.rn.f32 %d, %a, %b;", np.float32, x, one)
    np.testing.assert_array_equal(kept, x)
    flushed = evaluate("mul.rn.ftz.f32 %d, %a, %b;", np.float32, x, one)
    np.testing.assert_array_equal(flushed, np.float32([0, -0.0, 1.2e-38, 0]))
    assert np.signbit(flushed[1])
    result = evaluate("mul.rn.ftz.f32 %d, %a, %b;", np.float32, x[2:3], np.float32([0.5]))
    assert result[0] == 0


def test_saturation_clamps_to_the_unit_interval(evaluate):
    x = np.float32([-1, -0.0, 0.25, 1, 7, np.inf, -np.inf, np.nan])
    got = evaluate("add.sat.f32 %d, %a, %b;", np.float32, x, np.zeros_like(x))
    np.testing.assert_array_equal(got, np.float32([0, 0, 0.25, 1, 1, 1, 0, 0]))


ORDERED = {"eq": np.equal, "lt": np.less, "le": np.less_equal, "gt": np.greater}
ORDERED |= {"ge": np.greater_equal, "ne": np.not_equal}


@pytest.mark.parametrize("comparison", list(ORDERED))
def test_comparisons_with_nan(evaluate, comparison):
    pairs = np.array(list(itertools.product(SPECIAL, SPECIAL)), np.float64)
    a, b = pairs[:, 0].copy(), pairs[:, 1].copy()
    unordered = np.isnan(a) | np.isnan(b)
    holds = ORDERED[comparison](a, b)
    for suffix, expected in (("", holds & ~unordered), ("u", holds | unordered)):
        code = f"setp.{comparison}{suffix}.f64 %p, %a, %b; selp.b32 %d, 1, 0, %p;"
        np.testing.assert_array_equal(evaluate(code, np.uint32, a, b), expected)


def test_a_comparison_combines_with_a_predicate_and_its_opposite(evaluate):
    a = np.array([1, 1, 2, 2], np.uint32)
    b = np.array([0, 1, 0, 1], np.uint32)
    code = (
        "setp.ne.u32 %p, %b, 0; setp.eq.and.u32 %p|%q, %a, 1, %p;"
        "selp.b32 %d, 1, 0, %p; selp.b32 %t1, 2, 0, %q; or.b32 %d, %d, %t1;"
    )
    np.testing.assert_array_equal(evaluate(code, np.uint32, a, b), [0, 1, 0, 2])


def test_elementary_functions_are_right_to_the_last_bit_or_so(evaluate):
    x = np.linspace(0.1, 3, 50, dtype=np.float32)
    for name, exact in (("ex2", np.exp2), ("lg2", np.log2), ("sin", np.sin), ("tanh", np.tanh)):
        got = evaluate(f"{name}.approx.f32 %d, %a;", np.float32, x)
        np.testing.assert_array_max_ulp(got, exact(x.astype(np.float64)).astype(np.float32), 1)


def test_half_precision_is_converted_as_numpy_does(evaluate):
    every = np.arange(0x10000, dtype=np.uint16).reshape(-1, 1024)
    for bits in every[:: len(every) // 8]:
        got = evaluate("cvt.f32.f16 %d, %a;", np.float32, bits.copy())
        np.testing.assert_array_equal(got, bits.view(np.float16).astype(np.float32))
    # Each half, the midpoints to its neighbours, and the numbers next to those.
    halves = np.float32(np.arange(0, 0x7C00, 61, dtype=np.uint16).view(np.float16))[:250]
    middle = (halves[1:] + halves[:-1]) / 2
    steps = (middle, np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(9e9)))
    x = np.concatenate([*steps, -middle, np.float32([65519, 65520, 1e9, np.inf, 2**-25, 3e-8])])
    with np.errstate(over="ignore"):
        expected = x.astype(np.float16)
    got = evaluate("cvt.rn.f16.f32 %d, %a;", np.uint16, x[:1024])
    np.testing.assert_array_equal(got.view(np.float16), expected[:1024])


@pytest.mark.parametrize("integer", [np.int32, np.uint32, np.int64])
def test_floats_become_integers_by_clamping(evaluate, integer):
    x = np.array([0.5, 1.5, -1.5, 2.5, -0.9, 3e9, -3e9, 1e30, -1e30, np.inf, np.nan, 7.999])
    kind = {"i": "s", "u": "u"}[np.dtype(integer).kind] + str(8 * np.dtype(integer).itemsize)
    ends = np.iinfo(integer)
    modes = {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}
    for mode, function in modes.items():
        got = evaluate(f"cvt.{mode}.{kind}.f64 %d, %a;", integer, x)
        expected = [
            0
            if math.isnan(v)
            else ends.max
            if v > ends.max
            else ends.min
            if v < ends.min
            else int(v)
            for v in function(x).tolist()
        ]
        np.testing.assert_array_equal(got, np.array(expected, integer))


def test_doubles_narrow_in_every_direction(evaluate):
    x = np.array([0.1, -0.1, 1 / 3, 1e-20, 12345678901.0])
    for mode in ("rn", "rz", "rm", "rp"):
        got = evaluate(f"cvt.{mode}.f32.f64 %d, %a;", np.float32, x)
        expected = [rounded(Fraction(float(v)), np.float32, mode) for v in x]
        np.testing.assert_array_equal(got.astype(float), expected)


def test_the_sign_of_one_number_on_another(evaluate):
    pairs = np.array(list(itertools.product(SPECIAL, SPECIAL)), np.float32)
    sign, x = pairs[:, 0].copy(), pairs[:, 1].copy()
    got = evaluate("copysign.f32 %d, %a, %b;", np.float32, sign, x)
    np.testing.assert_array_equal(got.view(np.uint32), np.copysign(x, sign).view(np.uint32))


def test_what_sort_of_number_it_is(evaluate):
    x = np.array([*SPECIAL, 1.5e-39], np.float32)
    smallest_normal = np.finfo(np.float32).tiny
    subnormal = (x != 0) & (np.abs(x) < smallest_normal)
    expected = {
        "finite": np.isfinite(x),
        "infinite": np.isinf(x),
        "number": ~np.isnan(x),
        "notanumber": np.isnan(x),
        "subnormal": subnormal,
        "normal": np.isfinite(x) & (np.abs(x) >= smallest_normal),
    }
    for name, answer in expected.items():
        code = f"testp.{name}.f32 %p, %a; selp.b32 %d, 1, 0, %p;"
        np.testing.assert_array_equal(evaluate(code, np.uint32, x), answer)


def test_a_comparison_as_a_value(evaluate):
    a, b = np.float32([1, 2, np.nan]), np.float32([2, 1, 1])
    got = evaluate("set.lt.u32.f32 %d, %a, %b;", np.uint32, a, b)
    np.testing.assert_array_equal(got, np.uint32([0xFFFFFFFF, 0, 0]))
    got = evaluate("set.ltu.f32.f32 %d, %a, %b;", np.float32, a, b)
    np.testing.assert_array_equal(got, [1, 0, 1])
