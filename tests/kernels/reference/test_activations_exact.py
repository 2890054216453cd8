"""Each smooth activation and its derivative against the formula in 60 decimal digits."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from mlpcore.kernels.reference.activations import ACTIVATIONS

ONE, TWO = Decimal(1), Decimal(2)
DIGITS = 60
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628621")
SELU_ALPHA = Decimal("1.6732632423543772848170429916717")
SELU_LAMBDA = Decimal("1.0507009873554804934193349852946")


def sigma(z):
    return ONE / (ONE + (-z).exp())


def phi(z):
    return (-z * z / 2).exp() / (TWO * PI).sqrt()


def lower_tail(z):
    """Φ(z) for z <= 0 by the continued fraction φ / (x + 1 / (x + 2 / (x + 3 / ...))), x = -z.

    Abramowitz and Stegun 26.2.14; it converges slowly near zero, where the power series 26.2.10,
    Φ = 1/2 - φ (x + x³/3 + x⁵/(3·5) + ...), takes its place.
    """
    x = -z
    if x > 3:
        fraction = x
        for k in range(1500, 0, -1):
            fraction = x + k / fraction
        return phi(z) / fraction
    term = total = x
    n = 1
    while abs(term) > Decimal(10) ** -70:
        n += 2
        term *= x * x / n
        total += term
    return ONE / 2 - phi(z) * total


def normal_cdf(z):
    return lower_tail(z) if z <= 0 else ONE - lower_tail(-z)


def tanh(z):
    return ONE - TWO / ((TWO * z).exp() + ONE)


def twice_u(z):
    return TWO * (TWO / PI).sqrt() * (z + Decimal("0.044715") * z**3)


def twice_u_slope(z):
    return TWO * (TWO / PI).sqrt() * (ONE + 3 * Decimal("0.044715") * z * z)


def mish_gate(z):
    u = ONE + z.exp()
    return (u * u - ONE) / (u * u + ONE)


def mish_gate_slope(z):
    u = ONE + z.exp()
    return 4 * u * z.exp() / (u * u + ONE) ** 2


# name: the value, and the derivative as the terms of a sum.  Where the sum crosses zero, only the
# largest term can bound a rounding error.
EXACT = {
    "elu": (lambda z: z if z > 0 else z.exp() - 1, lambda z: [ONE if z > 0 else z.exp()]),
    "celu": (lambda z: z if z > 0 else z.exp() - 1, lambda z: [ONE if z > 0 else z.exp()]),
    "selu": (
        lambda z: SELU_LAMBDA * (z if z > 0 else SELU_ALPHA * (z.exp() - 1)),
        lambda z: [SELU_LAMBDA * (ONE if z > 0 else SELU_ALPHA * z.exp())],
    ),
    "gelu": (lambda z: z * normal_cdf(z), lambda z: [normal_cdf(z), z * phi(z)]),
    "gelu_tanh": (
        lambda z: z * sigma(twice_u(z)),
        lambda z: [
            sigma(twice_u(z)),
            z * twice_u_slope(z) * sigma(twice_u(z)) * sigma(-twice_u(z)),
        ],
    ),
    "silu": (lambda z: z * sigma(z), lambda z: [sigma(z), z * sigma(z) * sigma(-z)]),
    "mish": (lambda z: z * mish_gate(z), lambda z: [mish_gate(z), z * mish_gate_slope(z)]),
    "sigmoid": (sigma, lambda z: [sigma(z) * sigma(-z)]),
    "softplus": (lambda z: (ONE + z.exp()).ln(), lambda z: [sigma(z)]),
    "tanh": (tanh, lambda z: [ONE - tanh(z) ** 2]),
    "softsign": (lambda z: z / (ONE + abs(z)), lambda z: [ONE / (ONE + abs(z)) ** 2]),
}

GRID = np.concatenate(
    [
        np.linspace(-37.3, 37.3, 61),
        np.linspace(-3, 3, 25),
        [-88.0, -87.3, -60.0, 60.0, 88.0],
        [-1e-3, -1e-8, -1e-30, 1e-30, 1e-8, 1e-3],
    ]
)


def tolerance(name, z, dtype):
    """Eight machine epsilons; for `gelu_tanh` also what rounding the exponent 2u costs a tail."""
    eps = float(np.finfo(dtype).eps)
    exponent = float(abs(twice_u(z))) if name == "gelu_tanh" else 0.0
    return (8 + 3 * exponent) * eps


def check(name, got, exact_terms, z, dtype):
    """Each result within the tolerance of the exact sum, relative to its largest term."""
    checked = 0
    for value, terms, at in zip(got, exact_terms, z, strict=True):
        exact, scale = sum(terms), max(abs(term) for term in terms)
        # Where digits are lost to underflow, within one of the smallest floats of the factors.
        if float(scale) < 64 * float(np.finfo(dtype).tiny):
            continue
        error = abs(Decimal(float(value)) - exact)
        assert error <= Decimal(tolerance(name, at, dtype)) * scale, (float(at), float(value))
        checked += 1
    return checked


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", list(EXACT))
def test_value_and_derivative_keep_their_digits_in_both_tails(name, dtype):
    z = GRID.astype(dtype)
    function = ACTIVATIONS[name]
    with np.errstate(all="ignore"):
        a = function.forward(np, z)
        derivative = function.derivative(np, z, a)
    value, slope = EXACT[name]
    with localcontext() as context:
        context.prec = 2 * DIGITS  # 1 - tanh² loses as many as its result has zeros
        points = [Decimal(float(v)) for v in z]
        assert check(name, a, [[value(p)] for p in points], points, dtype) > 40
        assert check(name, derivative, [slope(p) for p in points], points, dtype) > 40


def test_the_tails_named_in_the_literature_of_cancellation():
    # Each of these is 0 or far off when it is computed from a: 1 - a², a (1 - a), a + alpha
    z = np.array([-30.0])
    derivative = {
        n: float(ACTIVATIONS[n].derivative(np, z, ACTIVATIONS[n].forward(np, z))[0]) for n in EXACT
    }
    assert derivative["sigmoid"] == pytest.approx(np.exp(-30), rel=1e-12)
    assert derivative["tanh"] == pytest.approx(4 * np.exp(-60), rel=1e-12)
    assert derivative["elu"] == pytest.approx(np.exp(-30), rel=1e-12)
    assert derivative["silu"] == pytest.approx(-29 * np.exp(-30), rel=1e-12)
    assert derivative["mish"] == pytest.approx(-29 * np.exp(-30), rel=1e-12)
    # gelu' = φ(z) (z + 1/|z| - 1/|z|³ + ...), the Mills ratio's series
    mills = 1 / 30 - 1 / 30**3 + 3 / 30**5
    assert derivative["gelu"] == pytest.approx(
        np.exp(-450) / np.sqrt(2 * np.pi) * (-30 + mills), rel=1e-8
    )


def test_float32_derivative_of_silu_at_minus_88():
    z = np.array([-87.0, -88.0], np.float32)
    got = ACTIVATIONS["silu"].derivative(np, z, ACTIVATIONS["silu"].forward(np, z))
    exact = np.exp(z.astype(np.float64)) * (1 + z.astype(np.float64))
    # exp(-88) is subnormal in float32, with 22 bits left
    np.testing.assert_allclose(got, exact, rtol=2.0**-21)
