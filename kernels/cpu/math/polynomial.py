"""Polynomials by Horner's rule, each step one fused multiply-add."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..codegen.values import Real

T = TypeVar("T")


def table(by_dtype: Mapping[str, T], x: Real) -> T:
    """Return what `by_dtype` holds for the name of the dtype of `x`."""
    return by_dtype[x.f.module.dtype.name]


def polynomial(x: Real, coefficients: Sequence[float], rest: Real | None = None) -> Real:
    """Return the polynomial with these coefficients, the lowest power first, at `x`.

    With `rest`, what is beyond them divided by the power that follows on the last.
    """
    if rest is None:
        *coefficients, last = coefficients
        rest = x.f.number(last)
    for c in reversed(coefficients):
        rest = rest.fma(x, c)
    return rest


def halved_polynomial(x: Real, coefficients: Sequence[float]) -> Real:
    """Return what `polynomial` does, the even and the odd powers apart.

    It takes one multiplication more and half the time until it is there, which counts where so much
    hangs on it that the processor cannot look as far ahead as to the next vector.
    """
    square = x * x
    even, odd = (polynomial(square, coefficients[i::2]) for i in (0, 1))
    return odd.fma(x, even)


def rescaled(coefficients: Sequence[float], factor: float, scale: float = 1.0) -> list[float]:
    """Return the coefficients of scale * p(factor * x), exact where both are powers of two."""
    return [c * scale * factor**k for k, c in enumerate(coefficients)]
