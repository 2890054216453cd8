"""The vector functions of kernels/cpu/math: what they should be, and how far off at most."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from support.written_kernels import written

from mlpcore.kernels.cpu.math import exponential, hyperbolic, logarithm, logistic, normal
from mlpcore.kernels.cpu.math import trigonometric as trig

INF = np.inf
ROOT_TAU = np.sqrt(8 * np.arctan(np.longdouble(1)))


@dataclass(frozen=True)
class VectorFunction:
    """A function, its exact values in a wider dtype, its domain and its largest error in ulp."""

    emit: Any
    exact: Any
    float32: float
    float64: float
    low: float = -INF
    high: float = INF

    def bound(self, dtype):
        """Return the largest error that its docstring allows."""
        return getattr(self, np.dtype(dtype).name)

    def within(self, x):
        """Return the numbers of `x` in the domain, NaN among them."""
        return x[~((x < self.low) | (x > self.high))]


def _sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def _sigmoid_derivative(x):
    e = np.exp(-np.abs(x))
    return e / (1 + e) ** 2


def _gaussian(x):
    return np.exp(-x * x / 2)


def _density(x):
    return _gaussian(np.minimum(np.abs(x), 50)) / ROOT_TAU.astype(x.dtype)


def normal_cdf(x):
    """Return Φ(x): by its series about 0, and by its continued fraction in the tails.

    M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions" (1964), 26.2.11, 26.2.14.
    """
    m = np.minimum(np.abs(x), 50)
    density = _gaussian(m) / ROOT_TAU.astype(x.dtype)
    near = np.minimum(m, 2.5)
    term = total = near
    for k in range(1, 60):
        term = term * near * near / (2 * k + 1)
        total = total + term
    far = np.maximum(m, 2.5)
    fraction = far
    for k in range(150, 0, -1):
        fraction = far + k / fraction
    tail = np.where(m < 2.5, x.dtype.type(0.5) - total * density, density / fraction)
    return np.where(np.isnan(x), x, np.where(x < 0, tail, 1 - tail))


FUNCTIONS = {
    "exp": VectorFunction(exponential.exp, np.exp, 1, 1),
    "exp_of_negative": VectorFunction(exponential.exp_of_negative, np.exp, 1, 1, high=0.0),
    "exp2": VectorFunction(exponential.exp2, np.exp2, 1, 1, -250.0, 250.0),
    "expm1": VectorFunction(exponential.expm1, np.expm1, 2, 2),
    "expm1_of_negative": VectorFunction(
        exponential.expm1_of_negative, np.expm1, 1.2, 1.2, high=0.0
    ),
    "log": VectorFunction(logarithm.log, np.log, 1, 1),
    "log1p": VectorFunction(logarithm.log1p, np.log1p, 1.6, 1.6),
    "log1p_of_unit": VectorFunction(logarithm.log1p_of_unit, np.log1p, 1.6, 1.6, 0.0, 1.0),
    "tanh": VectorFunction(hyperbolic.tanh, np.tanh, 2.7, 2.7),
    "sigmoid": VectorFunction(logistic.sigmoid, _sigmoid, 2.5, 2.5),
    "sigmoid_derivative": VectorFunction(
        logistic.sigmoid_derivative, _sigmoid_derivative, 2.5, 2.5
    ),
    "normal_cdf": VectorFunction(normal.normal_cdf, normal_cdf, 7.1, 9),
    "normal_density": VectorFunction(normal.normal_density, _density, 2.8, 2.8),
    "sin": VectorFunction(trig.sin, np.sin, 1.6, 1.6),
    "cos": VectorFunction(trig.cos, np.cos, 1.6, 1.6),
}


@functools.cache
def compiled(name, isa, dtype):
    """Return the kernel ``f(x, y, n)`` that writes the function of each of n numbers."""

    def write(module):
        with (
            module.function("kernel", "address", "address", "int") as (f, x, y, n),
            f.loop(0, n, f.lanes) as i,
        ):
            mask = f.first_lanes(n - i)
            y.store(FUNCTIONS[name].emit(x.vector(i, mask)), i, mask)

    return written(write, isa, dtype)


def evaluated(name, x, isa):
    """Return the function of each number of the contiguous array `x`."""
    y = np.empty_like(x)
    compiled(name, isa, x.dtype)(x.ctypes.data, y.ctypes.data, x.size)
    return y
