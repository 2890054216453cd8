"""What this processor can do at most: fused multiply-adds a second, and bytes read a second.

A fraction of peak is worth as much as the peak it refers to, so both figures are measured, in the
same run as whatever is compared with them, rather than worked out from a data sheet and a clock
rate that is not known.  The kernels are loops of LLVM vector instructions of the host's width with
more independent chains than the processor can have in flight, so that neither latency nor memory
holds them up.  (No current core needs more than 16 chains, 4 cycles of latency times 4 units: A.
Fog, "Instruction tables", https://www.agner.org/optimize/instruction_tables.pdf; D. Johnson, "Apple
M1 Microarchitecture Research", https://dougallj.github.io/applecpu/firestorm.html.)
"""

import functools
import platform
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import DTypeLike

# What Numba says of their types does not cover what is done with them here.
_config: Any = numba.config
_cgutils: Any = cgutils

_I64, _F64 = ir.IntType(64), ir.DoubleType()
_CACHE_LINE = 64
_READ_CHAINS = 8
_CALIBRATION_NS = 1_000_000
_CALIBRATION_RUNS = 4


def unavailable() -> str | None:
    """Return why nothing can be measured here, or None where it can.

    Without hardware FMA the instruction becomes a call into the C library, some thirty times slower
    than separate multiplications and additions: a "peak" that every program would exceed.
    """
    if _config.DISABLE_JIT:
        return "NUMBA_DISABLE_JIT is set, and the measuring loop must be compiled"
    if _vector_bits() is None:
        return "this processor has no vector fused multiply-add that is known here"
    return None


class FmaPeak:
    """The rate of fused multiply-adds with all operands in registers, on `threads` threads at once.

    Parameters
    ----------
    dtype : dtype
        float32 or float64.
    threads : int
        How many threads run the loop at the same time.
    seconds : float
        How long one sample takes.

    Raises
    ------
    ValueError
        If `dtype` is another.
    RuntimeError
        If `unavailable` gives a reason.
    """

    def __init__(self, dtype: DTypeLike, threads: int = 1, seconds: float = 0.02) -> None:
        self.dtype, self.threads = np.dtype(dtype), threads
        self._loop, self._operations = _fma_loop(self.dtype.name, _host_vector_bits())
        self._iterations = _calibrate(lambda n: self._loop(n, 0.75, 0.25), seconds)

    def sample(self) -> float:
        """Measure once; return operations a second, a multiply-add counted as two."""
        seconds = _together(self.threads, lambda _: self._loop(self._iterations, 0.75, 0.25))
        return self.threads * self._iterations * self._operations / seconds


