"""The values of a kernel while it is written: each operator adds an LLVM instruction.

`Int` is a 64-bit integer, `Address` a pointer, `Real` a floating-point number or a vector of them,
`Bits` the integers in which the bits of a vector are handled, `Truth` the result of a comparison.
Nothing may be reassociated or contracted: what is written is computed, so every instruction set
gives the same bits.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

from llvmlite import ir

if TYPE_CHECKING:
    from collections.abc import Callable

    from .function import Function

I1, I32, I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)
POINTER = ir.PointerType()

V = TypeVar("V")
S = TypeVar("S", bound="Value")


def _binary(method: str) -> Callable[[V, Any], V]:
    def apply(self: Any, other: Any) -> Any:
        return type(self)(self.f, getattr(self.f.builder, method)(self.ir, self.like(other).ir))

    return apply


def _reflected(method: str) -> Callable[[V, Any], V]:
    def apply(self: Any, other: Any) -> Any:
        return type(self)(self.f, getattr(self.f.builder, method)(self.like(other).ir, self.ir))

    return apply


def _comparison(method: str, symbol: str) -> Callable[[Any, Any], Truth]:
    def apply(self: Any, other: Any) -> Truth:
        compare = getattr(self.f.builder, method)
        return Truth(self.f, compare(symbol, self.ir, self.like(other).ir))

    return apply


class Value:
    """An LLVM value `ir` of the function `f` that is being written."""

    def __init__(self, f: Function, value: Any) -> None:
        self.f = f
        self.ir = value

    @property
    def type(self) -> Any:
        """The LLVM type."""
        return self.ir.type

    def like(self, other: Any) -> Value:
        """Return `other` as a value of the same type; a Python number becomes a constant."""
        if isinstance(other, Value):
            return other
        return type(self)(self.f, _constant(self.type, other, repr(other)))

    def shuffle(self: S, other: S, lanes: list[int]) -> S:
        """Return the vector of the given lanes, counted through self and on through `other`."""
        mask = ir.Constant(ir.VectorType(I32, len(lanes)), lanes)
        return type(self)(self.f, self.f.builder.shuffle_vector(self.ir, other.ir, mask))


@functools.cache
def _constant(type_: Any, number: float, _text: str) -> Any:
    # `_text` tells 0.0 from -0.0 and 1 from 1.0, which are equal and would share an entry.
    if isinstance(type_, ir.VectorType):
        return ir.Constant(type_, [ir.Constant(type_.element, number)] * type_.count)
    return ir.Constant(type_, number)


def in_every_lane(builder: Any, number: Any, lanes: int) -> Any:
    """Return a vector that holds an LLVM number in each of its lanes."""
    undefined = ir.Constant(ir.VectorType(number.type, lanes), ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(I32, 0))
    zeros = ir.Constant(ir.VectorType(I32, lanes), None)
    return builder.shuffle_vector(first, undefined, zeros)


class Truth(Value):
    """A comparison's result: one bit, or one for each lane."""

    __and__ = _binary("and_")
    __or__ = _binary("or_")

    def as_int(self) -> Int:
        """Return 1 for true and 0 for false."""
        return Int(self.f, self.f.builder.zext(self.ir, I64))

    def __invert__(self) -> Truth:
        return Truth(self.f, self.f.builder.not_(self.ir))

    def any(self) -> Truth:
        """Return whether it holds in some lane of a vector."""
        word = ir.IntType(self.type.count)
        bits = self.f.builder.bitcast(self.ir, word)
        return Truth(self.f, self.f.builder.icmp_unsigned("!=", bits, ir.Constant(word, 0)))

    def select(self, yes: Any, no: Any) -> Any:
        """Return `yes` where it holds and `no` elsewhere; one of them may be a Python number."""
        model = yes if isinstance(yes, Value) else no
        chosen = self.f.builder.select(self.ir, model.like(yes).ir, model.like(no).ir)
        return type(model)(self.f, chosen)


