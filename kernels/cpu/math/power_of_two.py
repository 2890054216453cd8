"""Multiplication by a power of two, rounded once also where the product is subnormal.

AVX-512 has an instruction for it.  Elsewhere the power is split in two, so that each half is a
normal number: the first product is exact and the second is rounded, which gives the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from llvmlite import ir

if TYPE_CHECKING:
    from ..codegen.values import Real


class Whole(NamedTuple):
    """A number rounded to a whole one; the low bits of `shifted` are it plus `bias`."""

    number: Real
    shifted: Real
    bias: int


def explicit_bits(x: Real) -> int:
    """Return how many bits of a significand the dtype of `x` stores."""
    return int(np.finfo(x.f.module.dtype).nmant)


def exponent_bias(x: Real) -> int:
    """Return what the dtype of `x` adds to an exponent to store it."""
    return int(np.finfo(x.f.module.dtype).maxexp) - 1


def magic(x: Real) -> float:
    """Return 1.5 * 2^nmant, whose last bit counts ones: a sum with it has no fraction."""
    return 1.5 * 2.0 ** explicit_bits(x)


def whole(x: Real, factor: float, bias: int = 0) -> Whole:
    """Return x * factor rounded to the nearest whole number, less than 2^(nmant - 1) in magnitude.

    Of two that are as near, it is the one that is even when `bias` is added.
    """
    constant = magic(x) + bias
    shifted = x.fma(factor, constant)
    return Whole(shifted - constant, shifted, bias)


def exponent(x: Real, factor: float) -> Whole:
    """Return `whole` as `two_to` and `scaled` take it."""
    return whole(x, factor, exponent_bias(x))


def two_to(n: Whole, start: Real | None = None) -> Real:
    """Return start * 2^n, a normal number, of n from `exponent`, for a power of two, by default 1.

    Without `start` it is one instruction.
    """
    power = n.shifted.bits() << explicit_bits(n.shifted)
    if start is not None:
        power = power + (start.bits() - start.f.number(1.0).bits())
    return power.real()


def scaled(x: Real, n: Whole) -> Real:
    """Return x * 2^n rounded once, for |x| in [1/2, 2] and |n| below twice the largest exponent."""
    if x.f.isa.name == "avx512":
        return _scalef(x, n.number)
    nmant = explicit_bits(x)
    # The low bits of `shifted` hold n as a two's complement number: taken down to the sign.
    power = n.shifted.bits() - x.f.number(magic(x) + n.bias).bits()
    half = power >> 1
    one = x.f.number(1.0).bits()
    first = ((half << nmant) + one).real()
    second = (((power - half) << nmant) + one).real()
    return x * first * second


def _scalef(x: Real, n: Real) -> Real:
    """Return x * 2^n by the one instruction that AVX-512 has for it."""
    f = x.f
    kind = "ps" if f.real_bytes == 4 else "pd"
    name = f"llvm.x86.avx512.mask.scalef.{kind}.512"
    lanes, word = ir.IntType(f.lanes), ir.IntType(32)
    type_ = ir.FunctionType(f.vector, [f.vector, f.vector, f.vector, lanes, word])
    function: Any = f.module.ir.globals.get(name) or ir.Function(f.module.ir, type_, name)
    all_lanes = ir.Constant(lanes, 2**f.lanes - 1)
    as_the_mode_says = ir.Constant(word, 4)
    call = f.builder.call(function, [x.ir, n.ir, x.ir, all_lanes, as_the_mode_says])
    return type(x)(f, call)
