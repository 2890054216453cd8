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


def polynomial(x: Real, coefficients: Sequence[float]) -> Real:
    """Return the polynomial with these coefficients, the lowest power first, at `x`."""
    *rest, last = coefficients
    result = x.f.number(last)
    for c in reversed(rest):
        result = result.fma(x, c)
    return result