class Int(Value):
    """A 64-bit integer, signed."""

    __add__ = _binary("add")
    __radd__ = _binary("add")
    __sub__ = _binary("sub")
    __rsub__ = _reflected("sub")
    __mul__ = _binary("mul")
    __rmul__ = _binary("mul")
    __floordiv__ = _binary("sdiv")  # of numbers that are not negative
    __mod__ = _binary("srem")
    __and__ = _binary("and_")
    __or__ = _binary("or_")
    __lshift__ = _binary("shl")
    __rshift__ = _binary("ashr")
    __lt__ = _comparison("icmp_signed", "<")
    __le__ = _comparison("icmp_signed", "<=")
    __gt__ = _comparison("icmp_signed", ">")
    __ge__ = _comparison("icmp_signed", ">=")

    def equals(self, other: Any) -> Truth:
        """Return whether it is `other`."""
        return Truth(self.f, self.f.builder.icmp_signed("==", self.ir, self.like(other).ir))

    def min(self, other: Any) -> Int:
        """Return the smaller of the two."""
        result: Int = (self < other).select(self, other)
        return result

    def max(self, other: Any) -> Int:
        """Return the larger of the two."""
        result: Int = (self > other).select(self, other)
        return result

    def ceil_div(self, other: Any) -> Int:
        """Return self / other, rounded up."""
        result: Int = (self + other - 1) // other
        return result

    def splat(self) -> Bits:
        """Return a vector of 64-bit integers with this number in every lane."""
        lanes = self.f.isa.vector_bytes // 8
        return Bits(self.f, in_every_lane(self.f.builder, self.ir, lanes))

    def as_address(self) -> Address:
        """Return the address that the number is."""
        return Address(self.f, self.f.builder.inttoptr(self.ir, POINTER))


class Address(Value):
    """A pointer."""

    def __init__(self, f: Function, value: Any) -> None:
        super().__init__(f, value)
        # llvmlite gives memory it reserves a pointer of its element's type, and needs a function's.
        if not isinstance(value, ir.Function):
            value.type = POINTER

    def bytes(self, count: Any) -> Address:
        """Return the address `count` bytes on."""
        return self._step(ir.IntType(8), count)

    def reals(self, count: Any) -> Address:
        """Return the address `count` elements of the kernel's dtype on."""
        return self._step(self.f.real, count)

    def ints(self, count: Any) -> Address:
        """Return the address `count` 64-bit words on."""
        return self._step(I64, count)

    def _step(self, element: Any, count: Any) -> Address:
        index = count.ir if isinstance(count, Value) else ir.Constant(I64, count)
        return Address(self.f, self.f.builder.gep(self.ir, [index], source_etype=element))

    def int(self, index: Any = 0) -> Int:
        """Return the 64-bit integer at word `index`."""
        return Int(self.f, self.f.builder.load(self.ints(index).ir, typ=I64))

    def address(self, index: Any = 0) -> Address:
        """Return the pointer at word `index`."""
        return Address(self.f, self.f.builder.load(self.ints(index).ir, typ=POINTER))

    def real(self, index: Any = 0) -> Real:
        """Return element `index`."""
        return Real(self.f, self.f.builder.load(self.reals(index).ir, typ=self.f.real))

    def vector(self, index: Any = 0, mask: Truth | None = None) -> Real:
        """Return the vector that begins with element `index`; lanes not in `mask` are 0, unread."""
        f, place = self.f, self.reals(index).ir
        if mask is None:
            loaded = f.builder.load(place, typ=f.vector, align=f.real_bytes)
            return Real(f, loaded)
        return f.masked_load(place, mask)

    def store(self, value: Value, index: Any = 0, mask: Truth | None = None) -> None:
        """Write `value` at `index`, counted in units of its own element; only lanes in `mask`."""
        element = value.type.element if isinstance(value.type, ir.VectorType) else value.type
        place = self._step(element, index).ir
        if mask is not None:
            self.f.masked_store(place, value, mask)
        elif isinstance(value.type, ir.VectorType):
            self.f.builder.store(value.ir, place, align=self.f.real_bytes)
        else:
            self.f.builder.store(value.ir, place)

    def truths(self, index: Any, lanes: Any) -> Truth:
        """Return where `lanes` bytes from byte `index` on are not 0."""
        type_ = ir.VectorType(ir.IntType(8), lanes)
        loaded = self.f.builder.load(self.bytes(index).ir, typ=type_, align=1)
        return Truth(self.f, self.f.builder.icmp_unsigned("!=", loaded, ir.Constant(type_, None)))

    def store_truths(self, truth: Truth, index: Any = 0) -> None:
        """Write a byte for each lane from byte `index` on: 1 for true and 0 for false."""
        type_ = ir.VectorType(ir.IntType(8), truth.type.count)
        written = self.f.builder.zext(truth.ir, type_)
        self.f.builder.store(written, self.bytes(index).ir, align=1)

    def as_int(self) -> Int:
        """Return the address as a number."""
        return Int(self.f, self.f.builder.ptrtoint(self.ir, I64))