class ReadBandwidth:
    """The rate at which threads read a working set again and again, each thread its own share.

    The figure is that of whichever cache holds the share: a bound for weights that a network reads
    once a call and that were in that cache already.

    Parameters
    ----------
    num_bytes : int
        The working set of all threads together, rounded up to whole blocks of vectors.
    threads : int
        How many threads share it.
    seconds : float
        How long one sample takes.

    Raises
    ------
    RuntimeError
        If `unavailable` gives a reason.
    """

    def __init__(self, num_bytes: int, threads: int = 1, seconds: float = 0.02) -> None:
        self.threads = threads
        self._loop, block = _read_loop(_host_vector_bits())
        self._blocks = max(1, -(-num_bytes // (block * threads)))
        self._share = self._blocks * block
        self._memory = np.ones(threads * self._share + _CACHE_LINE, np.uint8)
        self._start = -(-self._memory.ctypes.data // _CACHE_LINE) * _CACHE_LINE
        self._passes = _calibrate(lambda n: self._read(0, n), seconds)

    def _read(self, thread: int, passes: int) -> None:
        self._loop(self._start + thread * self._share, self._blocks, passes)

    def sample(self) -> float:
        """Measure once; return bytes a second of all threads together."""
        seconds = _together(self.threads, lambda thread: self._read(thread, self._passes))
        return self.threads * self._passes * self._share / seconds


def _calibrate(run: Callable[[int], Any], seconds: float) -> int:
    """Return the count `n` for which `run(n)` takes about `seconds`.

    The shortest of a few runs counts: one that the scheduler interrupts looks a thousand times as
    slow as it is, and a sample of a thousandth of the work would measure the start of threads.
    """
    n = 1
    while True:
        taken = min(_nanoseconds(run, n) for _ in range(_CALIBRATION_RUNS))
        if taken >= _CALIBRATION_NS:
            return max(1, round(n * seconds * 1e9 / taken))
        n *= 2


def _nanoseconds(run: Callable[[int], Any], n: int) -> int:
    start = time.perf_counter_ns()
    run(n)
    return time.perf_counter_ns() - start


def _together(threads: int, work: Callable[[int], Any]) -> float:
    """Run ``work(i)`` in all threads at once; return seconds from first start to last end.

    The caller is one of the threads: cores differ from one moment to the next, and what a single
    thread reaches says something only about the core that the caller itself runs on.
    """
    barrier = threading.Barrier(threads)

    def timed(index: int) -> tuple[int, int]:
        barrier.wait()
        start = time.perf_counter_ns()
        work(index)
        return start, time.perf_counter_ns()

    if threads == 1:
        spans = [timed(0)]
    else:
        with ThreadPoolExecutor(threads - 1) as pool:
            others = pool.map(timed, range(1, threads))
            spans = [timed(0), *others]
    return (max(end for _, end in spans) - min(start for start, _ in spans)) * 1e-9


def _vector_bits() -> int | None:
    """Return the widest vector with fused multiply-add that Numba compiles for, or None."""
    if platform.machine().lower() in ("aarch64", "arm64"):
        return 128  # part of every ARMv8-A core's Advanced SIMD
    flags = _config.CPU_FEATURES
    if flags is None:
        try:
            flags = llvmlite.binding.get_host_cpu_features().flatten()
        except RuntimeError:  # LLVM cannot tell on this system
            return None
    present = {flag[1:] for flag in flags.split(",") if flag.startswith("+")}
    if "avx512f" in present:
        return 512
    return 256 if "fma" in present else None


def _host_vector_bits() -> int:
    reason = unavailable()
    bits = _vector_bits()
    if reason is not None or bits is None:
        raise RuntimeError(reason)
    return bits


def _accumulators(builder: Any, values: list[Any]) -> list[Any]:
    """Return stack slots holding `values`; LLVM turns them into registers."""
    return [_cgutils.alloca_once_value(builder, value) for value in values]


def _total(builder: Any, slots: list[Any], add: str, lanes: int) -> Any:
    """Return the sum of all lanes of all `slots`, so that no lane's work can be left out."""
    plus = getattr(builder, add)
    vector = functools.reduce(plus, [builder.load(slot) for slot in slots])
    each = [builder.extract_element(vector, ir.Constant(ir.IntType(32), i)) for i in range(lanes)]
    return functools.reduce(plus, each)


@functools.cache
def _fma_loop(dtype: str, bits: int) -> tuple[Callable[[int, float, float], float], int]:
    """Return the compiled loop ``f(iterations, x, y)`` and the operations of one iteration."""
    chains = 12 if bits == 256 else 24  # of 16 and 32 vector registers
    if dtype not in ("float32", "float64"):
        raise ValueError(f"expected float32 or float64, got {dtype}")
    scalar, width = (ir.FloatType(), 32) if dtype == "float32" else (_F64, 64)
    lanes = bits // width
    vector = ir.VectorType(scalar, lanes)
    intrinsic_name = f"llvm.fma.v{lanes}f{width}"

    @intrinsic
    def chained(_context: Any, iterations: Any, x: Any, y: Any) -> Any:  # noqa: ARG001
        def codegen(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
            count, *factors = args
            fma = _cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(vector, [vector] * 3), intrinsic_name
            )
            if width == 32:
                factors = [builder.fptrunc(factor, scalar) for factor in factors]
            x, y = (_splat(builder, factor, vector) for factor in factors)
            # Different starting values, or LLVM merges the chains into one.
            start = [ir.Constant(vector, [float(i)] * lanes) for i in range(chains)]
            slots = _accumulators(builder, start)
            with _cgutils.for_range(builder, count):
                for slot in slots:
                    builder.store(builder.call(fma, [builder.load(slot), x, y]), slot)
            total = _total(builder, slots, "fadd", lanes)
            return builder.fpext(total, _F64) if width == 32 else total

        return types.float64(types.int64, types.float64, types.float64), codegen

    chains_of_fma: Any = chained  # called with values, not with the types above

    @numba.njit("float64(int64, float64, float64)", nogil=True)
    def loop(iterations: int, x: float, y: float) -> Any:
        return chains_of_fma(iterations, x, y)

    return loop, 2 * lanes * chains


@functools.cache
def _read_loop(bits: int) -> tuple[Callable[[int, int, int], int], int]:
    """Return the compiled loop ``f(address, blocks, passes)`` and the bytes of a block."""
    lanes, step = bits // 64, bits // 8
    vector = ir.VectorType(_I64, lanes)
    block = step * _READ_CHAINS

    @intrinsic
    def sum_of_words(_context: Any, address: Any, blocks: Any) -> Any:  # noqa: ARG001
        def codegen(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
            address, blocks = args
            slots = _accumulators(builder, [ir.Constant(vector, [0] * lanes)] * _READ_CHAINS)
            with _cgutils.for_range(builder, blocks) as pass_:
                base = builder.add(address, builder.mul(pass_.index, _I64(block)))
                for i, slot in enumerate(slots):
                    place = builder.inttoptr(
                        builder.add(base, _I64(i * step)), ir.PointerType(vector)
                    )
                    loaded = builder.load(place)
                    loaded.align = step
                    builder.store(builder.add(builder.load(slot), loaded), slot)
            return _total(builder, slots, "add", lanes)

        return types.int64(types.int64, types.int64), codegen

    one_pass: Any = sum_of_words  # called with values, not with the types above

    @numba.njit("int64(int64, int64, int64)", nogil=True)
    def loop(address: int, blocks: int, passes: int) -> Any:
        total = 0
        for i in range(passes):
            # `i` in the sum keeps LLVM from reading once and multiplying by `passes`.
            total ^= one_pass(address, blocks) + i
        return total

    return loop, block


def _splat(builder: Any, value: Any, vector: Any) -> Any:
    """Return a vector with `value` in every lane."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
    return builder.shuffle_vector(first, undefined, mask)
