"""Writing one kernel: its arguments, loops, conditions and variables.

    with module.function("scale", "address", "int", "real") as (f, p, n, factor):
        with f.loop(0, n, f.lanes) as i:
            mask = f.first_lanes(n - i)
            p.store(p.vector(i, mask) * factor.splat(), i, mask)

Arguments and results are addresses, 64-bit integers and numbers of the module's dtype, so that any
kernel can be called through ctypes and through a pointer from another kernel.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import numpy as np
from llvmlite import ir

from .values import I32, I64, POINTER, Address, Bits, Int, Real, Truth, Value, in_every_lane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .instruction_set import InstructionSet

V = TypeVar("V", bound=Value)

Number: TypeAlias = int  # a name that `Function.int` does not hide

_KINDS: dict[str, type[Value]] = {"address": Address, "int": Int, "real": Real}


class Module:
    """Kernels of one instruction set and dtype that are compiled together.

    Parameters
    ----------
    isa : InstructionSet
        What to compile for.
    dtype : dtype
        float32 or float64: what `Real` means.

    Attributes
    ----------
    soon : bool
        Whether somebody waits for these kernels: fewer passes then look for what could be better.
    """

    def __init__(self, isa: InstructionSet, dtype: Any) -> None:
        self.isa = isa
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.ir = ir.Module(f"mlpcore_{isa.name}_{self.dtype.name}")
        self.real = ir.FloatType() if self.dtype == np.float32 else ir.DoubleType()
        self.lanes = isa.vector_bytes // self.dtype.itemsize
        self.vector = ir.VectorType(self.real, self.lanes)
        self.soon = False

    def type(self, kind: str) -> Any:
        """Return the LLVM type of ``"address"``, ``"int"`` or ``"real"``."""
        return {"address": POINTER, "int": I64, "real": self.real}[kind]

    def signature(self, kinds: tuple[str, ...], result: str | None) -> Any:
        """Return the LLVM type of a function."""
        returned = ir.VoidType() if result is None else self.type(result)
        return ir.FunctionType(returned, [self.type(kind) for kind in kinds])

    @contextmanager
    def function(
        self, name: str, *kinds: str, result: str | None = None, private: bool = False
    ) -> Iterator[Any]:
        """Write the kernel `name` in the block; gives the `Function` and its arguments.

        Parameters
        ----------
        name : str
            Its name in the object code.
        *kinds : str
            ``"address"``, ``"int"`` or ``"real"`` for each argument.
        result : str, optional
            The same for what `Function.returns` gives; without it there is no result.
        private : bool
            Whether only this module calls it, so that it may be inlined and left out.
        """
        function = ir.Function(self.ir, self.signature(kinds, result), name)
        function.attributes.add("nounwind")
        if private:
            function.linkage = "internal"
        f = Function(self, function, result)
        yield (f, *(_KINDS[k](f, a) for k, a in zip(kinds, function.args, strict=True)))
        if not f.builder.block.is_terminated:
            f.builder.ret_void()


class Function:
    """The kernel that is being written."""

    def __init__(self, module: Module, function: Any, result: str | None) -> None:
        self.module = module
        self.ir = function
        self.real, self.vector, self.lanes = module.real, module.vector, module.lanes
        self.real_bytes = module.dtype.itemsize
        self.isa = module.isa
        self._result = result
        entry = function.append_basic_block("entry")
        self._body = function.append_basic_block("body")
        # Variables live in the entry block, where LLVM turns them into registers.
        self._entry = ir.IRBuilder(entry)
        self._entry.branch(self._body)
        self._entry.position_before(entry.terminator)
        self.builder = ir.IRBuilder(self._body)

    # Constants and variables.

    def int(self, value: int) -> Int:
        """Return a constant integer."""
        return Int(self, ir.Constant(I64, value))

    def number(self, value: float) -> Real:
        """Return a constant vector with `value`, rounded to the dtype, in every lane."""
        rounded = float(self.module.dtype.type(value))
        element = ir.Constant(self.real, rounded)
        return Real(self, ir.Constant(self.vector, [element] * self.lanes))

    def ramp(self) -> Bits:
        """Return the vector 0, 1, 2, ... of 64-bit integers."""
        lanes = self.isa.vector_bytes // 8
        numbers = [ir.Constant(I64, lane) for lane in range(lanes)]
        return Bits(self, ir.Constant(ir.VectorType(I64, lanes), numbers))

    def scalar(self, value: float) -> Real:
        """Return a constant number, rounded to the dtype."""
        return Real(self, ir.Constant(self.real, float(self.module.dtype.type(value))))

    def variable(self, value: V) -> Variable[V]:
        """Return a variable that starts as `value`."""
        slot = self._entry.alloca(value.type)
        self.builder.store(value.ir, slot)
        return Variable(self, slot, value)

    def buffer(self, num_bytes: Number, align: Number = 64) -> Address:
        """Return memory on the stack, the same in each round of a loop."""
        slot = self._entry.alloca(ir.ArrayType(ir.IntType(8), num_bytes))
        slot.align = align
        return Address(self, slot)

    def table(self, numbers: list[float] | list[Number], kind: str = "real") -> Address:
        """Return the address of constants, reals or 64-bit integers."""
        element = self.module.type(kind)
        type_ = ir.ArrayType(element, len(numbers))
        name = self.module.ir.get_unique_name("table")
        constant = ir.GlobalVariable(self.module.ir, type_, name)
        constant.linkage, constant.global_constant, constant.align = "internal", True, 64
        constant.initializer = ir.Constant(type_, [ir.Constant(element, n) for n in numbers])
        return Address(self, constant)

    def pointers(self, names: list[str]) -> Address:
        """Return the address of a table of the addresses of kernels written before."""
        type_ = ir.ArrayType(POINTER, len(names))
        table = ir.GlobalVariable(self.module.ir, type_, self.module.ir.get_unique_name("kernels"))
        table.linkage, table.global_constant = "internal", True
        table.initializer = ir.Constant(type_, [self.address_of(name).ir for name in names])
        return Address(self, table)

    # Control.

    @contextmanager
    def loop(self, start: Any, stop: Any, step: Any = 1) -> Iterator[Int]:
        """Run the block with an index from `start` by `step` while it is below `stop`."""
        first = self._as_int(start)
        index = self.variable(first)
        with self.while_(lambda: index.value < stop):
            here = index.value
            yield here
            index.value = here + step

    @contextmanager
    def while_(self, condition: Callable[[], Truth]) -> Iterator[None]:
        """Run the block again and again while `condition`, evaluated each time, holds."""
        test, body, done = (self._block(name) for name in ("test", "body", "done"))
        self.builder.branch(test)
        self.builder.position_at_end(test)
        self.builder.cbranch(condition().ir, body, done)
        self.builder.position_at_end(body)
        yield
        if not self.builder.block.is_terminated:
            self.builder.branch(test)
        self.builder.position_at_end(done)

    def repeat(
        self, count: Int, values: list[Value], body: Callable[[list[Any]], list[Value]]
    ) -> list[Any]:
        """Return what `count` rounds of ``values = body(values)`` make of `values`.

        For inner loops: the values are held in registers from round to round.
        """
        builder = self.builder
        before, around, done = builder.block, self._block("round"), self._block("after")
        builder.cbranch((count > 0).ir, around, done)
        builder.position_at_end(around)
        left = builder.phi(I64)
        left.add_incoming(count.ir, before)
        held = [builder.phi(value.type) for value in values]
        for phi, value in zip(held, values, strict=True):
            phi.add_incoming(value.ir, before)
        new = body([type(v)(self, phi) for v, phi in zip(values, held, strict=True)])
        remaining = builder.sub(left, ir.Constant(I64, 1))
        left.add_incoming(remaining, builder.block)
        for phi, value in zip(held, new, strict=True):
            phi.add_incoming(value.ir, builder.block)
        builder.cbranch(builder.icmp_signed(">", remaining, ir.Constant(I64, 0)), around, done)
        last = builder.block
        builder.position_at_end(done)
        results = []
        for old, value in zip(values, new, strict=True):
            merged = builder.phi(value.type)
            merged.add_incoming(old.ir, before)
            merged.add_incoming(value.ir, last)
            results.append(type(old)(self, merged))
        return results

    def keep_order(self) -> None:
        """Keep LLVM from moving loads across this place, or merging those before and after it."""
        self.builder.fence("seq_cst", "singlethread")

    @contextmanager
    def when(self, condition: Truth) -> Iterator[None]:
        """Run the block if `condition` holds."""
        with self.builder.if_then(condition.ir):
            yield

    @contextmanager
    def either(self, condition: Truth) -> Iterator[tuple[Any, Any]]:
        """Give two context managers: for where `condition` holds, and for where it does not."""
        with self.builder.if_else(condition.ir) as branches:
            yield branches

    def returns(self, value: Value | None = None) -> None:
        """Return from the kernel."""
        if value is None:
            self.builder.ret_void()
        else:
            self.builder.ret(value.ir)

    def call(self, name: str, *arguments: Value) -> Any:
        """Call a kernel of this module that was written before."""
        function = self.module.ir.get_global(name)
        result = self.builder.call(function, [a.ir for a in arguments])
        return self._wrapped(result, function.function_type.return_type)

    def call_at(self, pointer: Address, *arguments: Value, result: str | None = None) -> Any:
        """Call the kernel at an address, which may be of another module."""
        returned = ir.VoidType() if result is None else self.module.type(result)
        type_ = ir.FunctionType(returned, [a.type for a in arguments])
        called = self.builder.call(_Callee(pointer.ir, type_), [a.ir for a in arguments])
        return self._wrapped(called, returned)

    def call_external(self, name: str, *arguments: Value, result: str | None = None) -> Any:
        """Call a C function of the process, such as one of the C library."""
        kinds = tuple(_kind_of(a) for a in arguments)
        if name not in self.module.ir.globals:
            ir.Function(self.module.ir, self.module.signature(kinds, result), name)
        return self.call(name, *arguments)

    def address_of(self, name: str) -> Address:
        """Return the address of a kernel of this module that was written before."""
        return Address(self, self.module.ir.get_global(name))

    # Vectors.

    def first_lanes(self, count: Int) -> Truth:
        """Return a mask of the first `count` lanes; all of them if `count` is not less."""
        word = ir.IntType(32)
        ramp = ir.Constant(ir.VectorType(word, self.lanes), list(range(self.lanes)))
        bounded = count.min(self.lanes)
        narrow = self.builder.trunc(bounded.ir, word)
        limit = in_every_lane(self.builder, narrow, self.lanes)
        return Truth(self, self.builder.icmp_signed("<", ramp, limit))

    def masked_load(self, place: Any, mask: Truth) -> Real:
        """Return the lanes in `mask` from `place`, 0 in the others; see `Address.vector`."""
        name = f"llvm.masked.load.v{self.lanes}{self._suffix}.p0"
        type_ = ir.FunctionType(self.vector, [POINTER, I32, mask.type, self.vector])
        function = self._declared(name, type_)
        zero = ir.Constant(self.vector, None)
        align = ir.Constant(I32, self.real_bytes)
        return Real(self, self.builder.call(function, [place, align, mask.ir, zero]))

    def masked_store(self, place: Any, value: Value, mask: Truth) -> None:
        """Write the lanes in `mask` to `place`; see `Address.store`."""
        name = f"llvm.masked.store.v{self.lanes}{self._suffix}.p0"
        type_ = ir.FunctionType(ir.VoidType(), [self.vector, POINTER, I32, mask.type])
        function = self._declared(name, type_)
        align = ir.Constant(I32, self.real_bytes)
        self.builder.call(function, [value.ir, place, align, mask.ir])

    def masked_indices(self, place: Address, mask: Truth) -> Bits:
        """Return 64-bit integers brought into [-1, 2**31), -1 in the lanes not in `mask`."""
        wide = ir.VectorType(I64, self.lanes)
        type_ = ir.FunctionType(wide, [POINTER, I32, mask.type, wide])
        function = self._declared(f"llvm.masked.load.v{self.lanes}i64.p0", type_)
        none, top = (ir.Constant(wide, [ir.Constant(I64, n)] * self.lanes) for n in (-1, 2**31 - 1))
        loaded = self.builder.call(function, [place.ir, ir.Constant(I32, 8), mask.ir, none])
        for symbol, bound in ((">", none), ("<", top)):
            inside = self.builder.icmp_signed(symbol, loaded, bound)
            loaded = self.builder.select(inside, loaded, bound)
        word = ir.VectorType(ir.IntType(8 * self.real_bytes), self.lanes)
        return Bits(self, loaded if word == wide else self.builder.trunc(loaded, word))

    def call_intrinsic(self, name: str, model: Real, *others: Any) -> Real:
        """Return LLVM's function `name` of values of one type."""
        arguments = [model.ir, *(model.like(other).ir for other in others)]
        lanes = f"v{model.type.count}" if isinstance(model.type, ir.VectorType) else ""
        type_ = ir.FunctionType(model.type, [model.type] * len(arguments))
        function = self._declared(f"llvm.{name}.{lanes}{self._suffix}", type_)
        return Real(self, self.builder.call(function, arguments))

    def prefetch(self, place: Address, *, cache: Number = 2) -> None:
        """Ask for the cache line at `place`, which need not be readable, in cache 1, 2 or 3."""
        function = self._declared(
            "llvm.prefetch.p0", ir.FunctionType(ir.VoidType(), [POINTER, I32, I32, I32])
        )
        read, locality, data = (ir.Constant(I32, n) for n in (0, 4 - cache, 1))
        self.builder.call(function, [place.ir, read, locality, data])

    @property
    def _suffix(self) -> str:
        return f"f{8 * self.real_bytes}"

    def _declared(self, name: str, type_: Any) -> Any:
        found = self.module.ir.globals.get(name)
        return ir.Function(self.module.ir, type_, name) if found is None else found

    def _block(self, name: str) -> Any:
        return self.ir.append_basic_block(name)

    def _as_int(self, value: Any) -> Int:
        return value if isinstance(value, Int) else self.int(value)

    def _wrapped(self, result: Any, type_: Any) -> Any:
        if isinstance(type_, ir.VoidType):
            return None
        if type_ == I64:
            return Int(self, result)
        return (Address if type_ == POINTER else Real)(self, result)


class Variable(Generic[V]):
    """A value that changes while the kernel runs."""

    def __init__(self, f: Function, slot: Any, model: V) -> None:
        self._f, self._slot, self._model = f, slot, model

    @property
    def value(self) -> V:
        """What it is now."""
        loaded = self._f.builder.load(self._slot, typ=self._model.type)
        return type(self._model)(self._f, loaded)

    @value.setter
    def value(self, value: V) -> None:
        self._f.builder.store(self._model.like(value).ir, self._slot)


class _Callee:
    """A pointer with the signature of what it points to, which llvmlite asks a callee for."""

    def __init__(self, pointer: Any, function_type: Any) -> None:
        self.type = POINTER
        self.function_type = function_type
        self.get_reference = pointer.get_reference


def _kind_of(value: Value) -> str:
    return "address" if isinstance(value, Address) else "int" if isinstance(value, Int) else "real"