class Real(Value):
    """A floating-point number of the kernel's dtype, or a vector of them."""

    __add__ = _binary("fadd")
    __radd__ = _binary("fadd")
    __sub__ = _binary("fsub")
    __rsub__ = _reflected("fsub")
    __mul__ = _binary("fmul")
    __rmul__ = _binary("fmul")
    __truediv__ = _binary("fdiv")
    __rtruediv__ = _reflected("fdiv")
    # Ordered: false where either is NaN.
    __lt__ = _comparison("fcmp_ordered", "<")
    __le__ = _comparison("fcmp_ordered", "<=")
    __gt__ = _comparison("fcmp_ordered", ">")
    __ge__ = _comparison("fcmp_ordered", ">=")

    def equals(self, other: Any) -> Truth:
        """Return where it equals `other`."""
        return Truth(self.f, self.f.builder.fcmp_ordered("==", self.ir, self.like(other).ir))

    def is_nan(self) -> Truth:
        """Return where it is NaN."""
        return Truth(self.f, self.f.builder.fcmp_unordered("uno", self.ir, self.ir))

    def __neg__(self) -> Real:
        return Real(self.f, self.f.builder.fneg(self.ir))

    def fma(self, factor: Any, addend: Any) -> Real:
        """Return self * factor + addend, rounded once."""
        return self.f.call_intrinsic("fma", self, factor, addend)

    def abs(self) -> Real:
        """Return the absolute value."""
        return self.f.call_intrinsic("fabs", self)

    def sqrt(self) -> Real:
        """Return the square root."""
        return self.f.call_intrinsic("sqrt", self)

    def copysign(self, sign: Real) -> Real:
        """Return its magnitude with the sign of `sign`."""
        return self.f.call_intrinsic("copysign", self, sign)

    def above(self, other: Any) -> Real:
        """Return the larger of the two, NaN where self is NaN; one instruction."""
        result: Real = (self.like(other) > self).select(other, self)
        return result

    def below(self, other: Any) -> Real:
        """Return the smaller of the two, NaN where self is NaN; one instruction."""
        result: Real = (self.like(other) < self).select(other, self)
        return result

    def splat(self) -> Real:
        """Return a vector with this number in every lane."""
        return Real(self.f, in_every_lane(self.f.builder, self.ir, self.f.lanes))

    def bits(self) -> Bits:
        """Return the bits as integers of the same width."""
        word = ir.IntType(8 * self.f.real_bytes)
        vector = isinstance(self.type, ir.VectorType)
        type_ = ir.VectorType(word, self.type.count) if vector else word
        return Bits(self.f, self.f.builder.bitcast(self.ir, type_))

    def lane(self, index: int) -> Real:
        """Return the number in one lane of a vector."""
        return Real(self.f, self.f.builder.extract_element(self.ir, ir.Constant(I32, index)))


class Bits(Value):
    """Integers as wide as the kernel's dtype, one or a vector, two's complement.

    `Int.splat` and `Function.ramp` give vectors of 64-bit integers whatever the dtype.
    """

    __add__ = _binary("add")
    __sub__ = _binary("sub")
    __and__ = _binary("and_")
    __or__ = _binary("or_")
    __xor__ = _binary("xor")
    __lshift__ = _binary("shl")
    __rshift__ = _binary("ashr")
    __lt__ = _comparison("icmp_signed", "<")
    __gt__ = _comparison("icmp_signed", ">")

    def equals(self, other: Any) -> Truth:
        """Return where it equals `other`."""
        return Truth(self.f, self.f.builder.icmp_signed("==", self.ir, self.like(other).ir))

    def logical_shift(self, count: int) -> Bits:
        """Return the bits moved down by `count`, zeros coming in."""
        return Bits(self.f, self.f.builder.lshr(self.ir, self.like(count).ir))

    def product_of_halves(self, other: Any) -> Bits:
        """Return the product, of 64 bits, of the lower halves of 64-bit integers."""
        lower = self.like(2**32 - 1)
        halves = [self.f.builder.and_(value.ir, lower.ir) for value in (self, self.like(other))]
        return Bits(self.f, self.f.builder.mul(*halves))

    def halves(self) -> Bits:
        """Return 64-bit integers as twice as many of 32 bits, the lower half first."""
        type_ = ir.VectorType(I32, 2 * self.type.count)
        return Bits(self.f, self.f.builder.bitcast(self.ir, type_))

    def wholes(self) -> Bits:
        """Return what `halves` was made of."""
        type_ = ir.VectorType(I64, self.type.count // 2)
        return Bits(self.f, self.f.builder.bitcast(self.ir, type_))

    def at_least(self, other: Any) -> Truth:
        """Return where it is `other` or more, both without a sign."""
        return Truth(self.f, self.f.builder.icmp_unsigned(">=", self.ir, self.like(other).ir))

    def real(self) -> Real:
        """Return the floating-point numbers that have these bits."""
        vector = isinstance(self.type, ir.VectorType)
        type_ = self.f.vector if vector else self.f.real
        return Real(self.f, self.f.builder.bitcast(self.ir, type_))

    def to_real(self) -> Real:
        """Return the integers converted to floating point."""
        vector = isinstance(self.type, ir.VectorType)
        type_ = self.f.vector if vector else self.f.real
        return Real(self.f, self.f.builder.sitofp(self.ir, type_))
