"""Multiplication by a power of two, rounded once also where the product is subnormal.

AVX-512 has an instruction for it.  Elsewhere the power is split in two, so that each half is a
normal number: the first product is exact and the second is rounded, which gives the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from llvmlite import ir

if TYPE_CHECKING:
    from ..codegen.values import Bits, Real


class Whole(NamedTuple):
    """A number rounded to a whole one: as a number, and in the low bits of `shifted`."""

    number: Real
    shifted: Real


def _explicit_bits(x: Real) -> int:
    return int(np.finfo(x.f.module.dtype).nmant)


def whole(x: Real, factor: float) -> Whole:
    """Return x * factor rounded to the nearest whole number, ties to even.

    Adding 1.5 * 2^nmant, whose last bit counts ones, leaves no bits for a fraction.  The result
    must be less than 2^(nmant - 1) in magnitude.
    """
    magic = 1.5 * 2.0 ** _explicit_bits(x)
    shifted = x.fma(factor, magic)
    return Whole(shifted - magic, shifted)


def two_to(n: Whole, start: Real | None = None) -> Real:
    """Return start * 2^n, which must be a normal number, for a power of two, by default 1."""
    nmant = _explicit_bits(n.shifted)
    one: Bits = (n.shifted.f.number(1.0) if start is None else start).bits()
    return ((n.shifted.bits() << nmant) + one).real()


def scaled(x: Real, n: Whole) -> Real:
    """Return x * 2^n rounded once, for |x| in [1/2, 2] and |n| below twice the largest exponent."""
    if x.f.isa.name == "avx512":
        return _scalef(x, n.number)
    nmant = _explicit_bits(x)
    # The low bits of `shifted` hold n as a two's complement number: taken down to the sign.
    exponent = n.shifted.bits() - x.f.number(1.5 * 2.0**nmant).bits()
    half = exponent >> 1
    one = x.f.number(1.0).bits()
    first = ((half << nmant) + one).real()
    second = (((exponent - half) << nmant) + one).real()
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
